/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scarce.c: an operation that found a pool empty looks whether anything is available. scarce.h says
 * where.
 *
 * A dead owner leaves nothing of its own here: it waited, or freed what it had retired (rcu.c).
 */
#include "vmalab/scarce.h"

#include "vmalab/account.h"
#include "vmalab/frame.h"
#include "vmalab/futex.h"
#include "vmalab/rcu.h"
#include "vmalab/recount.h"
#include "vmalab/safe_point.h"

#define GRACE_NS_MAX (NSEC_PER_SEC / 2) /* a reader that is slow; not one that never ends */

scarce_fn vl_on_scarce;

/* The limits of pools. A quota is exact: who meets it has taken all stocks back. */
static u32 what_is_scarce(const struct participant *self)
{
	switch (self->met_limit) {
	case VL_LIMIT_FRAMES_MAX:
		return SCARCE_FRAMES;
	case VL_LIMIT_SIZE_BYTES:
		return SCARCE_PAGES;
	case VL_LIMIT_MACHINE_MEMORY:
		return SCARCE_FRAMES | SCARCE_PAGES;
	default:
		return 0;
	}
}

static bool taken_from_others(struct participant *self, u32 what)
{
	bool found;

	if (!vl_on_scarce)
		return false;
	core_block(self);
	found = vl_on_scarce(self, what);
	core_unblock(self);
	return found;
}

/* Others gave something back since the pool was found empty. */
static bool refilled(const struct participant *self, u32 what)
{
	/* relaxed: hints; the operation looks again */
	return ((what & SCARCE_FRAMES) && frames_pooled(self->seg) != 0) ||
	       ((what & SCARCE_PAGES) && load_relaxed_u32(&self->seg->hdr->pages.pages_free) != 0);
}

bool scarce_wait(struct participant *self)
{
	u32 what = what_is_scarce(self);
	bool found;

	if (self->rcu_nest != 0) /* a library user's section: it would wait for itself */
		return false;
	note_change(self);
	found = recount_wait(self);
	/* An actor of the lab ends its grace periods by itself, as early as they can end. */
	if (!found && what != 0 && !lab_is_actor() && !cancelled(self))
		found = rcu_reclaim(self, GRACE_NS_MAX) || taken_from_others(self, what) ||
			refilled(self, what);
	if (found)
		limit_forget(self);
	return found;
}
