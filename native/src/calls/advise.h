/* SPDX-License-Identifier: Apache-2.0 */
/*
 * advise.h: the advice that is more than a flag or a zap; op_madvise.c decides who is asked.
 */
#ifndef VMALAB_ADVISE_H
#define VMALAB_ADVISE_H

#include "vmalab/ops.h"

/* op_madvise.c: vma is sealed, and the advice would lose pages that may not be written. */
bool sealed_against(const struct vm_area_struct *vma, u32 advice);

/* advise_guard.c. vma is held by its lock or by mmap_lock for reading; installing needs an
 * anon_vma, or mmap_lock to make one. */
int guard_install(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		  u64 start, u64 end);
int guard_remove(struct participant *self, struct mm_struct *mm, const struct vm_area_struct *vma,
		 u64 start, u64 end);

/* advise_remove.c: a hole in a file. Takes mmap_lock itself. */
s64 advise_remove(struct participant *self, struct mm_struct *mm, u64 id, u64 start, u64 end);

/* advise_collapse.c; mmap_lock is held for reading. */
int collapse(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma, u64 start,
	     u64 end);

#endif
