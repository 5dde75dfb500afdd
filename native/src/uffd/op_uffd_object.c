/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_uffd_object.c: userfaultfd objects, and which VMAs they are told of.
 *
 *   open, handshake            mmap_lock read (the mm is alive), one cmpxchg of the object's word
 *   register, unregister       mmap_lock write: look at all VMAs of the range; then for each stamp
 *                              -> merge, or split at the edges -> context -> flags (the other way
 *                              round to take them away)
 *   close                      mmap_lock write: the word says CLOSING -> each VMA as for unregister
 *                              -> the word is free
 *   wake                       checks its range: here nobody sleeps, a fault is answered at once
 *
 * VMAs that were changed before a failure stay changed. A VMA that is registered merges with those
 * of the same object and modes only. (kernel: fs/userfaultfd.c)
 */
#include "uffd_internal.h"

#include "vmalab/block_calls.h"
#include "vmalab/lock_model.h"
#include "vmalab/merge.h"
#include "vmalab/op_fault.h"
#include "vmalab/safe_point.h"
#include "vmalab/uapi.h"

/* The kernel's bits, and those of them that are answered here: no events, no poison. */
#define FEATURES_ACCEPTED                                                                \
	(1ul << 0 /* PAGEFAULT_FLAG_WP */ | 1ul << 4 /* MISSING_HUGETLBFS */ |           \
	 1ul << 5 /* MISSING_SHMEM */ | UFFD_FEATURE_SIGBUS | 1ul << 8 /* THREAD_ID */ | \
	 1ul << 9 /* MINOR_HUGETLBFS */ | 1ul << 10 /* MINOR_SHMEM */ |                  \
	 1ul << 11 /* EXACT_ADDRESS */ | 1ul << 12 /* WP_HUGETLBFS_SHMEM */ |            \
	 UFFD_FEATURE_WP_UNPOPULATED | UFFD_FEATURE_WP_ASYNC | 1ul << 16 /* MOVE */)

u32 uffd_find(const struct participant *self, const struct mm_struct *mm, u64 handle, u32 *state)
{
	u64 slot = (handle & 0xff) - 1, word;

	if (slot >= UFFDS_MAX)
		return 0;
	/* relaxed: whoever has the handle came after the object was made; that it is closed
	 * meanwhile is for the lock to keep out */
	word = load_relaxed_u64(&mm_uffds(self->seg, mm)[slot]);
	*state = (u32)(word & UFFD_STATE);
	if (!(word & UFFD_OPEN) || (word & UFFD_CLOSING) || word >> 8 != handle >> 8)
		return 0;
	return (u32)slot + 1;
}

int uffd_ready(const struct participant *self, const struct mm_struct *mm, u64 handle, u32 *ctx,
	       u32 *state)
{
	*ctx = uffd_find(self, mm, handle, state);
	if (!*ctx)
		return -EBADF;
	return *state & UFFD_READY ? 0 : -EINVAL;
}

int uffd_range(u64 start, u64 len)
{
	if (((start | len) & ~PAGE_MASK) || !len || start >= TASK_SIZE || len > TASK_SIZE - start)
		return -EINVAL;
	return 0;
}

/* A handle. */
s64 op_uffd_open(struct participant *self, u64 id, u64 flags)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	s64 handle = -EMFILE;

	if (!mm)
		return VL_S_NO_MM;
	if (flags & ~(u64)(UFFD_USER_MODE_ONLY | UFFD_NONBLOCK | UFFD_CLOEXEC))
		return -EINVAL;
	if (mmap_read_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	for (u32 slot = 0; slot < UFFDS_MAX && handle < 0; slot++) {
		u64 *word = &mm_uffds(self->seg, mm)[slot];
		u64 old = load_relaxed_u64(word); /* relaxed: the cmpxchg decides */
		u64 serial = (old >> UFFD_SERIAL_SHIFT) + UFFD_SERIAL_STEP;

		while (!(old & UFFD_OPEN) && serial <= UFFD_SERIAL_MAX) {
			if (!cmpxchg_relaxed_u64(word, &old,
						 serial << UFFD_SERIAL_SHIFT | UFFD_OPEN)) {
				serial = (old >> UFFD_SERIAL_SHIFT) + UFFD_SERIAL_STEP;
				continue;
			}
			handle = (s64)(serial << UFFD_SERIAL_SHIFT | (slot + 1));
			break;
		}
	}
	mmap_read_unlock(self, mm);
	return handle;
}

/* (kernel: userfaultfd_api) */
s64 op_uffd_api(struct participant *self, u64 id, u64 handle, u64 version, u64 features)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u32 ctx, state;
	u64 word, old;
	s64 err = 0;

	if (!mm || mmap_read_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	ctx = uffd_find(self, mm, handle, &state);
	if (!ctx) {
		err = -EBADF;
	} else if (version != UFFD_API_VERSION || (features & ~FEATURES_ACCEPTED)) {
		err = -EINVAL;
	} else {
		old = handle >> UFFD_SERIAL_SHIFT << UFFD_SERIAL_SHIFT | UFFD_OPEN;
		word = old | UFFD_READY | (features & UFFD_FEATURE_SIGBUS ? UFFD_SIGBUS : 0) |
		       (features & UFFD_FEATURE_WP_ASYNC ? UFFD_WP_ASYNC | UFFD_WP_UNPOPULATED
							 : 0) |
		       (features & UFFD_FEATURE_WP_UNPOPULATED ? UFFD_WP_UNPOPULATED : 0);
		/* relaxed: nobody acts on the word before a VMA is registered, under mmap_lock */
		if (!cmpxchg_relaxed_u64(&mm_uffds(self->seg, mm)[ctx - 1], &old, word))
			err = -EINVAL; /* a second time */
	}
	mmap_read_unlock(self, mm);
	return err ? err : (s64)FEATURES_ACCEPTED;
}

/* (kernel: vma_can_userfault) */
static bool can_register(const struct participant *self, const struct vm_area_struct *vma,
			 u64 modes, u32 state)
{
	const struct file *file = vma->vm_file ? file_get(self->seg, vma->vm_file) : NULL;
	bool shmem = file && vma->vm_ops != VMA_SPECIAL && file_is_shmem(file);

	if ((vma->vm_flags & VM_DROPPABLE) || ((modes & VM_UFFD_MINOR) && !shmem))
		return false;
	if ((state & UFFD_WP_ASYNC) && modes == VM_UFFD_WP)
		return true;
	return vma_is_anonymous(vma) || shmem;
}

static int register_check(struct participant *self, struct mm_struct *mm, u64 start, u64 end,
			  u64 modes, u32 ctx, u32 state)
{
	struct range_entry e;
	bool found = false;

	for (; tree_find(self, &mm->mm_mt, start, end, &e); start = e.end, found = true) {
		const struct vm_area_struct *vma = PTR(self, e.ref);

		if (!can_register(self, vma, modes, state))
			return -EINVAL;
		if (!(vma->vm_flags & VM_MAYWRITE))
			return -EPERM;
		if (vma->uffd_ctx && vma->uffd_ctx != ctx)
			return -EBUSY;
	}
	return found ? 0 : -EINVAL;
}

/* One VMA; *end is where the VMA that it became ends. */
static int set_modes(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		     u64 start, u64 *end, u64 modes, u32 ctx)
{
	struct vma_merge_struct vmg;
	int err;

	vmg_from_vma(self, &vmg, mm, vma, start, *end);
	vmg.flags = (vmg.flags & ~VM_UFFD_FLAGS) | modes;
	vmg.uffd_ctx = ctx;
	err = vma_modify(self, &vmg, &vma);
	if (err && (ctx || start != vma->vm_start || *end != vma->vm_end))
		return err; /* else it need not merge */
	GHOST(change(vma, "uffd_ctx"));
	if (ctx) {
		vma->uffd_ctx = ctx;
		STEP(uffd_armed, vma);
		vm_flags_reset(mm, vma, (vma->vm_flags & ~VM_UFFD_FLAGS) | modes);
	} else {
		uffd_forget(vma);
	}
	*end = vma->vm_end;
	return 0;
}

/* (kernel: userfaultfd_register) */
s64 op_uffd_register(struct participant *self, u64 id, u64 handle, u64 start, u64 len, u64 mode)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 end = start + len, modes = (mode & UFFDIO_REGISTER_MODE_MISSING ? VM_UFFD_MISSING : 0) |
				       (mode & UFFDIO_REGISTER_MODE_WP ? VM_UFFD_WP : 0) |
				       (mode & UFFDIO_REGISTER_MODE_MINOR ? VM_UFFD_MINOR : 0);
	struct range_entry e;
	u32 ctx, state;
	s64 err;

	if (!mm || mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	err = uffd_ready(self, mm, handle, &ctx, &state);
	if (!err && (!mode || (mode & ~7ul)))
		err = -EINVAL;
	if (!err)
		err = uffd_range(start, len);
	if (!err)
		err = register_check(self, mm, start, end, modes, ctx, state);
	while (!err && tree_find(self, &mm->mm_mt, start, end, &e)) {
		struct vm_area_struct *vma = PTR(self, e.ref);
		u64 stop = min_u64(e.end, end);

		if (vma->uffd_ctx != ctx || (vma->vm_flags & modes) != modes)
			err = set_modes(self, mm, vma, max_u64(start, e.start), &stop, modes, ctx);
		else
			stop = e.end;
		start = stop;
	}
	mmap_write_unlock(self, mm);
	return err;
}

static int unprotect_one(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	pte_t old = load_relaxed_u64(pte); /* relaxed: a value that is compared */

	(void)self;
	(void)addr;
	(void)arg;
	while ((old & PTE_UFFD_WP) &&
	       !cmpxchg_acq_rel_u64(pte, &old, pte_is_marker(old) ? 0 : old & ~PTE_UFFD_WP))
		;
	return 0;
}

/* (kernel: userfaultfd_clear_vma) */
static int clear_vma(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		     u64 start, u64 *end)
{
	if (vma->vm_flags & VM_UFFD_WP) {
		vma_start_write(self, mm, vma);
		(void)pte_walk_long(self, &mm->pgd, start, *end, false, unprotect_one, NULL);
	}
	return set_modes(self, mm, vma, start, end, 0, 0);
}

/* (kernel: userfaultfd_unregister) */
s64 op_uffd_unregister(struct participant *self, u64 id, u64 handle, u64 start, u64 len)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u64 end = start + len;
	struct range_entry e;
	u32 ctx, state;
	bool found = false;
	s64 err;

	if (!mm || mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	err = uffd_ready(self, mm, handle, &ctx, &state);
	if (!err)
		err = uffd_range(start, len);
	for (u64 at = start; !err && tree_find(self, &mm->mm_mt, at, end, &e); at = e.end) {
		const struct vm_area_struct *vma = PTR(self, e.ref);

		found = true;
		if ((vma->uffd_ctx && vma->uffd_ctx != ctx) ||
		    !can_register(self, vma, vma->vm_flags & VM_UFFD_FLAGS, state))
			err = -EINVAL;
	}
	if (!err && !found)
		err = -EINVAL;
	while (!err && tree_find(self, &mm->mm_mt, start, end, &e)) {
		struct vm_area_struct *vma = PTR(self, e.ref);
		u64 stop = min_u64(e.end, end);

		if (vma->uffd_ctx)
			err = clear_vma(self, mm, vma, max_u64(start, e.start), &stop);
		else
			stop = e.end;
		start = stop;
	}
	mmap_write_unlock(self, mm);
	return err;
}

/* (kernel: userfaultfd_release) */
s64 op_uffd_close(struct participant *self, u64 id, u64 handle)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	struct range_entry e;
	u32 ctx, state;
	u64 at = 0, *word;

	if (!mm || mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	ctx = uffd_find(self, mm, handle, &state);
	if (!ctx) {
		mmap_write_unlock(self, mm);
		return -EBADF;
	}
	word = &mm_uffds(self->seg, mm)[ctx - 1];
	or_relaxed_u64(word, UFFD_CLOSING); /* relaxed: for recovery, which comes after all */
	STEP(uffd_closing, mm);
	while (tree_find(self, &mm->mm_mt, at, UINT64_MAX, &e)) {
		struct vm_area_struct *vma = PTR(self, e.ref);

		at = e.end;
		if (vma->uffd_ctx == ctx)
			VL_ASSERT(clear_vma(self, mm, vma, e.start, &at) == 0);
	}
	store_relaxed_u64(word, handle >> UFFD_SERIAL_SHIFT << UFFD_SERIAL_SHIFT);
	mmap_write_unlock(self, mm);
	return 0;
}

s64 op_uffd_wake(struct participant *self, u64 id, u64 handle, u64 start, u64 len)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	u32 ctx, state;
	int err;

	if (!mm)
		return VL_S_NO_MM;
	err = uffd_ready(self, mm, handle, &ctx, &state);
	return err ? err : uffd_range(start, len);
}

struct protecting {
	struct mm_struct *mm;
	bool changed;
};

/* 0, -ENOMEM, or -EAGAIN: a move of that page is under way. */
static int protect_one(struct participant *self, pte_t *pte, struct protecting *p)
{
	pte_t old = pte ? load_relaxed_u64(pte) : 0; /* relaxed: a value that is compared */

	(void)self;
	for (;;) {
		pte_t new = old ? (old | PTE_UFFD_WP) & ~PTE_WRITE : PTE_WP_MARKER;

		if (old & PTE_BUSY)
			return -EAGAIN;
		if (new == old || pte_is_marker(old))
			return 0;
		if (cmpxchg_acq_rel_u64(pte, &old, new)) {
			p->changed |= (old & PTE_WRITE) != 0;
			return 0;
		}
	}
}

static int protect_entry(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	(void)addr;
	while (protect_one(self, pte, arg) == -EAGAIN)
		fault_pause();
	rcu_poll(self);
	return 0;
}

/* Entries that are there, and with markers also those that are not. */
static int protect_range(struct participant *self, struct protecting *p, u64 start, u64 end,
			 bool markers)
{
	u64 owner = mm_table_owner(self, p->mm);
	u32 steps = 0;

	if (!markers)
		return pte_walk_long(self, &p->mm->pgd, start, end, true, protect_entry, p);
	for (u64 addr = start; addr < end; addr += PAGE_SIZE) {
		pte_t *pte = pte_alloc(self, &p->mm->pgd, owner, addr);

		if (!pte)
			return -ENOMEM;
		(void)protect_entry(self, pte, addr, p);
		if (safe_step(self, &steps) != 0)
			return -EINTR;
	}
	return 0;
}

/* Under mmap_lock read, so faults run beside it. One that saw an entry writable may still store: a
 * grace period at the end is what the flush of the TLB is for the kernel. (kernel:
 * mwriteprotect_range, uffd_wp_range) */
s64 op_uffd_protect(struct participant *self, u64 id, u64 handle, u64 start, u64 len, u64 mode)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	struct protecting p = {.mm = mm};
	u64 end = start + len;
	struct range_entry e;
	u32 ctx, state;
	s64 err;

	if (!mm || mmap_read_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	err = uffd_ready(self, mm, handle, &ctx, &state);
	if (!err)
		err = uffd_range(start, len);
	if (!err && ((mode & ~3ul) || mode == 3))
		err = -EINVAL;
	if (!err && !tree_find(self, &mm->mm_mt, start, end, &e))
		err = -ENOENT;
	for (; !err && tree_find(self, &mm->mm_mt, start, end, &e); start = e.end) {
		const struct vm_area_struct *vma = PTR(self, e.ref);
		u64 from = max_u64(start, e.start), to = min_u64(end, e.end);

		if (!(vma->vm_flags & VM_UFFD_WP))
			err = -ENOENT;
		else if (mode & UFFDIO_WRITEPROTECT_MODE_WP)
			err = protect_range(self, &p, from, to,
					    !vma_is_anonymous(vma) ||
						    (uffd_of(self, mm, vma) & UFFD_WP_UNPOPULATED));
		else
			err = pte_walk_long(self, &mm->pgd, from, to, true, unprotect_one, NULL);
	}
	mmap_read_unlock(self, mm);
	if (p.changed)
		synchronize_rcu(self);
	return err;
}
