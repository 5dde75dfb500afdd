/* SPDX-License-Identifier: Apache-2.0 */
/*
 * participant.c: identity of processes, slots, joining and leaving.
 *
 * A slot (participant.h draws its lines), with L: byte of that slot locked (life.c):
 *   ROLE_FREE          free                       -> ROLE_FREE + L by a joiner, whom the kernel
 *                                                    chooses by giving it the lock
 *   ROLE_FREE + L      its owner joins or leaves  -> role set by it (release: JOIN-1), or the lock
 *                                                    given back
 *   role set + L       in use                     -> ROLE_FREE + L by its owner, who leaves
 *   role set, no L     its owner died             -> ROLE_FREE by the recovery that buries it
 *   Who dies while it joins or leaves leaves ROLE_FREE without L: a free slot, whose area is clean
 *   (a slot is only freed clean).
 *
 * JOIN-1: role is stored with release after identity; who loads it with acquire sees pid, start
 *         time and tid whole.
 *
 * JOIN-2: ROLE_FREE is stored with release and seen with acquire by who claims the slot: the next
 *         owner finds slot and area clean. (The lock orders it too, but C11 does not know that.)
 * JOIN-3: the generation moves before the role: who found the role of a former owner, and then no
 *         lock, sees another generation afterwards, or ROLE_FREE, when the slot changed hands in
 *         between. Without it a newcomer could be taken for dead on account of who had left.
 *
 * No lock of ours is needed to join, so none can be left held by a process that has no slot yet.
 */
#include "vmalab/participant.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "vmalab/account.h"
#include "vmalab/events.h"
#include "vmalab/life.h"
#include "vmalab/membarrier.h"
#include "vmalab/stats.h"

dead_owner_fn vl_on_dead_owner;

/* When this process was started, field 22 of /proc/self/stat, for people; 0 where there is no
 * /proc. */
static u64 start_time(void)
{
	char text[1024];
	FILE *file = fopen("/proc/self/stat", "re");
	size_t n = file ? fread(text, 1, sizeof(text) - 1, file) : 0;
	const char *p;

	if (file)
		(void)fclose(file);
	text[n] = 0;
	p = strrchr(text, ')'); /* the name may hold anything, parentheses too */
	for (u32 field = 2; p && field < 22; field++)
		p = strchr(p + 1, ' ');
	return p ? strtoull(p, NULL, 10) : 0;
}

/* The slot may change hands while we look: what was judged must still be there afterwards. */
bool participant_dead(const struct vl_seg *seg, u32 index)
{
	const struct participant_slot *slot = &seg->slots[index];
	u32 generation = load_acquire_u32(&slot->generation);

	/* pairs: JOIN-1 (participant.c:participant_join) */
	if (load_acquire_u32(&slot->role) == ROLE_FREE || !life_ended(seg, index))
		return false;
	fence_acquire(); /* pairs: JOIN-3 (participant.c:identify) */
	return load_acquire_u32(&slot->role) != ROLE_FREE &&
	       load_relaxed_u32(&slot->generation) == generation;
}

bool participant_alive(const struct vl_seg *seg, u32 index)
{
	return load_acquire_u32(&seg->slots[index].role) != ROLE_FREE &&
	       !participant_dead(seg, index);
}

void find_dead(const struct vl_seg *seg, struct dead_set *dead)
{
	memset(dead, 0, sizeof(*dead));
	for (u32 i = 0; i < load_acquire_u32(&seg->hdr->slots_high); i++) {
		if (participant_dead(seg, i))
			dead_set_add(dead, i);
	}
}

/* Not only who announces the lock that is waited for: a reader may be killed between taking and
 * announcing it. Recovery finds all the dead and recounts. */
void participant_look_for_dead(struct participant *self)
{
	const struct vl_seg *seg = self->seg;
	u32 i = 0, high = load_acquire_u32(&seg->hdr->slots_high);

	while (i < high && (i == self->index || !participant_dead(seg, i)))
		i++;
	/* relaxed: a hint. Recovery may have the lock itself, and who did it may have gone. */
	if ((i < high || load_relaxed_u32(&seg->hdr->recount.stage) == RECOUNT_MEND) &&
	    vl_on_dead_owner)
		vl_on_dead_owner(self, i);
}

static bool claim(struct vl_seg *seg, int fd, u32 index)
{
	const u32 *role = &seg->slots[index].role;

	if (load_acquire_u32(role) != ROLE_FREE || !life_take(fd, index))
		return false;
	/* acquire: the last owner's clearing. pairs: JOIN-2 (participant.c:slot_release) */
	if (load_acquire_u32(role) == ROLE_FREE)
		return true;
	life_drop(fd, index); /* somebody came, and died, between the two */
	return false;
}

/* A slot whose life has begun, and the page that keeps it. VL_E_NO_SLOT, VL_E_SYS, -ENOMEM. */
static int claim_any(struct vl_seg *seg, u32 *index, void **life)
{
	int err = VL_E_NO_SLOT, fd;

	life_lock_fork();
	fd = life_open(seg);
	for (u32 i = 0; fd >= 0 && i < seg->hdr->config.participants_max; i++) {
		if (!claim(seg, fd, i))
			continue;
		*index = i;
		err = 0;
		break;
	}
	if (fd < 0) {
		err = VL_E_SYS;
	} else {
		*life = life_keep(fd); /* closes it: what is not kept is free again */
		if (!err && !*life)
			err = -ENOMEM;
		else if (err && *life)
			life_end(*life);
	}
	life_unlock_fork();
	return err;
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
static void identify(struct participant_slot *slot, struct participant_area *area, const char *comm)
{
	char name[sizeof(slot->comm)] = {0};

	store_relaxed_u32(&slot->generation, slot->generation + 1);
	fence_release(); /* pairs: JOIN-3 (participant.c:participant_dead) */
	store_relaxed_u32(&slot->pid, (u32)getpid());
	store_relaxed_u32(&slot->tid, (u32)syscall(SYS_gettid));
	store_relaxed_u64(&slot->start_time, start_time());
	store_relaxed_u64(&area->pid_namespace, life_pid_namespace());
	store_relaxed_u16(&slot->op, 0);
	store_relaxed_u16(&slot->changed, 1);
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
static struct cached_lookup *lookups_make(void)
{
	void *lookups = mmap(NULL, CACHED_LOOKUPS_BYTES, PROT_READ | PROT_WRITE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return lookups == MAP_FAILED ? NULL : lookups;
}

static void lookups_free(struct participant *self)
{
	if (self->lookups)
		munmap(self->lookups, CACHED_LOOKUPS_BYTES);
	self->lookups = NULL;
}

/* As a slot is when it is free: nothing in hand, nothing waits, nothing is charged. */
static bool area_clean(const struct participant_area *area)
{
	bool clean = area->retire_head == area->retire_tail && !area->frame_count &&
		     !area->page_count && !area->prealloc_count && !area->retires_only &&
		     !area->account && !area->cancel && !area->name_made && !area->unmapped;

	LAB(clean = clean && !area->policy_made;)
	for (u32 i = 0; i < INFLIGHT_MAX; i++)
		clean = clean && !area->inflight[i];
	for (u32 i = 0; i < FILE_PINS; i++)
		clean = clean && !area->file_pins[i];
	for (u32 i = 0; i < CHARGES_STOCKED * STOCKS_EACH; i++)
		clean = clean && !load_relaxed_u64(&area->stocks[i / STOCKS_EACH][i % STOCKS_EACH]);

	for (u32 i = 0; i < KMEM_CACHES_MAX; i++)
		clean = clean && load_relaxed_u32(&area->magazines[i].count) == 0;
	for (u32 i = 0; i < MMS_MAX; i++)
		clean = clean && (load_relaxed_u64(&area->leases[i]) & LEASES_MAX) == 0;
	return clean;
}

/* What the instance was made with, where an allocation finds it without another line of memory. */
static void set_slab(struct participant *self, const struct seg_header *hdr)
{
	const struct vl_config *c = &hdr->config;

	self->vma_style = (c->slab_ctor == SLAB_CTOR_PAGE ? VMA_CTOR_AT_PAGE : 0) |
			  (c->slab_ctor == SLAB_CTOR_ALLOC ? VMA_CTOR_AT_ALLOC : 0) |
			  (c->slab_reset == SLAB_RESET_FREE ? VMA_RESET_AT_FREE : 0);
	self->magazine_limit = c->slab_magazine ? c->slab_magazine : MAGAZINE_SIZE;
	for (u32 i = 0; i < KMEM_CACHES_MAX; i++)
		self->magazine_room[i] = hdr->caches[i].freeptr || hdr->caches[i].shares
						 ? 0
						 : (u8)self->magazine_limit;
}

/* The memory of a slot: its area, and its ring. 0 or -ENOMEM. */
static int populate(const struct vl_seg *seg, u32 index)
{
	int err = seg_populate(seg,
			       (u64)(seg->areas - seg->base) + (u64)index * PARTICIPANT_AREA_BYTES,
			       PARTICIPANT_AREA_BYTES);

	if (err || seg->hdr->config.events_off)
		return err;
	return seg_populate(seg, (u64)(seg->events - seg->base) + (u64)index * EVENT_RING_BYTES,
			    EVENT_RING_BYTES);
}

int participant_join(struct vl_seg *seg, struct participant *self, enum vl_role role,
		     const char *comm)
{
	struct participant_slot *slot;
	void *life = NULL;
	u32 index = 0;
	int err;

	VL_ASSERT(role != ROLE_FREE);
	memset(self, 0, sizeof(*self));
	if (!seg->fenced && membarrier_register() != 0)
		return VL_E_RCU;
	if (seg->hdr->config.lookup == LOOKUP_CACHE && !(self->lookups = lookups_make()))
		return -ENOMEM;
	err = claim_any(seg, &index, &life);
	if (!err && populate(seg, index) != 0) {
		life_end(life);
		err = VL_E_SPACE;
	}
	if (err) {
		lookups_free(self);
		return err;
	}
	if (!area_clean(participant_area_of(seg, index))) { /* no participant leaves it so */
		life_end(life);
		lookups_free(self);
		return VL_E_DAMAGED;
	}
	slot = &seg->slots[index];
	VL_ASSERT((u8 *)seg->hdr == seg->base);
	self->seg = seg;
	self->life = life;
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
	self->counts_resident = account_limit(seg, CHARGE_MM_FRAMES) != UINT32_MAX;
	set_slab(self, seg->hdr);
	self->retire_mark = self->area->retire_tail;
	self->retire_due = UINT64_MAX;
	store_relaxed_u32(&slot->in_core, CORE_OUT);
	store_relaxed_u64(&slot->rcu, 0);
	for (u32 i = 0; i < HOLDS_COUNT; i++)
		store_relaxed_u64(&slot->held[i], 0);
	identify(slot, self->area, comm);
	events_join(self);
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
	store_relaxed_u32(&slot->pid, 0);
	store_relaxed_u64(&slot->start_time, 0);
	/* release: the next owner finds it clean. pairs: JOIN-2 (participant.c:claim) */
	store_release_u32(&slot->role, ROLE_FREE);
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

void participant_vacate(struct participant *self)
{
	participant_fold(self->seg, self->index);
	account_flush(self);
	store_relaxed_u32(&self->area->account, 0);
	store_relaxed_u32(&self->area->cancel, 0);
	VL_ASSERT(self->area->retire_head == self->area->retire_tail);
	events_leave(self);
	slot_release(self->slot);
	life_end(self->life);
	lookups_free(self);
	memset(self, 0, sizeof(*self));
}

void participant_abandon(struct participant *self)
{
	life_end(self->life); /* it keeps the file, too */
	lookups_free(self);
}

bool participant_bury(struct vl_seg *seg, u32 index)
{
	struct participant_area *area = participant_area_of(seg, index);
	struct participant_slot *slot = &seg->slots[index];
	u64 pid_namespace = area->pid_namespace;

	participant_fold(seg, index);
	memset(slot->held, 0, sizeof(slot->held));
	if (area->retire_head != area->retire_tail) {
		/* Its ring is all that is left, and is marked by every walk (walk.c). */
		memset(area, 0, offsetof(struct participant_area, retire_head));
		memset(area->leases, 0, sizeof(area->leases));
		area->pid_namespace = pid_namespace;
		store_relaxed_u32(&area->retires_only, 1);
		return false;
	}
	memset(area, 0, sizeof(*area));
	slot_release(slot);
	return true;
}
