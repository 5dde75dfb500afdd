/* SPDX-License-Identifier: Apache-2.0 */
/*
 * made.c: which address spaces a block has made.
 *
 * The block is walked beside its results, as the core walked it: which records make an address
 * space, and how long each is, the table of operations says. Who asks has learnt from vl_mms_made
 * that there is something to find, so a block that makes nothing is not walked.
 */
#include "vmalab/api.h"
#include "vmalab/block_shapes.h"

/* Of a record that is not the last one with a result. One word of addresses may be PKRU. */
static u64 results_of(const struct vl_record *rec)
{
	bool each = rec->op < OPS_COUNT && op_shapes[rec->op].tail == TAIL_ADDRESSES;
	u64 pkru = rec->flags & RECORD_PKRU ? 1 : 0;

	return each ? rec->words - RECORD_WORDS - pkru : 1;
}

long vl_results_made(const void *block, u64 block_bytes, const void *results, u64 count, u64 *ids,
		     u64 cap)
{
	const struct vl_result *result = results;
	const u64 *words = block;
	u64 left = block_bytes / 8, found = 0;

	for (u64 at = 0; left && at < count;) {
		const struct vl_record *rec = (const struct vl_record *)words;

		if (rec->words < RECORD_WORDS || rec->words > left)
			break; /* the core stopped here too */
		if (rec->op < OPS_COUNT && op_shapes[rec->op].makes_mm && !result[at].status) {
			if (found < cap)
				ids[found] = result[at].value;
			found++;
		}
		at += results_of(rec);
		words += rec->words;
		left -= rec->words;
	}
	return (long)found;
}
