/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.h (mm): finding VMAs, merging and splitting them, and where a new one goes.
 */
#ifndef VMALAB_MERGE_H
#define VMALAB_MERGE_H

#include "vmalab/mm.h"

/* What a VMA request is made of; merge.c decides about it. */
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
/* What is going to make a request of vma and of others after it: write-locks it, where the wait for
 * its readers may be ended: -EINTR. Else vmg_from_vma does it. */
int vma_lock_for_request(struct participant *self, struct mm_struct *mm,
			 struct vm_area_struct *vma);
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

/* stack.c: grows the stack above addr down to it. mmap_lock write is held. 0 or -ENOMEM. */
int expand_stack(struct participant *self, struct mm_struct *mm, u64 addr);

#endif
