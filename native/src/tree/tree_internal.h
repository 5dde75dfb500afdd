/* SPDX-License-Identifier: Apache-2.0 */
/* tree_internal.h: what tree.c and tree_store.c share. tree_check.c must not include it. */
#ifndef VMALAB_TREE_INTERNAL_H
#define VMALAB_TREE_INTERNAL_H

#include "vmalab/caches.h"
#include "vmalab/slab.h"
#include "vmalab/tree.h"

static inline bool tree_is_leaf(const struct tree_node *node)
{
	return node->height == 1;
}

static inline const u64 *tree_pivots(const struct tree_node *node)
{
	return tree_is_leaf(node) ? node->leaf.pivot : node->inner.pivot;
}

static inline vl_ref *tree_slots(struct tree_node *node)
{
	return tree_is_leaf(node) ? node->leaf.slot : node->inner.slot;
}

/* Where slot i begins and ends. */
static inline u64 tree_slot_low(const struct tree_node *node, u32 i)
{
	return i == 0 ? node->low : tree_pivots(node)[i - 1];
}

static inline u64 tree_slot_high(const struct tree_node *node, u32 i)
{
	return i + 1u == node->count ? node->high : tree_pivots(node)[i];
}

static inline void tree_slot_get(const struct tree_node *leaf, u32 i, struct range_entry *out)
{
	out->start = tree_slot_low(leaf, i);
	out->end = tree_slot_high(leaf, i);
	/* pairs: TREE-2 (tree_store.c:store_in_place) */
	out->ref = load_acquire_u32(&leaf->leaf.slot[i]);
}

/* A child as the writer sees it: plain, because only the writer stores. */
static inline struct tree_node *tree_child(const struct participant *self,
					   const struct tree_node *node, u32 i)
{
	return PTR(self, node->inner.slot[i]);
}

/* A node's largest gap, from its own slots. */
u64 tree_node_gap(const struct tree_node *node);

/* A store makes at most this many nodes on a level, and so many in all. */
#define MADE_MAX                3
#define NODES_PER_STORE(height) (MADE_MAX * (height) + 1)
_Static_assert(NODES_PER_STORE(TREE_HEIGHT_MAX) <= PREALLOC_MAX, "reserve of a participant");

#endif
