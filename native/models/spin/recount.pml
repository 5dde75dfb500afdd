/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recount.pml: recount.h and recover_frames.c: references of frames, counted anew in slices while
 * others change the entries. Two actors map, unmap, share and move pages between tables of one
 * entry; a third process does the slices. A recount is under way from the start, because somebody
 * has died before: frame 1 is mapped once and has a reference too many.
 *
 * The world is stopped for a slice: each actor is at a safe point, or dead. DIES: an actor can be
 * killed at any instant, and the recovery that follows begins the recount again. MAKES: the last
 * table is made by the first who needs it.
 *
 * Rules: no frame is given out while an entry names it; a count is never too low; when all tables
 * are counted, the second count of a frame is the number of its entries, at each standstill; at
 * the end its first count is.
 * Mutants:
 *   NO_NOTE      who changes an entry does not change the second counts
 *   NOTES_ALL    it does so for tables too that are not counted yet
 *   NEW_UNCOUNTED   (MAKES) a new table is not counted from the start
 *   NOTES_LATE   the world may stop between the entry and its note
 *   KEEPS_SUMS   (DIES) the recount goes on after a death
 *   KEEPS_EPOCH  a table that was counted in the recount before counts as counted
 *   DROPS_FIRST  the count is dropped before the entry goes
 *   STAYS_TWICE  (DIES) a page that was on its way stays in both entries
 */
#define ACTORS 2
#define FRAMES 2
#define TABLES 3
#ifndef TURNS /* of each actor */
#define TURNS 2
#endif
#define NONE   0
#define CLEAR  1
#define COUNT  2
#define JUDGE  3
#define BUSY   8 /* in an entry beside the frame: locked */

/* frame.refs, frame_recounted; an entry of each table, page_desc.counted */
byte refs[FRAMES + 1];
short second[FRAMES + 1];
byte entry[TABLES];
byte counted[TABLES];
bit there[TABLES];
/* hdr.recount_epoch, recount.last, recount.stage, recount.at */
byte epoch, last, stage, at;
/* participant_slot.in_core, life, participant_area.moving */
bit inside[ACTORS], dead[ACTORS];
byte moves_from[ACTORS], moves_to[ACTORS]; /* table + 1 */
bit repaired = 1; /* nobody is dead of whom something is to be repaired */
byte deaths, ended;

#define broken_unless(condition) \
	if :: (condition) :: else -> printf("breaks recount\n"); assert(false) fi
#define frame_of(e) ((e) & ~BUSY)
#define names(t, f) (frame_of(entry[t]) == f -> 1 : 0)
/* A move under way has its page in two entries, with one reference. */
#define twice(a, f) (moves_to[a] != 0 && frame_of(entry[moves_from[a] - 1]) == f && \
		     frame_of(entry[moves_to[a] - 1]) == f -> 1 : 0)
#define entries(f) (names(0, f) + names(1, f) + names(2, f))
#define never_too_low(f) broken_unless(refs[f] + twice(0, f) + twice(1, f) >= entries(f))

#ifdef DIES
#define may_die \
	if :: atomic { deaths == 0 -> deaths++; dead[me] = 1; repaired = 0; goto gone } :: true fi
#else
#define may_die skip
#endif

/* recount.c: recount_note_slow, of one frame of an entry */
inline note(t, f, change)
{
#ifdef NO_NOTE
	skip
#else
#ifdef NOTES_LATE
	inside[me] = 0;
	atomic { repaired -> inside[me] = 1 };
#endif
	atomic {
		if
#ifdef NOTES_ALL
		:: epoch != 0 -> second[f] = second[f] + change
#else
		:: epoch != 0 && counted[t] == epoch -> second[f] = second[f] + change
#endif
		:: else
		fi
	}
#endif
}

/* pgtable.c: table_alloc */
inline need(t)
{
	atomic {
		if
		:: !there[t] ->
			there[t] = 1;
#ifndef NEW_UNCOUNTED
			counted[t] = epoch
#endif
		:: else
		fi
	}
}

/* frame.c: frame_alloc_for; a frame that nobody has is in the pool */
inline take(f)
{
	atomic {
		if
		:: refs[1] == 0 -> f = 1
		:: refs[2] == 0 -> f = 2
		:: else -> f = 0
		fi;
		if
		:: f != 0 -> broken_unless(entries(f) == 0); refs[f] = 1
		:: else
		fi
	}
}

inline drop(f)
{
	atomic { broken_unless(refs[f] > 0); refs[f]--; never_too_low(f) }
}

/* A fault on a fresh page. */
inline map(t)
{
	need(t);
	take(f);
	may_die;
	if
	:: f == 0
	:: f != 0 ->
		atomic {
			if
			:: entry[t] == 0 -> entry[t] = f; made = 1
			:: else -> made = 0
			fi
		};
		may_die;
		if
		:: made -> note(t, f, 1)
		:: else -> drop(f)
		fi
	fi
}

/* The page of an entry goes. */
inline unmap(t)
{
#ifdef DROPS_FIRST
	f = frame_of(entry[t]);
	if
	:: f != 0 -> atomic { refs[f]--; never_too_low(f) }
	:: else
	fi;
#endif
	atomic {
		f = 0;
		if
		:: entry[t] != 0 && !(entry[t] & BUSY) -> f = entry[t]; entry[t] = 0
		:: else
		fi
	};
	may_die;
	if
	:: f != 0 ->
		note(t, f, -1);
		may_die;
#ifndef DROPS_FIRST
		drop(f)
#endif
	:: else
	fi
}

/* A fork: another entry names the same page. frame_tryget, and a look at what named it. */
inline share(t, u)
{
	need(u);
	atomic {
		f = 0;
		if
		:: entry[t] != 0 && !(entry[t] & BUSY) -> f = entry[t]; refs[f]++
		:: else
		fi
	};
	may_die;
	if
	:: f != 0 ->
		atomic {
			if
			:: entry[u] == 0 -> entry[u] = f; made = 1
			:: else -> made = 0
			fi
		};
		may_die;
		if
		:: made -> note(u, f, 1)
		:: else -> drop(f)
		fi
	:: else
	fi
}

/* op_mremap.c: announced, entered, taken out; then both notes. No count changes. BUSY stands for
 * mmap_lock, which keeps the others off both entries. */
inline move(t, u)
{
	need(u);
	atomic {
		f = 0;
		if
		:: entry[t] != 0 && !(entry[t] & BUSY) && entry[u] == 0 ->
			f = entry[t];
			entry[t] = f | BUSY;
			moves_from[me] = t + 1;
			moves_to[me] = u + 1
		:: else
		fi
	};
	may_die;
	if
	:: f != 0 ->
		atomic {
			if
			:: entry[u] == 0 -> entry[u] = f | BUSY; made = 1
			:: else -> made = 0
			fi
		};
		may_die;
		if
		:: made ->
			atomic { entry[t] = 0; moves_from[me] = 0; moves_to[me] = 0 };
			may_die;
			note(t, f, -1);
			note(u, f, 1);
			entry[u] = f
		:: else -> atomic { entry[t] = f; moves_from[me] = 0; moves_to[me] = 0 }
		fi
	:: else
	fi
}

proctype actor(byte me)
{
	byte f;
	bit made;
	byte turns = TURNS;

	do
	:: turns > 0 ->
		turns--;
		inside[me] = 1;
		if
		:: true -> map(0)
		:: true -> map(2)
		:: true -> unmap(0)
		:: true -> unmap(1)
		:: true -> share(0, 1)
		:: true -> move(0, 2)
		:: true -> move(2, 1)
		fi;
		atomic { inside[me] = 0; f = 0; made = 0 }
	:: else -> break
	od;
gone:	atomic { f = 0; made = 0; turns = 0; ended++ }
}

#define outside(a) (!inside[a] || dead[a])
#define stopped	   (outside(0) && outside(1))

/* walk_scope.c: repair_moves; walk_mend.c: what is busy */
inline repair(a)
{
#ifndef STAYS_TWICE
	if
	:: dead[a] && moves_to[a] != 0 &&
	   frame_of(entry[moves_from[a] - 1]) == frame_of(entry[moves_to[a] - 1]) ->
		entry[moves_from[a] - 1] = 0
	:: else
	fi;
#endif
	if
	:: dead[a] -> moves_from[a] = 0; moves_to[a] = 0
	:: else
	fi
}
inline begin()
{
	epoch = 0;
	at = 0;
	stage = CLEAR
}

/* The world is stopped for all of it. */
inline slice()
{
	if
	:: !repaired ->
		repair(0);
		repair(1);
		entry[0] = frame_of(entry[0]);
		entry[1] = frame_of(entry[1]);
		entry[2] = frame_of(entry[2]);
		repaired = 1;
#ifdef KEEPS_SUMS
		skip
#else
		begin()
#endif
	:: repaired && stage == CLEAR ->
		second[1] = 0;
		second[2] = 0;
#ifndef KEEPS_EPOCH
		last++;
#else
		last = 1;
#endif
		epoch = last;
		at = 0;
		stage = COUNT
	:: repaired && stage == COUNT && at < TABLES ->
		if
		:: there[at] && counted[at] != epoch ->
			if
			:: entry[at] != 0 -> second[frame_of(entry[at])]++
			:: else
			fi;
			counted[at] = epoch
		:: else
		fi;
		at++
	:: repaired && stage == COUNT && at == TABLES -> stage = JUDGE; at = 1
	:: repaired && stage == JUDGE && at <= FRAMES ->
		broken_unless(second[1] == entries(1) && second[2] == entries(2));
		broken_unless(refs[at] >= second[at]);
		refs[at] = second[at];
		at++
	:: repaired && stage == JUDGE && at > FRAMES -> epoch = 0; stage = NONE
	fi
}

/* recover_frames.c; the participant who does the slices */
proctype recoverer()
{
	do
	:: atomic { stopped && (stage != NONE || !repaired) -> slice() }
	:: atomic {
		ended == ACTORS && stage == NONE && repaired ->
		broken_unless(refs[1] == entries(1) && refs[2] == entries(2));
		break
	}
	od
}

init
{
	atomic {
		there[0] = 1;
		there[1] = 1;
#ifndef MAKES
		there[2] = 1;
#endif
#ifdef KEEPS_EPOCH
		counted[0] = 1;
#endif
		entry[0] = 1;
		refs[1] = 2;
		stage = CLEAR;
		run actor(0);
		run actor(1);
		run recoverer()
	}
}
