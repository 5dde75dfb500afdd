/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock_model.h (mm): the lock model that this core was compiled for. Each model is one header with
 * its own state table, orderings and pairs, so that it can be read beside the kernel's.
 *
 * A model provides
 *   vma_lock_alloc, vma_lock_free      what of its lock lives and dies with one life of a VMA
 *   vma_lock_prefetch                  starts to fetch the word that is going to be locked
 *   vma_lock_ctor, vma_lock_init       the lock in the freed state: for a slab page, for a life
 *   vma_read_trylock                   kernel: vma_start_read, with the identity checks after it
 *   vma_start_read_locked(_nested)     for holders of mmap_lock; false: too many readers
 *   vma_end_read_at, vma_end_read_rcu  the latter inside an RCU section that goes on
 *   vma_start_write, __vma_start_write until mmap_lock is released or downgraded; the latter
 *                                      whatever the stamp says
 *   vma_mark_attached, _detached       and vma_assert_attached, _detached
 *   vma_lock_copy                      where a copy carries stamp and `detached` of its source
 *   vma_lock_reset, vma_lock_reattach  for recovery: a leaked object; one that the tree has
 * It says
 *   VMA_LOCK_PER_VMA       0: readers of a VMA hold mmap_lock instead
 *   VMA_TYPESAFE           1: objects are reused at once, pages after a grace period
 *   VMA_FREE_DEFERRED      1: objects are freed after a grace period (kernel: call_rcu)
 *   VMA_LOCK_RWSEM         1: vma_rwsem() names a rw_semaphore
 *   VMA_LOCK_SEPARATE      1: it lies in a cache of its own
 * A step of the history (VL_STEP_*) is one of the models with another header. It may say besides
 *   VMA_ATTACH_IN_STORE    1: each store in the tree attaches what it stores, after it, whether
 *                          that is attached or not; VMA_ATTACH_LOCKED: under its write lock
 *   VMA_DUP_COPIES         1: a copy begins with stamp and `detached` of its source
 *   VMA_CHILD_UNSTAMPED    1: fork attaches the child's VMAs without a write lock
 *   VMA_STAMPS_AGE         1: nothing renews stamps when the sequence wraps around, and a stamp may
 *                          be of another mm
 *   VMA_WRITE_KILLABLE     1: vma_start_write_killable may answer -EINTR; else it is
 *                          vma_start_write
 *   VMA_READ_LEAVES_RCU    1: vma_read_trylock leaves the RCU section when it fails
 *
 * Here, once for all of them: the stamp, the stores in the tree, and the search with every way out.
 */
#ifndef VMALAB_LOCK_MODEL_H
#define VMALAB_LOCK_MODEL_H

#include "vmalab/mm.h"

/* How an attempt to read-lock an object ends. Only VMA_READ_LOCKED leaves it locked. */
enum vma_read {
	VMA_READ_LOCKED,
	VMA_READ_FAILED, /* for this reason or none: take mmap_lock */
	VMA_READ_MISS,   /* detached since the walk: look again */
};

#ifndef VL_MODEL_MMAP_LOCK
static inline bool vma_is_write_locked(const struct mm_struct *mm, const struct vm_area_struct *vma)
{
	/* Plain loads: mmap_lock is held for writing, nobody else changes either. */
	return vma->vm_lock_seq == mm->mm_lock_seq.sequence;
}
#else
static inline bool vma_is_write_locked(const struct mm_struct *mm, const struct vm_area_struct *vma)
{
	(void)vma;
	return mm->mm_lock_seq.sequence & 1;
}
#endif

/* The same for who has vma and not its mm. */
static inline bool vma_stamp_is_current(const struct participant *self,
					const struct vm_area_struct *vma)
{
	return vma_is_write_locked(&self->mms[mm_index(vma->vm_mm)], vma);
}

static inline void vma_assert_write_locked(const struct mm_struct *mm,
					   const struct vm_area_struct *vma)
{
	VL_ASSERT(vma_is_write_locked(mm, vma));
}

#if defined(VL_LAB) && !defined(VL_MODEL_MMAP_LOCK)
/* Mutant mm_taken_from_vma: the object says whose sequence it is, and may be of another mm. */
static inline u32 early_sequence(const struct participant *self, const struct mm_struct *mm,
				 const struct vm_area_struct *vma)
{
	u64 id = vma->vm_mm;

	if (!MUTANT(mm_taken_from_vma))
		return load_relaxed_u32(&mm->mm_lock_seq.sequence); /* advice, as below */
	STEP(mm_taken, vma);
	GHOST(sequence_of(id));
	return load_relaxed_u32(&self->mms[mm_index(id)].mm_lock_seq.sequence);
}
#else
#define early_sequence(self, mm, vma) load_relaxed_u32(&(mm)->mm_lock_seq.sequence)
#endif

#if defined(VL_STEP_V3)
#include "vmalab/model_v3.h"
#elif defined(VL_STEP_V4_1)
#include "vmalab/model_v4_1.h"
#elif defined(VL_STEP_V4_2)
#include "vmalab/model_v4_2.h"
#elif defined(VL_STEP_V4_3)
#include "vmalab/model_v4_3.h"
#elif defined(VL_STEP_V4_4)
#include "vmalab/model_v4_4.h"
#elif defined(VL_STEP_REFCOUNT_7_0)
#include "vmalab/model_refcount_7_0.h"
#elif defined(VL_MODEL_MMAP_LOCK)
#include "vmalab/model_mmap_lock.h"
#elif defined(VL_MODEL_SPLIT_RWSEM)
#include "vmalab/model_split_rwsem.h"
#elif defined(VL_MODEL_EMBEDDED_RWSEM)
#include "vmalab/model_embedded_rwsem.h"
#elif defined(VL_MODEL_REFCOUNT)
#include "vmalab/model_refcount.h"
#elif defined(VL_MODEL_TYPESAFE_RWSEM) || !defined(LAYOUT_NAME)
#include "vmalab/model_typesafe_rwsem.h"
#else
#error "no such lock model"
#endif

#ifndef VMA_ATTACH_IN_STORE
#define VMA_ATTACH_IN_STORE 0
#define VMA_ATTACH_LOCKED   1
#define VMA_CHILD_UNSTAMPED 0
#define VMA_STAMPS_AGE      0
#endif
#ifndef VMA_DUP_COPIES
#define VMA_DUP_COPIES           0
#define vma_lock_copy(vma, orig) ((void)0)
#endif
#ifndef VMA_READ_LEAVES_RCU
#define VMA_READ_LEAVES_RCU 0
#endif
#ifndef VMA_WRITE_KILLABLE
#define VMA_WRITE_KILLABLE 0
#endif
#if !VMA_WRITE_KILLABLE
/* Here it never ends early. */
static inline int vma_start_write_killable(struct participant *self, struct mm_struct *mm,
					   struct vm_area_struct *vma)
{
	vma_start_write(self, mm, vma);
	return 0;
}
#endif

#ifndef LAYOUT_NAME /* the build gives it; without it, the default */
#define LAYOUT_NAME "aligned"
#endif

/* Under which lock a fault was served. */
#define STAT_FAULT_LOCKED (VMA_LOCK_PER_VMA ? STAT_vma_lock_success : STAT_mmap_lock_faults)

static inline void vma_end_read(struct participant *self, struct vm_area_struct *vma)
{
	vma_end_read_at(self, vma, HOLD_VMA);
}

/* A new VMA comes into the tree, at its range. Most models attach before the store: the stamp keeps
 * readers out until mmap_lock is released. (kernel: vma_iter_store_new; v4: vma_iter_store) */
static inline void vma_iter_store_new(struct participant *self, struct mm_struct *mm,
				      struct vm_area_struct *vma)
{
	if (!VMA_ATTACH_IN_STORE)
		vma_mark_attached(self, mm, vma);
	tree_store(self, &mm->mm_mt, vma->vm_start, vma->vm_end, REF(self, vma));
	if (VMA_ATTACH_IN_STORE)
		vma_mark_attached(self, mm, vma);
}

/* One that the tree has gets another range. (kernel: vma_iter_store_overwrite; v4: vma_iter_store)
 */
static inline void vma_iter_store_overwrite(struct participant *self, struct mm_struct *mm,
					    struct vm_area_struct *vma, u64 start, u64 end)
{
	tree_store(self, &mm->mm_mt, start, end, REF(self, vma));
	if (VMA_ATTACH_IN_STORE)
		vma_mark_attached(self, mm, vma);
}

#if VMA_CHILD_UNSTAMPED
/* A VMA of an mm that nobody else can see is going to be detached: it is stamped, and nobody is
 * waited for, as recovery takes children apart too. (kernel v4: vm_area_free_unreachable) */
static inline void vma_stamp_unseen(const struct mm_struct *mm, struct vm_area_struct *vma)
{
	store_relaxed_u32(&vma->vm_lock_seq, mm->mm_lock_seq.sequence); /* relaxed: nobody looks */
	GHOST(write_lock(mm, vma));
}
#else
#define vma_stamp_unseen(mm, vma) ((void)0)
#endif

/* vma gets these flags, computed from its own since it is write-locked: what a holder of its read
 * lock has set is in them. (kernel: vm_flags_reset) */
static inline void vm_flags_reset(const struct mm_struct *mm, struct vm_area_struct *vma, u64 flags)
{
	vma_assert_write_locked(mm, vma);
	if (VARIANT(sticky_flags_merged_late))
		flags |= vma->vm_flags & VM_STICKY;
	INTACT(change_loses_guard, VL_ASSERT(!(vma->vm_flags & ~flags & VM_STICKY)));
	GHOST(change(vma, "vm_flags"));
	/* relaxed: readers are excluded; a stale one sees old or new */
	store_relaxed_u64(&vma->vm_flags, flags);
}

/* Each turn of the retry loop needs the object to be knocked out again, so this many are never seen
 * in earnest. */
#define MISS_RETRIES_MAX 1024

#if VMA_LOCK_PER_VMA
#ifdef VL_LAB
/* Mutant stale_leaf: the leaf is kept while the RCU section is left. */
static inline vl_ref stale_lookup(struct participant *self, struct mm_struct *mm, u64 addr)
{
	const struct tree_node *leaf = tree_leaf(self, &mm->mm_mt, addr);

	rcu_read_unlock(self);
	STEP(rcu_left);
	rcu_read_lock(self);
	STEP(rcu_again);
	if (!leaf)
		return 0;
	GHOST(node(leaf));
	return tree_leaf_slot(leaf, addr);
}
#else
#define stale_lookup(self, mm, addr) 0
#endif

#if VMA_READ_LEAVES_RCU
/* lock_vma_once and lock_vma_found leave the section, also with the VMA locked. */
static inline void lock_vma_rcu_done(struct participant *self)
{
	(void)self;
}
/* A section for who looks again after a failed vma_read_trylock. */
static inline void lock_vma_rcu_again(struct participant *self)
{
	rcu_read_lock(self);
}
#else
/* lock_vma_once and lock_vma_found stay in the section of the walk: the caller leaves it. */
static inline void lock_vma_rcu_done(struct participant *self)
{
	rcu_read_unlock(self);
}
static inline void lock_vma_rcu_again(struct participant *self)
{
	(void)self;
}
#endif

/* One attempt to read-lock the VMA of addr; vma is what a walk of this RCU section found. */
static inline __attribute__((always_inline)) enum vma_read
lock_vma_once(struct participant *self, struct mm_struct *mm, u64 id, u64 addr,
	      struct vm_area_struct *vma, enum hold_place place)
{
	enum vma_read outcome;

	STEP(walked, vma);
	vma_lock_prefetch(vma); /* its line and the hot one in one wait */
	outcome = vma_read_trylock(self, mm, id, vma, place);
	if (unlikely(outcome != VMA_READ_LOCKED))
		return outcome;
	if (VMA_READ_LEAVES_RCU)
		rcu_read_unlock(self); /* the lock keeps it */
	/* Only now may the range be read: before the lock the object could be turning into another,
	 * or be split. */
	if (unlikely(addr < vma->vm_start || addr >= vma->vm_end) && !MUTANT(range_ignored)) {
		stat_refused(self, abort_range);
		vma_end_read_rcu(self, vma, place);
		return VMA_READ_FAILED;
	}
	STEP(read_granted, vma, grant(mm, vma, addr));
	VMA_EXTRA_FAULT(vma);
	return VMA_READ_LOCKED;
}

/* The VMA was detached since the walk: what another walk finds. */
static inline vl_ref lock_vma_missed(struct participant *self, struct mm_struct *mm, u64 addr)
{
	stat_inc(self, vma_lock_miss);
	return MUTANT(stale_leaf) ? stale_lookup(self, mm, addr)
				  : tree_lookup(self, &mm->mm_mt, addr);
}

/* Read-locks the VMA of addr, which a walk of this RCU section found to be ref, or NULL (counted as
 * abort): the caller then takes mmap_lock. */
static inline struct vm_area_struct *lock_vma_found(struct participant *self, struct mm_struct *mm,
						    u64 id, u64 addr, vl_ref ref,
						    enum hold_place place)
{
	for (u32 turns = 1;; turns++) {
		struct vm_area_struct *vma = PTR(self, ref);
		enum vma_read outcome;

		GHOST(entry(mm, ref, addr));
		if (unlikely(!ref)) {
			stat_refused(self, abort_no_vma);
			if (VMA_READ_LEAVES_RCU)
				rcu_read_unlock(self);
			break;
		}
		outcome = lock_vma_once(self, mm, id, addr, vma, place);
		if (likely(outcome == VMA_READ_LOCKED))
			return vma;
		if (likely(outcome == VMA_READ_FAILED))
			break;
		STEP(read_miss, vma);
		if (unlikely(turns == MISS_RETRIES_MAX))
			break;
		lock_vma_rcu_again(self);
		ref = lock_vma_missed(self, mm, addr);
	}
	stat_inc(self, vma_lock_abort);
	return NULL;
}

static inline struct vm_area_struct *lock_vma_rcu_held(struct participant *self,
						       struct mm_struct *mm, u64 id, u64 addr,
						       enum hold_place place)
{
	return lock_vma_found(self, mm, id, addr, tree_lookup(self, &mm->mm_mt, addr), place);
}

/* The same with the RCU section of the lookup inside: the lock alone keeps the VMA.
 * (kernel: lock_vma_under_rcu) */
static inline struct vm_area_struct *lock_vma_under_rcu(struct participant *self,
							struct mm_struct *mm, u64 id, u64 addr,
							enum hold_place place)
{
	struct vm_area_struct *vma;

	rcu_read_lock(self);
	vma = lock_vma_rcu_held(self, mm, id, addr, place);
	lock_vma_rcu_done(self);
	return vma;
}
#else
/* There is no lock but mmap_lock. */
static inline struct vm_area_struct *lock_vma_under_rcu(struct participant *self,
							struct mm_struct *mm, u64 id, u64 addr,
							enum hold_place place)
{
	(void)self, (void)mm, (void)id, (void)addr, (void)place;
	return NULL;
}
#endif

#endif
