/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_fork.c: fork (dup_mmap) and exit.
 *
 *   parent mmap_lock write, child mmap_lock write (nested; nobody can see the child)
 *   -> duplicate the tree (it holds the parent's references for now)
 *   -> for each parent VMA: stamp; DONTCOPY: clear it in the child; else duplicate, fork the
 *      anon_vma, put it in the entry, attach, map the file, copy the entries (write-protect both
 *      sides)
 *   -> unlock child -> unlock parent -> publish
 *
 * Every parent VMA is write-locked before its pages and anon_vma are looked at: faults that ran on
 * under the VMA lock were the memory corruption of Linux 6.4.0. A failure tears down what was made:
 * entries not yet replaced are the parent's and are cleared, not freed. Killed: the child is
 * MM_BUILDING with a dead builder; recovery tears it down by the rule "an entry whose vm_mm is not
 * this mm". (kernel: dup_mmap, copy_page_range)
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"
#include "vmalab/pkeys.h"
#include "vmalab/resident.h"
#include "vmalab/safe_point.h"
#include "vmalab/uffd.h"

struct copying {
	struct mm_struct *child;
	u64 owner;
	const struct vm_area_struct *vma;
	const struct file *file; /* NULL: anonymous */
	bool cow;
	bool failed;
};

#define OWNED (PTE_WRITE | PTE_EXCLUSIVE) /* what neither side has after a fork */

static int copy_entry(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	struct copying *c = arg;
	pte_t old = load_acquire_u64(pte);
	pte_t *to;

	if (!old || old == PTE_WP_MARKER ||
	    (c->file && pte_counts(old) && !MUTANT(fork_copies_cut_page) &&
	     file_being_cut(c->file, linear_page_index(c->vma, addr), old & PTE_ANON)))
		return 0;
	to = pte_alloc(self, &c->child->pgd, c->owner, addr);
	if (!to) {
		c->failed = true;
		return 1;
	}
	/* The VMA is write-locked: only zapping (madvise under mmap_lock read is out too) could
	 * change it, so this ends at once. */
	while (c->cow && (old & OWNED) && !cmpxchg_acq_rel_u64(pte, &old, old & ~OWNED))
		;
	if (c->cow)
		old &= ~OWNED;
	old &= ~PTE_UFFD_WP; /* the child is registered with nothing */
	/* Else no move can be under way here; nobody would end the copy's. */
	if (MUTANT(fork_parent_unlocked))
		old &= ~PTE_BUSY;
	if (pte_counts(old)) {
		if (!mm_frame_charge(self, c->child)) {
			c->failed = true;
			return 1;
		}
		frame_get(self, pte_frame(old));
	}
	store_release_u64(to, old);
	recount_note(self, to, 0, old);
	return 0;
}

static int copy_page_range(struct participant *self, struct mm_struct *child,
			   struct mm_struct *parent, const struct vm_area_struct *vma)
{
	struct copying c = {.child = child,
			    .owner = mm_table_owner(self, child),
			    .vma = vma,
			    .file = vma->vm_file ? file_get(self->seg, vma->vm_file) : NULL,
			    .cow = is_cow_mapping(vma->vm_flags)};
	int err;

	/* a fault brings it back: zero page or page cache; not what a driver has put there */
	if (!vma->anon_vma && !(vma->vm_flags & VM_MAYBE_GUARD) && vma->vm_ops != VMA_SPECIAL)
		return 0;
	/* The parent's tables are the child's too, whatever is in them. (kernel: copy_pte_range) */
	err = pte_tables_dup(self, &child->pgd, c.owner, &parent->pgd, vma->vm_start, vma->vm_end);
	if (!err)
		err = pte_walk_long(self, &parent->pgd, vma->vm_start, vma->vm_end, true,
				    copy_entry, &c);
	return c.failed ? -ENOMEM : err;
}

/* The child's VMA, in its tree in place of the parent's. */
static int dup_one(struct participant *self, struct mm_struct *child, struct mm_struct *parent,
		   struct vm_area_struct *mpnt)
{
	struct vm_area_struct *vma;
	int err = 0;

	if (!vmas_may_grow(self, child, 1))
		return -ENOMEM;
	if ((mpnt->vm_flags & VM_ACCOUNT) && !vm_enough_memory(self, parent, (s64)vma_pages(mpnt)))
		return -ENOMEM;
	vma = vm_area_dup(self, mpnt);
	if (!vma)
		return -ENOMEM;
	store_relaxed_u64(&vma->vm_mm, mm_future_id(self->seg, child) | VMA_MM_DETACHED);
	if (!(mpnt->vm_flags & VM_WIPEONFORK))
		err = anon_vma_fork(self, vma, mpnt);
	if (err) {
		vma->vm_file = 0;
		vma->anon_vma = 0;
		vm_area_free(self, vma);
		return err;
	}
	STEP(fork_anon, vma);
	vma->vm_flags &= ~VM_LOCKED_MASK;
	uffd_forget(vma);
	if (vma->vm_file) {
		file_map(self, vma->vm_file);
		file_seal_meets_fork(file_get(self->seg, vma->vm_file), vma);
	}
	tree_replace(self, &child->mm_mt, vma->vm_start, REF(self, vma));
	if (!VMA_CHILD_UNSTAMPED)
		vma_start_write(self, child, vma);
	vma_mark_attached(self, child, vma);
	vma_inflight_done(self, vma);
	vmas_count(self, child, 1);
	mm_account(child, vma->vm_flags, (s64)vma_pages(vma));
	STEP(fork_replaced, vma);
	return vma->vm_flags & VM_WIPEONFORK ? 0 : copy_page_range(self, child, parent, mpnt);
}

/* Takes the child apart: its own VMAs are freed, the parent's entries forgotten. Also used by
 * recovery. */
void fork_abort(struct participant *self, struct mm_struct *child)
{
	u64 id = mm_future_id(self->seg, child);
	struct range_entry e;
	u64 addr;

	/* First what may wait: the tree has them all so long. */
	for (addr = 0; tree_find(self, &child->mm_mt, addr, UINT64_MAX, &e); addr = e.end) {
		struct vm_area_struct *vma = PTR(self, e.ref);

		if (vma_mm_id(vma) != id)
			continue;
		zap_page_range(self, child, e.start, e.end, true);
		vma_stamp_unseen(child, vma);
		vma_mark_detached(self, child, vma);
	}
	for (addr = 0; tree_find(self, &child->mm_mt, addr, UINT64_MAX, &e); addr = e.end) {
		struct vm_area_struct *vma = PTR(self, e.ref);

		if (vma_mm_id(vma) != id &&
		    MUTANT(failed_fork_keeps_vmas)) /* freed under the parent's feet */
			vm_area_free_unreachable(self, vma);
		if (vma_mm_id(vma) != id)
			continue;
		vma_close(self, vma);
		vm_area_free(self, vma);
	}
	pgd_destroy(self, &child->pgd, false);
	tree_destroy(self, &child->mm_mt, false);
	vmas_count(self, child, -(s64)child->map_count);
}

static int dup_mmap(struct participant *self, struct mm_struct *child, struct mm_struct *parent)
{
	struct range_entry e;
	u64 addr = 0;
	u32 steps = 0;
	int err = tree_dup(self, &parent->mm_mt, &child->mm_mt);

	if (err)
		return err;
	STEP(fork_tree, child);
	while (tree_find(self, &parent->mm_mt, addr, UINT64_MAX, &e)) {
		struct vm_area_struct *mpnt = PTR(self, e.ref);

		addr = e.end;
		INTACT(fork_parent_unlocked, err = vma_start_write_killable(self, parent, mpnt));
		if (err)
			return err;
		STEP(fork_locked, mpnt);
		if (mpnt->vm_flags & VM_DONTCOPY) {
			if (tree_preallocate(self, &child->mm_mt, e.start, e.end) != 0)
				return -ENOMEM;
			tree_store(self, &child->mm_mt, e.start, e.end, 0);
			continue;
		}
		err = dup_one(self, child, parent, mpnt);
		if (!err)
			err = safe_step(self, &steps);
		if (err)
			return err;
		STEP(fork_copied, mpnt);
	}
	return 0;
}

s64 op_fork(struct participant *self, u64 id)
{
	struct mm_struct *parent = mm_find(self->seg, id), *child;
	u64 child_id;
	int err;

	if (!parent)
		return VL_S_NO_MM;
	if (mmap_write_lock(self, parent, id) != 0)
		return VL_S_NO_MM;
	child = mm_alloc(self, parent->account);
	if (!child) {
		mmap_write_unlock(self, parent);
		return VL_S_LIMIT;
	}
	mmap_write_lock_nested(self, child);
	mm_aside(self->seg, child)->shared |= mm_is_shared(self->seg, parent);
	child->mmap_base = parent->mmap_base;
	store_relaxed_u64(&child->start_brk, parent->start_brk);
	store_relaxed_u64(&child->brk, parent->brk);
	limits_inherit(child, parent);
	pkeys_fork(self, child, parent);
	store_relaxed_u64(&child->stack_top, parent->stack_top);
	child->def_flags = 0; /* nor is anything locked: mlock is not inherited */
	err = dup_mmap(self, child, parent);
	if (err)
		STEP(fork_failed, child);
	if (err)
		fork_abort(self, child);
	mmap_write_unlock_nested(self, child);
	mmap_write_unlock(self, parent);
	if (err) {
		mm_free(self, child);
		return err;
	}
	child_id = mm_future_id(self->seg, child);
	mm_publish(self, child);
	STEP(fork_done, child);
	return (s64)child_id;
}

s64 op_exit(struct participant *self, u64 id)
{
	return exit_mmap(self, id);
}
