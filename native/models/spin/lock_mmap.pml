/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock_mmap.pml: model_mmap_lock.h: nothing but mmap_lock.
 */
#define LOCK_IS_DETACHED(o) (det[o] == 1)
#define NO_VMA_LOCK
#include "common.pml"

inline vma_start_write(m, o)
{
	atomic { assert(map_writer[m]); stamp[o] = seq[m]; assert(granted[o] == 0) }
}
inline vma_mark_attached(o)
{
	atomic { det[o] = 0; mark(attached) }
}
inline vma_mark_detached(m, o)
{
	atomic { assert(map_writer[m]); det[o] = 1; mark(detached) }
}
inline vma_init(m, o, page)
{
	atomic { stamp[o] = UNSET; mark(initialised) }
	vm_mm[o] = m;
	atomic { vm_page[o] = page; complete[o] = 1 }
}
inline lock_check_end(o)
{
	assert(granted[o] == 0)
}
