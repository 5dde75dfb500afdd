/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reclaim.c: what the living keep for themselves goes back to the pools, because somebody found one
 * of them empty (scarce.h).
 *
 * A ring and a magazine have one owner, who takes from them without a lock. So the world is stopped
 * for it: all owners are outside, or blocked, where a recovery finds the same state. Nobody is in a
 * read section of the core then, so all that is retired is ripe, unless a library user reads.
 *
 * It must not become a weapon: the world is stopped only if somebody keeps what is wanted, for a
 * quarter of a millisecond or little more, and then not again until RECLAIM_SHARE times as long has
 * passed. Who comes earlier waits.
 *
 * hdr->reclaim_again_ns: written while the world is stopped; a dead writer leaves a time that
 * passes.
 * A dead reclaimer is named in hdr->repairing, so the recovery that follows walks the segment. What
 * it had taken from a living one and not given back stands in its own area (frame_hand,
 * retire_hand), or is a page in no magazine or an object in none, which the sweep finds.
 */
#include "vmalab/scarce.h"

#include "vmalab/frame.h"
#include "vmalab/futex.h"
#include "vmalab/slab.h"
#include "walk.h"

#define RECLAIM_SHARE 20
#define SLICE_NS      (NSEC_PER_MSEC / 4)
#define PAUSE_NS_MAX  (20 * NSEC_PER_MSEC)
#define STOP_NS_MAX   NSEC_PER_SEC
#define STEP_RETIRED  256

static bool in_use(const struct vl_seg *seg, u32 index)
{
	return load_acquire_u32(&seg->slots[index].role) != ROLE_FREE;
}

static bool keeps(const struct vl_seg *seg, u32 index, u32 what)
{
	const struct participant_area *area = participant_area_of(seg, index);

	/* relaxed: hints; the owners go on */
	if ((what & SCARCE_FRAMES) &&
	    (load_relaxed_u32(&area->frame_count) != 0 || rcu_ring_has(seg, index, true)))
		return true;
	return (what & SCARCE_PAGES) &&
	       (load_relaxed_u32(&area->page_count) != 0 || rcu_ring_has(seg, index, false));
}

static bool others_keep(const struct participant *self, u32 what)
{
	const struct vl_seg *seg = self->seg;

	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++)
		if (i != self->index && in_use(seg, i) && keeps(seg, i, what))
			return true;
	return false;
}

/* The ring of one that lives, or as much of it as there is time for: false. */
static bool ring_emptied(struct participant *self, u32 index, u64 until_ns)
{
	while (rcu_reclaim_ring(self, index, STEP_RETIRED))
		if (clock_ns() >= until_ns)
			return false;
	return true;
}

/* The world is stopped, and nobody is dead who was in the middle of something. */
static void take_all(struct participant *self, const struct dead_set *dead)
{
	struct vl_seg *seg = self->seg;
	u64 until_ns = clock_ns() + SLICE_NS;

	store_relaxed_u32(&seg->hdr->repairing, self->index + 1);
	compiler_barrier(); /* a kill: before anything is taken */
	/* Tags are at most gp_ctr + 1: two scans without readers make all ripe. */
	(void)rcu_advance(self);
	(void)rcu_advance(self);
	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		if (i == self->index || !in_use(seg, i) || dead_set_has(dead, i))
			continue;
		frame_magazine_reclaim(self, i);
		page_magazine_reclaim(self, i);
		if (!ring_emptied(self, i, until_ns))
			break;
	}
	compiler_barrier();
	store_relaxed_u32(&seg->hdr->repairing, 0);
}

/* Waits until the world may be stopped for a pool again. False: another one has done it since. */
static bool my_turn(const struct vl_seg *seg)
{
	/* relaxed: a time, whole */
	u64 again_ns = load_relaxed_u64(&seg->hdr->reclaim_again_ns), now_ns = clock_ns();

	if (now_ns >= again_ns)
		return true;
	sleep_ns(min_u64(again_ns - now_ns, PAUSE_NS_MAX));
	return load_relaxed_u64(&seg->hdr->reclaim_again_ns) == again_ns;
}

static bool reclaim(struct participant *self, u32 what)
{
	struct seg_header *hdr = self->seg->hdr;
	struct dead_set dead;
	u64 begun_ns, end_ns;
	u32 stuck_pid;
	int err;

	if (!others_keep(self, what))
		return false;
	if (!my_turn(self->seg))
		return true;
	begun_ns = clock_ns();
	err = world_stop(self, STOP_NS_MAX, &stuck_pid);
	if (err)
		return err == -EBUSY; /* another one stopped it, perhaps for the same */
	find_dead(self->seg, &dead);
	if (!dead_to_repair(self->seg, &dead))
		take_all(self, &dead);
	end_ns = clock_ns();
	store_relaxed_u64(&hdr->reclaim_again_ns, end_ns + (end_ns - begun_ns) * RECLAIM_SHARE);
	world_start(self);
	return true;
}

void reclaim_register(void)
{
	vl_on_scarce = reclaim;
}
