/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.h (front): blocks of a load generator, with the times of their operations in histograms.
 *
 * A histogram is an HdrHistogram's array of counts: values of 1 ns up to 600 s, three digits. A
 * value below 2048 has a count of its own; above that each power of two has 1024. One array per
 * operation number stands behind the other: that of op begins at op * LOAD_COUNTS.
 */
#ifndef VMALAB_LOAD_H
#define VMALAB_LOAD_H

#include "vmalab/api.h"

#define LOAD_SUB_BITS 11    /* bits of a value that are kept */
#define LOAD_COUNTS   31744 /* 31 halves of 2048 */
#define LOAD_NS_MAX   600000000000ul

/* Sums over the operations of one number that were timed: all of them, those that waited for a lock
 * (and how long they waited), faults that took mmap_lock. */
struct vl_load_parts {
	u64 timed, ns;
	u64 waited, wait_ns;
	u64 mmap_locked, mmap_locked_ns;
};

/* raw: from the begin of the operation; corrected: from the time at which it was due. */
struct vl_load_times {
	u64 *raw;
	u64 *corrected; /* NULL: as raw, and not counted twice */
	const u64 *due; /* of each record, ns of CLOCK_MONOTONIC; NULL: all at once */
	u64 due_count;
	u32 every; /* of faults that are not due one is timed in so many, and counts for all; 0: no
		      * record is timed */
	u32 until; /* faults until the next that is timed; kept from block to block */
	u64 idle_ns;                 /* waited for records to be due */
	struct vl_load_parts *parts; /* OPS_COUNT of them, by operation number; NULL: not wanted */
};

/* Where a value is counted. */
VL_API u64 vl_load_index(u64 ns);

/* What it costs to time an operation, ns: of so many turns without an operation, the shortest. */
VL_API u64 vl_load_cost(struct participant *self, const struct vl_load_times *times, u32 turns);

/* As vl_run. A record that is due later is waited for. VL_E_INVALID: fewer times than records. */
VL_API long vl_load_run(struct participant *self, const void *block, u64 block_bytes, void *results,
			u64 results_cap, struct vl_load_times *times);

#endif
