/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_mmap.c: mmap.
 *
 *   mmap_lock write -> checks, flags, address
 *   -> gather what lies there (stamped, detached, still in the tree) -> limits
 *   -> zap the old pages
 *   -> merge with a neighbour, or a new VMA: fields, stamp, attach
 *   -> ONE tree store over the old range
 *   -> free the old VMAs -> unlock -> populate
 *
 * Before the zap a failure attaches the old VMAs again; after it they are gone, and the range
 * becomes a hole. (kernel: do_mmap, __mmap_region)
 */
#include "vmalab/lock_model.h"
#include "vmalab/munmap.h"
#include "vmalab/op_fault.h"
#include "vmalab/ops.h"
#include "vmalab/pkeys.h"

/* The flags that MAP_SHARED takes; MAP_SHARED_VALIDATE refuses all others. */
#define LEGACY_MAP_MASK                                                                          \
	(MAP_SHARED | MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_DENYWRITE | MAP_EXECUTABLE | \
	 MAP_UNINITIALIZED | MAP_GROWSDOWN | MAP_LOCKED | MAP_NORESERVE | MAP_POPULATE |         \
	 MAP_NONBLOCK | MAP_STACK | MAP_HUGETLB | MAP_32BIT | MAP_ABOVE4G |                      \
	 21u << MAP_HUGE_SHIFT | 30u << MAP_HUGE_SHIFT)

#define FILE_BYTES_MAX (~0ul >> 1) /* (kernel: MAX_LFS_FILESIZE) */

static u64 prot_to_flags(u32 prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

static u64 map_to_flags(u32 flags)
{
	return (flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0) | (flags & MAP_LOCKED ? VM_LOCKED : 0) |
	       (flags & MAP_SYNC ? VM_SYNC : 0) | (flags & MAP_STACK ? VM_NOHUGEPAGE : 0);
}

/* What one mmap call asks for, after the checks. */
struct map_request {
	u64 addr, len, pgoff, vm_flags;
	struct file *file; /* a reference is held */
	u32 file_open;     /* MMAP_FILE_*, and which open it is */
	u32 ops;
	u64 huge_bytes;     /* MAP_HUGETLB: the size of its pages, else 0 */
	bool shared_memory; /* it makes a file of its own */
	bool populate;      /* fault its pages in at the end, as it is locked */
};

static bool accountable(const struct map_request *req)
{
	return (req->vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

/* (kernel: memfd_check_seals_mmap) */
static int file_write_seals(struct map_request *req)
{
	if (!(req->vm_flags & VM_SHARED) || !req->file ||
	    !(file_seals(req->file) & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)))
		return 0;
	if (req->vm_flags & VM_WRITE)
		return -EPERM;
	req->vm_flags &= ~VM_MAYWRITE;
	return 0;
}

/* (kernel: do_mmap, the part for files) */
static int file_flags(struct map_request *req, u32 prot, u32 flags)
{
	u32 allowed = LEGACY_MAP_MASK |
		      (req->huge_bytes || file_is_shmem(req->file) ? 0 : MAP_SYNC);
	u32 opened = req->file_open & 3u;

	if (req->len > FILE_BYTES_MAX || req->pgoff > (FILE_BYTES_MAX - req->len) >> PAGE_SHIFT)
		return -EOVERFLOW;
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		flags &= LEGACY_MAP_MASK;
		__attribute__((fallthrough));
	case MAP_SHARED_VALIDATE:
		if (flags & ~allowed)
			return -EOPNOTSUPP;
		if ((prot & PROT_WRITE) && opened == MMAP_FILE_READ_ONLY)
			return -EACCES;
		req->vm_flags |= VM_SHARED | VM_MAYSHARE;
		if (opened == MMAP_FILE_READ_ONLY)
			req->vm_flags &= ~(VM_MAYWRITE | VM_SHARED);
		break;
	case MAP_PRIVATE:
		break;
	default:
		return -EINVAL;
	}
	if (opened == MMAP_FILE_WRITE_ONLY)
		return -EACCES;
	if (req->file_open & MMAP_FILE_NOEXEC) {
		if (req->vm_flags & VM_EXEC)
			return -EPERM;
		req->vm_flags &= ~VM_MAYEXEC;
	}
	if (req->file_open & MMAP_FILE_NO_MMAP)
		return -ENODEV;
	if (req->vm_flags & VM_GROWSDOWN)
		return -EINVAL;
	return file_write_seals(req);
}

/* (kernel: do_mmap, the part without a file) */
static int anonymous_flags(struct map_request *req, u32 flags)
{
	switch (flags & MAP_TYPE) {
	case MAP_SHARED:
		if (req->vm_flags & VM_GROWSDOWN)
			return -EINVAL;
		req->vm_flags |= VM_SHARED | VM_MAYSHARE;
		req->pgoff = 0;
		req->shared_memory = true;
		return 0;
	case MAP_DROPPABLE:
		if ((flags & (MAP_LOCKED | MAP_HUGETLB)) || (req->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
		req->vm_flags |= VM_DROPPABLE | VM_NORESERVE | VM_WIPEONFORK | VM_DONTDUMP;
		__attribute__((fallthrough));
	case MAP_PRIVATE:
		req->pgoff = req->addr >> PAGE_SHIFT;
		return 0;
	default:
		return -EINVAL;
	}
}

/* The file behind shared memory is made when its VMA is, and its size is promised then. */
static int shared_memory_open(struct participant *self, struct mm_struct *mm,
			      struct map_request *req)
{
	bool accounted = !(req->vm_flags & VM_NORESERVE);

	if (accounted && !vm_enough_memory(self, mm, (s64)(req->len >> PAGE_SHIFT)))
		return -ENOMEM;
	req->file = file_open(self, SHMEM_DEV, 0, req->len, "/dev/zero (deleted)", VMA_SHMEM,
			      mm->account, 0);
	if (!req->file)
		return -ENOMEM;
	file_pin_made(self, file_number(req->file), 0);
	req->file->accounted = accounted;
	req->ops = VMA_SHMEM;
	return 0;
}

#ifdef VL_LAB
/* Mutant published_incomplete: findable before its fields are set, and not write-locked. */
static void map_early(struct participant *self, struct mm_struct *mm, struct map_request *req,
		      struct vm_area_struct *vma)
{
	vma_set_range(vma, req->addr, req->addr + req->len, req->pgoff);
	vma_iter_store_new(self, mm, vma);
	vma_inflight_done(self, vma);
	vmas_count(self, mm, 1);
	STEP(map_linked, vma);
}
#else
#define map_early(self, mm, req, vma) ((void)0)
#endif

/* No file on a disk here lies in persistent memory; shared memory does not look at the flag. */
static bool sync_refused(const struct map_request *req)
{
	return (req->vm_flags & VM_SYNC) && req->file && !file_is_shmem(req->file);
}

static int map_new(struct participant *self, struct mm_struct *mm, struct map_request *req)
{
	struct vm_area_struct *vma;

	if (req->huge_bytes)
		return req->pgoff << PAGE_SHIFT & (req->huge_bytes - 1) ? -EINVAL : -ENOMEM;
	if (sync_refused(req))
		return -EOPNOTSUPP; /* no file here lies in persistent memory */
	if (req->shared_memory && shared_memory_open(self, mm, req) != 0)
		return -ENOMEM;
	vma = vm_area_alloc(self, mm);
	if (!vma)
		return -ENOMEM;
	if (tree_preallocate(self, &mm->mm_mt, req->addr, req->addr + req->len) != 0) {
		tree_prealloc_free(self);
		vm_area_free(self, vma);
		return -ENOMEM;
	}
	MUTATE(published_incomplete, map_early(self, mm, req, vma));
	if (req->vm_flags & VM_DROPPABLE)
		req->vm_flags &= ~VM_LOCKED_MASK; /* after looking for whom to merge with */
	vma->vm_flags = req->vm_flags;
	vma->vm_ops = req->ops;
	vma_set_range(vma, req->addr, req->addr + req->len, req->pgoff);
	vma_set_page_prot(vma);
	STEP(map_filled, vma, complete(vma));
	if (req->file) {
		vma->vm_file = (u16)file_number(req->file);
		vma->file_open = req->file_open;
		file_pin_moved(self, 0);
		req->file = NULL; /* the reference is the VMA's now */
	}
	INTACT(published_incomplete, vma_link(self, mm, vma));
	STEP(map_linked, vma);
	return 0;
}

/* May it be had at all, in the place of what vms takes away? Sets VM_ACCOUNT. (kernel:
 * __mmap_setup) */
static bool within_limits(const struct participant *self, const struct mm_struct *mm,
			  struct map_request *req, const struct vma_munmap *vms)
{
	u64 pages = req->len >> PAGE_SHIFT;

	if (!may_expand_vm(mm, req->vm_flags, pages - (u64)vms->pages))
		return false;
	if (!accountable(req))
		return true;
	req->vm_flags |= VM_ACCOUNT;
	return vm_enough_memory(self, mm, (s64)pages - vms->accounted);
}

/* (kernel: __mmap_region) */
static s64 mmap_region(struct participant *self, struct mm_struct *mm, struct map_request *req)
{
	u64 end = req->addr + req->len;
	struct vma_merge_struct vmg;
	struct vma_munmap vms;
	int err;

	if (exec_gain_refused(mm, req->vm_flags, req->vm_flags))
		return -EACCES;
	err = vms_gather(self, &vms, mm, req->addr, end);
	if (err)
		return err;
	/* Nodes for the store of this range, whoever becomes its owner: with them a hole can be
	 * made even without memory. */
	if (!within_limits(self, mm, req, &vms) ||
	    tree_preallocate(self, &mm->mm_mt, req->addr, end) != 0) {
		vms_reattach(self, &vms);
		return -ENOMEM;
	}
	vms_clear_ptes(self, &vms, true);
	vmg = (struct vma_merge_struct){
		.mm = mm,
		.prev = vms.prev,
		.next = vms.next,
		.start = req->addr,
		.end = end,
		.pgoff = req->pgoff,
		.flags = req->vm_flags,
		.ops = req->ops,
		.file = req->file ? file_number(req->file) : 0,
		.file_open = req->file_open,
	};
	/* Shared memory is a file of its own, so it never merges. */
	if (req->shared_memory || req->huge_bytes || sync_refused(req) ||
	    !vma_merge_new_range(self, &vmg))
		err = map_new(self, mm, req);
	if (err) {
		if (vms.count && tree_preallocate(self, &mm->mm_mt, req->addr, end) == 0) {
			tree_store(self, &mm->mm_mt, req->addr, end, 0);
			vms_complete(self, &vms);
		} else {
			vms_reattach(self, &vms); /* their pages are gone, which a private mapping
						     may lose on ENOMEM */
		}
		tree_prealloc_free(self);
		return err;
	}
	tree_prealloc_free(self);
	mm_account(mm, req->vm_flags, (s64)(req->len >> PAGE_SHIFT));
	vms_complete(self, &vms);
	return (s64)req->addr;
}

/* The checks of do_mmap in its order; then the region. mmap_lock write is held. */
static s64 do_mmap(struct participant *self, struct mm_struct *mm, struct map_request *req,
		   u32 prot, u32 flags)
{
	u64 slack;
	s64 addr;
	int err;

	if (flags & MAP_FIXED_NOREPLACE)
		flags |= MAP_FIXED;
	if (!(flags & MAP_FIXED)) {
		req->addr &= PAGE_MASK;
		if (req->addr && req->addr < mmap_min_hint(self->seg))
			req->addr = mmap_min_hint(self->seg);
	}
	if (mm->map_count > mm->map_count_max || !vmas_may_grow(self, mm, 1))
		return -ENOMEM;
	req->vm_flags = prot_to_flags(prot) | pkey_of_mmap(self, mm, prot) | map_to_flags(flags) |
			mm->def_flags | VM_MAYALL;
	if (req->huge_bytes && req->len <= TASK_SIZE && (flags & MAP_FIXED) &&
	    (req->addr & (req->huge_bytes - 1)))
		return -EINVAL;
	/* Room for huge pages is looked for with what aligning them may take; they are not mapped
	 * in the end. */
	slack = req->huge_bytes && !(flags & MAP_FIXED) ? req->huge_bytes - PAGE_SIZE : 0;
	addr = get_unmapped_area(self, mm, req->file, req->addr, req->len + slack, req->pgoff,
				 flags);
	if (addr < 0)
		return addr;
	req->addr = (u64)addr;
	if ((flags & MAP_FIXED_NOREPLACE) &&
	    find_vma_intersection(self, mm, req->addr, req->addr + req->len))
		return -EEXIST;
	if ((flags & MAP_LOCKED) && !mm->memlock_limit && !(mm->options & MM_CAP_IPC_LOCK))
		return -EPERM;
	if (!mlock_future_ok(mm, req->vm_flags, req->len))
		return -EAGAIN;
	err = req->file || req->huge_bytes ? file_flags(req, prot, flags)
					   : anonymous_flags(req, flags);
	if (err)
		return err;
	if ((flags & MAP_NORESERVE) && !(mm->options & MM_OVERCOMMIT_NEVER))
		req->vm_flags |= VM_NORESERVE;
	req->populate = req->vm_flags &
			VM_LOCKED; /* droppable memory too, which is not locked then */
	return mmap_region(self, mm, req);
}

/* Huge pages of hugetlbfs are not emulated: their mappings fail where those of a machine fail that
 * has none reserved (map_new), but for those with MAP_NORESERVE. 0 or -errno. */
static s64 huge_request(struct map_request *req, u64 *len, u32 flags)
{
	u32 shift = flags >> MAP_HUGE_SHIFT & 0x3f;

	if (!(flags & MAP_ANONYMOUS) || (shift != 0 && shift != 21 && shift != 30))
		return -EINVAL;
	req->huge_bytes = 1ul << (shift ? shift : 21);
	*len = ALIGN_UP(*len, req->huge_bytes);
	return 0;
}

/* What needs no lock. 0 or -errno. */
static s64 check_request(struct participant *self, struct map_request *req, u64 len, u32 flags,
			 u64 file, u32 how, u64 offset)
{
	if (offset & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		req->file = file_pin(self, file, 0);
		if (!req->file)
			return -EBADF;
		req->file_open = how;
		req->ops = req->file->kind;
	}
	if ((flags & MAP_HUGETLB) && huge_request(req, &len, flags) != 0)
		return -EINVAL;
	req->len = PAGE_ALIGN(len);
	req->pgoff = offset >> PAGE_SHIFT;
	if (len == 0)
		return -EINVAL;
	if (req->len == 0)
		return -ENOMEM;
	return req->pgoff + (req->len >> PAGE_SHIFT) < req->pgoff ? -EOVERFLOW : 0;
}

s64 op_mmap(struct participant *self, u64 id, u64 addr, u64 len, u32 prot, u32 flags, u64 file,
	    u64 offset, u32 how)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	struct map_request req = {.addr = addr};
	s64 result;

	if (!mm)
		return VL_S_NO_MM;
	result = check_request(self, &req, len, flags, file, how, offset);
	if (!result && mmap_write_lock(self, mm, id) != 0)
		result = VL_S_NO_MM;
	else if (!result) {
		result = do_mmap(self, mm, &req, prot, flags);
		mmap_write_unlock(self, mm);
	}
	if (req.file)
		file_unpin(self, 0);
	if (result >= 0 &&
	    ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE || req.populate))
		(void)mm_populate(self, id, (u64)result, req.len, false);
	return result;
}

static void remap_lock(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma)
{
	INTACT(remap_looks_unlocked, vma_start_write(self, mm, vma));
	GHOST(source(vma, "the flags are compared"));
}

/* The VMAs of [start, end) are like vma: contiguous, of its file, with its flags. All are
 * write-locked, or a holder of a read lock sets a flag after it was compared. */
static bool range_is_uniform(struct participant *self, struct mm_struct *mm,
			     struct vm_area_struct *vma, u64 end)
{
	struct vm_area_struct *next;

	remap_lock(self, mm, vma);
	for (u64 at = vma->vm_end; at < end; at = next->vm_end) {
		next = vma_lookup(self, mm, at);
		if (next)
			remap_lock(self, mm, next);
		if (!next || next->vm_file != vma->vm_file || next->file_open != vma->file_open ||
		    next->vm_flags != vma->vm_flags)
			return false;
	}
	return true;
}

/* Once a call of its own, now a mapping over the mapping. (kernel: remap_file_pages) */
s64 op_remap_file_pages(struct participant *self, u64 id, u64 addr, u64 size, u64 prot, u64 pgoff,
			u64 flags)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 start = addr & PAGE_MASK, len = size & PAGE_MASK, vm_flags;
	struct map_request req = {.addr = start, .len = len, .pgoff = pgoff};
	struct vm_area_struct *vma;
	s64 result = -EINVAL;

	if (!mm)
		return VL_S_NO_MM;
	if (prot || start + len <= start || pgoff + (len >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	vma = vma_lookup(self, mm, start);
	if (vma && (vma->vm_flags & VM_SHARED) && range_is_uniform(self, mm, vma, start + len) &&
	    vma->vm_file) {
		file_pin_number(self, vma->vm_file, 0);
		vm_flags = vma->vm_flags;
		req.file = file_get(self->seg, vma->vm_file);
		req.ops = vma->vm_ops;
		req.file_open = (u32)vma->file_open;
		result = do_mmap(self, mm, &req, (u32)(vm_flags & VM_ACCESS_FLAGS),
				 MAP_SHARED | MAP_FIXED | (vm_flags & VM_LOCKED ? MAP_LOCKED : 0));
	}
	mmap_write_unlock(self, mm);
	if (req.file)
		file_unpin(self, 0);
	if (result < 0)
		return result;
	if (!(flags & MAP_NONBLOCK) || (req.vm_flags & VM_LOCKED))
		(void)mm_populate(self, id, start, len, false);
	return 0;
}
