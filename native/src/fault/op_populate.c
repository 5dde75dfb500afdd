/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_populate.c: pages faulted in on purpose: MAP_POPULATE, mlock, MADV_POPULATE_*.
 *
 *   mmap_lock read (write, where mprotect copies locked pages);
 *   each page by the fault code under it. No lock of a VMA is needed: who would
 *   change the VMAs needs mmap_lock for writing.
 *
 * (kernel: __get_user_pages, populate_vma_page_range, faultin_page_range)
 */
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "vmalab/merge.h"
#include "vmalab/safe_point.h"
#include "vmalab/scarce.h"

int fault_in(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma, u64 start,
	     u64 end, u32 access)
{
	u32 steps = 0, tries = 0;

	for (u64 addr = start; addr < end; addr += PAGE_SIZE) {
		struct fault f = {.addr = addr, .access = access};
		int outcome;

		do {
			rcu_read_lock(self);
			outcome = handle_mm_fault(self, mm, vma, &f);
			rcu_read_unlock(self);
			if (outcome == FAULT_AGAIN)
				fault_pause();
		} while (outcome == FAULT_AGAIN ||
			 (outcome == FAULT_OOM && tries++ < SCARCE_TURNS && scarce_wait(self)));
		if (outcome == FAULT_OOM)
			return -ENOMEM;
		if (outcome != FAULT_OK)
			return -EFAULT;
		tries = 0;
		rcu_poll(self);
		if (safe_step(self, &steps) != 0)
			return -EINTR;
	}
	return 0;
}

int faultin_page_range(struct participant *self, struct mm_struct *mm, u64 start, u64 end,
		       bool write)
{
	while (start < end) {
		struct vm_area_struct *vma = vma_lookup(self, mm, start);
		u64 stop;
		int err;

		if (!vma)
			return -ENOMEM;
		if ((vma->vm_flags & (VM_IO | VM_PFNMAP)) ||
		    !(vma->vm_flags & (write ? VM_WRITE : VM_READ)) ||
		    !pkey_permits(self, mm, vma->vm_flags, write))
			return -EINVAL;
		stop = min_u64(vma->vm_end, end);
		err = fault_in(self, mm, vma, start, stop, write ? FAULT_WRITE : FAULT_READ);
		if (err)
			return err;
		start = stop;
	}
	return 0;
}

/* Private writable pages are written, so that they need no copy later; what may be accessed in any
 * way at all counts as readable. */
int populate_vma(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		 u64 start, u64 end)
{
	bool write = (vma->vm_flags & (VM_WRITE | VM_SHARED)) == VM_WRITE;

	if (vma->vm_flags & VM_LOCKONFAULT)
		return 0;
	if (!vma_is_accessible(vma) || !pkey_permits(self, mm, vma->vm_flags, write))
		return -EFAULT;
	return fault_in(self, mm, vma, start, end, write ? FAULT_WRITE : FAULT_READ);
}

int mm_populate(struct participant *self, u64 id, u64 addr, u64 len, bool strict)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 end = addr + len;
	struct range_entry e;
	int err = 0;

	if (!mm || mmap_read_lock(self, mm, id) != 0)
		return 0; /* it has ended since */
	while (addr < end && tree_find(self, &mm->mm_mt, addr, end, &e)) {
		struct vm_area_struct *vma = PTR(self, e.ref);

		addr = max_u64(addr, e.start);
		vma_numab_init(self, vma);
		if (!(vma->vm_flags & (VM_IO | VM_PFNMAP)))
			err = populate_vma(self, mm, vma, addr, min_u64(end, e.end));
		if (err == -EINTR || (err && strict))
			break;
		err = 0;
		addr = e.end;
	}
	mmap_read_unlock(self, mm);
	return err;
}
