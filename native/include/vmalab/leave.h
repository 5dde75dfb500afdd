/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leave.h (memory): leaving a segment.
 */
#ifndef VMALAB_LEAVE_H
#define VMALAB_LEAVE_H

#include "vmalab/rcu.h"

/* Gives everything back (magazines, retired objects after a grace period; leases are the caller's
 * business) and the slot. Holds no lock, is in no RCU section. */
void participant_leave(struct participant *self);
/* Called by participant_leave before the slot is given back, for magazines of higher layers. */
typedef void (*participant_leave_fn)(struct participant *self);
void participant_leave_register(participant_leave_fn fn);

#endif
