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

/* The mm that the exec which left old in the middle was to go on in, or NULL. */
static struct mm_struct *find_exec(const struct walk *w, const struct mm_struct *old)
{
	struct mm_struct *mm = &mm_table(w->seg)[mm_index(old->exec_to)];
	u32 readers, writer;

	if (old->state != MM_EXITING || !old->exec_to)
		return NULL;
	walk_announced(w, &old->mmap_lock, &readers, &writer);
	if (writer || (old->builder && among_living(w->seg, w->dead, old->builder - 1)))
		return NULL;
	if (mm_index(old->exec_to) >= w->seg->hdr->config.mms_max ||
	    mm_future_id(w->seg, mm) != old->exec_to)
		return NULL; /* it has gone on to a life of its own, and ended */
	return mm->state == MM_BUILDING || mm->state == MM_LIVE ? mm : NULL;
}

static void repair_exec(struct mm_struct *mm, u64 id)
{
	mm->builder = 0;
	if (mm->keep_until_ns < now_ns() + EXEC_KEPT_NS)
		store_relaxed_u64(&mm->keep_until_ns, now_ns() + EXEC_KEPT_NS);
	store_relaxed_u32(&mm->state, MM_LIVE);
	store_release_u64(&mm->id, id); /* pairs: MM-1 (mm.h:mm_find_in) */
}

void repair_execs(const struct walk *w)
{
	struct mm_struct *mms = mm_table(w->seg);

	for (u32 i = 0; i < w->seg->hdr->config.mms_max; i++) {
		struct mm_struct *next = find_exec(w, &mms[i]);

		if (next)
			repair_exec(next, mms[i].exec_to);
	}
}
