/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lin.c: searches an order of a history that a sequential address space explains.
 *
 * Just-in-time linearization (Lowe, "Testing for linearizability", 2017; after Wing and Gong): go
 * through invocations and returns by time and keep every configuration that is possible so far: a
 * state, and which of the operations under way have already taken effect. With the return of an
 * operation only those stay in which it has, and to get there any others that are under way may
 * take effect before it. Equal configurations are one. When none is left, the history up to that
 * return is the shortest prefix that no order explains. An operation that changes nothing takes
 * effect as soon as its answer is right: to wait would not make more possible. An operation that
 * began in the ns in which another one ended counts as concurrent with it.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "lin_internal.h"

#define CONFIGS_DEFAULT (1u << 18)
#define SMALL           8 /* so many configurations are compared one by one */
#define SLOTS           64

/* A configuration: word 0 which slots have taken effect, word 1 a hash, then the state. */
struct set {
	u64 *data;
	u32 *table; /* index + 1 */
	u32 count, cap, table_size;
};

struct event {
	u64 time;
	u32 step;
	u32 is_return; /* invocations first */
};

struct search {
	const struct vl_lin_op *ops;
	const struct vl_lin_shape *shape;
	struct vl_lin_result *out;
	struct lin_step *steps;
	struct event *events;
	u8 *slot_of;
	u32 under_way[SLOTS]; /* step + 1 */
	u64 busy;             /* slots in use */
	u64 idle;             /* those of operations that change nothing */
	struct set now, seen, next;
	u32 steps_count, entries, words, configs_max;
	u64 scratch[2 + LIN_ENTRIES_MAX];
};

static u64 hash_of(const u64 *words, u32 count)
{
	u64 h = 0x9e3779b97f4a7c15ul;

	for (u32 i = 0; i < count; i++) {
		h = (h ^ words[i]) * 0xff51afd7ed558ccdul;
		h ^= h >> 32;
	}
	return h;
}

static u64 *config_at(const struct search *l, const struct set *set, u32 i)
{
	return set->data + (u64)i * l->words;
}

static void set_clear(struct set *set)
{
	if (set->count > SMALL)
		memset(set->table, 0, set->table_size * sizeof(*set->table));
	set->count = 0;
}

static void table_put(const struct search *l, struct set *set, u32 i)
{
	u64 at = config_at(l, set, i)[1];

	while (set->table[at & (set->table_size - 1)])
		at++;
	set->table[at & (set->table_size - 1)] = i + 1;
}

static int set_grow(const struct search *l, struct set *set)
{
	u32 cap = set->cap ? set->cap * 2 : 64;
	u64 *data = realloc(set->data, (u64)cap * l->words * 8);
	u32 *table;

	if (!data)
		return -ENOMEM;
	set->data = data;
	table = calloc(cap * 2ul, sizeof(*table));
	if (!table)
		return -ENOMEM;
	free(set->table);
	set->table = table;
	set->table_size = cap * 2;
	set->cap = cap;
	if (set->count > SMALL) {
		for (u32 i = 0; i < set->count; i++)
			table_put(l, set, i);
	}
	return 0;
}

static bool same(const struct search *l, const u64 *a, const u64 *b)
{
	return a[1] == b[1] && !memcmp(a, b, l->words * 8ul);
}

static bool set_has(const struct search *l, const struct set *set, const u64 *config)
{
	if (set->count <= SMALL) {
		for (u32 i = 0; i < set->count; i++) {
			if (same(l, config_at(l, set, i), config))
				return true;
		}
		return false;
	}
	for (u64 at = config[1];; at++) {
		u32 i = set->table[at & (set->table_size - 1)];

		if (!i)
			return false;
		if (same(l, config_at(l, set, i - 1), config))
			return true;
	}
}

/* Adds the configuration in config, whose hash is not set yet, unless it is there. */
static int set_add(struct search *l, struct set *set, u64 *config)
{
	config[1] = hash_of(config + 2, l->entries) ^ config[0] * 0xc2b2ae3d27d4eb4ful;
	if (set_has(l, set, config))
		return 0;
	if (set->count == l->configs_max)
		return -E2BIG;
	if (set->count == set->cap && set_grow(l, set) != 0)
		return -ENOMEM;
	memcpy(config_at(l, set, set->count), config, l->words * 8ul);
	set->count++;
	if (set->count == SMALL + 1) {
		for (u32 i = 0; i < set->count; i++)
			table_put(l, set, i);
	} else if (set->count > SMALL) {
		table_put(l, set, set->count - 1);
	}
	return 0;
}

/* Adds a configuration to next or seen: has the operation that returns taken effect there? */
static int reached(struct search *l, u64 *config, u64 returns)
{
	u64 open = l->busy & l->idle & ~config[0];

	for (; open; open &= open - 1) {
		u32 slot = (u32)__builtin_ctzl(open);

		if (lin_apply(&l->steps[l->under_way[slot] - 1], config + 2, l->shape->mms,
			      l->shape->cell_pages, 0))
			config[0] |= 1ul << slot;
	}
	if (!(config[0] & returns))
		return set_add(l, &l->seen, config);
	config[0] &= ~returns;
	return set_add(l, &l->next, config);
}

/* Lets one operation that is under way take effect in configuration i of seen. */
static int follow(struct search *l, u32 i, u32 slot, u64 returns)
{
	const struct lin_step *step = &l->steps[l->under_way[slot] - 1];
	u64 *config = l->scratch;
	int err = 0;

	for (u32 variant = 0; variant < lin_variants(step) && !err; variant++) {
		memcpy(config, config_at(l, &l->seen, i), l->words * 8ul);
		if (!lin_apply(step, config + 2, l->shape->mms, l->shape->cell_pages, variant))
			continue;
		config[0] |= 1ul << slot;
		err = reached(l, config, returns);
	}
	return err;
}

/* The operation in that slot returns. 0, -ENOMEM or -E2BIG; l->next has what is possible now. */
static int returned(struct search *l, u32 slot)
{
	u64 bit = 1ul << slot;
	int err = 0;

	set_clear(&l->seen);
	set_clear(&l->next);
	for (u32 i = 0; i < l->now.count && !err; i++) {
		memcpy(l->scratch, config_at(l, &l->now, i), l->words * 8ul);
		err = reached(l, l->scratch, bit);
	}
	for (u32 i = 0; i < l->seen.count && !err; i++) {
		u64 open = l->busy & ~l->idle & ~config_at(l, &l->seen, i)[0];

		for (; open && !err; open &= open - 1)
			err = follow(l, i, (u32)__builtin_ctzl(open), bit);
	}
	l->out->configs += l->seen.count + l->next.count;
	if (l->seen.count > l->out->configs_max)
		l->out->configs_max = l->seen.count;
	return err;
}

static void swap(struct set *a, struct set *b)
{
	struct set keep = *a;

	*a = *b;
	*b = keep;
}

static int by_time(const void *left, const void *right)
{
	const struct event *a = left, *b = right;

	if (a->time != b->time)
		return a->time < b->time ? -1 : 1;
	if (a->is_return != b->is_return)
		return a->is_return < b->is_return ? -1 : 1;
	return a->step < b->step ? -1 : a->step > b->step;
}

static void note_failure(struct search *l, u32 cell, const struct event *event, u64 cut,
			 const u64 *at_cut)
{
	struct vl_lin_result *out = l->out;
	const struct vl_lin_op *op = l->steps[event->step].op;

	if (out->failed && l->ops[out->op].end <= op->end)
		return;
	out->failed = 1;
	out->cell = cell;
	out->entries = l->entries;
	out->op = (u64)(op - l->ops);
	out->cut = cut;
	memcpy(out->at_cut, at_cut, l->entries * 8ul);
	for (out->states = 0; out->states < l->seen.count && out->states < LIN_STATES_MAX;
	     out->states++)
		memcpy(out->state[out->states], config_at(l, &l->seen, out->states) + 2,
		       l->entries * 8ul);
}

static void invoked(struct search *l, u32 step)
{
	u32 slot = (u32)__builtin_ctzl(~l->busy);

	l->busy |= 1ul << slot;
	l->idle &= ~(1ul << slot);
	l->idle |= (u64)lin_idle(&l->steps[step]) << slot;
	l->under_way[slot] = step + 1;
	l->slot_of[step] = (u8)slot;
}

/* One cell, whose steps are there. 0, -ENOMEM, -E2BIG (given up), VL_E_INVALID. */
static int cell_search(struct search *l, u32 cell)
{
	u64 at_cut[LIN_ENTRIES_MAX], cut = 0;
	u32 events = l->steps_count * 2;
	int err;

	qsort(l->events, events, sizeof(*l->events), by_time);
	l->busy = 0;
	set_clear(&l->now);
	memset(l->scratch, 0, sizeof(l->scratch));
	for (u32 i = 0; i < l->shape->cell_pages; i++)
		l->scratch[2 + i] = LIN_PRESENT;
	l->scratch[2 + 2 * l->shape->mms * l->shape->cell_pages] = 1; /* key 0 of mm 0 is taken */
	memcpy(at_cut, l->scratch + 2, l->entries * 8ul);
	err = set_add(l, &l->now, l->scratch);
	for (u32 i = 0; i < events && !err; i++) {
		const struct event *event = &l->events[i];

		if (!event->is_return) {
			if (!~l->busy)
				return VL_E_INVALID;
			invoked(l, event->step);
			continue;
		}
		err = returned(l, l->slot_of[event->step]);
		if (err)
			return err;
		l->out->steps++;
		if (l->next.count == 0) {
			note_failure(l, cell, event, cut, at_cut);
			return 0;
		}
		l->busy &= ~(1ul << l->slot_of[event->step]);
		swap(&l->now, &l->next);
		if (!l->busy && l->now.count == 1) {
			memcpy(at_cut, config_at(l, &l->now, 0) + 2, l->entries * 8ul);
			cut = event->time;
		}
	}
	return err;
}

static void step_add(struct search *l, struct lin_step step)
{
	u32 i = l->steps_count++;

	l->steps[i] = step;
	l->events[2 * i] = (struct event){step.op->begin, i, 0};
	l->events[2 * i + 1] = (struct event){step.op->end, i, 1};
}

/* What the operations are to the pages [low, low + cell_pages). */
static void cell_steps(struct search *l, u64 count, u32 low)
{
	u32 high = low + l->shape->cell_pages - 1;

	l->steps_count = 0;
	for (u64 i = 0; i < count; i++) {
		const struct vl_lin_op *op = &l->ops[i];
		bool all = op->kind == LIN_FORK || op->kind == LIN_EXIT || op->kind == LIN_MDWE ||
			   op->kind == LIN_PKEY_ALLOC || op->kind == LIN_PKEY_FREE;
		u32 first = all ? low : op->first, last = all ? high : op->last;
		struct lin_step step = {.op = op};

		if (last < low || first > high)
			continue;
		step.from_before = first < low;
		step.to_after = last > high;
		step.first = (u8)((first < low ? low : first) - low);
		step.last = (u8)((last > high ? high : last) - low);
		step.to = (u8)(op->to - low);
		step.of_many = op->kind == LIN_DONTNEED && step.first != step.last;
		if (!step.of_many) {
			step_add(l, step);
			continue;
		}
		for (u8 page = step.first, end = step.last; page <= end; page++) {
			step.first = step.last = page;
			step_add(l, step);
		}
	}
}

static bool shape_good(const struct vl_lin_shape *shape)
{
	return shape->mms >= 1 && shape->mms <= LIN_MMS_MAX && shape->cell_pages >= 1 &&
	       shape->pages >= 1 && shape->pages <= 255 && shape->pages % shape->cell_pages == 0 &&
	       shape->only <= shape->pages / shape->cell_pages &&
	       2ul * shape->mms * shape->cell_pages <= LIN_PAGES_MAX;
}

static bool op_good(const struct vl_lin_op *op, const struct vl_lin_shape *shape)
{
	bool moves = op->kind == LIN_MOVE || op->kind == LIN_UFFD;
	bool one = moves || op->kind == LIN_READ || op->kind == LIN_WRITE ||
		   op->kind == LIN_POPULATE || op->kind == LIN_MAP_NEW;

	if (op->kind >= LIN_KINDS || op->answer >= LIN_ANSWERS || op->end < op->begin ||
	    op->mm >= shape->mms || op->first > op->last || op->last >= shape->pages)
		return false;
	if (op->kind == LIN_FORK && op->answer == LIN_OK &&
	    (op->other >= shape->mms || op->other == op->mm))
		return false;
	if (op->kind == LIN_WRITE && (op->word >> LIN_WORD_BITS))
		return false;
	if (one && op->first != op->last)
		return false;
	return !moves || (op->to != op->first && op->to < shape->pages &&
			  op->to / shape->cell_pages == op->first / shape->cell_pages);
}

static int search_all(struct search *l, u64 count)
{
	u32 pages = l->shape->cell_pages;

	for (u32 cell = 0; cell < l->shape->pages / pages; cell++) {
		int err;

		if (l->shape->only && cell != l->shape->only - 1)
			continue;

		cell_steps(l, count, cell * pages);
		err = cell_search(l, cell);
		if (err == -E2BIG)
			l->out->undecided++;
		else if (err)
			return err;
	}
	return 0;
}

int vl_lin_check(const struct vl_lin_op *ops, u64 count, const struct vl_lin_shape *shape,
		 struct vl_lin_result *out, u64 *bad)
{
	struct search *l;
	u64 room = count * shape->cell_pages + 1;
	int err = -ENOMEM;

	*bad = count;
	if (!shape_good(shape) || count > 1ul << 24)
		return VL_E_INVALID;
	for (u64 i = 0; i < count; i++) {
		*bad = i;
		if (!op_good(&ops[i], shape))
			return VL_E_INVALID;
	}
	*bad = count;
	memset(out, 0, offsetof(struct vl_lin_result, at_cut));
	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->ops = ops;
	l->shape = shape;
	l->out = out;
	l->entries = (2 * shape->cell_pages + 1) * shape->mms;
	l->words = 2 + l->entries;
	l->configs_max = shape->configs_max ? shape->configs_max : CONFIGS_DEFAULT;
	l->steps = calloc(room, sizeof(*l->steps));
	l->events = calloc(room * 2, sizeof(*l->events));
	l->slot_of = calloc(room, 1);
	if (l->steps && l->events && l->slot_of && !set_grow(l, &l->now) &&
	    !set_grow(l, &l->seen) && !set_grow(l, &l->next))
		err = search_all(l, count);
	for (struct set *set = &l->now; set <= &l->next; set++) {
		free(set->data);
		free(set->table);
	}
	free(l->steps);
	free(l->events);
	free(l->slot_of);
	free(l);
	return err;
}
