/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock_refcount.pml: model_refcount.h and vma_refcnt.c, with the writer's sleep.
 */
#define LOCK_IS_DETACHED(o) (refcnt[o] == 0)
#define TYPESAFE
#include "common.pml"

/* vma_refcnt.c: vma_wake_writer. The mm must be the one that the reference pinned. */
inline vma_wake_writer(m, old)
{
	atomic { mark(waking); assert(mm_generation[m] == old) }
	if
	:: vma_writer_waits[m] -> vma_writer_word[m]++
	:: else
	fi
}

/* model_refcount.h: vma_refcount_put. Of the object nothing is read after the decrement. */
inline vma_refcount_put(o)
{
#ifndef B1
	atomic { other = vm_mm[o]; old = mm_generation[other] }
#else
	born = generation[o];
#endif
	atomic {
		assert(refcnt[o] != 0 && refcnt[o] != FLAG);
		refcnt[o]--;
		count = refcnt[o];
		mark(read_dropped)
	}
	if
#ifdef B10
	:: count == FLAG ->
#else
	:: count >= FLAG && count <= FLAG + 1 ->
#endif
#ifdef B1
		atomic {
			assert(generation[o] == born);
			other = vm_mm[o];
			old = mm_generation[other]
		}
#endif
		vma_wake_writer(other, old)
	:: else
	fi;
	atomic { other = 0; old = 0; count = 0; born = 0 }
}
inline vma_end_read(o)
{
	vma_refcount_put(o)
}

/* mm.c: mmgrab, mmdrop: the last pin gives the slot away */
inline mmdrop(m)
{
	atomic { pins[m]--; if :: pins[m] == 0 && ending[m] -> mm_generation[m]++ :: else fi }
}

/* vma_refcnt.c: vma_put_foreign */
inline vma_put_foreign(o)
{
	atomic { foreign = vm_mm[o]; mark(foreign_found) }
	rcu[me] = 0;
#ifndef B2
	atomic { pins[foreign]++; mark(foreign_pinned) }
#endif
	vma_refcount_put(o);
#ifndef B2
	mmdrop(foreign);
#endif
	atomic { foreign = 0; rcu[me] = 1 }
}

/* model_refcount.h: vma_read_trylock. result 0: failed, 1: locked, 2: look again */
inline vma_read_trylock(m, o, result)
{
	result = 0;
	atomic { taken = (stamp[o] != seq[m]); if :: taken -> mark(stamp_read) :: else fi }
	if
	:: taken ->
		atomic { /* vma_refcount_get: one successful cmpxchg, or none */
			if
			:: refcnt[o] == 0 -> taken = 0; result = 2; mark(read_miss)
#ifndef B10
			:: refcnt[o] >= FLAG -> taken = 0; mark(read_refused)
#endif
			:: else -> refcnt[o]++; mark(read_taken)
			fi
		}
		if
		:: taken ->
#ifndef B5
			atomic { taken = (vm_mm[o] == m); mark(read_identified) }
			if
			:: !taken -> vma_put_foreign(o)
			:: else
			fi;
#endif
			if
			:: taken ->
#ifndef NO_LATE
				atomic { taken = (stamp[o] != seq[m]); mark(read_stamp_late) }
#endif
				if
				:: taken -> result = 1
				:: else -> vma_refcount_put(o)
				fi
			:: else
			fi
		:: else
		fi
	:: else
	fi;
	taken = 0
}

/* vma_refcnt.c: vma_wait_readers: sleeps while its word has not moved */
inline vma_wait_readers(m, o, target)
{
	do
	:: word = vma_writer_word[m];
	   vma_writer_waits[m] = 1;
	   if
	   :: refcnt[o] == target -> break
	   :: else
	   fi;
	   (vma_writer_word[m] != word)
	od;
	vma_writer_waits[m] = 0;
	word = 0
}

/* model_refcount.h: vma_start_write */
inline vma_start_write(m, o)
{
	if
	:: stamp[o] != seq[m] ->
		atomic {
			mark(write_begin);
			count = refcnt[o];
			if
			:: count != 0 -> refcnt[o] = refcnt[o] + FLAG; mark(write_flagged)
			:: else
			fi
		}
		if
		:: count > 1 -> vma_wait_readers(m, o, FLAG + 1)
		:: else
		fi;
		atomic { stamp[o] = seq[m]; mark(write_stamped) }
		atomic { if :: count != 0 -> refcnt[o] = refcnt[o] - FLAG :: else fi; count = 0 }
	:: else
	fi;
	owns(m, o)
}

inline vma_mark_attached(o)
{
	atomic { mark(attaching); assert(refcnt[o] == 0); refcnt[o] = 1; mark(attached) }
}

/* model_refcount.h: vma_mark_detached; vma_refcnt.c: vma_detach_stragglers */
inline vma_mark_detached(m, o)
{
	atomic {
		assert(stamp[o] == seq[m] && refcnt[o] != 0);
		refcnt[o]--;
		count = refcnt[o];
		mark(detaching)
	}
	if
	:: count != 0 ->
		atomic {
			count = refcnt[o];
			if :: count != 0 -> refcnt[o] = refcnt[o] + FLAG :: else fi
		}
		if
		:: count != 0 -> vma_wait_readers(m, o, FLAG); refcnt[o] = refcnt[o] - FLAG
		:: else
		fi
	:: else
	fi;
	count = 0;
	mark(detached)
}

inline vma_init(m, o, page)
{
	atomic { stamp[o] = UNSET; mark(initialised) }
	vm_mm[o] = m;
	atomic { vm_page[o] = page; complete[o] = 1 }
}

inline lock_check_end(o)
{
	assert(refcnt[o] == 0 || refcnt[o] == 1)
}
