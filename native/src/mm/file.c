/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.c: files and anonymous shared memory: identity, size, page cache.
 *
 * file.refs counts the VMAs that map it plus its opens; it is taken with increment-unless-zero, so
 * a file that is on its way out is never found again (kernel: get_file on a typesafe struct file).
 * The id holds the slot's generation (lives.h), compared after the reference is taken; who has a
 * reference may name the file by its number alone. Who drops the last reference makes the file
 * FILE_CLOSED, takes its pages away at the end of the operation, and frees the slot under the slots
 * lock.
 *
 * The page cache is a page table keyed by file offset; an entry holds one reference of its frame.
 * FILE-3  Who takes pages out of a file stores the size, or empties the entry of the cache, and
 * looks at page tables then; who has made an entry in a page table looks at size and cache then. A
 * full barrier on both sides: one of the two sees the other. Without it: an entry that names a page
 * that the file no longer has.
 * A killed owner leaves refs too high: recovery recounts them from VMAs and opens. A file that its
 * releaser left FILE_CLOSED has none, and recovery frees it with what is left of its pages.
 *
 * An open lasts until it is closed. A leased one ends with the lease too (keep_until_ns): who holds
 * the file renews that, and who reaps closes all leased opens when the time is over.
 */
#include "vmalab/lock_model.h"

#define INO_FOREIGN (1ull << 63) /* numbers from here on do not move next_ino to its end */

static u64 file_owner(const struct file *file)
{
	return table_owner(TABLE_OF_FILE | (file->index + 1u), file->account);
}

u32 file_number(const struct file *file)
{
	return file->index + 1;
}

u64 file_id(const struct file *file)
{
	return life_id(file->generation, file_number(file));
}

bool file_is_shmem(const struct file *file)
{
	return file->kind == VMA_SHMEM || file->dev == 1 ||
	       strncmp(file->name, "/dev/shm/", strlen("/dev/shm/")) == 0;
}

struct file *file_find(const struct vl_seg *seg, u64 id)
{
	u32 index = life_slot(id) - 1;
	struct file *file;

	if (index >= seg->hdr->config.files_max)
		return NULL;
	file = &file_table(seg)[index];
	return load_acquire_u32(&file->state) && file_id(file) == id ? file : NULL;
}

struct file *file_get(const struct vl_seg *seg, u32 number)
{
	VL_ASSERT(number - 1 < seg->hdr->config.files_max);
	return &file_table(seg)[number - 1];
}

static bool refs_inc_not_zero(struct file *file)
{
	u32 refs = load_relaxed_u32(&file->refs); /* relaxed: the cmpxchg decides */

	while (refs) {
		/* acquire: identity is read after the reference is taken. pairs: FILE-1
		 * (file.c:file_init) */
		if (cmpxchg_acquire_u32(&file->refs, &refs, refs + 1))
			return true;
	}
	return false;
}

static int drop_page(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	pte_t old = xchg_acq_rel_u64(pte, 0);

	(void)addr;
	(void)arg;
	recount_note(self, pte, old, 0);
	frame_put(self, pte_frame(old));
	return 0;
}

static void file_release(struct participant *self, struct file *file)
{
	(void)pte_walk_long(self, &file->cache, 0, PGTABLE_END, false, drop_page, NULL);
	pgd_destroy(self, &file->cache, true);
	(void)mutex_lock(self, &self->seg->hdr->slots_lock);
	account_add(self, file->account, CHARGE_FILES, -1);
	store_release_u32(&file->state, 0);
	mutex_unlock(self, &self->seg->hdr->slots_lock);
}

/* Without references: nobody finds it any more. Where the last one is dropped there may be a VMA in
 * hand, and locks: its pages go at the end of the operation. (kernel: fput, delayed_fput) */
static void file_closed(struct participant *self, struct file *file)
{
	file->releaser = (u16)(self->index + 1);
	file->closed_next = (u16)self->files_closed;
	store_relaxed_u32(&file->state, FILE_CLOSED);
	self->files_closed = file_number(file);
}

void files_release_slow(struct participant *self)
{
	while (self->files_closed) {
		struct file *file = file_get(self->seg, self->files_closed);

		self->files_closed = file->closed_next;
		file_release(self, file);
	}
}

static void refs_put(struct participant *self, struct file *file)
{
	/* acq_rel: all uses come before the release of the page cache by whoever drops the last
	 * reference */
	if (add_acq_rel_u32(&file->refs, (u32)-1) == 0)
		file_closed(self, file);
}

/* Files of memory: memfd and System V on the kernel's own mount, POSIX shared memory. A segment of
 * System V counts who has it attached, as a driver may. */
static u32 kind_of(u64 dev, const char *name)
{
	if (dev == SHMEM_DEV && strncmp(name, "/SYSV", strlen("/SYSV")) == 0)
		return VMA_DRIVER;
	return dev == SHMEM_DEV || strncmp(name, "/dev/shm/", 9) == 0 ? VMA_SHMEM : VMA_FILE;
}

static void file_init(const struct participant *self, struct file *file, u32 index, u64 dev,
		      u64 ino, u64 size, const char *name, u32 kind, bool named, u32 account)
{
	file->generation += GENERATION_STEP;
	file->index = (u16)index;
	file->dev = dev;
	file->ino = ino;
	file->size = size;
	file->cache = (struct pgd){0};
	file->kind = (u8)kind;
	file->accounted = 0;
	file->opens = 0;
	file->keep_until_ns = 0;
	file->shared = self->shares_new;
	file->named = named;
	file->account = (u16)account;
	file->cut_from = file->cut_to = 0;
	file->cut_even_cows = 0;
	file->seals = file->seals_coming = file->seals_refused = 0;
	memset(file->name, 0, sizeof(file->name));
	strncpy(file->name, name, sizeof(file->name) - 1);
	store_release_u32(&file->refs, 1); /* pairs: FILE-1 (file.c:refs_inc_not_zero) */
	store_release_u32(&file->state, FILE_USED);
}

static void keep_until(struct file *file, u64 until)
{
	u64 old = load_relaxed_u64(&file->keep_until_ns); /* relaxed: the cmpxchg decides */

	while (old < until && !cmpxchg_relaxed_u64(&file->keep_until_ns, &old, until))
		;
}

/* For a mapped file: the same (dev, ino) gives the same file, as it is, if it is of the same
 * account or shared; an open is counted, which is leased for ttl_ns if that is not 0. For
 * shared anonymous memory (VMA_SHMEM) always a new one, with one reference that
 * becomes the VMA's; ino 0: the next free one. NULL: the file table is full, or the file has been
 * opened FILE_OPENS_MAX times; noted (limit_note). */
struct file *file_open(struct participant *self, u64 dev, u64 ino, u64 size, const char *name,
		       u32 kind, u32 account, u64 ttl_ns)
{
	struct seg_header *hdr = self->seg->hdr;
	struct file *table = file_table(self->seg), *found = NULL;
	bool named = kind != VMA_SHMEM, full = false;

	(void)mutex_lock(
		self, &hdr->slots_lock); /* stolen: states are single words, nothing to rebuild */
	if (named) {
		kind = kind == VMA_FILE ? kind_of(dev, name) : kind;
		for (u32 i = 0; i < hdr->file_hint && !found; i++) {
			struct file *f = &table[i];

			if (f->state && f->named && f->dev == dev && f->ino == ino &&
			    (f->shared || f->account == account) && refs_inc_not_zero(f)) {
				found = f;
				full = file_opens(f) == FILE_OPENS_MAX;
			}
		}
	}
	if (!found)
		limit_note(self, VL_LIMIT_FILES_MAX, hdr->config.files_max, 0);
	for (u32 i = 0; i < hdr->config.files_max && !found; i++) {
		if (!account_room(self, account, CHARGE_FILES, 1))
			break;
		if (table[i].state || !life_left(table[i].generation))
			continue;
		found = &table[i];
		if (!named && !ino)
			ino = ++hdr->next_ino;
		if (!named && ino < INO_FOREIGN)
			hdr->next_ino = max_u64(hdr->next_ino, ino);
		file_init(self, found, i, dev, ino, size, name, kind, named, account);
		account_add(self, account, CHARGE_FILES, 1);
		limit_forget(self);
		if (i >= hdr->file_hint)
			hdr->file_hint = i + 1;
	}
	if (found && named && !full) {
		if (ttl_ns)
			keep_until(found, now_ns() + ttl_ns);
		store_relaxed_u64(&found->opens,
				  found->opens + 1 + ((u64)(ttl_ns != 0) << OPENS_SHIFT));
	}
	mutex_unlock(self, &hdr->slots_lock);
	if (likely(!full))
		return found;
	refs_put(self, found);
	limit_note(self, VL_LIMIT_FILE_OPENS_MAX, FILE_OPENS_MAX, 0);
	return NULL;
}

/* Takes an open away: one that is leased, or one that is not. */
static int close_one(struct participant *self, u64 id, bool leased)
{
	struct file *file = file_find(self->seg, id);
	bool open = false;

	if (!file)
		return VL_E_INVALID;
	(void)mutex_lock(self, &self->seg->hdr->slots_lock);
	if (file_id(file) == id &&
	    (leased ? file_opens_leased(file) : file_opens(file) - file_opens_leased(file))) {
		store_relaxed_u64(&file->opens,
				  file->opens - 1 -
					  ((u64)leased << OPENS_SHIFT)); /* under the lock */
		open = true;
	}
	mutex_unlock(self, &self->seg->hdr->slots_lock);
	if (!open)
		return VL_E_INVALID;
	refs_put(self, file);
	return 0;
}

int file_close(struct participant *self, u64 id)
{
	return close_one(self, id, false);
}

int file_give_up(struct participant *self, u64 id)
{
	return close_one(self, id, true);
}

int file_keep(struct participant *self, u64 id, u64 ttl_ns)
{
	struct file *file = file_find(self->seg, id);
	int err = VL_E_INVALID;

	if (!file)
		return err;
	/* The lock: who reaps looks at the time and takes the opens away under it. */
	(void)mutex_lock(self, &self->seg->hdr->slots_lock);
	if (file->state && file_id(file) == id && file_opens(file)) {
		keep_until(file, now_ns() + ttl_ns);
		err = 0;
	}
	mutex_unlock(self, &self->seg->hdr->slots_lock);
	return err;
}

/* A death between the word and the references leaves these too high: recovery recounts them. */
static bool reap_one(struct participant *self, struct file *file, u64 now)
{
	u32 leased = 0;

	(void)mutex_lock(self, &self->seg->hdr->slots_lock);
	if (file->state && file->keep_until_ns <= now) {
		leased = file_opens_leased(file);
		store_relaxed_u64(&file->opens, file_opens(file) - leased);
	}
	mutex_unlock(self, &self->seg->hdr->slots_lock);
	/* acq_rel: as in refs_put */
	if (leased && add_acq_rel_u32(&file->refs, -leased) == 0)
		file_closed(self, file);
	return leased != 0;
}

int file_reap(struct participant *self)
{
	struct file *table = file_table(self->seg);
	u64 now = now_ns();
	int reaped = 0;

	for (u32 i = 0; i < self->seg->hdr->file_hint; i++) {
		/* relaxed: it is looked at again under the lock */
		if (load_relaxed_u64(&table[i].opens) >> OPENS_SHIFT == 0 ||
		    load_relaxed_u64(&table[i].keep_until_ns) > now)
			continue;
		if (core_enter(self) != 0)
			return VL_E_BROKEN;
		reaped += reap_one(self, &table[i], now);
		files_release(self);
		core_exit(self);
	}
	return reaped;
}

void file_cover(struct file *file, u64 size)
{
	u64 old = load_relaxed_u64(&file->size); /* relaxed: the cmpxchg decides */

	while (old < size && !cmpxchg_relaxed_u64(&file->size, &old, size))
		;
}

void file_map(struct participant *self, u32 number)
{
	VL_ASSERT(refs_inc_not_zero(file_get(self->seg, number)));
}

void file_unmap(struct participant *self, u32 number)
{
	refs_put(self, file_get(self->seg, number));
}

struct file *file_pin(struct participant *self, u64 id, u32 place)
{
	struct file *file = file_find(self->seg, id);

	if (!file || !refs_inc_not_zero(file))
		return NULL;
	if (file_id(file) != id) {
		refs_put(self, file);
		return NULL;
	}
	file_pin_made(self, file_number(file), place);
	return file;
}

void file_pin_number(struct participant *self, u32 number, u32 place)
{
	file_map(self, number);
	file_pin_made(self, number, place);
}

void file_pin_made(struct participant *self, u32 number, u32 place)
{
	store_relaxed_u32(&self->area->file_pins[place], number);
}

void file_pin_moved(struct participant *self, u32 place)
{
	store_relaxed_u32(&self->area->file_pins[place], 0);
}

void file_unpin(struct participant *self, u32 place)
{
	u32 number = self->area->file_pins[place];

	file_pin_moved(self, place);
	file_unmap(self, number);
}

/* relaxed: who must see a new size has a barrier before */
bool file_beyond_end(const struct file *file, u64 pgoff)
{
	return pgoff >= PAGE_ALIGN(load_relaxed_u64(&file->size)) >> PAGE_SHIFT ||
	       pgoff >= FILE_PAGES_MAX;
}

/* The end may have passed the new page before it was there to be taken out. */
static u32 made_page(struct participant *self, struct file *file, u64 pgoff, pte_t *pte, pte_t made,
		     bool *sigbus)
{
	u32 frame = pte_frame(made);

	fence_full(); /* pairs: FILE-3 (op_file.c:cut_begin) */
	if (likely(!file_beyond_end(file, pgoff)))
		return frame;
	*sigbus = true;
	if (cmpxchg_full_u64(pte, &made, 0)) {
		recount_note(self, pte, made, 0);
		frame_put(self, frame);
	}
	return FRAME_NONE;
}

static u32 page_get(struct participant *self, struct file *file, u64 pgoff, u64 flags, bool *sigbus)
{
	pte_t *pte, old, made;
	u32 frame;

	*sigbus = file_beyond_end(file, pgoff);
	if (*sigbus)
		return FRAME_NONE;
	pte = pte_alloc(self, &file->cache, file_owner(file), pgoff << PAGE_SHIFT);
	if (!pte)
		return FRAME_NONE;
	old = load_acquire_u64(pte);
	while (!old) {
		frame = frame_alloc_for(self, file->account);
		if (frame == FRAME_NONE)
			return FRAME_NONE;
		made = pte_make(frame, flags);
		/* release: the frame is whole before it is found. pairs: FILE-2 (file.c:page_get)
		 */
		if (cmpxchg_full_u64(pte, &old, made)) {
			recount_note(self, pte, 0, made);
			return made_page(self, file, pgoff, pte, made, sigbus);
		}
		frame_put_now(self, frame);
	}
	/* Somebody looks at it now, or allocates it once more. */
	frame = pte_frame(old); /* what it was: the page may leave the file at the same time */
	if (unlikely(old & PTE_ALLOCATED))
		(void)cmpxchg_acq_rel_u64(pte, &old, old & ~PTE_ALLOCATED);
	return frame;
}

u32 file_page(struct participant *self, struct file *file, u64 pgoff, bool *sigbus)
{
	return page_get(self, file, pgoff, 0, sigbus);
}

u32 file_page_allocate(struct participant *self, struct file *file, u64 pgoff, bool *sigbus)
{
	return page_get(self, file, pgoff, PTE_ALLOCATED, sigbus);
}

/* Frames that are lacking are no error: it is a hint. */
void file_read_ahead(struct participant *self, struct file *file, u64 pgoff, u64 end)
{
	bool sigbus = file->kind != VMA_FILE;

	for (; pgoff < end && !sigbus; pgoff++) {
		if (file_page(self, file, pgoff, &sigbus) == FRAME_NONE) {
			limit_forget(self);
			return;
		}
	}
}

bool file_page_current(const struct vl_seg *seg, const struct file *file, u64 pgoff, u32 frame)
{
	const pte_t *pte;

	fence_full(); /* pairs: FILE-3 (op_file.c:cut_begin) */
	if (file_beyond_end(file, pgoff))
		return false;
	pte = pte_lookup(seg, &file->cache, pgoff << PAGE_SHIFT);
	return pte && pte_frame(load_acquire_u64(pte)) == frame;
}

u32 file_page_find(const struct vl_seg *seg, const struct file *file, u64 pgoff)
{
	pte_t *pte, entry;

	if (file_beyond_end(file, pgoff))
		return FRAME_NONE;
	pte = pte_lookup(seg, &file->cache, pgoff << PAGE_SHIFT);
	entry = pte ? load_acquire_u64(pte) : 0; /* pairs: FILE-2 (file.c:file_page_add) */
	if (unlikely(entry & PTE_ALLOCATED))     /* somebody looks at it now */
		(void)cmpxchg_acq_rel_u64(pte, &entry, entry & ~PTE_ALLOCATED);
	return pte_frame(entry);
}

u32 file_page_add(struct participant *self, struct file *file, u64 pgoff, u64 word, int *err)
{
	pte_t *pte, none = 0, made;
	bool sigbus = false;
	u32 frame;

	*err = -EFAULT;
	if (file_beyond_end(file, pgoff))
		return FRAME_NONE;
	*err = -ENOMEM;
	pte = pte_alloc(self, &file->cache, file_owner(file), pgoff << PAGE_SHIFT);
	if (!pte)
		return FRAME_NONE;
	*err = -EEXIST;
	if (load_relaxed_u64(pte)) /* relaxed: the cmpxchg decides */
		return FRAME_NONE;
	*err = -ENOMEM;
	frame = frame_alloc_for(self, file->account);
	if (frame == FRAME_NONE)
		return FRAME_NONE;
	store_relaxed_u64(frame_word(self->seg, frame), word); /* published by the cmpxchg */
	/* release: the frame is whole before it is found. pairs: FILE-2 (file.c:file_page_find) */
	made = pte_make(frame, 0);
	if (!cmpxchg_full_u64(pte, &none, made)) {
		frame_put_now(self, frame);
		*err = -EEXIST;
		return FRAME_NONE;
	}
	recount_note(self, pte, 0, made);
	*err = -EFAULT;
	return made_page(self, file, pgoff, pte, made, &sigbus);
}

void file_page_remove(struct participant *self, struct file *file, u64 pgoff, u32 frame)
{
	pte_t *pte = pte_lookup(self->seg, &file->cache, pgoff << PAGE_SHIFT);
	pte_t made = pte_make(frame, 0);

	if (pte && cmpxchg_full_u64(pte, &made, 0)) {
		recount_note(self, pte, made, 0);
		frame_put(self, frame);
	}
}

bool file_page_resident(const struct vl_seg *seg, const struct file *file, u64 pgoff)
{
	pte_t *pte = pgoff < 1ul << 35 ? pte_lookup(seg, &file->cache, pgoff << PAGE_SHIFT) : NULL;

	pte_t entry = pte ? load_acquire_u64(pte) : 0;

	return entry && !(entry & PTE_ALLOCATED);
}
