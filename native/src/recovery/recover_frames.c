/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover_frames.c: the second half of a recovery from deaths in the middle of something: what the
 * dead leaked of frames, and what they were charged for them. It is done in slices: the world
 * stands for recount_slice_ns or little more, and runs RECOUNT_SHARE times as long in between.
 * recount.h has the words and why the counts are right.
 *
 * hdr->recount.stage, changed while the world is stopped:
 *   NONE    nothing to do           -> MEND    by each recovery from a death in the middle of
 *                                              something, whatever the stage (recount_begin)
 *   MEND    entries are put right   -> CLEAR   after the last address space that has some left
 *                                              (walk_mend.c)
 *   CLEAR   second counts are 0     -> TABLES  after the last frame: a new epoch
 *   TABLES  tables are counted      -> JUDGE   after the last page
 *   JUDGE   counts are judged       -> NONE    after the last frame, with the charges of accounts
 *   Everything is in the header, so any participant may do the next slice. One that dies between
 *   two slices leaves nothing half done. One that dies in a slice is named in hdr->repairing, and
 *   the recovery that follows begins the recount again.
 *
 * A recount that was begun again and again gets longer slices, twice as long each time: with deaths
 * that never end, one slice is in the end as long as the whole recount, and ends it.
 */
#include <stdlib.h>
#include <time.h>

#include "vmalab/futex.h"
#include "vmalab/lock_model.h"
#include "vmalab/recover.h"
#include "walk_mm.h"

#define PAUSE_NS_MAX (20 * NSEC_PER_MSEC)
#define LONGER_MAX   12
#define BUSY_MAX     1000 /* turns behind others that stop the world, one after the other */
#define STEP_FRAMES  1024
#define STEP_PAGES   1024 /* of them one page table at most */

u64 recount_slice_ns = NSEC_PER_MSEC / 4;

void recount_begin(struct vl_seg *seg)
{
	struct recount *recount = &seg->hdr->recount;

	store_relaxed_u64(&seg->hdr->recount_epoch, 0);
	compiler_barrier(); /* a kill of the recoverer: no recount goes on with the old sums */
	recount->started = recount->stage == RECOUNT_NONE ? 1 : recount->started + 1;
	store_relaxed_u32(&recount->at, 0);
	store_relaxed_u32(&recount->stage, RECOUNT_MEND);
}

static void next_stage(struct recount *recount, enum recount_stage stage)
{
	store_relaxed_u32(&recount->at, 0);
	store_relaxed_u32(&recount->stage, stage);
}

static void clear_step(struct vl_seg *seg, struct recount *recount)
{
	u32 populated = seg->hdr->frames.frames_populated, at = recount->at;
	u32 end = (u32)min_u64(populated, (u64)at + 16 * STEP_FRAMES);

	if (at < end)
		memset(frame_recounted(seg, at), 0, (u64)(end - at) * sizeof(u32));
	store_relaxed_u32(&recount->at, end);
	if (end < populated)
		return;
	/* Frames that get memory from here on have 0. */
	memset(recount->charged, 0, sizeof(recount->charged));
	for (u32 slot = 0; slot < seg->hdr->config.mms_max; slot++)
		*mm_recounted_word(seg, slot) = 0;
	recount->last += LIFE_STEP;
	next_stage(recount, RECOUNT_TABLES);
	store_relaxed_u64(&seg->hdr->recount_epoch, recount->last);
}

static void count_table(struct vl_seg *seg, u32 page)
{
	const pte_t *table = pgtable_at(seg, page);
	u32 entries = 0, *sum = recounted_of(seg, &seg->page_descs[page]);

	for (u32 i = 0; i < PTRS_PER_TABLE; i++) {
		/* One that does not exist is for fsck to name. */
		if (!pte_counts(table[i]) ||
		    pte_frame(table[i]) >= seg->hdr->frames.frames_populated)
			continue;
		++*frame_recounted(seg, pte_frame(table[i]));
		entries++;
	}
	if (sum)
		*sum += entries;
}

/* Tables that are made meanwhile are counted. */
static void tables_step(struct vl_seg *seg, struct recount *recount)
{
	u32 populated = seg->hdr->pages.pages_populated, at = recount->at;
	u32 end = (u32)min_u64(populated, (u64)at + STEP_PAGES);
	u64 epoch = seg->hdr->recount_epoch;
	bool counted = false;

	for (; at < end && !counted; at++) {
		struct page_desc *desc = &seg->page_descs[at];

		counted = desc->kind == PAGE_TABLE && desc->level == 0 && desc->counted != epoch;
		if (!counted)
			continue;
		count_table(seg, at);
		desc->counted = epoch;
	}
	store_relaxed_u32(&recount->at, at);
	if (at >= populated)
		next_stage(recount, RECOUNT_JUDGE);
}

/* What is in use, and what the living have in advance. Who is dead had nothing half done, and gives
 * its part back later. */
static void set_charges(struct participant *self, struct recount *recount)
{
	static const struct dead_set nobody;
	const struct vl_seg *seg = self->seg;
	u32 charged[ACCOUNTS_MAX][CHARGES_COUNT] = {0};
	bool bounded = account_limit(seg, CHARGE_MM_FRAMES) != UINT32_MAX;

	account_add_stocks(seg, charged, NULL, &nobody);
	if (bounded)
		account_add_mm_stocks(seg);
	for (u32 slot = 0; bounded && slot < seg->hdr->config.mms_max; slot++)
		store_relaxed_u32(mm_frames_word(seg, slot), *mm_recounted_word(seg, slot));
	for (u32 a = 1; a < ACCOUNTS_MAX; a++)
		store_relaxed_u32(&seg->hdr->accounts[a].charged[CHARGE_FRAMES],
				  recount->charged[a] + charged[a][CHARGE_FRAMES]);
}

static void judge_step(struct participant *self, struct recount *recount, struct vl_recovery *out)
{
	struct vl_seg *seg = self->seg;
	u32 populated = seg->hdr->frames.frames_populated, at = recount->at;
	u32 end = (u32)min_u64(populated, (u64)at + STEP_FRAMES);

	for (u32 f = max_u64(at, FRAMES_FIRST); f < end; f++) {
		u32 found = *frame_recounted(seg, f);

		out->frames_fixed += !frame_recounted_is(self, f, found);
		if (!found)
			continue;
		VL_ASSERT(frame_account(seg, f) < ACCOUNTS_MAX);
		recount->charged[frame_account(seg, f)]++;
	}
	store_relaxed_u32(&recount->at, end);
	if (end < populated)
		return;
	set_charges(self, recount);
	store_relaxed_u64(&seg->hdr->recount_epoch, 0);
	next_stage(recount, RECOUNT_NONE);
}

/* dead: nobody of whom anything is left to repair. */
static void mend(struct participant *self, struct recount *recount, const struct dead_set *dead,
		 struct vl_recovery *out)
{
	struct walk w = {.self = self, .seg = self->seg, .dead = dead, .repair = true, .out = out};
	u32 index = recount->at;

	if (mend_step(&w, &index))
		store_relaxed_u32(&recount->at, index);
	else
		next_stage(recount, RECOUNT_CLEAR);
}

/* The world is stopped, and nobody is dead who was in the middle of something. */
static void slice(struct participant *self, const struct dead_set *dead, struct vl_recovery *out)
{
	struct recount *recount = &self->seg->hdr->recount;
	u64 begun_ns = clock_ns(),
	    most_ns = recount_slice_ns << min_u64(recount->started - 1, LONGER_MAX);

	store_relaxed_u32(&self->seg->hdr->repairing, self->index + 1);
	compiler_barrier(); /* a kill: before anything is counted */
	do {
		if (recount->stage == RECOUNT_MEND)
			mend(self, recount, dead, out);
		else if (recount->stage == RECOUNT_CLEAR)
			clear_step(self->seg, recount);
		else if (recount->stage == RECOUNT_TABLES)
			tables_step(self->seg, recount);
		else
			judge_step(self, recount, out);
	} while (recount->stage != RECOUNT_NONE && clock_ns() - begun_ns < most_ns);
	compiler_barrier();
	store_relaxed_u32(&self->seg->hdr->repairing, 0);
	out->slices++;
}

u64 thread_cpu_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
}

static void note_stop(struct vl_recovery *out, bool repaired, u64 ns, u64 cpu_ns)
{
	u64 *most = repaired ? &out->stopped_ns : &out->slice_ns;
	u64 *most_cpu = repaired ? &out->stopped_cpu_ns : &out->slice_cpu_ns;

	*most = max_u64(*most, ns);
	*most_cpu = max_u64(*most_cpu, cpu_ns);
}

int recover_stop(struct participant *self, struct vl_recovery *out, bool may_repair)
{
	u64 begun_ns = clock_ns(), cpu_ns = thread_cpu_ns();
	struct dead_set dead;
	bool repairs;
	int err = stop_for_us(self, &out->stuck_pid);

	if (err)
		return err;
	find_dead(self->seg, &dead);
	repairs = dead_to_repair(self->seg, &dead);
	if (repairs)
		err = may_repair ? recover_dead(self, &dead, out) : -EAGAIN;
	else if (recount_due(self->seg))
		slice(self, &dead, out);
	world_start(self);
	note_stop(out, repairs, clock_ns() - begun_ns, thread_cpu_ns() - cpu_ns);
	return err;
}

/* After a slice. The most of a long one was the wait until all had left: they are slow then, and do
 * not get faster by a pause. */
static void let_run(u64 closed_ns, u32 share)
{
	if (share)
		sleep_ns(min_u64(closed_ns * share, PAUSE_NS_MAX));
}

int recount_finish(struct participant *self, struct vl_recovery *out, bool may_repair, u32 share)
{
	u32 busy = 0;
	int err = 0;

	while (!err && recount_due(self->seg)) {
		u64 begun_ns = clock_ns();

		err = recover_stop(self, out, may_repair);
		if (err == -EBUSY && ++busy < BUSY_MAX) {
			err = 0; /* another one has stopped the world, perhaps for the next slice */
			continue;
		}
		if (recount_due(self->seg))
			let_run(clock_ns() - begun_ns, share);
	}
	return err;
}

int recover_mend(struct participant *self, struct vl_recovery *out)
{
	const u32 *stage = &self->seg->hdr->recount.stage;
	int err = 0;

	while (!err && load_relaxed_u32(stage) == RECOUNT_MEND) {
		u64 begun_ns = clock_ns();

		err = recover_stop(self, out, true);
		if (load_relaxed_u32(stage) == RECOUNT_MEND)
			let_run(clock_ns() - begun_ns, RECOUNT_SHARE);
	}
	return err;
}

/* Somebody lacks a frame, and waits: no pauses. */
static void help(struct participant *self)
{
	struct vl_recovery *out = calloc(1, sizeof(*out));

	if (out)
		(void)recount_finish(self, out, true, 0);
	free(out);
}

void recount_register(void)
{
	vl_on_recount = help;
}
