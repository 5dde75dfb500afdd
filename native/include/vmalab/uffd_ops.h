/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uffd_ops.h (uffd): what the operations of userfaultfd share. block_calls.h has their prototypes,
 * uffd.h what an object is.
 */
#ifndef VMALAB_UFFD_OPS_H
#define VMALAB_UFFD_OPS_H

#include "vmalab/block_calls.h"
#include "vmalab/uffd.h"

/* uffd_ctx of the VMAs of that handle, and in *state what the object is; 0: no such object. */
u32 uffd_find(const struct participant *self, const struct mm_struct *mm, u64 handle, u32 *state);
/* 0, -EBADF, or -EINVAL before the handshake. */
int uffd_ready(const struct participant *self, const struct mm_struct *mm, u64 handle, u32 *ctx,
	       u32 *state);
/* (kernel: validate_range) */
int uffd_range(u64 start, u64 len);

#endif
