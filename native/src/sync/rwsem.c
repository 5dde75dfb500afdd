/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rwsem.c: the blocking side of rw_semaphore.
 *
 * count:
 *   0                 free
 *   n * READER        n readers                     -> last one out wakes if WAITERS is set
 *   WRITER            one writer                    -> its release wakes if WAITERS is set
 *   | WAITERS         somebody registered           -> new readers stay out (trylock too) unless
 *                                                      they are entitled; new writers may barge
 *   | HANDOFF         a waiter is older than        -> nobody barges; only the entitled come in
 *                     RWSEM_HANDOFF_NS                 (HANDOFF is never set without WAITERS)
 *   A dead holder leaves its part of the count: recovery recomputes the word from the
 *   announcements (rwsem_repair). A dead waiter leaves WAITERS and a hint set: one wake too many.
 *   One that had just been woken leaves a free lock with WAITERS set, which refuses who only
 *   tries: recovery takes that away too (walk_lock.c:find_in_lock).
 * readers_waiting, writers_waiting: hints, 1 = somebody may sleep since the last wake. Set before
 *   the waiter registers in count, taken (xchg 0) by who wakes. A waiter that was woken sets it
 *   again when it registers again, and a writer that slept also when it gets the lock or gives
 *   up, because with wake-one it cannot know whether others sleep.
 * wake_readers, wake_writers: moved before a wake; the futex words. A waiter that sees its word
 *   move is entitled: it need not stand back for WAITERS or HANDOFF. That is how all readers that
 *   waited come in together after a writer, past the writers that wait too.
 * owner: a hint for spinning and reports; not relied upon.
 *
 * Who is woken: a leaving writer wakes all waiting readers, or if there are none one writer; the
 * last leaving reader wakes one writer, or if there is none the readers. So readers and writers
 * take turns when both wait, and a waiting writer waits for one batch of readers at most.
 *
 * Orderings:
 *   RWSEM-1  acquire on taking pairs with release on leaving as writer: readers and writers see
 *            what the last writer did.
 *   RWSEM-2  a reader's release pairs with the acquire of the next writer: the reader's loads are
 *            over before the writer stores.
 *   RWSEM-3  no lost wake-up. A waiter stores its hint, then changes count by a read-modify-write
 *            that either takes the lock or registers (acq_rel). Who frees the lock changes count
 *            by a read-modify-write, then loads the hints (acquire). Both are changes of one
 *            word, so one comes first: if the waiter's, the waker sees WAITERS and the hint,
 *            moves the futex word and wakes (the waiter read the futex word before it set the
 *            hint, so it either sleeps and is woken or does not fall asleep); if the waker's, the
 *            waiter's sees the lock free and takes it, or is a reader that stands back for a
 *            WAITERS bit of others, and then whoever is being woken on account of that bit frees
 *            the lock after it. Clearing WAITERS is such a read-modify-write too, with a look at
 *            the hints after it.
 *
 * Waits: no bound on the whole wait, as in the kernel: whoever holds the lock decides. Each sleep
 * is bounded (RWSEM_SLEEP_NS), which bounds what a killed waiter that had just been woken can
 * delay; after RWSEM_DEADLINE_NS, and again after each further one, the waiter looks whether a
 * participant is dead and if so calls the recovery hook, which frees what the dead held.
 */
#include "vmalab/rwsem.h"

#include "vmalab/events.h"
#include "vmalab/futex.h"
#include "vmalab/stats.h"

#define SPINS 100 /* about 2 us: twice a short critical section; the machines have few cores */

#define BITS_WAIT (RWSEM_WAITERS | RWSEM_HANDOFF)

void init_rwsem(struct rw_semaphore *sem)
{
	memset(sem, 0, sizeof(*sem));
}

/* --- wake-ups --- */

static int wake_readers(struct rw_semaphore *sem)
{
	if (xchg_acq_rel_u32(&sem->readers_waiting, 0) == 0)
		return 0;
	/* pairs: RWSEM-3 (rwsem.c:wait_turns) */
	add_acq_rel_u32(&sem->wake_readers, 1);
	return futex_wake(&sem->wake_readers, FUTEX_ALL);
}

static int wake_writer(struct rw_semaphore *sem)
{
	if (xchg_acq_rel_u32(&sem->writers_waiting, 0) == 0)
		return 0;
	/* pairs: RWSEM-3 (rwsem.c:wait_turns) */
	add_acq_rel_u32(&sem->wake_writers, 1);
	return futex_wake(&sem->wake_writers, 1);
}

/* Nobody seems to wait. Whoever registered before this sees his hint honoured, whoever registers
 * after it sets the bit again. */
static void clear_waiters(struct rw_semaphore *sem)
{
	/* pairs: RWSEM-3 (rwsem.c:take_or_register) */
	and_acq_rel_u64(&sem->count, ~BITS_WAIT);
	wake_readers(sem);
	wake_writer(sem);
}

static void wake(struct rw_semaphore *sem, bool readers_first)
{
	fence_acquire(); /* sees all hints. pairs: RWSEM-3 (rwsem.c:take_or_register) */
	if (readers_first && wake_readers(sem) > 0) {
		/* The last of them wakes the next writer; with none, new readers may join them. */
		if (load_relaxed_u32(&sem->writers_waiting) == 0)
			clear_waiters(sem);
		return;
	}
	if (wake_writer(sem) == 0)
		clear_waiters(sem);
}

/* Whoever waits for it may be let in by us. After the release and before the wake-up. */
static void note_woke(struct participant *self, const struct rw_semaphore *sem, bool wrote)
{
	event_note(self, EVENT_WOKE, event_rwsem(self, sem, wrote), REF(self, sem), 0);
}

void rwsem_wake(struct participant *self, struct rw_semaphore *sem)
{
	note_woke(self, sem, false);
	wake(sem, false);
}

/* --- waiting --- */

struct waiter {
	struct participant *self;
	struct rw_semaphore *sem;
	enum hold_place place;
	u32 mode;      /* HELD_READ or HELD_WRITE */
	u32 *hint;     /* readers_waiting or writers_waiting */
	u32 *word;     /* wake_readers or wake_writers */
	bool entitled; /* was woken, or slept in vain: takes the lock past WAITERS and HANDOFF */
	bool slept;
	u64 begin_ns;
	u64 next_look_ns; /* when to look for dead owners */
	u64 end_ns;       /* give up, TIMEOUT_NEVER = never */
};

static bool free_for(const struct waiter *w, u64 count)
{
	if (w->mode == HELD_READ)
		return !(count & RWSEM_WRITER) && (w->entitled || !(count & RWSEM_WAITERS));
	return (count & ~BITS_WAIT) == 0 && (w->entitled || !(count & RWSEM_HANDOFF));
}

static u64 taken(const struct waiter *w, u64 count)
{
	if (w->entitled) /* older waiters set HANDOFF again when they register again */
		count &= ~RWSEM_HANDOFF;
	if (w->mode == HELD_READ)
		return count + RWSEM_READER;
	return count | RWSEM_WRITER | (w->slept ? RWSEM_WAITERS : 0);
}

/* One read-modify-write of count: takes the lock (true) or registers this waiter (false). */
static bool take_or_register(const struct waiter *w, u64 bits)
{
	struct rw_semaphore *sem = w->sem;
	u64 count = load_relaxed_u64(&sem->count); /* relaxed: the cmpxchg decides */

	for (;;) {
		bool take = free_for(w, count);
		u64 next = take ? taken(w, count) : count | bits;

		/* pairs: RWSEM-1 (rwsem.c:up_write), RWSEM-2 (rwsem.h:up_read);
		 * pairs: RWSEM-3 (rwsem.c:wake) */
		if (cmpxchg_acq_rel_u64(&sem->count, &count, next))
			return take;
	}
}

static bool owner_runs(const struct waiter *w)
{
	u32 owner = (u32)load_relaxed_u64(&w->sem->owner);

	return owner == 0 || owner > w->self->seg->hdr->config.participants_max ||
	       load_relaxed_u32(&w->self->seg->slots[owner - 1].in_core) == CORE_IN;
}

/* A short wait for a lock that is about to be free. */
static bool spin(const struct waiter *w)
{
	for (u32 i = 0; i < SPINS; i++) {
		u64 count = load_relaxed_u64(&w->sem->count);

		if (free_for(w, count) &&
		    /* pairs: RWSEM-1, RWSEM-2 (rwsem.c:up_write, rwsem.h:up_read) */
		    cmpxchg_acquire_u64(&w->sem->count, &count, taken(w, count)))
			return true;
		if (w->mode == HELD_READ && !w->entitled && (count & RWSEM_WAITERS))
			return false;
		if ((count & RWSEM_WRITER) && !owner_runs(w))
			return false;
		cpu_relax();
	}
	return false;
}

/* One sleep; the world may be stopped meanwhile. seq: the futex word as read before registering. */
static void sleep_once(struct waiter *w, u32 seq, u64 now)
{
	struct participant *self = w->self;
	u64 ns = min_u64(RWSEM_SLEEP_NS, w->end_ns - now);
	int err;

	hold_waiting(self, w->place, w->sem, w->mode);
	core_block(self);
	err = futex_wait(w->word, seq, ns);
	if (now >= w->next_look_ns) {
		participant_look_for_dead(self);
		w->next_look_ns = now + RWSEM_DEADLINE_NS;
	}
	core_unblock(self);
	hold_taking(self, w->place, w->sem, w->mode);
	w->slept = true;
	if (err == -ETIMEDOUT || load_relaxed_u32(w->word) != seq)
		w->entitled = true;
}

/* Whoever gives up may have been the one that was woken: somebody else must be. */
static void give_up(const struct waiter *w)
{
	u64 count;

	hold_clear(w->self, w->place);
	store_relaxed_u32(w->hint, 1);
	count = or_acq_rel_u64(&w->sem->count, RWSEM_WAITERS); /* RWSEM-3, as when registering */
	if ((count & ~BITS_WAIT) == 0)
		wake(w->sem, false);
}

static int wait_turns(struct waiter *w)
{
	u64 now, bits;
	u32 seq;

	VL_ASSERT(load_relaxed_u32(&w->self->slot->in_core) == CORE_IN);
	VL_ASSERT(w->self->rcu_nest == 0); /* read sections do not block */
	hold_taking(w->self, w->place, w->sem, w->mode);
	while (!spin(w)) {
		now = clock_ns();
		if (now >= w->end_ns) {
			give_up(w);
			return -ETIMEDOUT;
		}
		bits = RWSEM_WAITERS;
		if (now - w->begin_ns >= RWSEM_HANDOFF_NS)
			bits |= RWSEM_HANDOFF;
		/* acquire: before the hint is set. pairs: RWSEM-3 (rwsem.c:wake_readers) */
		seq = load_acquire_u32(w->word);
		/* relaxed: the read-modify-write below releases it */
		store_relaxed_u32(w->hint, 1);
		if (take_or_register(w, bits))
			break;
		sleep_once(w, seq, now);
	}
	if (w->mode == HELD_WRITE && w->slept)
		store_relaxed_u32(w->hint, 1); /* others may sleep; relaxed: our release follows */
	return 0;
}

/* 0 or -ETIMEDOUT. */
static int wait_for(struct waiter *w)
{
	enum event_lock what = event_rwsem(w->self, w->sem, w->mode == HELD_WRITE);
	u32 owner = (u32)load_relaxed_u64(&w->sem->owner); /* relaxed: for a report */
	int err;

	(void)event_wait_begin(w->self, w->sem, what, w->begin_ns, owner);
	err = wait_turns(w);
	event_wait_end(w->self, w->sem, what, w->begin_ns, err == 0);
	return err;
}

static struct waiter waiter_init(struct participant *self, struct rw_semaphore *sem,
				 enum hold_place place, u32 mode, u64 timeout_ns)
{
	u64 now = clock_ns();
	bool read = mode == HELD_READ;

	return (struct waiter){
		.self = self,
		.sem = sem,
		.place = place,
		.mode = mode,
		.hint = read ? &sem->readers_waiting : &sem->writers_waiting,
		.word = read ? &sem->wake_readers : &sem->wake_writers,
		.begin_ns = now,
		.next_look_ns = now + RWSEM_DEADLINE_NS,
		.end_ns = timeout_ns > TIMEOUT_NEVER - now ? TIMEOUT_NEVER : now + timeout_ns,
	};
}

/* --- readers --- */

int down_read_timeout(struct participant *self, struct rw_semaphore *sem, enum hold_place place,
		      u64 timeout_ns)
{
	struct waiter w;
	int err;

	if (timeout_ns)
		GHOST(lock_wanted(self, sem, place));
	if (likely(down_read_trylock(self, sem, place)))
		return 0;
	if (timeout_ns == 0)
		return -ETIMEDOUT;
	stat_inc(self, rwsem_read_wait);
	w = waiter_init(self, sem, place, HELD_READ, timeout_ns);
	err = wait_for(&w);
	if (err == 0)
		hold_set(self, place, sem, HELD_READ);
	return err;
}

void down_read(struct participant *self, struct rw_semaphore *sem, enum hold_place place)
{
	(void)down_read_timeout(self, sem, place, TIMEOUT_NEVER);
}

void down_read_nested(struct participant *self, struct rw_semaphore *sem, enum hold_place place)
{
	down_read(self, sem, place);
}

/* --- writers --- */

static void write_taken(struct participant *self, struct rw_semaphore *sem, enum hold_place place)
{
	/* relaxed: its own; who looks for a free slot may be in a cmpxchg on it, which fails */
	u64 pid = load_relaxed_u32(&self->slot->pid);

	store_relaxed_u64(&sem->owner, pid << 32 | (self->index + 1));
	hold_set(self, place, sem, HELD_WRITE);
}

static bool try_write(struct participant *self, struct rw_semaphore *sem, enum hold_place place)
{
	u64 count = 0;

	hold_taking(self, place, sem, HELD_WRITE);
	/* pairs: RWSEM-1 (rwsem.c:up_write), RWSEM-2 (rwsem.h:up_read) */
	if (likely(cmpxchg_acquire_u64(&sem->count, &count, RWSEM_WRITER))) {
		write_taken(self, sem, place);
		return true;
	}
	hold_clear(self, place);
	return false;
}

bool down_write_trylock(struct participant *self, struct rw_semaphore *sem, enum hold_place place)
{
	return try_write(self, sem, place);
}

int down_write_timeout(struct participant *self, struct rw_semaphore *sem, enum hold_place place,
		       u64 timeout_ns)
{
	struct waiter w;
	int err;

	if (timeout_ns)
		GHOST(lock_wanted(self, sem, place));
	if (likely(try_write(self, sem, place)))
		return 0;
	if (timeout_ns == 0)
		return -ETIMEDOUT;
	stat_inc(self, rwsem_write_wait);
	w = waiter_init(self, sem, place, HELD_WRITE, timeout_ns);
	err = wait_for(&w);
	if (err == 0)
		write_taken(self, sem, place);
	return err;
}

void down_write(struct participant *self, struct rw_semaphore *sem, enum hold_place place)
{
	(void)down_write_timeout(self, sem, place, TIMEOUT_NEVER);
}

void down_write_nested(struct participant *self, struct rw_semaphore *sem, enum hold_place place)
{
	down_write(self, sem, place);
}

void up_write(struct participant *self, struct rw_semaphore *sem, enum hold_place place)
{
	u64 count;

	VL_ASSERT((u32)load_relaxed_u64(&sem->owner) == self->index + 1);
	store_relaxed_u64(&sem->owner, 0);
	/* release pairs: RWSEM-1 (rwsem.h:down_read_trylock, rwsem.c:try_write) */
	count = add_release_u64(&sem->count, -(u64)RWSEM_WRITER);
	hold_clear(self, place);
	if (unlikely(count & RWSEM_WAITERS)) {
		note_woke(self, sem, true);
		wake(sem, true);
	}
}

void downgrade_write(struct participant *self, struct rw_semaphore *sem, enum hold_place place)
{
	u64 count;

	VL_ASSERT((u32)load_relaxed_u64(&sem->owner) == self->index + 1);
	store_relaxed_u64(&sem->owner, 0);
	/* release: who comes in sees what we wrote. pairs: RWSEM-1 (rwsem.h:down_read_trylock) */
	count = add_release_u64(&sem->count, RWSEM_READER - RWSEM_WRITER);
	hold_set(self, place, sem, HELD_READ);
	if (likely(!(count & RWSEM_WAITERS)))
		return;
	fence_acquire(); /* pairs: RWSEM-3 (rwsem.c:take_or_register) */
	note_woke(self, sem, true);
	wake_readers(sem);
	if (load_relaxed_u32(&sem->writers_waiting) == 0)
		clear_waiters(sem);
}

/* --- recovery --- */

void rwsem_repair(struct vl_seg *seg, struct rw_semaphore *sem, u32 readers, u32 writer)
{
	u64 pid = writer ? seg->slots[writer - 1].pid : 0;

	VL_ASSERT(readers == 0 || writer == 0);
	store_relaxed_u64(&sem->owner, writer ? pid << 32 | writer : 0);
	store_relaxed_u32(&sem->readers_waiting, 0);
	store_relaxed_u32(&sem->writers_waiting, 0);
	store_release_u64(&sem->count, readers * RWSEM_READER | (writer ? RWSEM_WRITER : 0));
	/* Those who sleep, or are about to, find their word moved and register again once the world
	 * runs: no hint is needed to reach them. */
	add_acq_rel_u32(&sem->wake_readers, 1);
	add_acq_rel_u32(&sem->wake_writers, 1);
	futex_wake(&sem->wake_readers, FUTEX_ALL);
	futex_wake(&sem->wake_writers, FUTEX_ALL);
}
