/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pages.pml: a fault enters an anonymous page while somebody takes the anon_vma away (MOVES:
 * op_mremap.c with MREMAP_DONTUNMAP; the lab's anon-vma-goes), lends the VMA one and takes it back
 * (MERGES: merge.c: dup_anon_vma without memory; merge-anon-vma), or replaces the memory policy that
 * the fault uses (BINDS: op_mbind.c; mbind-against-fault).
 */
#define OWN_PAGES
#include "lock.pml"

byte anon[OBJECTS]; /* anon_vma */
bit lent;	    /* the anon_vma will be taken back */
byte policy = 1;
bit policy_freed[4];
bit entered, entered_lent;
#ifdef anon_vma_seen_unlocked
#define seen seen_before
bit seen_before;
#endif

/* op_fault.c: fault_anon_prepare, install_anon */
inline fault_page(m, page, o)
{
	mark(fault_locked);
	mark(pte_seen);
	atomic {
		held = 0;
		taken = anon[o] != 0;
#ifdef anon_vma_seen_unlocked
		taken = taken || (under && seen_before)
#endif
	}
	if
	:: !taken ->
		mark(anon_checked);
		if
		:: under -> mmap_read_trylock(m, held); again = !held
		:: else
		fi;
		if
		:: !again || !under ->
			atomic {
				if
				:: anon[o] == 0 -> anon[o] = 1; lent = 0; mark(anon_set)
				:: else
				fi
			}
		:: else
		fi;
		if
		:: held -> mmap_read_unlock(m); held = 0
		:: else
		fi
	:: else
	fi;
	taken = 0;
	if
	:: !again || !under ->
		old = policy;
		mark(policy_used);
		atomic { rule(lifetime, !policy_freed[old]); old = 0 }
		atomic {
			rule(anon_vma, anon[o] != 0);
			entered = 1;
			entered_lent = lent;
			mark(pte_set)
		}
	:: else
	fi
}
#include "ops.pml"

proctype writing(byte me) ACTOR
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
	mark(op_begin);
	mmap_write_lock(0);
	o = 0;
#ifndef mbind_unlocked
#ifndef merge_anon_unlocked
	vma_start_write(0, o);
#endif
#endif
#if defined(MOVES)
	/* the pages go with it */
	atomic { anon[o] = 0; entered = 0; mark(anon_unlinked) }
#elif defined(MERGES)
	mark(merge_locked);
	if
	:: anon[o] == 0 ->
		atomic { anon[o] = 2; lent = 1; mark(anon_set) }
		/* no memory: it is taken back */
		atomic { rule(anon_vma, !entered_lent); anon[o] = 0; lent = 0; mark(anon_unlinked) }
	:: else
	fi;
#else
	old = policy;
	atomic { policy = 2; mark(policy_set) }
	policy_freed[old] = 1;
	old = 0;
#endif
	mmap_write_unlock(0);
	mark(op_end);
	ends
}

init
{
	byte me;
	atomic {
		there(0, 0, 0);
#ifdef MOVES
		anon[0] = 1;
#endif
		run writing(0);
		run other_one(1)
	}
	finished == 2;
	d_step { at_rest(0); rule(anon_vma, !entered || anon[0] != 0) }
}
