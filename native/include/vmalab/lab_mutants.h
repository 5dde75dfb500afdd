/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab_mutants.h (base): the mutants of the lab core: each a bug that was in a kernel, or was found
 * in a review, switched on by its name. The name says what breaks. Some have a number of a
 * catalogue besides: where a name is taken, the number is taken too. No guard: it is a list that is
 * read several times.
 *
 * X(name, number or "", lock models it applies to, what is wrong)
 * models: M mmap-lock, S split-rwsem, E embedded-rwsem, T typesafe-rwsem, R refcount. A small
 * letter: that model has the check too, and leaving it out alone shows nothing, because another
 * check stands behind it. A scenario names the mutant that has to be switched on besides (behind).
 */
X(mm_read_after_put, "B1", "R",
  "after the decrement the mm is read from the VMA, to find whom to wake")
X(foreign_wake_unpinned, "B2", "R",
  "the writer of a foreign mm is woken without a pin of that mm (CVE-2025-38554)")
X(dup_copies_detached, "B4", "T",
  "vm_area_dup copies `detached` into a recycled object for a moment")
X(mm_not_compared, "B5", "TR", "no comparison of vm_mm after the lock is taken")
X(lock_initialised_again, "B7", "T",
  "the lock is initialised at each allocation, under a stale reader")
X(freeptr_over_attached, "", "TR",
  "the free pointer lies over the word that says whether a VMA is attached")
X(exit_frees_attached, "B9", "TR", "exit frees VMAs that are still attached")
X(readers_unlimited, "B10", "R",
  "readers increment without a limit and wake on the wrong transition")
X(stale_leaf, "B12", "TR", "after a miss the search goes on from a node kept across RCU sections")
X(anon_vma_seen_unlocked, "B13", "SETR", "anon_vma is looked at before the VMA is locked")
X(inner_unlock_ends_all, "B14", "SETR",
  "an inner lock's release ends all VMA write locks of the mm")
X(dead_writer_excludes, "B15", "R",
  "a writer that dies while it waits leaves its exclusion of readers behind")
X(read_locked_may_fail, "B16", "SETR", "the read lock that may not fail compares the stamp")
X(fork_parent_unlocked, "B18", "SETR", "fork does not write-lock the parent's VMAs (Linux 6.4.0)")
X(stack_grows_unlocked, "B19", "SETR", "the stack grows without its VMA's write lock")
X(stack_grows_read_locked, "B20", "MSETR",
  "the stack grows under mmap_lock read (StackRot, CVE-2023-3269)")
X(published_incomplete, "B21", "SETR",
  "a new VMA is in the tree before it is complete, and not write-locked")
X(mbind_unlocked, "B22", "SETR",
  "mbind replaces the policy without the VMA's write lock (CVE-2023-4611)")
X(merge_anon_unlocked, "B23", "SETR",
  "a merge sets anon_vma of its target before locking it, and takes it back")
X(failed_merge_goes_on, "B30", "MSETR",
  "after a merge without memory the change goes on with the merge's range "
  "(CVE-2025-21932)")
X(failed_fork_keeps_vmas, "B33", "MSETR",
  "a fork that fails half way leaves the parent's VMAs in the child's tree")
X(move_blocks_holding_vma, "B37", "SETR",
  "a two-VMA move blocks on mmap_lock with the first VMA locked")
X(fault_blocks_holding_vma, "B41", "SETR", "a fault blocks on mmap_lock with its VMA locked")
X(leaf_changed_in_place, "B44", "SETR", "a leaf is changed in place: pivot and slot by two stores")
X(store_takes_wrong_node, "B45", "MSETR",
  "a store that ends at the end of a node takes the wrong node for its right side "
  "(CVE-2024-50200)")
X(shared_page_reused, "X1", "MSETR",
  "a page that was shared by a fork is written in place when its count is one")
X(wrap_keeps_stamps, "W1", "SETR", "the sequence wraps around and VMAs keep stamps of long ago")
X(dead_waiter_stays_noted, "D1", "SET",
  "a writer that dies when it was just woken leaves the note that somebody waits")
X(exit_detaches_late, "D2", "R",
  "exit detaches its VMAs when the tree is gone, where recovery does not find them")
X(merge_detaches_late, "D3", "R",
  "a merge detaches after the store that takes the VMA out of the tree")
X(lookup_cached_too_long, "G1", "SE",
  "what a fault has found is kept whatever grace periods have ended since")
X(maps_gap_believed, "N1", "SETR", "a gap in maps is believed at the first look")
X(unmapped_before_sized, "N2", "MSETR",
  "truncation takes the pages out of the mappings before it stores the size")
X(unmapped_before_uncached, "N3", "MSETR", "a page leaves the mappings before it leaves its file")
X(fault_keeps_cut_page, "N4", "MSETR",
  "a fault does not look again whether the page it found has left its file")
X(fork_copies_cut_page, "N5", "MSETR", "fork copies entries of pages that are leaving their file")
X(seal_misses_fork, "", "MSETR",
  "fork copies a writable mapping of a file without a look at the seals that are coming")
X(split_loses_guard, "", "SETR", "a split copies the flags of a VMA before it write-locks it")
X(change_loses_guard, "", "SETR",
  "a change of flags is computed before the VMA is write-locked, and stored after that")
X(merge_loses_guard, "", "SETR",
  "a merge takes the sticky flags of the VMA that goes as they were before it is write-locked")
X(move_copies_unlocked, "", "SETR", "mremap copies its VMA before it write-locks it")
X(remap_looks_unlocked, "", "SETR",
  "remap_file_pages compares the flags of VMAs that it has not write-locked")
X(first_stamp_odd, "", "T",
  "the first stamp of a life is UINT_MAX, a number that a writer has once in 2^31")
X(wrap_death_keeps_stamps, "", "SETR",
  "recovery leaves the stamps that a writer has not renewed who died at the wrap")
X(writer_ignores_readers, "", "SETR",
  "a writer does not wait for the readers inside: a VMA is freed while only its lock is held")
X(early_stamp_ignored, "O2A", "Rset", "no look at the stamp before the lock is taken")
X(early_stamp_retries, "O2B", "R", "the look at the stamp answers `again` instead of giving up")
X(late_stamp_ignored, "", "SETR", "no look at the stamp after the lock is taken")
X(detached_ignored, "", "SETR",
  "no look whether the VMA is detached; refcount: a count of 0 is incremented")
X(range_ignored, "", "SETR", "no look at the range after the lock is taken")
X(mm_read_before_lock, "", "TR",
  "vm_mm is read before the lock is taken, and compared as it was then")
X(mm_taken_from_vma, "", "TR",
  "the sequence is that of vma->vm_mm, which is read before the lock is taken")
X(detached_read_last, "", "t", "`detached` is read after vm_mm")
X(maker_ignores_readers, "", "T",
  "a new VMA is stamped without a wait for readers that its object still has of its former life")
X(unlock_outside_rcu, "", "SET", "the read lock is given back outside an RCU section")
X(object_cleared, "", "T", "a new VMA is cleared as a whole, its lock too, under a stale reader")
X(typesafe_merged, "", "T",
  "the type-safe cache of VMAs shares its slabs with the cache of tree nodes")
X(impostor_taken, "", "MSETR",
  "a driver takes the VMA at its address for the one that it has mapped there")
X(stack_vma_unconstructed, "", "ETR",
  "a VMA on the stack has its fields cleared, and its lock left to the constructor of a cache")
X(freed_write_locked, "", "TR", "an object is freed in another state than its constructor's")
X(numab_outlives_vma, "", "MSETR",
  "numab_state is neither given back at free nor set to none at allocation")
X(name_outlives_vma, "", "MSETR",
  "anon_name is neither given back at free nor set to none at allocation")
X(refused_reader_stays, "", "SETR",
  "a reader that finds the stamp after it has the lock gives up and does not give the lock back")
X(maps_keeps_lock, "", "SETR",
  "a reader of maps that gives the next VMA up does not give its lock back")
X(failed_map_keeps_file, "", "MSETR",
  "an mmap that fails keeps the reference of its file (CVE-2026-31654)")
