/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c: memory policies of VMAs, in the lab core alone. op_mbind.c has what they are for.
 *
 * A policy is shared by the VMAs that were split from one; the last one frees it. (kernel:
 * mm/mempolicy.c)
 */
#include "vmalab/lock_model.h"

#ifdef VL_LAB
#define POISON 0xdeadu /* the mode of one that was freed */

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

vl_ref mpol_new(struct participant *self, u32 mode, u64 nodes)
{
	struct mempolicy *policy = kmem_cache_alloc(self, CACHE_POLICY);

	if (!policy)
		return 0;
	*policy = (struct mempolicy){.refs = 1, .mode = mode, .nodes = nodes};
	return REF(self, policy);
}
#endif
