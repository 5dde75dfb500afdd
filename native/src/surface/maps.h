/* SPDX-License-Identifier: Apache-2.0 */
/* maps.h: reading an address space VMA by VMA, without mmap_lock. */
#ifndef VMALAB_MAPS_H
#define VMALAB_MAPS_H

#include "vmalab/api.h"
#include "vmalab/mm.h"

/* The first VMA that ends after from, read-locked in HOLD_VMA (release it with vma_end_read), or
 * NULL in *out at the end. In the mmap-lock model the caller holds mmap_lock, which is the lock.
 * 0, VL_E_NO_MM, -EAGAIN (as many readers as the lock can count), VL_E_DAMAGED (it ends before
 * from, and the tree says that it does not). (kernel: lock_next_vma) */
int lock_next_vma(struct participant *self, struct mm_struct *mm, u64 id, u64 from,
		  struct vm_area_struct **out);
/* Bytes that the whole text of /proc/PID/maps has; writes at most cap. Errors as above. */
long maps_text(struct participant *self, u64 id, char *text, u64 cap, bool flags);
/* 0, -ENOENT, -EINVAL (unknown flags), VL_E_NO_MM, -EAGAIN. (kernel: PROCMAP_QUERY) */
int maps_query(struct participant *self, u64 id, u64 addr, u32 flags, struct vl_vma_info *out);

#endif
