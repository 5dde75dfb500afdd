/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_v3.h (mm): the step v3 of "move per-vma lock into vm_area_struct": what v4 says it changed
 * of v3, taken back. vma_mark_attached write-locks the VMA, and has no barrier.
 *
 * The list of changes of v4 names that one. So all else is taken to be as in v4: the bytes around
 * the semaphore are cleared and copied, storing attaches, nothing renews stamps (model_v4_4.h). A
 * fork's child is attached under its write lock here, so it has a stamp of its own sequence, unless
 * both sequences have the same number just then, which does no harm.
 *
 * State of a VMA: as in model_v4_4.h, but that a VMA is stamped before it is attached:
 *
 *   detached  in the tree  stamp==seq  meaning                               next
 *   1         yes          no          stored: a fork's child                write lock
 *   1         yes          yes         stored, no reader is left             attach
 *
 *   What the dead leave: as there.
 *
 * Orderings (VMA-1, VMA-3, VMA-4: vma_rwsem.h): attaching has none of its own. Who gets the
 * semaphore after the writer finds the stamp, and when the sequence has moved, VMA-1 shows all
 * members. Who had it before was waited for; unless the stamp was copied, and the writer did not.
 */
#ifndef VMALAB_MODEL_V3_H
#define VMALAB_MODEL_V3_H

#include "vmalab/mm.h"

#define LOCK_MODEL_NAME     "v3"
#define VMA_ATTACH_IN_STORE 1
#define VMA_ATTACH_LOCKED   1
#define VMA_CHILD_UNSTAMPED 1
#define VMA_STAMPS_AGE      1
#define VMA_DUP_COPIES      1

static inline void vma_start_write(struct participant *self, const struct mm_struct *mm,
				   struct vm_area_struct *vma);

/* The VMA has just been stored in the tree. */
static inline void vma_mark_attached(struct participant *self, struct mm_struct *mm,
				     struct vm_area_struct *vma)
{
	vma_start_write(self, mm, vma);
	STEP(attaching, vma, attach(vma));
	store_relaxed_u32(&vma->detached, 0); /* no order: the write lock gives it */
	STEP(attached, vma);
}

#include "vmalab/vma_as_posted.h"

#include "vmalab/model_typesafe_rwsem.h"

#endif
