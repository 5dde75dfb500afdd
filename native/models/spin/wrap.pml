/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrap.pml: numbers of long ago. A VMA carries a stamp that equals the sequence though nobody has
 * locked it: the read lock under mmap_lock, which may not fail, must not look at it (the lab's
 * sequence-wrap). ROUND: the sequence wraps around to a stamp of long ago under a writer
 * (sequence-wraps-around). FIRST: it comes to the last number before the wrap when a VMA is made
 * whose object a reader of its former life still holds (sequence-at-its-last-number). The numbers
 * have three bits here.
 */
#define WRAP
#include "lock.pml"
#include "ops.pml"

proctype reader(byte me) ACTOR
{
	LOCALS;
	begins;
	op_fault(0, 0);
	ends
}
proctype other_one(byte me) ACTOR
{
	LOCALS;
	begins;
#ifdef ROUND
	op_mprotect(0, 1);
	op_mprotect(0, 1);
	op_mprotect(0, 0);
#elif defined(FIRST)
	op_munmap(0, 0);
	op_mmap(0, 0);
#else
	/* op_uffd.c: lock_fast, lock_slow */
	mark(op_begin);
	lock_vma_under_rcu(0, 0, o);
	if
	:: o == NOBODY ->
		mmap_read_lock(0);
		o = SLOT(0, 0) - 1;
		vma_start_read_locked(0, o, result);
		atomic { rule(outcome, result == 1); result = 0; granted[o]++ }
		mmap_read_unlock(0)
	:: else
	fi;
	mark(uffd_src);
	grant_end(o);
	vma_end_read(o);
	mark(op_end);
#endif
	ends
}

init
{
	byte me;
	atomic {
		there(0, 0, 0);
#ifdef FIRST
		is_free[1] = 0;
#else
		there(1, 0, 1);
#endif
#if defined(ROUND)
		seq[0] = 6;
		stamp[0] = 3;
#elif defined(FIRST)
		seq[0] = 4;
		stamp[0] = 3;
#else
		seq[0] = 4;
		stamp[0] = 4;
#endif
		run reader(0);
		run other_one(1)
	}
	finished == 2;
#ifdef FIRST
	d_step { at_rest(0) }
#else
	d_step { at_rest(0); at_rest(1) }
#endif
}
