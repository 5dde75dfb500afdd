/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dup.pml: the object that a reader has found is freed, its page becomes a part of the neighbour,
 * and a split of that one takes the object for its other half (vma.c: vm_area_dup; merge.c:
 * split_vma). The lab's dup-of-recycled. Only `detached`, or the count, says that it is in no tree.
 */
#include "lock.pml"
#include "ops.pml"

proctype reader(byte me) ACTOR
{
	LOCALS;
	begins;
	op_fault(0, 0);
	ends
}
/* op_mmap.c by merge.c: vma_merge_new_range: the VMA of page 1 grows down over page 0 */
inline op_grow()
{
	mark(op_begin);
	mmap_write_lock(0);
	p = SLOT(0, 1) - 1;
	vma_start_write(0, p);
	mark(merge_locked);
	atomic { change(p); vm_page[p] = 0; mark(merge_ranged) }
	tree_store(0, 0, p + 1);
	mark(merge_stored);
	mmap_write_unlock(0);
	atomic { p = NOBODY; mark(op_end) }
}
inline op_split()
{
	mark(op_begin);
	mmap_write_lock(0);
	p = SLOT(0, 1) - 1;
	vma_start_write(0, p);
	object_take(o);
	if
	:: o != NOBODY ->
		vma_init(0, o);
		atomic { vm_page[o] = vm_page[p]; vm_last[o] = vm_last[p] }
#ifdef dup_copies_detached
		/* the copy carries `detached` of the source for a moment */
		atomic { det[o] = det[p]; mark(copied) }
		det[o] = 1;
#endif
		atomic { complete[o] = 1; mark(copied) }
		mark(split_dup);
		vma_start_write(0, o);
		atomic { change(p); vm_last[o] = 0; vm_page[p] = 1; mark(split_ranged) }
		vma_mark_attached(o);
		tree_store(0, 0, o + 1);
		mark(split_stored)
	:: else
	fi;
	mmap_write_unlock(0);
	atomic { o = NOBODY; p = NOBODY; mark(op_end) }
}
proctype changer(byte me) ACTOR
{
	LOCALS;
	begins;
	op_munmap(0, 0);
	op_grow();
	op_split();
	ends
}

init
{
	byte me;
	atomic {
		there(0, 0, 0);
		there(1, 0, 1);
		run reader(0);
		run changer(1)
	}
	finished == 2;
	d_step { at_rest(0); at_rest(1) }
}
