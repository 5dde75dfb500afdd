/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_split_rwsem.h (mm): the per-VMA lock of Linux 6.4 to 6.14: a 40-byte rwsem in a cache of
 * its own (vma_lock), named by the VMA; both freed after a grace period.
 *
 * States, orderings and what the dead leave: as in model_embedded_rwsem.h, which differs only in
 * where the semaphore is. Here a fault has one more load to wait for (the VMA names its lock), and
 * two locks, or a lock and no VMA, share cache lines: 102 semaphores to a page, none aligned.
 *
 * A VMA that is being made or freed may have no semaphore yet or any more (vm_lock 0); no reader
 * can find it then.
 */
#ifndef VMALAB_MODEL_SPLIT_RWSEM_H
#define VMALAB_MODEL_SPLIT_RWSEM_H

#include "vmalab/mm.h"

#ifndef LOCK_MODEL_NAME /* a step that is this model */
#define LOCK_MODEL_NAME "split-rwsem"
#endif
#define VMA_TYPESAFE      0
#define VMA_FREE_DEFERRED 1
#define VMA_LOCK_SEPARATE 1

static inline struct rw_semaphore *vma_rwsem(const struct participant *self,
					     const struct vm_area_struct *vma)
{
	return (struct rw_semaphore *)(self->base + vma->vm_lock);
}

/* Where it is stands in the VMA, which has to come first. */
static inline void vma_lock_prefetch(const struct vm_area_struct *vma)
{
	(void)vma;
}

/* (kernel: vma_lock_alloc) */
static inline bool vma_lock_alloc(struct participant *self, struct vm_area_struct *vma)
{
	struct rw_semaphore *sem = kmem_cache_alloc(self, CACHE_VMA_LOCK);

	vma->vm_lock = 0;
	if (!sem)
		return false;
	init_rwsem(sem);
	vma->vm_lock = (u64)((u8 *)sem - self->base);
	return true;
}

static inline void vma_lock_free(struct participant *self, struct vm_area_struct *vma)
{
	struct rw_semaphore *sem = vma_rwsem(self, vma);

	if (!vma->vm_lock)
		return;
	vma->vm_lock =
		0; /* before it is free: a kill in between leaks it, and the sweep finds it */
	compiler_barrier();
	kmem_cache_free(self, CACHE_VMA_LOCK, sem);
}

#include "vmalab/vma_deferred.h"
#include "vmalab/vma_rwsem.h"

#endif
