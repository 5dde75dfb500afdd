/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_world.c: segment, participants, mutex, stopping the world, seqcount.
 *
 * Goal: every refusal of a segment has its own code; slots are given out once and come back, also
 * from those who die while they join; a mutex excludes, and a dead owner's is taken over and
 * told; nobody is in the core while the world is stopped, whoever does not leave is named, a dead
 * stopper is replaced; speculative readers of a seqcount never keep a torn pair.
 * Method: damaged files; many joiners killed at random; plain counters under the mutex; a stopper
 * that counts a plain word while actors change it inside the core; a pair of words under
 * seqcount. Reading a failure: "moved while stopped" = somebody was in the core; "torn" = no
 * exclusion.
 */
#include "testseg.h"
#include "vmalab/safe_point.h"
#include "vmalab/seqcount.h"
#include "vmalab/stats.h"

#include <sys/stat.h>
#include <sys/wait.h>

struct shared {
	struct vl_mutex mutex __cacheline_aligned;
	u64 a __cacheline_aligned;
	u64 b;
	u64 turns;
	u64 steals;
	u32 phase;
	struct seqcount seq __cacheline_aligned;
	u64 x;
	u64 y;
	u64 good_reads;
	u64 retries;
	u64 inside[TEST_PARTICIPANTS];
};

static struct shared *shared_of(const struct vl_seg *seg)
{
	u64 at = (u64)seg->base + seg->hdr->regions[REGION_MMS].off + MM_SLOT_BYTES;

	_Static_assert(sizeof(struct shared) + CACHE_LINE < TEST_SHARED_BYTES, "room");
	return (struct shared *)ALIGN_UP(at, CACHE_LINE);
}

/* --- segment --- */

static int map_result(int fd, u64 fingerprint)
{
	struct vl_seg seg;
	int err = seg_map(&seg, fd, fingerprint);

	if (!err)
		seg_unmap(&seg);
	return err;
}

static void put(int fd, const void *data, u64 bytes, u64 at)
{
	CHECK(pwrite(fd, data, bytes, (off_t)at) == (ssize_t)bytes);
}

static void test_refusals(void)
{
	struct test_seg ts;
	struct vl_config config = test_config(64ul << 20, RCU_AUTO), bad;
	struct vl_seg seg;
	struct stat st;
	u32 u, fd = (u32)memfd_create("empty", MFD_CLOEXEC);

	CHECK_EQ(map_result((int)fd, 1), VL_E_NOT_READY); /* empty: its maker is at work */
	put((int)fd, "#!/bin/sh\n", 10, 0);
	CHECK_EQ(map_result((int)fd, 1), VL_E_FOREIGN);
	CHECK(ftruncate((int)fd, 5) == 0);
	CHECK_EQ(map_result((int)fd, 1), VL_E_FOREIGN);
	close((int)fd);
	CHECK_EQ(map_result(-1, 1), VL_E_SYS);

	bad = config;
	bad.size_bytes += 1;
	CHECK_EQ(seg_format(&seg, -1, "bad", &bad, 1, "test", "test"), VL_E_INVALID);
	bad = config;
	bad.size_bytes = 1 << 20; /* the tables alone need more */
	CHECK_EQ(seg_format(&seg, -1, "bad", &bad, 1, "test", "test"), VL_E_INVALID);
	bad = config;
	bad.participants_max = 0;
	CHECK_EQ(seg_format(&seg, -1, "bad", &bad, 1, "test", "test"), VL_E_INVALID);

	test_seg_open(&ts, 64ul << 20);
	CHECK_EQ(map_result(ts.fd, TEST_FINGERPRINT), 0);
	CHECK_EQ(map_result(ts.fd, TEST_FINGERPRINT + 1), VL_E_FINGERPRINT);
	CHECK(fstat(ts.fd, &st) == 0);
	CHECK((u64)st.st_blocks * 512 < 4ul << 20); /* sparse: memory comes as it is used */
	u = SEG_BUILDING;
	put(ts.fd, &u, 4, offsetof(struct seg_header, state));
	CHECK_EQ(map_result(ts.fd, TEST_FINGERPRINT), VL_E_NOT_READY);
	u = SEG_CLOSING;
	put(ts.fd, &u, 4, offsetof(struct seg_header, state));
	CHECK_EQ(map_result(ts.fd, TEST_FINGERPRINT), VL_E_MISSING);
	u = SEG_BROKEN;
	put(ts.fd, &u, 4, offsetof(struct seg_header, state));
	CHECK_EQ(map_result(ts.fd, TEST_FINGERPRINT), VL_E_BROKEN);
	CHECK_EQ(seg_map_inspect(&seg, ts.fd, TEST_FINGERPRINT), 0);
	CHECK_EQ(seg.hdr->config.mms_max, 64);
	seg_unmap(&seg);
	u = VL_ABI_VERSION + 1;
	put(ts.fd, &u, 4, offsetof(struct seg_header, abi));
	CHECK_EQ(map_result(ts.fd, TEST_FINGERPRINT), VL_E_ABI);
	u = VL_ABI_VERSION;
	put(ts.fd, &u, 4, offsetof(struct seg_header, abi));
	CHECK(ftruncate(ts.fd, 32l << 20) == 0);
	CHECK_EQ(map_result(ts.fd, TEST_FINGERPRINT), VL_E_TRUNCATED);
	CHECK(ftruncate(ts.fd, 4096) == 0);
	CHECK_EQ(map_result(ts.fd, TEST_FINGERPRINT), VL_E_TRUNCATED);
	close(ts.fd);
}

/* More than the file system has: told when the segment is made, not by SIGBUS later. */
static void test_space(void)
{
	struct vl_config config = test_config(SEG_SIZE_MAX, RCU_AUTO);
	struct vl_seg seg;
	char path[] = "/dev/shm/vmalab-test-XXXXXX";
	int fd = mkstemp(path);

	if (fd < 0) {
		printf("space: /dev/shm cannot be written, not tried\n");
		return;
	}
	unlink(path);
	CHECK_EQ(seg_format(&seg, fd, "space", &config, 1, "test", "test"), VL_E_SPACE);
	close(fd);
}

/* A broken invariant stops everybody: they are told, not hung. */
static void test_broken(void)
{
	struct test_seg ts;
	struct participant self;
	int status;
	u32 stuck;
	pid_t pid;

	if (TEST_SANITIZED)
		return; /* processes only */
	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &self, ROLE_WORKER);
	CHECK_EQ(core_enter(&self), 0);
	core_exit(&self);
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		CHECK(freopen("/dev/null", "w", stderr) != NULL);
		test_seg_remap(&ts);
		VL_ASSERT(!"for the test");
	}
	CHECK(waitpid(pid, &status, 0) == pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
	CHECK_EQ(core_enter(&self), VL_E_BROKEN);
	CHECK_EQ(self.slot->in_core, CORE_OUT);
	CHECK_EQ(map_result(ts.fd, TEST_FINGERPRINT), VL_E_BROKEN);
	CHECK_EQ(world_stop(&self, NSEC_PER_SEC, &stuck), VL_E_BROKEN);
	test_seg_close(&ts);
}

/* --- participants --- */

static void test_slots(void)
{
	struct test_seg ts;
	struct participant p[TEST_PARTICIPANTS], more;

	test_seg_open(&ts, 64ul << 20);
	for (u32 i = 0; i < TEST_PARTICIPANTS; i++) {
		test_join(&ts, &p[i], ROLE_CLIENT);
		CHECK_EQ(p[i].index, i);
		CHECK_EQ(p[i].slot->generation, 1);
	}
	CHECK_EQ(participant_join(&ts.seg, &more, ROLE_CLIENT, "x"), VL_E_NO_SLOT);
	participant_leave(&p[7]);
	CHECK_EQ(participant_join(&ts.seg, &more, ROLE_CLIENT, "a-name-that-is-too-long"), 0);
	CHECK_EQ(more.index, 7);
	CHECK_EQ(more.slot->generation, 2);
	CHECK(strcmp(more.slot->comm, "a-name-that-is-") == 0);
	participant_leave(&more);
	for (u32 i = 0; i < TEST_PARTICIPANTS; i++) {
		if (i != 7)
			participant_leave(&p[i]);
	}
	test_seg_close(&ts);
}

/* All that a joiner or leaver may have held, as recovery does before it buries anybody. */
static void repair_locks(struct vl_seg *seg, const struct dead_set *dead)
{
	mutex_repair(seg, &seg->hdr->pages.lock, dead);
	mutex_repair(seg, &seg->hdr->frames.lock, dead);
	mutex_repair(seg, &seg->hdr->slots_lock, dead);
	for (u32 i = 0; i < KMEM_CACHES_MAX; i++)
		mutex_repair(seg, &seg->hdr->caches[i].lock, dead);
	rcu_repair(seg, dead);
}

/* Joiners and leavers killed at random: after burying the dead every slot can be had again. */
static void test_join_kills(u64 seed)
{
	struct test_seg ts;
	struct participant p[TEST_PARTICIPANTS];
	struct dead_set dead;
	u64 rounds = 0;

	if (TEST_SANITIZED)
		return; /* processes only */
	test_seg_open(&ts, 64ul << 20);
	for (test_time_begin(); !test_time_over(); rounds++) {
		pid_t pids[4];

		fflush(NULL);
		for (u32 i = 0; i < ARRAY_SIZE(pids); i++) {
			pids[i] = fork();
			CHECK(pids[i] >= 0);
			if (pids[i] == 0) {
				test_seg_remap(&ts);
				for (;;) {
					test_join(&ts, &p[0], ROLE_CLIENT);
					participant_leave(&p[0]);
				}
			}
		}
		sleep_ns(500000 + test_random(&seed) % 3000000);
		for (u32 i = 0; i < ARRAY_SIZE(pids); i++)
			test_kill(pids[i]);
		find_dead(&ts.seg, &dead);
		for (u32 i = 0; i < ts.seg.hdr->slots_high; i++) {
			if (ts.seg.slots[i].role != ROLE_FREE) {
				CHECK(!participant_alive(&ts.seg, i));
				CHECK(dead_set_has(&dead, i));
				repair_locks(&ts.seg, &dead);
				CHECK(participant_bury(&ts.seg, i));
			}
		}
		for (u32 i = 0; i < TEST_PARTICIPANTS; i++)
			test_join(&ts, &p[i], ROLE_CLIENT);
		for (u32 i = 0; i < TEST_PARTICIPANTS; i++)
			participant_leave(&p[i]);
	}
	printf("join: %lu rounds of 4 kills\n", rounds);
	test_seg_close(&ts);
}

/* --- mutex --- */

static void mutex_run(struct test_actor *a)
{
	struct shared *s = shared_of(&a->ts->seg);

	while (!test_time_over()) {
		core_enter(&a->self);
		if (test_random(&a->rng) % 8 == 0) {
			if (!mutex_trylock(&a->self, &s->mutex)) {
				core_exit(&a->self);
				continue;
			}
		} else if (mutex_lock(&a->self, &s->mutex) == MUTEX_STOLEN) {
			s->steals++;
			s->b = s->a; /* rebuild: a is the truth */
		}
		CHECK_EQ(s->a, s->b); /* torn */
		s->a++;
		for (u64 i = test_random(&a->rng) % 32; i > 0; i--)
			cpu_relax();
		s->b++;
		s->turns++;
		mutex_unlock(&a->self, &s->mutex);
		core_exit(&a->self);
	}
}

static void test_mutex(void)
{
	struct test_seg ts;

	test_seg_open(&ts, 64ul << 20);
	test_time_begin();
	test_actors(&ts, 4, TEST_PROCESSES, mutex_run);
	printf("mutex: %lu turns, %lu waits\n", shared_of(&ts.seg)->turns,
	       ts.seg.hdr->stats_gone[STAT_mutex_wait]);
	CHECK_EQ(shared_of(&ts.seg)->a, shared_of(&ts.seg)->b);
	CHECK_EQ(shared_of(&ts.seg)->steals, 0);
	test_seg_close(&ts);
}

/* Owners are killed while others wait: the waiters take over and go on. */
static void test_mutex_kills(u64 seed)
{
	struct test_seg ts;
	struct shared *s;
	struct test_actor waiters[2];
	u64 rounds = 0;

	if (TEST_SANITIZED)
		return; /* processes only */
	test_seg_open(&ts, 64ul << 20);
	s = shared_of(&ts.seg);
	test_time_begin();
	for (u32 i = 0; i < ARRAY_SIZE(waiters); i++) {
		waiters[i] = (struct test_actor){
			.ts = &ts, .number = i, .run = mutex_run, .rng = seed + i};
		test_actor_start(&waiters[i], true);
	}
	for (; rounds < TEST_PARTICIPANTS - 8; rounds++) {
		u64 before;
		pid_t pid;

		if (test_time_over() && load_relaxed_u64(&s->steals))
			break;

		fflush(NULL);
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0) {
			struct participant self;

			test_seg_remap(&ts);
			test_join(&ts, &self, ROLE_WORKER);
			for (;;) {
				(void)mutex_lock(&self, &s->mutex);
				s->b = s->a; /* in case it was stolen */
				s->a++;
				store_release_u32(&s->phase, (u32)getpid());
				sleep_ns(20000);
				s->b++;
				mutex_unlock(&self, &s->mutex);
			}
		}
		while (load_acquire_u32(&s->phase) != (u32)pid) /* it is at it */
			sleep_ns(100000);
		sleep_ns(test_random(&seed) % 1000000);
		test_kill(pid);
		before = load_relaxed_u64(&s->turns);
		while (load_relaxed_u64(&s->turns) < before + 2 && !test_time_over())
			sleep_ns(1000000);
	}
	for (u32 i = 0; i < ARRAY_SIZE(waiters); i++)
		test_actor_join(&waiters[i]);
	printf("mutex kills: %lu, taken over %lu times\n", rounds, s->steals);
	CHECK(s->steals > 0);
	test_seg_close(&ts);
}

/* --- the world --- */

static void inside_run(struct test_actor *a)
{
	struct shared *s = shared_of(&a->ts->seg);

	while (!test_time_over()) {
		CHECK_EQ(core_enter(&a->self), 0);
		for (u64 i = test_random(&a->rng) % 16; i > 0; i--)
			s->inside[a->self.index]++; /* plain: entering orders it */
		if (test_random(&a->rng) % 256 == 0) {
			core_block(&a->self);
			if (a->number == 1) { /* stops from where it is blocked */
				u32 stuck;

				if (world_stop(&a->self, NSEC_PER_SEC, &stuck) == 0)
					world_start(&a->self);
			}
			core_unblock(&a->self);
		}
		core_exit(&a->self);
	}
}

static void stop_run(struct test_actor *a)
{
	struct shared *s = shared_of(&a->ts->seg);
	u64 before[TEST_PARTICIPANTS];
	u32 stuck;

	if (a->number != 0) {
		inside_run(a);
		return;
	}
	while (!test_time_over()) {
		int err = world_stop(&a->self, 5 * NSEC_PER_SEC, &stuck);

		if (err == -EBUSY)
			continue;
		CHECK_EQ(err, 0);
		memcpy(before, s->inside, sizeof(before));
		for (u64 i = test_random(&a->rng) % 2000; i > 0; i--)
			cpu_relax();
		CHECK(memcmp(before, s->inside, sizeof(before)) == 0); /* moved while stopped */
		s->turns++;
		world_start(&a->self);
		if (s->turns % 4 == 0)
			sleep_ns(100000);
	}
}

static void test_stop(u32 flavour)
{
	struct test_seg ts;

	test_seg_open_rcu(&ts, 64ul << 20, flavour);
	test_time_begin();
	test_actors(&ts, 4, TEST_PROCESSES, stop_run);
	printf("world stopped %lu times under load\n", shared_of(&ts.seg)->turns);
	CHECK(shared_of(&ts.seg)->turns > 10);
	test_seg_close(&ts);
}

static void test_stuck(void)
{
	struct test_seg ts;
	struct participant p, q;
	u32 stuck = 0;

	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &p, ROLE_SUPERVISOR);
	test_join(&ts, &q, ROLE_WORKER);
	core_enter(&q);
	CHECK_EQ(world_stop(&p, 20000000, &stuck), -ETIMEDOUT);
	CHECK_EQ(stuck, getpid());
	CHECK_EQ(ts.seg.hdr->stop, 0); /* the world runs */
	core_block(&q);
	CHECK_EQ(world_stop(&p, 20000000, &stuck), 0);
	CHECK_EQ(world_stop(&q, 20000000, &stuck), -EBUSY);
	CHECK_EQ(stuck, getpid());
	world_start(&p);
	core_unblock(&q);
	core_exit(&q);
	participant_leave(&q);
	participant_leave(&p);
	test_seg_close(&ts);
}

/* Somebody is in the core and does nothing, as one that got SIGSTOP. Who wants to stop the world
 * must not keep the others out for more than a part of the time, and stops it when that one leaves.
 * Read a failure as: the entry was closed in most of the samples, or the stopper did not come. */
static void test_stuck_keeps_nobody_out(void)
{
	struct test_seg ts;
	struct participant q;
	u64 closed = 0, samples = 0;
	int status;
	pid_t pid;

	if (TEST_SANITIZED)
		return; /* processes only */
	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &q, ROLE_WORKER);
	core_enter(&q);
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct participant p;
		u32 stuck;

		test_seg_remap(&ts);
		test_join(&ts, &p, ROLE_SUPERVISOR);
		CHECK_EQ(world_stop(&p, 3 * NSEC_PER_SEC, &stuck), -ETIMEDOUT);
		CHECK_EQ(stuck, getppid());
		store_release_u32(&shared_of(&ts.seg)->phase, 1);
		CHECK_EQ(world_stop(&p, 600 * NSEC_PER_SEC, &stuck), 0);
		world_start(&p);
		participant_leave(&p);
		_exit(0);
	}
	while (load_acquire_u32(&shared_of(&ts.seg)->phase) == 0) {
		closed += load_relaxed_u32(&ts.seg.hdr->stop) != 0;
		samples++;
		sleep_ns(NSEC_PER_MSEC);
	}
	printf("entry closed in %lu of %lu samples\n", closed, samples);
	CHECK(closed > 0); /* else it never tried, and the test shows nothing */
	CHECK(closed * 3 < samples);
	core_exit(&q);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	participant_leave(&q);
	test_seg_close(&ts);
}

/* A long operation passes safe points: the world stops in the middle of it, and it goes on. */
static void test_safe_point(void)
{
	struct test_seg ts;
	struct participant p, q;
	u32 stuck = 0, steps = 0;
	int status;
	pid_t pid;

	if (TEST_SANITIZED)
		return; /* processes only */
	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &p, ROLE_SUPERVISOR);
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		test_seg_remap(&ts);
		test_join(&ts, &q, ROLE_WORKER);
		core_enter(&q);
		store_release_u32(&shared_of(&ts.seg)->phase, 1);
		while (safe_step(&q, &steps) == 0) /* it never leaves by itself */
			cpu_relax();
		core_exit(&q);
		participant_leave(&q);
		_exit(0);
	}
	while (load_acquire_u32(&shared_of(&ts.seg)->phase) == 0)
		sleep_ns(NSEC_PER_MSEC);
	CHECK_EQ(world_stop(&p, 600 * NSEC_PER_SEC, &stuck), 0);
	CHECK_EQ(load_acquire_u32(&ts.seg.slots[1].in_core), CORE_BLOCKED);
	world_start(&p);
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0); /* it goes on */
	store_relaxed_u32(&participant_area_of(&ts.seg, 1)->cancel, 1);
	CHECK_EQ(waitpid(pid, &status, 0), pid); /* and ends when it is cancelled */
	CHECK_EQ(status, 0);
	participant_leave(&p);
	test_seg_close(&ts);
}

/* Somebody dies in the core, somebody dies while it has stopped the world. */
static void test_dead_stopper(void)
{
	struct test_seg ts;
	struct participant p;
	u32 stuck;

	if (TEST_SANITIZED)
		return; /* processes only */
	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &p, ROLE_SUPERVISOR);
	for (u32 k = 0; k < 2; k++) {
		pid_t pid;

		fflush(NULL);
		pid = fork();
		CHECK(pid >= 0);
		if (pid == 0) {
			struct participant q;

			test_seg_remap(&ts);
			test_join(&ts, &q, ROLE_WORKER);
			if (k == 0)
				CHECK_EQ(world_stop(&q, NSEC_PER_SEC, &stuck), 0);
			else
				core_enter(&q);
			store_release_u32(&shared_of(&ts.seg)->phase, k + 1);
			for (;;)
				sleep_ns(NSEC_PER_SEC);
		}
		while (load_acquire_u32(&shared_of(&ts.seg)->phase) != k + 1)
			sleep_ns(1000000);
		test_kill(pid);
		CHECK_EQ(world_stop(&p, NSEC_PER_SEC, &stuck), 0);
		CHECK(participant_dead(&ts.seg, 1));
		CHECK(participant_bury(&ts.seg, 1));
		world_start(&p);
		CHECK_EQ(core_enter(&p), 0);
		core_exit(&p);
	}
	participant_leave(&p);
	test_seg_close(&ts);
}

/* --- seqcount --- */

static void seq_run(struct test_actor *a)
{
	struct shared *s = shared_of(&a->ts->seg);
	u64 good = 0, retries = 0, x, y;
	u32 seq;

	while (!test_time_over()) {
		for (u32 k = 0; k < 1000; k++) {
			if (a->number == 0) {
				write_seqcount_begin(&s->seq);
				store_relaxed_u64(&s->x, s->x + 1);
				store_relaxed_u64(&s->y, s->y + 1);
				write_seqcount_end(&s->seq);
				if (k % 16 == 0)
					cpu_relax();
				continue;
			}
			if (!read_seqcount_try_begin(&s->seq, &seq)) {
				retries++;
				continue;
			}
			x = load_relaxed_u64(&s->x);
			y = load_relaxed_u64(&s->y);
			if (read_seqcount_retry(&s->seq, seq)) {
				retries++;
				continue;
			}
			CHECK_EQ(x, y); /* torn */
			good++;
		}
	}
	add_relaxed_u64(&s->good_reads, good);
	add_relaxed_u64(&s->retries, retries);
}

static void test_seqcount(void)
{
	struct test_seg ts;
	struct shared *s;

	test_seg_open(&ts, 64ul << 20);
	s = shared_of(&ts.seg);
	s->seq.sequence = UINT32_MAX - 1001; /* it wraps */
	test_time_begin();
	test_actors(&ts, 3, TEST_PROCESSES, seq_run);
	printf("seqcount: %lu writes, %lu good reads, %lu thrown away\n", s->x, s->good_reads,
	       s->retries);
	CHECK(s->good_reads > 0 && s->x > 1000);
	test_seg_close(&ts);
}

int main(int argc, char **argv)
{
	u64 seed = test_begin(argc, argv);

	alarm(TEST_HANG_S);
	test_refusals();
	test_space();
	test_broken();
	test_slots();
	test_stuck();
	test_stuck_keeps_nobody_out();
	test_safe_point();
	test_dead_stopper();
	test_join_kills(seed);
	test_mutex();
	test_mutex_kills(seed);
	test_stop(RCU_AUTO);
	test_stop(RCU_FENCED);
	test_seqcount();
	return 0;
}
