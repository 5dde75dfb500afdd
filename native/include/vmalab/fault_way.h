/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_way.h (L5): the ways that a participant keeps of its faults (struct fault_way), for
 * op_fault.c and op_faults.c alone. Why there are any: DESIGN.md, "What a fault costs".
 */
#ifndef VMALAB_FAULT_WAY_H
#define VMALAB_FAULT_WAY_H

#include "vmalab/lock_model.h"
#include "vmalab/mm.h"

/*
 * Until when the VMA that a way names may be looked at: a mark, read inside this RCU section. Where
 * it is what it was when the way was found, the object has not been freed before this section ends
 * (but for 2^32 moves of it between two faults of one participant in one window):
 *
 *   type-safe   slabs_gone: it stays a VMA, of whatever life, until its page goes
 *   deferred    the newest grace period (RCU-5; kernel: poll_state_synchronize_rcu)
 *   mmap_lock   mm_lock_seq, since the lock alone does not say whether the VMA is still in the tree
 *
 * With a lock per VMA this is all that is needed, whatever writers do: one that is locked,
 * attached, of this mm and covers the address is the one that the tree names, wherever it was
 * found. So beside a writer a fault neither walks nor waits for the lines that the writer changes
 * in the tree.
 */
static inline u32 way_until(const struct participant *self, u32 seq)
{
	if (!VMA_LOCK_PER_VMA)
		return seq;
	if (VMA_TYPESAFE)
		return slabs_gone(self);
	return MUTANT(G1) ? 0 : (u32)rcu_mark(self);
}

static inline u32 way_window(u64 addr)
{
	return (u32)(addr >> FAULT_WAY_SHIFT);
}

static inline struct fault_way *way_of(const struct participant *self, u64 addr)
{
	return &self->ways[(addr >> FAULT_WAY_SHIFT) % FAULT_WAYS];
}

/*
 * May that way be taken? unlinked and until are loaded inside this RCU section.
 *
 * The table: as long as pgd.unlinked stands still (PGT-2), which the caller compares again under
 * the VMA's lock. Recovery, which frees without a grace period, moves every pgd.unlinked
 * (walk_mm.c:walk_one).
 */
static inline bool way_serves(const struct fault_way *way, u32 id, u32 unlinked, u32 until,
			      u64 addr)
{
	return way->window == way_window(addr) && way->mm_id == id && way->unlinked == unlinked &&
	       way->until == until;
}

static inline vl_ref *way_part(struct fault_way *way, u64 addr)
{
	return &way->vmas[(addr >> FAULT_WAY_PART_SHIFT) % FAULT_WAY_PARTS];
}

/*
 * Another VMA than the last one of the part: by the leaf, if it covers addr and nobody has
 * written since it was found, or by a walk.
 *
 * The tree changes only while mm_lock_seq is odd, and the number never comes back (but for 2^31
 * writers between two faults of one participant in one window). seq was read before the walk that
 * found the leaf, and was even. When the same number is read now, the change that would unpublish
 * the leaf is not among what this section is bound to see, so the leaf's grace period cannot end
 * before the section (RCU-1 and RCU-2 of rcu.c, with mm_lock_seq in the place of the word that
 * published the leaf). What it says is then what a walk of an instant ago would have said, and as
 * after a walk all that matters is checked under the VMA's lock.
 */
static __attribute__((noinline, unused)) vl_ref way_look_up(struct participant *self,
							    const struct mm_struct *mm,
							    struct fault_way *way, u32 seq,
							    u64 addr)
{
	const struct tree_node *leaf = PTR(self, way->leaf);

	if (unlikely(way->seq != seq || (seq & 1) || addr < leaf->low || addr >= leaf->high)) {
		leaf = tree_leaf(self, &mm->mm_mt, addr);
		if (unlikely(!leaf))
			return 0;
		way->leaf = REF(self, leaf);
		way->seq = seq;
	}
	return *way_part(way, addr) = tree_leaf_slot(leaf, addr);
}

/* What a walk would find at addr: mostly what the last fault in this part found. */
static inline vl_ref way_vma(struct participant *self, const struct mm_struct *mm,
			     struct fault_way *way, u32 seq, u64 addr)
{
	vl_ref ref = *way_part(way, addr);
	const struct vm_area_struct *vma = PTR(self, ref);

	if (!VMA_TYPESAFE && ref)
		GHOST(kept(vma));
	/* relaxed: advice; the range is what it is when it is read under the lock */
	if (likely(ref && load_relaxed_u64(&vma->vm_start) <= addr &&
		   addr < load_relaxed_u64(&vma->vm_end))) {
		SYNC(walking);
		return ref;
	}
	return way_look_up(self, mm, way, seq, addr);
}

/* Walks, and keeps the way. NULL: there is none. */
static __attribute__((noinline, unused)) struct fault_way *
way_find(struct participant *self, struct fault_way *way, const struct mm_struct *mm, u32 id,
	 u32 seq, u32 unlinked, u32 until, u64 addr)
{
	pte_t *pte = pte_lookup_at(self->pages, &mm->pgd, addr);
	const struct tree_node *leaf = tree_leaf(self, &mm->mm_mt, addr);

	if (unlikely(!pte || !leaf))
		return NULL;
	*way = (struct fault_way){.mm_id = id,
				  .seq = seq,
				  .unlinked = unlinked,
				  .until = until,
				  .leaf = REF(self, leaf),
				  .window = way_window(addr),
				  .table = pte - (addr >> PAGE_SHIFT) % PTRS_PER_TABLE};
	*way_part(way, addr) = tree_leaf_slot(leaf, addr);
	return way;
}

#endif
