/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c: the table of every field of every shared struct: what `vmalab layout` shows and
 * what the fingerprint hashes, so that two builds that disagree about one offset never share a
 * segment.
 */
#include "vmalab/core_setup.h"
#include "vmalab/lock_model.h"

/* clang-format off */
/* The C types that fields have, so that the table cannot say another one than the compiler. */
#define FIELD_TYPES(X)                                                                \
	X(char) X(u8) X(u16) X(u32) X(u64) X(struct range_tree) X(struct pgd)         \
	X(struct seqcount) X(struct rw_semaphore) X(struct vl_mutex)                  \
	X(struct magazine) X(struct retired) X(struct vl_config) X(struct vl_region)  \
	X(struct rcu_state) X(struct page_pool) X(struct frame_pool) X(struct recount) \
	X(struct frame_depot) \
	X(struct kmem_cache) \
	X(struct account) X(struct sheaf) X(struct event_waits) X(struct vl_event)
/* An array decays to a pointer; fields that are pointers there are none. */
#define TYPE_NAME(t)  t: #t, t *: #t,
#define TYPE_BYTES(t) t: 0, t *: sizeof(t),
/* clang-format on */
#define FIELD(type, field) (((struct type *)0)->field)

#define F(type, field, guard)                                                                     \
	{#type,                                                                                   \
	 #field,                                                                                  \
	 guard,                                                                                   \
	 _Generic(FIELD(type, field), FIELD_TYPES(TYPE_NAME) u8(*)[64]: "u8", default: "struct"), \
	 offsetof(struct type, field),                                                            \
	 sizeof(FIELD(type, field)),                                                              \
	 sizeof(struct type),                                                                     \
	 _Generic(FIELD(type, field), FIELD_TYPES(TYPE_BYTES) u8(*)[64]: 1, default: 0)}
/* How a writer of a VMA has it to itself, and who reads it. */
#if VMA_LOCK_PER_VMA
#define VMA_W "mmap_lock W + vm_lock W"
#define GONE  "stamped"
#define VMA_R "vm_lock R or mmap_lock R"
#else
#define VMA_W "mmap_lock W"
#define GONE  "mmap_lock W"
#define VMA_R "mmap_lock R"
#endif

static const struct vl_field_info fields[] = {
	F(vm_area_struct, vm_start, VMA_W "; derived from the tree"),
	F(vm_area_struct, vm_end, VMA_W "; derived from the tree"),
	F(vm_area_struct, vm_flags, VMA_W "; VM_MAYBE_GUARD: " VMA_R ", atomic or"),
	F(vm_area_struct, vm_pgbase, "before insertion"),
#if VMA_LOCK_PER_VMA
	F(vm_area_struct, vm_mm, "before insertion; stale readers load it"),
	F(vm_area_struct, vm_lock_seq, VMA_W),
#ifdef VL_MODEL_REFCOUNT
	F(vm_area_struct, detached, "mmap_lock W; a note for recovery"),
#else
	F(vm_area_struct, detached, "attach: mmap_lock W; detach: stamped"),
#endif
#else
	F(vm_area_struct, vm_mm, "before insertion"),
#endif
	F(vm_area_struct, anon_vma, "NULL->set: mmap_lock R + page_table_lock; ->NULL: " GONE),
	F(vm_area_struct, vm_file, "before insertion"),
	F(vm_area_struct, vm_ops, "before insertion"),
	F(vm_area_struct, page_prot, VMA_W),
	F(vm_area_struct, anon_vma_chain, "as anon_vma"),
	F(vm_area_struct, anon_vma_links, "as anon_vma"),
	F(vm_area_struct, anon_name, VMA_W),
	F(vm_area_struct, numab_state, "mmap_lock R, cmpxchg"),
	F(vm_area_struct, alloc_seq, "allocator"),
	F(vm_area_struct, vm_policy, VMA_W),
	F(vm_area_struct, uffd_ctx, VMA_W),
#if VMA_LOCK_SEPARATE
	F(vm_area_struct, vm_lock, "before insertion"),
#elif VMA_LOCK_RWSEM
	F(vm_area_struct, vm_lock, "constructor; then atomics"),
#elif VMA_LOCK_PER_VMA
	F(vm_area_struct, vm_refcnt, "constructor; then atomics"),
#endif
	F(vm_area_struct, file_open, "before insertion"),
	F(vm_area_struct, rare1, "unused"),
	F(vm_area_struct, rare2, "unused"),
	F(vm_area_struct, rare3, "unused"),
	F(vm_area_struct, rare4, "unused"),
	F(vm_area_struct, rare5, "unused"),
	F(vm_area_struct, rare6, "unused"),
#if defined(VL_LAYOUT_WIDE)
	F(vm_area_struct, wide, "unused"),
#elif defined(VL_LAYOUT_UNALIGNED)
	F(vm_area_struct, tail, "unused"),
#elif defined(VL_LAYOUT_FILE)
	VMA_FILE_ROWS
#endif
	F(mm_struct, id, "release at publish, 0 at exit"),
	F(mm_struct, state, "slots_lock; mmap_lock W"),
	F(mm_struct, users, "atomic; truth in the areas"),
	F(mm_struct, mmap_base, "before publish"),
	F(mm_struct, pgd, "cmpxchg"),
	F(mm_struct, mm_lock_seq, "mmap_lock W"),
	F(mm_struct, builder, "slots_lock"),
	F(mm_struct, options, "mmap_lock W"),
	F(mm_struct, generation, "slots_lock"),
	F(mm_struct, keep_until_ns, "cmpxchg, only forward"),
	F(mm_struct, mmap_lock, "atomics"),
	F(mm_struct, page_table_lock, "atomics"),
	F(mm_struct, mm_count, "atomics"),
	F(mm_struct, vma_writer_wait, "futex"),
	F(mm_struct, vma_writer_waits, "who waits with mmap_lock W; a hint"),
	F(mm_struct, exec_to, "mmap_lock W"),
	F(mm_struct, mm_mt, "mmap_lock W, one store"),
	F(mm_struct, map_count, "mmap_lock W"),
	F(mm_struct, map_count_max, "before publish"),
	F(mm_struct, total_vm, "mmap_lock W"),
	F(mm_struct, data_vm, "mmap_lock W"),
	F(mm_struct, locked_vm, "mmap_lock W"),
	F(mm_struct, start_brk, "before publish"),
	F(mm_struct, brk, "mmap_lock W"),
	F(mm_struct, def_flags, "mmap_lock W"),
	F(mm_struct, pkeys, "mmap_lock W"),
	F(mm_struct, stack_limit, "mmap_lock W"),
	F(mm_struct, as_limit, "mmap_lock W"),
	F(mm_struct, data_limit, "mmap_lock W"),
	F(mm_struct, memlock_limit, "mmap_lock W"),
	F(mm_struct, commit_limit_pages, "before publish"),
	F(mm_struct, accounted, "mmap_lock W"),
	F(mm_struct, stack_top, "before publish"),
	F(mm_struct, pkru, "mmap_lock W"),
	F(mm_struct, account, "before publish"),
	F(mm_aside, frames, "atomics"),
	F(mm_aside, uffds, "mmap_lock R, cmpxchg; closing: mmap_lock W"),
	F(mm_aside, exec_from, "before publish"),
	F(mm_aside, shared, "slots_lock"),
	F(mm_aside, mending, "who stops the world"),
	F(mm_aside, mend_stamp, "who stops the world"),
	F(mm_aside, pad0, "unused"),
	F(mm_aside, mend_at, "who stops the world"),
	F(mm_aside, pad, "unused"),
	F(rw_semaphore, count, "atomics"),
	F(rw_semaphore, owner, "writer; a hint"),
	F(rw_semaphore, wake_readers, "futex"),
	F(rw_semaphore, wake_writers, "futex"),
	F(rw_semaphore, readers_waiting, "who waits; a hint"),
	F(rw_semaphore, writers_waiting, "who waits; a hint"),
	F(rw_semaphore, pad, "unused"),
	F(participant_slot, in_core, "its participant"),
	F(participant_slot, role, "who joins or leaves"),
	F(participant_slot, rcu, "its participant"),
	F(participant_slot, pid, "who joins or leaves"),
	F(participant_slot, tid, "who joins or leaves"),
	F(participant_slot, start_time, "who joins or leaves"),
	F(participant_slot, generation, "who joins or leaves"),
	F(participant_slot, op, "its participant"),
	F(participant_slot, changed, "its participant"),
	F(participant_slot, comm, "who joins or leaves"),
	F(participant_slot, rcu_since_ns, "who reports the stall"),
	F(participant_slot, held, "its participant"),
	F(participant_area, stats, "its participant"),
	F(participant_area, magazines, "its participant"),
	F(participant_area, frame_count, "its participant"),
	F(participant_area, frame_hand, "its participant"),
	F(participant_area, frames, "its participant"),
	F(participant_area, page_count, "its participant"),
	F(participant_area, page_pad, "unused"),
	F(participant_area, pages, "its participant"),
	F(participant_area, prealloc_count, "its participant"),
	F(participant_area, prealloc_pad, "unused"),
	F(participant_area, prealloc, "its participant"),
	F(participant_area, inflight, "its participant"),
	F(participant_area, unmapped, "its participant"),
	F(participant_area, file_pins, "its participant"),
	F(participant_area, moving, "its participant"),
	F(participant_area, doubt, "its participant"),
	F(participant_area, stocks, "its participant; who meets a quota: cmpxchg"),
	F(participant_area, account, "its participant"),
	F(participant_area, cancel, "anybody"),
	F(participant_area, retire_head, "its participant"),
	F(participant_area, retire_tail, "its participant"),
	F(participant_area, retired, "its participant"),
	F(participant_area, retire_hand, "its participant"),
	F(participant_area, leases, "its participant"),
	F(participant_area, name_made, "its participant"),
	F(participant_area, pid_namespace, "who joins"),
#ifdef VL_LAB
	F(participant_area, policy_made, "its participant"),
	F(participant_area, stack_frame, "its participant"),
#endif
	F(participant_area, retires_only, "recovery"),
	F(event_ring, next, "its participant"),
	F(event_ring, op_ns, "its participant"),
	F(event_ring, op_mm, "its participant"),
	F(event_ring, wait_ns, "its participant"),
	F(event_ring, pad, "unused"),
	F(event_ring, waits, "its participant"),
	F(event_ring, events, "its participant"),
	F(event_waits, count, "its participant"),
	F(event_waits, ns, "its participant"),
	F(event_waits, longest_ns, "its participant"),
	F(vl_event, number, "its participant"),
	F(vl_event, kind, "its participant"),
	F(vl_event, what, "its participant"),
	F(vl_event, op, "its participant"),
	F(vl_event, time_ns, "its participant"),
	F(vl_event, object, "its participant"),
	F(vl_event, value, "its participant"),
	F(page_desc, kind, "page pool lock, cache lock"),
	F(page_desc, order, "page pool lock; who has it TAKEN"),
	F(page_desc, cache, "cache lock"),
	F(page_desc, on_list, "cache lock"),
	F(page_desc, owner, "page pool lock; who has it TAKEN"),
	F(page_desc, next, "cache lock"),
	F(page_desc, prev, "cache lock"),
	F(page_desc, free, "cache lock"),
	F(page_desc, used, "cache lock"),
	F(page_desc, account, "who has it TAKEN"),
	F(page_desc, level, "who has it TAKEN"),
	F(page_desc, counted, "who has it TAKEN; who stops the world"),
	F(frame, refs, "atomics"),
	F(frame, next, "its owner; depot lock"),
	F(frame, word, "VMA lock R + RCU"),
	F(file, state, "slots_lock"),
	F(file, kind, "slots_lock"),
	F(file, accounted, "slots_lock"),
	F(file, index, "slots_lock"),
	F(file, generation, "slots_lock"),
	F(file, dev, "slots_lock"),
	F(file, ino, "slots_lock"),
	F(file, size, "lock"),
	F(file, cache, "cmpxchg"),
	F(file, refs, "atomics"),
	F(file, name, "slots_lock"),
	F(file, lock, "atomics"),
	F(file, cut_from, "lock"),
	F(file, cut_to, "lock"),
	F(file, cut_even_cows, "lock"),
	F(file, seals, "lock"),
	F(file, seals_coming, "lock"),
	F(file, seals_refused, "lock"),
	F(file, named, "slots_lock"),
	F(file, opens, "slots_lock"),
	F(file, keep_until_ns, "atomic max"),
	F(file, shared, "slots_lock"),
	F(file, account, "slots_lock"),
	F(file, releaser, "who closed it last"),
	F(file, closed_next, "who closed it last"),
	F(file, mending, "who stops the world"),
	F(file, mend_at, "who stops the world"),
	F(anon_vma, root, "before insertion"),
	F(anon_vma, parent, "before insertion"),
	F(anon_vma, degree, "anon lock of its root"),
	F(anon_vma, num_children, "anon lock of its root"),
	F(anon_vma, num_active_vmas, "anon lock of its root"),
	F(anon_vma, pad, "unused"),
	F(anon_vma_chain, anon_vma, "mmap_lock W, or as anon_vma"),
	F(anon_vma_chain, next, "mmap_lock W, or as anon_vma"),
	F(anon_vma_chain, vma, "mmap_lock W, or as anon_vma"),
	F(anon_vma_chain, pad, "unused"),
	F(anon_vma_name, refs, "atomics"),
	F(anon_vma_name, bytes, "before insertion"),
	F(anon_vma_name, name, "before insertion"),
	F(anon_vma_name, pad, "unused"),
	F(vma_numab_state, next_scan, "before insertion"),
	F(vma_numab_state, pids_active, "before insertion"),
	F(vma_numab_state, start_scan_seq, "before insertion"),
	F(vma_numab_state, prev_scan_seq, "before insertion"),
	F(kmem_cache, name, "creator"),
	F(kmem_cache, object_bytes, "creator"),
	F(kmem_cache, slot_bytes, "creator"),
	F(kmem_cache, align, "creator"),
	F(kmem_cache, flags, "creator"),
	F(kmem_cache, objs_per_slab, "creator"),
	F(kmem_cache, order, "creator"),
	F(kmem_cache, ctor, "creator"),
	F(kmem_cache, index, "creator"),
	F(kmem_cache, alive, "creator"),
	F(kmem_cache, lock, "atomics"),
	F(kmem_cache, partial_head, "cache lock"),
	F(kmem_cache, empty_slabs, "cache lock"),
	F(kmem_cache, slabs, "cache lock"),
	F(kmem_cache, slabs_made, "cache lock"),
	F(kmem_cache, slabs_given_back, "cache lock"),
	F(kmem_cache, gone_allocs, "atomics"),
	F(kmem_cache, gone_frees, "atomics"),
	F(kmem_cache, gone_firsts, "atomics"),
	F(kmem_cache, freeptr, "creator"),
	F(kmem_cache, barn_full, "cache lock"),
	F(kmem_cache, shares, "creator"),
	F(kmem_cache, pad0, "unused"),
	F(kmem_cache, pad, "unused"),
	F(kmem_cache, barn, "cache lock"),
	F(sheaf, fresh, "cache lock"),
	F(sheaf, half, "cache lock"),
	F(sheaf, objs, "cache lock"),
	F(magazine, count, "its participant"),
	F(magazine, pad, "unused"),
	F(magazine, odd, "its participant"),
	F(magazine, fresh, "its participant"),
	F(magazine, half, "its participant"),
	F(magazine, allocs, "its participant"),
	F(magazine, frees, "its participant"),
	F(magazine, firsts, "its participant"),
	F(magazine, objs, "its participant"),
	F(magazine, pad1, "unused"),
	F(retired, tag, "its participant"),
	F(retired, kind, "its participant"),
	F(retired, ref, "its participant"),
	F(tree_node, magic, "its maker; RCU callback"),
	F(tree_node, height, "before publish"),
	F(tree_node, count, "before publish"),
	F(tree_node, pad, "unused"),
	F(tree_node, low, "before publish"),
	F(tree_node, high, "before publish"),
	F(tree_node, leaf, "pivots before publish; slots: mmap_lock W, one store"),
	F(tree_node, inner, "as leaf; gaps: mmap_lock W, after the slot"),
	F(seg_header, magic, "creator"),
	F(seg_header, abi, "creator"),
	F(seg_header, state, "creator; who breaks or closes it"),
	F(seg_header, fingerprint, "creator"),
	F(seg_header, size, "creator"),
	F(seg_header, config, "creator"),
	F(seg_header, slots_high, "who joins: cmpxchg, only up"),
	F(seg_header, pad, "unused"),
	F(seg_header, clock_namespace, "creator"),
	F(seg_header, created_ns, "creator"),
	F(seg_header, name, "creator"),
	F(seg_header, model, "creator"),
	F(seg_header, layout, "creator"),
	F(seg_header, broken, "who breaks it"),
	F(seg_header, regions, "creator"),
	F(seg_header, stop, "who stops the world"),
	F(seg_header, stop_gen, "who stops the world"),
	F(seg_header, repairing, "who repairs"),
	F(seg_header, stuck, "who stops the world"),
	F(seg_header, stuck_times, "who stops the world"),
	F(seg_header, stuck_progress, "who stops the world"),
	F(seg_header, stop_again_ns, "who stops the world"),
	F(seg_header, recount_epoch, "who stops the world"),
	F(seg_header, rcu, "atomics; its lock"),
	F(seg_header, pages, "its lock"),
	F(seg_header, frames, "its lock"),
	F(seg_header, frame_depots, "their locks"),
	F(seg_header, recount, "who stops the world; charges: atomics"),
	F(seg_header, slots_lock, "atomics"),
	F(seg_header, mm_hint, "slots_lock"),
	F(seg_header, file_hint, "slots_lock"),
	F(seg_header, next_ino, "slots_lock"),
	F(seg_header, reclaim_again_ns, "who stops the world"),
	F(seg_header, anon_locks, "atomics"),
	F(seg_header, user_locks, "atomics"),
	F(seg_header, stats_gone, "atomics"),
	F(seg_header, account_max, "creator"),
	F(seg_header, tables_per_mm_max, "creator"),
	F(seg_header, accounts, "key, state, name: slots_lock; numbers: atomics"),
	F(seg_header, caches, "each its lock"),
	F(vl_config, size_bytes, "creator"),
	F(vl_config, mms_max, "creator"),
	F(vl_config, participants_max, "creator"),
	F(vl_config, frames_max, "creator"),
	F(vl_config, files_max, "creator"),
	F(vl_config, vmas_per_mm_max, "creator"),
	F(vl_config, rcu, "creator"),
	F(vl_config, pkeys, "creator"),
	F(vl_config, overcommit, "creator"),
	F(vl_config, commit_limit_pages, "creator"),
	F(vl_config, mmap_min_addr, "creator"),
	F(vl_config, tables_per_mm_max, "creator"),
	F(vl_config, frames_per_mm_max, "creator"),
	F(vl_config, account_frames_max, "creator"),
	F(vl_config, account_tables_max, "creator"),
	F(vl_config, account_vmas_max, "creator"),
	F(vl_config, account_files_max, "creator"),
	F(vl_config, account_mms_max, "creator"),
	F(vl_config, lookup, "creator"),
	F(vl_config, writer_wait, "creator"),
	F(vl_config, slab_ctor, "creator"),
	F(vl_config, slab_reset, "creator"),
	F(vl_config, slab_freeptr, "creator"),
	F(vl_config, slab_magazine, "creator"),
	F(vl_config, slab_barn, "creator"),
	F(vl_config, slab_merge, "creator"),
	F(vl_config, events_off, "creator"),
	F(vl_config, sample_faults, "creator"),
	F(vl_region, off, "creator"),
	F(vl_region, len, "creator"),
	F(page_pool, lock, "atomics"),
	F(page_pool, pages_total, "creator"),
	F(page_pool, pages_populated, "page pool lock"),
	F(page_pool, hint, "page pool lock"),
	F(page_pool, pages_free, "page pool lock"),
	F(page_pool, pad, "unused"),
	F(frame_pool, lock, "atomics"),
	F(frame_pool, frames_total, "creator"),
	F(frame_pool, frames_populated, "frame pool lock"),
	F(frame_pool, fresh, "frame pool lock"),
	F(frame_pool, pad, "unused"),
	F(frame_depot, lock, "atomics"),
	F(frame_depot, count, "depot lock"),
	F(frame_depot, pad, "unused"),
	F(recount, last, "who stops the world"),
	F(recount, stage, "who stops the world"),
	F(recount, at, "who stops the world"),
	F(recount, started, "who stops the world"),
	F(recount, pad, "unused"),
	F(recount, charged, "atomics"),
	F(rcu_state, gp_ctr, "atomics"),
	F(rcu_state, slabs_gone, "atomics"),
	F(rcu_state, completed, "atomics"),
	F(rcu_state, advance_lock, "atomics"),
	F(rcu_state, flavour, "creator"),
	F(rcu_state, stalls, "atomics"),
	F(range_tree, root, "mmap_lock W, one store"),
	F(pgd, top, "atomics"),
	F(pgd, tables, "atomics"),
	F(pgd, unlinked, "atomics"),
	F(seqcount, sequence, "as its owner"),
};

long core_layout(struct vl_field_info *out, u64 cap)
{
	for (u64 i = 0; i < ARRAY_SIZE(fields) && i < cap; i++)
		out[i] = fields[i];
	return ARRAY_SIZE(fields);
}

static u64 fnv(u64 hash, const void *data, u64 bytes)
{
	const u8 *p = data;

	while (bytes--)
		hash = (hash ^ *p++) * 0x100000001b3ull;
	return hash;
}

u64 core_fingerprint(void)
{
	static const char model[] = LOCK_MODEL_NAME "/" LAYOUT_NAME;
	static const u64 steps[] = {LIFE_STEP, SEQ_MASK}; /* a narrow build is another one */
	u64 hash = fnv(0xcbf29ce484222325ull, model, sizeof(model));

	hash = fnv(hash, steps, sizeof(steps));
#ifdef VL_LAYOUT_FILE
	hash = fnv(hash, VMA_FILE_HASH, strlen(VMA_FILE_HASH)); /* also who touches what */
#endif
	for (u64 i = 0; i < ARRAY_SIZE(fields); i++) {
		u32 numbers[3] = {fields[i].offset, fields[i].size, fields[i].type_size};

		hash = fnv(hash, fields[i].type, strlen(fields[i].type));
		hash = fnv(hash, fields[i].field, strlen(fields[i].field));
		hash = fnv(hash, numbers, sizeof(numbers));
	}
	return hash;
}
