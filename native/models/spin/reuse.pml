/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reuse.pml: two readers of mm 0, who unmaps the page in mm 0 and maps it in mm 1 (with one object,
 * so the same one), and who ends mm 1. The lab's scenarios reuse-before-lock and cve-2025-38554.
 * SAME_MM: maps it in mm 0 again instead.
 */
#include "ops.pml"

proctype reader(byte me)
{
	LOCALS;
	op_fault(0, 0);
	done++
}
proctype recycler(byte me)
{
	LOCALS;
	op_munmap(0, 0);
#ifdef SAME_MM
	op_mmap(0, 0);
#else
	op_mmap(1, 0);
#endif
	done++
}
proctype exiter(byte me)
{
	LOCALS;
	op_exit(1);
	done++
}

init
{
	byte me = 0;
	atomic {
		pins[0] = 1; pins[1] = 1;
		is_free[0] = 0; complete[0] = 1; det[0] = 0; refcnt[0] = 1;
		is_free[1] = SECOND_OBJECT; slot[0] = 1;
		run reader(0); run recycler(1); run exiter(2);
#ifndef ONE_READER
		run reader(3);
#endif
	}
#ifdef ONE_READER
	done == 3;
#else
	done == 4;
#endif
	atomic {
		lock_check_end(0); lock_check_end(1);
		assert(granted[0] == 0 && granted[1] == 0);
		assert(slot[0] == 0 || !LOCK_IS_DETACHED(slot[0] - 1));
		assert(slot[2] == 0 || !LOCK_IS_DETACHED(slot[2] - 1));
		assert(!is_free[0] || LOCK_IS_DETACHED(0))
	}
}
