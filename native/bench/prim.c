/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench/prim.c: what the primitives cost, uncontended, beside one locked add.
 *
 * Best of nine turns of a million each, one thread, one CPU. "pair" = taking and giving back. The
 * last column is the cost in locked adds. Goals: rwsem read pair at most 2.3; a magazine's
 * alloc + free a few nanoseconds.
 */
#include <stdio.h>

#include "testseg.h"
#include "vmalab/seqcount.h"

#define TURNS 9
#define LOOPS 1000000u

static struct participant self;
static struct shared {
	struct rw_semaphore sem __cacheline_aligned;
	struct vl_mutex mutex __cacheline_aligned;
	struct seqcount seq;
	u64 word __cacheline_aligned;
} *shared;
static double locked_add_ns;

static void locked_add(void)
{
	for (u32 i = 0; i < LOOPS; i++)
		add_full_u64(&shared->word, 1);
}

/* What a pair of any lock costs at least. */
static void locked_adds(void)
{
	for (u32 i = 0; i < LOOPS; i++) {
		add_full_u64(&shared->word, 1);
		add_full_u64(&shared->word, 1);
	}
}

static void read_pair(void)
{
	for (u32 i = 0; i < LOOPS; i++) {
		if (!down_read_trylock(&self, &shared->sem, HOLD_VMA))
			abort();
		up_read(&self, &shared->sem, HOLD_VMA);
	}
}

static void write_pair(void)
{
	for (u32 i = 0; i < LOOPS; i++) {
		down_write(&self, &shared->sem, HOLD_MMAP);
		up_write(&self, &shared->sem, HOLD_MMAP);
	}
}

static void mutex_pair(void)
{
	for (u32 i = 0; i < LOOPS; i++) {
		(void)mutex_lock(&self, &shared->mutex);
		mutex_unlock(&self, &shared->mutex);
	}
}

static void rcu_pair(void)
{
	for (u32 i = 0; i < LOOPS; i++) {
		rcu_read_lock(&self);
		rcu_read_unlock(&self);
		compiler_barrier();
	}
}

static void core_pair(void)
{
	for (u32 i = 0; i < LOOPS; i++) {
		(void)core_enter(&self);
		core_exit(&self);
		compiler_barrier();
	}
}

static void alloc_free(void)
{
	for (u32 i = 0; i < LOOPS; i++)
		kmem_cache_free(&self, CACHE_TEST0, kmem_cache_alloc(&self, CACHE_TEST0));
}

static void alloc_free_batch(void)
{
	void *objects[200];

	for (u32 i = 0; i < LOOPS; i += 200) {
		for (u32 k = 0; k < 200; k++)
			objects[k] = kmem_cache_alloc(&self, CACHE_TEST0);
		for (u32 k = 0; k < 200; k++)
			kmem_cache_free(&self, CACHE_TEST0, objects[k]);
	}
}

static void retire_free(void)
{
	for (u32 i = 0; i < LOOPS; i++) {
		void *object = kmem_cache_alloc(&self, CACHE_TEST0);

		rcu_retire(&self, RETIRE_OBJECT0 + CACHE_TEST0, REF(&self, object));
		rcu_poll(&self);
	}
}

static void synchronize(void)
{
	for (u32 i = 0; i < LOOPS / 1000; i++)
		synchronize_rcu(&self);
}

static void stop_start(void)
{
	u32 stuck;

	core_exit(&self);
	for (u32 i = 0; i < LOOPS / 1000; i++) {
		if (world_stop(&self, NSEC_PER_SEC, &stuck) != 0)
			abort();
		world_start(&self);
	}
	(void)core_enter(&self);
}

static double measure(const char *what, void (*fn)(void), u32 loops)
{
	double best = 1e18;

	for (u32 turn = 0; turn < TURNS; turn++) {
		u64 begin = clock_ns();
		double ns;

		fn();
		ns = (double)(clock_ns() - begin) / loops;
		best = ns < best ? ns : best;
	}
	if (fn == locked_add)
		locked_add_ns = best;
	printf("  %-34s %9.2f ns %8.2f\n", what, best, best / locked_add_ns);
	return best;
}

static void run(u32 flavour, const char *name)
{
	struct test_seg ts;

	test_seg_open_rcu(&ts, 64ul << 20, flavour);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "bench", 256, 0, SLAB_HWCACHE_ALIGN, 0),
		 0);
	test_join(&ts, &self, ROLE_WORKER);
	shared = (struct shared *)ALIGN_UP((u64)test_shared(&ts), CACHE_LINE);
	init_rwsem(&shared->sem);
	(void)core_enter(&self);
	printf("%s:%41s %11s\n", name, "", "locked adds");
	measure("locked add", locked_add, LOOPS);
	measure("two locked adds", locked_adds, LOOPS);
	measure("rwsem read pair", read_pair, LOOPS);
	measure("rwsem write pair", write_pair, LOOPS);
	measure("mutex pair", mutex_pair, LOOPS);
	measure("rcu read pair", rcu_pair, LOOPS);
	measure("core enter + exit", core_pair, LOOPS);
	measure("slab alloc + free, one object", alloc_free, LOOPS);
	measure("slab alloc + free, 200 at a time", alloc_free_batch, LOOPS);
	measure("slab alloc + rcu_retire + poll", retire_free, LOOPS);
	measure("synchronize_rcu, no reader", synchronize, LOOPS / 1000);
	measure("world stop + start, nobody in", stop_start, LOOPS / 1000);
	core_exit(&self);
	participant_leave(&self);
	test_seg_close(&ts);
}

int main(void)
{
	run(RCU_MEMBARRIER, "membarrier");
	run(RCU_FENCED, "fenced");
	return 0;
}
