/* SPDX-License-Identifier: Apache-2.0 */
/*
 * participant.h (segment): who runs in the core, what each holds, and how the world is stopped.
 *
 * Every thread that enters the core has a participant: a slot of two cache lines that only it
 * writes, and an area of its own (counters, magazines, retire ring, preallocated nodes, leases).
 * A handle does not survive fork(): the child maps the segment again and joins for itself.
 *
 * in_core, the word by which the world is stopped:
 *   CORE_OUT      not in the core                       -> CORE_IN by its owner (core_enter)
 *   CORE_IN       in an operation; will leave or block  -> CORE_OUT (core_exit), CORE_BLOCKED
 *                                                          (core_block)
 *   CORE_BLOCKED  waits for an rwsem or a grace         -> CORE_IN by its owner (core_unblock)
 *                 period; what it holds and what it
 *                 has in flight is announced exactly
 *   a dead owner may leave any of them; the recoverer ignores in_core of the dead.
 * Ordering STOP-1: core_enter stores in_core, then loads hdr->stop; the stopper stores stop, then
 * loads in_core. Both could read the old value without a full barrier between; in the fence-free
 * flavour the stopper supplies it on every CPU with membarrier, in the fenced flavour both sides
 * run a fence. pairs: STOP-1 (world.c:stop_once)
 *
 * held[i], the announcement of one lock: 0, or ref << 8 | mode | state. Written with plain stores
 * on the owner's own line: TAKING before the attempt, HELD after success, 0 after the release.
 * When the owner is outside the core or blocked, HELD entries are exact; that is what makes
 * reader counts recomputable (DESIGN.md, "Recovery").
 */
#ifndef VMALAB_PARTICIPANT_H
#define VMALAB_PARTICIPANT_H

#include <sys/single_threaded.h>

#include "vmalab/atomics.h"
#include "vmalab/life.h"
#include "vmalab/segment.h"
#include "vmalab/virtual.h"

enum vl_role {
	ROLE_FREE = 0,
	ROLE_SUPERVISOR = 1,
	ROLE_WORKER = 2,
	ROLE_CLIENT = 3,
	ROLE_INSPECTOR = 4,
};
enum core_state { CORE_OUT = 0, CORE_IN = 1, CORE_BLOCKED = 2 };

/* Announcement places: one per kind of lock that an operation can hold at a time, so that no search
 * is needed. */
enum hold_place {
	HOLD_MMAP,      /* mmap_lock of the mm worked on */
	HOLD_MMAP2,     /* mmap_lock of a second mm (fork's child) */
	HOLD_VMA,       /* vm_lock for reading */
	HOLD_VMA2,      /* second vm_lock for reading (userfaultfd move) */
	HOLD_VMA_WRITE, /* vm_lock for writing, momentarily */
	HOLD_USER0,     /* locks of a library user, held across calls */
	HOLD_USER1,
	HOLD_USER2,
	HOLDS_COUNT
};
#define HELD_READ    0x01u
#define HELD_WRITE   0x02u
#define HELD_TAKING  0x10u
#define HELD_HELD    0x20u
#define HELD_WAITING 0x40u

struct participant_slot {
	/* line 0: identity and read-side state */
	u32 in_core; /* enum core_state */
	u32 role;    /* enum vl_role; ROLE_FREE = nobody is in; set last, cleared last */
	u64 rcu;     /* 0, or the gp_ctr that this reader saw at rcu_read_lock */
	u32 pid;     /* with tid and start_time for people: life.c says who lives */
	u32 tid;
	u64 start_time; /* of the process, field 22 of /proc/PID/stat; 0 unknown */
	u32 generation; /* how often the slot was given out */
	u16 op;         /* op code under way, for reports */
	u16 changed;    /* 0: the fault under way has changed nothing but words of locks and frames;
			 * means something while in_core is not CORE_OUT (recover_small.c) */
	char comm[16];
	u64 rcu_since_ns; /* when a stall of this reader was last reported; counts while rcu != 0 */
	/* line 1: announcements */
	u64 held[HOLDS_COUNT];
} __cacheline_aligned;
SIZE_IS(struct participant_slot, 128);

/* A stack of free objects of one cache. Owner: plain words that others may read (relaxed). */
#define MAGAZINE_SIZE 52 /* of an instance that asks for no other */
#define MAGAZINE_MIN  2
#define MAGAZINE_MAX  (2 * SHEAF_MAX) /* two sheaves of the kernel's 32 */
struct magazine {
	u32 count; /* the store that gives or takes an object */
	u32 pad;
	u64 odd;   /* bit i: there is more to do than to hand objs[i] out: fresh, half, or its cache
		    * has free pointers; 0 from count on, as the next two */
	u64 fresh; /* bit i: objs[i] was never handed out */
	u64 half;  /* bit i: objs[i] starts 8 bytes after its ref (packed caches) */
	u64 allocs;
	u64 frees;
	u64 firsts; /* allocs of objects that were never handed out before; the others are reuses */
	vl_ref objs[MAGAZINE_MAX];
	u64 pad1;
};
SIZE_IS(struct magazine, 320);

#define RETIRE_RING 4096
struct retired {
	u64 tag; /* gp_ctr + 1, read after the object was unpublished */
	u32 kind;
	u32 ref;
};

#define LEASE_SHIFT  16
#define LEASES_MAX   ((1u << LEASE_SHIFT) - 1) /* that one participant holds on one mm */
#define STATS_MAX    64
#define PREALLOC_MAX 96
#define INFLIGHT_MAX 16
#define FILE_PINS    2
#define STACK_BYTES  1024
#define STOCKS_EACH  4 /* accounts that a participant holds charges of in advance, for each kind */
/* Frames that a participant may keep, as a CPU's page lists in the kernel: at most this many, and
 * no more than its share of all would be in a segment of four times the participants. */
#define FRAME_MAGAZINE 4094
#define FRAME_BATCH    512 /* of them so many, at most, come and go at a time (depot.c) */
#define PAGE_MAGAZINE  30

struct participant_area {
	u64 stats[STATS_MAX]; /* written by the owner alone; read by anyone, relaxed */
	struct magazine magazines[KMEM_CACHES_MAX];
	u32 frame_count;
	u32 frame_hand; /* the last frame that lost a reference: it may be in no place yet */
	u32 frames[FRAME_MAGAZINE];
	u32 page_count;
	u32 page_pad;
	u32 pages[PAGE_MAGAZINE]; /* indices of order-0 pages, kind PAGE_CACHED */
	u32 prealloc_count;
	u32 prealloc_pad;
	vl_ref prealloc[PREALLOC_MAX]; /* tree nodes reserved for the store under way */
	vl_ref inflight[INFLIGHT_MAX]; /* VMAs made, not yet in a tree, while the owner may block */
	vl_ref unmapped;               /* VMAs out of the tree, not yet freed: a list (munmap.h) */
	u32 file_pins[FILE_PINS];      /* numbers of files that an operation keeps while it may
					* block */
	u64 moving[2]; /* entries of a move under way: offsets of the one that it comes from,
			* or 0, and of the one that it goes to */
	u64 doubt; /* an address, and in the bits below PAGE_SHIFT how many pages from there: if the
		    * owner dies, entries there may be marked busy, or have a page that is no
		    * longer in its file. Of the address space that it has a lock of; it is not
		    * taken back. */
	u64 stocks[CHARGES_STOCKED][STOCKS_EACH] __cacheline_aligned; /* account.h */
	u32 account;     /* what its new address spaces are charged to */
	u32 cancel;      /* not 0: what it does is to end early (safe_point.h) */
	u32 retire_head; /* next to free; places (lives.h) */
	u32 retire_tail; /* next free place; tail - head = entries */
	struct retired retired[RETIRE_RING];
	u64 retire_hand; /* kind << 32 | ref of what was last taken out of a ring: it may be in no
			  * place yet */
	u64 leases[MMS_MAX]; /* per mm index: generation << LEASE_SHIFT | leases held */
	vl_ref name_made;    /* name of the call under way, which may wait before a VMA has it */
	u64 pid_namespace;   /* in which pid and tid mean something; 0 unknown */
	LAB(vl_ref policy_made;) /* numa_policy likewise */
	u32 retires_only;        /* its owner is dead and all but the ring was recovered */
	LAB(u8 stack_frame[STACK_BYTES] __cacheline_aligned;) /* op_stack_vma.c */
};
#define PARTICIPANT_AREA_BYTES ALIGN_UP(sizeof(struct participant_area), PAGE_SIZE)

/*
 * Of an instance with LOOKUP_CACHE: what an earlier fault of this participant looked up: the leaf
 * of the range tree and the lowest table of the page table that serve a window of addresses, and
 * the VMA that the last fault in each part of the window found. A private copy of what walks
 * would find again as long as unlinked (pgd.unlinked of the mm's slot, which no two lives of it
 * share) is what it was, and until (lookup_until) is. cached_lookup.h says why. (hardware:
 * paging-structure caches; kernel before 6.1: vmacache)
 */
#ifndef VL_LAB
#define CACHED_LOOKUPS_BITS 17 /* by the window's lowest bits: 16 GiB of addresses in a row */
typedef u16 lookup_window;
#else
#define CACHED_LOOKUPS_BITS 11 /* cleared before each schedule */
typedef u32 lookup_window;
#endif
#define CACHED_LOOKUPS       (1u << CACHED_LOOKUPS_BITS)
#define CACHED_LOOKUPS_BYTES (CACHED_LOOKUPS * sizeof(struct cached_lookup))
#define LOOKUP_SHIFT         17
#define LOOKUP_PARTS         8
#define LOOKUP_PART_SHIFT    14
struct cached_lookup {
	lookup_window window; /* what its place does not say of it */
	u16 mm;               /* slot */
	vl_ref table;         /* 0: knows nothing */
	u64 unlinked;
	u64 until;
	u32 seq; /* mm_lock_seq when the leaf was found */
	vl_ref leaf;
	vl_ref vmas[LOOKUP_PARTS]; /* 0: knows none */
};
#ifndef VL_LAB
SIZE_IS(struct cached_lookup, CACHE_LINE);
#endif

/* What an instance does with VMAs otherwise than by default; vma.c. */
#define VMA_CTOR_AT_PAGE  1u /* embedded-rwsem */
#define VMA_CTOR_AT_ALLOC 2u /* refcount */
#define VMA_RESET_AT_FREE 4u

/* Process-local handle. What a fault needs of the segment's addresses is copied here, because each
 * step of a fault waits for the load before it (DESIGN.md, "What a fault costs"). */
struct participant {
	u8 *base; /* line 0: what a fault reads. base, pages, frames, mms: as in struct vl_seg */
	u8 *pages;
	struct frame *frames;
	struct mm_struct *mms;
	struct participant_slot *slot;
	struct participant_area *area;
	struct cached_lookup *lookups; /* CACHED_LOOKUPS of them, in memory that is used as it is
					  touched; NULL: faults walk */
	u32 mms_count;
	u32 rcu_nest;
	u32 fenced; /* line 1 */
	u32 index;
	struct vl_seg *seg;
	u64 retire_due;  /* rcu.completed at which rcu_poll has something to do */
	u32 frames_keep; /* frames that its magazine may hold; at most FRAME_MAGAZINE */
	u32 sample_mask; /* a fault leaves an event if its number has none of these bits */
	struct vm_area_struct *locked; /* by a fault, on its way from the fast path to the slow */
	u32 pkru;             /* with has_pkru: what the caller of the operation has there */
	bool has_pkru;        /* its record says so (pkeys.h) */
	bool counts_resident; /* frames of an mm are bounded (resident.h) */
	LAB(u64 op_mm;)       /* id of the mm that the operation under way is done in */
	LAB(bool anon_seen;)  /* by the fault under way, before it locked the VMA */
	u32 retire_mark;      /* retire_tail when this participant last tried to advance */
	u32 mms_made;         /* by the blocks it ran: vl_mms_made */
	u32 vma_style;        /* what its instance does (above) */
	u32 magazine_limit;   /* objects of a cache that its magazine may have */
	u8 magazine_room[KMEM_CACHES_MAX]; /* the same; 0: of a cache with free pointers, or
					    * that shares the slabs of another one */
	u32 shares_new;                    /* 1: what it makes is shared with all accounts */
	u32 files_closed;                  /* the first of a list: file.c:files_release_slow */
	u32 met_limit; /* enum vl_limit: the last that refused something; account.h */
	u32 met_account;
	u64 met_max;
	void *life;              /* the page that says it lives (life.c) */
	struct event_ring *ring; /* its events (events.h); NULL: none are kept */
	bool noting;             /* in a call whose locks are noted there */
	const void *call_next;   /* the record behind the last call of a block; NULL: none */
	u32 refused;             /* enum vl_stat: why the last try for the lock of a VMA failed */
} __cacheline_aligned;

static inline void *participant_ptr(const struct participant *self, vl_ref ref)
{
	return self->base + ((u64)ref << REF_SHIFT);
}

static inline vl_ref participant_ref_of(const struct participant *self, const void *p)
{
	return (vl_ref)((u64)((const u8 *)p - self->base) >> REF_SHIFT);
}

#define PTR(self, ref) participant_ptr((self), (ref))
#define REF(self, p)   participant_ref_of((self), (p))

/* The header is the first region. */
static inline struct seg_header *participant_hdr(const struct participant *self)
{
	return (struct seg_header *)self->base;
}

static inline struct participant_area *participant_area_of(const struct vl_seg *seg, u32 index)
{
	return (struct participant_area *)(seg->areas + (u64)index * PARTICIPANT_AREA_BYTES);
}

/* Takes a free slot for the calling thread. comm: at most 15 bytes are kept. 0, VL_E_NO_SLOT,
 * VL_E_RCU, VL_E_SPACE, -ENOMEM, VL_E_DAMAGED (a free slot is not clean), VL_E_SYS (the segment's
 * file cannot be opened a second time). */
int participant_join(struct vl_seg *seg, struct participant *self, enum vl_role role,
		     const char *comm);
/* Ends its life and frees its slot; its area is clean (leave.c). */
void participant_vacate(struct participant *self);
/* Ends its life and frees what the process has for it; slot and area are left as they are, as those
 * of a dead one. */
void participant_abandon(struct participant *self);
/* Last step of a recovery: folds the dead one's counters, drops what its area holds (everything was
 * swept or adopted) and frees its slot. False when its retire ring could not all be adopted: then
 * slot and ring stay for a later recovery. The world is stopped. */
bool participant_bury(struct vl_seg *seg, u32 index);
/* Counters of an area are added to those of the participants that left. (used by the two above) */
void participant_fold(struct vl_seg *seg, u32 index);

/* Somebody has that slot and the kernel says that it is dead / does not say so. Both are false for
 * a free slot. "Dead" is final until the slot is buried; "alive" may be over when it is returned,
 * so a recovery asks once, and for all (find_dead). */
bool participant_dead(const struct vl_seg *seg, u32 index);
bool participant_alive(const struct vl_seg *seg, u32 index);
void find_dead(const struct vl_seg *seg, struct dead_set *dead);
/* Has the slot an owner that is not among the dead? */
static inline bool among_living(const struct vl_seg *seg, const struct dead_set *dead, u32 index)
{
	/* pairs: JOIN-1 (participant.c:participant_join) */
	return load_acquire_u32(&seg->slots[index].role) != ROLE_FREE && !dead_set_has(dead, index);
}

/* What a waiter does when it has proven the death of a participant that holds what it waits for;
 * set by the recovery layer, may be NULL. The caller is CORE_OUT or CORE_BLOCKED. */
typedef void (*dead_owner_fn)(struct participant *self, u32 index);
extern dead_owner_fn vl_on_dead_owner;
/* A waiter whose deadline passed: is anybody dead? Then recovery. The caller is CORE_BLOCKED. */
void participant_look_for_dead(struct participant *self);

int core_enter_slow(struct participant *self) __attribute__((cold));

/* A thread that ends leaves its CPU unknown to membarrier until another process runs there
 * (membarrier.c), so in a process with threads a reader runs its own fence. The only thread of a
 * process cannot get company while it is in here. */
static inline void participant_fence_if_threaded(struct participant *self)
{
	if (!CPUS_ARE_VIRTUAL && unlikely(!__libc_single_threaded))
		self->fenced = 1;
}

/* Before the first change that a recovery would have to look for, should the caller be killed in
 * the middle of it. Its death costs the others more from here on. */
static inline void note_change(struct participant *self)
{
	self->slot->changed = 1;
	compiler_barrier();
}

/* Before entries are changed so that recovery would have to look at them, should the caller be
 * killed (participant_area.doubt). */
static inline void note_doubt(struct participant *self, u64 addr, u64 pages)
{
	/* relaxed: for a recoverer, who reads it when the caller is dead */
	store_relaxed_u64(&self->area->doubt, (addr & PAGE_MASK) | pages);
	compiler_barrier();
}

/* 0, or VL_E_BROKEN when a broken invariant has stopped the segment (then the caller is not in).
 * For op_begin, which says what is changed. */
static inline int core_enter_op(struct participant *self)
{
	lab_enter(self);
	participant_fence_if_threaded(self);
	store_relaxed_u32(&self->slot->in_core, CORE_IN);
	if (unlikely(self->fenced))
		fence_full();
	else
		compiler_barrier();
	/* pairs: STOP-1 (world.c:stop_once) */
	if (unlikely(load_acquire_u32(&participant_hdr(self)->stop) != 0))
		return core_enter_slow(self);
	return 0;
}

/* As core_enter_op, of who may not wait: false: the world is stopped, or the segment is broken, and
 * the caller is not in. */
static inline bool core_enter_try(struct participant *self)
{
	participant_fence_if_threaded(self);
	store_relaxed_u32(&self->slot->in_core, CORE_IN);
	if (unlikely(self->fenced))
		fence_full();
	else
		compiler_barrier();
	/* pairs: STOP-1 (world.c:stop_once) */
	if (likely(load_acquire_u32(&participant_hdr(self)->stop) == 0))
		return true;
	/* release: nothing was done in between. pairs: STOP-2 (world.c:wait_out) */
	store_release_u32(&self->slot->in_core, CORE_OUT);
	return false;
}

/* For everything that is no operation of a block: it may change anything. */
static inline int core_enter(struct participant *self)
{
	note_change(self);
	return core_enter_op(self);
}

static inline void core_exit(struct participant *self)
{
	/* release: who sees CORE_OUT sees the operation whole. pairs: STOP-2 (world.c:wait_out) */
	store_release_u32(&self->slot->in_core, CORE_OUT);
}

/* Around a wait on an rwsem. Between them the world may be stopped. */
static inline void core_block(struct participant *self)
{
	store_release_u32(&self->slot->in_core, CORE_BLOCKED);
}
void core_unblock(struct participant *self);

/* A kill can come between any two instructions, so what the recoverer reads must be in the slot in
 * program order; like a signal handler's view, this needs the compiler's order only. */
static inline void hold_write(struct participant *self, enum hold_place place, u64 value)
{
	compiler_barrier();
	store_relaxed_u64(&self->slot->held[place], value);
	compiler_barrier();
}
static inline void hold_taking(struct participant *self, enum hold_place place, const void *lock,
			       u32 mode)
{
	hold_write(self, place, (u64)REF(self, lock) << 8 | mode | HELD_TAKING);
}
static inline void hold_waiting(struct participant *self, enum hold_place place, const void *lock,
				u32 mode)
{
	hold_write(self, place, (u64)REF(self, lock) << 8 | mode | HELD_WAITING);
}
static inline void hold_set(struct participant *self, enum hold_place place, const void *lock,
			    u32 mode)
{
	hold_write(self, place, (u64)REF(self, lock) << 8 | mode | HELD_HELD);
}
static inline void hold_clear(struct participant *self, enum hold_place place)
{
	hold_write(self, place, 0);
}

/* Stops the world: 0 when every living participant other than self is CORE_OUT or CORE_BLOCKED
 * (or dead), -EBUSY when another living participant was stopping it (after
 * waiting for it to finish, at most timeout_ns), -ETIMEDOUT with *stuck_pid set when one did not
 * leave within timeout_ns (the world runs again), VL_E_BROKEN. Dead stoppers are replaced. self is
 * CORE_OUT or CORE_BLOCKED. */
int world_stop(struct participant *self, u64 timeout_ns, u32 *stuck_pid);
void world_start(struct participant *self);

/* hdr->stop once the segment is broken: nobody enters any more. */
#define STOP_BROKEN UINT32_MAX

#endif
