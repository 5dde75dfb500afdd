/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_sweep.c: after everything reachable is marked: what is allocated and not marked leaks;
 * counts are compared. find_* reports and changes nothing; repair_* frees what leaks, and sets
 * counts to what was found.
 */
#include <stdlib.h>

#include "vmalab/lock_model.h"
#include "walk.h"

static bool live_object(void *arg, vl_ref ref)
{
	return walk_marked(arg, ref);
}

static bool live_page(void *arg, u32 page)
{
	const struct walk *w = arg;

	return w->pages_marked[page] != 0;
}

static void find_in_slab(const struct walk *w, u32 page, const struct page_desc *desc)
{
	const struct kmem_cache *cache = &w->seg->hdr->caches[desc->cache];
	u8 *base = w->seg->pages + ((u64)page << PAGE_SHIFT);

	if (desc->cache >= CACHE_TEST0)
		return;
	for (u32 i = 0; i < cache->objs_per_slab; i++) {
		vl_ref ref = vl_ref_of(w->seg, base + (u64)i * cache->slot_bytes);
		bool is_free = kmem_cache_is_free(w->seg, desc->cache, ref);

		if (is_free && walk_marked(w, ref))
			complain(w, "%s %#x is reachable and free", cache->name, ref);
		if (is_free && desc->cache == CACHE_VMA)
			walk_free_vma(w, ref);
		if (!is_free && !walk_marked(w, ref))
			complain(w, "%s %#x is allocated and not reachable", cache->name, ref);
	}
}

/* Taken by the dead, or in a dead one's magazine. */
static bool page_lost(const struct walk *w, const struct page_desc *desc)
{
	if (desc->kind == PAGE_CACHED)
		return !desc->owner || !among_living(w->seg, w->dead, desc->owner - 1);
	return desc->kind == PAGE_TAKEN;
}

/* A page that nobody has: lost, or a table of no mm. */
static void find_in_page(const struct walk *w, u32 page, const struct page_desc *desc)
{
	bool table = desc->kind == PAGE_TABLE || desc->kind == PAGE_RETIRED;

	if (table ? !w->pages_marked[page] : page_lost(w, desc))
		complain(w, "page %u of kind %u is not reachable", page, desc->kind);
}

void walk_lost_pages(const struct walk *w, u32 from, u32 to)
{
	for (u32 page = from; page < to; page++)
		if (page_lost(w, &w->seg->page_descs[page]))
			complain(w, "page %u of kind %u is not reachable", page,
				 w->seg->page_descs[page].kind);
}

/* An anon_vma or a name, and what the walk has counted of it. False: nothing is wrong. */
static bool find_in_counts(const struct walk *w, u32 cache, vl_ref ref, const struct anon_counts *c)
{
	const struct anon_vma *anon = vl_ptr(w->seg, ref);
	const struct anon_vma_name *name = vl_ptr(w->seg, ref);

	if (cache == CACHE_NAME && name->refs != c->degree) {
		complain(w, "anon_vma_name %#x: refs %u, but %u users", ref, name->refs, c->degree);
		return true;
	}
	if (cache == CACHE_NAME ||
	    (anon->degree == c->degree && anon->num_active_vmas == c->active &&
	     anon->num_children == c->children))
		return false;
	complain(w, "anon_vma %#x: degree %u active %u children %u, but found %u %u %u", ref,
		 anon->degree, anon->num_active_vmas, anon->num_children, c->degree, c->active,
		 c->children);
	return true;
}

static void repair_counts(const struct walk *w, u32 cache, vl_ref ref, const struct anon_counts *c)
{
	struct anon_vma *anon = vl_ptr(w->seg, ref);
	struct anon_vma_name *name = vl_ptr(w->seg, ref);

	if (cache == CACHE_NAME) {
		name->refs = c->degree;
		return;
	}
	anon->degree = c->degree;
	anon->num_active_vmas = c->active;
	anon->num_children = c->children;
}

static void sweep_counts(const struct walk *w, u32 page, u32 cache)
{
	const struct kmem_cache *c = &w->seg->hdr->caches[cache];
	u8 *base = w->seg->pages + ((u64)page << PAGE_SHIFT);

	if (cache != CACHE_ANON_VMA && cache != CACHE_NAME)
		return;
	for (u32 i = 0; i < c->objs_per_slab; i++) {
		vl_ref ref = vl_ref_of(w->seg, base + (u64)i * c->slot_bytes);
		const struct anon_counts *counts = &w->anon[walk_granule(w, ref)];

		if (!walk_marked(w, ref) || counts->degree == 0) /* free, or in a magazine */
			continue;
		if (find_in_counts(w, cache, ref, counts) && w->repair)
			repair_counts(w, cache, ref, counts);
	}
}

/* Its pages are on their way out; who does that lives. */
static bool being_released(const struct walk *w, const struct file *file)
{
	return file->state == FILE_CLOSED && !file->refs &&
	       among_living(w->seg, w->dead, file->releaser - 1u);
}

/* want: the references that were found. False: nothing is wrong. */
static bool find_in_file_refs(const struct walk *w, const struct file *file, u32 index, u32 want)
{
	if (!file->state && w->file_refs[index]) {
		complain(w, "file %u is free and mapped by %u VMAs", index, w->file_refs[index]);
		return false; /* no repair knows it */
	}
	if (!file->state || (file->refs == want && want) || (!want && being_released(w, file)))
		return false;
	complain(w, "file %u (%s): refs %u, but %u VMAs and %u opens", index, file->name,
		 file->refs, w->file_refs[index], file_opens(file));
	return true;
}

static void repair_file_refs(struct walk *w, struct file *file, u32 want)
{
	file->refs = want;
	if (want)
		return;
	/* its pages and tables are found by the next pass, which the recoverer makes */
	file->cache = (struct pgd){0};
	file->state = 0;
	w->dropped = true;
}

static void sweep_files(struct walk *w)
{
	struct file *files = file_table(w->seg);

	for (u32 i = 0; i < w->seg->hdr->file_hint; i++) {
		u32 want = w->file_refs[i] + file_opens(&files[i]);

		if (find_in_file_refs(w, &files[i], i, want) && w->repair)
			repair_file_refs(w, &files[i], want);
	}
}

/* Where a frame without references is: in the pool, or in somebody's hands. */
static bool frame_lost(const struct walk *w, u32 f)
{
	return frame_refs(w->seg, f) == 0 && !w->frame_reserved[f] && !frame_pooled(w->seg, f);
}

/* What a depot has is free, and nowhere else: its word names one place, and no other has it. */
static void find_in_depots(const struct walk *w)
{
	const struct seg_header *hdr = w->seg->hdr;

	for (u32 depot = 0; depot < FRAME_DEPOTS; depot++) {
		for (u32 i = 0; i < hdr->frame_depots[depot].count; i++) {
			u32 f = frame_depot_at(w->seg, depot, i);

			if (f < FRAMES_FIRST || f >= hdr->frames.fresh)
				complain(w, "depot %u has frame %u, which cannot be", depot, f);
			else if (frame_refs(w->seg, f) != 0 || w->frame_reserved[f] ||
				 !frame_depot_names(w->seg, depot, i, f))
				complain(w, "depot %u has frame %u, which is in another place",
					 depot, f);
		}
	}
}

static void find_in_frames(const struct walk *w)
{
	find_in_depots(w);
	for (u32 f = FRAMES_FIRST; f < w->seg->hdr->frames.frames_populated; f++) {
		if (frame_refs(w->seg, f) != w->frame_refs[f])
			complain(w, "frame %u: count %u, but %u references", f,
				 frame_refs(w->seg, f), w->frame_refs[f]);
		else if (frame_lost(w, f))
			complain(w, "frame %u is free, and in no pool", f);
	}
}

/* What the dead had without a reference. References are recounted, in slices (recover_frames.c),
 * and charges with them; what the dead were charged in advance goes back now. */
static void repair_frames(const struct walk *w)
{
	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++) {
		if (!dead_set_has(w->dead, i))
			continue;
		frames_reclaim(w->seg, i, w->frame_reserved);
		account_reclaim(w->self, i);
	}
}

/* A leaked VMA goes back to the freed state first; its lock was repaired with all others.
 */
static void reset_vmas(const struct walk *w, u32 page)
{
	const struct kmem_cache *cache = &w->seg->hdr->caches[CACHE_VMA];
	u8 *base = w->seg->pages + ((u64)page << PAGE_SHIFT);

	for (u32 i = 0; i < cache->objs_per_slab; i++) {
		struct vm_area_struct *vma = (void *)(base + (u64)i * cache->slot_bytes);

		if (walk_marked(w, vl_ref_of(w->seg, vma)))
			continue;
		vma_lock_reset(vma);
		if (w->seg->hdr->config.slab_reset == SLAB_RESET_FREE)
			vma_to_ctor_state(vma);
	}
}

static void repair_leaks(struct walk *w)
{
	u64 freed[KMEM_CACHES_MAX] = {0};
	long n;

	for (u32 page = 0; page < w->seg->hdr->pages.pages_populated; page++)
		if (w->seg->page_descs[page].kind == PAGE_SLAB &&
		    w->seg->page_descs[page].cache == CACHE_VMA)
			reset_vmas(w, page);
	for (u32 c = 0; c < CACHE_TEST0; c++) {
		if (!w->seg->hdr->caches[c].alive)
			continue;
		n = kmem_cache_sweep(w->seg, c, w->dead, live_object, w);
		freed[c] = n > 0 ? (u64)n : 0;
		w->err = n < 0 ? (int)n : w->err;
	}
	n = page_pool_sweep(w->self, w->dead, live_page, w);
	w->err = n < 0 ? (int)n : w->err;
	if (!w->out)
		return;
	w->out->pages_freed += n > 0 ? (u64)n : 0;
	for (u32 c = 0; c < CACHE_TEST0; c++) {
		if (c == CACHE_VMA)
			w->out->vmas_freed += freed[c];
		else if (c == CACHE_NODE)
			w->out->nodes_freed += freed[c];
		else
			w->out->objects_freed += freed[c];
	}
}

/* What leaks is named. */
static void find_leaks(const struct walk *w)
{
	for (u32 page = 0; page < w->seg->hdr->pages.pages_populated; page++) {
		const struct page_desc *desc = &w->seg->page_descs[page];

		if (desc->kind == PAGE_SLAB)
			find_in_slab(w, page, desc);
		else
			find_in_page(w, page, desc);
	}
	find_in_frames(w);
}

void walk_sweep(struct walk *w)
{
	for (u32 page = 0; page < w->seg->hdr->pages.pages_populated; page++)
		if (w->seg->page_descs[page].kind == PAGE_SLAB)
			sweep_counts(w, page, w->seg->page_descs[page].cache);
	sweep_files(w);
	if (!w->repair) {
		find_leaks(w);
		return;
	}
	repair_frames(w);
	repair_leaks(w);
}
