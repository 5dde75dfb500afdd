/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op.h (sync): where an operation begins and ends.
 */
#ifndef VMALAB_OP_H
#define VMALAB_OP_H

#include "vmalab/rcu.h"

/* Around each operation of a block: who runs it is in the core for no longer. 0 or VL_E_BROKEN. */
static inline int op_begin(struct participant *self, u32 op, u64 mm)
{
	(void)mm;
	if (unlikely(core_enter(self) != 0))
		return VL_E_BROKEN;
	self->slot->op = op;
	LAB(self->op_mm = mm;)
	return 0;
}

static inline void op_end(struct participant *self)
{
	rcu_poll(self);
	core_exit(self);
}

#endif
