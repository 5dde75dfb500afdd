/* SPDX-License-Identifier: Apache-2.0 */
/*
 * life.h (segment): which participants live, as the kernel says it.
 *
 * A participant that lives has a lock on a byte of the segment's file, of an open file description
 * of its own, which nothing but one mapping of one page refers to. The kernel takes the lock away
 * with the mapping: when the process ends or executes another program, at whatever instruction it
 * was killed, and not before its last thread has left user space. No pid is asked, so the answer is
 * the same in every pid, user and mount namespace. life.c has the arguments.
 */
#ifndef VMALAB_LIFE_H
#define VMALAB_LIFE_H

#include "vmalab/segment.h"

/* An open file description of the segment's file that shares nothing with any other, or -1. */
int life_open(const struct vl_seg *seg);
/* Tries to begin the life of participant index: true, or false when somebody has it. */
bool life_take(int fd, u32 index);
void life_drop(int fd, u32 index); /* takes that back */
/* Closes fd and ties what was taken through it to this process: the page to give to life_end, NULL
 * when there is no memory for it (then nothing is taken any more). */
void *life_keep(int fd);
void life_end(void *page);
/* Around life_open ... life_keep: no child of fork() comes into being with the descriptor. */
void life_lock_fork(void);
void life_unlock_fork(void);

/* Has the life of participant index ended, or none begun? False when it cannot be told (the
 * program has closed the segment's descriptor). */
bool life_ended(const struct vl_seg *seg, u32 index);

/* The answer of one moment, for all: who was dead when a recovery looked. Who dies later is not in
 * it, and is the next recovery's. */
struct dead_set {
	u64 bits[PARTICIPANTS_MAX / 64];
	u32 count;
};

static inline bool dead_set_has(const struct dead_set *dead, u32 index)
{
	return dead->bits[index / 64] >> (index % 64) & 1;
}

static inline void dead_set_add(struct dead_set *dead, u32 index)
{
	dead->bits[index / 64] |= 1ull << (index % 64);
	dead->count++;
}

/* The namespace whose monotonic clock this process reads: an inode number, 0 where the kernel has
 * no time namespaces or /proc is not there. */
u64 life_clock_namespace(void);
/* The namespace that this process's pid belongs to; 0 as above. */
u64 life_pid_namespace(void);

#endif
