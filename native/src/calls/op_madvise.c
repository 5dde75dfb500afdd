/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_madvise.c: madvise and process_madvise.
 *
 *   flags of VMAs (DONTFORK, HUGEPAGE, ...)     mmap_lock write: stamp, merge or split, set
 *   pages (DONTNEED, FREE, GUARD_*)             the VMA lock for reading if the range lies in one
 *                                               VMA, else mmap_lock read
 *   populate (POPULATE_READ, POPULATE_WRITE)    mmap_lock read, faults
 *   COLLAPSE                                    mmap_lock read, fills whole huge pages
 *   hole in a file (REMOVE)                     mmap_lock read for the check; then each mm that
 *                                               maps the file, one after the other
 *   hints (WILLNEED, COLD, PAGEOUT)             mmap_lock read; pages of files come in, none goes:
 *                                               there is no reclaim here
 *
 * A hole does not stop the walk; it makes the answer -ENOMEM at the end. HWPOISON and SOFT_OFFLINE
 * are refused with EINVAL, as by a kernel without CONFIG_MEMORY_FAILURE. (kernel: mm/madvise.c)
 */
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "advise.h"

#define MAX_RW_COUNT       (0x7ffffffful & PAGE_MASK) /* the most bytes of one vector */
#define WILLNEED_PAGES_MAX 8192 /* of one area; the kernel stops where memory does */

enum advice_kind {
	ADVICE_BAD,
	ADVICE_FLAGS,
	ADVICE_PAGES,
	ADVICE_POPULATE,
	ADVICE_REMOVE,
	ADVICE_HINT
};

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
	case MADV_DONTNEED_LOCKED:
	case MADV_FREE:
	case MADV_GUARD_INSTALL:
	case MADV_GUARD_REMOVE:
		return ADVICE_PAGES;
	case MADV_REMOVE:
		return ADVICE_REMOVE;
	case MADV_POPULATE_READ:
	case MADV_POPULATE_WRITE:
		return ADVICE_POPULATE;
	case MADV_WILLNEED:
	case MADV_COLD:
	case MADV_PAGEOUT:
	case MADV_COLLAPSE:
		return ADVICE_HINT;
	default:
		return ADVICE_BAD;
	}
}

/* The flags that vma gets in the place of *flags, or -errno. */
static int advice_flags(const struct vm_area_struct *vma, u32 advice, u64 *flags)
{
	u64 f = *flags;

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
		if (!(f & (VM_SHARED | VM_MAYSHARE | VM_SPECIAL | VM_DROPPABLE)))
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
		if (f & (VM_SPECIAL | VM_DROPPABLE))
			return -EINVAL;
		f &= ~VM_DONTDUMP;
		break;
	case MADV_WIPEONFORK:
		if (vma->vm_file || (f & VM_SHARED))
			return -EINVAL;
		f |= VM_WIPEONFORK;
		break;
	case MADV_KEEPONFORK:
		if (f & VM_DROPPABLE)
			return -EINVAL;
		f &= ~VM_WIPEONFORK;
		break;
	}
	*flags = f;
	return 0;
}

static int advise_flags(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
			u64 start, u64 end, u32 advice)
{
	u64 old = load_relaxed_u64(&vma->vm_flags),
	    flags = old; /* relaxed: what decides is stable */
	struct vma_merge_struct vmg;
	int err = advice_flags(vma, advice, &flags);

	if (err || flags == old)
		return err;
	err = vma_lock_for_request(self, mm, vma);
	if (err)
		return err;
	vmg_from_vma(self, &vmg, mm, vma, start, end);
	(void)advice_flags(vma, advice, &vmg.flags); /* again, now that no more are set */
	err = vma_modify(self, &vmg, &vma);
	if (err)
		return err == -ENOMEM ? -EAGAIN : err; /* the kernel maps it so for madvise */
	vm_flags_reset(mm, vma, vmg.flags);
	return 0;
}

/* What would lose pages of a sealed area is refused, unless the program could as well write over
 * them, or they come from a file. (kernel: can_madvise_modify) */
bool sealed_against(const struct vm_area_struct *vma, u32 advice)
{
	if (!vma_is_sealed(vma) || !vma_is_anonymous(vma) || (vma->vm_flags & VM_WRITE))
		return false;
	switch (advice) {
	case MADV_FREE:
	case MADV_DONTNEED:
	case MADV_DONTNEED_LOCKED:
	case MADV_REMOVE:
	case MADV_DONTFORK:
	case MADV_WIPEONFORK:
	case MADV_GUARD_INSTALL:
		return true;
	default:
		return false;
	}
}

/* vma is held by mmap_lock or by its lock for reading. Who faults at the same time may put pages
 * back; who stores into a page that goes away stored before. */
static int advise_pages(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
			u64 start, u64 end, u32 advice)
{
	u64 never = VM_PFNMAP | (advice == MADV_DONTNEED_LOCKED ? 0 : VM_LOCKED);

	if (advice == MADV_GUARD_INSTALL)
		return guard_install(self, mm, vma, start, end);
	if (advice == MADV_GUARD_REMOVE)
		return guard_remove(self, mm, vma, start, end);
	if (vma->vm_flags & never)
		return -EINVAL;
	if (advice == MADV_FREE)
		return vma_is_anonymous(vma)
			       ? 0
			       : -EINVAL; /* lazily freed: there is no memory pressure here */
	zap_pages_only(self, mm, vma, start, end);
	return 0;
}

/* (kernel: madvise_willneed, force_page_cache_readahead) */
static void advise_willneed(struct participant *self, const struct vm_area_struct *vma, u64 start,
			    u64 end)
{
	u64 pgoff = linear_page_index(vma, start), pages = (end - start) >> PAGE_SHIFT;

	if (vma->vm_file)
		file_read_ahead(self, file_get(self->seg, vma->vm_file), pgoff,
				pgoff + min_u64(pages, WILLNEED_PAGES_MAX));
}

static int advise_hint(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		       u64 start, u64 end, u32 advice)
{
	if (advice == MADV_COLLAPSE)
		return collapse(self, mm, vma, start, end);
	if (advice == MADV_WILLNEED)
		advise_willneed(self, vma, start, end);
	else if (vma->vm_flags & (VM_LOCKED | VM_PFNMAP))
		return -EINVAL;
	return 0;
}

static int advise_one(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		      u64 start, u64 end, u32 advice)
{
	if (sealed_against(vma, advice))
		return -EPERM;
	switch (advice_kind(advice)) {
	case ADVICE_FLAGS:
		return advise_flags(self, mm, vma, start, end, advice);
	case ADVICE_PAGES:
		return advise_pages(self, mm, vma, start, end, advice);
	default:
		return advise_hint(self, mm, vma, start, end, advice);
	}
}

/* (kernel: madvise_walk_vmas) */
static s64 advise_walk(struct participant *self, struct mm_struct *mm, u64 start, u64 end,
		       u32 advice)
{
	struct range_entry e;
	s64 unmapped = 0;
	int err = 0;

	while (start < end && !err) {
		u64 stop;

		if (!tree_find(self, &mm->mm_mt, start, UINT64_MAX, &e))
			return -ENOMEM;
		if (start < e.start) {
			unmapped = -ENOMEM;
			start = e.start;
			if (start >= end)
				break;
		}
		stop = min_u64(e.end, end);
		err = advise_one(self, mm, PTR(self, e.ref), start, stop, advice);
		start = stop;
	}
	return err ? err : unmapped;
}

/* One VMA, its own lock: true if the advice was given this way. Guards need an anon_vma, which
 * takes mmap_lock to make. (kernel: try_vma_read_lock) */
static bool advise_vma_lock(struct participant *self, struct mm_struct *mm, u64 id, u64 start,
			    u64 end, u32 advice, s64 *result)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(self, mm, id, start, HOLD_VMA);

	if (!vma)
		return false;
	if (end > vma->vm_end || vma_is_armed(vma) ||
	    (advice == MADV_GUARD_INSTALL && vma_is_anonymous(vma) &&
	     !load_acquire_u32(&vma->anon_vma))) {
		vma_end_read(self, vma);
		return false;
	}
	STEP(advise_locked, vma);
	*result = advise_one(self, mm, vma, start, end, advice);
	vma_end_read(self, vma);
	return true;
}

/* The range is right and not empty. */
static s64 advise(struct participant *self, struct mm_struct *mm, u64 id, u64 addr, u64 end,
		  u32 advice)
{
	enum advice_kind kind = advice_kind(advice);
	s64 result;

	if (kind == ADVICE_REMOVE)
		return advise_remove(self, mm, id, addr, end);
	if (kind == ADVICE_FLAGS) {
		if (mmap_write_lock(self, mm, id) != 0)
			return VL_S_NO_MM;
		result = advise_walk(self, mm, addr, end, advice);
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
		result = advise_walk(self, mm, addr, end, advice);
	mmap_read_unlock(self, mm);
	return result;
}

static bool advice_valid(u64 addr, u64 len, u32 advice)
{
	u64 size = PAGE_ALIGN(len);

	return advice_kind(advice) != ADVICE_BAD && !(addr & ~PAGE_MASK) && !(len && !size) &&
	       addr + size >= addr;
}

s64 op_madvise(struct participant *self, u64 id, u64 addr, u64 len, u32 advice)
{
	struct mm_struct *mm = mm_find(self->seg, id);

	if (!mm)
		return VL_S_NO_MM;
	if (!advice_valid(addr, len, advice))
		return -EINVAL;
	if (len == 0)
		return 0;
	return advise(self, mm, id, addr, addr + PAGE_ALIGN(len), advice);
}

/* What one process may advise another. (kernel: process_madvise_remote_valid) */
static bool remote_valid(u32 advice)
{
	return advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED ||
	       advice == MADV_COLLAPSE;
}

/* Bytes that were advised before the first range that failed, or its error if it was the first. At
 * most MAX_RW_COUNT bytes count. Ranges of no length are looked at only while nothing of the count
 * was used, and not at all where it is nothing. (kernel: import_iovec, vector_madvise) */
s64 op_process_madvise(struct participant *self, u64 id, u32 advice, bool remote, const u64 *ranges,
		       u32 count)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 left = 0, done = 0;
	s64 result = 0;

	if (!mm)
		return VL_S_NO_MM;
	for (u32 i = 0; i < count; i++) {
		if ((s64)ranges[2 * i + 1] < 0)
			return -EINVAL; /* no length of an iovec */
	}
	for (u32 i = 0; i < count; i++) {
		u64 len = ranges[2 * i + 1];

		if (ranges[2 * i] > TASK_SIZE ||
		    min_u64(len, MAX_RW_COUNT) > TASK_SIZE - ranges[2 * i])
			return -EFAULT;
		left += min_u64(len, MAX_RW_COUNT - left);
	}
	if (remote && !remote_valid(advice))
		return -EINVAL;
	for (u32 i = 0; i < count && left; i++) {
		u64 len = min_u64(ranges[2 * i + 1], left);

		if (len == 0 && i > 0)
			continue;
		result = op_madvise(self, id, ranges[2 * i], len, advice);
		if (result < 0)
			break;
		done += len;
		left -= len;
	}
	return done ? (s64)done : result;
}
