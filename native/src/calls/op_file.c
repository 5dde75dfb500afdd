/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_file.c: files that change under their mappings: truncation, holes, allocation.
 *
 *   file's lock write -> the new size (truncation) -> [cut_from, cut_to) announced -> pages out of
 *   the page cache -> for each mm, its mmap_lock read: entries out of the mappings -> end of the
 *   announcement -> unlock
 *
 * There is no list of the mappings of a file (kernel: i_mmap). All mms are looked through instead,
 * one at a time: a VMA carries nothing for it, recovery has nothing to rebuild, and who truncates a
 * mapped file pays. What keeps the look-through complete:
 *
 *   A fault that found the page before: FILE-3 (file.c). It takes its entry back.
 *   A fork: its child's slot may be behind us while its parent is before us, and the entries that
 *   it copies are already out of the file. FILE-4: fork marks the child's slot as used before it
 *   looks at cut_from, and we store cut_from before we look at the slots, each with a full barrier.
 *   Either fork sees what is being cut, and leaves it out; or we see the slot, whose mmap_lock it
 *   holds. A fork that began after we had passed its parent has nothing stale to copy.
 *   mremap moves entries with mmap_lock held for writing, so before us or after us.
 *
 * A truncation takes private copies too, a hole does not (kernel: unmap_mapping_range, even_cows).
 * A killed owner leaves a size that is published, pages and entries beyond it, and the
 * announcement: recovery takes out what lies beyond the end or is not the page of the file
 * (walk_mm.c), and ends the announcement. (kernel: truncate_setsize, shmem_fallocate)
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"
#include "vmalab/resident.h"
#include "vmalab/safe_point.h"

struct cut {
	struct file *file;
	u64 from, to; /* page offsets */
	bool even_cows;
	/* of the VMA at hand */
	const struct mm_struct *mm;
	bool keep_wp;
};

static int drop_entry(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	const struct cut *cut = arg;
	pte_t old = load_acquire_u64(pte);

	(void)addr;
	while (old && !pte_is_marker(old) &&
	       (cut->even_cows || !(old & PTE_ANON) || pte_frame(old) == FRAME_ZERO)) {
		pte_t left = cut->keep_wp && (old & PTE_UFFD_WP) ? PTE_WP_MARKER : 0;

		if (!cmpxchg_acq_rel_u64(pte, &old, left))
			continue;
		recount_note(self, pte, old, left);
		mm_entry_gone(self, cut->mm, old);
		break;
	}
	return 0;
}

static int drop_cached(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	pte_t old = xchg_full_u64(pte, 0);

	(void)addr;
	(void)arg;
	recount_note(self, pte, old, 0);
	if (old)
		frame_put(self, pte_frame(old));
	return 0;
}

/* mmap_lock is held for reading. */
static void cut_mm(struct participant *self, struct mm_struct *mm, struct cut *cut)
{
	u32 number = file_number(cut->file);
	struct range_entry e;

	cut->mm = mm;
	for (u64 at = 0; tree_find(self, &mm->mm_mt, at, UINT64_MAX, &e); at = e.end) {
		const struct vm_area_struct *vma = PTR(self, e.ref);
		u64 first = vma_pgoff(vma), last = first + vma_pages(vma);
		u64 from = first > cut->from ? first : cut->from, to = min_u64(last, cut->to);

		cut->keep_wp = vma_keeps_wp(vma);
		if (vma->vm_file == number && from < to)
			(void)pte_walk_long(self, &mm->pgd,
					    e.start + ((from - first) << PAGE_SHIFT),
					    e.start + ((to - first) << PAGE_SHIFT), false,
					    drop_entry, cut);
	}
}

static void cut_begin(const struct cut *cut)
{
	struct file *file = cut->file;

	store_relaxed_u32(&file->cut_even_cows, cut->even_cows);
	store_relaxed_u64(&file->cut_to, cut->to);
	store_release_u64(&file->cut_from, cut->from);
	fence_full(); /* pairs: FILE-3 (file.c:file_page_current, file.c:made_page), FILE-4
			 (op_file.c:file_being_cut) */
	STEP(cut_begun);
}

static void cut_end(struct file *file)
{
	store_release_u64(&file->cut_to, 0);
}

static void cut_cache(struct participant *self, const struct cut *cut)
{
	(void)pte_walk_long(self, &cut->file->cache, cut->from << PAGE_SHIFT, cut->to << PAGE_SHIFT,
			    false, drop_cached, NULL);
	STEP(cut_uncached);
}

static void cut_mms(struct participant *self, struct cut *cut)
{
	struct mm_struct *table = mm_table(self->seg);

	for (u32 i = 0; i < self->seg->hdr->config.mms_max; i++) {
		u32 state = load_acquire_u32(&table[i].state);

		if (state != MM_LIVE && state != MM_BUILDING)
			continue;
		down_read(self, &table[i].mmap_lock, HOLD_MMAP);
		cut_mm(self, &table[i], cut);
		up_read(self, &table[i].mmap_lock, HOLD_MMAP);
		STEP(cut_mm, &table[i]);
	}
	STEP(cut_done);
}

/* The file's lock is held for writing; a new size is stored. */
static void cut_pages(struct participant *self, struct cut *cut)
{
	cut_begin(cut);
	INTACT(unmapped_before_uncached, cut_cache(self, cut));
	cut_mms(self, cut);
	MUTATE(unmapped_before_uncached, cut_cache(self, cut));
	cut_end(cut->file);
}

/* For fork: is the entry of that page of the file, a private copy or not, on its way out? */
bool file_being_cut(const struct file *file, u64 pgoff, bool cow)
{
	fence_full(); /* pairs: FILE-4 (op_file.c:cut_begin) */
	return pgoff >= load_acquire_u64(&file->cut_from) &&
	       pgoff < load_relaxed_u64(&file->cut_to) &&
	       (!cow || load_relaxed_u32(&file->cut_even_cows));
}

/* The bytes [from, to) of the page's word become zero. */
static void clear_bytes(struct participant *self, const struct file *file, u64 pgoff, u64 from,
			u64 to)
{
	const pte_t *pte = pte_lookup(self->seg, &file->cache, pgoff << PAGE_SHIFT);
	pte_t entry = pte ? load_acquire_u64(pte) : 0;
	u64 mask = 0;

	for (u64 byte = from; byte < min_u64(to, sizeof(u64)); byte++)
		mask |= 0xfful << byte * 8;
	if (entry && mask)
		and_relaxed_u64(frame_word(self->seg, pte_frame(entry)), ~mask);
}

/* The file with its lock held for writing and a reference that keeps it, or NULL. */
static struct file *file_lock(struct participant *self, u64 id)
{
	struct file *file = file_pin(self, id, 0);

	if (!file)
		return NULL;
	down_write(self, &file->lock, HOLD_MMAP2);
	event_lock(self, EVENT_TAKEN, EVENT_LOCK_FILE, &file->lock);
	STEP(cut_locked);
	return file;
}

static void file_unlock(struct participant *self, struct file *file)
{
	event_lock(self, EVENT_GIVEN, EVENT_LOCK_FILE, &file->lock);
	up_write(self, &file->lock, HOLD_MMAP2);
	file_unpin(self, 0);
}

/* Returns 0, -EBADF, -EFBIG, -EINVAL or -EPERM. */
s64 op_file_truncate(struct participant *self, u64 id, u64 size)
{
	struct file *file;
	struct cut cut = {.to = FILE_PAGES_MAX, .even_cows = true};
	u64 old;

	if ((s64)size < 0)
		return -EINVAL;
	if (size > FILE_PAGES_MAX << PAGE_SHIFT)
		return -EFBIG;
	file = file_lock(self, id);
	if (!file)
		return -EBADF;
	old = file->size;
	if (file->seals & (size < old ? F_SEAL_SHRINK : size > old ? F_SEAL_GROW : 0)) {
		file_unlock(self, file);
		return -EPERM;
	}
	cut.file = file;
	cut.from = PAGE_ALIGN(size) >> PAGE_SHIFT;
	if (MUTANT(unmapped_before_sized) && size < old)
		cut_pages(self, &cut);
	store_relaxed_u64(&file->size, size);
	STEP(cut_sized);
	if (size < old && (size & ~PAGE_MASK))
		clear_bytes(self, file, size >> PAGE_SHIFT, size & ~PAGE_MASK, PAGE_SIZE);
	if (cut.from < PAGE_ALIGN(old) >> PAGE_SHIFT && !MUTANT(unmapped_before_sized))
		cut_pages(self, &cut);
	file_unlock(self, file);
	return 0;
}

/* The most bytes that a file may have. (kernel: s_maxbytes, of ext4 with blocks of 4 KiB) */
static u64 bytes_max(const struct file *file)
{
	return file_is_shmem(file) ? INT64_MAX : (1ul << 44) - PAGE_SIZE;
}

/* What lies whole in [start, end) becomes a hole, the rest zero bytes. */
static void punch(struct participant *self, struct file *file, u64 start, u64 end)
{
	struct cut cut = {.file = file,
			  .from = PAGE_ALIGN(start) >> PAGE_SHIFT,
			  .to = min_u64(end >> PAGE_SHIFT, FILE_PAGES_MAX)};

	if (cut.from >= FILE_PAGES_MAX)
		return; /* no page can be there */
	if (start & ~PAGE_MASK)
		clear_bytes(self, file, start >> PAGE_SHIFT, start & ~PAGE_MASK,
			    end >> PAGE_SHIFT == start >> PAGE_SHIFT ? end & ~PAGE_MASK
								     : PAGE_SIZE);
	if ((end & ~PAGE_MASK) && end >> PAGE_SHIFT == cut.to && cut.to >= cut.from)
		clear_bytes(self, file, end >> PAGE_SHIFT, 0, end & ~PAGE_MASK);
	if (cut.from < cut.to)
		cut_pages(self, &cut);
}

/* Mode 0: the file has at least that size; one of memory has its pages. */
static s64 allocate(struct participant *self, struct file *file, u64 start, u64 end, bool keep_size)
{
	bool sigbus = false;
	u32 steps = 0;

	if (!keep_size && end > file->size)
		store_relaxed_u64(&file->size, end);
	if (file->kind != VMA_SHMEM)
		return 0;
	for (u64 page = start >> PAGE_SHIFT; page < PAGE_ALIGN(end) >> PAGE_SHIFT; page++) {
		if (file_page_allocate(self, file, page, &sigbus) == FRAME_NONE)
			return sigbus ? 0 : -ENOSPC;
		rcu_poll(self);
		if (safe_step(self, &steps) != 0)
			return -EINTR;
	}
	return 0;
}

/* Modes 0, KEEP_SIZE, and PUNCH_HOLE with KEEP_SIZE. */
s64 op_file_allocate(struct participant *self, u64 id, u32 mode, u64 start, u64 len)
{
	struct file *file;
	s64 err = 0;

	if ((s64)start < 0 || (s64)len <= 0)
		return -EINVAL;
	if (mode & ~(FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE) || mode == FALLOC_FL_PUNCH_HOLE)
		return -EOPNOTSUPP;
	file = file_lock(self, id);
	if (!file)
		return -EBADF;
	if (start + len > bytes_max(file))
		err = -EFBIG;
	else if (file->seals & (mode & FALLOC_FL_PUNCH_HOLE ? F_SEAL_WRITE | F_SEAL_FUTURE_WRITE
				: start + len > file->size  ? F_SEAL_GROW
							    : 0))
		err = -EPERM;
	else if (mode & FALLOC_FL_PUNCH_HOLE)
		punch(self, file, start, start + len);
	else if (start + len > FILE_PAGES_MAX << PAGE_SHIFT)
		err = -EFBIG;
	else
		err = allocate(self, file, start, start + len, mode & FALLOC_FL_KEEP_SIZE);
	file_unlock(self, file);
	return err;
}
