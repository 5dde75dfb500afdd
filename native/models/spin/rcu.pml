/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rcu.pml: rcu.c and rcu.h: grace periods between processes. Two readers, one that unpublishes and
 * waits for grace periods (wait_for_tag), and another one that advances them (rcu_poll).
 *
 * What the other models leave to loom is in here as far as it is the protocol's: a store waits in
 * its CPU's buffer until that CPU drains it, or a barrier does. The reader's side has no fence of
 * its own; membarrier drains every reader's buffer (readers_barrier). FENCED: the flavour in which
 * readers run a fence and nobody drains for them.
 *
 * DIES: reader 0 can be killed at any instant; its word stays. Another reader takes its slot.
 *
 * One rule: what a reader has found is not freed before its section ends. Mutants:
 *   NO_WAIT         freed at once
 *   NO_BARRIER      the readers' stores are not waited for (RCU-2)
 *   NO_FENCE        the unpublishing store is still in its buffer when the tag is read (RCU-1)
 *   TAG_FIRST       the tag is read before the object is unpublished
 *   FLIP_LATE       the slots are looked at before the number moves
 *   SCAN_FIRST      the slots are looked at before the barrier
 *   NOT_COUNTED     the scan ends before the last reader
 *   NOT_OLDEST      completed becomes the new number, whatever readers have
 *   NO_LOCK         two advance at a time, and the number falls
 *   NEST            the inner section's end ends the outer one
 *   SHOWS_LATE      a reader looks for the object, then shows itself
 *   ENDS_EARLY      a reader ends its section, then looks at the object
 *   DEAD_ALIVE      (DIES) a reader that is slow counts as dead
 * What must not hold the grace period up for ever: (DIES) the dead one's word.
 */
#define READERS	     2
#ifndef OBJECTS
#define OBJECTS 2
#endif
#ifndef SECTIONS /* of each reader */
#define SECTIONS 1
#endif
#ifndef POLLS /* of the one who advances beside the updater */
#define POLLS 1
#endif
#define NUMBERS_MAX (2 * OBJECTS - 1 + POLLS) /* grace periods that are looked at */
#define EMPTY	     255

/* rcu_state, participant_slot.rcu, participant_slot (the process is there) */
byte gp_ctr = 1;
byte completed;
byte word[READERS];
bit alive[READERS] = 1;
bit locked; /* advance_lock */
/* the buffers: of each reader's word, and of the pointer */
byte buffered[READERS] = EMPTY;
byte pointer_buffered = EMPTY;
/* what is published; what was freed */
byte pointer;
bit is_free[OBJECTS];
/* ghost: what a reader stands in, object + 1 */
byte stands_in[READERS];

#define broken_unless(condition) if :: (condition) :: else -> printf("breaks rcu\n"); assert(false) fi

inline show_word(number)
{
#ifdef FENCED
	word[me] = number
#else
	/* a buffer keeps the order of its stores */
	atomic { buffered[me] == EMPTY -> buffered[me] = number }
#endif
}
/* rcu.h: rcu_read_lock */
inline rcu_read_lock()
{
	if
	:: nest == 0 -> number = gp_ctr; show_word(number)
	:: else
	fi;
	nest++
}
/* rcu.h: rcu_read_unlock */
inline rcu_read_unlock()
{
	nest--;
	if
#ifdef NEST
	:: true -> show_word(0)
#else
	:: nest == 0 -> show_word(0)
#endif
	:: else
	fi
}
inline find()
{
	atomic { found = pointer; stands_in[me] = found + 1 }
}
inline look()
{
	broken_unless(!is_free[found])
}

proctype reader(byte me)
{
	byte number, nest, found;
	byte sections = SECTIONS;

	do
	:: sections > 0 ->
#ifdef SHOWS_LATE
		find();
		rcu_read_lock();
#else
		rcu_read_lock();
		find();
#endif
#ifdef NESTED
		/* a section in the section */
		rcu_read_lock();
		rcu_read_unlock();
#endif
#ifdef ENDS_EARLY
		rcu_read_unlock();
		atomic { look(); stands_in[me] = 0 }
#else
		atomic { look(); stands_in[me] = 0 }
		rcu_read_unlock();
#endif
		atomic { found = 0; nest = 0; number = 0; sections-- }
	:: sections == 0 -> break
#ifdef DIES
	:: sections > 0 && me == 0 -> goto killed
#endif
	od;
	goto out;
killed:
	atomic { alive[me] = 0; stands_in[me] = 0 }
out:
	skip
}
/* The CPUs: what is in a buffer comes to memory some time. */
active proctype cpus()
{
end:
	do
	:: atomic { buffered[0] != EMPTY -> word[0] = buffered[0]; buffered[0] = EMPTY }
	:: atomic { buffered[1] != EMPTY -> word[1] = buffered[1]; buffered[1] = EMPTY }
	:: atomic { pointer_buffered != EMPTY -> pointer = pointer_buffered; pointer_buffered = EMPTY }
	od
}
/* a fence of the one who unpublishes */
inline drain_mine()
{
	if
	:: pointer_buffered != EMPTY -> pointer = pointer_buffered; pointer_buffered = EMPTY
	:: else
	fi
}
inline drain(i)
{
	atomic {
		if
		:: buffered[i] != EMPTY -> word[i] = buffered[i]; buffered[i] = EMPTY
		:: else
		fi
	}
}
/* membarrier.c:readers_barrier: each CPU when the interrupt comes to it */
inline readers_barrier()
{
#ifndef NO_BARRIER
#ifndef FENCED
	drain(0);
	drain(1)
#else
	skip
#endif
#else
	skip
#endif
}
/* rcu.c: oldest_reader, one slot */
inline look_at(i)
{
	atomic {
		seen = word[i];
		if
		:: seen == 0 || seen >= oldest
#ifdef DEAD_ALIVE
		:: seen != 0
#endif
		:: seen != 0 && seen < oldest && !alive[i]
		:: seen != 0 && seen < oldest && alive[i] -> oldest = seen
		fi;
		seen = 0
	}
}
inline scan()
{
	oldest = now;
	look_at(0);
#ifndef NOT_COUNTED
	look_at(1)
#endif
}
/* rcu.c: rcu_advance_locked */
inline rcu_advance()
{
#ifdef NO_LOCK
	now = gp_ctr + 1;
#else
	atomic { !locked -> locked = 1; now = gp_ctr + 1 }
#endif
#ifdef FLIP_LATE
	readers_barrier();
	scan();
	gp_ctr = now;
#else
	gp_ctr = now;
#ifdef SCAN_FIRST
	scan();
	readers_barrier();
#else
	readers_barrier();
	scan();
#endif
#endif
#ifdef NOT_OLDEST
	oldest = now;
#endif
	atomic {
		if
		:: oldest - 1 > completed -> completed = oldest - 1
		:: else
		fi;
		now = 0;
		oldest = 0;
#ifndef NO_LOCK
		locked = 0
#endif
	}
}

#ifdef TAG_EXACT
#define TAG gp_ctr
#else
#define TAG (gp_ctr + 1)
#endif
/* Publishes another object, retires the old one, frees it when it is ripe. */
proctype updater()
{
	byte old, tag, now, oldest, seen, next = 1;

	do
	:: next < OBJECTS ->
		old = next - 1;
#ifdef TAG_FIRST
		tag = TAG;
#endif
		(pointer_buffered == EMPTY);
		pointer_buffered = next;
		/* rcu.c: new_tag */
#ifndef NO_FENCE
		atomic { drain_mine() }
#endif
#ifndef TAG_FIRST
		tag = TAG;
#endif
#ifndef NO_WAIT
		do
		:: completed >= tag -> break
		:: completed < tag && gp_ctr < NUMBERS_MAX -> rcu_advance()
		:: completed < tag && gp_ctr >= NUMBERS_MAX -> goto out
		od;
#endif
		atomic {
			broken_unless(stands_in[0] != old + 1 && stands_in[1] != old + 1);
			is_free[old] = 1
		}
		next++
	:: else -> break
	od;
out:
	skip
}
proctype poller()
{
	byte now, oldest, seen;
	byte times = POLLS;

	do
	:: times > 0 && gp_ctr < NUMBERS_MAX -> rcu_advance(); times--
	:: times == 0 || gp_ctr >= NUMBERS_MAX -> break
	od
}

init
{
	atomic { run reader(0); run reader(1); run updater(); run poller() }
}
