/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree_kill.c: a writer of the range tree is killed.
 *
 * Goal: wherever a writer dies, the tree holds the state before its store or the state after it,
 * whole; apart from gap summaries, which tree_check repairs, nothing needs repair; and the next
 * writer can go on.
 * Method: a child stores and clears random ranges of cells as fast as it can, having written in
 * shared memory what the cells hold before and after each store and how far it is. It is killed
 * at a random moment. Then the tree is checked, repaired, compared with the two states, and
 * used for more stores. Again with a new segment until the time is over.
 * Reading a failure: the phase says where the writer was: 0 between stores (the state before),
 * 1 before tree_store returned (either), 2 after it (the state after).
 */
#include "testseg.h"
#include "vmalab/tree.h"

#define KILLS_LEAST 3 /* however slow the machine is */
#define CELLS       600
#define BASE        0x10000000ul

struct shared {
	u32 started;
	u32 phase;
	vl_ref before[CELLS];
	vl_ref after[CELLS];
};
_Static_assert(sizeof(struct shared) <= TEST_SHARED_BYTES, "room in the mm table");

static u64 cell_start(u32 cell)
{
	return BASE + ((u64)cell << PAGE_SHIFT);
}

/* The writer's phases are for a reader that comes after its death: a kill cuts the program order,
 * so a compiler barrier is all the order that is needed. */
static void set_phase(struct shared *s, u32 phase)
{
	compiler_barrier();
	store_relaxed_u32(&s->phase, phase);
	compiler_barrier();
}

static void store_cells(struct participant *self, struct range_tree *tree, struct shared *s,
			u64 *rng)
{
	u64 r = test_random(rng);
	u32 from = (u32)(r % CELLS), to;
	u32 wide = (r >> 16) % 16 == 0 ? CELLS / 4 : 1 + (r >> 32) % 2;
	/* Sometimes more stores, sometimes more clears, so that the tree grows and shrinks. */
	bool clear = (r >> 48) % 100 < ((r >> 56) % 2 ? 20u : 60u);
	vl_ref ref = clear ? 0 : 1 + (vl_ref)(test_random(rng) % 1000000000);

	to = (u32)min_u64(CELLS, from + wide);
	for (u32 i = from; i < to; i++)
		s->after[i] = ref;
	set_phase(s, 1);
	CHECK_EQ(tree_preallocate(self, tree, cell_start(from), cell_start(to)), 0);
	tree_store(self, tree, cell_start(from), cell_start(to), ref);
	set_phase(s, 2);
	for (u32 i = from; i < to; i++)
		s->before[i] = ref;
	set_phase(s, 0);
	tree_prealloc_free(self);
	rcu_make_room(self);
}

static void child(struct test_seg *ts, u64 seed)
{
	struct participant self;

	test_seg_remap(ts);
	test_join(ts, &self, ROLE_WORKER);
	test_end_with_parent();
	for (;;) {
		store_cells(&self, test_tree(ts), test_shared(ts), &seed);
		store_release_u32(&((struct shared *)test_shared(ts))->started, 1);
	}
}

static bool holds(struct participant *self, struct range_tree *tree, const vl_ref *cells)
{
	for (u32 i = 0; i < CELLS; i++) {
		if (tree_lookup(self, tree, cell_start(i)) != cells[i])
			return false;
	}
	return tree_lookup(self, tree, BASE - 1) == 0 &&
	       tree_lookup(self, tree, cell_start(CELLS)) == 0;
}

static bool good(struct test_seg *ts, bool repair)
{
	const char *wrong = tree_check(&ts->seg, test_tree(ts), repair, NULL, NULL, NULL, NULL);

	if (wrong && repair)
		fprintf(stderr, "%s\n", wrong);
	return !wrong;
}

static bool look_at_the_remains(struct test_seg *ts, u64 *rng, u32 *phase)
{
	struct shared *s = test_shared(ts);
	struct range_tree *tree = test_tree(ts);
	struct participant self;
	bool whole, before, after;

	test_join(ts, &self, ROLE_WORKER);
	*phase = s->phase;
	whole = good(ts, false);
	CHECK(good(ts, true));
	CHECK(good(ts, false));
	before = holds(&self, tree, s->before);
	after = holds(&self, tree, s->after);
	if (!(*phase == 0 ? before : *phase == 1 ? before || after : after)) {
		fprintf(stderr, "phase %u, before %d, after %d\n", *phase, before, after);
		CHECK(!"the tree holds the state before or after the store");
	}
	if (*phase != 0 && after)
		memcpy(s->before, s->after, sizeof(s->before));
	else
		memcpy(s->after, s->before, sizeof(s->after));
	for (u32 i = 0; i < 50; i++)
		store_cells(&self, tree, s, rng);
	CHECK(good(ts, false));
	CHECK(holds(&self, tree, s->after));
	tree_destroy(&self, tree, true);
	participant_leave(&self);
	return whole;
}

int main(int argc, char **argv)
{
	u64 rng = test_begin(argc, argv);
	u32 kills = 0, summaries = 0, in_phase[3] = {0};

	do {
		struct test_seg ts;
		u32 phase;
		pid_t pid;

		test_seg_open(&ts, 32ul << 20);
		fflush(NULL);
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0)
			child(&ts, test_random(&rng));
		while (!load_acquire_u32(&((struct shared *)test_shared(&ts))->started))
			sched_yield();
		usleep((useconds_t)(test_random(&rng) % 3000));
		test_kill(pid);
		summaries += !look_at_the_remains(&ts, &rng, &phase);
		test_seg_close(&ts);
		in_phase[phase]++;
		kills++;
	} while (kills < KILLS_LEAST || !test_time_over());
	printf("%u kills: %u between stores, %u in them, %u after; gap summaries repaired: %u\n",
	       kills, in_phase[0], in_phase[1], in_phase[2], summaries);
	printf("good\n");
	return 0;
}
