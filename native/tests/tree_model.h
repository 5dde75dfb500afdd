/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_model.h: a range tree that is obviously right: an array of cells.
 *
 * The address space is cut into cells at fixed bounds; a cell holds the reference that covers it.
 * Each store uses a reference of its own, so a run of equal cells is exactly one entry, and a run
 * of zeros one gap. Everything is answered by looking at every cell.
 */
#ifndef VMALAB_TREE_MODEL_H
#define VMALAB_TREE_MODEL_H

#include "vmalab/tree.h"

#define MODEL_CELLS_MAX 1024

struct tree_model {
	u32 cells;
	vl_ref cell[MODEL_CELLS_MAX];
	u64 bound[MODEL_CELLS_MAX + 1]; /* cell i is [bound[i], bound[i + 1]) */
};

/* Bounds from 0 to UINT64_MAX: pages at the bottom and at the top, holes of any size between. */
static inline void model_init(struct tree_model *m, u32 cells, u64 seed)
{
	u64 at = 0, x = seed | 1;

	memset(m->cell, 0, sizeof(m->cell));
	m->cells = cells;
	for (u32 i = 0; i < cells; i++) {
		m->bound[i] = at;
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		/* Most cells are a page; some are large, never so large that the space runs out. */
		at += x % 8 ? PAGE_SIZE
			    : 1 + (x >> 12) % (UINT64_MAX / MODEL_CELLS_MAX - PAGE_SIZE);
	}
	m->bound[cells] = UINT64_MAX;
}

static inline u32 model_cell(const struct tree_model *m, u64 addr)
{
	u32 i = 0;

	while (i + 1 < m->cells && m->bound[i + 1] <= addr)
		i++;
	return i;
}

static inline void model_store(struct tree_model *m, u32 from, u32 to, vl_ref ref)
{
	for (u32 i = from; i < to; i++)
		m->cell[i] = ref;
}

/* The first cell after the run that cell i is part of. */
static inline u32 model_run_end(const struct tree_model *m, u32 i)
{
	u32 to = i + 1;

	while (to < m->cells && m->cell[to] == m->cell[i])
		to++;
	return to;
}

/* The entry or gap that cell i is part of. */
static inline struct range_entry model_entry(const struct tree_model *m, u32 i)
{
	u32 from = i;

	while (from > 0 && m->cell[from - 1] == m->cell[i])
		from--;
	return (struct range_entry){m->bound[from], m->bound[model_run_end(m, i)], m->cell[i]};
}

static inline bool model_find(const struct tree_model *m, u64 addr, u64 limit,
			      struct range_entry *out)
{
	if (addr >= limit)
		return false;
	for (u32 i = 0; i < m->cells; i++) {
		if (m->cell[i] && m->bound[i + 1] > addr) {
			*out = model_entry(m, i);
			return out->start < limit;
		}
	}
	return false;
}

static inline bool model_find_prev(const struct tree_model *m, u64 addr, struct range_entry *out)
{
	for (u32 i = m->cells; i-- > 0;) {
		if (m->cell[i] && m->bound[i] < addr) {
			*out = model_entry(m, i);
			return true;
		}
	}
	return false;
}

static inline u64 model_gap(const struct tree_model *m, u64 low, u64 high, u64 size, bool lowest)
{
	u64 found = UINT64_MAX;

	for (u32 i = 0, after; i < m->cells; i = after) {
		u64 from = max_u64(m->bound[i], low), to;

		after = model_run_end(m, i);
		to = min_u64(m->bound[after], high);
		if (m->cell[i] || from >= to || to - from < size)
			continue;
		if (lowest && found == UINT64_MAX)
			found = from;
		if (!lowest)
			found = to - size;
	}
	return found;
}

#endif
