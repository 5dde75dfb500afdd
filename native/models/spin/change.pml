/* SPDX-License-Identifier: Apache-2.0 */
/*
 * change.pml: a VMA is changed in place, or is new, while others read in it. The lab's
 * protect-against-fault, lost-wake-up, and (NEW) new-vma-published. TWO: two readers.
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
proctype changer(byte me) ACTOR
{
	LOCALS;
	begins;
#ifdef NEW
	op_mmap(0, 0);
#else
	op_mprotect(0, 0);
#endif
	ends
}

init
{
	byte me, many = 2;
	atomic {
#ifndef NEW
		there(0, 0, 0);
#endif
		run reader(0);
		run changer(1);
#ifdef TWO
		run reader(2);
		many++
#endif
	}
	finished == many;
	d_step { at_rest(0); rule(fsck, slot[0] == 1 && !LOCK_IS_DETACHED(0)) }
}
