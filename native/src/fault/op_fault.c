/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_fault.c: page faults: all but the fast path (op_fault_fast.c), which comes here with what it
 * does not serve itself.
 *
 *   lock_vma_under_rcu -> RCU { permission -> page } -> vma_end_read   success, or a signal:
 *                                                                      vma_lock_success
 *   no VMA, or the page needs more than the VMA lock (RETRY)           -> mmap_lock read, the same
 *                                                                      again
 *   no VMA there but a stack above                                     -> mmap_lock write, grow
 *                                                                      the stack
 *   A model without a lock per VMA takes mmap_lock (read, at first by trylock) in its place.
 *
 * The section of the lookup ends when the VMA is locked: from there on its lock alone keeps it. The
 * second section is for page tables and frames, whose words are read and stored in it: a frame that
 * loses its last entry meanwhile is reused only after a grace period. A store that arrives in such
 * a frame came before the unmapping. Nothing in a section blocks; the only wait is mmap_lock, taken
 * outside with no VMA lock held.
 *
 * Changes of one entry, each by one cmpxchg (loser looks again):
 *   0 -> zero page | new page | page-cache page
 *   read-only -> writable (sole owner, or shared)
 *   read-only -> private copy
 * PTE_BUSY: a two-page move is under way; leave everything and come again.
 * PTE_GUARD: as if nothing were mapped there; only madvise and unmapping take it away.
 * PTE_WP_MARKER: a page that comes here is protected, and then looked at again.
 * A VMA that is registered with userfaultfd: a page that is not there, or one that is protected
 * and written, ends the fault with USERFAULT. Nobody sleeps here: who has the userfaultfd fills the
 * page, and the program touches it again.
 * (kernel: do_user_addr_fault, handle_pte_fault, do_anonymous_page, do_fault, do_wp_page)
 */
#include <sched.h>

#include "vmalab/lock_model.h"
#include "vmalab/op_fault.h"
#include "vmalab/merge.h"
#include "vmalab/resident.h"
#include "vmalab/virtual.h"

#define AGAIN_MAX (1u << 20) /* turns behind a move; each waits for at most one grace period */
#define INLINED   static inline __attribute__((always_inline))
#define OOM_WAITS 8 /* for the end of a recount, each after another death */

void fault_pause(void)
{
	if (lab_is_actor())
		lab_yield();
	else if (virtual_on())
		virtual_pause();
	else
		sched_yield();
}

static bool access_error(const struct vm_area_struct *vma, u32 access)
{
	if (access == FAULT_WRITE)
		return !(vma->vm_flags & VM_WRITE);
	if (access == FAULT_EXEC)
		return !(vma->vm_flags & VM_EXEC);
	return !(vma->vm_flags & VM_ACCESS_FLAGS);
}

/* The page is there with enough rights: the access itself. */
static int access_page(struct participant *self, pte_t pte, struct fault *f)
{
	u64 *word = frame_word(self->seg, pte_frame(pte));

	/* relaxed: the word is data of the emulated program, which orders its accesses itself */
	if (f->flags & FAULT_STORE)
		store_relaxed_u64(word, f->word);
	f->value = load_relaxed_u64(word);
	return FAULT_OK;
}

#ifdef VL_LAB
/* Mutant fault_blocks_holding_vma: waits for mmap_lock with the VMA locked; out of the RCU section,
 * which may not wait. */
static void fault_mmap_wait(struct participant *self, struct mm_struct *mm)
{
	u32 nest = self->rcu_nest;

	while (self->rcu_nest)
		rcu_read_unlock(self);
	down_read(self, &mm->mmap_lock, HOLD_MMAP);
	while (self->rcu_nest < nest)
		rcu_read_lock(self);
}

/* Mutant anon_vma_seen_unlocked believes what was seen before the VMA was locked
 * (op_fault_fast.c). */
static bool anon_believed(const struct participant *self)
{
	return MUTANT(anon_vma_seen_unlocked) && self->anon_seen;
}
#else
#define fault_mmap_wait(self, mm) ((void)0)
#define anon_believed(self)       false
#endif

/* An anonymous page needs an anon_vma; under the VMA lock mmap_lock may only be tried. (kernel:
 * vmf_anon_prepare) */
static int fault_anon_prepare(struct participant *self, struct mm_struct *mm,
			      struct vm_area_struct *vma, struct fault *f)
{
	int err;

	if (likely(load_acquire_u32(&vma->anon_vma)) || anon_believed(self))
		return 0;
	STEP(anon_checked, vma);
	if (f->under_vma_lock && MUTANT(fault_blocks_holding_vma))
		fault_mmap_wait(self, mm);
	else if (f->under_vma_lock && !mmap_read_trylock(self, mm))
		return FAULT_RETRY;
	err = anon_vma_prepare(self, mm, vma);
	if (f->under_vma_lock)
		mmap_read_unlock(self, mm);
	return err ? FAULT_OOM : 0;
}

/* A page in the place of old: what protection a marker hands on to it. */
static u64 handed_on(pte_t old)
{
	return unlikely(pte_is_marker(old)) ? PTE_UFFD_WP : 0;
}

/* A frame of our own with the given word, entered in place of old. In place of a marker nothing is
 * stored yet: the caller looks again. Inlined, or a fresh page costs 2 ns more. */
INLINED int install_anon(struct participant *self, const struct mm_struct *mm,
			 struct vm_area_struct *vma, pte_t *pte, pte_t old, u64 word,
			 struct fault *f)
{
	u32 frame;
	pte_t new;

	mpol_use(self, vma);
	frame = frame_alloc_for(self, mm->account);
	if (frame == FRAME_NONE)
		return FAULT_OOM;
	if ((f->flags & FAULT_STORE) && likely(!pte_is_marker(old)))
		word = f->word;
	GHOST(anon_page(vma));
	store_relaxed_u64(frame_word(self->seg, frame), word); /* published by the cmpxchg: PTE-1 */
	new = pte_make(frame, PTE_ANON | PTE_EXCLUSIVE | PTE_DIRTY);
	new |= unlikely(handed_on(old)) ? PTE_UFFD_WP : vma->page_prot;
	if (!cmpxchg_acq_rel_u64(pte, &old, new)) {
		frame_put_now(self, frame);
		return FAULT_LOOK_AGAIN;
	}
	recount_note(self, pte, old, new);
	STEP(pte_set, vma);
	f->value = word;
	return FAULT_OK;
}

/* Apart, so that the others pay nothing for it. */
static __attribute__((noinline)) int install_charged(struct participant *self,
						     const struct mm_struct *mm,
						     struct vm_area_struct *vma, pte_t *pte,
						     pte_t old, u64 word, struct fault *f)
{
	int err;

	if (!mm_frame_charge(self, mm))
		return FAULT_OOM;
	err = install_anon(self, mm, vma, pte, old, word, f);
	if (err != FAULT_OK)
		mm_frame_uncharge(self, mm);
	return err;
}

static inline int install_page(struct participant *self, const struct mm_struct *mm,
			       struct vm_area_struct *vma, pte_t *pte, pte_t old, u64 word,
			       struct fault *f)
{
	if (unlikely(mm_frames_bounded(self)) && !pte_counts(old))
		return install_charged(self, mm, vma, pte, old, word, f);
	return install_anon(self, mm, vma, pte, old, word, f);
}

/* Write to a page that is there read-only. */
static int wp_fault(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		    pte_t *pte, pte_t old, struct fault *f)
{
	u32 frame = pte_frame(old);
	int err;

	if (unlikely(old & PTE_UFFD_WP) && (vma->vm_flags & VM_UFFD_WP))
		return protected_fault(self, mm, vma, pte, old, f);
	if (vma->vm_flags & VM_SHARED) {
		if (!cmpxchg_acq_rel_u64(pte, &old, old | PTE_WRITE | PTE_DIRTY))
			return FAULT_LOOK_AGAIN;
		return access_page(self, old, f);
	}
	err = fault_anon_prepare(self, mm, vma, f);
	if (err)
		return err;
	/* Nobody else has ever had it: fork, which could change that, is kept out by our lock. That
	 * the frame's count is one is not enough: another mm may have just taken its entry out,
	 * with a reader of it that still looks at the frame and must not see what we write.
	 * (kernel: PageAnonExclusive; there the TLB flush comes before the page's reference is
	 * dropped) */
	if ((old & PTE_EXCLUSIVE) ||
	    (MUTANT(shared_page_reused) && (old & PTE_ANON) && frame_refs(self->seg, frame) == 1)) {
		if (!cmpxchg_acq_rel_u64(pte, &old, old | PTE_WRITE | PTE_DIRTY))
			return FAULT_LOOK_AGAIN;
		return access_page(self, old, f);
	}
	err = install_page(self, mm, vma, pte, old, load_relaxed_u64(frame_word(self->seg, frame)),
			   f);
	if (err == FAULT_OK) {
		f->info |= FAULT_INFO_COW | FAULT_INFO_NEW_PAGE;
		stat_inc(self, pgfault_cow);
		if (frame != FRAME_ZERO)
			frame_put(self, frame);
	}
	return err;
}

/* Where the kernel looks for a huge page first, which needs the VMA's anon_vma also for a read.
 * (kernel: do_huge_pmd_anonymous_page, thp_vma_suitable_order; for what MADV_HUGEPAGE advised) */
static bool huge_page_fits(const struct mm_struct *mm, const struct vm_area_struct *vma, u64 addr)
{
	u64 first = addr & ~(PMD_SIZE - 1);

	/* relaxed: one bit, of before or after a prctl that runs beside the fault */
	return (vma->vm_flags & VM_HUGEPAGE) && vma_is_anonymous(vma) && first >= vma->vm_start &&
	       first + PMD_SIZE <= vma->vm_end &&
	       !(load_relaxed_u16(&mm->options) & MM_THP_DISABLE);
}

/* old: 0, or a marker that is no guard. */
static int anon_fault(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		      pte_t *pte, pte_t old, struct fault *f)
{
	int err;

	if (f->access != FAULT_WRITE) {
		if (unlikely(vma->vm_flags & VM_UFFD_MISSING))
			return user_fault(self, mm, vma, f, 0);
		if (!cmpxchg_acq_rel_u64(pte, &old, pte_make(FRAME_ZERO, handed_on(old))))
			return FAULT_LOOK_AGAIN;
		f->value = 0;
		stat_inc(self, pgfault_zero);
		return FAULT_OK;
	}
	err = fault_anon_prepare(self, mm, vma, f);
	if (err)
		return err;
	if (unlikely(vma->vm_flags & VM_UFFD_MISSING))
		return user_fault(self, mm, vma, f, 0);
	err = install_page(self, mm, vma, pte, old, 0, f);
	if (err != FAULT_OK)
		return err;
	f->info |= FAULT_INFO_NEW_PAGE;
	stat_inc(self, pgfault_anon);
	return unlikely(pte_is_marker(old)) ? FAULT_LOOK_AGAIN : FAULT_OK;
}

/* The page left its file while its entry was made: who takes pages out may have been here before.
 * (kernel: the page is locked and its mapping compared before it is entered) */
static int take_back(struct participant *self, const struct mm_struct *mm, pte_t *pte, pte_t made)
{
	pte_t old = made;

	if (made && cmpxchg_full_u64(pte, &made, 0)) {
		recount_note(self, pte, old, 0);
		mm_entry_gone(self, mm, old);
	}
	return FAULT_LOOK_AGAIN;
}

/* old as for anon_fault. */
static int file_fault(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		      pte_t *pte, pte_t old, struct fault *f)
{
	struct file *file = file_get(self->seg, vma->vm_file);
	bool private_write = f->access == FAULT_WRITE && !(vma->vm_flags & VM_SHARED);
	bool again = pte_is_marker(old);
	u32 flags = f->flags, frame;
	pte_t new;
	u64 pgoff;
	int err;

	VL_ASSERT(file); /* the VMA holds a reference */
	if (private_write) {
		err = fault_anon_prepare(self, mm, vma, f);
		if (err)
			return err;
	}
	pgoff = linear_page_index(vma, f->addr);
	note_doubt(self, f->addr, 1);
	err = fault_file_page(self, mm, vma, file, pgoff, &frame, f);
	if (err)
		return err;
	stat_inc(self, pgfault_file);
	STEP(file_found, vma);
	if (private_write) {
		/* The copy first, what is stored when it stays: others may read it meanwhile. */
		f->flags &= ~FAULT_STORE;
		err = install_page(self, mm, vma, pte, old,
				   load_relaxed_u64(frame_word(self->seg, frame)), f);
		f->flags = flags;
		if (err != FAULT_OK)
			return err;
		new = load_acquire_u64(pte);
		if (!MUTANT(fault_keeps_cut_page) &&
		    unlikely(!file_page_current(self->seg, file, pgoff, frame)))
			return take_back(self, mm, pte, new);
		f->info |= FAULT_INFO_COW | FAULT_INFO_NEW_PAGE;
		return (new &PTE_WRITE) ? access_page(self, new, f) : FAULT_LOOK_AGAIN;
	}
	if (unlikely(!mm_frame_charge(self, mm)))
		return FAULT_OOM;
	if (unlikely(!frame_tryget(self, frame))) {
		mm_frame_uncharge(self, mm);
		return FAULT_LOOK_AGAIN; /* it has left the file since */
	}
	new = pte_make(frame, handed_on(old));
	if (f->access == FAULT_WRITE && !(new &PTE_UFFD_WP))
		new |= PTE_WRITE | PTE_DIRTY;
	if (!cmpxchg_full_u64(pte, &old, new)) {
		mm_entry_gone(self, mm, new);
		return FAULT_LOOK_AGAIN;
	}
	recount_note(self, pte, old, new);
	if (!MUTANT(fault_keeps_cut_page) &&
	    unlikely(!file_page_current(self->seg, file, pgoff, frame)))
		return take_back(self, mm, pte, new);
	return unlikely(again) ? FAULT_LOOK_AGAIN : access_page(self, new, f);
}

/* vma is held by its lock or by mmap_lock; RCU is held. (kernel: handle_mm_fault) */
int handle_mm_fault(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		    struct fault *f)
{
	pte_t *pte = f->pte ? f->pte : pte_lookup(self->seg, &mm->pgd, f->addr), old;
	int result;

	do { /* each turn means that another participant changed the entry */
		old = pte ? load_acquire_u64(pte) : 0; /* PTE-1: the frame's word is seen. pairs:
							  PTE-1 (op_fault.c:install_anon) */
		STEP(pte_seen, vma);
		if (unlikely(pte_is_guard(old)))
			return FAULT_MAPERR;
		if (unlikely(old == PTE_WP_MARKER) && !(vma->vm_flags & VM_UFFD_WP)) {
			note_change(self);
			(void)cmpxchg_acq_rel_u64(pte, &old, 0); /* left from a registration */
			result = FAULT_LOOK_AGAIN;
			continue;
		}
		if (likely(old && !pte_is_marker(old))) {
			if (unlikely(old & PTE_BUSY))
				return FAULT_AGAIN;
			if (f->access != FAULT_WRITE || (old & PTE_WRITE)) {
				f->info |= FAULT_INFO_PRESENT;
				stat_inc(self, pgfault_present);
				return access_page(self, old, f);
			}
			note_change(self);
			result = wp_fault(self, mm, vma, pte, old, f);
			continue;
		}
		note_change(self);
		if (!pte && unlikely(huge_page_fits(mm, vma, f->addr))) {
			result = fault_anon_prepare(self, mm, vma, f);
			if (result)
				return result;
		}
		if (!pte)
			pte = pte_alloc(self, &mm->pgd, mm_table_owner(self, mm), f->addr);
		if (!pte)
			return FAULT_OOM;
		if (vma->vm_file)
			result = file_fault(self, mm, vma, pte, old, f);
		else if (vma_is_anonymous(vma))
			result = anon_fault(self, mm, vma, pte, old, f);
		else
			return FAULT_SIGBUS;
	} while (result == FAULT_LOOK_AGAIN);
	return result;
}

/* The key, permission, then the page. The key is that of the VMA that is locked: it is read once,
 * for the check and for the signal. (kernel: bad_area_access_error, which asks for the key first)
 * Of a page that is not there the processor does not tell that it must not be executed: it is
 * brought in first, and may turn out to lie past the end of its file. */
static int fault_page(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		      struct fault *f)
{
	bool refused = access_error(vma, f->access);
	int outcome;

	if (f->access != FAULT_EXEC &&
	    !pkey_permits(self, mm, vma->vm_flags, f->access == FAULT_WRITE)) {
		f->pkey = vma_pkey(vma->vm_flags);
		return FAULT_PKUERR;
	}
	if (refused && (f->access != FAULT_EXEC || !(vma->vm_flags & VM_ACCESS_FLAGS)))
		return FAULT_ACCERR;
	outcome = handle_mm_fault(self, mm, vma, f);
	return refused && outcome == FAULT_OK ? FAULT_ACCERR : outcome;
}

static void result_signal(struct participant *self, struct fault *f, s32 signal, u32 code,
			  struct vl_result *r)
{
	r->status = signal;
	r->info = f->info | code;
	r->value = 0;
	stat_inc(self, pgfault_signal);
}

/* One that is not raises a general protection fault, whatever is mapped. */
static bool canonical(u64 addr)
{
	return addr >> 47 == 0 || addr >> 47 == 0x1ffff;
}

static void result_fill(struct participant *self, struct fault *f, int outcome, struct vl_result *r)
{
	switch (outcome) {
	case FAULT_OK:
		r->status = 0;
		r->info = f->info;
		r->value = f->value;
		break;
	case FAULT_SIGBUS:
		result_signal(self, f, SIGNAL_BUS, CODE_BUS_ADRERR, r);
		break;
	case FAULT_ACCERR:
		result_signal(self, f, SIGNAL_SEGV, CODE_SEGV_ACCERR, r);
		break;
	case FAULT_PKUERR:
		result_signal(self, f, SIGNAL_SEGV,
			      CODE_SEGV_PKUERR | f->pkey * (FAULT_INFO_PKEY & -FAULT_INFO_PKEY), r);
		break;
	case FAULT_MAPERR:
		result_signal(self, f, SIGNAL_SEGV,
			      canonical(f->addr) ? CODE_SEGV_MAPERR : CODE_SI_KERNEL, r);
		break;
	case FAULT_USERFAULT:
		*r = (struct vl_result){.status = VL_S_USERFAULT, .info = f->info};
		stat_inc(self, pgfault_user);
		break;
	case FAULT_NO_MM:
		*r = (struct vl_result){.status = VL_S_NO_MM};
		break;
	default:
		*r = (struct vl_result){
			.status = VL_S_LIMIT, .info = self->met_limit, .value = self->met_max};
	}
}

/* vma is there, mmap_lock is held and stays so. */
static int fault_mmap_locked(struct participant *self, struct mm_struct *mm,
			     struct vm_area_struct *vma, struct fault *f)
{
	int outcome;

	f->under_vma_lock = false;
	f->pte = NULL;
	f->info |= FAULT_INFO_MMAP_LOCK;
	stat_inc(self, mmap_lock_faults);
	STEP(fault_locked, vma, grant(mm, vma, f->addr));
	rcu_read_lock(self);
	outcome = fault_page(self, mm, vma, f);
	rcu_read_unlock(self);
	GHOST(end(vma));
	return outcome;
}

/* The fallback. (kernel: lock_mm_and_find_vma) */
static int fault_mmap_lock(struct participant *self, struct mm_struct *mm, u64 id, struct fault *f)
{
	struct vm_area_struct *vma;
	int outcome;

	event_note(self, EVENT_FALLBACK, self->refused, id, f->addr);
	if (mmap_read_lock(self, mm, id) != 0)
		return FAULT_NO_MM;
	vma = vma_lookup(self, mm, f->addr);
	if (!vma) {
		struct vm_area_struct *above = find_vma(self, mm, f->addr);
		bool stack = above && (above->vm_flags & VM_GROWSDOWN);

		if (MUTANT(stack_grows_read_locked) && stack) {
			outcome = expand_stack(self, mm, f->addr);
			mmap_read_unlock(self, mm);
			return outcome ? FAULT_MAPERR : FAULT_LOOK_AGAIN;
		}
		mmap_read_unlock(self, mm);
		if (!stack)
			return FAULT_MAPERR;
		if (mmap_write_lock(self, mm, id) != 0)
			return FAULT_NO_MM;
		outcome = expand_stack(self, mm, f->addr);
		mmap_write_unlock(self, mm);
		return outcome ? FAULT_MAPERR : FAULT_LOOK_AGAIN;
	}
	outcome = fault_mmap_locked(self, mm, vma, f);
	mmap_read_unlock(self, mm);
	return outcome;
}

#if VMA_LOCK_PER_VMA
/* The rest of the fast path, in any case: vma is locked. Leaves it. */
static int fault_locked(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
			struct fault *f)
{
	int outcome;

	f->under_vma_lock = true;
	f->pte = NULL;
	STEP(fault_locked, vma);
	rcu_read_lock(self);
	outcome = fault_page(self, mm, vma, f);
	rcu_read_unlock(self);
	vma_end_read(self, vma);
	if (outcome == FAULT_RETRY) {
		stat_inc(self, vma_lock_retry);
		self->refused = 0; /* the lock was not */
	} else if (outcome != FAULT_AGAIN) {
		f->info |= FAULT_INFO_VMA_LOCK;
		stat_inc(self, vma_lock_success);
	}
	return outcome;
}

#ifdef VL_LAB
#define LOOKUPS_MAX 1024 /* far above what a run of the lab can need; an actor livelocks first */

/* Variant lookup_waits_for_writer: mmap_lock is taken to wait for the writer who is there, and the
 * lookup begins again; no bound says how often. NULL: no VMA has the address, or the mm is gone.
 * (kernel, proposed: lock_vma_under_rcu_wait) */
static struct vm_area_struct *lock_vma_wait(struct participant *self, struct mm_struct *mm, u64 id,
					    u64 addr)
{
	struct vm_area_struct *vma = NULL;
	bool there = true;

	for (u32 turn = 0; there && !vma; turn++) {
		VL_ASSERT(turn < LOOKUPS_MAX);
		if (mmap_read_lock(self, mm, id) != 0)
			return NULL;
		there = vma_lookup(self, mm, addr) != NULL;
		mmap_read_unlock(self, mm);
		if (there)
			vma = lock_vma_under_rcu(self, mm, id, addr, HOLD_VMA);
	}
	return vma;
}
#else
#define lock_vma_wait(self, mm, id, addr) NULL
#endif

static int fault_vma_lock(struct participant *self, struct mm_struct *mm, u64 id, struct fault *f)
{
	struct vm_area_struct *vma = lock_vma_under_rcu(self, mm, id, f->addr, HOLD_VMA);

	if (!vma && VARIANT(lookup_waits_for_writer))
		vma = lock_vma_wait(self, mm, id, f->addr);
	return vma ? fault_locked(self, mm, vma, f) : FAULT_RETRY;
}
#else
/* mmap_lock is held. Leaves it. */
static int fault_locked(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
			struct fault *f)
{
	int outcome = fault_mmap_locked(self, mm, vma, f);

	mmap_read_unlock(self, mm);
	return outcome;
}

#define lock_vma_wait(self, mm, id, addr) NULL

static int fault_vma_lock(struct participant *self, struct mm_struct *mm, u64 id, struct fault *f)
{
	(void)self, (void)mm, (void)id, (void)f;
	return FAULT_RETRY;
}
#endif

void fault_slow(struct participant *self, u64 id, u64 addr, u32 flags, u64 word,
		struct vl_result *result, struct vm_area_struct *vma, int outcome)
{
	struct mm_struct *mm = mm_slot(self, id);
	struct fault f = {
		.addr = addr, .word = word, .flags = flags, .access = flags & FAULT_ACCESS_MASK};
	u32 waits = 0;

	if (f.access != FAULT_WRITE)
		f.flags &= ~FAULT_STORE;
	if (!vma && outcome == FAULT_RETRY && VARIANT(lookup_waits_for_writer))
		vma = lock_vma_wait(self, mm, id, addr);
	if (vma)
		outcome = fault_locked(self, mm, vma, &f);
	for (u32 turn = 0; turn < AGAIN_MAX; turn++) {
		if (outcome == FAULT_LOOK_AGAIN)
			outcome = fault_vma_lock(self, mm, id, &f);
		if (outcome == FAULT_RETRY)
			STEP(fault_retry);
		if (outcome == FAULT_RETRY)
			outcome = fault_mmap_lock(self, mm, id, &f);
		if (outcome == FAULT_AGAIN)
			fault_pause();
		else if (outcome == FAULT_OOM && waits++ < OOM_WAITS && recount_wait(self))
			limit_forget(self);           /* frames may have come back */
		else if (outcome != FAULT_LOOK_AGAIN) /* that: the stack has grown */
			break;
		f.info = 0;
		outcome = FAULT_LOOK_AGAIN;
	}
	stat_inc(self, pgfault);
	result_fill(self, &f, outcome, result);
	if (event_due(self, self->area->stats[STAT_pgfault]))
		event_fault(self, id, addr);
}
