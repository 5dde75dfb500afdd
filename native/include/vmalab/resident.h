/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resident.h (mm): how many frames the entries of an mm name, where a quota bounds that
 * (frames_per_mm_max). Without the quota nothing is counted.
 *
 * What counts: each entry that names a frame, once, whichever account the frame is charged to: a
 * private page, a page of a file as long as it is mapped, a page that a fork shares in each of the
 * two. Not the zero page, nor a marker. So the count ends with the mm: a frame that outlives it
 * would else be charged to nobody, or to the next mm of the slot. (kernel: rss_stat)
 *
 * Who takes an entry from naming no frame to naming one charges first; who takes it back ends the
 * charge after that. An entry that changes which frame it names, or moves within its mm, keeps its
 * charge. While a page is moved (PTE_BUSY), its charge is the mover's: who takes the entry out
 * leaves it, and the mover, who finds its mark gone, ends it or has it for the destination. The
 * world does not stop in between (rcu.c:synchronize_rcu).
 *
 * The charge is the slot's, by stocks (account.h), so that faults of one mm share no word. At every
 * instant: mm_aside.frames = entries + what is in stocks; lives of a slot change nothing of it, so
 * nobody sets it back. Nothing waits between a charge and its entry: a stopped world sees it exact.
 * A dead owner leaves it off by what it had under way; a recount counts it anew, with the entries
 * (recount.h).
 */
#ifndef VMALAB_RESIDENT_H
#define VMALAB_RESIDENT_H

#include "vmalab/mm.h"

static inline bool mm_frames_bounded(const struct participant *self)
{
	return self->counts_resident;
}
static inline u32 mm_frames_payer(const struct participant *self, const struct mm_struct *mm)
{
	return (u32)(mm - self->mms) + 1;
}

/* Before an entry of mm that names no frame names one. False, and noted (limit_note): the quota is
 * used up. */
static inline bool mm_frame_charge(struct participant *self, const struct mm_struct *mm)
{
	return likely(!mm_frames_bounded(self)) ||
	       charge_one(self, mm_frames_payer(self, mm), CHARGE_MM_FRAMES, mm->account);
}
/* It does not after all, or no longer. */
static inline void mm_frame_uncharge(struct participant *self, const struct mm_struct *mm)
{
	if (unlikely(mm_frames_bounded(self)))
		uncharge_one(self, mm_frames_payer(self, mm), CHARGE_MM_FRAMES);
}
/* old was taken out of mm: its reference of a frame is dropped, and its charge ends. */
static inline void mm_entry_gone(struct participant *self, const struct mm_struct *mm, pte_t old)
{
	if (!pte_counts(old))
		return;
	if (likely(!(old & PTE_BUSY)))
		mm_frame_uncharge(self, mm);
	frame_put(self, pte_frame(old));
}

#endif
