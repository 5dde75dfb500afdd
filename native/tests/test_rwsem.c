/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rwsem.c: rw_semaphore.
 *
 * Goal: readers and writers exclude each other; a waiting writer gets in although readers keep
 * coming; readers that waited get in although writers keep coming; downgrade lets readers in and
 * keeps writers out; nobody sleeps for ever; holders killed at any instant leave a lock that
 * rwsem_repair makes whole from the announcements of the living.
 * Method: a pair of plain counters that only the write side changes and that must be equal
 * whenever anybody holds the lock; numbers of turns of each side in a given time; slow paths
 * forced by many actors on two CPUs; children killed while they hold, take and wait.
 * Reading a failure: "torn" = no exclusion. An alarm (exit by SIGALRM) = a lost wake-up or a
 * wedge. "starved" = one side made no progress while the other did; the numbers are printed.
 */
#include "testseg.h"
#include "vmalab/stats.h"

struct shared {
	struct rw_semaphore sem __cacheline_aligned;
	u64 a __cacheline_aligned; /* plain: the lock is what orders them */
	u64 b;
	u64 turns_read __cacheline_aligned;
	u64 turns_write;
	u64 turns_downgrade;
	u64 timeouts;
	u64 released_ns;
	u64 inside_ns;
	u64 readers_before; /* how many readers came before the writer that waited too */
	u32 stop;
	u32 phase;
};

static struct shared *shared_of(struct test_seg *ts)
{
	return (struct shared *)ALIGN_UP((u64)test_shared(ts), CACHE_LINE);
}

static void bump(struct shared *s, u64 *rng)
{
	s->a++;
	for (u64 i = test_random(rng) % 64; i > 0; i--)
		cpu_relax();
	s->b++;
}

static void look(struct shared *s, u64 *rng)
{
	u64 a = s->a;

	for (u64 i = test_random(rng) % 64; i > 0; i--)
		cpu_relax();
	CHECK_EQ(s->b, a); /* torn */
}

/* --- one at a time --- */

static void test_single(void)
{
	struct test_seg ts;
	struct participant p, q;
	struct rw_semaphore *sem;

	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &p, ROLE_WORKER);
	test_join(&ts, &q, ROLE_WORKER);
	sem = &shared_of(&ts)->sem;
	init_rwsem(sem);
	core_enter(&p);
	core_enter(&q);
	CHECK(down_read_trylock(&p, sem, HOLD_MMAP));
	CHECK_EQ(p.slot->held[HOLD_MMAP], (u64)REF(&p, sem) << 8 | HELD_READ | HELD_HELD);
	CHECK(down_read_trylock(&q, sem, HOLD_MMAP));
	CHECK(!down_write_trylock(&p, sem, HOLD_MMAP2));
	CHECK_EQ(p.slot->held[HOLD_MMAP2], 0);
	CHECK_EQ(down_write_timeout(&p, sem, HOLD_MMAP2, 0), -ETIMEDOUT);
	up_read(&p, sem, HOLD_MMAP);
	CHECK_EQ(p.slot->held[HOLD_MMAP], 0);
	CHECK_EQ(down_write_timeout(&p, sem, HOLD_MMAP2, 3000000), -ETIMEDOUT);
	up_read(&q, sem, HOLD_MMAP);
	CHECK(down_read_trylock(&q, sem, HOLD_MMAP)); /* the one who gave up bars nobody */
	up_read(&q, sem, HOLD_MMAP);
	CHECK_EQ(sem->count, 0);
	CHECK(down_write_trylock(&p, sem, HOLD_MMAP));
	CHECK(rwsem_is_write_locked(sem));
	CHECK(!down_read_trylock(&q, sem, HOLD_MMAP));
	CHECK_EQ(down_read_timeout(&q, sem, HOLD_MMAP, 2000000), -ETIMEDOUT);
	CHECK_EQ(q.slot->held[HOLD_MMAP], 0);
	downgrade_write(&p, sem, HOLD_MMAP);
	CHECK_EQ(p.slot->held[HOLD_MMAP], (u64)REF(&p, sem) << 8 | HELD_READ | HELD_HELD);
	CHECK_EQ(down_read_timeout(&q, sem, HOLD_MMAP, NSEC_PER_SEC), 0);
	CHECK(!down_write_trylock(&p, sem, HOLD_MMAP2));
	up_read(&p, sem, HOLD_MMAP);
	up_read(&q, sem, HOLD_MMAP);
	CHECK_EQ(sem->count, 0);
	CHECK_EQ(sem->owner, 0);
	core_exit(&p);
	core_exit(&q);
	participant_leave(&p);
	participant_leave(&q);
	test_seg_close(&ts);
}

static void *wait_for_write(void *arg)
{
	struct participant *self = arg;
	struct rw_semaphore *sem = &shared_of(&(struct test_seg){.seg = *self->seg})->sem;

	core_enter(self);
	down_write(self, sem, HOLD_MMAP);
	up_write(self, sem, HOLD_MMAP);
	core_exit(self);
	return NULL;
}

/* A waiter that is old asks for its turn, and gets it although another wants in. */
static void test_handoff(void)
{
	struct test_seg ts;
	struct participant p, q;
	struct rw_semaphore *sem;
	pthread_t thread;
	u64 begin;

	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &p, ROLE_WORKER);
	test_join(&ts, &q, ROLE_WORKER);
	sem = &shared_of(&ts)->sem;
	init_rwsem(sem);
	core_enter(&p);
	down_write(&p, sem, HOLD_MMAP);
	CHECK(pthread_create(&thread, NULL, wait_for_write, &q) == 0);
	begin = clock_ns();
	while (!(load_relaxed_u64(&sem->count) & RWSEM_HANDOFF)) {
		CHECK(clock_ns() - begin < 5 * NSEC_PER_SEC);
		sleep_ns(1000000);
	}
	up_write(&p, sem, HOLD_MMAP);
	CHECK(!down_write_trylock(&p, sem, HOLD_MMAP) || load_relaxed_u64(&sem->count) == 1);
	if (rwsem_is_write_locked(sem) && (u32)sem->owner == p.index + 1)
		up_write(&p, sem, HOLD_MMAP); /* the waiter has been and gone */
	core_exit(&p);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_EQ(sem->count & ~RWSEM_WAITERS, 0);
	participant_leave(&p);
	participant_leave(&q);
	test_seg_close(&ts);
}

/* --- everything at once --- */

static void mixed_run(struct test_actor *a)
{
	struct shared *s = shared_of(a->ts);
	struct participant *self = &a->self;

	while (!test_time_over()) {
		u64 r = test_random(&a->rng);

		core_enter(self);
		switch (r % 8) {
		case 0:
			down_write(self, &s->sem, HOLD_MMAP);
			bump(s, &a->rng);
			up_write(self, &s->sem, HOLD_MMAP);
			add_relaxed_u64(&s->turns_write, 1);
			break;
		case 1:
			down_write(self, &s->sem, HOLD_MMAP);
			bump(s, &a->rng);
			downgrade_write(self, &s->sem, HOLD_MMAP);
			look(s, &a->rng);
			up_read(self, &s->sem, HOLD_MMAP);
			add_relaxed_u64(&s->turns_downgrade, 1);
			break;
		case 2:
			if (down_write_timeout(self, &s->sem, HOLD_MMAP, r % 50000) == 0) {
				bump(s, &a->rng);
				up_write(self, &s->sem, HOLD_MMAP);
			} else {
				add_relaxed_u64(&s->timeouts, 1);
			}
			break;
		case 3:
			if (down_read_timeout(self, &s->sem, HOLD_MMAP, r % 50000) == 0) {
				look(s, &a->rng);
				up_read(self, &s->sem, HOLD_MMAP);
			} else {
				add_relaxed_u64(&s->timeouts, 1);
			}
			break;
		case 4:
			if (down_read_trylock(self, &s->sem, HOLD_VMA)) {
				look(s, &a->rng);
				up_read(self, &s->sem, HOLD_VMA);
			}
			break;
		default:
			down_read(self, &s->sem, HOLD_MMAP);
			look(s, &a->rng);
			up_read(self, &s->sem, HOLD_MMAP);
			add_relaxed_u64(&s->turns_read, 1);
		}
		core_exit(self);
	}
}

static void test_mixed(u32 rcu)
{
	struct test_seg ts;
	struct shared *s;

	test_seg_open_rcu(&ts, 64ul << 20, rcu);
	s = shared_of(&ts);
	init_rwsem(&s->sem);
	test_time_begin();
	test_actors(&ts, 6, TEST_PROCESSES, mixed_run);
	printf("mixed (%s): %lu reads, %lu writes, %lu downgrades, %lu timeouts, %lu read waits, "
	       "%lu write waits\n",
	       rcu == RCU_FENCED ? "fenced" : "membarrier", s->turns_read, s->turns_write,
	       s->turns_downgrade, s->timeouts, ts.seg.hdr->stats_gone[STAT_rwsem_read_wait],
	       ts.seg.hdr->stats_gone[STAT_rwsem_write_wait]);
	CHECK_EQ(s->a, s->b);
	CHECK(s->turns_read && s->turns_write && s->turns_downgrade);
	CHECK_EQ(s->sem.count & ~(RWSEM_WAITERS | RWSEM_HANDOFF), 0);
	CHECK_EQ(s->sem.owner, 0);
	test_seg_close(&ts);
}

/* --- neither side starves --- */

#define SIDES 5

/* When all actors are there their time begins: a busy machine may start one late. */
static u64 together(struct shared *s)
{
	add_relaxed_u32(&s->phase, 1);
	while (load_relaxed_u32(&s->phase) != SIDES)
		sleep_ns(100000);
	return clock_ns() + (u64)(test_seconds() * 1e9);
}

static void reader_loop(struct test_actor *a)
{
	struct shared *s = shared_of(a->ts);
	u64 end = together(s);

	while (clock_ns() < end) {
		core_enter(&a->self);
		down_read(&a->self, &s->sem, HOLD_MMAP);
		look(s, &a->rng);
		up_read(&a->self, &s->sem, HOLD_MMAP);
		add_relaxed_u64(&s->turns_read, 1);
		core_exit(&a->self);
	}
}

static void writer_loop(struct test_actor *a)
{
	struct shared *s = shared_of(a->ts);
	u64 end = together(s);

	while (clock_ns() < end) {
		core_enter(&a->self);
		down_write(&a->self, &s->sem, HOLD_MMAP);
		bump(s, &a->rng);
		up_write(&a->self, &s->sem, HOLD_MMAP);
		add_relaxed_u64(&s->turns_write, 1);
		core_exit(&a->self);
	}
}

static void one_writer_run(struct test_actor *a)
{
	if (a->number == 0)
		writer_loop(a);
	else
		reader_loop(a);
}

static void one_reader_run(struct test_actor *a)
{
	if (a->number == 0)
		reader_loop(a);
	else
		writer_loop(a);
}

static void test_starvation(void (*run)(struct test_actor *a), const char *what)
{
	struct test_seg ts;
	struct shared *s;
	u64 least = (u64)(test_seconds() * 20); /* HANDOFF lets an old waiter in every 4 ms or so */

	test_seg_open(&ts, 64ul << 20);
	s = shared_of(&ts);
	init_rwsem(&s->sem);
	test_actors(&ts, SIDES, TEST_PROCESSES, run);
	printf("%s: %lu reads, %lu writes\n", what, s->turns_read, s->turns_write);
	CHECK(s->turns_read >= least && s->turns_write >= least); /* starved */
	test_seg_close(&ts);
}

/* --- readers that waited come in together --- */

#define BATCH 4
static void batch_run(struct test_actor *a)
{
	struct shared *s = shared_of(a->ts);
	struct participant *self = &a->self;

	core_enter(self);
	if (a->number == 0) { /* the first writer: holds until all the others sleep */
		down_write(self, &s->sem, HOLD_MMAP);
		store_release_u32(&s->phase, 1);
		sleep_ns(50000000); /* less than RWSEM_SLEEP_NS: sleepers are woken, not late */
		store_relaxed_u64(&s->released_ns, clock_ns());
		up_write(self, &s->sem, HOLD_MMAP);
	} else if (a->number == 1) { /* waits too: must not come between the readers */
		while (load_acquire_u32(&s->phase) != 1)
			sleep_ns(1000000);
		down_write(self, &s->sem, HOLD_MMAP);
		store_relaxed_u64(&s->readers_before, load_relaxed_u64(&s->turns_read));
		up_write(self, &s->sem, HOLD_MMAP);
	} else {
		while (load_acquire_u32(&s->phase) != 1)
			sleep_ns(1000000);
		sleep_ns(10000000);
		down_read(self, &s->sem, HOLD_MMAP);
		add_relaxed_u64(&s->turns_read, 1);
		/* All must be inside at once, or this would never end. */
		while (load_relaxed_u64(&s->turns_read) != BATCH)
			sleep_ns(100000);
		store_relaxed_u64(&s->inside_ns, clock_ns());
		up_read(self, &s->sem, HOLD_MMAP);
	}
	core_exit(self);
}

static u64 batch_ns(void)
{
	struct test_seg ts;
	struct shared *s;
	u64 ns;

	test_seg_open(&ts, 64ul << 20);
	s = shared_of(&ts);
	init_rwsem(&s->sem);
	test_actors(&ts, 2 + BATCH, TEST_PROCESSES, batch_run);
	ns = s->readers_before == BATCH ? s->inside_ns - s->released_ns : UINT64_MAX;
	test_seg_close(&ts);
	return ns;
}

/* All before the writer that waited as well, and woken at once, not one after the other as their
 * sleeps end. On a busy machine the sleeps may end before the lock is free: some more tries. */
static void test_batch(void)
{
	u64 best = UINT64_MAX;

	for (u32 i = 0; i < 8 && best > RWSEM_SLEEP_NS / 4; i++)
		best = min_u64(best, batch_ns());
	printf("batch: all readers inside %.1f ms after the writer left\n", (double)best / 1e6);
	CHECK(best <= RWSEM_SLEEP_NS / 4);
}

/* --- killed holders, takers, waiters --- */

static void victim(struct test_seg *ts, u64 seed)
{
	struct shared *s;
	struct participant self;

	test_seg_remap(ts);
	s = shared_of(ts);
	test_join(ts, &self, ROLE_WORKER);
	for (;;) {
		u64 r = test_random(&seed);

		core_enter(&self);
		if (r % 3 == 0) {
			down_write(&self, &s->sem, HOLD_MMAP);
			if (r % 2)
				downgrade_write(&self, &s->sem, HOLD_MMAP);
			if (r % 2)
				up_read(&self, &s->sem, HOLD_MMAP);
			else
				up_write(&self, &s->sem, HOLD_MMAP);
		} else {
			down_read(&self, &s->sem, HOLD_MMAP);
			up_read(&self, &s->sem, HOLD_MMAP);
		}
		core_exit(&self);
	}
}

static u32 recoveries;

/* What the recovery layer does for one lock. */
static void repair_one(struct participant *self, struct rw_semaphore *sem)
{
	struct vl_seg *seg = self->seg;
	u32 stuck = 0, readers = 0, writer = 0, dead = 0;
	struct dead_set who;
	u64 ref = REF(self, sem);
	int err = world_stop(self, 5 * NSEC_PER_SEC, &stuck);

	if (err == -EBUSY)
		return; /* somebody else has just done it */
	CHECK_EQ(err, 0);
	find_dead(seg, &who);
	for (u32 i = 0; i < seg->hdr->slots_high; i++) {
		if (seg->slots[i].role == ROLE_FREE)
			continue;
		if (dead_set_has(&who, i)) {
			CHECK(participant_bury(seg, i));
			dead++;
			continue;
		}
		for (u32 k = 0; k < HOLDS_COUNT; k++) {
			u64 held = load_relaxed_u64(&seg->slots[i].held[k]);

			if (held >> 8 != ref || !(held & HELD_HELD))
				continue;
			if (held & HELD_WRITE)
				writer = i + 1;
			else
				readers++;
		}
	}
	if (dead)
		rwsem_repair(seg, sem, readers, writer);
	recoveries++;
	world_start(self);
}

static void on_dead(struct participant *self, u32 index)
{
	(void)index;
	repair_one(self, &shared_of(&(struct test_seg){.seg = *self->seg})->sem);
}

static void survivor_run(struct test_actor *a)
{
	struct shared *s = shared_of(a->ts);

	vl_on_dead_owner = on_dead;
	while (!load_relaxed_u32(&s->stop)) {
		if (test_random(&a->rng) % 4 == 0) {
			core_enter(&a->self);
			down_write(&a->self, &s->sem, HOLD_USER0);
			bump(s, &a->rng);
			core_exit(&a->self); /* a library user holds it outside the core */
			core_enter(&a->self);
			up_write(&a->self, &s->sem, HOLD_USER0);
			core_exit(&a->self);
			add_relaxed_u64(&s->turns_write, 1);
		} else {
			core_enter(&a->self);
			down_read(&a->self, &s->sem, HOLD_MMAP);
			look(s, &a->rng);
			up_read(&a->self, &s->sem, HOLD_MMAP);
			core_exit(&a->self);
			add_relaxed_u64(&s->turns_read, 1);
		}
	}
}

/* by_waiter: nobody but the waiters' own deadline notices the deaths. */
static void test_kills(u64 seed, bool by_waiter)
{
	struct test_seg ts;
	struct test_actor survivors[2];
	struct participant self;
	struct shared *s;
	u64 rounds = 0, late = 0;

	if (TEST_SANITIZED)
		return; /* processes only */
	test_seg_open(&ts, 64ul << 20);
	s = shared_of(&ts);
	init_rwsem(&s->sem);
	test_join(&ts, &self, ROLE_SUPERVISOR);
	for (u32 i = 0; i < ARRAY_SIZE(survivors); i++) {
		survivors[i] = (struct test_actor){
			.ts = &ts, .number = i, .run = survivor_run, .rng = seed + i};
		test_actor_start(&survivors[i], true);
	}
	recoveries = 0;
	for (test_time_begin(); !test_time_over() || rounds < 2; rounds++) {
		u64 before_r, before_w, begin = clock_ns(), repaired = begin;
		pid_t pids[3];

		fflush(NULL);
		for (u32 i = 0; i < ARRAY_SIZE(pids); i++) {
			u64 child_seed = test_random(&seed);

			pids[i] = fork();
			CHECK(pids[i] >= 0);
			if (pids[i] == 0)
				victim(&ts, child_seed);
		}
		sleep_ns(1000000 + test_random(&seed) % 4000000);
		for (u32 i = 0; i < ARRAY_SIZE(pids); i++)
			test_kill(pids[i]);
		/* Waiters notice only who holds them up; the others would fill all slots. */
		if (!by_waiter || ts.seg.hdr->slots_high > TEST_PARTICIPANTS / 2)
			repair_one(&self, &s->sem);
		repaired = clock_ns();
		/* Both sides go on. */
		before_r = load_relaxed_u64(&s->turns_read);
		before_w = load_relaxed_u64(&s->turns_write);
		while (load_relaxed_u64(&s->turns_read) < before_r + 3 ||
		       load_relaxed_u64(&s->turns_write) < before_w + 3) {
			CHECK(clock_ns() - begin < 10 * NSEC_PER_SEC); /* wedged */
			sleep_ns(200000);
		}
		late += clock_ns() - repaired > RWSEM_SLEEP_NS / 5;
	}
	store_relaxed_u32(&s->stop, 1);
	for (u32 i = 0; i < ARRAY_SIZE(survivors); i++)
		test_actor_join(&survivors[i]);
	repair_one(&self, &s->sem);
	printf("kills (%s): %lu rounds of 3, %lu reads, %lu writes by survivors, %lu late\n",
	       by_waiter ? "noticed by waiters" : "noticed at once", rounds, s->turns_read,
	       s->turns_write, late);
	/* Sleepers are woken by the repair, they need not wait until their sleep ends. */
	CHECK(by_waiter || late <= rounds / 4);
	CHECK_EQ(s->sem.count & ~(RWSEM_WAITERS | RWSEM_HANDOFF), 0);
	CHECK_EQ(s->a, s->b);
	test_seg_close(&ts);
}

int main(int argc, char **argv)
{
	u64 seed = test_begin(argc, argv);

	alarm(TEST_HANG_S);
	test_single();
	test_handoff();
	test_batch();
	test_mixed(RCU_AUTO);
	test_mixed(RCU_FENCED);
	test_starvation(one_writer_run, "one writer among readers");
	test_starvation(one_reader_run, "one reader among writers");
	test_kills(seed, false);
	test_kills(seed + 1, true);
	return 0;
}
