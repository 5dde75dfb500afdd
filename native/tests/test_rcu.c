/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rcu.c: grace periods, in the manner of the kernel's rcutorture.
 *
 * Goal: nothing that a reader may have found is reused before the reader's section ends, in both
 * flavours, between threads and between processes; retired objects are freed, not lost; a dead
 * reader does not stop grace periods; a stalled one is named.
 * Method: one pointer in shared memory to the newest of a pool of elements. The updater replaces
 * the element and moves every element that it has taken out one step along a pipeline at each
 * grace period: its age. After AGE_END steps the element is used anew. Readers note the age of
 * the element that they found, at the end of their section; and again in later sections, as long
 * as those read the same mark (rcu_mark).
 * Reading a failure: a reader may see age 0 (still published) and 1 (taken out since it looked,
 * one grace period may end while the other began before the section). "OLD OBJECT SEEN" means an
 * age above 1: a whole grace period began and ended inside a read section. The histogram is
 * printed in any case. Built with -DTORTURE_BREAK_RCU (make check-broken) readers do not show
 * themselves, and the test has to fail.
 */
#include <sys/syscall.h>

#include "testseg.h"
#include "vmalab/stats.h"

#define ELEMENTS 32
#define AGE_END  8
#define ACTORS   4

struct shared {
	u32 current; /* number of the published element */
	u32 mode;    /* how the updater waits */
	u64 histogram[AGE_END + 2];
	u64 updates;
	u64 kept; /* looks at an element that an earlier section had found */
	struct {
		u32 age; /* 0 published or free, n: grace periods since it was taken out */
		u32 pad[15];
	} element[ELEMENTS] __cacheline_aligned;
};

static struct shared *shared_of(const struct vl_seg *seg)
{
	u64 at = (u64)seg->base + seg->hdr->regions[REGION_MMS].off + MM_SLOT_BYTES;

	return (struct shared *)ALIGN_UP(at, CACHE_LINE);
}

/* Inside a section, which it ends. */
static void look_and_leave(struct test_actor *a, struct shared *s, u32 element, u64 pause,
			   u64 *seen)
{
	u32 age;

	for (; pause > 0; pause--)
		cpu_relax();
	age = load_relaxed_u32(&s->element[element].age);
	rcu_read_unlock(&a->self);
	seen[age > AGE_END ? AGE_END + 1 : age]++;
}

static void torture_reader(struct test_actor *a)
{
	struct shared *s = shared_of(&a->ts->seg);
	u64 seen[AGE_END + 2] = {0}, kept = 0;

	while (!test_time_over()) {
		for (u32 k = 0; k < 100; k++) {
			u64 r = test_random(&a->rng);
			u64 mark;
			u32 e;

			core_enter(&a->self);
			rcu_read_lock(&a->self);
			mark = rcu_mark(&a->self);
			/* acquire: the element's reset age */
			e = load_acquire_u32(&s->current);
			if (r % 512 == 0)
				sched_yield();
			if (r % 16384 == 0)
				sleep_ns(1000000);
			if (r & 1) { /* nesting changes nothing */
				rcu_read_lock(&a->self);
				rcu_read_unlock(&a->self);
			}
			look_and_leave(a, s, e, r >> 40 & 0xff, seen);
			for (u64 more = r >> 48 & 7; more > 0; more--) {
				rcu_read_lock(&a->self);
				if (rcu_mark(&a->self) != mark) {
					rcu_read_unlock(&a->self);
					break;
				}
				kept++;
				look_and_leave(a, s, e, r >> 56, seen);
			}
			core_exit(&a->self);
		}
	}
	add_relaxed_u64(&s->kept, kept);
	for (u32 i = 0; i < ARRAY_SIZE(seen); i++)
		add_relaxed_u64(&s->histogram[i], seen[i]);
}

/* One grace period further: ages of all that is out of the pool. */
static void step(struct shared *s, bool *out)
{
	for (u32 i = 0; i < ELEMENTS; i++) {
		u32 age = s->element[i].age;

		if (!out[i])
			continue;
		store_relaxed_u32(&s->element[i].age, age + 1);
		if (age + 1 >= AGE_END)
			out[i] = false; /* may be used anew */
	}
}

static void torture_updater(struct test_actor *a)
{
	struct shared *s = shared_of(&a->ts->seg);
	bool out[ELEMENTS] = {false};
	u32 next = 1, last;

	while (!test_time_over()) {
		core_enter(&a->self);
		while (out[next] || next == s->current)
			next = (next + 1) % ELEMENTS;
		store_relaxed_u32(&s->element[next].age, 0);
		last = s->current;
		/* release: the reset age */
		store_release_u32(&s->current, next);
		out[last] = true;
		store_relaxed_u32(&s->element[last].age, 1); /* taken out */
		synchronize_rcu(&a->self);
		step(s, out);
		s->updates++;
		core_exit(&a->self);
	}
}

static void torture_run(struct test_actor *a)
{
	if (a->number == 0)
		torture_updater(a);
	else
		torture_reader(a);
}

static bool test_torture(u32 flavour, const char *name)
{
	struct test_seg ts;
	struct shared *s;
	u64 old = 0;

	test_seg_open_rcu(&ts, 64ul << 20, flavour);
	s = shared_of(&ts.seg);
	test_time_begin();
	test_actors(&ts, ACTORS, TEST_PROCESSES, torture_run);
	printf("torture (%s): %lu updates; %lu looks by a mark; ages seen:", name, s->updates,
	       s->kept);
	for (u32 i = 0; i < ARRAY_SIZE(s->histogram); i++) {
		printf(" %lu", s->histogram[i]);
		if (i > 1)
			old += s->histogram[i];
	}
	printf("\n");
	if (old)
		printf("OLD OBJECT SEEN %lu times\n", old);
	CHECK(s->updates > 10);
	CHECK(s->kept > 10);
	test_seg_close(&ts);
	return old == 0;
}

/* --- the asymmetric barrier itself --- */

#define COLD_LINES    32
#define LITMUS_ROUNDS 10000

struct litmus {
	u64 x __cacheline_aligned; /* written by the reader's side */
	u64 y __cacheline_aligned; /* written by the side that scans */
	u64 round[2] __cacheline_aligned;
	u64 seen[2];
	u64 both_missed;
	u64 cold[COLD_LINES][CACHE_LINE / 8] __cacheline_aligned;
};

static struct litmus *litmus_of(struct test_actor *a)
{
	return (struct litmus *)shared_of(&a->ts->seg);
}

/* Both sides arrive at the same round before either goes on. */
static void meet(struct litmus *l, u32 me, u64 round)
{
	store_release_u64(&l->round[me], round);
	for (u32 spins = 0; load_acquire_u64(&l->round[!me]) < round; spins++) {
		if (spins > 1000)
			sched_yield();
	}
}

/* The reader's store is made to take long: before it in the store buffer go stores to lines that
 * the other side has just written, while what the reader loads is in its cache. */
static void litmus_reader(struct litmus *l, u64 round, bool fenced)
{
	CHECK(load_relaxed_u64(&l->y) < round);
	meet(l, 0, round);
	for (u32 i = 0; i < COLD_LINES; i++)
		store_relaxed_u64(&l->cold[i][0], round);
	store_relaxed_u64(&l->x, round);
	if (fenced)
		fence_full();
	else
		compiler_barrier();
	l->seen[0] = load_relaxed_u64(&l->y);
}

static void litmus_scanner(struct litmus *l, u64 round, const struct vl_seg *seg, u64 delay)
{
	for (u32 i = 0; i < COLD_LINES; i++)
		store_relaxed_u64(&l->cold[i][0], round);
	CHECK(load_relaxed_u64(&l->x) < round);
	meet(l, 1, round);
	for (; delay > 0; delay--)
		compiler_barrier();
	store_relaxed_u64(&l->y, round);
	readers_barrier(seg);
	l->seen[1] = load_relaxed_u64(&l->x);
}

static void litmus_run(struct test_actor *a)
{
	struct litmus *l = litmus_of(a);

	for (u64 round = 1; round < 2 * LITMUS_ROUNDS; round += 2) {
		if (a->number == 0)
			litmus_reader(l, round, a->self.fenced);
		else
			litmus_scanner(l, round, &a->ts->seg, test_random(&a->rng) % 1500);
		meet(l, a->number, round + 1);
		if (a->number == 0 && l->seen[0] != round && l->seen[1] != round)
			l->both_missed++;
	}
}

/* Store, barrier, load on both sides: at least one sees the other. (RCU-2, STOP-1) */
static void test_barrier(u32 flavour, const char *name)
{
	struct test_seg ts;
	struct litmus *l;

	test_seg_open_rcu(&ts, 64ul << 20, flavour);
	l = (struct litmus *)shared_of(&ts.seg);
	test_actors(&ts, 2, TEST_PROCESSES, litmus_run);
	printf("barrier (%s): %u rounds, both missed each other %lu times\n", name, LITMUS_ROUNDS,
	       l->both_missed);
	CHECK_EQ(l->both_missed, 0);
	test_seg_close(&ts);
}

static void pin(u32 cpu)
{
	u64 mask[16] = {0};

	mask[cpu / 64] = 1ul << cpu % 64;
	(void)syscall(SYS_sched_setaffinity, 0, sizeof(mask),
		      mask); /* one CPU only: nothing to see */
}

static void litmus_pinned(struct test_actor *a)
{
	pin(a->number == 0);
	litmus_run(a);
}

/* A process that registers on one CPU after it ran on another, which is idle since: its reader
 * comes back there. In a program of its own, as a child inherits what its parent registered. */
static int test_barrier_after_moving(void)
{
	struct test_seg ts;
	struct test_actor reader, scanner;
	struct litmus *l;

	pin(1);
	sleep_ns(2 * NSEC_PER_MSEC);
	for (u64 end = clock_ns() + 2 * NSEC_PER_MSEC; clock_ns() < end;)
		;
	pin(0);
	sleep_ns(NSEC_PER_MSEC);
	test_seg_open_rcu(&ts, 64ul << 20, RCU_MEMBARRIER);
	l = (struct litmus *)shared_of(&ts.seg);
	scanner = (struct test_actor){.ts = &ts, .number = 1, .run = litmus_pinned};
	reader = (struct test_actor){.ts = &ts, .number = 0, .run = litmus_pinned};
	test_actor_start(&scanner, true);
	test_actor_main(&reader);
	test_actor_join(&scanner);
	printf("barrier (registered after moving): both missed each other %lu times\n",
	       l->both_missed);
	CHECK_EQ(l->both_missed, 0);
	return 0;
}

static void run_alone(const char *what)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		execl("/proc/self/exe", "test_rcu", what, NULL);
		_exit(2);
	}
	CHECK(test_child_good(pid));
}

/* --- the retire ring --- */

struct object {
	u64 state; /* 1 published, 2 retired, 3 freed */
	u64 rest[7];
};
enum { PUBLISHED = 1, RETIRED = 2, FREED = 3 };

static void object_freed(struct participant *self, u32 kind, u32 ref)
{
	struct object *o = PTR(self, ref);

	CHECK_EQ(load_relaxed_u64(&o->state), RETIRED); /* freed twice, or never retired */
	store_relaxed_u64(&o->state, FREED);
	kmem_cache_free(self, kind - RETIRE_OBJECT0, o);
}

static void ring_run(struct test_actor *a)
{
	struct participant *self = &a->self;
	struct range_tree *tree = test_tree(a->ts); /* its word holds the published reference */

	while (!test_time_over()) {
		core_enter(self);
		rcu_make_room(self);
		for (u32 k = 0; k < 40; k++) {
			if (a->number < 2) {
				struct object *o = kmem_cache_alloc(self, CACHE_TEST0);
				u64 old;

				CHECK(o);
				store_relaxed_u64(&o->state, PUBLISHED);
				old = xchg_acq_rel_u64(&tree->root, REF(self, o));
				if (old) {
					struct object *gone = PTR(self, (vl_ref)old);

					CHECK_EQ(load_relaxed_u64(&gone->state), PUBLISHED);
					store_relaxed_u64(&gone->state, RETIRED);
					rcu_retire(self, RETIRE_OBJECT0 + CACHE_TEST0, (vl_ref)old);
				}
			} else {
				u64 ref;

				rcu_read_lock(self);
				ref = load_acquire_u64(&tree->root);
				if (ref) {
					u64 state;

					for (u64 i = test_random(&a->rng) % 64; i > 0; i--)
						cpu_relax();
					state = load_relaxed_u64(
						&((struct object *)PTR(self, ref))->state);
					CHECK(state == PUBLISHED ||
					      state == RETIRED); /* OLD OBJECT SEEN */
				}
				rcu_read_unlock(self);
			}
		}
		rcu_poll(self);
		core_exit(self);
	}
}

static void test_ring(u32 flavour, const char *name)
{
	struct test_seg ts;
	struct participant self;
	struct slab_numbers n;
	u64 *gone;

	test_seg_open_rcu(&ts, 64ul << 20, flavour);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "ring", sizeof(struct object), 0, 0, 0),
		 0);
	rcu_free_register(RETIRE_OBJECT0 + CACHE_TEST0, object_freed);
	test_time_begin();
	test_actors(&ts, ACTORS, TEST_PROCESSES, ring_run);
	gone = ts.seg.hdr->stats_gone;
	kmem_cache_numbers(&ts.seg, CACHE_TEST0, &n);
	printf("ring (%s): %lu retired, %lu grace periods, %lu objects left\n", name,
	       gone[STAT_rcu_retired], gone[STAT_rcu_gp], n.active_objs);
	CHECK_EQ(n.active_objs, 1); /* the published one */
	CHECK_EQ(gone[STAT_rcu_retired], gone[STAT_rcu_freed]);
	test_join(&ts, &self, ROLE_WORKER);
	participant_leave(&self);
	test_seg_close(&ts);
}

static void retire_one(struct participant *self)
{
	struct object *o = kmem_cache_alloc(self, CACHE_TEST0);

	CHECK(o);
	store_relaxed_u64(&o->state, RETIRED);
	rcu_retire(self, RETIRE_OBJECT0 + CACHE_TEST0, REF(self, o));
}

static u32 ring_entries(const struct participant *self)
{
	return (self->area->retire_tail - self->area->retire_head) & PLACE_MASK(RETIRE_RING);
}

/* rcu_poll frees what is ripe and nothing else, as soon as it is; it starts grace periods itself
 * when much is retired, so that a ring that is polled never fills. */
static void test_poll(void)
{
	struct participant self, reader;
	struct test_seg ts;
	u64 most = 0, many;

	test_seg_open(&ts, 64ul << 20);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "ring", sizeof(struct object), 0, 0, 0),
		 0);
	test_join(&ts, &self, ROLE_WORKER);
	test_join(&ts, &reader, ROLE_WORKER);
	for (u32 round = 0; round < 3; round++) {
		rcu_read_lock(&reader);
		retire_one(&self);
		for (u32 i = 0; i < 4; i++) {
			rcu_advance(&self);
			rcu_poll(&self);
			CHECK_EQ(ring_entries(&self), 1); /* the reader may still look */
		}
		rcu_read_unlock(&reader);
		CHECK(rcu_advance(&self));
		rcu_poll(&self);
		CHECK_EQ(ring_entries(&self), 0);
	}
	for (u32 i = 0; i < 4 * RETIRE_RING; i++) {
		retire_one(&self);
		rcu_poll(&self);
		most = max_u64(most, ring_entries(&self));
	}
	many = min_u64(RETIRE_RING / 4, self.frames_keep);
	CHECK(most > many && most <= 2 * many);
	rcu_barrier(&self);
	participant_leave(&reader);
	participant_leave(&self);
	test_seg_close(&ts);
}

/* A ring that is full waits outside a section; nothing is freed inside another's section. */
static void test_full_ring(void)
{
	struct test_seg ts;
	struct participant self;

	test_seg_open(&ts, 64ul << 20);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "ring", sizeof(struct object), 0, 0, 0),
		 0);
	test_join(&ts, &self, ROLE_WORKER);
	core_enter(&self);
	for (u32 i = 0; i < 3 * RETIRE_RING; i++)
		retire_one(&self);
	rcu_make_room(&self);
	CHECK(ring_entries(&self) <= RETIRE_RING / 2);
	core_exit(&self);
	participant_leave(&self);
	test_seg_close(&ts);
}

/* --- stalls and the dead --- */

static struct rcu_stall last_stall;
static u32 stalls;

static void on_stall(const struct rcu_stall *stall)
{
	last_stall = *stall;
	stalls++;
}

static void *leave_later(void *arg)
{
	sleep_ns(1300000000);
	rcu_read_unlock(arg);
	return NULL;
}

static void test_stall(void)
{
	struct test_seg ts;
	struct participant self, reader;
	pthread_t thread;

	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &self, ROLE_WORKER);
	CHECK_EQ(participant_join(&ts.seg, &reader, ROLE_CLIENT, "slowpoke-reader-x"), 0);
	vl_on_rcu_stall = on_stall;
	rcu_read_lock(&reader);
	CHECK(pthread_create(&thread, NULL, leave_later, &reader) == 0);
	synchronize_rcu(&self);
	CHECK(pthread_join(thread, NULL) == 0);
	CHECK_EQ(stalls, 1);
	CHECK_EQ(ts.seg.hdr->rcu.stalls, 1);
	CHECK_EQ(last_stall.pid, getpid());
	CHECK_EQ(last_stall.index, reader.index);
	CHECK(strcmp(last_stall.comm, "slowpoke-reader") == 0);
	vl_on_rcu_stall = NULL;
	participant_leave(&reader);
	participant_leave(&self);
	test_seg_close(&ts);
}

static bool all_live(void *arg, vl_ref ref)
{
	(void)arg;
	(void)ref;
	return true;
}

/* A killed reader is skipped; a killed retirer's ring is adopted; nothing is lost. */
static void test_dead(void)
{
	struct test_seg ts;
	struct participant self;
	struct slab_numbers n;
	struct dead_set dead;
	u32 stuck;
	pid_t pid;

	if (TEST_SANITIZED)
		return; /* processes only */
	test_seg_open(&ts, 64ul << 20);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "ring", sizeof(struct object), 0, 0, 0),
		 0);
	test_join(&ts, &self, ROLE_SUPERVISOR);
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct participant mine;

		test_seg_remap(&ts);
		test_join(&ts, &mine, ROLE_WORKER);
		core_enter(&mine);
		for (u32 i = 0; i < 1000; i++)
			retire_one(&mine);
		rcu_read_lock(&mine);
		store_release_u32(&shared_of(&ts.seg)->mode, 1);
		for (;;)
			sleep_ns(NSEC_PER_SEC);
	}
	while (load_acquire_u32(&shared_of(&ts.seg)->mode) != 1)
		sleep_ns(1000000);
	test_kill(pid);
	synchronize_rcu(&self); /* skips the dead reader */
	CHECK_EQ(world_stop(&self, NSEC_PER_SEC, &stuck), 0);
	find_dead(&ts.seg, &dead);
	CHECK(dead_set_has(&dead, 1));
	rcu_repair(&ts.seg, &dead);
	CHECK(rcu_adopt(&self, 1));
	CHECK_EQ(ts.seg.slots[1].rcu, 0);
	CHECK_EQ(ring_entries(&self), 1000);
	CHECK_EQ(kmem_cache_sweep(&ts.seg, CACHE_TEST0, &dead, all_live, NULL), 0);
	CHECK(participant_bury(&ts.seg, 1));
	world_start(&self);
	rcu_barrier(&self);
	kmem_cache_numbers(&ts.seg, CACHE_TEST0, &n);
	CHECK(n.active_objs < MAGAZINE_SIZE); /* what was in the dead one's magazine */
	CHECK_EQ(n.frees, 1000);
	participant_leave(&self);
	test_seg_close(&ts);
}

int main(int argc, char **argv)
{
	bool good;

	if (argc > 1 && strcmp(argv[1], "moving") == 0)
		return test_barrier_after_moving();
	test_begin(argc, argv);
	alarm(TEST_HANG_S);
	for (u32 i = 0; i < 3; i++)
		run_alone("moving");
	good = test_torture(RCU_MEMBARRIER, "membarrier");
	good &= test_torture(RCU_FENCED, "fenced");
	if (!good)
		return 1;
	test_barrier(RCU_MEMBARRIER, "membarrier");
	test_barrier(RCU_FENCED, "fenced");
	test_ring(RCU_MEMBARRIER, "membarrier");
	test_ring(RCU_FENCED, "fenced");
	test_poll();
	test_full_ring();
	test_stall();
	test_dead();
	return 0;
}
