/* SPDX-License-Identifier: Apache-2.0 */
/*
 * membarrier.h (segment): full barriers on other CPUs.
 */
#ifndef VMALAB_MEMBARRIER_H
#define VMALAB_MEMBARRIER_H

#include "vmalab/segment.h"

/* Registers this process for membarrier GLOBAL_EXPEDITED, once; 0 or -errno. */
int membarrier_register(void);
/* A full barrier here and, against their compiler barriers or fences, in every participant. */
void readers_barrier(const struct vl_seg *seg);

#endif
