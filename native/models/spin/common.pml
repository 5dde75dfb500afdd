/* SPDX-License-Identifier: Apache-2.0 */
/*
 * common.pml: what the models of the lock protocols share. Memory is sequentially consistent here
 * (loom has the orderings); each statement is one access to shared memory, or several that nobody
 * can tell apart.
 *
 * The protocol's steps carry the names of the lab core's sync points (lab_points.h): mark() prints
 * `lab ACTOR POINT`. With LAB only marks are places where another process may go on, as on the lab
 * core, and whoever has to sleep says `wait`; a counterexample of that kind is a schedule which the
 * lab core can follow (trail.py).
 *
 * Ghost state, which decides nothing: granted, complete, generation, knocked, inserted. rule() names what
 * breaks as the lab core does (lab_api.h: enum vl_lab_invariant): who is granted a VMA has the one
 * he looked for, nobody writes beside him, nothing is touched after it was freed. A deadlock is an
 * end that is none.
 */
mtype = { op_begin, op_end, done, wait, yield, walking, walked, stamp_read, read_taken, read_refused,
	  read_miss, read_identified, read_stamp_late, read_granted, read_locked, read_ending,
	  read_dropped, read_ended, foreign_found, foreign_pinned, foreign_put, waking, rcu_left,
	  rcu_again, tree_replaced, tree_published, mmap_read, mmap_tried, mmap_write, seq_ended,
	  downgraded, mmap_left, write_begin, write_flagged, write_alone, write_stamped, detaching,
	  detached, attaching, attached, allocated, initialised, copied, freeing, freed, gathered,
	  cleared, zapped, map_filled, map_linked, merge_locked, merge_ranged, merge_stored,
	  split_dup, split_ranged, split_stored, prot_set, prot_ptes, policy_set, policy_used,
	  uffd_dst, uffd_src, fault_locked, fault_retry, fork_tree, fork_locked, fork_replaced,
	  fork_copied, fork_failed, fork_done, pte_seen, pte_set, word_stored, stack_found,
	  stack_grown, anon_checked, anon_set, anon_unlinked, exit_locked, exit_unmapped, exit_freed };
/* what breaks */
mtype = { reader_writer_overlap, grant_identity, lifetime, attach_state, write_lock_first,
	  publish_complete, lock_word, rcu, tree, anon_vma, livelock, outcome, fsck };

#ifndef OBJECTS
#define OBJECTS 2
#endif
#define MMS    2
#define ACTORS 4
#define NOBODY 255
#define FLAG   64
/* The first stamp of a life: no writer's number, which is odd. */
#ifdef first_stamp_odd
#define UNSET 7 /* UINT_MAX in three bits (WRAP) */
#else
#define UNSET 254
#endif

/* an object of the slab: its words */
byte stamp[OBJECTS] = UNSET;
byte readers[OBJECTS]; /* rw_semaphore: readers, */
bit writer[OBJECTS];   /* writer */
byte refcnt[OBJECTS];  /* vm_refcnt */
bit det[OBJECTS] = 1;
byte vm_mm[OBJECTS];
byte vm_page[OBJECTS]; /* its first page */
byte vm_last[OBJECTS]; /* its last one */
bit is_free[OBJECTS] = 1;
/* ghosts */
byte granted[OBJECTS];
byte generation[OBJECTS];
bit inserted[OBJECTS]; /* attached and not detached since, whatever its words say */
byte knocked[OBJECTS]; /* times that it was detached */
bit complete[OBJECTS];

/* mm_struct */
byte seq[MMS];
byte map_readers[MMS];
bit map_writer[MMS];
byte vma_writer_word[MMS];
bit vma_writer_waits[MMS];
byte pins[MMS];
byte mm_generation[MMS];
bit ending[MMS];

bit in_rcu[ACTORS];
byte finished; /* processes that are done */

/* LAB: whose turn it is, 0: nobody's */
#ifdef LAB
byte turn;
#define atomic
#define ACTOR		    provided(turn == 0 || turn == _pid)
#define begins		    turn = _pid
#define ends		    finished++; printf("lab %d %e\n", me, done); turn = 0
#define mark(point)	    printf("lab %d %e\n", me, point); turn = 0; turn = _pid
#define until(condition, how)						\
	if :: (condition) :: else -> printf("lab %d %e\n", me, how);	\
	turn = 0; d_step { (condition) -> turn = _pid } fi
#else
#define ACTOR
#define begins		      true
#define ends		      finished++
#ifdef DIES /* at any step, while mortal says so, one may be killed */
bit blocked[ACTORS];
#define mark(point)	      printf("lab %d %e\n", me, point); if :: true :: me == 1 && mortal -> goto killed fi
#define until(condition, how) blocked[me] = 1; (condition); blocked[me] = 0
#else
#define mark(point)	      printf("lab %d %e\n", me, point)
#define until(condition, how) (condition)
#endif
#endif

#define rule(name, condition)						\
	if :: (condition) :: else -> printf("breaks %e\n", name); assert(false) fi

/* The number after another; WRAP: it comes round, and stamps are as old as they are. */
#ifdef WRAP
#define NEXT(number) (((number) + 1) % 8)
#else
#define NEXT(number) ((number) + 1)
#endif
/* A range that covers a page */
#define COVERS(o, page) (vm_page[o] <= (page) && (page) <= vm_last[o])
/* The write lock: until the sequence moves */
#define STAMPED(m, o)	(map_writer[m] && stamp[o] == seq[m])

/*
 * The tree: mm, page -> object + 1. tree_store.c publishes a new node by one store and retires the
 * old one; with NODES it does so here too, and a walk can stand in a node (walking).
 */
#ifdef NODES
byte slot[NODES * 2];
byte root[MMS];
bit node_used[NODES];
bit node_retired[NODES];
byte node_waits[NODES]; /* who was in a read section when it was retired */
#define ENTRY(n, page) slot[(n) * 2 + (page)]
#define SLOT(m, page)  ENTRY(root[m], page)
#else
byte slot[MMS * 2];
#define SLOT(m, page) slot[(m) * 2 + (page)]
#endif

/*
 * rcu.c as rcu.pml shows it to be: what is retired waits for the sections of now, and is freed the
 * moment that the last of them ends, which is the worst that can happen.
 */
#define SECTIONS (in_rcu[0] + in_rcu[1] * 2 + in_rcu[2] * 4 + in_rcu[3] * 8)
#ifdef FREED_AFTER_GRACE
bit retired[OBJECTS];
byte waits_for[OBJECTS];
#endif

inline node_settle(n)
{
#ifdef NODES
	if
	:: node_retired[n] ->
		node_waits[n] = node_waits[n] & ~(1 << me);
		if
		:: node_waits[n] == 0 -> node_retired[n] = 0; node_used[n] = 0
		:: else
		fi
	:: else
	fi
#else
	skip
#endif
}
/* What is freed when its grace period is over: nobody is granted it, nobody holds its lock. */
inline object_settle(o)
{
#ifdef FREED_AFTER_GRACE
	if
	:: retired[o] ->
		waits_for[o] = waits_for[o] & ~(1 << me);
		if
		:: waits_for[o] == 0 ->
			rule(lifetime, granted[o] == 0);
			retired[o] = 0;
			lock_object_free(o);
			is_free[o] = 1
		:: else
		fi
	:: else
	fi
#else
	skip
#endif
}
inline rcu_read_lock()
{
	in_rcu[me] = 1
}
inline rcu_read_unlock()
{
	d_step {
		in_rcu[me] = 0;
		object_settle(0);
#if OBJECTS > 1
		object_settle(1);
#endif
#if OBJECTS > 2
		object_settle(2);
#endif
		node_settle(0); node_settle(1); node_settle(2)
	}
}
/* rcu.c: synchronize_rcu: every section of now is over */
inline synchronize_rcu()
{
	until(!in_rcu[0], yield);
	until(!in_rcu[1], yield);
	until(!in_rcu[2], yield);
	until(!in_rcu[3], yield)
}

/* tree_store.c: tree_store and tree_replace: whole, by one store */
inline tree_store(m, page, value)
{
#ifdef NODES
	d_step {
		if
		:: !node_used[0] -> node = 0
		:: node_used[0] && !node_used[1] -> node = 1
		:: node_used[0] && node_used[1] && !node_used[2] -> node = 2
		:: else -> node = 3
		fi;
		node_used[node] = 1;
		ENTRY(node, 0) = SLOT(m, 0);
		ENTRY(node, 1) = SLOT(m, 1);
		ENTRY(node, page) = value
	}
	mark(tree_replaced);
	d_step {
		old = root[m];
		root[m] = node;
		node_retired[old] = 1;
		node_waits[old] = SECTIONS;
		if
		:: node_waits[old] == 0 -> node_retired[old] = 0; node_used[old] = 0
		:: else
		fi;
		old = 0;
		node = 0
	}
	mark(tree_published)
#else
	atomic { SLOT(m, page) = value; mark(tree_published) }
#endif
}

/* mm.c: mmap_read_lock and the like; the semaphore without its queue */
inline mmap_read_lock(m)
{
	atomic { until(!map_writer[m], wait); map_readers[m]++; mark(mmap_read) }
}
inline mmap_read_unlock(m)
{
	atomic { map_readers[m]--; mark(mmap_left) }
}
inline mmap_read_trylock(m, done_so)
{
	atomic {
		done_so = !map_writer[m];
		if
		:: done_so -> map_readers[m]++
		:: else
		fi;
		mark(mmap_tried)
	}
}
/* gone: the mm has ended while we waited */
inline mmap_write_lock(m)
{
	atomic { until(!map_writer[m] && map_readers[m] == 0, wait); map_writer[m] = 1 }
	atomic {
		gone = ending[m];
		if
		:: gone -> map_writer[m] = 0
		:: else -> assert(!(seq[m] & 1)); seq[m] = NEXT(seq[m]); mark(mmap_write)
		fi
	}
#ifdef WRAP
#ifndef wrap_keeps_stamps
	/* mm.c: stamp_all */
	if
	:: seq[m] == 1 -> __vma_start_write(m, 0); __vma_start_write(m, 1)
	:: else
	fi
#endif
#endif
}
/* mm.c: vma_end_write_all: all stamps of this mm end */
inline vma_end_write_all(m)
{
	atomic { seq[m] = NEXT(seq[m]); mark(seq_ended) }
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

/* slab.c: last freed, first taken; NOBODY: none is free */
inline object_take(o)
{
	atomic {
		if
		:: is_free[0] -> o = 0
#if OBJECTS > 1
		:: !is_free[0] && is_free[1] -> o = 1
#endif
#if OBJECTS > 2
		:: !is_free[0] && !is_free[1] && is_free[2] -> o = 2
#endif
		:: else -> o = NOBODY
		fi;
		if
		:: o != NOBODY -> is_free[o] = 0; complete[o] = 0; inserted[o] = 0; lock_object_alloc(o)
		:: else
		fi
	}
}

/* vma.c: vm_area_free. A free object is detached and nobody is granted it. */
inline object_free(o)
{
	atomic {
#ifdef FREED_AFTER_GRACE
		rule(attach_state, LOCK_IS_DETACHED(o));
		generation[o]++;
		d_step {
#ifdef NO_GRACE
			waits_for[o] = 0;
#else
			waits_for[o] = SECTIONS;
#endif
			retired[o] = 1;
#ifdef LOCK_EARLY
			lock_object_free(o);
#endif
			object_settle(o)
		}
#else
		mark(freeing);
		rule(lifetime, granted[o] == 0);
		rule(attach_state, LOCK_IS_DETACHED(o));
		generation[o]++
#endif
	}
#ifndef FREED_AFTER_GRACE
	atomic { is_free[o] = 1; mark(freed) }
#endif
}
/* vma.c: vm_area_free_unreachable: at once, in every model */
inline object_free_unreachable(o)
{
	atomic {
		mark(freeing);
		rule(lifetime, granted[o] == 0);
		rule(attach_state, LOCK_IS_DETACHED(o));
		generation[o]++
	}
	atomic { lock_object_free(o); is_free[o] = 1; mark(freed) }
}

/* A reader is let in: it must be the VMA that it looked for, whole, and no writer's. */
inline grant(m, o, page)
{
	atomic {
		rule(reader_writer_overlap, !STAMPED(vm_mm[o], o));
		rule(grant_identity, !is_free[o] && inserted[o]);
		rule(grant_identity, vm_mm[o] == m && COVERS(o, page));
		rule(publish_complete, complete[o]);
		granted[o]++;
		mark(read_granted)
	}
}
inline grant_end(o)
{
	atomic {
		rule(lifetime, !is_free[o] && granted[o] > 0);
		rule(grant_identity, inserted[o]);
		granted[o]--;
		mark(read_ending)
	}
}
/* A writer has the VMA, until the sequence moves: nobody is in it. */
inline owns(m, o)
{
	atomic {
		assert(stamp[o] == seq[m]);
		rule(reader_writer_overlap, granted[o] == 0)
	}
}
/* A field of an attached VMA changes: not under a reader. */
inline change(o)
{
	rule(write_lock_first, granted[o] == 0)
}
