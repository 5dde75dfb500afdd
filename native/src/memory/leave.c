/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leave.c: what a participant gives back before its slot is another one's: what it retired, its
 * magazines, its pages, in the order in which the one may lead to more of the next.
 */
#include "vmalab/leave.h"

#include "vmalab/account.h"
#include "vmalab/slab.h"

#define LEAVE_FNS_MAX 4
static participant_leave_fn leave_fns[LEAVE_FNS_MAX];

void participant_leave_register(participant_leave_fn fn)
{
	for (u32 i = 0; i < LEAVE_FNS_MAX; i++) {
		if (!leave_fns[i] || leave_fns[i] == fn) {
			leave_fns[i] = fn;
			return;
		}
	}
	VL_ASSERT(!"more leave functions than LEAVE_FNS_MAX");
}

void participant_leave(struct participant *self)
{
	VL_ASSERT(self->rcu_nest == 0 && self->files_closed == 0);
	for (u32 i = 0; i < HOLDS_COUNT; i++)
		VL_ASSERT(load_relaxed_u64(&self->slot->held[i]) == 0);
	(void)core_enter(self); /* in a broken segment the rest is done all the same */
	rcu_barrier(self);
	for (u32 i = 0; i < LEAVE_FNS_MAX && leave_fns[i]; i++)
		leave_fns[i](self);
	rcu_barrier(self); /* flushing may have retired slab pages */
	for (u32 i = 0; i < KMEM_CACHES_MAX; i++) {
		if (self->seg->hdr->caches[i].alive)
			kmem_cache_flush(self, i);
	}
	rcu_barrier(self);
	page_magazine_flush(self);
	account_flush(self);
	core_exit(self);
	participant_vacate(self);
}
