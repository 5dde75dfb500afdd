/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_slab.c: kmem_cache and the page pool.
 *
 * Goal: the geometry is the kernel's; no object is ever in two hands; constructed state and exact
 * reuse counts; what a killed user leaves is found by rebuild and sweep; a typesafe slab page is
 * not reused while a reader is inside; running out of memory is NULL.
 * Method: geometry against figures known from the kernel; actors (threads or processes) that
 * stamp every object they hold with their name and check the stamp before they free it, sometimes
 * handing objects to each other; children killed at random instants, then a sweep that may only
 * find what is in the shared table of live objects, after which every object of the cache can be
 * allocated exactly once.
 * Reading a failure: "stamp" means that two holders had one object at a time; "allocated twice"
 * after a sweep means that a bitmap says free for something that is in use.
 */
#include "testseg.h"

#define CTOR_WORD 0xc7029c7029c70290ull
#define HELD_MAX  300
#define SHARE     0.67 /* of the time, for each setting */

static void ctor(void *object)
{
	((u64 *)object)[0] = CTOR_WORD;
}

static void test_geometry(void)
{
	static const struct {
		u32 bytes, align, flags, objs, order;
	} want[] = {
		{256, 0, SLAB_HWCACHE_ALIGN, 32, 1},
		{40, 8, 0, 102, 0},
		{160, 8, 0, 51, 1},
		{192, 0, SLAB_HWCACHE_ALIGN, 42, 1},
		{64, 0, 0, 64, 0},
		{40, 0, SLAB_HWCACHE_ALIGN, 64, 0},
		{256, 256, 0, 32, 1},
		{8, 8, 0, 128, 0},
		{24, 8, 0, 128, 0},
		{4096, 0, 0, 8, 3},
		{1024, 0, 0, 32, 3},
		{48, 16, 0, 85, 0},
	};

	for (u32 i = 0; i < ARRAY_SIZE(want); i++) {
		struct test_seg ts;
		const struct kmem_cache *c;

		test_seg_open(&ts, 64ul << 20);
		c = &ts.seg.hdr->caches[CACHE_TEST0];
		CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "geometry", want[i].bytes,
					   want[i].align, want[i].flags, 0),
			 0);
		CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "again", 64, 0, 0, 0),
			 VL_E_EXISTS);
		CHECK_EQ(c->order, want[i].order);
		CHECK_EQ(c->objs_per_slab, want[i].objs);
		test_seg_close(&ts);
	}
}

/* Every object of a packed cache has a reference of its own that leads back to it. */
static void test_packed_refs(void)
{
	struct test_seg ts;
	struct participant self;
	u8 *objects[204];
	vl_ref last = 0;

	test_seg_open(&ts, 64ul << 20);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "packed", 40, 8, 0, 0), 0);
	test_join(&ts, &self, ROLE_WORKER);
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++) {
		objects[i] = kmem_cache_alloc(&self, CACHE_TEST0);
		CHECK(objects[i] != NULL);
		CHECK(kmem_cache_owns(&ts.seg, CACHE_TEST0, REF(&self, objects[i])));
		CHECK(kmem_cache_object(&ts.seg, CACHE_TEST0, REF(&self, objects[i])) ==
		      objects[i]);
		CHECK(REF(&self, objects[i]) != last);
		last = REF(&self, objects[i]);
		memset(objects[i], 0x11, 40);
	}
	CHECK(!kmem_cache_owns(&ts.seg, CACHE_TEST0, last + 1));
	CHECK(!kmem_cache_owns(&ts.seg, CACHE_NODE, last));
	CHECK(!kmem_cache_owns(&ts.seg, CACHE_TEST0, 0));
	CHECK(!kmem_cache_owns(&ts.seg, CACHE_TEST0, UINT32_MAX));
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++)
		kmem_cache_free(&self, CACHE_TEST0, objects[i]);
	participant_leave(&self);
	test_seg_close(&ts);
}

/* Numbers, constructor once per slab, reuse counted exactly, empty slabs go back. */
static void test_life(void)
{
	struct test_seg ts;
	struct participant self;
	struct slab_numbers n;
	u64 *objects[500];

	test_seg_open(&ts, 64ul << 20);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "life", 256, 0, SLAB_HWCACHE_ALIGN, 1), 0);
	test_join(&ts, &self, ROLE_WORKER);
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++) {
		objects[i] = kmem_cache_alloc(&self, CACHE_TEST0);
		CHECK_EQ(objects[i][0], CTOR_WORD);
		CHECK_EQ((u64)objects[i] % 64, 0);
		objects[i][0] = i;
	}
	kmem_cache_numbers(&ts.seg, CACHE_TEST0, &n);
	CHECK_EQ(n.active_objs, 500);
	CHECK_EQ(n.num_slabs, 17); /* 20 refills of half a magazine */
	CHECK_EQ(n.num_objs, 17 * 32);
	CHECK_EQ(n.magazine_objs, 20 * (MAGAZINE_SIZE / 2) - 500);
	CHECK_EQ(n.allocs, 500);
	CHECK_EQ(n.reuses, 0);
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++)
		kmem_cache_free(&self, CACHE_TEST0, objects[i]);
	for (u32 i = 0; i < 10; i++) {
		objects[i] = kmem_cache_alloc(&self, CACHE_TEST0);
		CHECK(objects[i][0] != CTOR_WORD); /* reused: nothing runs again */
	}
	kmem_cache_numbers(&ts.seg, CACHE_TEST0, &n);
	CHECK_EQ(n.reuses, 10);
	CHECK_EQ(n.active_objs, 10);
	CHECK_EQ(n.frees, 500);
	CHECK(n.num_slabs <= SLAB_EMPTY_MIN + 4); /* the last 52 freed keep up to 4 */
	for (u32 i = 0; i < 10; i++)
		kmem_cache_free(&self, CACHE_TEST0, objects[i]);
	participant_leave(&self);
	kmem_cache_numbers(&ts.seg, CACHE_TEST0, &n);
	CHECK_EQ(n.num_slabs, 0);
	CHECK_EQ(n.allocs, 510); /* counters outlive their participant */
	CHECK_EQ(ts.seg.hdr->pages.pages_free, ts.seg.hdr->pages.pages_populated);
	test_seg_close(&ts);
}

struct kept {
	u32 a, b;
};

static bool is_kept(void *arg, u32 page)
{
	const struct kept *k = arg;

	return page == k->a || page == k->b;
}

/* A cache with a free pointer, and magazines of another size. */
struct setting {
	const char *name;
	struct kmem_cache_args args;
	u32 magazine, barn;
};

static void open_setting(struct test_seg *ts, const struct setting *s, u32 bytes)
{
	test_seg_open(ts, 64ul << 20);
	ts->seg.hdr->config.slab_magazine = s->magazine;
	ts->seg.hdr->config.slab_barn = s->barn;
	CHECK_EQ(kmem_cache_create_args(&ts->seg, CACHE_TEST0, s->name, bytes, &s->args), 0);
}

/* Behind the object the free pointer makes the slot larger, over it not; a constructor forbids
 * neither. One over half a word, or half outside, is refused. The sizes are those of caches with a
 * constructor in Linux 6.18 (object_size and slab_size in /sys/kernel/slab): sock_inode_cache,
 * sighand_cache, anon_vma, shmem_inode_cache; and a VMA with its lock inside. */
static void test_freeptr_geometry(void)
{
	static const struct {
		u32 bytes, align, flags, slot;
	} want[] = {
		{768, 0, SLAB_HWCACHE_ALIGN, 832},
		{2080, 0, SLAB_HWCACHE_ALIGN, 2112},
		{96, 8, 0, 104},
		{744, 8, 0, 752},
		{256, 0, SLAB_HWCACHE_ALIGN, 320},
	};
	struct setting s = {"freeptr", {.ctor = 1}, 0, 0};
	struct test_seg ts;

	for (u32 i = 0; i < ARRAY_SIZE(want); i++) {
		s.args.freeptr = SLAB_FREEPTR_OUTSIDE;
		s.args.align = want[i].align;
		s.args.flags = want[i].flags;
		open_setting(&ts, &s, want[i].bytes);
		CHECK_EQ(ts.seg.hdr->caches[CACHE_TEST0].slot_bytes, want[i].slot);
		CHECK_EQ(ts.seg.hdr->caches[CACHE_TEST0].freeptr, want[i].bytes / 8 + 1);
		test_seg_close(&ts);
	}
	s.args.freeptr = SLAB_FREEPTR_OVERLAID;
	s.args.freeptr_offset = 8;
	open_setting(&ts, &s, 256);
	CHECK_EQ(ts.seg.hdr->caches[CACHE_TEST0].slot_bytes, 256);
	for (u32 offset = 4; offset <= 252; offset += 248) { /* half a word; the last half */
		s.args.freeptr_offset = offset;
		CHECK_EQ(kmem_cache_create_args(&ts.seg, CACHE_TEST1, "wrong", 256, &s.args),
			 VL_E_INVALID);
	}
	test_seg_close(&ts);
}

/* Ends by a signal if the next allocation finds its free pointer wrong. */
static bool allocation_breaks(struct participant *self)
{
	int status;
	pid_t pid;

	fflush(NULL);
	pid = fork();
	CHECK(pid >= 0);
	if (pid == 0) {
		if (!freopen("/dev/null", "w", stderr))
			_exit(2);
		kmem_cache_free(self, CACHE_TEST0, kmem_cache_alloc(self, CACHE_TEST0));
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status);
}

/* Every free object outside of a slab names the one below it, through refills, flushes and the
 * barn; a store to a free object is found, by the walker and by the allocation. */
static void test_freeptr_chain(void)
{
	static const struct setting s = {
		"chain",
		{.align = 8, .freeptr = SLAB_FREEPTR_OVERLAID, .freeptr_offset = 16},
		8,
		1};
	struct test_seg ts;
	struct participant self;
	struct magazine *m;
	u64 *objects[64];
	bool broken;

	open_setting(&ts, &s, 40);
	test_join(&ts, &self, ROLE_WORKER);
	m = &self.area->magazines[CACHE_TEST0];
	CHECK_EQ(self.magazine_limit, 8);
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++)
		objects[i] = kmem_cache_alloc(&self, CACHE_TEST0);
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++) {
		kmem_cache_free(&self, CACHE_TEST0, objects[i]);
		CHECK_EQ(kmem_magazine_broken_at(&ts.seg, CACHE_TEST0, m), 0);
	}
	CHECK_EQ(kmem_barn_objs(&ts.seg, CACHE_TEST0), BARN_MAX * 4);
	for (u32 i = 0; i < BARN_MAX * 4; i++) {
		(void)kmem_barn_object(&ts.seg, CACHE_TEST0, i, &broken);
		CHECK(!broken);
	}
	if (!TEST_SANITIZED)
		CHECK(!allocation_breaks(&self));
	objects[63][2]++; /* the last one that was freed */
	CHECK_EQ(kmem_magazine_broken_at(&ts.seg, CACHE_TEST0, m), REF(&self, objects[63]));
	if (!TEST_SANITIZED)
		CHECK(allocation_breaks(&self));
	objects[63][2]--;
	participant_leave(&self);
	CHECK_EQ(ts.seg.hdr->caches[CACHE_TEST0].barn_full, 0);
	test_seg_close(&ts);
}

/* What one frees in whole sheaves another one gets, without a look at the slabs; who leaves gives
 * the barn back. */
static void test_barn(void)
{
	static const struct setting s = {"barn", {.flags = SLAB_TYPESAFE_BY_RCU}, 64, 1};
	struct test_seg ts;
	struct participant giver, taker;
	void *objects[384];
	const struct kmem_cache *c;

	open_setting(&ts, &s, 64);
	test_join(&ts, &giver, ROLE_WORKER);
	test_join(&ts, &taker, ROLE_WORKER);
	c = &ts.seg.hdr->caches[CACHE_TEST0];
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++)
		objects[i] = kmem_cache_alloc(&giver, CACHE_TEST0);
	CHECK_EQ(c->slabs, 6);
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++)
		kmem_cache_free(&giver, CACHE_TEST0, objects[i]);
	CHECK_EQ(c->barn_full, 10); /* and two sheaves in the magazine */
	CHECK_EQ(giver.area->magazines[CACHE_TEST0].count, 64);
	for (u32 i = 0; i < 320; i++)
		objects[i] = kmem_cache_alloc(&taker, CACHE_TEST0);
	CHECK_EQ(c->barn_full, 0);
	CHECK_EQ(c->slabs, 6);
	CHECK_EQ(taker.area->magazines[CACHE_TEST0].firsts, 0);
	for (u32 i = 0; i < 320; i++)
		kmem_cache_free(&taker, CACHE_TEST0, objects[i]);
	CHECK_EQ(c->barn_full, 8);
	participant_leave(&taker);
	participant_leave(&giver);
	CHECK_EQ(c->barn_full, 0);
	CHECK_EQ(c->slabs, 0);
	CHECK_EQ(ts.seg.hdr->pages.pages_free, ts.seg.hdr->pages.pages_populated);
	test_seg_close(&ts);
}

static void test_exhaustion(void)
{
	struct test_seg ts;
	struct participant self;
	struct vl_config config = test_config(8ul << 20, RCU_AUTO);
	u32 got = 0, order = 0;
	void *first = NULL, *object;

	config.participants_max = 4;
	config.frames_max = 4096;
	ts.fd = memfd_create("small", MFD_CLOEXEC);
	CHECK_EQ(seg_format(&ts.seg, ts.fd, "small", &config, TEST_FINGERPRINT, "test", "test"), 0);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "big", 4096, 0, SLAB_TYPESAFE_BY_RCU, 0),
		 0);
	test_join(&ts, &self, ROLE_WORKER);
	while ((object = kmem_cache_alloc(&self, CACHE_TEST0))) {
		*(void **)object = first;
		first = object;
		got++;
	}
	CHECK(got + 8 > ts.seg.hdr->pages.pages_total - 8);
	while (page_alloc(&self, order, PAGE_TABLE, 1) != UINT32_MAX)
		got++;
	CHECK_EQ(got, ts.seg.hdr->pages.pages_total);
	for (; first; first = object) {
		object = *(void **)first;
		kmem_cache_free(&self, CACHE_TEST0, first);
	}
	CHECK(kmem_cache_alloc(&self, CACHE_TEST0) != NULL);
	test_seg_close(&ts);
}

/* Every state of pages that a kill inside the pool can leave is found, and nothing else is freed.
 */
static void test_page_sweep(void)
{
	struct test_seg ts;
	struct participant self;
	struct page_desc *d;
	u32 run, keep, table, stuck;
	const struct dead_set none = {.count = 0};

	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &self, ROLE_WORKER);
	d = ts.seg.page_descs;
	keep = page_alloc(&self, 2, PAGE_TABLE, 1);
	table = page_alloc(&self, 0, PAGE_TABLE, 1);
	CHECK_EQ(page_alloc(&self, 3, PAGE_TAKEN, 1) % 8, 0); /* killed before it was used */
	run = page_alloc(&self, 3, PAGE_TAKEN, 1);            /* killed while it was freed ... */
	d[run].kind = PAGE_FREE;
	d[run].order = 0;
	d[run].kind = PAGE_TABLE;                  /* ... and another took its head */
	run = page_alloc(&self, 1, PAGE_TAKEN, 1); /* killed while it was taken: tail first */
	d[run].kind = PAGE_FREE;
	d[page_alloc(&self, 0, PAGE_TABLE, 1)].kind = PAGE_CACHED;  /* in nobody's magazine */
	d[page_alloc(&self, 1, PAGE_TAKEN, 1)].kind = PAGE_RETIRED; /* in no ring */
	CHECK_EQ(world_stop(&self, NSEC_PER_SEC, &stuck), 0);
	/* a run of 8, seven tails, a tail, a cached page, a retired run; the table that took a head
	 */
	CHECK_EQ(page_pool_sweep(&self, &none, is_kept, &(struct kept){keep, table}),
		 1 + 7 + 1 + 1 + 1 + 1);
	CHECK_EQ(page_pool_sweep(&self, &none, is_kept, &(struct kept){keep, table}), 0);
	world_start(&self);
	rcu_barrier(&self);
	page_free(&self, keep);
	page_free(&self, table);
	participant_leave(&self);
	CHECK_EQ(ts.seg.hdr->pages.pages_free, ts.seg.hdr->pages.pages_populated);
	test_seg_close(&ts);
}

/* Stale readers of typesafe objects: the page keeps its type while a section lasts. */
static void test_typesafe_page(void)
{
	struct test_seg ts;
	struct participant user, reader;
	void *objects[400];
	u32 page = UINT32_MAX, gone;

	test_seg_open(&ts, 64ul << 20);
	CHECK_EQ(kmem_cache_create(&ts.seg, CACHE_TEST0, "typesafe", 256, 0, SLAB_TYPESAFE_BY_RCU,
				   1),
		 0);
	test_join(&ts, &user, ROLE_WORKER);
	test_join(&ts, &reader, ROLE_WORKER);
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++)
		objects[i] = kmem_cache_alloc(&user, CACHE_TEST0);
	rcu_read_lock(&reader);
	gone = slabs_gone(&reader);
	for (u32 i = 0; i < ARRAY_SIZE(objects); i++)
		kmem_cache_free(&user, CACHE_TEST0, objects[i]);
	kmem_cache_flush(&user, CACHE_TEST0);
	CHECK(slabs_gone(&reader) > gone); /* told before any page is another thing */
	for (u32 i = 0; i < 50; i++) {
		rcu_advance(&user);
		rcu_poll(&user);
	}
	for (u32 i = 0; i < ts.seg.hdr->pages.pages_populated && page == UINT32_MAX; i++)
		page = ts.seg.page_descs[i].kind == PAGE_RETIRED ? i : UINT32_MAX;
	CHECK(page != UINT32_MAX); /* empty, and kept for the reader */
	CHECK(user.area->retire_tail != user.area->retire_head);
	rcu_read_unlock(&reader);
	rcu_barrier(&user);
	CHECK(ts.seg.page_descs[page].kind == PAGE_FREE);
	participant_leave(&reader);
	participant_leave(&user);
	test_seg_close(&ts);
}

/* --- never in two hands --- */

struct object {
	u64 owner; /* 0 while free */
	u64 serial;
	u8 rest[112];
};

static void hands_run(struct test_actor *a)
{
	struct object *held[HELD_MAX];
	u64 name = a->number + 1, serials[HELD_MAX], serial = 0;
	u32 n = 0;

	while (!test_time_over()) {
		u64 r = test_random(&a->rng);

		core_enter(&a->self);
		for (u32 k = 0; k < 50; k++, r = test_random(&a->rng)) {
			if (r % HELD_MAX >= n && n < HELD_MAX) {
				struct object *o = kmem_cache_alloc(&a->self, CACHE_TEST0);

				CHECK(o != NULL);
				CHECK_EQ(load_relaxed_u64(&o->owner), 0); /* stamp */
				store_relaxed_u64(&o->owner, name);
				o->serial = serials[n] = ++serial;
				held[n++] = o;
			} else if (n) {
				u32 i = (u32)(r >> 32) % n;

				CHECK_EQ(load_relaxed_u64(&held[i]->owner), name); /* stamp */
				CHECK_EQ(held[i]->serial, serials[i]);
				store_relaxed_u64(&held[i]->owner, 0);
				kmem_cache_free(&a->self, CACHE_TEST0, held[i]);
				held[i] = held[--n];
				serials[i] = serials[n];
			}
		}
		if (r % 64 == 0)
			kmem_cache_flush(&a->self, CACHE_TEST0);
		rcu_poll(&a->self);
		core_exit(&a->self);
	}
	while (n) {
		store_relaxed_u64(&held[--n]->owner, 0);
		kmem_cache_free(&a->self, CACHE_TEST0, held[n]);
	}
}

static void object_ctor(void *object)
{
	((struct object *)object)->owner = 0;
}

static void test_hands(const struct setting *s)
{
	struct test_seg ts;
	struct slab_numbers n;

	open_setting(&ts, s, sizeof(struct object));
	test_time_share(SHARE);
	test_actors(&ts, 4, TEST_PROCESSES, hands_run);
	kmem_cache_numbers(&ts.seg, CACHE_TEST0, &n);
	printf("hands, %s: %lu allocs, %lu reuses, %lu slabs made\n", s->name, n.allocs, n.reuses,
	       ts.seg.hdr->caches[CACHE_TEST0].slabs_made);
	CHECK_EQ(n.allocs, n.frees);
	CHECK_EQ(n.num_slabs, 0);
	CHECK_EQ(ts.seg.hdr->pages.pages_free, ts.seg.hdr->pages.pages_populated);
	test_seg_close(&ts);
}

/* --- kill, rebuild, sweep --- */

#define LIVE_MAX 400
struct live_table {
	u32 ready;
	vl_ref refs[LIVE_MAX]; /* objects that the survivor holds */
};

static bool is_live(void *arg, vl_ref ref)
{
	const struct live_table *t = arg;

	for (u32 i = 0; i < LIVE_MAX; i++) {
		if (t->refs[i] == ref)
			return true;
	}
	return false;
}

static bool no_table(void *arg, u32 page)
{
	(void)arg;
	(void)page;
	return false;
}

static void victim(struct test_seg *ts, u64 seed)
{
	struct participant self;
	void *held[200];
	u32 n = 0;

	test_seg_remap(ts);
	test_join(ts, &self, ROLE_WORKER);
	for (;;) {
		u64 r = test_random(&seed);

		core_enter(&self);
		if (r % 200 >= n && n < 200)
			held[n++] = kmem_cache_alloc(&self, CACHE_TEST0);
		else
			kmem_cache_free(&self, CACHE_TEST0, held[--n]);
		if (r % 97 == 0)
			kmem_cache_flush(&self, CACHE_TEST0);
		rcu_poll(&self);
		core_exit(&self);
	}
}

/* Everything that is free can be had exactly once, and nothing that is live. */
static void check_all_once(struct participant *self, struct live_table *t)
{
	struct slab_numbers n;
	u64 slabs;
	u32 got = 0;
	void **objects = calloc(1 << 16, sizeof(*objects));

	kmem_cache_numbers(self->seg, CACHE_TEST0, &n);
	slabs = n.num_slabs;
	CHECK_EQ(n.active_objs, LIVE_MAX);
	while (n.num_slabs == slabs && got < 1 << 16) {
		void *o = objects[got++] = kmem_cache_alloc(self, CACHE_TEST0);

		CHECK(o && !is_live(t, REF(self, o))); /* allocated twice */
		CHECK(*(u64 *)o != 0xa110c);           /* allocated twice */
		*(u64 *)o = 0xa110c;
		kmem_cache_numbers(self->seg, CACHE_TEST0, &n);
	}
	CHECK(got + LIVE_MAX + MAGAZINE_MAX >
	      slabs * self->seg->hdr->caches[CACHE_TEST0].objs_per_slab);
	for (u32 i = 0; i < got; i++) {
		*(u64 *)objects[i] = 0;
		kmem_cache_free(self, CACHE_TEST0, objects[i]);
	}
	free(objects);
}

static void kill_round(struct test_seg *ts, struct participant *self, struct live_table *t,
		       u64 *rng)
{
	struct dead_set dead;
	pid_t pids[3];
	u32 stuck;

	fflush(NULL);
	for (u32 i = 0; i < ARRAY_SIZE(pids); i++) {
		u64 seed = test_random(rng);

		pids[i] = fork();
		CHECK(pids[i] >= 0);
		if (pids[i] == 0)
			victim(ts, seed);
	}
	sleep_ns(2000000 + test_random(rng) % 8000000);
	for (u32 i = 0; i < ARRAY_SIZE(pids); i++)
		test_kill(pids[i]);
	CHECK_EQ(world_stop(self, NSEC_PER_SEC, &stuck), 0);
	find_dead(&ts->seg, &dead);
	mutex_repair(&ts->seg, &ts->seg.hdr->caches[CACHE_TEST0].lock, &dead);
	mutex_repair(&ts->seg, &ts->seg.hdr->pages.lock, &dead);
	rcu_repair(&ts->seg, &dead);
	for (u32 i = 0; i < ts->seg.hdr->slots_high; i++) {
		if (dead_set_has(&dead, i))
			CHECK(rcu_adopt(self, i));
	}
	CHECK(kmem_cache_sweep(&ts->seg, CACHE_TEST0, &dead, is_live, t) >= 0);
	CHECK(page_pool_sweep(self, &dead, no_table, NULL) >= 0);
	for (u32 i = 0; i < ts->seg.hdr->slots_high; i++) {
		if (dead_set_has(&dead, i))
			CHECK(participant_bury(&ts->seg, i));
	}
	find_dead(&ts->seg, &dead);
	CHECK_EQ(dead.count, 0);
	/* nothing left to find */
	CHECK_EQ(kmem_cache_sweep(&ts->seg, CACHE_TEST0, &dead, is_live, t), 0);
	world_start(self);
}

static void test_kill_and_sweep(u64 seed, const struct setting *s)
{
	struct test_seg ts;
	struct participant self;
	struct live_table *t;
	u64 rng = seed, rounds = 0;

	if (TEST_SANITIZED)
		return; /* processes only */
	open_setting(&ts, s, 256);
	test_join(&ts, &self, ROLE_WORKER);
	t = test_shared(&ts);
	for (u32 i = 0; i < LIVE_MAX; i++)
		t->refs[i] = REF(&self, kmem_cache_alloc(&self, CACHE_TEST0));
	for (test_time_share(SHARE); !test_time_over(); rounds++) {
		kill_round(&ts, &self, t, &rng);
		check_all_once(&self, t);
	}
	for (u32 i = 0; i < LIVE_MAX; i++)
		kmem_cache_free(&self, CACHE_TEST0, PTR(&self, t->refs[i]));
	participant_leave(&self);
	CHECK_EQ(ts.seg.hdr->pages.pages_free, ts.seg.hdr->pages.pages_populated); /* none lost */
	printf("kill and sweep, %s: %lu rounds of 3 kills\n", s->name, rounds);
	test_seg_close(&ts);
}

static const struct setting hands[] = {
	{"plain", {.ctor = 2}, 0, 0},
	{"typesafe", {.flags = SLAB_TYPESAFE_BY_RCU, .ctor = 2}, 0, 0},
	{"overlaid, sheaves",
	 {.flags = SLAB_TYPESAFE_BY_RCU,
	  .ctor = 2,
	  .freeptr = SLAB_FREEPTR_OVERLAID,
	  .freeptr_offset = 16},
	 64,
	 1},
};
static const struct setting kills[] = {
	{"plain", {0}, 0, 0},
	{"typesafe", {.flags = SLAB_TYPESAFE_BY_RCU}, 0, 0},
	{"outside, small sheaves",
	 {.flags = SLAB_TYPESAFE_BY_RCU, .freeptr = SLAB_FREEPTR_OUTSIDE},
	 16,
	 1},
};

int main(int argc, char **argv)
{
	u64 seed = test_begin(argc, argv);

	kmem_ctor_register(1, ctor);
	kmem_ctor_register(2, object_ctor);
	test_geometry();
	test_packed_refs();
	test_life();
	test_exhaustion();
	test_page_sweep();
	test_typesafe_page();
	test_freeptr_geometry();
	test_freeptr_chain();
	test_barn();
	for (u32 i = 0; i < ARRAY_SIZE(hands); i++)
		test_hands(&hands[i]);
	for (u32 i = 0; i < ARRAY_SIZE(kills); i++)
		test_kill_and_sweep(seed + i, &kills[i]);
	return 0;
}
