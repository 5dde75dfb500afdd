/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core.h (core): a core: everything below compiled once for one lock model and one layout, as a
 * shared object that exports one symbol, `vmalab_core`: the table of its functions.
 *
 * front.c, with which every program links, finds the core that a segment was made for, loads it
 * once per process, and calls through the table: one indirect call per operation or block, none per
 * lock step. Cores of one process share no state; each has the whole code with its own offsets.
 *
 * X(type, name, parameters, arguments)
 */
#ifndef VMALAB_CORE_H
#define VMALAB_CORE_H

#include "vmalab/core_setup.h"
#include "vmalab/lab_api.h"
#include "vmalab/virtual_api.h"

/* clang-format off */
#define VL_SEG_CALLS(X) \
	X(void, vl_seg_detach, (struct vl_seg *seg), (seg)) \
	X(u32, vl_seg_supervisor, (const struct vl_seg *seg), (seg)) \
	X(void, vl_seg_close, (struct vl_seg *seg), (seg)) \
	X(void, vl_seg_break, (struct vl_seg *seg, const char *why), (seg, why)) \
	X(void, vl_seg_info, (const struct vl_seg *seg, struct vl_seg_info *out), (seg, out)) \
	X(int, vl_join, \
	  (struct vl_seg *seg, u32 role, const char *comm, struct participant **out), \
	  (seg, role, comm, out)) \
	X(long, vl_slabinfo, (struct vl_seg *seg, struct vl_slab_info *out, u64 cap), \
	  (seg, out, cap)) \
	X(long, vl_stats, (struct vl_seg *seg, u64 *values, u64 cap), (seg, values, cap)) \
	X(long, vl_accounts, (struct vl_seg *seg, struct vl_account_info *out, u64 cap), \
	  (seg, out, cap)) \
	X(long, vl_locks, (struct vl_seg *seg, struct vl_lock_info *out, u64 cap), \
	  (seg, out, cap)) \
	X(long, vl_events, \
	  (struct vl_seg *seg, u32 participant, struct vl_event *out, u64 cap), \
	  (seg, participant, out, cap)) \
	X(long, vl_participants, \
	  (struct vl_seg *seg, struct vl_participant_info *out, u64 cap), (seg, out, cap))

#define VL_PARTICIPANT_CALLS(X) \
	X(void, vl_leave, (struct participant *self), (self)) \
	X(void, vl_abandon, (struct participant *self), (self)) \
	X(u32, vl_participant_index, (const struct participant *self), (self)) \
	X(u32, vl_mms_made, (const struct participant *self), (self)) \
	X(void, vl_own_counts, \
	  (const struct participant *self, struct vl_own_counts *out), (self, out)) \
	X(int, vl_account_use, (struct participant *self, u64 key, const char *name), \
	  (self, key, name)) \
	X(void, vl_limit_met, (const struct participant *self, struct vl_limit_info *out), \
	  (self, out)) \
	X(void, vl_cancel, (struct participant *self), (self)) \
	X(void, vl_resume, (struct participant *self), (self)) \
	X(long, vl_run, \
	  (struct participant *self, const void *block, u64 bytes, void *results, u64 cap), \
	  (self, block, bytes, results, cap)) \
	X(int, vl_fault_try, \
	  (struct participant *self, const void *record, u64 bytes, void *result), \
	  (self, record, bytes, result)) \
	X(long, vl_mincore, \
	  (struct participant *self, u64 mm, u64 addr, u64 len, u8 *vec, u64 cap), \
	  (self, mm, addr, len, vec, cap)) \
	X(int, vl_mm_create, \
	  (struct participant *self, const struct vl_mm_options *options, u64 *mm_id, \
	   char *error, u64 error_cap), \
	  (self, options, mm_id, error, error_cap)) \
	X(int, vl_mm_get, (struct participant *self, u64 mm), (self, mm)) \
	X(int, vl_mm_put, (struct participant *self, u64 mm), (self, mm)) \
	X(int, vl_mm_keep, (struct participant *self, u64 mm, u64 ttl_ns), (self, mm, ttl_ns)) \
	X(int, vl_mm_reap, (struct participant *self), (self)) \
	X(long, vl_mm_list, (struct participant *self, struct vl_mm_info *out, u64 cap), \
	  (self, out, cap)) \
	X(long, vl_maps, (struct participant *self, u64 mm, char *text, u64 cap), \
	  (self, mm, text, cap)) \
	X(long, vl_smaps, (struct participant *self, u64 mm, char *text, u64 cap), \
	  (self, mm, text, cap)) \
	X(int, vl_query_vma, \
	  (struct participant *self, u64 mm, u64 addr, u32 flags, struct vl_vma_info *out), \
	  (self, mm, addr, flags, out)) \
	X(int, vl_file_open, \
	  (struct participant *self, u64 dev, u64 ino, u64 size, const char *name, u64 ttl_ns, \
	   u64 *file_id), \
	  (self, dev, ino, size, name, ttl_ns, file_id)) \
	X(int, vl_file_close, (struct participant *self, u64 file_id, int leased), \
	  (self, file_id, leased)) \
	X(int, vl_file_keep, (struct participant *self, u64 file_id, u64 ttl_ns), \
	  (self, file_id, ttl_ns)) \
	X(void, vl_share_new, (struct participant *self, int shared), (self, shared)) \
	X(int, vl_mm_share, (struct participant *self, u64 mm), (self, mm)) \
	X(int, vl_file_share, (struct participant *self, u64 file_id), (self, file_id)) \
	X(int, vl_mm_may, (const struct participant *self, u64 mm), (self, mm)) \
	X(int, vl_file_may, (const struct participant *self, u64 file_id), (self, file_id)) \
	X(int, vl_block_may, \
	  (const struct participant *self, const void *block, u64 bytes, u64 *id), \
	  (self, block, bytes, id)) \
	X(long, vl_fsck, (struct participant *self, char *text, u64 cap), (self, text, cap)) \
	X(long, vl_fsck_slices, (struct participant *self, char *text, u64 cap),             \
	  (self, text, cap))                                                                 \
	X(int, vl_recover, (struct participant *self, struct vl_recovery *out), (self, out)) \
	X(int, vl_user_down, \
	  (struct participant *self, u32 rwsem, u32 place, int write, u64 timeout_ns,        \
	   u64 since_ns),                                                                    \
	  (self, rwsem, place, write, timeout_ns, since_ns)) \
	X(int, vl_user_up, (struct participant *self, u32 rwsem, u32 place, int write), \
	  (self, rwsem, place, write)) \
	X(int, vl_user_downgrade, (struct participant *self, u32 rwsem, u32 place), \
	  (self, rwsem, place)) \
	X(void, vl_rcu_read_lock, (struct participant *self), (self)) \
	X(void, vl_rcu_read_unlock, (struct participant *self), (self)) \
	X(void, vl_synchronize_rcu, (struct participant *self), (self)) \
	X(int, vl_bench_fault, \
	  (struct participant *self, u64 mm, const u64 *addrs, u64 n, u64 iterations, u32 rounds, \
	   struct vl_bench_result *out), \
	  (self, mm, addrs, n, iterations, rounds, out)) \
	X(int, vl_bench_loop, \
	  (struct participant *self, u32 loop, u64 mm, const u64 *addrs, u64 n, u64 ns, \
	   struct vl_bench_loop_result *out), \
	  (self, loop, mm, addrs, n, ns, out)) \
	X(int, vl_bench_slab, \
	  (struct participant *self, u64 mm, u32 depth, u64 pairs, u64 *ns), \
	  (self, mm, depth, pairs, ns)) \
	X(int, vl_bench_stack, \
	  (struct participant *self, u64 count, struct vl_stack_result *out), \
	  (self, count, out)) \
	X(int, vl_bench_reuse, \
	  (struct participant *self, struct participant *const *others, u32 count, \
	   const struct vl_reuse_plan *plan, u32 *distances, u64 cap, \
	   struct vl_reuse_result *out), \
	  (self, others, count, plan, distances, cap, out)) \
	X(int, vl_bench_alike, \
	  (struct participant *self, const struct vl_reuse_plan *plan, u32 *distances, u64 cap, \
	   struct vl_alike_result *out), \
	  (self, plan, distances, cap, out))
/* clang-format on */

#define VL_CORE_MEMBER(type, name, params, args) type(*name) params;
struct vl_core {
	u32 abi;
	u32 bytes; /* sizeof(struct vl_core): a table of another build is refused */
	const char *model;
	const char *layout;
	u64 (*fingerprint)(void);
	int (*config_check)(const struct vl_config *config, struct vl_config_fault *fault);
	int (*seg_create)(int fd, const char *name, const struct vl_config *config,
			  struct vl_seg **out);
	int (*seg_attach)(int fd, struct vl_seg **out);
	long (*layout_fields)(struct vl_field_info *out, u64 cap);
	long (*stat_names)(const char **names, u64 cap);
	void (*when_broken)(broken_fn told);
	const struct vl_lab_calls *lab;         /* NULL in a release core */
	const struct vl_virtual_calls *virtual; /* NULL in any but a virtual core */
	VL_SEG_CALLS(VL_CORE_MEMBER)
	VL_PARTICIPANT_CALLS(VL_CORE_MEMBER)
};
#undef VL_CORE_MEMBER

extern const struct vl_core vmalab_core VL_API; /* the one symbol that a core exports */

#endif
