/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_munmap.c: unmapping in two halves.
 *
 *   gather    split head | for each VMA: [split tail] stamp, remember, detach
 *             can be undone: reattach
 *   clear     the range in the tree, by one store
 *             the point of no return
 *   complete  count; downgrade mmap_lock; zap pages, free tables; free the VMAs
 *
 * Between "detached" and "cleared" the VMAs are still found by readers: their stamp sends those
 * away. Splits that were made stay made when the operation fails. After the downgrade faults
 * elsewhere run on while pages are zapped; nothing new can be mapped into the hole because that
 * needs mmap_lock for writing. Killed before the tree store: nothing happened (recovery attaches
 * what the tree still has). Killed after: recovery zaps what lies outside all VMAs and frees what
 * is unreachable. (kernel: do_vmi_align_munmap, vms_gather_munmap_vmas)
 */
#include <stdlib.h>

#include "vmalab/lock_model.h"
#include "vmalab/munmap.h"
#include "vmalab/ops.h"
#include "vmalab/safe_point.h"

static int vms_remember(struct participant *self, struct vma_munmap *vms,
			struct vm_area_struct *vma)
{
	if (vms->count == vms->cap) {
		u32 cap = vms->cap * 4;
		vl_ref *refs = malloc(cap * sizeof(*refs));

		if (!refs)
			return -ENOMEM;
		memcpy(refs, vms->refs, vms->count * sizeof(*refs));
		if (vms->refs != vms->small)
			free(vms->refs);
		vms->refs = refs;
		vms->cap = cap;
	}
	vms->refs[vms->count++] = REF(self, vma);
	return 0;
}

static void vms_done(struct vma_munmap *vms)
{
	if (vms->refs != vms->small)
		free(vms->refs);
	vms->refs = vms->small;
	vms->count = 0;
}

void vms_reattach(struct participant *self, struct vma_munmap *vms)
{
	for (u32 i = 0; i < vms->count; i++) {
		vma_mark_attached(self, vms->mm, PTR(self, vms->refs[i]));
		STEP(reattached, PTR(self, vms->refs[i]));
	}
	stat_add(self, vma_reattach, vms->count);
	vms_done(vms);
}

/* Splits at the edges, stamps and detaches everything in [start, end). On failure all is attached
 * again. */
int vms_gather(struct participant *self, struct vma_munmap *vms, struct mm_struct *mm, u64 start,
	       u64 end)
{
	struct vm_area_struct *vma = find_vma_intersection(self, mm, start, end);
	int err = 0;

	*vms = (struct vma_munmap){.mm = mm, .start = start, .end = end};
	vms->refs = vms->small;
	vms->cap = ARRAY_SIZE(vms->small);
	if (vma && vma->vm_start < start) {
		/* A hole in the middle ends with one VMA more. */
		if (end < vma->vm_end &&
		    (mm->map_count >= mm->map_count_max || !vmas_may_grow(self, mm, 1)))
			return -ENOMEM;
		if (vma_is_sealed(vma))
			return -EPERM;
		err = split_vma(self, mm, vma, start, true, false);
		if (err)
			return err;
	}
	while (vma && vma->vm_start < end) {
		if (vma_is_sealed(vma)) {
			err = -EPERM;
			break;
		}
		if (vma->vm_end > end) {
			err = split_vma(self, mm, vma, end, false, false);
			if (err)
				break;
		}
		err = vma_start_write_killable(self, mm, vma);
		if (!err)
			err = vms_remember(self, vms, vma);
		if (err)
			break;
		vma_mark_detached(self, mm, vma);
		STEP(gathered, vma);
		vms->pages += (s64)vma_pages(vma);
		if (vma->vm_flags & VM_ACCOUNT)
			vms->accounted += (s64)vma_pages(vma);
		vma = find_vma(self, mm, vma->vm_end);
	}
	if (err) {
		vms_reattach(self, vms);
		return err;
	}
	vms->prev = find_vma_prev(self, mm, start);
	vms->next = find_vma(self, mm, end);
	return 0;
}

/* For mmap over old mappings: their pages go while they are still in the tree. From here on they
 * cannot come back. */
void vms_clear_ptes(struct participant *self, struct vma_munmap *vms, bool may_stop)
{
	u64 floor = vms->prev ? vms->prev->vm_end : 0;
	u64 ceiling = vms->next ? vms->next->vm_start : 0;

	if (!vms->count || vms->ptes_cleared)
		return;
	zap_page_range(self, vms->mm, vms->start, vms->end, may_stop);
	STEP(zapped, vms->mm);
	free_pgtables(self, &vms->mm->pgd, vms->start, vms->end, floor, ceiling, may_stop);
	STEP(tables_freed, vms->mm);
	vms->ptes_cleared = true;
}

/* Frees the VMAs; they are detached and no longer in the tree. */
static void vms_free_vmas(struct participant *self, struct vma_munmap *vms)
{
	u32 steps = 0;

	for (u32 i = 0; i < vms->count; i++) {
		struct vm_area_struct *vma = PTR(self, vms->refs[i]);

		if (vms->announced)
			store_relaxed_u32(&self->area->unmapped, vma_unmapped_next(vma));
		vma_close(self, vma);
		vm_area_free(self, vma);
		if (vms->announced)
			(void)safe_step(self, &steps);
	}
	vms_done(vms);
}

static void vms_account(struct participant *self, struct vma_munmap *vms)
{
	struct mm_struct *mm = vms->mm;

	for (u32 i = 0; i < vms->count; i++) {
		const struct vm_area_struct *vma = PTR(self, vms->refs[i]);

		mm_account(mm, vma->vm_flags, -(s64)vma_pages(vma));
	}
	vmas_count(self, mm, -(s64)vms->count);
}

/* For mmap: the tree no longer has them, mmap_lock stays write-held. */
void vms_complete(struct participant *self, struct vma_munmap *vms)
{
	vms_account(self, vms);
	vms_clear_ptes(self, vms, false);
	vms_free_vmas(self, vms);
}

/* To take the pages of a large area away takes long, and the world may have to stop meanwhile. Then
 * recovery must find the VMAs, which are in no tree any more: they are a list of the participant.
 * In the tree they could not be one, because a VMA there needs the word that names the next one. A
 * small range is done before anybody waits. (kernel: mas_detach) */
static void vms_announce(struct participant *self, struct vma_munmap *vms)
{
	vl_ref next = 0;

	if (vms->pages <= SAFE_STEPS)
		return;
	for (u32 i = vms->count; i > 0; i--) {
		vma_unmapped_before(PTR(self, vms->refs[i - 1]), next);
		next = vms->refs[i - 1];
	}
	store_relaxed_u32(&self->area->unmapped, next);
	vms->announced = true;
}

int do_munmap(struct participant *self, struct mm_struct *mm, u64 start, u64 len, bool unlock)
{
	struct vma_munmap vms;
	u64 end;
	int err;

	err = -EINVAL;
	if ((start & ~PAGE_MASK) || start > TASK_SIZE || len > TASK_SIZE - start)
		goto out;
	end = start + PAGE_ALIGN(len);
	if (end == start)
		goto out;
	err = 0;
	if (!find_vma_intersection(self, mm, start, end))
		goto out;
	err = vms_gather(self, &vms, mm, start, end);
	if (err)
		goto out;
	err = tree_preallocate(self, &mm->mm_mt, start, end);
	if (err) {
		vms_reattach(self, &vms);
		goto out;
	}
	tree_store(self, &mm->mm_mt, start, end, 0);
	vms_announce(self, &vms);
	STEP(cleared, mm);
	vms_account(self, &vms);
	if (unlock)
		mmap_write_downgrade(self, mm);
	vms_clear_ptes(self, &vms, vms.announced);
	vms_free_vmas(self, &vms);
	if (unlock)
		mmap_read_unlock(self, mm);
	return 0;
out:
	if (unlock)
		mmap_write_unlock(self, mm);
	return err;
}

s64 op_munmap(struct participant *self, u64 id, u64 addr, u64 len)
{
	struct mm_struct *mm = mm_find(self->seg, id);

	if (!mm || mmap_write_lock(self, mm, id) != 0)
		return VL_S_NO_MM;
	return do_munmap(self, mm, addr, len, true);
}
