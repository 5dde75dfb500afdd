/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_brk.c: the program break.
 *
 *   grow    merge with the VMA that ends at the break, or: fields, stamp, tree store, attach (after
 *           the store, as the kernel does here)
 *   shrink  mm.brk first, then munmap of the tail, which downgrades; restored when that fails
 *
 * (kernel: mm/mmap.c brk, do_brk_flags)
 */
#include "vmalab/lock_model.h"
#include "vmalab/munmap.h"
#include "vmalab/op_fault.h"
#include "vmalab/ops.h"

#define BRK_FLAGS (VM_READ | VM_WRITE | VM_MAYALL | VM_ACCOUNT)

static int brk_grow(struct participant *self, struct mm_struct *mm, u64 start, u64 end)
{
	struct vm_area_struct *prev = find_vma_prev(self, mm, start), *vma;
	struct vma_merge_struct vmg = {
		.mm = mm,
		.prev = prev,
		.start = start,
		.end = end,
		.pgoff = start >> PAGE_SHIFT,
		.flags = BRK_FLAGS | mm->def_flags,
		.just_expand = true,
	};
	u64 pages = (end - start) >> PAGE_SHIFT;

	if (!mlock_future_ok(mm, vmg.flags, end - start) || !may_expand_vm(mm, vmg.flags, pages) ||
	    !vm_enough_memory(self, mm, (s64)pages) || mm->map_count > mm->map_count_max ||
	    !vmas_may_grow(self, mm, 1))
		return -ENOMEM;
	/* What ends where the heap begins, the program's bss, is no part of it. */
	if (prev && prev->vm_end == start && start > mm->start_brk &&
	    vma_merge_new_range(self, &vmg))
		goto out;
	vma = vm_area_alloc(self, mm);
	if (!vma)
		return -ENOMEM;
	if (tree_preallocate(self, &mm->mm_mt, start, end) != 0) {
		tree_prealloc_free(self);
		vm_area_free(self, vma);
		return -ENOMEM;
	}
	vma->vm_flags = vmg.flags;
	vma_set_range(vma, start, end, start >> PAGE_SHIFT);
	vma_set_page_prot(vma);
	GHOST(complete(vma));
	vma_start_write(self, mm, vma);
	tree_store(self, &mm->mm_mt, start, end, REF(self, vma));
	vma_mark_attached(self, mm, vma);
	vma_inflight_done(self, vma);
	vmas_count(self, mm, 1);
out:
	mm_account(mm, vmg.flags, (s64)pages);
	return 0;
}

/* mmap_lock write is held; *unlocked tells that it was released. */
static void do_brk(struct participant *self, struct mm_struct *mm, u64 brk, bool *unlocked)
{
	u64 old_brk = mm->brk, from = PAGE_ALIGN(mm->brk), to = PAGE_ALIGN(brk);
	const struct vm_area_struct *vma;

	if (brk < mm->start_brk || mm->start_brk == 0)
		return;
	/* The program's own data counts too, for the kernel, which knows where it is. */
	if (brk - mm->start_brk > mm->data_limit && mm->data_limit != LIMIT_INFINITY)
		return;
	if (to == from) {
		store_relaxed_u64(&mm->brk, brk);
		return;
	}
	if (brk < old_brk) {
		vma = find_vma_intersection(self, mm, to, from);
		if (!vma || vma->vm_start >= from)
			return;
		store_relaxed_u64(&mm->brk, brk);
		*unlocked = true;
		if (do_munmap(self, mm, to, from - to, true) != 0)
			store_relaxed_u64(&mm->brk, old_brk);
		return;
	}
	if (to > TASK_SIZE || to < from) /* the last page of all is rounded to 0 */
		return;
	vma = find_vma(self, mm, from);
	if (vma && to + PAGE_SIZE > vm_start_gap(vma))
		return;
	if (brk_grow(self, mm, from, to) == 0)
		store_relaxed_u64(&mm->brk, brk);
}

s64 op_brk(struct participant *self, u64 id, u64 brk)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	bool unlocked = false, populate;
	u64 result, old;

	if (!mm || mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	old = mm->brk;
	do_brk(self, mm, brk, &unlocked);
	result = mm->brk;
	populate = result > old && (mm->def_flags & VM_LOCKED);
	if (!unlocked)
		mmap_write_unlock(self, mm);
	if (populate)
		(void)mm_populate(self, id, PAGE_ALIGN(old), PAGE_ALIGN(result) - PAGE_ALIGN(old),
				  false);
	return (s64)result;
}
