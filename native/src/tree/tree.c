/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.c: the range tree: reading, copying, freeing.
 *
 * How a tree looks and what its words mean is said in tree.h; how it changes in tree_store.c.
 *
 * A reader goes down from the root word and takes at each node the slot that covers its address.
 * Pivots of a published node never change, so the slot is right for the node; slots are stored
 * whole, so the child is the old or the new one. A node that was replaced while the reader stands
 * in it is frozen as it was then (the writer stores only into nodes that the root reaches), so the
 * answer was true at a moment within the reader's section; the node's memory lives until the
 * section ends (rcu_retire). A search over several leaves goes down anew for each, so each of its
 * steps is true; that all of them are true together needs mmap_lock.
 *
 * Ordering:
 *   TREE-1  release store of a child slot or of the root word / acquire load on the way down: the
 *           reader sees the node as it was written. Without it: pivots of the memory's last life.
 *   TREE-2  release store of a leaf slot / acquire load of it: the reader sees what the entry
 *           names as it was when it was stored. A leaf that is replaced whole gives the same
 *           through TREE-1.
 *
 * A dead reader leaves nothing here (its RCU word is skipped by participant_alive()). A dead copier
 * or destroyer leaves nodes that nothing reaches; recovery frees them.
 */
#include "tree_internal.h"
#include "vmalab/leave.h"

void tree_get(const struct participant *self, const struct range_tree *tree, u64 addr,
	      struct range_entry *out)
{
	const struct tree_node *leaf = tree_leaf(self, tree, addr);

	if (leaf) {
		tree_slot_get(leaf, tree_leaf_index(leaf, addr), out);
		return;
	}
	out->start = addr == UINT64_MAX ? addr : 0;
	out->end = UINT64_MAX;
	out->ref = 0;
}

bool tree_find(const struct participant *self, const struct range_tree *tree, u64 addr, u64 limit,
	       struct range_entry *out)
{
	/* Each turn begins at the end of the gap before it, so the loop is bounded by the tree.
	 * Without a writer beside us two turns are enough, since gaps are never neighbours. */
	while (addr < limit) {
		const struct tree_node *leaf = tree_leaf(self, tree, addr);
		u32 i;

		if (!leaf)
			return false;
		for (i = tree_leaf_index(leaf, addr); i < leaf->count; i++) {
			tree_slot_get(leaf, i, out);
			if (out->start >= limit)
				return false;
			if (out->ref)
				return true;
		}
		addr = leaf->high;
	}
	return false;
}

bool tree_find_prev(const struct participant *self, const struct range_tree *tree, u64 addr,
		    struct range_entry *out)
{
	/* Bounded as tree_find is. */
	while (addr > 0) {
		const struct tree_node *leaf = tree_leaf(self, tree, addr - 1);
		u32 i;

		if (!leaf)
			return false;
		for (i = tree_leaf_index(leaf, addr - 1) + 1; i-- > 0;) {
			tree_slot_get(leaf, i, out);
			if (out->ref)
				return true;
		}
		addr = leaf->low;
	}
	return false;
}

u64 tree_node_gap(const struct tree_node *node)
{
	u32 last = node->count - 1u;
	u64 low = node->low;
	u64 gap = 0;

	if (!tree_is_leaf(node)) {
		for (u32 i = 0; i <= last; i++)
			gap = max_u64(gap, node->inner.gap[i]);
		return gap;
	}
	for (u32 i = 0; i < last; i++) {
		u64 high = node->leaf.pivot[i];
		u64 span = node->leaf.slot[i] ? 0 : high - low;

		gap = max_u64(gap, span);
		low = high;
	}
	return node->leaf.slot[last] ? gap : max_u64(gap, node->high - low);
}

/* What a gap search looks for, in the node at hand. */
struct gap_search {
	const struct participant *self;
	u64 low;
	u64 high;
	u64 size;
};

/* The part of a slot's range that lies in the search's, if it is large enough. */
static bool gap_clip(const struct gap_search *s, const struct tree_node *node, u32 i, u64 *low,
		     u64 *high)
{
	*low = max_u64(tree_slot_low(node, i), s->low);
	*high = min_u64(tree_slot_high(node, i), s->high);
	return *high > *low && *high - *low >= s->size;
}

static bool gap_in_slot(const struct tree_node *node, u32 i, u64 size)
{
	return tree_is_leaf(node) ? node->leaf.slot[i] == 0 : node->inner.gap[i] >= size;
}

/* Only a child that s->low or s->high cuts can promise a gap and not have it, so at most two
 * paths are walked in vain. The depth is that of the tree. */
static u64 gap_lowest(const struct gap_search *s, const struct tree_node *node)
{
	u64 low, high, found;

	for (u32 i = 0; i < node->count; i++) {
		if (!gap_in_slot(node, i, s->size) || !gap_clip(s, node, i, &low, &high))
			continue;
		if (tree_is_leaf(node))
			return low;
		found = gap_lowest(s, tree_child(s->self, node, i));
		if (found != UINT64_MAX)
			return found;
	}
	return UINT64_MAX;
}

static u64 gap_highest(const struct gap_search *s, const struct tree_node *node)
{
	u64 low, high, found;

	for (u32 i = node->count; i-- > 0;) {
		if (!gap_in_slot(node, i, s->size) || !gap_clip(s, node, i, &low, &high))
			continue;
		if (tree_is_leaf(node))
			return high - s->size;
		found = gap_highest(s, tree_child(s->self, node, i));
		if (found != UINT64_MAX)
			return found;
	}
	return UINT64_MAX;
}

u64 tree_gap_lowest(const struct participant *self, const struct range_tree *tree, u64 low,
		    u64 high, u64 size)
{
	struct gap_search s = {self, low, high, size};
	vl_ref root = tree_root_ref(tree->root);

	VL_ASSERT(size > 0);
	if (low >= high || high - low < size)
		return UINT64_MAX;
	return root ? gap_lowest(&s, PTR(self, root)) : low;
}

u64 tree_gap_highest(const struct participant *self, const struct range_tree *tree, u64 low,
		     u64 high, u64 size)
{
	struct gap_search s = {self, low, high, size};
	vl_ref root = tree_root_ref(tree->root);

	VL_ASSERT(size > 0);
	if (low >= high || high - low < size)
		return UINT64_MAX;
	return root ? gap_highest(&s, PTR(self, root)) : high - size;
}

void tree_replace(struct participant *self, struct range_tree *tree, u64 start, vl_ref ref)
{
	struct tree_node *leaf = (struct tree_node *)tree_leaf(self, tree, start);
	u32 i;

	VL_ASSERT(leaf && ref);
	i = tree_leaf_index(leaf, start);
	VL_ASSERT(tree_slot_low(leaf, i) == start && leaf->leaf.slot[i]);
	/* pairs: TREE-2 (tree.h:tree_leaf_slot) */
	store_release_u32(&leaf->leaf.slot[i], ref);
}

static void node_free_now(struct participant *self, vl_ref ref)
{
	struct tree_node *node = PTR(self, ref);

	VL_ASSERT(node->magic == TREE_NODE_MAGIC);
	node->magic = TREE_NODE_POISON;
	kmem_cache_free(self, CACHE_NODE, node);
}

/* Children first: the memory of a node may go as soon as it is given away. */
static void destroy_node(struct participant *self, vl_ref ref, bool visible)
{
	struct tree_node *node = PTR(self, ref);

	if (!tree_is_leaf(node)) {
		for (u32 i = 0; i < node->count; i++)
			destroy_node(self, node->inner.slot[i], visible);
	}
	if (visible)
		rcu_retire(self, RETIRE_OBJECT0 + CACHE_NODE, ref);
	else
		node_free_now(self, ref);
}

void tree_destroy(struct participant *self, struct range_tree *tree, bool visible)
{
	vl_ref root = tree_root_ref(tree->root);

	if (!root)
		return;
	/* Unpublish first. relaxed: a reader of the empty tree has nothing to see in it. */
	store_relaxed_u64(&tree->root, 0);
	destroy_node(self, root, visible);
}

/* A copy of the subtree, 0 when nodes are short; what was made until then is freed. */
static vl_ref dup_node(struct participant *self, vl_ref ref)
{
	const struct tree_node *from = PTR(self, ref);
	struct tree_node *to = kmem_cache_alloc(self, CACHE_NODE);

	if (!to)
		return 0;
	VL_ASSERT(from->magic == TREE_NODE_MAGIC);
	memcpy(to, from, sizeof(*to));
	if (tree_is_leaf(from))
		return REF(self, to);
	for (u32 i = 0; i < from->count; i++) {
		to->inner.slot[i] = dup_node(self, from->inner.slot[i]);
		if (to->inner.slot[i])
			continue;
		to->count = (u8)i; /* the children that are ours */
		destroy_node(self, REF(self, to), false);
		return 0;
	}
	return REF(self, to);
}

int tree_dup(struct participant *self, const struct range_tree *src, struct range_tree *dst)
{
	vl_ref root = tree_root_ref(src->root);
	vl_ref copy;

	VL_ASSERT(dst->root == 0);
	if (!root)
		return 0;
	copy = dup_node(self, root);
	if (!copy)
		return -ENOMEM;
	/* pairs: TREE-1 (tree.h:tree_leaf) */
	store_release_u64(&dst->root, (u64)tree_root_height(src->root) << 56 | copy);
	return 0;
}

static void node_rcu_free(struct participant *self, u32 kind, u32 ref)
{
	VL_ASSERT(kind == RETIRE_OBJECT0 + CACHE_NODE);
	node_free_now(self, ref);
}

void tree_register(void)
{
	rcu_free_register(RETIRE_OBJECT0 + CACHE_NODE, node_rcu_free);
	participant_leave_register(tree_prealloc_free);
}
