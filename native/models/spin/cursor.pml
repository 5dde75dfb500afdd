/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursor.pml: the nodes of the tree are replaced and freed while a reader looks again (lock_model.h:
 * lock_vma_found after a miss). The lab's stale-cursor.
 */
#define NODES 4
#include "lock.pml"
#include "ops.pml"

proctype reader(byte me) ACTOR
{
	LOCALS;
	begins;
	op_fault(0, 0);
	ends
}
proctype unmapper(byte me) ACTOR
{
	LOCALS;
	begins;
	op_munmap(0, 0);
	ends
}
proctype mapper(byte me) ACTOR
{
	LOCALS;
	begins;
	op_mmap(0, 1);
	ends
}

init
{
	byte me;
	atomic {
		node_used[0] = 1;
		there(0, 0, 0);
		run reader(0);
		run unmapper(1);
		run mapper(2)
	}
	finished == 3;
	d_step {
		at_rest(0); at_rest(1);
		rule(fsck, node_used[0] + node_used[1] + node_used[2] + node_used[3] == 1)
	}
}
