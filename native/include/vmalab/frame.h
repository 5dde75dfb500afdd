/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.h (memory): page frames: a reference count and one 64-bit word of content.
 *
 * Frame 0 is "none"; frame 1 is the zero page (never counted, never freed, word always 0). A frame
 * whose count drops to 0 goes through rcu_retire, because a fault that runs under RCU may still
 * read or store its word. A count is raised before an entry names the frame, and an entry goes
 * before the count is dropped: a kill in between leaves a count that is too high, and a recount
 * puts it right (recount.h).
 */
#ifndef VMALAB_FRAME_H
#define VMALAB_FRAME_H

#include "vmalab/account.h"
#include "vmalab/rcu.h"

struct frame {
	u32 refs;
	u32 next; /* with references its account; in a depot, and until it is used again,
		   * FRAME_IN_POOL | its place there; else 0 */
	u64 word;
};
SIZE_IS(struct frame, 16);
#define FRAME_NONE    0u
#define FRAME_ZERO    1u
#define FRAMES_FIRST  2u
#define FRAME_IN_POOL 0x80000000u

/* refs 1, word 0, charged to that account; FRAME_NONE when the pool is empty or the quota used up
 * (noted: limit_note) */
u32 frame_alloc_for(struct participant *self, u32 account);
static inline u32 frame_alloc(struct participant *self)
{
	return frame_alloc_for(self, 0);
}
/* Who pays for it; of one with references. */
static inline u32 frame_account(const struct vl_seg *seg, u32 frame)
{
	return load_relaxed_u32(&seg->frames[frame].next); /* relaxed: set before it is published */
}
/* One more reference to a frame whose count the caller knows to be above 0. */
void frame_get(struct participant *self, u32 frame);
/* The same for a frame found under RCU alone: false if its count was 0. The caller then checks
 * that what named the frame still does. */
bool frame_tryget(struct participant *self, u32 frame);
void frame_put(struct participant *self, u32 frame);     /* to zero: freed after a grace period */
void frame_put_now(struct participant *self, u32 frame); /* a frame that nobody else ever saw */
u32 frame_refs(const struct vl_seg *seg, u32 frame);
static inline u64 *frame_word(const struct vl_seg *seg, u32 frame)
{
	return &seg->frames[frame].word;
}
void frame_flush(struct participant *self); /* magazine back to the pool */
/* The magazine of a living owner, or of a dead one that had nothing half done, goes back to the
 * pool. The world is stopped, nobody has the pool mutex. */
void frame_magazine_reclaim(struct participant *self, u32 owner_index);
/* What a dead owner had, or had in hand, without a reference goes back to the pool. The world is
 * stopped. reserved[]: by frame: it is in a magazine of the living or in a retire ring. */
void frames_reclaim(struct vl_seg *seg, u32 owner_index, const u8 *reserved);
/* The world is stopped: the locks of the pool that a dead one had. */
void frame_pool_repair(struct vl_seg *seg, const struct dead_set *dead);
/* The world is stopped: so many references were found. False: another number was noted; it is put
 * right, and a frame without references goes to the pool. */
bool frame_recounted_is(struct participant *self, u32 frame, u32 refs);
/* The world is stopped: is it in the pool? */
bool frame_pooled(const struct vl_seg *seg, u32 frame);
/* The i-th number that a depot has, i < count. */
u32 frame_depot_at(const struct vl_seg *seg, u32 depot, u32 i);
/* Does the frame say that it is there? */
bool frame_depot_names(const struct vl_seg *seg, u32 depot, u32 i, u32 frame);
/* How many frames are in the pool: a sum of numbers that move. */
u64 frames_pooled(const struct vl_seg *seg);

struct frame_numbers {
	u64 total;     /* as configured; two of them are FRAME_NONE and FRAME_ZERO */
	u64 populated; /* backed by memory */
	u64 free;      /* in the pool and in magazines */
	u64 in_use;    /* the rest of the populated, with those that wait for a grace period */
};
void frame_numbers(const struct vl_seg *seg, struct frame_numbers *out);

/* Says what to do with a frame whose grace period is over, and with the magazine of a participant
 * that leaves. Call once per process. */
void frame_register(void);

#endif
