/* SPDX-License-Identifier: Apache-2.0 */
/* core.c: the table of this core's functions, the one symbol that it exports. */
#include "vmalab/core.h"
#include "vmalab/lock_model.h"

#define ENTRY(type, name, params, args) .name = name,

#ifdef VL_LAB
static const struct vl_lab_calls lab_calls = {VL_LAB_CALLS(ENTRY)};
#endif
#ifdef VL_VIRTUAL
static const struct vl_virtual_calls virtual_calls = {VL_VIRTUAL_CALLS(ENTRY)};
#define VIRTUAL_ENTRY .virtual = &virtual_calls,
#else
#define VIRTUAL_ENTRY
#endif

const struct vl_core vmalab_core = {.abi = VL_ABI_VERSION,
				    .bytes = sizeof(struct vl_core),
				    .model = LOCK_MODEL_NAME,
				    .layout = LAYOUT_NAME,
				    .fingerprint = core_fingerprint,
				    .config_check = core_config_check,
				    .seg_create = core_seg_create,
				    .seg_attach = core_seg_attach,
				    .layout_fields = core_layout,
				    .stat_names = core_stat_names,
				    .when_broken = core_when_broken,
				    LAB(.lab = &lab_calls, ) VIRTUAL_ENTRY VL_SEG_CALLS(ENTRY)
					    VL_PARTICIPANT_CALLS(ENTRY)};
