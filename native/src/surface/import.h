/* SPDX-License-Identifier: Apache-2.0 */
/* import.h: making an mm, empty or from /proc/PID/maps text. */
#ifndef VMALAB_IMPORT_H
#define VMALAB_IMPORT_H

#include "vmalab/api.h"
#include "vmalab/mm.h"

/* 0, VL_E_LIMIT (mm table full), -ENOMEM, VL_E_INVALID with a text that names the line. The caller
 * gets one lease. */
int mm_create(struct participant *self, const struct vl_mm_options *options, u64 *id, char *error,
	      u64 error_cap);

#endif
