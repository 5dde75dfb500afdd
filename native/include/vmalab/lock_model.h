/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock_model.h (L4): the lock model that this build of the operations uses. Each model is one
 * header with its own state table and pairs, so that it can be read beside the kernel's.
 *
 * A model provides: vma_start_read, vma_start_read_locked(_nested), vma_end_read, vma_start_write,
 * vma_end_write_all (called by mmap_write_unlock and downgrade), vma_mark_attached,
 * vma_mark_detached, vma_assert_*, lock_vma_under_rcu.
 */
#ifndef VMALAB_LOCK_MODEL_H
#define VMALAB_LOCK_MODEL_H

#define LOCK_MODEL_NAME "typesafe-rwsem"
#define LAYOUT_NAME     "aligned"
#include "vmalab/model_typesafe_rwsem.h"

#endif
