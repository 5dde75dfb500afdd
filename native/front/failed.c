/* SPDX-License-Identifier: Apache-2.0 */
/*
 * failed.c: which results of a block are not plain success. The same for every core, so none of
 * them has it.
 */
#include "vmalab/api.h"
#include "vmalab/block.h"

#define CHUNK 64 /* results looked at before a branch */

long vl_results_failed(const void *results, u64 count, u32 *at, u64 cap)
{
	const struct vl_result *r = results;
	u64 found = 0;

	for (u64 begin = 0; begin < count; begin += CHUNK) {
		u64 end = count - begin < CHUNK ? count : begin + CHUNK;
		s32 any = 0;

		for (u64 i = begin; i < end; i++)
			any |= r[i].status;
		for (u64 i = begin; any && i < end; i++) {
			if (!r[i].status)
				continue;
			if (found < cap)
				at[found] = (u32)i;
			found++;
		}
	}
	return (long)found;
}
