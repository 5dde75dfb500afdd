/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutex.h (segment): the short mutex.
 *
 * Held for a bounded number of instructions, never across a wait on an rwsem. Its word is 0 or
 * the owner's participant index + 1, with VL_MUTEX_WAITERS when somebody may sleep on it. A
 * waiter that after a deadline finds the owner dead takes the mutex over and is told so
 * (MUTEX_STOLEN): it must rebuild what the mutex guards from what is authoritative. What the
 * guarded code may assume is in mutex.c, with the state machine.
 */
#ifndef VMALAB_MUTEX_H
#define VMALAB_MUTEX_H

#include "vmalab/base.h"

struct participant;
struct vl_seg;
struct dead_set;

struct vl_mutex {
	u32 word;
};
#define VL_MUTEX_WAITERS 0x80000000u
#define MUTEX_STOLEN     1

int mutex_lock(struct participant *self, struct vl_mutex *m); /* 0 or MUTEX_STOLEN */
bool mutex_trylock(struct participant *self, struct vl_mutex *m);
void mutex_unlock(struct participant *self, struct vl_mutex *m);
/* Frees it if its owner is among the dead; the world is stopped. */
void mutex_repair(struct vl_seg *seg, struct vl_mutex *m, const struct dead_set *dead);

#endif
