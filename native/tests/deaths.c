/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deaths.c: several participants dead at once; built for each lock model.
 *
 * Goal: whoever dies while a recovery is under way is the next recovery's, whole; any number may
 * be dead at once; what does not fit into one retire ring is neither lost nor freed twice.
 * Method: children map, touch and unmap pages until their retire rings, magazines and leases are
 * full of things, and stop outside the core. They are killed at chosen moments: one between the
 * decision who is dead and the repair; a process with hundreds of participants; three with full
 * rings while a reader holds every grace period up. Others end with locks, outside the core and in
 * a fault.
 * Failure: a broken invariant (freed twice), a line of the walker (lost), a count that differs.
 * Seen to fail: with sweeps that leave out the rings of the dead (rings, "page 29 of kind 6 is not
 * reachable"); so and with participant_alive() in place of the set (late death, "reachable and
 * free"). The set alone left out is not seen here, as every walk marks every ring. With each step
 * of repair_small left out but that of the stocks, which tests/native/test_small_recovery.py sees
 * (locks, also those of a fault and those of library users alone: locks_fixed; reserved nodes:
 * "allocated and not reachable"); with a recovery that does not look at repairing.
 */
#include <sys/mman.h>

#include "test.h"
#include "vmalab/block.h"
#include "vmalab/core.h"
#include "vmalab/frame.h"
#include "vmalab/mm.h"
#include "vmalab/op.h"
#include "vmalab/participant.h"
#include "vmalab/rcu.h"
#include "vmalab/recover.h"
#include "torture.h"

#define MANY_MAX 255
#define AREA     0x200000000000ul

struct shared {
	u32 ready; /* children that did their work */
};

static struct shared *shared;

struct actor {
	struct vl_seg *seg;
	struct participant *self;
	int fd;
};

static void open_all(struct actor *a)
{
	/* Participants and frames for all, and one more of each. */
	struct vl_config config = {.size_bytes = 512 << 20,
				   .mms_max = MANY_MAX + 8,
				   .participants_max = MANY_MAX + 1,
				   .frames_max = 1 << 18,
				   .files_max = 4,
				   .vmas_per_mm_max = 1000,
				   .frames_per_mm_max = 1 << 30};

	shared->ready = 0;
	a->fd = memfd_create("vmalab-deaths", MFD_CLOEXEC);
	CHECK(a->fd >= 0);
	CHECK_EQ(core_seg_create(a->fd, "deaths", &config, &a->seg), 0);
	CHECK_EQ(vl_join(a->seg, ROLE_SUPERVISOR, "deaths", &a->self), 0);
}

/* An address space, and `pages` pages of it faulted in and given back `rounds` times. */
static u64 work(struct actor *a, u32 rounds, u64 pages)
{
	struct vl_mm_options options = {0};
	u64 rw = PROT_READ | PROT_WRITE, how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
	u64 mm;

	CHECK_EQ(vl_mm_create(a->self, &options, &mm, NULL, 0), 0);
	for (u32 i = 0; i < rounds; i++) {
		CHECK_EQ(CALL(a, OP_MMAP, 0, mm, AREA, pages << PAGE_SHIFT, rw | how << 32, 0, 0)
				 .status,
			 0);
		for (u64 n = 0; n < pages; n++)
			CHECK_EQ(CALL(a, OP_FAULT, FAULT_WRITE | FAULT_STORE, mm,
				      AREA + (n << PAGE_SHIFT), n)
					 .status,
				 0);
		CHECK_EQ(CALL(a, OP_MUNMAP, 0, mm, AREA + PAGE_SIZE, (pages - 1) << PAGE_SHIFT)
				 .status,
			 0);
	}
	return mm;
}

/* Reserved nodes that its calls did not need: a store into a tree of several nodes mostly takes
 * fewer than it has to reserve. */
static void leave_nodes(struct actor *a, u64 mm)
{
	u64 rw = PROT_READ | PROT_WRITE, how = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;

	CHECK_EQ(CALL(a, OP_MMAP, 0, mm, 2 * AREA, 1ul << 30, rw | how << 32, 0, 0).status, 0);
	for (u64 n = 0; n < 400 && (n < 100 || !a->self->area->prealloc_count); n++)
		CHECK_EQ(CALL(a, OP_MUNMAP, 0, mm, 2 * AREA + 2 * n * PAGE_SIZE, PAGE_SIZE).status,
			 0);
	CHECK(a->self->area->prealloc_count); /* else there is nothing to give back */
}

/* A child with `count` participants that has worked with each, and waits to be killed. nodes: the
 * last one has reserved nodes. */
static pid_t child_of(const struct actor *parent, u32 count, u32 rounds, u64 pages, bool nodes)
{
	u32 before = load_acquire_u32(&shared->ready);
	struct actor a = {.fd = parent->fd};
	u64 mm = 0;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid) {
		while (load_acquire_u32(&shared->ready) == before) {
			CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0); /* else it has failed */
			sleep_ns(NSEC_PER_MSEC);
		}
		return pid;
	}
	alarm(600);
	CHECK_EQ(core_seg_attach(a.fd, &a.seg), 0);
	for (u32 i = 0; i < count; i++) {
		CHECK_EQ(vl_join(a.seg, ROLE_CLIENT, "victim", &a.self), 0);
		mm = work(&a, rounds, pages);
	}
	if (nodes)
		leave_nodes(&a, mm);
	add_acq_rel_u32(&shared->ready, 1);
	for (;;)
		pause();
}

static void check_clean(struct actor *a)
{
	static char text[4096];
	long n = vl_fsck(a->self, text, sizeof(text) - 1);

	if (n)
		fprintf(stderr, "%s\n", text);
	CHECK_EQ(n, 0);
}

static void recover(struct actor *a, u32 dead)
{
	static struct vl_recovery out;

	CHECK_EQ(vl_recover(a->self, &out), 0);
	CHECK_EQ(out.dead_count, dead);
	CHECK_EQ(out.rings_kept, 0);
}

/* What it adopted goes although it does nothing but reap: other readers are in no section. */
static void check_tidied(struct actor *a)
{
	CHECK(a->self->area->retire_head != a->self->area->retire_tail);
	for (u32 i = 0; i < 4; i++)
		CHECK(vl_mm_reap(a->self) >= 0);
	CHECK_EQ(a->self->area->retire_head, a->self->area->retire_tail);
}

/* Everything comes back: nobody but the caller is there, and nothing is in use. */
static void check_end(struct actor *a)
{
	struct vl_slab_info slabs[KMEM_CACHES_MAX];
	struct frame_numbers frames;
	long n;

	CHECK(vl_mm_reap(a->self) >= 0);
	check_clean(a);
	CHECK_EQ(vl_participants(a->seg, NULL, 0), 1);
	CHECK_EQ(core_enter(a->self), 0);
	rcu_barrier(a->self);
	core_exit(a->self);
	n = vl_slabinfo(a->seg, slabs, ARRAY_SIZE(slabs));
	for (long i = 0; i < n; i++)
		CHECK_EQ(slabs[i].active_objs, 0);
	frame_numbers(a->seg, &frames);
	CHECK_EQ(frames.in_use, 0);
	vl_leave(a->self);
	vl_seg_detach(a->seg);
	close(a->fd);
}

/* Who dies between the decision and the repair. */
static void test_late_death(void)
{
	static struct vl_recovery out;
	struct dead_set dead;
	struct actor a;
	pid_t first, late;
	u32 stuck;

	open_all(&a);
	first = child_of(&a, 1, 3, 300, true);
	late = child_of(&a, 1, 3, 300, true);
	test_kill(first);
	CHECK_EQ(world_stop(a.self, 60 * NSEC_PER_SEC, &stuck), 0);
	find_dead(a.seg, &dead);
	CHECK_EQ(dead.count, 1);
	test_kill(late);
	memset(&out, 0, sizeof(out));
	CHECK_EQ(recover_dead(a.self, &dead, &out), 0);
	world_start(a.self);
	CHECK_EQ(out.dead_count, 1);
	recover(&a, 1);
	check_clean(&a);
	recover(&a, 0);
	check_tidied(&a);
	check_end(&a);
}

static void test_many(u32 count)
{
	struct actor a;
	pid_t pid;

	open_all(&a);
	pid = child_of(&a, count, 1, 20, true);
	check_clean(&a);
	test_kill(pid);
	recover(&a, count);
	CHECK_EQ(vl_mm_reap(a.self), (int)count);
	check_clean(&a);
	pid = child_of(&a, count, 1, 20, true); /* all slots can be had again */
	test_kill(pid);
	recover(&a, count);
	check_end(&a);
}

/* More in the rings of the dead than one ring takes, and no grace period ends. */
static void test_rings(void)
{
	static struct vl_recovery out;
	struct participant *reader;
	struct actor a;
	pid_t pids[3];

	open_all(&a);
	CHECK_EQ(vl_join(a.seg, ROLE_CLIENT, "reader", &reader), 0);
	vl_rcu_read_lock(reader);
	for (u32 i = 0; i < ARRAY_SIZE(pids); i++)
		pids[i] = child_of(&a, 1, 1, 3000, false);
	for (u32 i = 0; i < ARRAY_SIZE(pids); i++)
		test_kill(pids[i]);
	CHECK_EQ(vl_recover(a.self, &out), 0);
	CHECK_EQ(out.dead_count, 3);
	CHECK(out.rings_kept >= 1); /* half a ring is taken over */
	check_clean(&a);
	CHECK_EQ(vl_recover(a.self, &out), 0); /* nothing can be done, and nothing is */
	CHECK_EQ(out.dead_count, 0);
	vl_rcu_read_unlock(reader);
	CHECK_EQ(core_enter(a.self), 0);
	rcu_barrier(a.self);
	core_exit(a.self);
	CHECK_EQ(vl_recover(a.self, &out), 0);
	CHECK(out.dead_count >= 1 && out.rings_kept == 0);
	check_clean(&a);
	vl_leave(reader);
	check_end(&a);
}

/* Who dies outside the core costs no walk over the segment. A death after one that died while it
 * repaired does: that one had given a part of another's things back. */
static void test_walks(void)
{
	static struct vl_recovery out;
	struct actor a;
	pid_t pid;

	open_all(&a);
	for (u32 repairing = 0; repairing < 2; repairing++) {
		pid = child_of(&a, 3, 2, 200, true);
		test_kill(pid);
		a.seg->hdr->repairing = repairing ? 2 : 0;
		CHECK_EQ(vl_recover(a.self, &out), 0);
		CHECK_EQ(out.dead_count, 3);
		CHECK_EQ(out.walks, repairing);
		CHECK_EQ(a.seg->hdr->repairing, 0);
		check_clean(&a);
	}
	check_end(&a);
}

/* How a holder of locks dies. */
enum holder { OUTSIDE, ANNOUNCED, NOT_YET, HOLDERS };

static void hold_locks(struct participant *self, u64 mm, enum holder how)
{
	struct mm_struct *locked = mm_find(self->seg, mm);

	CHECK_EQ(vl_user_down(self, 0, 0, 1, NSEC_PER_SEC, 0), 0);
	if (how == OUTSIDE)
		return;
	CHECK_EQ(op_begin(self, OP_FAULT, mm), 0);
	CHECK_EQ(mmap_read_lock(self, locked, mm), 0);
	if (how == NOT_YET) /* the instruction after the count */
		store_relaxed_u64(&self->slot->held[HOLD_MMAP], 0);
}

/* Who dies with a library lock, or in a fault with mmap_lock, announced or not announced yet, costs
 * no walk, and nobody has the locks any more. */
static void test_locks(void)
{
	static struct vl_recovery out;
	struct vl_mm_options options = {0};
	struct actor a;
	u64 mm;

	open_all(&a);
	CHECK_EQ(vl_mm_create(a.self, &options, &mm, NULL, 0), 0);
	for (enum holder how = OUTSIDE; how < HOLDERS; how++) {
		pid_t pid;

		fflush(NULL);
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0) {
			struct actor victim;

			CHECK_EQ(core_seg_attach(a.fd, &victim.seg), 0);
			CHECK_EQ(vl_join(victim.seg, ROLE_CLIENT, "victim", &victim.self), 0);
			hold_locks(victim.self, mm, how);
			_exit(42);
		}
		CHECK_EQ(waitpid(pid, NULL, 0), pid);
		CHECK_EQ(vl_recover(a.self, &out), 0);
		CHECK_EQ(out.dead_count, 1);
		CHECK_EQ(out.walks, 0);
		CHECK(out.locks_fixed >= (how == OUTSIDE ? 1 : 2));
		check_clean(&a);
	}
	CHECK_EQ(vl_mm_put(a.self, mm), 0);
	check_end(&a);
}

int main(int argc, char **argv)
{
	(void)test_begin(argc, argv);
	if (TEST_SANITIZED)
		return 0; /* processes only */
	alarm(900);
	shared = mmap(NULL, sizeof(*shared), 3, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(shared != MAP_FAILED);
	test_late_death();
	test_walks();
	test_locks();
	test_many(70);
	test_many(200);
	test_many(MANY_MAX);
	test_rings();
	printf("good\n");
	return 0;
}
