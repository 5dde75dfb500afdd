/* SPDX-License-Identifier: Apache-2.0 */
/* recover.h (recovery): recovery's own steps, and what it hooks into lower layers. */
#ifndef VMALAB_RECOVER_H
#define VMALAB_RECOVER_H

#include "vmalab/api.h"
#include "vmalab/life.h"

/* Repairs what those in the set left and frees their slots. The world is stopped, and the set was
 * made since. 0, or -ENOMEM: nothing is freed, it may be done again. */
int recover_dead(struct participant *self, const struct dead_set *dead, struct vl_recovery *out);

/* Sets the hook by which a waiter that finds a lock's owner dead starts recovery. Once per process.
 */
void recover_register(void);

#endif
