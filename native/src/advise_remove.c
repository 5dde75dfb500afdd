/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advise_remove.c (L5): MADV_REMOVE: a hole in the file behind a shared mapping.
 *
 *   mmap_lock read: VMA by VMA: allowed? which pages of which file -> unlock -> out of the page
 *   cache -> out of every mm that maps them, each under its own mmap_lock for reading
 *
 * Nothing here records who maps a file, so all address spaces are looked at: the call is rare. A
 * fault that comes in between finds a fresh page, which the walk may take out again: it stays in
 * the cache, so nothing is lost. Private copies stay. Killed in the middle: pages that are still
 * mapped keep their frames, as if the fault had come before the call. (kernel: madvise_remove, the
 * fallocate of the file systems)
 */
#include "vmalab/advise.h"
#include "vmalab/lock_model.h"

static int remove_check(const struct vm_area_struct *vma)
{
	if ((vma->vm_flags & VM_LOCKED) || !vma->vm_file)
		return -EINVAL;
	return (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE) ? 0
											: -EACCES;
}

/* A private copy stays. */
static int zap_cached(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	pte_t old = load_relaxed_u64(pte); /* relaxed: a value that is compared */

	(void)addr;
	(void)arg;
	while (pte_counts(old) && !(old & (PTE_ANON | PTE_BUSY))) {
		if (!cmpxchg_acq_rel_u64(pte, &old, 0))
			continue;
		frame_put(self, pte_frame(old));
		break;
	}
	return 0;
}

static void unmap_in(struct participant *self, struct mm_struct *mm, u32 file, u64 first, u64 last)
{
	struct range_entry e;

	for (u64 at = 0; tree_find(self, &mm->mm_mt, at, UINT64_MAX, &e); at = e.end) {
		const struct vm_area_struct *vma = PTR(self, e.ref);
		u64 low, high, pgoff = vma_pgoff(vma);

		if (vma->vm_file != file || pgoff >= last || pgoff + vma_pages(vma) <= first)
			continue;
		low = e.start + ((max_u64(first, pgoff) - pgoff) << PAGE_SHIFT);
		high = e.start + ((min_u64(last, pgoff + vma_pages(vma)) - pgoff) << PAGE_SHIFT);
		pte_walk(self, &mm->pgd, low, high, zap_cached, NULL);
	}
}

static void punch(struct participant *self, struct file *file, u64 first, u64 last)
{
	struct mm_struct *mms = mm_table(self->seg);

	file_punch(self, file, first, last);
	for (u32 i = 0; i < self->seg->hdr->config.mms_max; i++) {
		u32 id = load_acquire_u32(&mms[i].id);

		if (!id || mmap_read_lock(self, &mms[i], id) != 0)
			continue;
		unmap_in(self, &mms[i], file_id(file), first, last);
		mmap_read_unlock(self, &mms[i]);
		rcu_make_room(self);
	}
}

s64 advise_remove(struct participant *self, struct mm_struct *mm, u32 id, u64 start, u64 end)
{
	struct range_entry e;
	s64 unmapped = 0;

	while (start < end) {
		const struct vm_area_struct *vma;
		u64 stop, first;
		u32 file = 0;
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
		if (!err && file_map(self, vma->vm_file))
			file = vma->vm_file;
		mmap_read_unlock(self, mm);
		if (err)
			return err;
		if (file) {
			punch(self, file_get(self->seg, file), first,
			      first + ((stop - start) >> PAGE_SHIFT));
			file_unmap(self, file);
		}
		start = stop;
	}
	return unmapped;
}
