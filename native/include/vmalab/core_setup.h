/* SPDX-License-Identifier: Apache-2.0 */
/*
 * core_setup.h (surface): what a core is asked before there is a handle; front.c calls it through
 * the table (core.h).
 */
#ifndef VMALAB_CORE_SETUP_H
#define VMALAB_CORE_SETUP_H

#include "vmalab/api.h"

u64 core_fingerprint(void);
/* seg_config_check, and what the lock model cannot have. */
int core_config_check(const struct vl_config *config, struct vl_config_fault *fault);
int core_seg_create(int fd, const char *name, const struct vl_config *config, struct vl_seg **out);
int core_seg_attach(int fd, struct vl_seg **out);
long core_layout(struct vl_field_info *out, u64 cap);
long core_stat_names(const char **names, u64 cap);

#endif
