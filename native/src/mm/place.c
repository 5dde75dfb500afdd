/* SPDX-License-Identifier: Apache-2.0 */
/*
 * place.c: where a mapping goes: hints, top-down placement, guard gaps below stacks, alignment
 * of large areas. (kernel: get_unmapped_area, arch_get_unmapped_area_topdown on x86-64,
 * thp_get_unmapped_area)
 */
#include "vmalab/lock_model.h"
#include "vmalab/merge.h"
#include "vmalab/uapi.h"

#define BOTTOM_UP_BASE (TASK_SIZE / 3 & PAGE_MASK)
#define LOW_MAP_START  0x40000000ul
#define LOW_MAP_END    0x80000000ul
#define LOW_4G         0x100000000ul

u64 vm_start_gap(const struct vm_area_struct *vma)
{
	if (!(vma->vm_flags & VM_GROWSDOWN))
		return vma->vm_start;
	return vma->vm_start > STACK_GUARD_GAP ? vma->vm_start - STACK_GUARD_GAP : 0;
}

static u64 unmapped_area_topdown(struct participant *self, struct mm_struct *mm, u64 low, u64 high,
				 u64 len)
{
	for (;;) { /* each turn lowers high past a stack's guard gap, so it ends */
		u64 addr = tree_gap_highest(self, &mm->mm_mt, low, high, len);
		const struct vm_area_struct *next;

		if (addr == UINT64_MAX)
			return addr;
		next = find_vma(self, mm, addr);
		if (!next || !(next->vm_flags & VM_GROWSDOWN) || vm_start_gap(next) >= addr + len)
			return addr;
		high = vm_start_gap(next);
	}
}

static u64 unmapped_area_bottomup(struct participant *self, struct mm_struct *mm, u64 low, u64 high,
				  u64 len)
{
	for (;;) { /* each turn raises low past a stack, so it ends */
		u64 addr = tree_gap_lowest(self, &mm->mm_mt, low, high, len);
		const struct vm_area_struct *next;

		if (addr == UINT64_MAX)
			return addr;
		next = find_vma(self, mm, addr);
		if (!next || vm_start_gap(next) >= addr + len)
			return addr;
		low = next->vm_end;
	}
}

/* MAP_32BIT: the second GiB, upwards. The kernel begins at a random page of its first 32 MiB where
 * the layout of address spaces is randomized; here it never is. */
static s64 place_low(struct participant *self, struct mm_struct *mm, u64 addr, u64 len)
{
	const struct vm_area_struct *vma;
	u64 found;

	if (len > LOW_MAP_END)
		return -ENOMEM;
	if (addr) {
		addr = PAGE_ALIGN(addr);
		vma = find_vma(self, mm, addr);
		if (LOW_MAP_END - len >= addr && (!vma || addr + len <= vm_start_gap(vma)))
			return (s64)addr;
	}
	found = unmapped_area_bottomup(self, mm, LOW_MAP_START, LOW_MAP_END, len);
	return found == UINT64_MAX ? -ENOMEM : (s64)found;
}

static s64 place(struct participant *self, struct mm_struct *mm, u64 addr, u64 len, u32 flags)
{
	const struct vm_area_struct *vma;
	u64 found, low = flags & MAP_ABOVE4G ? LOW_4G : PAGE_SIZE;

	if (flags & MAP_32BIT)
		return place_low(self, mm, addr, len);
	addr &= PAGE_MASK;
	if (addr && addr <= TASK_SIZE - len) {
		vma = find_vma(self, mm, addr);
		if (!vma || addr + len <= vm_start_gap(vma))
			return (s64)addr;
	}
	found = unmapped_area_topdown(self, mm, low, mm->mmap_base, len);
	if (found == UINT64_MAX)
		found = unmapped_area_bottomup(self, mm, BOTTOM_UP_BASE, TASK_SIZE, len);
	return found == UINT64_MAX ? -ENOMEM : (s64)found;
}

/* Asks for len plus a huge page and takes the aligned part. 0: does not apply or does not fit. */
static s64 place_huge_aligned(struct participant *self, struct mm_struct *mm, u64 addr, u64 len,
			      u64 off, u32 flags)
{
	u64 off_end = off + len, off_align = ALIGN_UP(off, PMD_SIZE), sub;
	s64 found;

	if (off_end <= off_align || off_end - off_align < PMD_SIZE || len + PMD_SIZE > TASK_SIZE)
		return 0;
	found = place(self, mm, addr, len + PMD_SIZE, flags);
	if (found < 0)
		return 0;
	if ((u64)found == addr)
		return (s64)addr;
	sub = (off - (u64)found) & (PMD_SIZE - 1);
	return sub ? found + (s64)sub : found + (s64)PMD_SIZE;
}

/* Where the caller says, or the kernel's choice; not yet checked. */
static s64 choose(struct participant *self, struct mm_struct *mm, const struct file *file, u64 addr,
		  u64 len, u64 pgoff, u32 flags)
{
	s64 found = 0;

	if (flags & MAP_FIXED)
		return (s64)addr;
	if (file && !file_is_shmem(file))
		found = place_huge_aligned(self, mm, addr, len, pgoff << PAGE_SHIFT, flags);
	else if (!file && !addr && !(flags & MAP_SHARED) && len % PMD_SIZE == 0)
		found = place_huge_aligned(self, mm, addr, len, 0, flags);
	return found ? found : place(self, mm, addr, len, flags);
}

#define ERRNO_END (-1000)

s64 get_unmapped_area(struct participant *self, struct mm_struct *mm, const struct file *file,
		      u64 addr, u64 len, u64 pgoff, u32 flags)
{
	s64 found;

	if (len > TASK_SIZE)
		return -ENOMEM;
	if (!file)
		pgoff = 0; /* an offset says nothing about anonymous memory */
	found = choose(self, mm, file, addr, len, pgoff, flags);
	/* A fixed address in the last page of all looks like an error, to the kernel too. What is
	 * no errno, as a block sees it, stays ENOMEM. */
	if (found < 0 && (!(flags & MAP_FIXED) || found > ERRNO_END))
		return found;
	if ((u64)found > TASK_SIZE - len)
		return -ENOMEM;
	if (found & (s64)~PAGE_MASK)
		return -EINVAL;
	if ((u64)found < self->seg->hdr->config.mmap_min_addr && !(mm->options & MM_CAP_SYS_RAWIO))
		return -EPERM;
	return found;
}
