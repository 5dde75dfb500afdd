/* SPDX-License-Identifier: Apache-2.0 */
/*
 * owner.c: who may use an address space or a file: its account, and everybody once it is shared.
 *
 * Nothing in the core asks: who serves calls of others (the server) asks before it runs them. An id
 * is given out once, an account stays with what it made, and what is shared stays shared. So an
 * answer of yes holds for as long as the id means anything.
 */
#include "vmalab/api.h"
#include "vmalab/block_shapes.h"
#include "vmalab/lock_model.h"

/* Where the operand of an operation is that names a file; ops without one: 0. */
static u32 file_place(u32 op)
{
	switch (op) {
	case OP_MMAP:
		return 1 + 3;
	case OP_FILE_TRUNCATE:
	case OP_FILE_ALLOCATE:
		return 1;
	default:
		return 0;
	}
}

void vl_share_new(struct participant *self, int shared)
{
	self->shares_new = shared != 0;
}

int vl_mm_may(const struct participant *self, u64 id)
{
	struct mm_struct *mm = mm_find(self->seg, id);
	bool may;

	if (!mm)
		return 1;
	may = mm->account == account_used(self) || mm_is_shared(self->seg, mm);
	return may || !mm_find(self->seg, id); /* it was of another life of the slot */
}

int vl_file_may(const struct participant *self, u64 id)
{
	const struct file *file = file_find(self->seg, id);
	bool may;

	if (!file)
		return 1;
	/* relaxed: set once, for good */
	may = file->account == account_used(self) || load_relaxed_u32(&file->shared);
	return may || !file_find(self->seg, id);
}

int vl_mm_share(struct participant *self, u64 id)
{
	struct mm_struct *mm = mm_find(self->seg, id);

	if (!mm)
		return VL_E_NO_MM;
	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	/* The lock: the slot is not given to another address space meanwhile. */
	(void)mutex_lock(self, &self->seg->hdr->slots_lock);
	if (mm_find(self->seg, id) == mm)
		store_relaxed_u32(&mm_aside(self->seg, mm)->shared, 1);
	mutex_unlock(self, &self->seg->hdr->slots_lock);
	core_exit(self);
	return 0;
}

int vl_file_share(struct participant *self, u64 id)
{
	struct file *file = file_find(self->seg, id);

	if (!file)
		return VL_E_INVALID;
	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	(void)mutex_lock(self, &self->seg->hdr->slots_lock);
	if (file_find(self->seg, id) == file)
		store_relaxed_u32(&file->shared, 1);
	mutex_unlock(self, &self->seg->hdr->slots_lock);
	core_exit(self);
	return 0;
}

int vl_block_may(const struct participant *self, const void *block, u64 bytes, u64 *id)
{
	const u64 *words = block;
	u64 left = bytes / 8, last = 0;

	/* A record that is malformed ends the block there, for vl_run too. */
	while (left >= RECORD_WORDS) {
		const struct vl_record *rec = (const struct vl_record *)words;
		u32 place = file_place(rec->op);

		if (rec->words < RECORD_WORDS || rec->words > left)
			return 0;
		*id = rec->mm;
		if (rec->mm != last && !vl_mm_may(self, rec->mm))
			return 1;
		last = rec->mm;
		if (place && rec->words >= RECORD_WORDS + place) {
			*id = rec->arg[place - 1];
			if (*id && !vl_file_may(self, *id))
				return 2;
		}
		words += rec->words;
		left -= rec->words;
	}
	return 0;
}
