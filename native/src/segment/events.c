/* SPDX-License-Identifier: Apache-2.0 */
/*
 * events.c: the ring of events of a participant (events.h).
 *
 * EVENT-1: a record is stored before `next` passes it (release); who loads `next` (acquire) sees
 *          the records before it whole. Without it: a reader takes a record for written whose words
 *          are those of 512 records ago.
 * EVENT-2: `next` passes a record before the stores of the record after it (fence); a reader that
 *          copied a word of a newer record finds, after its own fence, that `next` has passed the
 *          older one, and leaves the place out. Without it: a record with words of two.
 *
 * A kill between two stores leaves a record that `next` has not passed: nobody reads it.
 */
#include "vmalab/events.h"

#include "vmalab/futex.h"

static void put(struct participant *self, u64 time_ns, enum event_kind kind, u32 what, u64 object,
		u64 value)
{
	struct event_ring *ring = self->ring;
	u64 number = load_relaxed_u64(&ring->next); /* relaxed: its own */
	struct vl_event *e = &ring->events[number % EVENTS_EACH];

	fence_release(); /* pairs: EVENT-2 (events.c:events_copy) */
	store_relaxed_u32(&e->number, (u32)number);
	store_relaxed_u8(&e->kind, (u8)kind);
	store_relaxed_u8(&e->what, (u8)what);
	store_relaxed_u16(&e->op, load_relaxed_u16(&self->slot->op));
	store_relaxed_u64(&e->time_ns, time_ns);
	store_relaxed_u64(&e->object, object);
	store_relaxed_u64(&e->value, value);
	store_release_u64(&ring->next, number + 1); /* pairs: EVENT-1 (events.c:events_copy) */
}

void event_note(struct participant *self, enum event_kind kind, u32 what, u64 object, u64 value)
{
	if (self->ring)
		put(self, clock_ns(), kind, what, object, value);
}

/* Relaxed stores of what readers look at: each of them is a fact by itself. */
void event_call_begin(struct participant *self, u64 mm, u64 operand, bool follows)
{
	const struct vl_event *last;
	u64 now;

	if (!self->ring)
		return;
	/* relaxed, all of it: its own */
	last = &self->ring->events[(load_relaxed_u64(&self->ring->next) - 1) % EVENTS_EACH];
	now = follows && load_relaxed_u8(&last->kind) == EVENT_END
		      ? load_relaxed_u64(&last->time_ns)
		      : clock_ns();
	put(self, now, EVENT_BEGIN, EVENT_LOCK_NONE, mm, operand);
	store_relaxed_u64(&self->ring->op_mm, mm);
	store_relaxed_u64(&self->ring->op_ns, now);
	self->noting = true;
}

void event_call_end(struct participant *self, u64 mm, s64 result)
{
	if (!self->ring)
		return;
	self->noting = false;
	store_relaxed_u64(&self->ring->op_ns, 0);
	put(self, clock_ns(), EVENT_END, EVENT_LOCK_NONE, mm, (u64)result);
}

void event_fault(struct participant *self, u64 mm, u64 addr)
{
	/* Without samples the mask lets one in 2^32 come here. */
	if (self->seg->hdr->config.sample_faults)
		event_note(self, EVENT_FAULT, EVENT_LOCK_NONE, mm, addr);
}

/* --- waiting --- */

static u64 object_of(const struct participant *self, const void *lock, enum event_lock what)
{
	if (!lock)
		return 0;
	return what >= EVENT_LOCK_SLOTS ? event_mutex_object(self, lock) : REF(self, lock);
}

void event_wait_spans(struct participant *self, u64 since_ns)
{
	if (self->ring)
		store_relaxed_u64(&self->ring->wait_ns, since_ns);
}

u64 event_wait_begin(struct participant *self, const void *lock, enum event_lock what, u64 begin_ns,
		     u32 owner)
{
	if (!self->ring)
		return 0;
	if (!begin_ns)
		begin_ns = clock_ns();
	put(self, begin_ns, EVENT_WAIT, what, object_of(self, lock, what), owner);
	/* A wait for a mutex in the middle of another wait is a part of that. */
	if (!load_relaxed_u64(&self->ring->wait_ns))
		store_relaxed_u64(&self->ring->wait_ns, begin_ns);
	return begin_ns;
}

void event_wait_end(struct participant *self, const void *lock, enum event_lock what, u64 begin_ns,
		    bool got)
{
	struct event_waits *waits;
	u64 now, ns;

	if (!self->ring)
		return;
	now = clock_ns();
	ns = now - begin_ns;
	waits = &self->ring->waits[what];
	if (load_relaxed_u64(&self->ring->wait_ns) == begin_ns) /* the outermost wait */
		store_relaxed_u64(&self->ring->wait_ns, 0);
	store_relaxed_u64(&waits->count, waits->count + 1);
	store_relaxed_u64(&waits->ns, waits->ns + ns);
	if (ns > waits->longest_ns)
		store_relaxed_u64(&waits->longest_ns, ns);
	put(self, now, got ? EVENT_WAITED : EVENT_GAVE_UP, what, object_of(self, lock, what), ns);
}

static bool lies_in(u64 off, const struct vl_region *region)
{
	return off >= region->off && off < region->off + region->len;
}

enum event_lock event_rwsem(const struct participant *self, const void *sem, bool write)
{
	const struct vl_region *r = participant_hdr(self)->regions;
	u64 off = (u64)((const u8 *)sem - self->base);

	if (lies_in(off, &r[REGION_MMS]))
		return write ? EVENT_LOCK_MMAP_WRITE : EVENT_LOCK_MMAP_READ;
	if (lies_in(off, &r[REGION_PAGES]))
		return write ? EVENT_LOCK_VMA_WRITE : EVENT_LOCK_VMA_READ;
	if (lies_in(off, &r[REGION_FILES]))
		return EVENT_LOCK_FILE;
	return write ? EVENT_LOCK_USER_WRITE : EVENT_LOCK_USER_READ;
}

enum event_lock event_mutex(const struct participant *self, const void *mutex)
{
	const struct seg_header *hdr = participant_hdr(self);
	const u8 *at = mutex, *caches = (const u8 *)hdr->caches;
	const u8 *anon = (const u8 *)hdr->anon_locks, *depots = (const u8 *)hdr->frame_depots;

	if (mutex == &hdr->slots_lock)
		return EVENT_LOCK_SLOTS;
	if (mutex == &hdr->pages.lock)
		return EVENT_LOCK_PAGES;
	if (mutex == &hdr->frames.lock || (at >= depots && at < depots + sizeof(hdr->frame_depots)))
		return EVENT_LOCK_FRAMES;
	if (mutex == &hdr->rcu.advance_lock)
		return EVENT_LOCK_ADVANCE;
	if (at >= caches && at < caches + sizeof(hdr->caches))
		return EVENT_LOCK_CACHE;
	if (at >= anon && at < anon + sizeof(hdr->anon_locks))
		return EVENT_LOCK_ANON;
	return lies_in((u64)(at - self->base), &hdr->regions[REGION_MMS]) ? EVENT_LOCK_TABLES
									  : EVENT_LOCK_OTHER;
}

/* --- whose a ring is --- */

void events_join(struct participant *self)
{
	const struct vl_config *c = &self->seg->hdr->config;
	struct event_ring *ring = event_ring_of(self->seg, self->index);

	self->sample_mask = UINT32_MAX;
	if (c->events_off)
		return;
	self->ring = ring;
	if (c->sample_faults)
		self->sample_mask = c->sample_faults - 1;
	store_relaxed_u64(&ring->op_ns, 0);
	store_relaxed_u64(&ring->op_mm, 0);
	store_relaxed_u64(&ring->wait_ns, 0);
	for (u32 i = 0; i < EVENT_LOCKS_COUNT; i++) {
		store_relaxed_u64(&ring->waits[i].count, 0);
		store_relaxed_u64(&ring->waits[i].ns, 0);
		store_relaxed_u64(&ring->waits[i].longest_ns, 0);
	}
	event_note(self, EVENT_JOIN, EVENT_LOCK_NONE, 0, load_relaxed_u32(&self->slot->pid));
}

void events_leave(struct participant *self)
{
	event_note(self, EVENT_LEAVE, EVENT_LOCK_NONE, 0, load_relaxed_u32(&self->slot->pid));
}

u32 events_copy(const struct vl_seg *seg, u32 index, struct vl_event *out)
{
	const struct event_ring *ring = event_ring_of(seg, index);
	/* pairs: EVENT-1 (events.c:put) */
	u64 next = load_acquire_u64(&ring->next), oldest, first;
	u32 count = 0;

	first = next > EVENTS_EACH ? next - EVENTS_EACH : 0;
	for (u64 n = first; n < next; n++) {
		const struct vl_event *e = &ring->events[n % EVENTS_EACH];

		out[n - first] = (struct vl_event){
			.number = load_relaxed_u32(&e->number),
			.kind = load_relaxed_u8(&e->kind),
			.what = load_relaxed_u8(&e->what),
			.op = load_relaxed_u16(&e->op),
			.time_ns = load_relaxed_u64(&e->time_ns),
			.object = load_relaxed_u64(&e->object),
			.value = load_relaxed_u64(&e->value),
		};
	}
	fence_acquire(); /* pairs: EVENT-2 (events.c:put) */
	/* The owner may be writing number oldest + EVENTS_EACH - 1, in the place of oldest - 1. */
	oldest = load_relaxed_u64(&ring->next) + 1;
	oldest = oldest > EVENTS_EACH ? oldest - EVENTS_EACH : 0;
	for (u64 n = first > oldest ? first : oldest; n < next; n++)
		if (out[n - first].number == (u32)n) /* else the file is damaged */
			out[count++] = out[n - first];
	return count;
}
