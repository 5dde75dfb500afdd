/* SPDX-License-Identifier: Apache-2.0 */
/*
 * depot.h (memory): where free frames are that no participant keeps. depot.c has the rules.
 */
#ifndef VMALAB_DEPOT_H
#define VMALAB_DEPOT_H

#include "vmalab/frame.h"

/* Takes at most `most` frames, and writes their numbers to `to` before they leave the pool. How
 * many; 0: there are none, or no memory for more. */
u32 depots_take(struct participant *self, u32 *to, u32 most);
/* Gives n frames without references, which are in no other place any more. */
void depots_give(struct participant *self, const u32 *from, u32 n);
/* The world is stopped: gives one. */
void depots_add(struct vl_seg *seg, u32 frame);

#endif
