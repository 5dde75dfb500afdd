/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_v4_2.h (mm): the step v4-2 of "move per-vma lock into vm_area_struct": patch 2, the
 * semaphore inside the VMA. That is the model embedded-rwsem, whose code, states and orderings it
 * has (model_embedded_rwsem.h). A VMA is attached from its allocation.
 */
#ifndef VMALAB_MODEL_V4_2_H
#define VMALAB_MODEL_V4_2_H

#define LOCK_MODEL_NAME "v4-2"
#include "vmalab/model_embedded_rwsem.h"

#endif
