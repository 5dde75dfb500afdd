/* SPDX-License-Identifier: Apache-2.0 */
/*
 * maps.c: /proc/PID/maps and PROCMAP_QUERY without mmap_lock: one VMA after the other, each
 * under its own lock.
 *
 * lock_next_vma, one step:
 *
 *   is mm_lock_seq even?  remember it (speculation)
 *   walk the tree under RCU to the first VMA that ends after `from`     none: the end
 *   vma_read_trylock      MISS: walk again, from the root               FAILED: fallback
 *   of this mm?  ends after `from`?                                     no: fallback
 *   begins after `from` (a gap): unless mm_lock_seq is what it was, walk again
 *                         another VMA: fallback
 *
 *   fallback: leave RCU; mmap_lock for reading; walk; lock the VMA, which no writer holds now; give
 *   mmap_lock back.
 *
 * Why a gap is looked at twice: between walk and lock the boundary to the VMA before may have moved
 * into the VMA found, and what is now before it belongs to that neighbour: there was never a gap.
 * Once the VMA is locked its begin stands still, so a second walk that finds it again says that
 * nothing lies between. An overlap needs no second look: the VMA contains `from` and is locked.
 *
 * What a reader of the whole text may rely on while others map: each line was true at one moment,
 * lines come in the order of their ends, an address that was always mapped is in a line, one that
 * never was is in none. A line may begin before the end of the line before it: its VMA has grown
 * downwards, or merged, in between (as in the kernel). That all lines are true together needs
 * quiescence, or the mmap-lock model, where mmap_lock is held from the first line to the last.
 *
 * Nothing is kept over an RCU section: each walk starts at the root in the section at hand
 * (vma_read_trylock may leave it and come back). Nobody waits for mmap_lock here with a VMA lock
 * held. A killed reader leaves one announced read lock; recovery takes its count away.
 *
 * Orderings: the speculation is that of seqcount.h (SEQ-1, SEQ-2): when mm_lock_seq is the same
 * even number before the walk and after the lock was taken, no writer was there in between, and
 * the range read under the lock is that of the walk. Without SEQ-1 a moved boundary could be read
 * together with the old number: a gap that was never there. The number comes round after 2^31
 * writers, while a reader may be stopped for as long as somebody likes; pgd.unlinked moves before
 * it does, and is compared too.
 */
#include <stdio.h>

#include "vmalab/lock_model.h"
#include "maps.h"
#include "vmalab/ops.h"
#include "vmalab/pkeys.h"

/* Under mmap_lock a VMA ends where the tree says. Of one that does not, in a damaged segment, the
 * next one would be itself for ever. */
static int check_end(const struct vm_area_struct *vma, u64 from)
{
	return unlikely(vma->vm_end <= from) ? VL_E_DAMAGED : 0;
}

#if VMA_LOCK_PER_VMA
/* Under mmap_lock no writer is there, so the VMA found is the one to lock, and it is not written.
 */
static int lock_next_vma_mmap(struct participant *self, struct mm_struct *mm, u64 id, u64 from,
			      struct vm_area_struct **out)
{
	struct range_entry e;
	int err = 0;

	stat_inc(self, next_vma_fallback);
	*out = NULL;
	if (mmap_read_lock(self, mm, id) != 0)
		return VL_E_NO_MM;
	if (tree_find(self, &mm->mm_mt, from, UINT64_MAX, &e)) {
		err = check_end(PTR(self, e.ref), from);
		if (!err && vma_start_read_locked(self, PTR(self, e.ref), HOLD_VMA))
			*out = PTR(self, e.ref);
		else if (!err)
			err = -EAGAIN;
	}
	mmap_read_unlock(self, mm);
	return err;
}

struct speculation {
	bool on; /* no writer was there */
	u32 seq;
	u64 round; /* pgd.unlinked, read first */
};

static struct speculation speculate(const struct mm_struct *mm)
{
	struct speculation s = {.round = pgd_unlinked(&mm->pgd)};

	s.on = read_seqcount_try_begin(&mm->mm_lock_seq, &s.seq);
	return s;
}

/* The VMA found for `from` is locked: is it the next one? RCU is held. */
static bool is_next_vma(struct participant *self, struct mm_struct *mm, u64 id, u64 from,
			const struct vm_area_struct *vma, const struct speculation *before)
{
	struct range_entry e;

	/* The typesafe models have asked for the mm; in the others the whole tree may have become
	 * that of another mm in this slot. */
	if (load_relaxed_u64(&vma->vm_mm) != id || vma->vm_end <= from)
		return false;
	if (vma->vm_start <= from)
		return true;
#ifdef TORTURE_BREAK_MAPS /* the gap is believed: the torture test must notice */
	return true;
#endif
	MUTATE(maps_gap_believed, return true);
	if (before->on && !read_seqcount_retry(&mm->mm_lock_seq, before->seq) &&
	    pgd_unlinked(&mm->pgd) == before->round)
		return true;
	stat_inc(self, next_vma_again);
	return tree_find(self, &mm->mm_mt, from, UINT64_MAX, &e) && PTR(self, e.ref) == vma;
}

int lock_next_vma(struct participant *self, struct mm_struct *mm, u64 id, u64 from,
		  struct vm_area_struct **out)
{
	struct speculation before;
	struct range_entry e;

	rcu_read_lock(self);
	for (u32 turns = 0; turns < MISS_RETRIES_MAX; turns++) {
		enum vma_read outcome;
		struct vm_area_struct *vma;

		before = speculate(mm);
		*out = NULL;
		STEP(maps_begin, mm);
		if (!tree_find(self, &mm->mm_mt, from, UINT64_MAX, &e)) {
			rcu_read_unlock(self);
			return 0;
		}
		vma = PTR(self, e.ref);
		STEP(maps_found, vma);
		outcome = vma_read_trylock(self, mm, id, vma, HOLD_VMA);
		if (outcome != VMA_READ_LOCKED)
			lock_vma_rcu_again(self);
		if (outcome == VMA_READ_MISS) {
			stat_inc(self, next_vma_miss);
			continue;
		}
		if (outcome == VMA_READ_FAILED)
			break;
		if (unlikely(!is_next_vma(self, mm, id, from, vma, &before))) {
			vma_end_read_rcu(self, vma, HOLD_VMA);
			break;
		}
		GHOST(grant(mm, vma, vma->vm_start));
		rcu_read_unlock(self); /* the lock keeps the VMA */
		STEP(maps_locked, vma);
		stat_inc(self, next_vma_locked);
		*out = vma;
		return 0;
	}
	rcu_read_unlock(self);
	return lock_next_vma_mmap(self, mm, id, from, out);
}

static int maps_begin(struct participant *self, struct mm_struct *mm, u64 id)
{
	(void)self, (void)mm, (void)id;
	return 0;
}

/* An mm that ended while it was read has an empty tree at last. */
static int maps_end(struct participant *self, struct mm_struct *mm, u64 id)
{
	(void)self;
	return load_acquire_u64(&mm->id) == id && load_relaxed_u32(&mm->state) == MM_LIVE
		       ? 0
		       : VL_E_NO_MM;
}
#else
int lock_next_vma(struct participant *self, struct mm_struct *mm, u64 id, u64 from,
		  struct vm_area_struct **out)
{
	struct range_entry e;

	(void)id;
	*out = tree_find(self, &mm->mm_mt, from, UINT64_MAX, &e) ? PTR(self, e.ref) : NULL;
	return *out ? check_end(*out, from) : 0;
}

static int maps_begin(struct participant *self, struct mm_struct *mm, u64 id)
{
	return mmap_read_lock(self, mm, id) != 0 ? VL_E_NO_MM : 0;
}

static int maps_end(struct participant *self, struct mm_struct *mm, u64 id)
{
	(void)id;
	mmap_read_unlock(self, mm);
	return 0;
}
#endif

/* The file that a reader is shown: special mappings have none in the kernel. */
static const struct file *shown_file(const struct participant *self,
				     const struct vm_area_struct *vma)
{
	return vma->vm_file && vma->vm_ops != VMA_SPECIAL ? file_get(self->seg, vma->vm_file)
							  : NULL;
}

/* Relaxed: nothing orders the break against a VMA's lock, here as in the kernel; a label may be
 * that of a moment before. */
static const char *vma_label(struct participant *self, const struct mm_struct *mm,
			     const struct vm_area_struct *vma, char *buf, u64 cap)
{
	u64 start_brk = load_relaxed_u64(&mm->start_brk), brk = load_relaxed_u64(&mm->brk);
	u64 stack_top = load_relaxed_u64(&mm->stack_top);

	if (vma->anon_name) {
		const struct anon_vma_name *name = PTR(self, vma->anon_name);

		snprintf(buf, cap, "%s%s]", vma->vm_file ? "[anon_shmem:" : "[anon:", name->name);
		return buf;
	}
	if (vma->vm_file)
		return file_get(self->seg, vma->vm_file)->name;
	if (start_brk && vma->vm_start < brk && vma->vm_end > start_brk)
		return "[heap]";
	if (stack_top && vma->vm_start < stack_top && vma->vm_end >= stack_top)
		return "[stack]";
	return "";
}

struct text_out {
	char *text;
	u64 cap, bytes;
};

static void put(struct text_out *out, const char *line, u64 bytes)
{
	if (out->bytes < out->cap)
		memcpy(out->text + out->bytes, line, min_u64(bytes, out->cap - out->bytes));
	out->bytes += bytes;
}

/* A newline in a name would forge a line. Nothing else is escaped, not even the backslash.
 * (kernel: seq_path with "\n") */
static void put_name(struct text_out *out, const char *name)
{
	for (const char *end; (end = strchr(name, '\n')) != NULL; name = end + 1) {
		put(out, name, (u64)(end - name));
		put(out, "\\012", 4);
	}
	put(out, name, strlen(name));
	put(out, "\n", 1);
}

static void put_vma(struct participant *self, struct text_out *out, const struct mm_struct *mm,
		    const struct vm_area_struct *vma)
{
	const struct file *file = shown_file(self, vma);
	u64 flags = vma->vm_flags, dev = file ? file->dev : 0;
	char line[160], label_buf[128];
	const char *label = vma_label(self, mm, vma, label_buf, sizeof(label_buf));
	int n;

	n = snprintf(line, sizeof(line), "%08lx-%08lx %c%c%c%c %08lx %02lx:%02lx %lu ",
		     vma->vm_start, vma->vm_end, flags & VM_READ ? 'r' : '-',
		     flags & VM_WRITE ? 'w' : '-', flags & VM_EXEC ? 'x' : '-',
		     flags & VM_MAYSHARE ? 's' : 'p', file ? vma_pgoff(vma) << PAGE_SHIFT : 0,
		     dev >> 20, dev & 0xfffff, file ? file->ino : 0);
	while (*label && n < 73)
		line[n++] = ' ';
	put(out, line, (u64)n);
	put_name(out, label);
}

/* In the order of their bits, as the kernel has them. */
static void put_flags(struct text_out *out, u64 flags)
{
	static const struct {
		u64 flag;
		char name[3];
	} names[] = {
		{VM_READ, "rd"},         {VM_WRITE, "wr"},       {VM_EXEC, "ex"},
		{VM_SHARED, "sh"},       {VM_MAYREAD, "mr"},     {VM_MAYWRITE, "mw"},
		{VM_MAYEXEC, "me"},      {VM_MAYSHARE, "ms"},    {VM_GROWSDOWN, "gd"},
		{VM_UFFD_MISSING, "um"}, {VM_PFNMAP, "pf"},      {VM_MAYBE_GUARD, "gu"},
		{VM_UFFD_WP, "uw"},      {VM_LOCKED, "lo"},      {VM_IO, "io"},
		{VM_SEQ_READ, "sr"},     {VM_RAND_READ, "rr"},   {VM_DONTCOPY, "dc"},
		{VM_DONTEXPAND, "de"},   {VM_LOCKONFAULT, "lf"}, {VM_ACCOUNT, "ac"},
		{VM_NORESERVE, "nr"},    {VM_SYNC, "sf"},        {VM_WIPEONFORK, "wf"},
		{VM_DONTDUMP, "dd"},     {VM_MIXEDMAP, "mm"},    {VM_HUGEPAGE, "hg"},
		{VM_NOHUGEPAGE, "nh"},   {VM_MERGEABLE, "mg"},   {VM_DROPPABLE, "dp"},
		{VM_UFFD_MINOR, "ui"},   {VM_SEALED, "sl"},
	};

	put(out, "VmFlags:", 8);
	for (u32 i = 0; i < ARRAY_SIZE(names); i++) {
		if (flags & names[i].flag) {
			put(out, " ", 1);
			put(out, names[i].name, 2);
		}
	}
	put(out, "\n", 1);
}

/* relaxed: that there are keys is said before the mm is published. (kernel: show_smap) */
static void put_smaps(struct text_out *out, const struct mm_struct *mm, u64 flags)
{
	char line[32];

	if (load_relaxed_u32(&mm->pkeys) & PKEYS_ON)
		put(out, line,
		    (u64)snprintf(line, sizeof(line), "ProtectionKey:  %8u\n", vma_pkey(flags)));
	put_flags(out, flags);
}

long maps_text(struct participant *self, u64 id, char *text, u64 cap, bool flags)
{
	struct text_out out = {.text = text, .cap = cap};
	struct mm_struct *mm = mm_find(self->seg, id);
	struct vm_area_struct *vma;
	u64 from = 0;
	int err, gone;

	if (!mm || maps_begin(self, mm, id) != 0)
		return VL_E_NO_MM;
	while ((err = lock_next_vma(self, mm, id, from, &vma)) == 0 && vma) {
		put_vma(self, &out, mm, vma);
		if (flags)
			put_smaps(&out, mm, vma->vm_flags);
		STEP(maps_copied, vma);
		from = vma->vm_end;
		vma_end_read(self, vma);
	}
	gone = maps_end(self, mm, id);
	if (err || gone)
		return err ? err : gone;
	return (long)out.bytes;
}

static bool query_wants(const struct vm_area_struct *vma, const struct file *file, u32 flags)
{
	u64 perms = (flags & VL_QUERY_READABLE ? VM_READ : 0) |
		    (flags & VL_QUERY_WRITABLE ? VM_WRITE : 0) |
		    (flags & VL_QUERY_EXECUTABLE ? VM_EXEC : 0) |
		    (flags & VL_QUERY_SHARED ? VM_MAYSHARE : 0);

	return (file || !(flags & VL_QUERY_FILE_BACKED)) && (vma->vm_flags & perms) == perms;
}

static void query_fill(struct participant *self, const struct mm_struct *mm,
		       const struct vm_area_struct *vma, const struct file *file,
		       struct vl_vma_info *out)
{
	char buf[128];

	*out = (struct vl_vma_info){
		.start = vma->vm_start,
		.end = vma->vm_end,
		.flags = (vma->vm_flags & VM_READ ? VL_QUERY_READABLE : 0) |
			 (vma->vm_flags & VM_WRITE ? VL_QUERY_WRITABLE : 0) |
			 (vma->vm_flags & VM_EXEC ? VL_QUERY_EXECUTABLE : 0) |
			 (vma->vm_flags & VM_MAYSHARE ? VL_QUERY_SHARED : 0),
	};
	if (file) {
		out->offset = vma_pgoff(vma) << PAGE_SHIFT;
		out->inode = file->ino;
		out->dev_major = (u32)(file->dev >> 20);
		out->dev_minor = (u32)(file->dev & 0xfffff);
	}
	snprintf(out->name, sizeof(out->name), "%s", vma_label(self, mm, vma, buf, sizeof(buf)));
}

int maps_query(struct participant *self, u64 id, u64 addr, u32 flags, struct vl_vma_info *out)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	struct vm_area_struct *vma;
	bool found = false;
	int err, gone;

	if (flags & ~VL_QUERY_FLAGS)
		return -EINVAL;
	if (!mm || maps_begin(self, mm, id) != 0)
		return VL_E_NO_MM;
	while (!found && (err = lock_next_vma(self, mm, id, addr, &vma)) == 0 && vma) {
		const struct file *file = shown_file(self, vma);

		found = query_wants(vma, file, flags) &&
			(vma->vm_start <= addr || (flags & VL_QUERY_COVERING_OR_NEXT));
		if (found)
			query_fill(self, mm, vma, file, out);
		addr = vma->vm_end;
		vma_end_read(self, vma);
		if (!(flags & VL_QUERY_COVERING_OR_NEXT))
			break;
	}
	gone = maps_end(self, mm, id);
	if (err || gone)
		return err ? err : gone;
	return found ? 0 : -ENOENT;
}
