/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_fault_cached.c: the faults of an instance that was made with --lookup cache: op_fault by
 * lookups that a participant keeps (cached_lookup.h), and what FAULTS loads ahead by them. An
 * experiment: the kernel has nothing like it since it removed its vmacache in 6.1. Nothing else
 * knows of it but op_fault and op_faults, which come here when self->lookups is there.
 *
 * The lock, the checks under it and the two sections are those of op_fault_fast.c. What differs is
 * where the VMA and the page table come from:
 *
 * - The page-table entry depends on nothing that the lock gives. So its load comes first and
 *   overlaps with the load of the VMA: what follows a locked instruction begins after it. For the
 *   same reason the lines that are needed later are prefetched.
 * - The mm is not searched for: a cached lookup of its slot says that there is one, and the lock
 *   whether it is the one that the caller means.
 */
#include "op_fault_page.h"
#include "vmalab/cached_lookup.h"

/* The exits, in the RCU section of the lookup. */
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

/* The cached VMA is locked, and nothing else keeps it. */
static inline __attribute__((always_inline)) void
fault_held(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
	   struct vl_result *result, struct mm_struct *mm, const struct cached_lookup *lookup,
	   const pte_t *pte, struct vm_area_struct *vma)
{
	STEP(lock_alone, vma);
	rcu_read_lock(self);
	/* A table was taken out since we looked: look again under the lock. (Under mmap_lock who
	 * calls has looked.) */
	if (VMA_LOCK_PER_VMA && unlikely(pgd_unlinked(&mm->pgd) != lookup->unlinked))
		pte = NULL;
	fault_present(self, id, addr, flags, word, result, mm, vma, pte);
}

#if VMA_LOCK_PER_VMA
/* The cached VMA has been detached: another takes its place, if there is one. */
SLOW_EXIT fault_missed(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		       struct vl_result *result)
{
	struct mm_struct *mm = mm_slot(self, id);
	struct cached_lookup *lookup = lookup_of(self, addr);
	struct vm_area_struct *vma;
	vl_ref ref = lock_vma_missed(self, mm, addr);

	*lookup_part(lookup, addr) = ref;
	vma = lock_vma_found(self, mm, id, addr, ref, HOLD_VMA);
	lock_vma_rcu_done(self);
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
	lock_vma_rcu_again(self);
	if (likely(outcome == VMA_READ_LOCKED)) {
		rcu_read_unlock(self);
		fault_held(self, id, addr, flags, word, result, mm, lookup, pte, vma);
	} else if (outcome == VMA_READ_MISS) {
		STEP(read_miss, vma);
		fault_missed(self, id, addr, flags, word, result);
	} else {
		fault_refused(self, id, addr, flags, word, result);
	}
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
	rcu_read_unlock(self);
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
	rcu_read_unlock(self);
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
		stat_refused(self, abort_no_vma);
		fault_refused(self, id, addr, flags, word, result);
		return;
	}
	fault_fast(self, id, addr, flags, word, result, mm, lookup);
}

void op_fault_cached(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		     struct vl_result *result)
{
	struct cached_lookup *lookup = lookup_of(self, addr);
	struct mm_struct *mm = mm_slot(self, id);

	fault_anon_look(self, id, addr);
	rcu_read_lock(self);
	/* An empty lookup is valid for a slot that never lived: it has no VMA and no table. */
	if (unlikely(!lookup_valid(self, lookup, mm, id, addr) ||
		     !lookup_usable(self, lookup, addr))) {
		fault_walk(self, id, addr, flags, word, result);
		return;
	}
	fault_fast(self, id, addr, flags, word, result, mm, lookup);
}

/* --- what FAULTS loads ahead --- */

/*
 * In an address space that is larger than the caches one fault waits for memory three times in a
 * row: for its cached lookup, for the VMA and the page-table entry, for the lock and the frame. So
 * before each group of faults those lines are loaded, step by step for all of the group: within a
 * step no load waits for another. (Chen, Ailamaki, Gibbons and Mowry, "Improving Hash Join
 * Performance through Prefetching", 2004: group prefetching)
 *
 * Loads, not prefetches, which are lost where they miss in the TLB (measured: DESIGN.md, section
 * 9). And all before the group, not between the faults: a locked instruction waits for the loads
 * before it.
 *
 * What is loaded here decides nothing: the fault itself looks at all of it again. It is done in an
 * RCU section, and of valid lookups (cached_lookup.h), so what they name is still of its kind.
 */

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

void faults_look_ahead(struct participant *self, const struct mm_struct *mm, u64 id,
		       const u64 *addrs, u64 count)
{
	const struct vm_area_struct *vmas[AHEAD_MAX];
	const pte_t *ptes[AHEAD_MAX];
	u32 n = 0;

	if (!is_far(mm))
		return;
	rcu_read_lock(self);
	for (u64 i = 0; i < count; i++)
		fetch_u64((const u64 *)lookup_of(self, addrs[i]));
	for (u64 i = 0; i < count; i++) {
		struct cached_lookup *lookup = lookup_of(self, addrs[i]);
		vl_ref ref = *lookup_part(lookup, addrs[i]);

		if (unlikely(!ref || !lookup_valid(self, lookup, mm, id, addrs[i])))
			continue;
		vmas[n] = PTR(self, ref);
		ptes[n] = lookup_pte(self, lookup, addrs[i]);
		fetch_vma(vmas[n]);
		fetch_u64(ptes[n++]);
	}
	for (u32 i = 0; i < n; i++) {
		fetch_u64(&self->frames[pte_frame(load_relaxed_u64(ptes[i]))].word);
		fetch_lock(self, vmas[i]);
	}
	rcu_read_unlock(self);
}
