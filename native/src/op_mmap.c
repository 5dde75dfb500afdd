/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_mmap.c (L5): mmap.
 *
 *   mmap_lock write -> checks, flags, address -> gather what lies there (stamped, detached, still
 * in the tree) -> limits -> zap the old pages -> merge with a neighbour, or a new VMA: fields,
 * stamp, attach -> ONE tree store over the old range -> free the old VMAs -> unlock -> populate
 *
 * Before the zap a failure attaches the old VMAs again; after it they are gone, and the range
 * becomes a hole. (kernel: do_mmap, __mmap_region)
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"

static u64 prot_to_flags(u32 prot)
{
	return (prot & PROT_READ ? VM_READ : 0) | (prot & PROT_WRITE ? VM_WRITE : 0) |
	       (prot & PROT_EXEC ? VM_EXEC : 0);
}

static u64 map_to_flags(u32 flags)
{
	return (flags & MAP_GROWSDOWN ? VM_GROWSDOWN : 0) | (flags & MAP_LOCKED ? VM_LOCKED : 0) |
	       (flags & MAP_STACK ? VM_NOHUGEPAGE : 0);
}

/* What one mmap call asks for, after the checks. */
struct map_request {
	u64 addr, len, pgoff, vm_flags;
	struct file *file; /* a reference is held */
	u32 ops;
};

static bool accountable(const struct map_request *req)
{
	return (req->vm_flags & (VM_NORESERVE | VM_SHARED | VM_WRITE)) == VM_WRITE;
}

/* Flags and type checks of do_mmap. 0 or -errno. */
static int request_flags(struct mm_struct *mm, struct map_request *req, u32 prot, u32 flags)
{
	u32 type = flags & MAP_TYPE;

	req->vm_flags = prot_to_flags(prot) | map_to_flags(flags) | mm->def_flags | VM_MAYALL;
	if (flags & MAP_HUGETLB)
		return -EINVAL; /* no huge pages are configured */
	if (type == MAP_SHARED || (type == MAP_SHARED_VALIDATE && req->file)) {
		if (!req->file && (req->vm_flags & VM_GROWSDOWN))
			return -EINVAL;
		req->vm_flags |= VM_SHARED | VM_MAYSHARE;
	} else if (type != MAP_PRIVATE) {
		return -EINVAL;
	}
	if (flags & MAP_NORESERVE)
		req->vm_flags |= VM_NORESERVE;
	return 0;
}

#ifdef VL_LAB
/* Mutant B21: findable before its fields are set, and not write-locked. */
static void map_early(struct participant *self, struct mm_struct *mm, struct map_request *req,
		      struct vm_area_struct *vma)
{
	vma_set_range(vma, req->addr, req->addr + req->len, req->pgoff);
	vma_mark_attached(vma);
	tree_store(self, &mm->mm_mt, vma->vm_start, vma->vm_end, REF(self, vma));
	vma_inflight_done(self, vma);
	mm->map_count++;
	SYNC_ON(map_linked, vma);
}
#else
#define map_early(self, mm, req, vma) ((void)0)
#endif

static struct vm_area_struct *map_new(struct participant *self, struct mm_struct *mm,
				      struct map_request *req)
{
	struct vm_area_struct *vma = vm_area_alloc(self, mm);

	if (!vma)
		return NULL;
	if (tree_preallocate(self, &mm->mm_mt, req->addr, req->addr + req->len) != 0) {
		tree_prealloc_free(self);
		vm_area_free(self, vma);
		return NULL;
	}
	if (MUTANT(B21))
		map_early(self, mm, req, vma);
	vma->vm_flags = req->vm_flags;
	vma->vm_ops = req->ops;
	vma_set_range(vma, req->addr, req->addr + req->len, req->pgoff);
	vma_set_page_prot(vma);
	GHOST(complete(vma));
	SYNC_ON(map_filled, vma);
	if (req->file) {
		vma->vm_file = file_id(req->file);
		req->file = NULL; /* the reference is the VMA's now */
	}
	if (!MUTANT(B21))
		vma_link(self, mm, vma);
	SYNC_ON(map_linked, vma);
	return vma;
}

/* (kernel: __mmap_region) */
static s64 mmap_region(struct participant *self, struct mm_struct *mm, struct map_request *req)
{
	u64 end = req->addr + req->len;
	struct vma_merge_struct vmg;
	struct vma_munmap vms;
	int err;

	err = vms_gather(self, &vms, mm, req->addr, end);
	if (err)
		return err;
	if (accountable(req)) {
		if (req->len >> PAGE_SHIFT > mm->commit_limit_pages) {
			vms_reattach(self, &vms);
			return -ENOMEM;
		}
		req->vm_flags |= VM_ACCOUNT;
	}
	/* Nodes for the store of this range, whoever becomes its owner: with them a hole can be
	 * made even without memory. */
	if (tree_preallocate(self, &mm->mm_mt, req->addr, end) != 0) {
		vms_reattach(self, &vms);
		return -ENOMEM;
	}
	vms_clear_ptes(self, &vms);
	vmg = (struct vma_merge_struct){
		.mm = mm,
		.prev = vms.prev,
		.next = vms.next,
		.start = req->addr,
		.end = end,
		.pgoff = req->pgoff,
		.flags = req->vm_flags,
		.ops = req->ops,
		.file = req->file ? file_id(req->file) : 0,
	};
	if (!vma_merge_new_range(self, &vmg) && !map_new(self, mm, req)) {
		if (vms.count && tree_preallocate(self, &mm->mm_mt, req->addr, end) == 0) {
			tree_store(self, &mm->mm_mt, req->addr, end, 0);
			vms_complete(self, &vms);
		} else {
			vms_reattach(self, &vms); /* their pages are gone, which a private mapping
						     may lose on ENOMEM */
		}
		return -ENOMEM;
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
	bool fixed_noreplace = flags & MAP_FIXED_NOREPLACE;
	s64 addr;
	int err;

	if (fixed_noreplace)
		flags |= MAP_FIXED;
	if (!(flags & MAP_FIXED) && (req->addr & PAGE_MASK) &&
	    (req->addr & PAGE_MASK) < MMAP_MIN_ADDR)
		req->addr = MMAP_MIN_ADDR;
	if (mm->map_count > mm->map_count_max)
		return -ENOMEM;
	addr = get_unmapped_area(self, mm, req->file, req->addr, req->len, req->pgoff, flags);
	if (addr < 0)
		return addr;
	req->addr = (u64)addr;
	if (fixed_noreplace && find_vma_intersection(self, mm, req->addr, req->addr + req->len))
		return -EEXIST;
	err = request_flags(mm, req, prot, flags);
	if (err)
		return err;
	if (!req->file && (flags & MAP_TYPE) == MAP_PRIVATE)
		req->pgoff = req->addr >> PAGE_SHIFT;
	if (!req->file && (req->vm_flags & VM_SHARED)) {
		req->pgoff = 0;
		req->file = file_open(self, 1, 0, req->len, "/dev/zero (deleted)", VMA_SHMEM);
		if (!req->file)
			return -ENOMEM;
		req->ops = VMA_SHMEM;
	}
	return mmap_region(self, mm, req);
}

s64 op_mmap(struct participant *self, u32 id, u64 addr, u64 len, u32 prot, u32 flags, u32 file,
	    u64 offset)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	struct map_request req = {.addr = addr};
	s64 result;

	if (!mm)
		return VL_S_NO_MM;
	if (offset & ~PAGE_MASK)
		return -EINVAL;
	if (!(flags & MAP_ANONYMOUS)) {
		if (!file_map(self, file))
			return -EBADF;
		req.file = file_get(self->seg, file);
		req.ops = req.file->kind;
	}
	req.len = PAGE_ALIGN(len);
	req.pgoff = offset >> PAGE_SHIFT;
	if (len == 0)
		result = -EINVAL;
	else if (req.len == 0)
		result = -ENOMEM;
	else if (req.pgoff + (req.len >> PAGE_SHIFT) < req.pgoff)
		result = -EOVERFLOW;
	else if (mmap_write_lock(self, mm, id) != 0)
		result = VL_S_NO_MM;
	else {
		result = do_mmap(self, mm, &req, prot, flags);
		mmap_write_unlock(self, mm);
	}
	if (req.file)
		file_unmap(self, file_id(req.file));
	if (result >= 0 &&
	    ((flags & (MAP_POPULATE | MAP_NONBLOCK)) == MAP_POPULATE || (flags & MAP_LOCKED)))
		mm_populate(self, id, (u64)result, req.len);
	return result;
}
