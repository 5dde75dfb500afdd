/* SPDX-License-Identifier: Apache-2.0 */
/*
 * scarce.h (memory): what an operation does that found a pool empty, before it answers the limit.
 *
 * A pool that is empty is not used up. Frames and pages that nobody needs may lie where their
 * finder cannot take them from: in retire rings, until their grace period is over and their owner
 * frees them, and in magazines, which their owners alone take from. An owner that does nothing
 * frees nothing. So the finder looks in this order:
 *
 *   a recount that is due   it is done (recount.h)
 *   its own ring            it waits for the grace period, and frees what is ripe
 *   what others keep        the world is stopped; their rings and magazines of frames and pages are
 *                           emptied (recovery/reclaim.c)
 *   the pool                others have given something back meanwhile
 *
 * Then the operation tries again. Each wait is bounded, and ends when the participant is cancelled.
 * Objects in magazines of caches stay: they are few, and the kernel leaves those of its slabs too.
 * (kernel: __alloc_pages_direct_reclaim, drain_all_pages; __alloc_pages_may_oom)
 */
#ifndef VMALAB_SCARCE_H
#define VMALAB_SCARCE_H

#include "vmalab/participant.h"

#define SCARCE_FRAMES 1u
#define SCARCE_PAGES  2u
#define SCARCE_TURNS  8 /* so often an operation tries again: others may be quicker each time */

/* Takes from others what they keep of that kind (SCARCE_*). False: they keep nothing, or cannot be
 * stopped. Set by the recovery layer, may be NULL. The caller is CORE_BLOCKED. */
typedef bool (*scarce_fn)(struct participant *self, u32 what);
extern scarce_fn vl_on_scarce;
/* The operation under way has met a limit (limit_note). True: it may try again, and the
 * limit is forgotten. In the core, at a safe point (safe_point.h). */
bool scarce_wait(struct participant *self);

#endif
