/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rcu.h (sync): RCU between processes.
 *
 * A reader copies gp_ctr into its slot and clears the slot at the end; nesting is counted in the
 * handle. A retired object carries a tag = gp_ctr + 1, read (after a full barrier) when it was
 * already unpublished; it may be freed when completed >= tag. rcu_advance: new = ++gp_ctr, full
 * barrier of every reader (membarrier, or the readers' own fences), scan the slots: completed =
 * (smallest non-zero rcu word, or new) - 1. RCU-1 ... RCU-5 in rcu.c say which bad observation
 * each step forbids.
 *
 * Who may sleep: synchronize_rcu, rcu_make_room, rcu_barrier, rcu_reclaim (blocking points like
 * down_read: what the caller holds is announced, nothing unannounced is in flight); rcu_retire only
 * when the ring is full, outside a section. A read section never blocks.
 */
#ifndef VMALAB_RCU_H
#define VMALAB_RCU_H

#include "vmalab/participant.h"

enum rcu_kind {
	RETIRE_NONE = 0,
	RETIRE_PAGE = 1,
	RETIRE_FRAME = 2,
	RETIRE_OBJECT0 = 16, /* + cache index */
};
#define RETIRE_KINDS_MAX 32

/* What to do with a retired reference when its grace period is over; set once per process for each
 * kind before attach. RETIRE_PAGE and RETIRE_OBJECT* are set by slab.c (a later registration
 * replaces them), RETIRE_FRAME by frame.c. */
typedef void (*rcu_free_fn)(struct participant *self, u32 kind, u32 ref);
void rcu_free_register(u32 kind, rcu_free_fn fn);

#ifdef TORTURE_BREAK_RCU /* the reader never shows itself: the torture test must notice */
#define RCU_READER_WORD(self) 0
#else
#define RCU_READER_WORD(self) load_acquire_u64(&participant_hdr(self)->rcu.gp_ctr)
#endif

static inline void rcu_read_lock(struct participant *self)
{
	if (unlikely(self->rcu_nest++ != 0))
		return;
	/* acquire: a reader with the new number sees what was unpublished before it.
	 * pairs: RCU-1 (rcu.c:rcu_advance_locked) */
	store_relaxed_u64(&self->slot->rcu, RCU_READER_WORD(self));
	if (unlikely(self->fenced))
		fence_full(); /* pairs: RCU-2 (rcu.c:rcu_advance_locked) */
	else
		compiler_barrier(); /* membarrier pairs: RCU-2 (rcu.c:rcu_advance_locked) */
}

static inline void rcu_read_unlock(struct participant *self)
{
	if (unlikely(--self->rcu_nest != 0))
		return;
	/* release: reads of the section are over. pairs: RCU-3 (rcu.c:oldest_reader) */
	store_release_u64(&self->slot->rcu, 0);
}

static inline bool rcu_read_lock_held(const struct participant *self)
{
	return self->rcu_nest != 0;
}

/* How many pages the type-safe caches have given back. An object that was of such a cache when this
 * had the same value in an earlier section is still of it in this one: the grace period of its page
 * cannot end before this section does. (As PGT-2 for page tables.)
 * acquire pairs: SLAB-1 (slab.c:slab_gone) */
static inline u64 slabs_gone(const struct participant *self)
{
	return load_acquire_u64(&participant_hdr(self)->rcu.slabs_gone);
}

/* The number of the newest grace period, as a mark for what this section finds. What a section
 * found after it has read the mark is not freed before the end of a later section that reads the
 * same mark: RCU-5. Inside a section. (kernel: get_state_synchronize_rcu,
 * poll_state_synchronize_rcu) */
static inline u64 rcu_mark(const struct participant *self)
{
	/* acquire: a walk after it is a walk after what was unpublished before that number.
	 * pairs: RCU-5 (rcu.c:rcu_advance_locked) */
	return load_acquire_u64(&participant_hdr(self)->rcu.gp_ctr);
}

/* Waits until every section that was running has ended. Not inside a section. Reports a stall
 * (names the pid) after 1 s and again with doubling intervals; a dead reader found by
 * participant_alive() is skipped. */
void synchronize_rcu(struct participant *self);
/* Queues (kind, ref) to be freed after a grace period. Never blocks inside a section; outside, a
 * full ring waits. */
void rcu_retire(struct participant *self, u32 kind, u32 ref);
/* Frees what is ripe; starts a grace period if the ring is more than 1/4 full. Cheap when there is
 * nothing to do. Never blocks. */
void rcu_poll_ring(struct participant *self);
static inline void rcu_poll(struct participant *self)
{
	/* relaxed: who frees looks again (completed_tag) */
	if (unlikely(load_relaxed_u64(&participant_hdr(self)->rcu.completed) >= self->retire_due))
		rcu_poll_ring(self);
}
/* For one that retires little and then does nothing for long (a supervisor): tries to end a grace
 * period however little there is, and frees what is ripe. Never blocks; outside a section. */
void rcu_tidy(struct participant *self);
/* Makes room: outside a section, waits for grace periods until the ring is at most half full. Call
 * at the start of operations. */
void rcu_make_room(struct participant *self);
/* Frees everything that the caller retired. */
void rcu_barrier(struct participant *self);
/* For one that found a pool empty: waits until all that it retired is ripe, ns_max at most and
 * until it is cancelled, and frees what is ripe. False: nothing. A blocking point, as
 * rcu_make_room. */
bool rcu_reclaim(struct participant *self, u64 ns_max);
/* Frees what is ripe in another one's ring, `most` at most; the world is stopped. True: there may
 * be more. */
bool rcu_reclaim_ring(struct participant *self, u32 index, u32 most);
/* Is a frame in that ring, or, !frames, anything else? A hint. */
bool rcu_ring_has(const struct vl_seg *seg, u32 index, bool frames);
/* Tries to complete a grace period; true if completed moved. */
bool rcu_advance(struct participant *self);
/* Moves the ring of a dead participant to self's; the world is stopped. False: not all fits (a
 * living reader holds the grace period up): the rest stays in the dead one's ring; try again later
 * and leave its slot until then. */
bool rcu_adopt(struct participant *self, u32 dead_index);
/* Has the grace period of the oldest entry in that participant's ring ended (or is it empty)? */
bool rcu_ring_ripe(const struct vl_seg *seg, u32 index);
/* Ends the sections of the dead, frees a dead scanner's lock; the world is stopped. */
void rcu_repair(struct vl_seg *seg, const struct dead_set *dead);

/* A grace period that takes longer than RCU_STALL_NS. The default report is a line on stderr. */
#define RCU_STALL_NS 1000000000ull
struct rcu_stall {
	u32 index;
	u32 pid;
	u32 tid;
	u32 op;
	char comm[16];
	u64 waited_ns;
};
typedef void (*rcu_stall_fn)(const struct rcu_stall *stall);
extern rcu_stall_fn vl_on_rcu_stall; /* process-local; NULL = the default */

#endif
