/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.h (calls): the memory operations. block_calls.h has the prototypes of those that a record
 * calls. Each takes the caller's participant (inside core_enter) and the id of an mm, and returns a
 * value >= 0, -errno, or VL_S_* (block.h). The head of its file has the sequence of each.
 */
#ifndef VMALAB_OPS_H
#define VMALAB_OPS_H

#include "vmalab/block.h"
#include "vmalab/block_calls.h"
#include "vmalab/merge.h"
#include "vmalab/op.h"
#include "vmalab/uapi.h"

/* Beside what block_calls.h has: the others of the table. */
s64 op_mincore(struct participant *self, u64 id, u64 addr, u64 len, u8 *vec);
/* op_exec.c */
#define EXEC_KEPT_NS 10000000000ull /* so long the new mm lives if its maker died in exec */
int exec_mmap(struct participant *self, struct mm_struct *mm, u64 old_id, bool shared);
void fork_abort(struct participant *self, struct mm_struct *child);
/* op_limits.c */
#define RLIMITS_COUNT 16u
bool exec_gain_refused(const struct mm_struct *mm, u64 old, u64 access);
/* op_seal.c */
u32 file_seals(const struct file *file);
void file_seal_meets_fork(struct file *file, const struct vm_area_struct *vma);
/* op_file.c */
bool file_being_cut(const struct file *file, u64 pgoff, bool cow);
/* Of the lab core: op_mbind.c, op_stack_vma.c */
s64 op_mbind(struct participant *self, u64 id, u64 addr, u64 len, u32 mode, u64 nodes);
s64 op_stack_vma(struct participant *self, u64 id, u64 addr, u64 len);
/* op_lend.c: which life of a VMA a driver has kept; 0: none. */
struct vma_life {
	u64 ref, life;
};
s64 op_keep(struct participant *self, u64 id, u64 addr, struct vma_life *kept);
s64 op_lend(struct participant *self, u64 id, const struct vma_life *kept, u64 addr, u64 word);

#endif
