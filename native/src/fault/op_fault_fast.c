/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_fault_fast.c: op_fault: the fast path of a fault, for a present page and a cached lookup
 * (cached_lookup.h). Every other fault leaves it at once, to op_fault.c.
 *
 * It is short: its cost is bound by the number of its instructions as much as by its two locked
 * ones (DESIGN.md, "What a fault costs"). So:
 *
 * - Each exit is a tail call with the same six arguments, which stay where the caller put them:
 *   nothing is saved on the stack for rare cases. The called functions find again what the path
 *   knew besides (mm, lookup, VMA): the locked VMA is the cached one.
 * - The page-table entry depends on nothing that the lock gives. So its load comes first and
 *   overlaps with the load of the VMA: what follows a locked instruction begins after it. For the
 *   same reason the lines that are needed later are prefetched, and counters and the result are
 *   stored after the last locked instruction, which waits for all stores before it.
 * - The mm is not searched for: a cached lookup of its slot says that there is one, and the lock
 *   whether it is the one that the caller means.
 */
#include "vmalab/cached_lookup.h"
#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"

#ifdef VL_LAB
/* Mutant anon_vma_seen_unlocked: what the VMA of addr has, before it is locked. */
static void anon_look(struct participant *self, u64 id, u64 addr)
{
	const struct mm_struct *mm = mm_find_self(self, id);
	const struct vm_area_struct *vma;
	vl_ref ref;

	self->anon_seen = false;
	if (!mm || !MUTANT(anon_vma_seen_unlocked))
		return;
	rcu_read_lock(self);
	ref = tree_lookup(self, &mm->mm_mt, addr);
	if (ref) {
		vma = PTR(self, ref);
		self->anon_seen = vma->anon_vma != 0;
		STEP(anon_checked, vma);
	}
	rcu_read_unlock(self);
}
#else
#define anon_look(self, id, addr) ((void)0)
#endif

/* The exits. All begin in the RCU section. */
#define SLOW_EXIT static __attribute__((noinline)) void

/* Nothing is mapped there. */
SLOW_EXIT fault_uncached(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
			 struct vl_result *result)
{
	rcu_read_unlock(self);
	fault_slow(self, id, addr, flags, word, result, NULL, FAULT_LOOK_AGAIN);
}

/* The lock was refused. */
SLOW_EXIT fault_refused(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
			struct vl_result *result)
{
	if (VMA_LOCK_PER_VMA)
		stat_inc(self, vma_lock_abort);
	rcu_read_unlock(self);
	fault_slow(self, id, addr, flags, word, result, NULL, FAULT_RETRY);
}

/* The cached VMA is locked, and more is to do than to look at the page. */
SLOW_EXIT fault_more(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		     struct vl_result *result)
{
	struct vm_area_struct *vma = lookup_vma(self, lookup_of(self, addr), addr);

	fault_slow(self, id, addr, flags, word, result, vma, FAULT_RETRY);
}

/* The access may be made by that entry of a VMA with these flags, and nothing else is to do.
 * (kernel: the entry gives the rights to the hardware, which would not have faulted) */
static inline bool pte_serves(pte_t pte, u64 vm_flags, u32 access)
{
	if (unlikely(pte == 0 || (pte & (PTE_BUSY | PTE_MARKER))))
		return false;
	/* One that has a protection key goes the slow path. The first of these is: some right, no
	 * key. */
	if (likely(access == FAULT_READ))
		return (vm_flags & (VM_ACCESS_FLAGS | VM_PKEY_MASK)) - 1 < VM_ACCESS_FLAGS;
	if (access == FAULT_WRITE)
		return (vm_flags & (VM_WRITE | VM_PKEY_MASK)) == VM_WRITE && (pte & PTE_WRITE);
	return access == FAULT_EXEC && (vm_flags & VM_EXEC);
}

#if VMA_LOCK_PER_VMA
#define INFO_FAULT_LOCKED FAULT_INFO_VMA_LOCK

static inline void fast_unlock(struct participant *self, struct mm_struct *mm,
			       struct vm_area_struct *vma)
{
	(void)mm;
	vma_end_read_rcu(self, vma, HOLD_VMA);
}
#else
#define INFO_FAULT_LOCKED FAULT_INFO_MMAP_LOCK

static inline void fast_unlock(struct participant *self, struct mm_struct *mm,
			       struct vm_area_struct *vma)
{
	(void)vma;
	GHOST(end(vma));
	mmap_read_unlock(self, mm);
}
#endif

/* The cached VMA is locked. */
static inline __attribute__((always_inline)) void
fault_held(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
	   struct vl_result *result, struct mm_struct *mm, const struct cached_lookup *lookup,
	   const pte_t *pte, struct vm_area_struct *vma)
{
	struct participant_area *area;
	pte_t entry;
	u64 *at, value;

	/* A table was taken out since we looked: look again under the lock. (Under mmap_lock who
	 * calls has looked.) */
	if (VMA_LOCK_PER_VMA && unlikely(pgd_unlinked(&mm->pgd) != lookup->unlinked)) {
		fault_more(self, id, addr, flags, word, result);
		return;
	}
	/* PTE-1: the frame's word is seen. pairs: PTE-1 (op_fault.c:install_anon) */
	entry = load_acquire_u64(pte);
	STEP(pte_seen, vma);
	if (unlikely(!pte_serves(entry, vma->vm_flags, flags & FAULT_ACCESS_MASK))) {
		fault_more(self, id, addr, flags, word, result);
		return;
	}
	at = &self->frames[pte_frame(entry)].word;
	/* relaxed: the word is data of the emulated program, which orders its accesses itself */
	if ((flags & (FAULT_ACCESS_MASK | FAULT_STORE)) == (FAULT_WRITE | FAULT_STORE))
		store_relaxed_u64(at, word);
	value = load_relaxed_u64(at);
	STEP(word_stored, vma);
	area = self->area; /* in a register: the stores could change it, says the compiler */
	fast_unlock(self, mm, vma);
	rcu_read_unlock(self);
	stat_inc_in(area, pgfault_fast);
	result->status = 0;
	result->info = FAULT_INFO_PRESENT | INFO_FAULT_LOCKED;
	result->value = value;
}

#if VMA_LOCK_PER_VMA
/* The cached VMA has been detached: another takes its place, if there is one. */
SLOW_EXIT fault_missed(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		       struct vl_result *result)
{
	struct mm_struct *mm = mm_slot(self, id);
	struct cached_lookup *lookup = lookup_of(self, addr);
	struct vm_area_struct *vma;
	vl_ref ref = lock_vma_missed(self, mm, addr, lookup_vma(self, lookup, addr));

	*lookup_part(lookup, addr) = ref;
	vma = lock_vma_found(self, mm, id, addr, ref, HOLD_VMA);
	if (!vma)
		rcu_read_unlock(self);
	fault_slow(self, id, addr, flags, word, result, vma, FAULT_RETRY);
}

/* The lookup is valid and has a VMA. */
static inline __attribute__((always_inline)) void
fault_fast(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
	   struct vl_result *result, struct mm_struct *mm, struct cached_lookup *lookup)
{
	struct vm_area_struct *vma = lookup_vma(self, lookup, addr);
	const pte_t *pte = lookup_pte(self, lookup, addr);
	enum vma_read outcome;

	/* relaxed: for the prefetch; any value will do */
	__builtin_prefetch(self->frames + pte_frame(load_relaxed_u64(pte)));
	GHOST(entry(mm, *lookup_part(lookup, addr), addr));
	outcome = lock_vma_once(self, mm, id, addr, vma, HOLD_VMA);
	if (likely(outcome == VMA_READ_LOCKED))
		fault_held(self, id, addr, flags, word, result, mm, lookup, pte, vma);
	else if (outcome == VMA_READ_MISS)
		fault_missed(self, id, addr, flags, word, result);
	else
		fault_refused(self, id, addr, flags, word, result);
}

static inline bool lookup_usable(struct participant *self, struct cached_lookup *lookup, u64 addr)
{
	return lookup_has_vma(self, lookup, addr);
}
#else
/* mmap_lock is held, and the lookup does not have the VMA of addr. */
SLOW_EXIT fault_elsewhere(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
			  struct vl_result *result)
{
	struct mm_struct *mm = mm_slot(self, id);
	struct cached_lookup *lookup = lookup_of(self, addr);
	struct vm_area_struct *vma;

	/* Whether the lookup is still valid: under mmap_lock the tree does not change. */
	if (unlikely(mm->id != id || mm->mm_lock_seq.sequence != lookup->until ||
		     mm->pgd.unlinked != lookup->unlinked ||
		     !lookup_refill(self, mm, lookup, addr))) {
		mmap_read_unlock(self, mm);
		fault_refused(self, id, addr, flags, word, result);
		return;
	}
	vma = lookup_vma(self, lookup, addr);
	GHOST(grant(mm, vma, addr));
	fault_held(self, id, addr, flags, word, result, mm, lookup, lookup_pte(self, lookup, addr),
		   vma);
}

/* The lookup is valid. Under mmap_lock the tree does not change: if nobody has written since, what
 * it names is of it. (kernel before 6.4: mmap_read_trylock, find_vma) */
static inline __attribute__((always_inline)) void
fault_fast(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
	   struct vl_result *result, struct mm_struct *mm, struct cached_lookup *lookup)
{
	struct vm_area_struct *vma = lookup_vma(self, lookup, addr);
	const pte_t *pte = lookup_pte(self, lookup, addr);

	/* relaxed: for the prefetch; any value will do */
	__builtin_prefetch(self->frames + pte_frame(load_relaxed_u64(pte)));
	if (unlikely(!mmap_read_trylock(self, mm))) {
		fault_refused(self, id, addr, flags, word, result);
		return;
	}
	if (unlikely(mm->id != id || mm->mm_lock_seq.sequence != lookup->until ||
		     mm->pgd.unlinked != lookup->unlinked || !lookup_has_vma(self, lookup, addr))) {
		fault_elsewhere(self, id, addr, flags, word, result);
		return;
	}
	GHOST(grant(mm, vma, addr));
	fault_held(self, id, addr, flags, word, result, mm, lookup, pte, vma);
}

/* Its VMAs are looked at under mmap_lock. */
static inline bool lookup_usable(struct participant *self, struct cached_lookup *lookup, u64 addr)
{
	(void)self, (void)addr;
	return lookup->table != 0;
}
#endif

/* No lookup is valid, or it has no VMA there: walks. */
SLOW_EXIT fault_walk(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		     struct vl_result *result)
{
	struct mm_struct *mm = mm_find_self(self, id);
	struct cached_lookup *lookup = lookup_of(self, addr);

	if (unlikely(!mm)) {
		rcu_read_unlock(self);
		stat_inc(self, pgfault);
		*result = (struct vl_result){.status = VL_S_NO_MM};
		return;
	}
	if (lookup_valid(self, lookup, mm, id, addr)) {
		lookup_refill(self, mm, lookup, addr);
	} else if (!lookup_walk(self, lookup, mm, id, addr)) {
		fault_uncached(self, id, addr, flags, word, result);
		return;
	}
	if (VMA_LOCK_PER_VMA && !*lookup_part(lookup, addr)) {
		GHOST(entry(mm, 0, addr));
		stat_inc(self, abort_no_vma);
		fault_refused(self, id, addr, flags, word, result);
		return;
	}
	fault_fast(self, id, addr, flags, word, result, mm, lookup);
}

/* Aligned, so that its branches stay where they are when what stands before it grows (3 %
 * otherwise). */
__attribute__((aligned(64))) void op_fault(struct participant *self, u64 id, u64 addr, u32 flags,
					   u64 word, struct vl_result *result)
{
	struct cached_lookup *lookup = lookup_of(self, addr);
	struct mm_struct *mm = mm_slot(self, id);

	anon_look(self, id, addr);
	rcu_read_lock(self);
	/* An empty lookup is valid for a slot that never lived: it has no VMA and no table. */
	if (unlikely(!lookup_valid(self, lookup, mm, id, addr) ||
		     !lookup_usable(self, lookup, addr))) {
		fault_walk(self, id, addr, flags, word, result);
		return;
	}
	fault_fast(self, id, addr, flags, word, result, mm, lookup);
}
