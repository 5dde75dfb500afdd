/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_faults.c: many faults whose addresses are known beforehand: one crossing into the core, and
 * one record of a block. The kernel has no counterpart: it learns of a fault when it happens.
 *
 * Each is a fault of its own, with its own core_enter/core_exit, sections and lock. With cached
 * lookups (op_fault_cached.c) what they touch is loaded ahead, a group at a time.
 */
#include "vmalab/cached_lookup.h"
#include "vmalab/op_fault.h"

int op_faults(struct participant *self, u64 id, const u64 *addrs, u64 count, u32 flags,
	      struct vl_result *out)
{
	const struct mm_struct *mm = mm_find_self(self, id);

	for (u64 i = 0; i < count; i++) {
		if (unlikely(op_begin(self, OP_FAULT, id) != 0))
			return VL_E_BROKEN;
		if (self->lookups && i % AHEAD_MAX == 0)
			faults_look_ahead(self, mm, id, addrs + i, min_u64(count - i, AHEAD_MAX));
		op_fault(self, id, addrs[i], flags, 0, out + i);
		op_end(self);
	}
	return 0;
}
