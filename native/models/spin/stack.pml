/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stack.pml: a stack grows from page 1 over page 0 while a reader is in it and another holder of
 * mmap_lock, in no RCU section, walks the tree (op_fault.c: fault_mmap_lock; op_brk.c:
 * expand_stack). The lab's stack-growth and stackrot.
 */
#define NODES 4
#include "lock.pml"
#include "ops.pml"

inline expand_stack()
{
	mark(stack_found);
#ifndef stack_grows_unlocked
#ifndef stack_grows_read_locked
	vma_start_write(0, o);
#endif
#endif
#ifndef stack_grows_read_locked /* what follows from it is to be seen, not that it is done */
	atomic { change(o); vm_page[o] = 0 }
#else
	vm_page[o] = 0;
#endif
	tree_store(0, 0, o + 1);
	mark(stack_grown)
}
proctype grower(byte me) ACTOR
{
	LOCALS;
	begins;
	mark(op_begin);
	o = 0;
#ifdef stack_grows_read_locked
	mmap_read_lock(0);
	expand_stack();
	mmap_read_unlock(0);
#else
	mmap_write_lock(0);
	expand_stack();
	mmap_write_unlock(0);
#endif
	mark(op_end);
	ends
}
proctype reader(byte me) ACTOR
{
	LOCALS;
	begins;
	op_fault(0, 1);
	ends
}
proctype walker(byte me) ACTOR
{
	LOCALS;
	begins;
	mark(op_begin);
	mark(fault_retry);
	mmap_read_lock(0);
	mmap_find(0, 1, o);
	mmap_read_unlock(0);
	mark(op_end);
	ends
}

init
{
	byte me;
	atomic {
		node_used[0] = 1;
		there(0, 0, 1);
		run grower(0);
		run reader(1);
		run walker(2)
	}
	finished == 3;
	d_step { at_rest(0) }
}
