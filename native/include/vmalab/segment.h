/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.h (segment): the shared-memory segment: header, region table, growth.
 *
 * Memory map (all offsets in the header's region table, each region page aligned):
 *
 *   header | participant slots | participant areas | rings of events | mm table | file table |
 *   page descriptors | frames | pages
 *
 * The file is sparse: regions get memory when seg_populate() takes it with fallocate(), so that a
 * full /dev/shm is an error code and never a SIGBUS.
 */
#ifndef VMALAB_SEGMENT_H
#define VMALAB_SEGMENT_H

#include "vmalab/base.h"
#include "vmalab/lab.h"
#include "vmalab/lives.h"
#include "vmalab/slab_def.h"

#define VL_MAGIC       0x62616c616d76ull /* "vmalab" */
#define VL_ABI_VERSION 3u
#define VL_NAME_MAX    64
#define VL_BROKEN_MAX  128
#define VL_USER_RWSEMS 64 /* locks for library users */

enum vl_region_id {
	REGION_HEADER,
	REGION_SLOTS,
	REGION_AREAS,
	REGION_EVENTS,
	REGION_MMS,
	REGION_FILES,
#ifdef VL_LAB
	REGION_LAB,
#endif
	REGION_PAGE_DESCS,
	REGION_FRAMES,
	REGION_PAGES,
	REGIONS_COUNT
};

struct vl_region {
	u64 off;
	u64 len;
};

enum vl_seg_state { SEG_BUILDING = 0, SEG_READY = 1, SEG_BROKEN = 2, SEG_CLOSING = 3 };
/* How a fault finds its VMA: by a walk of the tree, as the kernel does, or by cached_lookup.h. */
enum vl_lookup { LOOKUP_WALK = 0, LOOKUP_CACHE = 1 };
/* refcount: how a writer waits for the readers of a VMA: it sleeps at once, as rcuwait does, or
 * looks at the word for some turns before. */
enum vl_writer_wait { WRITER_SLEEPS = 0, WRITER_SPINS = 1 };
/* How VMAs are made and freed; docs/slab.md says what each is. */
enum vl_slab_ctor { SLAB_CTOR_MODEL = 0, SLAB_CTOR_PAGE = 1, SLAB_CTOR_ALLOC = 2 };
enum vl_slab_reset { SLAB_RESET_ALLOC = 0, SLAB_RESET_FREE = 1 };
enum vl_slab_freeptr { SLAB_FREEPTR_NONE = 0, SLAB_FREEPTR_OUTSIDE = 1, SLAB_FREEPTR_OVERLAID = 2 };
enum vl_rcu_flavour { RCU_AUTO = 0, RCU_MEMBARRIER = 1, RCU_FENCED = 2 };

struct vl_config {
	u64 size_bytes;
	u32 mms_max;
	u32 participants_max;
	u32 frames_max;
	u32 files_max;
	u32 vmas_per_mm_max;
	u32 rcu; /* enum vl_rcu_flavour */
	/* what the emulated machine is like; nobody here asks the real one (machine.py) */
	u32 pkeys;              /* 1: its processor has protection keys */
	u32 overcommit;         /* vm.overcommit_memory */
	u64 commit_limit_pages; /* what may be promised, by it; 0: no limit */
	u64 mmap_min_addr;      /* vm.mmap_min_addr */
	/* what each may have of the whole; 0: of an account half, of an address space all that its
	 * account may */
	u32 tables_per_mm_max;
	u32 frames_per_mm_max;
	u32 account_frames_max;
	u32 account_tables_max;
	u32 account_vmas_max;
	u32 account_files_max;
	u32 account_mms_max;
	u32 lookup;      /* enum vl_lookup */
	u32 writer_wait; /* enum vl_writer_wait */
	/* the slab: of VMAs the first three, of every cache the others */
	u32 slab_ctor;     /* enum vl_slab_ctor: when the lock of a VMA is initialised */
	u32 slab_reset;    /* enum vl_slab_reset: when its fields are cleared */
	u32 slab_freeptr;  /* enum vl_slab_freeptr: where its free pointer is */
	u32 slab_magazine; /* objects that a participant keeps of a cache; 0: MAGAZINE_SIZE */
	u32 slab_barn;     /* 1: each cache keeps full halves of magazines (slab.h) */
	u32 slab_merge;    /* 1: caches that are alike share slabs (slab.h) */
	/* events.h */
	u32 events_off;    /* 1: no participant keeps events */
	u32 sample_faults; /* one fault in so many leaves an event, a power of two; 0: none */
};

/* What a configuration must be for everything to work: each participant keeps some frames and pages
 * for itself, and nobody else can have those. */
#define FRAMES_EACH_MIN   8  /* frames_max for each participant: at most half of them are kept */
#define PAGES_EACH_MIN    32 /* the same of pages: PAGE_MAGAZINE, and slabs */
#define PAGES_MIN         64
#define FRAMES_MAX        (1u << 31) /* FRAME_IN_POOL is the bit above */
#define VMAS_PER_MM_MAX   ((1u << 31) - 1)
#define SAMPLE_FAULTS_MAX (1u << 30)

/* Which field of a configuration is wrong, and what would be right. */
struct vl_config_fault {
	char field[24];
	u64 value;
	u64 least, most;
	u64 multiple;      /* of this; 0: any number */
	char because[128]; /* of other fields; "": always */
};

/* Bytes of one slot of the mm table and of the file table; mm.h asserts that its structs fit. */
#define MM_SLOT_BYTES    256
#define MM_ASIDE_BYTES   192 /* behind all slots, one for each; mm_aside.frames is its first word */
#define FILE_SLOT_BYTES  384
#define PARTICIPANTS_MAX 1024
#define MMS_MAX          4096
#define FILES_MAX        (LIFE_SLOTS - 1) /* a VMA has the number of its file in 16 bits */
#define SEG_SIZE_MAX     (1ull << 36)     /* what a vl_ref reaches */

/* Who pays for what is taken: account.h. An address space pays for CHARGE_MM_FRAMES, an account for
 * all else. */
enum charge {
	CHARGE_FRAMES,
	CHARGE_TABLES,
	CHARGE_MM_FRAMES,
	CHARGE_VMAS,
	CHARGE_FILES,
	CHARGE_MMS,
	CHARGES_COUNT
};
#define CHARGES_STOCKED (CHARGE_MM_FRAMES + 1) /* charged in advance */
#ifndef VL_LAB
#define ACCOUNTS_MAX 512
#else
#define ACCOUNTS_MAX 8
#endif
#define ACCOUNT_NAME_MAX 48
#define ACCOUNT_USED     1u

struct account {
	/* line 0: who it is; slots lock */
	u64 key; /* 0: the instance, whose place is the first */
	u32 state;
	u32 pad;
	char name[ACCOUNT_NAME_MAX];
	/* line 1: numbers, by enum charge */
	u32 charged[CHARGES_COUNT]; /* of CHARGE_MM_FRAMES: 0 */
	u32 refused[CHARGES_COUNT]; /* how often the quota refused */
	u32 pad1[4];
} __cacheline_aligned;
SIZE_IS(struct account, 128);

/* Page pool: state of REGION_PAGES. Authoritative state is in the page descriptors; hints may be
 * rebuilt. */
struct page_pool {
	struct vl_mutex lock;
	u32 pages_total;     /* capacity */
	u32 pages_populated; /* backed by memory so far */
	u32 hint[4];         /* per order: no free run below this index */
	u32 pages_free;      /* free among the populated; hint for statistics */
	u32 pad[8];
};

struct frame_pool {
	struct vl_mutex lock;
	u32 frames_total;
	u32 frames_populated;
	u32 fresh; /* frames from here on were never used */
	u64 pad[6];
};
SIZE_IS(struct frame_pool, 64);

/* Some of the free frames (depot.c). Its second line is nobody's: a processor that fetches pairs of
 * lines brings no other depot. */
#define FRAME_DEPOTS 16
#define FRAMES_CHUNK 8192u /* frames that get memory at a time: 128 KiB */
struct frame_depot {
	struct vl_mutex lock;
	u32 count; /* numbers that are there */
	u64 pad[15];
};
SIZE_IS(struct frame_depot, 128);

/* What a recovery has still to do, in slices, in this order; each stage goes over address spaces,
 * frames or pages by their numbers. */
enum recount_stage {
	RECOUNT_NONE = 0,
	RECOUNT_MEND = 1,   /* entries of address spaces are put right: walk_mend.c */
	RECOUNT_CLEAR = 2,  /* second counts of frames: 0 */
	RECOUNT_TABLES = 3, /* tables are counted; recount_epoch is set from here on */
	RECOUNT_JUDGE = 4,  /* counts of frames become what was found */
};

/* The references of all frames are counted anew, in slices: recount.h. Changes while the world is
 * stopped, but for the charges. */
struct recount {
	u64 last;    /* number of the newest recount; a life (lives.h) */
	u32 stage;   /* enum recount_stage; not RECOUNT_NONE: a recount is due or under way */
	u32 at;      /* the next one of the stage */
	u32 started; /* how often it was begun since the last one that ended */
	u32 pad;
	u32 charged[ACCOUNTS_MAX]; /* RECOUNT_JUDGE: frames below `at`, by account; atomics */
};

struct rcu_state {
	u64 gp_ctr __cacheline_aligned; /* number of the newest grace period; starts at GP_FIRST */
	u64 slabs_gone; /* moves with pages given back by type-safe caches, before their grace
			 * period; a life (lives.h) */
	u64 completed __cacheline_aligned; /* objects retired with tag <= completed may be freed */
	u32 flavour;                       /* enum vl_rcu_flavour, never AUTO */
	u64 stalls;                        /* stall reports so far */
	/* Try-lock of the one who scans. Not beside what each operation reads. */
	struct vl_mutex advance_lock __cacheline_aligned;
};

struct seg_header {
	u64 magic;
	u32 abi;
	u32 state; /* enum vl_seg_state */
	u64 fingerprint;
	u64 size;
	struct vl_config config;
	u32 slots_high; /* highest slot ever used + 1: scans stop here */
	u32 pad;
	u64 clock_namespace; /* whose monotonic clock the times in here are of (life.c) */
	u64 created_ns;      /* CLOCK_REALTIME */
	char name[VL_NAME_MAX];
	char model[32];             /* lock model, "typesafe-rwsem" */
	char layout[32];            /* layout name, "aligned" */
	char broken[VL_BROKEN_MAX]; /* SEG_BROKEN: what the first one found; text */
	struct vl_region regions[REGIONS_COUNT];
	u32 stop __cacheline_aligned; /* futex: 0, or index + 1 of who has stopped the world */
	u32 stop_gen;                 /* how often it was stopped */
	u32 repairing;                /* index + 1 of who repairs; left so: it died meanwhile */
	u32 stuck;                    /* index + 1 of who did not let the last stopper stop it */
	u32 stuck_times;              /* how often, one after the other */
	u64 stuck_progress;           /* what it had counted then */
	u64 stop_again_ns;            /* before this no stopper closes the entry for it again */
	u64 recount_epoch;            /* 0, or the number of the recount that counts tables */
	struct rcu_state rcu;
	struct page_pool pages __cacheline_aligned;
	struct frame_pool frames __cacheline_aligned;
	struct frame_depot frame_depots[FRAME_DEPOTS] __cacheline_aligned;
	struct recount recount __cacheline_aligned;
	struct vl_mutex slots_lock __cacheline_aligned; /* mm table, file table */
	u32 mm_hint;
	u32 file_hint;
	u64 next_ino;         /* inode numbers of shared anonymous memory */
	u64 reclaim_again_ns; /* before this nobody stops the world for a pool (reclaim.c) */
	struct vl_mutex anon_locks[64]; /* by hash of the root anon_vma */
	u8 user_locks[VL_USER_RWSEMS][64]
		__cacheline_aligned; /* rw_semaphores for library users, a line each */
	u64 stats_gone[64];          /* counters of participants that left (stats.h) */
	/* what one account may have; of CHARGE_MM_FRAMES an mm (UINT32_MAX: not counted) */
	u32 account_max[CHARGES_COUNT] __cacheline_aligned;
	u32 tables_per_mm_max; /* what one address space may have */
	struct account accounts[ACCOUNTS_MAX];
	struct kmem_cache caches[KMEM_CACHES_MAX] __cacheline_aligned;
};

/* In REGION_FRAMES behind all frames: a count of each (recount.h), then the numbers that depots
 * have. How many bytes come before these. */
#define FRAME_BYTES   16u
#define RECOUNT_BYTES 4u
static inline u64 frame_numbers_off(u32 frames_max)
{
	return PAGE_ALIGN((u64)frames_max * (FRAME_BYTES + RECOUNT_BYTES));
}

/* Process-local view of a segment. */
struct vl_core;
struct vl_seg {
	u8 *base;
	u64 size;
	int fd;
	u64 file_dev, file_ino; /* of fd: whether it still is this file */
	struct seg_header *hdr;
	struct participant_slot *slots;
	u8 *areas;
	u8 *events; /* event_ring_of */
	struct page_desc *page_descs;
	u8 *pages; /* start of REGION_PAGES */
	struct mm_struct *mms;
	u32 mms_count;
	struct frame *frames;
	u32 fenced;                 /* RCU and stop flavour: 1 = full fences on the read side */
	const struct vl_core *core; /* set by front.c */
};

static inline void *vl_ptr(const struct vl_seg *seg, vl_ref ref)
{
	return seg->base + ((u64)ref << REF_SHIFT);
}

static inline vl_ref vl_ref_of(const struct vl_seg *seg, const void *p)
{
	return (vl_ref)((u64)((const u8 *)p - seg->base) >> REF_SHIFT);
}

/* Can everything be where the header of a file of `size` bytes says? The regions are planned again
 * from the configuration, so none can overlap another or leave the file. Counts and heads of lists
 * are bounded by what they count. 0 or VL_E_DAMAGED. */
int seg_header_check(const struct seg_header *hdr, u64 size);
/* 0, or VL_E_INVALID and what is wrong. */
int seg_config_check(const struct vl_config *config, struct vl_config_fault *fault);
/* Lays out a fresh segment in an open, empty file descriptor: ftruncate, map, header, region table,
 * page and frame pools; slots, mm table, file table and the first frames get memory at once.
 * Caches are created by the caller (vl_seg_create in api.c), who then stores SEG_READY. The
 * descriptor stays the caller's (a duplicate is kept). 0, VL_E_INVALID (configuration out of
 * bounds), VL_E_SPACE (size_bytes is more than the file system has free), VL_E_RCU, VL_E_SYS. */
int seg_format(struct vl_seg *seg, int fd, const char *name, const struct vl_config *config,
	       u64 fingerprint, const char *model, const char *layout);
/* Maps an existing one; each refusal has its own code: VL_E_FOREIGN, VL_E_TRUNCATED, VL_E_ABI,
 * VL_E_FINGERPRINT, VL_E_NOT_READY, VL_E_BROKEN, VL_E_MISSING (it is closing), VL_E_DAMAGED (the
 * header contradicts itself: seg_header_check), VL_E_SYS. */
int seg_map(struct vl_seg *seg, int fd, u64 fingerprint);
/* The same for looking inside after a crash: takes a broken, unfinished or closing one too. */
int seg_map_inspect(struct vl_seg *seg, int fd, u64 fingerprint);
void seg_unmap(struct vl_seg *seg);
/* Marks it broken: nobody enters any more. why: text, cut to VL_BROKEN_MAX. */
void seg_break(struct seg_header *hdr, const char *why);
/* Makes [off, off + len) of the file backed by memory. 0 or -ENOMEM. */
int seg_populate(const struct vl_seg *seg, u64 off, u64 len);

#endif
