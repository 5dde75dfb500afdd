/* SPDX-License-Identifier: Apache-2.0 */
/*
 * front.c: what a program links with: the functions of api.h, each a call through the table of the
 * core that the segment was made for (core.h).
 *
 * Cores are shared objects in one folder or two, loaded when first needed and kept until the
 * process ends. They are loaded RTLD_LOCAL with all but their table hidden, so that several of
 * them, each the same functions over other struct layouts, live in one process.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "vmalab/core.h"
#include "vmalab/participant.h"

#define CORES_MAX 256
#define PATH_MAX_ 4096
#define NAME_MAX_ 32 /* of a model, of a layout: as in the header */

static char folders[2][PATH_MAX_];
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct vl_core *cores[CORES_MAX];
static unsigned int cores_count;
static broken_fn when_broken;
static __thread char error_text[512];

static void cores_in(unsigned int which, const char *path)
{
	pthread_mutex_lock(&lock);
	snprintf(folders[which], sizeof(folders[which]), "%s", path);
	pthread_mutex_unlock(&lock);
}

void vl_cores_in(const char *path)
{
	cores_in(0, path);
}

void vl_cores_also_in(const char *path)
{
	cores_in(1, path);
}

const char *vl_core_error(void)
{
	return error_text;
}

void vl_when_broken(broken_fn told)
{
	pthread_mutex_lock(&lock);
	when_broken = told;
	for (unsigned int i = 0; i < cores_count; i++)
		cores[i]->when_broken(told);
	pthread_mutex_unlock(&lock);
}

/* A name becomes a part of a file name: letters, digits, '-', '.' and ':' only. */
static bool name_good(const char *name)
{
	size_t n = strnlen(name, NAME_MAX_);

	return n > 0 && n < NAME_MAX_ &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-.:") == n;
}

static void core_path(char *path, size_t cap, const char *folder, const char *model,
		      const char *layout)
{
	size_t at = (size_t)snprintf(path, cap, "%s/%s.%s.so", folder, model, layout);

	for (char *p = path + at - strlen(layout) - 3; *p; p++)
		*p = *p == ':' ? '-' : *p;
}

static void *open_core(const char *model, const char *layout)
{
	char path[PATH_MAX_ + 2 * NAME_MAX_ + 8];
	void *handle;

	core_path(path, sizeof(path), folders[0], model, layout);
	if (folders[1][0] && access(path, F_OK) != 0)
		core_path(path, sizeof(path), folders[1], model, layout);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (!handle)
		snprintf(error_text, sizeof(error_text), "%s", dlerror());
	return handle;
}

/* With the lock held. */
static int core_load(const char *model, const char *layout, const struct vl_core **out)
{
	const struct vl_core *core;
	void *handle;

	for (unsigned int i = 0; i < cores_count; i++) {
		if (!strcmp(cores[i]->model, model) && !strcmp(cores[i]->layout, layout)) {
			*out = cores[i];
			return 0;
		}
	}
	handle = open_core(model, layout);
	if (!handle)
		return VL_E_CORE;
	core = dlsym(handle, "vmalab_core");
	if (!core || core->abi != VL_ABI_VERSION || core->bytes != sizeof(*core) ||
	    strcmp(core->model, model) != 0 || strcmp(core->layout, layout) != 0) {
		snprintf(error_text, sizeof(error_text), "%s.%s.so is of another build", model,
			 layout);
		dlclose(handle);
		return VL_E_ABI;
	}
	if (cores_count == CORES_MAX) {
		snprintf(error_text, sizeof(error_text), "%u cores are loaded, no more",
			 cores_count);
		dlclose(handle);
		return VL_E_LIMIT;
	}
	core->when_broken(when_broken);
	cores[cores_count++] = core;
	*out = core;
	return 0;
}

static int core_get(const char *model, const char *layout, const struct vl_core **out)
{
	int err;

	if (!name_good(model) || !name_good(layout)) {
		snprintf(error_text, sizeof(error_text), "no such lock model or layout");
		return VL_E_CORE;
	}
	pthread_mutex_lock(&lock);
	err = core_load(model, layout, out);
	pthread_mutex_unlock(&lock);
	return err;
}

int vl_core_find(const char *model, const char *layout)
{
	const struct vl_core *core;

	return core_get(model, layout, &core);
}

int vl_config_check(const struct vl_config *config, const char *model, const char *layout,
		    struct vl_config_fault *fault)
{
	const struct vl_core *core;
	int err = core_get(model, layout, &core);

	return err ? err : core->config_check(config, fault);
}

int vl_seg_create(int fd, const char *name, const struct vl_config *config, const char *model,
		  const char *layout, struct vl_seg **out)
{
	const struct vl_core *core;
	int err = core_get(model, layout, &core);

	if (!err)
		err = core->seg_create(fd, name, config, out);
	if (!err)
		(*out)->core = core;
	return err;
}

void vl_seg_peek(int fd, char *model, char *layout)
{
	u64 magic = 0;
	u32 abi = 0;

	model[0] = layout[0] = 0;
	if (pread(fd, &magic, sizeof(magic), offsetof(struct seg_header, magic)) != sizeof(magic) ||
	    pread(fd, &abi, sizeof(abi), offsetof(struct seg_header, abi)) != sizeof(abi) ||
	    magic != VL_MAGIC || abi != VL_ABI_VERSION)
		return;
	if (pread(fd, model, NAME_MAX_, offsetof(struct seg_header, model)) != NAME_MAX_ ||
	    pread(fd, layout, NAME_MAX_, offsetof(struct seg_header, layout)) != NAME_MAX_ ||
	    !name_good(model) || !name_good(layout))
		model[0] = layout[0] = 0;
}

/* A file that is no segment, or none of this build, is refused by whichever core looks at it: the
 * checks before the fingerprint are the same in all. */
int vl_seg_attach(int fd, struct vl_seg **out)
{
	char model[NAME_MAX_], layout[NAME_MAX_];
	const struct vl_core *core;
	int err;

	vl_seg_peek(fd, model, layout);
	err = model[0] ? core_get(model, layout, &core)
		       : core_get(VL_DEFAULT_MODEL, VL_DEFAULT_LAYOUT, &core);
	if (!err)
		err = core->seg_attach(fd, out);
	if (!err)
		(*out)->core = core;
	return err;
}

u64 vl_fingerprint(const char *model, const char *layout)
{
	const struct vl_core *core;

	return core_get(model, layout, &core) ? 0 : core->fingerprint();
}

long vl_layout(const char *model, const char *layout, struct vl_field_info *out, u64 cap)
{
	const struct vl_core *core;
	int err = core_get(model, layout, &core);

	return err ? err : core->layout_fields(out, cap);
}

long vl_stat_names(const char **names, u64 cap)
{
	const struct vl_core *core;
	int err = core_get(VL_DEFAULT_MODEL, VL_DEFAULT_LAYOUT, &core);

	return err ? err : core->stat_names(names, cap); /* the same in every core */
}

const char *vl_strerror(int code)
{
	switch (code) {
	case VL_OK:
		return "success";
	case VL_E_EXISTS:
		return "a segment of that name exists";
	case VL_E_MISSING:
		return "no such segment";
	case VL_E_FOREIGN:
		return "not a vmalab segment (wrong magic)";
	case VL_E_TRUNCATED:
		return "the segment is shorter than its header says";
	case VL_E_ABI:
		return "the segment has another ABI version";
	case VL_E_FINGERPRINT:
		return "the segment was made by a build with another layout or lock model";
	case VL_E_NOT_READY:
		return "the segment is not ready: its creator has not finished or died, or it is "
		       "closing";
	case VL_E_BROKEN:
		return "a broken invariant stopped the segment";
	case VL_E_SPACE:
		return "/dev/shm has no room for the segment";
	case VL_E_NO_SLOT:
		return "all participant slots are taken";
	case VL_E_NO_MM:
		return "no such address space";
	case VL_E_LIMIT:
		return "a limit of the segment's configuration was reached";
	case VL_E_BLOCK:
		return "malformed block";
	case VL_E_RCU:
		return "this process cannot register for membarrier, which the segment's RCU needs";
	case VL_E_INVALID:
		return "argument out of bounds";
	case VL_E_CORE:
		return "no core was built for that lock model and layout";
	case VL_E_DAMAGED:
		return "the segment is damaged";
	case VL_E_SYS:
		return "a system call failed";
	default:
		return code < 0 && code > -1000 ? strerror(-code) : "unknown error";
	}
}

/* void functions too: C allows `return f();` of void in GNU C. */
#define CALL_OF_SEG(type, name, params, args) \
	type name params                      \
	{                                     \
		return seg->core->name args;  \
	}
VL_SEG_CALLS(CALL_OF_SEG)

#define CALL_OF_PARTICIPANT(type, name, params, args) \
	type name params                              \
	{                                             \
		return self->seg->core->name args;    \
	}
VL_PARTICIPANT_CALLS(CALL_OF_PARTICIPANT)

/* A release core has no lab. */
#define CALL_OF_LAB(type, name, params, args)                          \
	type name params                                               \
	{                                                              \
		const struct vl_lab_calls *lab = self->seg->core->lab; \
		return lab ? lab->name args : VL_E_CORE;               \
	}
VL_LAB_CALLS(CALL_OF_LAB)

/* Only a virtual core has virtual CPUs. */
static const struct vl_virtual_calls *virtual_of(const struct participant *self)
{
	return self->seg->core->virtual;
}

int vl_virtual_run(struct participant *const *cpus, u32 count,
		   const struct vl_virtual_machine *machine,
		   const struct vl_virtual_program *programs, const struct vl_virtual_plan *plan,
		   struct vl_virtual_cpu *each, struct vl_virtual_result *out)
{
	if (!count)
		return VL_E_INVALID;
	if (!virtual_of(cpus[0]))
		return VL_E_CORE;
	return virtual_of(cpus[0])->vl_virtual_run(cpus, count, machine, programs, plan, each, out);
}

int vl_virtual_go_on(struct participant *self, int stop)
{
	return virtual_of(self) ? virtual_of(self)->vl_virtual_go_on(self, stop) : VL_E_CORE;
}

long vl_virtual_hottest(struct participant *self, struct vl_virtual_hot *out, u64 cap)
{
	return virtual_of(self) ? virtual_of(self)->vl_virtual_hottest(self, out, cap) : VL_E_CORE;
}

u64 vl_virtual_text(struct participant *self)
{
	return virtual_of(self) ? virtual_of(self)->vl_virtual_text(self) : 0;
}

static long names(const struct vl_lab_name *all, long count, struct vl_lab_name *out, u64 cap)
{
	for (long i = 0; i < count && (u64)i < cap; i++)
		out[i] = all[i];
	return count;
}

long vl_lab_points(struct vl_lab_name *out, u64 cap)
{
	static const struct vl_lab_name all[] = {
#define X(name, kind, text) {#name, "", #kind, text},
#include "vmalab/lab_points.h"
#undef X
	};

	return names(all, ARRAY_SIZE(all), out, cap);
}

long vl_lab_locks(struct vl_lab_name *out, u64 cap)
{
	static const struct vl_lab_name all[] = {
#define X(name, text) {text, "", "", ""},
		VL_LAB_LOCKS(X)
#undef X
	};

	return names(all, ARRAY_SIZE(all), out, cap);
}

long vl_lab_variants(struct vl_lab_name *out, u64 cap)
{
	static const struct vl_lab_name all[] = {
#define X(name, number, models, text) {#name, number, models, text},
#include "vmalab/lab_variants.h"
#undef X
	};

	return names(all, ARRAY_SIZE(all), out, cap);
}

long vl_lab_mutants(struct vl_lab_name *out, u64 cap)
{
	static const struct vl_lab_name all[] = {
#define X(name, number, models, text) {#name, number, models, text},
#include "vmalab/lab_mutants.h"
#undef X
	};

	return names(all, ARRAY_SIZE(all), out, cap);
}
