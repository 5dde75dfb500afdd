/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anon.c: anon_vma identity, chains, and names of anonymous areas.
 *
 * An anon_vma says which VMAs may hold copies of the same anonymous pages. Here it matters because
 * it decides about merging (two VMAs with different anon_vmas never merge) and because which
 * anon_vma a first fault takes is visible in later merges. There is no reverse map, so no interval
 * tree; the counts are those that the kernel decides by.
 *
 * A chain is a list of links owned by one VMA, changed under mmap_lock write with the stamp, or
 * when the first anonymous page is made, under mmap_lock read and page_table_lock. The counts of an
 * anon_vma change under one of the header's anon_locks, chosen by its root. A killed owner leaves
 * counts that recovery recounts from the chains.
 */
#include "vmalab/lock_model.h"

#define CHAIN_LINKS_MAX 128 /* fork depth plus one; a deeper chain is -ENOMEM */

static struct vl_mutex *anon_lock(struct participant *self, const struct anon_vma *anon)
{
	u32 hash = anon->root * 2654435761u;

	return &self->seg->hdr->anon_locks[hash >> 26];
}

/* A stolen lock guards counts only; the thief goes on and recovery, which is under way for the dead
 * owner, recounts them. */
static struct vl_mutex *lock_root(struct participant *self, const struct anon_vma *anon)
{
	struct vl_mutex *lock = anon_lock(self, anon);

	(void)mutex_lock(self, lock);
	return lock;
}

static struct anon_vma *anon_vma_alloc(struct participant *self)
{
	struct anon_vma *anon = kmem_cache_alloc(self, CACHE_ANON_VMA);

	if (!anon)
		return NULL;
	*anon = (struct anon_vma){.root = REF(self, anon), .parent = REF(self, anon)};
	return anon;
}

static void chain_link(struct participant *self, struct vm_area_struct *vma,
		       struct anon_vma_chain *avc, struct anon_vma *anon)
{
	avc->anon_vma = REF(self, anon);
	avc->vma = REF(self, vma);
	avc->next = vma->anon_vma_chain;
	anon->degree++;
	vma->anon_vma_chain = REF(self, avc);
	vma->anon_vma_links++;
}

/* May old's anon_vma serve a VMA that touches it? (kernel: anon_vma_compatible, reusable_anon_vma)
 */
static vl_ref reusable_anon_vma(struct participant *self, const struct vm_area_struct *old,
				const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	u64 differ = (a->vm_flags ^ b->vm_flags) & ~(VM_ACCESS_FLAGS | VM_STICKY);

	(void)self;
	if (a->vm_end != b->vm_start || a->vm_policy != b->vm_policy || a->vm_file != b->vm_file)
		return 0;
	if (differ != 0 || a->file_open != b->file_open || a->vm_pgbase != b->vm_pgbase)
		return 0;
	/* acquire: the links counted are those of the anon_vma seen.
	 * pairs: ANON-1 (anon.c:anon_vma_prepare) */
	return old->anon_vma != 0 && old->anon_vma_links == 1 ? load_acquire_u32(&old->anon_vma)
							      : 0;
}

/* A neighbour's anon_vma, so that the two can merge later. Next first, as the kernel does. (kernel:
 * find_mergeable_anon_vma) */
static vl_ref find_mergeable_anon_vma(struct participant *self, struct mm_struct *mm,
				      const struct vm_area_struct *vma)
{
	struct range_entry e;
	struct vm_area_struct *other;
	vl_ref found;

	if (tree_find(self, &mm->mm_mt, vma->vm_end, vma->vm_end + 1, &e)) {
		other = PTR(self, e.ref);
		found = reusable_anon_vma(self, other, vma, other);
		if (found)
			return found;
	}
	if (tree_find_prev(self, &mm->mm_mt, vma->vm_start, &e)) {
		other = PTR(self, e.ref);
		return reusable_anon_vma(self, other, other, vma);
	}
	return 0;
}

int anon_vma_prepare(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma)
{
	struct anon_vma_chain *avc;
	struct anon_vma *anon, *made = NULL;
	struct vl_mutex *lock;
	vl_ref found;

	if (load_acquire_u32(&vma->anon_vma))
		return 0;
	STEP(anon_checked, vma);
	avc = kmem_cache_alloc(self, CACHE_AVC);
	if (!avc)
		return -ENOMEM;
	(void)mutex_lock(self,
			 &mm->page_table_lock); /* stolen: nothing but the set below is guarded */
	if (vma->anon_vma)
		goto raced;
	found = find_mergeable_anon_vma(self, mm, vma);
	if (!found) {
		made = anon_vma_alloc(self);
		if (!made)
			goto no_memory;
		made->num_children = 1; /* its own */
		found = REF(self, made);
	}
	anon = PTR(self, found);
	lock = lock_root(self, anon);
	chain_link(self, vma, avc, anon);
	anon->num_active_vmas++;
	mutex_unlock(self, lock);
	/* release: who sees the anon_vma sees its chain. pairs: ANON-1 (anon.c:reusable_anon_vma)
	 */
	store_release_u32(&vma->anon_vma, found);
	mutex_unlock(self, &mm->page_table_lock);
	STEP(anon_set, vma);
	return 0;
raced:
	mutex_unlock(self, &mm->page_table_lock);
	kmem_cache_free(self, CACHE_AVC, avc);
	return 0;
no_memory:
	mutex_unlock(self, &mm->page_table_lock);
	kmem_cache_free(self, CACHE_AVC, avc);
	return -ENOMEM;
}

/* Oldest link first. Returns their number, or -ENOMEM when the chain is too deep. */
static int chain_oldest_first(struct participant *self, const struct vm_area_struct *vma,
			      vl_ref *anons)
{
	int n = (int)vma->anon_vma_links, i = n;
	vl_ref ref = vma->anon_vma_chain;

	if (n > CHAIN_LINKS_MAX)
		return -ENOMEM;
	while (ref && i > 0) {
		const struct anon_vma_chain *avc = PTR(self, ref);

		anons[--i] = avc->anon_vma;
		ref = avc->next;
	}
	VL_ASSERT(i == 0 && ref == 0);
	return n;
}

int anon_vma_clone(struct participant *self, struct vm_area_struct *dst,
		   const struct vm_area_struct *src)
{
	vl_ref anons[CHAIN_LINKS_MAX];
	struct vl_mutex *lock;
	int n = chain_oldest_first(self, src, anons);

	if (n < 0)
		return n;
	for (int i = 0; i < n; i++) {
		struct anon_vma_chain *avc = kmem_cache_alloc(self, CACHE_AVC);
		struct anon_vma *anon = PTR(self, anons[i]);

		if (!avc) {
			dst->anon_vma = 0; /* not counted yet; unlink must not uncount it */
			unlink_anon_vmas(self, dst);
			return -ENOMEM;
		}
		lock = lock_root(self, anon);
		chain_link(self, dst, avc, anon);
		/* A fork child may take over an anon_vma that no VMA uses and that has no child of
		 * its own. */
		if (!dst->anon_vma && src->anon_vma && anon->num_children < 2 &&
		    anon->num_active_vmas == 0)
			dst->anon_vma = anons[i];
		mutex_unlock(self, lock);
	}
	if (dst->anon_vma) {
		struct anon_vma *anon = PTR(self, dst->anon_vma);

		lock = lock_root(self, anon);
		anon->num_active_vmas++;
		mutex_unlock(self, lock);
	}
	return 0;
}

int anon_vma_fork(struct participant *self, struct vm_area_struct *vma,
		  const struct vm_area_struct *pvma)
{
	struct anon_vma_chain *avc;
	struct anon_vma *anon, *parent;
	struct vl_mutex *lock;
	int err;

	if (!pvma->anon_vma)
		return 0;
	vma->anon_vma = 0;
	err = anon_vma_clone(self, vma, pvma);
	if (err || vma->anon_vma)
		return err;
	anon = anon_vma_alloc(self);
	avc = kmem_cache_alloc(self, CACHE_AVC);
	if (!anon || !avc) {
		if (anon)
			kmem_cache_free(self, CACHE_ANON_VMA, anon);
		if (avc)
			kmem_cache_free(self, CACHE_AVC, avc);
		unlink_anon_vmas(self, vma);
		return -ENOMEM;
	}
	parent = PTR(self, pvma->anon_vma);
	anon->root = parent->root;
	anon->parent = pvma->anon_vma;
	lock = lock_root(self, anon);
	anon->num_active_vmas = 1;
	chain_link(self, vma, avc, anon);
	parent->num_children++;
	vma->anon_vma = REF(self, anon);
	mutex_unlock(self, lock);
	return 0;
}

void unlink_anon_vmas(struct participant *self, struct vm_area_struct *vma)
{
	vl_ref ref = vma->anon_vma_chain, dead = 0;
	struct vl_mutex *lock;

	if (vma->anon_vma) {
		struct anon_vma *anon = PTR(self, vma->anon_vma);

		lock = lock_root(self, anon);
		anon->num_active_vmas--;
		mutex_unlock(self, lock);
	}
	GHOST(change(vma, "anon_vma"));
	vma->anon_vma = 0;
	vma->anon_vma_chain = 0;
	vma->anon_vma_links = 0;
	STEP(anon_unlinked, vma);
	/* Two passes: a parent must outlive the last use of its children's parent field. */
	while (ref) {
		struct anon_vma_chain *avc = PTR(self, ref);
		struct anon_vma *anon = PTR(self, avc->anon_vma);
		vl_ref next = avc->next;
		bool last;

		lock = lock_root(self, anon);
		last = --anon->degree == 0;
		if (last)
			((struct anon_vma *)PTR(self, anon->parent))->num_children--;
		mutex_unlock(self, lock);
		if (last) {
			avc->next = dead;
			dead = ref;
		} else {
			kmem_cache_free(self, CACHE_AVC, avc);
		}
		ref = next;
	}
	while (dead) {
		struct anon_vma_chain *avc = PTR(self, dead);

		dead = avc->next;
		kmem_cache_free(self, CACHE_ANON_VMA, PTR(self, avc->anon_vma));
		kmem_cache_free(self, CACHE_AVC, avc);
	}
}

vl_ref anon_name_make(struct participant *self, const char *name, u32 bytes)
{
	struct anon_vma_name *n;

	VL_ASSERT(bytes < ANON_NAME_MAX);
	n = kmem_cache_alloc(self, CACHE_NAME);
	if (!n)
		return 0;
	memset(n, 0, sizeof(*n));
	memcpy(n->name, name, bytes);
	n->bytes = bytes;
	n->refs = 1;
	return REF(self, n);
}

vl_ref anon_name_get(struct participant *self, vl_ref name)
{
	/* relaxed: the caller holds a reference through the VMA that it copies. */
	if (name)
		add_relaxed_u32(&((struct anon_vma_name *)PTR(self, name))->refs, 1);
	return name;
}

void anon_name_put(struct participant *self, vl_ref name)
{
	struct anon_vma_name *n = PTR(self, name);

	/* acq_rel: all uses of the name are over before it is freed. */
	if (add_acq_rel_u32(&n->refs, (u32)-1) == 0)
		kmem_cache_free(self, CACHE_NAME, n);
}

bool anon_name_equal(const struct vl_seg *seg, vl_ref a, vl_ref b)
{
	const struct anon_vma_name *x = vl_ptr(seg, a), *y = vl_ptr(seg, b);

	if (a == b)
		return true;
	return a && b && x->bytes == y->bytes && memcmp(x->name, y->name, x->bytes) == 0;
}
