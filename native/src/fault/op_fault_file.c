/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_fault_file.c: which page of its file a fault gets. The VMA is held by its lock or by
 * mmap_lock, RCU is held.
 */
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"

/* A page of a file on disk that is not in memory comes with others around it; with those after it
 * where the program has said that it reads in order; alone where it reads at random; with those
 * after it as far as they are mapped where it is code.
 * (kernel: do_sync_mmap_readahead, with read_ahead_kb 128) */
static void fault_read_around(struct participant *self, const struct vm_area_struct *vma,
			      struct file *file, u64 pgoff)
{
	u64 first = pgoff, end;

	if (file->kind != VMA_FILE || (vma->vm_flags & VM_RAND_READ))
		return;
	if (!(vma->vm_flags & (VM_SEQ_READ | VM_EXEC)))
		first = pgoff > READ_AHEAD_PAGES / 2 ? pgoff - READ_AHEAD_PAGES / 2 : 0;
	end = first + READ_AHEAD_PAGES;
	if ((vma->vm_flags & (VM_SEQ_READ | VM_EXEC)) == VM_EXEC)
		end = min_u64(end, vma_pgoff(vma) + vma_pages(vma));
	file_read_ahead(self, file, first, end);
}

/* Of a VMA that is registered: the file has the page and the VMA's owner wants to know, or it has
 * not and he wants to know that. Else the page, or FRAME_NONE: one has to be made. (kernel:
 * shmem_get_folio_gfp) */
static int registered_page(struct participant *self, const struct mm_struct *mm,
			   const struct vm_area_struct *vma, const struct file *file, u64 pgoff,
			   u32 *frame, struct fault *f)
{
	if (file_beyond_end(file, pgoff))
		return FAULT_SIGBUS;
	*frame = file_page_find(self->seg, file, pgoff);
	if (*frame != FRAME_NONE && (vma->vm_flags & VM_UFFD_MINOR))
		return user_fault(self, mm, vma, f, FAULT_INFO_USER_MINOR);
	if (*frame == FRAME_NONE && (vma->vm_flags & VM_UFFD_MISSING))
		return user_fault(self, mm, vma, f, 0);
	return FAULT_OK;
}

int fault_file_page(struct participant *self, const struct mm_struct *mm,
		    const struct vm_area_struct *vma, struct file *file, u64 pgoff, u32 *frame,
		    struct fault *f)
{
	bool resident = file_page_resident(self->seg, file, pgoff), sigbus = false;
	int err;

	*frame = FRAME_NONE;
	if (unlikely(vma->vm_flags & (VM_UFFD_MISSING | VM_UFFD_MINOR))) {
		err = registered_page(self, mm, vma, file, pgoff, frame, f);
		if (err)
			return err;
	}
	if (likely(*frame == FRAME_NONE))
		*frame = file_page(self, file, pgoff, &sigbus);
	if (*frame == FRAME_NONE)
		return sigbus ? FAULT_SIGBUS : FAULT_OOM;
	if (unlikely(!resident))
		fault_read_around(self, vma, file, pgoff);
	return FAULT_OK;
}
