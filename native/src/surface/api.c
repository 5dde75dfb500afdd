/* SPDX-License-Identifier: Apache-2.0 */
/*
 * api.c: the functions of api.h that set up, operate and measure. What looks inside is in
 * inspect.c, what checks and repairs in walk.c and recover.c.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "vmalab/core_setup.h"
#include "import.h"
#include "vmalab/leave.h"
#include "vmalab/lock_model.h"
#include "maps.h"
#include "vmalab/op_fault.h"
#include "vmalab/ops.h"
#include "vmalab/recover.h"
#include "vmalab/scarce.h"

#define CTOR_VMA 1

static void register_process(void)
{
	static bool done; /* idempotent: two threads that race store the same values */

	if (done)
		return;
	kmem_ctor_register(CTOR_VMA, vma_ctor);
	if (VMA_FREE_DEFERRED)
		rcu_free_register(RETIRE_OBJECT0 + CACHE_VMA, vm_area_free_rcu);
	frame_register();
	tree_register();
	recover_register();
	done = true;
}

static int create_lab_caches(struct vl_seg *seg)
{
#ifdef VL_LAB
	return kmem_cache_create(seg, CACHE_POLICY, "numa_policy", sizeof(struct mempolicy), 0,
				 SLAB_PANIC, 0);
#else
	(void)seg;
	return 0;
#endif
}

static int create_caches(struct vl_seg *seg)
{
	u32 flags = SLAB_PANIC | SLAB_ACCOUNT | (VMA_TYPESAFE ? SLAB_TYPESAFE_BY_RCU : 0) |
		    (VMA_ALIGN_TO >= CACHE_LINE ? SLAB_HWCACHE_ALIGN : 0);
	struct kmem_cache_args vma = {
		.align = VMA_ALIGN_TO,
		.flags = flags,
		.ctor = seg->hdr->config.slab_ctor == SLAB_CTOR_ALLOC ? 0 : CTOR_VMA,
		.freeptr = seg->hdr->config.slab_freeptr,
		/* As the kernel's union with the range: nobody believes a range before the lock,
		 * and every life stores its own before it has one. */
		.freeptr_offset = offsetof(struct vm_area_struct, vm_start),
	};
	int err = kmem_cache_create_args(seg, CACHE_VMA, "vm_area_struct",
					 sizeof(struct vm_area_struct), &vma);

	if (!err && VMA_LOCK_SEPARATE)
		err = kmem_cache_create(seg, CACHE_VMA_LOCK, "vma_lock",
					sizeof(struct rw_semaphore), 8, SLAB_PANIC | SLAB_ACCOUNT,
					0);
	if (!err)
		err = kmem_cache_create(seg, CACHE_NODE, "maple_node", 256, 256, SLAB_PANIC, 0);
	if (!err)
		err = kmem_cache_create(seg, CACHE_ANON_VMA, "anon_vma", sizeof(struct anon_vma), 0,
					/* the kernel's is type-safe, and has a constructor */
					SLAB_PANIC | SLAB_NO_MERGE, 0);
	if (!err)
		err = kmem_cache_create(seg, CACHE_AVC, "anon_vma_chain",
					sizeof(struct anon_vma_chain), 0, SLAB_PANIC, 0);
	if (!err)
		err = kmem_cache_create(seg, CACHE_NAME, "anon_vma_name",
					sizeof(struct anon_vma_name), 0, SLAB_PANIC, 0);
	if (!err)
		err = create_lab_caches(seg);
	if (!err)
		err = kmem_cache_create(seg, CACHE_NUMAB, "vma_numab_state",
					sizeof(struct vma_numab_state), 0, SLAB_PANIC, 0);
	return err;
}

static void init_locks(struct vl_seg *seg)
{
	struct mm_struct *mms = mm_table(seg);

	for (u32 i = 0; i < seg->hdr->config.mms_max; i++)
		init_rwsem(&mms[i].mmap_lock);
	for (u32 i = 0; i < seg->hdr->config.files_max; i++)
		init_rwsem(&file_table(seg)[i].lock);
	for (u32 i = 0; i < VL_USER_RWSEMS; i++)
		init_rwsem((struct rw_semaphore *)seg->hdr->user_locks[i]);
}

/* Which of the three styles of initialising a VMA's lock this lock model can have. */
int core_config_check(const struct vl_config *config, struct vl_config_fault *fault)
{
	u32 ctor = config->slab_ctor;
	int err = seg_config_check(config, fault);

	if (err || ctor == SLAB_CTOR_MODEL)
		return err;
	if (ctor == SLAB_CTOR_ALLOC && VMA_TYPESAFE && VMA_LOCK_RWSEM)
		*fault = (struct vl_config_fault){.most = SLAB_CTOR_PAGE,
						  .because = "a stale reader may hold the lock"};
	else if (ctor == SLAB_CTOR_PAGE && (!VMA_LOCK_PER_VMA || VMA_LOCK_SEPARATE))
		*fault = (struct vl_config_fault){.because = "no lock in the VMA"};
	else
		return 0;
	strcpy(fault->field, "slab_ctor");
	fault->value = ctor;
	return VL_E_INVALID;
}

int core_seg_create(int fd, const char *name, const struct vl_config *config, struct vl_seg **out)
{
	struct vl_seg *seg = calloc(1, sizeof(*seg));
	struct vl_config_fault fault;
	int err;

	if (!seg)
		return -ENOMEM;
	register_process();
	err = core_config_check(config, &fault);
	if (!err)
		err = seg_format(seg, fd, name, config, core_fingerprint(), LOCK_MODEL_NAME,
				 LAYOUT_NAME);
	if (!err) {
		err = seg_populate(seg, seg->hdr->regions[REGION_MMS].off,
				   seg->hdr->regions[REGION_MMS].len);
		if (!err)
			err = seg_populate(seg, seg->hdr->regions[REGION_FILES].off,
					   seg->hdr->regions[REGION_FILES].len);
		if (!err)
			err = create_caches(seg);
		if (err)
			seg_unmap(seg);
	}
	if (err) {
		free(seg);
		return err == -ENOMEM ? VL_E_SPACE : err;
	}
	init_locks(seg);
	store_release_u32(&seg->hdr->state, SEG_READY); /* pairs: SEG-1 (segment.c:seg_map) */
	*out = seg;
	return 0;
}

int core_seg_attach(int fd, struct vl_seg **out)
{
	struct vl_seg *seg = calloc(1, sizeof(*seg));
	int err;

	if (!seg)
		return -ENOMEM;
	register_process();
	err = seg_map(seg, fd, core_fingerprint());
	if (err) {
		free(seg);
		return err;
	}
	*out = seg;
	return 0;
}

void vl_seg_detach(struct vl_seg *seg)
{
	seg_unmap(seg);
	free(seg);
}

u32 vl_seg_supervisor(const struct vl_seg *seg)
{
	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		const struct participant_slot *slot = &seg->slots[i];

		if (load_acquire_u32(&slot->role) == ROLE_SUPERVISOR && participant_alive(seg, i))
			return load_relaxed_u32(&slot->pid);
	}
	return 0;
}

void vl_seg_close(struct vl_seg *seg)
{
	store_release_u32(&seg->hdr->state, SEG_CLOSING);
}

void vl_seg_break(struct vl_seg *seg, const char *why)
{
	seg_break(seg->hdr, why);
}

int vl_join(struct vl_seg *seg, u32 role, const char *comm, struct participant **out)
{
	struct participant *self = aligned_alloc(CACHE_LINE, sizeof(*self)); /* join clears it */
	int err;

	if (!self)
		return -ENOMEM;
	err = role < ROLE_SUPERVISOR || role > ROLE_INSPECTOR
		      ? VL_E_INVALID
		      : participant_join(seg, self, role, comm);
	if (err) {
		free(self);
		return err;
	}
	*out = self;
	return 0;
}

void vl_leave(struct participant *self)
{
	for (u32 i = 0; i < self->seg->hdr->config.mms_max; i++) {
		u64 lease = self->area->leases[i];

		if (core_enter(self) != 0)
			break; /* broken: nothing is given back any more */
		while ((lease & LEASES_MAX) &&
		       mm_lease_put(self, life_id(lease >> LEASE_SHIFT, i)) == 0)
			lease = self->area->leases[i];
		self->area->leases[i] = 0;
		files_release(self);
		core_exit(self);
	}
	participant_leave(self);
	free(self);
}

void vl_abandon(struct participant *self)
{
	participant_abandon(self);
	free(self);
}

u32 vl_participant_index(const struct participant *self)
{
	return self->index;
}

int vl_account_use(struct participant *self, u64 key, const char *name)
{
	int account;

	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	account = account_use(self, key, name);
	core_exit(self);
	return account;
}

void vl_cancel(struct participant *self)
{
	store_relaxed_u32(&self->area->cancel, 1); /* relaxed: it is looked at again and again */
}

void vl_resume(struct participant *self)
{
	store_relaxed_u32(&self->area->cancel, 0); /* relaxed: as above */
}

long vl_mincore(struct participant *self, u64 mm, u64 addr, u64 len, u8 *vec, u64 cap)
{
	s64 result;

	if (PAGE_ALIGN(len) >> PAGE_SHIFT > cap)
		return VL_E_INVALID;
	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	LAB(self->op_mm = mm; self->slot->op = 0;)
	stat_inc(self, mincore);
	result = op_mincore(self, mm, addr, len, vec);
	core_exit(self);
	return result == VL_S_NO_MM ? VL_E_NO_MM : result;
}

int vl_mm_create(struct participant *self, const struct vl_mm_options *options, u64 *mm_id,
		 char *error, u64 error_cap)
{
	u32 turns = 0;
	int err;

	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	do {
		rcu_make_room(self);
		err = mm_create(self, options, mm_id, error, error_cap);
	} while (err == VL_E_LIMIT && turns++ < SCARCE_TURNS && scarce_wait(self));
	files_release(self);
	core_exit(self);
	return err;
}

int vl_mm_get(struct participant *self, u64 mm)
{
	int err;

	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	err = mm_lease_get(self, mm);
	core_exit(self);
	return err;
}

int vl_mm_put(struct participant *self, u64 mm)
{
	int err;

	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	LAB(self->op_mm = mm; self->slot->op = 0;)
	rcu_make_room(self);
	err = mm_lease_put(self, mm);
	files_release(self);
	core_exit(self);
	return err;
}

int vl_mm_keep(struct participant *self, u64 mm, u64 ttl_ns)
{
	int err;

	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	err = mm_keep(self, mm, ttl_ns);
	core_exit(self);
	return err;
}

int vl_mm_reap(struct participant *self)
{
	int mms = mm_reap(self), files = mms < 0 ? 0 : file_reap(self);

	return files < 0 ? files : mms;
}

static long maps_any(struct participant *self, u64 mm, char *text, u64 cap, bool flags)
{
	long bytes;

	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	LAB(self->op_mm = mm; self->slot->op = 0;)
	bytes = maps_text(self, mm, text, cap, flags);
	core_exit(self);
	return bytes;
}

long vl_maps(struct participant *self, u64 mm, char *text, u64 cap)
{
	return maps_any(self, mm, text, cap, false);
}

long vl_smaps(struct participant *self, u64 mm, char *text, u64 cap)
{
	return maps_any(self, mm, text, cap, true);
}

int vl_query_vma(struct participant *self, u64 mm, u64 addr, u32 flags, struct vl_vma_info *out)
{
	int err;

	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	LAB(self->op_mm = mm; self->slot->op = 0;)
	err = maps_query(self, mm, addr, flags, out);
	core_exit(self);
	return err;
}

int vl_file_open(struct participant *self, u64 dev, u64 ino, u64 size, const char *name, u64 ttl_ns,
		 u64 *id)
{
	struct file *file;

	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	rcu_make_room(self);
	limit_forget(self);
	file = file_open(self, dev, ino, size, name, VMA_FILE, account_used(self), ttl_ns);
	if (file)
		(void)op_file_truncate(self, file_id(file), size);
	files_release(self); /* one that was full, and that all others closed */
	core_exit(self);
	if (!file)
		return VL_E_LIMIT;
	*id = file_id(file);
	return 0;
}

int vl_file_close(struct participant *self, u64 id, int leased)
{
	int err;

	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	rcu_make_room(self);
	err = leased ? file_give_up(self, id) : file_close(self, id);
	files_release(self);
	core_exit(self);
	return err;
}

int vl_file_keep(struct participant *self, u64 id, u64 ttl_ns)
{
	int err;

	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	err = file_keep(self, id, ttl_ns);
	core_exit(self);
	return err;
}

/* --- library users --- */

static struct rw_semaphore *user_rwsem(struct participant *self, u32 rwsem, u32 place)
{
	return rwsem < VL_USER_RWSEMS && place <= HOLD_USER2 - HOLD_USER0
		       ? (struct rw_semaphore *)self->seg->hdr->user_locks[rwsem]
		       : NULL;
}

int vl_user_down(struct participant *self, u32 rwsem, u32 place, int write, u64 timeout_ns,
		 u64 since_ns)
{
	struct rw_semaphore *sem = user_rwsem(self, rwsem, place);
	int err;

	if (!sem || self->slot->held[HOLD_USER0 + place])
		return VL_E_INVALID;
	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	event_wait_spans(self, since_ns);
	err = write ? down_write_timeout(self, sem, HOLD_USER0 + place, timeout_ns)
		    : down_read_timeout(self, sem, HOLD_USER0 + place, timeout_ns);
	if (since_ns)
		event_wait_spans(self, 0);
	core_exit(self);
	return err;
}

/* Only what this place holds, in this mode, can be released. */
static bool user_holds(struct participant *self, const struct rw_semaphore *sem, u32 place,
		       u32 mode)
{
	return sem && self->slot->held[HOLD_USER0 + place] ==
			      ((u64)REF(self, sem) << 8 | mode | HELD_HELD);
}

int vl_user_up(struct participant *self, u32 rwsem, u32 place, int write)
{
	struct rw_semaphore *sem = user_rwsem(self, rwsem, place);

	if (!user_holds(self, sem, place, write ? HELD_WRITE : HELD_READ))
		return VL_E_INVALID;
	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	if (write)
		up_write(self, sem, HOLD_USER0 + place);
	else
		up_read(self, sem, HOLD_USER0 + place);
	core_exit(self);
	return 0;
}

int vl_user_downgrade(struct participant *self, u32 rwsem, u32 place)
{
	struct rw_semaphore *sem = user_rwsem(self, rwsem, place);

	if (!user_holds(self, sem, place, HELD_WRITE))
		return VL_E_INVALID;
	if (core_enter(self) != 0)
		return VL_E_BROKEN;
	downgrade_write(self, sem, HOLD_USER0 + place);
	core_exit(self);
	return 0;
}

void vl_rcu_read_lock(struct participant *self)
{
	participant_fence_if_threaded(self);
	rcu_read_lock(self);
}

void vl_rcu_read_unlock(struct participant *self)
{
	VL_ASSERT(self->rcu_nest);
	rcu_read_unlock(self);
}

void vl_synchronize_rcu(struct participant *self)
{
	VL_ASSERT(!self->rcu_nest);
	synchronize_rcu(self);
}
