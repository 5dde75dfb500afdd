/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recover.h (recovery): looking for what is wrong, and repairing what the dead left.
 */
#ifndef VMALAB_RECOVER_H
#define VMALAB_RECOVER_H

#include "vmalab/life.h"

/* Lines of complaints; 0 bytes: all is well. The world is stopped for the time of the walk. */
VL_API long vl_fsck(struct participant *self, char *text, u64 cap);
/* The same in slices: the world is stopped for a part of a millisecond at a time. Sums over the
 * whole segment are not checked: fsck.c. */
VL_API long vl_fsck_slices(struct participant *self, char *text, u64 cap);
struct vl_recovery {
	u32 dead_count;
	u32 dead_index[1024]; /* PARTICIPANTS_MAX */
	u32 dead_pid[1024];
	u32 rings_kept; /* dead whose retired objects wait for a reader; their slots stay so long */
	u32 stuck_pid;  /* a living participant did not leave the core in time */
	u32 walks;      /* 1: the whole segment was walked; 0: the dead had nothing half done */
	u32 mms_repaired, mms_reaped;
	u64 vmas_freed, nodes_freed, objects_freed, frames_fixed, pages_freed, locks_fixed,
		ptes_fixed;
	u32 slices; /* in which frames were recounted */
	u32 pad;
	/* the longest standstill in which something else was repaired, and the longest slice: with
	 * the wait for those who were in the core, and the CPU time of the recoverer */
	u64 stopped_ns, stopped_cpu_ns, slice_ns, slice_cpu_ns;
};
/* Finds dead participants and repairs what they left, and then recounts frames, in slices, if a
 * recount is due. 0 (also when nobody is dead), -EBUSY, -ETIMEDOUT. */
VL_API int vl_recover(struct participant *self, struct vl_recovery *out);

/* Repairs what those in the set left and frees their slots. The world is stopped, and the set was
 * made since. 0, or -ENOMEM: nothing is freed, it may be done again. */
int recover_dead(struct participant *self, const struct dead_set *dead, struct vl_recovery *out);

/* The world is stopped, and the counts of frames may be wrong from now on: a recount is due. */
void recount_begin(struct vl_seg *seg);
/* One standstill: a recovery if somebody is dead, else a slice of the recount that is due.
 * !may_repair: -EAGAIN if somebody is dead. Else as vl_recover. */
int recover_stop(struct participant *self, struct vl_recovery *out, bool may_repair);
/* So many of them until no recount is due. share: so many times as long as it was closed the entry
 * is open after a slice. */
int recount_finish(struct participant *self, struct vl_recovery *out, bool may_repair, u32 share);
#define RECOUNT_SHARE 4
/* How long a slice is; a test that has little memory makes it shorter. */
extern u64 recount_slice_ns;

/* Sets the hook by which a waiter that finds a lock's owner dead starts recovery. Once per process.
 */
void recover_register(void);

#endif
