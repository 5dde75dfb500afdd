/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mm.h (mm): mm_struct, files, and how both are found.
 *
 * An mm lives in a slot of the mm table. The slot, with its mmap_lock, is never unmapped or
 * re-initialised, so whoever has a stale id may take the lock and must then compare the id (as a
 * reader of a typesafe object does). The id holds the slot's generation (lives.h); 0 is none.
 *
 * mm.state:
 *   MM_FREE     -> MM_BUILDING by mm_alloc (slots lock)
 *   MM_BUILDING -> MM_LIVE by its maker; a dead maker leaves it: recovery tears it down
 *   MM_LIVE     -> MM_EXITING by exit_mmap (mmap_lock write); a dead exiter: as a dead maker
 *                  with exec_to set: recovery also makes live the mm that is named there
 *   MM_EXITING  -> MM_PINNED by mm_free (slots lock)
 *   MM_PINNED   -> MM_FREE by the last mmdrop; nobody pins while the world is stopped, so recovery
 *                  frees it
 */
#ifndef VMALAB_MM_H
#define VMALAB_MM_H

#include "vmalab/caches.h"
#include "vmalab/events.h"
#include "vmalab/recount.h"
#include "vmalab/seqcount.h"
#include "vmalab/slab.h"
#include "vmalab/stats.h"
#include "vmalab/tree.h"
#include "vmalab/vma.h"

enum mm_state { MM_FREE = 0, MM_BUILDING = 1, MM_LIVE = 2, MM_EXITING = 3, MM_PINNED = 4 };

struct mm_struct {
	/* line 0: what a fault with a cached lookup reads (cached_lookup.h); the tree is elsewhere,
	 * or each of its changes would take this line away from faults that do not walk */
	u64 id;    /* life_id of generation and slot index; 0 when free */
	u32 state; /* enum mm_state */
	u32 users; /* leases; truth is in the participants' areas */
	u64 mmap_base;
	struct pgd pgd;
	struct seqcount mm_lock_seq; /* odd while mmap_lock is held for writing */
	u16 builder;                 /* participant index + 1 while MM_BUILDING or MM_EXITING */
	u16 options;                 /* MM_* */
	u64 generation;              /* never set back */
	u64 keep_until_ns;           /* CLOCK_MONOTONIC; the mm lives at least until then */
	/* line 1: the lock */
	struct rw_semaphore mmap_lock __cacheline_aligned;
	struct vl_mutex page_table_lock; /* guards anon_vma NULL -> set */
	u32 mm_count;                    /* 1 for its life, + who pins the slot (mmgrab) */
	u32 vma_writer_wait;             /* futex of the writer that waits for readers of a VMA */
	u32 vma_writer_waits;            /* 1: it may sleep; a hint */
	u64 exec_to; /* MM_EXITING by exec: the mm that its process goes on in; op_exec.c */
	/* line 2: the tree, accounting and layout, mmap_lock write */
	struct range_tree mm_mt __cacheline_aligned;
	u32 map_count;
	u32 map_count_max;
	u64 total_vm; /* pages */
	u64 data_vm;
	u64 locked_vm;
	u64 start_brk;
	u64 brk;
	u32 def_flags; /* VM_* of new areas, all of them below bit 32 */
	u32 pkeys;     /* pkeys.h */
	/* line 3: limits, mmap_lock write */
	u64 stack_limit __cacheline_aligned; /* RLIMIT_* in bytes */
	u64 as_limit;
	u64 data_limit;
	u64 memlock_limit;
	u64 commit_limit_pages; /* what may be promised; limits.c */
	u64 accounted;          /* pages of its VM_ACCOUNT areas */
	u64 stack_top;
	u32 pkru;    /* pkeys.h */
	u32 account; /* who pays for it and what is in it; set before it is seen (account.h) */
} __cacheline_aligned;
SIZE_IS(struct mm_struct, MM_SLOT_BYTES);

/* What no fault and no lock reads lies aside, so that an mm is found by a shift: its userfaultfd
 * objects (uffd.h), and where it comes from. */
#define UFFDS_MAX  16
#define UFFD_STATE 0xffull /* of a word; above it a serial number, never set back */
struct mm_aside {
	u32 frames;    /* what is charged to the slot: resident.h */
	u32 recounted; /* the same, of entries in tables that are counted (recount.h) */
	u32 shared;    /* other accounts may use it too (owner.c) */
	/* recovery/walk_mend.c; the world is stopped */
	u32 mending;    /* 1: recovery has mmap_lock for reading until all entries are put right */
	u64 exec_from;  /* the mm that it was before exec, or 0 */
	u64 mend_at;    /* the rest of the entries begins there */
	u32 mend_stamp; /* what a dead writer stamped VMAs with, or 0 */
	u32 pad0;
	u64 uffds[UFFDS_MAX];
	u32 pad[6];
} __cacheline_aligned;
SIZE_IS(struct mm_aside, MM_ASIDE_BYTES);
_Static_assert(offsetof(struct mm_aside, frames) == 0, "account.h:mm_frames_word");
_Static_assert(offsetof(struct mm_aside, recounted) == 4, "account.h:mm_recounted_word");

/* What the process behind an mm may do, and how its kernel was set up. */
#define MM_CAP_IPC_LOCK       0x1u
#define MM_CAP_SYS_RAWIO      0x2u
#define MM_CAP_SYS_ADMIN      0x4u
#define MM_ANON_NAMES         0x8u   /* CONFIG_ANON_VMA_NAME */
#define MM_OVERCOMMIT_ALWAYS  0x10u  /* vm.overcommit_memory 1; with neither bit 0 */
#define MM_OVERCOMMIT_NEVER   0x20u  /* vm.overcommit_memory 2 */
#define MM_THP_DISABLE        0x40u  /* PR_SET_THP_DISABLE */
#define MM_THP_EXCEPT_ADVISED 0x80u  /* PR_THP_DISABLE_EXCEPT_ADVISED */
#define MM_REFUSE_EXEC_GAIN   0x100u /* PR_SET_MDWE */
#define MM_MDWE_NO_INHERIT    0x200u
#define MM_CAPS_ALL           (MM_CAP_IPC_LOCK | MM_CAP_SYS_RAWIO | MM_CAP_SYS_ADMIN)

#define FILE_NAME_MAX  192
#define FILE_OPENS_MAX (1u << 31) /* leaves refs room for all VMAs that fit into a segment */
#define FILE_PAGES_MAX (1ul << 35)
#define SHMEM_DEV      1ul /* 00:01, where the kernel keeps shared memory */
/* file.state (FILE_*): free; in use; closed: without references, its pages are on their way out.
 * Page cache: a page table keyed by file offset whose leaf entries
 * name frames. Files of memory (VMA_SHMEM) that were opened have a name by which they are found
 * again; anonymous shared memory has none. How pages leave a file: op_file.c. */
#define FILE_USED   1u
#define FILE_CLOSED 2u
struct file {
	u32 state;
	u8 kind; /* enum vma_ops: VMA_FILE, VMA_SHMEM (anonymous shared memory) or VMA_SPECIAL */
	u8 accounted; /* shared memory whose size counts as promised */
	u16 index;
	u64 generation; /* never set back */
	u64 dev;
	u64 ino;
	u64 size; /* bytes; once mapped, changed with the lock held for writing */
	struct pgd cache;
	u32 refs; /* VMAs that map it, and opens; recounted by recovery */
	char name[FILE_NAME_MAX];
	struct rw_semaphore lock __cacheline_aligned; /* size and holes; survives the file */
	u64 cut_from; /* pages that are leaving the mappings now: [cut_from, cut_to) */
	u64 cut_to;
	u32 cut_even_cows; /* with the private copies */
	u8 seals;          /* F_SEAL_*; changed with the lock held for writing */
	u8 seals_coming;   /* bind who maps already, until a mapping is found that forbids them */
	u8 seals_refused;  /* a fork copied such a mapping meanwhile (op_seal.c) */
	u8 named;
	/* file_open minus file_close, at most FILE_OPENS_MAX; above OPENS_SHIFT those among them
	 * that last as long as the lease. One word: a death leaves both or neither. */
	u64 opens __cacheline_aligned;
	u64 keep_until_ns; /* the lease: atomic max */
	u32 shared;        /* other accounts may use it too */
	u16 account;       /* who pays for its pages (account.h) */
	u16 releaser;      /* FILE_CLOSED: participant index + 1 */
	u16 closed_next;   /* FILE_CLOSED: number of the next one of its releaser, or 0 */
	u16 mending;       /* 1: recovery has the lock for reading until its pages are cut */
	u64 mend_at;       /* an offset in the page cache: what is before is done */
} __cacheline_aligned;
SIZE_IS(struct file, FILE_SLOT_BYTES);
#define OPENS_SHIFT 32
static inline u32 file_opens(const struct file *file)
{
	return (u32)file->opens;
}
static inline u32 file_opens_leased(const struct file *file)
{
	return (u32)(file->opens >> OPENS_SHIFT);
}

#define MMAP_BASE_DEFAULT   0x7ffff7fff000ul
#define STACK_LIMIT_DEFAULT (8ul << 20)
#define LIMIT_INFINITY      (~0ul)
#define STACK_GUARD_GAP     (256ul << PAGE_SHIFT)
/* Below it no hint leads and no stack grows (CONFIG_LSM_MMAP_MIN_ADDR); below vm.mmap_min_addr,
 * which may be more, only who has CAP_SYS_RAWIO may map. (kernel: mmap_min_addr,
 * dac_mmap_min_addr) */
#define MMAP_MIN_HINT 0x10000ul
static inline u64 mmap_min_hint(const struct vl_seg *seg)
{
	return max_u64(MMAP_MIN_HINT, seg->hdr->config.mmap_min_addr);
}

static inline struct mm_struct *mm_table(const struct vl_seg *seg)
{
	return seg->mms;
}
static inline struct mm_aside *mm_aside(const struct vl_seg *seg, const struct mm_struct *mm)
{
	struct mm_aside *table = (struct mm_aside *)(seg->mms + seg->hdr->config.mms_max);

	return &table[mm - seg->mms];
}
static inline u32 mm_is_shared(const struct vl_seg *seg, const struct mm_struct *mm)
{
	return load_relaxed_u32(&mm_aside(seg, mm)->shared); /* relaxed: set once, for good */
}
static inline u64 *mm_uffds(const struct vl_seg *seg, const struct mm_struct *mm)
{
	return mm_aside(seg, mm)->uffds;
}
static inline struct file *file_table(const struct vl_seg *seg)
{
	return (struct file *)(seg->base + seg->hdr->regions[REGION_FILES].off);
}
static inline u32 mm_index(u64 id)
{
	return life_slot(id);
}

/* The slot that id names, if the id is that of its present life. The answer may be stale at once;
 * see the head. */
static inline struct mm_struct *mm_find_in(struct mm_struct *mms, u32 count, u64 id)
{
	u32 index = mm_index(id);

	if (unlikely(id == 0 || index >= count))
		return NULL;
	/* acquire: a new life's fields are seen whole. pairs: MM-1 (mm.c:mm_publish) */
	return likely(load_acquire_u64(&mms[index].id) == id) ? mms + index : NULL;
}
static inline struct mm_struct *mm_find(const struct vl_seg *seg, u64 id)
{
	return mm_find_in(seg->mms, seg->mms_count, id);
}
/* The slot of an id that was found before: of its life or a later one. */
static inline struct mm_struct *mm_slot(const struct participant *self, u64 id)
{
	return self->mms + mm_index(id);
}
static inline struct mm_struct *mm_find_self(const struct participant *self, u64 id)
{
	return mm_find_in(self->mms, self->mms_count, id);
}

/* mmap_lock with mm_lock_seq and identity: 0, or VL_S_NO_MM when the mm is gone. */
int mmap_read_lock(struct participant *self, struct mm_struct *mm, u64 id);
int mmap_write_lock(struct participant *self, struct mm_struct *mm, u64 id);
void mmap_write_unlock(struct participant *self, struct mm_struct *mm);
void mmap_write_downgrade(struct participant *self, struct mm_struct *mm);
static inline bool mmap_read_trylock(struct participant *self, struct mm_struct *mm)
{
	bool taken = down_read_trylock(self, &mm->mmap_lock, HOLD_MMAP);

	STEP(mmap_tried, mm);
	return taken;
}
static inline void mmap_read_unlock(struct participant *self, struct mm_struct *mm)
{
	event_lock(self, EVENT_GIVEN, EVENT_LOCK_MMAP_READ, &mm->mmap_lock);
	up_read(self, &mm->mmap_lock, HOLD_MMAP);
	STEP(mmap_left, mm);
}

/* mm.c */
/* MM_BUILDING, of that account. NULL, and noted (limit_note): the table is full, or the quota is
 * used up. */
struct mm_struct *mm_alloc(struct participant *self, u32 account);
/* As pte_alloc wants it. */
static inline u64 mm_table_owner(const struct participant *self, const struct mm_struct *mm)
{
	return table_owner((u32)(mm - self->mms) + 1, mm->account);
}
void mm_publish(struct participant *self, struct mm_struct *mm);
void mm_free(struct participant *self, struct mm_struct *mm);
/* Keeps the slot from being given to another mm; short, nothing in between blocks. (kernel: mmgrab,
 * mmdrop) */
void mmgrab(struct mm_struct *mm);
void mmdrop(struct participant *self, struct mm_struct *mm);
int mm_lease_get(struct participant *self, u64 id);
int mm_lease_put(struct participant *self, u64 id);
int mm_keep(struct participant *self, u64 id, u64 ttl_ns);
int mm_reap(struct participant *self);
int exit_mmap(struct participant *self, u64 id); /* 0 or VL_S_NO_MM */
void exit_mmap_locked(struct participant *self, struct mm_struct *mm);
/* mmap_lock is held for writing. With next, an mm that is built, its process goes on there: the
 * store of mm.state is the moment. */
void exit_mmap_into(struct participant *self, struct mm_struct *mm, struct mm_struct *next);
u64 now_ns(void);

void mmap_write_lock_nested(struct participant *self, struct mm_struct *mm);
void mmap_write_unlock_nested(struct participant *self, struct mm_struct *mm);
u64 mm_future_id(const struct vl_seg *seg, const struct mm_struct *mm);
/* Takes the pages away. Guards stay where the area stays (madvise), and go where it goes. may_stop:
 * passes safe points (safe_point.h); the second always does. */
u64 zap_page_range(struct participant *self, struct mm_struct *mm, u64 start, u64 end,
		   bool may_stop);
u64 zap_pages_only(struct participant *self, struct mm_struct *mm, const struct vm_area_struct *vma,
		   u64 start, u64 end);
void vma_close(struct participant *self, struct vm_area_struct *vma);

/* limits.c */
void mm_account(struct mm_struct *mm, u64 flags, s64 pages);
/* Has the account room for n more VMAs of this mm? If not, noted. */
static inline bool vmas_may_grow(struct participant *self, const struct mm_struct *mm, u32 n)
{
	return likely(mm->account == 0) || account_room(self, mm->account, CHARGE_VMAS, n);
}
/* map_count changes by n, and what the account is charged. */
static inline void vmas_count(struct participant *self, struct mm_struct *mm, s64 n)
{
	mm->map_count += (u32)n;
	account_add(self, mm->account, CHARGE_VMAS, n);
}
bool may_expand_vm(const struct mm_struct *mm, u64 flags, u64 pages);
bool mlock_future_ok(const struct mm_struct *mm, u64 flags, u64 bytes);
/* May so many more pages be promised? pages may be negative. (kernel: __vm_enough_memory) */
bool vm_enough_memory(const struct participant *self, const struct mm_struct *mm, s64 pages);
/* As the instance is set up. */
void limits_init(struct mm_struct *mm, const struct vl_config *config);
/* What fork and exec take along: limits, capabilities, the settings of overcommit. The mmap_lock of
 * both is held. */
void limits_inherit(struct mm_struct *mm, const struct mm_struct *from);

/* file.c */
/* At the end of whatever may have closed files; outside all locks. Passes safe points. */
void files_release_slow(struct participant *self);
static inline void files_release(struct participant *self)
{
	if (unlikely(self->files_closed))
		files_release_slow(self);
}
/* Shared memory: anonymous, of memfd_create, or a file of tmpfs as far as device and name tell. */
bool file_is_shmem(const struct file *file);
/* A file is named to the world by its id (a life, lives.h), and here by its number: slot + 1, which
 * cannot become another file's while a reference is held, as each VMA holds one. */
struct file *file_find(const struct vl_seg *seg, u64 id);    /* NULL: no such file */
struct file *file_get(const struct vl_seg *seg, u32 number); /* of one that is referenced */
struct file *file_open(struct participant *self, u64 dev, u64 ino, u64 size, const char *name,
		       u32 kind, u32 account, u64 ttl_ns);
int file_close(struct participant *self, u64 id);
int file_keep(struct participant *self, u64 id, u64 ttl_ns); /* the lease is at least ttl_ns */
int file_give_up(struct participant *self, u64 id);          /* file_close of a leased open */
int file_reap(struct participant *self); /* closes the opens of leases that are over; files */
u64 file_id(const struct file *file);
u32 file_number(const struct file *file);
/* The file is at least that long: some mapping of it was seen. */
void file_cover(struct file *file, u64 size);
void file_map(struct participant *self, u32 number);   /* one more VMA maps it */
void file_unmap(struct participant *self, u32 number); /* a VMA no longer maps it */
/* Keeps a file while the caller may block: recovery counts the pin if the caller lives. place:
 * below FILE_PINS. NULL: no such file. The second: one that is referenced. */
struct file *file_pin(struct participant *self, u64 id, u32 place);
void file_pin_number(struct participant *self, u32 number, u32 place);
void file_unpin(struct participant *self, u32 place);
/* The reference of a file just made becomes a pin; a pin becomes the reference of a VMA. */
void file_pin_made(struct participant *self, u32 number, u32 place);
void file_pin_moved(struct participant *self, u32 place);
/* The page-cache frame of a page (made on demand), FRAME_NONE when past the end (*sigbus) or out of
 * frames. */
u32 file_page(struct participant *self, struct file *file, u64 pgoff, bool *sigbus);
#define READ_AHEAD_PAGES 32 /* 128 KiB, as read_ahead_kb by default */
/* Brings in the pages [pgoff, end) of a file on disk, as far as it has them. */
void file_read_ahead(struct participant *self, struct file *file, u64 pgoff, u64 end);
/* The same for fallocate: the page is there, and not resident before somebody has looked at it.
 * (kernel: not uptodate) */
u32 file_page_allocate(struct participant *self, struct file *file, u64 pgoff, bool *sigbus);
/* What file_page gave is still the file's page: its end and its holes have not passed it. Asked
 * after an entry was made of it. */
bool file_page_current(const struct vl_seg *seg, const struct file *file, u64 pgoff, u32 frame);
/* The same of a page that is there already: FRAME_NONE when it is not, or past the end. */
u32 file_page_find(const struct vl_seg *seg, const struct file *file, u64 pgoff);
/* A page with that word where there is none: its frame, or 0 and in *err -EEXIST, -EFAULT (past the
 * end), -ENOMEM. */
u32 file_page_add(struct participant *self, struct file *file, u64 pgoff, u64 word, int *err);
/* Takes that page out again, of whoever it is by now. */
void file_page_remove(struct participant *self, struct file *file, u64 pgoff, u32 frame);
bool file_beyond_end(const struct file *file, u64 pgoff);
bool file_page_resident(const struct vl_seg *seg, const struct file *file, u64 pgoff);

#endif
