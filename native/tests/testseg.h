/* SPDX-License-Identifier: Apache-2.0 */
/*
 * testseg.h: a small segment on a memfd, threads and processes that take part in it.
 *
 * Threads (for the sanitizers, which are blind across fork) each join their own participant on
 * the one mapping. Processes are forked before they touch the segment and map the descriptor
 * anew.
 */
#ifndef VMALAB_TESTSEG_H
#define VMALAB_TESTSEG_H

#include <sys/mman.h>

#include "test.h"
#include "vmalab/caches.h"
#include "vmalab/frame.h"
#include "vmalab/leave.h"
#include "vmalab/membarrier.h"
#include "vmalab/rcu.h"
#include "vmalab/rwsem.h"
#include "vmalab/slab.h"
#include "vmalab/tree.h"

#define TEST_FINGERPRINT  0x7465737400000001ull
#define TEST_PARTICIPANTS 64

struct test_seg {
	struct vl_seg seg;
	int fd;
};

static inline struct vl_config test_config(u64 bytes, u32 rcu)
{
	return (struct vl_config){
		.size_bytes = bytes,
		.mms_max = 64,
		.participants_max = TEST_PARTICIPANTS,
		.frames_max = 1 << 16,
		.files_max = 64,
		.vmas_per_mm_max = 65530,
		.rcu = rcu,
	};
}

static inline void test_seg_open_rcu(struct test_seg *ts, u64 bytes, u32 rcu)
{
	struct vl_config config = test_config(bytes, rcu);

	frame_register();
	tree_register();
	ts->fd = memfd_create("vmalab-test", MFD_CLOEXEC);
	CHECK(ts->fd >= 0);
	CHECK_EQ(seg_format(&ts->seg, ts->fd, "test", &config, TEST_FINGERPRINT, "test", "test"),
		 0);
	CHECK_EQ(kmem_cache_create(&ts->seg, CACHE_NODE, "maple_node", 256, 256, SLAB_PANIC, 0), 0);
	store_release_u32(&ts->seg.hdr->state, SEG_READY);
}

static inline void test_seg_open(struct test_seg *ts, u64 bytes)
{
	test_seg_open_rcu(ts, bytes, RCU_AUTO);
}

static inline void test_seg_close(struct test_seg *ts)
{
	seg_unmap(&ts->seg);
	close(ts->fd);
}

/* In a forked child: a mapping of its own at another address. */
static inline void test_seg_remap(struct test_seg *ts)
{
	struct vl_seg seg;

	CHECK_EQ(seg_map(&seg, ts->fd, TEST_FINGERPRINT), 0);
	ts->seg = seg; /* the inherited mapping stays; nobody uses it */
}

static inline void test_join(struct test_seg *ts, struct participant *self, enum vl_role role)
{
	CHECK_EQ(participant_join(&ts->seg, self, role, "test"), 0);
}

/* An empty tree in shared memory (in the table of mms, which the lower layers do not use). */
static inline struct range_tree *test_tree(struct test_seg *ts)
{
	return (struct range_tree *)(ts->seg.base + ts->seg.hdr->regions[REGION_MMS].off);
}

/* Memory for what a test shares: all of the mm table but its first slot, zeroed. */
static inline void *test_shared(struct test_seg *ts)
{
	return ts->seg.base + ts->seg.hdr->regions[REGION_MMS].off + MM_SLOT_BYTES;
}
#define TEST_SHARED_BYTES (63 * MM_SLOT_BYTES)

/* --- n actors at once: threads, or processes --- */

struct test_actor {
	struct test_seg *ts;
	struct participant self;
	u32 number;
	u64 rng;
	void (*run)(struct test_actor *a);
	pthread_t thread;
	pid_t pid;
};

static inline void *test_actor_main(void *arg)
{
	struct test_actor *a = arg;

	test_join(a->ts, &a->self, ROLE_WORKER);
	a->run(a);
	participant_leave(&a->self);
	return NULL;
}

static inline void test_actor_start(struct test_actor *a, bool process)
{
	a->pid = 0;
	if (!process) {
		CHECK(pthread_create(&a->thread, NULL, test_actor_main, a) == 0);
		return;
	}
	fflush(NULL);
	a->pid = fork();
	CHECK(a->pid >= 0);
	if (a->pid == 0) {
		struct test_seg mine = *a->ts;

		alarm(TEST_HANG_S); /* a hang is a failure, not a wait */
		test_seg_remap(&mine);
		a->ts = &mine;
		test_actor_main(a);
		exit(0);
	}
}

static inline void test_actor_join(struct test_actor *a)
{
	if (a->pid)
		CHECK(test_child_good(a->pid));
	else
		CHECK(pthread_join(a->thread, NULL) == 0);
}

/* Starts `count` actors with the same function, waits for all. */
static inline void test_actors(struct test_seg *ts, u32 count, bool process,
			       void (*run)(struct test_actor *a))
{
	struct test_actor actors[32];

	CHECK(count <= ARRAY_SIZE(actors));
	for (u32 i = 0; i < count; i++) {
		actors[i] = (struct test_actor){
			.ts = ts, .number = i, .run = run, .rng = test_seed_value * 1000 + i};
		test_actor_start(&actors[i], process);
	}
	for (u32 i = 0; i < count; i++)
		test_actor_join(&actors[i]);
}

/* The torture tests run threads under the sanitizers and processes otherwise. */
#define TEST_PROCESSES (!TEST_SANITIZED)

#endif
