/* SPDX-License-Identifier: Apache-2.0 */
/* lab_internal.h: what the files of the lab share; lab_state.h has the whole picture. */
#ifndef VMALAB_LAB_INTERNAL_H
#define VMALAB_LAB_INTERNAL_H

#include "lab_state.h"

#ifdef VL_LAB
#include <setjmp.h>

#define NOBODY          LAB_ACTORS_MAX
#define LAB_MUTEXES_MAX 4 /* short mutexes that a thread has at a time */

/* What the lab knows of the calling thread. */
struct lab_thread {
	struct participant *self; /* who entered the core last */
	struct lab_state *lab;
	u32 actor;    /* NOBODY: no actor */
	bool ghost;   /* its events count: an actor, or the controller */
	bool foreign; /* gives back a reference of another mm's VMA */
	bool catches; /* a failed assertion of the controller ends the search, not the process */
	sigjmp_buf out;
	u64 delay_random;
	u64 delay_seed; /* that delay_random began with */
	/* lab_order.c */
	const struct vl_mutex *mutexes[LAB_MUTEXES_MAX];
	u32 mutexes_count;
	bool second_first; /* the lock at HOLD_MMAP2 was taken when none was held at HOLD_MMAP */
	u32 steps;         /* sync points of the operation under way */
	u16 recent[VL_LAB_EDGE_STEPS];
};
extern __thread struct lab_thread lab_me;

static inline struct lab_state *lab_state_of(const struct participant *self)
{
	return (struct lab_state *)(self->seg->base + self->seg->hdr->regions[REGION_LAB].off);
}

static inline struct lab_actor *lab_actor_of(struct lab_state *lab, u32 i)
{
	return &lab->actors[i];
}

/* lab_sched.c */
void lab_fail(enum vl_lab_invariant invariant, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The calling actor is in that state now; returns when it is chosen again, at once when DONE. */
void lab_step(enum actor_state state);
struct lab_trace *lab_trace_add(enum lab_point point, const void *object);
void lab_raw_wait(u32 *word, u32 expected, u64 ns);
void lab_raw_wake(u32 *word);
u64 lab_next_random(u64 *state);
/* Chooses the first actor of a run. */
void lab_start(struct lab_state *lab);
u32 lab_parked(const struct lab_state *lab);

/* lab_ghost.c */
struct lab_ghost *lab_ghost_of(struct lab_state *lab, const void *object);
u64 lab_word_of(const struct vm_area_struct *vma);
void lab_check_word(const struct vm_area_struct *vma);
/* The names of this run in the place of refs and ids, which differ from session to session. */
void lab_put_names(const struct lab_state *lab, char *text);

/* lab_ops.c */
void lab_do(struct participant *self, struct lab_state *lab, const struct vl_lab_op *op,
	    struct lab_actor *actor, struct vl_result *result);
u64 lab_outcome(struct participant *self, struct lab_state *lab, char *text, u64 cap);

/* lab_gates.c */
void lab_free_running(enum lab_point point, const void *object);

#endif
#endif
