/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advise_remove.c: MADV_REMOVE: a hole in the file behind a shared mapping.
 *
 *   mmap_lock read: VMA by VMA: allowed? which pages of which file -> unlock -> the hole, as
 *   fallocate makes it (op_file.c). Private copies stay.
 *
 * (kernel: madvise_remove)
 */
#include "advise.h"
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"

static int remove_check(const struct vm_area_struct *vma)
{
	/* kernel: a special mapping (vvar) has no vm_file */
	if ((vma->vm_flags & VM_LOCKED) || !vma->vm_file || vma->vm_ops == VMA_SPECIAL)
		return -EINVAL;
	return (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE) ? 0
											: -EACCES;
}

s64 advise_remove(struct participant *self, struct mm_struct *mm, u64 id, u64 start, u64 end)
{
	struct range_entry e;
	s64 unmapped = 0, failed;

	while (start < end) {
		const struct vm_area_struct *vma;
		u64 stop, first;
		u64 file;
		int err;

		if (mmap_read_lock(self, mm, id) != 0)
			return VL_S_NO_MM;
		if (!tree_find(self, &mm->mm_mt, start, UINT64_MAX, &e) || e.start >= end) {
			mmap_read_unlock(self, mm);
			return -ENOMEM;
		}
		if (start < e.start)
			unmapped = -ENOMEM;
		vma = PTR(self, e.ref);
		start = max_u64(start, e.start);
		stop = min_u64(e.end, end);
		err = sealed_against(vma, MADV_REMOVE) ? -EPERM : remove_check(vma);
		first = linear_page_index(vma, start);
		if (err) {
			mmap_read_unlock(self, mm);
			return err;
		}
		file_pin_number(self, vma->vm_file, 1);
		file = file_id(file_get(self->seg, vma->vm_file));
		mmap_read_unlock(self, mm);
		failed = op_file_allocate(self, file, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
					  first << PAGE_SHIFT, stop - start);
		file_unpin(self, 1);
		if (failed)
			return failed;
		start = stop;
	}
	return unmapped;
}
