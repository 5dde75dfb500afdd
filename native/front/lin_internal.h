/* SPDX-License-Identifier: Apache-2.0 */
/* lin_internal.h: between lin.c, which searches, and lin_spec.c, which knows the operations. */
#ifndef VMALAB_LIN_INTERNAL_H
#define VMALAB_LIN_INTERNAL_H

#include "vmalab/lin.h"

/* What an operation is to one cell. Pages count from the cell's first. */
struct lin_step {
	const struct vl_lin_op *op;
	u8 first, last, to;
	bool from_before; /* its range has pages before the cell, or after it */
	bool to_after;
	bool of_many; /* one page of a DONTNEED of several */
};

/* Does the step to a state of mms * pages entries, as many words of shared pages, and the keys
 * that are taken in each mm.
 * False: in this state its answer is wrong, and the state is no longer good for anything.
 * variant: steps with several right outcomes, 0 and up. */
bool lin_apply(const struct lin_step *step, u64 *state, u32 mms, u32 pages, u32 variant);
u32 lin_variants(const struct lin_step *step);
/* It leaves every state as it is, those too in which its answer is wrong. */
bool lin_idle(const struct lin_step *step);

#endif
