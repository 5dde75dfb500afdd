/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dies.pml: a writer of the refcount model is killed while it has mmap_lock, at any step, also while
 * readers are excluded; recovery sets the words to what the living have (walk_lock.c:walk_vma_lock). The
 * lab's writer-dies. Recovery stops the world: who lives is out of the core, or blocked.
 */
#define DIES
bit mortal; /* may be killed now */
#include "lock.pml"

byte dead;  /* 1: killed, 2: and recovered */
bit inside[ACTORS];
#include "ops.pml"

proctype reader(byte me) ACTOR
{
	LOCALS;
	begins;
	inside[me] = 1;
	op_fault(0, 0);
	inside[me] = 0;
killed:
	ends
}
proctype dying(byte me) ACTOR
{
	LOCALS;
	begins;
	mark(op_begin);
	mmap_write_lock(0);
	mortal = 1;
	o = 0;
	vma_start_write(0, o);
	mark(prot_set);
	mark(prot_ptes);
	mortal = 0;
	mmap_write_unlock(0);
	goto lives;
killed:
	atomic { dead = 1; mortal = 0 }
lives:
	ends
}
proctype next_one(byte me) ACTOR
{
	LOCALS;
	begins;
	inside[me] = 1;
	op_mprotect(0, 0);
	op_fault(0, 0);
	inside[me] = 0;
killed:
	ends
}
proctype recovery()
{
end:
	atomic {
		dead == 1 && (!inside[0] || blocked[0]) && (!inside[2] || blocked[2]) ->
		/* the sequence is made even, which ends the dead one's stamps */
		seq[0]++;
		map_writer[0] = 0;
		vma_writer_waits[0] = 0;
#ifdef dead_writer_excludes
		refcnt[0] = (refcnt[0] & FLAG) + 1; /* the readers' part alone */
#else
		refcnt[0] = 1;
#endif
		dead = 2
	}
}

init
{
	byte me;
	atomic {
		there(0, 0, 0);
		run reader(0);
		run dying(1);
		run next_one(2);
		run recovery()
	}
	finished == 3 && dead != 1;
	d_step { at_rest(0); rule(fsck, refcnt[0] == 1 && !(seq[0] & 1) && !map_writer[0]) }
}
