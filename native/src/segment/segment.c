/* SPDX-License-Identifier: Apache-2.0 */
/*
 * segment.c: making, mapping and refusing segments.
 *
 * hdr->state:
 *   SEG_BUILDING  its maker is at work    -> SEG_READY by the maker (release: SEG-1)
 *   SEG_READY     in use                  -> SEG_CLOSING by its owner, SEG_BROKEN by mark_broken
 *   SEG_BROKEN    an invariant failed     -> for ever; can be looked at (seg_map_inspect)
 *   SEG_CLOSING   nobody new comes in     -> for ever
 *   A maker that dies leaves SEG_BUILDING or an empty file: VL_E_NOT_READY, to be unlinked.
 *
 * SEG-1: the store of SEG_READY is a release, its load in seg_map an acquire: without it a
 *        process could see the segment ready and its caches or locks not yet made.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "vmalab/segment.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "vmalab/events.h"
#include "vmalab/futex.h"
#include "vmalab/life.h"
#include "vmalab/membarrier.h"
#include "vmalab/participant.h"

#define OWNER_LOOKS   5
#define OWNER_LOOK_US 1000

/* Headers of the segments that this process has mapped, for mark_broken; addresses, 0 free. */
#define MAPPED_MAX 16
static u64 mapped[MAPPED_MAX];

/* With more segments than places, those beyond are not marked when an invariant breaks. */
static void mapped_replace(u64 from, u64 to)
{
	for (u32 i = 0; i < MAPPED_MAX; i++) {
		u64 old = from;

		if (cmpxchg_acq_rel_u64(&mapped[i], &old, to))
			return;
	}
}

void seg_break(struct seg_header *hdr, const char *why)
{
	/* The first one's reason stands. Two at once may mix theirs: it is text for people. */
	if (load_acquire_u32(&hdr->state) != SEG_BROKEN)
		snprintf(hdr->broken, sizeof(hdr->broken), "%s", why);
	store_release_u32(&hdr->state, SEG_BROKEN);
	store_release_u32(&hdr->stop, STOP_BROKEN);
	futex_wake(&hdr->stop, FUTEX_ALL);
}

static void mark_broken(const char *why)
{
	for (u32 i = 0; i < MAPPED_MAX; i++) {
		struct seg_header *hdr = (struct seg_header *)load_acquire_u64(&mapped[i]);

		if (hdr)
			seg_break(hdr, why);
	}
}

__attribute__((constructor)) static void segment_register(void)
{
	vl_on_broken = mark_broken;
}

int seg_populate(const struct vl_seg *seg, u64 off, u64 len)
{
	VL_ASSERT(off + len >= off && off + len <= seg->size);
	for (;;) {
		if (fallocate(seg->fd, 0, (off_t)off, (off_t)len) == 0)
			return 0;
		if (errno != EINTR) /* a signal: the call starts again */
			return -ENOMEM;
	}
}

static void set_pointers(struct vl_seg *seg)
{
	const struct vl_region *r = seg->hdr->regions;

	seg->slots = (struct participant_slot *)(seg->base + r[REGION_SLOTS].off);
	seg->areas = seg->base + r[REGION_AREAS].off;
	seg->events = seg->base + r[REGION_EVENTS].off;
	seg->page_descs = (struct page_desc *)(seg->base + r[REGION_PAGE_DESCS].off);
	seg->frames = (struct frame *)(seg->base + r[REGION_FRAMES].off);
	seg->pages = seg->base + r[REGION_PAGES].off;
	seg->mms = (struct mm_struct *)(seg->base + r[REGION_MMS].off);
	seg->mms_count = seg->hdr->config.mms_max;
	seg->fenced = seg->hdr->rcu.flavour == RCU_FENCED;
}

static int map_file(struct vl_seg *seg, int fd, u64 size)
{
	struct stat st;
	void *base;

	seg->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (seg->fd < 0)
		return VL_E_SYS;
	if (fstat(seg->fd, &st) != 0) {
		close(seg->fd);
		return VL_E_SYS;
	}
	seg->file_dev = (u64)st.st_dev;
	seg->file_ino = (u64)st.st_ino;
	base = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, seg->fd, 0);
	if (base == MAP_FAILED) {
		close(seg->fd);
		return VL_E_SYS;
	}
	/* Where the system lets shared memory ask for huge pages (shmem_enabled: advise). Random
	 * faults in 100,000 VMAs then take 226 ns instead of 275. */
	(void)madvise(base, size, MADV_HUGEPAGE);
	seg->base = base;
	seg->size = size;
	seg->hdr = base;
	mapped_replace(0, (u64)seg->hdr);
	return 0;
}

void seg_unmap(struct vl_seg *seg)
{
	mapped_replace((u64)seg->hdr, 0);
	munmap(seg->base, seg->size);
	close(seg->fd);
	memset(seg, 0, sizeof(*seg));
	seg->fd = -1;
}

/* Where the regions before the page descriptors lie; returns where those begin. */
static u64 plan_fixed(const struct vl_config *config, struct vl_region *r)
{
	const u64 fixed[REGION_PAGE_DESCS] = {
		[REGION_HEADER] = sizeof(struct seg_header),
		[REGION_SLOTS] = (u64)config->participants_max * sizeof(struct participant_slot),
		[REGION_AREAS] = (u64)config->participants_max * PARTICIPANT_AREA_BYTES,
		[REGION_EVENTS] = (u64)config->participants_max * EVENT_RING_BYTES,
		[REGION_MMS] = (u64)config->mms_max * (MM_SLOT_BYTES + MM_ASIDE_BYTES),
		[REGION_FILES] = (u64)config->files_max * FILE_SLOT_BYTES,
#ifdef VL_LAB
		[REGION_LAB] = LAB_BYTES,
#endif
	};
	u64 off = 0;

	for (u32 i = 0; i < REGION_PAGE_DESCS; i++) {
		r[i].off = off;
		r[i].len = PAGE_ALIGN(fixed[i]);
		off += r[i].len;
	}
	return off;
}

static u64 frames_bytes(const struct vl_config *config)
{
	return frame_numbers_off(config->frames_max) +
	       ALIGN_UP(config->frames_max, FRAMES_CHUNK) * sizeof(u32);
}

/* The least size_bytes of what else is configured. */
static u64 size_least(const struct vl_config *config)
{
	struct vl_region r[REGIONS_COUNT];
	u64 pages = PAGES_MIN + (u64)config->participants_max * PAGES_EACH_MIN;

	/* one page of rounding for the descriptors */
	return plan_fixed(config, r) + frames_bytes(config) + PAGE_SIZE +
	       PAGE_ALIGN(pages * (PAGE_SIZE + sizeof(struct page_desc)));
}

/* Fixed regions first; what is left is shared between pages and their descriptors. */
static void plan_regions(const struct vl_config *config, struct vl_region *r)
{
	u64 off = plan_fixed(config, r), frames = frames_bytes(config);
	u64 pages = (config->size_bytes - off - frames - PAGE_SIZE) /
		    (PAGE_SIZE + sizeof(struct page_desc));

	r[REGION_PAGE_DESCS] = (struct vl_region){off,
						  PAGE_ALIGN(pages * sizeof(struct page_desc))};
	off += r[REGION_PAGE_DESCS].len;
	r[REGION_FRAMES] = (struct vl_region){off, frames};
	off += frames;
	r[REGION_PAGES] = (struct vl_region){off, pages * PAGE_SIZE};
	VL_ASSERT(off + pages * PAGE_SIZE <= config->size_bytes);
}

/* False, and noted, unless least <= value <= most. */
static bool within(struct vl_config_fault *fault, const char *field, u64 value, u64 least, u64 most)
{
	if (value >= least && value <= most)
		return true;
	memset(fault, 0, sizeof(*fault));
	snprintf(fault->field, sizeof(fault->field), "%s", field);
	fault->value = value;
	fault->least = least;
	fault->most = most;
	return false;
}

static bool slab_right(const struct vl_config *c, struct vl_config_fault *fault)
{
	if (!within(fault, "slab_ctor", c->slab_ctor, SLAB_CTOR_MODEL, SLAB_CTOR_ALLOC) ||
	    !within(fault, "slab_reset", c->slab_reset, SLAB_RESET_ALLOC, SLAB_RESET_FREE) ||
	    !within(fault, "slab_freeptr", c->slab_freeptr, SLAB_FREEPTR_NONE,
		    SLAB_FREEPTR_OVERLAID) ||
	    !within(fault, "slab_magazine", c->slab_magazine ? c->slab_magazine : MAGAZINE_SIZE,
		    MAGAZINE_MIN, MAGAZINE_MAX) ||
	    !within(fault, "slab_barn", c->slab_barn, 0, 1) ||
	    !within(fault, "slab_merge", c->slab_merge, 0, 1))
		return false;
	if (c->slab_magazine % 2 == 0)
		return true;
	(void)within(fault, "slab_magazine", c->slab_magazine, UINT64_MAX, 0);
	fault->least = MAGAZINE_MIN;
	fault->most = MAGAZINE_MAX;
	fault->multiple = 2;
	return false;
}

static bool events_right(const struct vl_config *c, struct vl_config_fault *fault)
{
	if (!within(fault, "events_off", c->events_off, 0, 1) ||
	    !within(fault, "sample_faults", c->sample_faults, 0, SAMPLE_FAULTS_MAX))
		return false;
	if ((c->sample_faults & (c->sample_faults - 1)) == 0)
		return true;
	(void)within(fault, "sample_faults", c->sample_faults, UINT64_MAX, 0);
	fault->least = 0;
	fault->most = SAMPLE_FAULTS_MAX;
	snprintf(fault->because, sizeof(fault->because), "a power of two wanted, or 0");
	return false;
}

int seg_config_check(const struct vl_config *c, struct vl_config_fault *fault)
{
	u64 frames = (u64)c->participants_max * FRAMES_EACH_MIN;

	if (!within(fault, "mms_max", c->mms_max, 1, MMS_MAX) ||
	    !within(fault, "participants_max", c->participants_max, 1, PARTICIPANTS_MAX) ||
	    !within(fault, "files_max", c->files_max, 1, FILES_MAX) ||
	    !within(fault, "vmas_per_mm_max", c->vmas_per_mm_max, 1, VMAS_PER_MM_MAX) ||
	    !within(fault, "rcu", c->rcu, RCU_AUTO, RCU_FENCED) ||
	    !within(fault, "pkeys", c->pkeys, 0, 1) ||
	    !within(fault, "overcommit", c->overcommit, 0, 2) ||
	    !within(fault, "lookup", c->lookup, LOOKUP_WALK, LOOKUP_CACHE) ||
	    !within(fault, "writer_wait", c->writer_wait, WRITER_SLEEPS, WRITER_SPINS) ||
	    !slab_right(c, fault) || !events_right(c, fault))
		return VL_E_INVALID;
	if (!within(fault, "frames_max", c->frames_max, frames, FRAMES_MAX)) {
		snprintf(fault->because, sizeof(fault->because), "participants_max = %u",
			 c->participants_max);
		return VL_E_INVALID;
	}
	if (!within(fault, "size_bytes", c->size_bytes, size_least(c), SEG_SIZE_MAX)) {
		snprintf(fault->because, sizeof(fault->because),
			 "participants_max = %u, frames_max = %u, mms_max = %u, files_max = %u",
			 c->participants_max, c->frames_max, c->mms_max, c->files_max);
		return VL_E_INVALID;
	}
	if (c->size_bytes % PAGE_SIZE != 0) {
		(void)within(fault, "size_bytes", c->size_bytes, UINT64_MAX, 0);
		fault->least = size_least(c);
		fault->most = SEG_SIZE_MAX;
		fault->multiple = PAGE_SIZE;
		return VL_E_INVALID;
	}
	return 0;
}

/* Is there room for the whole of a sparse file, should all of it be used? f_blocks is 0 where the
 * file system has no limit (memfd). */
static bool room_for(int fd, u64 bytes)
{
	struct statvfs fs;

	if (fstatvfs(fd, &fs) != 0 || fs.f_blocks == 0)
		return true;
	return (u64)fs.f_bavail * fs.f_frsize >= bytes;
}

static u32 or_half(u32 given, u64 whole)
{
	return given ? given : (u32)max_u64(1, min_u64(whole / 2, UINT32_MAX));
}

/* By default one account may have half of everything, so that another one finds as much. Of the
 * pages a quarter may be its page tables; the VMAs that it may have, each with what hangs on it
 * (some 512 bytes), fill another quarter. */
static void set_quotas(struct seg_header *hdr)
{
	const struct vl_config *c = &hdr->config;

	hdr->account_max[CHARGE_FRAMES] = or_half(c->account_frames_max, c->frames_max);
	hdr->account_max[CHARGE_TABLES] = or_half(c->account_tables_max,
						  hdr->pages.pages_total / 2);
	hdr->account_max[CHARGE_VMAS] = or_half(c->account_vmas_max,
						(u64)hdr->pages.pages_total * 4);
	hdr->account_max[CHARGE_FILES] = or_half(c->account_files_max, c->files_max);
	hdr->account_max[CHARGE_MMS] = or_half(c->account_mms_max, c->mms_max);
	hdr->account_max[CHARGE_MM_FRAMES] = c->frames_per_mm_max ? c->frames_per_mm_max
								  : UINT32_MAX;
	hdr->tables_per_mm_max = c->tables_per_mm_max ? c->tables_per_mm_max : UINT32_MAX;
}

static void fill_header(struct vl_seg *seg, const char *name, const struct vl_config *config,
			const struct vl_region *regions, u64 fingerprint, u32 flavour,
			const char *model, const char *layout)
{
	struct seg_header *hdr = seg->hdr;
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	hdr->abi = VL_ABI_VERSION;
	hdr->fingerprint = fingerprint;
	hdr->size = config->size_bytes;
	hdr->config = *config;
	hdr->clock_namespace = life_clock_namespace();
	hdr->created_ns = (u64)ts.tv_sec * NSEC_PER_SEC + (u64)ts.tv_nsec;
	strncpy(hdr->name, name, sizeof(hdr->name) - 1);
	strncpy(hdr->model, model, sizeof(hdr->model) - 1);
	strncpy(hdr->layout, layout, sizeof(hdr->layout) - 1);
	memcpy(hdr->regions, regions, sizeof(hdr->regions));
	hdr->rcu.gp_ctr = GP_FIRST;
	hdr->rcu.completed = 1;
	hdr->rcu.flavour = flavour;
	hdr->pages.pages_total = (u32)(regions[REGION_PAGES].len / PAGE_SIZE);
	hdr->frames.frames_total = config->frames_max;
	hdr->frames.fresh = 2; /* frame.h: FRAMES_FIRST */
	set_quotas(hdr);
	/* Last: a file without the magic is not a segment yet. */
	store_release_u64(&hdr->magic, VL_MAGIC);
}

static int populate_fixed(const struct vl_seg *seg, const struct vl_region *r)
{
	static const u32 whole[] = {
		REGION_HEADER, REGION_SLOTS, REGION_MMS, REGION_FILES,
#ifdef VL_LAB
		REGION_LAB,
#endif
	};

	for (u32 i = 0; i < ARRAY_SIZE(whole); i++) {
		if (seg_populate(seg, r[whole[i]].off, r[whole[i]].len) != 0)
			return VL_E_SPACE;
	}
	return seg_populate(seg, r[REGION_FRAMES].off, PAGE_SIZE) != 0 ? VL_E_SPACE : 0;
}

int seg_format(struct vl_seg *seg, int fd, const char *name, const struct vl_config *config,
	       u64 fingerprint, const char *model, const char *layout)
{
	struct vl_region regions[REGIONS_COUNT];
	struct vl_config_fault fault;
	u32 flavour = config->rcu;
	int err;

	memset(seg, 0, sizeof(*seg));
	seg->fd = -1;
	if (seg_config_check(config, &fault) != 0)
		return VL_E_INVALID;
	plan_regions(config, regions);
	if (flavour != RCU_FENCED) {
		err = membarrier_register();
		if (err && flavour == RCU_MEMBARRIER)
			return VL_E_RCU;
		flavour = err ? RCU_FENCED : RCU_MEMBARRIER;
	}
	if (!room_for(fd, config->size_bytes))
		return VL_E_SPACE;
	if (ftruncate(fd, (off_t)config->size_bytes) != 0)
		return errno == ENOSPC ? VL_E_SPACE : VL_E_SYS;
	err = map_file(seg, fd, config->size_bytes);
	if (err)
		return err;
	err = populate_fixed(seg, regions);
	if (err) {
		seg_unmap(seg);
		return err;
	}
	fill_header(seg, name, config, regions, fingerprint, flavour, model, layout);
	set_pointers(seg);
	return 0;
}

/* Looks at the file before anything of it is mapped. */
static int check_file(int fd, u64 *size)
{
	struct stat st;
	u64 magic = 0;

	if (fstat(fd, &st) != 0)
		return VL_E_SYS;
	*size = (u64)st.st_size;
	if (*size == 0)
		return VL_E_NOT_READY; /* its maker is before ftruncate */
	if (pread(fd, &magic, sizeof(magic), 0) != (ssize_t)sizeof(magic))
		return VL_E_FOREIGN;
	if (magic == 0 && *size >= sizeof(struct seg_header))
		return VL_E_NOT_READY; /* its maker is before the header */
	if (magic != VL_MAGIC)
		return VL_E_FOREIGN;
	return *size < sizeof(struct seg_header) ? VL_E_TRUNCATED : 0;
}

static bool depots_right(const struct seg_header *hdr)
{
	u64 room = ALIGN_UP(hdr->frames.frames_total, FRAMES_CHUNK) / FRAME_DEPOTS;

	for (u32 i = 0; i < FRAME_DEPOTS; i++)
		if (load_relaxed_u32(&hdr->frame_depots[i].count) > room)
			return false;
	return true;
}

static bool pools_right(const struct seg_header *hdr)
{
	const struct page_pool *pages = &hdr->pages;
	const struct frame_pool *frames = &hdr->frames;

	return pages->pages_total == hdr->regions[REGION_PAGES].len / PAGE_SIZE &&
	       load_relaxed_u32(&pages->pages_populated) <= pages->pages_total &&
	       frames->frames_total == hdr->config.frames_max &&
	       load_relaxed_u32(&frames->frames_populated) <= frames->frames_total &&
	       load_relaxed_u32(&frames->fresh) <= frames->frames_total && depots_right(hdr);
}

/* 128 objects at most (two words of bits), on 8 pages at most: slab.h has both. */
static bool cache_right(const struct seg_header *hdr, u32 index)
{
	const struct kmem_cache *c = &hdr->caches[index];

	if (!load_acquire_u32(&c->alive))
		return !c->shares || (c->shares <= KMEM_CACHES_MAX &&
				      load_acquire_u32(&hdr->caches[c->shares - 1].alive));
	return c->index == index && c->order <= 3 && c->slot_bytes >= 16 &&
	       c->object_bytes <= c->slot_bytes && c->objs_per_slab >= 1 &&
	       c->objs_per_slab <= 128 &&
	       (u64)c->objs_per_slab * c->slot_bytes <= PAGE_SIZE << c->order &&
	       (u64)c->freeptr * 8 <= c->slot_bytes &&
	       load_relaxed_u32(&c->barn_full) <= BARN_MAX &&
	       load_relaxed_u32(&c->partial_head) <= hdr->pages.pages_total;
}

/* What is over is read first: both only grow. */
static bool grace_periods_right(const struct rcu_state *rcu)
{
	u64 completed = load_acquire_u64(&rcu->completed);

	return completed <= load_relaxed_u64(&rcu->gp_ctr);
}

/* Who has a mutex or the stop word has a slot, living or dead: recovery takes the words away before
 * the slot. Anybody else would be waited for without an end. One look may be overtaken by who gives
 * the word back and leaves. */
static bool has_owner(const struct seg_header *hdr, const u32 *word)
{
	const struct participant_slot *slots =
		(const void *)((const u8 *)hdr + hdr->regions[REGION_SLOTS].off);

	for (u32 look = 0; look < OWNER_LOOKS; look++) {
		u32 owner = load_acquire_u32(word) & ~VL_MUTEX_WAITERS;

		if (owner == 0)
			return true;
		if (owner > hdr->config.participants_max)
			return false;
		if (load_acquire_u32(&slots[owner - 1].role) != ROLE_FREE)
			return true;
		usleep(OWNER_LOOK_US);
	}
	return false;
}

static bool owners_right(const struct seg_header *hdr)
{
	bool right = (load_relaxed_u32(&hdr->stop) == STOP_BROKEN || has_owner(hdr, &hdr->stop)) &&
		     load_relaxed_u32(&hdr->stuck) <= hdr->config.participants_max &&
		     has_owner(hdr, &hdr->slots_lock.word) &&
		     has_owner(hdr, &hdr->pages.lock.word) &&
		     has_owner(hdr, &hdr->frames.lock.word) &&
		     has_owner(hdr, &hdr->rcu.advance_lock.word);

	for (u32 i = 0; right && i < FRAME_DEPOTS; i++)
		right = has_owner(hdr, &hdr->frame_depots[i].lock.word);
	for (u32 i = 0; right && i < KMEM_CACHES_MAX; i++)
		right = has_owner(hdr, &hdr->caches[i].lock.word);
	for (u32 i = 0; right && i < ARRAY_SIZE(hdr->anon_locks); i++)
		right = has_owner(hdr, &hdr->anon_locks[i].word);
	return right;
}

int seg_header_check(const struct seg_header *hdr, u64 size)
{
	struct vl_region planned[REGIONS_COUNT];
	struct vl_config config = hdr->config; /* checked and used in one state */
	struct vl_config_fault fault;

	if (seg_config_check(&config, &fault) != 0 || config.size_bytes != hdr->size ||
	    hdr->size > size)
		return VL_E_DAMAGED;
	plan_regions(&config, planned);
	if (memcmp(planned, hdr->regions, sizeof(planned)) != 0 || !pools_right(hdr) ||
	    load_acquire_u32(&hdr->slots_high) > config.participants_max ||
	    load_relaxed_u32(&hdr->file_hint) > config.files_max ||
	    !grace_periods_right(&hdr->rcu) ||
	    (hdr->rcu.flavour != RCU_MEMBARRIER && hdr->rcu.flavour != RCU_FENCED))
		return VL_E_DAMAGED;
	for (u32 i = 0; i < KMEM_CACHES_MAX; i++) {
		if (!cache_right(hdr, i))
			return VL_E_DAMAGED;
	}
	return owners_right(hdr) ? 0 : VL_E_DAMAGED;
}

static int check_header(const struct vl_seg *seg, u64 fingerprint, bool inspect)
{
	const struct seg_header *hdr = seg->hdr;
	u32 state = load_acquire_u32(&hdr->state); /* pairs: SEG-1 (api.c:core_seg_create) */

	if (hdr->abi != VL_ABI_VERSION)
		return VL_E_ABI;
	if (hdr->fingerprint != fingerprint)
		return VL_E_FINGERPRINT;
	if (hdr->size > seg->size)
		return VL_E_TRUNCATED;
	if (inspect)
		return seg_header_check(hdr, seg->size);
	switch (state) {
	case SEG_READY: /* deadlines in the segment are times of one clock */
		if (hdr->clock_namespace != life_clock_namespace())
			return VL_E_CLOCK;
		return seg_header_check(hdr, seg->size);
	case SEG_BROKEN:
		return VL_E_BROKEN;
	case SEG_CLOSING:
		return VL_E_MISSING;
	default:
		return VL_E_NOT_READY;
	}
}

static int map_checked(struct vl_seg *seg, int fd, u64 fingerprint, bool inspect)
{
	u64 size;
	int err;

	memset(seg, 0, sizeof(*seg));
	seg->fd = -1;
	err = check_file(fd, &size);
	if (err)
		return err;
	err = map_file(seg, fd, size);
	if (err)
		return err;
	err = check_header(seg, fingerprint, inspect);
	if (err) {
		seg_unmap(seg);
		return err;
	}
	set_pointers(seg);
	return 0;
}

int seg_map(struct vl_seg *seg, int fd, u64 fingerprint)
{
	/* SEG-1 is in check_header. */
	return map_checked(seg, fd, fingerprint, false);
}

int seg_map_inspect(struct vl_seg *seg, int fd, u64 fingerprint)
{
	return map_checked(seg, fd, fingerprint, true);
}
