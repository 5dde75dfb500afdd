/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block.c: executes a packed block of operations (block.h). Each operation is one
 * core_enter/core_exit, so that a long block never holds up who wants to stop the world.
 */
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>
#include <time.h>

#include "vmalab/api.h"
#include "vmalab/block_shapes.h"
#include "vmalab/events.h"
#include "vmalab/futex.h"
#include "import.h"
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "vmalab/ops.h"
#include "vmalab/safe_point.h"
#include "vmalab/scarce.h"

#define SLICE_RESULTS 512 /* results after which a block looks whether it was cancelled */
#define TURN_RESULTS  64  /* the same at the begin of a block of a worker's */
#define YIELD_NS      25000ul
#define SLEEP_NS      400000ul
#define NAP_NS        20000

/* A good FAULT without PKRU. Without a word to store the word may be left out. The first word of
 * the record is compared as a whole: nothing but flags that it does not have may differ. */
static inline bool record_is_fault(const struct vl_record *rec, u64 head, u64 left)
{
	u64 is = head & ~((u64)(0xffff & ~RECORD_PKRU) << 16);

	return rec->words <= left &&
	       (is == (OP_FAULT | (u64)op_shapes[OP_FAULT].words << 8) ||
		(is == (OP_FAULT | (u64)op_shapes[OP_FAULT].words_least << 8) &&
		 !(rec->flags & FAULT_STORE)));
}

/* Its last word is the caller's PKRU. */
static inline bool record_has_pkru(const struct vl_record *rec)
{
	return (rec->flags & RECORD_PKRU) && rec->op < OPS_COUNT && op_shapes[rec->op].pkru;
}

/* Words of the record beyond its operands; addresses: beyond the first. */
static inline u32 tail_words(const struct vl_record *rec, const struct op_shape *shape)
{
	switch (shape->tail) {
	case TAIL_BYTES:
		return (rec->flags + 7u) / 8;
	case TAIL_RANGES:
		return 2u * rec->flags;
	case TAIL_ADDRESSES:
		return rec->words > shape->words ? rec->words - (u32)shape->words : 0;
	default:
		return 0;
	}
}

/* 0, or the status that refuses the record. left: words left in the block. */
static s32 record_check(const struct vl_record *rec, u64 left)
{
	const struct op_shape *shape;
	u32 tail;

	if (rec->words < RECORD_WORDS || rec->words > left)
		return VL_S_BAD_RECORD;
	if (rec->op >= OPS_COUNT || !op_shapes[rec->op].words)
		return VL_S_BAD_OP;
	shape = &op_shapes[rec->op];
	if (rec->how && !shape->how)
		return VL_S_BAD_RECORD;
	if (record_has_pkru(rec))
		return VL_S_BAD_RECORD; /* one that is good has had it taken off */
	if (rec->op == OP_FAULT)
		return VL_S_BAD_RECORD; /* a good one does not come here */
	if (rec->op == OP_FAULTS && (rec->flags & FAULT_STORE))
		return VL_S_BAD_RECORD; /* it has no words to store */
	tail = tail_words(rec, shape);
	if (rec->words == shape->words + tail || rec->words == shape->words_least + tail)
		return 0;
	return VL_S_BAD_RECORD;
}

/* --- operations that take the record as it is --- */

static s64 run_nop(struct participant *self, const struct vl_record *rec, u64 *value)
{
	(void)self, (void)rec, (void)value;
	return 0;
}

static s64 run_mincore(struct participant *self, const struct vl_record *rec, u64 *value)
{
	u8 vec[MINCORE_PAGES_MAX] = {0};
	u64 mask = 0, most = MINCORE_PAGES_MAX * PAGE_SIZE;
	s64 err;

	if (PAGE_ALIGN(rec->arg[1]) > most || rec->arg[1] > most) {
		limit_note(self, VL_LIMIT_MINCORE_PAGES_MAX, MINCORE_PAGES_MAX, 0);
		return VL_S_LIMIT;
	}
	err = op_mincore(self, rec->mm, rec->arg[0], rec->arg[1], vec);
	for (u32 i = 0; i < MINCORE_PAGES_MAX; i++)
		mask |= (u64)(vec[i] & 1) << i;
	*value = err ? 0 : mask;
	return err;
}

/* id of a new address space, or a status. */
static s64 mm_made(struct participant *self, s64 id)
{
	self->mms_made += id > 0;
	return id;
}

static s64 run_mm_create(struct participant *self, const struct vl_record *rec, u64 *value)
{
	struct vl_mm_options options = {.mmap_base = rec->arg[0]};
	u64 id;
	int err = mm_create(self, &options, &id, NULL, 0);

	(void)value;
	return err ? VL_S_LIMIT : (s64)id;
}

/* The text of maps stands behind the operands. */
static s64 run_exec(struct participant *self, const struct vl_record *rec, u64 *value)
{
	struct vl_mm_options options = {.mmap_base = rec->arg[0],
					.start_brk = rec->arg[1],
					.brk = rec->arg[2],
					.exec_flags = (u32)min_u64(rec->arg[3], UINT32_MAX),
					.exec_of = rec->mm,
					.maps = (const char *)&rec->arg[4],
					.maps_bytes = rec->flags};
	u64 id;
	int err = mm_create(self, &options, &id, NULL, 0);

	(void)value;
	if (err == VL_E_NO_MM || !rec->mm)
		return VL_S_NO_MM;
	if (err == VL_E_INVALID)
		return -ENOEXEC;
	return err == VL_E_LIMIT ? VL_S_LIMIT : err ? err : (s64)id;
}

#include "block_dispatch.h"

/* Everything but FAULT and FAULTS: a value >= 0, or a status. */
static s64 run_call(struct participant *self, const struct vl_record *rec, u64 *value)
{
	return call_of[rec->op](self, rec, value);
}

static inline int run_fault(struct participant *self, const struct vl_record *rec, u32 flags,
			    struct vl_result *result)
{
	if (unlikely(op_begin(self, OP_FAULT, rec->mm) != 0))
		return VL_E_BROKEN;
	op_fault(self, rec->mm, rec->arg[0], flags,
		 rec->words == op_shapes[OP_FAULT].words ? rec->arg[1] : 0, result);
	op_end(self);
	return 0;
}

static int run_one(struct participant *self, const struct vl_record *rec, struct vl_result *result)
{
	u64 value = 0;
	u32 turns = 0;
	s64 r;

	if (unlikely(op_begin(self, rec->op, rec->mm) != 0))
		return VL_E_BROKEN;
	event_call_begin(self, rec->mm, rec->words > RECORD_WORDS ? rec->arg[0] : 0,
			 self->call_next == rec);
	do {
		rcu_make_room(self);
		limit_forget(self);
		r = run_call(self, rec, &value);
		/* What the emulated kernel would not lack is not its error: a limit of ours was
		 * met. Of a call that failed so nothing is left that it would not do again. */
		if (unlikely((r == -ENOMEM || r == -EAGAIN) && self->met_limit))
			r = VL_S_LIMIT;
	} while (unlikely(r == VL_S_LIMIT) && turns++ < SCARCE_TURNS && scarce_wait(self));
	*result = (struct vl_result){.status = r < 0 ? (s32)r : 0, .value = r > 0 ? (u64)r : value};
	if (unlikely(r == VL_S_LIMIT)) {
		result->info = self->met_limit;
		result->value = self->met_max;
	}
	if (r < 0)
		stat_inc(self, call_errors);
	files_release(self);
	event_call_end(self, rec->mm, r);
	self->call_next = (const u64 *)rec + rec->words; /* compared, never read */
	op_end(self);
	return 0;
}

/* FAULTS: as many as there is room for. How many, or VL_E_BROKEN. */
static long run_faults(struct participant *self, const struct vl_record *rec, struct vl_result *out,
		       u64 cap)
{
	u64 count = min_u64((u64)rec->words - RECORD_WORDS, cap);
	int err = op_faults(self, rec->mm, rec->arg, count, rec->flags | fault_pkru(self), out);

	return err ? err : (long)count;
}

/* Any record but a good FAULT. How many results, or VL_E_BROKEN. */
static __attribute__((noinline)) long run_record(struct participant *self,
						 const struct vl_record *rec, s32 refused,
						 struct vl_result *out, u64 cap)
{
	if (unlikely(refused)) {
		*out = (struct vl_result){.status = refused};
		return 1;
	}
	if (rec->op == OP_FAULTS)
		return run_faults(self, rec, out, cap);
	return run_one(self, rec, out) ? VL_E_BROKEN : 1;
}

/* A record with PKRU, which is whole: as it is without that word, run for a caller that has it. */
static __attribute__((noinline)) long run_pkru(struct participant *self,
					       const struct vl_record *rec, s32 *refused,
					       struct vl_result *out, u64 cap)
{
	u64 copy[RECORD_WORDS_MAX];
	struct vl_record *plain = (struct vl_record *)copy;
	u32 words = rec->words - 1u;
	long ran;

	memcpy(copy, rec, words * sizeof(u64));
	plain->words = (u8)words;
	plain->flags &= (u16)~RECORD_PKRU;
	self->pkru = (u32)rec->arg[words - RECORD_WORDS];
	self->has_pkru = true;
	if (record_is_fault(plain, copy[0], words)) {
		*refused = 0;
		ran = run_fault(self, plain, plain->flags | fault_pkru(self), out) ? VL_E_BROKEN
										   : 1;
	} else {
		*refused = record_check(plain, words);
		ran = run_record(self, plain, *refused, out, cap);
		if (plain->op != OP_FAULTS && out->status > VL_S_NO_MM)
			out->info = self->pkru;
	}
	self->has_pkru = false;
	return ran;
}

u32 vl_mms_made(const struct participant *self)
{
	return self->mms_made;
}

/* Where in a block the execution is. */
struct run_at {
	const u64 *words;
	u64 left; /* words */
	u64 done; /* results */
	u64 cap;
};

/* At least `end` results, as far as the block goes. 1: nothing more follows, 0, or VL_E_BROKEN. */
static int run_slice(struct participant *self, struct run_at *at, struct vl_result *out, u64 end)
{
	const u64 *words = at->words;
	u64 left = at->left, done = at->done;
	s32 refused = 0;

	while (left && done < end && refused != VL_S_BAD_RECORD) {
		const struct vl_record *rec = (const struct vl_record *)words;

		if (likely(record_is_fault(rec, *words, left))) {
			if (unlikely(run_fault(self, rec, rec->flags, &out[done]) != 0))
				return VL_E_BROKEN;
			done++;
		} else {
			long ran;

			if (record_has_pkru(rec) && rec->words > RECORD_WORDS &&
			    rec->words <= left) {
				ran = run_pkru(self, rec, &refused, out + done, at->cap - done);
			} else {
				refused = record_check(rec, left);
				ran = run_record(self, rec, refused, out + done, at->cap - done);
			}
			if (ran < 0)
				return (int)ran;
			done += (u64)ran;
		}
		words += rec->words;
		left -= rec->words;
	}
	*at = (struct run_at){words, left, done, at->cap};
	/* After a bad one the rest cannot be told apart. */
	return !left || refused == VL_S_BAD_RECORD;
}

/* When the thread of a block left its processor; 0: not yet. */
struct turns {
	u64 yielded, slept;
};

/*
 * A worker's threads share processors with each other, and with the clients. Who is woken for a
 * short call would wait for the rest of the scheduler's slice, 3 ms, of one that executes a long
 * block. So that one yields every YIELD_NS, between two operations. sched_yield is for those only
 * whom the scheduler owes time: for the others it sleeps every SLEEP_NS.
 * Returns how many results the next slice has.
 */
static u64 leave_processor(struct turns *turns, u64 results)
{
	const struct timespec nap = {.tv_nsec = NAP_NS};
	u64 now = clock_ns(), took = now - turns->yielded;

	if (!turns->yielded) {
		*turns = (struct turns){now, now};
		return results;
	}
	if (took < YIELD_NS)
		return min_u64(2 * results, SLICE_RESULTS);
	if (now - turns->slept < SLEEP_NS) {
		(void)sched_yield();
	} else {
		(void)prctl(PR_SET_TIMERSLACK, 1);
		(void)nanosleep(&nap, NULL);
		turns->slept = clock_ns();
	}
	turns->yielded = clock_ns();
	return took > 2 * YIELD_NS ? TURN_RESULTS : results;
}

int vl_fault_try(struct participant *self, const void *record, u64 bytes, void *result)
{
	const struct vl_record *rec = record;
	bool done;

	if (bytes < RECORD_WORDS * sizeof(u64) || ((u64)record & 7) || ((u64)result & 7) ||
	    !record_is_fault(rec, *(const u64 *)record, bytes / 8) || !core_enter_try(self))
		return 0;
	self->slot->op = OP_FAULT;
	self->slot->changed = 0;
	done = op_fault_try(self, rec->mm, rec->arg[0], rec->flags,
			    rec->words == op_shapes[OP_FAULT].words ? rec->arg[1] : 0, result);
	core_exit(self);
	return done;
}

/* In slices, so that to look whether it was cancelled costs a fault nothing. */
long vl_run(struct participant *self, const void *block, u64 block_bytes, void *results,
	    u64 results_cap)
{
	struct run_at at = {.words = block, .left = block_bytes / 8, .cap = results_cap};
	struct vl_result *out = results;
	bool worker = load_relaxed_u32(&self->slot->role) == ROLE_WORKER;
	struct turns turns = {0};
	u64 slice = worker ? TURN_RESULTS : SLICE_RESULTS;
	int end = 0;

	if (block_bytes == 0 || block_bytes % 8 || ((u64)block & 7) || ((u64)results & 7))
		return VL_E_BLOCK;
	while (!end && at.done < results_cap) {
		self->call_next = NULL; /* between slices it may have slept */
		if (cancelled(self)) {
			out[at.done++] = (struct vl_result){.status = VL_S_CANCELLED};
			break;
		}
		end = run_slice(self, &at, out, min_u64(results_cap, at.done + slice));
		if (end < 0)
			return end;
		if (worker && !end)
			slice = leave_processor(&turns, slice);
	}
	return (long)at.done;
}
