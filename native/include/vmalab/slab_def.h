/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab_def.h (segment): page descriptors and the descriptors of kmem_caches, which lie in the
 * segment's header; slab.h has what is done with them.
 *
 * A page descriptor is the truth about its page: kind, order, owner, and for a slab page the
 * bitmap of free objects. Lists and hints can be rebuilt from the descriptors; that is how a dead
 * owner of a lock is survived. By default no free pointer exists in an object, so nothing that a
 * stale reader of a SLAB_TYPESAFE_BY_RCU object reads is ever overlaid. A cache with free pointers
 * (freeptr) writes them and checks them, and believes the bitmaps all the same.
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

/* The older half of somebody's magazine, full, for whoever needs one next. (kernel: struct
 * slab_sheaf in a barn, of which each node keeps at most MAX_FULL_SHEAVES) */
#define BARN_MAX  10
#define SHEAF_MAX 32
struct sheaf {
	u32 fresh; /* bit i: objs[i] was never handed out */
	u32 half;  /* bit i: objs[i] starts 8 bytes after its ref */
	vl_ref objs[SHEAF_MAX];
};
SIZE_IS(struct sheaf, 136);

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
	/* line 2 */
	u32 freeptr;   /* 0: none; else the offset of the free pointer in a free object / 8 + 1;
			* written once */
	u32 barn_full; /* full sheaves in the barn; under the lock */
	u32 shares;    /* 0, or index + 1 of the cache whose slabs, magazines and barn it uses: then
			* it is not alive and has none of its own; written once */
	u32 pad0;
	u64 pad[6];
	struct sheaf barn[BARN_MAX]; /* under the lock */
} __cacheline_aligned;
SIZE_IS(struct kmem_cache, 1600);

#endif
