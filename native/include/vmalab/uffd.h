/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uffd.h (mm): userfaultfd objects.
 *
 * An mm has UFFDS_MAX of them, one word each in its struct mm_aside: what it is and may do in the
 * low byte, a serial number above. A handle, which the program has in the place of a descriptor, is
 * the same serial number over slot + 1, so that one of a closed object is told apart. It has 55
 * bits and is never set back; an object that has used them up is not opened again. A VMA names
 * its object by slot + 1 in uffd_ctx, which is an identity while one of VM_UFFD_FLAGS is set.
 *
 *   0            free        -> OPEN by uffd_open (cmpxchg)
 *   OPEN                     -> READY by the handshake (cmpxchg), once
 *   OPEN READY               -> CLOSING by uffd_close (mmap_lock write)
 *   CLOSING                  -> free, when no VMA names it any more; a dead closer: recovery ends
 *                               it (walk_mm.c)
 *
 * Truth is this word, and of a VMA its flags: they are set after uffd_ctx and cleared before it, so
 * a VMA with a context and no flags is in neither state and recovery takes its context away.
 */
#ifndef VMALAB_UFFD_H
#define VMALAB_UFFD_H

#include "vmalab/mm.h"
#include "vmalab/uapi.h"

#define UFFD_OPEN           0x01u
#define UFFD_READY          0x02u
#define UFFD_CLOSING        0x04u
#define UFFD_SIGBUS         0x08u /* a fault is a SIGBUS, nobody is asked */
#define UFFD_WP_UNPOPULATED 0x10u /* anonymous pages that are not there can be protected too */
#define UFFD_WP_ASYNC       0x20u /* a write takes the protection away, nobody is asked */
#define UFFD_SERIAL_SHIFT   8
#define UFFD_SERIAL_STEP    ((LIFE_STEP >> UFFD_SERIAL_SHIFT) | (LIFE_STEP == 1))
#define UFFD_SERIAL_MAX     ((1ull << 55) - 1) /* a handle is positive as a signed number */

/* The object that a VMA of mm is registered with. Its lock, or mmap_lock, is held: the object stays
 * until it is given back. */
static inline u32 uffd_of(const struct participant *self, const struct mm_struct *mm,
			  const struct vm_area_struct *vma)
{
	/* relaxed: what a fault asks for was there before the VMA was registered */
	return (u32)load_relaxed_u64(&mm_uffds(self->seg, mm)[vma->uffd_ctx - 1]) & UFFD_STATE;
}

#endif
