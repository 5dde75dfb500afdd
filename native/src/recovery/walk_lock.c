/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_lock.c: locks against what the living announce.
 *
 * find_* changes nothing, reports, and answers with what is wrong; repair_* acts on that answer.
 * Short mutexes are not looked at: who waits for one takes it over from a dead owner.
 */
#include "vmalab/futex.h"
#include "vmalab/lock_model.h"
#include "walk.h"

/* Who of the living has the lock: readers, and index + 1 of the writer. */
struct holders {
	u32 readers, writer;
};

enum lock_wrong {
	LOCK_RIGHT = 0,
	LOCK_COUNT = 1,   /* the count is not that of the holders */
	LOCK_IN_VAIN = 2, /* a note that somebody waits, and nobody does */
};

/* --- rwsems --- */

/* A living participant takes or waits for the lock. */
static bool asked_for(const struct walk *w, const void *lock)
{
	u64 ref = vl_ref_of(w->seg, lock);

	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++) {
		const struct participant_slot *slot = &w->seg->slots[i];

		for (u32 place = 0; place < HOLDS_COUNT; place++)
			if (load_relaxed_u64(&slot->held[place]) >> 8 == ref &&
			    load_relaxed_u32(&slot->role) != ROLE_FREE &&
			    among_living(w->seg, w->dead, i))
				return true;
	}
	return false;
}

/* ours: readers that no participant is (mm_aside.mending, file.mending). */
static enum lock_wrong find_in_lock(const struct walk *w, const struct rw_semaphore *sem, u32 ours,
				    const char *what, u32 number, struct holders *holders)
{
	u64 count = load_relaxed_u64(&sem->count), want;

	walk_announced(w, sem, &holders->readers, &holders->writer);
	holders->readers += ours;
	want = holders->readers * RWSEM_READER | (holders->writer ? RWSEM_WRITER : 0);
	if ((count & ~(RWSEM_WAITERS | RWSEM_HANDOFF)) != want) {
		complain(w, "%s %u: count %#lx, but the living hold %u readers and writer %u", what,
			 number, count, holders->readers, holders->writer);
		return LOCK_COUNT;
	}
	/* Who was woken last was killed before it took the lock: nobody takes WAITERS away, and who
	 * only tries is refused for ever. */
	if (!count || want || asked_for(w, sem))
		return LOCK_RIGHT;
	complain(w, "%s %u: somebody waits, it says, and nobody does", what, number);
	return LOCK_IN_VAIN;
}

static void repair_lock(const struct walk *w, struct rw_semaphore *sem, enum lock_wrong wrong,
			const struct holders *holders)
{
	if (wrong == LOCK_IN_VAIN && MUTANT(dead_waiter_stays_noted))
		return;
	rwsem_repair(w->seg, sem, holders->readers, holders->writer);
	if (w->out)
		w->out->locks_fixed++;
}

static void walk_lock_of(const struct walk *w, struct rw_semaphore *sem, u32 ours, const char *what,
			 u32 number)
{
	struct holders holders;
	enum lock_wrong wrong = find_in_lock(w, sem, ours, what, number, &holders);

	if (wrong && w->repair)
		repair_lock(w, sem, wrong, &holders);
}

static void walk_lock(const struct walk *w, struct rw_semaphore *sem, const char *what, u32 number)
{
	walk_lock_of(w, sem, 0, what, number);
}

void walk_mm_lock(const struct walk *w, u32 index)
{
	struct mm_struct *mm = &mm_table(w->seg)[index];

	walk_lock_of(w, &mm->mmap_lock, mm_aside(w->seg, mm)->mending, "mmap_lock of mm slot",
		     index);
}

void walk_file_lock(const struct walk *w, u32 index)
{
	struct file *file = &file_table(w->seg)[index];

	walk_lock_of(w, &file->lock, file->mending, "lock of file slot", index);
}

void walk_user_locks(const struct walk *w)
{
	for (u32 i = 0; i < VL_USER_RWSEMS; i++)
		walk_lock(w, (struct rw_semaphore *)w->seg->hdr->user_locks[i], "user rwsem", i);
}

/* --- locks of VMAs --- */

#if VMA_LOCK_SEPARATE
static void walk_vma_lock(const struct walk *w, void *object)
{
	struct rw_semaphore *sem = object;

	/* the common case must be cheap: there may be a million */
	if (load_relaxed_u64(&sem->count) != 0)
		walk_lock(w, sem, "vma_lock", REF(w->self, sem));
}
#elif VMA_LOCK_RWSEM
static void walk_vma_lock(const struct walk *w, void *object)
{
	struct vm_area_struct *vma = object;

	if (load_relaxed_u64(&vma->vm_lock.count) != 0)
		walk_lock(w, &vma->vm_lock, "vm_lock of VMA object", REF(w->self, vma));
}
#elif VMA_LOCK_PER_VMA
/* Does a living writer wait for the readers of this VMA? Then FLAG is its own. */
static bool writer_waits(const struct walk *w, const struct vm_area_struct *vma)
{
	u64 waiting = (u64)REF(w->self, vma) << 8 | HELD_WRITE | HELD_WAITING;

	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++) {
		if (load_relaxed_u64(&w->seg->slots[i].held[HOLD_VMA_WRITE]) == waiting &&
		    among_living(w->seg, w->dead, i))
			return true;
	}
	return false;
}

/* want: what the count is to be. */
static enum lock_wrong find_in_refcnt(const struct walk *w, const struct vm_area_struct *vma,
				      u32 *want)
{
	u32 count = load_relaxed_u32(&vma->vm_refcnt), readers, writer;

	*want = !vma->detached;
	if (count == *want && count <= 1) /* cheap: there may be a million */
		return LOCK_RIGHT;
	if (count == 0 && vma->alloc_seq == 0) /* initialised at its first allocation */
		return LOCK_RIGHT;
	walk_announced(w, vma, &readers, &writer);
	*want += readers + (writer_waits(w, vma) ? VM_REFCNT_EXCLUDE_READERS_FLAG : 0);
	if (count == *want)
		return LOCK_RIGHT;
	complain(w, "VMA object %#x: vm_refcnt %#x, but %#x is what the living hold",
		 REF(w->self, vma), count, *want);
	return LOCK_COUNT;
}

static void repair_refcnt(const struct walk *w, struct vm_area_struct *vma, u32 want)
{
	if (MUTANT(dead_writer_excludes)) /* the readers' part alone */
		want |= load_relaxed_u32(&vma->vm_refcnt) & VM_REFCNT_EXCLUDE_READERS_FLAG;
	store_relaxed_u32(&vma->vm_refcnt, want);
	if (w->out)
		w->out->locks_fixed++;
}

static void walk_vma_lock(const struct walk *w, void *object)
{
	u32 want;

	if (find_in_refcnt(w, object, &want) && w->repair)
		repair_refcnt(w, object, want);
}
#endif

void walk_vma_locks(const struct walk *w, u32 from, u32 to)
{
#if VMA_LOCK_PER_VMA
	/* Every object of the cache, free ones too: a reader of a former life may have been killed
	 * with its count taken. */
	u32 index = VMA_LOCK_SEPARATE ? CACHE_VMA_LOCK : CACHE_VMA;
	const struct kmem_cache *cache = &w->seg->hdr->caches[index];

	for (u32 page = from; page < to; page++) {
		const struct page_desc *desc = &w->seg->page_descs[page];
		u8 *base = w->seg->pages + ((u64)page << PAGE_SHIFT);

		if (desc->kind != PAGE_SLAB || desc->cache != index)
			continue;
		for (u32 i = 0; i < cache->objs_per_slab; i++)
			walk_vma_lock(w, base + (u64)i * cache->slot_bytes);
	}
#else
	(void)w, (void)from, (void)to;
#endif
}

/* --- all --- */

/* Writers that wait for the readers of a VMA look again at what was set. */
static void wake_vma_writers(const struct walk *w)
{
	struct mm_struct *mms = mm_table(w->seg);

	for (u32 i = 0; i < w->seg->hdr->config.mms_max; i++) {
		if (!load_relaxed_u32(&mms[i].vma_writer_waits))
			continue;
		add_acq_rel_u32(&mms[i].vma_writer_wait, 1);
		futex_wake(&mms[i].vma_writer_wait, FUTEX_ALL);
	}
}

static void repair_mutexes(const struct walk *w)
{
	struct seg_header *hdr = w->seg->hdr;
	struct mm_struct *mms = mm_table(w->seg);

	for (u32 i = 0; i < hdr->config.mms_max; i++)
		mutex_repair(w->seg, &mms[i].page_table_lock, w->dead);
	for (u32 i = 0; i < ARRAY_SIZE(hdr->anon_locks); i++)
		mutex_repair(w->seg, &hdr->anon_locks[i], w->dead);
	for (u32 i = 0; i < KMEM_CACHES_MAX; i++)
		mutex_repair(w->seg, &hdr->caches[i].lock, w->dead);
	mutex_repair(w->seg, &hdr->pages.lock, w->dead);
	frame_pool_repair(w->seg, w->dead);
	mutex_repair(w->seg, &hdr->slots_lock, w->dead);
	mutex_repair(w->seg, &hdr->rcu.advance_lock, w->dead);
}

void walk_table_locks(const struct walk *w)
{
	for (u32 i = 0; i < w->seg->hdr->config.mms_max; i++)
		walk_mm_lock(w, i);
	for (u32 i = 0; i < w->seg->hdr->file_hint; i++)
		walk_file_lock(w, i);
	walk_user_locks(w);
}

void walk_locks(const struct walk *w)
{
	walk_table_locks(w);
	walk_vma_locks(w, 0, w->seg->hdr->pages.pages_populated);
	if (!w->repair)
		return;
	wake_vma_writers(w);
	repair_mutexes(w);
}
