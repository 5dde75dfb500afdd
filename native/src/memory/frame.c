/* SPDX-License-Identifier: Apache-2.0 */
/*
 * frame.c: page frames.
 *
 * Where a frame is, by its words:
 *   refs  next                  where                          next state
 *   0     FRAME_IN_POOL | link  pool list (pool mutex)         magazine (magazine_fill)
 *   0     0                     a magazine                     in use (frame_alloc), pool
 *   n>0   account               in use, n references           n +- 1; 0 references (frame_put)
 *   0     0                     a retire ring, until nobody    magazine (frame_rcu_free)
 *                               can read its word any more
 *
 * What a dead owner leaves:
 *   of the pool mutex   a list cut anywhere. FRAME_IN_POOL says which frames belong to it: it is
 *                       set before a frame is linked and cleared before it is handed out. The
 *                       next owner links all frames that carry it (MUTEX_STOLEN, pool.relink).
 *   of references       counts that are too high, never too low: a recount sets them to what the
 *                       page tables and page caches hold (recount.h).
 *   of a frame without references, on its way from one place to another: the frame. It is in no
 *                       place then, or in one: before it leaves a place its number stands where
 *                       recovery looks (frames_reclaim): above the top of the magazine, at the
 *                       tail of the ring, in retire_hand or in frame_hand.
 *   of a magazine       what is in it: below frame_count, and nowhere else.
 *
 * Orderings:
 *   FRAME-1  frame_put releases, whoever drops the last reference acquires: what others did to the
 *            word is over before the frame goes to its next user. Without it: a late store of the
 *            former user in the new user's word.
 * The first word of a new life needs no order of its own: it is published with the page-table
 * entry (release), and before that the frame came to us through a mutex or a grace period.
 */
#include "vmalab/frame.h"
#include "vmalab/leave.h"
#include "vmalab/recount.h"
#include "vmalab/stats.h"

#define FRAMES_CHUNK 8192u /* taken from /dev/shm at a time: 128 KiB */

static struct frame *frame_at(const struct vl_seg *seg, u32 frame)
{
	/* Of config, which nobody writes: the pool's own number is beside the head of its list. */
	VL_ASSERT(frame >= FRAMES_FIRST && frame < seg->hdr->config.frames_max);
	return &seg->frames[frame];
}

/* Pool mutex, or the world is stopped. */
static void pool_link(struct vl_seg *seg, u32 frame)
{
	struct frame_pool *pool = &seg->hdr->frames;

	store_relaxed_u32(&frame_at(seg, frame)->next, FRAME_IN_POOL | pool->free_head);
	pool->free_head = frame;
	/* relaxed: frame_numbers() reads it without the mutex and wants a whole value */
	store_relaxed_u64(&pool->free_count, pool->free_count + 1);
}

/* Links what belongs to the pool anew, lowest first, after its owner died in the middle. */
static void pool_relink(struct vl_seg *seg)
{
	struct frame_pool *pool = &seg->hdr->frames;

	pool->free_head = 0;
	store_relaxed_u64(&pool->free_count, 0);
	for (u32 f = pool->frames_populated; f-- > FRAMES_FIRST;) {
		if (load_relaxed_u32(&seg->frames[f].next) & FRAME_IN_POOL)
			pool_link(seg, f);
	}
}

static void pool_lock(struct participant *self)
{
	struct frame_pool *pool = &self->seg->hdr->frames;

	/* relaxed: under the lock */
	if (mutex_lock(self, &pool->lock) == MUTEX_STOLEN || load_relaxed_u32(&pool->relink)) {
		pool_relink(self->seg);
		compiler_barrier();
		store_relaxed_u32(&pool->relink, 0);
	}
}

/* Backs more frames with memory. False if there are no more, or /dev/shm is full. */
static bool pool_grow(struct participant *self)
{
	struct vl_seg *seg = self->seg;
	struct frame_pool *pool = &seg->hdr->frames;
	u64 region = seg->hdr->regions[REGION_FRAMES].off;
	u32 from = pool->frames_populated;
	u32 to = (u32)min_u64(pool->frames_total, ALIGN_UP((u64)from + 1, FRAMES_CHUNK));

	if (from >= to)
		return false;
	if (seg_populate(seg, region + (u64)from * sizeof(struct frame),
			 (u64)(to - from) * sizeof(struct frame)) != 0 ||
	    seg_populate(seg, (u64)((u8 *)frame_recounted(seg, from) - seg->base),
			 (u64)(to - from) * sizeof(u32)) != 0)
		return false;
	/* Counted after they are linked: a kill in between leaves words that the next growth sets
	 * anew, and pool_relink() looks only at those that are counted. */
	for (u32 f = to; f-- > (u32)max_u64(from, FRAMES_FIRST);)
		pool_link(seg, f);
	store_relaxed_u32(&pool->frames_populated, to);
	return true;
}

/* Fills half an empty magazine from the pool. False: there is none. */
static bool magazine_fill(struct participant *self)
{
	struct frame_pool *pool = &self->seg->hdr->frames;
	struct participant_area *area = self->area;
	u32 count = area->frame_count, fill = self->frames_keep / 2;

	pool_lock(self);
	/* The first chunk may be the two frames that nobody gets. */
	while (count < fill && (pool->free_head || (pool_grow(self) && pool->free_head))) {
		u32 f = pool->free_head;
		struct frame *frame = frame_at(self->seg, f);
		u32 next = load_relaxed_u32(&frame->next);

		VL_ASSERT((next & FRAME_IN_POOL) && load_relaxed_u32(&frame->refs) == 0);
		area->frames[count++] = f;
		compiler_barrier(); /* a kill: it stands above the top before it leaves the pool */
		pool->free_head = next & ~FRAME_IN_POOL;
		store_relaxed_u64(&pool->free_count, pool->free_count - 1);
		store_relaxed_u32(&frame->next, 0);
		compiler_barrier();
		store_relaxed_u32(&area->frame_count, count);
	}
	mutex_unlock(self, &pool->lock);
	return count > 0;
}

static void magazine_drain(struct participant *self, u32 keep)
{
	struct frame_pool *pool = &self->seg->hdr->frames;
	struct participant_area *area = self->area;
	u32 count = area->frame_count;

	VL_ASSERT(count <= FRAME_MAGAZINE);
	if (count <= keep)
		return;
	pool_lock(self);
	while (count > keep) {
		/* A kill: out of the magazine first, or it is there and in another one too. */
		store_relaxed_u32(&area->frame_count, --count);
		compiler_barrier();
		pool_link(self->seg, area->frames[count]);
		compiler_barrier();
	}
	mutex_unlock(self, &pool->lock);
}

/* A frame that nobody can reach any more. */
static void frame_free(struct participant *self, u32 f)
{
	struct participant_area *area = self->area;

	VL_ASSERT(load_relaxed_u32(&frame_at(self->seg, f)->refs) == 0);
	VL_ASSERT(load_relaxed_u32(&frame_at(self->seg, f)->next) == 0);
	if (area->frame_count >= self->frames_keep)
		magazine_drain(self, self->frames_keep / 2);
	area->frames[area->frame_count] = f;
	compiler_barrier();
	store_relaxed_u32(&area->frame_count, area->frame_count + 1);
}

/* None is left, or there is no memory for more: the file of the segment is sparse. */
static void note_none(struct participant *self)
{
	const struct seg_header *hdr = self->seg->hdr;

	/* relaxed: a reason for a message */
	if (load_relaxed_u32(&hdr->frames.frames_populated) < hdr->frames.frames_total)
		limit_note(self, VL_LIMIT_MACHINE_MEMORY, 0, 0);
	else
		limit_note(self, VL_LIMIT_FRAMES_MAX, hdr->config.frames_max, 0);
}

u32 frame_alloc_for(struct participant *self, u32 account)
{
	struct participant_area *area = self->area;
	struct frame *frame;
	u32 f;

	if (unlikely(!account_charge(self, account, CHARGE_FRAMES)))
		return FRAME_NONE;
	if (unlikely(area->frame_count == 0) && !magazine_fill(self)) {
		/* What we retired ourselves may be ripe. */
		rcu_poll(self);
		if (area->frame_count == 0) {
			account_uncharge(self, account, CHARGE_FRAMES);
			note_none(self);
			return FRAME_NONE;
		}
	}
	f = area->frames[area->frame_count - 1];
	store_relaxed_u32(&area->frame_count, area->frame_count - 1);
	compiler_barrier(); /* a kill: the number stays above the top until it has a reference */
	frame = frame_at(self->seg, f);
	VL_ASSERT(load_relaxed_u32(&frame->refs) == 0);
	store_relaxed_u64(&frame->word, 0); /* published by whoever publishes the frame */
	store_relaxed_u32(&frame->next, account);
	store_relaxed_u32(&frame->refs, 1);
	if (unlikely(account != 0))
		recount_charge(self, f, account, 1);
	return f;
}

void frame_get(struct participant *self, u32 f)
{
	u32 refs;

	if (f == FRAME_ZERO)
		return;
	/* relaxed: the caller's own reference keeps the frame */
	refs = add_relaxed_u32(&frame_at(self->seg, f)->refs, 1);
	VL_ASSERT(refs > 1);
}

bool frame_tryget(struct participant *self, u32 f)
{
	struct frame *frame;
	u32 refs;

	if (f == FRAME_ZERO)
		return true;
	frame = frame_at(self->seg, f);
	refs = load_relaxed_u32(&frame->refs); /* relaxed: the cmpxchg decides */
	while (refs != 0) {
		/* relaxed: the caller looks again at what named the frame, and that orders */
		if (cmpxchg_relaxed_u32(&frame->refs, &refs, refs + 1))
			return true;
	}
	return false;
}

/* Drops a reference; true if it was the last, with which the charge ends. */
static bool frame_drop(struct participant *self, u32 f)
{
	struct frame *frame = frame_at(self->seg, f);
	u32 account, refs;

	store_relaxed_u32(&self->area->frame_hand, f);
	compiler_barrier(); /* a kill: the number is there when the frame is in no place */
	/* pairs: FRAME-1 (frame.c:frame_drop): release by all, acquire by the last */
	refs = add_acq_rel_u32(&frame->refs, -1u);
	VL_ASSERT(refs != UINT32_MAX);
	if (refs != 0)
		return false;
	account = load_relaxed_u32(&frame->next); /* relaxed: set before it was published */
	if (unlikely(account != 0)) {
		store_relaxed_u32(&frame->next, 0); /* nobody else has it */
		recount_charge(self, f, account, -1);
		account_uncharge(self, account, CHARGE_FRAMES);
	}
	return true;
}

void frame_put(struct participant *self, u32 f)
{
	if (f != FRAME_ZERO && frame_drop(self, f))
		rcu_retire(self, RETIRE_FRAME, f);
}

void frame_put_now(struct participant *self, u32 f)
{
	bool last;

	if (f == FRAME_ZERO)
		return;
	last = frame_drop(self, f);
	VL_ASSERT(last); /* nobody else ever saw it */
	frame_free(self, f);
}

u32 frame_refs(const struct vl_seg *seg, u32 f)
{
	/* relaxed: a count that others change is stale at once; who needs more excludes them */
	return f < FRAMES_FIRST ? 0 : load_relaxed_u32(&frame_at(seg, f)->refs);
}

void frame_flush(struct participant *self)
{
	magazine_drain(self, 0);
}

u32 frame_pool_open(struct vl_seg *seg)
{
	u32 was = load_relaxed_u32(&seg->hdr->frames.relink);

	store_relaxed_u32(&seg->hdr->frames.relink, 1);
	compiler_barrier();
	return was;
}

void frame_pool_close(struct vl_seg *seg, u32 was)
{
	compiler_barrier();
	store_relaxed_u32(&seg->hdr->frames.relink, was);
}

void frame_magazine_reclaim(struct participant *self, u32 owner_index)
{
	struct participant_area *area = participant_area_of(self->seg, owner_index);
	u32 was = frame_pool_open(self->seg);

	while (area->frame_count) {
		u32 f = area->frames[area->frame_count - 1];

		/* A kill: in our hand, because nobody looks above the top of a living one's. */
		store_relaxed_u32(&self->area->frame_hand, f);
		compiler_barrier();
		store_relaxed_u32(&area->frame_count, area->frame_count - 1);
		compiler_barrier();
		pool_link(self->seg, f);
		compiler_barrier();
	}
	frame_pool_close(self->seg, was);
}

/* A frame that was on its way somewhere goes to the pool, unless it has arrived. */
static void reclaim_lost(struct vl_seg *seg, u32 f, const u8 *reserved)
{
	struct frame *frame;

	if (f < FRAMES_FIRST || f >= seg->hdr->frames.frames_populated)
		return;
	frame = frame_at(seg, f);
	if (load_relaxed_u32(&frame->refs) != 0 || reserved[f] ||
	    (load_relaxed_u32(&frame->next) & FRAME_IN_POOL))
		return;
	pool_link(seg, f);
}

void frames_reclaim(struct vl_seg *seg, u32 owner_index, const u8 *reserved)
{
	const struct participant_area *area = participant_area_of(seg, owner_index);
	const struct retired *last = &area->retired[area->retire_tail % RETIRE_RING];

	for (u32 i = 0; i <= area->frame_count && i < FRAME_MAGAZINE; i++)
		reclaim_lost(seg, area->frames[i], reserved);
	if (area->retire_hand >> 32 == RETIRE_FRAME)
		reclaim_lost(seg, (u32)area->retire_hand, reserved);
	if (last->kind == RETIRE_FRAME)
		reclaim_lost(seg, last->ref, reserved);
	reclaim_lost(seg, area->frame_hand, reserved);
}

void frame_pool_repair(struct vl_seg *seg, const struct dead_set *dead)
{
	struct frame_pool *pool = &seg->hdr->frames;
	u32 owner = (load_relaxed_u32(&pool->lock.word) & ~VL_MUTEX_WAITERS) - 1;

	/* To link all takes a time that grows with their number: not while the world stands. */
	if (owner != UINT32_MAX)
		store_relaxed_u32(&pool->relink, 1);
	compiler_barrier();
	mutex_repair(seg, &pool->lock, dead);
}

bool frame_recounted_is(struct vl_seg *seg, u32 f, u32 refs)
{
	struct frame *frame = frame_at(seg, f);
	u32 counted = load_relaxed_u32(&frame->refs);

	if (counted == refs)
		return true;
	/* Of a frame that is free, or on its way there, nobody has a reference. */
	VL_ASSERT(counted != 0);
	store_relaxed_u32(&frame->refs, refs);
	if (refs == 0)
		pool_link(seg, f);
	return false;
}

void frame_numbers(const struct vl_seg *seg, struct frame_numbers *out)
{
	const struct frame_pool *pool = &seg->hdr->frames;
	u64 usable;

	/* relaxed throughout: a sum of numbers that move; each of them is whole */
	out->total = pool->frames_total;
	out->populated = load_relaxed_u32(&pool->frames_populated);
	out->free = load_relaxed_u64(&pool->free_count);
	for (u32 i = 0; i < load_relaxed_u32(&seg->hdr->slots_high); i++) {
		const struct participant_area *area =
			(const void *)(seg->areas + (u64)i * PARTICIPANT_AREA_BYTES);

		out->free += load_relaxed_u32(&area->frame_count);
	}
	usable = out->populated > FRAMES_FIRST ? out->populated - FRAMES_FIRST : 0;
	out->free = min_u64(out->free, usable);
	out->in_use = usable - out->free;
}

static void frame_rcu_free(struct participant *self, u32 kind, u32 ref)
{
	VL_ASSERT(kind == RETIRE_FRAME);
	frame_free(self, ref);
}

void frame_register(void)
{
	rcu_free_register(RETIRE_FRAME, frame_rcu_free);
	participant_leave_register(frame_flush);
}
