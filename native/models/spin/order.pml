/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.pml: a page is moved between two VMAs while both are unmapped (op_uffd.c; the lab's
 * two-vma-move): the second VMA by trylock, never mmap_lock with the first one locked. A wait for
 * each other is an invalid end state.
 */
#include "ops.pml"

proctype mover(byte me)
{
	LOCALS;
	mark(op_begin);
	lock_vma_under_rcu(0, 0, o);
	if
	:: o != NOBODY ->
		mark(uffd_dst);
		p = o;
		lock_vma_under_rcu(0, 1, o);
		if
		:: o != NOBODY -> mark(uffd_src); grant_end(o); vma_end_read(o)
		:: else ->
#ifdef B37
			mmap_read_lock(0);
			mmap_read_unlock(0)
#endif
		fi;
		o = p;
		grant_end(o);
		vma_end_read(o)
	:: else
	fi;
	mmap_read_lock(0);
	mmap_read_unlock(0);
	mark(op_end);
	done++
}
proctype unmapper(byte me)
{
	LOCALS;
	mark(op_begin);
	mmap_write_lock(0);
	o = 1;
	vma_start_write(0, o);
	mark(gathered);
	o = 0;
	vma_start_write(0, o);
	mark(gathered);
	mmap_write_unlock(0);
	mark(op_end);
	done++
}

init
{
	atomic {
		is_free[0] = 0; is_free[1] = 0; complete[0] = 1; complete[1] = 1;
		det[0] = 0; det[1] = 0; refcnt[0] = 1; refcnt[1] = 1;
		slot[0] = 1; slot[1] = 2; vm_page[1] = 1;
		run mover(0); run unmapper(1)
	}
	done == 2;
	atomic { lock_check_end(0); lock_check_end(1) }
}
