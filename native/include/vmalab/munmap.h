/* SPDX-License-Identifier: Apache-2.0 */
/*
 * munmap.h (calls): the two halves of unmapping; op_munmap.c tells what each does.
 */
#ifndef VMALAB_MUNMAP_H
#define VMALAB_MUNMAP_H

#include "vmalab/mm.h"

struct vma_munmap {
	struct mm_struct *mm;
	u64 start, end;
	struct vm_area_struct *prev, *next;
	u32 count, cap;
	vl_ref *refs;
	vl_ref small[16];
	s64 pages, accounted;
	bool ptes_cleared;
	bool announced; /* its VMAs are in area.unmapped: out of the tree, known to recovery */
};
int vms_gather(struct participant *self, struct vma_munmap *vms, struct mm_struct *mm, u64 start,
	       u64 end);
void vms_reattach(struct participant *self, struct vma_munmap *vms);
/* may_stop: the VMAs are in the tree or announced. */
void vms_clear_ptes(struct participant *self, struct vma_munmap *vms, bool may_stop);
void vms_complete(struct participant *self, struct vma_munmap *vms);
/* mmap_lock write is held and, with unlock, released (after a downgrade). (kernel: do_vmi_munmap)
 */
int do_munmap(struct participant *self, struct mm_struct *mm, u64 start, u64 len, bool unlock);

#endif
