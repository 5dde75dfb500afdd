/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_mremap.c: mremap: shrink, grow in place, move, move to a fixed place, move and keep the
 * source mapped empty.
 *
 *   shrink  munmap of the tail (downgrades)
 *   grow    merge as a copy of itself into the gap behind
 *   move    [FIXED: munmap the destination] -> stamp source
 *           -> copy: merge at the destination or duplicate (stamp, attach, store)
 *           -> move the entries one by one
 *           -> munmap the source, or DONTUNMAP: leave it empty
 *
 * An anonymous area that was never written gets the page offset of its new place, so that it can
 * merge there. Killed while entries move: source and destination both exist with disjoint pages,
 * none lost. (kernel: mm/mremap.c)
 */
#include "vmalab/lock_model.h"
#include "vmalab/munmap.h"
#include "vmalab/op_fault.h"
#include "vmalab/ops.h"
#include "vmalab/uffd.h"

struct remap {
	struct mm_struct *mm;
	u64 addr, old_len, new_len, new_addr;
	u32 flags;
	bool populate; /* out: what it grew by is locked and has to be there */
};

static bool implies_new_addr(const struct remap *r)
{
	return r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP);
}

/* (kernel: check_mremap_params) */
static s64 check_params(const struct remap *r)
{
	if (r->flags & ~(MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP))
		return -EINVAL;
	if ((r->addr & ~PAGE_MASK) || r->new_len == 0 || r->new_len > TASK_SIZE)
		return -EINVAL;
	if (!implies_new_addr(r))
		return 0;
	if (r->new_addr > TASK_SIZE - r->new_len || (r->new_addr & ~PAGE_MASK) ||
	    !(r->flags & MREMAP_MAYMOVE))
		return -EINVAL;
	if ((r->flags & MREMAP_DONTUNMAP) && r->old_len != r->new_len)
		return -EINVAL;
	if (r->addr + r->old_len > r->new_addr && r->new_addr + r->new_len > r->addr)
		return -EINVAL;
	return 0;
}

/* vma: that contains addr, or NULL. (kernel: check_prep_vma) */
static s64 check_vma(const struct remap *r, const struct vm_area_struct *vma)
{
	bool shrinks = r->new_len < r->old_len;
	u64 pgoff, delta = r->new_len - r->old_len;

	if (!vma)
		return -EFAULT;
	if (vma_is_sealed(vma))
		return -EPERM;
	if (!r->old_len && !(vma->vm_flags & (VM_SHARED | VM_MAYSHARE)))
		return -EINVAL;
	if ((r->flags & MREMAP_DONTUNMAP) && (vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP)))
		return -EINVAL;
	/* What stays in its place, or is cut off, may lie in several VMAs. */
	if (!implies_new_addr(r) && r->new_len <= r->old_len)
		return 0;
	if ((shrinks ? r->new_len : r->old_len) > vma->vm_end - r->addr)
		return -EFAULT;
	if (r->new_len <= r->old_len)
		return 0;
	pgoff = linear_page_index(vma, r->addr);
	if (pgoff + (r->new_len >> PAGE_SHIFT) < pgoff)
		return -EINVAL;
	if (vma->vm_flags & (VM_DONTEXPAND | VM_PFNMAP))
		return -EFAULT;
	if (!mlock_future_ok(r->mm, vma->vm_flags, delta))
		return -EAGAIN;
	return may_expand_vm(r->mm, vma->vm_flags, delta >> PAGE_SHIFT) ? 0 : -ENOMEM;
}

/* (kernel: vrm_calc_charge) */
static bool may_charge(const struct participant *self, const struct remap *r, u64 vm_flags)
{
	u64 bytes = r->flags & MREMAP_DONTUNMAP ? r->new_len : r->new_len - r->old_len;

	return !(vm_flags & VM_ACCOUNT) || r->new_len < r->old_len ||
	       vm_enough_memory(self, r->mm, (s64)(bytes >> PAGE_SHIFT));
}

/* Grows vma by delta into the gap behind it; swallows the next one if that fits. (kernel:
 * vma_merge_extend) */
static bool extend(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma,
		   u64 delta)
{
	struct vma_merge_struct vmg;

	vmg_from_vma(self, &vmg, mm, vma, vma->vm_end, vma->vm_end + delta);
	vmg.middle = NULL;
	vmg.prev = vma;
	vmg.next = find_vma(self, mm, vma->vm_end);
	vmg.copied_from = NULL;
	return vma_merge_new_range(self, &vmg) != NULL;
}

static bool expandable(struct participant *self, struct mm_struct *mm,
		       const struct vm_area_struct *vma, u64 delta)
{
	u64 end = vma->vm_end + delta;

	return end >= vma->vm_end && end <= TASK_SIZE &&
	       !find_vma_intersection(self, mm, vma->vm_end, end);
}

/* The destination VMA, in the tree, with room for the pages. *vma may change when the source itself
 * was extended. (kernel: copy_vma) */
static struct vm_area_struct *copy_vma(struct participant *self, const struct remap *r,
				       struct vm_area_struct *vma)
{
	struct mm_struct *mm = r->mm;
	u64 end = r->new_addr + r->new_len, pgoff = linear_page_index(vma, r->addr);
	struct vm_area_struct *new;
	struct vma_merge_struct vmg;

	if (vma_is_anonymous(vma) && !vma->anon_vma)
		pgoff = r->new_addr >> PAGE_SHIFT;
	vmg_from_vma(self, &vmg, mm, vma, r->new_addr, end);
	vmg.middle = NULL;
	vmg.pgoff = pgoff;
	vmg.copied_from = vma;
	vmg_neighbours(self, &vmg);
	new = vma_merge_new_range(self, &vmg);
	if (new)
		return new;
	new = vm_area_dup(self, vma);
	if (!new)
		return NULL;
	vma_set_range(new, r->new_addr, end, pgoff);
	new->anon_vma = vma->anon_vma;
	if (anon_vma_clone(self, new, vma) != 0) {
		new->anon_vma = 0;
		goto fail;
	}
	if (tree_preallocate(self, &mm->mm_mt, r->new_addr, end) != 0) {
		unlink_anon_vmas(self, new);
		goto fail;
	}
	if (new->vm_file)
		file_map(self, new->vm_file);
	vma_link(self, mm, new);
	STEP(move_copied, new);
	return new;
fail:
	tree_prealloc_free(self);
	new->vm_file = 0;
	vm_area_free(self, new);
	return NULL;
}

struct moving {
	struct mm_struct *mm;
	u64 offset; /* destination - source, modulo 2^64 */
	bool armed; /* the source is registered with userfaultfd */
	bool failed;
};

/* For a kill: both entries may have the page. from NULL: the move is over. */
static void move_announce(struct participant *self, const pte_t *from, const pte_t *to)
{
	u64 *moving = self->area->moving;

	compiler_barrier();
	store_relaxed_u64(&moving[1], to ? (u64)((const u8 *)to - self->base) : 0);
	compiler_barrier();
	store_relaxed_u64(&moving[0], from ? (u64)((const u8 *)from - self->base) : 0);
	compiler_barrier();
}

/* Both VMAs are write-locked, so nobody else touches the two entries. The destination is stored
 * first, so no page is lost. A kill in between leaves the page in both places, and one reference of
 * its frame: the move is announced, and recovery takes the source out (walk_scope.c). */
static int move_entry(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	struct moving *m = arg;
	pte_t *to = pte_alloc(self, &m->mm->pgd, mm_table_owner(self, m->mm), addr + m->offset);
	pte_t entry = load_acquire_u64(pte);

	if (!to) {
		m->failed = true;
		return 1;
	}
	if (m->armed) /* what arrives is registered with nothing */
		entry = entry == PTE_WP_MARKER ? 0 : entry & ~PTE_UFFD_WP;
	move_announce(self, pte, to);
	store_release_u64(to, entry);
	store_release_u64(pte, 0);
	move_announce(self, NULL, NULL);
	recount_note(self, to, 0, entry);
	recount_note(self, pte, entry, 0);
	return 0;
}

static bool move_page_tables(struct participant *self, struct mm_struct *mm, u64 from, u64 to,
			     u64 len, bool armed)
{
	struct moving m = {.mm = mm, .offset = to - from, .armed = armed};

	(void)pte_walk_long(self, &mm->pgd, from, from + len, false, move_entry, &m);
	return !m.failed;
}

/* (kernel: dontunmap_complete) */
static void keep_source(struct participant *self, const struct remap *r, struct vm_area_struct *vma,
			const struct vm_area_struct *new)
{
	struct mm_struct *mm = r->mm;

	vma_start_write(self, mm, vma);
	vm_flags_reset(mm, vma, vma->vm_flags & ~VM_LOCKED_MASK);
	/* All pages are gone: the source starts anew, with no anon_vma. */
	if (new != vma && vma->vm_start == r->addr && vma->vm_end == r->addr + r->old_len)
		unlink_anon_vmas(self, vma);
}

static s64 move_vma(struct participant *self, struct remap *r, struct vm_area_struct *vma)
{
	struct mm_struct *mm = r->mm;
	u64 flags = vma->vm_flags;
	struct vm_area_struct *new;
	int err;

	if (mm->map_count + 3 >= mm->map_count_max || !vmas_may_grow(self, mm, 3) ||
	    !may_charge(self, r, flags))
		return -ENOMEM;
	if (vma->vm_ops == VMA_SPECIAL &&
	    (vma->vm_start != r->addr || vma->vm_end != r->addr + r->old_len))
		return -EINVAL; /* it cannot be split */
	err = vma_lock_for_request(self, mm, vma);
	if (err)
		return err;
	INTACT(move_copies_unlocked, vma_start_write(self, mm, vma));
	new = copy_vma(self, r, vma);
	if (!new)
		return -ENOMEM;
	mm_account(mm, flags, (s64)(r->new_len >> PAGE_SHIFT));
	STEP(move_copied, new);
	if (!move_page_tables(self, mm, r->addr, r->new_addr, r->old_len, flags & VM_UFFD_FLAGS)) {
		/* Back with what was moved, and away with the new area. */
		VL_ASSERT(move_page_tables(self, mm, r->new_addr, r->addr, r->old_len, false));
		(void)do_munmap(self, mm, r->new_addr, r->new_len, false);
		return -ENOMEM;
	}
	STEP(move_tables, new);
	uffd_forget(new); /* it is stamped. (kernel: mremap_userfaultfd_prep) */
	if (r->flags & MREMAP_DONTUNMAP) {
		vma = vma_lookup(self, mm, r->addr);
		VL_ASSERT(vma);
		keep_source(self, r, vma, new);
	} else if (r->old_len) {
		(void)do_munmap(self, mm, r->addr, r->old_len,
				false); /* no memory: the source stays mapped, empty */
	}
	r->populate = (flags & VM_LOCKED) && r->new_len > r->old_len;
	return (s64)r->new_addr;
}

/* Where to, when it has to move. */
static s64 choose_place(struct participant *self, struct remap *r, const struct vm_area_struct *vma)
{
	u32 flags = (r->flags & MREMAP_FIXED ? MAP_FIXED : 0) |
		    (vma->vm_flags & VM_MAYSHARE ? MAP_SHARED : 0);
	u64 hint = r->flags & (MREMAP_FIXED | MREMAP_DONTUNMAP) ? r->new_addr : 0;
	const struct file *file = vma->vm_file ? file_get(self->seg, vma->vm_file) : NULL;

	return get_unmapped_area(self, r->mm, file, hint, r->new_len,
				 linear_page_index(vma, r->addr), flags);
}

/* FIXED or DONTUNMAP. The source has been checked. (kernel: mremap_to) */
static s64 mremap_to(struct participant *self, struct remap *r)
{
	struct mm_struct *mm = r->mm;
	struct vm_area_struct *vma;
	s64 err;

	if (r->flags & MREMAP_FIXED) {
		err = do_munmap(self, mm, r->new_addr, r->new_len, false);
		if (err)
			return err;
	}
	if (r->old_len > r->new_len) {
		err = do_munmap(self, mm, r->addr + r->new_len, r->old_len - r->new_len, false);
		if (err)
			return err;
		r->old_len = r->new_len;
	}
	vma = vma_lookup(self, mm, r->addr);
	if (!vma)
		return -EFAULT;
	if ((r->flags & MREMAP_DONTUNMAP) &&
	    !may_expand_vm(mm, vma->vm_flags, r->old_len >> PAGE_SHIFT))
		return -ENOMEM;
	err = choose_place(self, r, vma);
	if (err < 0)
		return err;
	r->new_addr = (u64)err;
	return move_vma(self, r, vma);
}

/* (kernel: expand_vma) */
static s64 grow(struct participant *self, struct remap *r, struct vm_area_struct *vma)
{
	struct mm_struct *mm = r->mm;
	u64 delta = r->new_len - r->old_len;
	s64 where;

	if (r->old_len == vma->vm_end - r->addr && expandable(self, mm, vma, delta)) {
		u64 flags = vma->vm_flags;

		if (!may_charge(self, r, flags) || !extend(self, mm, vma, delta))
			return -ENOMEM;
		mm_account(mm, flags, (s64)(delta >> PAGE_SHIFT));
		r->new_addr = r->addr;
		r->populate = flags & VM_LOCKED;
		return (s64)r->addr;
	}
	if (!(r->flags & MREMAP_MAYMOVE))
		return -ENOMEM;
	where = choose_place(self, r, vma);
	if (where < 0)
		return where;
	r->new_addr = (u64)where;
	return move_vma(self, r, vma);
}

/* A move to a fixed place without a change of size may take several VMAs along, with the gaps
 * between them. What was moved before a failure stays moved. (kernel: remap_move) */
static s64 move_several(struct participant *self, const struct remap *r)
{
	u64 end = r->addr + r->old_len, last_end = 0, target = r->new_addr;
	struct range_entry e;
	s64 first = -EFAULT;

	for (u64 at = r->addr; at < end; at = e.end) {
		struct remap part = *r;
		s64 moved;

		if (!tree_find(self, &r->mm->mm_mt, at, end, &e))
			break;
		if (!last_end && e.start > at)
			return -EFAULT;
		part.addr = max_u64(e.start, r->addr);
		part.old_len = part.new_len = min_u64(e.end, end) - part.addr;
		part.new_addr = target + (last_end ? e.start - last_end : 0);
		/* Who has a userfaultfd is told of one move only. (kernel: vma_multi_allowed) */
		if (vma_is_armed(PTR(self, e.ref)) && (last_end || e.end < end))
			return -EFAULT;
		last_end = e.end;
		moved = check_vma(&part, PTR(self, e.ref));
		if (!moved)
			moved = mremap_to(self, &part);
		if (moved < 0)
			return moved;
		if (first < 0)
			first = moved;
		target = (u64)moved + part.new_len;
	}
	return first;
}

/* mmap_lock write is held; *unlocked tells that it was released. */
static s64 do_mremap(struct participant *self, struct remap *r, bool *unlocked)
{
	struct mm_struct *mm = r->mm;
	struct vm_area_struct *vma;
	s64 err;

	if ((r->flags & MREMAP_FIXED) && r->old_len == r->new_len)
		return move_several(self, r);
	vma = vma_lookup(self, mm, r->addr);
	err = check_vma(r, vma);
	if (err)
		return err;
	if (implies_new_addr(r))
		return mremap_to(self, r);
	if (r->new_len == r->old_len)
		return (s64)r->addr;
	if (r->new_len < r->old_len) {
		err = do_munmap(self, mm, r->addr + r->new_len, r->old_len - r->new_len, true);
		*unlocked = true;
		return err ? err : (s64)r->addr;
	}
	return grow(self, r, vma);
}

s64 op_mremap(struct participant *self, u64 id, u64 addr, u64 old_len, u64 new_len, u32 flags,
	      u64 new_addr)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	struct remap r = {.mm = mm,
			  .addr = addr,
			  .old_len = PAGE_ALIGN(old_len),
			  .new_len = PAGE_ALIGN(new_len),
			  .flags = flags,
			  .new_addr = new_addr};
	bool unlocked = false;
	s64 result;

	if (!mm)
		return VL_S_NO_MM;
	result = check_params(&r);
	if (result)
		return result;
	if (mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	if (implies_new_addr(&r) && mm->map_count + 5 >= mm->map_count_max)
		result = -ENOMEM; /* a move may need so many */
	else
		result = do_mremap(self, &r, &unlocked);
	if (!unlocked)
		mmap_write_unlock(self, mm);
	if (result >= 0 && r.populate)
		(void)mm_populate(self, id, r.new_addr + r.old_len, r.new_len - r.old_len, false);
	return result;
}
