/* SPDX-License-Identifier: Apache-2.0 */
/*
 * block.c: executes a packed block of operations (block.h). Each operation is one
 * core_enter/core_exit, so that a long block never holds up who wants to stop the world.
 */
#include "vmalab/api.h"
#include "import.h"
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "vmalab/ops.h"
#include "vmalab/uffd_ops.h"

static const u8 words_of[OPS_COUNT] = {
	[OP_NOP] = 2,
	[OP_FAULT] = 4,
	[OP_MMAP] = 7,
	[OP_MUNMAP] = 4,
	[OP_MPROTECT] = 5,
	[OP_MREMAP] = 7,
	[OP_MADVISE] = 5,
	[OP_MINCORE] = 4,
	[OP_BRK] = 3,
	[OP_FORK] = 2,
	[OP_EXIT] = 2,
	[OP_UFFD_MOVE] = 7,
	[OP_SET_VMA_NAME] = 4,
	[OP_MM_CREATE] = 3,
	[OP_MLOCK] = 5,
	[OP_MUNLOCK] = 4,
	[OP_MLOCKALL] = 3,
	[OP_MUNLOCKALL] = 2,
	[OP_MSYNC] = 5,
	[OP_MSEAL] = 5,
	[OP_REMAP_FILE_PAGES] = 7,
	[OP_PROCESS_MADVISE] = 3,
	[OP_PKEY_MPROTECT] = 6,
	[OP_SETRLIMIT] = 5,
	[OP_THP_DISABLE] = 4,
	[OP_FAULTS] = 3,
	[OP_FILE_TRUNCATE] = 4,
	[OP_FILE_ALLOCATE] = 6,
	[OP_UFFD_OPEN] = 3,
	[OP_UFFD_API] = 5,
	[OP_UFFD_CLOSE] = 3,
	[OP_UFFD_REGISTER] = 6,
	[OP_UFFD_UNREGISTER] = 5,
	[OP_UFFD_FILL] = 7,
	[OP_UFFD_PROTECT] = 6,
	[OP_UFFD_WAKE] = 5,
	[OP_EXEC] = 6,
	[OP_PKEY_ALLOC] = 4,
	[OP_PKEY_FREE] = 3,
};

/* Without a word to store the word may be left out. */
static inline bool record_is_fault(const struct vl_record *rec, u64 left)
{
	return rec->op == OP_FAULT && rec->words <= left && !rec->how &&
	       (rec->words == 4 || (rec->words == 3 && !(rec->flags & FAULT_STORE)));
}

/* 0, or the status that refuses the record. left: words left in the block. */
static s32 record_check(const struct vl_record *rec, u64 left)
{
	u32 want;

	if (rec->words < RECORD_WORDS || rec->words > left)
		return VL_S_BAD_RECORD;
	if (rec->op >= OPS_COUNT || !words_of[rec->op])
		return VL_S_BAD_OP;
	if (rec->how && rec->op != OP_MMAP)
		return VL_S_BAD_RECORD;
	want = words_of[rec->op];
	if (rec->op == OP_SET_VMA_NAME || rec->op == OP_EXEC)
		want += (rec->flags + 7u) / 8;
	if (rec->op == OP_PROCESS_MADVISE)
		want += 2u * rec->flags;
	if (rec->op == OP_UFFD_MOVE && rec->words == want - 1)
		return 0; /* no userfaultfd is named */
	if (rec->op == OP_FAULTS && rec->words > want)
		want = rec->words; /* more addresses */
	if (rec->op == OP_FAULTS && (rec->flags & FAULT_STORE))
		return VL_S_BAD_RECORD; /* it has no words to store */
	return rec->words == want ? 0 : VL_S_BAD_RECORD;
}

static s64 run_mincore(struct participant *self, const struct vl_record *rec, u64 *value)
{
	u8 vec[64] = {0};
	u64 mask = 0;
	s64 err;

	if (PAGE_ALIGN(rec->arg[1]) > 64 * PAGE_SIZE || rec->arg[1] > 64 * PAGE_SIZE)
		return VL_S_LIMIT;
	err = op_mincore(self, rec->mm, rec->arg[0], rec->arg[1], vec);
	for (u32 i = 0; i < 64; i++)
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

static s64 run_create(struct participant *self, const struct vl_record *rec)
{
	struct vl_mm_options options = {.mmap_base = rec->arg[0]};
	u64 id;
	int err = mm_create(self, &options, &id, NULL, 0);

	return err ? VL_S_LIMIT : (s64)id;
}

/* The text of maps stands behind the operands. */
static s64 run_exec(struct participant *self, const struct vl_record *rec)
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

	if (err == VL_E_NO_MM || !rec->mm)
		return VL_S_NO_MM;
	if (err == VL_E_INVALID)
		return -ENOEXEC;
	return err == VL_E_LIMIT ? VL_S_LIMIT : err ? err : (s64)id;
}

static s64 run_uffd(struct participant *self, const struct vl_record *rec, u64 *value)
{
	const u64 *a = rec->arg;
	u64 mm = rec->mm;

	if (rec->op == OP_UFFD_FILL)
		stat_inc(self, uffd_fill);
	else
		stat_inc(self, uffd_call);
	switch (rec->op) {
	case OP_UFFD_OPEN:
		return op_uffd_open(self, mm, a[0]);
	case OP_UFFD_API:
		return op_uffd_api(self, mm, a[0], a[1], a[2]);
	case OP_UFFD_CLOSE:
		return op_uffd_close(self, mm, a[0]);
	case OP_UFFD_REGISTER:
		return op_uffd_register(self, mm, a[0], a[1], a[2], a[3]);
	case OP_UFFD_UNREGISTER:
		return op_uffd_unregister(self, mm, a[0], a[1], a[2]);
	case OP_UFFD_FILL:
		return op_uffd_fill(self, mm, a[0], rec->flags, a + 1, value);
	case OP_UFFD_PROTECT:
		return op_uffd_protect(self, mm, a[0], a[1], a[2], a[3]);
	default:
		return op_uffd_wake(self, mm, a[0], a[1], a[2]);
	}
}

/* The calls about locking, limits and promises. */
static s64 run_other(struct participant *self, const struct vl_record *rec)
{
	const u64 *a = rec->arg;
	u64 mm = rec->mm;

	switch (rec->op) {
	case OP_MLOCK:
		stat_inc(self, mlock);
		return op_mlock(self, mm, a[0], a[1], (u32)a[2]);
	case OP_MUNLOCK:
		stat_inc(self, munlock);
		return op_munlock(self, mm, a[0], a[1]);
	case OP_MLOCKALL:
		stat_inc(self, mlock);
		return op_mlockall(self, mm, (u32)a[0]);
	case OP_MUNLOCKALL:
		stat_inc(self, munlock);
		return op_munlockall(self, mm);
	case OP_MSYNC:
		stat_inc(self, msync);
		return op_msync(self, mm, a[0], a[1], (u32)a[2]);
	case OP_MSEAL:
		stat_inc(self, mseal);
		return op_mseal(self, mm, a[0], a[1], (u32)a[2]);
	case OP_REMAP_FILE_PAGES:
		stat_inc(self, mmap);
		return op_remap_file_pages(self, mm, a[0], a[1], a[2], a[3], a[4]);
	case OP_PROCESS_MADVISE:
		stat_inc(self, madvise);
		return op_process_madvise(self, mm, (u32)a[0], a[0] & PROCESS_MADVISE_REMOTE, a + 1,
					  rec->flags);
	case OP_PKEY_MPROTECT:
		stat_inc(self, mprotect);
		return op_pkey_mprotect(self, mm, a[0], a[1], (u32)a[2], (s32)a[3]);
	case OP_PKEY_ALLOC:
		return op_pkey_alloc(self, mm, a[0], a[1]);
	case OP_PKEY_FREE:
		return op_pkey_free(self, mm, (s32)a[0]);
	case OP_SETRLIMIT:
		return op_setrlimit(self, mm, (u32)a[0], a[1], a[2]);
	case OP_THP_DISABLE:
		return op_thp_disable(self, mm, a[0], a[1]);
	default:
		return VL_S_BAD_OP;
	}
}

/* Everything but FAULT: a value >= 0, or a status. */
static s64 run_call(struct participant *self, const struct vl_record *rec, u64 *value)
{
	const u64 *a = rec->arg;
	u64 mm = rec->mm;

	switch (rec->op) {
	case OP_NOP:
		return 0;
	case OP_MMAP:
		stat_inc(self, mmap);
		return op_mmap(self, mm, a[0], a[1], (u32)a[2], (u32)(a[2] >> 32), a[3], rec->how,
			       a[4]);
	case OP_MUNMAP:
		stat_inc(self, munmap);
		return op_munmap(self, mm, a[0], a[1]);
	case OP_MPROTECT:
		stat_inc(self, mprotect);
		return op_mprotect(self, mm, a[0], a[1], (u32)a[2]);
	case OP_MREMAP:
		stat_inc(self, mremap);
		return op_mremap(self, mm, a[0], a[1], a[2], (u32)a[3], a[4]);
	case OP_MADVISE:
		stat_inc(self, madvise);
		return op_madvise(self, mm, a[0], a[1], (u32)a[2]);
	case OP_MINCORE:
		stat_inc(self, mincore);
		return run_mincore(self, rec, value);
	case OP_BRK:
		stat_inc(self, brk);
		return op_brk(self, mm, a[0]);
	case OP_FORK:
		stat_inc(self, fork);
		return mm_made(self, op_fork(self, mm));
	case OP_EXIT:
		return op_exit(self, mm);
	case OP_UFFD_MOVE:
		stat_inc(self, uffd_move);
		return op_uffd_move(self, mm, a[0], a[1], a[2], a[3], rec->words > 6 ? a[4] : 0,
				    value);
	case OP_SET_VMA_NAME:
		stat_inc(self, set_vma_name);
		return op_set_vma_name(self, mm, a[0], a[1], (const char *)&a[2], rec->flags);
	case OP_MM_CREATE:
		return mm_made(self, run_create(self, rec));
	case OP_EXEC:
		return mm_made(self, run_exec(self, rec));
	case OP_FILE_TRUNCATE:
		stat_inc(self, file_truncate);
		return op_file_truncate(self, a[0], a[1]);
	case OP_FILE_ALLOCATE:
		stat_inc(self, file_allocate);
		return op_file_allocate(self, a[0], (u32)a[1], a[2], a[3]);
	default:
		if (rec->op >= OP_UFFD_OPEN && rec->op <= OP_UFFD_WAKE)
			return run_uffd(self, rec, value);
		return run_other(self, rec);
	}
}

static inline int run_fault(struct participant *self, const struct vl_record *rec,
			    struct vl_result *result)
{
	if (unlikely(op_begin(self, rec->op, rec->mm) != 0))
		return VL_E_BROKEN;
	op_fault(self, rec->mm, rec->arg[0], rec->flags, rec->words > 3 ? rec->arg[1] : 0, result);
	op_end(self);
	return 0;
}

static int run_one(struct participant *self, const struct vl_record *rec, struct vl_result *result)
{
	u64 value = 0;
	s64 r;

	if (unlikely(op_begin(self, rec->op, rec->mm) != 0))
		return VL_E_BROKEN;
	rcu_make_room(self);
	r = run_call(self, rec, &value);
	*result = (struct vl_result){.status = r < 0 ? (s32)r : 0, .value = r > 0 ? (u64)r : value};
	if (r < 0)
		stat_inc(self, call_errors);
	op_end(self);
	return 0;
}

/* FAULTS: as many as there is room for. How many, or VL_E_BROKEN. */
static long run_faults(struct participant *self, const struct vl_record *rec, struct vl_result *out,
		       u64 cap)
{
	u64 count = min_u64((u64)rec->words - RECORD_WORDS, cap);
	int err = op_faults(self, rec->mm, rec->arg, count, rec->flags, out);

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

u32 vl_mms_made(const struct participant *self)
{
	return self->mms_made;
}

long vl_run(struct participant *self, const void *block, u64 block_bytes, void *results,
	    u64 results_cap)
{
	const u64 *words = block;
	struct vl_result *out = results;
	u64 left = block_bytes / 8, done = 0;

	if (block_bytes == 0 || block_bytes % 8 || ((u64)block & 7) || ((u64)results & 7))
		return VL_E_BLOCK;
	while (left && done < results_cap) {
		const struct vl_record *rec = (const struct vl_record *)words;

		if (likely(record_is_fault(rec, left))) {
			if (unlikely(run_fault(self, rec, &out[done]) != 0))
				return VL_E_BROKEN;
			done++;
		} else {
			s32 refused = record_check(rec, left);
			long ran = run_record(self, rec, refused, out + done, results_cap - done);

			if (ran < 0)
				return ran;
			done += (u64)ran;
			if (refused == VL_S_BAD_RECORD)
				break; /* the rest cannot be told apart */
		}
		words += rec->words;
		left -= rec->words;
	}
	return (long)done;
}
