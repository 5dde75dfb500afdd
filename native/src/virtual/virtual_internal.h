/* SPDX-License-Identifier: Apache-2.0 */
/*
 * virtual_internal.h: what the files of the virtual multicore share.
 *
 * One thread, one coroutine for each virtual CPU. The CPU whose clock is least goes on: before each
 * access to the segment the runtime looks whether another one's is less, and if so switches to it.
 * So accesses happen in the order of virtual time, one after the other, and a run is the same each
 * time. What an access costs is decided when it begins, from who has its line then.
 *
 * None of this is instrumented (native/Makefile), and none of it is shared memory.
 */
#ifndef VMALAB_VIRTUAL_INTERNAL_H
#define VMALAB_VIRTUAL_INTERNAL_H

#include "vmalab/virtual_api.h"

#ifdef VL_VIRTUAL

#define LINE_SHIFT         6
#define LINE_BYTES         (1u << LINE_SHIFT)
#define WORDS              (LINE_BYTES / 8)
#define LOADS_MAX          16
#define STORES_MAX         128
#define STALLS_MAX         8
#define STACK_BYTES        (256u << 10)
#define MASK_WORDS         4 /* of a set of CPUs */
#define PS_PER_NS          1000ul
#define NOBODY             0xffffu
#define NO_LINE            0xffffffffu
#define HOT_SLOTS          (1u << 16)
#define LOST_SLOTS         (1u << 20)
#define KEPT_SLOTS         (1u << 12)
#define INSNS_IF_NOT_KNOWN 8

enum access_kind { ACCESS_READ, ACCESS_WRITE, ACCESS_LOCKED };

/* Lines by set, the one used last in front. */
struct cache {
	u32 *lines;
	u32 sets, ways;
};

/* A load that has missed and whose value somebody may be waiting for. */
struct load {
	u64 ready;
	u64 value;
	u64 queue; /* of its time, behind others */
	u64 begun; /* instructions of the CPU then */
	u32 line;
};

/* The CPU stood still from then on, before that instruction. */
struct stall {
	u64 began;
	u64 instructions;
};

struct vcpu {
	u64 now; /* ps */
	void *sp;
	char *stack;
	struct participant *self;
	const struct vl_virtual_program *program;
	const u32 *waits_on; /* asleep at this word */
	struct vcpu *next_waiter;
	u64 wait_began;
	u32 id, cluster, socket;
	bool done;                 /* its coroutine has ended */
	u64 instructions, charged; /* charged: those that `now` has */
	struct load loads[LOADS_MAX];
	u32 loads_count;
	bool needs; /* the access under way needed the value of a load that it waited for */
	struct stall stalls[STALLS_MAX]; /* the last ones; a ring */
	u32 stalls_head, stalls_count;
	u64 stores[STORES_MAX]; /* when each has left; a ring */
	u32 stores_head, stores_count;
	u64 last_store; /* when the last one has left: in order */
	struct cache first, second;
	struct vl_virtual_cpu counts, before; /* before: when counting began */
	u64 operations;                       /* since the run began */
	u32 mark;                             /* of the operation under way */
	u64 lines;                            /* that operations touched, each once */
	const struct vl_virtual_turn *turn;   /* it waits for */
};

/* What is known of a line: the directory. */
struct line {
	u64 sharers[MASK_WORDS];
	u64 busy;      /* until then it is under way to somebody */
	u32 version;   /* writes that took it from somebody */
	u32 in_shared; /* clusters whose cache has it */
	u16 owner;     /* who alone may write, + 1; MOESI: or who answers for it */
	u8 exclusive;  /* the owner is alone */
	u8 writer_at;  /* byte of the last write by another than its reader */
	u32 writer_text;
	u8 writer_cpu;
	u32 mark; /* of the last operation that touched it */
} __attribute__((aligned(64)));

/* Who had a line that a store has taken, and may go on reading it until it hears of that. Of two
 * lines with one place in the table only the later one is known. */
struct kept {
	u64 sharers[MASK_WORDS];
	u64 until;
	u32 line;
};

/* When each word of a line was last written, in versions of the line. */
struct words {
	u32 version[WORDS];
};

struct machine_state {
	struct vcpu *cpu; /* who runs; NULL: nobody, accesses cost nothing */
	struct vcpu *cpus;
	u32 count, alive;
	struct vcpu **heap; /* those that could go on, but `cpu` */
	u32 heap_count;
	u64 next;             /* the least clock among them */
	void *home;           /* the stack of who called vl_virtual_run */
	struct vcpu *waiters; /* oldest first */
	u8 *base;
	u64 bytes;
	struct line *lines;
	struct words *words;
	struct kept *kept; /* KEPT_SLOTS, by line */
	struct cache shared[VL_VIRTUAL_CLUSTERS_MAX];
	u32 clusters;
	const struct vl_virtual_machine *of;
	const struct vl_virtual_plan *plan;
	struct vl_virtual_result *out;
	const u8 *instructions;
	u64 text, text_bytes;
	bool counting, over, asking;
	u64 *counters; /* of the order, and when each was moved last */
	u64 *moved;
	char *reading; /* for what readers of maps read */
	u32 marks;
	u64 began; /* of counting */
	u64 accesses;
	u64 pause_at; /* accesses */
	struct vcpu *paused;
	struct vl_virtual_cpu *each;
	u64 random;
};
extern struct machine_state vm;

/* cpu.c */
void vcpu_switch(void); /* to the CPU with the least clock */
void vcpu_pause(void);  /* to who called, and back when it goes on */
/* The caller cannot go on: another one does, or, if nobody can, who called vl_virtual_run. */
void vcpu_leave(void);
void vcpu_ready(struct vcpu *cpu); /* one that had left can go on */
/* step.c */
bool steps_good(const struct vl_virtual_program *programs, u32 count,
		const struct vl_virtual_plan *plan);
int steps_make(void);
void steps_free(void);
void steps_do(struct vcpu *cpu); /* until the run is over */
void steps_over(void);           /* each ends what it is doing, no more */
u64 steps_least(void);           /* operations of the CPU that has done least */
/* caches.c */
int caches_make(void);
void caches_free(void);
/* Transfers and wakes take an eighth more or less: on a real machine no two CPUs keep step either,
 * and with all costs the same one of them can lose a line, or a lock, again and again, just before
 * it would use it. */
u64 uneven(u64 ps);
void caches_access(struct vcpu *cpu, u64 offset, u32 bytes, enum access_kind kind, u64 text);
void caches_loads(struct vcpu *cpu); /* all loads are there */
void caches_drain(struct vcpu *cpu); /* all stores have left, all loads are there */
/* hot.c */
int hot_make(void);
void hot_lost(u32 line, u32 cpu, u32 version);
void hot_missed(struct vcpu *cpu, u32 line, u32 at, u32 bytes, enum access_kind kind, u64 text,
		u64 ps);

/* Instructions become time when somebody looks. */
static inline void vcpu_charge(struct vcpu *cpu)
{
	u64 ps = (cpu->instructions - cpu->charged) * vm.of->instruction;

	cpu->charged = cpu->instructions;
	cpu->now += ps;
	cpu->counts.work += ps;
}

static inline bool mask_has(const u64 *mask, u32 cpu)
{
	return mask[cpu / 64] >> cpu % 64 & 1;
}

static inline void mask_add(u64 *mask, u32 cpu)
{
	mask[cpu / 64] |= 1ul << cpu % 64;
}

static inline void mask_remove(u64 *mask, u32 cpu)
{
	mask[cpu / 64] &= ~(1ul << cpu % 64);
}

#endif
#endif
