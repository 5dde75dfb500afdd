/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtual_api.h (virtual): runs blocks of operations on virtual CPUs with a modelled memory system,
 * in virtual time. Any other core refuses with VL_E_CORE. docs/scale.md says how it works and what
 * it cannot say.
 *
 * All times are picoseconds in integers, so that a run is the same each time.
 */
#ifndef VMALAB_VIRTUAL_API_H
#define VMALAB_VIRTUAL_API_H

#include "vmalab/api.h"

#define VL_VIRTUAL_CPUS_MAX     255
#define VL_VIRTUAL_KINDS_MAX    32
#define VL_VIRTUAL_RECORDS_MAX  64  /* of one step */
#define VL_VIRTUAL_BUCKETS      640 /* of a histogram: 16 to each power of two, of nanoseconds */
#define VL_VIRTUAL_CLUSTERS_MAX 32
#define VL_VIRTUAL_BLOCK_MAX    4080 /* bytes of a step */
#define VL_VIRTUAL_WRONG        9999 /* a status: the value was another one */
#define VL_VIRTUAL_TEXT_BYTES   (1ul << 20)

/* Who answers a read of a line that others have: X(name, text) */
enum vl_virtual_protocol {
	VL_VIRTUAL_MESI, /* the owner, which writes it back; of a clean line the cache they share */
	VL_VIRTUAL_MESIF, /* of a clean line the nearest that has it */
	VL_VIRTUAL_MOESI, /* the owner, which keeps it without a write back */
};

struct vl_virtual_machine {
	u32 cores_per_cluster;   /* a cluster shares its last cache */
	u32 clusters_per_socket; /* at most VL_VIRTUAL_CLUSTERS_MAX in all sockets */
	u32 protocol;
	u32 adjacent; /* 1: a miss brings the other line of the aligned pair as well */
	/* caches: sets are powers of two */
	u32 first_sets, first_ways;   /* a core's first */
	u32 second_sets, second_ways; /* a core's second */
	u32 shared_sets, shared_ways; /* a cluster's */
	u32 store_buffer;             /* stores that may be on their way */
	u32 loads_out;                /* loads that may miss at a time */
	u32 window;                   /* instructions that may be begun behind a load that misses */
	u32 ahead; /* the same, behind a locked instruction that waits: their lines are asked for */
	u32 request; /* percent of a transfer: from who asks to the directory */
	/* ps */
	u32 instruction; /* each, as if nothing were waited for */
	u32 first;       /* a load from the first cache, beyond its instruction */
	u32 second;      /* the same, from the second */
	u32 shared;      /* from the cluster's cache */
	u32 cluster;     /* from a core of the same cluster */
	u32 socket;      /* from another cluster of the same socket */
	u32 remote;      /* from another socket */
	u32 memory;
	u32 locked; /* a locked instruction, beyond the access */
	u32 fence;
	u32 occupied; /* how long a read keeps the next one from the same line */
	u32 pause;
	u32 call;    /* a futex call */
	u32 wake;    /* from the wake to the first instruction */
	u32 barrier; /* a barrier in all CPUs */
	u32 clock;   /* reading the time */
};

/* What a step does. */
enum vl_virtual_call {
	VL_VIRTUAL_BLOCK, /* its block, in one call */
	VL_VIRTUAL_MAPS,  /* reads the maps of an address space; its block is that one's number */
	VL_VIRTUAL_SMAPS, /* the same, with flags */
	VL_VIRTUAL_ASK,   /* the caller does it: vl_virtual_run returns 2; it takes no time */
};

/* Operations that one call does: its block is at an offset of the CPU's bytes. The latency of each
 * is that of the call over their number. */
struct vl_virtual_step {
	u32 offset, bytes;
	u32 kind;   /* whose histogram its latency goes into */
	u32 call;   /* enum vl_virtual_call */
	s32 status; /* what it has to end with */
	u32 checks; /* 0: nothing; 1: the status; 2: and the value */
	u64 value;
	u32 keep;                   /* + 1: the cell that its value goes into; 0: none */
	u32 turn;                   /* + 1: its turn; 0: none */
	u32 patches, patches_count; /* of the plan's: what is done to the block before */
	u32 records;                /* results that it has: 1 to VL_VIRTUAL_RECORDS_MAX */
	u32 pad;
};

/* The number in a cell is added to a word of a block. */
struct vl_virtual_patch {
	u32 word, cell;
};

/* Of a step that has its place in an order: it begins when two counters are at least so much, and
 * then moves four by one. Counter 0 is for those that wait for fewer, or move fewer. */
struct vl_virtual_turn {
	u32 waits_for[2];
	u32 moves[4];
	u64 least[2];
};

struct vl_virtual_program {
	const u8 *blocks;
	const struct vl_virtual_step *steps;
	u64 count; /* of steps: they are done over and over */
};

struct vl_virtual_plan {
	u64 warm;    /* operations of each CPU before anything is counted */
	u64 least;   /* operations of each CPU that are counted, at least */
	u64 ps_most; /* virtual time after which the run ends all the same */
	u64 seed;    /* of how long each transfer takes, an eighth more or less */
	u64 part;    /* accesses after which the caller is asked whether to go on; 0: 1 << 22 */
	/* How many instructions a basic block has whose call of the runtime returns to that place
	 * of the core's text; NULL: eight. */
	const u8 *instructions;
	u64 text_bytes;
	u64 once; /* 1: each program is done once and all of it counts, not `warm` and `least` */
	const struct vl_virtual_patch *patches;
	u64 patches_count;
	u64 *cells; /* numbers that are known when the run is under way */
	u64 cells_count;
	const struct vl_virtual_turn *turns;
	struct vl_result *answers; /* of each turn */
	u64 turns_count, counters_count;
};

struct vl_virtual_cpu {
	u64 operations, failed;
	u64 instructions, accesses, misses, locked, fences;
	/* of the time; ordered: until it was its turn */
	u64 work, missing, queued, waiting, ordered;
};

/* What the operations of a kind cost, while they were counted. */
struct vl_virtual_kind {
	u64 operations;
	u64 instructions, accesses, misses, locked, fences;
	u64 lines; /* that they touched, each once an operation; of one CPU alone */
	u64 ps;
	u64 first, cold; /* the first one of the run, + 1; and what it missed */
};

enum vl_virtual_end {
	VL_VIRTUAL_DONE,    /* every CPU has done enough */
	VL_VIRTUAL_LATE,    /* ps_most */
	VL_VIRTUAL_STOPPED, /* by the caller */
	VL_VIRTUAL_STUCK,   /* everyone waits: the segment is of no use any more */
};

struct vl_virtual_result {
	u32 end;
	s32 status; /* of the first operation that failed; of a wrong value: VL_VIRTUAL_WRONG */
	u64 ps;     /* that were counted */
	u64 accesses_in_all;
	u64 least_done; /* operations of the CPU that has done least, those before counting too */
	u32 failed_cpu; /* of the first operation that failed: its CPU, and which step */
	u32 asked;      /* by a step of VL_VIRTUAL_ASK: its turn */
	u64 failed_step;
	u64 latency[VL_VIRTUAL_KINDS_MAX][VL_VIRTUAL_BUCKETS];
	struct vl_virtual_kind kinds[VL_VIRTUAL_KINDS_MAX];
};

/* One pair of places of a line that CPUs took from one another. */
struct vl_virtual_hot {
	u64 line;           /* offset in the segment */
	u64 reader, writer; /* where in the core's text they were */
	u32 reader_at;      /* byte of the line */
	u32 writer_at;
	u32 writes; /* 1: the one who missed wrote */
	u32 real;   /* 1: what it touched had been written; 0: false sharing */
	u64 count, ps;
	u64 takers[VL_VIRTUAL_CPUS_MAX / 64 + 1]; /* who missed: a bit for each CPU */
	u64 writers[VL_VIRTUAL_CPUS_MAX / 64 + 1];
};

/* clang-format off */
#define VL_VIRTUAL_CALLS(X) \
	X(int, vl_virtual_run, \
	  (struct participant *const *cpus, u32 count, const struct vl_virtual_machine *machine, \
	   const struct vl_virtual_program *programs, const struct vl_virtual_plan *plan, \
	   struct vl_virtual_cpu *each, struct vl_virtual_result *out), \
	  (cpus, count, machine, programs, plan, each, out)) \
	X(int, vl_virtual_go_on, (struct participant *self, int stop), (self, stop)) \
	X(long, vl_virtual_hottest, \
	  (struct participant *self, struct vl_virtual_hot *out, u64 cap), (self, out, cap)) \
	X(u64, vl_virtual_text, (struct participant *self), (self))
/* clang-format on */

/* Runs one program on each participant; all are of this process and of one segment, and none is in
 * an operation. 0: done; 1: a part is done: vl_virtual_go_on() goes on, what was given stays where
 * it is until then; 2: as 1, and before that the caller does the step `asked`. VL_E_INVALID:
 * something is out of bounds, or a run of that core is under way in this process. VL_E_LIMIT:
 * memory of this process. */
VL_API int vl_virtual_run(struct participant *const *cpus, u32 count,
			  const struct vl_virtual_machine *machine,
			  const struct vl_virtual_program *programs,
			  const struct vl_virtual_plan *plan, struct vl_virtual_cpu *each,
			  struct vl_virtual_result *out);
/* The next part of the run; as vl_virtual_run. stop: each CPU ends what it is doing, no more. */
VL_API int vl_virtual_go_on(struct participant *self, int stop);
/* The pairs of the last run of that core in this process, the costliest first. Returns how many
 * there are. */
VL_API long vl_virtual_hottest(struct participant *self, struct vl_virtual_hot *out, u64 cap);
/* Where the core's text begins in this process: what `instructions` is counted from. */
VL_API u64 vl_virtual_text(struct participant *self);

/* The table of a virtual core (core.h). */
struct vl_virtual_calls {
#define VL_VIRTUAL_POINTER(type, name, params, args) type(*name) params;
	VL_VIRTUAL_CALLS(VL_VIRTUAL_POINTER)
#undef VL_VIRTUAL_POINTER
};

#endif
