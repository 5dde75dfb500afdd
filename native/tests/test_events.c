/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_events.c: the ring of events.
 *
 * Goal: a ring holds the newest EVENTS_EACH records, in order; a copy that is made while its owner
 * writes has no record with words of two; a ring outlives its owner, killed in the middle, and the
 * next owner goes on in it; waits for a lock are noted and summed, with who let go; nothing is kept
 * where the instance keeps nothing.
 * Method: records whose words are all computed from their number, so that a torn one shows; owners
 * that are threads, or processes that are killed; a rwsem and a mutex that are waited for.
 * Reading a failure: "torn" = a word of another record. A number out of order = a record lost or
 * shown twice.
 */
#include "testseg.h"
#include "vmalab/events.h"

#define MIX(n) ((n) * 0x9e3779b97f4a7c15ull)

struct shared {
	struct rw_semaphore sem __cacheline_aligned;
	struct vl_mutex mutex __cacheline_aligned;
	u32 stop;
	u32 held;
};

static struct shared *shared_of(struct test_seg *ts)
{
	return (struct shared *)ALIGN_UP((u64)test_shared(ts), CACHE_LINE);
}

static void note_number(struct participant *self, u64 n)
{
	event_note(self, EVENT_FAULT, (u32)n & 0xff, MIX(n), ~MIX(n));
}

/* Each record is one of note_number, and its words belong together: how many there are. */
static u32 look(const struct vl_seg *seg, u32 index)
{
	struct vl_event events[EVENTS_EACH];
	u32 count = events_copy(seg, index, events), numbered = 0;

	for (u32 i = 0; i < count; i++) {
		const struct vl_event *e = &events[i];

		if (i > 0) {
			CHECK_EQ(e->number, (u32)(events[i - 1].number + 1));
			CHECK(e->time_ns >= events[i - 1].time_ns);
		}
		if (e->kind != EVENT_FAULT)
			continue;
		numbered++;
		/* Number 0 is that of EVENT_JOIN. */
		CHECK_EQ(e->object, MIX((u64)e->number)); /* torn */
		CHECK_EQ(e->value, ~MIX((u64)e->number)); /* torn */
		CHECK_EQ(e->what, e->number & 0xff);      /* torn */
	}
	return numbered;
}

static void test_order(void)
{
	struct test_seg ts;
	struct participant p;
	struct vl_event events[EVENTS_EACH];

	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &p, ROLE_WORKER);
	CHECK_EQ(events_copy(&ts.seg, p.index, events), 1);
	CHECK_EQ(events[0].kind, EVENT_JOIN);
	CHECK_EQ(events[0].value, getpid());
	for (u64 n = 1; n < 3 * EVENTS_EACH; n++) {
		u64 kept = n < EVENTS_EACH - 1 ? n : EVENTS_EACH - 1;

		note_number(&p, n);
		CHECK_EQ(look(&ts.seg, p.index), kept); /* the oldest place may be being written */
	}
	participant_leave(&p);
	/* The next one goes on in it. */
	test_join(&ts, &p, ROLE_WORKER);
	CHECK_EQ(events_copy(&ts.seg, p.index, events), EVENTS_EACH - 1);
	CHECK_EQ(events[EVENTS_EACH - 3].kind, EVENT_LEAVE);
	CHECK_EQ(events[EVENTS_EACH - 2].kind, EVENT_JOIN);
	participant_leave(&p);
	test_seg_close(&ts);
}

/* --- copies while the owner writes --- */

static void write_all(struct test_actor *a)
{
	struct shared *s = shared_of(a->ts);

	/* The first record of the slot is EVENT_JOIN, so n is the number of the record. */
	for (u64 n = 1; !load_relaxed_u32(&s->stop); n++)
		note_number(&a->self, n);
}

static void test_torn(void)
{
	struct test_actor writer = {.number = 0, .run = write_all};
	struct test_seg ts;
	u64 seen = 0;

	test_seg_open(&ts, 64ul << 20);
	writer.ts = &ts;
	test_actor_start(&writer, TEST_PROCESSES);
	test_time_share(0.2);
	while (!test_time_over() || seen < 1000)
		seen += look(&ts.seg, 0);
	store_relaxed_u32(&shared_of(&ts)->stop, 1);
	test_actor_join(&writer);
	test_seg_close(&ts);
}

/* --- death --- */

static void test_death(void)
{
	struct test_seg ts;
	struct participant p;
	u32 before;
	pid_t pid;

	if (!TEST_PROCESSES)
		return;
	test_seg_open(&ts, 64ul << 20);
	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		struct test_seg mine = ts;

		test_end_with_parent();
		test_seg_remap(&mine);
		test_join(&mine, &p, ROLE_WORKER);
		for (u64 n = 1;; n++)
			note_number(&p, n);
	}
	while (look(&ts.seg, 0) < EVENTS_EACH - 1)
		sched_yield();
	test_kill(pid);
	before = look(&ts.seg, 0);
	CHECK(before >= 100);
	CHECK(participant_dead(&ts.seg, 0));
	CHECK(participant_bury(&ts.seg, 0));
	CHECK_EQ(look(&ts.seg, 0), before); /* recovery leaves it */
	test_seg_close(&ts);
}

/* --- waiting --- */

static void wait_for_both(struct test_actor *a)
{
	struct shared *s = shared_of(a->ts);

	core_enter(&a->self);
	down_read(&a->self, &s->sem, HOLD_MMAP);
	up_read(&a->self, &s->sem, HOLD_MMAP);
	(void)mutex_lock(&a->self, &s->mutex);
	mutex_unlock(&a->self, &s->mutex);
	core_exit(&a->self);
}

/* The newest record of that kind, or NULL. */
static const struct vl_event *find(const struct vl_event *events, u32 count, u32 kind, u32 what)
{
	while (count-- > 0)
		if (events[count].kind == kind && events[count].what == what)
			return &events[count];
	return NULL;
}

static void test_waits(void)
{
	const enum event_lock read = EVENT_LOCK_MMAP_READ, mutex = EVENT_LOCK_TABLES;
	struct test_actor waiter = {.number = 1, .run = wait_for_both};
	struct vl_event events[EVENTS_EACH], woke[EVENTS_EACH];
	const struct vl_event *begun, *ended, *gave;
	const struct event_ring *ring;
	struct test_seg ts;
	struct participant p;
	struct shared *s;
	u32 count;

	test_seg_open(&ts, 64ul << 20);
	waiter.ts = &ts;
	test_join(&ts, &p, ROLE_WORKER);
	s = shared_of(&ts);
	init_rwsem(&s->sem);
	core_enter(&p);
	down_write(&p, &s->sem, HOLD_MMAP);
	(void)mutex_lock(&p, &s->mutex);
	CHECK_EQ(event_ring_of(&ts.seg, p.index)->waits[EVENT_LOCK_MMAP_WRITE].count, 0);
	test_actor_start(&waiter, TEST_PROCESSES);
	ring = event_ring_of(&ts.seg, 1);
	while (load_relaxed_u64(&ring->wait_ns) == 0 || !(load_relaxed_u64(&s->sem.count) & 2))
		sched_yield();
	CHECK(load_relaxed_u64(&ring->wait_ns) <= clock_ns());
	up_write(&p, &s->sem, HOLD_MMAP);
	while (!(load_relaxed_u32(&s->mutex.word) & VL_MUTEX_WAITERS))
		sched_yield();
	mutex_unlock(&p, &s->mutex);
	core_exit(&p);
	test_actor_join(&waiter);

	count = events_copy(&ts.seg, 1, events);
	begun = find(events, count, EVENT_WAIT, read);
	ended = find(events, count, EVENT_WAITED, read);
	CHECK(begun && ended);
	CHECK_EQ(begun->value, p.index + 1); /* who has it */
	CHECK_EQ(begun->object, REF(&p, &s->sem));
	CHECK_EQ(ended->object, REF(&p, &s->sem));
	CHECK_EQ(ended->value, ended->time_ns - begun->time_ns);
	CHECK_EQ(ring->waits[read].count, 1);
	CHECK_EQ(ring->waits[read].ns, ended->value);
	CHECK_EQ(ring->waits[read].longest_ns, ended->value);
	CHECK_EQ(ring->waits[mutex].count, 1);
	CHECK_EQ(ring->wait_ns, 0);
	count = events_copy(&ts.seg, p.index, woke);
	gave = find(woke, count, EVENT_WOKE, EVENT_LOCK_MMAP_WRITE);
	CHECK(gave && gave->object == begun->object);
	CHECK(gave->time_ns > begun->time_ns);
	gave = find(woke, count, EVENT_WOKE, mutex);
	CHECK(gave && gave->object == event_mutex_object(&p, &s->mutex));
	/* Each has a class, and two that share a reference are two. */
	CHECK_EQ(event_mutex(&p, &ts.seg.hdr->rcu.advance_lock), EVENT_LOCK_ADVANCE);
	CHECK(event_mutex_object(&p, &ts.seg.hdr->anon_locks[0]) !=
	      event_mutex_object(&p, &ts.seg.hdr->anon_locks[1]));
	participant_leave(&p);
	test_seg_close(&ts);
}

/* --- calls of a block --- */

/* A call right behind another one begins when that one ended, unless something came between. */
static void test_calls(void)
{
	struct vl_event e[EVENTS_EACH];
	struct participant p;
	struct test_seg ts;
	u64 n;

	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &p, ROLE_CLIENT);
	n = events_copy(&ts.seg, p.index, e);
	event_call_begin(&p, 1, 0, true); /* the first one follows nobody */
	event_call_end(&p, 1, 0);
	event_call_begin(&p, 1, 0, true);
	event_call_end(&p, 1, 0);
	note_number(&p, 7);
	event_call_begin(&p, 1, 0, true);
	event_call_end(&p, 1, 0);
	event_call_begin(&p, 1, 0, false);
	event_call_end(&p, 1, 0);
	CHECK_EQ(events_copy(&ts.seg, p.index, e), n + 9);
	CHECK_EQ(e[n].kind, EVENT_BEGIN);
	CHECK(e[n].time_ns > e[n - 1].time_ns);
	CHECK_EQ(e[n + 2].time_ns, e[n + 1].time_ns);
	CHECK(e[n + 3].time_ns > e[n + 2].time_ns);
	CHECK(e[n + 5].time_ns > e[n + 3].time_ns);
	CHECK(e[n + 7].time_ns > e[n + 6].time_ns);
	participant_leave(&p);
	test_seg_close(&ts);
}

/* --- instances that keep no events --- */

static void test_off(void)
{
	struct vl_config config = test_config(64ul << 20, RCU_AUTO);
	struct vl_event events[EVENTS_EACH];
	struct vl_config_fault fault;
	struct participant p;
	struct test_seg ts;

	config.sample_faults = 3;
	CHECK_EQ(seg_config_check(&config, &fault), VL_E_INVALID);
	CHECK_EQ(strcmp(fault.field, "sample_faults"), 0);
	test_seg_open(&ts, 64ul << 20);
	ts.seg.hdr->config.events_off = 1;
	test_join(&ts, &p, ROLE_WORKER);
	note_number(&p, 1);
	event_call_begin(&p, 1, 0, true);
	event_call_end(&p, 1, 0);
	CHECK_EQ(events_copy(&ts.seg, p.index, events), 0);
	participant_leave(&p);
	test_seg_close(&ts);
}

int main(int argc, char **argv)
{
	(void)test_begin(argc, argv);
	alarm(TEST_HANG_S);
	test_order();
	test_torn();
	test_death();
	test_waits();
	test_calls();
	test_off();
	return 0;
}
