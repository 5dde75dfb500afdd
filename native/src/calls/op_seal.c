/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_seal.c: seals of files of memory (fcntl F_ADD_SEALS), and what they forbid.
 *
 *   file's lock write -> the seals are coming: who maps from now on sees them -> F_SEAL_WRITE:
 *   each mm, its mmap_lock read: is there a shared mapping that may be written? -> the seals hold,
 *   or are gone again (EBUSY) -> unlock
 *
 * There is no count of such mappings (kernel: i_mmap_writable): all mms are looked through, as for
 * a truncation (op_file.c). A mapping made before we look at its mm is found; one made after sees
 * the seals under the same mmap_lock. What is left is a fork whose child lies behind us:
 *
 *   SEAL-1: fork marks its child's slot as used, copies such a mapping, and looks at seals_coming;
 *   we store seals_coming and look at the slots; each with a full barrier between. Either fork sees
 *   the seals, and says that there was a mapping; or we see the slot, whose mmap_lock it holds.
 *
 * A killed owner leaves seals_coming, which recovery clears: the seals do not hold.
 * (kernel: mm/memfd.c)
 */
#include "vmalab/lock_model.h"
#include "vmalab/ops.h"

#define F_SEAL_ALL                                                                        \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | \
	 F_SEAL_EXEC)

#define F_SEAL_OF_PROGRAM (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)

/* F_SEAL_EXEC says that the file stays executable or not, as it is. Every file is executable here,
 * as a memfd is unless it was made with MFD_NOEXEC_SEAL, which is this seal: and what stays
 * executable may not be written any more. (kernel: memfd_add_seals) */
static u32 with_implied(const struct file *file, u32 seals)
{
	bool stays = (seals & F_SEAL_EXEC) && !(file->seals & F_SEAL_EXEC);

	return stays ? seals | F_SEAL_OF_PROGRAM : seals;
}

static bool may_be_written(const struct vm_area_struct *vma)
{
	return (vma->vm_flags & (VM_SHARED | VM_MAYWRITE)) == (VM_SHARED | VM_MAYWRITE);
}

/* Those in force and those that may come. relaxed: mmap_lock, which is held for writing, orders it
 * with who looks for mappings; the others hold the file's lock. */
u32 file_seals(const struct file *file)
{
	return (u32)load_relaxed_u8(&file->seals) | load_relaxed_u8(&file->seals_coming);
}

/* For fork, which copies a mapping of that file. */
void file_seal_meets_fork(struct file *file, const struct vm_area_struct *vma)
{
	if (!may_be_written(vma) || MUTANT(seal_misses_fork))
		return;
	fence_full(); /* pairs: SEAL-1 (op_seal.c:op_file_seal) */
	if (load_relaxed_u8(&file->seals_coming) & F_SEAL_WRITE)
		store_relaxed_u8(&file->seals_refused, 1); /* relaxed: read under a lock we hold */
}

static bool maps_writable(struct participant *self, struct mm_struct *mm, u32 number)
{
	struct range_entry e;

	for (u64 at = 0; tree_find(self, &mm->mm_mt, at, UINT64_MAX, &e); at = e.end) {
		const struct vm_area_struct *vma = PTR(self, e.ref);

		if (vma->vm_file == number && may_be_written(vma))
			return true;
	}
	return false;
}

static bool mapped_writable(struct participant *self, const struct file *file)
{
	struct mm_struct *table = mm_table(self->seg);
	bool found = false;

	for (u32 i = 0; !found && i < self->seg->hdr->config.mms_max; i++) {
		u32 state = load_acquire_u32(&table[i].state);

		if (state != MM_LIVE && state != MM_BUILDING)
			continue;
		down_read(self, &table[i].mmap_lock, HOLD_MMAP);
		found = maps_writable(self, &table[i], file_number(file));
		up_read(self, &table[i].mmap_lock, HOLD_MMAP);
	}
	return found || load_relaxed_u8(&file->seals_refused);
}

/* fcntl(F_ADD_SEALS) of a file that is opened to read and write and may be sealed.
 * (kernel: memfd_add_seals) */
s64 op_file_seal(struct participant *self, u64 id, u32 seals)
{
	struct file *file = file_pin(self, id, 0);
	s64 err = 0;

	if (!file)
		return -EBADF;
	down_write(self, &file->lock, HOLD_MMAP2);
	event_lock(self, EVENT_TAKEN, EVENT_LOCK_FILE, &file->lock);
	if (!file_is_shmem(file) || (seals & ~F_SEAL_ALL)) {
		err = -EINVAL;
	} else if (file->seals & F_SEAL_SEAL) {
		err = -EPERM;
	} else {
		seals = with_implied(file, seals);
		store_relaxed_u8(&file->seals_refused, 0);
		store_relaxed_u8(&file->seals_coming, (u8)seals);
		fence_full(); /* pairs: SEAL-1 (op_seal.c:file_seal_meets_fork) */
		STEP(seal_coming);
		if ((seals & F_SEAL_WRITE) && !(file->seals & F_SEAL_WRITE) &&
		    mapped_writable(self, file))
			err = -EBUSY;
		else
			store_relaxed_u8(&file->seals, file->seals | (u8)seals);
		store_relaxed_u8(&file->seals_coming, 0);
	}
	event_lock(self, EVENT_GIVEN, EVENT_LOCK_FILE, &file->lock);
	up_write(self, &file->lock, HOLD_MMAP2);
	file_unpin(self, 0);
	return err;
}
