/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock_rwsem.pml: vma_rwsem.h with the identity of vma_deferred.h, or of model_typesafe_rwsem.h
 * (TYPESAFE). SEPARATE: model_split_rwsem.h: the semaphore is an object of another cache, named by
 * the VMA; both are freed after one grace period. Checks that a mutant removes stand in their place.
 */
#define LOCK_IS_DETACHED(o) (det[o] == 1)
#ifndef TYPESAFE
#define FREED_AFTER_GRACE
#endif
#ifdef SEPARATE
#define SEM(o) vm_lock[o]
#else
#define SEM(o) o
#endif
#include "common.pml"

#ifdef SEPARATE
byte vm_lock[OBJECTS];	    /* which semaphore */
bit sem_used[OBJECTS];
#define sem_there(o) rule(lifetime, sem_used[SEM(o)])
#else
#define sem_there(o) skip
#endif

/* model_split_rwsem.h, model_embedded_rwsem.h: vma_lock_alloc: the grace period is over, so it is a
 * new semaphore. Typesafe: the constructor's, in every life. */
inline lock_object_alloc(o)
{
#ifdef SEPARATE
	if
	:: !sem_used[0] -> SEM(o) = 0
	:: sem_used[0] && !sem_used[1] -> SEM(o) = 1
#if OBJECTS > 2
	:: sem_used[0] && sem_used[1] -> SEM(o) = 2
#endif
	fi;
	assert(!sem_used[SEM(o)]);
	sem_used[SEM(o)] = 1;
#endif
#ifndef TYPESAFE
	readers[SEM(o)] = 0;
	writer[SEM(o)] = 0
#else
	skip
#endif
}
/* model_split_rwsem.h: vma_lock_free */
inline lock_object_free(o)
{
#ifdef SEPARATE
	sem_used[SEM(o)] = 0
#else
	skip
#endif
}

/* rwsem.c: up_read; the count may not go below nothing. The last reader wakes who waits. */
inline up_read(o)
{
	atomic {
		sem_there(o);
		rule(lock_word, readers[SEM(o)] > 0);
		readers[SEM(o)]--;
		mark(read_dropped)
	}
}
/* vma_rwsem.h: vma_end_read_at */
inline vma_end_read(o)
{
	rcu_read_lock();
	up_read(o);
	rcu_read_unlock()
}
inline vma_end_read_rcu(o)
{
	up_read(o)
}

/* vma_rwsem.h: vma_read_trylock. result 0: failed, 1: locked, 2: look again */
inline vma_read_trylock(m, o, result)
{
	result = 0;
	atomic {
		taken = (stamp[o] != seq[m]);
		if
		:: taken -> mark(stamp_read)
		:: else
		fi
	}
	if
	:: taken ->
		atomic {
			sem_there(o);
			taken = !writer[SEM(o)];
			if
			:: taken -> readers[SEM(o)]++; mark(read_taken)
			:: else -> mark(read_refused)
			fi
		}
		if
		:: taken ->
#ifdef NO_LATE
			taken = 1;
#else
			atomic {
				taken = (stamp[o] != seq[m]);
				if
				:: taken -> mark(read_stamp_late)
				:: else
				fi
			}
#endif
			if
			:: taken ->
#ifndef NO_DETACHED
				atomic {
					taken = !det[o];
					if
					:: taken -> mark(read_identified)
					:: else -> result = 2
					fi
				}
#endif
#ifndef mm_not_compared
				if
				:: taken -> taken = (vm_mm[o] == m)
				:: else
				fi
#endif
			:: else
			fi;
			if
			:: taken -> result = 1
			:: else -> up_read(o)
			fi
		:: else
		fi
	:: else
	fi;
	taken = 0
}

/* vma_rwsem.h: vma_start_read_locked: under mmap_lock it cannot fail */
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
	:: result == 1 ->
		atomic {
			sem_there(o);
			until(!writer[SEM(o)], wait);
			readers[SEM(o)]++;
			mark(read_locked)
		}
	:: else
	fi
}

/* vma_rwsem.h: __vma_start_write */
inline __vma_start_write(m, o)
{
	mark(write_begin);
	atomic {
		sem_there(o);
#ifndef writer_ignores_readers
		until(!writer[SEM(o)] && readers[SEM(o)] == 0, wait);
		writer[SEM(o)] = 1;
#endif
		mark(write_alone)
	}
	stamp[o] = seq[m];
	owns(m, o);
	atomic { sem_there(o); writer[SEM(o)] = 0; mark(write_stamped) }
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
#ifdef TYPESAFE
	mark(attaching);
	atomic { inserted[o] = 1; det[o] = 0; mark(attached) }
#else
	atomic { inserted[o] = 1; mark(attaching); det[o] = 0 }
#endif
}
inline vma_mark_detached(m, o)
{
	atomic { rule(attach_state, STAMPED(m, o)); det[o] = 1; inserted[o] = 0; knocked[o]++; mark(detached) }
}

/* vma.c: vma_init, with vma_lock_init, in the steps that stale readers can see */
inline vma_init(m, o)
{
	mark(allocated);
#ifdef lock_initialised_again
	atomic { readers[o] = 0; writer[o] = 0 }
#endif
#ifndef TYPESAFE
	det[o] = 0; /* the grace period is over: attached from the start */
#endif
	stamp[o] = UNSET;
	atomic { vm_mm[o] = m; mark(initialised) }
}

inline lock_check_end(o)
{
	rule(fsck, readers[o] == 0 && !writer[o])
}
