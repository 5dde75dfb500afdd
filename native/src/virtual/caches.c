/* SPDX-License-Identifier: Apache-2.0 */
/*
 * caches.c: what an access costs: the caches of each core, the cache of a cluster, and the
 * directory, which knows for each line who has it.
 *
 * A line is in one of four states: nobody has it; one has it alone (exclusive: written or not);
 * some share it; MOESI: some share it and one of them (owner) answers for what it has written. A
 * core's own caches say only how far away a line is that it has: a line that others took is not
 * looked for in them, the directory says so.
 *
 * A transfer is three hops: the request goes to the directory, from there to who has the line, and
 * the line comes from that one. A line serves one transfer after the other: `busy` is when the last
 * one is through. Who asks before that waits at the directory (queued), so its request has made the
 * first hop by then. Who has a line may use it until the request is there, one hop before the line
 * is at the other one. Reads keep the line for `occupied` only.
 */
#include "virtual_internal.h"

#ifdef VL_VIRTUAL

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "vmalab/participant.h"

static bool cache_make(struct cache *cache, u32 sets, u32 ways)
{
	u64 count = (u64)sets * ways;

	*cache = (struct cache){malloc(count * sizeof(u32)), sets, ways};
	for (u64 i = 0; cache->lines && i < count; i++)
		cache->lines[i] = NO_LINE;
	return cache->lines != NULL;
}

/* The line becomes the one used last. True: it was there. *out: the line that had to go for it, or
 * NO_LINE. */
static inline bool cache_use(struct cache *cache, u32 line, u32 *out)
{
	u32 *set = cache->lines + (u64)(line & (cache->sets - 1)) * cache->ways, last = line, i;

	*out = NO_LINE;
	for (i = 0; i < cache->ways; i++) {
		u32 here = set[i];

		set[i] = last;
		last = here;
		if (here == line)
			return true;
	}
	*out = last;
	return false;
}

static void *zeroes(u64 bytes)
{
	void *at = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return at == MAP_FAILED ? NULL : at;
}

int caches_make(void)
{
	const struct vl_virtual_machine *of = vm.of;
	u64 lines = vm.bytes >> LINE_SHIFT;
	bool made = true;

	vm.lines = zeroes(lines * sizeof(*vm.lines));
	vm.words = zeroes(lines * sizeof(*vm.words));
	for (u32 i = 0; i < vm.count; i++) {
		made &= cache_make(&vm.cpus[i].first, of->first_sets, of->first_ways);
		made &= cache_make(&vm.cpus[i].second, of->second_sets, of->second_ways);
	}
	for (u32 i = 0; i < vm.clusters; i++)
		made &= cache_make(&vm.shared[i], of->shared_sets, of->shared_ways);
	vm.kept = calloc(KEPT_SLOTS, sizeof(*vm.kept));
	return made && vm.lines && vm.words && vm.kept ? 0 : VL_E_LIMIT;
}

void caches_free(void)
{
	u64 lines = vm.bytes >> LINE_SHIFT;

	for (u32 i = 0; i < vm.count; i++) {
		free(vm.cpus[i].first.lines);
		free(vm.cpus[i].second.lines);
	}
	for (u32 i = 0; i < vm.clusters; i++) {
		free(vm.shared[i].lines);
		vm.shared[i].lines = NULL;
	}
	if (vm.lines)
		munmap(vm.lines, lines * sizeof(*vm.lines));
	if (vm.words)
		munmap(vm.words, lines * sizeof(*vm.words));
	free(vm.kept);
	vm.lines = NULL;
	vm.words = NULL;
	vm.kept = NULL;
}

/* --- distances --- */

static u64 distance(const struct vcpu *a, const struct vcpu *b)
{
	if (a->cluster == b->cluster)
		return vm.of->cluster;
	return a->socket == b->socket ? vm.of->socket : vm.of->remote;
}

/* To the nearest, or the farthest, of a set of CPUs but oneself; 0: there is none. */
static u64 distance_to(const struct vcpu *cpu, const u64 *mask, bool farthest)
{
	u64 best = 0;

	for (u32 word = 0; word < MASK_WORDS; word++) {
		for (u64 left = mask[word]; left; left &= left - 1) {
			u32 other = word * 64 + (u32)__builtin_ctzl(left);
			u64 ps;

			if (other == cpu->id)
				continue;
			ps = distance(cpu, &vm.cpus[other]);
			if (!best || (farthest ? ps > best : ps < best))
				best = ps;
		}
	}
	return best;
}

/* From a cluster's cache that has it; 0: none has. */
static u64 distance_shared(const struct vcpu *cpu, u32 clusters)
{
	u32 of_socket = vm.of->clusters_per_socket;

	if (clusters >> cpu->cluster & 1)
		return vm.of->shared;
	for (u32 left = clusters; left; left &= left - 1) {
		if ((u32)__builtin_ctz(left) / of_socket == cpu->socket)
			return vm.of->socket;
	}
	return clusters ? vm.of->remote : 0;
}

/* --- what each cache keeps --- */

static void shared_keeps(u32 cluster, u32 at)
{
	u32 out;

	vm.lines[at].in_shared |= 1u << cluster;
	(void)cache_use(&vm.shared[cluster], at, &out);
	if (out != NO_LINE)
		vm.lines[out].in_shared &= ~(1u << cluster);
}

/* A core has no room for it any more: the cluster's cache keeps it. */
static void core_drops(const struct vcpu *cpu, u32 at)
{
	struct line *line = &vm.lines[at];

	if (!mask_has(line->sharers, cpu->id))
		return;
	mask_remove(line->sharers, cpu->id);
	if (line->owner == cpu->id + 1) {
		line->owner = 0;
		line->exclusive = 0;
	}
	shared_keeps(cpu->cluster, at);
}

static void core_keeps(struct vcpu *cpu, u32 at)
{
	u32 out;

	(void)cache_use(&cpu->first, at, &out); /* what goes is in the second one */
	(void)cache_use(&cpu->second, at, &out);
	if (out != NO_LINE)
		core_drops(cpu, out);
}

/* --- transfers --- */

/* A line that the core has: how long until its value is there. */
static u64 hit(struct vcpu *cpu, u32 at)
{
	u32 out;

	if (cache_use(&cpu->first, at, &out))
		return vm.of->first;
	(void)cache_use(&cpu->second, at, &out);
	return vm.of->second;
}

/* Who answers for a line that the core has not, and how far it is. */
static u64 source(const struct vcpu *cpu, const struct line *line)
{
	u64 ps;

	if (line->owner)
		return distance(cpu, &vm.cpus[line->owner - 1]);
	ps = distance_shared(cpu, line->in_shared);
	if (ps == vm.of->shared)
		return ps;
	if (vm.of->protocol != VL_VIRTUAL_MESI) {
		u64 near = distance_to(cpu, line->sharers, false);

		if (near && (!ps || near < ps))
			ps = near;
	}
	return ps ? ps : vm.of->memory;
}

/* Others that have it share it now. */
static void shared_with(struct vcpu *cpu, struct line *line, u32 at)
{
	bool alone = !(line->sharers[0] | line->sharers[1] | line->sharers[2] | line->sharers[3]);

	if (line->owner && vm.of->protocol == VL_VIRTUAL_MOESI) {
		line->exclusive = 0;
	} else if (line->owner) {
		shared_keeps(vm.cpus[line->owner - 1].cluster, at);
		line->owner = 0;
		line->exclusive = 0;
	}
	if (alone && !line->in_shared) {
		line->owner = (u16)(cpu->id + 1);
		line->exclusive = 1;
	}
	mask_add(line->sharers, cpu->id);
}

/* The other line of an aligned pair comes along, to be read. */
static void bring_adjacent(struct vcpu *cpu, u32 at)
{
	struct line *line = &vm.lines[at];

	if (mask_has(line->sharers, cpu->id))
		return;
	shared_with(cpu, line, at);
	core_keeps(cpu, at);
}

static void missed(struct vcpu *cpu, u32 at)
{
	core_keeps(cpu, at);
	if (vm.of->adjacent && (u64)(at ^ 1) < vm.bytes >> LINE_SHIFT)
		bring_adjacent(cpu, at ^ 1);
}

u64 uneven(u64 ps)
{
	vm.random ^= vm.random << 13;
	vm.random ^= vm.random >> 7;
	vm.random ^= vm.random << 17;
	return ps - ps / 8 + (ps / 4 * (vm.random >> 56)) / 256;
}

/* When the line of the access under way was asked for: in the first stall that it is not too many
 * instructions behind. */
static u64 asked_at(const struct vcpu *cpu)
{
	u64 at = cpu->now;

	if (cpu->needs)
		return at;
	for (u32 i = 0; i < cpu->stalls_count; i++) {
		const struct stall *stall = &cpu->stalls[i];

		if (cpu->instructions - stall->instructions <= vm.of->ahead)
			at = min_u64(at, stall->began);
	}
	return at;
}

static u64 request_hop(u64 ps)
{
	return ps * vm.of->request / 100;
}

/* The last of the three. */
static u64 line_hop(u64 ps)
{
	return ps - 2 * request_hop(ps);
}

/* When a line is there that was asked for at `from` and takes so long. *queue: how much of that is
 * for the transfer before it. */
static u64 arrival(const struct line *line, u64 from, u64 ps, u64 *queue)
{
	u64 there = max_u64(from + ps, line->busy + ps - request_hop(ps));

	*queue = there - from - ps;
	return there;
}

/* A store takes the line from those who have it. They hear of it at that time. */
static void let_keep(const struct line *line, u32 at, u64 until)
{
	struct kept *kept = &vm.kept[at % KEPT_SLOTS];

	memcpy(kept->sharers, line->sharers, sizeof(kept->sharers));
	kept->until = until;
	kept->line = at;
}

static bool still_has(const struct vcpu *cpu, u32 at, u64 now)
{
	const struct kept *kept = &vm.kept[at % KEPT_SLOTS];

	return kept->line == at && now < kept->until && mask_has(kept->sharers, cpu->id);
}

/* When its value is there. *queue: how much of the wait is for others. */
static u64 read_line(struct vcpu *cpu, u32 at, u64 *queue)
{
	struct line *line = &vm.lines[at];
	u64 ps, there;

	*queue = 0;
	if (mask_has(line->sharers, cpu->id) || still_has(cpu, at, cpu->now))
		return cpu->now + hit(cpu, at);
	ps = uneven(source(cpu, line));
	there = arrival(line, asked_at(cpu), ps, queue);
	line->busy = line->exclusive ? there : there - ps + vm.of->occupied;
	shared_with(cpu, line, at);
	missed(cpu, at);
	return max_u64(there, cpu->now);
}

/* Everyone else loses it. */
static void take_from_all(struct vcpu *cpu, struct line *line, u32 at)
{
	bool lost = false;

	for (u32 word = 0; word < MASK_WORDS; word++) {
		for (u64 left = line->sharers[word]; left; left &= left - 1) {
			u32 other = word * 64 + (u32)__builtin_ctzl(left);

			if (other == cpu->id)
				continue;
			hot_lost(at, other, line->version + 1);
			lost = true;
		}
		line->sharers[word] = 0;
	}
	line->version += lost;
	line->in_shared = 0;
	line->owner = (u16)(cpu->id + 1);
	line->exclusive = 1;
	mask_add(line->sharers, cpu->id);
}

/* How long a write of a line takes that the core has not alone. */
static u64 write_costs(struct vcpu *cpu, u32 at)
{
	const struct line *line = &vm.lines[at];
	u64 others = distance_to(cpu, line->sharers, true);
	u64 own = mask_has(line->sharers, cpu->id) ? hit(cpu, at) : source(cpu, line);

	return uneven(max_u64(own, others));
}

/* When it may be written. */
static u64 write_line(struct vcpu *cpu, u32 at)
{
	struct line *line = &vm.lines[at];
	bool has = mask_has(line->sharers, cpu->id);
	u64 ps, there, queue;

	if (line->exclusive && line->owner == cpu->id + 1)
		return cpu->now + hit(cpu, at);
	ps = write_costs(cpu, at);
	there = arrival(line, asked_at(cpu), ps, &queue);
	line->busy = there;
	let_keep(line, at, there - line_hop(ps));
	take_from_all(cpu, line, at);
	if (!has)
		missed(cpu, at);
	return max_u64(there, cpu->now);
}

/* --- a CPU's own order --- */

/* The CPU stands until then; at most `queue` of it because others had the line before. */
static void stall(struct vcpu *cpu, u64 until, u64 queue)
{
	u64 ps = until > cpu->now ? until - cpu->now : 0;

	if (!ps)
		return;
	cpu->stalls[cpu->stalls_head++ % STALLS_MAX] = (struct stall){cpu->now, cpu->instructions};
	cpu->stalls_count = min_u64(cpu->stalls_head, STALLS_MAX);
	queue = min_u64(queue, ps);
	cpu->counts.queued += queue;
	cpu->counts.missing += ps - queue;
	cpu->now += ps;
}

/* Is the address made from that value? References are offsets in units of 16 bytes, some with bits
 * of their own below. Where a page or a slot is found by its number this does not see it. */
static bool comes_from(u64 offset, const struct load *load)
{
	u64 ref = (load->value & 0xffffffff) << 4, node = ref & ~0xffful;

	return (offset >= ref && offset - ref < 4096) || (offset >= node && offset - node < 4096) ||
	       offset >> LINE_SHIFT == load->line;
}

/* Waits for those that the access to `offset` needs, for those that too many instructions were
 * begun behind, and where no more may be on their way; all: for each. Forgets those that are
 * there. */
static void wait_for_loads(struct vcpu *cpu, u64 offset, bool all)
{
	u32 kept = 0;

	all |= cpu->loads_count >= vm.of->loads_out;
	for (u32 i = 0; i < cpu->loads_count; i++) {
		const struct load *load = &cpu->loads[i];
		bool needed = comes_from(offset, load);

		cpu->needs |= needed && load->ready > cpu->now;
		if (all || needed || cpu->instructions - load->begun > vm.of->window)
			stall(cpu, load->ready, load->queue);
	}
	for (u32 i = 0; i < cpu->loads_count; i++) {
		if (cpu->loads[i].ready > cpu->now)
			cpu->loads[kept++] = cpu->loads[i];
	}
	cpu->loads_count = kept;
}

static void stores_tidy(struct vcpu *cpu)
{
	while (cpu->stores_count && cpu->stores[cpu->stores_head] <= cpu->now) {
		cpu->stores_head = (cpu->stores_head + 1) % STORES_MAX;
		cpu->stores_count--;
	}
}

void caches_loads(struct vcpu *cpu)
{
	vcpu_charge(cpu);
	wait_for_loads(cpu, 0, true);
	cpu->stalls_head = cpu->stalls_count = 0;
}

void caches_drain(struct vcpu *cpu)
{
	wait_for_loads(cpu, 0, true);
	stall(cpu, cpu->last_store, 0);
	cpu->stores_count = 0;
}

/* A store leaves the buffer when its line is there, after those before it. When that is. */
static u64 store(struct vcpu *cpu, u32 at)
{
	u64 there;

	stores_tidy(cpu);
	if (cpu->stores_count >= vm.of->store_buffer) {
		stall(cpu, cpu->stores[cpu->stores_head], 0);
		stores_tidy(cpu);
	}
	there = write_line(cpu, at);
	if (there > cpu->now + vm.of->second || cpu->stores_count) {
		cpu->last_store = max_u64(there, cpu->last_store);
		cpu->stores[(cpu->stores_head + cpu->stores_count++) % STORES_MAX] =
			cpu->last_store;
	}
	return there;
}

static u64 load(struct vcpu *cpu, u32 at, u64 offset, u32 bytes)
{
	u64 queue, there = read_line(cpu, at, &queue), value = 0;

	if (there <= cpu->now + vm.of->second) {
		cpu->counts.work += there - cpu->now;
		cpu->now = there;
		return there;
	}
	for (u32 i = 0; i < bytes && i < 8; i++)
		value |= (u64)vm.base[offset + i] << 8 * i;
	cpu->loads[cpu->loads_count++] = (struct load){there, value, queue, cpu->instructions, at};
	return there;
}

static void let_others_go_on(const struct vcpu *cpu)
{
	if (cpu->now > vm.next)
		vcpu_switch(); /* and back, when it is its turn again */
}

/* A locked instruction waits for its line, so it can be done in the order of a real transfer. It
 * has its turn at the line after those who asked before; how long it takes is estimated then. Who
 * has the line may use it until it hears of that. Without that a CPU whose compare-and-exchange
 * failed would lose the line before it could try again, for ever. */
static void take_line(struct vcpu *cpu, u32 at)
{
	struct line *line = &vm.lines[at];
	u64 ps = write_costs(cpu, at), queue, there = arrival(line, asked_at(cpu), ps, &queue);

	line->busy = there;
	stall(cpu, there - line_hop(ps), queue);
	let_others_go_on(cpu);
	take_from_all(cpu, line, at);
	missed(cpu, at);
	stall(cpu, there, 0);
}

static u64 locked(struct vcpu *cpu, u32 at)
{
	struct line *line = &vm.lines[at];
	u64 there;

	if (line->exclusive && line->owner == cpu->id + 1) {
		there = cpu->now + hit(cpu, at);
		stall(cpu, there, 0);
	} else {
		take_line(cpu, at);
		there = cpu->now;
	}
	cpu->now += vm.of->locked;
	line->busy = max_u64(line->busy, cpu->now); /* nobody takes it in between */
	cpu->counts.work += vm.of->locked;
	cpu->counts.locked++;
	return there;
}

/* It is in no state that the access could be done in. */
static bool is_missing(const struct vcpu *cpu, u32 at, enum access_kind kind)
{
	const struct line *line = &vm.lines[at];

	if (kind == ACCESS_READ)
		return !mask_has(line->sharers, cpu->id) && !still_has(cpu, at, cpu->now);
	return !line->exclusive || line->owner != cpu->id + 1;
}

static void note_write(const struct vcpu *cpu, struct line *line, struct words *words, u32 at,
		       u32 bytes, u64 text)
{
	for (u32 word = at / 8; word <= (at + bytes - 1) / 8 && word < WORDS; word++)
		words->version[word] = line->version;
	line->writer_at = (u8)at;
	line->writer_text = (u32)(text - vm.text);
	line->writer_cpu = (u8)cpu->id;
}

void caches_access(struct vcpu *cpu, u64 offset, u32 bytes, enum access_kind kind, u64 text)
{
	u32 at = (u32)(offset >> LINE_SHIFT), in_line = (u32)offset % LINE_BYTES;
	struct line *line = &vm.lines[at];
	bool missing;
	u64 began, there;

	vcpu_charge(cpu);
	let_others_go_on(cpu);
	if (unlikely(++vm.accesses >= vm.pause_at))
		vcpu_pause();
	cpu->counts.accesses++;
	if (line->mark != cpu->mark) {
		line->mark = cpu->mark;
		cpu->lines++;
	}
	cpu->needs = false;
	if (kind == ACCESS_LOCKED)
		caches_drain(cpu);
	else if (cpu->loads_count)
		wait_for_loads(cpu, offset, false);
	began = cpu->now;
	missing = is_missing(cpu, at, kind);
	if (kind == ACCESS_READ)
		there = load(cpu, at, offset, bytes);
	else if (kind == ACCESS_WRITE)
		there = store(cpu, at);
	else
		there = locked(cpu, at);
	if (unlikely(missing)) {
		cpu->counts.misses++;
		hot_missed(cpu, at, in_line, bytes, kind, text, there - began);
	}
	if (kind != ACCESS_READ)
		note_write(cpu, line, &vm.words[at], in_line, bytes, text);
}

#endif
