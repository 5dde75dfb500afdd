/* SPDX-License-Identifier: Apache-2.0 */
/*
 * participant.c (L1): identity of processes, slots, joining and leaving.
 *
 * A slot (participant.h draws its lines):
 *   pid 0, ROLE_FREE    free                      -> pid P, ROLE_FREE by a joiner (cmpxchg on
 *   pid) pid P, ROLE_FREE    P is joining or leaving   -> role set by P (release: JOIN-1), or pid
 *   0 by P
 *                                                 -> pid Q by a joiner Q that proved P dead
 *   pid P, role set     in use by P               -> ROLE_FREE by P, or by the recoverer of a
 *   dead P A dead joiner leaves pid P, ROLE_FREE: its area is clean (a slot is only freed clean),
 *   and the next joiner that comes by takes it over.
 *
 * JOIN-1: role is stored with release after identity; who loads it with acquire sees pid, start
 *         time and tid whole. Without it a watcher could take a new participant for a dead one.
 *
 * JOIN-2: pid 0 is stored with release and claimed with acquire: the next owner finds slot and area
 *         clean.
 * JOIN-3: the generation moves before the identity: a watcher that has read a part of the next
 *         owner's identity sees another generation afterwards. Without it the old pid with the new
 *         start time would make a living participant look dead.
 *
 * No lock is needed to join, so no lock can be left held by a process that has no slot yet.
 */
#include "vmalab/participant.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmalab/rcu.h"
#include "vmalab/stats.h"

dead_owner_fn vl_on_dead_owner;

#define LEAVE_FNS_MAX 4
static participant_leave_fn leave_fns[LEAVE_FNS_MAX];

void participant_leave_register(participant_leave_fn fn)
{
	for (u32 i = 0; i < LEAVE_FNS_MAX; i++) {
		if (!leave_fns[i] || leave_fns[i] == fn) {
			leave_fns[i] = fn;
			return;
		}
	}
	VL_ASSERT(!"more leave functions than LEAVE_FNS_MAX");
}

struct proc_stat {
	char state;
	u64 threads;
	u64 start_time;
};

/* Fields 3, 20 and 22 of /proc/PID/stat. 0, -ENOENT (no such process) or -EACCES (cannot look). */
static int read_proc_stat(u32 pid, struct proc_stat *out)
{
	char path[32], text[1024];
	const char *p;
	ssize_t n;
	int fd, saved = errno;

	snprintf(path, sizeof(path), "/proc/%u/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	errno = saved;
	if (n <= 0) {
		/* Gone, or hidden from us (hidepid); the signal number 0 tells which. */
		if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
			n = -ENOENT;
		else
			n = -EACCES;
		errno = saved;
		return (int)n;
	}
	text[n] = 0;
	p = strrchr(text, ')'); /* the name may hold anything, parentheses too */
	if (!p || sscanf(p + 1, " %c", &out->state) != 1)
		return -EACCES;
	p += 2;
	for (u32 field = 3; field < 22; field++) {
		if (field == 20)
			out->threads = strtoull(p, NULL, 10);
		p = strchr(p, ' ');
		if (!p)
			return -EACCES;
		p++;
	}
	out->start_time = strtoull(p, NULL, 10);
	return 0;
}

int process_alive(u32 pid, u64 start_time)
{
	struct proc_stat st = {0};
	int err = read_proc_stat(pid, &st);

	if (err)
		return err == -ENOENT ? 0 : -1;
	if (start_time && st.start_time != start_time)
		return 0;
	/* A zombie runs no more; its leader alone may be one while other threads run. */
	if ((st.state == 'Z' && st.threads <= 1) || st.state == 'X')
		return 0;
	return 1;
}

u64 process_start_time(u32 pid)
{
	struct proc_stat st = {0};

	return read_proc_stat(pid, &st) == 0 ? st.start_time : 0;
}

/* The slot may change hands while we look: what was judged must still be there afterwards. */
bool participant_dead(const struct vl_seg *seg, u32 index)
{
	const struct participant_slot *slot = &seg->slots[index];
	u32 generation, pid;

	/* pairs: JOIN-1 (participant.c:participant_join) */
	if (load_acquire_u32(&slot->role) == ROLE_FREE)
		return false;
	generation = load_relaxed_u32(&slot->generation);
	pid = load_relaxed_u32(&slot->pid);
	if (pid == 0 || process_alive(pid, load_relaxed_u64(&slot->start_time)) != 0)
		return false;
	fence_acquire(); /* pairs: JOIN-3 (participant.c:identify) */
	return load_relaxed_u32(&slot->generation) == generation &&
	       load_relaxed_u32(&slot->role) != ROLE_FREE;
}

bool participant_alive(const struct vl_seg *seg, u32 index)
{
	return load_acquire_u32(&seg->slots[index].role) != ROLE_FREE &&
	       !participant_dead(seg, index);
}

/* Not only who announces the lock that is waited for: a reader may be killed between taking and
 * announcing it. Recovery finds all the dead and recounts. */
void participant_look_for_dead(struct participant *self)
{
	const struct vl_seg *seg = self->seg;

	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		if (i == self->index || !participant_dead(seg, i))
			continue;
		if (vl_on_dead_owner)
			vl_on_dead_owner(self, i);
		return;
	}
}

static bool claim(struct participant_slot *slot, u32 pid)
{
	u32 old = load_relaxed_u32(&slot->pid); /* relaxed: the cmpxchg decides */

	if (load_acquire_u32(&slot->role) != ROLE_FREE)
		return false;
	if (old != 0 && (old == pid || process_alive(old, 0) != 0))
		return false;
	/* acquire: the last owner's clearing. pairs: JOIN-2 (participant.c:slot_release) */
	return cmpxchg_acquire_u32(&slot->pid, &old, pid);
}

static u32 claim_any(struct vl_seg *seg, u32 pid)
{
	for (u32 i = 0; i < seg->hdr->config.participants_max; i++) {
		if (claim(&seg->slots[i], pid))
			return i;
	}
	return UINT32_MAX;
}

static void raise_slots_high(struct seg_header *hdr, u32 high)
{
	u32 old = load_relaxed_u32(&hdr->slots_high);

	/* Before the slot's words mean anything: a scan that finds the old value may miss this
	 * slot, which RCU-2 and STOP-1 allow, because the joiner has read nothing yet. */
	while (old < high && !cmpxchg_full_u32(&hdr->slots_high, &old, high))
		;
}

/* Who has the slot now. Relaxed stores, because a watcher may still be looking at who had it. */
static void identify(struct participant_slot *slot, u32 pid, const char *comm)
{
	char name[sizeof(slot->comm)] = {0};

	store_relaxed_u32(&slot->generation, slot->generation + 1);
	fence_release(); /* pairs: JOIN-3 (participant.c:participant_dead) */
	store_relaxed_u32(&slot->tid, (u32)syscall(SYS_gettid));
	store_relaxed_u64(&slot->start_time, process_start_time(pid));
	store_relaxed_u32(&slot->op, 0);
	strncpy(name, comm, sizeof(name) - 1);
	for (u32 i = 0; i < sizeof(name); i++)
		store_relaxed_u8((u8 *)&slot->comm[i], (u8)name[i]);
}

static u32 frames_share(const struct vl_config *config)
{
	u64 share = config->frames_max / ((u64)config->participants_max * 4);

	VL_ASSERT(share >= 2); /* FRAMES_EACH_MIN */
	return (u32)min_u64(share, FRAME_MAGAZINE) & ~1u;
}

/* Knowing nothing. Not of the heap, which would clear what nobody has touched. */
static struct fault_way *ways_make(void)
{
	void *ways = mmap(NULL, FAULT_WAYS_BYTES, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return ways == MAP_FAILED ? NULL : ways;
}

static void ways_free(struct participant *self)
{
	munmap(self->ways, FAULT_WAYS_BYTES);
	self->ways = NULL;
}

int participant_join(struct vl_seg *seg, struct participant *self, enum vl_role role,
		     const char *comm)
{
	u32 pid = (u32)getpid(), index;
	struct participant_slot *slot;

	VL_ASSERT(role != ROLE_FREE);
	memset(self, 0, sizeof(*self));
	if (!seg->fenced && rcu_register_membarrier() != 0)
		return VL_E_RCU;
	self->ways = ways_make();
	if (!self->ways)
		return -ENOMEM;
	index = claim_any(seg, pid);
	if (index == UINT32_MAX) {
		ways_free(self);
		return VL_E_NO_SLOT;
	}
	slot = &seg->slots[index];
	if (seg_populate(seg, (u64)(seg->areas - seg->base) + (u64)index * PARTICIPANT_AREA_BYTES,
			 PARTICIPANT_AREA_BYTES) != 0) {
		store_release_u32(&slot->pid, 0);
		ways_free(self);
		return VL_E_SPACE;
	}
	VL_ASSERT((u8 *)seg->hdr == seg->base);
	self->seg = seg;
	self->base = seg->base;
	self->pages = seg->pages;
	self->frames = seg->frames;
	self->mms = seg->mms;
	self->mms_count = seg->mms_count;
	self->slot = slot;
	self->area = participant_area_of(seg, index);
	self->index = index;
	self->fenced = seg->fenced;
	participant_fence_if_threaded(self);
	self->frames_keep = frames_share(&seg->hdr->config);
	self->retire_mark = self->area->retire_tail;
	self->retire_due = UINT64_MAX;
	VL_ASSERT(self->area->retire_head == self->area->retire_tail);
	store_relaxed_u32(&slot->in_core, CORE_OUT);
	store_relaxed_u64(&slot->rcu, 0);
	for (u32 i = 0; i < HOLDS_COUNT; i++)
		store_relaxed_u64(&slot->held[i], 0);
	identify(slot, pid, comm);
	raise_slots_high(seg->hdr, index + 1);
	/* pairs: JOIN-1 (participant.c:participant_dead) */
	store_release_u32(&slot->role, role);
	return 0;
}

/* Slot and area are clean: whoever wants may have them. */
static void slot_release(struct participant_slot *slot)
{
	store_relaxed_u64(&slot->rcu, 0);
	store_relaxed_u32(&slot->in_core, CORE_OUT);
	store_release_u32(&slot->role, ROLE_FREE);
	store_relaxed_u64(&slot->start_time, 0);
	/* release: the next owner finds it clean. pairs: JOIN-2 (participant.c:claim) */
	store_release_u32(&slot->pid, 0);
}

void participant_fold(struct vl_seg *seg, u32 index)
{
	struct participant_area *area = participant_area_of(seg, index);

	for (u32 i = 0; i < STATS_MAX; i++) {
		add_relaxed_u64(&seg->hdr->stats_gone[i], load_relaxed_u64(&area->stats[i]));
		store_relaxed_u64(&area->stats[i], 0);
	}
	for (u32 i = 0; i < KMEM_CACHES_MAX; i++) {
		struct magazine *m = &area->magazines[i];
		struct kmem_cache *c = &seg->hdr->caches[i];

		add_relaxed_u64(&c->gone_allocs, load_relaxed_u64(&m->allocs));
		add_relaxed_u64(&c->gone_frees, load_relaxed_u64(&m->frees));
		add_relaxed_u64(&c->gone_firsts, load_relaxed_u64(&m->firsts));
		store_relaxed_u64(&m->allocs, 0);
		store_relaxed_u64(&m->frees, 0);
		store_relaxed_u64(&m->firsts, 0);
	}
}

void participant_leave(struct participant *self)
{
	struct participant_slot *slot = self->slot;

	VL_ASSERT(self->rcu_nest == 0);
	for (u32 i = 0; i < HOLDS_COUNT; i++)
		VL_ASSERT(load_relaxed_u64(&slot->held[i]) == 0);
	(void)core_enter(self); /* in a broken segment the rest is done all the same */
	rcu_barrier(self);
	for (u32 i = 0; i < LEAVE_FNS_MAX && leave_fns[i]; i++)
		leave_fns[i](self);
	rcu_barrier(self); /* flushing may have retired slab pages */
	for (u32 i = 0; i < KMEM_CACHES_MAX; i++) {
		if (self->seg->hdr->caches[i].alive)
			kmem_cache_flush(self, i);
	}
	rcu_barrier(self);
	page_magazine_flush(self);
	core_exit(self);
	participant_fold(self->seg, self->index);
	VL_ASSERT(self->area->retire_head == self->area->retire_tail);
	slot_release(slot);
	ways_free(self);
	memset(self, 0, sizeof(*self));
}

void participant_bury(struct vl_seg *seg, u32 index)
{
	struct participant_area *area = participant_area_of(seg, index);
	struct participant_slot *slot = &seg->slots[index];

	VL_ASSERT(!participant_alive(seg, index));
	VL_ASSERT(area->retire_head == area->retire_tail);
	participant_fold(seg, index);
	memset(area, 0, sizeof(*area));
	memset(slot->held, 0, sizeof(slot->held));
	slot_release(slot);
}
