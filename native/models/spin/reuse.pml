/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reuse.pml: a reader of mm 0, who unmaps its page and maps it in mm 1 (with one object, so the
 * same one). The lab's reuse-before-lock, reuse-while-locking, late-unlock, cve-2025-38554.
 * TWO: two readers. ENDS: somebody ends mm 1. SAME_MM: it is mapped in mm 0 again instead.
 */
#include "lock.pml"
#include "ops.pml"

#ifdef SAME_MM
#define TO 0
#else
#define TO 1
#endif

proctype reader(byte me) ACTOR
{
	LOCALS;
	begins;
	op_fault(0, 0);
	ends
}
proctype recycler(byte me) ACTOR
{
	LOCALS;
	begins;
	op_munmap(0, 0);
	op_mmap(TO, 0);
	ends
}
proctype exiter(byte me) ACTOR
{
	LOCALS;
	begins;
	op_exit(1);
	ends
}

init
{
	byte me, many = 2;
	atomic {
		pins[0] = 1;
		pins[1] = 1;
		there(0, 0, 0);
		is_free[1] = 0;
		run reader(0);
		run recycler(1);
#ifdef ENDS
		run exiter(2);
		many++;
#endif
#ifdef TWO
		run reader(3);
		many++
#endif
	}
	finished == many;
	d_step {
		at_rest(0);
		rule(fsck, slot[0] == 0 || !LOCK_IS_DETACHED(slot[0] - 1));
		rule(fsck, slot[2] == 0 || !LOCK_IS_DETACHED(slot[2] - 1))
	}
}
