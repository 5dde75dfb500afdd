/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_check.c: looking at slabs from outside: validity of references, numbers, the sweep of
 * recovery. Owns no word; the sweep writes bitmaps while the world is stopped.
 */
#include <stdlib.h>

#include "slab_internal.h"

/* A reference of a packed cache is rounded down by 8 bytes when the object starts between two: the
 * object is the one that starts in [ref * 16, ref * 16 + 16). Objects are at least 16 bytes
 * apart. */
static struct slab_place place_of_ref(const struct vl_seg *seg, const struct kmem_cache *c,
				      vl_ref ref)
{
	u64 off = (u64)ref << REF_SHIFT;
	struct slab_place at = slab_place(seg, c, off);

	if (!at.exact && c->slot_bytes % 16 != 0)
		at = slab_place(seg, c, off + 8);
	if (!at.exact)
		at.page = UINT32_MAX;
	return at;
}

/* The cache in whose slabs the objects of this one are. */
static const struct kmem_cache *cache_of(const struct vl_seg *seg, u32 cache)
{
	return &seg->hdr->caches[kmem_cache_root(seg, cache)];
}

bool kmem_cache_owns(const struct vl_seg *seg, u32 cache, vl_ref ref)
{
	return cache < KMEM_CACHES_MAX && cache_of(seg, cache)->alive &&
	       place_of_ref(seg, cache_of(seg, cache), ref).page != UINT32_MAX;
}

bool kmem_cache_is_free(const struct vl_seg *seg, u32 cache, vl_ref ref)
{
	struct slab_place at = place_of_ref(seg, cache_of(seg, cache), ref);

	VL_ASSERT(at.page != UINT32_MAX);
	return load_relaxed_u64(&seg->page_descs[at.page].free[at.index / 64]) >> (at.index % 64) &
	       1;
}

vl_ref kmem_cache_object_at(const struct vl_seg *seg, u32 cache, u64 off)
{
	const struct kmem_cache *c = cache_of(seg, cache);
	struct slab_place at = slab_place(seg, c, off);
	const u8 *base;

	if (at.page == UINT32_MAX)
		return 0;
	base = seg->pages + ((u64)at.page << PAGE_SHIFT);
	return vl_ref_of(seg, base + (u64)at.index * c->slot_bytes);
}

void *kmem_cache_object(const struct vl_seg *seg, u32 cache, vl_ref ref)
{
	const struct kmem_cache *c = cache_of(seg, cache);
	struct slab_place at;

	if (c->slot_bytes % 16 == 0)
		return vl_ptr(seg, ref);
	at = place_of_ref(seg, c, ref);
	VL_ASSERT(at.page != UINT32_MAX);
	return seg->pages + ((u64)at.page << PAGE_SHIFT) + (u64)at.index * c->slot_bytes;
}

/* The first of n objects, from the lowest, whose free pointer does not name the one below it; n:
 * there is none, or the cache has no free pointers. */
static u32 chain_broken_at(const struct vl_seg *seg, const struct kmem_cache *c, const vl_ref *objs,
			   u64 half, u32 n)
{
	u64 below = 0;

	for (u32 i = 0; i < n && c->freeptr; i++) {
		u64 off = slab_offset(objs[i], half >> i & 1);

		if (load_relaxed_u64(slab_freeptr(seg, c->freeptr, off)) !=
		    slab_freeptr_code(off, below))
			return i;
		below = off;
	}
	return n;
}

vl_ref kmem_magazine_broken_at(const struct vl_seg *seg, u32 cache, const struct magazine *m)
{
	const struct kmem_cache *c = &seg->hdr->caches[cache];
	u32 i = chain_broken_at(seg, c, m->objs, m->half, m->count);

	return i < m->count ? m->objs[i] : 0;
}

u32 kmem_barn_objs(const struct vl_seg *seg, u32 cache)
{
	return seg->hdr->caches[cache].barn_full * slab_sheaf_objs(seg);
}

vl_ref kmem_barn_object(const struct vl_seg *seg, u32 cache, u32 i, bool *broken)
{
	const struct kmem_cache *c = &seg->hdr->caches[cache];
	u32 n = slab_sheaf_objs(seg), at = i % n;
	const struct sheaf *s = &c->barn[i / n];

	*broken = chain_broken_at(seg, c, s->objs, s->half, n) == at;
	return s->objs[at];
}

void kmem_cache_numbers(const struct vl_seg *seg, u32 cache, struct slab_numbers *out)
{
	const struct kmem_cache *c = &seg->hdr->caches[cache];
	u32 populated = load_acquire_u32(&seg->hdr->pages.pages_populated);
	u64 free = 0, firsts;

	memset(out, 0, sizeof(*out));
	for (u32 page = 0; page < populated; page++) {
		const struct page_desc *desc = &seg->page_descs[page];
		u32 n;

		if (load_acquire_u8(&desc->kind) != PAGE_SLAB || desc->cache != cache)
			continue;
		n = slab_free_count(desc);
		out->num_slabs++;
		out->active_slabs += n != c->objs_per_slab;
		free += n;
	}
	out->allocs = load_relaxed_u64(&c->gone_allocs);
	out->frees = load_relaxed_u64(&c->gone_frees);
	firsts = load_relaxed_u64(&c->gone_firsts);
	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		const struct magazine *m = &participant_area_of(seg, i)->magazines[cache];

		out->magazine_objs += load_relaxed_u32(&m->count);
		out->allocs += load_relaxed_u64(&m->allocs);
		out->frees += load_relaxed_u64(&m->frees);
		firsts += load_relaxed_u64(&m->firsts);
	}
	out->reuses = out->allocs > firsts ? out->allocs - firsts : 0;
	out->magazine_objs += load_relaxed_u32(&c->barn_full) * slab_sheaf_objs(seg);
	out->num_objs = out->num_slabs * c->objs_per_slab;
	/* Others move objects while we count: exact only when nobody does. */
	if (out->num_objs > free + out->magazine_objs)
		out->active_objs = out->num_objs - free - out->magazine_objs;
}

static void mark_object(const struct vl_seg *seg, const struct kmem_cache *c, vl_ref ref,
			u64 *marks)
{
	struct slab_place at = place_of_ref(seg, c, ref);

	VL_ASSERT(at.page != UINT32_MAX);
	marks[at.page * 2 + at.index / 64] |= 1ull << (at.index % 64);
}

static void mark_barn(const struct vl_seg *seg, const struct kmem_cache *c, u64 *marks)
{
	for (u32 s = 0; s < c->barn_full; s++)
		for (u32 i = 0; i < slab_sheaf_objs(seg); i++)
			mark_object(seg, c, c->barn[s].objs[i], marks);
}

/* Sets the bit of every object in a magazine of the living. marks: two words per page. */
static void mark_magazines(const struct vl_seg *seg, const struct kmem_cache *c,
			   const struct dead_set *dead, u64 *marks)
{
	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		const struct magazine *m = &participant_area_of(seg, i)->magazines[c->index];

		if (m->count == 0 || !among_living(seg, dead, i))
			continue;
		for (u32 k = 0; k < m->count; k++)
			mark_object(seg, c, m->objs[k], marks);
	}
}

long kmem_cache_sweep(struct vl_seg *seg, u32 cache, const struct dead_set *dead, kmem_live_fn live,
		      void *arg)
{
	const struct kmem_cache *c = &seg->hdr->caches[cache];
	u32 populated = seg->hdr->pages.pages_populated;
	u64 *marks = calloc((size_t)populated * 2 + 2, sizeof(*marks));
	long freed = 0;

	if (!marks)
		return -ENOMEM;
	mark_magazines(seg, c, dead, marks);
	mark_barn(seg, c, marks);
	for (u32 page = 0; page < populated; page++) {
		struct page_desc *desc = &seg->page_descs[page];
		u8 *base = seg->pages + ((u64)page << PAGE_SHIFT);

		if (desc->kind != PAGE_SLAB || desc->cache != cache)
			continue;
		for (u32 i = 0; i < c->objs_per_slab; i++) {
			u64 bit = 1ull << (i % 64);
			u32 w = i / 64;

			if ((desc->free[w] | marks[page * 2 + w]) & bit ||
			    live(arg, vl_ref_of(seg, base + (u64)i * c->slot_bytes)))
				continue;
			desc->used[w] |= bit;
			desc->free[w] |= bit;
			freed++;
		}
	}
	free(marks);
	kmem_cache_rebuild(seg, cache);
	return freed;
}
