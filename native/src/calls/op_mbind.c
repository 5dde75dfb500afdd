/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_mbind.c: memory policies of VMAs, in the lab core alone: there is one node here, so that
 * a policy decides nothing; what matters is who may replace one.
 *
 *   mbind   mmap_lock write -> each VMA: stamp, merge or split, replace, put the old one
 *   fault   VMA lock read   -> looks at the policy of its VMA when it takes a page
 *
 * A policy is shared by the VMAs that were split from one; the last one frees it. It may be
 * replaced only while readers of the VMA are kept out. (kernel: mm/mempolicy.c do_mbind,
 * mbind_range)
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"

#ifdef VL_LAB
#define MODES_MAX  6   /* MPOL_DEFAULT ... MPOL_WEIGHTED_INTERLEAVE */
#define NODES_HERE 1ul /* the mask of the one node */
#define POISON     0xdeadu

vl_ref mpol_get(struct participant *self, vl_ref ref)
{
	/* relaxed: the caller has it through a VMA */
	if (ref)
		add_relaxed_u32(&((struct mempolicy *)PTR(self, ref))->refs, 1);
	return ref;
}

void mpol_put(struct participant *self, vl_ref ref)
{
	struct mempolicy *policy = PTR(self, ref);

	/* acq_rel: all uses come before it is freed */
	if (!ref || add_acq_rel_u32(&policy->refs, -1u) != 0)
		return;
	store_relaxed_u32(&policy->mode, POISON);
	kmem_cache_free(self, CACHE_POLICY, policy);
}

bool mpol_equal(const struct participant *self, vl_ref a, vl_ref b)
{
	const struct mempolicy *x = PTR(self, a), *y = PTR(self, b);

	return a == b || (a && b && x->mode == y->mode && x->nodes == y->nodes);
}

void mpol_use(struct participant *self, const struct vm_area_struct *vma)
{
	vl_ref ref = load_relaxed_u32(&vma->vm_policy);
	const struct mempolicy *policy = PTR(self, ref);

	if (!ref)
		return;
	STEP(policy_used, vma);
	GHOST(policy(vma, load_relaxed_u32(&policy->mode) == POISON));
}

static vl_ref mpol_new(struct participant *self, u32 mode, u64 nodes)
{
	struct mempolicy *policy = kmem_cache_alloc(self, CACHE_POLICY);

	if (!policy)
		return 0;
	*policy = (struct mempolicy){.refs = 1, .mode = mode, .nodes = nodes};
	return REF(self, policy);
}

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
