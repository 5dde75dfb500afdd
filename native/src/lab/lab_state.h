/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab_state.h: the lab's part of the segment (REGION_LAB). Only the lab core has it.
 *
 * A run: the controller resets the state, executes the set-up, and starts the actors, which are
 * real processes that wait in vl_lab_actor(). Of all actors exactly one runs at a time. When it
 * comes to a sync point, or would sleep, it chooses who goes on (lab_sched.c: choose) by the plan,
 * the script or the strategy, wakes that one and sleeps on its own word. So every step of a run
 * follows from the choices, and the same choices give the same run.
 *
 * actor.state:
 *   ACTOR_IDLE     waits for a run                   -> PARKED by the controller (start of a run)
 *   ACTOR_PARKED   stands at a sync point            -> RUNNING by who chooses it
 *   ACTOR_RUNNING  the one that runs                 -> PARKED, BLOCKED, POLLING, DONE by itself
 *   ACTOR_BLOCKED  sleeps on actor.word              -> PARKED by who wakes that word
 *   ACTOR_POLLING  turns until somebody makes a step -> PARKED by the next step of another actor
 *   ACTOR_DONE     has no operations left            -> IDLE by the controller
 *   A run ends when all are DONE, when none of the others can be chosen (deadlock), or when an
 *   invariant breaks. In the two last cases actors stand in the middle of operations: the segment
 *   is of no more use, and its owner ends the processes and removes it.
 *   A dead actor leaves its state: the controller, whose waits are bounded, looks for it. One that
 *   was told to die says so first: the others go on until they are done or sleep, as a real
 *   recovery waits for them to leave the core; then the controller recovers, and they go on.
 *
 * Only the running actor and, between runs, the controller write here; handing over is a futex wake
 * and wait with release and acquire (LAB-1), so all else is plain.
 */
#ifndef VMALAB_LAB_STATE_H
#define VMALAB_LAB_STATE_H

#include "vmalab/lab.h"
#include "vmalab/lab_api.h"

#ifdef VL_LAB
#include "vmalab/block.h"
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"

#define LAB_ACTORS_MAX  VL_LAB_ACTORS_MAX
#define LAB_OPS_MAX     VL_LAB_OPS_MAX
#define LAB_SLOTS_MAX   VL_LAB_SLOTS_MAX
#define LAB_CHOICES_MAX 2048
#define LAB_TRACE_MAX   8192
#define LAB_SCRIPT_MAX  VL_LAB_SCRIPT_MAX
#define LAB_GHOSTS      1024       /* VMA objects and nodes that a run may meet; a power of two */
#define LAB_STATES      (1u << 20) /* places for hashes of states; a power of two */
#define LAB_OUTCOMES    8192
#define LAB_STEPS_MAX   1500 /* steps of a run; more is a livelock */
#define LAB_POLLS_MAX   8    /* turns that an actor makes in a loop while nobody else can go on */
#define LAB_SLAB_MAX    16

enum actor_state {
	ACTOR_IDLE,
	ACTOR_PARKED,
	ACTOR_RUNNING,
	ACTOR_BLOCKED,
	ACTOR_POLLING,
	ACTOR_DONE
};

struct lab_actor {
	u32 go __cacheline_aligned; /* futex: 1 = it is chosen */
	u32 state;
	u32 index;      /* participant */
	u32 generation; /* of its slot */
	u32 pid;
	u64 word; /* BLOCKED: offset in the segment */
	u32 woken;
	u32 point; /* where it stands */
	u32 op;    /* number of the operation under way */
	u32 priority;
	u32 steps;
	u32 fail_cache; /* fault injection: the fail_nth next allocation of that cache fails */
	u32 fail_nth;
	u32 die_at; /* LAB_OP_DIE: sync point + 1 at which it kills itself */
	u32 polled; /* turns since another one made a step */
	u32 ops_count;
	struct vl_lab_op ops[LAB_OPS_MAX];
	struct vl_result results[LAB_OPS_MAX];
};

struct lab_choice {
	u8 mask;    /* who could be chosen */
	u8 chosen;  /* who was */
	u8 current; /* who ran before; 0xff: nobody */
	u8 free;    /* the current one could not go on: choosing another is no preemption */
};

/* What the ghost state knows of a VMA object. Oracles only. */
struct lab_ghost {
	u64 run;  /* the entry is of this run */
	u32 key;  /* ref + 1; 0: no entry */
	u32 name; /* order of appearance in the run */
	u32 life; /* number of this life in the run */
	u64 mm;   /* id, from allocation */
	u8 state; /* enum ghost_state */
	u8 complete;
	u8 writer;   /* actor + 1 that has it write-locked */
	u8 anon;     /* actor + 1 that has entered an anonymous page in this life */
	u32 readers; /* bit i: actor i has been granted the read lock */
	u32 holds;   /* bit i: actor i has a reference, granted or not */
	u32 puts_life[LAB_ACTORS_MAX + 1]; /* life when that actor gave its reference back */
	u64 freed_at;                      /* number of the newest grace period when it was freed */
	u64 start, end; /* range at the first grant, kept until the last reader leaves */
};

struct lab_trace {
	u8 actor; /* LAB_ACTORS_MAX: the controller */
	u8 flags; /* VL_LAB_TRACE_* */
	u16 point;
	u32 object; /* name << 8 | life of a VMA; slot of an mm */
	u64 word;   /* its lock word */
	u32 stamp;  /* 1: it equals the sequence */
	u32 seq;    /* of the mm, since the run began */
	u32 op;     /* number of the actor's operation */
	u32 own;    /* the stamp of the VMA, counted as seq is; VL_LAB_STAMP_NEW */
};

/* One lock is waited for while another one is held; lab_order.c has the states. The fields are
 * those of vl_lab_edge. */
struct lab_edge {
	u32 state;
	u32 actor;
	u64 run; /* that it was last learnt in */
	u32 number, op, pid;
	u32 steps_count;
	u16 steps[VL_LAB_EDGE_STEPS];
};

/* A gate: who comes to its point is held; lab_gates.c has the states of each word. */
struct lab_holder {
	u32 who; /* 0: nobody; participant + 1, with HOLDER_COMES until the rest is written */
	u32 op;
	u64 mm;
	u32 leave; /* 1: goes on, whoever else is held */
};
struct lab_gate {
	u32 armed;
	u32 pad;
	u64 mm; /* 0: any */
	u32 reached;
	u32 release; /* futex: moves when those who are held may go on */
	u32 arrived; /* futex: moves when somebody comes */
	u64 hold_ns;
	struct lab_holder holders[VL_LAB_HOLDERS_MAX];
};

struct lab_state {
	u32 mode; /* enum vl_lab_mode */
	u64 run;  /* number of the run; moves at each, never set back */
	u64 mutants[2];
	u64 points[2]; /* where an actor may be preempted */
	u64 coverage[LAB_POINTS];
	/* a run */
	u32 finished __cacheline_aligned; /* futex of the controller */
	u32 actors_count;
	u32 steps;
	u32 virtual_us;
	u32 choices_count;
	u32 trace_count;
	u32 names;
	u32 current; /* actor, or LAB_ACTORS_MAX */
	u32 slab_objects;
	u32 stack_count;
	vl_ref stack[LAB_SLAB_MAX];
	u64 mms[LAB_SLOTS_MAX];
	u32 seq_from[LAB_SLOTS_MAX]; /* mm_lock_seq at the start; 0: made in the run */
	u32 setup_count, check_count;
	u32 stopped;          /* actors end */
	u32 faults;           /* fault operations since the run began */
	u32 served;           /* those of them that found their mm */
	struct vma_life kept; /* what the driver of a scenario has kept */
	u32 dead;             /* actor + 1 that was told to die, and has */
	struct vl_lab_op setup[LAB_OPS_MAX];
	struct vl_lab_op check[LAB_OPS_MAX];
	struct vl_result checked[LAB_OPS_MAX];
	struct vl_lab_violation violation;
	/* how choices are made */
	u32 strategy; /* enum vl_lab_strategy */
	u32 plan_count;
	u8 plan[LAB_CHOICES_MAX];
	u64 random;
	u32 depth; /* PCT: change points */
	u32 change_at[8];
	u32 script_count;
	u32 script_at;
	struct vl_lab_line script[LAB_SCRIPT_MAX];
	u32 learn;
	u32 order; /* 1: an inversion of the order of locks is a violation */
	/* free-running: gates, delays */
	struct lab_gate gates[LAB_POINTS];
	u64 delay_seed;
	u32 delay_one_in, delay_us_max;
	struct lab_actor actors[LAB_ACTORS_MAX];
	struct lab_choice choices[LAB_CHOICES_MAX];
	struct lab_ghost ghosts[LAB_GHOSTS];
	struct lab_trace trace[LAB_TRACE_MAX];
	struct lab_edge edges[VL_LAB_LOCKS_COUNT][VL_LAB_LOCKS_COUNT]; /* from, to */
	u64 states_count;
	u64 outcomes_count;
	u64 outcomes[LAB_OUTCOMES];
	u64 states[LAB_STATES];
};
_Static_assert(sizeof(struct lab_state) <= LAB_BYTES, "LAB_BYTES");

#endif
#endif
