/* SPDX-License-Identifier: Apache-2.0 */
/*
 * order.pml: a page is moved between two VMAs while both are unmapped (op_uffd.c; the lab's
 * two-vma-move): the second VMA by trylock, never mmap_lock with the first one locked. FIRST_WRITE:
 * a fault that needs mmap_lock while the VMA is unmapped (the lab's fault-lock-order): by trylock.
 * A wait for each other is an invalid end state.
 */
#include "lock.pml"
#ifdef FIRST_WRITE
#define OWN_PAGES
/* op_fault.c: fault_anon_prepare */
inline fault_page(m, page, o)
{
	mark(fault_locked);
	mark(pte_seen);
	mark(anon_checked);
	if
	:: under ->
#ifdef fault_blocks_holding_vma
		mmap_read_lock(m);
		held = 1;
#else
		mmap_read_trylock(m, held);
#endif
		again = !held
	:: else
	fi;
	if
	:: held -> mark(anon_set); mmap_read_unlock(m); held = 0
	:: else
	fi
}
#endif
#include "ops.pml"

proctype mover(byte me) ACTOR
{
	LOCALS;
	begins;
#ifdef FIRST_WRITE
	op_fault(0, 0);
#else
	mark(op_begin);
	lock_vma_under_rcu(0, 1, o);
	if
	:: o != NOBODY ->
		mark(uffd_dst);
		p = o;
		lock_vma_under_rcu(0, 0, o);
		if
		:: o != NOBODY -> mark(uffd_src); grant_end(o); vma_end_read(o)
		:: else ->
#ifdef move_blocks_holding_vma
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
#endif
	ends
}
proctype unmapper(byte me) ACTOR
{
	LOCALS;
	begins;
	mark(op_begin);
	mmap_write_lock(0);
	o = 0;
	vma_start_write(0, o);
	vma_mark_detached(0, o);
	mark(gathered);
#ifndef FIRST_WRITE
	o = 1;
	vma_start_write(0, o);
	vma_mark_detached(0, o);
	mark(gathered);
	atomic { SLOT(0, 0) = 0; SLOT(0, 1) = 0; mark(tree_published) }
#else
	tree_store(0, 0, 0);
#endif
	mark(cleared);
	mmap_write_downgrade(0);
	mark(zapped);
	mmap_read_unlock(0);
	mark(op_end);
	ends
}

init
{
	byte me;
	atomic {
		there(0, 0, 0);
		there(1, 0, 1);
		run mover(0);
		run unmapper(1)
	}
	finished == 2;
	d_step { at_rest(0); at_rest(1) }
}
