/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.h (calls): the memory operations. Each takes the caller's participant (inside core_enter) and
 * the id of an mm, and returns a value >= 0, -errno, or VL_S_* (block.h). The sequence of each is
 * told at the head of its file.
 */
#ifndef VMALAB_OPS_H
#define VMALAB_OPS_H

#include "vmalab/block.h"
#include "vmalab/merge.h"
#include "vmalab/op.h"
#include "vmalab/uapi.h"

/* file: an id, and in the upper half how it was opened (MMAP_FILE_*). */
s64 op_mmap(struct participant *self, u64 id, u64 addr, u64 len, u32 prot, u32 flags, u64 file,
	    u32 how, u64 offset);
s64 op_munmap(struct participant *self, u64 id, u64 addr, u64 len);
s64 op_mprotect(struct participant *self, u64 id, u64 addr, u64 len, u32 prot);
s64 op_pkey_mprotect(struct participant *self, u64 id, u64 addr, u64 len, u32 prot, s32 pkey);
s64 op_pkey_alloc(struct participant *self, u64 id, u64 flags, u64 rights);
s64 op_pkey_free(struct participant *self, u64 id, s32 pkey);
s64 op_mremap(struct participant *self, u64 id, u64 addr, u64 old_len, u64 new_len, u32 flags,
	      u64 new_addr);
s64 op_madvise(struct participant *self, u64 id, u64 addr, u64 len, u32 advice);
/* count pairs of address and length. (kernel: vector_madvise) */
s64 op_process_madvise(struct participant *self, u64 id, u32 advice, bool remote, const u64 *ranges,
		       u32 count);
s64 op_mincore(struct participant *self, u64 id, u64 addr, u64 len, u8 *vec);
s64 op_brk(struct participant *self, u64 id, u64 brk);
/* op_exec.c */
#define EXEC_SHARED  1u
#define EXEC_KEPT_NS 10000000000ull /* so long the new mm lives if its maker died in exec */
int exec_mmap(struct participant *self, struct mm_struct *mm, u64 old_id, bool shared);
s64 op_fork(struct participant *self, u64 id);
void fork_abort(struct participant *self, struct mm_struct *child);
s64 op_exit(struct participant *self, u64 id);
s64 op_mlock(struct participant *self, u64 id, u64 addr, u64 len, u32 flags);
s64 op_munlock(struct participant *self, u64 id, u64 addr, u64 len);
s64 op_mlockall(struct participant *self, u64 id, u32 flags);
s64 op_munlockall(struct participant *self, u64 id);
s64 op_msync(struct participant *self, u64 id, u64 addr, u64 len, u32 flags);
s64 op_mseal(struct participant *self, u64 id, u64 addr, u64 len, u32 flags);
s64 op_remap_file_pages(struct participant *self, u64 id, u64 addr, u64 size, u64 prot, u64 pgoff,
			u64 flags);
s64 op_setrlimit(struct participant *self, u64 id, u32 resource, u64 soft, u64 hard);
s64 op_thp_disable(struct participant *self, u64 id, u64 disable, u64 flags);
/* op_file.c */
s64 op_file_truncate(struct participant *self, u64 file, u64 size);
s64 op_file_allocate(struct participant *self, u64 file, u32 mode, u64 start, u64 len);
bool file_being_cut(const struct file *file, u64 pgoff, bool cow);
s64 op_set_vma_name(struct participant *self, u64 id, u64 addr, u64 len, const char *name,
		    u32 bytes);
s64 op_mbind(struct participant *self, u64 id, u64 addr, u64 len, u32 mode,
	     u64 nodes); /* lab core */

#endif
