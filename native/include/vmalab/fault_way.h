/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_way.h (fault): the ways that a participant keeps of its faults (struct fault_way), for
 * op_fault_straight.c and op_faults.c alone. Why there are any: DESIGN.md, "What a fault costs".
 */
#ifndef VMALAB_FAULT_WAY_H
#define VMALAB_FAULT_WAY_H

#include "vmalab/lock_model.h"
#include "vmalab/mm.h"

/*
 * Until when the VMA that a way names may be looked at: a mark, read inside this RCU section. Where
 * it is what it was when the way was found, the object has not been freed before this section ends:
 *
 *   type-safe   slabs_gone: it stays a VMA, of whatever life, until its page goes
 *   deferred    the newest grace period (RCU-5; kernel: poll_state_synchronize_rcu)
 *   mmap_lock   mm_lock_seq, since the lock alone does not say whether the VMA is still in the
 *               tree. It comes round, but pgd.unlinked moves first
 *
 * With a lock per VMA this is all that is needed, whatever writers do: one that is locked,
 * attached, of this mm and covers the address is the one that the tree names, wherever it was
 * found. So beside a writer a fault neither walks nor waits for the lines that the writer changes
 * in the tree.
 */
static inline u64 way_until(const struct participant *self, const struct mm_struct *mm)
{
	if (!VMA_LOCK_PER_VMA)
		return read_seqcount(&mm->mm_lock_seq);
	if (VMA_TYPESAFE)
		return slabs_gone(self);
	return MUTANT(lookup_cached_too_long) ? 0 : rcu_mark(self);
}

/* Which window, of those whose ways stand in one place: its upper bits, of 48. (Those above are
 * left out: the VMA's range has them.) */
static inline fault_way_window way_window(u64 addr)
{
	return (fault_way_window)(addr >> (FAULT_WAY_SHIFT + FAULT_WAYS_BITS));
}
_Static_assert(PGTABLE_BITS - FAULT_WAY_SHIFT - FAULT_WAYS_BITS <= 8 * sizeof(fault_way_window),
	       "a window is told from all others in its place");
_Static_assert(LIFE_SHIFT == 16, "(u16)id is the slot");

static inline struct fault_way *way_of(const struct participant *self, u64 addr)
{
	return &self->ways[(addr >> FAULT_WAY_SHIFT) % FAULT_WAYS];
}

/*
 * May that way be taken? Inside an RCU section. mm is the slot of id: it is looked at only when the
 * way is of that slot, so when there is one.
 *
 * Life and table: as long as pgd.unlinked stands still (PGT-2), which the caller compares again
 * under the VMA's lock. It is never set back, moves with each life of the slot, and no life has 0.
 * Recovery, which frees without a grace period, moves every pgd.unlinked (walk_mm.c:walk_one).
 * Whether id is of that life the lock says: the VMA's vm_mm is compared with it, and under
 * mmap_lock the mm's id.
 */
static inline bool way_serves(const struct participant *self, const struct fault_way *way,
			      const struct mm_struct *mm, u64 id, u64 addr)
{
	return way->window == way_window(addr) && way->mm == (u16)id &&
	       way->unlinked == pgd_unlinked(&mm->pgd) && way->until == way_until(self, mm);
}

static inline vl_ref *way_part(struct fault_way *way, u64 addr)
{
	return &way->vmas[(addr >> FAULT_WAY_PART_SHIFT) % FAULT_WAY_PARTS];
}

/* The page-table entry of addr. */
static inline pte_t *way_pte(const struct participant *self, const struct fault_way *way, u64 addr)
{
	return (pte_t *)PTR(self, way->table) + (addr >> PAGE_SHIFT) % PTRS_PER_TABLE;
}

/* The VMA that the way knows for addr, which may be none: that at the segment's start. */
static inline struct vm_area_struct *way_vma(const struct participant *self, struct fault_way *way,
					     u64 addr)
{
	return PTR(self, *way_part(way, addr));
}

/* The way serves and knows a VMA for addr: mostly what the last fault in this part found. With a
 * model without a lock per VMA under mmap_lock. */
static inline bool way_kept(const struct participant *self, struct fault_way *way, u64 addr)
{
	const struct vm_area_struct *vma = way_vma(self, way, addr);

	if (unlikely(!*way_part(way, addr)))
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
 * Another VMA than the last one of the part, of a way that serves: by the leaf, if it covers addr
 * and nobody has written since it was found, or by a walk. False: there is none.
 *
 * The tree changes only while mm_lock_seq is odd, and before the number comes back pgd.unlinked
 * moves (mm.c:mmap_write_lock): it is compared once more after the number was read, since 2^31
 * writers may have come since way_serves. seq is read before the walk that finds the leaf, and is
 * even. When the same number is read later, the change that would unpublish the leaf is not among
 * what that section is bound to see, so the leaf's grace period cannot end before the section
 * (RCU-1 and RCU-2 of rcu.c, with mm_lock_seq in the place of the word that published the leaf).
 * What it says is then what a walk of an instant ago would have said, and as after a walk all that
 * matters is checked under the VMA's lock.
 */
static inline bool way_look_up(struct participant *self, const struct mm_struct *mm,
			       struct fault_way *way, u64 addr)
{
	const struct tree_node *leaf = PTR(self, way->leaf);
	u32 seq = read_seqcount(&mm->mm_lock_seq);

	*way_part(way, addr) = 0;
	if (unlikely(way->seq != seq || (seq & 1) || way->unlinked != pgd_unlinked(&mm->pgd) ||
		     addr < leaf->low || addr >= leaf->high)) {
		leaf = tree_leaf(self, &mm->mm_mt, addr);
		if (unlikely(!leaf))
			return false;
		way->leaf = REF(self, leaf);
		way->seq = seq;
	}
	*way_part(way, addr) = tree_leaf_slot(leaf, addr);
	return *way_part(way, addr) != 0;
}

/* Walks, and keeps the way. False: there is none. What says until when it is good is read before
 * the walks. */
static inline bool way_find(struct participant *self, struct fault_way *way,
			    const struct mm_struct *mm, u64 id, u64 addr)
{
	struct fault_way found = {.mm = (u16)id,
				  .window = way_window(addr),
				  .unlinked = pgd_unlinked(&mm->pgd),
				  .until = way_until(self, mm),
				  .seq = read_seqcount(&mm->mm_lock_seq)};
	pte_t *pte = pte_lookup_at(self->pages, &mm->pgd, addr);
	const struct tree_node *leaf = tree_leaf(self, &mm->mm_mt, addr);

	if (unlikely(!pte || !leaf))
		return false;
	found.leaf = REF(self, leaf);
	found.table = REF(self, pte - (addr >> PAGE_SHIFT) % PTRS_PER_TABLE);
	*way_part(&found, addr) = tree_leaf_slot(leaf, addr);
	*way = found;
	return true;
}

#endif
