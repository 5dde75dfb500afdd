/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.c (L6): recovery after a participant died, and fsck. DESIGN.md section 4 tells why it
 * stops the world.
 *
 * Nothing that recovery needs is changed before the last step (the dead slots are freed), and every
 * step derives its result from what is published: a recoverer that is killed is followed by one
 * that starts again.
 */
#include <stdio.h>
#include <stdlib.h>

#include "vmalab/api.h"
#include "vmalab/lock_model.h"
#include "vmalab/recover.h"
#include "vmalab/walk.h"

#define STOP_TIMEOUT_NS 5000000000ull /* how long the living may take to leave the core */
#define STOP_TURNS      8

static u32 find_dead(const struct vl_seg *seg, struct vl_recovery *out)
{
	u32 high = load_acquire_u32(&seg->hdr->slots_high);

	for (u32 i = 0; i < high && out->dead_count < ARRAY_SIZE(out->dead_index); i++) {
		const struct participant_slot *slot = &seg->slots[i];

		if (!participant_dead(seg, i))
			continue;
		out->dead_index[out->dead_count] = i;
		out->dead_pid[out->dead_count++] = slot->pid;
	}
	return out->dead_count;
}

static int repair_all(struct participant *self, struct vl_recovery *out)
{
	struct walk w;

	/* Twice: what the first pass drops (an mm, a file) had references that only the second
	 * finds gone. */
	for (int pass = 0; pass < 2; pass++) {
		int err = walk_begin(&w, self, true, NULL, 0, out);

		if (err)
			return err;
		walk_all(&w);
		walk_end(&w);
	}
	return 0;
}

/* Another participant may be stopping the world for the same reason: wait for it, then look anew.
 */
static int stop_for_us(struct participant *self, u32 *stuck_pid)
{
	int err = -EBUSY;

	for (int turn = 0; turn < STOP_TURNS && err == -EBUSY; turn++)
		err = world_stop(self, STOP_TIMEOUT_NS, stuck_pid);
	return err;
}

/* The world is stopped. */
static int recover_stopped(struct participant *self, struct vl_recovery *out)
{
	bool adopted[ARRAY_SIZE(out->dead_index)];
	int err;

	/* What a dead one retired still waits for its grace period. If it does not all fit now, the
	 * slot stays for a later recovery. */
	for (u32 i = 0; i < out->dead_count; i++)
		adopted[i] = rcu_adopt(self, out->dead_index[i]);
	rcu_repair(self->seg);
	err = repair_all(self, out);
	for (u32 i = 0; !err && i < out->dead_count; i++) {
		LAB(lab_gates_forget(self, out->dead_index[i]));
		if (adopted[i])
			participant_bury(self->seg, out->dead_index[i]);
	}
	stat_inc(self, recoveries);
	return err;
}

int vl_recover(struct participant *self, struct vl_recovery *out)
{
	int err;

	memset(out, 0, sizeof(*out));
	if (!find_dead(self->seg, out))
		return 0;
	err = stop_for_us(self, &out->stuck_pid);
	if (err)
		return err;
	memset(out, 0, sizeof(*out));
	err = find_dead(self->seg, out) ? recover_stopped(self, out) : 0;
	world_start(self);
	return err;
}

long vl_fsck(struct participant *self, char *text, u64 cap)
{
	struct walk w;
	u32 stuck = 0;
	int err = stop_for_us(self, &stuck);

	if (err == -ETIMEDOUT)
		return snprintf(text, cap,
				"pid %u does not leave the core: cannot stop the world\n", stuck);
	if (err)
		return err;
	err = walk_begin(&w, self, false, text, cap, NULL);
	if (!err) {
		walk_all(&w);
		walk_end(&w);
	}
	world_start(self);
	return err ? err : (long)w.text_bytes;
}

/* A waiter found an owner dead and no supervisor has come yet. */
static void on_dead_owner(struct participant *self, u32 index)
{
	struct vl_recovery *out = malloc(sizeof(*out));

	(void)index;
	if (out)
		(void)vl_recover(self, out);
	free(out);
}

void recover_register(void)
{
	vl_on_dead_owner = on_dead_owner;
}
