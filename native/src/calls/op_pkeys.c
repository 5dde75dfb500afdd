/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_pkeys.c: pkey_alloc, pkey_free, and which key an area gets.
 *
 * An area that may only be executed gets a key of its own, which forbids all but that. It is the
 * first that is free when the first such area is made (or asked for: a call that fails later keeps
 * it), it is the mm's until exec, and no call can name it. Where no key is free, such an area has
 * key 0 and can be read.
 *
 * Rights are stored before the map that gives the key away. Killed in between: the rights of a free
 * key, which are set again when it is taken. (kernel: arch/x86/mm/pkeys.c, mm/mprotect.c)
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"
#include "vmalab/pkeys.h"

bool pkey_is_usable(const struct mm_struct *mm, s32 pkey)
{
	if (!(mm->pkeys & PKEYS_ON) || pkey < 0 || pkey >= PKEYS_COUNT)
		return false;
	if ((mm->pkeys & PKEYS_EXEC) >> PKEYS_EXEC_SHIFT == (u32)pkey + 1)
		return false;
	return mm->pkeys & 1u << pkey;
}

/* relaxed: who reads it without mmap_lock looks at PKEYS_ON alone, which stays. */
static void pkeys_set(struct mm_struct *mm, u32 pkeys)
{
	store_relaxed_u32(&mm->pkeys, pkeys);
}

/* The first key that is free, or -1. */
static s32 pkey_free_one(const struct mm_struct *mm)
{
	u32 map = mm->pkeys & PKEYS_MAP;

	return map == PKEYS_MAP ? -1 : __builtin_ctz(~map);
}

static void pkey_rights(struct participant *self, struct mm_struct *mm, s32 pkey, u32 rights)
{
	u32 shift = 2u * (u32)pkey, pkru = self->has_pkru ? self->pkru : mm->pkru;

	pkru_write(self, mm, (pkru & ~(3u << shift)) | rights << shift);
}

/* Whoever makes such an area can no longer read it. (kernel: __execute_only_pkey) */
static s32 execute_only_pkey(struct participant *self, struct mm_struct *mm)
{
	s32 pkey = (s32)((mm->pkeys & PKEYS_EXEC) >> PKEYS_EXEC_SHIFT) - 1;

	if (pkey < 0) {
		pkey = pkey_free_one(mm);
		if (pkey < 0)
			return -1;
		pkey_rights(self, mm, pkey, PKEY_DISABLE_ACCESS);
		pkeys_set(mm, mm->pkeys | 1u << pkey | ((u32)pkey + 1) << PKEYS_EXEC_SHIFT);
	} else if (!(pkru_read(self, mm) >> 2 * pkey & PKEY_DISABLE_ACCESS)) {
		pkey_rights(self, mm, pkey, PKEY_DISABLE_ACCESS);
	}
	return pkey;
}

static u64 pkey_flags(s32 pkey)
{
	return (u64)pkey << VM_PKEY_SHIFT;
}

u64 pkey_of_mmap(struct participant *self, struct mm_struct *mm, u32 prot)
{
	s32 pkey;

	if (!(mm->pkeys & PKEYS_ON) || prot != PROT_EXEC)
		return 0;
	pkey = execute_only_pkey(self, mm);
	return pkey < 0 ? 0 : pkey_flags(pkey);
}

static bool vma_is_execute_only(const struct mm_struct *mm, u64 vm_flags)
{
	return (vm_flags & VM_ACCESS_FLAGS) == VM_EXEC &&
	       (mm->pkeys & PKEYS_EXEC) >> PKEYS_EXEC_SHIFT == vma_pkey(vm_flags) + 1;
}

u64 pkey_of_mprotect(struct participant *self, struct mm_struct *mm, u64 vm_flags, u32 prot,
		     s32 pkey)
{
	if (!(mm->pkeys & PKEYS_ON))
		return 0;
	if (pkey != -1)
		return pkey_flags(pkey);
	if (prot == PROT_EXEC) {
		pkey = execute_only_pkey(self, mm);
		if (pkey > 0)
			return pkey_flags(pkey);
	} else if (vma_is_execute_only(mm, vm_flags)) {
		return 0;
	}
	return vm_flags & VM_PKEY_MASK;
}

/* Without keys the first call of a process is told EINVAL, which the processor's part of the kernel
 * says, and all others ENOSPC. (kernel: sys_pkey_alloc) */
s64 op_pkey_alloc(struct participant *self, u64 id, u64 flags, u64 rights)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	s64 result = -ENOSPC;
	s32 pkey;

	if (!mm)
		return VL_S_NO_MM;
	if (flags || (rights & ~(u64)(PKEY_DISABLE_ACCESS | PKEY_DISABLE_WRITE)))
		return -EINVAL;
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	if (!(mm->pkeys & PKEYS_ON)) {
		result = mm->pkeys & 1u ? -ENOSPC : -EINVAL;
		pkeys_set(mm, mm->pkeys | 1u);
	} else if ((pkey = pkey_free_one(mm)) >= 0) {
		pkey_rights(self, mm, pkey, (u32)rights);
		pkeys_set(mm, mm->pkeys | 1u << pkey);
		result = pkey;
	}
	mmap_write_unlock(self, mm);
	return result;
}

s64 op_pkey_free(struct participant *self, u64 id, s32 pkey)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	bool usable;

	if (!mm || mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	usable = pkey_is_usable(mm, pkey);
	if (usable)
		pkeys_set(mm, mm->pkeys & ~(1u << pkey));
	mmap_write_unlock(self, mm);
	return usable ? 0 : -EINVAL;
}
