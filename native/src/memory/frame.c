/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.c: page frames.
 *
 * Where a frame is:
 *   refs  next                    where                        next state
 *   0     0, or its place         a depot, or never used       magazine (depots_take)
 *   0     0, or its former place  a magazine                   in use (frame_alloc), depot
 *   n>0   account                 in use, n references         n +- 1; 0 references (frame_put)
 *   0     0                       a retire ring, until nobody  magazine (frame_rcu_free)
 *                                 can read its word any more
 *
 * What a dead owner leaves:
 *   of a depot          nothing (depot.c).
 *   of references       counts that are too high, never too low: a recount sets them to what the
 *                       page tables and page caches hold (recount.h).
 *   of a frame without references, on its way from one place to another: the frame. It is in no
 *                       place then, or in one: before it leaves a place its number stands where
 *                       recovery looks (frames_reclaim): above the top of the magazine, at the
 *                       tail of the ring, in retire_hand or in frame_hand.
 *   of a magazine       what is in it: below frame_count, and nowhere else.
 *
 * Orderings:
 *   FRAME-1  frame_put releases, whoever drops the last reference acquires: what others did to the
 *            word is over before the frame goes to its next user. Without it: a late store of the
 *            former user in the new user's word.
 * The first word of a new life needs no order of its own: it is published with the page-table
 * entry (release), and before that the frame came to us through a mutex or a grace period.
 */
#include "vmalab/frame.h"
#include "vmalab/leave.h"
#include "vmalab/recount.h"
#include "vmalab/stats.h"
#include "depot.h"

static struct frame *frame_at(const struct vl_seg *seg, u32 frame)
{
	/* Of config, which nobody writes: the pool's own number is beside the head of its list. */
	VL_ASSERT(frame >= FRAMES_FIRST && frame < seg->hdr->config.frames_max);
	return &seg->frames[frame];
}

/* How many frames come or go at a time. */
static u32 batch(const struct participant *self)
{
	return (u32)min_u64(self->frames_keep / 2, FRAME_BATCH);
}

/* Fills an empty magazine from the pool. False: there is none. */
static bool magazine_fill(struct participant *self)
{
	struct participant_area *area = self->area;
	u32 n = depots_take(self, area->frames, batch(self));

	compiler_barrier(); /* a kill: they stand above the top until they are in the magazine */
	store_relaxed_u32(&area->frame_count, n);
	return n > 0;
}

static void magazine_drain(struct participant *self, u32 keep)
{
	struct participant_area *area = self->area;
	u32 count = area->frame_count;

	VL_ASSERT(count <= FRAME_MAGAZINE);
	while (count > keep) {
		u32 n = (u32)min_u64(count - keep, FRAME_BATCH);

		/* A kill: out of the magazine first, or it is there and in another one too. */
		count -= n;
		store_relaxed_u32(&area->frame_count, count);
		compiler_barrier();
		depots_give(self, &area->frames[count], n);
		compiler_barrier();
	}
}

/* A frame that nobody can reach any more. */
static void frame_free(struct participant *self, u32 f)
{
	struct participant_area *area = self->area;

	VL_ASSERT(load_relaxed_u32(&frame_at(self->seg, f)->refs) == 0);
	VL_ASSERT(load_relaxed_u32(&frame_at(self->seg, f)->next) == 0);
	if (area->frame_count >= self->frames_keep)
		magazine_drain(self, self->frames_keep - batch(self));
	area->frames[area->frame_count] = f;
	compiler_barrier();
	store_relaxed_u32(&area->frame_count, area->frame_count + 1);
}

/* None is left, or there is no memory for more: the file of the segment is sparse. */
static void note_none(struct participant *self)
{
	const struct seg_header *hdr = self->seg->hdr;

	/* relaxed: a reason for a message */
	if (load_relaxed_u32(&hdr->frames.frames_populated) < hdr->frames.frames_total)
		limit_note(self, VL_LIMIT_MACHINE_MEMORY, 0, 0);
	else
		limit_note(self, VL_LIMIT_FRAMES_MAX, hdr->config.frames_max, 0);
}

u32 frame_alloc_for(struct participant *self, u32 account)
{
	struct participant_area *area = self->area;
	struct frame *frame;
	u32 f;

	if (unlikely(!account_charge(self, account, CHARGE_FRAMES)))
		return FRAME_NONE;
	if (unlikely(area->frame_count == 0) && !magazine_fill(self)) {
		/* What we retired ourselves may be ripe. */
		rcu_poll(self);
		if (area->frame_count == 0) {
			account_uncharge(self, account, CHARGE_FRAMES);
			note_none(self);
			return FRAME_NONE;
		}
	}
	f = area->frames[area->frame_count - 1];
	store_relaxed_u32(&area->frame_count, area->frame_count - 1);
	compiler_barrier(); /* a kill: the number stays above the top until it has a reference */
	frame = frame_at(self->seg, f);
	VL_ASSERT(load_relaxed_u32(&frame->refs) == 0);
	store_relaxed_u64(&frame->word, 0); /* published by whoever publishes the frame */
	store_relaxed_u32(&frame->next, account);
	store_relaxed_u32(&frame->refs, 1);
	if (unlikely(account != 0))
		recount_charge(self, f, account, 1);
	return f;
}

void frame_get(struct participant *self, u32 f)
{
	u32 refs;

	if (f == FRAME_ZERO)
		return;
	/* relaxed: the caller's own reference keeps the frame */
	refs = add_relaxed_u32(&frame_at(self->seg, f)->refs, 1);
	VL_ASSERT(refs > 1);
}

bool frame_tryget(struct participant *self, u32 f)
{
	struct frame *frame;
	u32 refs;

	if (f == FRAME_ZERO)
		return true;
	frame = frame_at(self->seg, f);
	refs = load_relaxed_u32(&frame->refs); /* relaxed: the cmpxchg decides */
	while (refs != 0) {
		/* relaxed: the caller looks again at what named the frame, and that orders */
		if (cmpxchg_relaxed_u32(&frame->refs, &refs, refs + 1))
			return true;
	}
	return false;
}

/* Drops a reference; true if it was the last, with which the charge ends. */
static bool frame_drop(struct participant *self, u32 f)
{
	struct frame *frame = frame_at(self->seg, f);
	u32 account, refs;

	store_relaxed_u32(&self->area->frame_hand, f);
	compiler_barrier(); /* a kill: the number is there when the frame is in no place */
	/* pairs: FRAME-1 (frame.c:frame_drop): release by all, acquire by the last */
	refs = add_acq_rel_u32(&frame->refs, -1u);
	VL_ASSERT(refs != UINT32_MAX);
	if (refs != 0)
		return false;
	account = load_relaxed_u32(&frame->next); /* relaxed: set before it was published */
	if (unlikely(account != 0)) {
		store_relaxed_u32(&frame->next, 0); /* nobody else has it */
		recount_charge(self, f, account, -1);
		account_uncharge(self, account, CHARGE_FRAMES);
	}
	return true;
}

void frame_put(struct participant *self, u32 f)
{
	if (f != FRAME_ZERO && frame_drop(self, f))
		rcu_retire(self, RETIRE_FRAME, f);
}

void frame_put_now(struct participant *self, u32 f)
{
	bool last;

	if (f == FRAME_ZERO)
		return;
	last = frame_drop(self, f);
	VL_ASSERT(last); /* nobody else ever saw it */
	frame_free(self, f);
}

u32 frame_refs(const struct vl_seg *seg, u32 f)
{
	/* relaxed: a count that others change is stale at once; who needs more excludes them */
	return f < FRAMES_FIRST ? 0 : load_relaxed_u32(&frame_at(seg, f)->refs);
}

void frame_flush(struct participant *self)
{
	magazine_drain(self, 0);
}

void frame_magazine_reclaim(struct participant *self, u32 owner_index)
{
	struct participant_area *area = participant_area_of(self->seg, owner_index);

	while (area->frame_count) {
		u32 f = area->frames[area->frame_count - 1];

		/* A kill: in our hand, because nobody looks above the top of a living one's. */
		store_relaxed_u32(&self->area->frame_hand, f);
		compiler_barrier();
		store_relaxed_u32(&area->frame_count, area->frame_count - 1);
		compiler_barrier();
		depots_add(self->seg, f);
		compiler_barrier();
	}
}

/* A frame that was on its way somewhere goes to the pool, unless it has arrived. */
static void reclaim_lost(struct vl_seg *seg, u32 f, const u8 *reserved)
{
	if (f < FRAMES_FIRST || f >= seg->hdr->frames.frames_populated)
		return;
	if (load_relaxed_u32(&frame_at(seg, f)->refs) == 0 && !reserved[f] && !frame_pooled(seg, f))
		depots_add(seg, f);
}

void frames_reclaim(struct vl_seg *seg, u32 owner_index, const u8 *reserved)
{
	const struct participant_area *area = participant_area_of(seg, owner_index);
	const struct retired *last = &area->retired[area->retire_tail % RETIRE_RING];

	for (u32 i = 0; i < area->frame_count + FRAME_BATCH && i < FRAME_MAGAZINE; i++)
		reclaim_lost(seg, area->frames[i], reserved);
	if (area->retire_hand >> 32 == RETIRE_FRAME)
		reclaim_lost(seg, (u32)area->retire_hand, reserved);
	if (last->kind == RETIRE_FRAME)
		reclaim_lost(seg, last->ref, reserved);
	reclaim_lost(seg, area->frame_hand, reserved);
}

bool frame_recounted_is(struct participant *self, u32 f, u32 refs)
{
	struct frame *frame = frame_at(self->seg, f);
	u32 counted = load_relaxed_u32(&frame->refs);

	if (counted == refs)
		return true;
	/* Of a frame that is free, or on its way there, nobody has a reference. */
	VL_ASSERT(counted != 0);
	store_relaxed_u32(&self->area->frame_hand, f);
	compiler_barrier(); /* a kill of the recoverer: it is in no place between the two */
	store_relaxed_u32(&frame->refs, refs);
	if (refs == 0)
		depots_add(self->seg, f);
	return false;
}

void frame_numbers(const struct vl_seg *seg, struct frame_numbers *out)
{
	const struct frame_pool *pool = &seg->hdr->frames;
	u64 usable;

	/* relaxed throughout: a sum of numbers that move; each of them is whole */
	out->total = pool->frames_total;
	out->populated = load_relaxed_u32(&pool->frames_populated);
	out->free = frames_pooled(seg);
	for (u32 i = 0; i < load_relaxed_u32(&seg->hdr->slots_high); i++) {
		const struct participant_area *area =
			(const void *)(seg->areas + (u64)i * PARTICIPANT_AREA_BYTES);

		out->free += load_relaxed_u32(&area->frame_count);
	}
	usable = out->populated > FRAMES_FIRST ? out->populated - FRAMES_FIRST : 0;
	out->free = min_u64(out->free, usable);
	out->in_use = usable - out->free;
}

static void frame_rcu_free(struct participant *self, u32 kind, u32 ref)
{
	VL_ASSERT(kind == RETIRE_FRAME);
	frame_free(self, ref);
}

void frame_register(void)
{
	rcu_free_register(RETIRE_FRAME, frame_rcu_free);
	participant_leave_register(frame_flush);
}
