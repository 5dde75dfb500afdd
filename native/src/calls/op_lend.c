/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_lend.c: a driver that gives data to a program in place, in the lab core alone. It has kept the
 * address of the VMA that its buffer is mapped by, and the life of that VMA, over many calls.
 *
 *   the VMA lock read, or mmap_lock read -> is it the one that was kept? -> the page -> drop
 *
 * The locks say that what is at the address stays while they are held. They do not say since when
 * it is there: between two calls the program may have unmapped the buffer, and mapped something
 * else. A reference and a number of lives name one VMA for ever. (kernel: binder_alloc, which looks
 * its VMA up by the address and has a note that its close() hook takes away)
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"

#ifdef VL_LAB
/* In the page of addr, if there is one; vma is held. */
static void store_word(struct participant *self, const struct mm_struct *mm, u64 addr, u64 word)
{
	const pte_t *pte;
	pte_t entry;

	rcu_read_lock(self);
	pte = pte_lookup(self->seg, &mm->pgd, addr);
	entry = pte ? load_acquire_u64(pte) : 0; /* pairs: PTE-1 (op_fault.c:install_anon) */
	/* relaxed: data of the program, as a fault stores it */
	if (pte_counts(entry) && (entry & PTE_WRITE) && !(entry & PTE_BUSY))
		store_relaxed_u64(frame_word(self->seg, pte_frame(entry)), word);
	rcu_read_unlock(self);
}

static s64 lend_to(struct participant *self, const struct mm_struct *mm,
		   const struct vm_area_struct *vma, const struct vma_life *kept, u64 addr,
		   u64 word)
{
	bool same = REF(self, vma) == kept->ref && vma->alloc_seq == kept->life;

	if (!same && !MUTANT(impostor_taken))
		return -ESRCH;
	GHOST(lent(vma, same));
	store_word(self, mm, addr, word);
	return 0;
}

s64 op_keep(struct participant *self, u64 id, u64 addr, struct vma_life *kept)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	const struct vm_area_struct *vma;

	*kept = (struct vma_life){0};
	if (!mm || mmap_read_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	vma = vma_lookup(self, mm, addr);
	if (vma)
		*kept = (struct vma_life){.ref = REF(self, vma), .life = vma->alloc_seq};
	mmap_read_unlock(self, mm);
	return vma ? 0 : -ESRCH;
}

s64 op_lend(struct participant *self, u64 id, const struct vma_life *kept, u64 addr, u64 word)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	struct vm_area_struct *vma;
	s64 err;

	if (!mm)
		return VL_S_NO_MM;
	vma = lock_vma_under_rcu(self, mm, id, addr, HOLD_VMA);
	if (vma) {
		err = lend_to(self, mm, vma, kept, addr, word);
		vma_end_read(self, vma);
		return err;
	}
	if (mmap_read_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	vma = vma_lookup(self, mm, addr);
	err = vma ? lend_to(self, mm, vma, kept, addr, word) : -ESRCH;
	mmap_read_unlock(self, mm);
	return err;
}
#endif
