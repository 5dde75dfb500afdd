/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_uffd_fill.c: UFFDIO_COPY, UFFDIO_ZEROPAGE, UFFDIO_CONTINUE: pages put where none are.
 *
 *   lock the destination (its own lock; without an anon_vma, or when a writer is there: under
 *   mmap_lock read) -> is it registered, and does it hold the whole range?
 *   copy: unlock -> read the source by a fault of its own -> lock and look again, as the VMA may
 *   have become another meanwhile
 *   one cmpxchg of the entry -> the next page -> unlock
 *
 * No lock is held while the source is read: that may need any of them. A page of shared memory is
 * put into its file first; of two who come at once, one finds it there. Killed in between: the page
 * is in the file, as after fallocate. (kernel: mfill_atomic, uffd_mfill_lock)
 */
#include "uffd_internal.h"

#include "vmalab/block_calls.h"
#include "vmalab/lock_model.h"
#include "vmalab/merge.h"
#include "vmalab/op_fault.h"
#include "vmalab/resident.h"
#include "vmalab/safe_point.h"
#include "vmalab/uapi.h"

struct fill {
	struct mm_struct *mm;
	struct vm_area_struct *vma; /* locked, or NULL */
	bool mmap_locked;           /* the model has no VMA lock to hold instead */
	u64 id, what;               /* UFFD_FILL_* */
	u64 dst, src, len, mode;
	bool wp;
};

static void fill_unlock(struct participant *self, struct fill *f)
{
	vma_end_read_at(self, f->vma, HOLD_VMA);
	if (f->mmap_locked)
		mmap_read_unlock(self, f->mm);
	f->mmap_locked = false;
	f->vma = NULL;
}

/* (kernel: uffd_lock_vma) */
static int lock_vma(struct participant *self, struct fill *f)
{
	struct vm_area_struct *vma;
	int err = 0;

	vma = lock_vma_under_rcu(self, f->mm, f->id, f->dst, HOLD_VMA);
	if (vma) {
		f->vma = vma;
		/* A fault may be setting it. acquire pairs: ANON-1 (anon.c:anon_vma_prepare) */
		if ((vma->vm_flags & VM_SHARED) || load_acquire_u32(&vma->anon_vma))
			return 0;
		fill_unlock(self, f);
	}
	if (mmap_read_lock(self, f->mm, f->id) != 0)
		return VL_S_NO_MM;
	vma = vma_lookup(self, f->mm, f->dst);
	if (!vma)
		err = -ENOENT;
	else if (!(vma->vm_flags & VM_SHARED))
		err = anon_vma_prepare(self, f->mm, vma);
	if (!err && !vma_start_read_locked(self, vma, HOLD_VMA))
		err = -EAGAIN; /* too many readers */
	if (!err) {
		f->vma = vma;
		f->mmap_locked = !VMA_LOCK_PER_VMA;
		GHOST(grant(f->mm, vma, f->dst));
	}
	if (!f->mmap_locked)
		mmap_read_unlock(self, f->mm);
	return err;
}

static bool is_shmem(const struct participant *self, const struct vm_area_struct *vma)
{
	const struct file *file = vma->vm_file ? file_get(self->seg, vma->vm_file) : NULL;

	return file && vma->vm_ops != VMA_SPECIAL && file_is_shmem(file);
}

/* With the lock: 0, or why nothing can be put there; then it is given back. */
static int fill_lock(struct participant *self, struct fill *f)
{
	int err = lock_vma(self, f);
	bool shmem;

	if (err)
		return err;
	STEP(uffd_dst, f->vma);
	shmem = is_shmem(self, f->vma);
	if (f->dst + f->len > f->vma->vm_end || !vma_is_armed(f->vma))
		err = -ENOENT;
	else if (f->wp && !(f->vma->vm_flags & VM_UFFD_WP))
		err = -EINVAL;
	else if (!shmem && (!vma_is_anonymous(f->vma) || f->what == UFFD_FILL_CONTINUE))
		err = -EINVAL;
	if (err)
		fill_unlock(self, f);
	return err;
}

/* Enters new where nothing is; a page also where a marker is, even a guard. (kernel:
 * pte_none_mostly) */
static int enter(struct participant *self, const struct fill *f, u64 addr, pte_t new)
{
	pte_t *pte = pte_alloc(self, &f->mm->pgd, mm_table_owner(self, f->mm), addr);
	pte_t old = pte ? load_relaxed_u64(pte) : 0; /* relaxed: a value that is compared */

	if (!pte)
		return -ENOMEM;
	note_doubt(self, addr, 1);
	if (f->wp)
		new = (new | PTE_UFFD_WP) & ~PTE_WRITE;
	if (pte_counts(new) && !mm_frame_charge(self, f->mm))
		return -ENOMEM;
	do {
		if (old && (!pte_is_marker(old) || pte_frame(new) == FRAME_ZERO)) {
			if (pte_counts(new))
				mm_frame_uncharge(self, f->mm);
			return -EEXIST;
		}
	} while (!cmpxchg_full_u64(pte, &old, new));
	recount_note(self, pte, old, new);
	STEP(pte_set, f->vma);
	return 0;
}

/* Takes an entry out that came too late for its file. */
static void take_out(struct participant *self, const struct fill *f, u64 addr)
{
	pte_t *pte = pte_lookup(self->seg, &f->mm->pgd, addr);

	pte_t old = xchg_acq_rel_u64(pte, 0);

	recount_note(self, pte, old, 0);
	mm_entry_gone(self, f->mm, old);
}

static int fill_private(struct participant *self, const struct fill *f, u64 addr, u64 word)
{
	const struct file *file = f->vma->vm_file ? file_get(self->seg, f->vma->vm_file) : NULL;
	u64 pgoff = linear_page_index(f->vma, addr);
	u32 frame = FRAME_ZERO;
	int err;

	if (file && file_beyond_end(file, pgoff))
		return -EFAULT;
	if (f->what == UFFD_FILL_COPY)
		frame = frame_alloc_for(self, f->mm->account);
	if (frame == FRAME_NONE)
		return -ENOMEM;
	if (frame == FRAME_ZERO) {
		err = enter(self, f, addr, pte_make(FRAME_ZERO, file ? PTE_ANON : 0));
	} else {
		/* relaxed: published by the entry's cmpxchg, PTE-1 */
		store_relaxed_u64(frame_word(self->seg, frame), word);
		err = enter(self, f, addr,
			    pte_make(frame,
				     PTE_ANON | PTE_EXCLUSIVE | PTE_DIRTY | f->vma->page_prot));
		if (err)
			frame_put_now(self, frame);
	}
	if (!err && file) {
		fence_full(); /* pairs: FILE-3 (op_file.c:cut_begin) */
		if (file_beyond_end(file, pgoff)) {
			take_out(self, f, addr);
			err = -EFAULT;
		}
	}
	return err;
}

/* The page that the file has, entered as a fault would. */
static int enter_page(struct participant *self, const struct fill *f, u64 addr, u32 frame)
{
	struct file *file = file_get(self->seg, f->vma->vm_file);
	u64 shared = f->vma->vm_flags & VM_SHARED;
	int err;

	if (!frame_tryget(self, frame))
		return -EFAULT; /* it has left the file since */
	err = enter(self, f, addr, pte_make(frame, PTE_DIRTY | (shared ? f->vma->page_prot : 0)));
	if (err) {
		frame_put(self, frame);
		return err;
	}
	if (likely(file_page_current(self->seg, file, linear_page_index(f->vma, addr), frame)))
		return 0;
	take_out(self, f, addr);
	return -EFAULT;
}

static int fill_shared(struct participant *self, const struct fill *f, u64 addr, u64 word)
{
	struct file *file = file_get(self->seg, f->vma->vm_file);
	u64 pgoff = linear_page_index(f->vma, addr);
	u32 frame;
	int err = 0;

	rcu_read_lock(self); /* a frame that leaves the file keeps its number */
	frame = file_page_add(self, file, pgoff, word, &err);
	if (frame != FRAME_NONE) {
		err = enter_page(self, f, addr, frame);
		if (err)
			file_page_remove(self, file, pgoff, frame);
	}
	rcu_read_unlock(self);
	return err;
}

static int fill_continue(struct participant *self, const struct fill *f, u64 addr)
{
	const struct file *file = file_get(self->seg, f->vma->vm_file);
	u64 pgoff = linear_page_index(f->vma, addr);
	u32 frame;
	int err;

	if (file_beyond_end(file, pgoff))
		return -EINVAL;
	rcu_read_lock(self);
	frame = file_page_find(self->seg, file, pgoff);
	err = frame == FRAME_NONE ? -EFAULT : enter_page(self, f, addr, frame);
	rcu_read_unlock(self);
	return err;
}

/* The word at src, as a read of the call itself: a page that is registered too is not waited for.
 * Only the first eight bytes of a page are kept, the others are zero. */
static int source_word(struct participant *self, const struct fill *f, u64 src, u64 *word)
{
	u64 skew = src & ~PAGE_MASK, end = src + sizeof(u64);

	*word = 0;
	for (u64 page = src & PAGE_MASK; page < src + PAGE_SIZE; page += PAGE_SIZE) {
		struct vl_result r;

		op_fault(self, f->id, page, FAULT_READ | fault_pkru(self), 0, &r);
		if (r.status == VL_S_NO_MM)
			return VL_S_NO_MM;
		if (r.status)
			return -EFAULT;
		if (page <= src && skew < sizeof(u64))
			*word = r.value >> skew * 8;
		else if (page > src && page < end)
			*word = r.value << (page - src) * 8;
	}
	return 0;
}

static int fill_one(struct participant *self, struct fill *f, u64 done)
{
	u64 addr = f->dst + done, word = 0;
	int err;

	if (f->what == UFFD_FILL_COPY) {
		if (f->vma)
			fill_unlock(self, f);
		err = source_word(self, f, f->src + done, &word);
		if (err)
			return err;
		STEP(uffd_source);
	}
	if (!f->vma) {
		err = fill_lock(self, f);
		if (err)
			return err;
	}
	if (f->what == UFFD_FILL_CONTINUE)
		return fill_continue(self, f, addr);
	if (f->vma->vm_flags & VM_SHARED)
		return fill_shared(self, f, addr, word);
	return fill_private(self, f, addr, word);
}

static int fill_check(const struct participant *self, const struct fill *f, u64 handle)
{
	u32 ctx, state;
	int err = uffd_ready(self, f->mm, handle, &ctx, &state);

	if (!err && f->what == UFFD_FILL_COPY &&
	    (uffd_range(f->src & PAGE_MASK, f->len) != 0 || f->len > TASK_SIZE - f->src))
		err = -EINVAL;
	if (!err)
		err = uffd_range(f->dst, f->len);
	if (!err && (f->what > UFFD_FILL_CONTINUE ||
		     (f->mode & ~(f->what == UFFD_FILL_ZERO ? UFFDIO_FILL_MODE_DONTWAKE : 3ul))))
		err = -EINVAL;
	return err;
}

/* *filled: bytes. All of them: 0; some: -EAGAIN; none: the error. */
s64 op_uffd_fill(struct participant *self, u64 id, u64 handle, u64 dst, u64 src, u64 len, u64 mode,
		 u32 what, u64 *filled)
{
	struct fill f = {.mm = mm_find(self->seg, id),
			 .id = id,
			 .what = what,
			 .dst = dst,
			 .src = src,
			 .len = len,
			 .mode = mode,
			 .wp = mode & UFFDIO_FILL_MODE_WP};
	u32 steps = 0;
	int err;

	*filled = 0;
	if (!f.mm)
		return VL_S_NO_MM;
	err = fill_check(self, &f, handle);
	if (err)
		return err;
	err = fill_lock(self, &f);
	while (!err && *filled < f.len) {
		err = fill_one(self, &f, *filled);
		if (!err)
			*filled += PAGE_SIZE;
		rcu_poll(self);
		if (!err && *filled < f.len)
			err = safe_step(self, &steps);
	}
	if (f.vma)
		fill_unlock(self, &f);
	if (!err)
		return (s64)*filled;
	return *filled && err > VL_S_NO_MM ? -EAGAIN : err;
}
