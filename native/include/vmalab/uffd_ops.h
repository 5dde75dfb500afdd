/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uffd_ops.h (uffd): the operations of userfaultfd. uffd.h has what an object is.
 */
#ifndef VMALAB_UFFD_OPS_H
#define VMALAB_UFFD_OPS_H

#include "vmalab/uffd.h"

/* uffd_ctx of the VMAs of that handle, and in *state what the object is; 0: no such object. */
u32 uffd_find(const struct participant *self, const struct mm_struct *mm, u64 handle, u32 *state);
/* 0, -EBADF, or -EINVAL before the handshake. */
int uffd_ready(const struct participant *self, const struct mm_struct *mm, u64 handle, u32 *ctx,
	       u32 *state);
/* (kernel: validate_range) */
int uffd_range(u64 start, u64 len);

/* Userfaultfd, a handle in the place of the descriptor (uffd.h). Of a move it may be 0: as if the
 * destination were registered with the caller's. range: destination, source, length, mode. */
s64 op_uffd_move(struct participant *self, u64 id, u64 dst, u64 src, u64 len, u64 mode, u64 handle,
		 u64 *moved);
s64 op_uffd_open(struct participant *self, u64 id, u64 flags);
s64 op_uffd_api(struct participant *self, u64 id, u64 handle, u64 version, u64 features);
s64 op_uffd_close(struct participant *self, u64 id, u64 handle);
s64 op_uffd_register(struct participant *self, u64 id, u64 handle, u64 start, u64 len, u64 mode);
s64 op_uffd_unregister(struct participant *self, u64 id, u64 handle, u64 start, u64 len);
s64 op_uffd_fill(struct participant *self, u64 id, u64 handle, u32 what, const u64 *range,
		 u64 *filled);
s64 op_uffd_protect(struct participant *self, u64 id, u64 handle, u64 start, u64 len, u64 mode);
s64 op_uffd_wake(struct participant *self, u64 id, u64 handle, u64 start, u64 len);

#endif
