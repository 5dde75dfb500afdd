/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_way.h (L5): the ways that a participant keeps of its faults (struct fault_way), for
 * op_fault.c alone. Why there are any: DESIGN.md, "What a fault costs".
 */
#ifndef VMALAB_FAULT_WAY_H
#define VMALAB_FAULT_WAY_H

#include "vmalab/mm.h"

/*
 * May that way be taken? seq and unlinked are the mm's, loaded inside this RCU section.
 *
 * The tree changes only while mm_lock_seq is odd, and the number never comes back (but for 2^31
 * writers between two faults of one participant in one window). The way was kept with an even
 * number that was read before the walk. When the same number is read now, the change that would
 * unpublish the leaf is not among what this section is bound to see, so the leaf's grace period
 * cannot end before the section (RCU-1 and RCU-2 of rcu.c, with mm_lock_seq in the place of the
 * word that published the leaf). What it says is then what a walk of an instant ago would have
 * said, and as after a walk all that matters is checked under the VMA's lock. The same holds for
 * the VMAs that the leaf names, where they too are freed after a grace period (elsewhere their
 * memory stays VMAs'), and for the table with pgd.unlinked (PGT-2), which the caller compares once
 * more under that lock. Recovery, which frees without a grace period, moves every pgd.unlinked
 * (walk_mm.c:walk_one).
 */
static inline bool way_serves(const struct participant *self, const struct fault_way *way, u32 id,
			      u32 seq, u32 unlinked, u64 addr)
{
	return way->window == addr >> FAULT_WAY_SHIFT && way->mm_id == id && way->seq == seq &&
	       way->unlinked == unlinked;
}

static inline vl_ref *way_quarter(struct fault_way *way, u64 addr)
{
	return &way->vmas[(addr >> FAULT_WAY_QUARTER_SHIFT) % FAULT_WAY_QUARTERS];
}

/* Another VMA of the quarter: by the leaf, or by a walk if the window has more leaves than one. */
static __attribute__((noinline)) vl_ref way_look_up(struct participant *self,
						    const struct mm_struct *mm,
						    struct fault_way *way, u64 addr)
{
	const struct tree_node *leaf = PTR(self, way->leaf);
	vl_ref ref;

	if (likely(leaf->low <= addr && addr < leaf->high))
		ref = tree_leaf_slot(leaf, addr);
	else
		ref = tree_lookup(self, &mm->mm_mt, addr);
	*way_quarter(way, addr) = ref;
	return ref;
}

/* What a walk would find at addr: mostly what the last fault in this quarter found. */
static inline vl_ref way_vma(struct participant *self, const struct mm_struct *mm,
			     struct fault_way *way, u64 addr)
{
	vl_ref ref = *way_quarter(way, addr);
	const struct vm_area_struct *vma = PTR(self, ref);

	/* relaxed: advice; the range is what it is when it is read under the lock */
	if (likely(ref && load_relaxed_u64(&vma->vm_start) <= addr &&
		   addr < load_relaxed_u64(&vma->vm_end))) {
		SYNC(walking);
		return ref;
	}
	return way_look_up(self, mm, way, addr);
}

/* Walks, and keeps the way in its place; not while a writer is at work (seq is odd): then it is
 * good for this section alone. NULL: there is none. */
static __attribute__((noinline)) struct fault_way *way_find(struct participant *self,
							    struct fault_way *place,
							    const struct mm_struct *mm, u32 id,
							    u32 seq, u32 unlinked, u64 addr)
{
	pte_t *pte = pte_lookup_at(self->pages, &mm->pgd, addr);
	const struct tree_node *leaf = tree_leaf(self, &mm->mm_mt, addr);

	if (unlikely(!pte || !leaf))
		return NULL;
	if (unlikely(seq & 1))
		place = &self->way_now;
	*place = (struct fault_way){.mm_id = id,
				    .seq = seq,
				    .unlinked = unlinked,
				    .leaf = REF(self, leaf),
				    .window = addr >> FAULT_WAY_SHIFT,
				    .table = pte - (addr >> PAGE_SHIFT) % PTRS_PER_TABLE};
	*way_quarter(place, addr) = tree_leaf_slot(leaf, addr);
	return place;
}

#endif
