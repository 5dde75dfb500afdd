/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_mmap_lock.h (mm): no lock per VMA, as before Linux 6.4 or without CONFIG_PER_VMA_LOCK: who
 * reads a VMA holds mmap_lock for reading, who changes one holds it for writing.
 *
 * State of a VMA: in the tree, or not; mmap_lock write moves it. Nothing stale is ever looked at
 * (the tree's nodes are read without a lock, VMAs are not), so an object is freed at once and its
 * page too. What a killed holder leaves is mmap_lock's business.
 *
 * Orderings: those of mmap_lock (RWSEM-1, RWSEM-2).
 */
#ifndef VMALAB_MODEL_MMAP_LOCK_H
#define VMALAB_MODEL_MMAP_LOCK_H

#include "vmalab/mm.h"

#define LOCK_MODEL_NAME   "mmap-lock"
#define VMA_LOCK_PER_VMA  0
#define VMA_LOCK_RWSEM    0
#define VMA_TYPESAFE      0
#define VMA_FREE_DEFERRED 0
#define VMA_LOCK_SEPARATE 0

static inline void vma_end_read_at(struct participant *self, struct vm_area_struct *vma,
				   enum hold_place place)
{
	(void)self, (void)vma, (void)place;
}

static inline bool vma_start_read_locked(struct participant *self, struct vm_area_struct *vma,
					 enum hold_place place)
{
	(void)self, (void)vma, (void)place;
	return true;
}

static inline bool vma_start_read_locked_nested(struct participant *self,
						struct vm_area_struct *vma, enum hold_place place)
{
	(void)self, (void)vma, (void)place;
	return true;
}

static inline void vma_start_write(struct participant *self, const struct mm_struct *mm,
				   struct vm_area_struct *vma)
{
	(void)self;
	vma_assert_write_locked(mm, vma);
	VMA_EXTRA_CHANGE(vma);
	GHOST(write_lock(mm, vma));
}

static inline void vma_mark_attached(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma)
{
	(void)self, (void)mm, (void)vma;
	GHOST(attach(vma));
}

static inline void vma_mark_detached(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma)
{
	(void)self;
	vma_assert_write_locked(mm, vma);
	GHOST(detach(vma));
}

static inline bool vma_is_detached(const struct vm_area_struct *vma)
{
	(void)vma;
	return false;
}

static inline void vma_assert_attached(const struct vm_area_struct *vma)
{
	(void)vma;
}

static inline void vma_assert_detached(const struct vm_area_struct *vma)
{
	(void)vma;
}

static inline bool vma_lock_alloc(struct participant *self, struct vm_area_struct *vma)
{
	(void)self, (void)vma;
	return true;
}

static inline void vma_lock_free(struct participant *self, struct vm_area_struct *vma)
{
	(void)self, (void)vma;
}

static inline void vma_lock_ctor(struct vm_area_struct *vma)
{
	(void)vma;
}

static inline void vma_lock_init(struct vm_area_struct *vma)
{
	(void)vma;
}

static inline void vma_lock_reset(struct vm_area_struct *vma)
{
	(void)vma;
}

static inline void vma_lock_reattach(struct vm_area_struct *vma)
{
	(void)vma;
}

#define vma_lock_overlay(self, vma) ((void)0) /* of the type-safe models */

#endif
