/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common.pml: what the models of the lock protocols share. Memory is sequentially consistent here
 * (loom has the orderings); each statement is one access to shared memory, or several that nobody
 * can tell apart.
 *
 * The protocol's steps carry the names of the lab core's sync points (lab_points.h), printed as
 * `lab ACTOR POINT`, so that a counterexample (spin -t) can be followed by hand on the lab core.
 *
 * Ghost state, which decides nothing: granted, dead, generation, owned. The assertions are the
 * rules of the protocol: who is granted a VMA has the one he looked for, nobody writes beside him,
 * nothing is touched after it was freed.
 */
mtype = { op_begin, op_end, walked, stamp_read, read_taken, read_refused, read_miss,
	  read_identified, read_stamp_late, read_granted, read_ending, read_dropped, read_ended,
	  foreign_found, foreign_pinned, foreign_put, waking, mmap_read, mmap_tried, mmap_write,
	  seq_ended, downgraded, mmap_left, write_begin, write_flagged, write_alone, write_stamped,
	  detaching, detached, attaching, attached, allocated, initialised, copied, freeing, freed,
	  cleared, zapped, map_filled, map_linked, tree_published, gathered, uffd_dst, uffd_src,
	  fault_locked, fault_retry, fork_locked, fork_copied, fork_done, pte_seen, pte_set,
	  stack_found, stack_grown, anon_checked, anon_set, anon_unlinked, exit_locked, exit_freed }

#define OBJECTS 2
#define MMS	2
#define ACTORS	4
#define NOBODY	255
#define UNSET	255 /* the first stamp: odd, as UINT_MAX */
#define FLAG	64

/* an object of the slab: its words */
byte stamp[OBJECTS] = UNSET;
byte readers[OBJECTS]; /* rw_semaphore: readers, */
bit writer[OBJECTS];   /* writer */
byte refcnt[OBJECTS];  /* vm_refcnt */
bit det[OBJECTS] = 1;
byte vm_mm[OBJECTS];
byte vm_page[OBJECTS];
bit is_free[OBJECTS] = 1;
/* ghosts */
byte granted[OBJECTS];
byte generation[OBJECTS];
bit complete[OBJECTS];

/* mm_struct */
byte slot[4]; /* the tree: mm * 2 + page -> object + 1 */
byte seq[MMS];
byte map_readers[MMS];
bit map_writer[MMS];
byte vma_writer_word[MMS];
bit vma_writer_waits[MMS];
byte pins[MMS];
byte mm_generation[MMS];
byte ending[MMS];

bit rcu[ACTORS];
byte done;

#define SLOT(m, page) slot[(m) * 2 + (page)]
#define mark(point)   printf("lab %d %e\n", me, point)

/* mm.c: mmap_read_lock and the like; the semaphore without its queue */
inline mmap_read_lock(m)
{
	atomic { !map_writer[m] -> map_readers[m]++; mark(mmap_read) }
}
inline mmap_read_unlock(m)
{
	atomic { map_readers[m]--; mark(mmap_left) }
}
inline mmap_write_lock(m)
{
	atomic { !map_writer[m] && map_readers[m] == 0 -> map_writer[m] = 1 }
	atomic { assert(!(seq[m] & 1)); seq[m]++; mark(mmap_write) }
}
/* mm.c:vma_end_write_all: all stamps of this mm end */
inline vma_end_write_all(m)
{
	atomic { seq[m]++; mark(seq_ended) }
}
inline mmap_write_unlock(m)
{
	vma_end_write_all(m);
	atomic { map_writer[m] = 0; mark(mmap_left) }
}
inline mmap_write_downgrade(m)
{
	vma_end_write_all(m);
	atomic { map_writer[m] = 0; map_readers[m]++; mark(downgraded) }
}

/* rcu.c:synchronize_rcu: every section of now is over */
inline grace_period()
{
	!rcu[0]; !rcu[1]; !rcu[2]; !rcu[3];
}

/* slab.c: last freed, first taken; NOBODY: none is free */
inline object_take(o)
{
	atomic {
		if
		:: is_free[0] -> o = 0
		:: !is_free[0] && is_free[1] -> o = 1
		:: else -> o = NOBODY
		fi;
		if
		:: o != NOBODY -> is_free[o] = 0; complete[o] = 0; mark(allocated)
		:: else
		fi
	}
}

/* A free object is detached and nobody is granted it. */
inline object_free(o)
{
	atomic {
		mark(freeing);
		assert(granted[o] == 0);
		assert(LOCK_IS_DETACHED(o));
		generation[o]++
	}
#ifdef FREED_AFTER_GRACE
#ifndef NO_GRACE
	grace_period();
#endif
#endif
	atomic { is_free[o] = 1; mark(freed) }
}

/* A reader is let in: it must be the VMA that it looked for, whole, and no writer's. */
inline grant(m, o, page)
{
	atomic {
		mark(read_granted);
		assert(!is_free[o] && complete[o]);
		assert(vm_mm[o] == m && vm_page[o] == page);
		assert(!LOCK_IS_DETACHED(o));
		assert(!(map_writer[m] && stamp[o] == seq[m]));
		granted[o]++
	}
}
inline grant_end(o)
{
	atomic { mark(read_ending); assert(!is_free[o] && granted[o] > 0); granted[o]-- }
}
/* A writer has the VMA: nobody is in it, until the sequence moves. */
inline owns(m, o)
{
	atomic { assert(stamp[o] == seq[m]); assert(granted[o] == 0) }
}
