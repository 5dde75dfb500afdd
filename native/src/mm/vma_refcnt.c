/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vma_refcnt.c: the rare half of model_refcount.h: a writer that waits for readers, and what
 * wakes it. Empty for the other models.
 *
 * Wait: one writer per mm (it has mmap_lock), so one futex word per mm. The reader that leaves FLAG
 * or FLAG+1 behind wakes it, and may do so for no reason. The waiter has announced (HOLD_VMA_WRITE)
 * on which VMA FLAG is its own, so the world can be stopped while it sleeps, and recovery can take
 * away the count of a reader that was killed.
 */
#include "vmalab/lock_model.h"

#if !VMA_LOCK_RWSEM && VMA_LOCK_PER_VMA
#include "vmalab/futex.h"
#include "vmalab/safe_point.h"

#define SPINS 200 /* turns of a writer with WRITER_SPINS */

/* kernel: rcuwait_wake_up */
void vma_wake_writer(struct participant *self, u64 mm_id)
{
	struct mm_struct *mm = &self->mms[mm_index(mm_id)];

	STEP(waking, mm, wake(mm_id));
	GHOST(wake(mm_id));
	fence_full(); /* decremented, then looks. pairs: VMA-8 (vma_refcnt.c:wait_turns) */
	if (load_relaxed_u32(&mm->vma_writer_waits) == 0)
		return;
	event_note(self, EVENT_WOKE, EVENT_LOCK_VMA_WRITE, 0, mm_id);
	/* The waiter's futex_wait fails or ends. pairs: VMA-8 (vma_refcnt.c:wait_turns) */
	add_acq_rel_u32(&mm->vma_writer_wait, 1);
	futex_wake(&mm->vma_writer_wait, FUTEX_ALL);
}

/* We have a reference on an object of another mm. That mm may only wait for us to let it go, and be
 * gone before we wake its writer: the reference pins the mm while we take a pin of our own, which
 * keeps the slot, and with it the word that we wake, its own. Outside RCU, as the last mmdrop may
 * take a lock. (kernel: commit 9bbffee67ffd, the fix of CVE-2025-38554) */
void vma_put_foreign(struct participant *self, struct vm_area_struct *vma, enum hold_place place)
{
	struct mm_struct *other = &self->mms[mm_index(load_relaxed_u64(&vma->vm_mm))];

	VL_ASSERT(self->rcu_nest == 1);
	rcu_read_unlock(self);
	GHOST(foreign(true));
	note_change(self);
	INTACT(foreign_wake_unpinned, mmgrab(other));
	STEP(foreign_pinned, vma);
	vma_refcount_put(self, vma, place);
	STEP(foreign_put);
	INTACT(foreign_wake_unpinned, mmdrop(self, other));
	GHOST(foreign(false));
	if (!VMA_READ_LEAVES_RCU)
		rcu_read_lock(self);
}

static bool wait_turns(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		       u32 target, bool killable)
{
	u32 spins = participant_hdr(self)->config.writer_wait == WRITER_SPINS ? SPINS : 0;
	u64 begin = clock_ns(), now;
	bool alone;

	for (u32 turn = 0;; turn++) {
		/* acquire: before the hint and the test.
		 * pairs: VMA-8 (vma_refcnt.c:vma_wake_writer) */
		u32 seq = load_acquire_u32(&mm->vma_writer_wait);

		if (turn >= spins)
			store_relaxed_u32(&mm->vma_writer_waits, 1);
		fence_full(); /* says it waits, then tests. pairs: VMA-8
			       * (vma_refcnt.c:vma_wake_writer) */
		/* acquire pairs: VMA-7 (model_refcount.h:vma_refcount_put) */
		alone = load_acquire_u32(&vma->vm_refcnt) == target;
		if (alone || (VMA_WRITE_KILLABLE && killable && cancelled(self)))
			break;
		if (turn < spins) {
			cpu_relax();
			continue;
		}
		hold_waiting(self, HOLD_VMA_WRITE, vma, HELD_WRITE);
		core_block(self);
		futex_wait(&mm->vma_writer_wait, seq, RWSEM_SLEEP_NS);
		now = clock_ns();
		if (now - begin >= RWSEM_DEADLINE_NS) {
			participant_look_for_dead(self);
			begin = now;
		}
		core_unblock(self);
		hold_taking(self, HOLD_VMA_WRITE, vma, HELD_WRITE);
	}
	store_relaxed_u32(&mm->vma_writer_waits, 0);
	return alone;
}

bool vma_wait_readers(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		      u32 target, bool killable)
{
	u64 begin_ns;
	bool alone;

	VL_ASSERT(self->rcu_nest == 0);
	stat_inc(self, vma_writer_wait);
	begin_ns = event_wait_begin(self, vma, EVENT_LOCK_VMA_WRITE, 0, 0);
	alone = wait_turns(self, mm, vma, target, killable);
	event_wait_end(self, vma, EVENT_LOCK_VMA_WRITE, begin_ns, alone);
	return alone;
}

/* The attach reference is gone and readers are left that will find the stamp. (kernel: the slow
 * part of vma_mark_detached) */
void vma_detach_stragglers(struct participant *self, struct mm_struct *mm,
			   struct vm_area_struct *vma)
{
	if (__vma_enter_locked(self, mm, vma, true, false)) {
		bool detached = __vma_exit_locked(vma);

		INTACT(writer_ignores_readers, VL_ASSERT(detached));
		(void)detached;
	}
	fence_acquire(); /* the last straggler may have left before we added. VMA-7 */
	hold_clear(self, HOLD_VMA_WRITE);
}

#ifdef VL_LAB
/* The count is taken first and looked at then; who only looked in wakes nobody. */
enum vma_read lab_get_unlimited(struct participant *self, struct vm_area_struct *vma,
				enum hold_place place)
{
	u32 count = load_relaxed_u32(&vma->vm_refcnt);

	if (count == 0)
		return VMA_READ_MISS;
	count = add_acq_rel_u32(&vma->vm_refcnt, 1);
	STEP(read_taken, vma, put(vma));
	if (count & VM_REFCNT_EXCLUDE_READERS_FLAG) {
		add_acq_rel_u32(&vma->vm_refcnt, -1u);
		return VMA_READ_FAILED;
	}
	hold_set(self, place, vma, HELD_READ);
	return VMA_READ_LOCKED;
}

u64 lab_read_mm_late(const struct vm_area_struct *vma)
{
	GHOST(touch(vma, "vm_mm is read"));
	return load_relaxed_u64(&vma->vm_mm);
}
#endif
#endif
