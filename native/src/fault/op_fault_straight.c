/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_fault_straight.c: op_fault: the path of a fault on a page that is there, found by a way
 * (fault_way.h). All else leaves it at once, to op_fault.c.
 *
 * It is short, and what bounds it is the number of its instructions as much as its two locked ones
 * (DESIGN.md, "What a fault costs"). So:
 *
 * - Each way out is a last call with the same six arguments, which stay where the caller put them:
 *   nothing is saved on the stack for the sake of what is rare. What the path knew besides (mm,
 *   way, VMA) those functions find again: the VMA that is locked is the one that the way names.
 * - The way in the page table depends on nothing that the lock gives, so it goes first and overlaps
 *   with the way in the tree: what comes after a locked instruction begins after it. For the same
 *   reason the lines needed later are prefetched, and counters and the result are stored after the
 *   last one: a locked instruction waits for all stores before it.
 * - The mm is not searched for: a way of its slot says that there is one, and the lock whether it
 *   is the one that the caller means.
 */
#include "vmalab/fault_way.h"
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"

#ifdef VL_LAB
/* Mutant B13: what the VMA of addr has, before it is locked. */
static void anon_look(struct participant *self, u64 id, u64 addr)
{
	const struct mm_struct *mm = mm_find_self(self, id);
	const struct vm_area_struct *vma;
	vl_ref ref;

	self->anon_seen = false;
	if (!mm || !MUTANT(B13))
		return;
	rcu_read_lock(self);
	ref = tree_lookup(self, &mm->mm_mt, addr);
	if (ref) {
		vma = PTR(self, ref);
		self->anon_seen = vma->anon_vma != 0;
		SYNC_ON(anon_checked, vma);
	}
	rcu_read_unlock(self);
}
#else
#define anon_look(self, id, addr) ((void)0)
#endif

/* Ways out. All begin in the RCU section. */
#define WAY_OUT static __attribute__((noinline)) void

/* No way leads there. */
WAY_OUT fault_wayless(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		      struct vl_result *result)
{
	rcu_read_unlock(self);
	fault_slow(self, id, addr, flags, word, result, NULL, FAULT_LOOK_AGAIN);
}

/* The lock was refused. */
WAY_OUT fault_refused(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		      struct vl_result *result)
{
	if (VMA_LOCK_PER_VMA)
		stat_inc(self, vma_lock_abort);
	rcu_read_unlock(self);
	fault_slow(self, id, addr, flags, word, result, NULL, FAULT_RETRY);
}

/* The VMA that the way names is locked, and more is to do than to look at the page. */
WAY_OUT fault_more(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		   struct vl_result *result)
{
	struct vm_area_struct *vma = way_vma(self, way_of(self, addr), addr);

	fault_slow(self, id, addr, flags, word, result, vma, FAULT_RETRY);
}

/* The access may be made by that entry of a VMA with these flags, and nothing else is to do.
 * (kernel: the entry gives the rights to the hardware, which would not have faulted) */
static inline bool pte_serves(pte_t pte, u64 vm_flags, u32 access)
{
	if (unlikely(pte == 0 || (pte & (PTE_BUSY | PTE_MARKER))))
		return false;
	/* One that has a protection key goes the long way. The first of these is: some right, no
	 * key. */
	if (likely(access == FAULT_READ))
		return (vm_flags & (VM_ACCESS_FLAGS | VM_PKEY_MASK)) - 1 < VM_ACCESS_FLAGS;
	if (access == FAULT_WRITE)
		return (vm_flags & (VM_WRITE | VM_PKEY_MASK)) == VM_WRITE && (pte & PTE_WRITE);
	return access == FAULT_EXEC && (vm_flags & VM_EXEC);
}

#if VMA_LOCK_PER_VMA
#define INFO_FAULT_LOCKED FAULT_INFO_VMA_LOCK

static inline void straight_unlock(struct participant *self, struct mm_struct *mm,
				   struct vm_area_struct *vma)
{
	(void)mm;
	vma_end_read_rcu(self, vma, HOLD_VMA);
}
#else
#define INFO_FAULT_LOCKED FAULT_INFO_MMAP_LOCK

static inline void straight_unlock(struct participant *self, struct mm_struct *mm,
				   struct vm_area_struct *vma)
{
	(void)vma;
	GHOST(end(vma));
	mmap_read_unlock(self, mm);
}
#endif

/* The VMA that the way names is locked. */
static inline __attribute__((always_inline)) void
fault_held(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
	   struct vl_result *result, struct mm_struct *mm, const struct fault_way *way,
	   const pte_t *pte, struct vm_area_struct *vma)
{
	struct participant_area *area;
	pte_t entry;
	u64 *at, value;

	/* A table was taken out since we looked: look again under the lock. (Under mmap_lock who
	 * calls has looked.) */
	if (VMA_LOCK_PER_VMA && unlikely(pgd_unlinked(&mm->pgd) != way->unlinked)) {
		fault_more(self, id, addr, flags, word, result);
		return;
	}
	/* PTE-1: the frame's word is seen. pairs: PTE-1 (op_fault.c:install_anon) */
	entry = load_acquire_u64(pte);
	SYNC_ON(pte_seen, vma);
	if (unlikely(!pte_serves(entry, vma->vm_flags, flags & FAULT_ACCESS_MASK))) {
		fault_more(self, id, addr, flags, word, result);
		return;
	}
	at = &self->frames[pte_frame(entry)].word;
	/* relaxed: the word is data of the emulated program, which orders its accesses itself */
	if ((flags & (FAULT_ACCESS_MASK | FAULT_STORE)) == (FAULT_WRITE | FAULT_STORE))
		store_relaxed_u64(at, word);
	value = load_relaxed_u64(at);
	SYNC_ON(word_stored, vma);
	area = self->area; /* in a register: the stores could change it, says the compiler */
	straight_unlock(self, mm, vma);
	rcu_read_unlock(self);
	stat_inc_in(area, pgfault_straight);
	result->status = 0;
	result->info = FAULT_INFO_PRESENT | INFO_FAULT_LOCKED;
	result->value = value;
}

#if VMA_LOCK_PER_VMA
/* The VMA that the way names has been detached: another takes its place, if there is one. */
WAY_OUT fault_missed(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		     struct vl_result *result)
{
	struct mm_struct *mm = mm_slot(self, id);
	struct fault_way *way = way_of(self, addr);
	struct vm_area_struct *vma;
	vl_ref ref = lock_vma_missed(self, mm, addr, way_vma(self, way, addr));

	*way_part(way, addr) = ref;
	vma = lock_vma_found(self, mm, id, addr, ref, HOLD_VMA);
	if (!vma)
		rcu_read_unlock(self);
	fault_slow(self, id, addr, flags, word, result, vma, FAULT_RETRY);
}

/* The way serves and names a VMA. */
static inline __attribute__((always_inline)) void
fault_straight(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
	       struct vl_result *result, struct mm_struct *mm, struct fault_way *way)
{
	struct vm_area_struct *vma = way_vma(self, way, addr);
	const pte_t *pte = way_pte(self, way, addr);
	enum vma_read outcome;

	/* relaxed: for the prefetch; any value will do */
	__builtin_prefetch(self->frames + pte_frame(load_relaxed_u64(pte)));
	GHOST(entry(mm, *way_part(way, addr), addr));
	outcome = lock_vma_once(self, mm, id, addr, vma, HOLD_VMA);
	if (likely(outcome == VMA_READ_LOCKED))
		fault_held(self, id, addr, flags, word, result, mm, way, pte, vma);
	else if (outcome == VMA_READ_MISS)
		fault_missed(self, id, addr, flags, word, result);
	else
		fault_refused(self, id, addr, flags, word, result);
}

static inline bool way_straight(struct participant *self, struct fault_way *way, u64 addr)
{
	return way_kept(self, way, addr);
}
#else
/* mmap_lock is held, and the way does not name the VMA of addr. */
WAY_OUT fault_elsewhere(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
			struct vl_result *result)
{
	struct mm_struct *mm = mm_slot(self, id);
	struct fault_way *way = way_of(self, addr);
	struct vm_area_struct *vma;

	/* Whether the way still serves: with mmap_lock the tree stands still. */
	if (unlikely(mm->id != id || mm->mm_lock_seq.sequence != way->until ||
		     mm->pgd.unlinked != way->unlinked || !way_look_up(self, mm, way, addr))) {
		mmap_read_unlock(self, mm);
		fault_refused(self, id, addr, flags, word, result);
		return;
	}
	vma = way_vma(self, way, addr);
	GHOST(grant(mm, vma, addr));
	fault_held(self, id, addr, flags, word, result, mm, way, way_pte(self, way, addr), vma);
}

/* The way serves. With mmap_lock the tree stands still: if nobody has written since, what the way
 * names is of it. (kernel before 6.4: mmap_read_trylock, find_vma) */
static inline __attribute__((always_inline)) void
fault_straight(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
	       struct vl_result *result, struct mm_struct *mm, struct fault_way *way)
{
	struct vm_area_struct *vma = way_vma(self, way, addr);
	const pte_t *pte = way_pte(self, way, addr);

	/* relaxed: for the prefetch; any value will do */
	__builtin_prefetch(self->frames + pte_frame(load_relaxed_u64(pte)));
	if (unlikely(!mmap_read_trylock(self, mm))) {
		fault_refused(self, id, addr, flags, word, result);
		return;
	}
	if (unlikely(mm->id != id || mm->mm_lock_seq.sequence != way->until ||
		     mm->pgd.unlinked != way->unlinked || !way_kept(self, way, addr))) {
		fault_elsewhere(self, id, addr, flags, word, result);
		return;
	}
	GHOST(grant(mm, vma, addr));
	fault_held(self, id, addr, flags, word, result, mm, way, pte, vma);
}

/* Its VMAs are looked at under mmap_lock. */
static inline bool way_straight(struct participant *self, struct fault_way *way, u64 addr)
{
	(void)self, (void)addr;
	return way->table != 0;
}
#endif

/* No way serves, or it names no VMA there: walks. */
WAY_OUT fault_walk(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		   struct vl_result *result)
{
	struct mm_struct *mm = mm_find_self(self, id);
	struct fault_way *way = way_of(self, addr);

	if (unlikely(!mm)) {
		rcu_read_unlock(self);
		stat_inc(self, pgfault);
		*result = (struct vl_result){.status = VL_S_NO_MM};
		return;
	}
	if (way_serves(self, way, mm, id, addr)) {
		way_look_up(self, mm, way, addr);
	} else if (!way_find(self, way, mm, id, addr)) {
		fault_wayless(self, id, addr, flags, word, result);
		return;
	}
	if (VMA_LOCK_PER_VMA && !*way_part(way, addr)) {
		GHOST(entry(mm, 0, addr));
		stat_inc(self, abort_no_vma);
		fault_refused(self, id, addr, flags, word, result);
		return;
	}
	fault_straight(self, id, addr, flags, word, result, mm, way);
}

/* Aligned, so that its branches stay where they are when what stands before it grows (3 %
 * otherwise). */
__attribute__((aligned(64))) void op_fault(struct participant *self, u64 id, u64 addr, u32 flags,
					   u64 word, struct vl_result *result)
{
	struct fault_way *way = way_of(self, addr);
	struct mm_struct *mm = mm_slot(self, id);

	anon_look(self, id, addr);
	rcu_read_lock(self);
	/* A way that knows nothing serves a slot that never lived: it has no VMA and no table. */
	if (unlikely(!way_serves(self, way, mm, id, addr) || !way_straight(self, way, addr))) {
		fault_walk(self, id, addr, flags, word, result);
		return;
	}
	fault_straight(self, id, addr, flags, word, result, mm, way);
}
