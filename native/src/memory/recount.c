/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recount.c (memory): what participants do for a recount that is under way. recount.h has the words
 * and why the counts are right.
 *
 * A dead owner leaves an entry that it changed and did not note, or a note without a change. Both
 * make the sums of this recount worthless, and its recovery begins another one before the world
 * runs again (recovery/recover_frames.c).
 */
#include "vmalab/recount.h"

recount_help_fn vl_on_recount;

void recount_note_slow(struct participant *self, const pte_t *pte, pte_t old, pte_t new)
{
	const struct vl_seg *seg = self->seg;
	u64 page = (u64)((const u8 *)pte - seg->pages) >> PAGE_SHIFT;
	const struct page_desc *desc = &seg->page_descs[page];
	u32 *sum;

	VL_ASSERT(page < seg->hdr->pages.pages_total);
	/* relaxed, as all here: numbers that are compared when the world is stopped */
	if (load_relaxed_u64(&desc->counted) !=
	    load_relaxed_u64(&participant_hdr(self)->recount_epoch))
		return;
	if (pte_counts(old))
		add_relaxed_u32(frame_recounted(seg, pte_frame(old)), -1u);
	if (pte_counts(new))
		add_relaxed_u32(frame_recounted(seg, pte_frame(new)), 1);
	sum = recounted_of(seg, desc);
	if (sum && pte_counts(old) != pte_counts(new))
		add_relaxed_u32(sum, pte_counts(new) ? 1 : -1u);
}

void recount_charge(struct participant *self, u32 frame, u32 account, s32 n)
{
	struct recount *recount = &participant_hdr(self)->recount;

	/* relaxed: changed while the world is stopped; the sum is read then too */
	if (load_relaxed_u32(&recount->stage) == RECOUNT_JUDGE &&
	    frame < load_relaxed_u32(&recount->at))
		add_relaxed_u32(&recount->charged[account], (u32)n);
}

bool recount_wait(struct participant *self)
{
	if (!recount_due(self->seg) || !vl_on_recount)
		return false;
	VL_ASSERT(self->rcu_nest == 0);
	core_block(self);
	vl_on_recount(self);
	core_unblock(self);
	return true;
}
