/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_v4_1.h (mm): the step v4-1 of "move per-vma lock into vm_area_struct": patch 1, which gives
 * the two callers that read-locked a VMA under mmap_lock by hand a function for it
 * (vma_start_read_locked, vma_start_read_locked_nested). No store and no state is another one: the
 * code is that of split-rwsem, and so are states and orderings (model_split_rwsem.h).
 */
#ifndef VMALAB_MODEL_V4_1_H
#define VMALAB_MODEL_V4_1_H

#define LOCK_MODEL_NAME "v4-1"
#include "vmalab/model_split_rwsem.h"

#endif
