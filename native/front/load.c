/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c: a block of a load generator: records when they are due, their times in histograms.
 *
 * Runs of faults of which none is timed are one block for the core, so what is not timed costs the
 * search for the end of the run: a few instructions for each record. A record that is timed is a
 * block of its own between two readings of the clock.
 */
#include <time.h>

#include "vmalab/block.h"
#include "vmalab/load.h"

#define SLEEP_LEAST_NS 120000ul /* less is waited for in a loop */
#define SLACK_NS       70000ul  /* a sleep may end so much late */

static u64 clock_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (u64)now.tv_sec * 1000000000ul + (u64)now.tv_nsec;
}

u64 vl_load_index(u64 ns)
{
	u64 value = ns < LOAD_NS_MAX ? ns : LOAD_NS_MAX;
	int bits = 64 - __builtin_clzll(value | 1);
	int shift = bits > LOAD_SUB_BITS ? bits - LOAD_SUB_BITS : 0;

	return ((u64)shift << (LOAD_SUB_BITS - 1)) + (value >> shift);
}

static void note(u64 *counts, u8 op, u64 ns, u64 times)
{
	if (op < OPS_COUNT)
		counts[op * (u64)LOAD_COUNTS + vl_load_index(ns ? ns : 1)] += times;
}

/* The time, which is not before `due`. */
static u64 wait_until(u64 due, u64 *idle_ns)
{
	u64 begin = clock_now(), now = begin;

	while (now < due) {
		u64 left = due - now;

		if (left > SLEEP_LEAST_NS) {
			u64 sleep = left - SLACK_NS;
			struct timespec span = {(time_t)(sleep / 1000000000ul),
						(long)(sleep % 1000000000ul)};

			nanosleep(&span, NULL); /* one that a signal cuts short is begun again */
		} else {
			__builtin_ia32_pause();
		}
		now = clock_now();
	}
	*idle_ns += now - begin;
	return now;
}

/* Where the block is. */
struct at {
	const u64 *words;
	u64 left; /* words */
	u64 done; /* results */
	u64 cap;
	struct vl_result *results;
};

/* As many words as one vl_run takes at a time: results of it, or an error. */
static long run(struct participant *self, struct at *at, u64 words)
{
	long ran = vl_run(self, at->words, words * 8, at->results + at->done, at->cap - at->done);

	if (ran > 0) {
		at->words += words;
		at->left -= words;
		at->done += (u64)ran;
	}
	return ran;
}

static u64 words_of(const struct at *at)
{
	const struct vl_record *rec = (const struct vl_record *)at->words;

	return rec->words && rec->words <= at->left ? rec->words : at->left;
}

/* Words of the faults that come next and are not timed: at most times->until records. */
static u64 untimed(const struct at *at, struct vl_load_times *times)
{
	u64 words = 0, room = at->cap - at->done;

	if (!times->every)
		return at->left;
	while (words < at->left && times->until && room) {
		const struct vl_record *rec = (const struct vl_record *)(at->words + words);

		if (rec->op != OP_FAULT || rec->words < RECORD_WORDS ||
		    rec->words > at->left - words)
			break;
		words += rec->words;
		times->until--;
		room--;
	}
	return words;
}

/* Where the time of an operation went, from what its participant counted before and after it. */
static void note_parts(struct vl_load_parts *parts, const struct vl_own_counts *before,
		       const struct vl_own_counts *after, u64 ns)
{
	parts->timed++;
	parts->ns += ns;
	if (after->waits != before->waits) {
		parts->waited++;
		parts->wait_ns += after->wait_ns - before->wait_ns;
	}
	if (after->mmap_lock_faults != before->mmap_lock_faults) {
		parts->mmap_locked++;
		parts->mmap_locked_ns += ns;
	}
}

u64 vl_load_cost(struct participant *self, const struct vl_load_times *times, u32 turns)
{
	struct vl_own_counts counts;
	struct vl_load_parts sums = {0};
	u64 least = LOAD_NS_MAX;

	for (u32 i = 0; i < turns; i++) {
		u64 outside = clock_now(), begin, end, after;

		if (times->parts)
			vl_own_counts(self, &counts);
		begin = clock_now();
		end = clock_now();
		if (times->parts) {
			vl_own_counts(self, &counts);
			note_parts(&sums, &counts, &counts, end - begin);
		}
		after = clock_now();
		least = min_u64(least, after - outside);
	}
	return least;
}

/* One record, between two times. */
static long run_timed(struct participant *self, struct at *at, struct vl_load_times *times, u64 due)
{
	u8 op = ((const struct vl_record *)at->words)->op;
	u64 weight = due || op != OP_FAULT || !times->every ? 1 : times->every, begin, end;
	struct vl_load_parts *parts = times->parts && op < OPS_COUNT ? &times->parts[op] : NULL;
	struct vl_own_counts before, after;
	long ran;

	if (parts)
		vl_own_counts(self, &before);
	begin = due ? wait_until(due, &times->idle_ns) : clock_now();
	ran = run(self, at, words_of(at));
	if (ran <= 0)
		return ran;
	end = clock_now();
	if (parts) {
		vl_own_counts(self, &after);
		note_parts(parts, &before, &after, end - begin);
	}
	note(times->raw, op, end - begin, weight);
	if (times->corrected)
		note(times->corrected, op, end - (due ? due : begin), weight);
	if (!due && op == OP_FAULT)
		times->until = times->every - 1;
	return ran;
}

long vl_load_run(struct participant *self, const void *block, u64 block_bytes, void *results,
		 u64 results_cap, struct vl_load_times *times)
{
	struct at at = {block, block_bytes / 8, 0, results_cap, results};
	u64 records = 0;

	if (block_bytes == 0 || block_bytes % 8 || ((u64)block & 7) || ((u64)results & 7))
		return VL_E_BLOCK;
	while (at.left && at.done < results_cap) {
		u64 before = at.done, words = times->due ? 0 : untimed(&at, times);
		long ran;

		if (times->due && records == times->due_count)
			return VL_E_INVALID;
		ran = words ? run(self, &at, words)
			    : run_timed(self, &at, times, times->due ? times->due[records] : 0);
		if (ran < 0)
			return ran;
		records++;
		if (at.results[at.done - 1].status == VL_S_BAD_RECORD ||
		    at.results[at.done - 1].status == VL_S_CANCELLED || at.done == before)
			break; /* the rest cannot be told apart, or is not wanted */
	}
	return (long)at.done;
}
