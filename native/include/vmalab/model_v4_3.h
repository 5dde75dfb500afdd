/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_v4_3.h (mm): the step v4-3 of "move per-vma lock into vm_area_struct": patch 3 without
 * patch 4. A VMA is detached until it is in the tree, and objects are still freed after a grace
 * period.
 *
 * Each store in the tree attaches what it stores, after it: a new VMA, one that grows (which is
 * attached already), one whose unmapping failed. Attaching needs no write lock. A fork's child gets
 * none: its VMAs keep the first stamp.
 *
 * State of a VMA (stamp = vm_lock_seq, seq = its mm's mm_lock_seq):
 *
 *   detached  in the tree  stamp==seq  meaning                               next
 *   1         no           no          being made                            stamp; fork: stored
 *   1         no           yes         made                                  stored
 *   1         yes          yes         stored: readers find the stamp        attached
 *   0         yes          no          unlocked or read-locked               reader +-1; stamp
 *   0         yes          yes         write-locked until seq moves          stored again; detach
 *   1         yes, no      yes, no     unmapped; retired                     grace period: freed
 *
 *   A writer that is killed between the store and the attaching leaves a detached VMA in the tree:
 *   recovery attaches it (walk_mm_find.c). All else: model_embedded_rwsem.h.
 *
 * The copy that vm_area_dup makes carries `detached` = 0 for a moment here too. Nobody can see it:
 * no reader has an object of a former life before the grace period is over.
 *
 * Orderings: as in model_embedded_rwsem.h. Attaching has none of its own: between the store and the
 * attaching a reader finds the stamp, and takes mmap_lock.
 */
#ifndef VMALAB_MODEL_V4_3_H
#define VMALAB_MODEL_V4_3_H

#define LOCK_MODEL_NAME     "v4-3"
#define VMA_ATTACH_IN_STORE 1
#define VMA_ATTACH_LOCKED   0
#define VMA_CHILD_UNSTAMPED 1
#define VMA_STAMPS_AGE      1
#define VMA_BEGINS_DETACHED 1
#include "vmalab/model_embedded_rwsem.h"

#endif
