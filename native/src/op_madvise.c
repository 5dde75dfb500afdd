/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_madvise.c (L5): madvise and mincore.
 *
 *   flags of VMAs (DONTFORK, HUGEPAGE, ...)     mmap_lock write: merge or split, stamp, set
 *   pages (DONTNEED, FREE)                      the VMA lock for reading if the range lies in one
 * VMA, else mmap_lock read populate (POPULATE_READ, POPULATE_WRITE)    mmap_lock read, faults hints
 * (WILLNEED, COLD, PAGEOUT)             mmap_lock read; checks only, there is no reclaim here
 *
 * A hole does not stop the walk; it makes the answer -ENOMEM at the end. (kernel: mm/madvise.c,
 * mm/mincore.c)
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"

enum advice_kind { ADVICE_BAD, ADVICE_FLAGS, ADVICE_PAGES, ADVICE_POPULATE, ADVICE_HINT };

static enum advice_kind advice_kind(u32 advice)
{
	switch (advice) {
	case MADV_NORMAL:
	case MADV_RANDOM:
	case MADV_SEQUENTIAL:
	case MADV_DONTFORK:
	case MADV_DOFORK:
	case MADV_MERGEABLE:
	case MADV_UNMERGEABLE:
	case MADV_HUGEPAGE:
	case MADV_NOHUGEPAGE:
	case MADV_DONTDUMP:
	case MADV_DODUMP:
	case MADV_WIPEONFORK:
	case MADV_KEEPONFORK:
		return ADVICE_FLAGS;
	case MADV_DONTNEED:
	case MADV_FREE:
		return ADVICE_PAGES;
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return ADVICE_POPULATE;
	case MADV_WILLNEED:
	case MADV_COLD:
	case MADV_PAGEOUT:
		return ADVICE_HINT;
	default:
		return ADVICE_BAD;
	}
}

/* The flags that vma gets, or -errno. */
static int advice_flags(const struct vm_area_struct *vma, u32 advice, u64 *flags)
{
	u64 f = vma->vm_flags;

	switch (advice) {
	case MADV_NORMAL:
		f &= ~(VM_RAND_READ | VM_SEQ_READ);
		break;
	case MADV_RANDOM:
		f = (f & ~VM_SEQ_READ) | VM_RAND_READ;
		break;
	case MADV_SEQUENTIAL:
		f = (f & ~VM_RAND_READ) | VM_SEQ_READ;
		break;
	case MADV_DONTFORK:
		f |= VM_DONTCOPY;
		break;
	case MADV_DOFORK:
		if (f & VM_IO)
			return -EINVAL;
		f &= ~VM_DONTCOPY;
		break;
	case MADV_MERGEABLE:
		if (!(f & (VM_SHARED | VM_SPECIAL)))
			f |= VM_MERGEABLE;
		break;
	case MADV_UNMERGEABLE:
		f &= ~VM_MERGEABLE;
		break;
	case MADV_HUGEPAGE:
		f = (f & ~VM_NOHUGEPAGE) | VM_HUGEPAGE;
		break;
	case MADV_NOHUGEPAGE:
		f = (f & ~VM_HUGEPAGE) | VM_NOHUGEPAGE;
		break;
	case MADV_DONTDUMP:
		f |= VM_DONTDUMP;
		break;
	case MADV_DODUMP:
		if (f & VM_SPECIAL)
			return -EINVAL;
		f &= ~VM_DONTDUMP;
		break;
	case MADV_WIPEONFORK:
		if (vma->vm_file || (f & VM_SHARED))
			return -EINVAL;
		f |= VM_WIPEONFORK;
		break;
	case MADV_KEEPONFORK:
		f &= ~VM_WIPEONFORK;
		break;
	}
	*flags = f;
	return 0;
}

static int advise_flags(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
			u64 start, u64 end, u32 advice)
{
	struct vma_merge_struct vmg;
	u64 flags;
	int err = advice_flags(vma, advice, &flags);

	if (err || flags == vma->vm_flags)
		return err;
	vmg_from_vma(&vmg, mm, vma, start, end);
	vmg.flags = flags;
	err = vma_modify(self, &vmg, &vma);
	if (err)
		return err == -ENOMEM ? -EAGAIN : err; /* the kernel maps it so for madvise */
	vma_start_write(self, mm, vma);
	GHOST(change(vma, "vm_flags"));
	store_relaxed_u64(&vma->vm_flags,
			  flags); /* readers are excluded; a stale one sees old or new */
	return 0;
}

/* vma is held by mmap_lock or by its lock for reading. Who faults at the same time may put pages
 * back; who stores into a page that goes away stored before. MADV_FREE frees at once, which its
 * contract allows. */
static int advise_pages(struct participant *self, struct mm_struct *mm,
			const struct vm_area_struct *vma, u64 start, u64 end, u32 advice)
{
	if (vma->vm_flags & (VM_PFNMAP | VM_LOCKED))
		return -EINVAL;
	if (advice == MADV_FREE)
		return vma_is_anonymous(vma)
			       ? 0
			       : -EINVAL; /* lazily freed: there is no memory pressure here */
	zap_page_range(self, mm, start, end);
	return 0;
}

static int advise_hint(const struct vm_area_struct *vma, u32 advice)
{
	if (advice != MADV_WILLNEED && (vma->vm_flags & (VM_LOCKED | VM_PFNMAP)))
		return -EINVAL;
	return 0;
}

/* (kernel: madvise_walk_vmas) */
static s64 advise_walk(struct participant *self, struct mm_struct *mm, u64 start, u64 end,
		       u32 advice, enum advice_kind kind)
{
	struct range_entry e;
	s64 unmapped = 0;
	int err = 0;

	while (start < end && !err) {
		struct vm_area_struct *vma;
		u64 stop;

		if (!tree_find(self, &mm->mm_mt, start, UINT64_MAX, &e))
			return -ENOMEM;
		vma = PTR(self, e.ref);
		if (start < e.start) {
			unmapped = -ENOMEM;
			start = e.start;
			if (start >= end)
				break;
		}
		stop = min_u64(e.end, end);
		if (kind == ADVICE_FLAGS)
			err = advise_flags(self, mm, vma, start, stop, advice);
		else if (kind == ADVICE_PAGES)
			err = advise_pages(self, mm, vma, start, stop, advice);
		else
			err = advise_hint(vma, advice);
		start = stop;
	}
	return err ? err : unmapped;
}

/* One VMA, its own lock: true if the advice was given this way. (kernel: try_vma_read_lock) */
static bool advise_vma_lock(struct participant *self, struct mm_struct *mm, u32 id, u64 start,
			    u64 end, u32 advice, s64 *result)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(self, mm, id, start, HOLD_VMA);

	if (!vma)
		return false;
	if (end > vma->vm_end) {
		vma_end_read(self, vma);
		return false;
	}
	SYNC_ON(advise_locked, vma);
	*result = advise_pages(self, mm, vma, start, end, advice);
	vma_end_read(self, vma);
	return true;
}

s64 op_madvise(struct participant *self, u32 id, u64 addr, u64 len, u32 advice)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	enum advice_kind kind = advice_kind(advice);
	u64 size = PAGE_ALIGN(len), end = addr + size;
	s64 result;

	if (!mm)
		return VL_S_NO_MM;
	if (kind == ADVICE_BAD || (addr & ~PAGE_MASK) || (len && !size) || end < addr)
		return -EINVAL;
	if (end == addr)
		return 0;
	if (kind == ADVICE_FLAGS) {
		if (mmap_write_lock(self, mm, id) != 0)
			return VL_S_NO_MM;
		result = advise_walk(self, mm, addr, end, advice, kind);
		mmap_write_unlock(self, mm);
		return result;
	}
	if (kind == ADVICE_PAGES && advise_vma_lock(self, mm, id, addr, end, advice, &result))
		return result;
	if (mmap_read_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	if (kind == ADVICE_POPULATE)
		result = faultin_page_range(self, mm, addr, end, advice == MADV_POPULATE_WRITE);
	else
		result = advise_walk(self, mm, addr, end, advice, kind);
	mmap_read_unlock(self, mm);
	return result;
}

static bool page_resident(struct participant *self, struct mm_struct *mm,
			  const struct vm_area_struct *vma, u64 addr)
{
	const pte_t *pte = pte_lookup(self->seg, &mm->pgd, addr);
	const struct file *file;

	if (pte && load_acquire_u64(pte))
		return true;
	file = vma->vm_file ? file_get(self->seg, vma->vm_file) : NULL;
	return file && file_page_resident(self->seg, file, linear_page_index(vma, addr));
}

/* One byte per page. Like the kernel, works in steps of a page of answers, each under mmap_lock of
 * its own. */
s64 op_mincore(struct participant *self, u32 id, u64 addr, u64 len, u8 *vec)
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
	}
	return 0;
}
