/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recount.h (memory): the references of all frames, counted anew while the world runs.
 *
 * Who dies in the middle of something leaves counts of frames too high, never too low: a count is
 * raised before an entry names the frame, and the entry goes before the count is dropped. What was
 * leaked so is found by a recount (recovery/recover_frames.c has its stages), which stops the world
 * for a slice at a time. In between everybody goes on. So each frame has a second count here, of
 * the entries that name it in tables that are counted already:
 *
 *   a table is counted   its entries are added, in a slice; page_desc.counted gets the epoch
 *   a new table          is counted from the start, it is empty (pgtable.c:table_alloc)
 *   an entry changes     in a counted table: whoever changes which frame it names does the same to
 *                        the second counts, before the world can stop (recount_note)
 *
 * When all tables are counted, the second count is the number of entries, whenever the world is
 * stopped: the living have changed both or neither, and after a death in the middle of something
 * the recount begins again.
 *
 * Entries of each mm likewise, by the owner of the table, for the quota of its frames (resident.h).
 * Charges of frames too: in the last stage frames are judged by number; who begins or ends the
 * use of one that was judged changes the sum of its account here too.
 *
 * When no recount is on, this costs who changes an entry one load of a word that hardly ever
 * changes (seg_header.recount_epoch, on the line of the stop word).
 */
#ifndef VMALAB_RECOUNT_H
#define VMALAB_RECOUNT_H

#include "vmalab/account.h"
#include "vmalab/pgtable.h"

static inline bool recount_due(const struct vl_seg *seg)
{
	/* relaxed: a hint; changed while the world is stopped */
	return load_relaxed_u32(&seg->hdr->recount.stage) != RECOUNT_NONE;
}

static inline u32 *frame_recounted(const struct vl_seg *seg, u32 frame)
{
	return (u32 *)(seg->frames + seg->hdr->config.frames_max) + frame;
}

/* Entries that name a frame, of the mm whose table that is; NULL: it is a file's. */
static inline u32 *recounted_of(const struct vl_seg *seg, const struct page_desc *desc)
{
	u32 slot = desc->owner - 1;

	return slot < seg->hdr->config.mms_max ? mm_recounted_word(seg, slot) : NULL;
}

void recount_note_slow(struct participant *self, const pte_t *pte, pte_t old, pte_t new)
	__attribute__((cold));

/* That entry named what old says and names what new says. Between its store and this nothing
 * waits. */
static inline void recount_note(struct participant *self, const pte_t *pte, pte_t old, pte_t new)
{
	/* relaxed: it changes only while the world is stopped, and entering the core acquires */
	if (unlikely(load_relaxed_u64(&participant_hdr(self)->recount_epoch) != 0))
		recount_note_slow(self, pte, old, new);
}

/* A frame of that account comes into use, n = 1, or is used no more, n = -1. */
void recount_charge(struct participant *self, u32 frame, u32 account, s32 n) __attribute__((cold));

/* What an operation does that got no frame while a recount is due, which may give some back: waits
 * until it is over. Set by the recovery layer, may be NULL. The caller is CORE_BLOCKED. */
typedef void (*recount_help_fn)(struct participant *self);
extern recount_help_fn vl_on_recount;
/* No lock is held, in no RCU section, in the core. False: no recount is due. */
bool recount_wait(struct participant *self);

#endif
