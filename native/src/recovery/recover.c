/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.c: recovery after participants died. DESIGN.md section 4 tells why it
 * stops the world.
 *
 * Who is dead is asked once, when the world has stopped, and all that follows goes by that answer.
 * Who dies later counts as living: it was outside or blocked, so what it announces is exact, and
 * the next recovery finds the same in its slot. (To ask again on the way is to sweep one's retire
 * ring and then to adopt it.)
 *
 * Nothing that recovery needs is changed before the last step (the dead slots are freed), and every
 * step derives its result from what is published: a recoverer that is killed is followed by one
 * that starts again.
 */
#include <stdlib.h>

#include "vmalab/events.h"
#include "vmalab/lock_model.h"
#include "vmalab/recover.h"
#include "walk.h"

#define STOP_TURNS 8

/* One of whom only the ring is left waits for a grace period. */
static bool to_repair(const struct vl_seg *seg, u32 index)
{
	return !load_relaxed_u32(&participant_area_of(seg, index)->retires_only) ||
	       rcu_ring_ripe(seg, index);
}

/* Is there anything to do? */
static bool anybody_dead(const struct vl_seg *seg)
{
	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++)
		if (participant_dead(seg, i) && to_repair(seg, i))
			return true;
	return false;
}

bool dead_to_repair(const struct vl_seg *seg, const struct dead_set *dead)
{
	for (u32 i = 0; dead->count && i < PARTICIPANTS_MAX; i++)
		if (dead_set_has(dead, i) && to_repair(seg, i))
			return true;
	return false;
}

static void note_dead(const struct vl_seg *seg, const struct dead_set *dead,
		      struct vl_recovery *out)
{
	for (u32 i = 0; i < PARTICIPANTS_MAX; i++) {
		if (!dead_set_has(dead, i))
			continue;
		if (out->dead_count < PARTICIPANTS_MAX) {
			out->dead_index[out->dead_count] = i;
			out->dead_pid[out->dead_count] = seg->slots[i].pid;
		}
		out->dead_count++;
	}
}

static int repair_all(struct participant *self, const struct dead_set *dead,
		      struct vl_recovery *out)
{
	struct walk w;

	/* Twice, if the first pass had anything to repair but leaks: what it drops (an mm, a file)
	 * had references that only the second finds gone. Who was killed outside an operation
	 * leaves nothing of that kind, and the others wait for one pass only. */
	for (int pass = 0; pass < 2; pass++) {
		int err = walk_begin(&w, self, dead, true, NULL, out);

		if (err)
			return err;
		walk_all(&w);
		walk_end(&w);
		if (w.err)
			return w.err;
		if (!w.dropped && out->mms_repaired + out->mms_reaped + out->locks_fixed +
						  out->ptes_fixed + out->frames_fixed ==
					  0)
			break;
	}
	return 0;
}

/* Another participant may be stopping the world for the same reason: wait for it, then look anew.
 */
int stop_for_us(struct participant *self, u32 *stuck_pid)
{
	int err = -EBUSY;

	for (int turn = 0; turn < STOP_TURNS && err == -EBUSY; turn++)
		err = world_stop(self, STOP_TIMEOUT_NS, stuck_pid);
	return err;
}

int recover_dead(struct participant *self, const struct dead_set *dead, struct vl_recovery *out)
{
	enum remains remains = dead_remains(self->seg, dead);
	u32 high = load_acquire_u32(&self->seg->hdr->slots_high);
	int err = 0;

	note_dead(self->seg, dead, out);
	event_note(self, EVENT_RECOVER, EVENT_LOCK_NONE, 0, dead->count);
	store_relaxed_u32(&self->seg->hdr->repairing, self->index + 1);
	compiler_barrier(); /* a kill: before anything is repaired */
	/* First: the sections of the dead must not hold up the grace periods that make room. */
	rcu_repair(self->seg, dead);
	for (u32 i = 0; i < high; i++)
		if (dead_set_has(dead, i))
			(void)rcu_adopt(self, i); /* what does not fit stays there */
	if (remains == REMAINS_ANYTHING) {
		recount_begin(self->seg);
		err = repair_all(self, dead, out);
	} else {
		repair_small(self, dead, remains, out);
	}
	out->walks += remains == REMAINS_ANYTHING;
	for (u32 i = 0; !err && i < high; i++) {
		if (!dead_set_has(dead, i))
			continue;
		LAB(lab_gates_forget(self, i));
		out->rings_kept += !participant_bury(self->seg, i);
	}
	compiler_barrier();
	if (!err)
		store_relaxed_u32(&self->seg->hdr->repairing, 0);
	stat_inc(self, recoveries);
	event_note(self, EVENT_RECOVERED, EVENT_LOCK_NONE, 0, (u64)err);
	return err;
}

int vl_recover(struct participant *self, struct vl_recovery *out)
{
	int err = 0;

	memset(out, 0, sizeof(*out));
	if (anybody_dead(self->seg))
		err = recover_stop(self, out, true);
	return err ? err : recount_finish(self, out, true, RECOUNT_SHARE);
}

/* A waiter found an owner dead and no supervisor has come yet. */
static void on_dead_owner(struct participant *self, u32 index)
{
	struct vl_recovery *out = calloc(1, sizeof(*out));

	(void)index;
	/* What the dead have leaked of frames others find: a waiter has locks, and wants to go on.
	 * But recovery may have the lock that it waits for. */
	if (out && anybody_dead(self->seg))
		(void)recover_stop(self, out, true);
	if (out)
		(void)recover_mend(self, out);
	free(out);
}

void recover_register(void)
{
	vl_on_dead_owner = on_dead_owner;
	recount_register();
	reclaim_register();
}
