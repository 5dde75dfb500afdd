/* SPDX-License-Identifier: Apache-2.0 */
/*
 * timed.c: a block with the time around each record.
 *
 * Each record is a block of its own for the core, so the core's loop pays nothing for it; of FAULTS
 * each fault is. The clock
 * is monotonic over all CPUs. Every operation takes and gives back a lock by a locked instruction
 * between its two times, so a store of it is visible when the second one is read, and no load of it
 * is done before the first one.
 */
#include <time.h>

#include "vmalab/block.h"
#include "vmalab/lin.h"

static u64 clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (u64)now.tv_sec * 1000000000ul + (u64)now.tv_nsec;
}

/* One record with one result. */
static int run_timed(struct participant *self, const u64 *words, u64 size,
		     struct vl_timed_result *out)
{
	struct vl_result result;
	u64 begin = clock_now(), end;
	long ran = vl_run(self, words, size * 8, &result, 1);

	end = clock_now();
	if (ran != 1)
		return (int)ran;
	*out = (struct vl_timed_result){
		result.status, result.info, result.value, begin, end,
	};
	return 0;
}

long vl_run_timed(struct participant *self, const void *block, u64 block_bytes,
		  struct vl_timed_result *results, u64 results_cap)
{
	const u64 *words = block;
	u64 left = block_bytes / 8, done = 0;

	if (block_bytes == 0 || block_bytes % 8 || ((u64)block & 7) || ((u64)results & 7))
		return VL_E_BLOCK;
	while (left && done < results_cap) {
		const struct vl_record *rec = (const struct vl_record *)words;
		u64 size = rec->words && rec->words <= left ? rec->words : 1, turns = 1;
		u64 pkru = rec->flags & RECORD_PKRU ? 1 : 0; /* words of a fault that has it */
		u64 fault[RECORD_WORDS + 2] = {(words[0] & ~0xfffful) | OP_FAULT |
					       (RECORD_WORDS + 1 + pkru) << 8};
		bool apart = rec->op == OP_FAULTS && size > RECORD_WORDS + pkru && !rec->how &&
			     !(rec->flags & FAULT_STORE);

		if (apart) {
			turns = min_u64(size - RECORD_WORDS - pkru, results_cap - done);
			fault[1] = rec->mm;
			fault[RECORD_WORDS + 1] = words[size - 1];
		}
		for (u64 i = 0; i < turns; i++) {
			int err;

			if (apart)
				fault[2] = rec->arg[i];
			err = apart ? run_timed(self, fault, RECORD_WORDS + 1 + pkru,
						&results[done])
				    : run_timed(self, words, size, &results[done]);
			if (err)
				return err;
			done++;
		}
		if (results[done - 1].status == VL_S_BAD_RECORD)
			break; /* the rest cannot be told apart */
		words += size;
		left -= size;
	}
	return (long)done;
}
