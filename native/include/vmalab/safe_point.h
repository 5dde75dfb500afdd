/* SPDX-License-Identifier: Apache-2.0 */
/*
 * safe_point.h (segment): the places of a long operation at which the world may be stopped, and at
 * which a cancelled one ends.
 *
 * A loop over pages or tables passes one after every SAFE_STEPS entries. There the operation is
 * what one that waits for an rwsem is (DESIGN.md, section 4): outside RCU; its locks are announced;
 * what it works on is reachable from a tree or announced; no frame, table or VMA is in its hands
 * alone. What it has looked up in page tables before is looked up again after, because recovery may
 * have cleared entries. VMAs that its locks keep in the tree are the same ones.
 */
#ifndef VMALAB_SAFE_POINT_H
#define VMALAB_SAFE_POINT_H

#include "vmalab/participant.h"

#define SAFE_STEPS 1024u

/* Its client is gone, its deadline is over, or its worker stops. (kernel: fatal_signal_pending) */
static inline bool cancelled(const struct participant *self)
{
	return unlikely(load_relaxed_u32(&self->area->cancel) != 0); /* relaxed: asked again */
}

void safe_point_stop(struct participant *self) __attribute__((cold));

/* 0, or -EINTR: cancelled. */
static inline int safe_point(struct participant *self)
{
	VL_ASSERT(self->rcu_nest == 0);
	/* relaxed: who is found later than now is found at the next */
	if (unlikely(load_relaxed_u32(&participant_hdr(self)->stop) != 0))
		safe_point_stop(self);
	return cancelled(self) ? -EINTR : 0;
}

/* The same after every SAFE_STEPS calls; steps: the caller's count, 0 at first. */
static inline int safe_step(struct participant *self, u32 *steps)
{
	return likely(++*steps % SAFE_STEPS) ? 0 : safe_point(self);
}

#endif
