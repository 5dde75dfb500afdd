/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_pgtable.c: page tables: levels, walks, freeing between neighbours, many hands at once.
 *
 * Goal: an address has one leaf entry, whoever made the levels; a walk meets what is there, in
 * order; tables are freed exactly when no mapping needs them; a walk without locks can tell
 * whether what it found is still of the hierarchy (PGT-2).
 * Method: unit cases; random mappings and unmappings over three levels, after each of which every
 * table that exists must overlap a mapping and every entry must be where it was; then actors that
 * set and clear entries of their own in shared tables, while regions are zapped and their
 * tables freed with the region locked.
 * Reading a failure: "lost" means that an entry that was set is gone: two tables for one range, or
 * one freed too early.
 */
#include "testseg.h"
#include "vmalab/pgtable.h"

#define GIB   (1ul << 30)
#define MIB   (1ul << 20)
#define OWNER 3u

static struct test_seg ts;
static struct participant self;
static struct pgd *pgd;

/* --- counting tables --- */

static u32 table_count;

static void count_table(void *arg, u32 page)
{
	(void)arg;
	CHECK_EQ(ts.seg.page_descs[page].owner, OWNER);
	table_count++;
}

static u32 entry_count;

static void count_entry(void *arg, pte_t *pte, u64 addr)
{
	(void)arg;
	CHECK(*pte == pte_make((u32)(addr >> PAGE_SHIFT), 0));
	entry_count++;
}

static void check_counts(u32 tables, u32 entries)
{
	const char *wrong;

	table_count = entry_count = 0;
	wrong = pgd_check(&ts.seg, pgd, count_table, count_entry, NULL);
	if (wrong)
		fprintf(stderr, "%s\n", wrong);
	CHECK(!wrong);
	CHECK_EQ(table_count, tables);
	CHECK_EQ(pgd->tables, tables);
	CHECK_EQ(entry_count, entries);
}

static u32 pages_of_kind(u8 kind)
{
	u32 count = 0;

	for (u32 i = 0; i < ts.seg.hdr->pages.pages_populated; i++)
		count += ts.seg.page_descs[i].kind == kind;
	return count;
}

static void set(u64 addr)
{
	pte_t *pte = pte_alloc(&self, pgd, OWNER, addr);

	CHECK(pte && *pte == 0);
	*pte = pte_make((u32)(addr >> PAGE_SHIFT), 0);
	CHECK(pte_lookup(&ts.seg, pgd, addr) == pte);
	CHECK(pte_lookup(&ts.seg, pgd, addr | 0xfff) == pte);
}

static int zap_one(struct participant *p, pte_t *pte, u64 addr, void *arg)
{
	(void)p, (void)addr, (void)arg;
	store_relaxed_u64(pte, 0);
	return 0;
}

static void zap(u64 start, u64 end)
{
	CHECK_EQ(pte_walk(&self, pgd, start, end, zap_one, NULL), 0);
}

/* --- cases --- */

static void levels(void)
{
	const u64 top = (1ul << PGTABLE_BITS) - PAGE_SIZE;

	CHECK(!pte_lookup(&ts.seg, pgd, 0));
	check_counts(0, 0);
	set(0);
	check_counts(4, 1);
	set(PAGE_SIZE);
	CHECK(pte_lookup(&ts.seg, pgd, 0) + 1 == pte_lookup(&ts.seg, pgd, PAGE_SIZE));
	set(2 * MIB - PAGE_SIZE);
	check_counts(4, 3);
	CHECK(!pte_lookup(&ts.seg, pgd, 2 * MIB));
	set(2 * MIB);
	check_counts(5, 4);
	set(GIB);
	check_counts(7, 5);
	set(512 * GIB);
	check_counts(10, 6);
	set(top);
	check_counts(13, 7);
	CHECK(!pte_lookup(&ts.seg, pgd, top + PAGE_SIZE));
	CHECK(!pte_lookup(&ts.seg, pgd, UINT64_MAX));
	CHECK(!pte_alloc(&self, pgd, OWNER, top + PAGE_SIZE));
	CHECK(!pte_alloc(&self, pgd, OWNER, UINT64_MAX));
	zap(0, UINT64_MAX);
	check_counts(13, 0);
	pgd_destroy(&self, pgd, false);
	check_counts(0, 0);
	rcu_barrier(&self);
	CHECK_EQ(pages_of_kind(PAGE_TABLE), 0);
}

struct met {
	u64 addr[8];
	u32 count;
	u32 stop_at;
};

static int meet(struct participant *p, pte_t *pte, u64 addr, void *arg)
{
	struct met *m = arg;

	(void)p;
	CHECK(*pte == pte_make((u32)(addr >> PAGE_SHIFT), 0));
	CHECK(m->count < ARRAY_SIZE(m->addr));
	m->addr[m->count++] = addr;
	return m->count == m->stop_at ? 77 : 0;
}

static void walk(u64 start, u64 end, u32 want, u64 first, u64 last)
{
	struct met m = {.count = 0};

	CHECK_EQ(pte_walk(&self, pgd, start, end, meet, &m), 0);
	CHECK_EQ(m.count, want);
	if (want > 0) {
		CHECK_EQ(m.addr[0], first);
		CHECK_EQ(m.addr[want - 1], last);
	}
	for (u32 i = 1; i < m.count; i++)
		CHECK(m.addr[i - 1] < m.addr[i]);
}

static void walks(void)
{
	const u64 a = 5 * GIB - PAGE_SIZE, b = 5 * GIB, c = 5 * GIB + 7 * MIB, d = 100000 * GIB;
	struct met m = {.stop_at = 2};

	walk(0, UINT64_MAX, 0, 0, 0);
	set(a), set(b), set(c), set(d);
	walk(0, UINT64_MAX, 4, a, d);
	walk(a, d + 1, 4, a, d);
	walk(a, d, 3, a, c);
	walk(b, c, 1, b, b);
	walk(b + 1, c, 1, b, b); /* a page that is cut is met */
	walk(b + PAGE_SIZE, c, 0, 0, 0);
	walk(c, c + 1, 1, c, c);
	walk(c, c, 0, 0, 0);
	CHECK_EQ(pte_walk(&self, pgd, 0, UINT64_MAX, meet, &m), 77);
	CHECK_EQ(m.count, 2);
	zap(0, UINT64_MAX);
	pgd_destroy(&self, pgd, false);
	rcu_barrier(&self);
	CHECK_EQ(pages_of_kind(PAGE_TABLE), 0);
}

static void free_case(u64 start, u64 end, u64 floor, u64 ceiling, u32 left)
{
	set(start);
	if (end - start > PAGE_SIZE)
		set(end - PAGE_SIZE);
	zap(start, end);
	free_pgtables(&self, pgd, start, end, floor, ceiling, false);
	check_counts(left, 0);
	pgd_destroy(&self, pgd, false);
	check_counts(0, 0);
	rcu_barrier(&self);
}

/* Which of the tables go, by where the neighbours are. The top table stays. */
static void freeing(void)
{
	const u64 a = 3 * GIB + 4 * MIB; /* on the edge of a leaf table's range */
	const u64 page = a + PAGE_SIZE;

	free_case(page, page + PAGE_SIZE, 0, 0, 1);                 /* no neighbours */
	free_case(page, page + PAGE_SIZE, page, 0, 4);              /* one just before */
	free_case(page, page + PAGE_SIZE, 0, page + PAGE_SIZE, 4);  /* one just after */
	free_case(page, page + PAGE_SIZE, a, a + 2 * MIB, 3);       /* they share level 1 */
	free_case(page, page + PAGE_SIZE, a, 0, 3);                 /* one shares level 1 */
	free_case(page, page + PAGE_SIZE, 3 * GIB, a + 2 * MIB, 3); /* the other does */
	free_case(page, page + PAGE_SIZE, 3 * GIB, 4 * GIB, 2);     /* they share level 2 */
	free_case(page, page + PAGE_SIZE, GIB, 0, 2);
	free_case(page, page + PAGE_SIZE, 0, 512 * GIB, 1);
	free_case(a, a + 6 * MIB, a, a + 6 * MIB, 3);       /* three leaf tables' ranges */
	free_case(page, a + 6 * MIB, page, a + 6 * MIB, 4); /* the first is shared */
	free_case(a, a + 5 * MIB, a, a + 5 * MIB, 4);       /* the last is shared */
	free_case(a, 6 * GIB, a, 6 * GIB, 3);               /* several of level 1 */
	free_case(0, 1ul << PGTABLE_BITS, 0, 0, 1);         /* everything */
	free_pgtables(&self, pgd, 0, GIB, 0, 0, false);     /* nothing there */
	check_counts(0, 0);
	CHECK_EQ(pages_of_kind(PAGE_TABLE), 0);
}

static void exhaustion(void)
{
	static u32 taken[1 << 16];
	u32 count = 0, unlinked;

	set(GIB);
	while (count < ARRAY_SIZE(taken) &&
	       (taken[count] = page_alloc(&self, 0, PAGE_TAKEN, 1)) != UINT32_MAX)
		count++;
	CHECK(count < ARRAY_SIZE(taken));
	CHECK(pte_alloc(&self, pgd, OWNER, GIB + PAGE_SIZE)); /* needs no table */
	CHECK(!pte_alloc(&self, pgd, OWNER, 5 * GIB));
	page_free(&self, taken[--count]);
	CHECK(!pte_alloc(&self, pgd, OWNER, 900 * GIB)); /* needs three, gets one and keeps it */
	check_counts(5, 1);
	while (count > 0)
		page_free(&self, taken[--count]);
	set(900 * GIB);
	check_counts(7, 2);
	zap(0, UINT64_MAX);
	unlinked = pgd_unlinked(pgd);
	pgd_destroy(&self, pgd, false);
	CHECK_EQ(pgd_unlinked(pgd), unlinked + 7);
	rcu_barrier(&self);
}

/* --- what pgd_check sees --- */

static void oracle(void)
{
	pte_t *leaf, *upper, good;
	u32 page;

	set(GIB);
	page = pgd->top - 1;
	upper = pgtable_at(&ts.seg, page); /* entry 0 serves the first 512 GiB */
	good = *upper;
	for (u32 i = 0; i < 3; i++) {
		const pte_t bad[] = {good | PTE_WRITE, good & ~PTE_PRESENT,
				     (pte_t)UINT32_MAX << PAGE_SHIFT | PTE_PRESENT};

		*upper = bad[i];
		CHECK(pgd_check(&ts.seg, pgd, NULL, NULL, NULL));
		*upper = good;
	}
	ts.seg.page_descs[good >> PAGE_SHIFT].owner++;
	CHECK(pgd_check(&ts.seg, pgd, NULL, NULL, NULL));
	ts.seg.page_descs[good >> PAGE_SHIFT].owner--;
	ts.seg.page_descs[good >> PAGE_SHIFT].kind = PAGE_SLAB;
	CHECK(pgd_check(&ts.seg, pgd, NULL, NULL, NULL));
	ts.seg.page_descs[good >> PAGE_SHIFT].kind = PAGE_TABLE;
	pgd->top = UINT32_MAX;
	CHECK(pgd_check(&ts.seg, pgd, NULL, NULL, NULL));
	pgd->top = page + 1;
	leaf = pte_lookup(&ts.seg, pgd, GIB);
	CHECK(leaf && !pgd_check(&ts.seg, pgd, NULL, NULL, NULL));
	zap(0, UINT64_MAX);
	pgd_destroy(&self, pgd, false);
	rcu_barrier(&self);
}

/* --- random mappings --- */

#define PLACES 96

/* Mappings lie in places: runs of pages around the edges of tables of each level. */
static u64 place[PLACES + 1];
static bool mapped[PLACES];

static void make_places(u64 *rng)
{
	static const u64 steps[] = {PAGE_SIZE, 3 * PAGE_SIZE, MIB, 2 * MIB, GIB, 512 * GIB};
	u64 at = 0;

	for (u32 i = 0; i <= PLACES; i++) {
		u64 step = steps[test_random(rng) % ARRAY_SIZE(steps)];

		place[i] = at;
		at = test_random(rng) % 2 ? at + step : ALIGN_UP(at + 1, step);
	}
	CHECK(at < 1ul << PGTABLE_BITS);
}

static bool overlaps_mapping(u64 start, u64 end)
{
	for (u32 i = 0; i < PLACES; i++) {
		if (mapped[i] && place[i] < end && place[i + 1] > start)
			return true;
	}
	return false;
}

/* Every table that exists must be needed: seen from its entry in the level above. */
static void check_needed(const pte_t *table, u64 base, u32 level)
{
	u64 span = 1ul << (PAGE_SHIFT + 9 * level);

	for (u32 i = 0; level > 0 && i < PTRS_PER_TABLE; i++) {
		if (table[i] == 0)
			continue;
		if (!overlaps_mapping(base + i * span, base + (i + 1) * span)) {
			fprintf(stderr, "level %u table for %#lx\n", level - 1, base + i * span);
			CHECK(!"a mapping needs this table");
		}
		check_needed(pgtable_at(&ts.seg, (u32)(table[i] >> PAGE_SHIFT)), base + i * span,
			     level - 1);
	}
}

static void touch(u32 i)
{
	const u64 pages[] = {place[i], place[i + 1] - PAGE_SIZE};

	for (u32 k = 0; k < ARRAY_SIZE(pages); k++) {
		pte_t *pte = pte_alloc(&self, pgd, OWNER, pages[k]);

		CHECK(pte);
		*pte = pte_make((u32)(pages[k] >> PAGE_SHIFT), 0);
	}
}

static void unmap(u32 from, u32 to)
{
	u32 before = from, after = to;

	while (before > 0 && !mapped[before - 1])
		before--;
	while (after < PLACES && !mapped[after])
		after++;
	zap(place[from], place[to]);
	for (u32 i = from; i < to; i++)
		mapped[i] = false;
	free_pgtables(&self, pgd, place[from], place[to], before > 0 ? place[before] : 0,
		      after < PLACES ? place[after] : 0, false);
}

static void random_mappings(u64 seed, u32 steps)
{
	u64 rng = seed;

	memset(mapped, 0, sizeof(mapped));
	make_places(&rng);
	for (u32 n = 0; n < steps; n++) {
		u32 i = (u32)(test_random(&rng) % PLACES);
		u32 wide = test_random(&rng) % 8 ? 1 : (u32)(test_random(&rng) % 20);

		if (!mapped[i]) {
			mapped[i] = true; /* some mappings are never touched */
			if (test_random(&rng) % 4)
				touch(i);
		} else {
			unmap(i, (u32)min_u64(PLACES, i + wide));
		}
		if (pgd->top)
			check_needed(pgtable_at(&ts.seg, pgd->top - 1), 0, 3);
		table_count = entry_count = 0;
		CHECK(!pgd_check(&ts.seg, pgd, count_table, count_entry, NULL));
		CHECK_EQ(table_count, pgd->tables);
		rcu_make_room(&self);
	}
	unmap(0, PLACES);
	check_counts(pgd->top ? 1 : 0, 0);
	pgd_destroy(&self, pgd, false);
	rcu_barrier(&self);
	CHECK_EQ(pages_of_kind(PAGE_TABLE), 0);
}

/* --- many hands --- */

#define REGIONS 8
#define PAGES   48
#define ACTORS  4

struct region {
	struct rw_semaphore lock; /* as the mapping's lock: read to use entries, write to free */
	u32 number;
	u64 want[PAGES]; /* entry i belongs to actor i % ACTORS */
};

struct shared {
	struct pgd pgd;
	u64 steps, frees, moved;
	struct region region[REGIONS];
};
_Static_assert(sizeof(struct shared) + CACHE_LINE <= TEST_SHARED_BYTES, "room in the mm table");

static struct shared *shared_of(struct test_seg *seg)
{
	return (struct shared *)ALIGN_UP((u64)test_shared(seg), CACHE_LINE);
}

/* Regions that share a leaf table, a table of level 1, of level 2, or only the top. */
static u64 region_start(u32 region)
{
	static const u64 start[REGIONS] = {
		GIB,           GIB + MIB,     GIB + 2 * MIB,
		GIB + 6 * MIB, 2 * GIB - MIB, 2 * GIB + 512 * PAGE_SIZE,
		600 * GIB,     601 * GIB,
	};

	return start[region];
}

static u64 region_end(u32 region)
{
	return region_start(region) + PAGES * PAGE_SIZE;
}

static void use_entry(struct test_actor *a, u32 r, u32 i)
{
	struct shared *s = shared_of(a->ts);
	struct region *region = &s->region[r];
	u64 addr = region_start(r) + i * PAGE_SIZE, old = region->want[i], new;
	pte_t *pte = pte_alloc(&a->self, &s->pgd, OWNER, addr);

	CHECK(pte);
	CHECK(pte_lookup(&a->ts->seg, &s->pgd, addr) == pte);
	if (load_acquire_u64(pte) != old) {
		fprintf(stderr, "%#lx: entry %#lx, want %#lx\n", addr, *pte, old);
		CHECK(!"an entry is lost");
	}
	new = test_random(&a->rng) % 4 ? test_random(&a->rng) | PTE_PRESENT : 0;
	CHECK(cmpxchg_acq_rel_u64(pte, &old, new));
	region->want[i] = new;
}

static int zap_want(struct participant *p, pte_t *pte, u64 addr, void *arg)
{
	struct region *region = arg;
	u64 i = (addr - region_start(region->number)) >> PAGE_SHIFT;

	(void)p;
	CHECK(i < PAGES);
	CHECK_EQ(xchg_acq_rel_u64(pte, 0), region->want[i]);
	region->want[i] = 0;
	return 0;
}

static void free_region(struct test_actor *a, u32 r)
{
	struct shared *s = shared_of(a->ts);

	CHECK_EQ(pte_walk(&a->self, &s->pgd, region_start(r), region_end(r), zap_want,
			  &s->region[r]),
		 0);
	for (u32 i = 0; i < PAGES; i++)
		CHECK_EQ(s->region[r].want[i], 0);
	free_pgtables(&a->self, &s->pgd, region_start(r), region_end(r),
		      r > 0 ? region_end(r - 1) : 0, r + 1 < REGIONS ? region_start(r + 1) : 0,
		      false);
	add_relaxed_u64(&s->frees, 1);
}

/* As a fault does it: the walk without a lock, then the lock, then is it still the entry? */
static void use_early_walk(struct test_actor *a, u32 r, u32 i)
{
	struct shared *s = shared_of(a->ts);
	u64 addr = region_start(r) + i * PAGE_SIZE;
	u32 unlinked;
	pte_t *pte;

	rcu_read_lock(&a->self);
	unlinked = pgd_unlinked(&s->pgd);
	pte = pte_lookup(&a->ts->seg, &s->pgd, addr);
	if (addr & PAGE_SIZE)
		sched_yield();
	if (pte) {
		u64 page = (u64)((u8 *)pte - a->ts->seg.pages) >> PAGE_SHIFT;
		u8 kind = load_acquire_u8(&a->ts->seg.page_descs[page].kind);

		CHECK(kind == PAGE_TABLE || kind == PAGE_RETIRED); /* not yet in other hands */
	}
	if (down_read_trylock(&a->self, &s->region[r].lock, HOLD_VMA)) {
		if (pte && pgd_unlinked(&s->pgd) == unlinked)
			CHECK(pte == pte_lookup(&a->ts->seg, &s->pgd, addr));
		else if (pte)
			add_relaxed_u64(&s->moved, 1);
		up_read(&a->self, &s->region[r].lock, HOLD_VMA);
	}
	rcu_read_unlock(&a->self);
}

static void actor(struct test_actor *a)
{
	struct shared *s = shared_of(a->ts);
	u64 steps = 0;

	for (; !test_time_over(); steps++) {
		u64 x = test_random(&a->rng);
		u32 r = (u32)(x % REGIONS);

		CHECK_EQ(core_enter(&a->self), 0);
		rcu_make_room(&a->self);
		if (x >> 32 & 15) {
			down_read(&a->self, &s->region[r].lock, HOLD_VMA);
			for (u32 n = 0; n < 4; n++)
				use_entry(a, r,
					  a->number + ACTORS * ((x >> (40 + 4 * n)) %
								(PAGES / ACTORS)));
			up_read(&a->self, &s->region[r].lock, HOLD_VMA);
		} else if (x >> 36 & 3) {
			use_early_walk(a, r, (u32)(x >> 40) % PAGES);
		} else {
			down_write(&a->self, &s->region[r].lock, HOLD_VMA);
			free_region(a, r);
			up_write(&a->self, &s->region[r].lock, HOLD_VMA);
		}
		core_exit(&a->self);
	}
	add_relaxed_u64(&s->steps, steps);
}

static void torture(void)
{
	struct shared *s = shared_of(&ts);
	struct test_actor last = {.ts = &ts};

	memset(s, 0, sizeof(*s));
	for (u32 r = 0; r < REGIONS; r++) {
		init_rwsem(&s->region[r].lock);
		s->region[r].number = r;
	}
	test_time_begin();
	test_actors(&ts, ACTORS, TEST_PROCESSES, actor);
	pgd = &s->pgd;
	CHECK(!pgd_check(&ts.seg, pgd, NULL, NULL, NULL));
	test_join(&ts, &last.self, ROLE_WORKER);
	for (u32 r = 0; r < REGIONS; r++)
		free_region(&last, r);
	pgd_destroy(&last.self, pgd, false);
	CHECK_EQ(pgd->tables, 0);
	participant_leave(&last.self);
	CHECK_EQ(pages_of_kind(PAGE_TABLE), 0);
	printf("%lu steps, %lu regions freed, %lu early walks overtaken\n", s->steps, s->frees,
	       s->moved);
}

int main(int argc, char **argv)
{
	u64 seed = test_begin(argc, argv);

	test_seg_open(&ts, 64ul << 20);
	test_join(&ts, &self, ROLE_WORKER);
	pgd = test_shared(&ts);
	levels();
	walks();
	freeing();
	exhaustion();
	oracle();
	for (u32 i = 0; i < (TEST_SANITIZED ? 2 : 10); i++)
		random_mappings(seed + i, 300);
	participant_leave(&self);
	torture();
	test_seg_close(&ts);
	printf("good\n");
	return 0;
}
