/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/tree.c: what the range tree costs.
 *
 * Prints, for trees of 10 to 1,000,000 entries (each a page or a few, half of them with a gap after
 * it): nanoseconds of a lookup of addresses in order, of random addresses, and of random ones each
 * of which waits for the answer to the one before (latency, what a fault pays); of a store and a
 * clear of one page (preallocation, gap search and store, as mmap and munmap do); of both when only
 * slots change; and of a copy of the tree. Best of five turns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "test.h"
#include "testseg.h"
#include "vmalab/tree.h"

#define TURNS 5

static struct participant self;
static struct range_tree *tree;
static u64 *address; /* inside entries, in random order */
static u64 entries;
static volatile u64 sink;

static u64 now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (u64)ts.tv_sec * 1000000000u + (u64)ts.tv_nsec;
}

static void store(u64 start, u64 end, vl_ref ref)
{
	CHECK(tree_preallocate(&self, tree, start, end) == 0);
	tree_store(&self, tree, start, end, ref);
	tree_prealloc_free(&self);
}

static void fill(u64 count)
{
	u64 rng = 1, at = 0x7f0000000000ul;

	entries = count;
	for (u64 i = 0; i < count; i++) {
		u64 r = test_random(&rng);
		u64 end = at + (1 + r % 4) * PAGE_SIZE;

		address[i] = at;
		store(at, end, (vl_ref)i + 1);
		at = end + (r >> 20 & 1) * (1 + (r >> 8) % 8) * PAGE_SIZE;
		if (i % 512 == 0)
			rcu_make_room(&self);
	}
	for (u64 i = count; i-- > 1;) {
		u64 j = test_random(&rng) % (i + 1), swap = address[i];

		address[i] = address[j];
		address[j] = swap;
	}
}

static double lookup_random(u64 loops)
{
	u64 begin = now(), sum = 0;

	for (u64 n = 0; n < loops;) {
		for (u64 i = 0; i < entries && n < loops; i++, n++)
			sum += tree_lookup(&self, tree, address[i]);
	}
	sink = sum;
	return (double)(now() - begin) / (double)loops;
}

static double lookup_latency(u64 loops)
{
	u64 begin = now(), last = 0;

	for (u64 n = 0; n < loops;) {
		/* A page holds no more than one answer, so the low bits change the address, not it.
		 */
		for (u64 i = 0; i < entries && n < loops; i++, n++)
			last = tree_lookup(&self, tree, address[i] + (last & 1));
	}
	sink = last;
	return (double)(now() - begin) / (double)loops;
}

static double lookup_in_order(u64 loops)
{
	u64 begin = now(), sum = 0, addr = 0;
	struct range_entry first;

	CHECK(tree_find(&self, tree, 0, UINT64_MAX, &first));
	for (u64 n = 0; n < loops; n++, addr = addr + 1 == 4 * entries ? 0 : addr + 1)
		sum += tree_lookup(&self, tree, first.start + addr * PAGE_SIZE);
	sink = sum;
	return (double)(now() - begin) / (double)loops;
}

/* mmap and munmap of a page: search, reserve, store; reserve, clear. */
static double map_and_unmap(u64 loops)
{
	u64 begin = now();

	for (u64 n = 0; n < loops; n++) {
		u64 addr = tree_gap_highest(&self, tree, PAGE_SIZE, TASK_SIZE, 2 * PAGE_SIZE);

		store(addr, addr + PAGE_SIZE, 7);
		store(addr, addr + PAGE_SIZE, 0);
		if (n % 64 == 0)
			rcu_poll(&self);
		if (n % 512 == 0)
			rcu_make_room(&self);
	}
	return (double)(now() - begin) / (double)loops;
}

/* The same inside the tree, at a random entry, whose neighbours decide what must be built. */
static double unmap_and_map(u64 loops)
{
	u64 begin = now();

	for (u64 n = 0; n < loops; n++) {
		u64 addr = address[n % entries];
		struct range_entry e;

		tree_get(&self, tree, addr, &e);
		store(e.start, e.end, 0);
		store(e.start, e.end, e.ref);
		if (n % 64 == 0)
			rcu_poll(&self);
		if (n % 512 == 0)
			rcu_make_room(&self);
	}
	return (double)(now() - begin) / (double)loops;
}

static double copy(u64 loops)
{
	struct range_tree to = {0};
	u64 begin = now();

	for (u64 n = 0; n < loops; n++) {
		CHECK(tree_dup(&self, tree, &to) == 0);
		tree_destroy(&self, &to, false);
	}
	return (double)(now() - begin) / (double)loops / (double)entries;
}

static double best(double (*run)(u64 loops), u64 loops)
{
	double least = 1e12;

	for (int turn = 0; turn < TURNS; turn++) {
		double ns = run(loops);

		least = ns < least ? ns : least;
	}
	return least;
}

int main(int argc, char **argv)
{
	static const u64 counts[] = {10, 100, 1000, 10000, 100000, 1000000};
	struct test_seg seg;

	test_begin(argc, argv);
	test_seg_open(&seg, 512ul << 20);
	test_join(&seg, &self, ROLE_WORKER);
	address = malloc(counts[ARRAY_SIZE(counts) - 1] * sizeof(*address));
	CHECK(address);
	printf("%8s %3s %8s | lookup ns: %8s %8s %8s | pair ns: %8s %8s | %s\n", "entries", "h",
	       "nodes", "in order", "random", "latency", "at end", "within", "copy ns/entry");
	for (u32 i = 0; i < ARRAY_SIZE(counts); i++) {
		struct tree_shape shape;
		u64 loops = 2000000;

		tree = test_tree(&seg);
		fill(counts[i]);
		CHECK(!tree_check(&seg.seg, tree, false, &shape, NULL, NULL, NULL));
		printf("%8lu %3u %8lu | %19.1f %8.1f %8.1f", entries, shape.height, shape.nodes,
		       best(lookup_in_order, loops), best(lookup_random, loops),
		       best(lookup_latency, loops));
		printf(" | %17.1f %8.1f | %13.1f\n", best(map_and_unmap, loops / 8),
		       best(unmap_and_map, loops / 8), best(copy, 1 + 100000 / counts[i]));
		fflush(stdout);
		tree_destroy(&self, tree, false);
		rcu_barrier(&self);
	}
	participant_leave(&self);
	test_seg_close(&seg);
	return 0;
}
