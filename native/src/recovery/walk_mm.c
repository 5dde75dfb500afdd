/* SPDX-License-Identifier: Apache-2.0 */
/*
 * walk_mm.c: the walk over one mm: tree, VMAs, side objects, page tables; and over files. It
 * marks and counts what it comes to, asks what is wrong with it (walk_mm_find.c), and in a recovery
 * has it put right (walk_mm_repair.c).
 *
 * Invariants: the tree is well formed; a VMA's range is the tree's, its vm_mm is this mm, it is
 * attached; map_count and totals (from the flags of the VMAs) add up; mm_lock_seq is even and no
 * VMA has a stamp that it has not passed, when nobody writes; every page-table entry lies in a VMA,
 * is not busy, is writable only if the VMA is, is a guard only if the VMA has the flag; chains,
 * names and files carry the counts that the walk finds.
 */
#include "vmalab/lock_model.h"
#include "walk_mm.h"

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

static void on_entry(void *arg, const struct range_entry *e)
{
	struct walk *w = arg;
	struct vm_area_struct *vma = vl_ptr(w->seg, e->ref);
	u32 wrong;

	if (w->mm_busy && kmem_cache_owns(w->seg, CACHE_VMA, e->ref) && vma->vm_mm != w->mm_id)
		return; /* fork under way: still the parent's */
	if (!walk_mark(w, CACHE_VMA, e->ref, "tree entry"))
		return;
	walk_vma_objects(w, e->ref);
	if (vma->vm_mm != w->mm_id)
		complain(w, "mm %#lx: VMA %#lx belongs to mm %#lx", w->mm_id, e->start, vma->vm_mm);
	if (!w->mm_busy) {
		wrong = find_in_vma(w, e, vma);
		if (w->repair && wrong)
			repair_vma(w, e, vma, wrong);
	}
	w->mm_scope |= scope_has_vma(w, vma);
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
	if (w->frame_refs)
		w->frame_refs[frame]++;
	w->entries++;
	return true;
}

static const struct vm_area_struct *vma_of(struct walk *w, u64 addr)
{
	if (addr < w->last.start || addr >= w->last.end)
		tree_get(w->self, &w->mm->mm_mt, addr, &w->last);
	return w->last.ref ? vl_ptr(w->seg, w->last.ref) : NULL;
}

/* The common case, of anonymous memory: nothing of find_in_pte is wrong with the entry, and
 * repair_pte_of_busy would do nothing. There may be
 * a hundred million of them, and the world stands while they are looked at. */
static inline bool pte_plain(const struct vm_area_struct *vma, pte_t pte)
{
	u64 needs = (pte & PTE_WRITE ? VM_WRITE : 0) | (pte_is_guard(pte) ? VM_MAYBE_GUARD : 0);

	return vma && !vma->vm_file && !(pte & PTE_BUSY) && (vma->vm_flags & needs) == needs;
}

void walk_pte(void *arg, pte_t *pte, u64 addr)
{
	struct walk *w = arg;
	const struct vm_area_struct *vma;
	bool stays = true;
	u32 wrong;

	if (likely(addr >= w->last.start && addr < w->last.end && w->last.ref &&
		   pte_plain(vl_ptr(w->seg, w->last.ref), *pte))) {
		count_frame(w, *pte);
		return;
	}
	if (w->mm_busy) {
		if (w->repair)
			stays = repair_pte_of_busy(w, vma_of(w, addr), pte, addr);
	} else {
		vma = vma_of(w, addr);
		wrong = find_in_pte(w, vma, *pte, addr);
		if (w->repair && wrong)
			stays = repair_pte(w, vma, pte, wrong);
	}
	if (stays)
		count_frame(w, *pte);
}

void walk_begin_mm(struct walk *w, struct mm_struct *mm, u32 index, u32 writer)
{
	w->mm = mm;
	w->mm_id = life_id(mm->generation, index);
	w->mm_busy = writer != 0;
	w->mm_scope = !w->repair || scope_has_mm(w, mm);
	w->mm_vmas = 0;
	w->entries = 0;
	w->counted = (struct mm_struct){0};
	w->last = (struct range_entry){0};
}

/* The slot, and the tree of what lives in it; *writer: index + 1 of who writes to it, and lives.
 * False: nothing is in it. */
static bool walk_tree(struct walk *w, struct mm_struct *mm, u32 index, u32 *writer_found)
{
	u32 readers, writer, wrong;
	const char *broken;

	walk_announced(w, &mm->mmap_lock, &readers, &writer);
	*writer_found = writer;
	if (mm->state == MM_FREE)
		return false;
	wrong = find_in_slot(w, mm, index, writer);
	if (w->repair && wrong)
		repair_slot(w, mm, wrong);
	if (wrong & (WRONG_PIN | WRONG_MAKER))
		return false;
	if (!writer && mm_unfinished(mm))
		return false; /* its maker waits for another lock first; nothing is in it yet */
	walk_begin_mm(w, mm, index, writer);
	if (w->repair)
		repair_mm_begin(w, writer);
	broken = tree_check(w->seg, &mm->mm_mt, w->repair && !writer, NULL, on_node, on_entry, w);
	if (broken && !writer)
		complain(w, "mm %#lx: tree: %s", w->mm_id, broken);
	return true;
}

static void complain_of_tables(const struct walk *w, const char *broken)
{
	if (broken)
		complain(w, "mm %#lx: page tables: %s", w->mm_id, broken);
}

static void walk_one(struct walk *w, struct mm_struct *mm, u32 index)
{
	/* Of a writer that is dead, or busy. */
	u32 stamp = mm->mm_lock_seq.sequence & 1 ? mm->mm_lock_seq.sequence : 0;
	u32 writer, wrong;

	if (!walk_tree(w, mm, index, &writer))
		return;
	complain_of_tables(w,
			   pgd_check(w->seg, &mm->pgd, on_table, w->repair ? NULL : walk_pte, w));
	if (w->repair)
		mend_mm(w, index, stamp);
	else
		w->mm_frames[index] = w->entries;
	wrong = find_in_mm(w, index, writer);
	if (w->repair)
		repair_mm(w, index, writer, wrong);
}

void walk_mms(struct walk *w)
{
	struct mm_struct *mms = mm_table(w->seg);

	for (u32 i = 0; i < w->seg->hdr->config.mms_max; i++)
		walk_one(w, &mms[i], i);
}

void walk_mm_tree(struct walk *w, u32 index)
{
	u32 writer;

	if (walk_tree(w, &mm_table(w->seg)[index], index, &writer))
		find_in_mm(w, index, writer);
}

void walk_mm_tables(struct walk *w, u32 index, u64 *at, u32 tables)
{
	struct mm_struct *mm = &mm_table(w->seg)[index];
	u32 readers, writer;

	walk_announced(w, &mm->mmap_lock, &readers, &writer);
	if (mm->state == MM_FREE || (!writer && mm_unfinished(mm))) {
		*at = PGTABLE_END;
		return;
	}
	walk_begin_mm(w, mm, index, writer);
	complain_of_tables(w, pgd_check_part(w->seg, &mm->pgd, at, tables, walk_pte, w));
}

static int on_page_beyond_end(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	struct walk *w = arg;

	(void)self;
	find_beyond_end(w, addr);
	if (w->repair)
		*pte = 0;
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
	u32 readers, writer, wrong;

	if (file->mending) { /* walk_mend.c ends the announcement */
		if (w->repair)
			file->seals_coming = 0;
		return;
	}
	walk_announced(w, &file->lock, &readers, &writer);
	if (writer)
		return;
	wrong = find_in_file(w, file, index);
	if (w->repair)
		repair_file(file, wrong);
	pte_walk(w->self, &file->cache, pages << PAGE_SHIFT, FILE_PAGES_MAX << PAGE_SHIFT,
		 on_page_beyond_end, w);
}

void walk_file(struct walk *w, u32 index, u64 *at, u32 tables)
{
	struct file *file = &file_table(w->seg)[index];
	const char *broken;

	w->mm_id = 0;
	if (!file->state) {
		*at = PGTABLE_END;
		return;
	}
	if (*at == 0)
		cut_ended(w, file, index);
	broken = pgd_check_part(w->seg, &file->cache, at, tables, on_cache_pte, w);
	if (broken)
		complain(w, "file %u: page cache: %s", index, broken);
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
		broken = pgd_check(w->seg, &files[i].cache, on_table,
				   w->repair ? NULL : on_cache_pte, w);
		if (broken)
			complain(w, "file %u: page cache: %s", i, broken);
	}
	if (w->repair)
		mend_files(w);
}
