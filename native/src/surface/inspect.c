/* SPDX-License-Identifier: Apache-2.0 */
/*
 * inspect.c: looking inside: configuration, slabs, counters, locks, participants, address
 * spaces. Takes no lock that others wait for (the list of mms excepted); what it shows of words
 * that move is each a value that was there.
 */
#include <stdio.h>

#include "vmalab/lock_model.h"
#include "vmalab/core_setup.h"

void vl_seg_info(const struct vl_seg *seg, struct vl_seg_info *out)
{
	const struct seg_header *hdr = seg->hdr;
	struct frame_numbers frames;

	memset(out, 0, sizeof(*out));
	memcpy(out->name, hdr->name, sizeof(out->name));
	memcpy(out->model, hdr->model, sizeof(out->model));
	memcpy(out->layout, hdr->layout, sizeof(out->layout));
	out->config = hdr->config;
	out->abi = hdr->abi;
	out->rcu_flavour = hdr->rcu.flavour;
	out->state = hdr->state;
	out->supervisor_pid = vl_seg_supervisor(seg);
	out->fingerprint = hdr->fingerprint;
	out->created_ns = hdr->created_ns;
	out->pages_total = hdr->pages.pages_total;
	out->pages_populated = hdr->pages.pages_populated;
	for (u32 i = 0; i < hdr->pages.pages_populated; i++)
		out->pages_free += seg->page_descs[i].kind == PAGE_FREE ||
				   seg->page_descs[i].kind == PAGE_CACHED;
	frame_numbers(seg, &frames);
	out->frames_total = frames.total;
	out->frames_populated = frames.populated;
	out->frames_in_use = frames.in_use;
	out->rcu_stalls = hdr->rcu.stalls;
	out->world_stops = hdr->stop_gen;
}

long vl_slabinfo(struct vl_seg *seg, struct vl_slab_info *out, u64 cap)
{
	u32 limit = seg->hdr->config.slab_magazine ? seg->hdr->config.slab_magazine : MAGAZINE_SIZE;
	u64 n = 0;

	for (u32 c = 0; c < KMEM_CACHES_MAX; c++) {
		const struct kmem_cache *cache = &seg->hdr->caches[c];
		struct slab_numbers numbers;

		if (!cache->alive)
			continue;
		if (n < cap) {
			kmem_cache_numbers(seg, c, &numbers);
			out[n] = (struct vl_slab_info){
				.active_objs = numbers.active_objs,
				.num_objs = numbers.num_objs,
				.objsize = cache->slot_bytes,
				.objperslab = cache->objs_per_slab,
				.pagesperslab = 1u << cache->order,
				.limit = limit,
				.batchcount = limit / 2,
				.sharedfactor = 0,
				.active_slabs = numbers.active_slabs,
				.num_slabs = numbers.num_slabs,
				.sharedavail = numbers.magazine_objs,
				.allocs = numbers.allocs,
				.frees = numbers.frees,
				.reuses = numbers.reuses,
			};
			memcpy(out[n].name, cache->name, sizeof(out[n].name));
		}
		n++;
	}
	return (long)n;
}

static const char *const stat_names[] = {
#define X(name) #name,
	VL_STATS(X)
#undef X
};

long core_stat_names(const char **names, u64 cap)
{
	for (u64 i = 0; i < STATS_COUNT && i < cap; i++)
		names[i] = stat_names[i];
	return STATS_COUNT;
}

static u64 stat_total(const struct vl_seg *seg, u64 i)
{
	u64 total = seg->hdr->stats_gone[i];

	for (u32 p = 0; p < load_acquire_u32(&seg->hdr->slots_high); p++)
		if (load_relaxed_u32(&seg->slots[p].role) != ROLE_FREE)
			total += load_relaxed_u64(&participant_area_of(seg, p)->stats[i]);
	return total;
}

long vl_stats(struct vl_seg *seg, u64 *values, u64 cap)
{
	_Static_assert(STATS_COUNT <= STATS_MAX, "counters fit the area");
	for (u64 i = 0; i < STATS_COUNT && i < cap; i++) {
		values[i] = stat_total(seg, i);
		if (i == STAT_pgfault || i == STAT_pgfault_present || i == STAT_FAULT_LOCKED)
			values[i] += stat_total(seg, STAT_pgfault_fast);
	}
	return STATS_COUNT;
}

void vl_own_counts(const struct participant *self, struct vl_own_counts *out)
{
	const u64 *stats = self->area->stats;

	*out = (struct vl_own_counts){.mmap_lock_faults = stats[STAT_mmap_lock_faults]};
	if (STAT_FAULT_LOCKED == STAT_mmap_lock_faults)
		out->mmap_lock_faults += stats[STAT_pgfault_fast];
	for (u32 i = 0; self->ring && i < EVENT_LOCKS_COUNT; i++) {
		out->waits += self->ring->waits[i].count;
		out->wait_ns += self->ring->waits[i].ns;
	}
}

/* The VMA whose lock a reference into the pages names, or NULL. */
static const struct vm_area_struct *vma_of_lock(const struct vl_seg *seg, u64 off)
{
	vl_ref vma = kmem_cache_object_at(seg, CACHE_VMA, off);

#if VMA_LOCK_SEPARATE
	for (u32 i = 0; i < seg->hdr->pages.pages_populated; i++) {
		const struct kmem_cache *cache = &seg->hdr->caches[CACHE_VMA];
		const u8 *at = seg->pages + ((u64)i << PAGE_SHIFT);

		if (seg->page_descs[i].kind != PAGE_SLAB || seg->page_descs[i].cache != CACHE_VMA)
			continue;
		for (u32 n = 0; n < cache->objs_per_slab; n++, at += cache->slot_bytes) {
			const struct vm_area_struct *one = (const void *)at;

			if (one->vm_lock >> REF_SHIFT == off >> REF_SHIFT)
				return one;
		}
	}
#endif
	return vma ? vl_ptr(seg, vma) : NULL;
}

/* Which lock a reference names. */
static void describe_lock(const struct vl_seg *seg, u64 ref, struct vl_lock_info *out)
{
	u64 off = ref << REF_SHIFT, mms = seg->hdr->regions[REGION_MMS].off;
	u64 files = seg->hdr->regions[REGION_FILES].off;

	if (off >= mms && off < mms + seg->hdr->regions[REGION_MMS].len) {
		const struct mm_struct *mm = &mm_table(seg)[(off - mms) / sizeof(*mm)];

		strcpy(out->name, "mmap_lock");
		out->mm = mm->id;
	} else if (off >= files && off < files + seg->hdr->regions[REGION_FILES].len) {
		strcpy(out->name, "file lock");
		out->start = file_id(&file_table(seg)[(off - files) / sizeof(struct file)]);
	} else if (off >= seg->hdr->regions[REGION_PAGES].off) {
		const struct vm_area_struct *vma = vma_of_lock(seg, off);

		strcpy(out->name, "vm_lock");
		if (!vma) /* freed since */
			return;
		out->mm = vma->vm_mm;
		out->start = vma->vm_start;
		out->end = vma->vm_end;
	} else {
		strcpy(out->name, "user");
		out->start = (off - ((u64)seg->hdr->user_locks - (u64)seg->base)) / CACHE_LINE;
	}
}

long vl_locks(struct vl_seg *seg, struct vl_lock_info *out, u64 cap)
{
	u64 n = 0;

	for (u32 p = 0; p < load_acquire_u32(&seg->hdr->slots_high); p++) {
		const struct participant_slot *slot = &seg->slots[p];

		if (load_acquire_u32(&slot->role) == ROLE_FREE)
			continue;
		for (u32 place = 0; place < HOLDS_COUNT; place++) {
			u64 held = load_relaxed_u64(&slot->held[place]);

			if (!held)
				continue;
			if (n < cap) {
				out[n] = (struct vl_lock_info){.participant = p, .pid = slot->pid};
				strcpy(out[n].mode, held & HELD_WRITE ? "W" : "R");
				strcpy(out[n].state, held & HELD_HELD      ? "held"
						     : held & HELD_WAITING ? "waiting"
									   : "taking");
				describe_lock(seg, held >> 8, &out[n]);
			}
			n++;
		}
	}
	return (long)n;
}

long vl_events(struct vl_seg *seg, u32 participant, struct vl_event *out, u64 cap)
{
	struct vl_event events[EVENTS_EACH];
	u32 count;

	if (participant >= seg->hdr->config.participants_max)
		return VL_E_INVALID;
	count = events_copy(seg, participant, events);
	for (u64 i = 0; i < count && i < cap; i++)
		out[i] = events[i];
	return count;
}

long vl_participants(struct vl_seg *seg, struct vl_participant_info *out, u64 cap)
{
	u64 n = 0;

	for (u32 p = 0; p < load_acquire_u32(&seg->hdr->slots_high); p++) {
		const struct participant_slot *slot = &seg->slots[p];
		const struct participant_area *area = participant_area_of(seg, p);
		u32 role = load_acquire_u32(&slot->role);

		if (role == ROLE_FREE)
			continue;
		if (n < cap) {
			out[n] = (struct vl_participant_info){
				.index = p,
				.pid = slot->pid,
				.tid = slot->tid,
				.role = role,
				.in_core = slot->in_core,
				.rcu_active = slot->rcu != 0,
				.rcu = slot->rcu,
				.op = slot->op,
				.start_time = slot->start_time,
				.pid_namespace = area->pid_namespace,
				.alive = participant_alive(seg, p),
			};
			memcpy(out[n].comm, slot->comm, sizeof(out[n].comm));
			for (u32 i = 0; i < seg->hdr->config.mms_max; i++) {
				u64 lease = load_relaxed_u64(&area->leases[i]);

				if (mm_table(seg)[i].generation == lease >> LEASE_SHIFT)
					out[n].leases += lease & LEASES_MAX;
			}
		}
		n++;
	}
	return (long)n;
}

static int count_resident(struct participant *self, pte_t *pte, u64 addr, void *arg)
{
	(void)self;
	(void)addr;
	*(u64 *)arg += *pte != 0 && !pte_is_marker(*pte);
	return 0;
}

long vl_mm_list(struct participant *self, struct vl_mm_info *out, u64 cap)
{
	const struct mm_struct *mms = mm_table(self->seg);
	u64 n = 0;

	for (u32 i = 0; i < self->seg->hdr->config.mms_max; i++) {
		struct mm_struct *mm = (struct mm_struct *)&mms[i];
		u64 id = load_acquire_u64(&mm->id);

		if (!id)
			continue;
		if (core_enter(self) != 0)
			return VL_E_BROKEN;
		if (mmap_read_lock(self, mm, id) == 0) {
			if (n < cap) {
				out[n] = (struct vl_mm_info){
					.id = id,
					.leases = mm->users,
					.map_count = mm->map_count,
					.mm_lock_seq = mm->mm_lock_seq.sequence,
					.keep_until_ns = mm->keep_until_ns,
					.total_pages = mm->total_vm,
					.table_pages = mm->pgd.tables,
					.mmap_base = mm->mmap_base,
					.start_brk = mm->start_brk,
					.brk = mm->brk,
					.locked_pages = mm->locked_vm,
					.data_pages = mm->data_vm,
					.accounted_pages = mm->accounted,
					.exec_from = mm_aside(self->seg, mm)->exec_from,
					.account = mm->account,
					.shared = mm_aside(self->seg, mm)->shared,
				};
				(void)pte_walk_long(self, &mm->pgd, 0, TASK_SIZE, false,
						    count_resident, &out[n].resident_pages);
			}
			mmap_read_unlock(self, mm);
			n++;
		}
		core_exit(self);
	}
	return (long)n;
}

static struct vl_account_info account_info(const struct vl_seg *seg, u32 i)
{
	const struct account *account = &seg->hdr->accounts[i];
	struct vl_account_info info = {
		.key = account->key,
		.account = i,
		.frames = account_charged(seg, i, CHARGE_FRAMES),
		.tables = account_charged(seg, i, CHARGE_TABLES),
		.vmas = account_charged(seg, i, CHARGE_VMAS),
		.files = account_charged(seg, i, CHARGE_FILES),
		.mms = account_charged(seg, i, CHARGE_MMS),
		.frames_max = account_limit(seg, CHARGE_FRAMES),
		.tables_max = account_limit(seg, CHARGE_TABLES),
		.vmas_max = account_limit(seg, CHARGE_VMAS),
		.files_max = account_limit(seg, CHARGE_FILES),
		.mms_max = account_limit(seg, CHARGE_MMS),
	};

	_Static_assert(sizeof(info.name) == ACCOUNT_NAME_MAX, "the whole name");
	memcpy(info.name, account->name, sizeof(info.name) - 1);
	for (u32 kind = 0; kind < CHARGES_COUNT; kind++)
		info.refused += load_relaxed_u32(&account->refused[kind]);
	return info;
}

long vl_accounts(struct vl_seg *seg, struct vl_account_info *out, u64 cap)
{
	u64 n = 0;

	for (u32 i = 1; i < ACCOUNTS_MAX; i++) {
		if (load_acquire_u32(&seg->hdr->accounts[i].state) != ACCOUNT_USED)
			continue;
		if (n < cap)
			out[n] = account_info(seg, i);
		n++;
	}
	return (long)n;
}

void vl_limit_met(const struct participant *self, struct vl_limit_info *out)
{
	*out = (struct vl_limit_info){
		.limit = self->met_limit, .account = self->met_account, .max = self->met_max};
	if (out->account != 0)
		memcpy(out->name, participant_hdr(self)->accounts[out->account].name,
		       sizeof(out->name) - 1);
}
