/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.h (segment): what each participant did last, and how long it waited for what.
 *
 * Each slot has a ring of EVENTS_EACH records in a region of its own. Its participant alone writes
 * it, with plain stores to its own lines: a call that begins or ends, a lock taken, waited for,
 * given back, a fault that needed mmap_lock, a recovery. Of faults on their fast path one in
 * `sample_faults` of the configuration is noted. Anybody may copy a ring at any time, and after the
 * death of its owner too: it stays as it was until the slot has a new owner, who goes on in it.
 * The core itself never reads a record. So a ring that is damaged does no harm.
 *
 * Number n is in place n % EVENTS_EACH. `next` is the number of the next record. A copy is whole
 * for the records that were written before it began and not overwritten until it ended (events.c
 * has the orderings EVENT-1 and EVENT-2).
 */
#ifndef VMALAB_EVENTS_H
#define VMALAB_EVENTS_H

#include "vmalab/participant.h"

#define EVENTS_EACH 512

/* what: enum event_lock, but for EVENT_FALLBACK. object: where a lock is meant, a vl_ref, and of a
 * short mutex, of which four share one, the rest of its offset in the upper half. */
enum event_kind {
	EVENT_NONE = 0,
	EVENT_JOIN = 1,       /* value: pid. What stands before it is of a former owner. */
	EVENT_LEAVE = 2,      /* value: pid */
	EVENT_BEGIN = 3,      /* a call. object: mm; value: its first operand, an address mostly */
	EVENT_END = 4,        /* object: mm; value: its result, -errno or a status below 0 */
	EVENT_FAULT = 5,      /* one of many. object: mm; value: address */
	EVENT_FALLBACK = 6,   /* a fault takes mmap_lock. what: the counter of stats.h that says
				* why, 0: the page needs it; object: mm; value: address */
	EVENT_TAKEN = 7,      /* mmap_lock or a file's lock, by a call. object: lock */
	EVENT_DOWNGRADED = 8, /* the same, from writing to reading */
	EVENT_GIVEN = 9,      /* is about to be given back. object: lock */
	EVENT_WAIT = 10,      /* begins to wait. object: lock; value: who has it, index + 1, or 0 */
	EVENT_WAITED = 11,    /* has it. object: lock; value: ns */
	EVENT_GAVE_UP = 12,   /* has it not: the time was over. object: lock; value: ns */
	EVENT_WOKE = 13,      /* gave it back to who waited. object: lock; value: mm or 0 */
	EVENT_RECOVER = 14,   /* a recovery begins. value: how many are dead */
	EVENT_RECOVERED = 15, /* value: 0, or the error */
	EVENT_KINDS_COUNT = 16
};

/* Classes of locks, and of what else is waited for. */
enum event_lock {
	EVENT_LOCK_NONE = 0,
	EVENT_LOCK_MMAP_READ = 1,
	EVENT_LOCK_MMAP_WRITE = 2,
	EVENT_LOCK_VMA_READ = 3,
	EVENT_LOCK_VMA_WRITE = 4,
	EVENT_LOCK_FILE = 5,
	EVENT_LOCK_USER_READ = 6,
	EVENT_LOCK_USER_WRITE = 7,
	EVENT_LOCK_SLOTS = 8,
	EVENT_LOCK_PAGES = 9,
	EVENT_LOCK_FRAMES = 10,
	EVENT_LOCK_CACHE = 11,
	EVENT_LOCK_ANON = 12,
	EVENT_LOCK_TABLES = 13,  /* page_table_lock */
	EVENT_LOCK_GRACE = 14,   /* a grace period */
	EVENT_LOCK_ADVANCE = 15, /* advance_lock: who looks whether one is over */
	EVENT_LOCK_OTHER = 16,
	EVENT_LOCKS_COUNT = 17
};

struct vl_event {
	u32 number; /* its lower half */
	u8 kind;
	u8 what;
	u16 op;
	u64 time_ns; /* CLOCK_MONOTONIC */
	u64 object;
	u64 value;
};
SIZE_IS(struct vl_event, 32);

/* Waits of a participant for one class of locks that are over. */
struct event_waits {
	u64 count;
	u64 ns;
	u64 longest_ns;
};

struct event_ring {
	u64 next;    /* number of the next record */
	u64 op_ns;   /* when the call under way began; 0: there is none (a fault is no call) */
	u64 op_mm;   /* its mm */
	u64 wait_ns; /* since when it waits; 0: it does not */
	u64 pad[4];
	struct event_waits waits[EVENT_LOCKS_COUNT];
	struct vl_event events[EVENTS_EACH] __cacheline_aligned;
};
#define EVENT_RING_BYTES ALIGN_UP(sizeof(struct event_ring), PAGE_SIZE)

static inline struct event_ring *event_ring_of(const struct vl_seg *seg, u32 index)
{
	return (struct event_ring *)(seg->events + (u64)index * EVENT_RING_BYTES);
}

/* participant.c: the ring of a slot gets a new owner, and loses it. */
void events_join(struct participant *self);
void events_leave(struct participant *self);

/* events.c: all of them cold; nothing happens where the instance keeps no events. */
void event_note(struct participant *self, enum event_kind kind, u32 what, u64 object, u64 value)
	__attribute__((cold));
/* follows: it comes right behind another call, so it begins when that one ended. */
void event_call_begin(struct participant *self, u64 mm, u64 operand, bool follows);
void event_call_end(struct participant *self, u64 mm, s64 result);
/* The waits that follow are parts of one that began then; 0: no longer. */
void event_wait_spans(struct participant *self, u64 since_ns);
/* A wait for a lock: since begin_ns (0: now), which is returned for the end of it. lock may be NULL
 * for EVENT_LOCK_GRACE. owner: of whom it is known to be, index + 1, or 0. */
u64 event_wait_begin(struct participant *self, const void *lock, enum event_lock what, u64 begin_ns,
		     u32 owner) __attribute__((cold));
void event_wait_end(struct participant *self, const void *lock, enum event_lock what, u64 begin_ns,
		    bool got) __attribute__((cold));
enum event_lock event_rwsem(const struct participant *self, const void *sem, bool write);
enum event_lock event_mutex(const struct participant *self, const void *mutex);
/* A short mutex in an event. */
static inline u64 event_mutex_object(const struct participant *self, const void *mutex)
{
	u64 rest = (u64)((const u8 *)mutex - self->base) & ((1u << REF_SHIFT) - 1);

	return REF(self, mutex) | rest << 32;
}
/* A fault that is to be noted: event_due. */
void event_fault(struct participant *self, u64 mm, u64 addr) __attribute__((cold));

/* A call takes or gives back a lock. Faults and what is no call leave no trace here: they are
 * seen where they wait. */
static inline void event_lock(struct participant *self, enum event_kind kind, enum event_lock what,
			      const void *lock)
{
	if (unlikely(self->noting))
		event_note(self, kind, what, REF(self, lock), 0);
}

/* One fault in sample_faults; count: of faults so far. */
static inline bool event_due(const struct participant *self, u64 count)
{
	return unlikely(((u32)count & self->sample_mask) == 0);
}

/* Copies what the ring of a slot holds, oldest first: how many records, at most EVENTS_EACH. */
u32 events_copy(const struct vl_seg *seg, u32 index, struct vl_event *out);

#endif
