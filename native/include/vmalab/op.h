/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op.h (sync): where an operation begins and ends.
 */
#ifndef VMALAB_OP_H
#define VMALAB_OP_H

#include "vmalab/block_ops.h"
#include "vmalab/rcu.h"

/* Around each operation of a block: who runs it is in the core for no longer. 0 or VL_E_BROKEN. */
static inline int op_begin(struct participant *self, u32 op, u64 mm)
{
	(void)mm;
	if (unlikely(core_enter_op(self) != 0))
		return VL_E_BROKEN;
	/* One store: a fault begins with nothing changed, and says when it does (note_change). */
	self->slot->op = (u16)op;
	self->slot->changed = op != OP_FAULT;
	LAB(self->op_mm = mm;)
	return 0;
}

static inline void op_end(struct participant *self)
{
	rcu_poll(self);
	core_exit(self);
}

#endif
