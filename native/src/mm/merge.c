/* SPDX-License-Identifier: Apache-2.0 */
/*
 * merge.c: when VMAs merge, how they merge, how they split.
 *
 * Mergeable: same flags outside VM_STICKY, same file, policy, userfaultfd context and
 * anonymous name, contiguous page offset (equal vm_pgbase), no VM_SPECIAL, and compatible
 * anon_vmas: equal, or one side has none and the other has no uncopied parents (its chain has one
 * link, so it is no fork child). When a range merges on both sides, the two sides must be
 * compatible with each other as well. A VMA with a close() hook is never merged away: then only the
 * left side merges, or nothing. VM_STICKY of any part is in the result.
 *
 * Order of a merge (and what a kill leaves): stamp all VMAs involved, before anything of them is
 * read that a holder of their read lock may change; clone the anon_vma
 * (undoable); reserve nodes; set the ranges; ONE tree store publishes; then detach and free what
 * disappeared. Killed before the store: the tree still has the old ranges and recovery sets
 * vm_start and vm_end back from it. Killed after: the new ranges. (kernel: mm/vma.c
 * vma_merge_new_range, vma_merge_existing_range, __split_vma, vma_modify)
 */
#include "vmalab/lock_model.h"
#include "vmalab/merge.h"

struct vm_area_struct *find_vma(struct participant *self, struct mm_struct *mm, u64 addr)
{
	struct range_entry e;

	return tree_find(self, &mm->mm_mt, addr, UINT64_MAX, &e) ? PTR(self, e.ref) : NULL;
}

struct vm_area_struct *vma_lookup(struct participant *self, struct mm_struct *mm, u64 addr)
{
	vl_ref ref = tree_lookup(self, &mm->mm_mt, addr);

	return ref ? PTR(self, ref) : NULL;
}

struct vm_area_struct *find_vma_intersection(struct participant *self, struct mm_struct *mm,
					     u64 start, u64 end)
{
	struct range_entry e;

	return tree_find(self, &mm->mm_mt, start, end, &e) ? PTR(self, e.ref) : NULL;
}

struct vm_area_struct *find_vma_prev(struct participant *self, struct mm_struct *mm, u64 addr)
{
	struct range_entry e;

	return tree_find_prev(self, &mm->mm_mt, addr, &e) ? PTR(self, e.ref) : NULL;
}

/* Mutants and variants that read first. */
static bool reads_before_lock(void)
{
	return MUTANT(change_loses_guard) || MUTANT(merge_loses_guard) ||
	       MUTANT(move_copies_unlocked) || VARIANT(sticky_flags_merged_late);
}

int vma_lock_for_request(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma)
{
	return VMA_WRITE_KILLABLE && !reads_before_lock() ? vma_start_write_killable(self, mm, vma)
							  : 0;
}

/* Write-locks vma before anything of it is read: what a holder of its read lock has set is in the
 * request, and no more is set while the request lives. */
void vmg_from_vma(struct participant *self, struct vma_merge_struct *vmg, struct mm_struct *mm,
		  struct vm_area_struct *vma, u64 start, u64 end)
{
	if (!reads_before_lock())
		vma_start_write(self, mm, vma);
	GHOST(source(vma, "a change is computed from the flags"));
	*vmg = (struct vma_merge_struct){
		.mm = mm,
		.middle = vma,
		.start = start,
		.end = end,
		.pgoff = linear_page_index(vma, start),
		.flags = vma->vm_flags,
		.file = vma->vm_file,
		.ops = vma->vm_ops,
		.file_open = vma->file_open,
		.anon_vma = vma->anon_vma,
		.anon_name = vma->anon_name,
		.policy = vma->vm_policy,
		.uffd_ctx = vma->uffd_ctx,
	};
}

void vmg_neighbours(struct participant *self, struct vma_merge_struct *vmg)
{
	u64 low = vmg->middle ? vmg->middle->vm_start : vmg->start;
	u64 high = vmg->middle ? vmg->middle->vm_end : vmg->end;

	vmg->prev = find_vma_prev(self, vmg->mm, low);
	vmg->next = find_vma(self, vmg->mm, high);
}

static bool had_uncowed_parents(const struct vm_area_struct *vma)
{
	return vma && vma->anon_vma && vma->anon_vma_links != 1;
}

static bool is_mergeable_vma(struct participant *self, const struct vma_merge_struct *vmg,
			     const struct vm_area_struct *vma)
{
	return mpol_equal(self, vma->vm_policy, vmg->policy) &&
	       ((vma->vm_flags ^ vmg->flags) & ~VM_STICKY) == 0 && vma->vm_file == vmg->file &&
	       vma->file_open == vmg->file_open && vma->uffd_ctx == vmg->uffd_ctx &&
	       anon_name_equal(self->seg, vma->anon_name, vmg->anon_name);
}

static bool is_mergeable_anon_vma(const struct vma_merge_struct *vmg,
				  const struct vm_area_struct *target)
{
	if (!target->anon_vma && vmg->anon_vma) /* the target would take over the source's */
		return !had_uncowed_parents(vmg->middle) && !had_uncowed_parents(vmg->copied_from);
	if (target->anon_vma && !vmg->anon_vma) /* the source would come under the target's */
		return !had_uncowed_parents(target);
	return target->anon_vma == vmg->anon_vma;
}

static bool can_merge(struct participant *self, const struct vma_merge_struct *vmg,
		      const struct vm_area_struct *vma)
{
	return is_mergeable_vma(self, vmg, vma) && is_mergeable_anon_vma(vmg, vma) &&
	       linear_page_index(vma, vmg->start) == vmg->pgoff;
}

static bool can_merge_left(struct participant *self, const struct vma_merge_struct *vmg)
{
	return vmg->prev && vmg->prev->vm_end == vmg->start && can_merge(self, vmg, vmg->prev);
}

static bool can_merge_right(struct participant *self, const struct vma_merge_struct *vmg, bool left)
{
	const struct vm_area_struct *prev = vmg->prev, *next = vmg->next;

	if (!next || next->vm_start != vmg->end || !can_merge(self, vmg, next))
		return false;
	/* Each may suit the range and yet not each other. */
	return !left || !prev->anon_vma || !next->anon_vma || prev->anon_vma == next->anon_vma;
}

/* dst takes over src's anon_vma. *dup is set if it must be undone on failure. dst is write-locked.
 */
static int dup_anon_vma(struct participant *self, struct mm_struct *mm, struct vm_area_struct *dst,
			const struct vm_area_struct *src, struct vm_area_struct **dup)
{
	int err;

	if (!src || !src->anon_vma || dst->anon_vma)
		return 0;
	INTACT(merge_anon_unlocked, vma_assert_write_locked(mm, dst));
	GHOST(change(dst, "anon_vma"));
	dst->anon_vma = src->anon_vma;
	STEP(anon_set, dst);
	err = anon_vma_clone(self, dst, src);
	if (err) {
		dst->anon_vma = 0;
		GHOST(anon_gone(dst));
		return err;
	}
	STEP(anon_cloned, dst);
	*dup = dst;
	return 0;
}

/* Before the store that gives its range to another VMA, while the tree still has it: detaching may
 * wait, and nothing waits after a store that takes something out (DESIGN.md, section 4). */
static void detach_merged(struct participant *self, struct mm_struct *mm,
			  struct vm_area_struct *vma)
{
	if (MUTANT(merge_detaches_late))
		vma_inflight_add(self, vma);
	else
		vma_mark_detached(self, mm, vma);
}

/* After that store. */
static void remove_vma(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma)
{
	MUTATE(merge_detaches_late, vma_mark_detached(self, mm, vma));
	vma_assert_detached(vma);
	vma_close(self, vma);
	vmas_count(self, mm, -1);
	vm_area_free(self, vma);
}

static int merge_failed(struct participant *self, struct vma_merge_struct *vmg,
			struct vm_area_struct *dup)
{
	if (dup)
		unlink_anon_vmas(self, dup);
	tree_prealloc_free(self);
	vmg->no_memory = true;
	return -ENOMEM;
}

/* target gets the sticky flags of all that comes together in it. (kernel: vm_flags_set of
 * sticky_flags) */
static void stick(struct vma_merge_struct *vmg, struct vm_area_struct *target,
		  const struct vm_area_struct *a, const struct vm_area_struct *b)
{
	u64 sticky = vmg->flags | target->vm_flags;

	/* All three are stamped, so these are all the flags that they will ever have had. */
	if (a && !(MUTANT(merge_loses_guard) && a == vmg->middle))
		sticky |= a->vm_flags;
	if (b)
		sticky |= b->vm_flags;
	sticky &= VM_STICKY;
	vmg->flags |= sticky;
	vm_flags_reset(vmg->mm, target, target->vm_flags | sticky);
}

struct vm_area_struct *vma_merge_new_range(struct participant *self, struct vma_merge_struct *vmg)
{
	struct mm_struct *mm = vmg->mm;
	struct vm_area_struct *target, *removed = NULL, *dup = NULL;
	bool left, right;
	u64 start = vmg->start, end = vmg->end;

	if ((vmg->flags & VM_SPECIAL) || (!vmg->prev && !vmg->next))
		return NULL;
	left = can_merge_left(self, vmg);
	right = !vmg->just_expand && can_merge_right(self, vmg, left);
	if (!left && !right)
		return NULL;
	target = left ? vmg->prev : vmg->next;
	if (left && right && vma_has_close(vmg->next))
		right = false;
	if (left)
		start = vmg->prev->vm_start;
	if (right)
		end = vmg->next->vm_end;
	if (left && right)
		removed = vmg->next;
	INTACT(merge_anon_unlocked, vma_start_write(self, mm, target));
	if (removed)
		vma_start_write(self, mm, removed);
	STEP(merge_locked, target);
	if (dup_anon_vma(self, mm, target, removed, &dup) != 0 ||
	    dup_anon_vma(self, mm, target, vmg->copied_from, &dup) != 0 ||
	    tree_preallocate(self, &mm->mm_mt, start, end) != 0) {
		merge_failed(self, vmg, dup);
		return NULL;
	}
	MUTATE(merge_anon_unlocked, vma_start_write(self, mm, target));
	if (removed)
		detach_merged(self, mm, removed);
	stick(vmg, target, removed, NULL);
	vma_set_range(target, start, end, linear_page_index(target, start));
	STEP(merge_ranged, target);
	vma_iter_store_overwrite(self, mm, target, start, end);
	STEP(merge_stored, target);
	if (removed)
		remove_vma(self, mm, removed);
	stat_inc(self, vma_merge);
	return target;
}

/* The part of an existing merge after the decision: who grows, who shrinks, who goes. */
static struct vm_area_struct *commit_existing(struct participant *self,
					      struct vma_merge_struct *vmg, bool left, bool right,
					      bool remove_middle)
{
	struct mm_struct *mm = vmg->mm;
	struct vm_area_struct *prev = vmg->prev, *middle = vmg->middle, *next = vmg->next,
			      *dup = NULL;
	struct vm_area_struct *target = left ? prev : next;
	u64 start = left ? prev->vm_start : vmg->start;
	u64 end = right ? next->vm_end : vmg->end;
	const struct vm_area_struct *source = left && right && next->anon_vma ? next : middle;

	if (dup_anon_vma(self, mm, target, source, &dup) != 0 ||
	    tree_preallocate(self, &mm->mm_mt, start, end) != 0) {
		merge_failed(self, vmg, dup);
		return NULL;
	}
	if (remove_middle)
		detach_merged(self, mm, middle);
	if (left && right)
		detach_merged(self, mm, next);
	if (!remove_middle && left)
		vma_set_range(middle, vmg->end, middle->vm_end,
			      linear_page_index(middle, vmg->end));
	if (!remove_middle && !left)
		vma_set_range(middle, middle->vm_start, vmg->start, vma_pgoff(middle));
	stick(vmg, target, middle, left && right ? next : NULL);
	vma_set_range(target, start, end, linear_page_index(target, start));
	STEP(merge_ranged, target);
	vma_iter_store_overwrite(self, mm, target, start, end);
	STEP(merge_stored, target);
	if (remove_middle)
		remove_vma(self, mm, middle);
	if (left && right)
		remove_vma(self, mm, next);
	stat_inc(self, vma_merge);
	return target;
}

struct vm_area_struct *vma_merge_existing_range(struct participant *self,
						struct vma_merge_struct *vmg)
{
	struct vm_area_struct *middle = vmg->middle;
	bool left_side = vmg->start == middle->vm_start, right_side = vmg->end == middle->vm_end;
	bool left, right;

	if ((vmg->flags & VM_SPECIAL) || (!left_side && !right_side))
		return NULL;
	left = left_side && can_merge_left(self, vmg);
	right = right_side && can_merge_right(self, vmg, left);
	if ((!left && !right) || (left_side && right_side && vma_has_close(middle)))
		return NULL;
	if (left && right && vma_has_close(vmg->next))
		right = false;
	vma_start_write(self, vmg->mm, middle);
	if (right)
		vma_start_write(self, vmg->mm, vmg->next);
	if (left)
		vma_start_write(self, vmg->mm, vmg->prev);
	STEP(merge_locked, middle);
	return commit_existing(self, vmg, left, right, left_side && right_side);
}

int split_vma(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma, u64 addr,
	      bool new_below, bool check_limit)
{
	struct vm_area_struct *new;
	int err = -ENOMEM;

	VL_ASSERT(vma->vm_start < addr && addr < vma->vm_end);
	if (vma->vm_ops == VMA_SPECIAL && !(check_limit && mm->map_count >= mm->map_count_max))
		return -EINVAL; /* [vdso] and [vvar] stay whole */
	if (check_limit && (mm->map_count >= mm->map_count_max || !vmas_may_grow(self, mm, 1)))
		return -ENOMEM;
	if (vma->vm_ops == VMA_SPECIAL)
		return -EINVAL; /* (kernel: special_mapping_split) */
	if (!MUTANT(split_loses_guard) && !VARIANT(sticky_flags_merged_late))
		vma_start_write(self, mm, vma);
	new = vm_area_dup(self, vma);
	if (!new)
		return -ENOMEM;
	if (new_below)
		vma_set_range(new, vma->vm_start, addr, vma_pgoff(vma));
	else
		vma_set_range(new, addr, vma->vm_end, linear_page_index(vma, addr));
	if (tree_preallocate(self, &mm->mm_mt, new->vm_start, new->vm_end) != 0)
		goto fail;
	new->anon_vma = vma->anon_vma;
	err = anon_vma_clone(self, new, vma);
	if (err) {
		new->anon_vma = 0;
		goto fail;
	}
	if (new->vm_file)
		file_map(self, new->vm_file);
	STEP(split_dup, new);
	MUTATE(split_loses_guard, vma_start_write(self, mm, vma));
	if (VARIANT(sticky_flags_merged_late)) {
		vma_start_write(self, mm, vma);
		new->vm_flags |= vma->vm_flags & VM_STICKY;
	}
	vma_start_write(self, mm, new);
	if (new_below)
		vma_set_range(vma, addr, vma->vm_end, linear_page_index(vma, addr));
	else
		vma_set_range(vma, vma->vm_start, addr, vma_pgoff(vma));
	STEP(split_ranged, vma);
	vma_iter_store_new(self, mm, new);
	STEP(split_stored, new);
	vma_inflight_done(self, new);
	vmas_count(self, mm, 1);
	stat_inc(self, vma_split);
	return 0;
fail:
	tree_prealloc_free(self);
	new->vm_file = 0; /* not taken yet */
	vm_area_free(self, new);
	return err;
}

int vma_modify(struct participant *self, struct vma_merge_struct *vmg, struct vm_area_struct **out)
{
	struct vm_area_struct *vma = vmg->middle, *merged;
	u64 start = vmg->start, end = vmg->end;
	int err;

	vmg_neighbours(self, vmg);
	merged = vma_merge_existing_range(self, vmg);
	if (!merged && (MUTANT(change_loses_guard) || MUTANT(merge_loses_guard) ||
			VARIANT(sticky_flags_merged_late)))
		vma_start_write(self, vmg->mm, vma); /* after the flags of vmg are computed */
	if (merged) {
		*out = merged;
		return 0;
	}
	if (vmg->no_memory && !MUTANT(failed_merge_goes_on))
		return -ENOMEM;
	if (MUTANT(failed_merge_goes_on) &&
	    vmg->no_memory) { /* the failed merge's range in the place of the request's */
		start = vma->vm_start;
		end = vma->vm_end;
	}
	if (vma->vm_start < start) {
		err = split_vma(self, vmg->mm, vma, start, true, true);
		if (err)
			return err;
	}
	if (vma->vm_end > end) {
		err = split_vma(self, vmg->mm, vma, end, false, true);
		if (err)
			return err;
	}
	*out = vma;
	return 0;
}

void vma_link(struct participant *self, struct mm_struct *mm, struct vm_area_struct *vma)
{
	vma_start_write(self, mm, vma);
	vma_iter_store_new(self, mm, vma);
	vma_inflight_done(self, vma);
	vmas_count(self, mm, 1);
}
