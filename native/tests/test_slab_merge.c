/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_slab_merge.c: caches that share slabs.
 *
 * Goal: in an instance with slab_merge two caches that are alike are one; those that the kernel
 * keeps apart have slabs of their own.
 * Method: two caches; each allocates and frees objects of the other. Pairs that differ in one
 * thing.
 * Reading a failure: the line says which.
 */
#include "testseg.h"

static void no_ctor(void *object)
{
	(void)object;
}

/* Caches that are alike have one stock of objects, whichever of them allocates and frees; numbers
 * and pages are those of the first. */
static void test_merge(void)
{
	struct test_seg ts;
	struct participant self;
	struct slab_numbers n;
	void *objects[64], *last;

	test_seg_open(&ts, 64ul << 20);
	ts.seg.hdr->config.slab_magazine = 8;
	ts.seg.hdr->config.slab_barn = 1;
	ts.seg.hdr->config.slab_merge = 1;
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "first", 40, 8, SLAB_PANIC, 0), 0);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST1, "second", 40, 8, SLAB_PANIC, 0), 0);
	CHECK_EQ(ts.seg.hdr->caches[CACHE_TEST1].shares, CACHE_TEST0 + 1);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST1, "again", 40, 8, 0, 0), VL_E_EXISTS);
	test_join(&ts, &self, ROLE_WORKER);
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++) {
		objects[i] = kmem_cache_alloc(&self, i % 2 ? CACHE_TEST1 : CACHE_TEST0);
		CHECK(kmem_cache_owns(&ts.seg, CACHE_TEST0, REF(&self, objects[i])));
		CHECK(kmem_cache_owns(&ts.seg, CACHE_TEST1, REF(&self, objects[i])));
		CHECK(kmem_cache_object(&ts.seg, CACHE_TEST1, REF(&self, objects[i])) ==
		      objects[i]);
	}
	kmem_cache_numbers(&ts.seg, CACHE_TEST0, &n);
	CHECK_EQ(n.active_objs, ARRAY_SIZE(objects));
	CHECK_EQ(n.num_slabs, 1);
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++)
		kmem_cache_free(&self, i % 3 ? CACHE_TEST1 : CACHE_TEST0, objects[i]);
	last = kmem_cache_alloc(&self, CACHE_TEST1);
	kmem_cache_free(&self, CACHE_TEST1, last);
	CHECK(kmem_cache_alloc(&self, CACHE_TEST0) == last);
	kmem_cache_free(&self, CACHE_TEST0, last);
	CHECK_EQ(self.area->magazines[CACHE_TEST1].count, 0);
	participant_leave(&self);
	CHECK_EQ(ts.seg.hdr->pages.pages_free, ts.seg.hdr->pages.pages_populated);
	test_seg_close(&ts);
}

/* What keeps a cache from sharing, in the first or in the second. (kernel: SLAB_NEVER_MERGE,
 * SLAB_MERGE_SAME, a constructor, the size) */
static void test_never_merged(void)
{
	static const struct {
		u32 bytes;
		struct kmem_cache_args args;
	} others[] = {
		{64, {.flags = SLAB_TYPESAFE_BY_RCU}},
		{64, {.flags = SLAB_NO_MERGE}},
		{64, {.flags = SLAB_ACCOUNT}},
		{64, {.ctor = 1}},
		{64, {.freeptr = SLAB_FREEPTR_OVERLAID}},
		{96, {.flags = 0}},
		{32, {.align = 32}},
	};
	const struct kmem_cache_args plain = {.flags = SLAB_PANIC};

	for (u32 i = 0; i < 2 * ARRAY_SIZE(others); i++) {
		u32 other = i % 2 ? CACHE_TEST0 : CACHE_TEST1;
		struct test_seg ts;

		test_seg_open(&ts, 64ul << 20);
		ts.seg.hdr->config.slab_merge = 1;
		for (u32 c = CACHE_TEST0; c <= CACHE_TEST1; c++)
			CHECK_EQ(kmem_cache_create_args(&ts.seg, c, "cache",
							c == other ? others[i / 2].bytes : 64,
							c == other ? &others[i / 2].args : &plain),
				 0);
		CHECK(ts.seg.hdr->caches[CACHE_TEST0].alive &&
		      ts.seg.hdr->caches[CACHE_TEST1].alive);
		test_seg_close(&ts);
	}
}

int main(int argc, char **argv)
{
	(void)test_begin(argc, argv);
	kmem_ctor_register(1, no_ctor);
	test_merge();
	test_never_merged();
	return 0;
}
