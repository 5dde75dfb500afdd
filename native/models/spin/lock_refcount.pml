/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock_refcount.pml: model_refcount.h and vma_refcnt.c, with the writer's sleep. The words that say
 * whether a dead writer's exclusion stands are in dies.pml.
 */
#define LOCK_IS_DETACHED(o) (refcnt[o] == 0)
#define TYPESAFE
#include "common.pml"

inline lock_object_alloc(o) { skip }
inline lock_object_free(o) { skip }

/* vma_refcnt.c: vma_wake_writer. The mm must be the one that the reference pinned. */
inline vma_wake_writer(m, old)
{
	atomic { rule(lifetime, mm_generation[m] == old); mark(waking) }
	atomic {
		rule(lifetime, mm_generation[m] == old);
		if
		:: vma_writer_waits[m] -> vma_writer_word[m]++
		:: else
		fi
	}
}

/* model_refcount.h: vma_refcount_put. Of the object nothing is read after the decrement. */
inline vma_refcount_put(o)
{
#ifndef mm_read_after_put
	atomic { other = vm_mm[o]; old = mm_generation[other] }
#else
	born = generation[o];
#endif
	atomic {
		rule(lock_word, refcnt[o] != 0 && refcnt[o] != FLAG);
		refcnt[o]--;
		count = refcnt[o];
		mark(read_dropped)
	}
#ifdef mm_read_after_put
	atomic {
		rule(lifetime, generation[o] == born);
		other = vm_mm[o];
		old = mm_generation[other]
	}
#endif
	if
#ifdef readers_unlimited
	:: count == FLAG ->
#else
	:: count >= FLAG && count <= FLAG + 1 ->
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
inline vma_end_read_rcu(o)
{
	vma_refcount_put(o)
}

/* mm.c: mmgrab, mmdrop: the last pin gives the slot away */
inline mmdrop(m)
{
	atomic {
		pins[m]--;
		if
		:: pins[m] == 0 && ending[m] -> mm_generation[m]++
		:: else
		fi
	}
}

/* vma_refcnt.c: vma_put_foreign */
inline vma_put_foreign(o)
{
	foreign = vm_mm[o];
	rcu_read_unlock();
#ifndef foreign_wake_unpinned
	pins[foreign]++;
#endif
	mark(foreign_pinned);
	vma_refcount_put(o);
	mark(foreign_put);
#ifndef foreign_wake_unpinned
	mmdrop(foreign);
#endif
	foreign = 0;
	rcu_read_lock()
}

/* model_refcount.h: vma_refcount_get: one successful cmpxchg, or none */
inline vma_refcount_get(o, result)
{
	atomic {
		if
		:: refcnt[o] == 0 -> result = 2
#ifndef readers_unlimited
		:: refcnt[o] >= FLAG -> result = 0; mark(read_refused)
#endif
		:: else ->
			refcnt[o]++;
			result = 1;
#ifdef readers_unlimited
			count = refcnt[o];
#endif
			mark(read_taken)
		fi
	}
#ifdef readers_unlimited
	/* lab_get_unlimited: looked at afterwards; who only looked in wakes nobody */
	if
	:: result == 1 && count >= FLAG -> refcnt[o]--; result = 0
	:: else
	fi;
	count = 0
#endif
}

/* model_refcount.h: vma_start_read. result 0: failed, 1: locked, 2: look again */
inline vma_read_trylock(m, o, result)
{
	result = 0;
	atomic {
#ifdef early_stamp_ignored
		taken = 1;
#else
		taken = (stamp[o] != seq[m]);
#endif
		if
		:: taken -> mark(stamp_read)
		:: else ->
#ifdef early_stamp_retries
			result = 2
#endif
		fi
	}
	if
	:: taken ->
		vma_refcount_get(o, result);
		if
		:: result == 1 ->
#ifndef mm_not_compared
			if
			:: vm_mm[o] != m -> mark(foreign_found); vma_put_foreign(o); result = 0
			:: else
			fi;
#endif
			if
			:: result == 1 ->
				mark(read_identified);
#ifndef NO_LATE
				atomic {
					taken = (stamp[o] != seq[m]);
					if
					:: taken -> mark(read_stamp_late)
					:: else
					fi
				}
#endif
				if
				:: !taken -> vma_refcount_put(o); result = 0
				:: else
				fi
			:: else
			fi
		:: else
		fi
	:: else
	fi;
	taken = 0
}

/* model_refcount.h: vma_start_read_locked: under mmap_lock it cannot fail */
inline vma_start_read_locked(m, o, result)
{
	result = 1;
#ifdef read_locked_may_fail
	if
	:: stamp[o] == seq[m] -> result = 0
	:: else
	fi;
#endif
	if
	:: result == 1 -> vma_refcount_get(o, result)
	:: else
	fi
}

/* vma_refcnt.c: vma_wait_readers: sleeps while its word has not moved */
inline vma_wait_readers(m, o, target)
{
	do
#ifdef writer_ignores_readers
	:: break
#else
	:: word = vma_writer_word[m];
	   vma_writer_waits[m] = 1;
	   if
	   :: refcnt[o] == target -> break
	   :: else
	   fi;
	   until(vma_writer_word[m] != word, wait)
#endif
	od;
	vma_writer_waits[m] = 0;
	word = 0
}

/* model_refcount.h: __vma_start_write */
inline __vma_start_write(m, o)
{
	mark(write_begin);
	atomic {
		count = refcnt[o];
		if
		:: count != 0 -> refcnt[o] = refcnt[o] + FLAG
		:: else
		fi;
		mark(write_flagged)
	}
	if
	:: count > 1 -> vma_wait_readers(m, o, FLAG + 1)
	:: else
	fi;
	mark(write_alone);
	stamp[o] = seq[m];
	owns(m, o);
	atomic {
		if
		:: count != 0 -> refcnt[o] = refcnt[o] - FLAG
		:: else
		fi;
		count = 0;
		mark(write_stamped)
	}
}
inline vma_start_write(m, o)
{
	if
	:: stamp[o] != seq[m] -> __vma_start_write(m, o)
	:: else -> owns(m, o)
	fi
}

inline vma_mark_attached(o)
{
	atomic { rule(attach_state, refcnt[o] == 0); mark(attaching) }
	atomic { inserted[o] = 1; refcnt[o] = 1; mark(attached) }
}

/* model_refcount.h: vma_mark_detached; vma_refcnt.c: vma_detach_stragglers */
inline vma_mark_detached(m, o)
{
	atomic {
		rule(attach_state, STAMPED(m, o) && refcnt[o] != 0);
		refcnt[o]--;
		count = refcnt[o];
		inserted[o] = 0; knocked[o]++
	}
	if
	:: count != 0 ->
		atomic {
			count = refcnt[o];
			if
			:: count != 0 -> refcnt[o] = refcnt[o] + FLAG
			:: else
			fi;
			mark(detaching)
		}
		if
		:: count != 0 ->
			vma_wait_readers(m, o, FLAG);
			refcnt[o] = refcnt[o] - FLAG
		:: else
		fi
	:: else
	fi;
	atomic { count = 0; mark(detached) }
}

/* vma.c: vma_init, with vma_lock_init, in the steps that stale readers can see */
inline vma_init(m, o)
{
	mark(allocated);
	stamp[o] = UNSET;
	atomic { vm_mm[o] = m; mark(initialised) }
}

inline lock_check_end(o)
{
	rule(fsck, refcnt[o] == 0 || refcnt[o] == 1)
}
