/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm.c: mmap_lock with its sequence, the life of an mm, leases.
 *
 * An mm lives while a lease is held (users > 0) or its keep-alive has not run out; then exit_mmap
 * runs. A lease is a count in its holder's area, tagged with the mm's generation so that it dies
 * with the mm; mm.users is the sum and a hint that recovery recomputes from the areas of the
 * living.
 *
 * MM-1  mm_publish stores the id with release after everything else; mm_find loads it with acquire.
 * Without it: a client that was told the id sees an mm of zeroes.
 */

#include "vmalab/futex.h"
#include "vmalab/lock_model.h"
#include "vmalab/block.h"
#include "vmalab/pkeys.h"
#include "vmalab/resident.h"

u64 now_ns(void)
{
	return clock_ns();
}

/* All stamps of this mm end here, together. Before up_write and before downgrade. */
static void vma_end_write_all(struct mm_struct *mm)
{
	VL_ASSERT(mm->mm_lock_seq.sequence & 1);
	/* release pairs: VMA-1 (vma_rwsem.h:vma_start_read, model_refcount.h:vma_start_read) */
	write_seqcount_end(&mm->mm_lock_seq);
}

int mmap_read_lock(struct participant *self, struct mm_struct *mm, u64 id)
{
	down_read(self, &mm->mmap_lock, HOLD_MMAP);
	STEP(mmap_read, mm);
	if (likely(load_relaxed_u64(&mm->id) == id)) { /* relaxed: changed under the lock */
		event_lock(self, EVENT_TAKEN, EVENT_LOCK_MMAP_READ, &mm->mmap_lock);
		return 0;
	}
	up_read(self, &mm->mmap_lock, HOLD_MMAP);
	return VL_S_NO_MM;
}

/*
 * The sequence has wrapped around (after 2^31 writers). From here on it takes numbers that VMAs may
 * still carry as stamps, from writers of long ago: the writer at such a number would take the VMA
 * for write-locked and not wait for its readers. So all are stamped again, once, before this writer
 * does anything else. A writer that dies meanwhile leaves old ones: recovery gives them a number
 * that has passed (walk_mm_repair.c:repair_vma). (The kernel has no such step: its stamps are as
 * old as they are.)
 */
static __attribute__((noinline, cold)) void stamp_all(struct participant *self,
						      struct mm_struct *mm)
{
#if VMA_LOCK_PER_VMA
	struct range_entry e;

	if (VMA_STAMPS_AGE || MUTANT(wrap_keeps_stamps))
		return;
	for (u64 addr = 0; tree_find(self, &mm->mm_mt, addr, UINT64_MAX, &e); addr = e.end)
		__vma_start_write(self, mm, PTR(self, e.ref));
#else
	(void)self, (void)mm;
#endif
}

int mmap_write_lock(struct participant *self, struct mm_struct *mm, u64 id)
{
	down_write(self, &mm->mmap_lock, HOLD_MMAP);
	if (unlikely(load_relaxed_u64(&mm->id) != id)) { /* relaxed: as above */
		up_write(self, &mm->mmap_lock, HOLD_MMAP);
		return VL_S_NO_MM;
	}
	event_lock(self, EVENT_TAKEN, EVENT_LOCK_MMAP_WRITE, &mm->mmap_lock);
	note_change(self);
	write_seqcount_begin(&mm->mm_lock_seq);
	STEP(mmap_write, mm);
	if (unlikely(mm->mm_lock_seq.sequence == SEQ_MASK))
		pgd_move(&mm->pgd); /* the number comes round: who kept it looks again */
	if (unlikely(mm->mm_lock_seq.sequence == 1))
		stamp_all(self, mm);
	return 0;
}

void mmap_write_unlock(struct participant *self, struct mm_struct *mm)
{
	GHOST(write_end(mm));
	vma_end_write_all(mm);
	STEP(seq_ended, mm);
	event_lock(self, EVENT_GIVEN, EVENT_LOCK_MMAP_WRITE, &mm->mmap_lock);
	up_write(self, &mm->mmap_lock, HOLD_MMAP);
	STEP(mmap_left, mm);
}

void mmap_write_downgrade(struct participant *self, struct mm_struct *mm)
{
	GHOST(write_end(mm));
	vma_end_write_all(mm);
	STEP(seq_ended, mm);
	event_lock(self, EVENT_DOWNGRADED, EVENT_LOCK_MMAP_READ, &mm->mmap_lock);
	downgrade_write(self, &mm->mmap_lock, HOLD_MMAP);
	STEP(downgraded, mm);
}

/* For an mm that nobody else can see yet: fork's child. It has no VMA, so when its sequence comes
 * round there is nothing to stamp. (kernel: mmap_write_lock_nested) */
void mmap_write_lock_nested(struct participant *self, struct mm_struct *mm)
{
	down_write_nested(self, &mm->mmap_lock, HOLD_MMAP2);
	event_lock(self, EVENT_TAKEN, EVENT_LOCK_MMAP_WRITE, &mm->mmap_lock);
	write_seqcount_begin(&mm->mm_lock_seq);
}

void mmap_write_unlock_nested(struct participant *self, struct mm_struct *mm)
{
	GHOST(write_end(mm));
	vma_end_write_all(mm);
	event_lock(self, EVENT_GIVEN, EVENT_LOCK_MMAP_WRITE, &mm->mmap_lock);
	up_write(self, &mm->mmap_lock, HOLD_MMAP2);
}

static void mm_init(struct participant *self, struct mm_struct *mm, u32 account)
{
	VL_ASSERT(!(mm->mm_lock_seq.sequence & 1));
	mm->generation += GENERATION_STEP;
	store_relaxed_u64(&mm->id, 0);
	mm->builder = (u16)(self->index + 1);
	store_relaxed_u64(&mm->mm_mt.root, 0);
	pgd_begin(&mm->pgd);
	for (u32 i = 0; i < UFFDS_MAX; i++)
		mm_uffds(self->seg, mm)[i] &= ~UFFD_STATE;
	mm->keep_until_ns = 0;
	mm->users = 0;
	mm->exec_to = 0;
	mm_aside(self->seg, mm)->exec_from = 0;
	mm_aside(self->seg, mm)->shared = self->shares_new;
	mm->mm_count = 1;
	mm->map_count = 0;
	mm->map_count_max = self->seg->hdr->config.vmas_per_mm_max;
	mm->total_vm = mm->data_vm = mm->locked_vm = 0;
	mm->mmap_base = MMAP_BASE_DEFAULT;
	store_relaxed_u64(&mm->start_brk, 0);
	store_relaxed_u64(&mm->brk, 0);
	mm->def_flags = 0;
	limits_init(mm, &self->seg->hdr->config);
	pkeys_start(mm, self->seg->hdr->config.pkeys);
	store_relaxed_u64(&mm->stack_top, 0);
	mm->account = account;
}

struct mm_struct *mm_alloc(struct participant *self, u32 account)
{
	struct seg_header *hdr = self->seg->hdr;
	struct mm_struct *table = mm_table(self->seg), *mm = NULL;
	u32 max = hdr->config.mms_max;

	(void)mutex_lock(
		self, &hdr->slots_lock); /* stolen: states are single words, nothing to rebuild */
	limit_note(self, VL_LIMIT_MMS_MAX, max, 0);
	for (u32 i = 0; i < max && account_room(self, account, CHARGE_MMS, 1); i++) {
		u32 index = (hdr->mm_hint + i) % max;

		if (table[index].state != MM_FREE || !life_left(table[index].generation))
			continue;
		mm = &table[index];
		mm_init(self, mm, account);
		account_add(self, account, CHARGE_MMS, 1);
		limit_forget(self);
		store_release_u32(&mm->state, MM_BUILDING);
		hdr->mm_hint = (index + 1) % max;
		break;
	}
	mutex_unlock(self, &hdr->slots_lock);
	return mm;
}

/* The id that an mm being built will have; its VMAs carry it from the start. */
u64 mm_future_id(const struct vl_seg *seg, const struct mm_struct *mm)
{
	return life_id(mm->generation, (u32)(mm - mm_table(seg)));
}

/* No leases of that id, in the form of participant_area.leases. */
static u64 lease_of(u64 id)
{
	return life_generation(id) << LEASE_SHIFT;
}

/* With one lease for its maker, taken before anybody can see the mm: one without a lease and
 * without a keep-alive may be reaped at once. */
void mm_publish(struct participant *self, struct mm_struct *mm)
{
	u64 id = mm_future_id(self->seg, mm);

	store_relaxed_u64(&self->area->leases[mm_index(id)], lease_of(id) | 1);
	store_relaxed_u32(&mm->users, 1);
	mm->builder = 0;
	store_relaxed_u32(&mm->state, MM_LIVE);
	store_release_u64(&mm->id, id); /* pairs: MM-1 (mm.h:mm_find_in) */
}

void mm_free(struct participant *self, struct mm_struct *mm)
{
	struct seg_header *hdr = self->seg->hdr;

	store_relaxed_u64(&mm->id, 0);
	mm->users = 0;
	(void)mutex_lock(self, &hdr->slots_lock);
	mm->builder = 0;
	store_release_u32(&mm->state, MM_PINNED);
	mutex_unlock(self, &hdr->slots_lock);
	mmdrop(self, mm);
}

void mmgrab(struct mm_struct *mm)
{
	/* relaxed: the caller has something that keeps the slot already */
	add_relaxed_u32(&mm->mm_count, 1);
}

void mmdrop(struct participant *self, struct mm_struct *mm)
{
	struct seg_header *hdr = self->seg->hdr;

	/* acq_rel: what all others did with it is over before the slot is given away */
	if (add_acq_rel_u32(&mm->mm_count, -1u) != 0)
		return;
	(void)mutex_lock(self, &hdr->slots_lock);
	VL_ASSERT(mm->state == MM_PINNED);
	account_add(self, mm->account, CHARGE_MMS, -1);
	store_release_u32(&mm->state, MM_FREE);
	mutex_unlock(self, &hdr->slots_lock);
}

struct zap {
	const struct mm_struct *mm;
	u64 zapped;
	bool keep_wp;      /* a write protection outlives its page */
	bool keep_markers; /* and is not taken away with the pages */
};

static int zap_one(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	pte_t old = xchg_acq_rel_u64(pte, 0);
	struct zap *zap = arg;

	(void)addr;
	recount_note(self, pte, old, 0);
	mm_entry_gone(self, zap->mm, old);
	zap->zapped++;
	return 0;
}

static int zap_page(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	struct zap *zap = arg;
	pte_t old = load_relaxed_u64(pte); /* relaxed: a value that is compared */

	(void)addr;
	while (old && !pte_is_guard(old) && !(zap->keep_markers && pte_is_marker(old))) {
		pte_t left = zap->keep_wp && (old & PTE_UFFD_WP) ? PTE_WP_MARKER : 0;

		if (!cmpxchg_acq_rel_u64(pte, &old, left))
			continue;
		recount_note(self, pte, old, left);
		mm_entry_gone(self, zap->mm, old);
		zap->zapped++;
		break;
	}
	return 0;
}

u64 zap_page_range(struct participant *self, struct mm_struct *mm, u64 start, u64 end,
		   bool may_stop)
{
	struct zap zap = {.mm = mm};

	if (may_stop)
		(void)pte_walk_long(self, &mm->pgd, start, end, false, zap_one, &zap);
	else
		(void)pte_walk(self, &mm->pgd, start, end, zap_one, &zap);
	return zap.zapped;
}

u64 zap_pages_only(struct participant *self, struct mm_struct *mm, const struct vm_area_struct *vma,
		   u64 start, u64 end)
{
	struct zap zap = {
		.mm = mm, .keep_wp = vma_keeps_wp(vma), .keep_markers = !vma_is_anonymous(vma)};

	(void)pte_walk_long(self, &mm->pgd, start, end, false, zap_page, &zap);
	return zap.zapped;
}

void vma_close(struct participant *self, struct vm_area_struct *vma)
{
	if (vma->vm_file)
		file_unmap(self, vma->vm_file);
	vma->vm_file = 0;
	unlink_anon_vmas(self, vma);
}

/* mmap_lock is held for writing; nothing else of the mm is left afterwards. The order is the
 * kernel's, except that the pages are unmapped under mmap_lock write, not read: here a client may
 * still fault while another one ends the mm. */
void exit_mmap_locked(struct participant *self, struct mm_struct *mm)
{
	struct range_tree mt = mm->mm_mt;
	struct range_entry e;
	u64 addr = 0;

	while (tree_find(self, &mm->mm_mt, addr, UINT64_MAX, &e)) {
		struct vm_area_struct *vma = PTR(self, e.ref);

		vma_start_write(self, mm, vma);
		zap_page_range(self, mm, e.start, e.end, true);
		/* Here, while the tree has it: this waits for readers that will find the stamp. */
		if (!MUTANT(exit_frees_attached) && !MUTANT(exit_detaches_late))
			vma_mark_detached(self, mm, vma);
		addr = e.end;
	}
	STEP(exit_unmapped, mm);
	pgd_destroy(self, &mm->pgd, true);
	/* The VMAs are freed at once, as the kernel does when no thread is left to find one. Here
	 * one may be left: it must not find them any more, or it would come back to an object that
	 * is another mm's by now for as long as this takes. Nothing from here to the end waits
	 * where the world can be stopped: recovery would not find them either. */
	store_release_u64(&mm->mm_mt.root, 0);
	if (VMA_FREE_DEFERRED)
		synchronize_rcu(self);
	for (addr = 0; tree_find(self, &mt, addr, UINT64_MAX, &e); addr = e.end) {
		struct vm_area_struct *vma = PTR(self, e.ref);

		MUTATE(exit_detaches_late, vma_mark_detached(self, mm, vma));
		vma_close(self, vma);
		vm_area_free_unreachable(self, vma);
	}
	STEP(exit_freed, mm);
	tree_destroy(self, &mt, true);
	vmas_count(self, mm, -(s64)mm->map_count);
	mm->total_vm = mm->data_vm = mm->locked_vm = mm->accounted = 0;
}

void exit_mmap_into(struct participant *self, struct mm_struct *mm, struct mm_struct *next)
{
	mm->builder = (u16)(self->index + 1);
	mm->exec_to = next ? mm_future_id(self->seg, next) : 0;
	/* release: in a crash exec_to is there when the state is */
	store_release_u32(&mm->state, MM_EXITING);
	STEP(exit_locked, mm);
	if (next) {
		mm_publish(self, next);
		STEP(exec_done, next);
	}
	exit_mmap_locked(self, mm);
	store_relaxed_u64(&mm->id, 0); /* who waits for mmap_lock sees it there, under the lock */
	GHOST(write_end(mm));
	vma_end_write_all(mm);
	event_lock(self, EVENT_GIVEN, EVENT_LOCK_MMAP_WRITE, &mm->mmap_lock);
	up_write(self, &mm->mmap_lock, HOLD_MMAP);
	mm_free(self, mm);
}

int exit_mmap(struct participant *self, u64 id)
{
	struct mm_struct *mm = mm_find(self->seg, id);

	if (!mm || mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	exit_mmap_into(self, mm, NULL);
	stat_inc(self, exit);
	return 0;
}

int mm_lease_get(struct participant *self, u64 id)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 *lease = &self->area->leases[mm_index(id) % ARRAY_SIZE(self->area->leases)];

	if (!mm)
		return VL_E_NO_MM;
	if (*lease >> LEASE_SHIFT != life_generation(id))
		store_relaxed_u64(lease, lease_of(id));
	if ((*lease & LEASES_MAX) == LEASES_MAX)
		return VL_E_LIMIT;
	store_relaxed_u64(lease, *lease + 1);
	add_acq_rel_u32(&mm->users, 1);
	if (load_acquire_u64(&mm->id) == id)
		return 0;
	store_relaxed_u64(lease, *lease - 1); /* it went away meanwhile; its users are void */
	return VL_E_NO_MM;
}

int mm_lease_put(struct participant *self, u64 id)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 *lease = &self->area->leases[mm_index(id) % ARRAY_SIZE(self->area->leases)];

	if (*lease >> LEASE_SHIFT != life_generation(id) || (*lease & LEASES_MAX) == 0)
		return VL_E_NO_MM;
	store_relaxed_u64(lease, *lease - 1);
	if (!mm)
		return VL_E_NO_MM;
	if (add_acq_rel_u32(&mm->users, (u32)-1) == 0 &&
	    load_relaxed_u64(&mm->keep_until_ns) <= now_ns())
		exit_mmap(self, id);
	return 0;
}

int mm_keep(struct participant *self, u64 id, u64 ttl_ns)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 until = now_ns() + ttl_ns, old;

	if (!mm)
		return VL_E_NO_MM;
	old = load_relaxed_u64(&mm->keep_until_ns);
	while (old < until && !cmpxchg_relaxed_u64(&mm->keep_until_ns, &old, until))
		;
	return 0;
}

int mm_reap(struct participant *self)
{
	struct mm_struct *table = mm_table(self->seg);
	u64 now = now_ns();
	int reaped = 0;

	for (u32 i = 0; i < self->seg->hdr->config.mms_max; i++) {
		struct mm_struct *mm = &table[i];
		u64 id = load_acquire_u64(&mm->id);

		if (!id || load_relaxed_u32(&mm->users) != 0 ||
		    load_relaxed_u64(&mm->keep_until_ns) > now)
			continue;
		LAB(lab_gates_leave(self, id));
		if (core_enter(self) != 0)
			return VL_E_BROKEN;
		if (exit_mmap(self, id) == 0)
			reaped++;
		files_release(self);
		core_exit(self);
	}
	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	rcu_tidy(self); /* what the ended mms had, and what a recovery adopted */
	core_exit(self);
	return reaped;
}
