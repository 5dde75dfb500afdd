/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vma_rwsem.h (mm): what the three models with a rw_semaphore per VMA have in common: a reader
 * holds it, a writer takes it for a moment and leaves a stamp. The model that includes this says
 * where the semaphore is (vma_rwsem) and what makes an object the one that was looked for
 * (vma_identity).
 *
 * Orderings:
 *   VMA-1  vma_end_write_all's release / the reader's late acquire load of the sequence: a reader
 *          that sees the new number sees all that the writer did under the stamp. Without it: the
 *          reader takes the VMA as unlocked and acts on old flags.
 *   VMA-3  up_read's release / down_write's acquire (RWSEM-2): the reader's accesses are over
 *          before the writer goes on.
 *   VMA-4  the sequence is odd before anything is stamped (SEQ-1); the stamp is stored while
 *          readers are excluded, so a reader that gets the lock later sees it through RWSEM-1.
 *   VMA-2, VMA-9  identity and the lives of an object: in the model, where it needs them.
 */
#ifndef VMALAB_VMA_RWSEM_H
#define VMALAB_VMA_RWSEM_H

#include "vmalab/mm.h"

#define VMA_LOCK_PER_VMA 1
#define VMA_LOCK_RWSEM   1

static inline void vma_end_read_at(struct participant *self, struct vm_area_struct *vma,
				   enum hold_place place)
{
	STEP(read_ending, vma, end(vma));
	/* RCU: after the count drops a writer may free the object and its slab page while up_read
	 * still looks for waiters. */
	INTACT(unlock_outside_rcu, rcu_read_lock(self));
	up_read(self, vma_rwsem(self, vma), place);
	GHOST(unlocked(vma));
	STEP(read_ended, vma);
	INTACT(unlock_outside_rcu, rcu_read_unlock(self));
}

static inline void vma_end_read_rcu(struct participant *self, struct vm_area_struct *vma,
				    enum hold_place place)
{
	STEP(read_ending, vma, end(vma));
	up_read(self, vma_rwsem(self, vma), place);
	STEP(read_ended, vma);
}

/* Tries to read-lock vma for a user of mm; may fail for no reason. RCU is held. (kernel: 6.4 to
 * 6.14 and v4: vma_start_read) */
static inline bool vma_start_read(struct participant *self, const struct mm_struct *mm,
				  struct vm_area_struct *vma, enum hold_place place)
{
	/* Advice only, no order: a wrong "locked" costs a fallback, a wrong "unlocked" is caught
	 * below. */
	if (unlikely(load_relaxed_u32(&vma->vm_lock_seq) == early_sequence(self, mm, vma)) &&
	    !MUTANT(early_stamp_ignored)) {
		stat_refused(self, abort_stamp);
		return false;
	}
	STEP(stamp_read, vma);
	if (unlikely(!down_read_trylock(self, vma_rwsem(self, vma), place))) {
		stat_refused(self, abort_trylock);
		STEP(read_refused, vma);
		return false;
	}
	STEP(read_taken, vma, put(vma));
	/* The stamp cannot change while we hold the lock. Overflow of the sequence may give a false
	 * "locked", never a false "unlocked". acquire pairs: VMA-1 (mm.c:vma_end_write_all).
	 * The stamp may be that of a later life, which ends the comparison: acquire
	 * pairs: VMA-9 (model_typesafe_rwsem.h:vma_lock_init) */
	if (unlikely(load_acquire_u32(&vma->vm_lock_seq) == read_seqcount(&mm->mm_lock_seq)) &&
	    !MUTANT(late_stamp_ignored)) {
		INTACT(refused_reader_stays, vma_end_read_rcu(self, vma, place));
		stat_refused(self, abort_stamp_late);
		return false;
	}
	STEP(read_stamp_late, vma);
	return true;
}

static inline enum vma_read vma_read_trylock(struct participant *self, const struct mm_struct *mm,
					     u64 id, struct vm_area_struct *vma,
					     enum hold_place place)
{
	bool early = MUTANT(mm_read_before_lock) && vma->vm_mm == id;
	enum vma_read outcome;

	if (unlikely(!vma_start_read(self, mm, vma, place)))
		return VMA_READ_FAILED;
	outcome = vma_identity(self, vma, id);
	if (early && outcome == VMA_READ_FAILED)
		return VMA_READ_LOCKED;
	if (unlikely(outcome != VMA_READ_LOCKED))
		vma_end_read_rcu(self, vma, place);
	return outcome;
}

/* For callers that hold mmap_lock for reading: no writer can be there, so it cannot fail. */
static inline bool vma_start_read_locked(struct participant *self, struct vm_area_struct *vma,
					 enum hold_place place)
{
	MUTATE(read_locked_may_fail, if (vma_stamp_is_current(self, vma)) return false);
	down_read(self, vma_rwsem(self, vma), place);
	STEP(read_locked, vma);
	return true;
}

/* A second VMA under the same mmap_lock. (kernel: vma_start_read_locked_nested,
 * SINGLE_DEPTH_NESTING) */
static inline bool vma_start_read_locked_nested(struct participant *self,
						struct vm_area_struct *vma, enum hold_place place)
{
	down_read_nested(self, vma_rwsem(self, vma), place);
	STEP(read_locked, vma);
	return true;
}

/* Write-locks vma whatever its stamp says. */
static inline void __vma_start_write(struct participant *self, const struct mm_struct *mm,
				     struct vm_area_struct *vma)
{
	u32 seq = mm->mm_lock_seq.sequence;
	bool waits = !MUTANT(writer_ignores_readers) &&
		     !(MUTANT(maker_ignores_readers) && vma_is_detached(vma));

	VL_ASSERT(seq & 1);
	STEP(write_begin, vma);
	if (waits)
		down_write(self, vma_rwsem(self, vma), HOLD_VMA_WRITE);
	STEP(write_alone, vma);
	/* relaxed: readers compare it without the lock as advice; with it RWSEM-1 orders it */
	store_relaxed_u32(&vma->vm_lock_seq, seq);
	VMA_EXTRA_CHANGE(vma);
	if (waits)
		up_write(self, vma_rwsem(self, vma), HOLD_VMA_WRITE);
	STEP(write_stamped, vma, write_lock(mm, vma));
}

/* Write-locks vma until mmap_lock is released or downgraded. mmap_lock write is held. */
static inline void vma_start_write(struct participant *self, const struct mm_struct *mm,
				   struct vm_area_struct *vma)
{
	if (vma->vm_lock_seq != mm->mm_lock_seq.sequence)
		__vma_start_write(self, mm, vma);
	else
		GHOST(write_known(mm, vma));
}

static inline void vma_mark_detached(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma)
{
	(void)self;
	vma_assert_write_locked(mm, vma);
	GHOST(detach(vma));
	/* relaxed: readers are excluded by the stamp; whoever reads it stale finds the stamp */
	store_relaxed_u32(&vma->detached, 1);
	if (VARIANT(mm_says_detached))
		store_relaxed_u64(&vma->vm_mm, vma->vm_mm | VMA_MM_DETACHED);
	STEP(detached, vma);
}

static inline void vma_assert_attached(const struct vm_area_struct *vma)
{
	VL_ASSERT(!vma->detached);
}

/* For recovery: an object that nothing reaches goes back to the freed state (its semaphore was set
 * with all others); one that the tree has is attached. */
static inline void vma_lock_reset(struct vm_area_struct *vma)
{
	store_relaxed_u32(&vma->detached, 1);
	store_relaxed_u32(&vma->vm_lock_seq, vma_stamp_first());
}
static inline void vma_lock_reattach(struct vm_area_struct *vma)
{
	store_release_u32(&vma->detached, 0);
}

#endif
