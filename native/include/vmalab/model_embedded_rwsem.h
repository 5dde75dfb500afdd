/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_embedded_rwsem.h (mm): the per-VMA lock of "move per-vma lock into vm_area_struct", v4,
 * patch 2 alone: the rwsem inside the VMA, on a cache line of its own; the object freed after a
 * grace period as before.
 *
 * What was found in the tree inside an RCU section stays that VMA until the section ends: no
 * constructor, no reuse under a reader. (vma_deferred.h: vm_mm is compared because of mm slots that
 * are used again, not of VMAs.) A VMA is attached from the start and
 * detached once.
 *
 * State of a VMA (stamp = vm_lock_seq, seq = its mm's mm_lock_seq):
 *
 *   detached  stamp==seq  readers        meaning                           next
 *   0         no          any            made, or in the tree; unlocked    reader +-1; writer
 *                                        or read-locked                    stamps
 *   0         yes         none, passing  write-locked until seq moves      detach; seq moves
 *   1         yes, no     none, passing  unmapped; retired, freed when no  grace period: freed
 *                                        reader of before is left
 *
 *   A killed reader or writer: as in model_typesafe_rwsem.h. A killed freer leaves the object in
 *   its retire ring, which recovery takes over.
 *
 * Orderings: VMA-1, VMA-3, VMA-4 of vma_rwsem.h. Attach needs none of its own: what the tree
 * publishes is complete (TREE-1), and an object has one life per grace period.
 */
#ifndef VMALAB_MODEL_EMBEDDED_RWSEM_H
#define VMALAB_MODEL_EMBEDDED_RWSEM_H

#include "vmalab/mm.h"

#ifndef LOCK_MODEL_NAME /* a step that is this model, or nearly */
#define LOCK_MODEL_NAME "embedded-rwsem"
#endif
#define VMA_TYPESAFE      0
#define VMA_FREE_DEFERRED 1
#define VMA_LOCK_SEPARATE 0

static inline struct rw_semaphore *vma_rwsem(const struct participant *self,
					     struct vm_area_struct *vma)
{
	(void)self;
	return &vma->vm_lock;
}

static inline void vma_lock_prefetch(const struct vm_area_struct *vma)
{
	__builtin_prefetch(&vma->vm_lock, 1);
}

static inline bool vma_lock_alloc(struct participant *self, struct vm_area_struct *vma)
{
	(void)self;
	init_rwsem(&vma->vm_lock); /* nobody can hold it: the grace period is over */
	return true;
}
static inline void vma_lock_free(struct participant *self, struct vm_area_struct *vma)
{
	(void)self, (void)vma;
}

#include "vmalab/vma_deferred.h"
#include "vmalab/vma_rwsem.h"

#endif
