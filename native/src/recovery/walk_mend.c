/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_mend.c: page-table entries of an address space in which a participant died in the middle of
 * something. Only those that can be wrong are looked at:
 *
 *   what may be wrong                  after a death in      where it is looked for
 *   outside all VMAs                   munmap, mremap, brk   gaps between VMAs
 *   writable where its VMA is not      mprotect              read-only VMAs that the dead writer
 *                                                            has stamped
 *   busy                               UFFDIO_MOVE           what the dead one announced (doubt, of
 *   has a page that has left its file  fault, UFFDIO_*       its area)
 *   the same, of any address space     truncation, hole      mappings of the file: what it
 *                                                            announced (cut_from, cut_to), or what
 *                                                            lies beyond the end; there the cache
 *
 * All but the busy ones are as many as the dead one's call was long. Up to MEND_FIRST of them are
 * put right in the standstill of the recovery. If there are more, the rest is for slices, and until
 * it is done recovery itself has mmap_lock for reading (mm_aside.mending): writers wait, so no area
 * comes where entries are left, and none becomes writable. Faults and other readers go on: they
 * meet no entry outside all VMAs, and the rights that count are those of the VMA.
 *
 * mm_aside.mending, while the world is stopped:
 *   0  nothing to do        -> 1 by the recovery that found more; mmap_lock gets a reader
 *   1  from mend_at on      -> 0 when all is right; mmap_lock loses it
 *
 *   A recoverer that dies in between leaves a count of mmap_lock that is not right. The recovery
 *   that follows sets it: it counts this reader (walk_lock.c).
 *
 * Of a file recovery has the lock for reading (file.mending, in the same way) until all of its
 * entries are put right. What is announced stays announced so long: the cut goes on, and recovery
 * is who cuts. A living writer that waits in the middle of its call has mmap_lock; the entries of
 * its address space are all put right in the standstill.
 */
#include "vmalab/lock_model.h"
#include "walk_mm.h"

#define MEND_FIRST 8192 /* entries, while nothing else is known of how many there are */
#define MEND_STEP  1024

struct mend {
	struct walk *w;
	u64 left; /* entries that may still be looked at */
	u64 at;   /* the first that was too many */
};

static int mend_entry(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	struct mend *m = arg;

	(void)self;
	m->at = addr;
	if (m->left == 0)
		return 1;
	m->left--;
	walk_pte(m->w, pte, addr);
	return 0;
}

/* Entries that may still be writable: a writer has changed the VMA and died. */
static bool stamped_read_only(const struct vm_area_struct *vma, u32 stamp)
{
#if VMA_LOCK_PER_VMA
	return vma->vm_lock_seq == stamp && !(vma->vm_flags & VM_WRITE);
#else
	(void)stamp;
	return !(vma->vm_flags & VM_WRITE);
#endif
}

/* The file of that VMA, if its pages are being cut, or NULL. */
static const struct file *file_mended(const struct walk *w, const struct vm_area_struct *vma)
{
	const struct file *file = vma->vm_file ? file_get(w->seg, vma->vm_file) : NULL;

	return file && file->mending ? file : NULL;
}

/* Entries of pages that leave the file, in [at, e->end). e is of the tree. */
static int mend_cut(struct mend *m, const struct range_entry *e, u64 at)
{
	struct walk *w = m->w;
	const struct vm_area_struct *vma = vl_ptr(w->seg, e->ref);
	const struct file *file = file_mended(w, vma);
	u64 first = linear_page_index(vma, at), last = linear_page_index(vma, e->end), from, to;

	if (!file)
		return 0;
	from = max_u64(first, file->cut_from);
	to = min_u64(last, file->cut_to);
	return from < to ? pte_walk(w->self, &w->mm->pgd, at + ((from - first) << PAGE_SHIFT),
				    at + ((to - first) << PAGE_SHIFT), mend_entry, m)
			 : 0;
}

/* From `at` on, at most so many entries. stamp: 0 or the dead writer's. Where the rest begins, or
 * PGTABLE_END. */
static u64 mend_part(struct walk *w, u64 at, u32 stamp, u64 entries)
{
	const struct pgd *pgd = &w->mm->pgd;
	struct mend m = {.w = w, .left = entries};
	struct range_entry e;

	for (;;) {
		bool found = tree_find(w->self, &w->mm->mm_mt, at, UINT64_MAX, &e);
		u64 gap_end = found ? e.start : PGTABLE_END;

		if (at < gap_end && pte_walk(w->self, pgd, at, gap_end, mend_entry, &m))
			return m.at;
		if (!found)
			return PGTABLE_END;
		at = max_u64(at, e.start);
		if (stamp && stamped_read_only(vl_ptr(w->seg, e.ref), stamp)
			    ? pte_walk(w->self, pgd, at, e.end, mend_entry, &m)
			    : mend_cut(&m, &e, at))
			return m.at;
		at = e.end;
	}
}

static int any_entry(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	(void)self;
	walk_pte(arg, pte, addr);
	return 0;
}

/* What the dead announced. Whose address space it is of is not said: a range of another one is
 * looked at for nothing. */
static void mend_doubts(struct walk *w)
{
	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++) {
		u64 doubt, from;

		if (!dead_set_has(w->dead, i))
			continue;
		doubt = load_relaxed_u64(&participant_area_of(w->seg, i)->doubt);
		from = doubt & PAGE_MASK;
		pte_walk(w->self, &w->mm->pgd, from, from + ((doubt & ~PAGE_MASK) << PAGE_SHIFT),
			 any_entry, w);
	}
}

/* Does it map a file whose pages are being cut? */
static bool maps_cut(const struct walk *w)
{
	struct range_entry e;

	for (u64 at = 0; tree_find(w->self, &w->mm->mm_mt, at, UINT64_MAX, &e); at = e.end)
		if (file_mended(w, vl_ptr(w->seg, e.ref)))
			return true;
	return false;
}

void mend_mm(struct walk *w, u32 index, u32 stamp)
{
	struct mm_aside *aside = mm_aside(w->seg, w->mm);
	bool cut = w->scope_files && maps_cut(w);
	u64 at;

	if (w->mm_scope)
		mend_doubts(w);
	if (w->mm_busy) { /* its writer has the lock, and so recovery cannot have it */
		if (cut)
			(void)mend_part(w, 0, 0, UINT64_MAX);
		return;
	}
	if (!cut && !scope_has_mm(w, w->mm) && !aside->mending)
		return;
	if (stamp)
		aside->mend_stamp = stamp;
	else if (!aside->mending)
		aside->mend_stamp = 0;
	at = mend_part(w, 0, aside->mend_stamp, MEND_FIRST);
	aside->mend_at = at;
	compiler_barrier();
	aside->mending = at < PGTABLE_END;
	walk_mm_lock(w, index);
}

/* --- files --- */

void mend_file_begin(struct file *file)
{
	u64 end = PAGE_ALIGN(file->size) >> PAGE_SHIFT;

	if (!file->cut_to) { /* a size that is published, perhaps, and nothing announced yet */
		file->cut_even_cows = 1;
		file->cut_from = end;
		file->cut_to = FILE_PAGES_MAX;
	} else if (file->cut_even_cows) { /* half announced, perhaps */
		file->cut_from = min_u64(file->cut_from, end);
	}
	file->mend_at = end << PAGE_SHIFT;
	compiler_barrier(); /* a kill: mending says that all of it is there */
	file->mending = 1;
}

static int mend_cached(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	struct mend *m = arg;

	(void)self;
	m->at = addr;
	if (m->left == 0)
		return 1;
	m->left--;
	*pte = 0; /* its frame is found by the recount */
	return 0;
}

/* At most so many pages beyond the ends. False: more are left. */
static bool caches_mended(const struct walk *w, u64 entries)
{
	struct mend m = {.left = entries};

	for (u32 i = 0; i < w->seg->hdr->file_hint; i++) {
		struct file *file = &file_table(w->seg)[i];

		if (!file->mending || file->state != FILE_USED)
			continue;
		if (pte_walk(w->self, &file->cache, file->mend_at, FILE_PAGES_MAX << PAGE_SHIFT,
			     mend_cached, &m)) {
			file->mend_at = m.at;
			return false;
		}
	}
	return true;
}

static void files_end(const struct walk *w)
{
	for (u32 i = 0; i < w->seg->hdr->file_hint; i++) {
		struct file *file = &file_table(w->seg)[i];

		if (!file->mending)
			continue;
		file->cut_to = 0;
		compiler_barrier(); /* a kill: nobody cuts while something is announced */
		file->mending = 0;
		walk_file_lock(w, i);
	}
}

void mend_files(struct walk *w)
{
	for (u32 i = 0; i < w->seg->hdr->config.mms_max; i++)
		if (mm_aside(w->seg, &mm_table(w->seg)[i])->mending)
			return;
	if (caches_mended(w, MEND_FIRST))
		files_end(w);
}

bool mend_step(struct walk *w, u32 *index)
{
	if (!caches_mended(w, MEND_STEP))
		return true;
	for (; *index < w->seg->hdr->config.mms_max; ++*index) {
		struct mm_struct *mm = &mm_table(w->seg)[*index];
		struct mm_aside *aside = mm_aside(w->seg, mm);

		if (!aside->mending)
			continue;
		walk_begin_mm(w, mm, *index, 0);
		aside->mend_at = mend_part(w, aside->mend_at, aside->mend_stamp, MEND_STEP);
		compiler_barrier();
		if (aside->mend_at < PGTABLE_END)
			return true;
		aside->mending = 0;
		walk_mm_lock(w, *index);
	}
	files_end(w);
	return false;
}
