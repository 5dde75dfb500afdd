/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench_slab.c: VMAs that are allocated and freed, without a tree: what it costs, and which objects
 * come again, how soon, and in whose hands. The same of objects of two caches that may share slabs:
 * as what they come again.
 *
 * The VMAs are nobody's but this function's, and it does not leave the core while it has them: a
 * recovery waits for it. A caller that is killed leaves what recovery frees.
 */
#include <stdlib.h>

#include "vmalab/api.h"
#include "vmalab/futex.h"
#include "vmalab/lock_model.h"

static struct vm_area_struct *one_more(struct participant *self, struct mm_struct *mm)
{
	struct vm_area_struct *vma;

	rcu_poll(self);
	vma = vm_area_alloc(self, mm);
	if (vma)
		vma_inflight_done(self, vma); /* as one that has come into a tree */
	return vma;
}

static int run_pairs(struct participant *self, struct mm_struct *mm, u32 depth)
{
	struct vm_area_struct *vmas[BENCH_SLAB_DEPTH];
	u32 n = 0;

	while (n < depth && (vmas[n] = one_more(self, mm)))
		n++;
	for (u32 i = 0; i < n; i++)
		vm_area_free(self, vmas[i]);
	return n == depth ? 0 : -ENOMEM;
}

int vl_bench_slab(struct participant *self, u64 mm_id, u32 depth, u64 pairs, u64 *ns)
{
	u64 begin = clock_ns(), done = 0;
	int err = 0;

	if (!depth || BENCH_SLAB_DEPTH % depth != 0)
		return VL_E_INVALID;
	while (!err && done < pairs) {
		struct mm_struct *mm;

		if (core_enter(self) != 0)
			return VL_E_BROKEN;
		rcu_make_room(self);
		mm = mm_find_self(self, mm_id);
		err = mm ? 0 : VL_E_NO_MM;
		for (u32 i = 0; !err && i < BENCH_SLAB_DEPTH; i += depth, done += depth)
			err = run_pairs(self, mm, depth);
		core_exit(self);
	}
	*ns = clock_ns() - begin;
	return err;
}

/* --- VMAs that no cache has --- */

static bool lock_is_free(const struct vm_area_struct *vma)
{
#if VMA_LOCK_RWSEM && !VMA_LOCK_SEPARATE
	return load_relaxed_u64(&vma->vm_lock.count) == 0;
#elif VMA_LOCK_PER_VMA && !VMA_LOCK_RWSEM
	return load_relaxed_u32(&vma->vm_refcnt) == 0;
#else
	(void)vma;
	return true; /* it has none */
#endif
}

int vl_bench_stack(struct participant *self, u64 count, struct vl_stack_result *out)
{
	struct vm_area_struct vma;
	u64 begin;

	(void)self;
	*out = (struct vl_stack_result){.count = count};
	for (u64 i = 0; i < count; i++) {
		memset(&vma, 0xa5, sizeof(vma)); /* as a function before left its stack */
		vma_to_ctor_state(&vma);
		out->free_after_fields += lock_is_free(&vma);
		vma_ctor(&vma);
		out->free_after_all += lock_is_free(&vma);
	}
	begin = clock_ns();
	for (u64 i = 0; i < count; i++) {
		vma_ctor(&vma);
		__asm__ volatile("" : : "r"(&vma) : "memory"); /* each of them, and not the last */
	}
	out->ns = clock_ns() - begin;
	return 0;
}

/* --- who gets which object again --- */

struct reuse {
	struct participant *selves[BENCH_REUSE_OTHERS + 1];
	u32 count;
	const struct vl_reuse_plan *plan;
	struct mm_struct *mm;
	struct vm_area_struct *live[BENCH_SLAB_DEPTH];
	u8 owner[BENCH_SLAB_DEPTH];
	u32 live_count;
	u64 *freed; /* for each place of an object: 0, or frees so far << 8 | who freed it + 1 */
	u64 frees;
	u64 random;
	u32 *distances;
	u64 cap;
	struct vl_reuse_result *out;
};

/* (Marsaglia's xorshift) */
static u32 random_below(u64 *random, u32 n)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (u32)((*random >> 16) % n);
}

static u64 *freed_of(const struct reuse *r, const struct vm_area_struct *vma)
{
	return &r->freed[((u64)((const u8 *)vma - r->selves[0]->pages)) / CACHE_LINE];
}

static int allocate(struct reuse *r, u32 who)
{
	struct vm_area_struct *vma = one_more(r->selves[who], r->mm);
	u64 *freed;

	if (!vma)
		return -ENOMEM;
	freed = freed_of(r, vma);
	r->out->allocs++;
	if (*freed) {
		if (r->out->reused < r->cap)
			r->distances[r->out->reused] = (u32)(r->frees - (*freed >> 8));
		r->out->reused++;
		r->out->by_other += (*freed & 0xff) != who + 1;
		*freed = 0;
	}
	r->owner[r->live_count] = (u8)who;
	r->live[r->live_count++] = vma;
	return 0;
}

/* One of those in use, at random, by whom the plan says. */
static void give_up(struct reuse *r)
{
	u32 i = random_below(&r->random, r->live_count), who = r->owner[i];
	struct vm_area_struct *vma = r->live[i];

	if (r->plan->pattern == REUSE_ANY)
		who = random_below(&r->random, r->count);
	if (r->plan->pattern == REUSE_HANDED)
		who = r->count - 1;
	r->live_count--;
	r->live[i] = r->live[r->live_count];
	r->owner[i] = r->owner[r->live_count];
	r->frees++;
	*freed_of(r, vma) = r->frees << 8 | (who + 1);
	vm_area_free(r->selves[who], vma);
	rcu_poll(r->selves[who]);
}

static int run_turns(struct reuse *r)
{
	u32 makers = r->plan->pattern == REUSE_HANDED ? r->count - 1 : r->count;
	int err = 0;

	for (u64 i = 0; !err && i < r->plan->turns; i++) {
		err = allocate(r, random_below(&r->random, makers));
		while (!err && r->live_count &&
		       random_below(&r->random, 2) + r->live_count > r->plan->live)
			give_up(r);
	}
	while (r->live_count)
		give_up(r);
	return err;
}

static int enter_all(struct reuse *r)
{
	u32 n = 0;

	while (n < r->count && core_enter(r->selves[n]) == 0)
		n++;
	if (n == r->count)
		return 0;
	while (n-- > 0)
		core_exit(r->selves[n]);
	return VL_E_BROKEN;
}

int vl_bench_reuse(struct participant *self, struct participant *const *others, u32 count,
		   const struct vl_reuse_plan *plan, u32 *distances, u64 cap,
		   struct vl_reuse_result *out)
{
	struct reuse r = {.selves = {self}, .count = count + 1, .plan = plan, .cap = cap};
	u64 places = (u64)self->seg->hdr->pages.pages_total * (PAGE_SIZE / CACHE_LINE);
	int err;

	*out = (struct vl_reuse_result){0};
	if (!count || count > BENCH_REUSE_OTHERS || !plan->live || plan->live >= BENCH_SLAB_DEPTH)
		return VL_E_INVALID;
	for (u32 i = 0; i < count; i++)
		r.selves[i + 1] = others[i];
	r.freed = calloc(places, sizeof(*r.freed));
	r.random = plan->seed * 2 + 1;
	r.distances = distances;
	r.out = out;
	if (!r.freed)
		return -ENOMEM;
	err = enter_all(&r);
	if (!err) {
		r.mm = mm_find_self(self, plan->mm);
		err = r.mm ? run_turns(&r) : VL_E_NO_MM;
		for (u32 i = 0; i < r.count; i++)
			core_exit(r.selves[i]);
	}
	free(r.freed);
	return err;
}

/* --- objects of two caches --- */

#define GRANULE 32 /* bytes; no slot is smaller */

struct alike {
	struct participant *self;
	void *live[BENCH_SLAB_DEPTH];
	u8 cache[BENCH_SLAB_DEPTH];
	u32 live_count;
	u64 *freed; /* for each granule of the pages: 0, or frees so far << 8 | cache + 1 */
	u64 frees;
	u64 random;
	u32 *distances;
	u64 cap;
	struct vl_alike_result *out;
};

static u64 *alike_freed_of(const struct alike *a, const void *object)
{
	return &a->freed[(u64)((const u8 *)object - a->self->pages) / GRANULE];
}

static int alike_allocate(struct alike *a, u32 cache)
{
	void *object = kmem_cache_alloc(a->self, cache);
	u64 *freed, pages = 0;

	if (!object)
		return -ENOMEM;
	freed = alike_freed_of(a, object);
	a->out->allocs++;
	if (*freed) {
		if (a->out->reused < a->cap)
			a->distances[a->out->reused] = (u32)(a->frees - (*freed >> 8));
		a->out->reused++;
		a->out->by_other += (*freed & 0xff) != cache + 1;
		*freed = 0;
	}
	a->cache[a->live_count] = (u8)cache;
	a->live[a->live_count++] = object;
	for (u32 i = CACHE_AVC; i <= CACHE_NUMAB; i += CACHE_NUMAB - CACHE_AVC) {
		const struct kmem_cache *c = &a->self->seg->hdr->caches[i];

		pages += c->slabs << c->order; /* of one that shares: 0 */
	}
	a->out->pages_most = max_u64(a->out->pages_most, pages);
	return 0;
}

static void alike_give_up(struct alike *a)
{
	u32 i = random_below(&a->random, a->live_count);
	u32 cache = a->cache[i];
	void *object = a->live[i];

	a->live_count--;
	a->live[i] = a->live[a->live_count];
	a->cache[i] = a->cache[a->live_count];
	a->frees++;
	*alike_freed_of(a, object) = a->frees << 8 | (cache + 1);
	kmem_cache_free(a->self, cache, object);
}

int vl_bench_alike(struct participant *self, const struct vl_reuse_plan *plan, u32 *distances,
		   u64 cap, struct vl_alike_result *out)
{
	struct alike a = {.self = self, .random = plan->seed * 2 + 1, .cap = cap};
	u64 places = (u64)self->seg->hdr->pages.pages_total * (PAGE_SIZE / GRANULE);
	u64 phase = plan->turns / BENCH_ALIKE_PHASES + 1;
	int err;

	*out = (struct vl_alike_result){0};
	if (!plan->live || plan->live >= BENCH_SLAB_DEPTH)
		return VL_E_INVALID;
	a.freed = calloc(places, sizeof(*a.freed));
	a.distances = distances;
	a.out = out;
	if (!a.freed)
		return -ENOMEM;
	err = core_enter(self) == 0 ? 0 : VL_E_BROKEN;
	for (u64 i = 0; !err && i < plan->turns; i++) {
		err = alike_allocate(&a, i / phase % 2 ? CACHE_NUMAB : CACHE_AVC);
		while (!err && a.live_count > plan->live)
			alike_give_up(&a);
	}
	while (a.live_count)
		alike_give_up(&a);
	if (err != VL_E_BROKEN)
		core_exit(self);
	free(a.freed);
	return err;
}
