/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover_small.c: recovery of those who died with nothing half done. Its time does not depend on
 * what is mapped: only locks and what the dead had for themselves are looked at.
 *
 * Where the dead one was, by its slot:
 *   in_core                      changed   what it may have left
 *   CORE_OUT                     any       locks of a library user; leases; magazines, stocks, ring
 *   CORE_IN, CORE_BLOCKED        0         the same, and locks that a fault takes, also one that is
 *                                          taken and not announced yet
 *   CORE_IN, CORE_BLOCKED        not 0     anything: the segment is walked (recover.c)
 *   A slot with retires_only is of one whose ring alone is left: nothing else.
 *
 * The word is 0 in a fault that found its page, in one that waits for mmap_lock, and until it takes
 * the first frame, table or object, or changes an entry (participant.h:note_change). All other
 * calls begin with it set.
 *
 * So its magazines, stocks and reserved nodes (which may be left over from an earlier call) are
 * exact, and its area announces no VMA and no file.
 *
 * A recoverer that dies here has given back a part. hdr.repairing says so to the next one, which
 * walks the whole segment then.
 */
#include "vmalab/frame.h"
#include "vmalab/lock_model.h"
#include "walk.h"
#include "walk_mm.h"

/* Nothing is announced that an operation in the middle would have in hand. */
static bool hands_empty(const struct vl_seg *seg, u32 index)
{
	const struct participant_slot *slot = &seg->slots[index];
	const struct participant_area *area = participant_area_of(seg, index);
	bool empty = !area->name_made && !area->unmapped;

	LAB(empty = empty && !area->policy_made;)
	for (u32 i = 0; i < INFLIGHT_MAX; i++)
		empty = empty && !area->inflight[i];
	for (u32 i = 0; i < FILE_PINS; i++)
		empty = empty && !area->file_pins[i];
	/* Places of writers, of fork and of files. */
	return empty && !load_relaxed_u64(&slot->held[HOLD_MMAP2]) &&
	       !load_relaxed_u64(&slot->held[HOLD_VMA2]) &&
	       !load_relaxed_u64(&slot->held[HOLD_VMA_WRITE]);
}

enum remains dead_remains(const struct vl_seg *seg, const struct dead_set *dead)
{
	enum remains most = REMAINS_ITS_OWN;

	if (load_relaxed_u32(&seg->hdr->repairing) != 0)
		return REMAINS_ANYTHING;
	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		const struct participant_slot *slot = &seg->slots[i];
		bool out = load_relaxed_u32(&slot->in_core) == CORE_OUT;

		if (!dead_set_has(dead, i) || participant_area_of(seg, i)->retires_only)
			continue;
		if ((!out && load_relaxed_u16(&slot->changed)) || !hands_empty(seg, i))
			return REMAINS_ANYTHING;
		if (!out)
			most = REMAINS_LOCKS;
	}
	return most;
}

/* Leases of the dead end: users are those of the living. */
static void repair_leases(const struct walk *w, u32 index)
{
	const struct participant_area *area = participant_area_of(w->seg, index);
	struct mm_struct *mms = mm_table(w->seg);

	for (u32 i = 0; i < w->seg->hdr->config.mms_max; i++) {
		u64 lease = area->leases[i], generation = mms[i].generation;

		if ((lease & LEASES_MAX) && lease >> LEASE_SHIFT == generation &&
		    mms[i].state != MM_FREE)
			store_relaxed_u32(&mms[i].users, leases_of(w, i, generation));
	}
}

static void reclaim_nodes(struct participant *self, u32 index)
{
	struct participant_area *area = participant_area_of(self->seg, index);

	while (area->prealloc_count) {
		store_relaxed_u32(&area->prealloc_count, area->prealloc_count - 1);
		compiler_barrier();
		kmem_object_reclaim(self, CACHE_NODE,
				    PTR(self, area->prealloc[area->prealloc_count]));
	}
}

void repair_small(struct participant *self, const struct dead_set *dead, enum remains remains,
		  struct vl_recovery *out)
{
	struct walk w = {.self = self, .seg = self->seg, .dead = dead, .repair = true, .out = out};

	if (remains == REMAINS_LOCKS)
		walk_locks(&w);
	else
		walk_user_locks(&w);
	for (u32 index = 0; index < load_acquire_u32(&self->seg->hdr->slots_high); index++) {
		if (!dead_set_has(dead, index))
			continue;
		repair_leases(&w, index);
		reclaim_nodes(self, index);
		for (u32 c = 0; c < KMEM_CACHES_MAX; c++)
			if (self->seg->hdr->caches[c].alive)
				kmem_magazine_reclaim(self, index, c);
		frame_magazine_reclaim(self, index);
		page_magazine_reclaim(self, index);
		account_reclaim(self, index);
	}
}
