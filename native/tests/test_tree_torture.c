/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree_torture.c: readers of the range tree beside writers.
 *
 * Goal: a reader that holds only RCU sees at every moment a tree that was true at that moment,
 * never one in between, and nothing that it found is freed before its section ends. Method: two
 * writers, serialised by an rwsem as mmap_lock does it, store and clear random ranges of cells;
 * entries are slab objects that know their range and are marked dead and freed through RCU when no
 * cell holds them any more. For each cell a version is kept, odd while it changes, and the
 * reference it has. Readers look up cells, ask for ranges, and walk with tree_find. One asks for
 * gaps with the rwsem held for reading.
 * Threads under the sanitizers, processes otherwise.
 * Reading a failure: the text of the CHECK says what was seen. "version": the cell did not change
 * during the lookup and its answer was another: TREE-1, TREE-2 or the store's atomicity. "alive",
 * "generation": an object was freed or reused inside a section: RCU, or a node that was read after
 * it was freed. "covers": pivots and slots of different nodes were mixed.
 */
#include "testseg.h"
#include "vmalab/tree.h"

#define CELLS   256
#define WRITERS 2
#define ACTORS  5
#define BASE    0x7f0000000000ul

enum { THING_LIVE = 0x4c495645, THING_DEAD = 0x44454144 };

struct thing {
	u32 state;
	u32 generation;
	u64 start; /* as it was stored; later stores may have cut it */
	u64 end;
	u64 pad;
};

struct shared {
	struct rw_semaphore lock __cacheline_aligned;
	u64 stores;
	u64 steady; /* lookups during which the cell did not change */
	u64 moving;
	struct {
		u32 version; /* odd: changing */
		vl_ref ref;
	} cell[CELLS];
};
_Static_assert(sizeof(struct shared) + CACHE_LINE <= TEST_SHARED_BYTES, "room in the mm table");

static struct shared *shared_of(struct test_seg *ts)
{
	return (struct shared *)ALIGN_UP((u64)test_shared(ts), CACHE_LINE);
}

static u64 cell_start(u32 cell)
{
	return BASE + ((u64)cell << PAGE_SHIFT);
}

static void thing_free(struct participant *self, u32 kind, u32 ref)
{
	struct thing *thing = PTR(self, ref);

	(void)kind;
	CHECK_EQ(load_relaxed_u32(&thing->state), THING_LIVE);
	store_relaxed_u32(&thing->state, THING_DEAD);
	kmem_cache_free(self, CACHE_TEST0, thing);
}

/* --- writers: the rwsem is held for writing --- */

static vl_ref thing_make(struct participant *self, u64 start, u64 end)
{
	struct thing *thing = kmem_cache_alloc(self, CACHE_TEST0);

	CHECK(thing);
	thing->generation++;
	thing->start = start;
	thing->end = end;
	store_relaxed_u32(&thing->state, THING_LIVE);
	return REF(self, thing);
}

static bool is_held(const struct shared *s, vl_ref ref)
{
	for (u32 i = 0; i < CELLS; i++) {
		if (load_relaxed_u32(&s->cell[i].ref) == ref)
			return true;
	}
	return false;
}

static void write_once(struct test_actor *a, u32 from, u32 to, bool clear)
{
	struct shared *s = shared_of(a->ts);
	struct range_tree *tree = test_tree(a->ts);
	u64 start = cell_start(from), end = cell_start(to);
	vl_ref ref = clear ? 0 : thing_make(&a->self, start, end);
	vl_ref old[CELLS];

	CHECK_EQ(tree_preallocate(&a->self, tree, start, end), 0);
	for (u32 i = from; i < to; i++) {
		old[i] = load_relaxed_u32(&s->cell[i].ref);
		/* Seen by whoever sees the store below, which releases. */
		store_relaxed_u32(&s->cell[i].version, s->cell[i].version + 1);
	}
	tree_store(&a->self, tree, start, end, ref);
	for (u32 i = from; i < to; i++) {
		/* release: after the odd version; then the tree and the reference before the even
		 * one. Pair: look_up. */
		store_release_u32(&s->cell[i].ref, ref);
		store_release_u32(&s->cell[i].version, s->cell[i].version + 1);
	}
	tree_prealloc_free(&a->self);
	for (u32 i = from; i < to; i++) {
		bool met = false; /* an entry may have been cut in several parts */

		for (u32 j = from; j < i; j++)
			met = met || old[j] == old[i];
		if (old[i] && !met && !is_held(s, old[i]))
			rcu_retire(&a->self, RETIRE_OBJECT0 + CACHE_TEST0, old[i]);
	}
	add_relaxed_u64(&s->stores, 1);
}

static void writer(struct test_actor *a)
{
	struct shared *s = shared_of(a->ts);

	for (u64 n = 0; !test_time_over(); n++) {
		u64 r = test_random(&a->rng);
		u32 from = (u32)(r % CELLS);
		u32 wide = (r >> 16) % 16 == 0 ? CELLS : 1 + (r >> 32) % 3;
		const char *wrong;

		CHECK_EQ(core_enter(&a->self), 0);
		rcu_make_room(&a->self);
		down_write(&a->self, &s->lock, HOLD_MMAP);
		/* Cells from..to, to > from, in the range. */
		write_once(a, from, (u32)min_u64(CELLS, from + wide), (r >> 48) % 100 < 40);
		if (n % 64 == 0) {
			wrong = tree_check(&a->ts->seg, test_tree(a->ts), false, NULL, NULL, NULL,
					   NULL);
			if (wrong)
				fprintf(stderr, "%s\n", wrong);
			CHECK(!wrong);
		}
		up_write(&a->self, &s->lock, HOLD_MMAP);
		rcu_poll(&a->self);
		core_exit(&a->self);
	}
}

/* --- readers --- */

/* Everything that may be said of an object that was found in an RCU section for an address. */
static u32 check_covers(struct test_actor *a, vl_ref ref, u64 start, u64 end)
{
	const struct thing *thing = PTR(&a->self, ref);

	if (load_relaxed_u32(&thing->state) != THING_LIVE)
		CHECK(!"the object is alive");
	if (start < thing->start || end > thing->end)
		CHECK(!"the object covers what it was found for");
	return thing->generation;
}

static void look_up(struct test_actor *a, u32 i, u64 *steady, u64 *moving)
{
	struct shared *s = shared_of(a->ts);
	u64 addr = cell_start(i) + test_random(&a->rng) % PAGE_SIZE;
	u32 version, generation;
	vl_ref ref, want;

	rcu_read_lock(&a->self);
	version = load_acquire_u32(&s->cell[i].version);
	want = load_acquire_u32(&s->cell[i].ref);
	ref = tree_lookup(&a->self, test_tree(a->ts), addr);
	if (version % 2 == 0 && load_acquire_u32(&s->cell[i].version) == version) {
		if (ref != want)
			CHECK(!"the cell's version did not move, the answer is its reference");
		(*steady)++;
	} else {
		(*moving)++;
	}
	if (ref) {
		generation = check_covers(a, ref, addr, addr + 1);
		if (generation % 64 == 0)
			sched_yield();
		if (generation != check_covers(a, ref, addr, addr + 1))
			CHECK(!"the object's generation is the same at the end of the section");
	}
	rcu_read_unlock(&a->self);
}

static void ask_ranges(struct test_actor *a, u32 i)
{
	struct range_tree *tree = test_tree(a->ts);
	u64 addr = cell_start(i);
	struct range_entry e;

	rcu_read_lock(&a->self);
	tree_get(&a->self, tree, addr, &e);
	CHECK(e.start <= addr && addr < e.end);
	if (e.ref)
		check_covers(a, e.ref, e.start, e.end);
	for (u32 n = 0; n < 8 && tree_find(&a->self, tree, addr, cell_start(CELLS), &e); n++) {
		CHECK(e.ref && e.end > addr && e.start < cell_start(CELLS));
		check_covers(a, e.ref, e.start, e.end);
		addr = e.end;
	}
	for (u32 n = 0; n < 8 && tree_find_prev(&a->self, tree, addr, &e); n++) {
		CHECK(e.ref && e.start < addr);
		check_covers(a, e.ref, e.start, e.end);
		addr = e.start;
	}
	rcu_read_unlock(&a->self);
}

/* With the lock: the gap that the tree names must be free, cell by cell. */
static void ask_gap(struct test_actor *a, u64 r)
{
	struct shared *s = shared_of(a->ts);
	u64 pages = 1 + r % 4, at;

	down_read(&a->self, &s->lock, HOLD_MMAP);
	at = (r & 64 ? tree_gap_lowest : tree_gap_highest)(
		&a->self, test_tree(a->ts), cell_start(0), cell_start(CELLS), pages << PAGE_SHIFT);
	for (u64 i = 0; at != UINT64_MAX && i < pages; i++)
		CHECK_EQ(s->cell[(at - BASE) / PAGE_SIZE + i].ref, 0);
	up_read(&a->self, &s->lock, HOLD_MMAP);
}

static void reader(struct test_actor *a)
{
	struct shared *s = shared_of(a->ts);
	u64 steady = 0, moving = 0;

	while (!test_time_over()) {
		CHECK_EQ(core_enter(&a->self), 0);
		for (u32 n = 0; n < 64; n++)
			look_up(a, (u32)(test_random(&a->rng) % CELLS), &steady, &moving);
		ask_ranges(a, (u32)(test_random(&a->rng) % CELLS));
		if (a->number == WRITERS)
			ask_gap(a, test_random(&a->rng));
		core_exit(&a->self);
	}
	add_relaxed_u64(&s->steady, steady);
	add_relaxed_u64(&s->moving, moving);
}

static void run(struct test_actor *a)
{
	if (a->number < WRITERS)
		writer(a);
	else
		reader(a);
}

static void check_end(struct test_seg *ts)
{
	struct shared *s = shared_of(ts);
	struct range_tree *tree = test_tree(ts);
	struct participant self;
	struct slab_numbers numbers;

	test_join(ts, &self, ROLE_WORKER);
	CHECK(!tree_check(&ts->seg, tree, false, NULL, NULL, NULL, NULL));
	for (u32 i = 0; i < CELLS; i++)
		CHECK_EQ(tree_lookup(&self, tree, cell_start(i)), s->cell[i].ref);
	for (u32 i = 0; i < CELLS; i++) {
		vl_ref ref = s->cell[i].ref;

		s->cell[i].ref = 0;
		if (ref && !is_held(s, ref))
			thing_free(&self, 0, ref);
	}
	tree_destroy(&self, tree, true);
	rcu_barrier(&self);
	kmem_cache_numbers(&ts->seg, CACHE_TEST0, &numbers);
	CHECK_EQ(numbers.active_objs, 0);
	kmem_cache_numbers(&ts->seg, CACHE_NODE, &numbers);
	CHECK_EQ(numbers.active_objs, 0);
	participant_leave(&self);
	printf("%lu stores, %lu lookups while nothing changed, %lu while it did\n", s->stores,
	       s->steady, s->moving);
	CHECK(s->stores > 100 && s->steady > 100);
}

static void torture(u32 rcu)
{
	struct test_seg ts;

	test_seg_open_rcu(&ts, 64ul << 20, rcu);
	rcu_free_register(RETIRE_OBJECT0 + CACHE_TEST0, thing_free);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "thing", sizeof(struct thing), 32, 0, 0),
		 0);
	init_rwsem(&shared_of(&ts)->lock);
	test_time_begin();
	test_actors(&ts, ACTORS, TEST_PROCESSES, run);
	check_end(&ts);
	test_seg_close(&ts);
}

int main(int argc, char **argv)
{
	test_begin(argc, argv);
	torture(RCU_AUTO);
	torture(RCU_FENCED);
	printf("good\n");
	return 0;
}
