/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pkeys.h (mm): protection keys of an mm, as far as a program sees them that does not write to
 * PKRU.
 *
 * mm.pkeys is one word, so that each change is one store:
 *
 *   PKEYS_ON     the processor has keys; without it a key never stands in a VMA
 *   PKEYS_MAP    bit k: key k is taken. Without keys bit 0: somebody has asked for one
 *   PKEYS_EXEC   1 + the key of execute-only areas; 0: there has been none yet
 *
 * It changes under mmap_lock for writing. mm.pkru has the rights of each key, two bits each as in
 * the register: no access, no write. The register is each thread's, the word is the mm's: what
 * pkey_alloc gives one thread, all have here. Key 0 is always allowed. A key that is freed stays in
 * the VMAs that have it. (kernel: mm_context_t pkey_allocation_map, execute_only_pkey)
 */
#ifndef VMALAB_PKEYS_H
#define VMALAB_PKEYS_H

#include "vmalab/mm.h"

#define PKEYS_COUNT      16
#define PKEYS_MAP        0xffffu
#define PKEYS_EXEC_SHIFT 16
#define PKEYS_EXEC       (0x1fu << PKEYS_EXEC_SHIFT)
#define PKEYS_ON         0x80000000u

#define PKEY_DISABLE_ACCESS 1u
#define PKEY_DISABLE_WRITE  2u
#define PKRU_START 0x55555554u /* nothing is allowed but by key 0 (kernel: init_pkru_value) */

/* Of a new program. */
static inline void pkeys_start(struct mm_struct *mm, bool present)
{
	store_relaxed_u32(&mm->pkeys, present ? PKEYS_ON | 1u : 0);
	store_relaxed_u32(&mm->pkru, PKRU_START);
}

/* (kernel: arch_dup_pkeys) */
static inline void pkeys_fork(struct mm_struct *child, const struct mm_struct *parent)
{
	store_relaxed_u32(&child->pkeys, parent->pkeys & PKEYS_ON ? parent->pkeys : 0);
	store_relaxed_u32(&child->pkru, load_relaxed_u32(&parent->pkru));
}

static inline u32 vma_pkey(u64 vm_flags)
{
	return (u32)((vm_flags & VM_PKEY_MASK) >> VM_PKEY_SHIFT);
}

/* May an area with these flags be read, or written? Of instruction fetches keys say nothing.
 * relaxed: rights of before or after a pkey_alloc that runs beside. (kernel:
 * arch_vma_access_permitted) */
static inline bool pkey_permits(const struct mm_struct *mm, u64 vm_flags, bool write)
{
	u32 rights, key = vma_pkey(vm_flags);

	if (likely(!key))
		return true;
	rights = load_relaxed_u32(&mm->pkru) >> 2 * key;
	return !(rights & PKEY_DISABLE_ACCESS) && !(write && (rights & PKEY_DISABLE_WRITE));
}

/* op_pkeys.c. mmap_lock write is held. */
/* A key that calls may name. (kernel: mm_pkey_is_allocated) */
bool pkey_is_usable(const struct mm_struct *mm, s32 pkey);
/* The flags of a key for a new area with these protections. (kernel: do_mmap) */
u64 pkey_of_mmap(struct mm_struct *mm, u32 prot);
/* The same for mprotect of a VMA with vm_flags. (kernel: arch_override_mprotect_pkey) */
u64 pkey_of_mprotect(struct mm_struct *mm, u64 vm_flags, u32 prot, s32 pkey);

#endif
