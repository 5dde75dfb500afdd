/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rwsem.h (sync): process-shared reader-writer semaphore, 40 bytes like the kernel's rw_semaphore.
 *
 * Contract: any number of readers or one writer. A waiting writer stops new readers (trylock
 * included), so writers are not starved; readers that waited are let in together when a writer
 * leaves. Every call names the announcement place (participant.h: enum hold_place) that it may
 * use. Waits sleep on a futex, bounded by a deadline after which the waiter looks whether the
 * owners live, and are the only places where the world can be stopped inside an operation
 * (core_block): blocking calls are made inside core_enter/core_exit and outside RCU read
 * sections.
 *
 * State machine, ordering letters and the argument against lost wake-ups: rwsem.c.
 */
#ifndef VMALAB_RWSEM_H
#define VMALAB_RWSEM_H

#include "vmalab/participant.h"

struct rw_semaphore {
	u64 count; /* bit 0 writer, 1 waiters, 2 an old waiter wants its turn; readers from bit 8 */
	u64 owner; /* writer: participant index + 1 | pid << 32, else 0; for reports, spinning */
	u32 wake_readers;    /* futex word of waiting readers; moves when they are let in */
	u32 wake_writers;    /* futex word of waiting writers */
	u32 readers_waiting; /* 1: a reader may sleep since the last wake; a hint, never a count */
	u32 writers_waiting; /* the same for writers */
	u64 pad;
};
SIZE_IS(struct rw_semaphore, 40);

#define RWSEM_WRITER  0x1ul
#define RWSEM_WAITERS 0x2ul
#define RWSEM_HANDOFF 0x4ul
#define RWSEM_READER  0x100ul

#define RWSEM_DEADLINE_NS 1000000000ull /* after so long a waiter looks whether owners live */
#define RWSEM_SLEEP_NS    100000000ull  /* longest sleep; bounds what a killed waiter can delay */
#define RWSEM_HANDOFF_NS  4000000ull    /* after so long a waiter stops others barging in */

void init_rwsem(struct rw_semaphore *sem);
void down_read(struct participant *self, struct rw_semaphore *sem, enum hold_place place);
/* A second read lock of the same class, taken in a fixed order by the caller. (kernel:
 * SINGLE_DEPTH_NESTING) */
void down_read_nested(struct participant *self, struct rw_semaphore *sem, enum hold_place place);
void down_write(struct participant *self, struct rw_semaphore *sem, enum hold_place place);
void down_write_nested(struct participant *self, struct rw_semaphore *sem, enum hold_place place);
bool down_write_trylock(struct participant *self, struct rw_semaphore *sem, enum hold_place place);
/* 0, or -ETIMEDOUT after timeout_ns (0 = do not wait). For library users. */
int down_read_timeout(struct participant *self, struct rw_semaphore *sem, enum hold_place place,
		      u64 timeout_ns);
int down_write_timeout(struct participant *self, struct rw_semaphore *sem, enum hold_place place,
		       u64 timeout_ns);
void downgrade_write(struct participant *self, struct rw_semaphore *sem, enum hold_place place);
void up_write(struct participant *self, struct rw_semaphore *sem, enum hold_place place);
/* The last reader left and somebody waits. */
void rwsem_wake(struct participant *self, struct rw_semaphore *sem) __attribute__((cold));

/* The fast paths are inline: they are what a page fault pays. */
static inline bool down_read_trylock(struct participant *self, struct rw_semaphore *sem,
				     enum hold_place place)
{
	u64 count = 0; /* A guess, so that nothing waits for a load; a wrong one is corrected by the
			* cmpxchg. (kernel: RWSEM_UNLOCKED_VALUE in __down_read_trylock) */

	/* No TAKING: nothing waits here, and only HELD is counted by recovery. */
	do {
		/* acquire: what the last writer did is seen. pairs: RWSEM-1 (rwsem.c:up_write) */
		if (likely(cmpxchg_acquire_u64(&sem->count, &count, count + RWSEM_READER))) {
			hold_set(self, place, sem, HELD_READ);
			return true;
		}
	} while ((count & (RWSEM_WRITER | RWSEM_WAITERS)) == 0);
	return false;
}

static inline void up_read(struct participant *self, struct rw_semaphore *sem,
			   enum hold_place place)
{
	/* release: our reads end before a writer gets in. pairs: RWSEM-2 (rwsem.c:try_write) */
	u64 count = add_release_u64(&sem->count, -(u64)RWSEM_READER); /* returns the new value */

	hold_clear(self, place);
	STEP(read_dropped);
	if (unlikely((count & RWSEM_WAITERS) != 0 && count < RWSEM_READER))
		rwsem_wake(self, sem);
}

static inline bool rwsem_is_locked(const struct rw_semaphore *sem)
{
	return (load_relaxed_u64(&sem->count) & ~(RWSEM_WAITERS | RWSEM_HANDOFF)) != 0;
}
static inline bool rwsem_is_write_locked(const struct rw_semaphore *sem)
{
	return (load_relaxed_u64(&sem->count) & RWSEM_WRITER) != 0;
}

/* Sets the word to what the living announce (readers, writer = index + 1 or 0) and wakes every
 * waiter; waiters announce themselves again. The world is stopped. */
void rwsem_repair(struct vl_seg *seg, struct rw_semaphore *sem, u32 readers,
		  u32 writer_index_plus_1);

#endif
