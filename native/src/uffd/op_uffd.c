/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_uffd.c: userfaultfd move of pages between two VMAs.
 *
 * The destination is read-locked first, the source by trylock only; if that fails the destination
 * is dropped and both are taken under mmap_lock read (vma_start_read_locked, _nested for the
 * second). Blocking on mmap_lock with one VMA lock held would deadlock with a writer that has
 * mmap_lock and waits for that VMA. The same VMA is locked once.
 *
 * Pages: mark the source entries PTE_BUSY (faults leave and come again); one grace period, because
 * a fault that read the entry before may still store into the frame (what a TLB flush is for the
 * kernel); then entry by entry into the empty destination. A mark carries a reference of the
 * mover's: a MADV_DONTNEED beside it, which holds the VMA lock for reading too, may take the source
 * entry with its own at any time, and leaves the charge to the mover (resident.h).
 * Killed in between: recovery recounts, and clears PTE_BUSY; a page found in both places stays in
 * the destination and the source. (kernel: mm/userfaultfd.c move_pages, uffd_move_lock)
 */
#include "uffd_internal.h"

#include "vmalab/block_calls.h"
#include "vmalab/lock_model.h"
#include "vmalab/merge.h"
#include "vmalab/resident.h"
#include "vmalab/safe_point.h"
#include "vmalab/uapi.h"

#define MOVE_CHUNK_PAGES 512
_Static_assert(MOVE_CHUNK_PAGES < PAGE_SIZE, "participant_area.doubt");

struct move {
	struct mm_struct *mm;
	struct vm_area_struct *dst, *src;
	bool mmap_locked; /* the model has no VMA lock to hold instead */
	u32 ctx;          /* whose the destination must be; 0: it counts as registered */
};

static void move_unlock(struct participant *self, const struct move *m)
{
	if (m->src != m->dst)
		vma_end_read_at(self, m->src, HOLD_VMA2);
	vma_end_read_at(self, m->dst, HOLD_VMA);
	if (m->mmap_locked)
		mmap_read_unlock(self, m->mm);
}

static bool lock_fast(struct participant *self, struct move *m, u64 id, u64 dst, u64 src)
{
	m->dst = lock_vma_under_rcu(self, m->mm, id, dst, HOLD_VMA);
	if (!m->dst)
		return false;
	/* A fault may be setting it now. acquire pairs: ANON-1 (anon.c:anon_vma_prepare) */
	if (!load_acquire_u32(&m->dst->anon_vma))
		goto drop;
	STEP(uffd_dst, m->dst);
	if (src >= m->dst->vm_start && src < m->dst->vm_end) {
		m->src = m->dst;
		return true;
	}
	m->src = lock_vma_under_rcu(self, m->mm, id, src, HOLD_VMA2);
	if (m->src)
		return true;
	if (MUTANT(move_blocks_holding_vma)) { /* waits with the first VMA locked */
		if (mmap_read_lock(self, m->mm, id) == 0)
			mmap_read_unlock(self, m->mm);
	}
drop:
	vma_end_read_at(self, m->dst, HOLD_VMA);
	return false;
}

static int lock_slow(struct participant *self, struct move *m, u64 id, u64 dst, u64 src)
{
	int err = -ENOENT;

	if (mmap_read_lock(self, m->mm, id) != 0)
		return VL_S_NO_MM;
	m->dst = vma_lookup(self, m->mm, dst);
	if (!m->dst)
		goto out;
	err = m->dst->vm_flags & VM_SHARED ? 0 : anon_vma_prepare(self, m->mm, m->dst);
	if (err)
		goto out;
	err = -ENOENT;
	m->src = vma_lookup(self, m->mm, src);
	if (!m->src)
		goto out;
	err = -EAGAIN; /* too many readers */
	if (!vma_start_read_locked(self, m->dst, HOLD_VMA))
		goto out;
	if (m->src != m->dst && !vma_start_read_locked_nested(self, m->src, HOLD_VMA2)) {
		vma_end_read_at(self, m->dst, HOLD_VMA);
		goto out;
	}
	if (!VMA_LOCK_PER_VMA) {
		m->mmap_locked = true;
		return 0;
	}
	GHOST(grant(m->mm, m->dst, dst));
	if (m->src != m->dst)
		GHOST(grant(m->mm, m->src, src));
	err = 0;
out:
	mmap_read_unlock(self, m->mm);
	return err;
}

/* (kernel: validate_move_areas) */
static int validate(const struct move *m, u64 dst, u64 src, u64 len)
{
	u64 differ = m->src->vm_flags ^ m->dst->vm_flags;

	if ((m->src->vm_flags | m->dst->vm_flags) & VM_SHARED)
		return -EINVAL;
	if (src + len > m->src->vm_end || dst + len > m->dst->vm_end)
		return -EINVAL;
	if ((differ & (VM_ACCESS_FLAGS | VM_LOCKED | VM_PKEY_MASK)) ||
	    !(m->src->vm_flags & VM_WRITE))
		return -EINVAL;
	if (m->ctx && m->dst->uffd_ctx != m->ctx)
		return -EINVAL;
	return vma_is_anonymous(m->src) && vma_is_anonymous(m->dst) ? 0 : -EINVAL;
}

/* Marks one source entry and takes a reference of its frame. 0 marked or a hole that is allowed;
 * else the error that ends the move before this page. */
static int busy_one(struct participant *self, const struct move *m, u64 src, u64 mode, u32 *frame)
{
	pte_t *pte = pte_lookup(self->seg, &m->mm->pgd, src);
	pte_t old = pte ? load_acquire_u64(pte) : 0;

	for (*frame = FRAME_NONE;;) {
		u32 taken = pte_frame(old);

		if (!old)
			return mode & UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES ? 0 : -ENOENT;
		if (old & PTE_BUSY)
			return -EAGAIN;
		if (pte_is_marker(old))
			return -EFAULT;
		if (taken != FRAME_ZERO && !(old & PTE_EXCLUSIVE))
			return -EBUSY;            /* shared with another mm, now or once */
		if (!frame_tryget(self, taken)) { /* the same */
			old = load_acquire_u64(pte);
			continue;
		}
		if (cmpxchg_acq_rel_u64(pte, &old, old | PTE_BUSY)) {
			*frame = taken;
			return 0;
		}
		frame_put(self, taken);
	}
}

/* The entry that busy_one marked, if it is still there: a zap, and a fault after it, may have put
 * another in its place, which is not ours to touch. Our reference keeps the frame, so its number
 * tells. */
static pte_t marked_entry(const pte_t *pte, u32 frame)
{
	pte_t entry = pte ? load_acquire_u64(pte) : 0;

	return (entry & PTE_BUSY) && pte_frame(entry) == frame ? entry : 0;
}

/* The destination gets our reference, the source gives up its own. */
static int move_one(struct participant *self, const struct move *m, u64 dst, u64 src, u32 *frame)
{
	pte_t *from = pte_lookup(self->seg, &m->mm->pgd, src), none = 0, marked, entry;
	pte_t *to;

	if (!*frame)
		return 0; /* a hole stays a hole */
	marked = marked_entry(from, *frame);
	if (!marked) { /* it became one */
		mm_entry_gone(self, m->mm, pte_make(*frame, 0));
		*frame = FRAME_NONE;
		return 0;
	}
	to = pte_alloc(self, &m->mm->pgd, mm_table_owner(self, m->mm), dst);
	if (!to)
		return -ENOMEM;
	entry = marked & ~(PTE_BUSY | PTE_UFFD_WP);
	if (*frame != FRAME_ZERO)
		entry |= PTE_WRITE | PTE_DIRTY;
	if (!cmpxchg_acq_rel_u64(to, &none, entry))
		return -EEXIST;
	recount_note(self, to, 0, entry);
	/* Else a zap has dropped it. Its charge is the destination's in any case. */
	if (cmpxchg_acq_rel_u64(from, &marked, 0)) {
		recount_note(self, from, marked, 0);
		frame_put(self, *frame);
	}
	*frame = FRAME_NONE;
	return 0;
}

/* Takes off the marks of pages that were not moved, and gives the references back. */
static void unbusy(struct participant *self, const struct move *m, u64 src, u64 pages,
		   const u32 *frames)
{
	for (u64 i = 0; i < pages; i++) {
		pte_t *pte = pte_lookup(self->seg, &m->mm->pgd, src + i * PAGE_SIZE), marked;

		if (!frames[i])
			continue;
		do
			marked = marked_entry(pte, frames[i]);
		while (marked && !cmpxchg_acq_rel_u64(pte, &marked, marked & ~PTE_BUSY));
		if (marked)
			frame_put(self, frames[i]);
		else
			mm_entry_gone(self, m->mm, pte_make(frames[i], 0));
	}
}

/* Returns 0 or the error at which it stopped; *moved counts bytes. Not inside an RCU section. */
static int move_pages(struct participant *self, const struct move *m, u64 dst, u64 src, u64 len,
		      u64 mode, u64 *moved)
{
	u32 frames
		[MOVE_CHUNK_PAGES]; /* marked, each with a reference of ours; FRAME_NONE: a hole */
	u64 marked = 0;
	int err = 0, stop = 0;

	note_doubt(self, src, len >> PAGE_SHIFT);
	while (marked < len && !stop) {
		const pte_t *pte = pte_lookup(self->seg, &m->mm->pgd, dst + marked);
		u32 *frame = &frames[marked >> PAGE_SHIFT];

		if (!(mode & UFFDIO_MOVE_MODE_ALLOW_SRC_HOLES) &&
		    !pte_lookup(self->seg, &m->mm->pgd, src + marked))
			stop = -ENOENT; /* no table, as the kernel asks before all */
		else if (pte && load_acquire_u64(pte))
			stop = -EEXIST;
		else
			stop = busy_one(self, m, src + marked, mode, frame);
		if (!stop)
			marked += PAGE_SIZE;
	}
	STEP(uffd_busy, m->src);
	if (marked)
		synchronize_rcu(self);
	while (*moved < marked && !err) {
		err = move_one(self, m, dst + *moved, src + *moved, &frames[*moved >> PAGE_SHIFT]);
		if (!err)
			*moved += PAGE_SIZE;
	}
	unbusy(self, m, src + *moved, (marked - *moved) >> PAGE_SHIFT,
	       &frames[*moved >> PAGE_SHIFT]);
	return err ? err : stop;
}

s64 op_uffd_move(struct participant *self, u64 id, u64 dst, u64 src, u64 len, u64 mode, u64 handle,
		 u64 *moved)
{
	struct move m = {.mm = mm_find(self->seg, id)};
	u64 done = 0, chunk = MOVE_CHUNK_PAGES << PAGE_SHIFT;
	u32 state;
	int err = 0;

	*moved = 0;
	if (!m.mm)
		return VL_S_NO_MM;
	err = handle ? uffd_ready(self, m.mm, handle, &m.ctx, &state) : 0;
	if (err)
		return err;
	if (((dst | src | len) & ~PAGE_MASK) || !len || dst + len <= dst || src + len <= src ||
	    (mode & ~3ul))
		return -EINVAL;
	if (dst + len > TASK_SIZE || src + len > TASK_SIZE)
		return -EINVAL;
	/* In chunks, so that no VMA lock is held for long; page by page where a page may come to
	 * where another has just left. */
	if (src < dst + len && dst < src + len)
		chunk = PAGE_SIZE;
	while (*moved < len && !err && !(err = safe_point(self))) {
		u64 step = min_u64(len - *moved, chunk);

		done = 0;
		if (!lock_fast(self, &m, id, dst + *moved, src + *moved))
			err = lock_slow(self, &m, id, dst + *moved, src + *moved);
		if (err)
			break;
		STEP(uffd_src, m.src);
		err = validate(&m, dst + *moved, src + *moved, *moved ? step : len);
		if (!err)
			err = move_pages(self, &m, dst + *moved, src + *moved, step, mode, &done);
		STEP(uffd_moved, m.src);
		move_unlock(self, &m);
		*moved += done;
	}
	if (!err)
		return (s64)*moved;
	return *moved && err > VL_S_NO_MM ? -EAGAIN : err;
}
