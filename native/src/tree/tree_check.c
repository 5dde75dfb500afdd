/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_check.c: the range tree's oracle.
 *
 * Independent of the code that reads and writes the tree: it shares the node's declaration and
 * nothing else. It trusts no word before it has looked at it, since it also walks what a killed
 * process left. Each node's span is handed down from the parent's pivots and compared with what
 * the node says of itself; the slots' ranges must follow each other without a hole.
 */
#include "vmalab/caches.h"
#include "vmalab/slab.h"
#include "vmalab/tree.h"

struct check {
	const struct vl_seg *seg;
	bool repair_gaps;
	struct tree_shape shape;
	bool after_gap; /* the slot before was a gap */
	u64 at;         /* where the next slot must begin */
	void (*on_node)(void *arg, vl_ref node);
	void (*on_entry)(void *arg, const struct range_entry *e);
	void *arg;
};

static const char *check_header(const struct check *c, const struct tree_node *node, u32 height,
				u64 low, u64 high)
{
	bool root = height == c->shape.height;
	u32 most = height == 1 ? TREE_LEAF_SLOTS : TREE_INNER_SLOTS;
	u32 least = height == 1 ? (root ? 1 : TREE_LEAF_MIN) : (root ? 2 : TREE_INNER_MIN);

	if (node->magic == TREE_NODE_POISON)
		return "tree: a freed node is reachable";
	if (node->magic != TREE_NODE_MAGIC)
		return "tree: a node has no magic";
	if (node->height != height)
		return "tree: a node stands at the wrong height";
	if (node->count > most)
		return "tree: a node has more slots than fit";
	if (node->count < least)
		return "tree: a node has too few slots";
	if (node->low != low || node->high != high)
		return "tree: a node covers another span than its parent says";
	return NULL;
}

static const char *check_leaf(struct check *c, const struct tree_node *node)
{
	for (u32 i = 0; i < TREE_LEAF_SLOTS; i++) {
		vl_ref ref = load_relaxed_u32(&node->leaf.slot[i]); /* nobody stores meanwhile */
		struct range_entry e = {c->at, node->high, ref};

		if (i >= node->count && ref != 0)
			return "tree: an unused slot of a leaf is not empty";
		if (i + 1u >= node->count && i < TREE_LEAF_SLOTS - 1 &&
		    node->leaf.pivot[i] != UINT64_MAX)
			return "tree: an unused pivot of a leaf is set";
		if (i >= node->count)
			continue;
		if (i + 1u < node->count)
			e.end = node->leaf.pivot[i];
		if (e.end <= e.start || e.end > node->high)
			return "tree: the pivots of a leaf are out of order";
		if (ref == 0 && c->after_gap)
			return "tree: two gaps are neighbours";
		c->after_gap = ref == 0;
		c->at = e.end;
		c->shape.entries += ref != 0;
		if (ref != 0 && c->on_entry)
			c->on_entry(c->arg, &e);
	}
	return c->at == node->high ? NULL : "tree: a leaf does not cover its span";
}

static u64 leaf_gap(const struct tree_node *node)
{
	u64 low = node->low, most = 0;

	for (u32 i = 0; i < node->count; i++) {
		u64 high = i + 1u < node->count ? node->leaf.pivot[i] : node->high;

		if (node->leaf.slot[i] == 0 && high - low > most)
			most = high - low;
		low = high;
	}
	return most;
}

static const char *check_node(struct check *c, vl_ref ref, u32 height, u64 low, u64 high, u64 *gap);

static const char *check_children(struct check *c, struct tree_node *node, u32 height, u64 *gap)
{
	u64 low = node->low;

	*gap = 0;
	for (u32 i = 0; i < TREE_INNER_SLOTS; i++) {
		vl_ref ref = load_relaxed_u32(&node->inner.slot[i]); /* nobody stores meanwhile */
		u64 high = i + 1u < node->count ? node->inner.pivot[i] : node->high;
		const char *wrong;
		u64 child_gap;

		if (i + 1u >= node->count && i < TREE_INNER_SLOTS - 1 &&
		    node->inner.pivot[i] != UINT64_MAX)
			return "tree: an unused pivot of an internal node is set";
		if (i >= node->count && (ref != 0 || node->inner.gap[i] != 0))
			return "tree: an unused slot of an internal node is not empty";
		if (i >= node->count)
			continue;
		if (high <= low || high > node->high)
			return "tree: the pivots of an internal node are out of order";
		wrong = check_node(c, ref, height - 1, low, high, &child_gap);
		if (wrong)
			return wrong;
		if (node->inner.gap[i] != child_gap) {
			if (!c->repair_gaps)
				return "tree: a gap summary is wrong";
			node->inner.gap[i] = child_gap;
		}
		*gap = child_gap > *gap ? child_gap : *gap;
		low = high;
	}
	return NULL;
}

static const char *check_node(struct check *c, vl_ref ref, u32 height, u64 low, u64 high, u64 *gap)
{
	struct tree_node *node;
	const char *wrong;

	if (!kmem_cache_owns(c->seg, CACHE_NODE, ref))
		return "tree: a reference does not name a node";
	node = vl_ptr(c->seg, ref);
	wrong = check_header(c, node, height, low, high);
	if (wrong)
		return wrong;
	c->shape.nodes++;
	if (c->on_node)
		c->on_node(c->arg, ref);
	if (height > 1)
		return check_children(c, node, height, gap);
	wrong = check_leaf(c, node);
	*gap = wrong ? 0 : leaf_gap(node);
	return wrong;
}

const char *tree_check(const struct vl_seg *seg, struct range_tree *tree, bool repair_gaps,
		       struct tree_shape *shape, void (*on_node)(void *arg, vl_ref node),
		       void (*on_entry)(void *arg, const struct range_entry *e), void *arg)
{
	struct check c = {
		.seg = seg,
		.repair_gaps = repair_gaps,
		.on_node = on_node,
		.on_entry = on_entry,
		.arg = arg,
	};
	u64 root = load_acquire_u64(&tree->root); /* pairs: TREE-1 (tree_store.c:publish_root) */
	const char *wrong = NULL;
	u64 gap;

	c.shape.height = (u32)(root >> 56);
	if (root != 0 && (root << 8 >> 40 != 0 || (vl_ref)root == 0))
		wrong = "tree: the root word is malformed";
	else if (root != 0 && (c.shape.height == 0 || c.shape.height > TREE_HEIGHT_MAX))
		wrong = "tree: the height is out of bounds";
	else if (root != 0)
		wrong = check_node(&c, (vl_ref)root, c.shape.height, 0, UINT64_MAX, &gap);
	if (!wrong && root != 0 && c.shape.entries == 0)
		wrong = "tree: there are nodes and no entries";
	c.shape.bytes = c.shape.nodes * TREE_NODE_BYTES;
	if (shape)
		*shape = c.shape;
	return wrong;
}
