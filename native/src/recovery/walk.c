/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.c: the walker's frame: private memory, marks, complaints, locks, participants.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "vmalab/futex.h"
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
	w->frame_refs = calloc(hdr->frames.frames_total + 1, sizeof(u32));
	w->frame_reserved = calloc(hdr->frames.frames_total + 1, 1);
	w->file_refs = calloc(hdr->config.files_max + 1, sizeof(u32));
	w->anon = calloc(granules + 1, sizeof(*w->anon));
	if (w->marks && w->pages_marked && w->frame_refs && w->frame_reserved && w->file_refs &&
	    w->anon)
		return 0;
	walk_end(w);
	return -ENOMEM;
}

void walk_end(struct walk *w)
{
	free(w->marks);
	free(w->pages_marked);
	free(w->frame_refs);
	free(w->frame_reserved);
	free(w->file_refs);
	free(w->anon);
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

/* A living participant takes or waits for the lock. */
static bool asked_for(const struct walk *w, const void *lock)
{
	u64 ref = vl_ref_of(w->seg, lock);

	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++) {
		const struct participant_slot *slot = &w->seg->slots[i];

		for (u32 place = 0; place < HOLDS_COUNT; place++)
			if (load_relaxed_u64(&slot->held[place]) >> 8 == ref &&
			    load_relaxed_u32(&slot->role) != ROLE_FREE &&
			    among_living(w->seg, w->dead, i))
				return true;
	}
	return false;
}

/* One lock against what the living announce. */
static void check_lock(struct walk *w, struct rw_semaphore *sem, const char *what, u32 number)
{
	u32 readers, writer;
	u64 count = load_relaxed_u64(&sem->count), want;
	bool noted, in_vain;

	walk_announced(w, sem, &readers, &writer);
	want = readers * RWSEM_READER | (writer ? RWSEM_WRITER : 0);
	noted = (count & ~(RWSEM_WAITERS | RWSEM_HANDOFF)) == want;
	/* Who was woken last was killed before it took the lock: nobody takes WAITERS away, and who
	 * only tries is refused for ever. */
	in_vain = noted && count && !want && !asked_for(w, sem);
	if (noted && (!in_vain || (w->repair && MUTANT(dead_waiter_stays_noted))))
		return;
	if (!w->repair && in_vain) {
		complain(w, "%s %u: somebody waits, it says, and nobody does", what, number);
		return;
	}
	if (!w->repair) {
		complain(w, "%s %u: count %#lx, but the living hold %u readers and writer %u", what,
			 number, count, readers, writer);
		return;
	}
	rwsem_repair(w->seg, sem, readers, writer);
	if (w->out)
		w->out->locks_fixed++;
}

#if VMA_LOCK_PER_VMA
/* Calls check for every object of a cache, free ones too: a reader of a former life may have been
 * killed with its count taken. */
static void each_object(struct walk *w, u32 cache_index,
			void (*check)(struct walk *w, void *object))
{
	const struct kmem_cache *cache = &w->seg->hdr->caches[cache_index];

	for (u32 page = 0; page < w->seg->hdr->pages.pages_populated; page++) {
		const struct page_desc *desc = &w->seg->page_descs[page];
		u8 *base = w->seg->pages + ((u64)page << PAGE_SHIFT);

		if (desc->kind != PAGE_SLAB || desc->cache != cache_index)
			continue;
		for (u32 i = 0; i < cache->objs_per_slab; i++)
			check(w, base + (u64)i * cache->slot_bytes);
	}
}

#endif

#if VMA_LOCK_SEPARATE
static void check_vma_lock(struct walk *w, void *object)
{
	struct rw_semaphore *sem = object;

	/* the common case must be cheap: there may be a million */
	if (load_relaxed_u64(&sem->count) != 0)
		check_lock(w, sem, "vma_lock", REF(w->self, sem));
}
#elif VMA_LOCK_RWSEM
static void check_vma_lock(struct walk *w, void *object)
{
	struct vm_area_struct *vma = object;

	if (load_relaxed_u64(&vma->vm_lock.count) != 0)
		check_lock(w, &vma->vm_lock, "vm_lock of VMA object", REF(w->self, vma));
}
#elif VMA_LOCK_PER_VMA
/* Does a living writer wait for the readers of this VMA? Then FLAG is its own. */
static bool writer_waits(const struct walk *w, const struct vm_area_struct *vma)
{
	u64 waiting = (u64)REF(w->self, vma) << 8 | HELD_WRITE | HELD_WAITING;

	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++) {
		if (load_relaxed_u64(&w->seg->slots[i].held[HOLD_VMA_WRITE]) == waiting &&
		    among_living(w->seg, w->dead, i))
			return true;
	}
	return false;
}

static void check_vma_lock(struct walk *w, void *object)
{
	struct vm_area_struct *vma = object;
	u32 count = load_relaxed_u32(&vma->vm_refcnt), want = !vma->detached, readers, writer;

	if (count == want && count <= 1) /* cheap: there may be a million */
		return;
	walk_announced(w, vma, &readers, &writer);
	want += readers + (writer_waits(w, vma) ? VM_REFCNT_EXCLUDE_READERS_FLAG : 0);
	if (count == want)
		return;
	if (!w->repair) {
		complain(w, "VMA object %#x: vm_refcnt %#x, but %#x is what the living hold",
			 REF(w->self, vma), count, want);
		return;
	}
	if (MUTANT(dead_writer_excludes)) /* the readers' part alone */
		want |= count & VM_REFCNT_EXCLUDE_READERS_FLAG;
	store_relaxed_u32(&vma->vm_refcnt, want);
	if (w->out)
		w->out->locks_fixed++;
}
#endif

static void check_vma_locks(struct walk *w)
{
#if VMA_LOCK_PER_VMA
	each_object(w, VMA_LOCK_SEPARATE ? CACHE_VMA_LOCK : CACHE_VMA, check_vma_lock);
#else
	(void)w;
#endif
}

/* Writers that wait for the readers of a VMA look again at what was set. */
static void wake_vma_writers(struct walk *w)
{
	struct mm_struct *mms = mm_table(w->seg);

	for (u32 i = 0; i < w->seg->hdr->config.mms_max; i++) {
		if (!load_relaxed_u32(&mms[i].vma_writer_waits))
			continue;
		add_acq_rel_u32(&mms[i].vma_writer_wait, 1);
		futex_wake(&mms[i].vma_writer_wait, FUTEX_ALL);
	}
}

void walk_locks(struct walk *w)
{
	struct seg_header *hdr = w->seg->hdr;
	struct mm_struct *mms = mm_table(w->seg);

	for (u32 i = 0; i < hdr->config.mms_max; i++)
		check_lock(w, &mms[i].mmap_lock, "mmap_lock of mm slot", i);
	for (u32 i = 0; i < hdr->file_hint; i++)
		check_lock(w, &file_table(w->seg)[i].lock, "lock of file slot", i);
	for (u32 i = 0; i < VL_USER_RWSEMS; i++)
		check_lock(w, (struct rw_semaphore *)hdr->user_locks[i], "user rwsem", i);
	check_vma_locks(w);
	if (!w->repair)
		return;
	wake_vma_writers(w);
	for (u32 i = 0; i < hdr->config.mms_max; i++)
		mutex_repair(w->seg, &mms[i].page_table_lock, w->dead);
	for (u32 i = 0; i < ARRAY_SIZE(hdr->anon_locks); i++)
		mutex_repair(w->seg, &hdr->anon_locks[i], w->dead);
	for (u32 i = 0; i < KMEM_CACHES_MAX; i++)
		mutex_repair(w->seg, &hdr->caches[i].lock, w->dead);
	mutex_repair(w->seg, &hdr->pages.lock, w->dead);
	mutex_repair(w->seg, &hdr->frames.lock, w->dead);
	mutex_repair(w->seg, &hdr->slots_lock, w->dead);
	mutex_repair(w->seg, &hdr->rcu.advance_lock, w->dead);
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
	mark_shared(w, CACHE_NAME, area->name_made, "anon_vma_name");
	LAB(mark_shared(w, CACHE_POLICY, area->policy_made, "numa_policy"));
	for (u32 i = 0; i < FILE_PINS; i++)
		if (area->file_pins[i])
			w->file_refs[area->file_pins[i] - 1]++;
}

void walk_participants(struct walk *w)
{
	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++) {
		const struct participant_slot *slot = &w->seg->slots[i];
		const struct participant_area *area = participant_area_of(w->seg, i);

		if (load_acquire_u32(&slot->role) == ROLE_FREE)
			continue;
		/* Of the dead too: what recovery could not adopt yet is not free. */
		mark_retired(w, area);
		if (among_living(w->seg, w->dead, i))
			mark_area(w, area);
		else if (!w->repair && !area->retires_only)
			complain(w, "participant %u (pid %u, %.15s) is dead and was not recovered",
				 i, slot->pid, slot->comm);
	}
}

void walk_all(struct walk *w)
{
	walk_locks(w);
	walk_execs(w);
	walk_mms(w);
	walk_files(w);
	walk_participants(w);
	walk_sweep(w);
	walk_accounts(w);
}
