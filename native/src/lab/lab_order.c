/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab_order.c: the order of locks, learnt as it is seen. (kernel: lockdep)
 *
 * A lock has a class, and a nested one a subclass (enum vl_lab_lock). Who is about to wait for a
 * lock while it has others makes an edge from the class of each of those to that of the lock. A
 * trylock makes no edge, because nobody waits; what it has taken counts as held from then on. Read
 * locks count as write locks: a writer that waits keeps later readers out. An inversion is an edge
 * that closes a circle: whoever takes these locks at the same time may wait for each other, also if
 * nobody has met here.
 *
 * What is held: rwsems by the announcements of the slot, short mutexes by a stack of the thread. A
 * stamp is no held lock: nobody waits for it.
 *
 * lab_edge.state:
 *   0             not seen                          -> EDGE_WRITTEN by who sees it first
 *   EDGE_WRITTEN  its fields are being written      -> EDGE_KNOWN by the same
 *   EDGE_KNOWN    in the graph; in a run of the lab its fields are those of the last run
 *   Who dies in between leaves EDGE_WRITTEN: that edge is missing in the graph.
 *
 * LAB-2  who learns an edge stores EDGE_KNOWN with release, who looks at the graph loads it with
 *        acquire: the fields of the edge are those that were learnt.
 */
#include "lab_internal.h"

#ifdef VL_LAB
#include <stdio.h>

#include "vmalab/mutex.h"

#define EDGE_WRITTEN 1
#define EDGE_KNOWN   2

static const char *const lock_names[] = {
#define X(name, text) [VL_LAB_LOCK_##name] = text,
	VL_LAB_LOCKS(X)
#undef X
};

static enum vl_lab_lock class_of(const struct participant *self, u64 off, enum hold_place place)
{
	const struct seg_header *hdr = self->seg->hdr;
	u64 files = hdr->regions[REGION_FILES].off;

	if (off >= files && off < files + hdr->regions[REGION_FILES].len)
		return VL_LAB_LOCK_FILE;
	switch (place) {
	case HOLD_MMAP:
		return VL_LAB_LOCK_MMAP;
	case HOLD_MMAP2:
		return lab_me.second_first ? VL_LAB_LOCK_MMAP_NEW : VL_LAB_LOCK_MMAP_NESTED;
	case HOLD_VMA2:
		return VL_LAB_LOCK_VMA_NESTED;
	case HOLD_VMA:
	case HOLD_VMA_WRITE:
		return VL_LAB_LOCK_VMA;
	default:
		return VL_LAB_LOCK_USER;
	}
}

static bool lies_in(const void *what, const void *whole, u64 bytes)
{
	return (const u8 *)what >= (const u8 *)whole &&
	       (const u8 *)what < (const u8 *)whole + bytes;
}

static enum vl_lab_lock class_of_mutex(const struct participant *self, const struct vl_mutex *m)
{
	const struct seg_header *hdr = self->seg->hdr;

	if (m == &hdr->slots_lock)
		return VL_LAB_LOCK_SLOTS;
	if (m == &hdr->pages.lock)
		return VL_LAB_LOCK_PAGES;
	if (m == &hdr->frames.lock || lies_in(m, hdr->frame_depots, sizeof(hdr->frame_depots)))
		return VL_LAB_LOCK_FRAMES;
	if (m == &hdr->rcu.advance_lock)
		return VL_LAB_LOCK_RCU;
	if (lies_in(m, hdr->anon_locks, sizeof(hdr->anon_locks)))
		return VL_LAB_LOCK_ANON;
	if (lies_in(m, hdr->caches, sizeof(hdr->caches)))
		return VL_LAB_LOCK_CACHE;
	if (lies_in(m, self->mms, hdr->regions[REGION_MMS].len))
		return VL_LAB_LOCK_PAGE_TABLE;
	return VL_LAB_LOCK_USER;
}

/* In a run of the lab: in this run. */
static bool known(const struct lab_state *lab, u32 from, u32 to)
{
	const struct lab_edge *e = &lab->edges[from][to];

	/* acquire: its fields. pairs: LAB-2 (lab_order.c:learn) */
	return load_acquire_u32(&e->state) == EDGE_KNOWN &&
	       (lab->mode != VL_LAB_RUN || e->run == lab->run);
}

/* A path from one class to another: path[0] = from. How many classes it has; 0: there is none. */
static u32 path_to(const struct lab_state *lab, u32 from, u32 to, u8 *path, u32 depth, u32 *seen)
{
	path[depth] = (u8)from;
	if (from == to)
		return depth + 1;
	*seen |= 1u << from;
	for (u32 next = 0; next < VL_LAB_LOCKS_COUNT; next++) {
		u32 found;

		if ((*seen >> next & 1) || !known(lab, from, next))
			continue;
		found = path_to(lab, next, to, path, depth + 1, seen);
		if (found)
			return found;
	}
	return 0;
}

static const char *const point_names[] = {
#define X(name, kind, text) [SP_##name] = #name,
#include "vmalab/lab_points.h"
#undef X
};

static int say_edge(const struct lab_edge *e, u32 from, u32 to, char *text, size_t cap)
{
	u32 skip = e->steps_count > 5 ? e->steps_count - 5 : 0;
	int n = snprintf(text, cap, "A%u (operation %u) has %s and waits for %s, after", e->actor,
			 e->number, lock_names[from], lock_names[to]);

	for (u32 i = skip; i < e->steps_count && (size_t)n < cap; i++)
		n += snprintf(text + n, cap - (size_t)n, "%s %s", i > skip ? "," : "",
			      point_names[e->steps[i]]);
	return n;
}

/* The new edge, and those that lead back from its end to its beginning. */
static void inverted(const struct lab_state *lab, u32 from, u32 to, const u8 *path, u32 count)
{
	char text[480];
	size_t at = 0;

	at += (size_t)say_edge(&lab->edges[from][to], from, to, text, sizeof(text));
	for (u32 i = 0; i + 1 < count && at < sizeof(text); i++) {
		at += (size_t)snprintf(text + at, sizeof(text) - at, "; ");
		if (at < sizeof(text))
			at += (size_t)say_edge(&lab->edges[path[i]][path[i + 1]], path[i],
					       path[i + 1], text + at, sizeof(text) - at);
	}
	lab_fail(VL_LAB_ORDER, "%s", text);
}

static void learn(struct lab_state *lab, struct participant *self, u32 from, u32 to)
{
	struct lab_edge *e = &lab->edges[from][to];
	u8 path[VL_LAB_LOCKS_COUNT + 1];
	u32 none = 0, seen = 0, count;

	if (known(lab, from, to))
		return;
	/* In a run only one actor runs at a time; else who comes first writes. */
	if (lab->mode == VL_LAB_RUN)
		store_relaxed_u32(&e->state, EDGE_WRITTEN);
	else if (!cmpxchg_relaxed_u32(&e->state, &none, EDGE_WRITTEN))
		return;
	e->run = lab->run;
	e->actor = lab_me.actor;
	e->number = lab_me.actor == NOBODY ? 0 : lab->actors[lab_me.actor].op;
	e->op = self->slot->op;
	e->pid = self->slot->pid;
	e->steps_count = (u32)min_u64(lab_me.steps, VL_LAB_EDGE_STEPS);
	for (u32 i = 0; i < e->steps_count; i++)
		e->steps[i] =
			lab_me.recent[(lab_me.steps - e->steps_count + i) % VL_LAB_EDGE_STEPS];
	/* pairs: LAB-2 (lab_order.c:known) */
	store_release_u32(&e->state, EDGE_KNOWN);
	if (lab->mode != VL_LAB_RUN || !lab->order)
		return; /* who asks for the graph sees it */
	count = path_to(lab, to, from, path, 0, &seen);
	if (count)
		inverted(lab, from, to, path, count);
}

static void wanted(struct participant *self, u32 to)
{
	struct lab_state *lab = lab_me.lab;

	for (u32 place = 0; place < HOLDS_COUNT; place++) {
		u64 held = self->slot->held[place];

		if (held & HELD_HELD)
			learn(lab, self, class_of(self, held >> 8 << REF_SHIFT, place), to);
	}
	for (u32 i = 0; i < lab_me.mutexes_count; i++)
		learn(lab, self, class_of_mutex(self, lab_me.mutexes[i]), to);
}

/* Set-up and clean-up are no part of a run. */
static bool counts(void)
{
	return lab_me.lab && (lab_me.actor != NOBODY || lab_me.lab->mode != VL_LAB_RUN);
}

void lab_ghost_lock_wanted(struct participant *self, const void *lock, u32 place)
{
	u64 off = (u64)((const u8 *)lock - self->base);

	if (!counts())
		return;
	if (place == HOLD_MMAP2)
		lab_me.second_first = !(self->slot->held[HOLD_MMAP] & HELD_HELD);
	wanted(self, class_of(self, off, place));
}

void lab_ghost_mutex_wanted(struct participant *self, const struct vl_mutex *m)
{
	if (counts())
		wanted(self, class_of_mutex(self, m));
}

void lab_ghost_mutex_taken(const struct vl_mutex *m)
{
	if (lab_me.mutexes_count < LAB_MUTEXES_MAX)
		lab_me.mutexes[lab_me.mutexes_count++] = m;
}

void lab_ghost_mutex_left(const struct vl_mutex *m)
{
	for (u32 i = lab_me.mutexes_count; i-- > 0;) {
		if (lab_me.mutexes[i] != m)
			continue;
		lab_me.mutexes_count--;
		for (u32 n = i; n < lab_me.mutexes_count; n++)
			lab_me.mutexes[n] = lab_me.mutexes[n + 1];
		return;
	}
}

long vl_lab_order(struct participant *self, struct vl_lab_edge *out, u64 cap)
{
	const struct lab_state *lab = lab_state_of(self);
	u64 count = 0;

	for (u32 i = 0; i < VL_LAB_LOCKS_COUNT * VL_LAB_LOCKS_COUNT; i++) {
		u32 from = i / VL_LAB_LOCKS_COUNT, to = i % VL_LAB_LOCKS_COUNT;
		const struct lab_edge *e = &lab->edges[from][to];

		/* acquire pairs: LAB-2 (lab_order.c:learn) */
		if (load_acquire_u32(&e->state) != EDGE_KNOWN || count++ >= cap)
			continue;
		out[count - 1] = (struct vl_lab_edge){.held = from,
						      .wanted = to,
						      .actor = e->actor,
						      .number = e->number,
						      .op = e->op,
						      .pid = e->pid,
						      .steps_count = e->steps_count};
		memcpy(out[count - 1].steps, e->steps, sizeof(e->steps));
	}
	return (long)count;
}
#endif
