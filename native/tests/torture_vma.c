/* SPDX-License-Identifier: Apache-2.0 */
/*
 * torture_vma.c: the VMA lock of one model under everything at once; built for each lock model.
 *
 * Goal: no reader is let in wrongly. Two address spaces use the same addresses, so that a recycled
 * VMA fits the other one; a page holds a word that says to which space and offset it belongs.
 * Method: actors (threads under the sanitizers, processes otherwise) fault, map, unmap, protect,
 * fork and exit, move pages between two areas at the same offset, drop pages, read maps, and stop
 * the world to walk all invariants, in both spaces.
 * Failure: a word of another space or offset: a fault ran under a lock that was not its VMA's. A
 * line of the walker: that invariant. A report of the sanitizer: two accesses without an order. A
 * hang (alarm): a wake-up was lost.
 * Seen to fail: without the parent's write lock in fork, without the writer's wait. Not made for
 * what needs a reader held between two instructions (an identity check left out).
 */
#include <sys/mman.h>

#include "test.h"
#include "vmalab/block.h"
#include "vmalab/core.h"
#include "vmalab/participant.h"
#include "torture.h"

#ifndef MADV_GUARD_INSTALL /* not in every libc */
#define MADV_GUARD_INSTALL 102
#define MADV_GUARD_REMOVE  103
#endif

#define SPACES      2
#define PAGES       48ul
#define AREA(n)     (0x200000000000ul + (n) * 0x10000000ul) /* two areas, same offsets */
#define ACTORS      6
#define MANY        40ul
#define TAG(s, off) (0x5a000000ul | (u64)(s) << 16 | (off) >> PAGE_SHIFT)
#define SRC_HOLES   2 /* UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES */

struct shared {
	u64 mm[SPACES];
	u64 faults, present, calls, forks, moves, walks;
};

static bool seen_enough(const struct shared *s)
{
	return load_relaxed_u64(&s->present) > 100 && load_relaxed_u64(&s->calls) > 100 &&
	       load_relaxed_u64(&s->forks) > 2 && load_relaxed_u64(&s->moves) > 2 &&
	       load_relaxed_u64(&s->walks) > 2;
}

struct actor {
	int fd;
	struct vl_seg *seg;
	struct participant *self;
	struct shared *shared;
	u32 number;
	u64 rng;
	pthread_t thread;
	pid_t pid;
};

static u64 random_page(struct actor *a)
{
	return (test_random(&a->rng) % PAGES) << PAGE_SHIFT;
}

/* space: whose words its pages hold; mm: it, or a child forked from it. */
static void fault(struct actor *a, u32 space, u64 mm)
{
	u64 off = random_page(a), r = test_random(&a->rng), addr = AREA(r & 1) + off;
	u16 flags = r & 2 ? FAULT_WRITE | FAULT_STORE : FAULT_READ;
	struct vl_result result = CALL(a, OP_FAULT, flags, mm, addr, TAG(space, off));

	add_relaxed_u64(&a->shared->faults, 1);
	if (result.status == SIGSEGV)
		return;
	CHECK_EQ(result.status, 0);
	add_relaxed_u64(&a->shared->present, 1);
	if (result.value)
		CHECK_EQ(result.value, TAG(space, off));
	else
		CHECK(!(flags & FAULT_STORE));
}

/* Many in one record: two groups, and one that is not full. */
static void faults(struct actor *a, u32 space, u64 mm)
{
	u64 record[RECORD_WORDS + MANY] = {OP_FAULTS | (RECORD_WORDS + MANY) << 8, mm};
	struct vl_result results[MANY];

	for (u32 i = 0; i < MANY; i++)
		record[RECORD_WORDS + i] = AREA(test_random(&a->rng) & 1) + random_page(a);
	CHECK_EQ(vl_run(a->self, record, sizeof(record), results, MANY), MANY);
	for (u32 i = 0; i < MANY; i++) {
		u64 off = record[RECORD_WORDS + i] % (AREA(1) - AREA(0));

		if (results[i].status == SIGSEGV)
			continue;
		CHECK_EQ(results[i].status, 0);
		if (results[i].value)
			CHECK_EQ(results[i].value, TAG(space, off));
		add_relaxed_u64(&a->shared->present, 1);
	}
	add_relaxed_u64(&a->shared->faults, MANY);
}

/* Guards set a flag of a VMA that only its read lock holds, beside who copies and changes it: the
 * walker asks for it. Whoever reads other flags of the VMA does it plainly, which for the thread
 * sanitizer is a race with the atomic or. */
static u32 advice(u64 random)
{
#ifndef __SANITIZE_THREAD__
	if (random % 4 == 0)
		return MADV_GUARD_INSTALL;
	if (random % 4 == 1)
		return MADV_GUARD_REMOVE;
#endif
	(void)random;
	return MADV_DONTNEED;
}

static void change(struct actor *a, u64 mm)
{
	u64 r = test_random(&a->rng), addr = AREA(r & 1) + random_page(a);
	u64 len = (1 + (r >> 8) % 8) << PAGE_SHIFT;
	u64 prot = PROT_READ | ((r >> 16) & 1 ? PROT_WRITE : 0);
	u64 flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	struct vl_result result = {0};

	switch (r >> 24 & 7) {
	case 0:
	case 1:
	case 2:
		result = CALL(a, OP_MMAP, 0, mm, addr, len, prot | flags << 32, 0, 0);
		CHECK_EQ(result.status, 0);
		break;
	case 3:
	case 4:
		result = CALL(a, OP_MUNMAP, 0, mm, addr, len);
		CHECK_EQ(result.status, 0);
		break;
	case 5:
		result = CALL(a, OP_MADVISE, 0, mm, addr, len, advice(r >> 32));
		break;
	default:
		result = CALL(a, OP_MPROTECT, 0, mm, addr, len, prot);
	}
	CHECK(result.status == 0 || result.status == -ENOMEM);
	add_relaxed_u64(&a->shared->calls, 1);
}

static void fork_and_exit(struct actor *a, u32 space)
{
	u64 mm = a->shared->mm[space];
	struct vl_result result = torture_call(a->self, OP_FORK, 0, mm, 0, NULL);
	u64 child = result.value;

	CHECK_EQ(result.status, 0);
	for (u32 i = 0; i < 8; i++)
		fault(a, space, child);
	change(a, child);
	CHECK_EQ(torture_call(a->self, OP_EXIT, 0, child, 0, NULL).status, 0);
	add_relaxed_u64(&a->shared->forks, 1);
}

static void move_pages(struct actor *a, u64 mm)
{
	u64 off = random_page(a), len = (1 + test_random(&a->rng) % 4) << PAGE_SHIFT;
	u64 from = test_random(&a->rng) & 1;
	struct vl_result result = CALL(a, OP_UFFD_MOVE, 0, mm, AREA(!from) + off, AREA(from) + off,
				       len, SRC_HOLES);

	CHECK(result.status <= 0 && result.status > -200);
	if (result.status == 0)
		add_relaxed_u64(&a->shared->moves, 1);
}

static void walk(struct actor *a)
{
	char text[4096];
	long n = vl_fsck(a->self, text, sizeof(text) - 1);

	if (n > 0) {
		text[min_u64((u64)n, sizeof(text) - 1)] = 0;
		fprintf(stderr, "%s", text);
	}
	CHECK(n == 0 || n == -EBUSY);
	add_relaxed_u64(&a->shared->walks, n == 0);
}

static void act(struct actor *a)
{
	char text[1 << 14];

	while (!torture_over(seen_enough(a->shared))) {
		u32 space = test_random(&a->rng) % SPACES;
		u64 mm = a->shared->mm[space];

		for (u32 i = 0; i < 16; i++) {
			if (a->number < 2)
				fault(a, space, mm);
			else if (a->number == 2)
				change(a, mm);
			else if (a->number == 3)
				move_pages(a, mm);
		}
		if (a->number < 2) {
			faults(a, space, mm);
		} else if (a->number == 4) {
			fork_and_exit(a, space);
			CHECK(vl_maps(a->self, mm, text, sizeof(text)) >= 0);
		} else if (a->number == 5) {
			walk(a);
			sleep_ns(NSEC_PER_MSEC);
		}
	}
}

static void *actor_main(void *arg)
{
	struct actor *a = arg;

	CHECK_EQ(vl_join(a->seg, ROLE_CLIENT, "torture", &a->self), 0);
	act(a);
	vl_leave(a->self);
	return NULL;
}

static void actor_start(struct actor *a)
{
	if (TEST_SANITIZED) {
		CHECK(pthread_create(&a->thread, NULL, actor_main, a) == 0);
		return;
	}
	fflush(NULL);
	a->pid = fork();
	CHECK(a->pid >= 0);
	if (a->pid == 0) {
		alarm(TEST_HANG_S);
		CHECK_EQ(core_seg_attach(a->fd, &a->seg), 0);
		actor_main(a);
		exit(0);
	}
}

static void check_end(struct vl_seg *seg, struct participant *self, struct shared *s)
{
	struct vl_slab_info slabs[KMEM_CACHES_MAX];
	const u64 nop[RECORD_WORDS] = {OP_NOP | RECORD_WORDS << 8};
	struct vl_result result;
	char text[4096] = "";
	long n;

	for (u32 i = 0; i < SPACES; i++)
		CHECK_EQ(vl_mm_put(self, s->mm[i]), 0);
	for (u32 i = 0; i < 8; i++) {
		vl_synchronize_rcu(self);
		CHECK_EQ(vl_run(self, nop, sizeof(nop), &result, 1), 1);
	}
	n = vl_fsck(self, text, sizeof(text) - 1);
	if (n)
		fprintf(stderr, "%s", text);
	CHECK_EQ(n, 0);
	n = vl_slabinfo(seg, slabs, ARRAY_SIZE(slabs));
	for (long i = 0; i < n; i++) {
		if (slabs[i].active_objs)
			fprintf(stderr, "%s: %lu in use\n", slabs[i].name, slabs[i].active_objs);
		CHECK_EQ(slabs[i].active_objs, 0);
	}
	printf("%s: %lu faults (%lu on a page), %lu changes, %lu forks, %lu moves, %lu walks\n",
	       vmalab_core.model, s->faults, s->present, s->calls, s->forks, s->moves, s->walks);
	CHECK(seen_enough(s));
}

static void torture(u32 rcu, u32 lookup)
{
	struct vl_config config = {.size_bytes = 64 << 20,
				   .mms_max = 16,
				   .participants_max = 16,
				   .frames_max = 1 << 14,
				   .files_max = 4,
				   .vmas_per_mm_max = 1000,
				   .frames_per_mm_max = 1 << 30,
				   .lookup = lookup,
				   .rcu = rcu};
	struct vl_mm_options options = {0};
	struct shared *s = mmap(NULL, sizeof(*s), 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	struct actor actors[ACTORS];
	struct participant *self;
	struct vl_seg *seg;
	int fd = memfd_create("vmalab-torture", MFD_CLOEXEC);

	CHECK(fd >= 0 && s != MAP_FAILED);
	CHECK_EQ(core_seg_create(fd, "torture", &config, &seg), 0);
	CHECK_EQ(vl_join(seg, ROLE_SUPERVISOR, "torture", &self), 0);
	for (u32 i = 0; i < SPACES; i++)
		CHECK_EQ(vl_mm_create(self, &options, &s->mm[i], NULL, 0), 0);
	test_time_begin();
	for (u32 i = 0; i < ACTORS; i++) {
		actors[i] = (struct actor){.fd = fd,
					   .seg = seg,
					   .shared = s,
					   .number = i,
					   .rng = test_seed_value * 1000 + i};
		actor_start(&actors[i]);
	}
	for (u32 i = 0; i < ACTORS; i++) {
		if (actors[i].pid)
			CHECK(test_child_good(actors[i].pid));
		else
			CHECK(pthread_join(actors[i].thread, NULL) == 0);
	}
	check_end(seg, self, s);
	vl_leave(self);
	vl_seg_detach(seg);
	munmap(s, sizeof(*s));
	close(fd);
}

int main(int argc, char **argv)
{
	test_begin(argc, argv);
	torture(RCU_AUTO, LOOKUP_WALK);
	torture(RCU_FENCED, LOOKUP_CACHE);
	printf("good\n");
	return 0;
}
