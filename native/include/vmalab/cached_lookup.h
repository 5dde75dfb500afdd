/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cached_lookup.h (fault): the lookups of faults that a participant keeps (struct cached_lookup)
 * where the instance was made with --lookup cache. An experiment with a page of its own: the kernel
 * has none since 6.1. For op_fault_cached.c, and for the two that call it.
 */
#ifndef VMALAB_CACHED_LOOKUP_H
#define VMALAB_CACHED_LOOKUP_H

#include "vmalab/block.h"
#include "vmalab/lock_model.h"
#include "vmalab/mm.h"

/* op_fault and FAULTS, when self->lookups is there. */
void op_fault_cached(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		     struct vl_result *result);
#define AHEAD_MAX 16 /* faults of a group: their lines fit into the first cache */
/* Before the faults of a group. */
void faults_look_ahead(struct participant *self, const struct mm_struct *mm, u64 id,
		       const u64 *addrs, u64 count);

/*
 * Until when the cached VMA may be looked at: a mark, read inside this RCU section. While it is
 * what it was at the lookup, the object is not freed before this section ends:
 *
 *   type-safe   slabs_gone: it stays a VMA, of whatever life, until its page goes
 *   deferred    the newest grace period (RCU-5; kernel: poll_state_synchronize_rcu)
 *   mmap_lock   mm_lock_seq, since the lock alone does not say whether the VMA is still in the
 *               tree. It wraps around, but pgd.unlinked moves first
 *
 * With a lock per VMA this is all that is needed, whatever writers do: one that is locked,
 * attached, of this mm and covers the address is the one that the tree names, wherever it was
 * found. So beside a writer a fault neither walks nor waits for the lines that the writer changes
 * in the tree.
 */
static inline u64 lookup_until(const struct participant *self, const struct mm_struct *mm)
{
	if (!VMA_LOCK_PER_VMA)
		return read_seqcount(&mm->mm_lock_seq);
	if (VMA_TYPESAFE)
		return slabs_gone(self);
	return MUTANT(lookup_cached_too_long) ? 0 : rcu_mark(self);
}

/* Which window, of those that share a place in the cache: its upper bits, of 48. (Those above are
 * left out: the VMA's range has them.) */
static inline lookup_window lookup_window_of(u64 addr)
{
	return (lookup_window)(addr >> (LOOKUP_SHIFT + CACHED_LOOKUPS_BITS));
}
_Static_assert(PGTABLE_BITS - LOOKUP_SHIFT - CACHED_LOOKUPS_BITS <= 8 * sizeof(lookup_window),
	       "a window is distinguished from all others in its place");
_Static_assert(LIFE_SHIFT == 16, "(u16)id is the slot");

static inline struct cached_lookup *lookup_of(const struct participant *self, u64 addr)
{
	return &self->lookups[(addr >> LOOKUP_SHIFT) % CACHED_LOOKUPS];
}

/*
 * May that lookup be used? Inside an RCU section. mm is the slot of id: it is read only if the
 * lookup is of that slot, so if there is one.
 *
 * Life and table: as long as pgd.unlinked stands still (PGT-2), which the caller compares again
 * under the VMA's lock. It is never set back, moves with each life of the slot, and no life has 0.
 * Recovery, which frees without a grace period, moves every pgd.unlinked (walk_mm.c:walk_one).
 * Whether id is of that life the lock says: the VMA's vm_mm is compared with it, and under
 * mmap_lock the mm's id.
 */
static inline bool lookup_valid(const struct participant *self, const struct cached_lookup *lookup,
				const struct mm_struct *mm, u64 id, u64 addr)
{
	return lookup->window == lookup_window_of(addr) && lookup->mm == (u16)id &&
	       lookup->unlinked == pgd_unlinked(&mm->pgd) &&
	       lookup->until == lookup_until(self, mm);
}

static inline vl_ref *lookup_part(struct cached_lookup *lookup, u64 addr)
{
	return &lookup->vmas[(addr >> LOOKUP_PART_SHIFT) % LOOKUP_PARTS];
}

/* The page-table entry of addr. */
static inline pte_t *lookup_pte(const struct participant *self, const struct cached_lookup *lookup,
				u64 addr)
{
	return (pte_t *)PTR(self, lookup->table) + (addr >> PAGE_SHIFT) % PTRS_PER_TABLE;
}

/* The cached VMA for addr, which may be none: that at the segment's start. */
static inline struct vm_area_struct *lookup_vma(const struct participant *self,
						struct cached_lookup *lookup, u64 addr)
{
	return PTR(self, *lookup_part(lookup, addr));
}

/* The lookup is valid. Does it have a VMA for addr, mostly the one that the last fault in this part
 * found? In a model without a lock per VMA: under mmap_lock. */
static inline bool lookup_has_vma(const struct participant *self, struct cached_lookup *lookup,
				  u64 addr)
{
	const struct vm_area_struct *vma = lookup_vma(self, lookup, addr);

	if (unlikely(!*lookup_part(lookup, addr)))
		return false;
	if (!VMA_TYPESAFE)
		GHOST(kept(vma));
	/* relaxed: advice; the range is what it is when it is read under the lock */
	if (unlikely(addr < load_relaxed_u64(&vma->vm_start) ||
		     addr >= load_relaxed_u64(&vma->vm_end)))
		return false;
	STEP(walking);
	return true;
}

/*
 * Another VMA than the last one of the part, of a valid lookup: by the leaf, if it covers addr
 * and nobody has written since it was found, or by a walk. False: there is none.
 *
 * The tree changes only while mm_lock_seq is odd, and before the number comes back pgd.unlinked
 * moves (mm.c:mmap_write_lock): it is compared once more after the number was read, since 2^31
 * writers may have come since lookup_valid. seq is read before the walk that finds the leaf, and is
 * even. When the same number is read later, the change that would unpublish the leaf is not among
 * what that section is bound to see, so the leaf's grace period cannot end before the section
 * (RCU-1 and RCU-2 of rcu.c, with mm_lock_seq in the place of the word that published the leaf).
 * What it says is then what a walk of an instant ago would have said, and as after a walk all that
 * matters is checked under the VMA's lock.
 */
static inline bool lookup_refill(struct participant *self, const struct mm_struct *mm,
				 struct cached_lookup *lookup, u64 addr)
{
	const struct tree_node *leaf = PTR(self, lookup->leaf);
	u32 seq = read_seqcount(&mm->mm_lock_seq);

	*lookup_part(lookup, addr) = 0;
	if (unlikely(lookup->seq != seq || (seq & 1) ||
		     lookup->unlinked != pgd_unlinked(&mm->pgd) || addr < leaf->low ||
		     addr >= leaf->high)) {
		stat_inc(self, cached_lookup_walk);
		leaf = tree_leaf(self, &mm->mm_mt, addr);
		if (unlikely(!leaf))
			return false;
		lookup->leaf = REF(self, leaf);
		lookup->seq = seq;
	}
	*lookup_part(lookup, addr) = tree_leaf_slot(leaf, addr);
	return *lookup_part(lookup, addr) != 0;
}

/* Walks, and keeps the lookup. False: there is none. What says until when it is valid is read
 * before the walks. */
static inline bool lookup_walk(struct participant *self, struct cached_lookup *lookup,
			       const struct mm_struct *mm, u64 id, u64 addr)
{
	struct cached_lookup found = {.mm = (u16)id,
				      .window = lookup_window_of(addr),
				      .unlinked = pgd_unlinked(&mm->pgd),
				      .until = lookup_until(self, mm),
				      .seq = read_seqcount(&mm->mm_lock_seq)};
	pte_t *pte = pte_lookup_at(self->pages, &mm->pgd, addr);
	const struct tree_node *leaf = tree_leaf(self, &mm->mm_mt, addr);

	stat_inc(self, cached_lookup_walk);
	if (unlikely(!pte || !leaf))
		return false;
	found.leaf = REF(self, leaf);
	found.table = REF(self, pte - (addr >> PAGE_SHIFT) % PTRS_PER_TABLE);
	*lookup_part(&found, addr) = tree_leaf_slot(leaf, addr);
	*lookup = found;
	return true;
}

#endif
