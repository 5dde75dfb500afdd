/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_exec.c: the moment of execve: a process leaves its mm for one that was built aside.
 *
 *   (import.c: a new mm, MM_BUILDING, its mmap_lock write, its map complete) -> old mmap_lock write
 *   -> limits and options are taken over -> new unlocked -> old MM_EXITING (the moment) -> new
 *   MM_LIVE -> the old one is torn down as by exit
 *
 * The mm is a new one with a number of its own, as in the kernel: nobody who held or knows the old
 * number is in the new map by accident, and what runs on in the old mm until its mmap_lock is taken
 * sees the old map, and then NO_SUCH_MM. Replacing the map under the same number would have been
 * a step that no kernel has: faults would meet two maps with one mm_lock_seq, and a vfork parent
 * would find itself in its child's program. With EXEC_SHARED (kernel: mm_users > 1 after vfork, or
 * CLONE_VM) others run on in the old mm, and it stays.
 *
 * What exec takes along is what the kernel keeps in the process or copies into the new mm: limits,
 * capabilities, the settings of overcommit, PR_SET_THP_DISABLE. What it leaves behind is what was
 * the old mm's: areas with their seals and userfaultfds, the break, def_flags (mlockall
 * MCL_FUTURE), what is counted as locked. (kernel: exec_mmap, mm_init)
 *
 * Killed before the moment: the new mm is a dead maker's and dropped, the process is in the old
 * one. After it: the old mm is EXITING with exec_to, and recovery makes the new one live for
 * EXEC_KEPT_NS before it drops the old one (walk_exec.c); exec_from says to whom it may be of
 * interest.
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"

static void inherit(struct participant *self, struct mm_struct *mm, const struct mm_struct *old)
{
	u64 kept = load_relaxed_u64(&old->keep_until_ns);

	limits_inherit(mm, old);
	mm_aside(self->seg, mm)->exec_from = old->id;
	/* Who keeps the old one by time has none on the new one before he is told its number. */
	if (kept)
		mm->keep_until_ns = kept > now_ns() + EXEC_KEPT_NS ? kept : now_ns() + EXEC_KEPT_NS;
}

/* mm: MM_BUILDING, complete, its mmap_lock held for writing (nested); released here. 0, or
 * VL_S_NO_MM: mm is still locked then, and the caller's to take apart. */
int exec_mmap(struct participant *self, struct mm_struct *mm, u64 old_id, bool shared)
{
	struct mm_struct *old = mm_find(self->seg, old_id);

	/* Nobody can wait for the new mm's lock who holds one that is waited for here. */
	if (!old || mmap_write_lock(self, old, old_id) != 0)
		return VL_S_NO_MM;
	inherit(self, mm, old);
	STEP(exec_built, mm);
	mmap_write_unlock_nested(self, mm);
	stat_inc(self, exec);
	if (!shared) {
		exit_mmap_into(self, old, mm);
		return 0;
	}
	mm_publish(self, mm);
	STEP(exec_done, mm);
	mmap_write_unlock(self, old);
	return 0;
}
