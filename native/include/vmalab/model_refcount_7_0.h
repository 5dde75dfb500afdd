/* SPDX-License-Identifier: Apache-2.0 */
/*
 * model_refcount_7_0.h (mm): the step refcount-7.0: the count as Linux 7.0 has it. The word, its
 * states, what the dead leave, and the orderings are those of model_refcount.h, which is 6.16.1.
 * FLAG+n goes back to n when a killable writer gives up.
 *
 * What is another way here:
 *   vma_start_read   leaves the RCU section when it fails (6.18). So who looks again begins a
 *                    section, and walks from the root: nothing of the walk before may be kept. Who
 *                    succeeds leaves it before the range is compared: the reference alone keeps the
 *                    VMA. A foreign mm is pinned outside the section, as in 6.16.1.
 *   killable         vma_start_write_killable ends with -EINTR while it waits for readers, when its
 *                    operation is cancelled (the kernel: a fatal signal). It takes FLAG back and
 *                    stamps nothing. mmap_lock stays held, and earlier stamps of the section stay:
 *                    the caller unlocks, which ends them. Here fork, munmap, mmap over mappings,
 *                    mprotect, mlock, advice about flags and mremap use it, as a series of 2026 has
 *                    it; 7.0 itself does in fork. A detached VMA is stamped all the same.
 *   names            VM_REFCNT_EXCLUDE_READERS_FLAG for VMA_LOCK_OFFSET, VM_REFCNT_LIMIT for
 *                    VMA_REF_LIMIT. Both models have the new ones.
 */
#ifndef VMALAB_MODEL_REFCOUNT_7_0_H
#define VMALAB_MODEL_REFCOUNT_7_0_H

#define LOCK_MODEL_NAME     "refcount-7.0"
#define VMA_READ_LEAVES_RCU 1
#define VMA_WRITE_KILLABLE  1
#include "vmalab/model_refcount.h"

#endif
