/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab.c: kmem_cache: objects of one size on slab pages, a magazine per participant before
 * them.
 *
 * An object is in one of four places:
 *   slab      its bit in desc->free is set   -> magazine by a refill (cache lock)
 *   magazine  listed below count             -> user by alloc, slab or barn by a flush; owner of
 *                                               the area
 *   barn      listed below barn_full         -> magazine by a refill (cache lock)
 *   user      in none of them                -> magazine by free
 *   It is taken out of one place before it is put in the next, so a kill leaves an object in no
 *   place (found by kmem_cache_sweep, because nothing reaches it) and never in two.
 * The store of magazine.count is what moves an object between magazine and user.
 *
 * A magazine is two sheaves in one stack: what goes to the barn and comes from there is a half of
 * it, full. (kernel 6.18: a CPU has a main and a spare sheaf and swaps them when one of the two is
 * empty or full, which moves the same objects as one stack of both.)
 *
 * In a cache with free pointers each free object outside of a slab has one: it names the object
 * below it in its magazine or sheaf, the lowest 0, in a code that depends on its own place. An
 * allocation checks it: a store to a free object breaks the segment, where it would hand out a
 * place that is no object in an allocator that believes its pointers (kernel:
 * CONFIG_SLAB_FREELIST_HARDENED). A kill may leave one that is wrong, of an object that is in no
 * magazine of a living one, and those are not read.
 *
 * Partial list, empty_slabs and slabs are derived from the descriptors: a thief of the cache lock
 * rebuilds them (kmem_cache_rebuild). A slab that is wholly free beyond SLAB_EMPTY_MIN goes back
 * to the page pool: at once, or after a grace period when the cache is typesafe (PAGE_RETIRED). A
 * dead owner in between leaves PAGE_TAKEN or PAGE_RETIRED: page_pool_sweep.
 *
 * A cache that shares the slabs of another one (slab.h) has an empty magazine without room, so each
 * of its allocations and frees takes the slow path, which goes on with the other one's.
 *
 * The cache lock orders objects that change owners (MUTEX-1). Nothing orders a stale reader of a
 * typesafe object: such readers read with atomics and check identity.
 */
#include "vmalab/slab.h"

#include "vmalab/participant.h"
#include "vmalab/rcu.h"
#include "slab_internal.h"

#define OBJS_MIN 28 /* as the kernel's 4 * (fls(cpus) + 1) gives for 32 to 63 CPUs */

static kmem_ctor ctors[KMEM_CTORS_MAX];

void kmem_ctor_register(u32 id, kmem_ctor fn)
{
	VL_ASSERT(id > 0 && id < KMEM_CTORS_MAX);
	ctors[id] = fn;
}

/* --- geometry --- */

static u32 alignment(u32 object_bytes, u32 align, u32 flags)
{
	u32 best = align ? align : 32, line = CACHE_LINE;

	if (flags & SLAB_HWCACHE_ALIGN) {
		while (object_bytes <= line / 2)
			line /= 2;
		if (line > best)
			best = line;
	}
	return best < 8 ? 8 : best;
}

/* The smallest order with OBJS_MIN objects and little waste; the waste allowed grows until one
 * fits. (kernel: calculate_order in mm/slub.c, from its description) */
static u32 slab_order(u32 slot)
{
	u32 want = OBJS_MIN, most = (u32)(PAGE_SIZE << SLAB_ORDER_MAX) / slot, first = 0;

	if (want > most)
		want = most;
	while ((PAGE_SIZE << first) < (u64)want * slot)
		first++;
	for (u32 fraction = 16; fraction > 1; fraction /= 2) {
		for (u32 order = first; order <= SLAB_ORDER_MAX; order++) {
			u64 bytes = PAGE_SIZE << order;

			if (bytes % slot <= bytes / fraction)
				return order;
		}
	}
	return SLAB_ORDER_MAX;
}

/* Where the free pointer of a free object is; *bytes: what the object needs with it. */
static u32 freeptr_place(const struct kmem_cache_args *args, u32 *bytes)
{
	u32 offset = args->freeptr_offset;

	if (args->freeptr == SLAB_FREEPTR_NONE)
		return 0;
	if (args->freeptr == SLAB_FREEPTR_OUTSIDE) {
		offset = (u32)ALIGN_UP(*bytes, sizeof(u64));
		*bytes = offset + (u32)sizeof(u64);
	}
	return offset / (u32)sizeof(u64) + 1;
}

static bool args_right(const struct kmem_cache_args *args, u32 object_bytes)
{
	return object_bytes != 0 &&
	       object_bytes <= PAGE_SIZE - sizeof(u64) * (args->freeptr != 0) &&
	       args->align <= PAGE_SIZE && (args->align & (args->align - 1)) == 0 &&
	       args->ctor < KMEM_CTORS_MAX &&
	       (args->freeptr != SLAB_FREEPTR_OVERLAID ||
		(args->freeptr_offset % sizeof(u64) == 0 &&
		 args->freeptr_offset + sizeof(u64) <= object_bytes));
}

static bool mergeable(const struct kmem_cache *c)
{
	return !(c->flags & (SLAB_TYPESAFE_BY_RCU | SLAB_NO_MERGE)) && !c->ctor && !c->freeptr;
}

/* index + 1 of the cache that c, which has its geometry, can share slabs with; 0: there is none, or
 * caches have slabs of their own here. */
static u32 find_mergeable(const struct vl_seg *seg, const struct kmem_cache *c)
{
	if (!seg->hdr->config.slab_merge || !mergeable(c))
		return 0;
	for (u32 i = 0; i < KMEM_CACHES_MAX; i++) {
		const struct kmem_cache *other = &seg->hdr->caches[i];

		if (other->alive && mergeable(other) && other->slot_bytes == c->slot_bytes &&
		    (other->flags & SLAB_ACCOUNT) == (c->flags & SLAB_ACCOUNT))
			return i + 1;
	}
	return 0;
}

int kmem_cache_create_args(struct vl_seg *seg, u32 index, const char *name, u32 object_bytes,
			   const struct kmem_cache_args *args)
{
	struct kmem_cache *c;
	u32 bytes = object_bytes;

	if (index >= KMEM_CACHES_MAX || !args_right(args, object_bytes))
		return VL_E_INVALID;
	c = &seg->hdr->caches[index];
	if (c->alive || c->shares)
		return VL_E_EXISTS;
	strncpy(c->name, name, sizeof(c->name) - 1);
	c->object_bytes = object_bytes;
	c->freeptr = freeptr_place(args, &bytes);
	c->align = alignment(bytes, args->align, args->flags);
	c->slot_bytes = (u32)ALIGN_UP(bytes < 16 ? 16 : bytes, c->align);
	c->flags = args->flags;
	c->order = slab_order(c->slot_bytes);
	c->objs_per_slab = (u32)(PAGE_SIZE << c->order) / c->slot_bytes;
	if (c->objs_per_slab > SLAB_OBJS_MAX)
		c->objs_per_slab = SLAB_OBJS_MAX;
	c->ctor = args->ctor;
	c->index = index;
	c->shares = find_mergeable(seg, c);
	if (!c->shares)
		store_release_u32(&c->alive, 1);
	return 0;
}

int kmem_cache_create(struct vl_seg *seg, u32 index, const char *name, u32 object_bytes, u32 align,
		      u32 flags, u32 ctor)
{
	return kmem_cache_create_args(
		seg, index, name, object_bytes,
		&(struct kmem_cache_args){.align = align, .flags = flags, .ctor = ctor});
}

/* --- partial list; cache lock --- */

static void list_add(struct vl_seg *seg, struct kmem_cache *c, u32 page)
{
	struct page_desc *desc = &seg->page_descs[page];

	VL_ASSERT(!desc->on_list);
	desc->prev = 0;
	desc->next = c->partial_head;
	if (c->partial_head)
		seg->page_descs[c->partial_head - 1].prev = page + 1;
	c->partial_head = page + 1;
	desc->on_list = 1;
}

static void list_del(struct vl_seg *seg, struct kmem_cache *c, u32 page)
{
	struct page_desc *desc = &seg->page_descs[page];

	VL_ASSERT(desc->on_list);
	if (desc->prev)
		seg->page_descs[desc->prev - 1].next = desc->next;
	else
		c->partial_head = desc->next;
	if (desc->next)
		seg->page_descs[desc->next - 1].prev = desc->prev;
	desc->on_list = 0;
}

void slab_cache_lock(struct participant *self, struct kmem_cache *c)
{
	if (mutex_lock(self, &c->lock) == MUTEX_STOLEN)
		kmem_cache_rebuild(self->seg, c->index);
}

/* --- slabs --- */

static bool wholly_free(const struct kmem_cache *c, const struct page_desc *desc)
{
	return desc->free[0] == slab_word_mask(c, 0) && desc->free[1] == slab_word_mask(c, 1);
}

static bool wholly_taken(const struct page_desc *desc)
{
	return (desc->free[0] | desc->free[1]) == 0;
}

/* A new slab on the list. Cache lock. */
static bool slab_make(struct participant *self, struct kmem_cache *c)
{
	struct vl_seg *seg = self->seg;
	u32 page = page_alloc(self, c->order, PAGE_TAKEN, self->index + 1);
	struct page_desc *desc;

	if (page == UINT32_MAX)
		return false;
	desc = &seg->page_descs[page];
	if (c->ctor) {
		u8 *object = seg->pages + ((u64)page << PAGE_SHIFT);

		VL_ASSERT(ctors[c->ctor] != NULL);
		for (u32 i = 0; i < c->objs_per_slab; i++)
			ctors[c->ctor](object + (u64)i * c->slot_bytes);
	}
	desc->cache = (u8)c->index;
	desc->on_list = 0;
	for (u32 w = 0; w < 2; w++) {
		store_relaxed_u64(&desc->free[w], slab_word_mask(c, w));
		store_relaxed_u64(&desc->used[w], 0);
	}
	desc->owner = 0;
	store_release_u8(&desc->kind, PAGE_SLAB); /* last: now it is a slab */
	list_add(seg, c, page);
	c->slabs++;
	c->slabs_made++;
	c->empty_slabs++;
	return true;
}

/* Takes an empty slab out of the cache. Cache lock. slab_gone() must follow. */
static void slab_unmake(struct participant *self, struct kmem_cache *c, u32 page)
{
	struct page_desc *desc = &self->seg->page_descs[page];

	list_del(self->seg, c, page);
	c->slabs--;
	c->slabs_given_back++;
	c->empty_slabs--;
	desc->owner = self->index + 1;
	store_release_u8(&desc->kind, c->flags & SLAB_TYPESAFE_BY_RCU ? PAGE_RETIRED : PAGE_TAKEN);
}

/* Outside the lock: rcu_retire may wait. */
static void slab_gone(struct participant *self, const struct kmem_cache *c, u32 page)
{
	if (!(c->flags & SLAB_TYPESAFE_BY_RCU)) {
		page_free(self, page);
		return;
	}
	/* Before the grace period begins: who still reads the old number can go to objects of the
	 * page in this section. pairs: SLAB-1 (rcu.h:slabs_gone) */
	add_release_u64(&self->seg->hdr->rcu.slabs_gone, LIFE_STEP);
	rcu_retire(self, RETIRE_PAGE, page);
}

static void retired_page_free(struct participant *self, u32 kind, u32 ref)
{
	(void)kind;
	VL_ASSERT(self->seg->page_descs[ref].kind == PAGE_RETIRED);
	page_free(self, ref);
}

static void retired_object_free(struct participant *self, u32 kind, u32 ref)
{
	u32 cache = kind - RETIRE_OBJECT0;

	kmem_cache_free(self, cache, kmem_cache_object(self->seg, cache, ref));
}

__attribute__((constructor)) static void slab_register(void)
{
	rcu_free_register(RETIRE_PAGE, retired_page_free);
	for (u32 i = 0; i < KMEM_CACHES_MAX; i++)
		rcu_free_register(RETIRE_OBJECT0 + i, retired_object_free);
}

/* --- magazines --- */

static u64 magazine_offset(const struct magazine *m, u32 i)
{
	return slab_offset(m->objs[i], m->half >> i & 1);
}

/* The object at off lies on the one at i - 1 now. A stale reader of a type-safe object may load the
 * word meanwhile: whole. */
static void freeptr_write(struct participant *self, const struct kmem_cache *c,
			  const struct magazine *m, u32 i, u64 off)
{
	u64 below = i ? magazine_offset(m, i - 1) : 0;

	store_relaxed_u64(slab_freeptr(self->seg, c->freeptr, off), slab_freeptr_code(off, below));
}

static void magazine_push(struct participant *self, const struct kmem_cache *c, struct magazine *m,
			  u64 off, bool fresh)
{
	u32 i = m->count;

	VL_ASSERT(i < MAGAZINE_MAX);
	if (unlikely(c->freeptr))
		freeptr_write(self, c, m, i, off);
	if (unlikely(c->freeptr || (off & 8) || fresh))
		m->odd |= 1ull << i;
	m->objs[i] = (vl_ref)(off >> REF_SHIFT);
	if (unlikely(off & 8))
		m->half |= 1ull << i;
	if (unlikely(fresh))
		m->fresh |= 1ull << i;
	compiler_barrier(); /* the entry before the count, should we be killed in between */
	store_relaxed_u32(&m->count, i + 1);
}

/* Takes objects of the slab for the magazine until that is half full. Cache lock. */
static void take_from(struct participant *self, struct kmem_cache *c, u32 page, struct magazine *m)
{
	struct page_desc *desc = &self->seg->page_descs[page];
	u64 base = (u64)(self->seg->pages - self->seg->base) + ((u64)page << PAGE_SHIFT);

	if (wholly_free(c, desc))
		c->empty_slabs--;
	for (u32 w = 0; w < 2; w++) {
		while (desc->free[w] != 0 && m->count < self->magazine_limit / 2) {
			u32 bit = (u32)__builtin_ctzll(desc->free[w]);
			bool fresh = !(desc->used[w] >> bit & 1);

			store_relaxed_u64(&desc->free[w], desc->free[w] & ~(1ull << bit));
			compiler_barrier(); /* out of the slab before it is in the magazine */
			magazine_push(self, c, m, base + (u64)(w * 64 + bit) * c->slot_bytes,
				      fresh);
		}
	}
	if (wholly_taken(desc))
		list_del(self->seg, c, page);
}

/* A full sheaf for an empty magazine. Cache lock. */
static void sheaf_take(struct participant *self, struct kmem_cache *c, struct magazine *m)
{
	const struct sheaf *s = &c->barn[c->barn_full - 1];

	store_relaxed_u32(&c->barn_full, c->barn_full - 1);
	compiler_barrier(); /* out of the barn before it is in the magazine */
	for (u32 i = 0; i < self->magazine_limit / 2; i++)
		magazine_push(self, c, m, slab_offset(s->objs[i], s->half >> i & 1),
			      s->fresh >> i & 1);
}

static bool refill(struct participant *self, u32 cache)
{
	struct kmem_cache *c = &self->seg->hdr->caches[cache];
	struct magazine *m = &self->area->magazines[cache];

	VL_ASSERT(cache < KMEM_CACHES_MAX && c->alive);
	slab_cache_lock(self, c);
	if (c->barn_full)
		sheaf_take(self, c, m);
	while (m->count < self->magazine_limit / 2 && (c->partial_head || slab_make(self, c)))
		take_from(self, c, c->partial_head - 1, m);
	mutex_unlock(self, &c->lock);
	return m->count != 0;
}

/* An empty magazine, filled; or that of the cache whose slabs it uses. NULL: no memory. */
static __attribute__((noinline)) struct magazine *filled(struct participant *self, u32 cache)
{
	u32 root = kmem_cache_root(self->seg, cache);
	struct magazine *m = &self->area->magazines[root];

	return m->count || refill(self, root) ? m : NULL;
}

struct flush {
	u32 pages[MAGAZINE_MAX];
	u32 count;
};

/* One object back to its slab. Cache lock. */
static void give_back(struct participant *self, struct kmem_cache *c, u64 off, bool fresh)
{
	struct vl_seg *seg = self->seg;
	struct slab_place at = slab_place(seg, c, off);
	struct page_desc *desc;
	u64 bit = 1ull << (at.index % 64);
	u32 w = at.index / 64;

	VL_ASSERT(at.page != UINT32_MAX && at.exact); /* else not an object of this cache */
	desc = &seg->page_descs[at.page];
	VL_ASSERT((desc->free[w] & bit) == 0); /* else freed twice */
	if (!fresh)
		store_relaxed_u64(&desc->used[w], desc->used[w] | bit);
	store_relaxed_u64(&desc->free[w], desc->free[w] | bit);
	if (!desc->on_list)
		list_add(seg, c, at.page);
	if (wholly_free(c, desc))
		c->empty_slabs++;
}

/* Unmakes wholly free slabs beyond `keep`, at most as many as fit; the caller gives them away. */
static void unmake_empty(struct participant *self, struct kmem_cache *c, u32 keep, struct flush *f)
{
	u32 page = c->partial_head;

	while (page && c->empty_slabs > keep && f->count < MAGAZINE_MAX) {
		u32 next = self->seg->page_descs[page - 1].next;

		if (wholly_free(c, &self->seg->page_descs[page - 1])) {
			f->pages[f->count++] = page - 1;
			slab_unmake(self, c, page - 1);
		}
		page = next;
	}
}

/* The oldest half of a magazine, which is out of it already, becomes a full sheaf. Its lowest
 * object was the lowest of the magazine, so the free pointers are right. Cache lock. */
static void sheaf_put(struct kmem_cache *c, const u64 *offs, u32 n, u64 fresh)
{
	struct sheaf *s = &c->barn[c->barn_full];

	VL_ASSERT(n <= SHEAF_MAX && c->barn_full < BARN_MAX);
	s->fresh = (u32)fresh;
	s->half = 0;
	for (u32 i = 0; i < n; i++) {
		s->objs[i] = (vl_ref)(offs[i] >> REF_SHIFT);
		s->half |= (u32)(offs[i] >> 3 & 1) << i;
	}
	compiler_barrier(); /* the sheaf before the count, should we be killed in between */
	store_relaxed_u32(&c->barn_full, c->barn_full + 1);
}

/* The oldest `n` objects of the magazine go back; to_barn: a half of it, and the barn may have it.
 */
static void flush_some(struct participant *self, u32 cache, struct magazine *m, u32 n, u32 keep,
		       bool to_barn)
{
	struct kmem_cache *c = &self->seg->hdr->caches[cache];
	u64 offs[MAGAZINE_MAX], fresh = m->fresh;
	struct flush f = {.count = 0};

	VL_ASSERT(n <= m->count);
	for (u32 i = 0; i < n; i++)
		offs[i] = magazine_offset(m, i);
	/* Out of the magazine: first all but the count, which then is right for what is left. A
	 * kill in between leaves the moved ones listed twice, or lost: they are the dead one's, and
	 * the sweep does not believe its magazine. */
	memmove(m->objs, m->objs + n, (m->count - n) * sizeof(m->objs[0]));
	m->fresh = n < 64 ? m->fresh >> n : 0;
	m->half = n < 64 ? m->half >> n : 0;
	m->odd = n < 64 ? m->odd >> n : 0;
	store_relaxed_u32(&m->count, m->count - n);
	if (unlikely(c->freeptr) && m->count)
		freeptr_write(self, c, m, 0, magazine_offset(m, 0));
	slab_cache_lock(self, c);
	if (to_barn && c->barn_full < BARN_MAX) {
		sheaf_put(c, offs, n, fresh & slab_sheaf_mask(n));
		n = 0;
	}
	for (u32 i = 0; i < n; i++)
		give_back(self, c, offs[i], fresh >> i & 1);
	if (c->empty_slabs > keep)
		unmake_empty(self, c, keep, &f);
	mutex_unlock(self, &c->lock);
	for (u32 i = 0; i < f.count; i++)
		slab_gone(self, c, f.pages[i]);
}

/* Where the object at i starts, which is odd and goes to a user. */
static __attribute__((noinline)) u64 take_odd(struct participant *self, u32 cache,
					      struct magazine *m, u32 i)
{
	u64 off = magazine_offset(m, i), below = i ? magazine_offset(m, i - 1) : 0;
	u32 freeptr = self->seg->hdr->caches[cache].freeptr;

	/* else somebody wrote to a free object */
	VL_ASSERT(!freeptr || load_relaxed_u64(slab_freeptr(self->seg, freeptr, off)) ==
				      slab_freeptr_code(off, below));
	if (m->fresh >> i & 1)
		store_relaxed_u64(&m->firsts, m->firsts + 1);
	m->fresh &= ~(1ull << i);
	m->half &= ~(1ull << i);
	m->odd &= ~(1ull << i);
	return off;
}

void *kmem_cache_alloc(struct participant *self, u32 cache)
{
	struct magazine *m = &self->area->magazines[cache];
	vl_ref lent;
	u64 off;
	u32 i;

	if (lab_fails(cache))
		return NULL;
	lent = lab_object_take(cache);
	if (lent)
		return PTR(self, lent);
	if (unlikely(m->count == 0)) {
		m = filled(self, cache);
		if (!m)
			return NULL;
	}
	i = m->count - 1;
	off = (u64)m->objs[i] << REF_SHIFT;
	if (unlikely(m->odd >> i & 1))
		off = take_odd(self, cache, m, i);
	store_relaxed_u32(&m->count, i);
	store_relaxed_u64(&m->allocs, m->allocs + 1);
	return self->base + off;
}

/* Into a full magazine, with a free pointer, to the slabs of another cache, or an object that is
 * half a reference off. */
static __attribute__((noinline)) void free_slow(struct participant *self, u32 of, u64 off)
{
	u32 cache = kmem_cache_root(self->seg, of);
	struct magazine *m = &self->area->magazines[cache];
	const struct seg_header *hdr = self->seg->hdr;

	if (m->count >= self->magazine_limit)
		flush_some(self, cache, m, self->magazine_limit / 2, SLAB_EMPTY_MIN,
			   hdr->config.slab_barn);
	magazine_push(self, &hdr->caches[cache], m, off, false);
	store_relaxed_u64(&m->frees, m->frees + 1);
}

void kmem_cache_free(struct participant *self, u32 cache, void *object)
{
	struct magazine *m = &self->area->magazines[cache];
	u64 off = (u64)((u8 *)object - self->base);
	u32 i = m->count;

	if (lab_object_give(cache, REF(self, object)))
		return;
	if (unlikely(i >= self->magazine_room[cache] || (off & 8))) {
		free_slow(self, cache, off);
		return;
	}
	m->objs[i] = (vl_ref)(off >> REF_SHIFT);
	compiler_barrier(); /* as in magazine_push */
	store_relaxed_u32(&m->count, i + 1);
	store_relaxed_u64(&m->frees, m->frees + 1);
}

/* A sheaf of the barn goes back to the slabs. Cache lock. */
static void barn_shrink(struct participant *self, struct kmem_cache *c)
{
	u32 n = self->magazine_limit / 2;
	const struct sheaf *s;

	if (!c->barn_full)
		return;
	s = &c->barn[c->barn_full - 1];
	store_relaxed_u32(&c->barn_full, c->barn_full - 1);
	compiler_barrier(); /* out of the barn before it is free */
	for (u32 i = 0; i < n; i++)
		give_back(self, c, slab_offset(s->objs[i], s->half >> i & 1), s->fresh >> i & 1);
}

void kmem_cache_flush_area(struct participant *self, u32 owner_index, u32 cache)
{
	struct participant_area *area = participant_area_of(self->seg, owner_index);
	struct kmem_cache *c = &self->seg->hdr->caches[cache];
	struct magazine *m = &area->magazines[cache];
	struct flush f;

	flush_some(self, cache, m, m->count, SLAB_EMPTY_MIN, false);
	while (load_relaxed_u32(&c->barn_full)) { /* relaxed: a hint; a sheaf at a time */
		slab_cache_lock(self, c);
		barn_shrink(self, c);
		mutex_unlock(self, &c->lock);
	}
	do { /* all empty slabs, a handful at a time */
		f.count = 0;
		slab_cache_lock(self, c);
		unmake_empty(self, c, 0, &f);
		mutex_unlock(self, &c->lock);
		for (u32 i = 0; i < f.count; i++)
			slab_gone(self, c, f.pages[i]);
	} while (f.count == MAGAZINE_MAX);
}

/* An object after the other is out of the magazine before it is free, so what a kill leaves is in
 * neither. */
void kmem_magazine_reclaim(struct participant *self, u32 owner_index, u32 cache)
{
	struct magazine *m = &participant_area_of(self->seg, owner_index)->magazines[cache];
	struct kmem_cache *c = &self->seg->hdr->caches[cache];

	for (u32 i = m->count; i-- > 0;) {
		store_relaxed_u32(&m->count, i);
		compiler_barrier();
		give_back(self, c, magazine_offset(m, i), m->fresh >> i & 1);
	}
}

void kmem_object_reclaim(struct participant *self, u32 cache, void *object)
{
	u32 root = kmem_cache_root(self->seg, cache);

	give_back(self, &self->seg->hdr->caches[root], (u64)((u8 *)object - self->seg->base),
		  false);
}

void kmem_cache_flush(struct participant *self, u32 cache)
{
	kmem_cache_flush_area(self, self->index, kmem_cache_root(self->seg, cache));
}

/* --- rebuilding; cache lock or stopped world --- */

void kmem_cache_rebuild(struct vl_seg *seg, u32 cache)
{
	struct kmem_cache *c = &seg->hdr->caches[cache];
	u32 populated = load_acquire_u32(&seg->hdr->pages.pages_populated);

	c->partial_head = 0;
	c->empty_slabs = 0;
	c->slabs = 0;
	for (u32 page = populated; page-- > 0;) { /* lowest page first on the list */
		struct page_desc *desc = &seg->page_descs[page];

		if (load_acquire_u8(&desc->kind) != PAGE_SLAB || desc->cache != cache)
			continue;
		desc->on_list = 0;
		c->slabs++;
		c->empty_slabs += wholly_free(c, desc);
		if (!wholly_taken(desc))
			list_add(seg, c, page);
	}
}
