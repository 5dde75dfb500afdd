/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_limits.c: setrlimit, capset, prctl(PR_SET_THP_DISABLE) and prctl(PR_SET_MDWE): what a process
 * says about itself.
 *
 * All change words of mm_struct that other calls read under mmap_lock, so they take it for
 * writing.
 */
#include "vmalab/ops.h"

/* RLIMIT_* of the four resources that memory calls look at. Hard limits are not kept: a raise is
 * granted as to a process with CAP_SYS_RESOURCE. (kernel: do_prlimit) */
s64 op_setrlimit(struct participant *self, u64 id, u32 resource, u64 soft, u64 hard)
{
	struct mm_struct *mm = mm_find(self->seg, id);

	if (!mm)
		return VL_S_NO_MM;
	if (resource >= RLIMITS_COUNT || soft > hard)
		return -EINVAL;
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	switch (resource) {
	case RLIMIT_STACK:
		mm->stack_limit = soft;
		break;
	case RLIMIT_AS:
		mm->as_limit = soft;
		break;
	case RLIMIT_DATA:
		/* 0 under a hard limit that is none is what valgrind sets (limits.c). */
		mm->data_limit = soft ? soft : hard >> PAGE_SHIFT == 0;
		break;
	case RLIMIT_MEMLOCK:
		mm->memlock_limit = soft;
		break;
	}
	mmap_write_unlock(self, mm);
	return 0;
}

/* prctl(PR_SET_THP_DISABLE, disable, flags): flags 2 excepts what MADV_HUGEPAGE advised. (kernel:
 * prctl_set_thp_disable) */
s64 op_thp_disable(struct participant *self, u64 id, u64 disable, u64 flags)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u32 set = disable ? flags ? MM_THP_EXCEPT_ADVISED : MM_THP_DISABLE : 0;

	if (!mm)
		return VL_S_NO_MM;
	if ((!disable && flags) || (flags & ~2ul))
		return -EINVAL;
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	set |= mm->options & ~(MM_THP_DISABLE | MM_THP_EXCEPT_ADVISED);
	store_relaxed_u16(&mm->options, (u16)set); /* faults read it beside */
	mmap_write_unlock(self, mm);
	return 0;
}

/* prctl(PR_SET_MDWE, bits): what was set stays. (kernel: prctl_set_mdwe) */
s64 op_mdwe(struct participant *self, u64 id, u64 bits)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u32 set = (bits & PR_MDWE_REFUSE_EXEC_GAIN ? MM_REFUSE_EXEC_GAIN : 0) |
		  (bits & PR_MDWE_NO_INHERIT ? MM_MDWE_NO_INHERIT : 0);
	u32 old;
	s64 err = 0;

	if (!mm)
		return VL_S_NO_MM;
	if ((bits & ~(u64)(PR_MDWE_REFUSE_EXEC_GAIN | PR_MDWE_NO_INHERIT)) ||
	    bits == PR_MDWE_NO_INHERIT)
		return -EINVAL;
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	old = mm->options & (MM_REFUSE_EXEC_GAIN | MM_MDWE_NO_INHERIT);
	if (old && old != set)
		err = -EPERM;
	else
		store_relaxed_u16(&mm->options, (u16)(mm->options | set)); /* as above */
	mmap_write_unlock(self, mm);
	return err;
}

/* Memory that may be written, or was not executable so far, becomes executable. (kernel:
 * map_deny_write_exec) */
bool exec_gain_refused(const struct mm_struct *mm, u64 old, u64 access)
{
	if (!(mm->options & MM_REFUSE_EXEC_GAIN) || !(access & VM_EXEC))
		return false;
	return (access & VM_WRITE) || !(old & VM_EXEC);
}

/* VL_CAP_*, of which the memory calls ask. */
s64 op_capset(struct participant *self, u64 id, u64 capabilities)
{
	struct mm_struct *mm = mm_find(self->seg, id);

	_Static_assert(VL_CAP_IPC_LOCK == MM_CAP_IPC_LOCK && VL_CAP_SYS_RAWIO == MM_CAP_SYS_RAWIO &&
			       VL_CAP_SYS_ADMIN == MM_CAP_SYS_ADMIN,
		       "the bits of options");
	if (!mm)
		return VL_S_NO_MM;
	if (capabilities & ~(u64)MM_CAPS_ALL)
		return -EINVAL;
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	store_relaxed_u16(&mm->options,
			  (u16)((mm->options & ~MM_CAPS_ALL) | capabilities)); /* as above */
	mmap_write_unlock(self, mm);
	return 0;
}
