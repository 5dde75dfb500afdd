/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page.c: the page pool: whole pages for slabs and page tables.
 *
 * The truth about a page is the kind in its descriptor (slab_def.h: enum page_kind):
 *   FREE     in the pool                 -> TAKEN by page_alloc, CACHED by a magazine refill (pool
 *                                          lock)
 *   TAKEN    between two uses; owner     -> any kind by its owner, FREE by page_free (pool lock)
 *   CACHED   in owner's page magazine    -> the kind asked for by page_alloc, FREE by a flush
 *   SLAB     head of a slab              -> RETIRED (typesafe) or TAKEN by slab.c (cache lock)
 *   TAIL     follows a head              -> FREE after its head; without a head: by the sweep
 *   TABLE    a page table                -> CACHED or TAKEN by page_free
 *   RETIRED  waits for a grace period    -> TAKEN, then FREE by the RCU callback; FREE by the
 *                                          sweep, when its owner died before it retired it
 *   A dead owner leaves TAKEN pages, and CACHED ones in its magazine or between magazine and use;
 *   page_pool_sweep finds all of them.
 *
 * pages_populated: how many pages have memory; one store after the memory is there (pool lock),
 * so a dead grower leaves memory that is taken again, at no cost. hint[] and pages_free are
 * derived.
 *
 * The pool lock orders contents: who frees a page writes before the lock is released, who takes
 * it reads after it is acquired (MUTEX-1).
 */
#include <stdlib.h>

#include "vmalab/account.h"
#include "vmalab/participant.h"
#include "vmalab/rcu.h"
#include "vmalab/slab.h"

#define POPULATE_CHUNK 256 /* pages that get memory at a time */

static u8 kind_of(const struct page_desc *desc)
{
	return load_relaxed_u8(&desc->kind); /* relaxed: own page, or pool lock, or a guess */
}

static void set_kind(struct page_desc *desc, u8 kind)
{
	/* release: the rest of the descriptor is there for who looks without a lock */
	store_release_u8(&desc->kind, kind);
}

static struct page_desc *desc_of(const struct vl_seg *seg, u32 index)
{
	VL_ASSERT(index < seg->hdr->pages.pages_total);
	return &seg->page_descs[index];
}

static void *page_address(const struct vl_seg *seg, u32 index)
{
	return seg->pages + ((u64)index << PAGE_SHIFT);
}

void page_pool_rebuild(struct vl_seg *seg)
{
	struct page_pool *pool = &seg->hdr->pages;
	u32 free = 0;

	for (u32 i = 0; i < pool->pages_populated; i++)
		free += kind_of(&seg->page_descs[i]) == PAGE_FREE;
	store_relaxed_u32(&pool->pages_free, free);
	for (u32 order = 0; order < ARRAY_SIZE(pool->hint); order++)
		pool->hint[order] = 0;
}

static void pool_lock(struct participant *self)
{
	if (mutex_lock(self, &self->seg->hdr->pages.lock) == MUTEX_STOLEN)
		page_pool_rebuild(self->seg);
}

static void pool_unlock(struct participant *self)
{
	mutex_unlock(self, &self->seg->hdr->pages.lock);
}

/* Memory for the next chunk of pages. Pool lock. */
static bool grow(struct vl_seg *seg)
{
	struct page_pool *pool = &seg->hdr->pages;
	u32 from = pool->pages_populated, to = from + POPULATE_CHUNK;
	u64 descs = seg->hdr->regions[REGION_PAGE_DESCS].off;

	if (to > pool->pages_total)
		to = pool->pages_total;
	if (from == to ||
	    seg_populate(seg, descs + (u64)from * sizeof(struct page_desc),
			 (u64)(to - from) * sizeof(struct page_desc)) != 0 ||
	    seg_populate(seg, (u64)(seg->pages - seg->base) + ((u64)from << PAGE_SHIFT),
			 (u64)(to - from) << PAGE_SHIFT) != 0)
		return false;
	store_relaxed_u32(&pool->pages_free, pool->pages_free + (to - from));
	/* release: who scans descriptors without the lock finds memory there */
	store_release_u32(&pool->pages_populated, to);
	return true;
}

/* A free run of 1 << order pages, aligned to its length. Pool lock. UINT32_MAX: none. */
static u32 find_run(struct vl_seg *seg, u32 order)
{
	struct page_pool *pool = &seg->hdr->pages;
	u32 length = 1u << order, i = (u32)ALIGN_UP(pool->hint[order], length), n;

	for (;; i += length) {
		while (i + length > pool->pages_populated) {
			if (!grow(seg)) {
				pool->hint[order] = i;
				return UINT32_MAX;
			}
		}
		for (n = 0; n < length && kind_of(&seg->page_descs[i + n]) == PAGE_FREE; n++)
			;
		if (n == length)
			break;
	}
	pool->hint[order] = i;
	return i;
}

static void run_free(struct vl_seg *seg, u32 index)
{
	struct page_pool *pool = &seg->hdr->pages;
	const struct page_desc *head = &seg->page_descs[index];
	u32 length = kind_of(head) == PAGE_TAIL ? 1 : 1u << head->order;

	/* Head first: a kill in between leaves tails without a head, which nobody takes and the
	 * sweep finds. A head whose tails are free already would be freed together with their new
	 * owners. */
	for (u32 i = 0; i < length; i++) {
		struct page_desc *desc = desc_of(seg, index + i);

		desc->order = 0;
		desc->owner = 0;
		set_kind(desc, PAGE_FREE);
	}
	store_relaxed_u32(&pool->pages_free, pool->pages_free + length);
	for (u32 o = 0; o < ARRAY_SIZE(pool->hint); o++) {
		u32 first = index & ~((1u << o) - 1);

		if (first < pool->hint[o])
			pool->hint[o] = first;
	}
}

static bool magazine_refill(struct participant *self)
{
	struct participant_area *area = self->area;
	struct vl_seg *seg = self->seg;
	u32 index;

	pool_lock(self);
	while (area->page_count < PAGE_MAGAZINE / 2) {
		index = find_run(seg, 0);
		if (index == UINT32_MAX)
			break;
		seg->page_descs[index].owner = self->index + 1;
		seg->page_descs[index].order = 0;
		set_kind(&seg->page_descs[index], PAGE_CACHED);
		store_relaxed_u32(&seg->hdr->pages.pages_free, seg->hdr->pages.pages_free - 1);
		area->pages[area->page_count] = index;
		compiler_barrier();
		store_relaxed_u32(&area->page_count, area->page_count + 1);
	}
	pool_unlock(self);
	return area->page_count != 0;
}

static void magazine_flush(struct participant *self, u32 keep)
{
	struct participant_area *area = self->area;

	pool_lock(self);
	while (area->page_count > keep) {
		u32 index = area->pages[area->page_count - 1];

		VL_ASSERT(kind_of(desc_of(self->seg, index)) == PAGE_CACHED);
		store_relaxed_u32(&area->page_count, area->page_count - 1);
		compiler_barrier();
		run_free(self->seg, index);
	}
	pool_unlock(self);
}

void page_magazine_flush(struct participant *self)
{
	if (self->area->page_count)
		magazine_flush(self, 0);
}

void page_magazine_reclaim(struct participant *self, u32 owner_index)
{
	struct participant_area *area = participant_area_of(self->seg, owner_index);

	while (area->page_count) {
		store_relaxed_u32(&area->page_count, area->page_count - 1);
		compiler_barrier();
		run_free(self->seg, area->pages[area->page_count]);
	}
}

static u32 alloc_one(struct participant *self)
{
	struct participant_area *area = self->area;
	u32 index;

	if (area->page_count == 0 && !magazine_refill(self))
		return UINT32_MAX;
	index = area->pages[area->page_count - 1];
	VL_ASSERT(kind_of(desc_of(self->seg, index)) == PAGE_CACHED);
	store_relaxed_u32(&area->page_count, area->page_count - 1);
	return index;
}

static u32 alloc_run(struct participant *self, u32 order)
{
	struct vl_seg *seg = self->seg;
	u32 index;

	pool_lock(self);
	index = find_run(seg, order);
	if (index != UINT32_MAX) {
		struct page_desc *head = &seg->page_descs[index];

		/* Tails first, for the same reason as in run_free. */
		for (u32 i = 1; i < 1u << order; i++) {
			seg->page_descs[index + i].owner = index;
			set_kind(&seg->page_descs[index + i], PAGE_TAIL);
		}
		head->order = (u8)order;
		head->owner = self->index + 1;
		set_kind(head, PAGE_TAKEN);
		store_relaxed_u32(&seg->hdr->pages.pages_free,
				  seg->hdr->pages.pages_free - (1u << order));
	}
	pool_unlock(self);
	return index;
}

u32 page_alloc(struct participant *self, u32 order, u8 kind, u32 owner)
{
	struct page_desc *desc;
	u32 index;

	VL_ASSERT(order <= SLAB_ORDER_MAX);
	index = order == 0 ? alloc_one(self) : alloc_run(self, order);
	if (index == UINT32_MAX) {
		const struct seg_header *hdr = self->seg->hdr;

		/* relaxed: a reason for a message. The file of the segment is sparse. */
		if (load_relaxed_u32(&hdr->pages.pages_populated) < hdr->pages.pages_total)
			limit_note(self, VL_LIMIT_MACHINE_MEMORY, 0, 0);
		else
			limit_note(self, VL_LIMIT_SIZE_BYTES, hdr->config.size_bytes, 0);
		return UINT32_MAX;
	}
	memset(page_address(self->seg, index), 0, PAGE_SIZE << order);
	desc = &self->seg->page_descs[index];
	desc->owner = owner;
	set_kind(desc, kind);
	return index;
}

void page_free(struct participant *self, u32 index)
{
	struct participant_area *area = self->area;
	struct page_desc *desc = desc_of(self->seg, index);
	u8 kind = kind_of(desc);

	VL_ASSERT(kind == PAGE_TAKEN || kind == PAGE_TABLE || kind == PAGE_RETIRED);
	desc->owner = self->index + 1;
	if (desc->order != 0) {
		set_kind(desc, PAGE_TAKEN);
		pool_lock(self);
		run_free(self->seg, index);
		pool_unlock(self);
		return;
	}
	set_kind(desc, PAGE_CACHED);
	if (area->page_count == PAGE_MAGAZINE)
		magazine_flush(self, PAGE_MAGAZINE / 2);
	area->pages[area->page_count] = index;
	compiler_barrier();
	store_relaxed_u32(&area->page_count, area->page_count + 1);
}

/* --- recovery --- */

static bool in_magazine(const struct vl_seg *seg, u32 owner, u32 page)
{
	const struct participant_area *area = participant_area_of(seg, owner);

	for (u32 i = 0; i < area->page_count; i++) {
		if (area->pages[i] == page)
			return true;
	}
	return false;
}

/* Marks the pages in all retire rings: in one of the dead is only what nobody could adopt yet. */
static void mark_rings(const struct vl_seg *seg, u8 *retired)
{
	for (u32 p = 0; p < load_acquire_u32(&seg->hdr->slots_high); p++) {
		const struct participant_area *area = participant_area_of(seg, p);

		for (u32 at = area->retire_head; at != area->retire_tail;
		     at = place_next(at, RETIRE_RING)) {
			const struct retired *r = &area->retired[at % RETIRE_RING];

			if (r->kind == RETIRE_PAGE && r->ref < seg->hdr->pages.pages_populated)
				retired[r->ref] = 1;
		}
	}
}

static bool orphan_tail(const struct vl_seg *seg, u32 page)
{
	u32 head = seg->page_descs[page].owner;
	const struct page_desc *desc = &seg->page_descs[head];
	u8 kind = kind_of(desc);

	return head >= page || page - head >= 1u << desc->order || kind == PAGE_FREE ||
	       kind == PAGE_TAIL;
}

enum verdict { KEEP, GIVE_BACK };

static enum verdict judge(const struct vl_seg *seg, u32 page, const u8 *retired,
			  const struct dead_set *dead, page_live_fn live, void *arg)
{
	const struct page_desc *desc = &seg->page_descs[page];
	u32 owner = desc->owner - 1;

	switch (kind_of(desc)) {
	case PAGE_TAKEN: /* the living are outside page.c and slab.c now */
		return GIVE_BACK;
	case PAGE_CACHED:
		return owner < load_acquire_u32(&seg->hdr->slots_high) &&
				       among_living(seg, dead, owner) &&
				       in_magazine(seg, owner, page)
			       ? KEEP
			       : GIVE_BACK;
	case PAGE_TAIL:
		return orphan_tail(seg, page) ? GIVE_BACK : KEEP;
	case PAGE_TABLE:
		return live && live(arg, page) ? KEEP : GIVE_BACK;
	case PAGE_RETIRED:
		/* One that was to be retired: no section of the core is open, and nobody else
		 * looks at pages of its caches. To retire it could mean to wait. */
		return retired[page] ? KEEP : GIVE_BACK;
	default:
		return KEEP;
	}
}

long page_pool_sweep(struct participant *self, const struct dead_set *dead, page_live_fn live,
		     void *arg)
{
	struct vl_seg *seg = self->seg;
	u32 populated = seg->hdr->pages.pages_populated;
	u8 *retired = calloc(populated + 1, 1);
	long n = 0;

	if (!retired)
		return -ENOMEM;
	mark_rings(seg, retired);
	for (u32 page = 0; page < populated; page++) {
		enum verdict verdict = judge(seg, page, retired, dead, live, arg);

		n += verdict != KEEP;
		if (verdict == GIVE_BACK)
			run_free(seg, page);
	}
	free(retired);
	page_pool_rebuild(seg);
	return n;
}
