/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lives.h (base): the numbers that tell one life of a thing from another, and what a narrow build
 * makes of them. DESIGN.md, "Counters that wrap around", has all of them.
 *
 * Three kinds:
 *   a life   64 bits, never set back: two lives of one slot never have the same number. Whoever
 *            keeps one keeps it whole.
 *   seq      as wide as the kernel's (32 bits), so it comes round, and what is compared with it is
 *            made anew when it does (mm.c:mmap_write_lock)
 *   place    a position in a ring: only differences count, and those are bounded
 *
 * With -DVL_NARROW_LIVES=N (3 or 4) the lower 32 bits of each life come round after 2^N steps, and
 * the upper ones are never 0; a sequence comes round after 2^N writers, a place after two rounds of
 * its ring, and the grace periods begin 2^N before 2^32. So what keeps less than the whole number,
 * or forgets to make something anew, fails within a second. Such a core shares no segment with
 * another (layout.c:core_fingerprint).
 */
#ifndef VMALAB_LIVES_H
#define VMALAB_LIVES_H

#include "vmalab/base.h"

#ifdef VL_NARROW_LIVES
#define LIFE_STEP       ((1ull << 32) + (1ull << (32 - VL_NARROW_LIVES)))
#define SEQ_MASK        ((2u << VL_NARROW_LIVES) - 1)
#define PLACE_MASK(len) (2u * (len) - 1)
#define GP_FIRST        ((1ull << 32) - (1u << VL_NARROW_LIVES))
#else
#define LIFE_STEP       1ull
#define SEQ_MASK        UINT32_MAX
#define PLACE_MASK(len) UINT32_MAX
#define GP_FIRST        2ull
#endif

/* The place after that one in a ring of len, a power of two. */
static inline u32 place_next(u32 place, u32 len)
{
	(void)len;
	return (place + 1) & PLACE_MASK(len);
}

/*
 * The id of a slot's life: generation << LIFE_SHIFT | number of the slot; 0 is none. An id is
 * positive as a signed number, because calls return it in the place of an error. A slot that has
 * used up its generations (2^47: four years at a million lives a second) is not given out again.
 */
#define LIFE_SHIFT      16
#define LIFE_SLOTS      (1u << LIFE_SHIFT)
#define GENERATION_STEP ((LIFE_STEP >> LIFE_SHIFT) | (LIFE_STEP == 1))
#define GENERATION_MAX  ((1ull << 47) - 1)

static inline u64 life_id(u64 generation, u32 slot)
{
	return generation << LIFE_SHIFT | slot;
}
static inline u32 life_slot(u64 id)
{
	return (u32)id & (LIFE_SLOTS - 1);
}
static inline u64 life_generation(u64 id)
{
	return id >> LIFE_SHIFT;
}
/* Has the slot a generation left? */
static inline bool life_left(u64 generation)
{
	return generation <= GENERATION_MAX - GENERATION_STEP;
}

#endif
