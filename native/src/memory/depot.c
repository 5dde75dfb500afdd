/* SPDX-License-Identifier: Apache-2.0 */
/*
 * depot.c: free frames that no participant keeps.
 *
 * A depot is a stack of numbers of frames, with a lock of its own. There are FRAME_DEPOTS of them,
 * and each participant has one that it takes from and gives to first. What goes in or out at a
 * time is a part of a magazine, as an array: the lock is held for one copy of it. So CPUs meet in
 * a depot once for a batch of frames, and only those that have the same one. (kernel: a CPU's page
 * lists are filled in batches, from several zones.)
 *
 * Frames that nobody ever had are in no depot: they are those from pool.fresh on.
 *
 *   a number below depot.count   the frame is there    -> a magazine (depots_take)
 *   a number from count on       nothing
 *   a frame from pool.fresh on   it was never used     -> a magazine (take_fresh)
 *
 * One store of count, or of fresh, gives or takes a whole batch: before it nothing has happened.
 * So a dead owner of the lock leaves nothing half done, and a thief has nothing to rebuild. What
 * it was about to give, or has taken, stands above the top of its magazine (frame.c).
 *
 * frame.next of a frame in a depot is FRAME_IN_POOL | place. It is left as it is when the frame is
 * taken, so that a taker touches no frame under the lock: a frame is there if its place is below
 * count and has its number (frame_pooled). No other frame's number can come there meanwhile, or
 * it would have replaced this one.
 *
 * Places: each chunk of frames brings memory for a part of each depot, so all depots together have
 * room for all frames that there are, and one alone has not.
 *
 * The lock orders who had a frame before who gets it next (MUTEX-1).
 */
#include "vmalab/recount.h"
#include "depot.h"

#define DEPOT_PART (FRAMES_CHUNK / FRAME_DEPOTS) /* places of a depot, for each chunk */

/* By place. */
static u32 *numbers_of(const struct vl_seg *seg)
{
	return (u32 *)((u8 *)seg->frames + frame_numbers_off(seg->hdr->config.frames_max));
}

/* The i-th place of a depot. */
static u32 place_of(u32 depot, u32 i)
{
	return (i / DEPOT_PART * FRAME_DEPOTS + depot) * DEPOT_PART + i % DEPOT_PART;
}

static u32 place_index(u32 place)
{
	return place / FRAMES_CHUNK * DEPOT_PART + place % DEPOT_PART;
}

/* Places that have memory, of each depot. */
static u32 depot_room(const struct frame_pool *pool)
{
	/* relaxed: it only grows, and who has a frame knows of the chunk that it came with */
	u64 populated = load_relaxed_u32(&pool->frames_populated);

	return (u32)(ALIGN_UP(populated, FRAMES_CHUNK) / FRAME_DEPOTS);
}

static void put(struct frame *frames, u32 *numbers, u32 place, u32 f)
{
	struct frame *frame = &frames[f];

	VL_ASSERT(load_relaxed_u32(&frame->refs) == 0);
	store_relaxed_u32(&numbers[place], f);
	store_relaxed_u32(&frame->next, FRAME_IN_POOL | place);
}

static u32 take_from(struct participant *self, u32 depot, u32 *to, u32 most)
{
	struct vl_seg *seg = self->seg;
	struct frame_depot *d = &seg->hdr->frame_depots[depot];
	const u32 *numbers = numbers_of(seg);
	u32 count, n;

	if (load_relaxed_u32(&d->count) == 0) /* relaxed: a hint */
		return 0;
	(void)mutex_lock(self, &d->lock); /* stolen: count says what is there */
	count = load_relaxed_u32(&d->count);
	n = (u32)min_u64(count, most);
	for (u32 i = 0; i < n; i++)
		to[i] = load_relaxed_u32(&numbers[place_of(depot, count - n + i)]);
	compiler_barrier(); /* a kill: they stand where recovery looks before they leave */
	store_relaxed_u32(&d->count, count - n);
	mutex_unlock(self, &d->lock);
	return n;
}

/* How many of them there was room for. */
static u32 give_to(struct participant *self, u32 depot, const u32 *from, u32 n)
{
	struct vl_seg *seg = self->seg;
	struct frame_depot *d = &seg->hdr->frame_depots[depot];
	u32 room = depot_room(&seg->hdr->frames), count, *numbers = numbers_of(seg);

	if (load_relaxed_u32(&d->count) >= room) /* relaxed: a hint */
		return 0;
	(void)mutex_lock(self, &d->lock);
	count = load_relaxed_u32(&d->count);
	n = (u32)min_u64(n, room - count);
	for (u32 i = 0; i < n; i++)
		put(seg->frames, numbers, place_of(depot, count + i), from[i]);
	compiler_barrier(); /* a kill: none of them is there, or all are */
	store_relaxed_u32(&d->count, count + n);
	mutex_unlock(self, &d->lock);
	return n;
}

/* Backs more frames with memory. False if there are no more, or /dev/shm is full. Pool lock. */
static bool grow(struct vl_seg *seg)
{
	struct frame_pool *pool = &seg->hdr->frames;
	u64 region = seg->hdr->regions[REGION_FRAMES].off;
	u32 from = pool->frames_populated;
	u32 to = (u32)min_u64(pool->frames_total, ALIGN_UP((u64)from + 1, FRAMES_CHUNK));

	if (from >= to ||
	    seg_populate(seg, region + (u64)from * sizeof(struct frame),
			 (u64)(to - from) * sizeof(struct frame)) != 0 ||
	    seg_populate(seg, (u64)((u8 *)frame_recounted(seg, from) - seg->base),
			 (u64)(to - from) * sizeof(u32)) != 0 ||
	    seg_populate(seg, (u64)((u8 *)(numbers_of(seg) + from) - seg->base),
			 FRAMES_CHUNK * sizeof(u32)) != 0)
		return false;
	store_relaxed_u32(&pool->frames_populated, to);
	return true;
}

static u32 fresh_left(const struct frame_pool *pool)
{
	u32 fresh = load_relaxed_u32(&pool->fresh); /* relaxed: pool lock, or a hint */
	u32 populated = load_relaxed_u32(&pool->frames_populated);

	return populated > fresh ? populated - fresh : 0;
}

/* Frames that nobody ever had; may_grow: memory may be taken for them. */
static u32 take_fresh(struct participant *self, u32 *to, u32 most, bool may_grow)
{
	struct vl_seg *seg = self->seg;
	struct frame_pool *pool = &seg->hdr->frames;
	u32 n, first;

	if (!may_grow && !fresh_left(pool))
		return 0;
	(void)mutex_lock(self, &pool->lock); /* stolen: each word is whole by itself */
	/* The first chunk may be the two frames that nobody gets. */
	while (may_grow && !fresh_left(pool) && grow(seg))
		;
	n = (u32)min_u64(fresh_left(pool), most);
	first = pool->fresh;
	for (u32 i = 0; i < n; i++)
		to[i] = first + i;
	compiler_barrier(); /* a kill: they stand where recovery looks before they leave */
	store_relaxed_u32(&pool->fresh, first + n);
	mutex_unlock(self, &pool->lock);
	return n;
}

static u32 home(const struct participant *self)
{
	return self->index % FRAME_DEPOTS;
}

u32 depots_take(struct participant *self, u32 *to, u32 most)
{
	u32 first = home(self), n = take_from(self, first, to, most);

	if (!n)
		n = take_fresh(self, to, most, false);
	for (u32 i = 1; !n && i < FRAME_DEPOTS; i++)
		n = take_from(self, (first + i) % FRAME_DEPOTS, to, most);
	return n ? n : take_fresh(self, to, most, true);
}

/* Ends: there is room for all frames, and who takes it before us has that much less to give. */
void depots_give(struct participant *self, const u32 *from, u32 n)
{
	for (u32 depot = home(self); n != 0; depot = (depot + 1) % FRAME_DEPOTS) {
		u32 given = give_to(self, depot, from, n);

		from += given;
		n -= given;
	}
}

void depots_add(struct vl_seg *seg, u32 f)
{
	u32 room = depot_room(&seg->hdr->frames), depot = f % FRAME_DEPOTS, turns = 0;
	struct frame_depot *d = &seg->hdr->frame_depots[depot];

	while (load_relaxed_u32(&d->count) >= room) {
		VL_ASSERT(++turns < FRAME_DEPOTS);
		depot = (depot + 1) % FRAME_DEPOTS;
		d = &seg->hdr->frame_depots[depot];
	}
	put(seg->frames, numbers_of(seg), place_of(depot, d->count), f);
	compiler_barrier(); /* a kill of the recoverer: it is in its hand, or there */
	store_relaxed_u32(&d->count, d->count + 1);
}

bool frame_pooled(const struct vl_seg *seg, u32 f)
{
	const struct seg_header *hdr = seg->hdr;
	u32 next = load_relaxed_u32(&seg->frames[f].next), place = next & ~FRAME_IN_POOL;
	const struct frame_depot *depot;

	if (f >= load_relaxed_u32(&hdr->frames.fresh))
		return true;
	if (!(next & FRAME_IN_POOL) || place >= ALIGN_UP(hdr->config.frames_max, FRAMES_CHUNK))
		return false;
	depot = &hdr->frame_depots[place / DEPOT_PART % FRAME_DEPOTS];
	return place_index(place) < load_relaxed_u32(&depot->count) &&
	       load_relaxed_u32(&numbers_of(seg)[place]) == f;
}

u32 frame_depot_at(const struct vl_seg *seg, u32 depot, u32 i)
{
	return load_relaxed_u32(&numbers_of(seg)[place_of(depot, i)]);
}

bool frame_depot_names(const struct vl_seg *seg, u32 depot, u32 i, u32 f)
{
	return load_relaxed_u32(&seg->frames[f].next) == (FRAME_IN_POOL | place_of(depot, i));
}

u64 frames_pooled(const struct vl_seg *seg)
{
	u64 free = fresh_left(&seg->hdr->frames);

	/* relaxed: a sum of numbers that move; each of them is whole */
	for (u32 depot = 0; depot < FRAME_DEPOTS; depot++)
		free += load_relaxed_u32(&seg->hdr->frame_depots[depot].count);
	return free;
}

void frame_pool_repair(struct vl_seg *seg, const struct dead_set *dead)
{
	mutex_repair(seg, &seg->hdr->frames.lock, dead);
	for (u32 depot = 0; depot < FRAME_DEPOTS; depot++)
		mutex_repair(seg, &seg->hdr->frame_depots[depot].lock, dead);
}
