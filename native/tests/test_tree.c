/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree.c: the range tree, case by case.
 *
 * Goal: stores over every range of a tree of several levels, growth to 100,000 entries and back,
 * the ends of the address space, running out of nodes, copies, and the walker's own eyes.
 * Method: each case builds a tree, compares it with an array (tree_model.h) or a count, and asks
 * tree_check; at the end of each case all nodes must be back in their cache.
 * Reading a failure: the CHECK names the case; cases that loop print the range they were at.
 * (Random programs: test_tree_model.c. Readers beside a writer: test_tree_torture.c.)
 */
#include "testseg.h"
#include "tree_model.h"

#define PAGES(n) ((u64)(n) << PAGE_SHIFT)
#define BASE     0x10000000ul

static struct test_seg seg;
static struct participant self;
static struct range_tree *tree; /* the one under test */
static struct range_tree *other;

static void store(struct range_tree *t, u64 start, u64 end, vl_ref ref)
{
	CHECK_EQ(tree_preallocate(&self, t, start, end), 0);
	tree_store(&self, t, start, end, ref);
	tree_prealloc_free(&self);
}

static void check(struct range_tree *t, struct tree_shape *shape)
{
	const char *wrong = tree_check(&seg.seg, t, false, shape, NULL, NULL, NULL);

	if (wrong)
		fprintf(stderr, "%s\n", wrong);
	CHECK(!wrong);
}

static u64 live_nodes(void)
{
	struct slab_numbers numbers;

	kmem_cache_numbers(&seg.seg, CACHE_NODE, &numbers);
	return numbers.active_objs;
}

static void end_case(void)
{
	tree_destroy(&self, tree, true);
	tree_destroy(&self, other, false);
	CHECK_EQ(tree->root, 0);
	rcu_barrier(&self);
	CHECK_EQ(live_nodes(), 0);
}

/* --- every range of a tree of several leaves --- */

static struct tree_model model;

struct compare {
	u32 cell;
	bool good;
};

static void compare_entry(void *arg, const struct range_entry *e)
{
	struct compare *c = arg;
	struct range_entry want;

	while (c->cell < model.cells && !model.cell[c->cell])
		c->cell++;
	c->good = c->good && c->cell < model.cells;
	if (!c->good)
		return;
	want = model_entry(&model, c->cell);
	c->good = e->start == want.start && e->end == want.end && e->ref == want.ref;
	c->cell = model_run_end(&model, c->cell);
}

static bool same_as_model(struct range_tree *t)
{
	struct compare c = {0, true};

	if (tree_check(&seg.seg, t, false, NULL, NULL, compare_entry, &c))
		return false;
	while (c.cell < model.cells && !model.cell[c.cell])
		c.cell++;
	return c.good && c.cell == model.cells;
}

/* Of `period` cells the first `used` hold entries. */
static void every_range(u32 cells, u32 period, u32 used, u32 step)
{
	vl_ref before[MODEL_CELLS_MAX];

	model_init(&model, cells, 1);
	for (u32 i = 0; i < cells; i++) {
		if (i % period >= used)
			continue;
		store(tree, model.bound[i], model.bound[i + 1], i + 1);
		model_store(&model, i, i + 1, i + 1);
	}
	CHECK(same_as_model(tree));
	memcpy(before, model.cell, sizeof(before));
	for (u32 from = 0; from < cells; from++) {
		for (u32 to = from + 1; to <= cells; to += 1 + (from + to) % step) {
			vl_ref ref = (from + to) % 2 ? 5000 : 0;

			CHECK_EQ(tree_dup(&self, tree, other), 0);
			store(other, model.bound[from], model.bound[to], ref);
			model_store(&model, from, to, ref);
			if (!same_as_model(other)) {
				fprintf(stderr, "%u cells, %u of %u used, store [%u,%u) %u\n",
					cells, used, period, from, to, ref);
				CHECK(!"the copy is as the array");
			}
			rcu_poll(&self);
			tree_destroy(&self, other, false);
			memcpy(model.cell, before, sizeof(before));
		}
	}
	CHECK(same_as_model(tree)); /* stores to the copies did not touch it */
	end_case();
}

/* --- ranges in order: what growth in one direction leaves --- */

static void in_order(u32 count, bool upwards)
{
	struct tree_shape shape;
	u64 rng = 5;

	for (u32 i = 0; i < count; i++) {
		u32 at = upwards ? i : count - i;

		store(tree, BASE + PAGES(2 * at), BASE + PAGES(2 * at + 1 + at % 2), at + 1);
		if (i % 16 == 0)
			check(tree, NULL);
	}
	check(tree, &shape);
	CHECK_EQ(shape.entries, count);
	/* Every second entry has a gap after it. Full leaves have 20 slots; half-full ones would
	 * make twice as many nodes. */
	CHECK(shape.nodes < count * 3 / 2 / 13);
	for (u32 i = 0; i < 2 * count; i++) {
		struct range_entry e;

		CHECK(tree_find(&self, tree, BASE + PAGES(test_random(&rng) % (2 * count - 8)),
				UINT64_MAX, &e));
		store(tree, e.start, e.end, 0);
		check(tree, NULL);
		store(tree, e.start, e.end, e.ref);
		check(tree, NULL);
		rcu_make_room(&self);
	}
	end_case();
}

/* --- 100,000 entries, up and down --- */

static void shuffle(u32 *order, u32 count, u64 *rng)
{
	for (u32 i = 0; i < count; i++)
		order[i] = i;
	for (u32 i = count; i-- > 1;) {
		u32 j = (u32)(test_random(rng) % (i + 1)), swap = order[i];

		order[i] = order[j];
		order[j] = swap;
	}
}

static void fill_order(const u32 *order, u32 count, bool clear)
{
	for (u32 i = 0; i < count; i++) {
		u64 start = BASE + PAGES(2 * order[i]);

		store(tree, start, start + PAGE_SIZE, clear ? 0 : order[i] + 1);
		if (i % 256 == 0)
			rcu_make_room(&self);
		if (i % (count / 8) == 0)
			check(tree, NULL);
	}
}

static void growth(u32 count, u64 seed)
{
	u32 *order = malloc(count * sizeof(*order));
	struct tree_shape shape;
	u64 rng = seed;

	CHECK(order);
	shuffle(order, count, &rng);
	fill_order(order, count, false);
	check(tree, &shape);
	CHECK_EQ(shape.entries, count);
	CHECK(shape.height <= 8);
	for (u32 i = 0; i < count; i++) {
		u64 addr = BASE + PAGES(2 * i);

		CHECK_EQ(tree_lookup(&self, tree, addr), i + 1);
		CHECK_EQ(tree_lookup(&self, tree, addr + PAGE_SIZE), 0);
	}
	shuffle(order, count, &rng);
	fill_order(order, count, true);
	CHECK_EQ(tree->root, 0); /* it got lower with every level that emptied */
	rcu_barrier(&self);
	CHECK_EQ(live_nodes(), 0);

	/* Down in two stores. */
	fill_order(order, count, false);
	store(tree, BASE + PAGES(count / 2), BASE + PAGES(3 * (u64)count / 2), 0);
	check(tree, &shape);
	CHECK(shape.entries >= count / 2 - 1 && shape.entries <= count / 2 + 1);
	store(tree, 0, UINT64_MAX, 0);
	CHECK_EQ(tree->root, 0);
	fill_order(order, count, false);
	store(tree, BASE + 1, BASE + PAGES(2 * count),
	      7); /* one entry and the first's first byte */
	check(tree, &shape);
	CHECK_EQ(shape.entries, 2);
	CHECK_EQ(shape.height, 1);
	free(order);
	end_case();
}

/* --- the ends of the address space --- */

static void expect(u64 addr, u64 start, u64 end, vl_ref ref)
{
	struct range_entry e;

	tree_get(&self, tree, addr, &e);
	CHECK_EQ(e.start, start);
	CHECK_EQ(e.end, end);
	CHECK_EQ(e.ref, ref);
	CHECK_EQ(tree_lookup(&self, tree, addr), ref);
}

static void ends(void)
{
	const u64 top = UINT64_MAX - PAGE_SIZE;
	struct range_entry e;

	expect(0, 0, UINT64_MAX, 0);
	CHECK(!tree_find(&self, tree, 0, UINT64_MAX, &e));
	CHECK(!tree_find_prev(&self, tree, UINT64_MAX, &e));
	CHECK_EQ(tree_gap_lowest(&self, tree, 0, UINT64_MAX, UINT64_MAX), 0);
	CHECK_EQ(tree_gap_highest(&self, tree, 0, UINT64_MAX, PAGE_SIZE), top);
	store(tree, 5, 9, 0); /* a gap in a gap: nothing */
	CHECK_EQ(tree->root, 0);

	store(tree, 0, PAGE_SIZE, 1);
	store(tree, top, UINT64_MAX, 2);
	expect(0, 0, PAGE_SIZE, 1);
	expect(PAGE_SIZE - 1, 0, PAGE_SIZE, 1);
	expect(PAGE_SIZE, PAGE_SIZE, top, 0);
	expect(top, top, UINT64_MAX, 2);
	expect(UINT64_MAX - 1, top, UINT64_MAX, 2);
	CHECK_EQ(tree_lookup(&self, tree, UINT64_MAX), 0);
	CHECK(tree_find(&self, tree, PAGE_SIZE, UINT64_MAX, &e) && e.ref == 2);
	CHECK(!tree_find(&self, tree, PAGE_SIZE, top, &e));
	CHECK(tree_find_prev(&self, tree, top, &e) && e.ref == 1);
	CHECK(tree_find_prev(&self, tree, UINT64_MAX, &e) && e.ref == 2);
	CHECK(!tree_find_prev(&self, tree, 0, &e));
	CHECK_EQ(tree_gap_lowest(&self, tree, 0, UINT64_MAX, 1), PAGE_SIZE);
	CHECK_EQ(tree_gap_highest(&self, tree, 0, UINT64_MAX, 1), top - 1);
	CHECK_EQ(tree_gap_lowest(&self, tree, 0, UINT64_MAX, top - PAGE_SIZE), PAGE_SIZE);
	CHECK_EQ(tree_gap_lowest(&self, tree, 0, UINT64_MAX, top - PAGE_SIZE + 1), UINT64_MAX);
	CHECK_EQ(tree_gap_lowest(&self, tree, 9, 9, 1), UINT64_MAX);

	store(tree, 0, UINT64_MAX, 3); /* one entry covers all */
	expect(77, 0, UINT64_MAX, 3);
	CHECK_EQ(tree_gap_highest(&self, tree, 0, UINT64_MAX, 1), UINT64_MAX);
	store(tree, 8, 16, 0);
	expect(7, 0, 8, 3);
	expect(16, 16, UINT64_MAX, 3);
	CHECK_EQ(tree_gap_highest(&self, tree, 0, UINT64_MAX, 8), 8);
	store(tree, 0, 8, 0);
	expect(0, 0, 16, 0);
	store(tree, 16, UINT64_MAX, 0);
	CHECK_EQ(tree->root, 0);
	end_case();
}

/* --- no nodes left --- */

static void fill_pages(u32 count)
{
	for (u32 i = 0; i < count; i++)
		store(tree, BASE + PAGES(2 * i), BASE + PAGES(2 * i + 1), i + 1);
}

static void exhaustion(void)
{
	static void *taken[1 << 16];
	struct tree_shape before, after;
	u32 count = 0, pages = 0;
	u64 root, live;

	fill_pages(500);
	check(tree, &before);
	rcu_barrier(&self);
	while (pages < ARRAY_SIZE(taken) && page_alloc(&self, 0, PAGE_TAKEN, 1) != UINT32_MAX)
		pages++;
	while (count < ARRAY_SIZE(taken) && (taken[count] = kmem_cache_alloc(&self, CACHE_NODE)))
		count++;
	CHECK(pages < ARRAY_SIZE(taken) && count < ARRAY_SIZE(taken) && count > 0);
	root = tree->root;
	live = live_nodes();
	for (u32 spare = 0; spare < 12; spare++) {
		/* With `spare` nodes left: the widest store, then a copy. */
		int err = tree_preallocate(&self, tree, BASE, BASE + PAGES(900));

		CHECK(err == 0 || err == -ENOMEM);
		CHECK_EQ(self.area->prealloc_count > 0, err == 0);
		tree_prealloc_free(&self);
		CHECK_EQ(tree_dup(&self, tree, other), -ENOMEM);
		CHECK_EQ(other->root, 0);
		CHECK_EQ(live_nodes(), live);
		CHECK_EQ(tree->root, root);
		if (spare == 0)
			CHECK_EQ(err, -ENOMEM);
		kmem_cache_free(&self, CACHE_NODE, taken[--count]);
		live--;
	}
	check(tree, &after);
	CHECK_EQ(after.entries, before.entries);
	CHECK_EQ(after.nodes, before.nodes);
	store(tree, BASE, BASE + PAGES(900), 0); /* with a dozen nodes there is room again */
	check(tree, &after);
	CHECK_EQ(after.entries, 50);
	while (count > 0)
		kmem_cache_free(&self, CACHE_NODE, taken[--count]);
	end_case();
}

/* --- copies --- */

static void copies(void)
{
	struct tree_shape a, b;

	CHECK_EQ(tree_dup(&self, tree, other), 0); /* of an empty tree */
	CHECK_EQ(other->root, 0);
	fill_pages(300);
	CHECK_EQ(tree_dup(&self, tree, other), 0);
	check(tree, &a);
	check(other, &b);
	CHECK_EQ(a.nodes, b.nodes);
	rcu_barrier(&self);
	CHECK_EQ(live_nodes(), a.nodes + b.nodes);
	for (u32 i = 0; i < 300; i += 2)
		tree_replace(&self, other, BASE + PAGES(2 * i), 10000 + i);
	for (u32 i = 1; i < 300; i += 2)
		store(other, BASE + PAGES(2 * i), BASE + PAGES(2 * i + 1), 0);
	check(other, &b);
	CHECK_EQ(b.entries, 150);
	for (u32 i = 0; i < 300; i++) {
		u64 addr = BASE + PAGES(2 * i) + 5;

		CHECK_EQ(tree_lookup(&self, tree, addr), i + 1);
		CHECK_EQ(tree_lookup(&self, other, addr), i % 2 ? 0 : 10000 + i);
	}
	check(tree, &b);
	CHECK_EQ(b.nodes, a.nodes);
	end_case();
}

/* --- what tree_check sees --- */

static vl_ref node_list[256];
static u32 node_count;

static void note_node(void *arg, vl_ref node)
{
	(void)arg;
	CHECK(node_count < ARRAY_SIZE(node_list));
	node_list[node_count++] = node;
}

static const char *checked(bool repair)
{
	return tree_check(&seg.seg, tree, repair, NULL, NULL, NULL, NULL);
}

/* Breaks one field of a node at a time; each must be noticed, and nothing else after. */
static void break_node(struct tree_node *node)
{
	struct tree_node good = *node;
	u32 last = node->count - 1u;
	bool leaf = node->height == 1;

	/* clang-format off */
#define BREAK(change) \
	do { \
		change; \
		CHECK(checked(false)); \
		CHECK(checked(true)); \
		*node = good; \
	} while (0)
	/* clang-format on */
	BREAK(node->magic++);
	BREAK(node->magic = TREE_NODE_POISON);
	BREAK(node->height++);
	BREAK(node->count--);
	BREAK(node->count++);
	BREAK(node->count = 255);
	BREAK(node->low++);
	BREAK(node->high--);
	if (leaf) {
		BREAK(node->leaf.pivot[0] = node->low);
		BREAK(node->leaf.pivot[last - 1] = node->high + (node->high < UINT64_MAX));
		BREAK(node->leaf.pivot[1] = node->leaf.pivot[0]);
		BREAK((node->leaf.slot[0] = 0, node->leaf.slot[1] = 0));
	} else {
		BREAK(node->inner.pivot[0]++);
		BREAK(node->inner.slot[0] = 0);
		BREAK(node->inner.slot[0]++);
		BREAK(node->inner.slot[0] = UINT32_MAX);
		BREAK(node->inner.slot[0] = node->inner.slot[1]);
		node->inner.gap[last] += 16;
		CHECK(checked(false));
		CHECK(!checked(true)); /* a summary is repaired */
		CHECK(!memcmp(node, &good, sizeof(good)));
		*node = good;
	}
#undef BREAK
	CHECK(!checked(false));
}

static void oracle(void)
{
	u64 root;

	fill_pages(400);
	node_count = 0;
	CHECK(!tree_check(&seg.seg, tree, false, NULL, note_node, NULL, NULL));
	for (u32 i = 0; i < node_count; i++)
		break_node(vl_ptr(&seg.seg, node_list[i]));
	root = tree->root;
	tree->root = root + (1ul << 56);
	CHECK(checked(false));
	tree->root = root | 1ul << 40;
	CHECK(checked(false));
	tree->root = 1ul << 56;
	CHECK(checked(false));
	tree->root = root;
	CHECK(!checked(false));
	rcu_barrier(&self);
	tree_destroy(&self, tree, true);
	rcu_barrier(&self);
	for (u32 i = 0; i < node_count; i++) {
		const struct tree_node *node = vl_ptr(&seg.seg, node_list[i]);

		CHECK_EQ(node->magic, TREE_NODE_POISON); /* the slab does not write in objects */
	}
	end_case();
}

int main(int argc, char **argv)
{
	u64 seed = test_begin(argc, argv);

	test_seg_open(&seg, 96ul << 20);
	test_join(&seg, &self, ROLE_WORKER);
	tree = test_tree(&seg);
	other = test_shared(&seg);
	ends();
	every_range(24, 1, 1, 1);
	every_range(120, 1, 1, TEST_SANITIZED ? 40 : 3);
	every_range(120, 2, 1, TEST_SANITIZED ? 40 : 3);
	every_range(300, 3, 2, TEST_SANITIZED ? 200 : 40);
	in_order(TEST_SANITIZED ? 400 : 1500, true);
	in_order(TEST_SANITIZED ? 400 : 1500, false);
	growth(TEST_SANITIZED ? 10000 : 100000, seed);
	copies();
	oracle();
	exhaustion(); /* last: it eats the pages */
	participant_leave(&self);
	test_seg_close(&seg);
	printf("good\n");
	return 0;
}
