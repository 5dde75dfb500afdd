/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fork.pml: an address space of two VMAs is copied while somebody writes to the one and then to the
 * other (op_fork.c: dup_mmap; the lab's fork-under-faults). The child must be of one moment.
 * FAILS: there is no memory for the second VMA, and what was made is taken apart (fork_abort;
 * fork-fails).
 */
#define OBJECTS 3
#define OWN_PAGES
#include "lock.pml"

bit written[2];	      /* what the parent's page holds */
bit copied_as[2];     /* what the child's page holds */
bit shared[2];	      /* the child has the same frame, read-only */

/* op_fault.c: a frame that is shared is copied first */
inline fault_page(m, page, o)
{
	atomic { taken = shared[page]; mark(pte_seen) }
	atomic {
		written[page] = 1;
		copied_as[page] = ((shared[page] && !taken) -> 1 : copied_as[page]);
		if
		:: taken -> mark(pte_set)
		:: else -> mark(word_stored)
		fi;
		taken = 0
	}
}
#include "ops.pml"

inline dup_one(page)
{
	p = SLOT(0, page) - 1;
#ifndef fork_parent_unlocked
	vma_start_write(0, p);
#endif
	mark(fork_locked);
	object_take(o);
	if
	:: o != NOBODY ->
		vma_init(1, o);
		atomic { vm_page[o] = page; vm_last[o] = page; complete[o] = 1; mark(copied) }
		SLOT(1, page) = o + 1;
		vma_start_write(1, o);
		vma_mark_attached(o);
		mark(fork_replaced)
	:: else
	fi;
	atomic { copied_as[page] = written[page]; shared[page] = 1; mark(fork_copied) }
}
/* op_fork.c: fork_abort: the child's own VMAs are freed, the parent's entries forgotten */
inline fork_abort(page)
{
	if
	:: SLOT(1, page) != 0 ->
		o = SLOT(1, page) - 1;
#ifdef failed_fork_keeps_vmas
		vma_mark_detached(1, o);
		object_free(o);
#else
		if
		:: vm_mm[o] == 1 -> vma_mark_detached(1, o); object_free(o)
		:: else
		fi;
#endif
		SLOT(1, page) = 0
	:: else
	fi
}
proctype forker(byte me) ACTOR
{
	LOCALS;
	begins;
	mark(op_begin);
	mmap_write_lock(0);
	atomic { map_writer[1] = 1; seq[1]++ }
	atomic { SLOT(1, 0) = SLOT(0, 0); SLOT(1, 1) = SLOT(0, 1); mark(fork_tree) }
	dup_one(0);
#ifdef FAILS
	mark(fork_failed);
	fork_abort(0);
	fork_abort(1);
#else
	dup_one(1);
#endif
	atomic { seq[1]++; map_writer[1] = 0 }
	mmap_write_unlock(0);
	mark(op_end);
	ends
}
proctype writing(byte me) ACTOR
{
	LOCALS;
	begins;
	op_fault(0, 0);
	op_fault(0, 1);
	ends
}

init
{
	byte me;
	atomic {
		there(0, 0, 0);
		there(1, 0, 1);
		run forker(0);
		run writing(1)
	}
	finished == 2;
	d_step {
		at_rest(0); at_rest(1); at_rest(2);
		rule(outcome, !copied_as[1] || copied_as[0]);
		rule(fsck, slot[0] == 1 && slot[1] == 2);
		rule(fsck, !LOCK_IS_DETACHED(0) && !LOCK_IS_DETACHED(1))
	}
}
