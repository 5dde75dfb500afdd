/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkeys.h (mm): protection keys of an mm, and the rights that its caller has by them.
 *
 * mm.pkeys is one word, so that each change is one store:
 *
 *   PKEYS_ON     the processor has keys; without it a key never stands in a VMA
 *   PKEYS_MAP    bit k: key k is taken. Without keys bit 0: somebody has asked for one
 *   PKEYS_EXEC   1 + the key of execute-only areas; 0: there has been none yet
 *
 * It changes under mmap_lock for writing. A key that is freed stays in the VMAs that have it.
 * (kernel: mm_context_t pkey_allocation_map, execute_only_pkey)
 *
 * PKRU has the rights of each key, two bits each: no access, no write. The register is the
 * caller's, who says in the record of a block what is there: participant.pkru, for that record
 * alone. What writes to the register (pkey_alloc, and who makes an area that is executed alone)
 * writes there, and the record's result says what came of it. A caller that says nothing has
 * mm.pkru, which all such callers of an mm share, as if they were one thread. It allows key 0
 * whatever it says of it, so that the fast path of a fault need not look at it.
 */
#ifndef VMALAB_PKEYS_H
#define VMALAB_PKEYS_H

#include "vmalab/block_ops.h"
#include "vmalab/mm.h"

#define PKEYS_COUNT      16
#define PKEYS_MAP        0xffffu
#define PKEYS_EXEC_SHIFT 16
#define PKEYS_EXEC       (0x1fu << PKEYS_EXEC_SHIFT)
#define PKEYS_ON         0x80000000u

#define PKEY_DISABLE_ACCESS 1u
#define PKEY_DISABLE_WRITE  2u
#define PKRU_KEY0           3u /* the rights of key 0 */

/* Of a new program. */
static inline void pkeys_start(struct mm_struct *mm, bool present)
{
	store_relaxed_u32(&mm->pkeys, present ? PKEYS_ON | 1u : 0);
	store_relaxed_u32(&mm->pkru, PKRU_START);
}

/* Of the caller. relaxed: rights of before or after a pkey_alloc that runs beside. */
static inline u32 pkru_read(const struct participant *self, const struct mm_struct *mm)
{
	return self->has_pkru ? self->pkru : load_relaxed_u32(&mm->pkru) & ~PKRU_KEY0;
}

/* mmap_lock write is held. */
static inline void pkru_write(struct participant *self, struct mm_struct *mm, u32 pkru)
{
	if (self->has_pkru)
		self->pkru = pkru;
	else
		store_relaxed_u32(&mm->pkru, pkru);
}

/* The child's one thread has what its maker has. (kernel: arch_dup_pkeys, fpu_clone) */
static inline void pkeys_fork(const struct participant *self, struct mm_struct *child,
			      const struct mm_struct *parent)
{
	store_relaxed_u32(&child->pkeys, parent->pkeys);
	store_relaxed_u32(&child->pkru, pkru_read(self, parent));
}

static inline u32 vma_pkey(u64 vm_flags)
{
	return (u32)((vm_flags & VM_PKEY_MASK) >> VM_PKEY_SHIFT);
}

/* May the caller read, or write, an area with these flags? Of instruction fetches keys say nothing.
 * vm_flags: of a VMA that is locked, or under mmap_lock. relaxed: a processor has keys or not, for
 * all the life of an mm. (kernel: arch_vma_access_permitted) */
static inline bool pkey_permits(const struct participant *self, const struct mm_struct *mm,
				u64 vm_flags, bool write)
{
	u32 rights, key = vma_pkey(vm_flags);

	if (likely(!key && !self->has_pkru))
		return true;
	if (!(load_relaxed_u32(&mm->pkeys) & PKEYS_ON))
		return true;
	rights = pkru_read(self, mm) >> 2 * key;
	return !(rights & PKEY_DISABLE_ACCESS) && !(write && (rights & PKEY_DISABLE_WRITE));
}

/* op_pkeys.c. mmap_lock write is held. */
/* A key that calls may name. (kernel: mm_pkey_is_allocated) */
bool pkey_is_usable(const struct mm_struct *mm, s32 pkey);
/* The flags of a key for a new area with these protections. (kernel: do_mmap) */
u64 pkey_of_mmap(struct participant *self, struct mm_struct *mm, u32 prot);
/* The same for mprotect of a VMA with vm_flags. (kernel: arch_override_mprotect_pkey) */
u64 pkey_of_mprotect(struct participant *self, struct mm_struct *mm, u64 vm_flags, u32 prot,
		     s32 pkey);

#endif
