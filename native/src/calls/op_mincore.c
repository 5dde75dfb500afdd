/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_mincore.c: mincore: which pages are there. A marker is no page. (kernel: mm/mincore.c)
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"
#include "vmalab/safe_point.h"

static bool page_resident(struct participant *self, struct mm_struct *mm,
			  const struct vm_area_struct *vma, u64 addr)
{
	const pte_t *pte = pte_lookup(self->seg, &mm->pgd, addr);
	pte_t entry = pte ? load_acquire_u64(pte) : 0;
	const struct file *file;

	if (entry && !pte_is_marker(entry))
		return true;
	file = vma->vm_file ? file_get(self->seg, vma->vm_file) : NULL;
	return file && file_page_resident(self->seg, file, linear_page_index(vma, addr));
}

/* One byte per page. Like the kernel, works in steps of a page of answers, each under mmap_lock of
 * its own. */
s64 op_mincore(struct participant *self, u64 id, u64 addr, u64 len, u8 *vec)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 pages = PAGE_ALIGN(len) >> PAGE_SHIFT, done = 0;

	if (!mm)
		return VL_S_NO_MM;
	if (addr & ~PAGE_MASK)
		return -EINVAL;
	if (addr > TASK_SIZE || len > TASK_SIZE - addr)
		return -ENOMEM;
	while (done < pages) {
		u64 step = min_u64(pages - done, PAGE_SIZE);
		const struct vm_area_struct *vma = NULL;

		if (mmap_read_lock(self, mm, id) != 0)
			return VL_S_NO_MM;
		for (u64 i = 0; i < step; i++) {
			u64 at = addr + ((done + i) << PAGE_SHIFT);

			if (!vma || at >= vma->vm_end)
				vma = vma_lookup(self, mm, at);
			if (!vma) {
				mmap_read_unlock(self, mm);
				return -ENOMEM;
			}
			vec[done + i] = page_resident(self, mm, vma, at);
		}
		mmap_read_unlock(self, mm);
		done += step;
		if (done < pages && safe_point(self) != 0)
			return -EINTR;
	}
	return 0;
}
