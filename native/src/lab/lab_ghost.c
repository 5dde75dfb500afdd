/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lab_ghost.c: ghost state, and the invariants that it keeps. The sources say what they do
 * (lab.h: GHOST); nothing of the core ever reads what is here.
 *
 * Of every VMA object that a run meets:
 *   life      moves when it is allocated
 *   state     FREE -> DETACHED (alloc) -> ATTACHED (attach) -> DETACHED (detach) -> FREE (free)
 *   writer    who has it write-locked: from the end of vma_start_write to the end of *his*
 *             mmap_lock write section, whatever mm_lock_seq says
 *   readers   who has been granted the read lock and has not begun to give it back
 *   holds     in which life each actor took its reference, granted or not
 *   complete  all its fields are set
 *
 * Invariants (names: enum vl_lab_invariant):
 *   OVERLAP     no grant while there is a writer; no write lock while there are readers
 *   IDENTITY    a granted VMA is attached, of the mm, covers the address
 *   COMPLETE    ... and is complete
 *   LIFETIME    given up, and freed, without readers; after the reference is given back the
 *               object is not touched in another life; a foreign mm is woken only while it is
 *               that mm
 *   ATTACH      attached and detached by its writer only; freed only when detached. Where storing
 *               attaches (VMA_ATTACH_IN_STORE): attaching again is right, and without the write
 *               lock too unless VMA_ATTACH_LOCKED; beside a writer it never is
 *   WRITE_LOCK  an attached VMA changes only under its writer, who has stamped it himself; what
 *               a holder of its read lock may change is copied and computed from under him only
 *   LOCK_WORD   the lock word has a value that some state of the model has
 *   RCU         no node is used that was freed
 *   TREE        a tree is changed by who has its mmap_lock for writing
 *   ANON        no anonymous page is entered for a VMA without an anon_vma
 */
#include "lab_internal.h"

#include <ctype.h>
#include <stdio.h>

#ifdef VL_LAB
enum ghost_state { GHOST_FREE, GHOST_DETACHED, GHOST_ATTACHED };

#define READERS_MAX 64 /* far above what a run can have */

static u32 me_bit(void)
{
	return 1u << lab_me.actor;
}

struct lab_ghost *lab_ghost_of(struct lab_state *lab, const void *object)
{
	u64 off = (u64)((const u8 *)object - lab_me.self->base);
	u32 key = (u32)(off >> 3) + 1;

	for (u32 turn = 0, at = key * 2654435761u; turn < LAB_GHOSTS; turn++, at++) {
		struct lab_ghost *g = &lab->ghosts[at % LAB_GHOSTS];

		if (g->run == lab->run && g->key == key)
			return g;
		if (g->run == lab->run && g->key)
			continue;
		*g = (struct lab_ghost){.key = key, .run = lab->run, .name = ++lab->names};
		return g;
	}
	return NULL;
}

/* NULL: nobody asks. */
static struct lab_ghost *ghost(const void *object)
{
	return lab_me.lab && lab_me.ghost ? lab_ghost_of(lab_me.lab, object) : NULL;
}

/* new, which is not longer, in the place of old, where no further digit follows. */
static void replace(char *text, const char *old, const char *new)
{
	size_t from = strlen(old), to = strlen(new);

	for (char *at = text; (at = strstr(at, old)) != NULL; at += to) {
		if (isxdigit((unsigned char)at[from])) {
			at += from - to;
			continue;
		}
		memcpy(at, new, to);
		memmove(at + to, at + from, strlen(at + from) + 1);
	}
}

/* "KIND 0xREF is allocated" without the ref: what has no name of the run. */
static void drop_refs(char *text)
{
	char *at = text, *end;

	while ((at = strstr(at, " 0x")) != NULL) {
		end = at + 3 + strspn(at + 3, "0123456789abcdef");
		if (strncmp(end, " is allocated", 13) == 0)
			memmove(at, end, strlen(end) + 1);
		else
			at = end;
	}
}

void lab_put_names(const struct lab_state *lab, char *text)
{
	char old[48], new[16];

	for (u32 i = 0; i < LAB_SLOTS_MAX; i++) {
		snprintf(old, sizeof(old), "mm %#lx", lab->mms[i]);
		snprintf(new, sizeof(new), "m%u", i);
		if (lab->mms[i])
			replace(text, old, new);
	}
	for (u32 i = 0; i < LAB_GHOSTS; i++) {
		const struct lab_ghost *g = &lab->ghosts[i];
		u64 ref = (u64)(g->key - 1) << 3 >> REF_SHIFT;

		if (g->run != lab->run || !g->key)
			continue;
		snprintf(new, sizeof(new), "v%u", g->name);
		snprintf(old, sizeof(old), "VMA object %#lx", ref);
		replace(text, old, new);
		snprintf(old, sizeof(old), "VMA object %lu", ref);
		replace(text, old, new);
		snprintf(old, sizeof(old), "vm_area_struct %#lx", ref);
		replace(text, old, new);
	}
	drop_refs(text);
}

u64 lab_word_of(const struct vm_area_struct *vma)
{
#if VMA_LOCK_RWSEM
	if (VMA_LOCK_SEPARATE && !*(const u64 *)(const void *)&vma->vm_lock)
		return 0;
	return vma_rwsem(lab_me.self, (struct vm_area_struct *)vma)->count;
#elif VMA_LOCK_PER_VMA
	return vma->vm_refcnt;
#else
	(void)vma;
	return 0;
#endif
}

void lab_check_word(const struct vm_area_struct *vma)
{
	u64 word = lab_word_of(vma);
#if VMA_LOCK_RWSEM
	u64 readers = word / RWSEM_READER;

	if (readers > READERS_MAX || (readers && (word & RWSEM_WRITER)))
		lab_fail(VL_LAB_LOCK_WORD, "the semaphore of v%u is %#lx",
			 lab_ghost_of(lab_me.lab, vma)->name, word);
#elif VMA_LOCK_PER_VMA
	if ((word & ~(u64)VM_REFCNT_EXCLUDE_READERS_FLAG) > READERS_MAX)
		lab_fail(VL_LAB_LOCK_WORD, "vm_refcnt of v%u is %#lx",
			 lab_ghost_of(lab_me.lab, vma)->name, word);
#else
	(void)word;
#endif
}

/* --- life --- */

void lab_ghost_alloc(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (!g)
		return;
	if (g->readers)
		lab_fail(VL_LAB_LIFETIME, "v%u is allocated while it is read-locked (actors %#x)",
			 g->name, g->readers);
	g->life++;
	g->state = GHOST_DETACHED;
	g->complete = 0;
	g->writer = 0;
	g->anon = 0;
}

/* Whoever has its read lock has nothing else that keeps it: a grace period that some later section
 * of his holds up counts for nothing. */
void lab_ghost_given_up(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (g && g->readers)
		lab_fail(VL_LAB_LIFETIME, "v%u is freed while it is read-locked (actors %#x)",
			 g->name, g->readers);
}

void lab_ghost_free(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (!g)
		return;
	/* With exit_frees_attached and failed_fork_keeps_vmas what follows from it is to be seen:
	 * somebody gets it. */
	if (g->state == GHOST_ATTACHED && !MUTANT(exit_frees_attached) &&
	    !MUTANT(failed_fork_keeps_vmas))
		lab_fail(VL_LAB_ATTACH, "v%u is freed while it is attached", g->name);
	if (g->state == GHOST_FREE && g->life)
		lab_fail(VL_LAB_LIFETIME, "v%u is freed twice", g->name);
	if (g->readers)
		lab_fail(VL_LAB_LIFETIME, "v%u is freed while it is read-locked (actors %#x)",
			 g->name, g->readers);
	g->state = GHOST_FREE;
	g->writer = 0;
	g->freed_at = lab_me.self->seg->hdr->rcu.gp_ctr;
}

void lab_ghost_attach(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (!g)
		return;
	if (g->state == GHOST_FREE || (g->state == GHOST_ATTACHED && !VMA_ATTACH_IN_STORE))
		lab_fail(VL_LAB_ATTACH, "v%u is attached, and is not detached", g->name);
	if (g->writer != lab_me.actor + 1 && (VMA_ATTACH_LOCKED || g->writer) &&
	    !MUTANT(published_incomplete))
		lab_fail(VL_LAB_ATTACH, "v%u is attached without its write lock", g->name);
	g->state = GHOST_ATTACHED;
}

void lab_ghost_detach(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (!g)
		return;
	if (g->writer != lab_me.actor + 1)
		lab_fail(VL_LAB_ATTACH, "v%u is detached without its write lock", g->name);
	g->state = GHOST_DETACHED;
}

void lab_ghost_complete(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (g)
		g->complete = 1;
}

void lab_ghost_change(const struct vm_area_struct *vma, const char *what)
{
	struct lab_ghost *g = ghost(vma);

	/* With these what follows from it is to be seen, not that it is done. */
	if (!g || g->state != GHOST_ATTACHED || MUTANT(stack_grows_read_locked) ||
	    MUTANT(published_incomplete) || MUTANT(merge_anon_unlocked))
		return;
	/* With writer_ignores_readers what follows from it is to be seen: here, and below. */
	if ((g->readers & ~me_bit()) && !MUTANT(writer_ignores_readers))
		lab_fail(VL_LAB_OVERLAP, "%s of v%u changes while A%u has it read-locked", what,
			 g->name, (u32)__builtin_ctz(g->readers & ~me_bit()));
	if (g->writer != lab_me.actor + 1 && !MUTANT(stack_grows_unlocked) &&
	    !MUTANT(wrap_keeps_stamps))
		lab_fail(VL_LAB_WRITE_LOCK, "%s of v%u changes without its write lock", what,
			 g->name);
}

/* What a holder of its read lock may change is read, to be given to another VMA or to be stored
 * again. */
void lab_ghost_source(const struct vm_area_struct *vma, const char *what)
{
	struct lab_ghost *g = ghost(vma);

	/* With these what follows from it is to be seen: something is lost. */
	if (!g || g->state != GHOST_ATTACHED || MUTANT(fork_parent_unlocked) ||
	    MUTANT(split_loses_guard) || MUTANT(change_loses_guard) || MUTANT(merge_loses_guard) ||
	    MUTANT(remap_looks_unlocked) || VARIANT(sticky_flags_merged_late))
		return;
	if (g->writer != lab_me.actor + 1)
		lab_fail(VL_LAB_WRITE_LOCK, "%s of v%u without its write lock", what, g->name);
}

/* --- read lock --- */

void lab_ghost_grant(const struct mm_struct *mm, const struct vm_area_struct *vma, u64 addr)
{
	struct lab_ghost *g = ghost(vma);

	if (!g)
		return;
	if (g->writer)
		lab_fail(VL_LAB_OVERLAP, "v%u is read-locked while A%u has it write-locked",
			 g->name, g->writer - 1u);
	if (g->state != GHOST_ATTACHED)
		lab_fail(VL_LAB_IDENTITY, "v%u is read-locked and is %s", g->name,
			 g->state == GHOST_FREE ? "free" : "detached");
	if (vma->vm_mm != mm->id)
		lab_fail(VL_LAB_IDENTITY, "v%u is read-locked and belongs to another mm", g->name);
	if (addr < vma->vm_start || addr >= vma->vm_end)
		lab_fail(VL_LAB_IDENTITY, "v%u is read-locked for %#lx and is %#lx-%#lx", g->name,
			 addr, vma->vm_start, vma->vm_end);
	if (!g->complete)
		lab_fail(VL_LAB_COMPLETE, "v%u is read-locked before its fields are set", g->name);
	g->readers |= me_bit();
	g->puts_life[lab_me.actor] = g->life;
	if (lab_me.actor != NOBODY)
		lab_me.lab->trace[lab_me.lab->trace_count - 1].flags |= VL_LAB_TRACE_GRANT;
}

void lab_ghost_end(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (!g)
		return;
	if ((g->readers & me_bit()) && g->state != GHOST_ATTACHED &&
	    !MUTANT(writer_ignores_readers))
		lab_fail(VL_LAB_IDENTITY, "v%u was detached while it was read-locked", g->name);
	g->readers &= ~me_bit();
	g->puts_life[lab_me.actor] = g->life;
}

/* A reference is taken, or given back: from here on only this life may be touched. Type-safe or
 * not, it is a VMA that is locked. */
void lab_ghost_put(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (!g)
		return;
	if (((const struct tree_node *)(const void *)vma)->magic == TREE_NODE_MAGIC)
		lab_fail(VL_LAB_LOCK_WORD, "the lock of v%u is taken, and v%u is a tree node",
			 g->name, g->name);
	g->puts_life[lab_me.actor] = g->life;
}

void lab_ghost_touch(const struct vm_area_struct *vma, const char *what)
{
	struct lab_ghost *g = ghost(vma);

	if (g && (g->life != g->puts_life[lab_me.actor] || g->state == GHOST_FREE))
		lab_fail(VL_LAB_LIFETIME, "%s of v%u after the reference is given back, and v%u %s",
			 what, g->name, g->name,
			 g->state == GHOST_FREE ? "is free" : "has a new life");
}

/* up_read looks at the semaphore until it returns. Type-safe or not, what keeps the memory of an
 * object that is free is a read section that began before its grace period. */
void lab_ghost_unlocked(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	/* With writer_ignores_readers what comes before that is to be seen: it is freed. */
	if (g && g->state == GHOST_FREE && g->life && !MUTANT(writer_ignores_readers) &&
	    (VMA_FREE_DEFERRED || lab_me.self->seg->hdr->rcu.completed > g->freed_at))
		lab_fail(VL_LAB_LIFETIME,
			 "the lock of v%u is given back, and v%u is free since a grace period",
			 g->name, g->name);
}

/* A fault looks at what an earlier one has found, where VMAs are not type-safe. */
void lab_ghost_kept(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	/* With failed_fork_keeps_vmas what follows from it is to be seen: a fault is granted it. */
	if (g && g->life && g->state == GHOST_FREE && !MUTANT(failed_fork_keeps_vmas))
		lab_fail(VL_LAB_RCU,
			 "v%u is looked at where an earlier fault found it, and is free", g->name);
}

/* --- write lock --- */

void lab_ghost_write_lock(const struct mm_struct *mm, const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (!g)
		return;
	if ((g->readers & ~me_bit()) && !MUTANT(writer_ignores_readers))
		lab_fail(VL_LAB_OVERLAP, "v%u is write-locked while it is read-locked (actors %#x)",
			 g->name, g->readers);
	if (g->writer && g->writer != lab_me.actor + 1)
		lab_fail(VL_LAB_OVERLAP, "v%u is write-locked by two", g->name);
	g->writer = (u8)(lab_me.actor + 1);
	g->mm = (u32)(mm - lab_me.self->mms);
}

/* A writer finds his own number on it, and goes on as if he had write-locked it. */
void lab_ghost_write_known(const struct mm_struct *mm, const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (!g || g->writer == lab_me.actor + 1)
		return;
	/* With these what follows from it is to be seen: somebody reads it. A stamp that was copied
	 * is such a number too, and one that a writer of long ago has left. */
	if (VMA_DUP_COPIES || VMA_STAMPS_AGE || MUTANT(wrap_keeps_stamps) ||
	    MUTANT(first_stamp_odd) || MUTANT(wrap_death_keeps_stamps))
		lab_ghost_write_lock(mm, vma);
	else
		lab_fail(VL_LAB_WRITE_LOCK, "v%u is taken for write-locked, and nobody has done it",
			 g->name);
}

void lab_ghost_write_end(const struct mm_struct *mm)
{
	struct lab_state *lab = lab_me.lab;
	u32 index;

	if (!lab || !lab_me.ghost)
		return;
	index = (u32)(mm - lab_me.self->mms);
	for (u32 i = 0; i < LAB_GHOSTS; i++) {
		struct lab_ghost *g = &lab->ghosts[i];

		if (g->run == lab->run && g->writer == lab_me.actor + 1 && g->mm == index)
			g->writer = 0;
	}
}

/* --- the rest --- */

void lab_ghost_foreign(bool begins)
{
	lab_me.foreign = begins;
}

void lab_ghost_wake(u64 mm_id)
{
	const struct mm_struct *mm;

	if (!lab_me.lab || !lab_me.ghost || !lab_me.foreign)
		return;
	mm = &lab_me.self->mms[mm_index(mm_id)];
	if (mm->state == MM_FREE || mm->generation != life_generation(mm_id))
		lab_fail(VL_LAB_LIFETIME,
			 "the writer of a foreign mm is woken, and that mm is gone");
}

/* The sequence of the mm that an unlocked object names is about to be read. */
void lab_ghost_sequence_of(u64 mm_id)
{
	const struct mm_struct *mm;

	if (!lab_me.lab || !lab_me.ghost)
		return;
	mm = &lab_me.self->mms[mm_index(mm_id)];
	if (mm->state == MM_FREE || mm->generation != life_generation(mm_id))
		lab_fail(VL_LAB_LIFETIME,
			 "the sequence of a foreign mm is read, and that mm is gone");
}

void lab_ghost_node(const void *node)
{
	if (lab_me.lab && lab_me.ghost &&
	    ((const struct tree_node *)node)->magic != TREE_NODE_MAGIC)
		lab_fail(VL_LAB_RCU, "a tree node is used after it was freed");
}

/* What a walk has found, before anything else could happen: the VMA that covers addr, unless
 * somebody is changing it. A leaf that is no longer the tree's may name another. */
void lab_ghost_entry(const struct mm_struct *mm, vl_ref ref, u64 addr)
{
	struct lab_state *lab = lab_me.lab;
	const struct tree_node *leaf;

	if (!lab || !lab_me.ghost)
		return;
	leaf = tree_leaf(lab_me.self, &mm->mm_mt, addr);
	if (!leaf || leaf->leaf.slot[tree_leaf_index(leaf, addr)] != ref)
		return;
	for (u32 i = 0; i < LAB_GHOSTS; i++) {
		const struct lab_ghost *g = &lab->ghosts[i];
		const struct vm_area_struct *vma;

		if (g->run != lab->run || !g->key || g->state != GHOST_ATTACHED || g->writer)
			continue;
		vma = (const struct vm_area_struct *)(lab_me.self->base + ((u64)(g->key - 1) << 3));
		if (vma->vm_mm != mm->id)
			continue;
		if (addr >= vma->vm_start && addr < vma->vm_end && REF(lab_me.self, vma) != ref)
			lab_fail(VL_LAB_TREE,
				 "the tree does not name v%u for %#lx, which it covers", g->name,
				 addr);
	}
}

void lab_ghost_tree_write(const void *tree)
{
	struct participant *self = lab_me.self;
	u64 lock;

	if (!lab_me.lab || !lab_me.ghost || MUTANT(stack_grows_read_locked))
		return;
	lock = (u64)((const u8 *)tree - self->base) - offsetof(struct mm_struct, mm_mt) +
	       offsetof(struct mm_struct, mmap_lock);
	for (u32 i = HOLD_MMAP; i <= HOLD_MMAP2; i++)
		if (self->slot->held[i] == (lock >> REF_SHIFT << 8 | HELD_WRITE | HELD_HELD))
			return;
	lab_fail(VL_LAB_TREE, "the tree is changed without mmap_lock for writing");
}

/* A driver takes it for the one that it has kept. */
void lab_ghost_lent(const struct vm_area_struct *vma, bool same)
{
	struct lab_ghost *g = ghost(vma);

	if (g && !same)
		lab_fail(VL_LAB_IDENTITY, "v%u is taken for a VMA that was at its address before",
			 g->name);
}

void lab_ghost_policy(const struct vm_area_struct *vma, bool freed)
{
	struct lab_ghost *g = ghost(vma);

	if (g && freed)
		lab_fail(VL_LAB_LIFETIME, "the memory policy of v%u is used after it was freed",
			 g->name);
}

void lab_ghost_anon_page(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (g && !vma->anon_vma)
		lab_fail(VL_LAB_ANON, "an anonymous page is entered for v%u, which has no anon_vma",
			 g->name);
	if (g)
		g->anon = (u8)(lab_me.actor + 1);
}

void lab_ghost_anon_gone(const struct vm_area_struct *vma)
{
	struct lab_ghost *g = ghost(vma);

	if (g && g->anon)
		lab_fail(VL_LAB_ANON, "v%u loses the anon_vma that a page of A%u belongs to",
			 g->name, g->anon - 1u);
}
#endif
