/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgtable.c: page tables.
 *
 * Level 3 is the top table, level 0 holds the leaf entries. An upper entry is
 *   0                       no table      -> a table, by the cmpxchg of any pte_alloc (install)
 *   page << 12 | PRESENT    a table       -> 0, by free_pgtables or pgd_destroy, whose caller
 *                                            excludes all who could use the entry
 * The root word likewise, as page index + 1. Leaf entries are their users' (op_fault.c).
 *
 * What a dead owner leaves: a table that it took from the pool and did not install (recovery frees
 * it: nothing names the page), or one that it took out of its entry and did not free (the same),
 * and a count of tables that is off. Entries are never half: each change is one store.
 *
 * Ordering:
 *   PGT-1  install releases, lookups acquire: who finds a table finds it zeroed. Without it: the
 *          entries of the page's former life.
 *   PGT-2  pgd.unlinked moves after an entry is cleared; a fault reads it before its walk and again
 *          under the VMA lock. Without it: a fault installs a page in a table that is gone.
 */
#include "vmalab/pgtable.h"

#include "vmalab/recount.h"
#include "vmalab/safe_point.h"
#include "vmalab/slab.h"

#define LEVELS      4
#define TABLE_BITS  9
#define TABLE_BYTES (PTRS_PER_TABLE * sizeof(pte_t))
_Static_assert(TABLE_BYTES == PAGE_SIZE, "a table is a page");
_Static_assert(PAGE_SHIFT + LEVELS * TABLE_BITS == PGTABLE_BITS, "bits of an address");

/* Bytes that one entry of a level serves. */
static u64 entry_span(u32 level)
{
	return 1ul << (PAGE_SHIFT + level * TABLE_BITS);
}

static u32 entry_index(u64 addr, u32 level)
{
	return (u32)(addr >> (PAGE_SHIFT + level * TABLE_BITS)) % PTRS_PER_TABLE;
}

/* Where the range of the entry after addr's begins. */
static u64 entry_end(u64 addr, u32 level)
{
	return (addr | (entry_span(level) - 1)) + 1;
}

static u32 upper_page(pte_t entry)
{
	return (u32)(entry >> PAGE_SHIFT);
}

static pte_t *top_table(const struct vl_seg *seg, const struct pgd *pgd)
{
	u32 top = load_acquire_u32(&pgd->top); /* pairs: PGT-1 (pgtable.c:install_top) */

	return top ? pgtable_at(seg, top - 1) : NULL;
}

static pte_t *child_table(const struct vl_seg *seg, const pte_t *entry)
{
	pte_t value = load_acquire_u64(entry); /* pairs: PGT-1 (pgtable.c:install) */

	return value ? pgtable_at(seg, upper_page(value)) : NULL;
}

static void table_counted(struct pgd *pgd, u32 n)
{
	add_relaxed_u32(&pgd->tables, n); /* relaxed: a statistic */
}

/* After its entry is 0. Its page waits for a grace period, because faults walk the tables before
 * they have any lock. Such a walk may end in a table that is no longer of the hierarchy; release:
 * whoever later holds a VMA of the range, mapped after this, sees the number moved. pairs: PGT-2
 * (pgtable.h:pgd_unlinked) */
static void table_unlinked(struct participant *self, struct pgd *pgd, u32 page)
{
	struct page_desc *desc = &self->seg->page_descs[page];

#ifdef VMALAB_DEBUG
	for (u32 i = 0; i < PTRS_PER_TABLE; i++)
		VL_ASSERT(load_relaxed_u64(pgtable_at(self->seg, page) + i) == 0);
#endif
	account_uncharge(self, desc->account, CHARGE_TABLES);
	desc->account = 0;
	desc->owner = self->index + 1;
	store_release_u8(&desc->kind, PAGE_RETIRED);
	pgd_move(pgd);
	table_counted(pgd, -1u);
	rcu_retire(self, RETIRE_PAGE, page);
}

/* An empty table that is charged and not installed, or UINT32_MAX. */
static u32 table_alloc(struct participant *self, const struct pgd *pgd, u64 owner, u32 level)
{
	u32 account = (u32)(owner >> 32), most = participant_hdr(self)->tables_per_mm_max, page;
	struct page_desc *desc;

	/* A file's cache is bounded by its account's quota alone. */
	if (unlikely(load_relaxed_u32(&pgd->tables) >= most && !(owner & TABLE_OF_FILE))) {
		limit_note(self, VL_LIMIT_TABLES_PER_MM_MAX, most, account);
		return UINT32_MAX;
	}
	if (unlikely(!account_charge(self, account, CHARGE_TABLES)))
		return UINT32_MAX;
	page = page_alloc(self, 0, PAGE_TABLE, (u32)owner);
	if (page == UINT32_MAX) {
		account_uncharge(self, account, CHARGE_TABLES);
		return page;
	}
	desc = &self->seg->page_descs[page];
	desc->account = account;
	desc->level = level;
	/* A recount that is under way has nothing to count in it. relaxed: as in recount_note */
	store_relaxed_u64(&desc->counted, load_relaxed_u64(&participant_hdr(self)->recount_epoch));
	return page;
}

static void table_free(struct participant *self, u32 page)
{
	struct page_desc *desc = &self->seg->page_descs[page];

	account_uncharge(self, desc->account, CHARGE_TABLES);
	desc->account = 0;
	page_free(self, page);
}

/* A table of that level below entry: the one that is there, or a new one. NULL: the pool is empty.
 */
static pte_t *install(struct participant *self, struct pgd *pgd, u64 owner, pte_t *entry, u32 level)
{
	pte_t old = 0;
	u32 page = table_alloc(self, pgd, owner, level);

	if (page == UINT32_MAX)
		return NULL;
	/* acq_rel: ours is seen zeroed, or theirs is. pairs: PGT-1 (pgtable.c:child_table) */
	if (cmpxchg_acq_rel_u64(entry, &old, (u64)page << PAGE_SHIFT | PTE_PRESENT)) {
		table_counted(pgd, 1);
		return pgtable_at(self->seg, page);
	}
	table_free(self, page); /* another was faster; nobody saw ours */
	return pgtable_at(self->seg, upper_page(old));
}

static pte_t *install_top(struct participant *self, struct pgd *pgd, u64 owner)
{
	u32 old = 0;
	u32 page = table_alloc(self, pgd, owner, LEVELS - 1);

	if (page == UINT32_MAX)
		return NULL;
	/* acq_rel as in install. pairs: PGT-1 (pgtable.c:top_table) */
	if (cmpxchg_acq_rel_u32(&pgd->top, &old, page + 1)) {
		table_counted(pgd, 1);
		return pgtable_at(self->seg, page);
	}
	table_free(self, page);
	return pgtable_at(self->seg, old - 1);
}

pte_t *pte_alloc(struct participant *self, struct pgd *pgd, u64 owner, u64 addr)
{
	pte_t *table = top_table(self->seg, pgd);

	if (addr >= PGTABLE_END)
		return NULL;
	if (!table)
		table = install_top(self, pgd, owner);
	for (u32 level = LEVELS - 1; table && level > 0; level--) {
		pte_t *entry = table + entry_index(addr, level);

		table = child_table(self->seg, entry);
		if (!table)
			table = install(self, pgd, owner, entry, level - 1);
	}
	return table ? table + entry_index(addr, 0) : NULL;
}

/* The leaf table that serves *at, or the first one behind it, to whose start *at then moves. NULL:
 * there is none below end. */
static pte_t *leaf_table(const struct vl_seg *seg, const struct pgd *pgd, u64 *at, u64 end)
{
	while (*at < end) {
		pte_t *table = top_table(seg, pgd);
		u32 level = LEVELS - 1;

		while (table && level > 0) {
			pte_t *below = child_table(seg, table + entry_index(*at, level));

			if (!below)
				break;
			table = below;
			level--;
		}
		if (!table || level == 0)
			return table;
		*at = entry_end(*at, level); /* behind what the table would serve */
	}
	return NULL;
}

/* The entries of one leaf table from *at on, as far as the range goes; *at moves behind them. */
static int walk_table(struct participant *self, pte_t *table, u64 *at, u64 end, pte_fn fn,
		      void *arg)
{
	u64 last = min_u64(end, entry_end(*at, 1));

	for (; *at < last; *at += PAGE_SIZE) {
		pte_t *pte = table + entry_index(*at, 0);
		int stop;

		/* relaxed: fn looks with the order that it needs */
		if (load_relaxed_u64(pte) == 0)
			continue;
		stop = fn(self, pte, *at, arg);
		if (stop)
			return stop;
	}
	return 0;
}

int pte_walk(struct participant *self, const struct pgd *pgd, u64 start, u64 end, pte_fn fn,
	     void *arg)
{
	pte_t *table;
	int stop = 0;

	end = min_u64(end, PGTABLE_END);
	start &= PAGE_MASK;
	while (!stop && (table = leaf_table(self->seg, pgd, &start, end)) != NULL)
		stop = walk_table(self, table, &start, end, fn, arg);
	return stop;
}

#define SAFE_TABLES (SAFE_STEPS / PTRS_PER_TABLE)

int pte_walk_long(struct participant *self, const struct pgd *pgd, u64 start, u64 end, bool may_end,
		  pte_fn fn, void *arg)
{
	u32 tables = 0;
	pte_t *table;
	int stop = 0;

	end = min_u64(end, PGTABLE_END);
	start &= PAGE_MASK;
	while (!stop && (table = leaf_table(self->seg, pgd, &start, end)) != NULL) {
		stop = walk_table(self, table, &start, end, fn, arg);
		if (!stop && ++tables % SAFE_TABLES == 0 && safe_point(self) != 0 && may_end)
			stop = -EINTR;
	}
	return stop;
}

int pte_tables_dup(struct participant *self, struct pgd *to, u64 owner, const struct pgd *from,
		   u64 start, u64 end)
{
	u32 steps = 0;

	end = min_u64(end, PGTABLE_END);
	start &= PAGE_MASK;
	while (leaf_table(self->seg, from, &start, end)) {
		if (!pte_alloc(self, to, owner, start))
			return -ENOMEM;
		start = entry_end(start, 1);
		if (safe_step(self, &steps) != 0)
			return -EINTR;
	}
	return 0;
}

struct free_range {
	struct participant *self;
	struct pgd *pgd;
	u64 start;
	u64 end;
	u64 floor;
	u64 ceiling; /* PGTABLE_END at most */
	bool may_stop;
	u32 freed;
};

/* Frees the tables below `table` (which serves from base on) that lie around the range and serve
 * nothing outside [floor, ceiling). */
static void free_children(struct free_range *r, pte_t *table, u64 base, u32 level)
{
	u64 span = entry_span(level);
	u64 addr = max_u64(base, r->start & ~(span - 1));
	u64 end = min_u64(base + span * PTRS_PER_TABLE, r->end);

	for (; addr < end; addr += span) {
		pte_t *entry = table + entry_index(addr, level);
		pte_t *below = child_table(r->self->seg, entry);
		u32 page;

		if (!below)
			continue;
		if (level > 1)
			free_children(r, below, addr, level - 1);
		if (addr < r->floor || addr + span > r->ceiling)
			continue;
		page = upper_page(load_relaxed_u64(entry)); /* relaxed: users are excluded */
		store_relaxed_u64(entry, 0);
		table_unlinked(r->self, r->pgd, page);
		/* The tables above are still in the hierarchy, and only we take any out. */
		if (r->may_stop && ++r->freed % SAFE_TABLES == 0)
			(void)safe_point(r->self);
	}
}

void free_pgtables(struct participant *self, struct pgd *pgd, u64 start, u64 end, u64 floor,
		   u64 ceiling, bool may_stop)
{
	pte_t *top = top_table(self->seg, pgd);
	struct free_range r = {self,  pgd,         start,    min_u64(end, PGTABLE_END),
			       floor, PGTABLE_END, may_stop, 0};

	VL_ASSERT(floor <= start && (ceiling == 0 || end <= ceiling));
	if (ceiling != 0)
		r.ceiling = min_u64(ceiling, PGTABLE_END);
	/* The top table stays, as the kernel's does, until pgd_destroy. */
	if (top && r.start < r.end)
		free_children(&r, top, 0, LEVELS - 1);
}

void pgd_destroy(struct participant *self, struct pgd *pgd, bool may_stop)
{
	struct free_range r = {self, pgd, 0, PGTABLE_END, 0, PGTABLE_END, may_stop, 0};
	pte_t *top = top_table(self->seg, pgd);
	u32 page = load_relaxed_u32(&pgd->top); /* relaxed: users are excluded */

	if (!top)
		return;
	free_children(&r, top, 0, LEVELS - 1);
	store_relaxed_u32(&pgd->top, 0);
	table_unlinked(self, pgd, page - 1);
}

struct check {
	const struct vl_seg *seg;
	void (*on_table)(void *arg, u32 page);
	void (*on_pte)(void *arg, pte_t *pte, u64 addr);
	void *arg;
	u32 owner; /* as the top table's descriptor says */
	u64 from;  /* entries that serve nothing from here on are left out */
	u32 tables_left;
	u64 next; /* 0, or where the first leaf table begins that was too many */
};

static const char *check_table(struct check *c, u32 page, u64 base, u32 level)
{
	const struct page_desc *desc = &c->seg->page_descs[page];
	pte_t *table;

	if (page >= c->seg->hdr->pages.pages_populated)
		return "page table: an entry names a page that does not exist";
	if (desc->kind != PAGE_TABLE || desc->order != 0)
		return "page table: an entry names a page that is no table";
	if (desc->owner != c->owner)
		return "page table: a table belongs to another owner than the top";
	if (c->on_table)
		c->on_table(c->arg, page);
	if (desc->level != level)
		return "page table: a table has another level than its descriptor says";
	if (level == 0 && !c->on_pte)
		return NULL;
	table = pgtable_at(c->seg, page);
	for (u32 i = 0; i < PTRS_PER_TABLE; i++) {
		pte_t entry = load_acquire_u64(table + i); /* pairs: PGT-1 (pgtable.c:install) */
		u64 addr = base + i * entry_span(level);
		const char *wrong = NULL;

		if (entry == 0 || addr + entry_span(level) <= c->from)
			continue;
		if (level == 0) {
			c->on_pte(c->arg, table + i, addr);
			continue;
		}
		if (level == 1 && c->tables_left-- == 0)
			c->next = addr;
		if (c->next)
			return NULL;
		if ((entry & PTE_FLAGS) != PTE_PRESENT || entry >> PAGE_SHIFT > UINT32_MAX)
			return "page table: an upper entry is malformed";
		wrong = check_table(c, upper_page(entry), addr, level - 1);
		if (wrong)
			return wrong;
	}
	return NULL;
}

static const char *check_top(struct check *c, const struct pgd *pgd)
{
	u32 top = load_acquire_u32(&pgd->top); /* pairs: PGT-1 (pgtable.c:install_top) */

	if (top == 0)
		return NULL;
	if (top - 1 >= c->seg->hdr->pages.pages_populated)
		return "page table: the root names a page that does not exist";
	c->owner = c->seg->page_descs[top - 1].owner;
	return check_table(c, top - 1, 0, LEVELS - 1);
}

const char *pgd_check(const struct vl_seg *seg, const struct pgd *pgd,
		      void (*on_table)(void *arg, u32 page),
		      void (*on_pte)(void *arg, pte_t *pte, u64 addr), void *arg)
{
	struct check c = {.seg = seg,
			  .on_table = on_table,
			  .on_pte = on_pte,
			  .arg = arg,
			  .tables_left = UINT32_MAX};

	return check_top(&c, pgd);
}

const char *pgd_check_part(const struct vl_seg *seg, const struct pgd *pgd, u64 *at, u32 tables,
			   void (*on_pte)(void *arg, pte_t *pte, u64 addr), void *arg)
{
	struct check c = {
		.seg = seg, .on_pte = on_pte, .arg = arg, .from = *at, .tables_left = tables};
	const char *wrong = check_top(&c, pgd);

	*at = c.next ? c.next : PGTABLE_END;
	return wrong;
}
