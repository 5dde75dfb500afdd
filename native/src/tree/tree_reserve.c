/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_reserve.c: the nodes that a store may need, reserved before it, so that it cannot fail.
 *
 * Reserved nodes are announced in the area of their owner (prealloc); those of a killed owner are
 * found unreachable by recovery and freed.
 */
#include "tree_internal.h"

/* Does what touches the node's edge grow, or borrow, beyond it? */
static bool touches_edge(const struct tree_node *node, u64 start, u64 end)
{
	return (start <= node->low && node->low > 0) ||
	       (end >= node->high && node->high < UINT64_MAX);
}

/* May a store of this range change the leaf alone, whatever its ref is? */
static bool leaf_absorbs(const struct tree_node *leaf, u64 start, u64 end, bool root)
{
	u32 first, last, least, most;

	if (touches_edge(leaf, start, end))
		return false;
	first = tree_leaf_index(leaf, start);
	last = tree_leaf_index(leaf, end - 1);
	least = leaf->count - (last - first); /* a gap may swallow a gap at each side */
	most = least + (start > tree_slot_low(leaf, first)) + (end < tree_slot_high(leaf, last));
	return most <= TREE_LEAF_SLOTS && (root || least >= TREE_LEAF_MIN + 2);
}

/* May it change this internal node and what is below it alone? Its children from the one that holds
 * start - 1 to the one that holds end (a gap grows as far), and perhaps one sibling of theirs, are
 * replaced by one to three. */
static bool inner_absorbs(const struct tree_node *node, u64 start, u64 end, bool root)
{
	u32 first, last, least;

	if (touches_edge(node, start, end))
		return false;
	first = tree_inner_index(node, start - (start > 0));
	last = tree_inner_index(node, end - (end == UINT64_MAX));
	least = node->count - (last - first + 1);
	return least + (first == last ? 2 : MADE_MAX) <= TREE_INNER_SLOTS &&
	       least >= (root ? 1 : TREE_INNER_MIN);
}

/* How many nodes a store of this range may need: the lowest node on its path that takes all the
 * change tells. */
static u32 nodes_needed(const struct participant *self, const struct range_tree *tree, u64 start,
			u64 end)
{
	const struct tree_node *node = tree_leaf(self, tree, start);
	u32 height = tree_root_height(tree->root);
	u32 needed = NODES_PER_STORE(height);

	if (!node || leaf_absorbs(node, start, end, height == 1))
		return 1;
	node = PTR(self, tree_root_ref(tree->root));
	for (u32 level = height - 1; level > 0; level--) {
		if (inner_absorbs(node, start, end, level + 1 == height))
			needed = MADE_MAX * level + 1;
		node = tree_child(self, node, tree_inner_index(node, start));
	}
	return needed;
}

int tree_preallocate(struct participant *self, const struct range_tree *tree, u64 start, u64 end)
{
	struct participant_area *area = self->area;
	u32 needed;

	VL_ASSERT(start < end);
	needed = nodes_needed(self, tree, start, end);
	if (needed == NODES_PER_STORE(TREE_HEIGHT_MAX))
		return -ENOMEM;
	while (area->prealloc_count < needed) {
		void *node = kmem_cache_alloc(self, CACHE_NODE);

		if (!node) {
			tree_prealloc_free(self);
			return -ENOMEM;
		}
		area->prealloc[area->prealloc_count++] = REF(self, node);
	}
	return 0;
}

void tree_prealloc_free(struct participant *self)
{
	struct participant_area *area = self->area;

	while (area->prealloc_count > 0)
		kmem_cache_free(self, CACHE_NODE,
				PTR(self, area->prealloc[--area->prealloc_count]));
}
