/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stats.h (segment): counters per participant, never shared; readers add them up. Names are the
 * kernel's where it has them.
 */
#ifndef VMALAB_STATS_H
#define VMALAB_STATS_H

/* pgfault_fast: faults on a present page that op_fault served itself. Each is also a pgfault, a
 * pgfault_present and one under its lock (STAT_FAULT_LOCKED); vl_stats adds it to these three, so
 * that the fast path moves one counter and not four. cached_lookup_walk: walks of faults whose
 * cached lookup did not serve (of instances with --lookup cache). Allocations are counted per
 * cache, in the magazines (slab.h: struct slab_numbers). */
/* clang-format off */
#define VL_STATS(X) \
	X(vma_lock_success) X(vma_lock_abort) X(vma_lock_retry) X(vma_lock_miss) \
	X(abort_no_vma) X(abort_stamp) X(abort_trylock) X(abort_stamp_late) X(abort_mm) \
	X(abort_range) X(cached_lookup_walk) \
	X(pgfault) X(pgfault_fast) X(pgfault_present) X(pgfault_anon) X(pgfault_zero) \
	X(pgfault_file) X(pgfault_cow) X(pgfault_signal) X(mmap_lock_faults) \
	X(mmap) X(munmap) X(mprotect) X(mremap) X(madvise) X(mincore) X(brk) X(fork) X(exit) \
	X(mlock) X(munlock) X(msync) X(mseal) \
	X(uffd_move) X(uffd_call) X(uffd_fill) X(pgfault_user) \
	X(set_vma_name) X(mm_create) X(call_errors) \
	X(file_truncate) X(file_allocate) X(exec) \
	X(next_vma_locked) X(next_vma_miss) X(next_vma_again) X(next_vma_fallback) \
	X(vma_split) X(vma_merge) X(vma_reattach) X(vma_alloc) X(vma_free) X(vma_free_deferred) \
	X(rcu_retired) X(rcu_freed) X(rcu_gp) X(rcu_sync) \
	X(vma_writer_wait) X(rwsem_read_wait) X(rwsem_write_wait) X(mutex_wait) X(mutex_stolen) \
	X(world_stops) X(recoveries)
/* clang-format on */

enum vl_stat {
#define X(name) STAT_##name,
	VL_STATS(X)
#undef X
		STATS_COUNT
};

/* One writer, so a plain add; relaxed so that a reader in another process sees whole values. */
#define stat_inc(self, name)    stat_add_at(self, STAT_##name, 1)
#define stat_add(self, name, n) stat_add_at(self, STAT_##name, n)
#define stat_add_at(self, i, n) \
	store_relaxed_u64(&(self)->area->stats[i], (self)->area->stats[i] + (u64)(n))
/* A try for the lock of a VMA failed. */
#define stat_refused(self, name) (stat_inc(self, name), (void)((self)->refused = STAT_##name))
#define stat_inc_in(area, name)  stat_add_in(area, STAT_##name, 1)
#define stat_add_in(area, i, n)  store_relaxed_u64(&(area)->stats[i], (area)->stats[i] + (u64)(n))

#endif
