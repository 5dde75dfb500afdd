/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.h (calls): the memory operations, and what they share. block_calls.h has the prototypes of those
 * that a record calls. Each takes the caller's participant (inside core_enter) and the id of an mm,
 * and returns a value >= 0, -errno, or VL_S_* (block.h). The sequence of each is told at the head
 * of its file.
 */
#ifndef VMALAB_OPS_H
#define VMALAB_OPS_H

#include "vmalab/block.h"
#include "vmalab/block_calls.h"
#include "vmalab/mm.h"
#include "vmalab/rcu.h"
#include "vmalab/uapi.h"

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

#define RLIMITS_COUNT 16u

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

/* Beside what block_calls.h has: the others of the table. */
s64 op_mincore(struct participant *self, u64 id, u64 addr, u64 len, u8 *vec);
/* op_exec.c */
#define EXEC_KEPT_NS 10000000000ull /* so long the new mm lives if its maker died in exec */
int exec_mmap(struct participant *self, struct mm_struct *mm, u64 old_id, bool shared);
void fork_abort(struct participant *self, struct mm_struct *child);
/* op_file.c */
bool file_being_cut(const struct file *file, u64 pgoff, bool cow);
s64 op_mbind(struct participant *self, u64 id, u64 addr, u64 len, u32 mode,
	     u64 nodes); /* lab core */
/* op_fault_straight.c. A touch of addr, of which flags are FAULT_* of block.h; with FAULT_STORE it
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
