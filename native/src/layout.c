/* SPDX-License-Identifier: Apache-2.0 */
/*
 * layout.c (L6): the table of every field of every shared struct: what `vmalab layout` shows and
 * what the fingerprint hashes, so that two builds that disagree about one offset never share a
 * segment.
 */
#include "vmalab/core.h"
#include "vmalab/lock_model.h"

#define F(type, field, guard)               \
	{#type,                             \
	 #field,                            \
	 guard,                             \
	 offsetof(struct type, field),      \
	 sizeof(((struct type *)0)->field), \
	 sizeof(struct type)}

static const struct vl_field_info fields[] = {
	F(vm_area_struct, vm_start, "mmap_lock W + vm_lock W; derived from the tree"),
	F(vm_area_struct, vm_end, "mmap_lock W + vm_lock W; derived from the tree"),
	F(vm_area_struct, vm_flags, "mmap_lock W + vm_lock W"),
	F(vm_area_struct, vm_pgbase, "before insertion"),
	F(vm_area_struct, vm_mm, "before insertion; stale readers"),
#if VMA_LOCK_PER_VMA
	F(vm_area_struct, vm_lock_seq, "mmap_lock W + vm_lock W"),
	F(vm_area_struct, detached, "attach: mmap_lock W; detach: stamped"),
#endif
	F(vm_area_struct, anon_vma, "NULL->set: mmap_lock R + page_table_lock; ->NULL: stamped"),
	F(vm_area_struct, vm_file, "before insertion"),
	F(vm_area_struct, vm_ops, "before insertion"),
	F(vm_area_struct, page_prot, "mmap_lock W + vm_lock W"),
	F(vm_area_struct, anon_vma_chain, "as anon_vma"),
	F(vm_area_struct, anon_vma_links, "as anon_vma"),
	F(vm_area_struct, anon_name, "mmap_lock W + vm_lock W"),
	F(vm_area_struct, numab_state, "read lock, cmpxchg"),
	F(vm_area_struct, alloc_seq, "allocator"),
	F(vm_area_struct, vm_policy, "mmap_lock W + vm_lock W"),
	F(vm_area_struct, uffd_ctx, "mmap_lock W + vm_lock W"),
#if VMA_LOCK_SEPARATE
	F(vm_area_struct, vm_lock, "before insertion"),
#elif VMA_LOCK_RWSEM
	F(vm_area_struct, vm_lock, "constructor; then atomics"),
#elif VMA_LOCK_PER_VMA
	F(vm_area_struct, vm_refcnt, "constructor; then atomics"),
#endif
	F(vm_area_struct, rare0, "unused"),
	F(vm_area_struct, rare1, "unused"),
	F(vm_area_struct, rare2, "unused"),
	F(vm_area_struct, rare3, "unused"),
	F(vm_area_struct, rare4, "unused"),
	F(vm_area_struct, rare5, "unused"),
	F(vm_area_struct, rare6, "unused"),
	F(mm_struct, id, "release at publish, 0 at exit"),
	F(mm_struct, state, "slots_lock; mmap_lock W"),
	F(mm_struct, mm_mt, "mmap_lock W, one store"),
	F(mm_struct, pgd, "cmpxchg"),
	F(mm_struct, mm_lock_seq, "mmap_lock W"),
	F(mm_struct, generation, "slots_lock"),
	F(mm_struct, keep_until_ns, "cmpxchg, only forward"),
	F(mm_struct, users, "atomic; truth in the areas"),
	F(mm_struct, builder, "slots_lock"),
	F(mm_struct, mmap_lock, "atomics"),
	F(mm_struct, page_table_lock, "atomics"),
	F(mm_struct, mm_count, "atomics"),
	F(mm_struct, vma_writer_wait, "futex"),
	F(mm_struct, vma_writer_waits, "who waits with mmap_lock W; a hint"),
	F(mm_struct, lock_pad, "unused"),
	F(mm_struct, map_count, "mmap_lock W"),
	F(mm_struct, map_count_max, "before publish"),
	F(mm_struct, total_vm, "mmap_lock W"),
	F(mm_struct, data_vm, "mmap_lock W"),
	F(mm_struct, locked_vm, "mmap_lock W"),
	F(mm_struct, mmap_base, "before publish"),
	F(mm_struct, start_brk, "before publish"),
	F(mm_struct, brk, "mmap_lock W"),
	F(mm_struct, def_flags, "mmap_lock W"),
	F(mm_struct, stack_limit, "before publish"),
	F(mm_struct, commit_limit_pages, "before publish"),
	F(mm_struct, stack_top, "before publish"),
	F(mm_struct, exit_pad, "unused"),
	F(rw_semaphore, count, "atomics"),
	F(rw_semaphore, owner, "writer; a hint"),
	F(rw_semaphore, wake_readers, "futex"),
	F(rw_semaphore, wake_writers, "futex"),
	F(rw_semaphore, readers_waiting, "who waits; a hint"),
	F(rw_semaphore, writers_waiting, "who waits; a hint"),
	F(rw_semaphore, pad, "unused"),
	F(participant_slot, in_core, "its participant"),
	F(participant_slot, role, "slots_lock"),
	F(participant_slot, rcu, "its participant"),
	F(participant_slot, pid, "slots_lock"),
	F(participant_slot, start_time, "slots_lock"),
	F(participant_slot, held, "its participant"),
	F(participant_area, stats, "its participant"),
	F(participant_area, magazines, "its participant"),
	F(participant_area, frames, "its participant"),
	F(participant_area, pages, "its participant"),
	F(participant_area, prealloc, "its participant"),
	F(participant_area, inflight, "its participant"),
	F(participant_area, retired, "its participant"),
	F(participant_area, leases, "its participant"),
	F(page_desc, kind, "page pool lock, cache lock"),
	F(page_desc, owner, "page pool lock"),
	F(page_desc, free, "cache lock"),
	F(page_desc, used, "cache lock"),
	F(frame, refs, "atomics"),
	F(frame, next, "frame pool lock"),
	F(frame, word, "VMA lock R + RCU"),
	F(file, size, "slots_lock"),
	F(file, cache, "cmpxchg"),
	F(file, refs, "atomics"),
	F(anon_vma, degree, "anon lock of its root"),
	F(anon_vma, num_children, "anon lock of its root"),
	F(anon_vma, num_active_vmas, "anon lock of its root"),
	F(anon_vma_chain, anon_vma, "mmap_lock W, or as anon_vma"),
	F(anon_vma_chain, next, "mmap_lock W, or as anon_vma"),
	F(seg_header, stop, "who stops the world"),
	F(seg_header, rcu, "atomics"),
	F(seg_header, pages, "its lock"),
	F(seg_header, frames, "its lock"),
	F(seg_header, caches, "each its lock"),
	F(seg_header, stats_gone, "slots_lock"),
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
	u64 hash = fnv(0xcbf29ce484222325ull, model, sizeof(model));

	for (u64 i = 0; i < ARRAY_SIZE(fields); i++) {
		u32 numbers[3] = {fields[i].offset, fields[i].size, fields[i].type_size};

		hash = fnv(hash, fields[i].type, strlen(fields[i].type));
		hash = fnv(hash, fields[i].field, strlen(fields[i].field));
		hash = fnv(hash, numbers, sizeof(numbers));
	}
	return hash;
}
