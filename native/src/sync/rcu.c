/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rcu.c: grace periods between processes, the retire ring, stall reports.
 *
 * Words:
 *   slot.rcu       0                in no section        -> gp_ctr by its owner (rcu_read_lock)
 *                  N                in a section since N -> 0 by its owner (rcu_read_unlock)
 *                  A dead owner leaves N: scans skip it once the death is proven; rcu_repair
 *                  clears it.
 *   hdr.gp_ctr     moves by 1 per scan, under advance_lock. A scanner that dies after that leaves
 *                  a number whose grace period nobody finished: the next scan is another number.
 *   hdr.completed  never falls; one store under advance_lock at the end of a scan.
 *   retire ring    its owner; who has stopped the world. An entry is written, then retire_tail
 *                  moves; retire_head moves, then the entry is freed. A kill in between leaks the
 *                  entry; the sweep of recovery finds it as allocated and unreachable.
 *
 * Orderings. U unpublishes an object and retires it, A advances, R reads.
 *   RCU-1  R's acquire load of gp_ctr = n reads what A's increment released. U's tag is gp_ctr +
 *          1 after a full fence. If n > tag, the one who made n had read `tag` or more, which
 *          came after U read tag - 1, and ran a full fence between that and making n: U's
 *          unpublishing is before that fence, and n carries it to R, who cannot find the object.
 *          (With tag = gp_ctr, n = tag + 1 could be read by a reader whose later loads no fence
 *          orders; it would be right on every machine that exists, but C11 does not say so.)
 *   RCU-2  R stores its word, barrier, reads; A increments, barrier on all readers, loads the
 *          words. Either A sees the word, or R's reads come after A's barrier and see every
 *          unpublishing of before. Without it A could miss a reader that has found the object.
 *   RCU-3  R's release store of 0 (or of a later word: same thread, same release sequence) pairs
 *          with A's acquire load: what R read was read before the object is freed.
 *   RCU-4  completed is stored with release by A, loaded with acquire by whoever frees: RCU-3
 *          reaches the one who frees, who need not be the one who scanned.
 *   RCU-5  rcu_mark: R reads mark = gp_ctr, then finds an object; in a later section R stores its
 *          word, barrier, reads the same mark. The object's tag is at least the mark, or R could
 *          not have found it (RCU-1). So it may be freed only after a scan with a number above the
 *          mark. If R's barrier of that scan came before R read the mark again, R would have read
 *          that number; so it came after, and the scan saw R's word, which is not above the mark:
 *          it did not free the object. (The word alone would not do: the barrier may come between
 *          R's load of gp_ctr and its store. Fenced: the same with both sides' fences.)
 *
 * Waits: a grace period ends when every reader of before has left its section. Sections do not
 * block and a dead reader is skipped, so the wait is bounded by the readers; it sleeps in bounded
 * steps and reports a stall by name.
 */
#include "vmalab/rcu.h"

#include <stdio.h>

#include "vmalab/events.h"
#include "vmalab/futex.h"
#include "vmalab/membarrier.h"
#include "vmalab/safe_point.h"
#include "vmalab/stats.h"

#define WAIT_SPINS        50
#define WAIT_SLEEP_NS_MIN (20 * NSEC_PER_USEC)
#define WAIT_SLEEP_NS_MAX (1 * NSEC_PER_MSEC)
#define DEAD_CHECK_NS (100 * NSEC_PER_MSEC) /* a wait that lasts so long looks for dead readers */
#define FOREVER       UINT64_MAX
#define POLL_STEP     512 /* so many more entries before a poll tries to advance again, at most */

static rcu_free_fn free_fns[RETIRE_KINDS_MAX];
rcu_stall_fn vl_on_rcu_stall;

void rcu_free_register(u32 kind, rcu_free_fn fn)
{
	VL_ASSERT(kind > RETIRE_NONE && kind < RETIRE_KINDS_MAX);
	free_fns[kind] = fn;
}

struct scan {
	u64 oldest; /* smallest word seen, or the number of this grace period */
	u32 index;  /* whose */
};

/* Looks at every reader. look_for_dead: a word left by a dead process does not count; its slot may
 * meanwhile belong to a new reader, but that one began after the barrier of this scan. */
static struct scan oldest_reader(const struct vl_seg *seg, u64 now, bool look_for_dead)
{
	struct scan scan = {now, UINT32_MAX};
	u32 high = load_acquire_u32(&seg->hdr->slots_high);

	for (u32 i = 0; i < high; i++) {
		/* acquire: its reads are over. pairs: RCU-3 (rcu.h:rcu_read_unlock) */
		u64 word = load_acquire_u64(&seg->slots[i].rcu);

		if (word == 0 || word >= scan.oldest)
			continue;
		if (look_for_dead && !participant_alive(seg, i))
			continue;
		scan.oldest = word;
		scan.index = i;
	}
	return scan;
}

/* One scan; the caller owns advance_lock. */
static struct scan rcu_advance_locked(struct participant *self, bool look_for_dead)
{
	struct rcu_state *rcu = &self->seg->hdr->rcu;
	u64 now = load_acquire_u64(&rcu->gp_ctr) + 1;
	struct scan scan;

	fence_full(); /* the fence of RCU-1: after the old number, before the new one */
	/* pairs: RCU-1 (rcu.h:rcu_read_lock)
	 * pairs: RCU-5 (rcu.h:rcu_mark) */
	store_release_u64(&rcu->gp_ctr, now);
	readers_barrier(self->seg); /* pairs: RCU-2 (rcu.h:rcu_read_lock) */
	scan = oldest_reader(self->seg, now, look_for_dead);
	if (scan.oldest - 1 > rcu->completed) {
		/* pairs: RCU-4 (rcu.c:completed_tag) */
		store_release_u64(&rcu->completed, scan.oldest - 1);
		stat_inc(self, rcu_gp);
	}
	return scan;
}

static u64 completed_tag(const struct participant *self)
{
	/* acquire: all readers' reads. pairs: RCU-4 (rcu.c:rcu_advance_locked) */
	return load_acquire_u64(&self->seg->hdr->rcu.completed);
}

bool rcu_advance(struct participant *self)
{
	u64 before = completed_tag(self);

	if (!mutex_trylock(self, &self->seg->hdr->rcu.advance_lock))
		return false;
	rcu_advance_locked(self, false);
	mutex_unlock(self, &self->seg->hdr->rcu.advance_lock);
	return completed_tag(self) != before;
}

static void report_stall(struct participant *self, u32 index, u64 waited_ns)
{
	struct participant_slot *slot = &self->seg->slots[index];
	struct rcu_stall stall = {
		.index = index,
		.pid = load_relaxed_u32(&slot->pid),
		.tid = load_relaxed_u32(&slot->tid),
		.op = load_relaxed_u16(&slot->op),
		.waited_ns = waited_ns,
	};

	for (u32 i = 0; i < sizeof(stall.comm); i++)
		stall.comm[i] = (char)load_relaxed_u8((const u8 *)&slot->comm[i]);
	stall.comm[sizeof(stall.comm) - 1] = 0;
	store_relaxed_u64(&slot->rcu_since_ns, clock_ns());
	add_relaxed_u64(&self->seg->hdr->rcu.stalls, 1);
	if (vl_on_rcu_stall) {
		vl_on_rcu_stall(&stall);
		return;
	}
	fprintf(stderr,
		"vmalab: RCU stall: participant %u (pid %u, tid %u, %s, op %u) has been in a "
		"read section for %.1f s\n",
		stall.index, stall.pid, stall.tid, stall.comm, stall.op, (double)waited_ns / 1e9);
}

static bool wait_turns(struct participant *self, u64 tag, bool may_block, u64 until_ns)
{
	struct vl_mutex *lock = &self->seg->hdr->rcu.advance_lock;
	u64 begin = clock_ns(), pause = WAIT_SLEEP_NS_MIN, stall_ns = RCU_STALL_NS, waited;
	bool block = may_block && load_relaxed_u32(&self->slot->in_core) == CORE_IN;
	struct scan scan;

	VL_ASSERT(self->rcu_nest == 0); /* it would wait for itself */
	for (u32 round = 0; completed_tag(self) < tag; round++) {
		waited = round < WAIT_SPINS ? 0 : clock_ns() - begin;
		(void)mutex_lock(self, lock); /* stolen: each word it guards is whole by itself */
		/* An actor of the lab looks each time: its clock counts steps, not waiting. */
		scan = rcu_advance_locked(self, lab_is_actor() || waited >= DEAD_CHECK_NS);
		mutex_unlock(self, lock);
		if (completed_tag(self) >= tag)
			return true;
		if (until_ns != FOREVER && (cancelled(self) || clock_ns() >= until_ns))
			return false;
		if (scan.index != UINT32_MAX && waited >= stall_ns) {
			report_stall(self, scan.index, waited);
			stall_ns *= 2;
		}
		if (lab_is_actor()) {
			lab_yield();
			continue;
		}
		if (round < WAIT_SPINS) {
			cpu_relax();
			continue;
		}
		if (block)
			core_block(self);
		sleep_ns(pause);
		if (block)
			core_unblock(self);
		pause = min_u64(pause * 2, WAIT_SLEEP_NS_MAX);
	}
	return true;
}

/* Advances until completed >= tag. may_block: the world may be stopped while we sleep. until_ns:
 * false then, and for a cancelled caller; FOREVER: whatever comes. */
static bool wait_for_tag(struct participant *self, u64 tag, bool may_block, u64 until_ns)
{
	u64 begin_ns;
	bool over;

	if (completed_tag(self) >= tag)
		return true;
	begin_ns = event_wait_begin(self, NULL, EVENT_LOCK_GRACE, 0, 0);
	over = wait_turns(self, tag, may_block, until_ns);
	event_wait_end(self, NULL, EVENT_LOCK_GRACE, begin_ns, over);
	return over;
}

static u64 new_tag(const struct participant *self)
{
	/* What we unpublished comes before the number. pairs: RCU-1 (rcu.c:rcu_advance_locked) */
	fence_full();
	return load_relaxed_u64(&self->seg->hdr->rcu.gp_ctr) + 1; /* relaxed: the fence orders it */
}

void synchronize_rcu(struct participant *self)
{
	stat_inc(self, rcu_sync);
	/* The world must not stop here: inside an operation the caller has entries marked that
	 * nobody may judge (op_uffd.c). Dead readers are skipped, so the wait is that of the
	 * living's sections. */
	(void)wait_for_tag(self, new_tag(self), false, FOREVER);
	STEP(grace_period);
}

static u32 ring_count(const struct participant_area *area)
{
	return (area->retire_tail - area->retire_head) & PLACE_MASK(RETIRE_RING);
}

/* So many are retired that a grace period is to be started, again after some more. Where frames are
 * few, a share of them is many: nobody else can have what waits here. */
static bool wants_grace_period(const struct participant *self)
{
	u32 share = self->frames_keep;
	u32 since = (self->area->retire_tail - self->retire_mark) & PLACE_MASK(RETIRE_RING);

	return ring_count(self->area) > min_u64(RETIRE_RING / 4, share) &&
	       since >= min_u64(POLL_STEP, share / 2);
}

/* After each change of the ring: from when on is there something to do? With the oldest one's grace
 * period; at once, if one is to be started (lab: always); never, if nothing is retired. */
static void note_due(struct participant *self)
{
	const struct participant_area *area = self->area;

	if (ring_count(area) == 0)
		self->retire_due = UINT64_MAX;
	else if (LAB(true ||) wants_grace_period(self))
		self->retire_due = 0;
	else
		self->retire_due = area->retired[area->retire_head % RETIRE_RING].tag;
}

/* A kill: what is in no ring any more and in no other place yet stands here. */
static void take_in_hand(struct participant *self, struct retired r)
{
	store_relaxed_u64(&self->area->retire_hand, (u64)r.kind << 32 | r.ref);
	compiler_barrier();
}

/* Of our ring, or of another one's while the world is stopped. */
static void free_first(struct participant *self, struct participant_area *area)
{
	struct retired r = area->retired[area->retire_head % RETIRE_RING];

	VL_ASSERT(r.kind < RETIRE_KINDS_MAX && free_fns[r.kind]);
	take_in_hand(self, r);
	/* First out of the ring, then freed: a kill in between leaks, it never frees twice. */
	store_release_u32(&area->retire_head, place_next(area->retire_head, RETIRE_RING));
	compiler_barrier();
	free_fns[r.kind](self, r.kind, r.ref);
	stat_inc(self, rcu_freed);
	STEP(reclaimed);
}

/* Frees what is ripe, at most what is there now. */
static void free_ripe(struct participant *self)
{
	struct participant_area *area = self->area;
	u64 completed = completed_tag(self);

	for (u32 n = ring_count(area); n > 0; n--) {
		if (area->retired[area->retire_head % RETIRE_RING].tag > completed)
			break;
		free_first(self, area);
	}
	note_due(self);
}

static void push(struct participant *self, struct retired r)
{
	struct participant_area *area = self->area;

	VL_ASSERT(ring_count(area) < RETIRE_RING);
	area->retired[area->retire_tail % RETIRE_RING] = r;
	compiler_barrier();
	store_release_u32(&area->retire_tail, place_next(area->retire_tail, RETIRE_RING));
	note_due(self);
}

void rcu_retire(struct participant *self, u32 kind, u32 ref)
{
	struct participant_area *area = self->area;
	struct retired r = {.tag = new_tag(self), .kind = kind, .ref = ref};

	VL_ASSERT(kind < RETIRE_KINDS_MAX && free_fns[kind]);
	if (unlikely(ring_count(area) == RETIRE_RING)) {
		free_ripe(self);
		if (ring_count(area) == RETIRE_RING && self->rcu_nest == 0)
			(void)wait_for_tag(self, area->retired[area->retire_head % RETIRE_RING].tag,
					   false, FOREVER);
		else if (ring_count(area) == RETIRE_RING)
			rcu_advance(self);
		free_ripe(self);
		/* Inside a section, still full: operations make room at their start for all that
		 * they retire inside sections, so this is a bug there. (push asserts it.) */
	}
	push(self, r);
	stat_inc(self, rcu_retired);
}

void rcu_poll_ring(struct participant *self)
{
	struct participant_area *area = self->area;

	note_change(self);
	if (lab_is_actor()) { /* grace periods as early as they can end */
		if (self->rcu_nest == 0) {
			rcu_advance(self);
			rcu_advance(self);
			free_ripe(self);
		}
		return;
	}
	if (area->retired[area->retire_head % RETIRE_RING].tag <= completed_tag(self)) {
		free_ripe(self);
		return;
	}
	if (!wants_grace_period(self))
		return;
	self->retire_mark = area->retire_tail;
	rcu_advance(self);
	free_ripe(self);
}

void rcu_tidy(struct participant *self)
{
	VL_ASSERT(self->rcu_nest == 0);
	if (ring_count(self->area) == 0)
		return;
	rcu_advance(self);
	free_ripe(self);
}

void rcu_make_room(struct participant *self)
{
	struct participant_area *area = self->area;

	if (likely(ring_count(area) <= RETIRE_RING / 2))
		return;
	VL_ASSERT(self->rcu_nest == 0);
	free_ripe(self);
	while (ring_count(area) > RETIRE_RING / 2) {
		u32 middle = area->retire_tail - RETIRE_RING / 2 - 1;

		(void)wait_for_tag(self, area->retired[middle % RETIRE_RING].tag, true, FOREVER);
		free_ripe(self);
	}
}

static u64 last_tag(const struct participant_area *area)
{
	return area->retired[(area->retire_tail - 1) % RETIRE_RING].tag;
}

void rcu_barrier(struct participant *self)
{
	struct participant_area *area = self->area;

	while (ring_count(area) != 0) { /* freeing may retire slab pages: at most twice */
		(void)wait_for_tag(self, last_tag(area), true, FOREVER);
		free_ripe(self);
	}
}

bool rcu_reclaim(struct participant *self, u64 ns_max)
{
	u32 before = ring_count(self->area);

	if (before == 0)
		return false;
	(void)wait_for_tag(self, last_tag(self->area), true, clock_ns() + ns_max);
	free_ripe(self);
	return ring_count(self->area) != before;
}

void rcu_repair(struct vl_seg *seg, const struct dead_set *dead)
{
	struct rcu_state *rcu = &seg->hdr->rcu;

	VL_ASSERT(rcu->completed <= rcu->gp_ctr);
	mutex_repair(seg, &rcu->advance_lock, dead);
	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		if (load_relaxed_u64(&seg->slots[i].rcu) != 0 && dead_set_has(dead, i))
			store_release_u64(&seg->slots[i].rcu, 0);
	}
}

bool rcu_ring_ripe(const struct vl_seg *seg, u32 index)
{
	const struct participant_area *area = participant_area_of(seg, index);

	return ring_count(area) == 0 || area->retired[area->retire_head % RETIRE_RING].tag <=
						load_relaxed_u64(&seg->hdr->rcu.completed);
}

bool rcu_adopt(struct participant *self, u32 dead_index)
{
	struct participant_area *dead = participant_area_of(self->seg, dead_index);

	/* Half stays free: for an operation under way, which made room for what it retires in
	 * sections, and for slab pages that freeing retires. Nothing may wait for a grace period
	 * here: a reader of before may stand at the door of the stopped world. */
	u32 most = RETIRE_RING / 2;

	VL_ASSERT(dead != self->area);
	while (ring_count(dead) != 0) {
		struct retired r = dead->retired[dead->retire_head % RETIRE_RING];

		if (ring_count(self->area) >= most) {
			free_ripe(self);
			/* Tags are at most gp_ctr + 1: two scans without readers make all ripe. */
			if (ring_count(self->area) >= most &&
			    (rcu_advance(self) | rcu_advance(self)))
				free_ripe(self);
			if (ring_count(self->area) >= most)
				return false;
		}
		/* Out of the one, then into the other: a kill in between leaks, recovery finds it.
		 */
		take_in_hand(self, r);
		store_release_u32(&dead->retire_head, place_next(dead->retire_head, RETIRE_RING));
		compiler_barrier();
		r.tag = new_tag(self); /* its order in our ring: tags never fall */
		push(self, r);
	}
	return true;
}

bool rcu_ring_has(const struct vl_seg *seg, u32 index, bool frames)
{
	const struct participant_area *area = participant_area_of(seg, index);
	/* relaxed throughout: a hint, of one who goes on */
	u32 at = load_relaxed_u32(&area->retire_head), tail = load_relaxed_u32(&area->retire_tail);

	for (u32 n = 0; at != tail && n < RETIRE_RING; n++, at = place_next(at, RETIRE_RING)) {
		u32 kind = load_relaxed_u32(&area->retired[at % RETIRE_RING].kind);

		if ((kind == RETIRE_FRAME) == frames)
			return true;
	}
	return false;
}

bool rcu_reclaim_ring(struct participant *self, u32 index, u32 most)
{
	struct participant_area *area = participant_area_of(self->seg, index);
	u64 completed = completed_tag(self);

	VL_ASSERT(area != self->area);
	while (ring_count(area) != 0 &&
	       area->retired[area->retire_head % RETIRE_RING].tag <= completed) {
		/* Freeing retires slab pages, into our ring: nothing may wait for room there. */
		if (most-- == 0 || ring_count(self->area) >= RETIRE_RING / 2)
			return true;
		free_first(self, area);
	}
	return false;
}
