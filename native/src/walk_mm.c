/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_mm.c (L6): the walker over one mm: tree, VMAs, side objects, page tables; and over files.
 *
 * Invariants: the tree is well formed; a VMA's range is the tree's, its vm_mm is this mm, it is
 * attached; map_count and totals (from the flags of the VMAs) add up; mm_lock_seq is even and no
 * VMA has a stamp that it has not passed, when nobody writes; every page-table entry lies in a VMA,
 * is not busy, is writable only if the VMA is, is a guard only if the VMA has the flag; chains,
 * names and files carry the counts that the walk finds.
 */
#include <stdio.h>

#include "vmalab/lock_model.h"
#include "vmalab/uffd.h"
#include "vmalab/walk.h"

static void count_chain(struct walk *w, const struct vm_area_struct *vma)
{
	vl_ref ref = vma->anon_vma_chain;
	u32 links = 0;
	bool own = vma->anon_vma == 0;

	for (; ref; links++) {
		const struct anon_vma_chain *avc = vl_ptr(w->seg, ref);
		struct anon_counts *counts;

		if (!walk_mark(w, CACHE_AVC, ref, "anon_vma_chain"))
			return;
		if (!kmem_cache_owns(w->seg, CACHE_ANON_VMA, avc->anon_vma)) {
			complain(w, "anon_vma_chain %#x names %#x, which is no anon_vma", ref,
				 avc->anon_vma);
			return;
		}
		counts = &w->anon[walk_granule(w, avc->anon_vma)];
		if (counts->degree++ == 0) { /* first meeting */
			const struct anon_vma *anon = vl_ptr(w->seg, avc->anon_vma);

			walk_mark(w, CACHE_ANON_VMA, avc->anon_vma, "anon_vma");
			w->anon[walk_granule(w, anon->parent)].children++;
		}
		own |= avc->anon_vma == vma->anon_vma;
		ref = avc->next;
	}
	if (links != vma->anon_vma_links && !w->mm_busy)
		complain(w, "VMA %#lx: chain has %u links, not %u", vma->vm_start, links,
			 vma->anon_vma_links);
	if (!own && !w->mm_busy)
		complain(w, "VMA %#lx: its anon_vma is not in its chain", vma->vm_start);
	if (vma->anon_vma)
		w->anon[walk_granule(w, vma->anon_vma)].active++;
}

/* What belongs to a VMA: chain, name, numab state, file. */
void walk_vma_objects(struct walk *w, vl_ref ref)
{
	const struct vm_area_struct *vma = vl_ptr(w->seg, ref);

	count_chain(w, vma);
	if (vma->anon_name && kmem_cache_owns(w->seg, CACHE_NAME, vma->anon_name)) {
		if (w->anon[walk_granule(w, vma->anon_name)].degree++ == 0)
			walk_mark(w, CACHE_NAME, vma->anon_name, "anon_vma_name");
	}
#if VMA_LOCK_SEPARATE
	if (vma->vm_lock)
		walk_mark(w, CACHE_VMA_LOCK, (vl_ref)(vma->vm_lock >> REF_SHIFT), "vma_lock");
#endif
#ifdef VL_LAB
	if (vma->vm_policy && w->anon[walk_granule(w, vma->vm_policy)].degree++ == 0)
		walk_mark(w, CACHE_POLICY, vma->vm_policy, "numa_policy");
#endif
	if (vma->numab_state)
		walk_mark(w, CACHE_NUMAB, vma->numab_state, "vma_numab_state");
	if (vma->vm_file)
		w->file_refs[vma->vm_file - 1]++;
}

static void on_node(void *arg, vl_ref node)
{
	walk_mark(arg, CACHE_NODE, node, "maple_node");
}

#if VMA_LOCK_PER_VMA
/* A VMA of the tree has the number of a writer of this mm who is gone. The sequence has passed that
 * number, or a later writer who gets it would take the VMA for write-locked. A writer that died at
 * the wrap leaves VMAs that he has not stamped anew (mm.c:stamp_all): they get the number that has
 * just been. */
static void check_stamp(struct walk *w, const struct range_entry *e, struct vm_area_struct *vma)
{
	u32 passed = (w->mm->mm_lock_seq.sequence - 1) & SEQ_MASK, stamp = vma->vm_lock_seq;

	if (((stamp & 1) && stamp <= passed) || MUTANT(published_incomplete))
		return;
	if (w->repair && !MUTANT(wrap_death_keeps_stamps))
		store_relaxed_u32(&vma->vm_lock_seq, passed);
	else if (!w->repair)
		complain(w, "mm %#lx: VMA %#lx has a stamp that mm_lock_seq has not passed",
			 w->mm_id, e->start);
}
#endif

static void check_vma(struct walk *w, const struct range_entry *e, struct vm_area_struct *vma)
{
	if (vma->vm_start != e->start || vma->vm_end != e->end) {
		if (w->repair)
			vma->vm_start = e->start, vma->vm_end = e->end;
		else
			complain(w, "mm %#lx: VMA %#lx-%#lx, but the tree says %#lx-%#lx", w->mm_id,
				 vma->vm_start, vma->vm_end, e->start, e->end);
	}
#if VMA_LOCK_PER_VMA
	if (vma->detached || vma_is_detached(vma)) {
		if (w->repair)
			vma_lock_reattach(vma);
		else
			complain(w, "mm %#lx: VMA %#lx is in the tree and detached", w->mm_id,
				 e->start);
	}
	check_stamp(w, e, vma);
#endif
	if (vma->vm_start & ~PAGE_MASK || vma->vm_end & ~PAGE_MASK || vma->vm_end > TASK_SIZE)
		complain(w, "mm %#lx: VMA %#lx-%#lx is out of bounds", w->mm_id, vma->vm_start,
			 vma->vm_end);
}

/* Flags and context go together, and a context is an open object of the mm. What was on its way in
 * has not happened; what was on its way out, alone or with its object, has. */
static void check_uffd(struct walk *w, struct vm_area_struct *vma)
{
	u32 ctx = vma->uffd_ctx;
	u32 state = ctx && ctx <= UFFDS_MAX ? (u32)(mm_uffds(w->seg, w->mm)[ctx - 1] & UFFD_STATE)
					    : 0;

	if (!ctx && !vma_is_armed(vma))
		return;
	if (vma_is_armed(vma) && (state & UFFD_READY) && !(state & UFFD_CLOSING))
		return;
	if (w->repair)
		uffd_forget(vma);
	else
		complain(
			w,
			"mm %#lx: VMA %#lx: flags %#lx of userfaultfd with context %u in state %#x",
			w->mm_id, vma->vm_start, vma->vm_flags & VM_UFFD_FLAGS, ctx, state);
}

static void on_entry(void *arg, const struct range_entry *e)
{
	struct walk *w = arg;
	struct vm_area_struct *vma = vl_ptr(w->seg, e->ref);

	if (w->mm_busy && kmem_cache_owns(w->seg, CACHE_VMA, e->ref) && vma->vm_mm != w->mm_id)
		return; /* fork under way: still the parent's */
	if (!walk_mark(w, CACHE_VMA, e->ref, "tree entry"))
		return;
	walk_vma_objects(w, e->ref);
	if (vma->vm_mm != w->mm_id)
		complain(w, "mm %#lx: VMA %#lx belongs to mm %#lx", w->mm_id, e->start, vma->vm_mm);
	if (!w->mm_busy)
		check_vma(w, e, vma);
	if (!w->mm_busy)
		check_uffd(w, vma);
	mm_account(&w->counted, vma->vm_flags, (s64)((e->end - e->start) >> PAGE_SHIFT));
	w->mm_vmas++;
}

static void on_table(void *arg, u32 page)
{
	struct walk *w = arg;

	if (w->pages_marked[page])
		complain(w, "page %u is a page table twice", page);
	if (w->seg->page_descs[page].kind != PAGE_TABLE)
		complain(w, "page %u is used as a page table but is of kind %u", page,
			 w->seg->page_descs[page].kind);
	w->pages_marked[page] = 1;
}

static bool count_frame(struct walk *w, pte_t pte)
{
	u32 frame = pte_frame(pte);

	if (pte_is_marker(pte))
		return true;
	if (frame == FRAME_ZERO) /* there before the first of the others is, and never counted */
		return true;
	if (frame >= w->seg->hdr->frames.frames_populated) {
		complain(w, "mm %#lx: an entry names frame %u, which does not exist", w->mm_id,
			 frame);
		return false;
	}
	w->frame_refs[frame]++;
	return true;
}

/* A truncation or a hole that was published and not finished: the entry goes with the page. With a
 * living truncator in the middle, which then waits for a lock, it is his to take out. */
static bool left_its_file(const struct walk *w, const struct vm_area_struct *vma, pte_t pte,
			  u64 addr)
{
	const struct file *file = vma->vm_file ? file_get(w->seg, vma->vm_file) : NULL;
	u64 pgoff = linear_page_index(vma, addr);
	u32 readers, writer;

	if (!file || vma->vm_ops == VMA_SPECIAL || pte_is_marker(pte))
		return false;
	if ((pte & PTE_ANON) ? pgoff < PAGE_ALIGN(file->size) >> PAGE_SHIFT
			     : file_page_current(w->seg, file, pgoff, pte_frame(pte)))
		return false;
	walk_announced(w, &file->lock, &readers, &writer);
	return !writer;
}

static void find_vma_of(struct walk *w, u64 addr)
{
	if (addr < w->last.start || addr >= w->last.end)
		tree_get(w->self, &w->mm->mm_mt, addr, &w->last);
}

/* In an mm whose writer lives, and waits, before or after what it does: a dead truncator's entries
 * are nobody else's to take out. */
static bool leave_with_file(struct walk *w, pte_t *pte, u64 addr)
{
	find_vma_of(w, addr);
	if (!w->last.ref || !left_its_file(w, vl_ptr(w->seg, w->last.ref), *pte, addr))
		return false;
	*pte = 0;
	if (w->out)
		w->out->ptes_fixed++;
	return true;
}

/* An entry outside all VMAs is an unmap that was published and not finished: finish it. */
static void on_pte(void *arg, pte_t *pte, u64 addr)
{
	struct walk *w = arg;
	const struct vm_area_struct *vma;

	if (w->mm_busy) {
		/* A mover cannot be caught alive by a stopped world, so a mark is a dead one's. */
		if (w->repair)
			*pte &= ~PTE_BUSY;
		if (w->repair && leave_with_file(w, pte, addr))
			return;
		count_frame(w, *pte);
		return;
	}
	find_vma_of(w, addr);
	if (!w->last.ref) {
		if (!w->repair) {
			complain(w, "mm %#lx: page %#lx is mapped outside all VMAs", w->mm_id,
				 addr);
			count_frame(w, *pte);
			return;
		}
		*pte = 0;
		if (w->out)
			w->out->ptes_fixed++;
		return;
	}
	vma = vl_ptr(w->seg, w->last.ref);
	if (left_its_file(w, vma, *pte, addr)) {
		if (w->repair) {
			*pte = 0;
			if (w->out)
				w->out->ptes_fixed++;
			return;
		}
		complain(w, "mm %#lx: page %#lx is no longer in its file", w->mm_id, addr);
	}
	if (pte_is_guard(*pte) && !(vma->vm_flags & VM_MAYBE_GUARD) && !w->repair)
		complain(w, "mm %#lx: page %#lx is a guard, and its VMA does not have the flag",
			 w->mm_id, addr);
	if (*pte & PTE_BUSY || ((*pte & PTE_WRITE) && !(vma->vm_flags & VM_WRITE))) {
		if (!w->repair)
			complain(w,
				 "mm %#lx: entry %#lx of page %#lx is busy, or writable where its "
				 "VMA is not",
				 w->mm_id, *pte, addr);
		else
			*pte &= ~(PTE_BUSY | (vma->vm_flags & VM_WRITE ? 0 : PTE_WRITE));
	}
	count_frame(w, *pte);
}

static void check_totals(struct walk *w)
{
	struct mm_struct *mm = w->mm;

	if (w->repair) {
		mm->map_count = w->mm_vmas;
		mm->total_vm = w->counted.total_vm;
		mm->data_vm = w->counted.data_vm;
		mm->locked_vm = w->counted.locked_vm;
		mm->accounted = w->counted.accounted;
		return;
	}
	if (mm->map_count != w->mm_vmas)
		complain(w, "mm %#lx: map_count %u, but %u VMAs", w->mm_id, mm->map_count,
			 w->mm_vmas);
	if (mm->total_vm != w->counted.total_vm || mm->data_vm != w->counted.data_vm ||
	    mm->accounted != w->counted.accounted)
		complain(w,
			 "mm %#lx: %lu pages, %lu of data, %lu accounted, but it has %lu, %lu, %lu",
			 w->mm_id, mm->total_vm, mm->data_vm, mm->accounted, w->counted.total_vm,
			 w->counted.data_vm, w->counted.accounted);
	if (mm->locked_vm < w->counted.locked_vm) /* it may be more: op_mlock.c */
		complain(w, "mm %#lx: locked_vm %lu, but %lu pages are locked", w->mm_id,
			 mm->locked_vm, w->counted.locked_vm);
	if (mm->mm_lock_seq.sequence & 1)
		complain(w, "mm %#lx: mm_lock_seq is odd and nobody writes", w->mm_id);
}

/* A dead maker's or destroyer's mm: forget it; the sweep frees what it was made of. */
static void drop_mm(struct walk *w, struct mm_struct *mm)
{
	mm->mm_mt.root = 0;
	pgd_begin(&mm->pgd);
	mm->map_count = 0;
	mm->total_vm = mm->data_vm = mm->locked_vm = mm->accounted = 0;
	mm->users = 0;
	mm->builder = 0;
	store_relaxed_u64(&mm->id, 0);
	store_release_u32(&mm->state, MM_FREE);
	if (w->out)
		w->out->mms_reaped++;
}

static u32 leases_of(const struct walk *w, u32 index, u64 generation)
{
	u32 sum = 0;

	for (u32 i = 0; i < load_acquire_u32(&w->seg->hdr->slots_high); i++) {
		u64 lease = load_relaxed_u64(&participant_area_of(w->seg, i)->leases[index]);

		if (lease >> LEASE_SHIFT == generation && among_living(w->seg, w->dead, i))
			sum += lease & LEASES_MAX;
	}
	return sum;
}

/* No VMA names a userfaultfd that is on its way out any more. */
static void uffds_ended(struct walk *w)
{
	u64 *uffds = mm_uffds(w->seg, w->mm);

	for (u32 i = 0; i < UFFDS_MAX; i++) {
		if (!(uffds[i] & UFFD_CLOSING))
			continue;
		if (w->repair)
			uffds[i] &= ~UFFD_STATE;
		else
			complain(w, "mm %#lx: userfaultfd %u is half closed", w->mm_id, i);
	}
}

static void walk_one(struct walk *w, struct mm_struct *mm, u32 index)
{
	u32 readers, writer;
	const char *broken;

	walk_announced(w, &mm->mmap_lock, &readers, &writer);
	if (mm->state == MM_FREE)
		return;
	if (mm->state == MM_PINNED) { /* nobody alive pins while the world is stopped */
		if (w->repair)
			store_release_u32(&mm->state, MM_FREE);
		else
			complain(w, "mm slot %u: pinned by nobody", index);
		return;
	}
	if (mm->mm_count != 1) {
		if (w->repair)
			mm->mm_count = 1;
		else
			complain(w, "mm slot %u: mm_count %u, and nobody pins", index,
				 mm->mm_count);
	}
	/* Live without an id: its maker died in the middle of publishing it. */
	if (!writer && (mm->state == MM_BUILDING || mm->state == MM_EXITING || !mm->id)) {
		if (mm->builder && among_living(w->seg, w->dead, mm->builder - 1))
			return; /* waits for another lock first; there is nothing in it yet */
		if (w->repair)
			drop_mm(w, mm);
		else
			complain(w, "mm slot %u: its maker or destroyer (participant %u) is gone",
				 index, mm->builder - 1);
		if (mm->mm_lock_seq.sequence & 1 && w->repair)
			write_seqcount_end(&mm->mm_lock_seq);
		return;
	}
	/* A table that the dead one took out without counting it is freed by the sweep: the ways
	 * that the living keep must not lead there (fault_way.h:way_serves). */
	if (w->repair)
		pgd_move(&mm->pgd);
	w->mm = mm;
	w->mm_id = life_id(mm->generation, index);
	w->mm_busy = writer != 0;
	w->mm_vmas = 0;
	w->counted = (struct mm_struct){0};
	w->last = (struct range_entry){0};
	if (w->repair && !writer && (mm->mm_lock_seq.sequence & 1)) {
		write_seqcount_end(&mm->mm_lock_seq); /* the dead writer's stamps end */
		if (w->out)
			w->out->mms_repaired++;
	}
	broken = tree_check(w->seg, &mm->mm_mt, w->repair && !writer, NULL, on_node, on_entry, w);
	if (broken && !writer)
		complain(w, "mm %#lx: tree: %s", w->mm_id, broken);
	broken = pgd_check(w->seg, &mm->pgd, on_table, on_pte, w);
	if (broken)
		complain(w, "mm %#lx: page tables: %s", w->mm_id, broken);
	if (!writer) {
		check_totals(w);
		uffds_ended(w);
	}
	if (w->repair)
		store_relaxed_u32(&mm->users, leases_of(w, index, mm->generation));
	else if (mm->users != leases_of(w, index, mm->generation))
		complain(w, "mm %#lx: users %u, but the living hold %u leases", w->mm_id, mm->users,
			 leases_of(w, index, mm->generation));
}

void walk_mms(struct walk *w)
{
	struct mm_struct *mms = mm_table(w->seg);

	for (u32 i = 0; i < w->seg->hdr->config.mms_max; i++)
		walk_one(w, &mms[i], i);
}

static int on_page_beyond_end(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	struct walk *w = arg;

	(void)self;
	if (w->repair)
		*pte = 0;
	else
		complain(w, "a page cache has a page at %#lx, beyond the end", addr);
	return 0;
}

static void on_cache_pte(void *arg, pte_t *pte, u64 addr)
{
	(void)addr;
	count_frame(arg, *pte);
}

/* Nobody alive cuts: no announcement, and no page beyond the end. */
static void cut_ended(struct walk *w, struct file *file, u32 index)
{
	u64 pages = PAGE_ALIGN(file->size) >> PAGE_SHIFT;
	u32 readers, writer;

	walk_announced(w, &file->lock, &readers, &writer);
	if (writer)
		return;
	if (w->repair)
		file->cut_to = 0;
	else if (file->cut_to)
		complain(w, "file %u: pages are cut by nobody", index);
	pte_walk(w->self, &file->cache, pages << PAGE_SHIFT, FILE_PAGES_MAX << PAGE_SHIFT,
		 on_page_beyond_end, w);
}

/* After mms and participants' VMAs: file_refs is complete only then; so the comparison is done in
 * the sweep. */
void walk_files(struct walk *w)
{
	struct file *files = file_table(w->seg);

	w->mm_id = 0;
	for (u32 i = 0; i < w->seg->hdr->file_hint; i++) {
		const char *broken;

		if (!files[i].state)
			continue;
		cut_ended(w, &files[i], i);
		broken = pgd_check(w->seg, &files[i].cache, on_table, on_cache_pte, w);
		if (broken)
			complain(w, "file %u: page cache: %s", i, broken);
	}
}
