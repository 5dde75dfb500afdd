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
 * A participant that is stopped (SIGSTOP) or starved inside an operation cannot be waited for with
 * the entry closed, or it would stop all others with it. So the stopper opens the entry again after
 * CLOSED_NS and notes who it was. Until that one has done something, or left, or died, no stopper
 * closes the entry, but for one attempt in a pause of OPEN_SHARE times as long, which doubles. So
 * the entry is closed for at most one part in OPEN_SHARE of the time. One that is stopped outside
 * needs no wait: it cannot come in while the world is stopped.
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
#define STOP_FIRST_NS (100 * NSEC_PER_USEC) /* the first time: a stopper often comes for a death */
#define CLOSED_NS     (250 * NSEC_PER_MSEC)
#define OPEN_SHARE 20 /* so long the entry is open after an attempt that failed, as it was closed */
#define STUCK_TIMES_MAX 4 /* the pause doubles so often: to 80 s */

static bool stopper_dead(const struct vl_seg *seg, u32 stop)
{
	VL_ASSERT(stop - 1 < seg->hdr->config.participants_max); /* or nobody ends the wait */
	return participant_dead(seg, stop - 1);
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
			fence_full(); /* pairs: STOP-1 (world.c:stop_once) */
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
		fence_full(); /* pairs: STOP-1 (world.c:stop_once) */
	else
		compiler_barrier(); /* membarrier pairs: STOP-1 (world.c:stop_once) */
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
	u64 pause = NSEC_PER_USEC, checked = clock_ns(), check_ns = STOP_FIRST_NS;

	/* acquire: what its operation did. pairs: STOP-2 (participant.h:core_exit) */
	while (load_acquire_u32(&slot->in_core) == CORE_IN) {
		u64 now = clock_ns();

		if (now - checked >= check_ns || now >= deadline) {
			if (!participant_alive(seg, i))
				return 0;
			checked = now;
			check_ns = STOP_CHECK_NS;
		}
		if (now >= deadline)
			return -ETIMEDOUT;
		sleep_ns(pause);
		pause = min_u64(pause * 2, STOP_POLL_NS_MAX);
	}
	return 0;
}

/* --- one that does not leave --- */

/* Grows with everything that a participant does. */
static u64 progress_of(const struct vl_seg *seg, u32 i)
{
	const struct participant_area *area = participant_area_of(seg, i);
	u64 sum = load_relaxed_u32(&seg->slots[i].generation);

	for (u32 at = 0; at < STATS_COUNT; at++)
		sum += load_relaxed_u64(&area->stats[at]);
	return sum;
}

/* The stopper gives up: participant i is in, and the entry was closed for so long. */
static void note_stuck(struct participant *self, u32 i, u64 closed_ns)
{
	struct seg_header *hdr = self->seg->hdr;
	bool again = load_relaxed_u32(&hdr->stuck) == i + 1 &&
		     load_relaxed_u64(&hdr->stuck_progress) == progress_of(self->seg, i);
	u32 times = again ? (u32)min_u64(load_relaxed_u32(&hdr->stuck_times) + 1u, STUCK_TIMES_MAX)
			  : 0;

	/* relaxed: hints, each of them whole */
	store_relaxed_u32(&hdr->stuck_times, times);
	store_relaxed_u64(&hdr->stuck_progress, progress_of(self->seg, i));
	store_relaxed_u64(&hdr->stop_again_ns, clock_ns() + (closed_ns * OPEN_SHARE << times));
	store_relaxed_u32(&hdr->stuck, i + 1);
}

/* Has who was stuck done anything since? Then it will leave when the entry is closed. */
static bool stuck_moved(const struct vl_seg *seg, u32 i)
{
	return load_acquire_u32(&seg->slots[i].in_core) != CORE_IN || !participant_alive(seg, i) ||
	       progress_of(seg, i) != load_relaxed_u64(&seg->hdr->stuck_progress);
}

/* While it is known who would not leave, the entry stays open. 0, or -ETIMEDOUT. */
static int wait_for_stuck(struct participant *self, u64 deadline, u32 *stuck_pid)
{
	const struct seg_header *hdr = self->seg->hdr;
	u64 pause = STOP_POLL_NS_MAX;

	for (;;) {
		u32 stuck = load_relaxed_u32(&hdr->stuck); /* relaxed: a hint */
		u64 now = clock_ns();

		if (stuck == 0 || now >= load_relaxed_u64(&hdr->stop_again_ns) ||
		    stuck_moved(self->seg, stuck - 1))
			return 0;
		if (now >= deadline) {
			*stuck_pid = load_relaxed_u32(&self->seg->slots[stuck - 1].pid);
			return -ETIMEDOUT;
		}
		sleep_ns(min_u64(pause, deadline - now));
		pause = min_u64(pause * 2, STOP_CHECK_NS);
	}
}

/* One attempt, with the entry closed for CLOSED_NS at most. */
static int stop_once(struct participant *self, u64 deadline, u32 *stuck_pid)
{
	struct seg_header *hdr = self->seg->hdr;
	int err = become_stopper(self, deadline, stuck_pid);
	u64 begun = clock_ns(), until = min_u64(begun + CLOSED_NS, deadline);

	if (err)
		return err;
	add_relaxed_u32(&hdr->stop_gen, 1);
	readers_barrier(self->seg); /* pairs: STOP-1 (participant.h:core_enter_op) */
	for (u32 i = 0; i < load_acquire_u32(&hdr->slots_high); i++) {
		if (i == self->index || wait_out(self->seg, i, until) == 0)
			continue;
		*stuck_pid = load_relaxed_u32(&self->seg->slots[i].pid);
		note_stuck(self, i, clock_ns() - begun);
		world_start(self);
		return -ETIMEDOUT;
	}
	store_relaxed_u32(&hdr->stuck, 0);
	stat_inc(self, world_stops);
	return 0;
}

int world_stop(struct participant *self, u64 timeout_ns, u32 *stuck_pid)
{
	u64 deadline = clock_ns() + timeout_ns;
	int err;

	VL_ASSERT(load_relaxed_u32(&self->slot->in_core) != CORE_IN);
	*stuck_pid = 0;
	do {
		err = wait_for_stuck(self, deadline, stuck_pid);
		if (!err)
			err = stop_once(self, deadline, stuck_pid);
	} while (err == -ETIMEDOUT && clock_ns() < deadline);
	return err;
}

void world_start(struct participant *self)
{
	u32 *stop = &self->seg->hdr->stop, mine = self->index + 1;

	/* release: the repair. pairs: STOP-3 (world.c:enter_slow) */
	if (!cmpxchg_release_u32(stop, &mine, 0))
		vl_broken(__FILE__, __LINE__, "world_start by who did not stop it");
	futex_wake(stop, FUTEX_ALL);
}
