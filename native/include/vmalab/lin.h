/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lin.h (front): is a history of concurrent memory operations linearizable? lin.c has the method
 * and lin_spec.c what one operation does to a page; docs/checking.md tells both to a reader.
 *
 * A history is a set of operations on a family: an mm and its descendants by fork, numbered 0 to
 * mms - 1. Their pages are cut into cells of cell_pages; an operation may move a page within a cell
 * only, so the cells can be checked one by one. At the start mm 0 is there and empty, the others
 * are not there.
 */
#ifndef VMALAB_LIN_H
#define VMALAB_LIN_H

#include "vmalab/api.h"

enum vl_lin_kind {
	LIN_READ,     /* a fault that reads: word is what it returned */
	LIN_WRITE,    /* a fault that stores word */
	LIN_MAP,      /* mmap over whatever is there: prot, shared */
	LIN_MAP_NEW,  /* the same where nothing is there, else EXISTS; one page */
	LIN_UNMAP,    /* munmap */
	LIN_PROTECT,  /* mprotect: prot */
	LIN_DONTNEED, /* each page at an instant of its own */
	LIN_TOUCH,    /* changes nothing; every page has to be mapped, else HOLE */
	LIN_POPULATE, /* the same for one page that has to allow prot, else ACCERR */
	LIN_FORK,     /* other: the child */
	LIN_EXIT,
	LIN_MOVE, /* mremap: page first goes to page `to`, over whatever is there */
	LIN_UFFD, /* the word of first goes to the empty page `to`; REFUSED for any reason */
	LIN_MDWE, /* from now on no page becomes executable: mmap and mprotect answer ACCERR */
	LIN_PKEY_PROTECT, /* pkey_mprotect: prot, key */
	LIN_PKEY_ALLOC,   /* key: which one it was */
	LIN_PKEY_FREE,    /* key */
	LIN_KINDS
};

enum vl_lin_answer {
	LIN_OK,
	LIN_NO_MM,
	LIN_MAPERR, /* no VMA */
	LIN_ACCERR, /* a VMA without that right */
	LIN_HOLE,   /* a page of the range is not mapped */
	LIN_EXISTS,
	LIN_REFUSED,
	LIN_STRANGE, /* one that no state allows */
	LIN_PKERR,   /* the page's key, which is key, denies the access */
	LIN_BAD_KEY, /* no key that may be named */
	LIN_NO_KEY,  /* all are taken */
	LIN_ANSWERS
};

#define LIN_MMS_MAX     32
#define LIN_KEYS        16
#define LIN_PAGES_MAX   256 /* pages of a state, and words of shared pages */
#define LIN_ENTRIES_MAX (LIN_PAGES_MAX + LIN_MMS_MAX)
#define LIN_STATES_MAX  8
#define LIN_WORD_BITS   48

struct vl_lin_op {
	u64 begin, end; /* ns; the operation took effect in between */
	u64 word;
	u32 process;
	u8 kind, answer;
	u8 mm, other;
	u8 first, last; /* pages of the family */
	u8 to;
	u8 prot;   /* 1 read, 2 write, 4 exec */
	u8 shared; /* a shared anonymous area */
	u8 key;
	u8 pkru; /* of READ and WRITE. 0: key 0 alone is allowed; else 1 + (k << 2 | r): all
		  * are, but key k has the rights r, 1 no access, 2 no writes */
	u8 pad[1];
};

struct vl_lin_shape {
	u32 mms, pages, cell_pages;
	u32 configs_max; /* orders followed at a time before a cell is given up; 0: a default */
	u32 only;        /* check that cell alone (its number + 1); 0: all */
};

/* A page of a state: flags, its key, and 48 bits of word, or of the number of the shared page. */
#define LIN_PRESENT (1ul << 63) /* the mm is there */
#define LIN_MAPPED  (1ul << 62)
#define LIN_SHARED  (1ul << 61)
#define LIN_W       (1ul << 60)
#define LIN_R       (1ul << 59)
#define LIN_X       (1ul << 58)
#define LIN_REFUSES (1ul << 57) /* the mm had an MDWE: each of its entries says so */
#define LIN_KEY     (15ul << LIN_WORD_BITS)

struct vl_lin_result {
	u64 steps;       /* operations, counted once in each cell that they touch */
	u64 configs;     /* orders followed, summed over the steps */
	u64 configs_max; /* at one time */
	u32 undecided;   /* cells that were given up */
	u32 failed;      /* the rest is about the earliest failure */
	u32 cell;
	u32 entries; /* u64 of a state: a page of each mm, the words of shared pages, and the keys
		      * that are taken in each mm */
	u64 op;      /* with the return of this one no order is left */
	u64 cut;     /* the last instant with one order and nothing under way; 0: the start */
	u32 states;  /* how many states of those reached without op are in state[] */
	u64 at_cut[LIN_ENTRIES_MAX];
	u64 state[LIN_STATES_MAX][LIN_ENTRIES_MAX];
};

/* Checks the cells. 0, whatever the verdict; VL_E_INVALID: shape or an operation is out of bounds
 * (bad: its index); -ENOMEM. */
VL_API int vl_lin_check(const struct vl_lin_op *ops, u64 count, const struct vl_lin_shape *shape,
			struct vl_lin_result *out, u64 *bad);

/* As vl_run, each record with the time before and after it (CLOCK_MONOTONIC, ns). */
struct vl_timed_result {
	s32 status;
	u32 info;
	u64 value;
	u64 begin, end;
};
VL_API long vl_run_timed(struct participant *self, const void *block, u64 block_bytes,
			 struct vl_timed_result *results, u64 results_cap);

#endif
