/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_def.h (segment): page descriptors and the descriptors of kmem_caches, which lie in the
 * segment's header; slab.h has what is done with them.
 *
 * A page descriptor is the truth about its page: kind, order, owner, and for a slab page the
 * bitmap of free objects. No free pointer exists in an object, so nothing that a stale reader of
 * a SLAB_TYPESAFE_BY_RCU object reads is ever overlaid. Lists and hints can be rebuilt from the
 * descriptors; that is how a dead owner of a lock is survived.
 */
#ifndef VMALAB_SLAB_DEF_H
#define VMALAB_SLAB_DEF_H

#include "vmalab/mutex.h"

#define KMEM_CACHES_MAX 16

enum page_kind {
	PAGE_FREE = 0,
	PAGE_TAKEN = 1,   /* out of the pool, not yet in use: owner says whose */
	PAGE_CACHED = 2,  /* in the owner's page magazine */
	PAGE_SLAB = 3,    /* head of a slab; following pages of the order are PAGE_TAIL */
	PAGE_TAIL = 4,    /* owner is the page index of the head */
	PAGE_TABLE = 5,   /* page table page */
	PAGE_RETIRED = 6, /* empty typesafe slab that waits for its grace period */
};

struct page_desc {
	u8 kind; /* enum page_kind; written last when a page changes hands */
	u8 order;
	u8 cache;   /* PAGE_SLAB: index in hdr->caches */
	u8 on_list; /* PAGE_SLAB: on its cache's partial list */
	u32 owner;  /* participant index + 1: TAKEN, CACHED; mm index + 1: TABLE; head: TAIL */
	u32 next;   /* partial list, page index + 1 */
	u32 prev;
	u64 free[2]; /* PAGE_SLAB: bit set = object free (not in a magazine, not used) */
	u64 used[2]; /* bit set = object was handed out at least once (reuse statistics) */
	u32 account; /* TABLE: what it is charged to */
	u32 level;   /* TABLE: 0 has the entries that name frames */
	u64 counted; /* TABLE of level 0: the recount that has counted its entries (recount.h) */
} __cacheline_aligned;
SIZE_IS(struct page_desc, 64);

struct kmem_cache {
	/* line 0: written once */
	char name[32];
	u32 object_bytes; /* as asked */
	u32 slot_bytes;   /* distance between objects */
	u32 align;
	u32 flags;
	u32 objs_per_slab;
	u32 order; /* pages per slab = 1 << order */
	u32 ctor;  /* index in the process-local constructor table, 0 none */
	u32 index;
	/* line 1: under the lock */
	u32 alive;            /* written once */
	struct vl_mutex lock; /* partial list and bitmaps of its slabs */
	u32 partial_head;     /* page index + 1 */
	u32 empty_slabs;      /* fully free slabs on the list */
	u64 slabs;            /* slab pages in being */
	u64 slabs_made;
	u64 slabs_given_back;
	u64 gone_allocs; /* of participants that left; relaxed adds */
	u64 gone_frees;
	u64 gone_firsts;
} __cacheline_aligned;
SIZE_IS(struct kmem_cache, 128);

#endif
