/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_fault_try.c: op_fault_try: a fault by who may not wait: the fast path of op_fault
 * (op_fault_fast.c), and nothing where that one goes on.
 *
 * What bounds it: the walk by the height of the tree, the look at the page by the levels of the
 * page table; the lock is tried once; there is no loop, nothing is allocated, and no entry changes.
 * So whoever holds or waits for a lock, and however much is mapped, it takes as long as a fault
 * that hits.
 *
 * The lab core refuses each: what a sync point may pause is not bounded.
 */
#include "op_fault_page.h"

#ifdef VL_LAB
bool op_fault_try(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		  struct vl_result *result)
{
	(void)self, (void)id, (void)addr, (void)flags, (void)word, (void)result;
	return false;
}
#else
#if VMA_LOCK_PER_VMA
/* The VMA of addr with its lock, in no section; NULL: there is none, or its lock is not free. */
static struct vm_area_struct *vma_try(struct participant *self, struct mm_struct *mm, u64 id,
				      u64 addr)
{
	struct vm_area_struct *vma;
	enum vma_read outcome;
	vl_ref ref;

	rcu_read_lock(self);
	ref = tree_lookup(self, &mm->mm_mt, addr);
	if (!ref) {
		rcu_read_unlock(self);
		return NULL;
	}
	vma = PTR(self, ref);
	outcome = lock_vma_once(self, mm, id, addr, vma, HOLD_VMA);
	lock_vma_rcu_done(self);
	if (outcome == VMA_READ_LOCKED)
		return vma;
	if (outcome != VMA_READ_MISS)
		stat_inc(self, vma_lock_abort);
	return NULL;
}
#else
static struct vm_area_struct *vma_try(struct participant *self, struct mm_struct *mm, u64 id,
				      u64 addr)
{
	vl_ref ref;

	if (!mmap_read_trylock(self, mm))
		return NULL;
	ref = mm->id == id ? tree_lookup(self, &mm->mm_mt, addr) : 0;
	if (!ref) {
		mmap_read_unlock(self, mm);
		return NULL;
	}
	VMA_EXTRA_FAULT((struct vm_area_struct *)PTR(self, ref));
	return PTR(self, ref);
}
#endif

bool op_fault_try(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		  struct vl_result *result)
{
	struct mm_struct *mm = mm_find_self(self, id);
	struct vm_area_struct *vma = mm ? vma_try(self, mm, id, addr) : NULL;
	const pte_t *pte;
	u64 value = 0, count;
	bool served;

	if (!vma)
		return false;
	rcu_read_lock(self);
	pte = pte_lookup_at(self->pages, &mm->pgd, addr);
	served = pte && page_access(self, pte, vma, flags, word, &value);
	rcu_read_unlock(self);
	fault_unlock(self, mm, vma);
	if (!served)
		return false;
	count = self->area->stats[STAT_pgfault_fast] + 1;
	store_relaxed_u64(&self->area->stats[STAT_pgfault_fast], count); /* stat_inc */
	*result = (struct vl_result){.info = FAULT_INFO_PRESENT | INFO_FAULT_LOCKED,
				     .value = value};
	if (event_due(self, count))
		event_fault(self, id, addr);
	return true;
}
#endif
