/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock_rwsem.pml: vma_rwsem.h with the identity of vma_deferred.h or model_typesafe_rwsem.h
 * (TYPESAFE). Checks that a mutant removes stand in their place.
 */
#define LOCK_IS_DETACHED(o) (det[o] == 1)
#ifndef TYPESAFE
#define FREED_AFTER_GRACE
#endif
#include "common.pml"

/* vma_rwsem.h: up_read; the count may not go below nothing */
inline vma_end_read(o)
{
	atomic { assert(readers[o] > 0); readers[o]--; mark(read_dropped) }
}

/* vma_rwsem.h: vma_read_trylock. result 0: failed, 1: locked, 2: look again */
inline vma_read_trylock(m, o, result)
{
	result = 0;
	atomic { taken = (stamp[o] != seq[m]); if :: taken -> mark(stamp_read) :: else fi }
	if
	:: taken ->
		atomic {
			taken = !writer[o];
			if
			:: taken -> readers[o]++; mark(read_taken)
			:: else -> mark(read_refused)
			fi
		}
		if
		:: taken ->
#ifdef NO_LATE
			taken = 1;
#else
			atomic { taken = (stamp[o] != seq[m]); mark(read_stamp_late) }
#endif
			if
			:: taken ->
#ifndef NO_DETACHED
				atomic { taken = !det[o]; if :: !taken -> result = 2 :: else fi }
#endif
#ifdef TYPESAFE
#ifndef B5
				if
				:: taken ->
					atomic { taken = (vm_mm[o] == m); mark(read_identified) }
				:: else
				fi
#endif
#endif
			:: else
			fi;
			if
			:: taken -> result = 1
			:: else -> vma_end_read(o)
			fi
		:: else
		fi
	:: else
	fi;
	taken = 0
}

/* vma_rwsem.h: vma_start_write */
inline vma_start_write(m, o)
{
	if
	:: stamp[o] != seq[m] ->
		mark(write_begin);
		atomic { !writer[o] && readers[o] == 0 -> writer[o] = 1; mark(write_alone) }
		atomic { stamp[o] = seq[m]; mark(write_stamped) }
		writer[o] = 0
	:: else
	fi;
	owns(m, o)
}

inline vma_mark_attached(o)
{
	atomic { mark(attaching); det[o] = 0; mark(attached) }
}
inline vma_mark_detached(m, o)
{
	atomic { assert(stamp[o] == seq[m]); det[o] = 1; mark(detached) }
}

/* vma.c: vma_init, with vma_lock_init, in the steps that stale readers can see */
inline vma_init(m, o, page)
{
#ifdef B7
	readers[o] = 0; writer[o] = 0;
#endif
#ifndef TYPESAFE
	/* the grace period is over: a new semaphore, attached from the start */
	atomic { readers[o] = 0; writer[o] = 0; det[o] = 0 }
#endif
	atomic { stamp[o] = UNSET; mark(initialised) }
	vm_mm[o] = m;
#ifdef B4
	atomic { vm_page[o] = page; det[o] = 0; mark(copied) }
	det[o] = 1;
#else
	vm_page[o] = page;
#endif
	complete[o] = 1
}

inline lock_check_end(o)
{
	assert(readers[o] == 0 && !writer[o])
}
