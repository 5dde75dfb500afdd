/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_fault_fast.c: op_fault: a fault, and its fast path: the VMA is found by a walk of the tree,
 * its lock is free, its page is present. To be read beside do_user_addr_fault and
 * lock_vma_under_rcu. Every other fault leaves it, to op_fault.c.
 *
 *   RCU { walk of the tree, vma_start_read, is it the one that was meant }
 *   the VMA's lock alone
 *   RCU { page-table entry, word of the frame }   op_fault_page.h
 *   vma_end_read
 *
 *   A model without a lock per VMA: mmap_lock, read, by trylock, and the walk under it.
 *
 * A fault on a present page is one that hardware would not have taken: it is the lock, and a hit.
 *
 * It is short: its cost is bound by the number of its instructions as much as by its two locked
 * ones (DESIGN.md, "What a fault costs"). So each exit is a tail call with the same six arguments,
 * which stay where the caller put them: nothing is saved on the stack for rare cases. What the path
 * knew besides, the locked VMA, goes through the participant (locked).
 */
#include "op_fault_page.h"
#include "vmalab/cached_lookup.h"

#ifdef VL_LAB
/* Mutant anon_vma_seen_unlocked: what the VMA of addr has, before it is locked. */
void fault_anon_look(struct participant *self, u64 id, u64 addr)
{
	const struct mm_struct *mm = mm_find_self(self, id);
	const struct vm_area_struct *vma;
	vl_ref ref;

	self->anon_seen = false;
	if (!mm || !MUTANT(anon_vma_seen_unlocked))
		return;
	rcu_read_lock(self);
	ref = tree_lookup(self, &mm->mm_mt, addr);
	if (ref) {
		vma = PTR(self, ref);
		self->anon_seen = vma->anon_vma != 0;
		STEP(anon_checked, vma);
	}
	rcu_read_unlock(self);
}
#endif

/* The exits, in no section. */
#define SLOW_EXIT static __attribute__((noinline)) void

SLOW_EXIT fault_no_mm(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		      struct vl_result *result)
{
	(void)id, (void)addr, (void)flags, (void)word;
	stat_inc(self, pgfault);
	*result = (struct vl_result){.status = VL_S_NO_MM};
}

/* The lock was refused, or there is no VMA. */
SLOW_EXIT fault_refused(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
			struct vl_result *result)
{
	fault_slow(self, id, addr, flags, word, result, NULL, FAULT_RETRY);
}

/* The VMA is locked, and nothing else keeps it. */
static inline __attribute__((always_inline)) void
fault_held(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
	   struct vl_result *result, struct mm_struct *mm, struct vm_area_struct *vma)
{
	STEP(lock_alone, vma);
	rcu_read_lock(self);
	fault_present(self, id, addr, flags, word, result, mm, vma,
		      pte_lookup_at(self->pages, &mm->pgd, addr));
}

#if VMA_LOCK_PER_VMA
/* In the section of the walk, unless vma_start_read leaves it: the VMA that it found has been
 * detached since. */
SLOW_EXIT fault_missed(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		       struct vl_result *result)
{
	struct mm_struct *mm = mm_slot(self, id);
	struct vm_area_struct *vma;
	vl_ref ref;

	lock_vma_rcu_again(self);
	ref = lock_vma_missed(self, mm, addr);
	vma = lock_vma_found(self, mm, id, addr, ref, HOLD_VMA);
	lock_vma_rcu_done(self);
	fault_slow(self, id, addr, flags, word, result, vma, FAULT_RETRY);
}

/* Aligned, so that its branches stay where they are when what stands before it grows (3 %
 * otherwise). */
__attribute__((aligned(64))) void op_fault(struct participant *self, u64 id, u64 addr, u32 flags,
					   u64 word, struct vl_result *result)
{
	struct vm_area_struct *vma;
	enum vma_read outcome;
	struct mm_struct *mm;
	vl_ref ref;

	if (unlikely(self->lookups)) {
		op_fault_cached(self, id, addr, flags, word, result);
		return;
	}
	fault_anon_look(self, id, addr);
	mm = mm_find_self(self, id);
	if (unlikely(!mm)) {
		fault_no_mm(self, id, addr, flags, word, result);
		return;
	}

	rcu_read_lock(self);
	ref = tree_lookup(self, &mm->mm_mt, addr);
	GHOST(entry(mm, ref, addr));
	if (unlikely(!ref)) {
		rcu_read_unlock(self);
		stat_refused(self, abort_no_vma);
		stat_inc(self, vma_lock_abort);
		fault_refused(self, id, addr, flags, word, result);
		return;
	}
	vma = PTR(self, ref);
	outcome = lock_vma_once(self, mm, id, addr, vma, HOLD_VMA);
	if (unlikely(outcome == VMA_READ_MISS)) {
		STEP(read_miss, vma);
		fault_missed(self, id, addr, flags, word, result);
		return;
	}
	lock_vma_rcu_done(self);
	if (unlikely(outcome != VMA_READ_LOCKED)) {
		stat_inc(self, vma_lock_abort);
		fault_refused(self, id, addr, flags, word, result);
		return;
	}
	fault_held(self, id, addr, flags, word, result, mm, vma);
}
#else
/* (kernel before 6.4: mmap_read_trylock, find_vma) */
__attribute__((aligned(64))) void op_fault(struct participant *self, u64 id, u64 addr, u32 flags,
					   u64 word, struct vl_result *result)
{
	struct mm_struct *mm = mm_find_self(self, id);
	struct vm_area_struct *vma;
	vl_ref ref;

	if (unlikely(self->lookups)) {
		op_fault_cached(self, id, addr, flags, word, result);
		return;
	}
	if (unlikely(!mm)) {
		fault_no_mm(self, id, addr, flags, word, result);
		return;
	}

	if (unlikely(!mmap_read_trylock(self, mm))) {
		fault_refused(self, id, addr, flags, word, result);
		return;
	}
	ref = likely(mm->id == id) ? tree_lookup(self, &mm->mm_mt, addr) : 0;
	if (unlikely(!ref)) {
		mmap_read_unlock(self, mm);
		fault_refused(self, id, addr, flags, word, result);
		return;
	}
	vma = PTR(self, ref);
	GHOST(grant(mm, vma, addr));
	VMA_EXTRA_FAULT(vma);
	fault_held(self, id, addr, flags, word, result, mm, vma);
}
#endif
