/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world.c: stopping the world, entering a stopped one.
 *
 * hdr->stop (futex):
 *   0            the world runs            -> I + 1 by a stopper (cmpxchg)
 *   I + 1        participant I stops it    -> 0 by I (world_start), J + 1 by a stopper J that
 *                                             proved I dead
 *   STOP_BROKEN  the segment is broken     -> for ever
 *   A dead stopper leaves I + 1, and perhaps a half-made repair: nobody enters; a waiter that
 *   proves the death calls the recovery hook, which stops the world itself and starts again. With
 *   no hook (a process without the recovery layer) a waiter waits for a process that has one.
 *
 * STOP-1: enter: store in_core = IN; barrier; load stop. stop: store stop; barrier; load in_core.
 *         One of the two sees the other. Without the barriers both could miss: the stopper
 *         repairs while somebody runs. In the fence-free flavour membarrier on the stopper's side
 *         makes the compiler barrier of the other side a full one.
 * STOP-2: leave: in_core is stored with release and loaded by the stopper with acquire: what the
 *         operation wrote is seen by the repair.
 * STOP-3: world_start stores 0 with release, entering loads it with acquire: what was repaired is
 *         seen by who runs on.
 *
 * Waits: the stopper's is bounded by its timeout; who waits to enter sleeps in bounded steps, but
 * as long as the stopper lives: going on in a half-repaired segment would be worse.
 */
#include "vmalab/futex.h"
#include "vmalab/membarrier.h"
#include "vmalab/participant.h"
#include "vmalab/safe_point.h"
#include "vmalab/stats.h"

#define ENTER_SLEEP_NS   (100 * NSEC_PER_MSEC)
#define STOP_POLL_NS_MAX (1 * NSEC_PER_MSEC)
#define STOP_CHECK_NS    (10 * NSEC_PER_MSEC) /* how often who stays in is checked for life */

static bool stopper_dead(const struct vl_seg *seg, u32 stop)
{
	return stop - 1 < seg->hdr->config.participants_max && participant_dead(seg, stop - 1);
}

/* Waits until the world runs, then marks self CORE_IN. outside: CORE_OUT or CORE_BLOCKED. */
static int enter_slow(struct participant *self, u32 outside)
{
	struct seg_header *hdr = self->seg->hdr;

	for (;;) {
		/* pairs: STOP-2 (world.c:wait_out) */
		store_release_u32(&self->slot->in_core, outside);
		/* pairs: STOP-3 (world.c:world_start) */
		u32 stop = load_acquire_u32(&hdr->stop);

		if (stop == 0) {
			store_relaxed_u32(&self->slot->in_core, CORE_IN);
			fence_full(); /* pairs: STOP-1 (world.c:world_stop) */
			if (load_acquire_u32(&hdr->stop) == 0)
				return 0;
			continue;
		}
		if (stop == STOP_BROKEN || load_relaxed_u32(&hdr->state) == SEG_BROKEN)
			return VL_E_BROKEN;
		if (futex_wait(&hdr->stop, stop, ENTER_SLEEP_NS) == -ETIMEDOUT &&
		    load_relaxed_u32(&hdr->stop) == stop && stopper_dead(self->seg, stop) &&
		    vl_on_dead_owner)
			vl_on_dead_owner(self, stop - 1);
	}
}

int core_enter_slow(struct participant *self)
{
	return enter_slow(self, CORE_OUT);
}

void core_unblock(struct participant *self)
{
	store_relaxed_u32(&self->slot->in_core, CORE_IN);
	if (self->fenced)
		fence_full(); /* pairs: STOP-1 (world.c:world_stop) */
	else
		compiler_barrier(); /* membarrier pairs: STOP-1 (world.c:world_stop) */
	if (likely(load_acquire_u32(&self->seg->hdr->stop) == 0))
		return;
	/* In the middle of an operation there is no error to return. */
	if (enter_slow(self, CORE_BLOCKED) != 0)
		vl_broken(__FILE__, __LINE__, "the segment was broken by another process");
}

void safe_point_stop(struct participant *self)
{
	VL_ASSERT(self->rcu_nest == 0);
	core_block(self);
	core_unblock(self);
}

/* Makes self the stopper: 0, -EBUSY (another one was at it, or still is), VL_E_BROKEN. */
static int become_stopper(struct participant *self, u64 deadline, u32 *stuck_pid)
{
	struct seg_header *hdr = self->seg->hdr;
	bool waited = false;

	for (;;) {
		u32 stop = load_acquire_u32(&hdr->stop);
		u64 now = clock_ns();

		if (stop == STOP_BROKEN)
			return VL_E_BROKEN;
		if (stop == 0 && waited)
			return -EBUSY;
		if (stop == 0 || stopper_dead(self->seg, stop)) {
			/* acquire: what a dead stopper repaired */
			if (cmpxchg_acq_rel_u32(&hdr->stop, &stop, self->index + 1))
				return 0;
			continue;
		}
		VL_ASSERT(stop != self->index + 1); /* not recursive */
		if (now >= deadline) {
			*stuck_pid = load_relaxed_u32(&self->seg->slots[stop - 1].pid);
			return -EBUSY;
		}
		futex_wait(&hdr->stop, stop, min_u64(deadline - now, ENTER_SLEEP_NS));
		waited = true;
	}
}

/* Waits until participant i is outside or dead. */
static int wait_out(struct vl_seg *seg, u32 i, u64 deadline)
{
	const struct participant_slot *slot = &seg->slots[i];
	u64 pause = NSEC_PER_USEC, checked = clock_ns();

	/* acquire: what its operation did. pairs: STOP-2 (participant.h:core_exit) */
	while (load_acquire_u32(&slot->in_core) == CORE_IN) {
		u64 now = clock_ns();

		if (now - checked >= STOP_CHECK_NS || now >= deadline) {
			if (!participant_alive(seg, i))
				return 0;
			checked = now;
		}
		if (now >= deadline)
			return -ETIMEDOUT;
		sleep_ns(pause);
		pause = min_u64(pause * 2, STOP_POLL_NS_MAX);
	}
	return 0;
}

int world_stop(struct participant *self, u64 timeout_ns, u32 *stuck_pid)
{
	struct seg_header *hdr = self->seg->hdr;
	u64 deadline = clock_ns() + timeout_ns;
	int err;

	VL_ASSERT(load_relaxed_u32(&self->slot->in_core) != CORE_IN);
	*stuck_pid = 0;
	err = become_stopper(self, deadline, stuck_pid);
	if (err)
		return err;
	add_relaxed_u32(&hdr->stop_gen, 1);
	readers_barrier(self->seg); /* pairs: STOP-1 (participant.h:core_enter) */
	for (u32 i = 0; i < load_acquire_u32(&hdr->slots_high); i++) {
		if (i == self->index || wait_out(self->seg, i, deadline) == 0)
			continue;
		*stuck_pid = load_relaxed_u32(&self->seg->slots[i].pid);
		world_start(self);
		return -ETIMEDOUT;
	}
	stat_inc(self, world_stops);
	return 0;
}

void world_start(struct participant *self)
{
	u32 *stop = &self->seg->hdr->stop, mine = self->index + 1;

	/* release: the repair. pairs: STOP-3 (world.c:enter_slow) */
	if (!cmpxchg_release_u32(stop, &mine, 0))
		vl_broken(__FILE__, __LINE__, "world_start by who did not stop it");
	futex_wake(stop, FUTEX_ALL);
}
