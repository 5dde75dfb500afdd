/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack.c: stacks that grow by a fault.
 *
 *   reserve nodes, anon_vma, stamp, vm_start, ONE tree store; under mmap_lock write (the lesson of
 *   StackRot, CVE-2023-3269)
 *
 * (kernel: mm/vma.c expand_downwards)
 */
#include "vmalab/lock_model.h"
#include "vmalab/merge.h"

int expand_stack(struct participant *self, struct mm_struct *mm, u64 addr)
{
	struct vm_area_struct *vma = find_vma(self, mm, addr), *prev;
	u64 pages;

	addr &= PAGE_MASK;
	if (!vma || !(vma->vm_flags & VM_GROWSDOWN) || addr < mmap_min_hint(self->seg))
		return -ENOMEM;
	if (vma->vm_start <= addr)
		return 0; /* someone else grew it */
	prev = find_vma_prev(self, mm, vma->vm_start);
	if (prev && !(prev->vm_flags & VM_GROWSDOWN) && (prev->vm_flags & VM_ACCESS_FLAGS) &&
	    addr < prev->vm_end + STACK_GUARD_GAP)
		return -ENOMEM;
	if (prev && prev->vm_end > addr)
		return -ENOMEM;
	/* Also before a growth that is refused: later merges and accounting show it. */
	if (anon_vma_prepare(self, mm, vma) != 0)
		return -ENOMEM;
	pages = (vma->vm_start - addr) >> PAGE_SHIFT;
	if (pages > vma_pgoff(vma) || !may_expand_vm(mm, vma->vm_flags, pages) ||
	    vma->vm_end - addr > mm->stack_limit ||
	    !mlock_future_ok(mm, vma->vm_flags, pages << PAGE_SHIFT) ||
	    !vm_enough_memory(self, mm, (s64)pages))
		return -ENOMEM;
	if (tree_preallocate(self, &mm->mm_mt, addr, vma->vm_end) != 0) {
		tree_prealloc_free(self);
		return -ENOMEM;
	}
	STEP(stack_found, vma);
	if (!MUTANT(stack_grows_unlocked) && !MUTANT(stack_grows_read_locked))
		vma_start_write(self, mm, vma);
	vma_set_range(vma, addr, vma->vm_end, linear_page_index(vma, addr));
	vma_iter_store_overwrite(self, mm, vma, addr, vma->vm_end);
	STEP(stack_grown, vma);
	mm_account(mm, vma->vm_flags, (s64)pages);
	return 0;
}
