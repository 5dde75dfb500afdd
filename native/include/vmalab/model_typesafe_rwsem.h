/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_typesafe_rwsem.h (mm): the per-VMA lock of "move per-vma lock into vm_area_struct", v4,
 * patches 3 and 4.
 *
 * The rwsem is embedded and initialised by the slab constructor only; objects are reused at once
 * (SLAB_TYPESAFE_BY_RCU); a VMA is detached until it is in the tree. So whoever holds the lock must
 * still ask whether this is the VMA that he looked for: detached, vm_mm, range, in this order.
 *
 * State of a VMA (stamp = vm_lock_seq, seq = its mm's mm_lock_seq):
 *
 *   detached  stamp==seq  readers        meaning                          next
 *   1         -           none or stale  free, being made, or unmapped    attach (mmap_lock write)
 *   0         no          any            attached, unlocked or            reader +-1; writer
 *                                        read-locked                      stamps
 *   0         yes         none, passing  write-locked until seq moves     detach; seq moves
 *   1         yes         passing        being unmapped, may still be     tree cleared, then freed
 *                                        in the tree
 *
 *   A killed reader leaves a count that nobody holds: recovery sets it to what the living announce.
 *   A killed writer leaves stamps and an odd seq: recovery makes seq even, which ends all its
 *   stamps.
 *
 * Orderings (VMA-1, VMA-3, VMA-4: vma_rwsem.h):
 *   VMA-2  attach: release store of detached=0 / the reader's acquire load: a reader that sees
 *          "attached" sees vm_mm, range and flags of this life. Without it: it compares the
 *          identity of a former life and accepts a foreign VMA.
 *   VMA-9  the first stamp of a life: release store / the reader's late acquire load: a reader
 *          that finds the VMA unlocked because its stamp is a new life's sees that the old life
 *          was detached. Without it: not stamped by the new life, attached by the old one, and
 *          so accepted while it is being made. (The series has no order here.)
 */
#ifndef VMALAB_MODEL_TYPESAFE_RWSEM_H
#define VMALAB_MODEL_TYPESAFE_RWSEM_H

#include "vmalab/mm.h"

#ifndef LOCK_MODEL_NAME /* a step that is this model but for attaching and copying */
#define LOCK_MODEL_NAME "typesafe-rwsem"
#endif
#define VMA_TYPESAFE      1
#define VMA_FREE_DEFERRED 0
#define VMA_LOCK_SEPARATE 0

static inline struct rw_semaphore *vma_rwsem(const struct participant *self,
					     struct vm_area_struct *vma)
{
	(void)self;
	return &vma->vm_lock;
}

#ifndef VMA_ATTACH_IN_STORE
/* The VMA becomes visible to readers that find it. mmap_lock write is held; all fields are set. */
static inline void vma_mark_attached(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma)
{
	(void)self, (void)mm;
	STEP(attaching, vma, attach(vma));
	/* release pairs: VMA-2 (model_typesafe_rwsem.h:vma_is_detached) */
	store_release_u32(&vma->detached, 0);
	/* release pairs: VMA-2 (model_typesafe_rwsem.h:vma_identity) */
	if (VARIANT(mm_says_detached))
		store_release_u64(&vma->vm_mm, vma_mm_id(vma));
	STEP(attached, vma);
}
#endif

static inline bool vma_is_detached(const struct vm_area_struct *vma)
{
	/* acquire pairs: VMA-2 (model_typesafe_rwsem.h:vma_mark_attached,
	 * model_v4_4.h:vma_mark_attached) */
	return load_acquire_u32(&vma->detached) != 0;
}

/* The object is locked; is it the one that the walk meant? It is not if it is in no tree, or was
 * used again for another mm. */
static inline enum vma_read vma_identity(struct participant *self, const struct vm_area_struct *vma,
					 u64 id)
{
#ifdef VL_LAB
	if (VARIANT(mm_says_detached)) {
		/* pairs: VMA-2 (model_typesafe_rwsem.h:vma_mark_attached) */
		u64 mm = load_acquire_u64(&vma->vm_mm);

		STEP(read_identified, vma);
		if (mm == id)
			return VMA_READ_LOCKED;
		if (mm == (id | VMA_MM_DETACHED))
			return VMA_READ_MISS;
		stat_refused(self, abort_mm);
		return VMA_READ_FAILED;
	}
#endif
	bool same = MUTANT(detached_read_last) && vma->vm_mm == id;

	if (MUTANT(detached_read_last))
		STEP(read_identified, vma);
	if (unlikely(vma_is_detached(vma)) && !MUTANT(detached_ignored))
		return VMA_READ_MISS;
	if (!MUTANT(detached_read_last))
		same = vma->vm_mm == id || MUTANT(mm_not_compared);
	STEP(read_identified, vma);
	if (likely(same))
		return VMA_READ_LOCKED;
	stat_refused(self, abort_mm);
	return VMA_READ_FAILED;
}

static inline void vma_assert_detached(const struct vm_area_struct *vma)
{
	VL_ASSERT(vma->detached);
}

static inline void vma_lock_prefetch(const struct vm_area_struct *vma)
{
	__builtin_prefetch(&vma->vm_lock, 1);
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

#ifdef VL_LAB
/* Mutant freeptr_over_attached: the slab's free pointer lies over the word that says "attached". Of
 * the last object of a list it is NULL. */
static inline void vma_lock_overlay(const struct participant *self, struct vm_area_struct *vma)
{
	(void)self;
	store_relaxed_u32(&vma->detached, 0);
}
#endif

/* The freed state, in which every later life begins. */
static inline void vma_lock_ctor(struct vm_area_struct *vma)
{
	init_rwsem(&vma->vm_lock);
	vma->detached = 1;
	vma->vm_lock_seq = VMA_STAMP_FIRST;
}

#ifndef VMA_ATTACH_IN_STORE
/* Stale readers may hold the semaphore and look at detached: neither is touched. */
static inline void vma_lock_init(struct vm_area_struct *vma)
{
	VL_ASSERT(vma->detached);
	MUTATE(lock_initialised_again, init_rwsem(&vma->vm_lock));
	/* release pairs: VMA-9 (vma_rwsem.h:vma_start_read) */
	store_release_u32(&vma->vm_lock_seq, vma_stamp_first());
}
#endif

#include "vmalab/vma_rwsem.h"

#endif
