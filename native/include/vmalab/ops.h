/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.h (calls): the memory operations. Each takes the caller's participant (inside core_enter) and
 * the id of an mm, and returns a value >= 0, -errno, or VL_S_* (block.h). The sequence of each is
 * told at the head of its file.
 */
#ifndef VMALAB_OPS_H
#define VMALAB_OPS_H

#include "vmalab/block.h"
#include "vmalab/mm.h"
#include "vmalab/rcu.h"

/* Around each operation of a block: who runs it is in the core for no longer. 0 or VL_E_BROKEN. */
static inline int op_begin(struct participant *self, u32 op, u64 mm)
{
	(void)mm;
	if (unlikely(core_enter(self) != 0))
		return VL_E_BROKEN;
	self->slot->op = op;
	LAB(self->op_mm = mm;)
	return 0;
}

static inline void op_end(struct participant *self)
{
	rcu_poll(self);
	core_exit(self);
}

#define PROT_READ      0x1u
#define PROT_WRITE     0x2u
#define PROT_EXEC      0x4u
#define PROT_SEM       0x8u
#define PROT_GROWSDOWN 0x01000000u
#define PROT_GROWSUP   0x02000000u

#define MAP_SHARED          0x01u
#define MAP_PRIVATE         0x02u
#define MAP_SHARED_VALIDATE 0x03u
#define MAP_DROPPABLE       0x08u
#define MAP_TYPE            0x0fu
#define MAP_FIXED           0x10u
#define MAP_ANONYMOUS       0x20u
#define MAP_32BIT           0x40u
#define MAP_ABOVE4G         0x80u
#define MAP_GROWSDOWN       0x0100u
#define MAP_DENYWRITE       0x0800u
#define MAP_EXECUTABLE      0x1000u
#define MAP_LOCKED          0x2000u
#define MAP_NORESERVE       0x4000u
#define MAP_POPULATE        0x8000u
#define MAP_NONBLOCK        0x10000u
#define MAP_STACK           0x20000u
#define MAP_HUGETLB         0x40000u
#define MAP_SYNC            0x80000u
#define MAP_FIXED_NOREPLACE 0x100000u
#define MAP_UNINITIALIZED   0x4000000u
#define MAP_HUGE_SHIFT      26

#define MLOCK_ONFAULT 1u
#define MCL_CURRENT   1u
#define MCL_FUTURE    2u
#define MCL_ONFAULT   4u

#define MS_ASYNC      1u
#define MS_INVALIDATE 2u
#define MS_SYNC       4u

#define RLIMIT_DATA    2u
#define RLIMIT_STACK   3u
#define RLIMIT_MEMLOCK 8u
#define RLIMIT_AS      9u
#define RLIMITS_COUNT  16u

#define MREMAP_MAYMOVE   1u
#define MREMAP_FIXED     2u
#define MREMAP_DONTUNMAP 4u

#define MADV_NORMAL          0
#define MADV_RANDOM          1
#define MADV_SEQUENTIAL      2
#define MADV_WILLNEED        3
#define MADV_DONTNEED        4
#define MADV_FREE            8
#define MADV_REMOVE          9
#define MADV_DONTFORK        10
#define MADV_DOFORK          11
#define MADV_MERGEABLE       12
#define MADV_UNMERGEABLE     13
#define MADV_HUGEPAGE        14
#define MADV_NOHUGEPAGE      15
#define MADV_DONTDUMP        16
#define MADV_DODUMP          17
#define MADV_WIPEONFORK      18
#define MADV_KEEPONFORK      19
#define MADV_COLD            20
#define MADV_PAGEOUT         21
#define MADV_POPULATE_READ   22
#define MADV_POPULATE_WRITE  23
#define MADV_DONTNEED_LOCKED 24
#define MADV_COLLAPSE        25
#define MADV_GUARD_INSTALL   102
#define MADV_GUARD_REMOVE    103
#define FALLOC_FL_KEEP_SIZE  1u
#define FALLOC_FL_PUNCH_HOLE 2u

/* --- what a VMA request is made of; merge.c decides about it --- */
struct vma_merge_struct {
	struct mm_struct *mm;
	struct vm_area_struct *prev;   /* ends at or before start */
	struct vm_area_struct *middle; /* the VMA that is being changed; NULL for a new range */
	struct vm_area_struct *next;   /* starts at or after end */
	u64 start, end;
	u64 pgoff;
	u64 flags; /* after a merge with what stuck to it */
	u32 file;
	u32 ops;
	u64 file_open;
	vl_ref anon_vma;
	vl_ref anon_name;
	u32 policy, uffd_ctx;
	const struct vm_area_struct *copied_from; /* mremap: the source */
	bool just_expand;
	bool no_memory; /* out: it would have merged but for memory */
};

/* Write-locks vma: flags that are computed from those of vmg may be stored (vm_flags_reset). */
void vmg_from_vma(struct participant *self, struct vma_merge_struct *vmg, struct mm_struct *mm,
		  struct vm_area_struct *vma, u64 start, u64 end);
void vmg_neighbours(struct participant *self, struct vma_merge_struct *vmg);
struct vm_area_struct *vma_merge_new_range(struct participant *self, struct vma_merge_struct *vmg);
struct vm_area_struct *vma_merge_existing_range(struct participant *self,
						struct vma_merge_struct *vmg);
/* Makes [start, end) of middle a VMA of its own with the flags etc. of vmg, by merge or split; *out
 * is it, write-locked. 0 or -errno. */
int vma_modify(struct participant *self, struct vma_merge_struct *vmg, struct vm_area_struct **out);
int split_vma(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma, u64 addr,
	      bool new_below, bool check_limit);
/* Stamps, attaches, inserts a new VMA; nodes are reserved. */
void vma_link(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma);
struct vm_area_struct *find_vma(struct participant *self, struct mm_struct *mm,
				u64 addr); /* first that ends above addr */
struct vm_area_struct *vma_lookup(struct participant *self, struct mm_struct *mm,
				  u64 addr); /* that contains addr */
struct vm_area_struct *find_vma_intersection(struct participant *self, struct mm_struct *mm,
					     u64 start, u64 end);
struct vm_area_struct *find_vma_prev(struct participant *self, struct mm_struct *mm,
				     u64 addr); /* last that starts below */
u64 vm_start_gap(const struct vm_area_struct *vma);

/* place.c */
s64 get_unmapped_area(struct participant *self, struct mm_struct *mm, const struct file *file,
		      u64 addr, u64 len, u64 pgoff, u32 flags);

/* op_munmap.c: the two halves of unmapping */
struct vma_munmap {
	struct mm_struct *mm;
	u64 start, end;
	struct vm_area_struct *prev, *next;
	u32 count, cap;
	vl_ref *refs;
	vl_ref small[16];
	s64 pages, accounted;
	bool ptes_cleared;
};
int vms_gather(struct participant *self, struct vma_munmap *vms, struct mm_struct *mm, u64 start,
	       u64 end);
void vms_reattach(struct participant *self, struct vma_munmap *vms);
void vms_clear_ptes(struct participant *self, struct vma_munmap *vms);
void vms_complete(struct participant *self, struct vma_munmap *vms);
/* mmap_lock write is held and, with unlock, released (after a downgrade). (kernel: do_vmi_munmap)
 */
int do_munmap(struct participant *self, struct mm_struct *mm, u64 start, u64 len, bool unlock);

/* file: an id, and in the upper half how it was opened (MMAP_FILE_*). */
s64 op_mmap(struct participant *self, u64 id, u64 addr, u64 len, u32 prot, u32 flags, u64 file,
	    u32 how, u64 offset);
s64 op_munmap(struct participant *self, u64 id, u64 addr, u64 len);
s64 op_mprotect(struct participant *self, u64 id, u64 addr, u64 len, u32 prot);
s64 op_pkey_mprotect(struct participant *self, u64 id, u64 addr, u64 len, u32 prot, s32 pkey);
s64 op_pkey_alloc(struct participant *self, u64 id, u64 flags, u64 rights);
s64 op_pkey_free(struct participant *self, u64 id, s32 pkey);
s64 op_mremap(struct participant *self, u64 id, u64 addr, u64 old_len, u64 new_len, u32 flags,
	      u64 new_addr);
s64 op_madvise(struct participant *self, u64 id, u64 addr, u64 len, u32 advice);
/* count pairs of address and length. (kernel: vector_madvise) */
s64 op_process_madvise(struct participant *self, u64 id, u32 advice, bool remote, const u64 *ranges,
		       u32 count);
s64 op_mincore(struct participant *self, u64 id, u64 addr, u64 len, u8 *vec);
s64 op_brk(struct participant *self, u64 id, u64 brk);
/* op_exec.c */
#define EXEC_SHARED  1u
#define EXEC_KEPT_NS 10000000000ull /* so long the new mm lives if its maker died in exec */
int exec_mmap(struct participant *self, struct mm_struct *mm, u64 old_id, bool shared);
s64 op_fork(struct participant *self, u64 id);
void fork_abort(struct participant *self, struct mm_struct *child);
s64 op_exit(struct participant *self, u64 id);
s64 op_mlock(struct participant *self, u64 id, u64 addr, u64 len, u32 flags);
s64 op_munlock(struct participant *self, u64 id, u64 addr, u64 len);
s64 op_mlockall(struct participant *self, u64 id, u32 flags);
s64 op_munlockall(struct participant *self, u64 id);
s64 op_msync(struct participant *self, u64 id, u64 addr, u64 len, u32 flags);
s64 op_mseal(struct participant *self, u64 id, u64 addr, u64 len, u32 flags);
s64 op_remap_file_pages(struct participant *self, u64 id, u64 addr, u64 size, u64 prot, u64 pgoff,
			u64 flags);
s64 op_setrlimit(struct participant *self, u64 id, u32 resource, u64 soft, u64 hard);
s64 op_thp_disable(struct participant *self, u64 id, u64 disable, u64 flags);
/* Userfaultfd, a handle in the place of the descriptor (uffd.h). Of a move it may be 0: as if the
 * destination were registered with the caller's. range: destination, source, length, mode. */
s64 op_uffd_move(struct participant *self, u64 id, u64 dst, u64 src, u64 len, u64 mode, u64 handle,
		 u64 *moved);
s64 op_uffd_open(struct participant *self, u64 id, u64 flags);
s64 op_uffd_api(struct participant *self, u64 id, u64 handle, u64 version, u64 features);
s64 op_uffd_close(struct participant *self, u64 id, u64 handle);
s64 op_uffd_register(struct participant *self, u64 id, u64 handle, u64 start, u64 len, u64 mode);
s64 op_uffd_unregister(struct participant *self, u64 id, u64 handle, u64 start, u64 len);
s64 op_uffd_fill(struct participant *self, u64 id, u64 handle, u32 what, const u64 *range,
		 u64 *filled);
s64 op_uffd_protect(struct participant *self, u64 id, u64 handle, u64 start, u64 len, u64 mode);
s64 op_uffd_wake(struct participant *self, u64 id, u64 handle, u64 start, u64 len);
/* op_file.c */
s64 op_file_truncate(struct participant *self, u64 file, u64 size);
s64 op_file_allocate(struct participant *self, u64 file, u32 mode, u64 start, u64 len);
bool file_being_cut(const struct file *file, u64 pgoff, bool cow);
s64 op_set_vma_name(struct participant *self, u64 id, u64 addr, u64 len, const char *name,
		    u32 bytes);
s64 op_mbind(struct participant *self, u64 id, u64 addr, u64 len, u32 mode,
	     u64 nodes); /* lab core */
/* op_fault_fast.c. A touch of addr, of which flags are FAULT_* of block.h; with FAULT_STORE it
 * stores word. What came of it is in *result, as block.h has it, also that there is no such mm. In
 * no RCU section and with no lock held: it may wait for mmap_lock. (kernel: do_user_addr_fault) */
void op_fault(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
	      struct vl_result *result);
/* op_faults.c. A fault of each address, each as if alone: 0 or VL_E_BROKEN. */
int op_faults(struct participant *self, u64 id, const u64 *addrs, u64 count, u32 flags,
	      struct vl_result *out);

/* op_populate.c. Faults in what is mapped there, as mlock and MAP_POPULATE do: 0, or with strict
 * the first error. Takes mmap_lock itself. (kernel: __mm_populate) */
int mm_populate(struct participant *self, u64 id, u64 addr, u64 len, bool strict);
/* One VMA, mmap_lock is held. (kernel: populate_vma_page_range) */
int populate_vma(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		 u64 start, u64 end);
/* Faults in [start, end) under mmap_lock read, which is held: 0, -ENOMEM (hole), -EFAULT, -EINVAL.
 * (kernel: faultin_page_range) */
int faultin_page_range(struct participant *self, struct mm_struct *mm, u64 start, u64 end,
		       bool write);
int expand_stack(struct participant *self, struct mm_struct *mm, u64 addr);

#endif
