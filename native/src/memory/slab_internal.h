/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_internal.h: what slab.c and slab_check.c share: where an object lies in its slab.
 */
#ifndef VMALAB_SLAB_INTERNAL_H
#define VMALAB_SLAB_INTERNAL_H

#include "vmalab/participant.h"
#include "vmalab/slab.h"

/* Cache lock; rebuilds the list when a dead owner's lock was taken over. */
void slab_cache_lock(struct participant *self, struct kmem_cache *c);

/* From the start of the segment; half: the object starts 8 bytes after its reference. */
static inline u64 slab_offset(vl_ref ref, u64 half)
{
	return ((u64)ref << REF_SHIFT) + half * 8;
}

/* The free pointer of the object at off; freeptr: of its cache, not 0. */
static inline u64 *slab_freeptr(const struct vl_seg *seg, u32 freeptr, u64 off)
{
	return (u64 *)(seg->base + off) + (freeptr - 1);
}

/* What stands in the free pointer of the object at `own` that lies on the one at `below`, or on
 * none (0): never the same for two places. */
static inline u64 slab_freeptr_code(u64 own, u64 below)
{
	return below ^ __builtin_bswap64(own);
}

/* Objects of a sheaf: half of what a magazine may have. */
static inline u32 slab_sheaf_objs(const struct vl_seg *seg)
{
	u32 limit = seg->hdr->config.slab_magazine;

	return (limit ? limit : MAGAZINE_SIZE) / 2;
}

static inline u64 slab_sheaf_mask(u32 n)
{
	return (1ull << n) - 1;
}

/* The bits of word w that stand for objects. */
static inline u64 slab_word_mask(const struct kmem_cache *c, u32 w)
{
	u32 bits = c->objs_per_slab > w * 64 ? c->objs_per_slab - w * 64 : 0;

	return bits >= 64 ? UINT64_MAX : (1ull << bits) - 1;
}

static inline u32 slab_free_count(const struct page_desc *desc)
{
	return (u32)(__builtin_popcountll(load_relaxed_u64(&desc->free[0])) +
		     __builtin_popcountll(load_relaxed_u64(&desc->free[1])));
}

struct slab_place {
	u32 page;   /* head of the slab, UINT32_MAX: not in a slab of this cache */
	u32 index;  /* of the object */
	bool exact; /* the offset is that of an object's start */
};

/* off: from the start of the segment. */
static inline struct slab_place slab_place(const struct vl_seg *seg, const struct kmem_cache *c,
					   u64 off)
{
	struct slab_place at = {UINT32_MAX, 0, false};
	u64 pages = (u64)(seg->pages - seg->base);
	u32 in;
	const struct page_desc *desc;
	u32 page;

	if (off < pages || (off - pages) >> PAGE_SHIFT >= seg->hdr->pages.pages_populated)
		return at;
	page = (u32)((off - pages) >> PAGE_SHIFT);
	desc = &seg->page_descs[page];
	if (load_acquire_u8(&desc->kind) == PAGE_TAIL) {
		page = desc->owner;
		if (page >= seg->hdr->pages.pages_populated)
			return at;
		desc = &seg->page_descs[page];
	}
	if (load_acquire_u8(&desc->kind) != PAGE_SLAB || desc->cache != c->index)
		return at;
	in = (u32)(off - pages - ((u64)page << PAGE_SHIFT));
	at.index = in / c->slot_bytes;
	at.exact = at.index * c->slot_bytes == in;
	if (at.index < c->objs_per_slab)
		at.page = page;
	return at;
}

#endif
