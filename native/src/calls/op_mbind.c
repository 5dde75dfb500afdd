/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_mbind.c: memory policies of VMAs, in the lab core alone: there is one node here, so that
 * a policy decides nothing; what matters is who may replace one.
 *
 *   mbind   mmap_lock write -> each VMA: stamp, merge or split, replace, put the old one
 *   fault   VMA lock read   -> looks at the policy of its VMA when it takes a page
 *
 * One may be replaced only while readers of the VMA are kept out; policy.c has how it is shared.
 * (kernel: mm/mempolicy.c do_mbind, mbind_range)
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"

#ifdef VL_LAB
#define MODES_MAX  6   /* MPOL_DEFAULT ... MPOL_WEIGHTED_INTERLEAVE */
#define NODES_HERE 1ul /* the mask of the one node */

static int mbind_one(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		     u64 start, u64 end, vl_ref policy)
{
	struct vma_merge_struct vmg;
	vl_ref old;
	int err;

	if (mpol_equal(self, vma->vm_policy, policy))
		return 0;
	if (!MUTANT(mbind_unlocked) || start != vma->vm_start || end != vma->vm_end) {
		vmg_from_vma(self, &vmg, mm, vma, start, end);
		vmg.policy = policy;
		err = vma_modify(self, &vmg, &vma);
		if (err)
			return err;
	}
	if (mpol_equal(self, vma->vm_policy, policy))
		return 0; /* merged into one that has it */
	old = vma->vm_policy;
	store_relaxed_u32(&vma->vm_policy, mpol_get(self, policy));
	STEP(policy_set, vma);
	mpol_put(self, old);
	return 0;
}

s64 op_mbind(struct participant *self, u64 id, u64 addr, u64 len, u32 mode, u64 nodes)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 end = addr + PAGE_ALIGN(len);
	struct range_entry e;
	vl_ref policy = 0;
	s64 err = 0;

	if (!mm)
		return VL_S_NO_MM;
	if ((addr & ~PAGE_MASK) || mode > MODES_MAX || end < addr || (mode == 0 && nodes) ||
	    (nodes && !(nodes & NODES_HERE)))
		return -EINVAL;
	if (end == addr)
		return 0;
	if (mode) {
		policy = mpol_new(self, mode, nodes & NODES_HERE);
		if (!policy)
			return -ENOMEM;
		self->area->policy_made = policy;
	}
	if (mmap_write_lock(self, mm, id) != 0) {
		self->area->policy_made = 0;
		mpol_put(self, policy);
		return VL_S_NO_MM;
	}
	for (u64 at = addr; at < end && !err; at = e.end) {
		if (!tree_find(self, &mm->mm_mt, at, end, &e) || (e.start > at && mode)) {
			err = mode ? -EFAULT : 0;
			break;
		}
		at = max_u64(at, e.start);
		e.end = min_u64(e.end, end);
		err = mbind_one(self, mm, PTR(self, e.ref), at, e.end, policy);
	}
	mmap_write_unlock(self, mm);
	self->area->policy_made = 0;
	mpol_put(self, policy);
	return err;
}
#endif
