/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vma_deferred.h (mm): identity where VMAs are freed after a grace period, as 6.4 to 6.14 do: the
 * object that a walk found is that VMA until the RCU section ends, so it can only have been
 * detached meanwhile. The mm is compared all the same, which those kernels need not do: their task
 * pins its mm, while a client here may name one that ends between its search for the mm and its
 * section, and whose slot, with the tree in it, another mm has got.
 */
#ifndef VMALAB_VMA_DEFERRED_H
#define VMALAB_VMA_DEFERRED_H

#include "vmalab/mm.h"

static inline void vma_mark_attached(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma)
{
	(void)self, (void)mm;
	STEP(attaching, vma, attach(vma));
	store_relaxed_u32(&vma->detached, 0); /* no order: the tree publishes it whole (TREE-1) */
}

static inline bool vma_is_detached(const struct vm_area_struct *vma)
{
	return load_relaxed_u32(&vma->detached) != 0; /* the lock orders it (VMA-3) */
}

/* The object is locked; is it the one that the walk meant? */
static inline enum vma_read vma_identity(struct participant *self, const struct vm_area_struct *vma,
					 u64 id)
{
	bool same;

	if (unlikely(vma_is_detached(vma)) && !MUTANT(detached_ignored))
		return VMA_READ_MISS;
	same = load_relaxed_u64(&vma->vm_mm) == id; /* relaxed: set before insertion (TREE-1) */
	STEP(read_identified, vma);
	if (likely(same))
		return VMA_READ_LOCKED;
	stat_refused(self, abort_mm);
	return VMA_READ_FAILED;
}

#ifndef VMA_BEGINS_DETACHED
#define VMA_BEGINS_DETACHED 0
#endif

/* One that never came into a tree is freed as it is. */
static inline void vma_assert_detached(const struct vm_area_struct *vma)
{
	(void)vma;
}

static inline void vma_lock_ctor(struct vm_area_struct *vma)
{
	(void)vma;
}

static inline void vma_lock_init(struct vm_area_struct *vma)
{
	vma->detached = VMA_BEGINS_DETACHED;
	store_relaxed_u32(&vma->vm_lock_seq, vma_stamp_first());
}

#define vma_lock_overlay(self, vma) ((void)0) /* of the type-safe models */

#endif
