/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_uffd_fault.c: a fault in a VMA that is registered with userfaultfd. It ends with
 * USERFAULT, or as the object wants it. The VMA is held by its lock or by mmap_lock, so the object
 * stays.
 */
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "vmalab/uffd.h"

/* (kernel: handle_userfault) */
int user_fault(struct participant *self, const struct mm_struct *mm,
	       const struct vm_area_struct *vma, struct fault *f, u32 reason)
{
	if (uffd_of(self, mm, vma) & UFFD_SIGBUS)
		return FAULT_SIGBUS;
	f->info |= FAULT_INFO_USERFAULT | reason |
		   (f->access == FAULT_WRITE ? FAULT_INFO_USER_WRITE : 0);
	return FAULT_USERFAULT;
}

/* Of a page under write protection: that goes away by itself, or somebody is asked. */
int protected_fault(struct participant *self, const struct mm_struct *mm,
		    const struct vm_area_struct *vma, pte_t *pte, pte_t old, struct fault *f)
{
	if (!(uffd_of(self, mm, vma) & UFFD_WP_ASYNC))
		return user_fault(self, mm, vma, f, FAULT_INFO_USER_WP);
	(void)cmpxchg_acq_rel_u64(pte, &old, old & ~PTE_UFFD_WP);
	return FAULT_LOOK_AGAIN;
}
