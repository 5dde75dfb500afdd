/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lock_mmap.pml: model_mmap_lock.h: nothing but mmap_lock.
 */
#define LOCK_IS_DETACHED(o) (det[o] == 1)
#define NO_VMA_LOCK
#include "common.pml"

inline lock_object_alloc(o) { skip }
inline lock_object_free(o) { skip }

inline vma_start_write(m, o)
{
	atomic { assert(map_writer[m]); stamp[o] = seq[m]; rule(reader_writer_overlap, granted[o] == 0) }
}
inline vma_mark_attached(o)
{
	atomic { inserted[o] = 1; det[o] = 0 }
}
inline vma_mark_detached(m, o)
{
	atomic { rule(attach_state, STAMPED(m, o)); det[o] = 1; inserted[o] = 0; knocked[o]++ }
}
inline vma_init(m, o)
{
	mark(allocated);
	stamp[o] = UNSET;
	atomic { vm_mm[o] = m; mark(initialised) }
}

inline lock_check_end(o)
{
	rule(fsck, granted[o] == 0)
}
