/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk.h: the walker: one pass over everything that is published, which either reports (fsck)
 * or repairs (recovery).
 *
 * The world is stopped. What is reachable is marked in private memory; what is derived is compared
 * with the truth (DESIGN.md, section 3) and, with repair, set from it; what is allocated and not
 * marked is a leak, and with repair is freed.
 */
#ifndef VMALAB_WALK_H
#define VMALAB_WALK_H

#include "vmalab/mm.h"
#include "vmalab/recover.h"

#define STOP_TIMEOUT_NS 5000000000ull /* how long the living may take to leave the core */
#define MARK_GRANULE    32            /* smallest distance between two slab objects */

struct anon_counts {
	u32 degree, active, children;
};

/* Complaints, a line each. */
struct walk_report {
	char *text;
	u64 text_cap, text_bytes, complaints;
};

struct walk {
	struct participant *self;
	struct vl_seg *seg;
	const struct dead_set *dead; /* decided once, when the world had stopped */
	bool repair;
	struct walk_report *report; /* NULL: nobody reads complaints */
	u64 *marks;                 /* a bit per granule of the page region */
	u8 *pages_marked;           /* a byte per page of the page region */
	u32 *frame_refs;            /* per frame: references found; NULL in a recovery */
	u32 *mm_frames;             /* per mm slot: entries that name a frame; NULL likewise */
	u8 *frame_reserved;         /* per frame: in a living magazine or retire ring */
	u32 *file_refs;             /* per file: VMAs found */
	struct anon_counts *anon;   /* per granule: for anon_vmas (counts) and names (degree) */
	struct vl_recovery *out;    /* may be NULL */
	bool dropped;               /* a file, whose pages and tables are marked already */
	int err;                    /* the sweep had no memory: nothing may be buried */
	/* a recovery: the locks that the dead announce (walk_scope.c) */
	vl_ref *touched;
	u32 touched_count;
	bool scope_files; /* one of them is of a file, or a file is being mended */
	/* the mm being walked */
	struct mm_struct *mm;
	u64 mm_id;
	bool mm_scope; /* its entries are looked at */
	bool mm_busy;  /* a living writer is in the middle of an operation: mark, do not judge */
	struct mm_struct counted; /* its totals, as the VMAs' ranges and flags say */
	u32 mm_vmas;
	u32 entries;             /* that name a frame, so far */
	struct range_entry last; /* the VMA that covered the previous page-table entry */
};

int walk_begin(struct walk *w, struct participant *self, const struct dead_set *dead, bool repair,
	       struct walk_report *report, struct vl_recovery *out);
void walk_end(struct walk *w);
/* Everything, in order: locks, mms, files, participants, then the sweep and the accounts. */
void walk_all(struct walk *w);

/* recover_small.c: what is left of the dead, at most. */
enum remains {
	REMAINS_ITS_OWN,  /* what their areas have, and locks of library users */
	REMAINS_LOCKS,    /* and the locks of a fault */
	REMAINS_ANYTHING, /* the whole segment must be walked */
};
/* recover.c: as world_stop; waits for another one that stops the world for the same reason. */
int stop_for_us(struct participant *self, u32 *stuck_pid);

enum remains dead_remains(const struct vl_seg *seg, const struct dead_set *dead);
/* Not of REMAINS_ANYTHING. */
void repair_small(struct participant *self, const struct dead_set *dead, enum remains remains,
		  struct vl_recovery *out);

/* recover.c: is one of them there of whom there is something to repair? */
bool dead_to_repair(const struct vl_seg *seg, const struct dead_set *dead);
/* recover_frames.c */
u64 thread_cpu_ns(void);
/* recover_frames.c: slices until recovery holds no lock any more. */
int recover_mend(struct participant *self, struct vl_recovery *out);
void recount_register(void);
/* reclaim.c */
void reclaim_register(void);

/* walk_scope.c. A recovery looks at the entries of what has been touched by the dead. */
int scope_begin(struct walk *w); /* 0 or -ENOMEM */
bool scope_has_mm(const struct walk *w, const struct mm_struct *mm);
bool scope_has_vma(const struct walk *w, const struct vm_area_struct *vma);
void repair_moves(const struct walk *w);

void complain(const struct walk *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool walk_mark(struct walk *w, u32 cache, vl_ref ref,
	       const char *what); /* false: not an object, or already marked */
bool walk_marked(const struct walk *w, vl_ref ref);
u64 walk_granule(const struct walk *w, vl_ref ref);
/* The living participants' announcements of one lock (a rw_semaphore; a VMA, in the refcount
 * model): how many hold it for reading, and index + 1 of who holds it for writing. */
void walk_announced(const struct walk *w, const void *lock, u32 *readers, u32 *writer);

/* walk_lock.c: all locks, or those of a kind: of the tables of mms and files and of library users;
 * of one mm; of library users; of the VMAs in a range of pages. */
void walk_locks(const struct walk *w);
void walk_table_locks(const struct walk *w);
void walk_mm_lock(const struct walk *w, u32 index);
void walk_file_lock(const struct walk *w, u32 index);
void walk_user_locks(const struct walk *w);
void walk_vma_locks(const struct walk *w, u32 from, u32 to);

/* walk_exec.c, walk_mm.c, walk_sweep.c, walk_account.c */
void repair_execs(const struct walk *w);
void walk_mms(struct walk *w);
/* Parts of it, for a walk in slices. The page tables from *at on, at most so many leaf tables; *at
 * moves to where the rest begins, or to PGTABLE_END. */
void walk_mm_tree(struct walk *w, u32 index);
void walk_mm_tables(struct walk *w, u32 index, u64 *at, u32 tables);
void walk_file(struct walk *w, u32 index, u64 *at, u32 tables);
void walk_vma_objects(struct walk *w, vl_ref ref);
void walk_files(struct walk *w);
void walk_participants(struct walk *w);
void walk_barns(struct walk *w);                      /* what the caches keep in whole sheaves */
void walk_free_vma(const struct walk *w, vl_ref ref); /* of a VMA that is free */
void walk_participant(struct walk *w, u32 index);
void walk_sweep(struct walk *w);
/* Pages in a range that were taken from the pool by one that is dead. */
void walk_lost_pages(const struct walk *w, u32 from, u32 to);
void walk_accounts(struct walk *w);

#endif
