/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_mm.h: what the walk over an mm (walk_mm.c), the look at what is wrong there
 * (walk_mm_find.c) and its repair (walk_mm_repair.c) share.
 *
 * The walk asks find_* about each thing that it comes to. These change nothing: they take a const
 * walk, report, and answer with what is wrong, as bits. In a recovery the walk hands the answer to
 * the repair_* of the same thing. fsck only finds.
 */
#ifndef VMALAB_WALK_MM_H
#define VMALAB_WALK_MM_H

#include "walk.h"

enum wrong {
	/* a slot of the mm table */
	WRONG_PIN = 1 << 0,   /* pinned by nobody */
	WRONG_COUNT = 1 << 1, /* mm_count, and nobody pins */
	WRONG_MAKER = 1 << 2, /* not finished, and its maker or destroyer is gone */
	/* a VMA of the tree */
	WRONG_RANGE = 1 << 3,    /* not the tree's */
	WRONG_DETACHED = 1 << 4, /* detached, and in the tree */
	WRONG_STAMP = 1 << 5,    /* a stamp that the sequence has not passed */
	WRONG_UFFD = 1 << 6,     /* flags and context of userfaultfd do not fit, or it is closing */
	/* a page-table entry */
	WRONG_PLACE = 1 << 7,  /* outside all VMAs: an unmap that was published and not finished */
	WRONG_CUT = 1 << 8,    /* its page has left its file: the same of a truncation or hole */
	WRONG_RIGHTS = 1 << 9, /* busy, or writable where its VMA is not */
	/* an mm */
	WRONG_UFFD_OBJECT = 1 << 10, /* a userfaultfd is half closed */
	WRONG_USERS = 1 << 11,       /* users are not the leases of the living */
	/* a file */
	WRONG_CUTTER = 1 << 12, /* pages are cut by nobody */
	/* what no repair knows: bounds, mm, totals, flags; the last are set from the walk anyway */
	WRONG_ELSE = 1 << 13,
};

/* walk_mm_find.c. writer: index + 1 of who writes to it, and lives. */
u32 find_in_slot(const struct walk *w, const struct mm_struct *mm, u32 index, u32 writer);
u32 find_in_mm(const struct walk *w, u32 index, u32 writer);
u32 find_in_vma(const struct walk *w, const struct range_entry *e,
		const struct vm_area_struct *vma);
/* vma: the one that covers addr, or NULL. */
u32 find_in_pte(const struct walk *w, const struct vm_area_struct *vma, pte_t pte, u64 addr);
u32 find_in_file(const struct walk *w, const struct file *file, u32 index);
void find_beyond_end(const struct walk *w, u64 addr);
bool pte_left_file(const struct walk *w, const struct vm_area_struct *vma, pte_t pte, u64 addr);
/* A slot that is not finished: nothing is in it, or nothing that counts. */
bool mm_unfinished(const struct mm_struct *mm);
u32 leases_of(const struct walk *w, u32 index, u64 generation);

/* walk_mm_repair.c. wrong: what find_* has answered. */
void repair_slot(const struct walk *w, struct mm_struct *mm, u32 wrong);
/* Before the walk over it, and after. */
void repair_mm_begin(const struct walk *w, u32 writer);
void repair_mm(const struct walk *w, u32 index, u32 writer, u32 wrong);
void repair_vma(const struct walk *w, const struct range_entry *e, struct vm_area_struct *vma,
		u32 wrong);
/* False: the entry is gone. */
bool repair_pte(const struct walk *w, const struct vm_area_struct *vma, pte_t *pte, u32 wrong);
/* Of an mm whose writer lives; vma as above. */
bool repair_pte_of_busy(const struct walk *w, const struct vm_area_struct *vma, pte_t *pte,
			u64 addr);
void repair_file(struct file *file, u32 wrong);

/* walk_mm.c. One entry (a pte_fn of pgd_check); what the walk over an mm begins with. */
void walk_pte(void *arg, pte_t *pte, u64 addr);
void walk_begin_mm(struct walk *w, struct mm_struct *mm, u32 index, u32 writer);

/* walk_mend.c. In a recovery, after the tree and the tables of w->mm: its entries. stamp: what a
 * dead writer stamped VMAs with, or 0. */
void mend_mm(struct walk *w, u32 index, u32 stamp);
/* A dead one had the lock of that file: the recovery has it until mend_files() says that all is
 * done. */
void mend_file_begin(struct file *file);
/* In a recovery, after mms and files. */
void mend_files(struct walk *w);
/* A part of what is left: of page caches, then of the next mm from *index on. False: nothing is. */
bool mend_step(struct walk *w, u32 *index);

#endif
