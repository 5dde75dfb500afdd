/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_refcount.h (mm): the per-VMA lock of Linux 6.15 and later (as of 6.16.1): one word,
 * vm_refcnt, is lock and attach state; one waiter per mm. Objects are reused at once
 * (SLAB_TYPESAFE_BY_RCU).
 *
 * FLAG = VM_REFCNT_EXCLUDE_READERS_FLAG (before 7.0: VMA_LOCK_OFFSET). stamp = vm_lock_seq, seq =
 * its mm's mm_lock_seq.
 *
 * To be read beside include/linux/mmap_lock.h and mm/mmap_lock.c of 6.16.1: their functions in
 * their order, step by step. Four things are not in the kernel. self and place say who announces
 * what it takes and where (hold_set in participant.h), for recovery. mm is passed where the kernel
 * takes vma->vm_mm. stat_inc counts why a reader gave up. STEP, MUTATE and GHOST are the lab's, and
 * nothing in the release core (lab.h).
 *
 * Elsewhere: what is rare, the waits among it (vma_refcnt.c); vma_assert_write_locked and
 * lock_vma_under_rcu (lock_model.h), vma_end_write_all (mm.c). lockdep's map is not modelled.
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

#ifndef LOCK_MODEL_NAME /* a step that is this model but for what it says first */
#define LOCK_MODEL_NAME     "refcount"
#define VMA_READ_LEAVES_RCU 0
#define VMA_WRITE_KILLABLE  0
#endif
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
/* The writer has announced itself and added FLAG: waits until the word is target. False: what it
 * does is cancelled, and it waits no longer (killable). */
bool vma_wait_readers(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		      u32 target, bool killable) __attribute__((cold));
/* The attach reference is gone, readers are left: enters and exits as a detacher. */
void vma_detach_stragglers(struct participant *self, struct mm_struct *mm,
			   struct vm_area_struct *vma) __attribute__((cold));
/* What the mutants readers_unlimited and mm_read_after_put do. */
enum vma_read lab_get_unlimited(struct participant *self, struct vm_area_struct *vma,
				enum hold_place place);
u64 lab_read_mm_late(const struct vm_area_struct *vma);

/* --- include/linux/mmap_lock.h --- */

static inline void vma_assert_detached(const struct vm_area_struct *vma);
static inline void __vma_start_write(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma);

static inline void vma_lock_init(struct vm_area_struct *vma)
{
	vma_assert_detached(vma);
	store_relaxed_u32(&vma->vm_lock_seq, vma_stamp_first());
}

static inline bool is_vma_writer_only(u32 refcnt)
{
	return unlikely(refcnt & VM_REFCNT_EXCLUDE_READERS_FLAG) &&
	       refcnt <= VM_REFCNT_EXCLUDE_READERS_FLAG + 1;
}

static inline void vma_refcount_put(struct participant *self, struct vm_area_struct *vma,
				    enum hold_place place)
{
	/* First: after the decrement nothing of the object may be touched. */
	u64 mm_id = load_relaxed_u64(&vma->vm_mm);
	u32 refcnt;

	STEP(read_ending, vma, end(vma));
	/* release pairs: VMA-7 (vma_refcnt.c:wait_turns) */
	refcnt = add_release_u32(&vma->vm_refcnt, -1u);
	hold_clear(self, place);
	STEP(read_dropped, vma, put(vma));
	MUTATE(mm_read_after_put, mm_id = lab_read_mm_late(vma));
	if (is_vma_writer_only(refcnt))
		vma_wake_writer(self, mm_id); /* VMA-8 */
	STEP(read_ended);
}

/* One reference more, unless detached (MISS), excluded or too many (FAILED).
 * (kernel: __refcount_inc_not_zero_limited_acquire) */
static inline enum vma_read vma_refcount_get(struct participant *self, struct vm_area_struct *vma,
					     enum hold_place place)
{
	u32 refcnt = 1; /* A guess, so that nothing waits for a load; a wrong one is corrected. */

	MUTATE(readers_unlimited, return lab_get_unlimited(self, vma, place));
	do {
		/* acquire pairs: VMA-5 (model_refcount.h:vma_mark_attached),
		 * VMA-6 (model_refcount.h:__vma_exit_locked) */
		if (likely(cmpxchg_acquire_u32(&vma->vm_refcnt, &refcnt, refcnt + 1))) {
			hold_set(self, place, vma, HELD_READ);
			STEP(read_taken, vma, put(vma));
			return VMA_READ_LOCKED;
		}
		if (refcnt == 0 && !MUTANT(detached_ignored))
			return VMA_READ_MISS;
	} while (refcnt < VM_REFCNT_LIMIT);
	STEP(read_refused, vma);
	return VMA_READ_FAILED;
}

/* 7.0: who fails leaves the RCU section of the walk. (kernel: commit 0b16f8bed19c) */
static inline enum vma_read vma_start_read_fails(struct participant *self, enum vma_read outcome)
{
	if (VMA_READ_LEAVES_RCU)
		rcu_read_unlock(self);
	return outcome;
}

static inline enum vma_read vma_start_read(struct participant *self, const struct mm_struct *mm,
					   u64 id, struct vm_area_struct *vma,
					   enum hold_place place)
{
	bool early = MUTANT(mm_read_before_lock) && vma->vm_mm == id;
	enum vma_read outcome;

	/* Advice only, no order. */
	if (unlikely(load_relaxed_u32(&vma->vm_lock_seq) == early_sequence(self, mm, vma)) &&
	    !MUTANT(early_stamp_ignored)) {
		stat_refused(self, abort_stamp);
		MUTATE(early_stamp_retries, return vma_start_read_fails(self, VMA_READ_MISS));
		return vma_start_read_fails(self, VMA_READ_FAILED);
	}
	STEP(stamp_read, vma);
	outcome = vma_refcount_get(self, vma, place);
	if (unlikely(outcome != VMA_READ_LOCKED)) {
		if (outcome == VMA_READ_FAILED)
			stat_refused(self, abort_trylock);
		return vma_start_read_fails(self, outcome);
	}
	/* Of another mm: its object was reused for one. To compare before the stamp, which belongs
	 * to that mm's sequence. */
	if (unlikely(load_relaxed_u64(&vma->vm_mm) != id) && !MUTANT(mm_not_compared) && !early) {
		STEP(foreign_found, vma);
		vma_put_foreign(self, vma, place);
		stat_refused(self, abort_mm);
		return VMA_READ_FAILED; /* it has left the section, if that is to be left */
	}
	STEP(read_identified, vma);
	/* The stamp cannot change while we have the reference. Overflow of seq may give a false
	 * "locked", never a false "unlocked". acquire pairs: VMA-1 (mm.c:vma_end_write_all) */
	if (unlikely(load_relaxed_u32(&vma->vm_lock_seq) == read_seqcount(&mm->mm_lock_seq)) &&
	    !MUTANT(late_stamp_ignored)) {
		INTACT(refused_reader_stays, vma_refcount_put(self, vma, place));
		stat_refused(self, abort_stamp_late);
		return vma_start_read_fails(self, VMA_READ_FAILED);
	}
	STEP(read_stamp_late, vma);
	return VMA_READ_LOCKED;
}

/* For callers that hold mmap_lock for reading: no writer can be there; false only when there are
 * too many readers. */
static inline bool vma_start_read_locked_nested(struct participant *self,
						struct vm_area_struct *vma, enum hold_place place)
{
	MUTATE(read_locked_may_fail, if (vma_stamp_is_current(self, vma)) return false);
	return vma_refcount_get(self, vma, place) == VMA_READ_LOCKED;
}

static inline bool vma_start_read_locked(struct participant *self, struct vm_area_struct *vma,
					 enum hold_place place)
{
	return vma_start_read_locked_nested(self, vma, place);
}

/* (kernel: vma_end_read) */
static inline void vma_end_read_at(struct participant *self, struct vm_area_struct *vma,
				   enum hold_place place)
{
	vma_refcount_put(self, vma, place);
}

static inline void vma_end_read_rcu(struct participant *self, struct vm_area_struct *vma,
				    enum hold_place place)
{
	vma_refcount_put(self, vma, place);
}

/* Write-locks vma until mmap_lock is released or downgraded. mmap_lock write is held. */
static inline void vma_start_write(struct participant *self, struct mm_struct *mm,
				   struct vm_area_struct *vma)
{
	if (vma->vm_lock_seq != mm->mm_lock_seq.sequence)
		__vma_start_write(self, mm, vma);
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

/* The VMA becomes visible to readers that find it. It is stamped and all its fields are set. */
static inline void vma_mark_attached(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma)
{
	(void)self, (void)mm;
	vma_assert_detached(vma);
	STEP(attaching, vma, attach(vma));
	store_relaxed_u32(&vma->detached, 0);
	/* release pairs: VMA-5 (model_refcount.h:vma_refcount_get) */
	store_release_u32(&vma->vm_refcnt, 1);
	STEP(attached, vma);
}

/* --- mm/mmap_lock.c --- */

static inline bool __vma_exit_locked(struct vm_area_struct *vma);

/* Excludes readers and waits for those inside: 1. 0: the count is 0, nobody is or comes inside.
 * -EINTR: nobody is excluded (killable). */
static inline int __vma_enter_locked(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma, bool detaching, bool killable)
{
	u32 attached = detaching ? 0 : 1; /* one reference more, if the vma is attached */
	u32 refcnt = 1;                   /* a guess, as above */
	bool ended = false;

	GHOST(lock_wanted(self, vma, HOLD_VMA_WRITE));
	hold_taking(self, HOLD_VMA_WRITE, vma, HELD_WRITE);
	/* acquire: with no reader there is nothing to wait for. pairs: VMA-7
	 * (model_refcount.h:vma_refcount_put) */
	while (!cmpxchg_acquire_u32(&vma->vm_refcnt, &refcnt,
				    refcnt + VM_REFCNT_EXCLUDE_READERS_FLAG) &&
	       refcnt)
		;
	if (detaching)
		STEP(detaching, vma);
	else
		STEP(write_flagged, vma);
	if (unlikely(refcnt > attached) && !MUTANT(writer_ignores_readers))
		ended = !vma_wait_readers(self, mm, vma, VM_REFCNT_EXCLUDE_READERS_FLAG + attached,
					  killable);
	if (killable && refcnt && (unlikely(ended) || lab_fails(LAB_FAIL_STAMP))) {
		(void)__vma_exit_locked(vma);
		return -EINTR;
	}
	return refcnt != 0;
}

/* True: it is detached. */
static inline bool __vma_exit_locked(struct vm_area_struct *vma)
{
	/* release pairs: VMA-6 (model_refcount.h:vma_refcount_get); acquire, when it comes to 0,
	 * pairs: VMA-7 (model_refcount.h:vma_refcount_put) */
	return add_acq_rel_u32(&vma->vm_refcnt, -VM_REFCNT_EXCLUDE_READERS_FLAG) == 0;
}

/* Write-locks vma whatever its stamp says; -EINTR: it has not (killable). */
static inline int __vma_start_write_state(struct participant *self, struct mm_struct *mm,
					  struct vm_area_struct *vma, bool killable)
{
	u32 seq = mm->mm_lock_seq.sequence;
	int locked;

	VL_ASSERT(seq & 1);
	STEP(write_begin, vma);
	locked = __vma_enter_locked(self, mm, vma, false, killable);
	if (killable && unlikely(locked < 0)) {
		hold_clear(self, HOLD_VMA_WRITE);
		STEP(write_ended, vma);
		return locked;
	}
	STEP(write_alone, vma);
	/* relaxed: readers compare it without a reference as advice; with one VMA-6 orders it */
	store_relaxed_u32(&vma->vm_lock_seq, seq);
	VMA_EXTRA_CHANGE(vma);
	if (likely(locked))
		(void)__vma_exit_locked(vma);
	hold_clear(self, HOLD_VMA_WRITE);
	STEP(write_stamped, vma, write_lock(mm, vma));
	return 0;
}

static inline void __vma_start_write(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma)
{
	(void)__vma_start_write_state(self, mm, vma, false);
}

#if VMA_WRITE_KILLABLE
/* As vma_start_write, but a cancelled operation does not wait for readers: -EINTR. mmap_lock is
 * still held then, and what was stamped before is stamped. (kernel 6.19) */
static inline int vma_start_write_killable(struct participant *self, struct mm_struct *mm,
					   struct vm_area_struct *vma)
{
	if (vma->vm_lock_seq == mm->mm_lock_seq.sequence) {
		GHOST(write_known(mm, vma));
		return 0;
	}
	return __vma_start_write_state(self, mm, vma, true);
}
#endif

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
	STEP(detached, vma);
}

/* --- what the kernel has elsewhere, or not --- */

/* What the search asks of every model. (kernel: the part of lock_vma_under_rcu before the range) */
static inline enum vma_read vma_read_trylock(struct participant *self, const struct mm_struct *mm,
					     u64 id, struct vm_area_struct *vma,
					     enum hold_place place)
{
	return vma_start_read(self, mm, id, vma, place);
}

static inline bool vma_is_detached(const struct vm_area_struct *vma)
{
	return load_relaxed_u32(&vma->vm_refcnt) == 0;
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

#ifdef VL_LAB
/* Mutant freeptr_over_attached: the slab's free pointer lies over the word that says "attached". It
 * is the lower half of some address. */
static inline void vma_lock_overlay(const struct participant *self, struct vm_area_struct *vma)
{
	store_relaxed_u32(&vma->vm_refcnt, REF(self, vma));
}
#endif

/* The freed state, in which every later life begins. */
static inline void vma_lock_ctor(struct vm_area_struct *vma)
{
	vma->vm_refcnt = 0;
	vma->detached = 1;
	vma->vm_lock_seq = VMA_STAMP_FIRST;
}

/* For recovery: an object that nothing reaches goes back to the freed state; one that the tree has
 * is attached. The counts of readers were set before (walk_lock.c:walk_vma_lock). */
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
