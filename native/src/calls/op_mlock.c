/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_mlock.c: mlock, mlock2, munlock, mlockall, munlockall.
 *
 *   mmap_lock write: limits -> for each VMA of the range: stamp; merge, or split at the edges;
 *   VM_LOCKED, VM_LOCKONFAULT -> unlock -> fault in what was locked
 *
 * VMAs changed before a failure (a hole, no memory) stay changed. There is no reclaim here, so
 * being locked shows in what other calls answer and in what is counted. locked_vm can be more than
 * the pages of locked VMAs: MREMAP_DONTUNMAP counts the new place and does not take back the old.
 * (kernel: mm/mlock.c)
 */
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "vmalab/ops.h"

static bool can_do_mlock(const struct mm_struct *mm)
{
	return mm->memlock_limit != 0 || (mm->options & MM_CAP_IPC_LOCK);
}

static int mlock_fixup(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		       u64 start, u64 end, u64 locked)
{
	u64 old = vma->vm_flags & VM_LOCKED_MASK, pages = (end - start) >> PAGE_SHIFT;
	struct vma_merge_struct vmg;
	int err;

	if (old == locked || (vma->vm_flags & (VM_SPECIAL | VM_DROPPABLE)))
		return 0; /* these cannot be locked, and nobody is told */
	err = vma_lock_for_request(self, mm, vma);
	if (err)
		return err;
	vmg_from_vma(self, &vmg, mm, vma, start, end);
	vmg.flags = (vmg.flags & ~VM_LOCKED_MASK) | locked;
	err = vma_modify(self, &vmg, &vma);
	if (err)
		return err;
	if ((old ^ locked) & VM_LOCKED)
		mm->locked_vm += locked & VM_LOCKED ? pages : -pages;
	vm_flags_reset(mm, vma, vmg.flags);
	return 0;
}

/* (kernel: apply_vma_lock_flags) */
static int lock_range(struct participant *self, struct mm_struct *mm, u64 start, u64 end,
		      u64 locked)
{
	while (start < end) {
		struct vm_area_struct *vma = vma_lookup(self, mm, start);
		u64 stop;
		int err;

		if (!vma)
			return -ENOMEM;
		stop = min_u64(vma->vm_end, end);
		err = mlock_fixup(self, mm, vma, start, stop, locked);
		if (err)
			return err;
		start = stop;
	}
	return 0;
}

/* Pages of the range that are locked already: they are not asked for twice. */
static u64 locked_pages_in(struct participant *self, struct mm_struct *mm, u64 start, u64 end)
{
	struct range_entry e;
	u64 pages = 0;

	for (; start < end && tree_find(self, &mm->mm_mt, start, end, &e); start = e.end) {
		const struct vm_area_struct *vma = PTR(self, e.ref);

		if (vma->vm_flags & VM_LOCKED)
			pages += (min_u64(e.end, end) - max_u64(e.start, start)) >> PAGE_SHIFT;
	}
	return pages;
}

static bool within_limit(struct participant *self, struct mm_struct *mm, u64 start, u64 len)
{
	u64 limit = mm->memlock_limit >> PAGE_SHIFT;
	u64 pages = (len >> PAGE_SHIFT) + mm->locked_vm;

	if ((mm->options & MM_CAP_IPC_LOCK) || pages <= limit)
		return true;
	return pages - locked_pages_in(self, mm, start, start + len) <= limit;
}

s64 op_mlock(struct participant *self, u64 id, u64 addr, u64 len, u32 flags)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 start = addr & PAGE_MASK;
	s64 err;

	if (!mm)
		return VL_S_NO_MM;
	if (flags & ~MLOCK_ONFAULT)
		return -EINVAL;
	len = PAGE_ALIGN(len + (addr & ~PAGE_MASK));
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	if (!can_do_mlock(mm))
		err = -EPERM;
	else if (!within_limit(self, mm, start, len))
		err = -ENOMEM;
	else if (start + len < start)
		err = -EINVAL;
	else
		err = lock_range(self, mm, start, start + len,
				 VM_LOCKED | (flags & MLOCK_ONFAULT ? VM_LOCKONFAULT : 0));
	mmap_write_unlock(self, mm);
	if (err)
		return err;
	err = mm_populate(self, id, start, len, true);
	/* What POSIX wants to hear. (kernel: __mlock_posix_error_return) */
	return err == -EFAULT ? -ENOMEM : err == -ENOMEM ? -EAGAIN : err;
}

s64 op_munlock(struct participant *self, u64 id, u64 addr, u64 len)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 start = addr & PAGE_MASK;
	s64 err;

	if (!mm)
		return VL_S_NO_MM;
	len = PAGE_ALIGN(len + (addr & ~PAGE_MASK));
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	err = start + len < start ? -EINVAL : lock_range(self, mm, start, start + len, 0);
	mmap_write_unlock(self, mm);
	return err;
}

/* What cannot be changed stays as it is; no error is told. (kernel: apply_mlockall_flags) */
static void lock_all(struct participant *self, struct mm_struct *mm, u32 flags)
{
	u64 onfault = flags & MCL_ONFAULT ? VM_LOCKONFAULT : 0, addr = 0;
	struct range_entry e;

	mm->def_flags &= (u32)~VM_LOCKED_MASK;
	if (flags & MCL_FUTURE)
		mm->def_flags |= (u32)(VM_LOCKED | onfault);
	if ((flags & MCL_FUTURE) && !(flags & MCL_CURRENT))
		return;
	while (tree_find(self, &mm->mm_mt, addr, UINT64_MAX, &e)) {
		(void)mlock_fixup(self, mm, PTR(self, e.ref), max_u64(addr, e.start), e.end,
				  flags & MCL_CURRENT ? VM_LOCKED | onfault : 0);
		addr = e.end;
	}
}

s64 op_mlockall(struct participant *self, u64 id, u32 flags)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	s64 err = 0;

	if (!mm)
		return VL_S_NO_MM;
	if (!flags || (flags & ~(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT)) || flags == MCL_ONFAULT)
		return -EINVAL;
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	if (!can_do_mlock(mm))
		err = -EPERM;
	else if ((flags & MCL_CURRENT) && mm->total_vm > mm->memlock_limit >> PAGE_SHIFT &&
		 !(mm->options & MM_CAP_IPC_LOCK))
		err = -ENOMEM;
	else
		lock_all(self, mm, flags);
	mmap_write_unlock(self, mm);
	if (!err && (flags & MCL_CURRENT))
		(void)mm_populate(self, id, 0, TASK_SIZE, false);
	return err;
}

s64 op_munlockall(struct participant *self, u64 id)
{
	struct mm_struct *mm = mm_find(self->seg, id);

	if (!mm || mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	lock_all(self, mm, 0);
	mmap_write_unlock(self, mm);
	return 0;
}
