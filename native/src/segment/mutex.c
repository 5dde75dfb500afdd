/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mutex.c: the short mutex, with takeover from a dead owner.
 *
 * State machine of the word:
 *   0            free                          -> I            by cmpxchg (acquire)
 *   I            owner is participant I - 1    -> 0            by its owner (release)
 *                                              -> I | WAITERS  by a waiter before it sleeps
 *   I | WAITERS  somebody may sleep            -> 0            by its owner, who wakes one
 *                                              -> J | WAITERS  by a waiter J that found I dead
 *   A dead owner leaves I or I | WAITERS; whoever takes over gets MUTEX_STOLEN and rebuilds. A
 *   dead waiter leaves WAITERS set: one wake too many. A waiter that was woken and killed before
 *   it took the mutex leaves others asleep on a free word: they look again after MUTEX_SLEEP_NS.
 * A slot is given to a new participant only after a recovery has freed the mutexes of its dead
 * owner (mutex_repair), so I always names the process that took the mutex.
 *
 * MUTEX-1: acquire on taking pairs with release on freeing: the next owner sees what the last one
 *          wrote. A thief's acquire pairs with nothing: what the dead wrote and nobody ordered is
 *          why MUTEX_STOLEN means "rebuild". (Its process is gone, so its stores have arrived.)
 *
 * Waits: each sleep is bounded; the whole wait is not, because the owner either lives and holds
 * the mutex for a bounded number of instructions, or is dead and is replaced.
 */
#include "vmalab/events.h"
#include "vmalab/futex.h"
#include "vmalab/stats.h"

#define MUTEX_SPINS    100
#define MUTEX_SLEEP_NS (100 * NSEC_PER_MSEC)

static bool take_free(struct participant *self, struct vl_mutex *m, u32 bits)
{
	u32 old = 0;

	/* pairs: MUTEX-1 (mutex.c:mutex_unlock) */
	return cmpxchg_acquire_u32(&m->word, &old, (self->index + 1) | bits);
}

bool mutex_trylock(struct participant *self, struct vl_mutex *m)
{
	/* relaxed: a hint. A failed cmpxchg would take the line from the owner all the same. */
	bool taken = load_relaxed_u32(&m->word) == 0 && take_free(self, m, 0);

	if (taken)
		GHOST(mutex_taken(m));
	return taken;
}

/* The wait of MUTEX_SLEEP_NS is over: is the owner dead? Then the mutex is ours. */
static bool steal(struct participant *self, struct vl_mutex *m, u32 word)
{
	u32 owner = (word & ~VL_MUTEX_WAITERS) - 1;

	VL_ASSERT(owner < self->seg->hdr->config.participants_max); /* or nobody ends the wait */
	if (!participant_dead(self->seg, owner))
		return false;
	return cmpxchg_acquire_u32(&m->word, &word, (self->index + 1) | VL_MUTEX_WAITERS);
}

static int wait_for(struct participant *self, struct vl_mutex *m)
{
	for (u32 i = 0; i < MUTEX_SPINS; i++) {
		if (load_relaxed_u32(&m->word) == 0 && take_free(self, m, 0)) /* relaxed: a hint */
			return 0;
		cpu_relax();
	}
	for (;;) {
		u32 word =
			load_relaxed_u32(&m->word); /* relaxed: every change below is a cmpxchg */

		/* Having waited, we cannot know whether others sleep: WAITERS stays set. */
		if (word == 0) {
			if (take_free(self, m, VL_MUTEX_WAITERS))
				return 0;
			continue;
		}
		VL_ASSERT((word & ~VL_MUTEX_WAITERS) != self->index + 1); /* not recursive */
		if (!(word & VL_MUTEX_WAITERS) &&
		    !cmpxchg_relaxed_u32(&m->word, &word, word | VL_MUTEX_WAITERS))
			continue;
		word |= VL_MUTEX_WAITERS;
		if (futex_wait(&m->word, word, MUTEX_SLEEP_NS) == -ETIMEDOUT &&
		    steal(self, m, word)) {
			stat_inc(self, mutex_stolen);
			return MUTEX_STOLEN;
		}
	}
}

static int lock_slow(struct participant *self, struct vl_mutex *m)
{
	enum event_lock what = event_mutex(self, m);
	u32 owner = load_relaxed_u32(&m->word) & ~VL_MUTEX_WAITERS; /* relaxed: for a report */
	u64 begin_ns = event_wait_begin(self, m, what, 0, owner);
	int stolen;

	stat_inc(self, mutex_wait);
	stolen = wait_for(self, m);
	event_wait_end(self, m, what, begin_ns, true);
	return stolen;
}

int mutex_lock(struct participant *self, struct vl_mutex *m)
{
	int stolen = 0;

	GHOST(mutex_wanted(self, m));
	if (unlikely(!take_free(self, m, 0)))
		stolen = lock_slow(self, m);
	GHOST(mutex_taken(m));
	return stolen;
}

void mutex_unlock(struct participant *self, struct vl_mutex *m)
{
	u32 word;

	GHOST(mutex_left(m));
	word = xchg_release_u32(&m->word, 0); /* pairs: MUTEX-1 (mutex.c:take_free) */

	VL_ASSERT((word & ~VL_MUTEX_WAITERS) == self->index + 1);
	if (unlikely(word & VL_MUTEX_WAITERS)) {
		event_note(self, EVENT_WOKE, event_mutex(self, m), event_mutex_object(self, m), 0);
		futex_wake(&m->word, 1);
	}
}

void mutex_repair(struct vl_seg *seg, struct vl_mutex *m, const struct dead_set *dead)
{
	u32 word = load_acquire_u32(&m->word);
	u32 owner = (word & ~VL_MUTEX_WAITERS) - 1;

	if (word == 0)
		return;
	if (owner < seg->hdr->config.participants_max && among_living(seg, dead, owner))
		return;
	/* A thief may have been faster; then it is the owner and lives. */
	cmpxchg_acq_rel_u32(&m->word, &word, 0);
	futex_wake(&m->word, FUTEX_ALL);
}
