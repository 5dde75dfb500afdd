/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_msync.c: msync and mseal: calls that look at a range VMA by VMA.
 *
 *   msync   mmap_lock read; nothing is written anywhere, so only the checks are left of it
 *   mseal   mmap_lock write; no hole at all, or nothing happens; then stamp, merge or split,
 *           VM_SEALED. VMAs sealed before one that could not be split stay sealed
 *
 * What a seal forbids stands where it is forbidden: op_munmap.c, op_mprotect.c, op_mremap.c,
 * op_madvise.c. (kernel: mm/msync.c, mm/mseal.c)
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"

/* mmap_lock is held. The end of the range is past its start. */
static s64 sync_range(struct participant *self, struct mm_struct *mm, u64 start, u64 end, u32 flags)
{
	struct range_entry e;
	s64 unmapped = 0;

	while (start < end) {
		const struct vm_area_struct *vma;

		if (!tree_find(self, &mm->mm_mt, start, UINT64_MAX, &e))
			return -ENOMEM;
		if (start < e.start) {
			if (flags == MS_ASYNC || e.start >= end)
				return -ENOMEM;
			unmapped = -ENOMEM;
		}
		vma = PTR(self, e.ref);
		if ((flags & MS_INVALIDATE) && (vma->vm_flags & VM_LOCKED))
			return -EBUSY;
		start = e.end;
	}
	return unmapped;
}

s64 op_msync(struct participant *self, u64 id, u64 addr, u64 len, u32 flags)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 end = addr + PAGE_ALIGN(len);
	s64 result;

	if (!mm)
		return VL_S_NO_MM;
	if ((flags & ~(MS_ASYNC | MS_INVALIDATE | MS_SYNC)) || (addr & ~PAGE_MASK) ||
	    (flags & (MS_ASYNC | MS_SYNC)) == (MS_ASYNC | MS_SYNC))
		return -EINVAL;
	if (end < addr)
		return -ENOMEM;
	if (end == addr)
		return 0;
	if (mmap_read_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	result = sync_range(self, mm, addr, end, flags);
	mmap_read_unlock(self, mm);
	return result;
}

static bool has_hole(struct participant *self, struct mm_struct *mm, u64 start, u64 end)
{
	struct range_entry e;

	for (; start < end; start = e.end) {
		if (!tree_find(self, &mm->mm_mt, start, end, &e) || e.start > start)
			return true;
	}
	return false;
}

static int seal_one(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		    u64 start, u64 end)
{
	struct vma_merge_struct vmg;
	int err;

	if (vma_is_sealed(vma))
		return 0;
	vmg_from_vma(self, &vmg, mm, vma, start, end);
	vmg.flags |= VM_SEALED;
	err = vma_modify(self, &vmg, &vma);
	if (err)
		return err;
	vm_flags_reset(mm, vma, vmg.flags);
	return 0;
}

s64 op_mseal(struct participant *self, u64 id, u64 addr, u64 len, u32 flags)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 end = addr + PAGE_ALIGN(len);
	s64 err = 0;

	if (!mm)
		return VL_S_NO_MM;
	if (flags || (addr & ~PAGE_MASK) || (len && !PAGE_ALIGN(len)) || end < addr)
		return -EINVAL;
	if (end == addr)
		return 0;
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	if (has_hole(self, mm, addr, end))
		err = -ENOMEM;
	while (!err && addr < end) {
		struct vm_area_struct *vma = vma_lookup(self, mm, addr);
		u64 stop = min_u64(vma->vm_end, end);

		err = seal_one(self, mm, vma, addr, stop);
		addr = stop;
	}
	mmap_write_unlock(self, mm);
	return err;
}
