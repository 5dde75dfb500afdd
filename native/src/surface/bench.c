/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench.c: loops that are measured: too short for a call from outside in every turn.
 */
#include <stdlib.h>

#include "vmalab/api.h"
#include "vmalab/futex.h"
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "vmalab/ops.h"

#define CLOCK_TURNS 256 /* turns between two looks at the clock */

static int compare_u64(const void *a, const void *b)
{
	u64 x = *(const u64 *)a, y = *(const u64 *)b;

	return x < y ? -1 : x > y;
}

static u64 under_vma_lock(const struct participant *self)
{
	const u64 *stats = self->area->stats;

	return stats[STAT_vma_lock_success] + (VMA_LOCK_PER_VMA ? stats[STAT_pgfault_fast] : 0);
}

int vl_bench_fault(struct participant *self, u64 mm, const u64 *addrs, u64 n, u64 iterations,
		   u32 rounds, struct vl_bench_result *out)
{
	u64 fault_ns[64], rmw_ns[64], before = under_vma_lock(self);
	u64 counter __cacheline_aligned = 0;
	struct vl_result result;

	if (!n || !iterations || !rounds || rounds > ARRAY_SIZE(fault_ns))
		return VL_E_INVALID;
	for (u32 round = 0; round < rounds; round++) {
		u64 begin = now_ns(), at = 0;

		for (u64 i = 0; i < iterations; i++) {
			u64 addr = addrs[at]; /* before the fault: a caller has it */

			if (core_enter(self) != 0)
				return VL_E_BROKEN;
			op_fault(self, mm, addr, FAULT_READ, 0, &result);
			core_exit(self);
			if (unlikely(result.status))
				return VL_E_INVALID;
			at = at + 1 == n ? 0 : at + 1;
		}
		fault_ns[round] = (now_ns() - begin) * 1000 / iterations;
		begin = now_ns();
		for (u64 i = 0; i < iterations; i++)
			add_acq_rel_u64(&counter, 1);
		rmw_ns[round] = (now_ns() - begin) * 1000 / iterations;
	}
	qsort(fault_ns, rounds, sizeof(u64), compare_u64);
	qsort(rmw_ns, rounds, sizeof(u64), compare_u64);
	*out = (struct vl_bench_result){.iterations = iterations * rounds,
					.fault_ns_x1000 = fault_ns[rounds / 2],
					.rmw_ns_x1000 = rmw_ns[rounds / 2],
					.vma_lock_success = under_vma_lock(self) - before};
	return 0;
}

/* As a reader of /proc/PID/maps or of a profile: no lock, two words of each VMA. */
static bool turn_walk(struct participant *self, struct mm_struct *mm, u64 id, u64 addr)
{
	const struct vm_area_struct *vma;
	vl_ref ref;
	bool found;

	(void)id;
	rcu_read_lock(self);
	ref = tree_lookup(self, &mm->mm_mt, addr);
	vma = PTR(self, ref);
	found = ref && load_relaxed_u64(&vma->vm_start) <= addr &&
		addr < load_relaxed_u64(&vma->vm_end);
	rcu_read_unlock(self);
	return found;
}

static bool turn_lock(struct participant *self, struct mm_struct *mm, u64 id, u64 addr)
{
#if VMA_LOCK_PER_VMA
	struct vm_area_struct *vma;

	rcu_read_lock(self);
	vma = lock_vma_rcu_held(self, mm, id, addr, HOLD_VMA);
	if (vma)
		vma_end_read_rcu(self, vma, HOLD_VMA);
	lock_vma_rcu_done(self);
	return vma != NULL;
#else
	bool found;

	if (mmap_read_lock(self, mm, id) != 0)
		return false;
	found = vma_lookup(self, mm, addr) != NULL;
	mmap_read_unlock(self, mm);
	return found;
#endif
}

static bool turn_fault(struct participant *self, struct mm_struct *mm, u64 id, u64 addr)
{
	struct vl_result result;

	(void)mm;
	op_fault(self, id, addr, FAULT_READ, 0, &result);
	return result.status == 0;
}

typedef bool (*turn_fn)(struct participant *self, struct mm_struct *mm, u64 id, u64 addr);

static inline __attribute__((always_inline)) int run_turns(struct participant *self, u64 id,
							   const u64 *addrs, u64 n, u64 ns,
							   struct vl_bench_loop_result *out,
							   turn_fn turn)
{
	u64 begin = clock_ns(), now = begin, at = 0;

	do {
		struct mm_struct *mm;

		if (core_enter(self) != 0)
			return VL_E_BROKEN;
		mm = mm_find_self(self, id);
		for (u32 i = 0; mm && i < CLOCK_TURNS; i++) {
			out->failed += !turn(self, mm, id, addrs[at]);
			at = at + 1 == n ? 0 : at + 1;
		}
		core_exit(self);
		if (!mm)
			return VL_E_NO_MM;
		out->turns += CLOCK_TURNS;
		now = clock_ns();
	} while (now - begin < ns);
	out->ns = now - begin;
	return 0;
}

int vl_bench_loop(struct participant *self, u32 loop, u64 mm, const u64 *addrs, u64 n, u64 ns,
		  struct vl_bench_loop_result *out)
{
	*out = (struct vl_bench_loop_result){0};
	if (!n)
		return VL_E_INVALID;
	switch (loop) {
	case BENCH_LOOP_WALK:
		return run_turns(self, mm, addrs, n, ns, out, turn_walk);
	case BENCH_LOOP_LOCK:
		return run_turns(self, mm, addrs, n, ns, out, turn_lock);
	case BENCH_LOOP_FAULT:
		return run_turns(self, mm, addrs, n, ns, out, turn_fault);
	default:
		return VL_E_INVALID;
	}
}
