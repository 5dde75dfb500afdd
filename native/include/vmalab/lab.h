/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab.h (base): what the sources say to the lab: sync points, mutants, ghost state. In the release
 * core every macro is nothing. In the lab core (built with VL_LAB) the files of src/lab stand
 * behind them; lab_state.h says what lies in shared memory.
 *
 *   STEP(point)                  the caller has just done what the point's text says
 *   STEP(point, object)          (lab_points.h); another process may go on here
 *   STEP(point, object, event)   the same, and the ghost state hears of the event first
 *   GHOST(event)                 an event without a step. The ghost state decides nothing: it only
 *                                knows what should hold, and says when it does not
 *   MUTANT(name)                 true when that bug is switched on (lab_mutants.h)
 *   MUTATE(name, statement)      the statement is executed when that bug is switched on
 *   INTACT(name, statement)      the statement is executed unless that bug is switched on
 *   VARIANT(name)                true when that other way is switched on (lab_variants.h)
 *   LAB(...)                     text of the lab core alone
 *
 * An event is a function of lab_ghost.c without its lab_ghost_: STEP(read_ending, vma, end(vma)).
 */
#ifndef VMALAB_LAB_H
#define VMALAB_LAB_H

#include "vmalab/base.h"

#ifdef VL_LAB

#define LAB_BYTES (10ul << 20) /* of REGION_LAB; lab_state.h asserts that its struct fits */

enum lab_kind { LAB_NONE, LAB_VMA, LAB_MM, LAB_NODE };

enum lab_point {
#define X(name, kind, text) SP_##name,
#include "vmalab/lab_points.h"
#undef X
	LAB_POINTS
};

enum lab_mutant {
#define X(name, number, models, text) MUT_##name,
#include "vmalab/lab_mutants.h"
#include "vmalab/lab_variants.h"
#undef X
	LAB_SWITCHES
};

struct participant;
struct mm_struct;
struct vm_area_struct;
struct vl_mutex;

/* Names the participant of the calling thread; what follows is said of it. */
void lab_enter(struct participant *self);
void lab_sync(enum lab_point point, const void *object);
bool lab_mutant(enum lab_mutant mutant);
/* The calling thread is an actor of a run: it waits and tells the time through the lab. */
bool lab_is_actor(void);
int lab_futex_wait(const u32 *word, u32 expected);
int lab_futex_wake(const u32 *word, int count);
u64 lab_clock_ns(void);
void lab_yield(void);
/* A broken invariant; in a run it does not return. */
void lab_assert_failed(const char *file, int line, const char *what);
/* The calling actor's next allocations of a kind: true: this one fails. (fault injection) */
bool lab_fails(u32 cache);
#define LAB_FAIL_STAMP 0x100u /* beside the caches: a killable write lock */
/* Objects that the lab hands out itself, last freed first, whoever freed them; 0: none. */
vl_ref lab_object_take(u32 cache);
bool lab_object_give(u32 cache, vl_ref ref);

/* Recovery buries that participant: it stands at no gate any more. */
void lab_gates_forget(struct participant *self, u32 index);
/* Nobody holds that mm any more: who is held in it goes on. */
void lab_gates_leave(struct participant *self, u64 mm_id);

/* Ghost state of VMAs and mms: lab_ghost.c has the invariants. */
void lab_ghost_alloc(const struct vm_area_struct *vma);
/* It is given up: to its cache, at once or after a grace period. */
void lab_ghost_given_up(const struct vm_area_struct *vma);
void lab_ghost_free(const struct vm_area_struct *vma);
void lab_ghost_attach(const struct vm_area_struct *vma);
void lab_ghost_detach(const struct vm_area_struct *vma);
void lab_ghost_complete(const struct vm_area_struct *vma);
void lab_ghost_change(const struct vm_area_struct *vma, const char *what);
void lab_ghost_grant(const struct mm_struct *mm, const struct vm_area_struct *vma, u64 addr);
void lab_ghost_end(const struct vm_area_struct *vma);
void lab_ghost_put(const struct vm_area_struct *vma);
void lab_ghost_touch(const struct vm_area_struct *vma, const char *what);
void lab_ghost_kept(const struct vm_area_struct *vma);
void lab_ghost_write_lock(const struct mm_struct *mm, const struct vm_area_struct *vma);
void lab_ghost_write_known(const struct mm_struct *mm, const struct vm_area_struct *vma);
void lab_ghost_source(const struct vm_area_struct *vma, const char *what);
void lab_ghost_write_end(const struct mm_struct *mm);
void lab_ghost_unlocked(const struct vm_area_struct *vma);
void lab_ghost_sequence_of(u64 mm_id);
void lab_ghost_foreign(bool begins);
void lab_ghost_wake(u64 mm_id);
void lab_ghost_node(const void *node);
void lab_ghost_entry(const struct mm_struct *mm, vl_ref ref, u64 addr);
void lab_ghost_tree_write(const void *tree);
void lab_ghost_lent(const struct vm_area_struct *vma, bool same);
void lab_ghost_policy(const struct vm_area_struct *vma, bool freed);
void lab_ghost_anon_page(const struct vm_area_struct *vma);
void lab_ghost_anon_gone(const struct vm_area_struct *vma);
/* A lock is about to be waited for, at that place (enum hold_place); of short mutexes also what is
 * held. lab_order.c */
void lab_ghost_lock_wanted(struct participant *self, const void *lock, u32 place);
void lab_ghost_mutex_wanted(struct participant *self, const struct vl_mutex *m);
void lab_ghost_mutex_taken(const struct vl_mutex *m);
void lab_ghost_mutex_left(const struct vl_mutex *m);

/* One, two or three operands. */
#define STEP(...) STEP_FOR(__VA_ARGS__, STEP_TOLD, STEP_ON, STEP_BARE, 0)(__VA_ARGS__)
#define STEP_FOR(a, b, c, which, ...)   which
#define STEP_BARE(point)                lab_sync(SP_##point, NULL)
#define STEP_ON(point, object)          lab_sync(SP_##point, (object))
#define STEP_TOLD(point, object, event) (lab_ghost_##event, lab_sync(SP_##point, (object)))
#define GHOST(event)                    lab_ghost_##event
#define MUTANT(name)                    unlikely(lab_mutant(MUT_##name))
#define VARIANT(name)                   MUTANT(name)
#define MUTATE(name, statement)     \
	do {                        \
		if (MUTANT(name)) { \
			statement;  \
		}                   \
	} while (0)
#define INTACT(name, statement)      \
	do {                         \
		if (!MUTANT(name)) { \
			statement;   \
		}                    \
	} while (0)
#define LAB(...) __VA_ARGS__

#else

#define STEP(...)               ((void)0)
#define GHOST(event)            ((void)0)
#define MUTANT(name)            0
#define VARIANT(name)           0
#define MUTATE(name, statement) ((void)0)
#define INTACT(name, statement) \
	do {                    \
		statement;      \
	} while (0)
#define LAB(...)
/* Constants, so that what depends on them goes away. */
#define lab_is_actor()                    0
#define lab_futex_wait(word, expected)    0
#define lab_futex_wake(word, count)       0
#define lab_clock_ns()                    0ul
#define lab_yield()                       ((void)0)
#define lab_assert_failed(file, line, of) ((void)0)
#define lab_fails(cache)                  0
#define lab_object_take(cache)            0u
#define lab_object_give(cache, ref)       0
#define lab_enter(self)                   ((void)0)

#endif

#endif
