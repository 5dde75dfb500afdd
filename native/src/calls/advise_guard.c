/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advise_guard.c: MADV_GUARD_INSTALL and MADV_GUARD_REMOVE: entries that make an access fail
 * as if nothing were mapped, without a VMA of their own.
 *
 * An entry becomes a guard by one cmpxchg from what it was, and its page is given back after that;
 * a fault that comes between two entries finds each either guarded or not. The VMA gets
 * VM_MAYBE_GUARD, which stays and makes fork copy its page tables, and anonymous memory an
 * anon_vma too. Killed in the middle: the entries made so far are guards, as after a shorter
 * range; the frame of the last is recounted by recovery. (kernel: madvise_guard_install,
 * madvise_guard_remove)
 */
#include "advise.h"
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "vmalab/resident.h"
#include "vmalab/safe_point.h"

/* 0, -ENOMEM, or -EAGAIN: a move of that page is under way. */
static int guard_one(struct participant *self, struct mm_struct *mm, u64 addr)
{
	pte_t *pte = pte_alloc(self, &mm->pgd, mm_table_owner(self, mm), addr);
	pte_t old = pte ? load_acquire_u64(pte) : 0;

	if (!pte)
		return -ENOMEM;
	while (!pte_is_guard(old)) {
		if (old & PTE_BUSY)
			return -EAGAIN;
		if (!cmpxchg_acq_rel_u64(pte, &old, PTE_GUARD))
			continue;
		recount_note(self, pte, old, PTE_GUARD);
		mm_entry_gone(self, mm, old);
		break;
	}
	return 0;
}

int guard_install(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		  u64 start, u64 end)
{
	u32 steps = 0;
	int err;

	if (vma->vm_flags & (VM_SPECIAL | VM_LOCKED))
		return -EINVAL;
	if (vma_is_anonymous(vma) && !load_acquire_u32(&vma->anon_vma) &&
	    anon_vma_prepare(self, mm, vma) != 0)
		return -ENOMEM;
	/* relaxed: readers of the flag are writers of the VMA, whom our lock keeps out */
	or_relaxed_u64(&vma->vm_flags, VM_MAYBE_GUARD);
	for (u64 addr = start; addr < end; addr += PAGE_SIZE) {
		/* a mover waits for readers of RCU, which we are not, and then ends */
		while ((err = guard_one(self, mm, addr)) == -EAGAIN)
			fault_pause();
		if (err)
			return err;
		rcu_poll(self);
		if (safe_step(self, &steps) != 0)
			return -EINTR;
	}
	return 0;
}

static int unguard_one(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	pte_t old = load_relaxed_u64(pte); /* relaxed: a value that is compared */

	(void)self;
	(void)addr;
	(void)arg;
	while (pte_is_guard(old) && !cmpxchg_acq_rel_u64(pte, &old, 0))
		;
	return 0;
}

/* A locked area may lose its guards, though it cannot get any. */
int guard_remove(struct participant *self, struct mm_struct *mm, const struct vm_area_struct *vma,
		 u64 start, u64 end)
{
	if (vma->vm_flags & VM_SPECIAL)
		return -EINVAL;
	return pte_walk_long(self, &mm->pgd, start, end, true, unguard_one, NULL);
}
