/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_sweep.c: after everything reachable is marked: what is allocated and not marked leaks;
 * counts are compared. With repair the leaked is freed and the counts are set.
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

/* Repair: a leaked VMA goes back to the freed state first; its lock was repaired with all others.
 */
static void reset_vmas(struct walk *w, u32 page)
{
	struct vm_area_struct *vma = (void *)(w->seg->pages + ((u64)page << PAGE_SHIFT));

	for (u32 i = 0; i < w->seg->hdr->caches[CACHE_VMA].objs_per_slab; i++) {
		if (walk_marked(w, vl_ref_of(w->seg, &vma[i])))
			continue;
		vma_lock_reset(&vma[i]);
	}
}

static void check_slab(struct walk *w, u32 page, const struct page_desc *desc)
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
		if (!is_free && !walk_marked(w, ref))
			complain(w, "%s %#x is allocated and not reachable", cache->name, ref);
	}
}

/* A page that nobody has: taken by the dead, in a dead one's magazine, or a table of no mm. */
static void check_page(struct walk *w, u32 page, const struct page_desc *desc)
{
	bool lost = desc->kind == PAGE_TAKEN;

	if (desc->kind == PAGE_TABLE || desc->kind == PAGE_RETIRED)
		lost = !w->pages_marked[page];
	else if (desc->kind == PAGE_CACHED)
		lost = !desc->owner || !among_living(w->seg, w->dead, desc->owner - 1);
	if (lost)
		complain(w, "page %u of kind %u is not reachable", page, desc->kind);
}

static void sweep_anon(struct walk *w, u32 page, const struct page_desc *desc)
{
	const struct kmem_cache *cache = &w->seg->hdr->caches[desc->cache];
	u8 *base = w->seg->pages + ((u64)page << PAGE_SHIFT);

	for (u32 i = 0; i < cache->objs_per_slab; i++) {
		void *object = base + (u64)i * cache->slot_bytes;
		vl_ref ref = vl_ref_of(w->seg, object);
		const struct anon_counts *c = &w->anon[walk_granule(w, ref)];
		struct anon_vma *anon = object;
		struct anon_vma_name *name = object;

		if (!walk_marked(w, ref) || c->degree == 0) /* free, or in a magazine */
			continue;
		if (desc->cache == CACHE_NAME) {
			if (w->repair)
				name->refs = c->degree;
			else if (name->refs != c->degree)
				complain(w, "anon_vma_name %#x: refs %u, but %u users", ref,
					 name->refs, c->degree);
		} else if (w->repair) {
			anon->degree = c->degree;
			anon->num_active_vmas = c->active;
			anon->num_children = c->children;
		} else if (anon->degree != c->degree || anon->num_active_vmas != c->active ||
			   anon->num_children != c->children) {
			complain(
				w,
				"anon_vma %#x: degree %u active %u children %u, but found %u %u %u",
				ref, anon->degree, anon->num_active_vmas, anon->num_children,
				c->degree, c->active, c->children);
		}
	}
}

static void sweep_files(struct walk *w)
{
	struct file *files = file_table(w->seg);

	for (u32 i = 0; i < w->seg->hdr->file_hint; i++) {
		u32 want = w->file_refs[i] + file_opens(&files[i]);

		if (!files[i].state) {
			if (w->file_refs[i])
				complain(w, "file %u is free and mapped by %u VMAs", i,
					 w->file_refs[i]);
			continue;
		}
		if (files[i].refs == want && want)
			continue;
		if (!w->repair) {
			complain(w, "file %u (%s): refs %u, but %u VMAs and %u opens", i,
				 files[i].name, files[i].refs, w->file_refs[i],
				 file_opens(&files[i]));
			continue;
		}
		files[i].refs = want;
		if (!want) /* its pages and tables are found by the next pass, which the recoverer
			      makes */
			files[i].cache = (struct pgd){0}, files[i].state = 0, w->dropped = true;
	}
}

static void sweep_frames(struct walk *w)
{
	u32 populated = w->seg->hdr->frames.frames_populated;
	u64 fixed;

	if (w->repair) {
		fixed = frame_rebuild(w->seg, w->frame_refs, w->frame_reserved);
		if (w->out)
			w->out->frames_fixed += fixed;
		return;
	}
	for (u32 f = FRAMES_FIRST; f < populated; f++) {
		if (frame_refs(w->seg, f) != w->frame_refs[f])
			complain(w, "frame %u: count %u, but %u references", f,
				 frame_refs(w->seg, f), w->frame_refs[f]);
	}
}

static void free_leaked(struct walk *w)
{
	u64 freed[KMEM_CACHES_MAX] = {0};
	long n;

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

void walk_sweep(struct walk *w)
{
	struct seg_header *hdr = w->seg->hdr;

	for (u32 page = 0; page < hdr->pages.pages_populated; page++) {
		const struct page_desc *desc = &w->seg->page_descs[page];

		if (!w->repair && desc->kind == PAGE_SLAB)
			check_slab(w, page, desc);
		else if (!w->repair)
			check_page(w, page, desc);
		if (desc->kind != PAGE_SLAB)
			continue;
		if (w->repair && desc->cache == CACHE_VMA)
			reset_vmas(w, page);
		if (desc->cache == CACHE_ANON_VMA || desc->cache == CACHE_NAME)
			sweep_anon(w, page, desc);
	}
	sweep_files(w);
	sweep_frames(w);
	if (w->repair)
		free_leaked(w);
}
