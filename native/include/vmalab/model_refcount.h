/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_refcount.h (mm): the per-VMA lock of Linux 6.15 and later (as of 6.16.1): one word,
 * vm_refcnt, is lock and attach state; one waiter per mm. Objects are reused at once
 * (SLAB_TYPESAFE_BY_RCU).
 *
 * FLAG = VM_REFCNT_EXCLUDE_READERS_FLAG (before 7.0: VMA_LOCK_OFFSET). stamp = vm_lock_seq, seq =
 * its mm's mm_lock_seq.
 *
 *   vm_refcnt   meaning                                             next
 *   0           detached: free, being made, or unmapped             attach: 1
 *   1           attached; write-locked if stamp == seq              reader +1, writer +FLAG,
 *                                                                   detach -1
 *   2 to LIMIT  the same with readers, or with passing ones that    reader +-1, writer +FLAG,
 *               will find the stamp                                 detach -1
 *   FLAG        a detacher whose last straggler has left            -FLAG: 0
 *   FLAG+1      a writer that has excluded the readers, or a        -FLAG: 1; straggler -1
 *               detacher that waits for one straggler
 *   > FLAG+1    the same, waiting for more                          readers -1; the last wakes
 *                                                                   the mm's writer
 *   Only a reader's increment is refused: at 0 (MISS), with FLAG, and at LIMIT.
 *
 *   A killed reader leaves a count, a killed writer FLAG: recovery sets the word to what the tree
 *   and the announcements of the living say. `detached` is not read by the protocol; it is a note
 *   for recovery of an mm in whose middle a living writer waits, where the tree cannot tell.
 *
 * Orderings:
 *   VMA-1  vma_end_write_all's release / the reader's late acquire load of seq: as in vma_rwsem.h.
 *   VMA-5  attach: release store of 1 / the reader's acquire increment: all fields of this life
 *          before any check. Without it: a reader compares the identity of a former life and
 *          accepts a foreign VMA.
 *   VMA-6  the writer's release -FLAG / the reader's acquire increment: a reader that gets in after
 *          the writer sees its stamp, and the odd seq. Without it: two own the VMA.
 *   VMA-7  the reader's release decrement / the acquire load of the writer that waits: the reader's
 *          accesses are over before the writer goes on. (The kernel's load is relaxed; its writes
 *          follow by control dependency, its reads formally do not.)
 *   VMA-8  the waiter says that it waits, full barrier, tests the word; the reader decrements, full
 *          barrier, looks whether somebody waits: no lost wake-up. A bounded sleep besides.
 */
#ifndef VMALAB_MODEL_REFCOUNT_H
#define VMALAB_MODEL_REFCOUNT_H

#include "vmalab/mm.h"

#define LOCK_MODEL_NAME   "refcount"
#define VMA_LOCK_PER_VMA  1
#define VMA_LOCK_RWSEM    0
#define VMA_TYPESAFE      1
#define VMA_FREE_DEFERRED 0
#define VMA_LOCK_SEPARATE 0

#define VM_REFCNT_EXCLUDE_READERS_FLAG 0x40000000u
#define VM_REFCNT_LIMIT                (VM_REFCNT_EXCLUDE_READERS_FLAG - 1)

/* vma_refcnt.c: what is rare */
void vma_wake_writer(struct participant *self, u64 mm_id) __attribute__((cold));
void vma_put_foreign(struct participant *self, struct vm_area_struct *vma, enum hold_place place)
	__attribute__((cold));
/* The writer has announced itself and added FLAG: waits until the word is target. */
void vma_wait_readers(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		      u32 target) __attribute__((cold));
void vma_detach_stragglers(struct participant *self, struct mm_struct *mm,
			   struct vm_area_struct *vma) __attribute__((cold));

/* (kernel: vma_refcount_put) */
static inline void vma_refcount_put(struct participant *self, struct vm_area_struct *vma,
				    enum hold_place place)
{
	/* First: after the decrement nothing of the object may be touched. */
	u64 mm_id = load_relaxed_u64(&vma->vm_mm);
	u32 count;

	GHOST(end(vma));
	SYNC_ON(read_ending, vma);
	GHOST(put(vma));
	/* release pairs: VMA-7 (vma_refcnt.c:vma_wait_readers) */
	count = add_release_u32(&vma->vm_refcnt, -1u);
	hold_clear(self, place);
	SYNC_ON(read_dropped, vma);
	if (MUTANT(B1)) {
		GHOST(touch(vma, "vm_mm is read"));
		mm_id = load_relaxed_u64(&vma->vm_mm);
	}
	if (unlikely(count & VM_REFCNT_EXCLUDE_READERS_FLAG) &&
	    count <= VM_REFCNT_EXCLUDE_READERS_FLAG + 1)
		vma_wake_writer(self, mm_id); /* VMA-8 */
	SYNC(read_ended);
}

static inline void vma_end_read_rcu(struct participant *self, struct vm_area_struct *vma,
				    enum hold_place place)
{
	vma_refcount_put(self, vma, place);
}

static inline void vma_end_read_at(struct participant *self, struct vm_area_struct *vma,
				   enum hold_place place)
{
	vma_refcount_put(self, vma, place);
}

#ifdef VL_LAB
/* Mutant B10: the count is taken first and looked at then; who only looked in wakes nobody. */
static inline enum vma_read vma_get_unlimited(struct participant *self, struct vm_area_struct *vma,
					      enum hold_place place)
{
	u32 count = load_relaxed_u32(&vma->vm_refcnt);

	if (count == 0)
		return VMA_READ_MISS;
	count = add_acq_rel_u32(&vma->vm_refcnt, 1);
	GHOST(put(vma));
	SYNC_ON(read_taken, vma);
	if (count & VM_REFCNT_EXCLUDE_READERS_FLAG) {
		add_acq_rel_u32(&vma->vm_refcnt, -1u);
		return VMA_READ_FAILED;
	}
	hold_set(self, place, vma, HELD_READ);
	return VMA_READ_LOCKED;
}
#else
#define vma_get_unlimited(self, vma, place) VMA_READ_FAILED
#endif

/* One reference more, unless detached (MISS), excluded or too many (FAILED).
 * (kernel: __refcount_inc_not_zero_limited_acquire) */
static inline enum vma_read vma_refcount_get(struct participant *self, struct vm_area_struct *vma,
					     enum hold_place place)
{
	u32 count = 1; /* A guess, so that nothing waits for a load; a wrong one is corrected. */

	if (MUTANT(B10))
		return vma_get_unlimited(self, vma, place);
	do {
		/* acquire pairs: VMA-5 (model_refcount.h:vma_mark_attached),
		 * VMA-6 (model_refcount.h:vma_stamp) */
		if (likely(cmpxchg_acquire_u32(&vma->vm_refcnt, &count, count + 1))) {
			hold_set(self, place, vma, HELD_READ);
			GHOST(put(vma));
			SYNC_ON(read_taken, vma);
			return VMA_READ_LOCKED;
		}
		if (count == 0)
			return VMA_READ_MISS;
	} while (count < VM_REFCNT_LIMIT);
	SYNC_ON(read_refused, vma);
	return VMA_READ_FAILED;
}

/* (kernel 6.16.1: vma_start_read) */
static inline enum vma_read vma_read_trylock(struct participant *self, const struct mm_struct *mm,
					     u64 id, struct vm_area_struct *vma,
					     enum hold_place place)
{
	enum vma_read outcome;

	/* Advice only, no order. */
	if (unlikely(load_relaxed_u32(&vma->vm_lock_seq) ==
		     load_relaxed_u32(&mm->mm_lock_seq.sequence)) &&
	    !MUTANT(O2A)) {
		stat_inc(self, abort_stamp);
		return MUTANT(O2B) ? VMA_READ_MISS : VMA_READ_FAILED;
	}
	SYNC_ON(stamp_read, vma);
	outcome = vma_refcount_get(self, vma, place);
	if (unlikely(outcome != VMA_READ_LOCKED)) {
		if (outcome == VMA_READ_FAILED)
			stat_inc(self, abort_trylock);
		return outcome;
	}
	/* Of another mm: its object was reused for one. To compare before the stamp, which belongs
	 * to that mm's sequence. */
	if (unlikely(load_relaxed_u64(&vma->vm_mm) != id) && !MUTANT(B5)) {
		SYNC_ON(foreign_found, vma);
		vma_put_foreign(self, vma, place);
		stat_inc(self, abort_mm);
		return VMA_READ_FAILED;
	}
	SYNC_ON(read_identified, vma);
	/* The stamp cannot change while we have the reference. Overflow of seq may give a false
	 * "locked", never a false "unlocked". acquire pairs: VMA-1 (mm.c:vma_end_write_all) */
	if (unlikely(load_relaxed_u32(&vma->vm_lock_seq) == read_seqcount(&mm->mm_lock_seq))) {
		vma_refcount_put(self, vma, place);
		stat_inc(self, abort_stamp_late);
		return VMA_READ_FAILED;
	}
	SYNC_ON(read_stamp_late, vma);
	return VMA_READ_LOCKED;
}

/* For callers that hold mmap_lock for reading: no writer can be there; false only when there are
 * too many readers. */
static inline bool vma_start_read_locked(struct participant *self, struct vm_area_struct *vma,
					 enum hold_place place)
{
	if (MUTANT(B16) && vma->vm_lock_seq == self->mms[mm_index(vma->vm_mm)].mm_lock_seq.sequence)
		return false;
	return vma_refcount_get(self, vma, place) == VMA_READ_LOCKED;
}

static inline bool vma_start_read_locked_nested(struct participant *self,
						struct vm_area_struct *vma, enum hold_place place)
{
	return vma_start_read_locked(self, vma, place);
}

/* Write-locks vma whatever its stamp says. (kernel: __vma_start_write) */
static inline void vma_stamp(struct participant *self, struct mm_struct *mm,
			     struct vm_area_struct *vma)
{
	u32 seq = mm->mm_lock_seq.sequence, count = 1;
	bool attached;

	VL_ASSERT(seq & 1);
	SYNC_ON(write_begin, vma);
	hold_taking(self, HOLD_VMA_WRITE, vma, HELD_WRITE);
	/* acquire: with no reader there is nothing to wait for. pairs: VMA-7
	 * (model_refcount.h:vma_refcount_put) */
	while (!cmpxchg_acquire_u32(&vma->vm_refcnt, &count,
				    count + VM_REFCNT_EXCLUDE_READERS_FLAG) &&
	       count)
		;
	attached = count != 0;
	SYNC_ON(write_flagged, vma);
	if (unlikely(count > 1))
		vma_wait_readers(self, mm, vma, VM_REFCNT_EXCLUDE_READERS_FLAG + 1);
	/* relaxed: readers compare it without a reference as advice; with one VMA-6 orders it */
	SYNC_ON(write_alone, vma);
	store_relaxed_u32(&vma->vm_lock_seq, seq);
	GHOST(write_lock(mm, vma));
	if (likely(attached)) /* release pairs: VMA-6 (model_refcount.h:vma_refcount_get) */
		add_release_u32(&vma->vm_refcnt, -VM_REFCNT_EXCLUDE_READERS_FLAG);
	hold_clear(self, HOLD_VMA_WRITE);
	SYNC_ON(write_stamped, vma);
}

/* Write-locks vma until mmap_lock is released or downgraded. mmap_lock write is held. (kernel:
 * vma_start_write) */
static inline void vma_start_write(struct participant *self, struct mm_struct *mm,
				   struct vm_area_struct *vma)
{
	if (vma->vm_lock_seq != mm->mm_lock_seq.sequence)
		vma_stamp(self, mm, vma);
	else
		GHOST(write_known(mm, vma));
}

static inline void vma_assert_attached(const struct vm_area_struct *vma)
{
	VL_ASSERT(load_relaxed_u32(&vma->vm_refcnt) != 0);
}

static inline void vma_assert_detached(const struct vm_area_struct *vma)
{
	VL_ASSERT(load_relaxed_u32(&vma->vm_refcnt) == 0);
}

static inline bool vma_is_detached(const struct vm_area_struct *vma)
{
	return load_relaxed_u32(&vma->vm_refcnt) == 0;
}

/* The VMA becomes visible to readers that find it. It is stamped and all its fields are set. */
static inline void vma_mark_attached(struct vm_area_struct *vma)
{
	vma_assert_detached(vma);
	GHOST(attach(vma));
	SYNC_ON(attaching, vma);
	store_relaxed_u32(&vma->detached, 0);
	/* release pairs: VMA-5 (model_refcount.h:vma_refcount_get) */
	store_release_u32(&vma->vm_refcnt, 1);
	SYNC_ON(attached, vma);
}

/* It is stamped, so readers do not stay; one that has its reference and has not looked at the stamp
 * yet is waited for. */
static inline void vma_mark_detached(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma)
{
	vma_assert_write_locked(mm, vma);
	vma_assert_attached(vma);
	GHOST(detach(vma));
	store_relaxed_u32(&vma->detached, 1);
	/* acq_rel: our changes are over; with 0, every reader's accesses too. pairs: VMA-7
	 * (model_refcount.h:vma_refcount_put) */
	if (unlikely(add_acq_rel_u32(&vma->vm_refcnt, -1u) != 0))
		vma_detach_stragglers(self, mm, vma);
	SYNC_ON(detached, vma);
}

static inline void vma_lock_prefetch(const struct vm_area_struct *vma)
{
	__builtin_prefetch(&vma->vm_refcnt, 1);
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

/* The freed state, in which every later life begins. */
static inline void vma_lock_ctor(struct vm_area_struct *vma)
{
	vma->vm_refcnt = 0;
	vma->detached = 1;
	vma->vm_lock_seq = VMA_STAMP_FIRST;
}

static inline void vma_lock_init(struct vm_area_struct *vma)
{
	vma_assert_detached(vma);
	store_relaxed_u32(&vma->vm_lock_seq, vma_stamp_first());
}

/* For recovery: an object that nothing reaches goes back to the freed state; one that the tree has
 * is attached. The counts of readers were set before (walk.c:check_vma_lock). */
static inline void vma_lock_reset(struct vm_area_struct *vma)
{
	store_relaxed_u32(&vma->detached, 1);
	store_relaxed_u32(&vma->vm_refcnt, 0);
	store_relaxed_u32(&vma->vm_lock_seq, vma_stamp_first());
}
static inline void vma_lock_reattach(struct vm_area_struct *vma)
{
	store_relaxed_u32(&vma->detached, 0);
	add_release_u32(&vma->vm_refcnt, 1);
}

#endif
