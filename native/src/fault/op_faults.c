/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_faults.c: many faults whose addresses are known beforehand.
 *
 * Each is a fault of its own, with its own core_enter/core_exit, RCU section and lock. In an
 * address space that is larger than the caches one fault waits for memory three times in a row: for
 * its way, for the VMA and the page-table entry, for the lock and the frame. So the faults go in
 * groups, and before each group those lines are loaded, step by step for all of the group: within a
 * step no load waits for another. (Chen, Ailamaki, Gibbons and Mowry, "Improving Hash Join
 * Performance through Prefetching", 2004: group prefetching)
 *
 * Loads, not prefetches, which are lost where they miss in the TLB (measured: DESIGN.md, section
 * 9). And all before the group, not between the faults: a locked instruction waits for the loads
 * before it.
 *
 * What is loaded here decides nothing: the fault itself looks at all of it again. It is done in an
 * RCU section, and of ways that serve (fault_way.h), so what they name is still of its kind.
 */
#include "vmalab/fault_way.h"
#include "vmalab/op_fault.h"

#define AHEAD_MAX 16 /* faults of a group: their lines fit into the first cache */

/* Height of the tree: below it, up to some 1,000 VMAs, all that faults touch lies in the near
 * caches, and looking ahead costs more than it saves (DESIGN.md, section 9). */
#ifndef AHEAD_HEIGHT
#define AHEAD_HEIGHT 4
#endif

static bool is_far(const struct mm_struct *mm)
{
	/* relaxed: nothing is read through it */
	return mm && tree_root_height(load_relaxed_u64(&mm->mm_mt.root)) >= AHEAD_HEIGHT;
}

/* relaxed: for the cache; any value will do */
static inline void fetch_u64(const u64 *word)
{
	(void)load_relaxed_u64(word);
}

static inline void fetch_vma(const struct vm_area_struct *vma)
{
#if VMA_LOCK_PER_VMA
	fetch_u64(&vma->vm_start);
#else
	__builtin_prefetch(vma); /* RCU does not keep it */
#endif
}

/* A lock in the VMA lies on the VMA's page, which is in the TLB by now. */
static inline void fetch_lock(const struct participant *self, const struct vm_area_struct *vma)
{
#if VMA_LOCK_SEPARATE
	u64 lock = load_relaxed_u64(&vma->vm_lock);

	if (lock) /* it is freed no earlier than the VMA */
		fetch_u64((const u64 *)(self->base + lock));
#elif VMA_LOCK_PER_VMA
	(void)self;
	vma_lock_prefetch(vma);
#else
	(void)self, (void)vma;
#endif
}

/* Before the faults of a group. */
static void look_ahead(struct participant *self, const struct mm_struct *mm, u64 id,
		       const u64 *addrs, u64 count)
{
	const struct vm_area_struct *vmas[AHEAD_MAX];
	const pte_t *ptes[AHEAD_MAX];
	u32 n = 0;

	rcu_read_lock(self);
	for (u64 i = 0; i < count; i++)
		fetch_u64((const u64 *)way_of(self, addrs[i]));
	for (u64 i = 0; i < count; i++) {
		struct fault_way *way = way_of(self, addrs[i]);
		vl_ref ref = *way_part(way, addrs[i]);

		if (unlikely(!ref || !way_serves(self, way, mm, id, addrs[i])))
			continue;
		vmas[n] = PTR(self, ref);
		ptes[n] = way_pte(self, way, addrs[i]);
		fetch_vma(vmas[n]);
		fetch_u64(ptes[n++]);
	}
	for (u32 i = 0; i < n; i++) {
		fetch_u64(&self->frames[pte_frame(load_relaxed_u64(ptes[i]))].word);
		fetch_lock(self, vmas[i]);
	}
	rcu_read_unlock(self);
}

int op_faults(struct participant *self, u64 id, const u64 *addrs, u64 count, u32 flags,
	      struct vl_result *out)
{
	const struct mm_struct *mm = mm_find_self(self, id);

	for (u64 i = 0; i < count; i++) {
		if (unlikely(op_begin(self, OP_FAULT, id) != 0))
			return VL_E_BROKEN;
		if (i % AHEAD_MAX == 0 && is_far(mm))
			look_ahead(self, mm, id, addrs + i, min_u64(count - i, AHEAD_MAX));
		op_fault(self, id, addrs[i], flags, 0, out + i);
		op_end(self);
	}
	return 0;
}
