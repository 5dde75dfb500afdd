/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_typesafe_rwsem.h (L4): the per-VMA lock of "move per-vma lock into vm_area_struct", v4.
 *
 * The rwsem is embedded and initialised by the slab constructor only; objects are reused at once
 * (SLAB_TYPESAFE_BY_RCU); a VMA is detached until it is in the tree.
 *
 * State of a VMA (stamp = vm_lock_seq, seq = its mm's mm_lock_seq):
 *
 *   detached  stamp==seq  readers   meaning                                       next
 *   1         -           0 or stale  free, or being made, or unmapped            attach (mmap_lock
 * write) 0         no          any       attached, unlocked or read-locked             reader +-1;
 * writer stamps 0         yes         0 or passing  write-locked until seq moves detach; seq moves
 *   1         yes         passing   being unmapped, may still be in the tree      tree cleared,
 * then freed
 *
 *   A killed reader leaves a count that nobody holds: recovery sets it to what the living announce.
 * A killed writer leaves stamps and an odd seq: recovery makes seq even, which ends all its stamps.
 *
 * Orderings:
 *   VMA-1  vma_end_write_all release / reader's late acquire load of seq: a reader that sees the
 * new seq sees all that the writer did under the stamp. Without it: the reader takes the VMA as
 * unlocked and acts on old flags. VMA-2  attach: release store of detached=0 / reader's acquire
 * load: a reader that sees "attached" sees vm_mm, range and flags of this life. Without it: it
 * compares the identity of a former life and accepts a foreign VMA. VMA-3  up_read release /
 * down_write acquire (RWSEM-2): the reader's accesses are over before the writer goes on. VMA-4 seq
 * odd before anything is stamped (SEQ-1); the stamp is stored while readers are excluded, so a
 *          reader that gets the lock later sees it through RWSEM-1.
 */
#ifndef VMALAB_MODEL_TYPESAFE_RWSEM_H
#define VMALAB_MODEL_TYPESAFE_RWSEM_H

#include "vmalab/mm.h"

/* A VMA's readers keep the announcement place they used. */
static inline void vma_end_read_at(struct participant *self, struct vm_area_struct *vma,
				   enum hold_place place)
{
	/* RCU: after the count drops a writer may free the object and its slab page while up_read
	 * still looks for waiters. */
	rcu_read_lock(self);
	up_read(self, &vma->vm_lock, place);
	rcu_read_unlock(self);
}

/* The same for a caller that is in an RCU section already. */
static inline void vma_end_read_rcu(struct participant *self, struct vm_area_struct *vma,
				    enum hold_place place)
{
	up_read(self, &vma->vm_lock, place);
}

static inline void vma_end_read(struct participant *self, struct vm_area_struct *vma)
{
	vma_end_read_at(self, vma, HOLD_VMA);
}

/* Tries to read-lock vma for a user of mm. May fail for no reason; the object may be of another
 * life until the caller has checked detached, vm_mm and the range. RCU is held. (kernel v4:
 * vma_start_read) */
static inline bool vma_start_read(struct participant *self, struct mm_struct *mm,
				  struct vm_area_struct *vma, enum hold_place place)
{
	/* Advice only, no order: a wrong "locked" costs a fallback, a wrong "unlocked" is caught
	 * below. */
	if (unlikely(load_relaxed_u32(&vma->vm_lock_seq) ==
		     load_relaxed_u32(&mm->mm_lock_seq.sequence))) {
		stat_inc(self, abort_stamp);
		return false;
	}
	if (unlikely(!down_read_trylock(self, &vma->vm_lock, place))) {
		stat_inc(self, abort_trylock);
		return false;
	}
	/* The stamp cannot change while we hold the lock. Overflow of seq may give a false
	 * "locked", never a false "unlocked". acquire pairs: VMA-1 (mm.c:vma_end_write_all)
	 */
	if (unlikely(load_relaxed_u32(&vma->vm_lock_seq) == read_seqcount(&mm->mm_lock_seq))) {
		vma_end_read_rcu(self, vma, place);
		stat_inc(self, abort_stamp_late);
		return false;
	}
	return true;
}

/* For callers that hold mmap_lock for reading: no writer can be there, so it cannot fail. */
static inline void vma_start_read_locked(struct participant *self, struct vm_area_struct *vma,
					 enum hold_place place)
{
	down_read(self, &vma->vm_lock, place);
}

/* A second VMA under the same mmap_lock. (kernel: vma_start_read_locked_nested,
 * SINGLE_DEPTH_NESTING) */
static inline void vma_start_read_locked_nested(struct participant *self,
						struct vm_area_struct *vma, enum hold_place place)
{
	down_read_nested(self, &vma->vm_lock, place);
}

static inline bool vma_is_write_locked(const struct mm_struct *mm, const struct vm_area_struct *vma)
{
	/* Plain loads: mmap_lock is held for writing, nobody else changes either. */
	return vma->vm_lock_seq == mm->mm_lock_seq.sequence;
}

static inline void vma_assert_write_locked(const struct mm_struct *mm,
					   const struct vm_area_struct *vma)
{
	VL_ASSERT(vma_is_write_locked(mm, vma));
}

/* Write-locks vma until mmap_lock is released or downgraded. mmap_lock write is held. (kernel:
 * vma_start_write) */
static inline void vma_start_write(struct participant *self, struct mm_struct *mm,
				   struct vm_area_struct *vma)
{
	u32 seq = mm->mm_lock_seq.sequence;

	VL_ASSERT(seq & 1);
	if (vma->vm_lock_seq == seq)
		return;
	down_write(self, &vma->vm_lock, HOLD_VMA_WRITE);
	/* relaxed: readers compare it without the lock as advice; with the lock RWSEM-1 orders it.
	 */
	store_relaxed_u32(&vma->vm_lock_seq, seq);
	up_write(self, &vma->vm_lock, HOLD_VMA_WRITE);
}

/* The VMA becomes visible to readers that find it. mmap_lock write is held; all fields are set. */
static inline void vma_mark_attached(struct vm_area_struct *vma)
{
	/* release pairs: VMA-2 (model_typesafe_rwsem.h:vma_is_detached) */
	store_release_u32(&vma->detached, 0);
}

static inline void vma_mark_detached(const struct mm_struct *mm, struct vm_area_struct *vma)
{
	vma_assert_write_locked(mm, vma);
	/* relaxed: readers are excluded by the stamp; whoever reads it stale finds the stamp. */
	store_relaxed_u32(&vma->detached, 1);
}

static inline bool vma_is_detached(const struct vm_area_struct *vma)
{
	return load_acquire_u32(&vma->detached) !=
	       0; /* pairs: VMA-2 (model_typesafe_rwsem.h:vma_mark_attached) */
}

static inline void vma_assert_attached(const struct vm_area_struct *vma)
{
	VL_ASSERT(!vma->detached);
}

static inline void vma_assert_detached(const struct vm_area_struct *vma)
{
	VL_ASSERT(vma->detached);
}

/* Each turn of the retry loop needs the object to be knocked out again, so this many are never seen
 * in earnest. */
#define MISS_RETRIES_MAX 1024

/* Finds and read-locks the VMA of addr, or NULL (counted as abort): the caller then takes
 * mmap_lock. RCU is held by the caller. */
static inline __attribute__((always_inline)) struct vm_area_struct *
lock_vma_found(struct participant *self, struct mm_struct *mm, u32 id, u64 addr, vl_ref ref,
	       enum hold_place place)
{
	struct vm_area_struct *vma;
	u32 turns = 0;

retry:
	if (unlikely(!ref)) {
		stat_inc(self, abort_no_vma);
		goto abort;
	}
	vma = PTR(self, ref);
	__builtin_prefetch(&vma->vm_lock, 1);
	if (unlikely(!vma_start_read(self, mm, vma, place)))
		goto abort;
	if (unlikely(vma_is_detached(vma))) {
		vma_end_read_rcu(self, vma, place);
		stat_inc(self, vma_lock_miss);
		if (++turns < MISS_RETRIES_MAX) {
			ref = tree_lookup(self, &mm->mm_mt, addr);
			goto retry;
		}
		goto abort;
	}
	/* Only now may the identity be read: before the lock the object could be turning into
	 * another. */
	if (unlikely(vma->vm_mm != id)) {
		stat_inc(self, abort_mm);
		goto abort_locked;
	}
	if (unlikely(addr < vma->vm_start || addr >= vma->vm_end)) {
		stat_inc(self, abort_range);
		goto abort_locked;
	}
	return vma;
abort_locked:
	vma_end_read_rcu(self, vma, place);
abort:
	stat_inc(self, vma_lock_abort);
	return NULL;
}

static inline struct vm_area_struct *lock_vma_rcu_held(struct participant *self,
						       struct mm_struct *mm, u32 id, u64 addr,
						       enum hold_place place)
{
	return lock_vma_found(self, mm, id, addr, tree_lookup(self, &mm->mm_mt, addr), place);
}

/* The same with the RCU section of the lookup inside: the lock alone keeps the VMA.
 * (kernel: lock_vma_under_rcu) */
static inline struct vm_area_struct *lock_vma_under_rcu(struct participant *self,
							struct mm_struct *mm, u32 id, u64 addr,
							enum hold_place place)
{
	struct vm_area_struct *vma;

	rcu_read_lock(self);
	vma = lock_vma_rcu_held(self, mm, id, addr, place);
	rcu_read_unlock(self);
	return vma;
}

#endif
