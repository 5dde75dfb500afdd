/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_stack_vma.c: a VMA that no cache has, in the lab core alone: pages of a file are brought in
 * for one that a function makes for itself, because what gives out pages asks a VMA whose memory
 * policy it is, and which flags it has.
 *
 *   mmap_lock write -> initialise -> write-lock, set the flags -> each page, by the policy -> drop
 *
 * It is never attached: no tree has it, nobody finds it, and it goes with the function. But who
 * changes its flags write-locks it, as any other VMA. No constructor has run on it, so its maker
 * initialises the lock too. (kernel: vma_init of a pseudo VMA, as in hugetlbfs_fallocate, which
 * sets the flags by vm_flags_init and so without the lock; vm_flags_set takes it)
 *
 * The kernel's stack is memory that all CPUs see. A process's stack is none of the segment, and a
 * lock that is waited for is named in a slot by its place there. So the VMA lies in the memory of
 * its participant. Of split-rwsem the semaphore is an object of a cache all the same; a killed
 * maker leaves it where recovery frees it, as nothing reaches it.
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"

#ifdef VL_LAB
#define LEFT 0xa5 /* what an earlier function left on the stack */

/* Everything is as in a VMA that has just been allocated. False: no memory. (kernel: vma_init) */
static bool stack_vma_init(struct participant *self, struct vm_area_struct *vma, u64 mm_id)
{
	memset(vma, LEFT, sizeof(*vma));
	vma_to_ctor_state(vma);
	vma->vm_mm = mm_id;
	if (MUTANT(stack_vma_unconstructed))
		return true;
	vma_lock_ctor(vma);
	if (!vma_lock_alloc(self, vma))
		return false;
	vma_lock_init(vma);
	return true;
}

/* It has the range and the policy of a VMA, and flags of its own. */
static void stack_vma_like(struct participant *self, struct mm_struct *mm,
			   struct vm_area_struct *vma, const struct vm_area_struct *like)
{
	vma_set_range(vma, like->vm_start, like->vm_end, vma_pgoff(like));
	vma->vm_policy = mpol_get(self, like->vm_policy);
	vma_start_write(self, mm, vma);
	vm_flags_reset(mm, vma, VM_MAYSHARE | VM_SHARED);
}

static s64 bring_in(struct participant *self, const struct vm_area_struct *vma, struct file *file,
		    u64 addr, u64 end)
{
	bool sigbus = false;
	s64 err = 0;

	rcu_read_lock(self);
	for (; addr < end && !sigbus && !err; addr += PAGE_SIZE) {
		mpol_use(self, vma);
		if (file_page(self, file, linear_page_index(vma, addr), &sigbus) == FRAME_NONE)
			err = sigbus ? 0 : -ENOMEM;
	}
	rcu_read_unlock(self);
	return err;
}

s64 op_stack_vma(struct participant *self, u64 id, u64 addr, u64 len)
{
	struct vm_area_struct *vma = (void *)self->area->stack_frame;
	struct mm_struct *mm = mm_find(self->seg, id);
	const struct vm_area_struct *like;
	s64 err = -EINVAL;

	_Static_assert(sizeof(*vma) <= sizeof(self->area->stack_frame), "STACK_BYTES");
	if (!mm || mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	like = vma_lookup(self, mm, addr);
	if (like && like->vm_file && addr + len <= like->vm_end) {
		err = -ENOMEM;
		if (stack_vma_init(self, vma, id)) {
			stack_vma_like(self, mm, vma, like);
			err = bring_in(self, vma, file_get(self->seg, like->vm_file), addr,
				       addr + len);
			mpol_put(self, vma->vm_policy);
			vma_lock_free(self, vma);
		}
	}
	mmap_write_unlock(self, mm);
	return err;
}
#endif
