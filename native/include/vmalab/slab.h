/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab.h (memory): page pool and kmem_cache (slab pages, magazines, typesafe reuse).
 *
 * slab_def.h has what a page descriptor and a cache are.
 */
#ifndef VMALAB_SLAB_H
#define VMALAB_SLAB_H

#include "vmalab/participant.h"

#define SLAB_OBJS_MAX  128
#define SLAB_ORDER_MAX 3
#define SLAB_EMPTY_MIN 4 /* so many wholly free slabs are kept before one is given back */

#define SLAB_HWCACHE_ALIGN   0x1u
#define SLAB_TYPESAFE_BY_RCU 0x2u /* objects are reused at once, pages after a grace period */
#define SLAB_ACCOUNT         0x4u /* carried for slabinfo only */
#define SLAB_PANIC           0x8u
#define SLAB_NO_MERGE        0x10u /* its slabs are its own, whatever the instance says */

/* Constructor table: set once per process before attach; runs once per object when its slab page is
 * made. id 1 .. KMEM_CTORS_MAX - 1. */
#define KMEM_CTORS_MAX 16
typedef void (*kmem_ctor)(void *object);
void kmem_ctor_register(u32 id, kmem_ctor fn);

/* Of an instance with slab_merge: a cache that is alike shares the slabs of the first one of its
 * kind, with its magazines and its barn. Its numbers are counted there, and slabinfo does not list
 * it. Objects keep their types: who allocates says which, and the walker knows it by who names the
 * object. A cache is alike when its slots are as large, so that they are as aligned, and when it is
 * accounted likewise.
 * One that is type-safe shares with none: a stale reader would look at an object of another type.
 * Nor does one with a constructor: the state that it leaves would be another user's. (kernel:
 * find_mergeable, slab_unmergeable; SLAB_MERGE_SAME, SLAB_NEVER_MERGE) */
static inline u32 kmem_cache_root(const struct vl_seg *seg, u32 cache)
{
	u32 shares = seg->hdr->caches[cache].shares;

	return shares ? shares - 1 : cache;
}

/* Creates cache `index` (fixed numbers, enum in caches.h). The order is what the kernel's SLUB
 * takes on a machine of 32 to 63 CPUs: at least 28 objects, at most 1/16 waste if an order up to 3
 * has it (256 bytes: 32 objects on 2 pages; 64: 64 on 1). align 0 means 32 bytes, so that a vl_ref
 * names every object exactly and is even. A smaller align (8, 16) packs objects as the kernel does
 * (40 bytes: 102 on a page); their vl_ref is rounded down and still unique; kmem_cache_object()
 * finds the object again. */
int kmem_cache_create(struct vl_seg *seg, u32 index, const char *name, u32 object_bytes, u32 align,
		      u32 flags, u32 ctor);
/* The same with a free pointer in each free object: behind it, which makes the slot larger, or over
 * a word of it (freeptr_offset, a multiple of 8): one that the next user stores before it is read,
 * that the constructor does not set, and that no stale reader believes. Created before anybody
 * joins. (kernel: kmem_cache_create_args) */
struct kmem_cache_args {
	u32 align, flags, ctor;
	enum vl_slab_freeptr freeptr;
	u32 freeptr_offset; /* overlaid */
};
int kmem_cache_create_args(struct vl_seg *seg, u32 index, const char *name, u32 object_bytes,
			   const struct kmem_cache_args *args);
/* Returns an object or NULL (pool exhausted). Contents: as the constructor or the last user left
 * them. */
void *kmem_cache_alloc(struct participant *self, u32 cache);
void kmem_cache_free(struct participant *self, u32 cache, void *object);
/* Gives the caller's magazine of the cache and the barn back, and returns empty slabs (typesafe
 * ones through RCU). (kernel: kmem_cache_shrink) */
void kmem_cache_flush(struct participant *self, u32 cache);
/* Same for the magazine of any participant area; the world is stopped or the owner is self. Not for
 * a dead owner whose objects were swept: see kmem_cache_sweep. */
void kmem_cache_flush_area(struct participant *self, u32 owner_index, u32 cache);
/* The same of a dead owner that had nothing half done; the world is stopped, nobody has the cache
 * lock. Nothing waits: slabs that become empty stay with the cache. */
void kmem_magazine_reclaim(struct participant *self, u32 owner_index, u32 cache);
/* An object that such an owner had; the same holds. */
void kmem_object_reclaim(struct participant *self, u32 cache, void *object);
/* Rebuilds the partial list and counts from the page descriptors; the caller owns the lock or the
 * world is stopped. */
void kmem_cache_rebuild(struct vl_seg *seg, u32 cache);
/* Is object (a ref) a valid object start of this cache? For the walker. */
bool kmem_cache_owns(const struct vl_seg *seg, u32 cache, vl_ref ref);
/* The object of this cache in whose bytes the offset lies, or 0. For reports. */
vl_ref kmem_cache_object_at(const struct vl_seg *seg, u32 cache, u64 off);
/* A free object in the magazine whose free pointer is wrong, or 0. For the walker. */
vl_ref kmem_magazine_broken_at(const struct vl_seg *seg, u32 cache, const struct magazine *m);
/* How many objects the barn has, and which; broken: its free pointer is the first wrong one of its
 * sheaf. The world is stopped. */
u32 kmem_barn_objs(const struct vl_seg *seg, u32 cache);
vl_ref kmem_barn_object(const struct vl_seg *seg, u32 cache, u32 i, bool *broken);
/* Is it free in its slab's bitmap? (An object in a magazine is not.) kmem_cache_owns() holds. */
bool kmem_cache_is_free(const struct vl_seg *seg, u32 cache, vl_ref ref);
/* The object that ref names, also in packed caches. */
void *kmem_cache_object(const struct vl_seg *seg, u32 cache, vl_ref ref);

/* Frees every object of the cache that is neither free, nor in the barn, nor in a magazine of one
 * that is not among the dead (this function looks there itself), nor live according to the callback
 * (trees, retire rings, reserved nodes, objects in flight: the caller's business); then rebuilds.
 * The world is stopped.
 * Magazines of the dead hold objects freed here: they must be dropped (participant_bury), never
 * flushed. Returns how many were freed, or -ENOMEM. */
typedef bool (*kmem_live_fn)(void *arg, vl_ref ref);
long kmem_cache_sweep(struct vl_seg *seg, u32 cache, const struct dead_set *dead, kmem_live_fn live,
		      void *arg);

struct slab_numbers {
	u64 active_objs; /* handed out to users (not in slabs, not in magazines) */
	u64 num_objs;
	u64 active_slabs;
	u64 num_slabs;
	u64 magazine_objs;
	u64 allocs, frees, reuses;
};
void kmem_cache_numbers(const struct vl_seg *seg, u32 cache, struct slab_numbers *out);

/* Page pool. Pages come zeroed. */
u32 page_alloc(struct participant *self, u32 order, u8 kind, u32 owner); /* index or UINT32_MAX */
/* Gives a page (or the run that it heads) back. No reader can reach it any more. */
void page_free(struct participant *self, u32 index);
/* Recounts the pool from the descriptors; the caller owns its lock or the world is stopped. */
void page_pool_rebuild(struct vl_seg *seg);
/* Order-0 pages in self's magazine back to the pool. */
void page_magazine_flush(struct participant *self);

/* Frees what nobody has: TAKEN pages, pages CACHED by the dead or not in their owner's magazine,
 * orphaned TAIL pages, TABLE pages that the callback does not know, RETIRED pages that are in no
 * retire ring. Slabs are not its business. The world
 * is stopped. Returns how many pages were freed, or -ENOMEM. */
typedef bool (*page_live_fn)(void *arg, u32 page);
long page_pool_sweep(struct participant *self, const struct dead_set *dead, page_live_fn live,
		     void *arg);
/* The pages in the magazine of a dead owner that had nothing half done go back to the pool. The
 * world is stopped, nobody has the pool lock. */
void page_magazine_reclaim(struct participant *self, u32 owner_index);

#endif
