/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vma.c: making, copying and freeing VMAs.
 *
 * Between kmem_cache_alloc and insertion a VMA is announced in the maker's inflight list, because
 * the maker may block (in vma_start_write of another VMA) and the world may be stopped there:
 * recovery must see that it is in use. What a killed maker announced is freed.
 *
 * In the typesafe models a recycled object may still be looked at by readers of its former life. So
 * nothing here ever makes one look attached, the lock is the model's business (vma_lock_*), and
 * fields that such readers load are stored whole. In the deferring models nobody looks at one any
 * more when it comes back here.
 */
#include "vmalab/lock_model.h"

/* Once for each slab page, unless the instance initialises at allocation. */
void vma_ctor(void *object)
{
	memset(object, 0, sizeof(struct vm_area_struct));
	vma_lock_ctor(object);
}

void vma_inflight_add(struct participant *self, const struct vm_area_struct *vma)
{
	vl_ref ref = REF(self, vma);

	for (u32 i = 0; i < INFLIGHT_MAX; i++) {
		if (self->area->inflight[i] == 0) {
			store_relaxed_u32(&self->area->inflight[i], ref);
			return;
		}
	}
	VL_ASSERT(!"inflight list full");
}

void vma_inflight_done(struct participant *self, const struct vm_area_struct *vma)
{
	vl_ref ref = REF(self, vma);

	for (u32 i = 0; i < INFLIGHT_MAX; i++) {
		if (self->area->inflight[i] == ref) {
			store_relaxed_u32(&self->area->inflight[i], 0);
			return;
		}
	}
}

#if defined(VL_LAB) && !defined(VL_MODEL_MMAP_LOCK)
/* Mutant object_cleared: memset, as for an object that nobody else can look at. */
static void object_clear(struct vm_area_struct *vma)
{
	u64 life = vma->alloc_seq;

	if (!MUTANT(object_cleared))
		return;
	memset(vma, 0, sizeof(*vma));
	STEP(cleared_object, vma);
	vma->alloc_seq = life;
	vma->detached = 1;
}

/* Mutant freed_write_locked: the lock is not as the constructor leaves it. */
static void leave_locked(struct vm_area_struct *vma)
{
	if (!MUTANT(freed_write_locked))
		return;
#if VMA_TYPESAFE && VMA_LOCK_RWSEM
	vma->vm_lock.count |= RWSEM_WRITER;
#elif VMA_TYPESAFE
	vma->vm_refcnt = VM_REFCNT_EXCLUDE_READERS_FLAG;
#else
	(void)vma;
#endif
}
#else
#define object_clear(vma) ((void)0)
#define leave_locked(vma) ((void)0)
#endif

/* The fields that no reader looks at before it knows whose life this is. */
static void vma_clear(struct vm_area_struct *vma)
{
	vma->vm_flags = 0;
	vma->vm_pgbase = 0;
	vma->anon_vma = 0;
	vma->vm_file = 0;
	vma->vm_ops = VMA_ANON;
	vma->page_prot = 0;
	vma->anon_vma_chain = 0;
	vma->anon_vma_links = 0;
	INTACT(name_outlives_vma, vma->anon_name = 0);
	INTACT(numab_outlives_vma, vma->numab_state = 0);
	vma->vm_policy = 0;
	vma->uffd_ctx = 0;
	vma->file_open = 0;
}

void vma_to_ctor_state(struct vm_area_struct *vma)
{
	vma_clear(vma);
	store_relaxed_u64(&vma->vm_mm, 0); /* these three may be loaded by stale readers: whole */
	store_relaxed_u64(&vma->vm_start, 0);
	store_relaxed_u64(&vma->vm_end, 0);
}

bool vma_in_ctor_state(const struct vm_area_struct *vma)
{
	u64 any = vma->vm_flags | vma->vm_pgbase | vma->anon_vma | vma->vm_file | vma->vm_ops |
		  vma->page_prot | vma->anon_vma_chain | vma->anon_vma_links | vma->anon_name |
		  vma->numab_state | vma->vm_policy | vma->uffd_ctx | vma->file_open | vma->vm_mm |
		  vma->vm_end; /* vm_start: a free pointer may lie over it */

	return any == 0;
}

/* vm_mm and the range are loaded by stale readers: stored whole, no order needed, VMA-2 orders them
 * at attach. */
static void vma_init(struct participant *self, struct vm_area_struct *vma, u64 mm_id, bool copy)
{
	STEP(allocated, vma, alloc(vma));
	if (MUTANT(exit_frees_attached)) /* the last life ended attached; what came of it is over */
		vma_lock_reset(vma);
	object_clear(vma);
	MUTATE(freeptr_over_attached, vma_lock_reset(vma));
	if (!copy || !VMA_DUP_COPIES) /* else it gets its source's, with all other members */
		vma_lock_init(vma);
	store_relaxed_u64(&vma->vm_mm, mm_id | VMA_MM_DETACHED);
	if (likely(!(self->vma_style & VMA_RESET_AT_FREE)))
		vma_clear(vma);
	vma->alloc_seq++;
	vma_inflight_add(self, vma);
	STEP(initialised, vma);
	stat_inc(self, vma_alloc);
}

/* An object with its lock, as the last life left the rest. */
static struct vm_area_struct *object_alloc(struct participant *self)
{
	struct vm_area_struct *vma = kmem_cache_alloc(self, CACHE_VMA);

	if (vma && unlikely(self->vma_style & VMA_CTOR_AT_ALLOC))
		vma_lock_ctor(vma);
	if (vma && !vma_lock_alloc(self, vma)) {
		kmem_cache_free(self, CACHE_VMA, vma);
		return NULL;
	}
	return vma;
}

struct vm_area_struct *vm_area_alloc(struct participant *self, struct mm_struct *mm)
{
	struct vm_area_struct *vma = object_alloc(self);

	if (!vma)
		return NULL;
	store_relaxed_u64(&vma->vm_start, 0);
	store_relaxed_u64(&vma->vm_end, 0);
	vma_init(self, vma, mm->id, false);
	return vma;
}

#if defined(VL_LAB) && !defined(VL_MODEL_MMAP_LOCK)
/* Mutant dup_copies_detached: the copy carries `detached` of the source for a moment. */
static void copy_attached(struct vm_area_struct *vma)
{
	if (!MUTANT(dup_copies_detached))
		return;
	store_relaxed_u32(&vma->detached, 0);
	STEP(copied, vma);
	store_relaxed_u32(&vma->detached, 1);
}
#else
#define copy_attached(vma) ((void)0)
#endif

/* Member by member: a struct copy would carry detached = 0 into an object that stale readers hold
 * (VMA_DUP_COPIES: it does). */
struct vm_area_struct *vm_area_dup(struct participant *self, const struct vm_area_struct *orig)
{
	struct vm_area_struct *vma;

	/* Else the copy misses what a holder of the read lock sets meanwhile. */
	GHOST(source(orig, "the members are copied"));
	if (!MUTANT(split_loses_guard) && !MUTANT(fork_parent_unlocked) &&
	    !VARIANT(sticky_flags_merged_late))
		vma_assert_write_locked(mm_slot(self, orig->vm_mm), orig);
	vma = object_alloc(self);
	if (!vma)
		return NULL;
	vma_init(self, vma, orig->vm_mm, true);
	store_relaxed_u64(&vma->vm_start, orig->vm_start);
	store_relaxed_u64(&vma->vm_end, orig->vm_end);
	vma->vm_flags = orig->vm_flags;
	vma->vm_pgbase = orig->vm_pgbase;
	vma->vm_file = orig->vm_file;
	vma->vm_ops = orig->vm_ops;
	vma->page_prot = orig->page_prot;
	vma->vm_policy = mpol_get(self, orig->vm_policy);
	vma->uffd_ctx = orig->uffd_ctx;
	vma->file_open = orig->file_open;
	vma->anon_name = anon_name_get(self, orig->anon_name);
	vma_lock_copy(vma, orig);
	copy_attached(vma);
	STEP(copied, vma, complete(vma));
	return vma;
}

/* (kernel: __vm_area_free) */
static void area_free(struct participant *self, struct vm_area_struct *vma)
{
	if (vma->anon_name && !MUTANT(name_outlives_vma)) {
		anon_name_put(self, vma->anon_name);
		vma->anon_name = 0;
	}
	if (vma->vm_policy) {
		mpol_put(self, vma->vm_policy);
		vma->vm_policy = 0;
	}
	if (vma->numab_state && !MUTANT(numab_outlives_vma)) {
		kmem_cache_free(self, CACHE_NUMAB, PTR(self, vma->numab_state));
		vma->numab_state = 0;
	}
	vma_lock_free(self, vma);
	leave_locked(vma);
	if (unlikely(self->vma_style & VMA_RESET_AT_FREE))
		vma_to_ctor_state(vma);
	STEP(freeing, vma);
	GHOST(free(vma));
	kmem_cache_free(self, CACHE_VMA, vma);
	MUTATE(freeptr_over_attached, vma_lock_overlay(self, vma));
	STEP(freed, vma);
}

void vm_area_free_rcu(struct participant *self, u32 kind, u32 ref)
{
	(void)kind;
	area_free(self, PTR(self, ref));
}

void vm_area_free(struct participant *self, struct vm_area_struct *vma)
{
	vma_assert_detached(vma);
	VL_ASSERT(vma->anon_vma_chain == 0);
	vma_inflight_done(self, vma);
	stat_inc(self, vma_free);
	GHOST(given_up(vma));
#if VMA_FREE_DEFERRED
	stat_inc(self, vma_free_deferred);
	rcu_retire(self, RETIRE_OBJECT0 + CACHE_VMA, REF(self, vma));
#else
	area_free(self, vma);
#endif
}

void vm_area_free_unreachable(struct participant *self, struct vm_area_struct *vma)
{
	if (!MUTANT(exit_frees_attached) && !MUTANT(failed_fork_keeps_vmas))
		vma_assert_detached(vma);
	stat_inc(self, vma_free);
	area_free(self, vma);
}

/* The first scan of a VMA gives it its NUMA balancing state; here populating is the scan. It lives
 * and dies with the VMA. mmap_lock is held for reading, so two may come at once. */
void vma_numab_init(struct participant *self, struct vm_area_struct *vma)
{
	struct vma_numab_state *state;
	vl_ref none = 0;

	if (load_relaxed_u32(&vma->numab_state)) /* relaxed: the cmpxchg below decides */
		return;
	state = kmem_cache_alloc(self, CACHE_NUMAB);
	if (!state)
		return; /* a VMA without it is only not balanced */
	memset(state, 0, sizeof(*state));
	/* release: the state is whole for who finds it under a later lock */
	if (!cmpxchg_acq_rel_u32(&vma->numab_state, &none, REF(self, state)))
		kmem_cache_free(self, CACHE_NUMAB, state);
}

void vma_set_page_prot(struct vm_area_struct *vma)
{
	vma->page_prot = (vma->vm_flags & VM_WRITE) ? PTE_WRITE : 0;
}

void vma_set_range(struct vm_area_struct *vma, u64 start, u64 end, u64 pgoff)
{
	GHOST(change(vma, "the range"));
	store_relaxed_u64(&vma->vm_start, start);
	store_relaxed_u64(&vma->vm_end, end);
	vma->vm_pgbase = pgoff - (start >> PAGE_SHIFT);
}

void uffd_forget(struct vm_area_struct *vma)
{
	store_relaxed_u64(&vma->vm_flags, vma->vm_flags & ~VM_UFFD_FLAGS);
	vma->uffd_ctx = 0;
}
