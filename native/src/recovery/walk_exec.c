/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_exec.c: what a process that was killed in the middle of exec leaves (op_exec.c).
 *
 * Goes before the walk over the mms: that drops what a dead maker left, and the mm which the dead
 * one's process was to go on in looks the same. It is told from it by an mm that is MM_EXITING and
 * names it. It may be done twice.
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"
#include "walk.h"

static void finish_exec(struct walk *w, struct mm_struct *old)
{
	struct mm_struct *mm = &mm_table(w->seg)[mm_index(old->exec_to)];

	if (mm_index(old->exec_to) >= w->seg->hdr->config.mms_max ||
	    mm_future_id(w->seg, mm) != old->exec_to)
		return; /* it has gone on to a life of its own, and ended */
	if (mm->state != MM_BUILDING && mm->state != MM_LIVE)
		return;
	mm->builder = 0;
	if (mm->keep_until_ns < now_ns() + EXEC_KEPT_NS)
		store_relaxed_u64(&mm->keep_until_ns, now_ns() + EXEC_KEPT_NS);
	store_relaxed_u32(&mm->state, MM_LIVE);
	store_release_u64(&mm->id, old->exec_to); /* pairs: MM-1 (mm.h:mm_find_in) */
}

void walk_execs(struct walk *w)
{
	struct mm_struct *mms = mm_table(w->seg);
	u32 readers, writer;

	for (u32 i = 0; w->repair && i < w->seg->hdr->config.mms_max; i++) {
		if (mms[i].state != MM_EXITING || !mms[i].exec_to)
			continue;
		walk_announced(w, &mms[i].mmap_lock, &readers, &writer);
		if (!writer &&
		    !(mms[i].builder && among_living(w->seg, w->dead, mms[i].builder - 1)))
			finish_exec(w, &mms[i]);
	}
}
