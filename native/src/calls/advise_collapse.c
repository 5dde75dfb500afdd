/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advise_collapse.c: MADV_COLLAPSE. Pages have one size here, so what shows of a huge page is
 * that all its 512 pages are there.
 *
 * (kernel: madvise_collapse, hpage_collapse_scan_pmd)
 */
#include "advise.h"
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "vmalab/safe_point.h"

/* (kernel: thp_vma_allowable_order with TVA_FORCED_COLLAPSE) Files need
 * CONFIG_READ_ONLY_THP_FOR_FS. */
static bool may_collapse(const struct mm_struct *mm, const struct vm_area_struct *vma)
{
	u64 first = ALIGN_UP(vma->vm_start, PMD_SIZE);

	return vma_is_anonymous(vma) && load_acquire_u32(&vma->anon_vma) &&
	       !(vma->vm_flags & (VM_NOHUGEPAGE | VM_SPECIAL)) && !(mm->options & MM_THP_DISABLE) &&
	       first < vma->vm_end && vma->vm_end - first >= PMD_SIZE;
}

static int find_guard(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	(void)self;
	(void)addr;
	(void)arg;
	return pte_is_guard(load_relaxed_u64(pte)); /* relaxed: nothing depends on it */
}

/* False: there is no page table yet, or a guard is in the way, or no memory. */
static bool collapse_one(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
			 u64 start)
{
	if (!pte_lookup(self->seg, &mm->pgd, start) ||
	    pte_walk(self, &mm->pgd, start, start + PMD_SIZE, find_guard, NULL) != 0)
		return false;
	return fault_in(self, mm, vma, start, start + PMD_SIZE, FAULT_WRITE) == 0;
}

int collapse(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma, u64 start,
	     u64 end)
{
	u32 steps = 0;
	int err = 0;

	if (!may_collapse(mm, vma))
		return -EINVAL;
	start = ALIGN_UP(start, PMD_SIZE);
	end &= ~(PMD_SIZE - 1);
	if (end < start)
		return -EINVAL; /* inside one huge page; a range about a border is empty and fine */
	for (; start < end; start += PMD_SIZE) {
		if (!collapse_one(self, mm, vma, start))
			err = -EINVAL;
		if (safe_step(self, &steps) != 0)
			return -EINTR;
	}
	return err;
}
