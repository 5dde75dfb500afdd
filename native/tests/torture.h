/* SPDX-License-Identifier: Apache-2.0 */
/* torture.h: what the torture tests of a whole core share: one operation as a block of one record.
 * Included after test.h and the core's headers. */
#ifndef VMALAB_TORTURE_H
#define VMALAB_TORTURE_H

#define TORTURE_LONGER_NS 40000000000ull /* a busy machine may take so much longer */

/* Whether an actor is done: the time is over, and what the run is there for was seen often enough.
 * Who never sees it is told so at the end. */
static inline bool torture_over(bool seen)
{
	return test_time_over() && (seen || clock_ns() >= test_end_ns + TORTURE_LONGER_NS);
}

static inline struct vl_result torture_call(struct participant *self, u8 op, u16 flags, u64 mm,
					    u32 words, const u64 *arg)
{
	u64 record[8] = {(u64)op | (u64)(words + RECORD_WORDS) << 8 | (u64)flags << 16, mm};
	struct vl_result result;

	if (words)
		memcpy(record + RECORD_WORDS, arg, words * sizeof(u64));
	CHECK_EQ(vl_run(self, record, (words + RECORD_WORDS) * sizeof(u64), &result, 1), 1);
	return result;
}

/* The operands follow; a is an actor. */
#define CALL(a, op, flags, mm, ...)                  \
	torture_call((a)->self, (op), (flags), (mm), \
		     sizeof((const u64[]){__VA_ARGS__}) / sizeof(u64), (const u64[]){__VA_ARGS__})

#endif
