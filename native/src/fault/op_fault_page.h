/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_fault_page.h (fault): the second half of a fault's fast path, once its VMA is locked: a page
 * that is present and may be accessed. For op_fault_fast.c and op_fault_cached.c alone.
 *
 *   RCU { the page-table entry, the frame's word }   kernel: pte_offset_map ... pte_unmap
 *   vma_end_read                                      models without a lock per VMA: mmap_lock
 *
 * The section begins when the one of the lookup has ended: nothing but the VMA's lock carries the
 * VMA over. It keeps page tables and frames, which go after a grace period: a store that arrives in
 * a frame that has lost its last entry came before the unmapping.
 */
#ifndef VMALAB_OP_FAULT_PAGE_H
#define VMALAB_OP_FAULT_PAGE_H

#include "vmalab/events.h"
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"

/* The access may be made by that entry of a VMA with these flags, and nothing else is to do.
 * access: with FAULT_SLOW none of those that are served.
 * (kernel: the entry gives the rights to the hardware, which would not have faulted) */
static inline bool pte_serves(pte_t pte, u64 vm_flags, u32 access)
{
	if (unlikely(pte == 0 || (pte & (PTE_BUSY | PTE_MARKER))))
		return false;
	/* One that has a protection key goes the slow path. The first of these is: some right, no
	 * key. */
	if (likely(access == FAULT_READ))
		return (vm_flags & (VM_ACCESS_FLAGS | VM_PKEY_MASK)) - 1 < VM_ACCESS_FLAGS;
	if (access == FAULT_WRITE)
		return (vm_flags & (VM_WRITE | VM_PKEY_MASK)) == VM_WRITE && (pte & PTE_WRITE);
	return access == FAULT_EXEC && (vm_flags & VM_EXEC);
}

/* In the section: the access, if that entry of the locked VMA serves it. */
static inline bool page_access(struct participant *self, const pte_t *pte,
			       const struct vm_area_struct *vma, u32 flags, u64 word, u64 *value)
{
	/* PTE-1: the frame's word is seen. pairs: PTE-1 (op_fault.c:install_anon) */
	pte_t entry = load_acquire_u64(pte);
	u64 *at;

	STEP(pte_seen, vma);
	if (unlikely(!pte_serves(entry, vma->vm_flags, flags & (FAULT_ACCESS_MASK | FAULT_SLOW))))
		return false;
	at = &self->frames[pte_frame(entry)].word;
	/* relaxed: the word is data of the emulated program, which orders its accesses itself */
	if ((flags & (FAULT_ACCESS_MASK | FAULT_STORE)) == (FAULT_WRITE | FAULT_STORE))
		store_relaxed_u64(at, word);
	*value = load_relaxed_u64(at);
	STEP(word_stored, vma);
	return true;
}

#if VMA_LOCK_PER_VMA
#define INFO_FAULT_LOCKED FAULT_INFO_VMA_LOCK

static inline void fault_unlock(struct participant *self, struct mm_struct *mm,
				struct vm_area_struct *vma)
{
	(void)mm;
	vma_end_read(self, vma);
}
#else
#define INFO_FAULT_LOCKED FAULT_INFO_MMAP_LOCK

static inline void fault_unlock(struct participant *self, struct mm_struct *mm,
				struct vm_area_struct *vma)
{
	(void)vma;
	GHOST(end(vma));
	mmap_read_unlock(self, mm);
}
#endif

/* self->locked is locked, and more is to do than to look at the page. */
static __attribute__((noinline)) void fault_more(struct participant *self, u64 id, u64 addr,
						 u32 flags, u64 word, struct vl_result *result)
{
	fault_slow(self, id, addr, flags, word, result, self->locked, FAULT_RETRY);
}

/* In the section, which it ends; vma is locked, and given back. pte: NULL: to be looked for. The
 * counter and the result come after the last locked instruction, which waits for all stores before
 * it. */
static inline __attribute__((always_inline)) void
fault_present(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
	      struct vl_result *result, struct mm_struct *mm, struct vm_area_struct *vma,
	      const pte_t *pte)
{
	u64 value, count;

	if (unlikely(!pte || !page_access(self, pte, vma, flags, word, &value))) {
		rcu_read_unlock(self);
		self->locked = vma;
		fault_more(self, id, addr, flags, word, result);
		return;
	}
	rcu_read_unlock(self);
	fault_unlock(self, mm, vma);
	count = self->area->stats[STAT_pgfault_fast] + 1;
	store_relaxed_u64(&self->area->stats[STAT_pgfault_fast], count); /* stat_inc */
	result->status = 0;
	result->info = FAULT_INFO_PRESENT | INFO_FAULT_LOCKED;
	result->value = value;
	if (event_due(self, count))
		event_fault(self, id, addr);
}

#endif
