/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_tree_model.c: the range tree against an array.
 *
 * Goal: whatever the sequence of stores, every question to the tree has the answer that an array of
 * cells gives (tree_model.h), the tree's own walker finds nothing, no node is lost, and what
 * tree_preallocate reserves is enough.
 * Method: random programs of stores and clears from a seed, of several temperaments (small ranges,
 * wide ranges, mostly clears, filling up), in a child process. The reserve is empty before
 * each store, so a reserve that is too small aborts in tree_store. After each step some questions
 * are asked, and every few steps all entries are compared.
 * Reading a failure: the program is shrunk by leaving steps out while a child still fails, and what
 * is left is printed as a list of stores with cell numbers, with the text of the first
 * question that went wrong (or "died" for an assertion, which then stands above it).
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "test.h"
#include "testseg.h"
#include "tree_model.h"
#include "vmalab/caches.h"

struct step {
	u32 from; /* cells [from, to) */
	u32 to;
	bool clear;
};

struct program {
	u64 seed;
	u32 cells;
	u32 count;
	struct step step[4096];
};

static struct test_seg seg;
static struct participant self;
static struct tree_model model;
static struct range_tree *tree;
static char why[256];

static bool same(const struct range_entry *a, const struct range_entry *b)
{
	return a->start == b->start && a->end == b->end && a->ref == b->ref;
}

#define ASK(cond, ...)                                           \
	do {                                                     \
		if (!(cond)) {                                   \
			snprintf(why, sizeof(why), __VA_ARGS__); \
			return false;                            \
		}                                                \
	} while (0)

static bool ask_point(u64 addr)
{
	struct range_entry want = model_entry(&model, model_cell(&model, addr));
	struct range_entry got;
	bool found, wanted;

	tree_get(&self, tree, addr, &got);
	ASK(same(&got, &want), "tree_get(%#lx) is [%#lx,%#lx) %u, want [%#lx,%#lx) %u", addr,
	    got.start, got.end, got.ref, want.start, want.end, want.ref);
	ASK(tree_lookup(&self, tree, addr) == want.ref, "tree_lookup(%#lx)", addr);
	wanted = model_find_prev(&model, addr, &want);
	found = tree_find_prev(&self, tree, addr, &got);
	ASK(found == wanted && (!found || same(&got, &want)), "tree_find_prev(%#lx)", addr);
	return true;
}

static bool ask_range(u64 low, u64 high, u64 size)
{
	struct range_entry want, got;
	bool wanted = model_find(&model, low, high, &want);
	bool found = tree_find(&self, tree, low, high, &got);

	ASK(found == wanted && (!found || same(&got, &want)), "tree_find(%#lx, %#lx)", low, high);
	ASK(tree_gap_lowest(&self, tree, low, high, size) == model_gap(&model, low, high, size, 1),
	    "tree_gap_lowest(%#lx, %#lx, %#lx)", low, high, size);
	ASK(tree_gap_highest(&self, tree, low, high, size) == model_gap(&model, low, high, size, 0),
	    "tree_gap_highest(%#lx, %#lx, %#lx)", low, high, size);
	return true;
}

/* Addresses at and beside bounds, where mistakes live. */
static u64 some_address(u64 *rng)
{
	u64 addr = model.bound[test_random(rng) % (model.cells + 1)];

	addr += test_random(rng) % 3 - 1;
	return addr == UINT64_MAX ? addr - 1 : addr;
}

static bool ask_some(u64 *rng)
{
	static const u64 sizes[] = {1, PAGE_SIZE, 2 * PAGE_SIZE, 7 * PAGE_SIZE, 1ul << 40};

	for (int i = 0; i < 4; i++) {
		u64 low = some_address(rng), high = some_address(rng);
		u64 size = sizes[test_random(rng) % ARRAY_SIZE(sizes)];

		if (!ask_point(some_address(rng)) || !ask_range(low, high, size))
			return false;
	}
	return ask_point(0) && ask_point(UINT64_MAX - 1) && ask_range(0, UINT64_MAX, PAGE_SIZE);
}

struct compare {
	u32 cell; /* all entries before it were met */
	bool good;
};

static void compare_entry(void *arg, const struct range_entry *e)
{
	struct compare *c = arg;
	u32 after;

	while (c->cell < model.cells && !model.cell[c->cell])
		c->cell++;
	if (c->cell == model.cells) {
		c->good = false;
		return;
	}
	after = model_run_end(&model, c->cell);
	c->good = c->good && e->ref == model.cell[c->cell] && e->start == model.bound[c->cell] &&
		  e->end == model.bound[after];
	c->cell = after;
}

static bool ask_all(void)
{
	struct compare c = {0, true};
	const char *wrong = tree_check(&seg.seg, tree, false, NULL, NULL, compare_entry, &c);

	ASK(!wrong, "tree_check: %s", wrong);
	while (c.cell < model.cells && !model.cell[c.cell])
		c.cell++;
	ASK(c.good && c.cell == model.cells, "entries differ");
	return true;
}

static u64 live_nodes(void)
{
	struct slab_numbers numbers;

	kmem_cache_numbers(&seg.seg, CACHE_NODE, &numbers);
	return numbers.active_objs;
}

static bool run_step(const struct program *p, u32 i)
{
	const struct step *s = &p->step[i];
	u64 start = model.bound[s->from], end = model.bound[s->to];
	vl_ref ref = s->clear ? 0 : i + 1;
	u64 rng = p->seed + i;

	ASK(tree_preallocate(&self, tree, start, end) == 0, "tree_preallocate failed");
	tree_store(&self, tree, start, end, ref);
	tree_prealloc_free(&self);
	model_store(&model, s->from, s->to, ref);
	return ask_all() && ask_some(&rng);
}

static bool run_program(const struct program *p)
{
	struct tree_shape shape;

	test_seg_open(&seg, 64ul << 20);
	test_join(&seg, &self, ROLE_WORKER);
	tree = test_tree(&seg);
	model_init(&model, p->cells, p->seed);
	for (u32 i = 0; i < p->count; i++) {
		if (!run_step(p, i))
			return false;
	}
	rcu_barrier(&self);
	ASK(!tree_check(&seg.seg, tree, false, &shape, NULL, NULL, NULL), "tree_check at the end");
	ASK(live_nodes() == shape.nodes, "%lu nodes live, %lu in the tree", live_nodes(),
	    shape.nodes);
	tree_destroy(&self, tree, true);
	rcu_barrier(&self);
	ASK(live_nodes() == 0, "%lu nodes live after tree_destroy", live_nodes());
	participant_leave(&self);
	test_seg_close(&seg);
	return true;
}

/* Runs it in a child; true if it passes. The child says why not, when asked to. */
static bool passes(const struct program *p, bool tell)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		if (!tell && !freopen("/dev/null", "w", stderr))
			_exit(3);
		if (run_program(p))
			_exit(0);
		if (tell)
			fprintf(stderr, "failed: %s\n", why);
		_exit(1);
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	if (tell && WIFSIGNALED(status))
		fprintf(stderr, "died of signal %d\n", WTERMSIG(status));
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Leaves out ever smaller pieces while what is left still fails. */
static void shrink(struct program *p)
{
	static struct program less;
	u32 piece = p->count / 2;

	while (piece > 0) {
		bool shorter = false;

		for (u32 at = 0; at + piece <= p->count;) {
			less = *p;
			less.count = p->count - piece;
			memmove(less.step + at, p->step + at + piece,
				(p->count - at - piece) * sizeof(p->step[0]));
			if (passes(&less, false)) {
				at += piece;
			} else {
				*p = less;
				shorter = true;
			}
		}
		if (!shorter)
			piece /= 2;
	}
}

static void report(struct program *p)
{
	shrink(p);
	fprintf(stderr, "seed %lu, %u cells, shortest failing program:\n", p->seed, p->cells);
	for (u32 i = 0; i < p->count; i++)
		fprintf(stderr, "  %s [%u,%u)\n", p->step[i].clear ? "clear" : "store",
			p->step[i].from, p->step[i].to);
	passes(p, true);
	exit(1);
}

/* How a program behaves: how wide its ranges are and how often it clears. */
static const struct {
	u32 cells;
	u32 wide_most;
	u32 clear_percent;
} tempers[] = {
	{24, 24, 40}, {64, 4, 30},    {300, 2, 10},  {300, 2, 50},    {900, 1, 5},
	{900, 1, 60}, {900, 900, 20}, {900, 30, 30}, {1000, 300, 70}, {1000, 3, 45},
};

static void generate(struct program *p, u64 seed, u32 steps)
{
	u64 rng = seed;
	u32 temper = (u32)(test_random(&rng) % ARRAY_SIZE(tempers));

	p->seed = seed;
	p->cells = tempers[temper].cells;
	p->count = steps;
	for (u32 i = 0; i < steps; i++) {
		struct step *s = &p->step[i];
		u32 wide = 1 + (u32)(test_random(&rng) % tempers[temper].wide_most);

		s->from = (u32)(test_random(&rng) % p->cells);
		s->to = (u32)min_u64(p->cells, s->from + wide);
		s->clear = test_random(&rng) % 100 < tempers[temper].clear_percent;
		/* Mostly small ranges in a wide temper too, so that there is much to cover. */
		wide = 1 + (u32)(test_random(&rng) % 2);
		if (test_random(&rng) % 4)
			s->to = (u32)min_u64(s->to, s->from + wide);
	}
}

int main(int argc, char **argv)
{
	static struct program p;
	u64 seed = test_begin(argc, argv);
	u64 programs = 0;

	do {
		generate(&p, seed + programs, programs < 20 ? 600 : 2000);
		if (!passes(&p, false))
			report(&p);
		programs++;
	} while (programs < 20 || !test_time_over());
	printf("%lu programs\n", programs);
	return 0;
}
