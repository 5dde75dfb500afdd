/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_v4_4.h (mm): the step v4-4 of "move per-vma lock into vm_area_struct": patches 3 and 4 as
 * they were posted. The model typesafe-rwsem is what the review made of them.
 *
 * What is another way here than in typesafe-rwsem, and what comes of it:
 *   attaching    each store in the tree attaches, after it, whatever state the VMA is in, with or
 *                without its write lock; one barrier orders it behind the members
 *   clearing     vm_area_alloc zeroes the bytes around the semaphore: `detached` is 0 for a moment,
 *                while the range is empty. So a life begins with the stamp 0: the constructor's
 *                UINT_MAX does not survive it
 *   copying      vm_area_dup copies the bytes around the semaphore: `detached` is 0 for a moment,
 *                with the range and the mm of the source, and the stamp is the source's. A reader
 *                of the object's former life takes it for an attached VMA. A writer takes it for
 *                write-locked, and waits for no reader
 *   fork         the child's VMAs are not write-locked, so each keeps a number of the parent's
 *                sequence. When the child's comes to it, a writer takes a VMA for write-locked that
 *                readers have
 *   the wrap     nothing renews stamps: a stamp of 2^31 writers ago does the same
 * The scenarios that show this are listed in native/vmalab_native/race/steps.toml.
 *
 * State of a VMA (stamp = vm_lock_seq, seq = its mm's mm_lock_seq):
 *
 *   detached  stamp==seq  readers        meaning                          next
 *   1         no          none or stale  free, or being made              clear, copy
 *   0         no, yes     none or stale  being cleared or copied          detached=1
 *   1         yes         none or stale  made, or stored in the tree      attach
 *   0         no          any            attached, unlocked or            reader +-1; writer
 *                                        read-locked                      stamps; stored again
 *   0         yes         none, passing  write-locked until seq moves     detach; stored again;
 *                                                                         seq moves
 *   1         yes         passing        being unmapped, may still be     tree cleared, then freed
 *                                        in the tree
 *
 *   A killed reader or writer: as in model_typesafe_rwsem.h. A writer that is killed between the
 *   store and the attaching leaves a detached VMA in the tree: recovery attaches it.
 *
 * Orderings (VMA-1, VMA-3, VMA-4: vma_rwsem.h):
 *   VMA-2  as in model_typesafe_rwsem.h; here the store is after that in the tree. (kernel:
 *          smp_wmb, WRITE_ONCE / READ_ONCE, smp_rmb)
 *   VMA-9  not in the series: the stamp of a new life is a plain store.
 */
#ifndef VMALAB_MODEL_V4_4_H
#define VMALAB_MODEL_V4_4_H

#include "vmalab/mm.h"

#define LOCK_MODEL_NAME     "v4-4"
#define VMA_ATTACH_IN_STORE 1
#define VMA_ATTACH_LOCKED   0
#define VMA_CHILD_UNSTAMPED 1
#define VMA_STAMPS_AGE      1
#define VMA_DUP_COPIES      1

/* The VMA has just been stored in the tree. */
static inline void vma_mark_attached(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma)
{
	(void)self, (void)mm;
	STEP(attaching, vma, attach(vma));
	/* release pairs: VMA-2 (model_typesafe_rwsem.h:vma_is_detached) */
	store_release_u32(&vma->detached, 0);
	STEP(attached, vma);
}

#include "vmalab/vma_as_posted.h"

#include "vmalab/model_typesafe_rwsem.h"

#endif
