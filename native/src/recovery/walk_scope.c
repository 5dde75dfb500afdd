/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_scope.c: in which address spaces and files the dead were in the middle of something. A
 * recovery looks at page-table entries there and nowhere else.
 *
 * Who changes the entries of an mm has a lock of it, and says so in its slot before it has it:
 * mmap_lock, or the lock of a VMA of that mm. Whoever cuts pages out of a file has the file's lock
 * too, and so all mappings of that file are looked at. What is announced stays in the slot of the
 * dead until it is buried, which is the last step of a recovery. An mm whose maker or destroyer
 * died needs no look: it is dropped.
 */
#include <stdlib.h>

#include "vmalab/lock_model.h"
#include "walk_mm.h"

/* Locks of address spaces, VMAs and files; what a library user holds is none of them. */
#define PLACES (HOLD_VMA_WRITE + 1)

static bool touched(const struct walk *w, vl_ref from, vl_ref to)
{
	for (u32 i = 0; i < w->touched_count; i++)
		if (w->touched[i] >= from && w->touched[i] <= to)
			return true;
	return false;
}

static bool scope_has_file(const struct walk *w, const struct file *file)
{
	vl_ref ref = vl_ref_of(w->seg, &file->lock);

	return touched(w, ref, ref);
}

/* Then the dead one that announces the lock waited for it, and has cut nothing. */
static bool held_by_living(const struct walk *w, const struct file *file)
{
	u32 readers, writer;

	walk_announced(w, &file->lock, &readers, &writer);
	return readers || writer;
}

int scope_begin(struct walk *w)
{
	u32 high = load_acquire_u32(&w->seg->hdr->slots_high);

	w->touched = calloc((u64)w->dead->count * PLACES + 1, sizeof(*w->touched));
	if (!w->touched)
		return -ENOMEM;
	for (u32 i = 0; i < high; i++) {
		if (!dead_set_has(w->dead, i) || participant_area_of(w->seg, i)->retires_only)
			continue;
		for (u32 place = 0; place < PLACES; place++) {
			u64 held = load_relaxed_u64(&w->seg->slots[i].held[place]);

			if (held)
				w->touched[w->touched_count++] = (vl_ref)(held >> 8);
		}
	}
	for (u32 i = 0; i < w->seg->hdr->file_hint; i++) {
		struct file *file = &file_table(w->seg)[i];

		if (file->state && scope_has_file(w, file) && !held_by_living(w, file))
			mend_file_begin(file);
		w->scope_files |= file->mending != 0;
	}
	return 0;
}

bool scope_has_mm(const struct walk *w, const struct mm_struct *mm)
{
	vl_ref ref = vl_ref_of(w->seg, &mm->mmap_lock);

	return touched(w, ref, ref);
}

/* Its lock lies in it, or is an object of its own. A neighbour's that is taken for it does no harm:
 * more is looked at than is needed. */
bool scope_has_vma(const struct walk *w, const struct vm_area_struct *vma)
{
	if (!w->touched_count)
		return false;
#if VMA_LOCK_SEPARATE
	return touched(w, (vl_ref)(vma->vm_lock >> REF_SHIFT), (vl_ref)(vma->vm_lock >> REF_SHIFT));
#else
	return touched(w, vl_ref_of(w->seg, vma), vl_ref_of(w->seg, (const u8 *)(vma + 1) - 1));
#endif
}

/* A page that was on its way to another entry may be in both, with one reference (op_mremap.c). It
 * has arrived then. */
static void repair_move(const struct walk *w, const struct participant_area *area)
{
	u64 from = load_relaxed_u64(&area->moving[0]), to = load_relaxed_u64(&area->moving[1]);
	pte_t *left = (pte_t *)(w->seg->base + from);
	const pte_t *made = (const pte_t *)(w->seg->base + to);

	if (!from || !to || !pte_counts(*left) || pte_frame(*left) != pte_frame(*made))
		return;
	*left = 0;
	if (w->out)
		w->out->ptes_fixed++;
}

void repair_moves(const struct walk *w)
{
	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++)
		if (dead_set_has(w->dead, i))
			repair_move(w, participant_area_of(w->seg, i));
}
