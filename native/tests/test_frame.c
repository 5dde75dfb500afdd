/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_frame.c: frames: counts, the pool, and what killed owners leave.
 *
 * Goal: a frame has one user until its count drops to 0, and its word does not change under those
 * who hold it or look at it in an RCU section; no frame is lost; a dead owner of a depot's lock or
 * of a magazine costs nothing that recovery does not find.
 * Method: unit cases; then actors that make frames, hang them on a shared board, take references
 * to what hangs there and let go of them; then children that do the same and are killed, after
 * which the pool is used at once (it takes the mutex over), then recovered, with the references of
 * the board, and counted frame by frame.
 * Reading a failure: a frame's word holds its own number in the upper half, and in the lower half
 * its life. "word" failures mean that a frame was given to two users; sums that differ mean
 * that frames were lost or are in two places.
 */
#include "testseg.h"
#include "vmalab/frame.h"
#include "vmalab/stats.h"

#define FRAMES (1u << 16) /* as testseg.h configures */
#define BOARD  64
#define ACTORS 4

struct board {
	u32 started;
	u32 frame[BOARD]; /* each entry holds one reference */
	u64 made;
	u64 seen;
};
_Static_assert(sizeof(struct board) <= TEST_SHARED_BYTES, "room in the mm table");

static u32 frames[FRAMES];
static u32 refs[FRAMES];
static u8 reserved[FRAMES];

/* --- cases --- */

static void check_sums(struct test_seg *ts, u64 in_use)
{
	struct frame_numbers n;

	frame_numbers(&ts->seg, &n);
	CHECK_EQ(n.total, FRAMES);
	CHECK_EQ(n.in_use, in_use);
	CHECK(n.populated == 0 || n.free + n.in_use == n.populated - FRAMES_FIRST);
}

static void counts(struct test_seg *ts, struct participant *self)
{
	u32 a = frame_alloc(self), b = frame_alloc(self);

	CHECK(a >= FRAMES_FIRST && b >= FRAMES_FIRST && a != b);
	CHECK_EQ(frame_refs(&ts->seg, a), 1);
	CHECK_EQ(*frame_word(&ts->seg, a), 0);
	*frame_word(&ts->seg, a) = 7;
	frame_get(self, a);
	CHECK(frame_tryget(self, a));
	CHECK_EQ(frame_refs(&ts->seg, a), 3);
	frame_put(self, a);
	frame_put(self, a);
	CHECK_EQ(frame_refs(&ts->seg, a), 1);
	check_sums(ts, 2);
	frame_put(self, a);
	CHECK_EQ(frame_refs(&ts->seg, a), 0);
	CHECK(!frame_tryget(self, a));
	CHECK_EQ(*frame_word(&ts->seg, a), 7); /* for readers that are still in their section */
	check_sums(ts, 2);
	rcu_barrier(self);
	check_sums(ts, 1);
	frame_put_now(self, b);
	check_sums(ts, 0);

	frame_get(self, FRAME_ZERO); /* the zero page is not counted */
	CHECK(frame_tryget(self, FRAME_ZERO));
	frame_put(self, FRAME_ZERO);
	frame_put_now(self, FRAME_ZERO);
	CHECK_EQ(frame_refs(&ts->seg, FRAME_ZERO), 0);
	CHECK_EQ(*frame_word(&ts->seg, FRAME_ZERO), 0);
}

/* Takes every frame there is; each must be new. */
static u32 take_all(struct test_seg *ts, struct participant *self)
{
	u32 count = 0, f;

	memset(reserved, 0, sizeof(reserved));
	while ((f = frame_alloc(self)) != FRAME_NONE) {
		CHECK(f >= FRAMES_FIRST && f < FRAMES && !reserved[f]);
		CHECK_EQ(frame_refs(&ts->seg, f), 1);
		reserved[f] = 1;
		frames[count++] = f;
	}
	return count;
}

static void exhaustion(struct test_seg *ts, struct participant *self)
{
	u32 count = take_all(ts, self);

	CHECK_EQ(count, FRAMES - FRAMES_FIRST);
	check_sums(ts, count);
	frame_put(self, frames[--count]);
	rcu_barrier(self);
	CHECK_EQ(frame_alloc(self), frames[count]); /* the only one */
	CHECK_EQ(frame_alloc(self), FRAME_NONE);
	count++;
	while (count > 0) {
		frame_put_now(self, frames[--count]);
		CHECK(self->area->frame_count <= FRAME_MAGAZINE);
	}
	frame_flush(self);
	CHECK_EQ(self->area->frame_count, 0);
	CHECK_EQ(frames_pooled(&ts->seg), FRAMES - FRAMES_FIRST);
	check_sums(ts, 0);
}

/* Counts become what the caller has found; what has none is free. */
static void recounted(struct test_seg *ts, struct participant *self)
{
	u32 count = take_all(ts, self);

	for (u32 i = 0; i < count; i++) /* 1 is right; 0 and 2 are not */
		CHECK_EQ(frame_recounted_is(self, frames[i], i % 3), i % 3 == 1);
	for (u32 i = 0; i < count; i++) {
		CHECK(frame_recounted_is(self, frames[i], i % 3));
		CHECK_EQ(frame_pooled(&ts->seg, frames[i]), i % 3 == 0);
	}
	CHECK_EQ(frames_pooled(&ts->seg), (count + 2) / 3);
	for (u32 i = 0; i < count; i++) {
		CHECK_EQ(frame_refs(&ts->seg, frames[i]), i % 3);
		if (i % 3 == 2)
			frame_put(self, frames[i]);
		if (i % 3 != 0)
			frame_put(self, frames[i]);
		rcu_make_room(self);
	}
	rcu_barrier(self);
	frame_flush(self);
	check_sums(ts, 0);
	CHECK_EQ(take_all(ts, self), FRAMES - FRAMES_FIRST);
	for (u32 i = 0; i < FRAMES - FRAMES_FIRST; i++)
		frame_put_now(self, frames[i]);
}

/* The states in which a kill can leave a batch on its way, and those after. Recovery gives back
 * what has left one place and is not in the next one, once. */
static void halfway(struct test_seg *ts, struct participant *self, struct participant *dead)
{
	struct frame_depot *depot = &ts->seg.hdr->frame_depots[dead->index % FRAME_DEPOTS];
	struct participant_area *area = dead->area;
	u32 n;

	memset(reserved, 0, sizeof(reserved));
	frame_put_now(dead, frame_alloc(dead));
	n = area->frame_count;
	CHECK(n > 1 && n <= FRAME_BATCH);
	area->frame_count = 0; /* taken, not yet in the magazine */
	CHECK_EQ(frames_pooled(&ts->seg), FRAMES - FRAMES_FIRST - n);
	for (u32 turn = 0; turn < 2; turn++) {
		frames_reclaim(&ts->seg, dead->index, reserved);
		CHECK_EQ(frames_pooled(&ts->seg), FRAMES - FRAMES_FIRST);
	}
	frame_put_now(dead, frame_alloc(dead));
	n = area->frame_count;
	frame_flush(dead);
	frames_reclaim(&ts->seg, dead->index, reserved); /* they stand above the top */
	CHECK_EQ(frames_pooled(&ts->seg), FRAMES - FRAMES_FIRST);
	CHECK(depot->count >= n);
	depot->count -= n; /* put there, not yet counted */
	for (u32 i = 0; i < n; i++)
		CHECK(!frame_pooled(&ts->seg, area->frames[i]));
	for (u32 turn = 0; turn < 2; turn++) {
		frames_reclaim(&ts->seg, dead->index, reserved);
		CHECK_EQ(frames_pooled(&ts->seg), FRAMES - FRAMES_FIRST);
	}
	CHECK_EQ(take_all(ts, self), FRAMES - FRAMES_FIRST); /* each one once */
	for (u32 i = 0; i < FRAMES - FRAMES_FIRST; i++)
		frame_put_now(self, frames[i]);
	frame_flush(self);
}

/* A depot has room for its part. What a participant gives beyond that goes to the others. */
static void spreads(struct test_seg *ts, struct participant *self)
{
	u32 part = FRAMES / FRAME_DEPOTS, count = take_all(ts, self);

	while (count > 0)
		frame_put_now(self, frames[--count]);
	frame_flush(self);
	for (u32 i = 0; i < FRAME_DEPOTS; i++) {
		const struct frame_depot *depot = &ts->seg.hdr->frame_depots[i];

		CHECK(depot->count <= part);
		for (u32 k = 0; k < depot->count; k++)
			CHECK(frame_depot_names(&ts->seg, i, k, frame_depot_at(&ts->seg, i, k)));
	}
	CHECK_EQ(ts->seg.hdr->frame_depots[self->index % FRAME_DEPOTS].count, part);
	check_sums(ts, 0);
}

/* --- the board --- */

static void check_word(const struct vl_seg *seg, u32 f, u64 *word)
{
	u64 now = load_relaxed_u64(frame_word(seg, f));

	if (now >> 32 != f || (*word != 0 && now != *word)) {
		fprintf(stderr, "frame %u: word %#lx, was %#lx\n", f, now, *word);
		CHECK(!"the frame's word is its user's");
	}
	*word = now;
}

static void let_go(struct participant *self, u32 f)
{
	u64 word = 0;

	if (f == FRAME_NONE)
		return;
	check_word(self->seg, f, &word);
	frame_put(self, f);
}

static void make_one(struct participant *self, struct board *b, u64 r)
{
	u32 f = frame_alloc(self);

	CHECK(f != FRAME_NONE);
	CHECK_EQ(load_relaxed_u64(frame_word(self->seg, f)), 0);
	CHECK_EQ(frame_refs(self->seg, f), 1);
	store_relaxed_u64(frame_word(self->seg, f), (u64)f << 32 | (u32)(r >> 32) | 1);
	/* release: the word, as a page-table entry publishes it. Pair: the loads of the board */
	let_go(self, xchg_acq_rel_u32(&b->frame[r % BOARD], f));
}

/* A look under RCU alone: the frame may lose its last user meanwhile, not its word. */
static void look_one(struct participant *self, struct board *b, u64 r)
{
	u64 word = 0;
	u32 f;

	rcu_read_lock(self);
	f = load_acquire_u32(&b->frame[r % BOARD]);
	if (f != FRAME_NONE) {
		check_word(self->seg, f, &word);
		if (r >> 32 & 1)
			sched_yield();
		check_word(self->seg, f, &word);
	}
	rcu_read_unlock(self);
}

/* A reference to what hangs there, as a fork takes it; and moved to another place. */
static void share_one(struct participant *self, struct board *b, u64 r)
{
	u64 word = 0;
	u32 f;

	rcu_read_lock(self);
	f = load_acquire_u32(&b->frame[r % BOARD]);
	if (f != FRAME_NONE && !frame_tryget(self, f))
		f = FRAME_NONE;
	rcu_read_unlock(self);
	if (f == FRAME_NONE)
		return;
	check_word(self->seg, f, &word);
	sched_yield();
	check_word(self->seg, f, &word);
	frame_get(self, f);
	frame_put(self, f);
	check_word(self->seg, f, &word);
	let_go(self, xchg_acq_rel_u32(&b->frame[(r >> 16) % BOARD], f));
}

static void board_step(struct participant *self, struct board *b, u64 r)
{
	CHECK_EQ(core_enter(self), 0);
	rcu_make_room(self);
	switch (r >> 60) {
	case 0 ... 5:
		make_one(self, b, r);
		break;
	case 6 ... 9:
		look_one(self, b, r);
		break;
	case 10 ... 13:
		share_one(self, b, r);
		break;
	case 14:
		let_go(self, xchg_acq_rel_u32(&b->frame[r % BOARD], FRAME_NONE));
		break;
	default:
		if (r % 64 == 0)
			frame_flush(self);
		else
			rcu_poll(self);
	}
	core_exit(self);
}

static void actor(struct test_actor *a)
{
	struct board *b = test_shared(a->ts);
	u64 steps = 0;

	for (; !test_time_over(); steps++)
		board_step(&a->self, b, test_random(&a->rng));
	add_relaxed_u64(&b->made, steps);
}

static void clear_board(struct participant *self, struct board *b)
{
	for (u32 i = 0; i < BOARD; i++) {
		let_go(self, b->frame[i]);
		b->frame[i] = FRAME_NONE;
	}
	rcu_barrier(self);
}

static void torture(struct test_seg *ts)
{
	struct board *b = test_shared(ts);
	struct participant self;

	test_time_begin();
	test_actors(ts, ACTORS, TEST_PROCESSES, actor);
	test_join(ts, &self, ROLE_WORKER);
	clear_board(&self, b);
	check_sums(ts, 0);
	for (u32 f = FRAMES_FIRST; f < FRAMES; f++)
		CHECK_EQ(frame_refs(&ts->seg, f), 0);
	participant_leave(&self);
	printf("%lu steps\n", b->made);
}

/* --- kills --- */

static void victim(struct test_seg *ts, u64 seed)
{
	struct participant self;
	struct board *b;

	test_seg_remap(ts);
	test_join(ts, &self, ROLE_WORKER);
	b = test_shared(ts);
	test_end_with_parent();
	store_release_u32(&b->started, 1);
	/* Sometimes first most of the frames, so that the pool grows when the kill comes. */
	for (u32 count = 0; seed % 2 && count < FRAMES / 4 * 3; count++)
		CHECK(frame_alloc(&self) != FRAME_NONE);
	for (;;) {
		board_step(&self, b, test_random(&seed));
		if (test_random(&seed) % 8 == 0)
			frame_flush(&self); /* often in the pool, where it hurts */
	}
}

/* Uses the pool as the dead one left it: no frame twice, none that hangs on the
 * board, none from another's magazine. */
static void use_pool(struct participant *self, const struct participant *idle,
		     const struct board *b)
{
	u32 count = 0;

	memset(reserved, 0, sizeof(reserved));
	for (u32 i = 0; i < idle->area->frame_count; i++)
		reserved[idle->area->frames[i]] = 1;
	for (u32 i = 0; i < BOARD; i++)
		reserved[b->frame[i]] = 1;
	for (u32 f; count < 10000 && (f = frame_alloc(self)) != FRAME_NONE; count++) {
		CHECK(!reserved[f]);
		reserved[f] = 1;
		frames[count] = f;
	}
	CHECK_EQ(count, 10000);
	while (count > 0)
		frame_put_now(self, frames[--count]);
	frame_flush(self);
}

/* Of those who live, what they have without a reference. */
static void reserve(const struct participant_area *area)
{
	for (u32 i = 0; i < area->frame_count; i++)
		reserved[area->frames[i]] = 1;
	for (u32 at = area->retire_head; at != area->retire_tail; at = place_next(at, RETIRE_RING))
		reserved[area->retired[at % RETIRE_RING].ref] = 1;
}

/* What a recovery does with frames. A frame that the dead one had in hand is given back by
 * frames_reclaim: it has no reference, which is all that a recount looks at. */
static void recover(struct test_seg *ts, struct participant *self)
{
	struct dead_set dead;
	u32 index = 0;

	find_dead(&ts->seg, &dead);
	CHECK_EQ(dead.count, 1);
	while (!dead_set_has(&dead, index))
		index++;
	rcu_repair(&ts->seg, &dead);
	while (!rcu_adopt(self, index))
		rcu_barrier(self);
	memset(reserved, 0, sizeof(reserved));
	reserve(self->area);
	frame_pool_repair(&ts->seg, &dead);
	frames_reclaim(&ts->seg, index, reserved);
	for (u32 f = FRAMES_FIRST; f < ts->seg.hdr->frames.frames_populated; f++)
		(void)frame_recounted_is(self, f, refs[f]);
	rcu_barrier(self);
}

static void count_all(struct test_seg *ts, struct participant *self, const struct board *b)
{
	u32 held = 0;

	memset(refs, 0, sizeof(refs));
	for (u32 i = 0; i < BOARD; i++) {
		if (b->frame[i] != FRAME_NONE && refs[b->frame[i]]++ == 0)
			held++;
	}
	recover(ts, self);
	CHECK_EQ(take_all(ts, self), FRAMES - FRAMES_FIRST - held);
	for (u32 i = 0; i < FRAMES - FRAMES_FIRST - held; i++)
		frame_put_now(self, frames[i]);
}

static void kill_one(u64 *rng, u64 *stolen)
{
	struct test_seg ts;
	struct participant self, idle;
	struct board *b;
	u32 count;
	pid_t pid;

	test_seg_open(&ts, 32ul << 20);
	b = test_shared(&ts);
	test_join(&ts, &self, ROLE_WORKER);
	test_join(&ts, &idle, ROLE_WORKER);
	for (count = 0; count < 100; count++)
		frames[count] = frame_alloc(&idle);
	while (count > 0)
		frame_put_now(&idle, frames[--count]); /* into its magazine, out of the pool */
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0)
		victim(&ts, test_random(rng));
	while (!load_acquire_u32(&b->started))
		sched_yield();
	usleep((useconds_t)(test_random(rng) % 3000));
	test_kill(pid);
	use_pool(&self, &idle, b);
	*stolen += self.area->stats[STAT_mutex_stolen];
	participant_leave(&idle);
	count_all(&ts, &self, b);
	clear_board(&self, b);
	participant_leave(&self);
	test_seg_close(&ts);
}

int main(int argc, char **argv)
{
	u64 rng = test_begin(argc, argv), stolen = 0;
	struct participant self, dead;
	struct test_seg ts;
	u32 kills = 0;

	test_seg_open(&ts, 32ul << 20);
	test_join(&ts, &self, ROLE_WORKER);
	counts(&ts, &self);
	exhaustion(&ts, &self);
	recounted(&ts, &self);
	spreads(&ts, &self);
	test_join(&ts, &dead, ROLE_WORKER);
	halfway(&ts, &self, &dead);
	participant_leave(&dead);
	participant_leave(&self);
	torture(&ts);
	test_seg_close(&ts);
	test_time_begin();
	do {
		kill_one(&rng, &stolen);
		kills++;
	} while (!test_time_over());
	printf("%u kills, mutex taken over %lu times\ngood\n", kills, stolen);
	return 0;
}
