/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pgtable.h (memory): four-level page tables, 512 entries each, changed only by atomic operations
 * on one entry.
 *
 * Upper entry: 0, or page index << 12 | PTE_PRESENT. Leaf entry: 0, or frame << 12 | flags, or a
 * marker, which names no frame: PTE_GUARD, or PTE_WP_MARKER, a write protection without a page.
 * Tables are installed by cmpxchg (release) and freed by free_pgtables() when no VMA needs them
 * (the caller holds what excludes faults there: mmap_lock, and the VMAs of the range are detached).
 * There is no page-table lock: every change of a leaf is one cmpxchg or xchg, two-entry moves use
 * PTE_BUSY. Addresses have 48 bits; above that there is never a table.
 */
#ifndef VMALAB_PGTABLE_H
#define VMALAB_PGTABLE_H

#include "vmalab/frame.h"
#include "vmalab/lives.h"

typedef u64 pte_t;

#define PTE_PRESENT 0x001ul
#define PTE_WRITE   0x002ul
#define PTE_ALLOCATED \
	0x010ul /* in a page cache: by fallocate, and not looked at nor allocated again */
#define PTE_DIRTY      0x040ul
#define PTE_ACCESSED   0x020ul
#define PTE_UFFD_WP    0x080ul    /* asks userfaultfd where VM_UFFD_WP is; else left over */
#define PTE_EXCLUSIVE  0x100ul    /* anonymous, and no other mm has had it (fork takes it away) */
#define PTE_ANON       0x200ul    /* an anonymous page (private copy), not a page-cache page */
#define PTE_BUSY       0x400ul    /* a move is under way; look again */
#define PTE_MARKER     0x800ul    /* no page; alone it is PTE_GUARD */
#define PTE_GUARD      PTE_MARKER /* touching it is an error (MADV_GUARD_INSTALL) */
#define PTE_WP_MARKER  (PTE_MARKER | PTE_UFFD_WP)
#define PTE_FLAGS      0xffful
#define PTRS_PER_TABLE 512
#define PGTABLE_BITS   48
#define PGTABLE_END    (1ul << PGTABLE_BITS)

static inline u32 pte_frame(pte_t pte)
{
	return (u32)(pte >> PAGE_SHIFT);
}
static inline bool pte_is_marker(pte_t pte)
{
	return pte & PTE_MARKER;
}
static inline bool pte_is_guard(pte_t pte)
{
	return pte == PTE_GUARD;
}
/* Does the entry hold a reference of a frame? */
static inline bool pte_counts(pte_t pte)
{
	return pte && !pte_is_marker(pte) && pte_frame(pte) != FRAME_ZERO;
}
static inline pte_t pte_make(u32 frame, u64 flags)
{
	return (u64)frame << PAGE_SHIFT | flags | PTE_PRESENT;
}

#define PMD_SIZE (2ul << 20) /* what one lowest table serves, and a huge page */

/* A table root: page index + 1 of the top table, 0 = none yet. It lies in shared memory and is
 * changed by cmpxchg. */
struct pgd {
	u32 top;
	u32 tables; /* pages in use by this hierarchy, hint for statistics (relaxed adds) */
	/* A life (lives.h), never set back: moves when a table is taken out, before its grace
	 * period (PGT-2), when the slot that the root is in begins another life, and before the
	 * mm's mm_lock_seq comes round. */
	u64 unlinked;
};

static inline pte_t *pgtable_at(const struct vl_seg *seg, u32 page)
{
	return (pte_t *)(seg->pages + ((u64)page << PAGE_SHIFT));
}

/* Number of the newest unlinking. An entry found by pte_lookup after this is still of the hierarchy
 * when later, under the lock of a VMA that covers it, the number is the same.
 * pairs: PGT-2 (pgtable.c:table_unlinked) */
static inline u64 pgd_unlinked(const struct pgd *pgd)
{
	return load_acquire_u64(&pgd->unlinked);
}
/* What was found before and compares the number must look again. release pairs: PGT-2
 * (pgtable.h:pgd_unlinked) */
static inline void pgd_move(struct pgd *pgd)
{
	add_release_u64(&pgd->unlinked, LIFE_STEP);
}
/* The root of another life of its slot: no tables. */
static inline void pgd_begin(struct pgd *pgd)
{
	pgd_move(pgd);
	pgd->top = 0;
	pgd->tables = 0;
}

/* The leaf entry of addr, or NULL when a level is missing. Tables go through a grace period, so in
 * an RCU section the walk is safe without any lock; whether the entry still belongs to the
 * hierarchy is then the caller's to find out (pgd_unlinked). Inline: every fault pays for it.
 * pages: start of REGION_PAGES. */
static inline pte_t *pte_lookup_at(u8 *pages, const struct pgd *pgd, u64 addr)
{
	u32 top = load_acquire_u32(&pgd->top); /* pairs: PGT-1 (pgtable.c:install_top) */
	pte_t *table, entry;

	if (unlikely(top == 0 || addr >> PGTABLE_BITS != 0))
		return NULL;
	table = (pte_t *)(pages + ((u64)(top - 1) << PAGE_SHIFT));
	/* Written out, because each step waits for the one before and nothing may come on top. An
	 * entry is the page's offset and a flag, so the flag is all that must go. */
	entry = load_acquire_u64(
		table + (addr >> 39) % PTRS_PER_TABLE); /* pairs: PGT-1 (pgtable.c:install) */
	if (unlikely(entry == 0))
		return NULL;
	table = (pte_t *)(pages + (entry - PTE_PRESENT));
	entry = load_acquire_u64(table + (addr >> 30) % PTRS_PER_TABLE);
	if (unlikely(entry == 0))
		return NULL;
	table = (pte_t *)(pages + (entry - PTE_PRESENT));
	entry = load_acquire_u64(table + (addr >> 21) % PTRS_PER_TABLE);
	if (unlikely(entry == 0))
		return NULL;
	table = (pte_t *)(pages + (entry - PTE_PRESENT));
	return table + (addr >> PAGE_SHIFT) % PTRS_PER_TABLE;
}
static inline pte_t *pte_lookup(const struct vl_seg *seg, const struct pgd *pgd, u64 addr)
{
	return pte_lookup_at(seg->pages, pgd, addr);
}
/* Who has a hierarchy: what its page descriptors say (mm index + 1, or 0x80000000 | file index +
 * 1), and above that, in the upper half, the account that its tables are charged to. */
#define TABLE_OF_FILE 0x80000000u
static inline u64 table_owner(u32 owner, u32 account)
{
	return (u64)account << 32 | owner;
}
/* The same, making levels as needed. NULL: the page pool is empty, a quota is used up (noted:
 * limit_note), or addr has more than 48 bits. */
pte_t *pte_alloc(struct participant *self, struct pgd *pgd, u64 owner, u64 addr);

/* Calls fn for each leaf entry of [start, end) that lies in an existing table and is not 0, in
 * order; stops when fn returns non-zero and returns that. Skips missing tables fast. */
typedef int (*pte_fn)(struct participant *self, pte_t *pte, u64 addr, void *arg);
int pte_walk(struct participant *self, const struct pgd *pgd, u64 start, u64 end, pte_fn fn,
	     void *arg);

/* The same for long ranges: passes a safe point (safe_point.h) after every two tables, which the
 * caller must be ready for. With may_end a cancelled walk ends there: -EINTR. */
int pte_walk_long(struct participant *self, const struct pgd *pgd, u64 start, u64 end, bool may_end,
		  pte_fn fn, void *arg);

/* Where one hierarchy has a lowest table in [start, end), the other gets one too, empty. 0, -ENOMEM
 * (as pte_alloc), or -EINTR. Passes safe points, as pte_walk_long. */
int pte_tables_dup(struct participant *self, struct pgd *to, u64 owner, const struct pgd *from,
		   u64 start, u64 end);

/* Frees the tables that serve only addresses in [floor, ceiling) and lie around [start, end); all
 * their entries are 0. ceiling 0 = no limit. may_stop: passes safe points. (kernel:
 * free_pgd_range) */
void free_pgtables(struct participant *self, struct pgd *pgd, u64 start, u64 end, u64 floor,
		   u64 ceiling, bool may_stop);
/* Frees every table; leaf entries must be 0. may_stop: as above. */
void pgd_destroy(struct participant *self, struct pgd *pgd, bool may_stop);
/* Walker: calls on_table for the page index of every table, on_pte for every non-zero leaf entry.
 * NULL or a text naming what is broken. Tables that several entries name are the caller's to find
 * (on_table is called more than once). */
const char *pgd_check(const struct vl_seg *seg, const struct pgd *pgd,
		      void (*on_table)(void *arg, u32 page),
		      void (*on_pte)(void *arg, pte_t *pte, u64 addr), void *arg);
/* The same of a part: what entries from *at on serve, at most so many leaf tables. *at moves to
 * where the rest begins, or to PGTABLE_END. */
const char *pgd_check_part(const struct vl_seg *seg, const struct pgd *pgd, u64 *at, u32 tables,
			   void (*on_pte)(void *arg, pte_t *pte, u64 addr), void *arg);

#endif
