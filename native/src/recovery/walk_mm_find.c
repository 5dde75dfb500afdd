/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_mm_find.c: what is wrong with an mm and with a file. Nothing of the segment and nothing
 * of the walk is changed here. Each function reports what it finds, and answers with bits (enum
 * wrong) that the repair understands.
 */
#include "vmalab/lock_model.h"
#include "vmalab/uapi.h"
#include "vmalab/uffd.h"
#include "walk_mm.h"

/* --- a VMA --- */

#if VMA_LOCK_PER_VMA
/* A VMA of the tree has the number of a writer of this mm who is gone. The sequence has passed that
 * number, or a later writer who gets it would take the VMA for write-locked. */
static u32 find_in_stamp(const struct walk *w, const struct range_entry *e,
			 const struct vm_area_struct *vma)
{
	u32 passed = (w->mm->mm_lock_seq.sequence - 1) & SEQ_MASK, stamp = vma->vm_lock_seq;

	if (VMA_STAMPS_AGE || ((stamp & 1) && stamp <= passed) || MUTANT(published_incomplete))
		return 0;
	complain(w, "mm %#lx: VMA %#lx has a stamp that mm_lock_seq has not passed", w->mm_id,
		 e->start);
	return WRONG_STAMP;
}
#endif

/* Flags and context go together, and a context is an open object of the mm. */
static u32 find_in_uffd(const struct walk *w, const struct vm_area_struct *vma)
{
	u32 ctx = vma->uffd_ctx;
	u32 state = ctx && ctx <= UFFDS_MAX ? (u32)(mm_uffds(w->seg, w->mm)[ctx - 1] & UFFD_STATE)
					    : 0;

	if (!ctx && !vma_is_armed(vma))
		return 0;
	if (vma_is_armed(vma) && (state & UFFD_READY) && !(state & UFFD_CLOSING))
		return 0;
	complain(w, "mm %#lx: VMA %#lx: flags %#lx of userfaultfd with context %u in state %#x",
		 w->mm_id, vma->vm_start, vma->vm_flags & VM_UFFD_FLAGS, ctx, state);
	return WRONG_UFFD;
}

/* F_SEAL_WRITE holds: no shared mapping of the file may be written, or ever become so. */
static u32 find_in_seals(const struct walk *w, const struct vm_area_struct *vma)
{
	const struct file *file;

	if (!vma->vm_file ||
	    (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) != (VM_SHARED | VM_MAYWRITE))
		return 0;
	file = file_get(w->seg, vma->vm_file);
	if (!(file->seals & F_SEAL_WRITE))
		return 0;
	complain(w, "mm %#lx: VMA %#lx may be written, and its file is sealed against that",
		 w->mm_id, vma->vm_start);
	return WRONG_ELSE;
}

u32 find_in_vma(const struct walk *w, const struct range_entry *e, const struct vm_area_struct *vma)
{
	u32 wrong = 0;

	if (vma->vm_start != e->start || vma->vm_end != e->end) {
		complain(w, "mm %#lx: VMA %#lx-%#lx, but the tree says %#lx-%#lx", w->mm_id,
			 vma->vm_start, vma->vm_end, e->start, e->end);
		wrong |= WRONG_RANGE;
	}
#if VMA_LOCK_PER_VMA
	if (vma->detached || vma_is_detached(vma)) {
		complain(w, "mm %#lx: VMA %#lx is in the tree and detached", w->mm_id, e->start);
		wrong |= WRONG_DETACHED;
	}
	wrong |= find_in_stamp(w, e, vma);
#endif
	if (vma->vm_start & ~PAGE_MASK || vma->vm_end & ~PAGE_MASK || vma->vm_end > TASK_SIZE) {
		complain(w, "mm %#lx: VMA %#lx-%#lx is out of bounds", w->mm_id, vma->vm_start,
			 vma->vm_end);
		wrong |= WRONG_ELSE;
	}
	return wrong | find_in_seals(w, vma) | find_in_uffd(w, vma);
}

/* --- a page-table entry --- */

/* A truncation or a hole that was published and not finished: the entry goes with the page. With a
 * living truncator in the middle, which then waits for a lock, the entry is the truncator's. */
bool pte_left_file(const struct walk *w, const struct vm_area_struct *vma, pte_t pte, u64 addr)
{
	const struct file *file = vma->vm_file ? file_get(w->seg, vma->vm_file) : NULL;
	u64 pgoff = linear_page_index(vma, addr);
	u32 readers, writer;

	if (!file || vma->vm_ops == VMA_SPECIAL || pte_is_marker(pte))
		return false;
	if ((pte & PTE_ANON) ? pgoff < PAGE_ALIGN(file->size) >> PAGE_SHIFT
			     : file_page_current(w->seg, file, pgoff, pte_frame(pte)))
		return false;
	walk_announced(w, &file->lock, &readers, &writer);
	return !writer && (w->repair || !file->mending); /* fsck between two slices */
}

u32 find_in_pte(const struct walk *w, const struct vm_area_struct *vma, pte_t pte, u64 addr)
{
	u32 wrong = 0;

	if (!vma) {
		complain(w, "mm %#lx: page %#lx is mapped outside all VMAs", w->mm_id, addr);
		return WRONG_PLACE;
	}
	if (pte_left_file(w, vma, pte, addr)) {
		complain(w, "mm %#lx: page %#lx is no longer in its file", w->mm_id, addr);
		wrong |= WRONG_CUT;
	}
	if (pte_is_guard(pte) && !(vma->vm_flags & VM_MAYBE_GUARD)) {
		complain(w, "mm %#lx: page %#lx is a guard, and its VMA does not have the flag",
			 w->mm_id, addr);
		wrong |= WRONG_ELSE;
	}
	if (pte & PTE_BUSY || ((pte & PTE_WRITE) && !(vma->vm_flags & VM_WRITE))) {
		complain(w,
			 "mm %#lx: entry %#lx of page %#lx is busy, or writable where its VMA is "
			 "not",
			 w->mm_id, pte, addr);
		wrong |= WRONG_RIGHTS;
	}
	return wrong;
}

/* --- an mm --- */

static void find_in_totals(const struct walk *w)
{
	const struct mm_struct *mm = w->mm, *counted = &w->counted;

	if (mm->map_count != w->mm_vmas)
		complain(w, "mm %#lx: map_count %u, but %u VMAs", w->mm_id, mm->map_count,
			 w->mm_vmas);
	if (mm->total_vm != counted->total_vm || mm->data_vm != counted->data_vm ||
	    mm->accounted != counted->accounted)
		complain(w,
			 "mm %#lx: %lu pages, %lu of data, %lu accounted, but it has %lu, %lu, %lu",
			 w->mm_id, mm->total_vm, mm->data_vm, mm->accounted, counted->total_vm,
			 counted->data_vm, counted->accounted);
	if (mm->locked_vm < counted->locked_vm) /* it may be more: op_mlock.c */
		complain(w, "mm %#lx: locked_vm %lu, but %lu pages are locked", w->mm_id,
			 mm->locked_vm, counted->locked_vm);
	if (mm->mm_lock_seq.sequence & 1)
		complain(w, "mm %#lx: mm_lock_seq is odd and nobody writes", w->mm_id);
}

/* No VMA names a userfaultfd that is on its way out any more. */
static u32 find_in_uffd_objects(const struct walk *w)
{
	const u64 *uffds = mm_uffds(w->seg, w->mm);
	u32 wrong = 0;

	for (u32 i = 0; i < UFFDS_MAX; i++) {
		if (!(uffds[i] & UFFD_CLOSING))
			continue;
		complain(w, "mm %#lx: userfaultfd %u is half closed", w->mm_id, i);
		wrong = WRONG_UFFD_OBJECT;
	}
	return wrong;
}

u32 leases_of(const struct walk *w, u32 index, u64 generation)
{
	u32 sum = 0;

	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++) {
		u64 lease = load_relaxed_u64(&participant_area_of(w->seg, i)->leases[index]);

		if (lease >> LEASE_SHIFT == generation && among_living(w->seg, w->dead, i))
			sum += lease & LEASES_MAX;
	}
	return sum;
}

u32 find_in_mm(const struct walk *w, u32 index, u32 writer)
{
	u32 leases = leases_of(w, index, w->mm->generation), wrong = 0;

	if (!writer) {
		find_in_totals(w);
		wrong |= find_in_uffd_objects(w);
	}
	if (w->mm->users != leases) {
		complain(w, "mm %#lx: users %u, but the living hold %u leases", w->mm_id,
			 w->mm->users, leases);
		wrong |= WRONG_USERS;
	}
	return wrong;
}

/* Live without an id: its maker died in the middle of publishing it. */
bool mm_unfinished(const struct mm_struct *mm)
{
	return mm->state == MM_BUILDING || mm->state == MM_EXITING || !mm->id;
}

u32 find_in_slot(const struct walk *w, const struct mm_struct *mm, u32 index, u32 writer)
{
	u32 wrong = 0;

	if (mm->state == MM_PINNED) { /* nobody alive pins while the world is stopped */
		complain(w, "mm slot %u: pinned by nobody", index);
		return WRONG_PIN;
	}
	if (mm->mm_count != 1) {
		complain(w, "mm slot %u: mm_count %u, and nobody pins", index, mm->mm_count);
		wrong |= WRONG_COUNT;
	}
	if (!writer && mm_unfinished(mm) &&
	    !(mm->builder && among_living(w->seg, w->dead, mm->builder - 1))) {
		complain(w, "mm slot %u: its maker or destroyer (participant %u) is gone", index,
			 mm->builder - 1);
		wrong |= WRONG_MAKER;
	}
	return wrong;
}

/* --- a file --- */

/* Nobody alive cuts or seals: no announcement. */
u32 find_in_file(const struct walk *w, const struct file *file, u32 index)
{
	if (!file->cut_to && !file->seals_coming)
		return 0;
	if (file->cut_to)
		complain(w, "file %u: pages are cut by nobody", index);
	else
		complain(w, "file %u: seals are set by nobody", index);
	return WRONG_CUTTER;
}

void find_beyond_end(const struct walk *w, u64 addr)
{
	complain(w, "a page cache has a page at %#lx, beyond the end", addr);
}
