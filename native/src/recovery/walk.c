/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c: the walker's frame: private memory, marks, complaints, announcements, participants.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmalab/lock_model.h"
#include "walk.h"

#define COMPLAINTS_MAX 200 /* after that they are only counted */

void complain(const struct walk *w, const char *format, ...)
{
	struct walk_report *report = w->report;
	char line[256];
	va_list args;
	int n;

	if (!report || ++report->complaints > COMPLAINTS_MAX)
		return;
	va_start(args, format);
	n = vsnprintf(line, sizeof(line) - 1, format, args);
	va_end(args);
	if (n > (int)sizeof(line) - 2)
		n = (int)sizeof(line) - 2;
	line[n++] = '\n';
	if (report->text_bytes < report->text_cap)
		memcpy(report->text + report->text_bytes, line,
		       min_u64((u64)n, report->text_cap - report->text_bytes));
	report->text_bytes += (u64)n;
}

int walk_begin(struct walk *w, struct participant *self, const struct dead_set *dead, bool repair,
	       struct walk_report *report, struct vl_recovery *out)
{
	struct seg_header *hdr = self->seg->hdr;
	u64 granules = hdr->regions[REGION_PAGES].len / MARK_GRANULE;

	*w = (struct walk){.self = self,
			   .seg = self->seg,
			   .dead = dead,
			   .repair = repair,
			   .report = report,
			   .out = out};
	/* calloc of untouched memory costs nothing until it is touched */
	w->marks = calloc(granules / 64 + 1, sizeof(u64));
	w->pages_marked = calloc(hdr->pages.pages_total + 1, 1);
	if (!repair) {
		w->frame_refs = calloc(hdr->frames.frames_total + 1, sizeof(u32));
		w->mm_frames = calloc(hdr->config.mms_max, sizeof(u32));
	}
	w->frame_reserved = calloc(hdr->frames.frames_total + 1, 1);
	w->file_refs = calloc(hdr->config.files_max + 1, sizeof(u32));
	w->anon = calloc(granules + 1, sizeof(*w->anon));
	if (w->marks && w->pages_marked && (repair || (w->frame_refs && w->mm_frames)) &&
	    w->frame_reserved && w->file_refs && w->anon && (!repair || scope_begin(w) == 0))
		return 0;
	walk_end(w);
	return -ENOMEM;
}

void walk_end(struct walk *w)
{
	free(w->marks);
	free(w->pages_marked);
	free(w->frame_refs);
	free(w->mm_frames);
	free(w->frame_reserved);
	free(w->file_refs);
	free(w->anon);
	free(w->touched);
}

u64 walk_granule(const struct walk *w, vl_ref ref)
{
	return (((u64)ref << REF_SHIFT) - w->seg->hdr->regions[REGION_PAGES].off) / MARK_GRANULE;
}

bool walk_marked(const struct walk *w, vl_ref ref)
{
	u64 granule = walk_granule(w, ref);

	return w->marks[granule / 64] >> (granule % 64) & 1;
}

bool walk_mark(struct walk *w, u32 cache, vl_ref ref, const char *what)
{
	u64 granule;

	if (!kmem_cache_owns(w->seg, cache, ref)) {
		complain(w, "%s: reference %#x is no object of cache %u", what, ref, cache);
		return false;
	}
	granule = walk_granule(w, ref);
	if (w->marks[granule / 64] >> (granule % 64) & 1) {
		complain(w, "%s: object %#x is reached twice", what, ref);
		return false;
	}
	w->marks[granule / 64] |= 1ull << (granule % 64);
	return true;
}

void walk_announced(const struct walk *w, const void *lock, u32 *readers, u32 *writer)
{
	u64 ref = vl_ref_of(w->seg, lock);

	*readers = *writer = 0;
	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++) {
		const struct participant_slot *slot = &w->seg->slots[i];

		if (load_relaxed_u32(&slot->role) == ROLE_FREE)
			continue;
		for (u32 place = 0; place < HOLDS_COUNT; place++) {
			u64 held = load_relaxed_u64(&slot->held[place]);

			if (held >> 8 != ref || !(held & HELD_HELD) ||
			    !among_living(w->seg, w->dead, i))
				continue;
			if (held & HELD_WRITE)
				*writer = i + 1;
			else
				(*readers)++;
		}
	}
}

static void mark_retired(struct walk *w, const struct participant_area *area)
{
	for (u32 at = area->retire_head; at != area->retire_tail;
	     at = place_next(at, RETIRE_RING)) {
		const struct retired *r = &area->retired[at % RETIRE_RING];

		if (r->kind == RETIRE_FRAME)
			w->frame_reserved[r->ref] = 1;
		else if (r->kind == RETIRE_PAGE)
			w->pages_marked[r->ref] = 1;
		else if (r->kind >= RETIRE_OBJECT0 &&
			 walk_mark(w, r->kind - RETIRE_OBJECT0, r->ref, "retire ring") &&
			 r->kind == RETIRE_OBJECT0 + CACHE_VMA)
			walk_vma_objects(w, r->ref); /* they are freed with it */
	}
}

/* What the owner has made for several VMAs to share, one reference being its own. */
static void mark_shared(struct walk *w, u32 cache, vl_ref ref, const char *what)
{
	if (ref && kmem_cache_owns(w->seg, cache, ref) &&
	    w->anon[walk_granule(w, ref)].degree++ == 0)
		walk_mark(w, cache, ref, what);
}

/* What a living participant has in hand. */
static void mark_area(struct walk *w, const struct participant_area *area)
{
	for (u32 c = 0; c < KMEM_CACHES_MAX; c++) {
		const struct magazine *magazine = &area->magazines[c];

		if (!w->seg->hdr->caches[c].alive)
			continue;
		for (u32 i = 0; i < magazine->count; i++)
			walk_mark(w, c, magazine->objs[i], "magazine");
	}
	for (u32 i = 0; i < area->frame_count; i++)
		w->frame_reserved[area->frames[i]] = 1;
	for (u32 i = 0; i < area->prealloc_count; i++)
		walk_mark(w, CACHE_NODE, area->prealloc[i], "reserved node");
	for (u32 i = 0; i < INFLIGHT_MAX; i++) {
		/* It may be in a tree already: its owner waits before it takes the note away. */
		if (area->inflight[i] && !walk_marked(w, area->inflight[i]) &&
		    walk_mark(w, CACHE_VMA, area->inflight[i], "VMA in flight"))
			walk_vma_objects(w, area->inflight[i]);
	}
	/* The next one is named by the VMA before it; the owner stands between two steps. */
	for (vl_ref ref = area->unmapped; ref; ref = vma_unmapped_next(vl_ptr(w->seg, ref))) {
		if (!walk_mark(w, CACHE_VMA, ref, "unmapped VMA"))
			break;
		walk_vma_objects(w, ref);
	}
	mark_shared(w, CACHE_NAME, area->name_made, "anon_vma_name");
	LAB(mark_shared(w, CACHE_POLICY, area->policy_made, "numa_policy"));
	for (u32 i = 0; i < FILE_PINS; i++)
		if (area->file_pins[i])
			w->file_refs[area->file_pins[i] - 1]++;
}

void walk_participant(struct walk *w, u32 index)
{
	const struct participant_slot *slot = &w->seg->slots[index];
	const struct participant_area *area = participant_area_of(w->seg, index);

	if (load_acquire_u32(&slot->role) == ROLE_FREE)
		return;
	/* Of the dead too: what recovery could not adopt yet is not free. */
	mark_retired(w, area);
	if (among_living(w->seg, w->dead, index))
		mark_area(w, area);
	else if (!area->retires_only)
		complain(w, "participant %u (pid %u, %.15s) is dead and was not recovered", index,
			 slot->pid, slot->comm);
}

void walk_participants(struct walk *w)
{
	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++)
		walk_participant(w, i);
}

void walk_all(struct walk *w)
{
	walk_locks(w);
	if (w->repair) {
		repair_execs(w);
		repair_moves(w);
	}
	walk_mms(w);
	walk_files(w);
	walk_participants(w);
	walk_sweep(w);
	walk_accounts(w);
}
