/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vma_as_posted.h (mm): what v3 and v4-4 do with the bytes around the semaphore when a life begins:
 * they are zeroed, or copied from another VMA (kernel v4: vma_clear, vma_copy). model_v4_4.h says
 * what comes of it.
 */
#ifndef VMALAB_VMA_AS_POSTED_H
#define VMALAB_VMA_AS_POSTED_H

#include "vmalab/mm.h"

/* The range is empty already; vm_mm follows. A stale reader may look on. (kernel v4: vma_init) */
static inline void vma_lock_init(struct vm_area_struct *vma)
{
	VL_ASSERT(vma->detached);
	MUTATE(lock_initialised_again, init_rwsem(&vma->vm_lock));
	store_relaxed_u64(&vma->vm_mm, 0);
	store_relaxed_u32(&vma->detached, 0);
	store_relaxed_u32(&vma->vm_lock_seq, vma_stamp_first()); /* 0, as all else */
	STEP(zeroed, vma);
	store_relaxed_u32(&vma->detached, 1);
}

/* All other members are copied. (kernel v4: the end of vma_copy, and vm_area_dup) */
static inline void vma_lock_copy(struct vm_area_struct *vma, const struct vm_area_struct *orig)
{
	store_relaxed_u32(&vma->detached, orig->detached);
	store_relaxed_u32(&vma->vm_lock_seq, orig->vm_lock_seq);
	STEP(copied, vma);
	store_relaxed_u32(&vma->detached, 1);
}

#endif
