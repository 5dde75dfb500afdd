/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab_api.h (lab): what drives the lab core, as api.h drives every core. A release core refuses
 * each call with VL_E_CORE. lab_state.h says what a run is.
 */
#ifndef VMALAB_LAB_API_H
#define VMALAB_LAB_API_H

#include "vmalab/api.h"

#define VL_LAB_ACTORS_MAX   6
#define VL_LAB_OPS_MAX      24
#define VL_LAB_SLOTS_MAX    8
#define VL_LAB_SCRIPT_MAX   2048
#define VL_LAB_PLAN_MAX     2048
#define VL_LAB_OUTCOME_TEXT 2048
#define VL_LAB_SLOT_NONE    0xff
#define VL_LAB_HOLDERS_MAX  16 /* who can be held at one gate at a time */

enum vl_lab_mode { VL_LAB_OFF, VL_LAB_RUN, VL_LAB_GATES, VL_LAB_DELAYS };

/* Operations beside those of block.h. arg[0] ... as said. */
enum vl_lab_op_code {
	VL_LAB_OP_PRESET = 200,   /* mm_lock_seq += arg[0], even; VMAs of arg[1] get stamp arg[2] */
	VL_LAB_OP_FAIL = 201,     /* the arg[1]-th next allocation of cache arg[0] fails */
	VL_LAB_OP_MAPS = 202,     /* reads the maps of the mm; the result is a hash of it */
	VL_LAB_OP_DIE = 203,      /* the actor kills itself when it comes to sync point arg[0] */
	VL_LAB_OP_REAP = 204,     /* looks at every VMA of the mm, as an OOM reaper does */
	VL_LAB_OP_MBIND = 206,    /* as mbind(2): addr, bytes, mode, mask of nodes */
	VL_LAB_OP_RCU = 205,      /* waits for a grace period and frees what is ripe */
	VL_LAB_OP_TRUNCATE = 207, /* the file that is mapped at arg[0] gets arg[1] bytes */
	VL_LAB_OP_MAP_FILE = 208, /* the file that is mapped at arg[3], privately at arg[0]: arg[1]
				     bytes, protection arg[2] */
	VL_LAB_OP_LOW = 209,      /* the next mm that is made takes the first slot that is free */
	VL_LAB_OP_SEAL = 210,     /* the file that is mapped at arg[0] gets the seals arg[1] */
	VL_LAB_OP_NAME = 211,     /* anonymous memory: arg[0], arg[1] bytes, 8 letters in arg[2] */
	VL_LAB_OP_KEEP = 213,     /* a driver keeps the VMA of arg[0] */
	VL_LAB_OP_LEND = 214,     /* it stores the word arg[1] in its page at arg[0] */
	VL_LAB_OP_FALLOCATE = 212, /* pages of the file that is mapped at arg[0], arg[1] bytes, by
				      op_stack_vma.c */
};

struct vl_lab_op {
	u8 op;
	u8 slot;   /* of the mm it is done in */
	u8 result; /* FORK, MM_CREATE: slot that gets the new mm; else VL_LAB_SLOT_NONE */
	u8 pad;
	u32 flags; /* as in a record */
	u64 arg[6];
};

/* One step of a schedule: actor goes on until it stands at point. */
struct vl_lab_line {
	u8 actor;
	u8 pad;
	u16 point;
};

enum vl_lab_strategy {
	VL_LAB_DFS,    /* every schedule with at most `bound` preemptions */
	VL_LAB_RANDOM, /* every choice at random */
	VL_LAB_PCT,    /* random priorities, `bound` change points */
	VL_LAB_SCRIPT, /* the script, then nobody is preempted */
	VL_LAB_PLAN,   /* the choices of the plan, then nobody is preempted; in the plan
			* VL_LAB_SLOT_NONE: nobody is preempted here */
};

enum vl_lab_invariant {
	VL_LAB_NONE,
	VL_LAB_OVERLAP,    /* a reader and a writer have the same VMA */
	VL_LAB_IDENTITY,   /* a granted VMA is of another mm, range or life */
	VL_LAB_LIFETIME,   /* an object is touched after the last reference was given back */
	VL_LAB_ATTACH,     /* attach state: free while attached, detach while not locked, ... */
	VL_LAB_WRITE_LOCK, /* a VMA changes, or becomes findable, without its write lock */
	VL_LAB_COMPLETE,   /* something is found before it is complete */
	VL_LAB_LOCK_WORD,  /* a lock word has a value that no state has */
	VL_LAB_RCU,      /* freed while a reader of before is in its section, or used after that */
	VL_LAB_TREE,     /* the tree is changed without mmap_lock, or is not a tree */
	VL_LAB_ANON,     /* an anonymous page in a VMA without an anon_vma */
	VL_LAB_DEADLOCK, /* nobody can go on */
	VL_LAB_LIVELOCK, /* a run has too many steps */
	VL_LAB_ASSERT,   /* an assertion of the core */
	VL_LAB_CRASH,    /* an actor died of a signal */
	VL_LAB_OUTCOME,  /* no order of the operations gives these results */
	VL_LAB_FSCK,     /* the walker complains at the end */
	VL_LAB_COUNTERS, /* the counters of a run do not add up */
	VL_LAB_ORDER,    /* locks are waited for in two orders */
	VL_LAB_DIVERGED, /* the script cannot be followed: not a finding */
	VL_LAB_INVARIANTS
};

struct vl_lab_violation {
	u32 invariant;
	u32 actor;
	u32 step;
	u32 script_line; /* VL_LAB_DIVERGED */
	char text[512];
};

struct vl_lab_program {
	u32 actors;
	u32 setup_count, check_count;
	u32 slab_objects; /* VMA objects that go from hand to hand at once, whoever frees them */
	u32 ops_count[VL_LAB_ACTORS_MAX];
	u64 points[2]; /* where preemption is possible */
	struct vl_lab_op setup[VL_LAB_OPS_MAX];
	struct vl_lab_op check[VL_LAB_OPS_MAX];
	struct vl_lab_op ops[VL_LAB_ACTORS_MAX][VL_LAB_OPS_MAX];
};

struct vl_lab_search {
	u32 strategy;
	u32 bound;
	u64 seed;
	u64 schedules_max;
	u64 ns_max;
	u64 mutants[2];
	u32 op_points;  /* 1: preempt between operations only */
	u32 learn;      /* 1: outcomes are remembered as possible; 0: others are violations */
	u32 order;      /* 1: an inversion of the order of locks is a violation */
	u32 fsck_every; /* walk all invariants after so many runs; 0: never */
	u32 count;      /* lines of the script, or choices of the plan */
	union {
		struct vl_lab_line script[VL_LAB_SCRIPT_MAX];
		u8 plan[VL_LAB_PLAN_MAX];
	};
};

struct vl_lab_report {
	u64 schedules;
	u64 steps;
	u64 states;
	u64 outcomes;
	u64 ns;
	u32 died;        /* an actor was told to die and has: there can be no other run */
	u32 complete;    /* DFS: nothing within the bound is left */
	u32 preemptions; /* of the last run */
	u32 choices;     /* of the last run */
	u8 chosen[VL_LAB_PLAN_MAX]; /* who was chosen in the last run */
	struct vl_lab_violation violation;
	char outcome[VL_LAB_OUTCOME_TEXT]; /* of the last run */
};

#define VL_LAB_TRACE_STEP   1 /* the actor could have been preempted here */
#define VL_LAB_TRACE_GRANT  2
#define VL_LAB_TRACE_BREAKS 4 /* the invariant broke here */
/* No writer has stamped it in this life and run, where seq is counted from the begin of the run. */
#define VL_LAB_STAMP_NEW (1u << 31)
struct vl_lab_trace_line {
	u32 actor; /* VL_LAB_ACTORS_MAX: the controller */
	u32 point;
	u32 op; /* number of the actor's operation */
	u32 flags;
	u32 object; /* name << 8 | life of a VMA; slot of an mm */
	u32 stamp, seq;
	u32 own; /* the stamp, counted as seq is; VL_LAB_STAMP_NEW */
	u64 word;
};

/* Classes of locks, and subclasses: X(name, text) */
#define VL_LAB_LOCKS(X)                                                                   \
	X(MMAP, "mmap_lock")          /* of the mm that an operation works on */          \
	X(MMAP_NESTED, "mmap_lock/1") /* of a second mm, while the first one is held */   \
	X(MMAP_NEW, "mmap_lock/new")  /* of an mm that nobody else can see, held first */ \
	X(VMA, "vm_lock")                                                                 \
	X(VMA_NESTED, "vm_lock/1")       /* of a second VMA */                            \
	X(FILE, "file_lock")             /* size and holes */                             \
	X(PAGE_TABLE, "page_table_lock") /* short mutexes from here */                    \
	X(ANON, "anon_lock")                                                              \
	X(SLOTS, "slots_lock")                                                            \
	X(CACHE, "cache_lock")                                                            \
	X(PAGES, "page_pool_lock")                                                        \
	X(FRAMES, "frame_pool_lock")                                                      \
	X(RCU, "rcu_advance_lock")                                                        \
	X(USER, "user_lock") /* of a library user */

enum vl_lab_lock {
#define X(name, text) VL_LAB_LOCK_##name,
	VL_LAB_LOCKS(X)
#undef X
		VL_LAB_LOCKS_COUNT
};

#define VL_LAB_EDGE_STEPS 12
struct vl_lab_edge {
	u32 held, wanted; /* enum vl_lab_lock */
	u32 actor;        /* of a run; else VL_LAB_ACTORS_MAX */
	u32 number;       /* of the actor's operation */
	u32 op, pid;      /* the operation's code */
	u32 steps_count;
	u16 steps[VL_LAB_EDGE_STEPS]; /* the last sync points of the operation before that */
	u32 pad;
};

struct vl_lab_name {
	char name[32];
	char alias[8]; /* of a mutant: its number in the catalogue, or "" */
	char kind[8];  /* of a point: its object; of a mutant: the models */
	char text[120];
};

struct vl_lab_gate_info {
	u32 point;
	u32 armed;                     /* how many are still to be held */
	u32 held;                      /* how many stand there now */
	u32 reached;                   /* how many were held so far */
	u32 participant, pid, op, pad; /* of one of those who stand there */
	u64 mm;
};

struct vl_lab_holder_info {
	u32 point;
	u32 participant, pid, op;
	u64 mm;
};

/* clang-format off */
#define VL_LAB_CALLS(X) \
	X(int, vl_lab_load, (struct participant * self, const struct vl_lab_program *program), \
	  (self, program)) \
	X(int, vl_lab_actor, (struct participant * self, u32 actor), (self, actor)) \
	X(int, vl_lab_search, \
	  (struct participant * self, const struct vl_lab_search *search, \
	   struct vl_lab_report *report), \
	  (self, search, report)) \
	X(long, vl_lab_trace, \
	  (struct participant * self, struct vl_lab_trace_line * out, u64 cap), (self, out, cap)) \
	X(int, vl_lab_coverage, (struct participant * self, u64 * out, u64 cap), (self, out, cap)) \
	X(long, vl_lab_outcomes, (struct participant *self, u64 *values, u64 count, int put), \
	  (self, values, count, put)) \
	X(int, vl_lab_stop, (struct participant * self), (self)) \
	X(int, vl_lab_mutants_set, (struct participant * self, u64 low, u64 high), \
	  (self, low, high)) \
	X(int, vl_lab_gate, \
	  (struct participant * self, u32 point, u64 mm, u32 count, u64 hold_ns), \
	  (self, point, mm, count, hold_ns)) \
	X(int, vl_lab_gate_wait, \
	  (struct participant * self, u32 point, u64 timeout_ns, struct vl_lab_gate_info * out), \
	  (self, point, timeout_ns, out)) \
	X(int, vl_lab_gate_release, (struct participant * self, u32 point), (self, point)) \
	X(long, vl_lab_gates, (struct participant * self, struct vl_lab_gate_info * out, u64 cap), \
	  (self, out, cap)) \
	X(long, vl_lab_holders, \
	  (struct participant * self, struct vl_lab_holder_info * out, u64 cap), (self, out, cap)) \
	X(long, vl_lab_order, (struct participant * self, struct vl_lab_edge * out, u64 cap), \
	  (self, out, cap)) \
	X(int, vl_lab_mutants_get, (struct participant * self, u64 * out), (self, out)) \
	X(int, vl_lab_delays, (struct participant * self, u64 seed, u32 one_in, u32 us_max), \
	  (self, seed, one_in, us_max))
/* clang-format on */

/* The names of points and of mutants; the same in every core. Returns how many there are. */
VL_API long vl_lab_points(struct vl_lab_name *out, u64 cap);
VL_API long vl_lab_mutants(struct vl_lab_name *out, u64 cap);
VL_API long vl_lab_variants(struct vl_lab_name *out, u64 cap);

/* Loads a scenario into the segment: who does what. VL_E_INVALID: out of bounds. */
VL_API int vl_lab_load(struct participant *self, const struct vl_lab_program *program);
/* The calling process is that actor until vl_lab_stop. 0, or VL_E_INVALID. */
VL_API int vl_lab_actor(struct participant *self, u32 actor);
/* Runs schedules until one breaks an invariant or the search is over. 0; the report says what was
 * found. After a violation the actors must be ended by their owner. -ETIMEDOUT: the actors are not
 * there. */
VL_API int vl_lab_search(struct participant *self, const struct vl_lab_search *search,
			 struct vl_lab_report *report);
/* The trace of the last run. Returns the number of lines. */
VL_API long vl_lab_trace(struct participant *self, struct vl_lab_trace_line *out, u64 cap);
/* How often each sync point was passed. Returns the number of points. */
VL_API int vl_lab_coverage(struct participant *self, u64 *out, u64 cap);
/* The outcomes that were learnt: put 0: gets at most count of them, 1: sets them. Returns how many
 * there are. */
VL_API long vl_lab_outcomes(struct participant *self, u64 *values, u64 count, int put);
VL_API int vl_lab_stop(struct participant *self);
/* Without a scenario: mutants in a free-running segment. */
VL_API int vl_lab_mutants_set(struct participant *self, u64 low, u64 high);
/* The two words that were set. */
VL_API int vl_lab_mutants_get(struct participant *self, u64 *out);
/* The next `count` participants that come to a point, in any mm (0) or in that mm, are held there
 * until they are released, at most hold_ns. count 0: no more. At most VL_LAB_HOLDERS_MAX stand at
 * one gate: who comes then is not held. */
VL_API int vl_lab_gate(struct participant *self, u32 point, u64 mm, u32 count, u64 hold_ns);
/* Every gate, and everyone who stands at one. Returns how many. */
VL_API long vl_lab_gates(struct participant *self, struct vl_lab_gate_info *out, u64 cap);
VL_API long vl_lab_holders(struct participant *self, struct vl_lab_holder_info *out, u64 cap);
/* The order of locks that was learnt since the segment was made. Returns how many edges. */
VL_API long vl_lab_order(struct participant *self, struct vl_lab_edge *out, u64 cap);
/* The names of the classes, by enum vl_lab_lock. */
VL_API long vl_lab_locks(struct vl_lab_name *out, u64 cap);
/* Waits until somebody is held there. 0, -ETIMEDOUT. */
VL_API int vl_lab_gate_wait(struct participant *self, u32 point, u64 timeout_ns,
			    struct vl_lab_gate_info *out);
/* Lets all go on that are held there. Returns how many. */
VL_API int vl_lab_gate_release(struct participant *self, u32 point);
/* Free-running: at every `one_in`-th sync point, at random, a pause of up to us_max. 0: no more. */
VL_API int vl_lab_delays(struct participant *self, u64 seed, u32 one_in, u32 us_max);

/* The table of a lab core (core.h). */
struct vl_lab_calls {
#define VL_LAB_POINTER(type, name, params, args) type(*name) params;
	VL_LAB_CALLS(VL_LAB_POINTER)
#undef VL_LAB_POINTER
};

#endif
