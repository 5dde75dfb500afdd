/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seqcount.h (sync): sequence counter; odd while its writer is active. (kernel: seqcount_t, used
 * for mm_lock_seq)
 *
 * The writer is serialised by a lock of its own (mmap_lock). 32 bits, as the kernel's: it comes
 * round after 2^31 writers, and who may stand still for so long compares a second number that
 * moves before (mm.c: pgd.unlinked). What a reader reads under it must be read with relaxed
 * atomics, because it may be changing. A dead writer leaves it odd: readers fail until recovery
 * makes it even; none of them waits for that.
 *
 * SEQ-1: a reader that saw a store of the section sees the odd value on its second look. Without
 *        it a torn pair would be taken for whole.
 * SEQ-2: a reader that saw the even value of the end sees all stores of the section. Without it
 *        the data of before would pass as the data of after.
 * SEQ-3: a reader that saw the odd value of a section sees the stores of all sections before.
 *        Without it VMA-1 would hold for the number that ends a section and not for the next one,
 *        which another writer stores (C11 has no release sequence there).
 */
#ifndef VMALAB_SEQCOUNT_H
#define VMALAB_SEQCOUNT_H

#include "vmalab/atomics.h"
#include "vmalab/lives.h"

struct seqcount {
	u32 sequence;
};

/* Writer: even -> odd. */
static inline void write_seqcount_begin(struct seqcount *s)
{
	/* release: a reader that takes an older stamp for ended because of this number sees what
	 * its writer did, who had the lock before us. The fence orders the section after it.
	 * pairs: SEQ-3 (seqcount.h:read_seqcount) */
	store_release_u32(&s->sequence, (s->sequence + 1) & SEQ_MASK);
	fence_release(); /* pairs: SEQ-1 (seqcount.h:read_seqcount_retry) */
}

/* Writer: odd -> even. */
static inline void write_seqcount_end(struct seqcount *s)
{
	/* pairs: SEQ-2 (seqcount.h:read_seqcount) */
	store_release_u32(&s->sequence, (s->sequence + 1) & SEQ_MASK);
}

static inline u32 read_seqcount(const struct seqcount *s)
{
	/* pairs: SEQ-2 (seqcount.h:write_seqcount_end)
	 * pairs: SEQ-3 (seqcount.h:write_seqcount_begin) */
	return load_acquire_u32(&s->sequence);
}

/* Begins a speculative read; false while a writer is active. (kernel:
 * mmap_lock_speculate_try_begin) */
static inline bool read_seqcount_try_begin(const struct seqcount *s, u32 *seq)
{
	*seq = read_seqcount(s);
	return (*seq & 1) == 0;
}

/* True if a writer came in between and the data must be thrown away. (kernel:
 * mmap_lock_speculate_retry) */
static inline bool read_seqcount_retry(const struct seqcount *s, u32 seq)
{
	/* the data loads stay before the second look. pairs: SEQ-1
	 * (seqcount.h:write_seqcount_begin) */
	fence_acquire();
	return load_relaxed_u32(&s->sequence) != seq; /* relaxed: the fence orders it */
}

#endif
