/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fsck.c: looking for what is wrong: in one standstill, or in slices.
 *
 * In slices the world is stopped for SLICE_NS of work or little more, again and again, and runs
 * SLICES_SHARE times as long in between. The wait until all have left is no work: on a busy machine
 * it would leave a slice no time for any. Each slice judges what can be judged at one instant:
 * whole trees, some page tables, some slabs, some participants. What it marks and counts is
 * forgotten with it, because everything may move before the next. So nothing is said of sums over
 * the whole segment: what is reachable, references of frames and files, users of an anon_vma,
 * charges of accounts.
 *
 * The longest step is the tree of one address space, which is bounded by vmas_per_mm_max.
 */
#include <stdio.h>
#include <stdlib.h>

#include "vmalab/futex.h"
#include "vmalab/lock_model.h"
#include "vmalab/recover.h"
#include "walk.h"

#define SLICE_NS     (NSEC_PER_MSEC / 4)
#define SLICES_SHARE 4  /* so long the entry is open after a slice, as it was closed */
#define STEP_TABLES  16 /* leaf tables of a step */
#define STEP_PAGES   64 /* page descriptors of a step; of each slab every object is looked at */

struct slices {
	struct participant *self;
	struct walk_report report;
	struct dead_set dead;
	struct walk w;
	u64 begun_ns; /* when the entry was closed; 0: it is open */
	u64 work_ns;  /* CPU time of this thread, when all had left */
	u32 stuck_pid;
};

/* Stops the world, with nothing marked. */
static int slice_begin(struct slices *s)
{
	int err = walk_begin(&s->w, s->self, &s->dead, false, &s->report, NULL);

	if (err)
		return err;
	s->begun_ns = clock_ns();
	err = stop_for_us(s->self, &s->stuck_pid);
	if (err) {
		walk_end(&s->w);
		s->begun_ns = 0;
		return err;
	}
	s->work_ns = thread_cpu_ns();
	find_dead(s->self->seg, &s->dead);
	return 0;
}

static void slice_end(struct slices *s)
{
	u64 closed_ns;

	if (!s->begun_ns)
		return;
	world_start(s->self);
	closed_ns = clock_ns() - s->begun_ns;
	s->begun_ns = 0;
	walk_end(&s->w);
	sleep_ns(closed_ns * SLICES_SHARE);
}

/* Before each step: the world is stopped, and this slice has time left. */
static int step(struct slices *s)
{
	if (s->begun_ns && thread_cpu_ns() - s->work_ns < SLICE_NS)
		return 0;
	slice_end(s);
	return slice_begin(s);
}

static int slices_of_locks(struct slices *s)
{
	u32 pages = load_acquire_u32(&s->self->seg->hdr->pages.pages_populated);
	int err = step(s);

	if (err)
		return err;
	walk_table_locks(&s->w);
	for (u32 at = 0; at < pages; at += STEP_PAGES) {
		err = step(s);
		if (err)
			return err;
		walk_vma_locks(&s->w, at, (u32)min_u64(pages, at + STEP_PAGES));
		walk_lost_pages(&s->w, at, (u32)min_u64(pages, at + STEP_PAGES));
	}
	return 0;
}

/* Its tree, and its page tables. Another life of the slot may begin between two slices: then the
 * rest of that one is looked at, for as far as it goes it is judged like any other. */
static int slices_of_mm(struct slices *s, u32 index)
{
	const struct mm_struct *mm = &mm_table(s->self->seg)[index];
	u64 at = 0;
	int err;

	if (load_relaxed_u32(&mm->state) == MM_FREE) /* relaxed: a hint */
		return 0;
	err = step(s);
	if (err)
		return err;
	walk_mm_tree(&s->w, index);
	while (!err && at < PGTABLE_END) {
		err = step(s);
		if (!err)
			walk_mm_tables(&s->w, index, &at, STEP_TABLES);
	}
	return err;
}

static int slices_of_file(struct slices *s, u32 index)
{
	const struct file *file = &file_table(s->self->seg)[index];
	u64 at = 0;
	int err;

	if (!load_relaxed_u32(&file->state)) /* relaxed: a hint */
		return 0;
	err = step(s);
	if (err)
		return err;
	while (!err && at < PGTABLE_END) {
		err = step(s);
		if (!err)
			walk_file(&s->w, index, &at, STEP_TABLES);
	}
	return err;
}

static int slices_of_all(struct slices *s)
{
	const struct seg_header *hdr = s->self->seg->hdr;
	int err = slices_of_locks(s);

	for (u32 i = 0; !err && i < hdr->config.mms_max; i++)
		err = slices_of_mm(s, i);
	for (u32 i = 0; !err && i < load_relaxed_u32(&hdr->file_hint); i++)
		err = slices_of_file(s, i);
	for (u32 i = 0; !err && i < load_acquire_u32(&hdr->slots_high); i++) {
		err = step(s);
		if (!err)
			walk_participant(&s->w, i);
	}
	if (!err)
		err = step(s);
	if (!err)
		walk_barns(&s->w);
	return err;
}

/* The lines of the report, or why there is none. */
static long said(const struct walk_report *report, int err, u32 stuck_pid)
{
	if (err == -ETIMEDOUT)
		return snprintf(report->text, report->text_cap,
				"pid %u does not leave the core: cannot stop the world\n",
				stuck_pid);
	return err ? err : (long)report->text_bytes;
}

/* A recovery is not over before the frames are recounted: until then their counts may be too high.
 * It is brought to its end, unless somebody is dead, which is for the report. */
static void end_recount(struct participant *self)
{
	struct vl_recovery *out = calloc(1, sizeof(*out));

	if (out)
		(void)recount_finish(self, out, false, RECOUNT_SHARE);
	free(out);
}

long vl_fsck_slices(struct participant *self, char *text, u64 cap)
{
	struct slices s = {.self = self, .report = {.text = text, .text_cap = cap}};
	int err = slices_of_all(&s);

	slice_end(&s);
	return said(&s.report, err, s.stuck_pid);
}

long vl_fsck(struct participant *self, char *text, u64 cap)
{
	struct walk_report report = {.text = text, .text_cap = cap};
	struct dead_set dead;
	struct walk w;
	u32 stuck = 0;
	int err;

	end_recount(self);
	err = stop_for_us(self, &stuck);
	if (err)
		return said(&report, err, stuck);
	find_dead(self->seg, &dead);
	err = walk_begin(&w, self, &dead, false, &report, NULL);
	if (!err) {
		walk_all(&w);
		walk_end(&w);
	}
	world_start(self);
	return said(&report, err, stuck);
}
