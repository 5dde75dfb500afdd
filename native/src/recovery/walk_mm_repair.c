/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_mm_repair.c: recovery of an mm and of a file: each function puts right what a find_*
 * (walk_mm_find.c) has answered. The tree is the truth for ranges, totals and attachment; what was
 * published and not finished is finished (DESIGN.md, section 4).
 */
#include "vmalab/lock_model.h"
#include "vmalab/uffd.h"
#include "walk_mm.h"

/* --- a VMA --- */

void repair_vma(const struct walk *w, const struct range_entry *e, struct vm_area_struct *vma,
		u32 wrong)
{
	if (wrong & WRONG_RANGE)
		vma->vm_start = e->start, vma->vm_end = e->end;
#if VMA_LOCK_PER_VMA
	if (wrong & WRONG_DETACHED)
		vma_lock_reattach(vma);
	/* A writer that died at the wrap leaves VMAs that it has not stamped anew (mm.c:stamp_all):
	 * they get the number that has just been. */
	if ((wrong & WRONG_STAMP) && !MUTANT(wrap_death_keeps_stamps))
		store_relaxed_u32(&vma->vm_lock_seq, (w->mm->mm_lock_seq.sequence - 1) & SEQ_MASK);
#else
	(void)w;
#endif
	/* What was on its way in has not happened; what was on its way out, alone or with its
	 * object, has. */
	if (wrong & WRONG_UFFD)
		uffd_forget(vma);
}

/* --- a page-table entry --- */

static bool take_out(const struct walk *w, pte_t *pte)
{
	*pte = 0;
	if (w->out)
		w->out->ptes_fixed++;
	return false;
}

bool repair_pte(const struct walk *w, const struct vm_area_struct *vma, pte_t *pte, u32 wrong)
{
	if (wrong & (WRONG_PLACE | WRONG_CUT))
		return take_out(w, pte);
	if (wrong & WRONG_RIGHTS)
		*pte &= ~(PTE_BUSY | (vma->vm_flags & VM_WRITE ? 0 : PTE_WRITE));
	return true;
}

/* A mover cannot be caught alive by a stopped world, so a mark is a dead one's. The writer waits,
 * before or after what it does: a dead truncator's entries are nobody else's to take out. */
bool repair_pte_of_busy(const struct walk *w, const struct vm_area_struct *vma, pte_t *pte,
			u64 addr)
{
	*pte &= ~PTE_BUSY;
	if (vma && pte_left_file(w, vma, *pte, addr))
		return take_out(w, pte);
	return true;
}

/* --- an mm --- */

void repair_mm_begin(const struct walk *w, u32 writer)
{
	/* A table that the dead one took out without counting it is freed by the sweep: the cached
	 * lookups of live participants must not lead there (cached_lookup.h:lookup_valid). */
	pgd_move(&w->mm->pgd);
	if (writer || !(w->mm->mm_lock_seq.sequence & 1))
		return;
	write_seqcount_end(&w->mm->mm_lock_seq); /* the dead writer's stamps end */
	if (w->out)
		w->out->mms_repaired++;
}

/* Derived: they are what the walk has counted, wrong or not. */
static void repair_totals(const struct walk *w)
{
	struct mm_struct *mm = w->mm;

	mm->map_count = w->mm_vmas;
	mm->total_vm = w->counted.total_vm;
	mm->data_vm = w->counted.data_vm;
	mm->locked_vm = w->counted.locked_vm;
	mm->accounted = w->counted.accounted;
}

static void repair_uffd_objects(const struct walk *w)
{
	u64 *uffds = mm_uffds(w->seg, w->mm);

	for (u32 i = 0; i < UFFDS_MAX; i++)
		if (uffds[i] & UFFD_CLOSING)
			uffds[i] &= ~UFFD_STATE;
}

void repair_mm(const struct walk *w, u32 index, u32 writer, u32 wrong)
{
	if (!writer)
		repair_totals(w);
	if (wrong & WRONG_UFFD_OBJECT)
		repair_uffd_objects(w);
	if (wrong & WRONG_USERS)
		store_relaxed_u32(&w->mm->users, leases_of(w, index, w->mm->generation));
}

/* A dead maker's or destroyer's mm: forget it; the sweep frees what it was made of. */
static void drop_mm(const struct walk *w, struct mm_struct *mm)
{
	mm->mm_mt.root = 0;
	pgd_begin(&mm->pgd);
	mm->map_count = 0;
	mm->total_vm = mm->data_vm = mm->locked_vm = mm->accounted = 0;
	mm->users = 0;
	mm->builder = 0;
	mm_aside(w->seg, mm)->mending = 0;
	store_relaxed_u64(&mm->id, 0);
	store_release_u32(&mm->state, MM_FREE);
	if (w->out)
		w->out->mms_reaped++;
	if (mm->mm_lock_seq.sequence & 1)
		write_seqcount_end(&mm->mm_lock_seq);
}

void repair_slot(const struct walk *w, struct mm_struct *mm, u32 wrong)
{
	if (wrong & WRONG_PIN)
		store_release_u32(&mm->state, MM_FREE);
	if (wrong & WRONG_COUNT)
		mm->mm_count = 1;
	if (wrong & WRONG_MAKER)
		drop_mm(w, mm);
}

/* --- a file --- */

void repair_file(struct file *file, u32 wrong)
{
	if (wrong & WRONG_CUTTER)
		file->cut_to = 0, file->seals_coming = 0;
}
