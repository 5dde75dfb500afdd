/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree_store.c: the range tree: writing.
 *
 * A store goes down two paths, to the leaf that holds its first byte and to the one that holds its
 * last. Level by level, leaves first, all nodes from the left path's to the right path's are
 * replaced by new ones with what remains: the slots before the left path, what is new, the slots
 * after the right path. A list that is too short for a node takes in the next node of the level
 * (or the one before it), by moving that path on; this works across parents. The store ends
 *   - where one node replaces one node: both cover the same span, so one slot of the parent
 *     changes and none of its pivots;
 *   - or where one node covers everything: it is the new root (this is how the tree gets lower);
 *   - or above the old root, when that was split: a root of its own is made.
 * In each case one store publishes everything. Then the gap summaries above are corrected, and
 * the old nodes, which nothing reaches any more, go through rcu_retire.
 *
 * A store that changes neither bounds nor number of a leaf's slots is one store into the slot.
 *
 * Words and orderings: tree.h, tree.c. What a writer that dies leaves:
 *   before the publishing store   the old tree; new nodes that nothing reaches
 *   after it                      the new tree; old nodes that nothing reaches, and gap summaries
 *                                 that are wrong along one path
 * Recovery frees what is not reached and repairs the summaries. Both cannot be told from outside:
 * the store has happened or it has not.
 */
#include "tree_internal.h"

enum side { LEFT, RIGHT };

/* Where a path is at one level: a node, and the slot in it that the path goes through. */
struct place {
	struct tree_node *node;
	u32 index;
};

/* What a store knows of one level. Levels count from the leaves: level 0 is leaves. */
struct level {
	struct place path[2]; /* of the first byte (LEFT), and of the last (RIGHT) */
	u64 replaced_low;     /* the nodes of this span are replaced */
	u64 replaced_high;
};

/* A new node, as the level above will name it. */
struct made_node {
	vl_ref ref;
	u64 end;
	u64 gap;
};

/* Two leaves, their neighbours' rest and the new entry; levels above need less. */
#define LIST_MAX (2 * TREE_LEAF_SLOTS + 3)
_Static_assert((LIST_MAX + TREE_LEAF_SLOTS - 1) / TREE_LEAF_SLOTS <= MADE_MAX, "leaves made");
_Static_assert((2 * (TREE_INNER_SLOTS - 1) + MADE_MAX + TREE_INNER_SLOTS - 1) / TREE_INNER_SLOTS <=
		       MADE_MAX,
	       "internal nodes made per level");

/* What the new nodes of a level will hold. */
struct slot_list {
	u32 count;
	u64 low; /* where slot 0 begins */
	u64 end[LIST_MAX];
	u64 gap[LIST_MAX]; /* internal levels only */
	vl_ref ref[LIST_MAX];
};

struct store {
	struct participant *self;
	struct range_tree *tree;
	u64 start;
	u64 end;
	vl_ref ref;
	u32 height;
	struct level level[TREE_HEIGHT_MAX];
	/* of the level under way */
	struct slot_list list;
	u32 changed; /* the list's first slot that is new */
	u32 made_count;
	struct made_node made[MADE_MAX];
};

static void path_down(struct store *st, enum side side, u64 addr)
{
	struct tree_node *node = PTR(st->self, tree_root_ref(st->tree->root));
	struct place *leaf = &st->level[0].path[side];

	for (u32 level = st->height - 1; level > 0; level--) {
		struct place *at = &st->level[level].path[side];

		VL_ASSERT(node->magic == TREE_NODE_MAGIC && node->height == level + 1);
		at->node = node;
		at->index = tree_inner_index(node, addr);
		node = tree_child(st->self, node, at->index);
	}
	VL_ASSERT(node->magic == TREE_NODE_MAGIC && tree_is_leaf(node));
	leaf->node = node;
	leaf->index = tree_leaf_index(node, addr);
}

/* The right path ends in the left path's leaf. */
static void path_right_in_leaf(struct store *st)
{
	for (u32 level = 0; level < st->height; level++)
		st->level[level].path[RIGHT] = st->level[level].path[LEFT];
	st->level[0].path[RIGHT].index = tree_leaf_index(st->level[0].path[LEFT].node, st->end - 1);
}

/* Is this the last slot of its node in the direction of step? */
static bool place_at_end(const struct place *at, int step)
{
	return at->index == (step > 0 ? at->node->count - 1u : 0);
}

/* Moves a path to the next node of a level (step 1) or to the one before (step -1), and to its
 * first or last slot; what it says about lower levels is void then. False, and nothing changes, if
 * there is none. From the last slot in that direction the opposite step undoes it. */
static bool path_move(struct store *st, enum side side, u32 level, int step)
{
	u32 up = level + 1;

	while (up < st->height && place_at_end(&st->level[up].path[side], step))
		up++;
	if (up >= st->height)
		return false;
	st->level[up].path[side].index += (u32)step;
	while (up-- > level) {
		const struct place *parent = &st->level[up + 1].path[side];
		struct place *at = &st->level[up].path[side];

		at->node = tree_child(st->self, parent->node, parent->index);
		at->index = step > 0 ? 0 : at->node->count - 1u;
	}
	return true;
}

static bool place_is_gap(const struct place *at)
{
	return at->node->leaf.slot[at->index] == 0;
}

/* Moves a path to the next slot of the leaves, if that is a gap. */
static bool path_to_gap(struct store *st, enum side side, int step)
{
	struct place *at = &st->level[0].path[side];

	if (!place_at_end(at, step)) {
		if (at->node->leaf.slot[at->index + (u32)step] != 0)
			return false;
		at->index += (u32)step;
		return true;
	}
	if (!path_move(st, side, 0, step))
		return false;
	if (place_is_gap(at))
		return true;
	path_move(st, side, 0, -step);
	return false;
}

/* A gap grows over the gaps that it cuts or touches. The paths follow. */
static void extend_gap(struct store *st)
{
	const struct place *left = &st->level[0].path[LEFT];
	const struct place *right = &st->level[0].path[RIGHT];

	if (place_is_gap(left) ||
	    (st->start == tree_slot_low(left->node, left->index) && path_to_gap(st, LEFT, -1)))
		st->start = tree_slot_low(left->node, left->index);
	if (place_is_gap(right) ||
	    (st->end == tree_slot_high(right->node, right->index) && path_to_gap(st, RIGHT, 1)))
		st->end = tree_slot_high(right->node, right->index);
}

static void list_add(struct slot_list *list, u64 end, vl_ref ref, u64 gap)
{
	VL_ASSERT(list->count < LIST_MAX);
	list->end[list->count] = end;
	list->ref[list->count] = ref;
	list->gap[list->count] = gap;
	list->count++;
}

/* Puts slots [from, to) of a node at place `at` of the list, without making room. */
static void list_copy(struct slot_list *list, u32 at, struct tree_node *node, u32 from, u32 to)
{
	u32 n = to - from;

	if (from >= to)
		return;
	VL_ASSERT(at + n <= LIST_MAX);
	memcpy(list->end + at, tree_pivots(node) + from, (n - 1) * sizeof(u64));
	list->end[at + n - 1] = tree_slot_high(node, to - 1);
	memcpy(list->ref + at, tree_slots(node) + from, n * sizeof(vl_ref));
	if (!tree_is_leaf(node))
		memcpy(list->gap + at, node->inner.gap + from, n * sizeof(u64));
}

static void list_append(struct slot_list *list, struct tree_node *node, u32 from, u32 to)
{
	if (from >= to)
		return;
	list_copy(list, list->count, node, from, to);
	list->count += to - from;
}

static void list_prepend(struct slot_list *list, struct tree_node *node)
{
	u32 n = node->count;

	VL_ASSERT(list->count + n <= LIST_MAX);
	memmove(list->end + n, list->end, list->count * sizeof(u64));
	memmove(list->ref + n, list->ref, list->count * sizeof(vl_ref));
	memmove(list->gap + n, list->gap, list->count * sizeof(u64));
	list_copy(list, 0, node, 0, n);
	list->count += n;
	list->low = node->low;
}

/* The leaf level: what remains of the left leaf, the new entry, what remains of the right leaf. */
static void list_leaves(struct store *st)
{
	const struct place *first = &st->level[0].path[LEFT], *last = &st->level[0].path[RIGHT];
	struct tree_node *left = first->node, *right = last->node;
	u32 i = first->index, j = last->index;
	u64 tail = tree_slot_high(right, j);

	st->list.count = 0;
	st->list.low = left->low;
	list_append(&st->list, left, 0, i);
	if (tree_slot_low(left, i) < st->start)
		list_add(&st->list, st->start, left->leaf.slot[i], 0);
	st->changed = st->list.count;
	list_add(&st->list, st->end, st->ref, 0);
	if (st->end < tail)
		list_add(&st->list, tail, right->leaf.slot[j], 0);
	list_append(&st->list, right, j + 1, right->count);
}

/* What was made below. */
static void list_made(struct store *st)
{
	for (u32 i = 0; i < st->made_count; i++)
		list_add(&st->list, st->made[i].end, st->made[i].ref, st->made[i].gap);
}

/* A level above: children before the left path, what was made below, children after the right. */
static void list_inner(struct store *st, u32 level)
{
	const struct place *left = &st->level[level].path[LEFT];
	const struct place *right = &st->level[level].path[RIGHT];

	st->list.count = 0;
	st->list.low = left->node->low;
	list_append(&st->list, left->node, 0, left->index);
	st->changed = st->list.count;
	list_made(st);
	list_append(&st->list, right->node, right->index + 1, right->node->count);
}

static u32 level_slots(u32 level)
{
	return level == 0 ? TREE_LEAF_SLOTS : TREE_INNER_SLOTS;
}

static u32 level_min(u32 level)
{
	return level == 0 ? TREE_LEAF_MIN : TREE_INNER_MIN;
}

/* Is there another child of the same parent after the right path's node? */
static bool has_next_sibling(const struct store *st, u32 level)
{
	return level + 1 < st->height && !place_at_end(&st->level[level + 1].path[RIGHT], 1);
}

static bool has_sibling_before(const struct store *st, u32 level)
{
	return level + 1 < st->height && !place_at_end(&st->level[level + 1].path[LEFT], -1);
}

static bool take_next(struct store *st, u32 level)
{
	struct tree_node *node;

	if (!path_move(st, RIGHT, level, 1))
		return false;
	node = st->level[level].path[RIGHT].node;
	list_append(&st->list, node, 0, node->count);
	return true;
}

static bool take_before(struct store *st, u32 level)
{
	struct tree_node *node;

	if (!path_move(st, LEFT, level, -1))
		return false;
	node = st->level[level].path[LEFT].node;
	list_prepend(&st->list, node);
	st->changed += node->count;
	return true;
}

/* Where in the list it changes: -1 near its beginning, 1 near its end. */
static int change_side(const struct store *st)
{
	if (st->changed < st->list.count / 3)
		return -1;
	return st->changed >= st->list.count - st->list.count / 3;
}

/* The neighbour of the same parent, on the side away from the change, has room for half a node. */
static bool neighbour_has_room(struct store *st, u32 level, int change)
{
	const struct place *parent = &st->level[level + 1].path[LEFT];
	u32 i = parent->index - (u32)change;

	if (change == 0 || i >= parent->node->count)
		return false;
	return tree_child(st->self, parent->node, i)->count <= level_slots(level) / 4 * 3;
}

static bool in_one_node(const struct store *st, u32 level)
{
	return st->level[level].path[LEFT].node == st->level[level].path[RIGHT].node;
}

/* Takes in a neighbour: when there are too few slots for a node (then there is none only if the
 * list is the whole level; one of the same parent is better, since the parents then need not be
 * joined); and when one node has become too many slots by growth at one side, as
 * it does when ranges are added in order. The neighbour that growth has left behind is filled up
 * then, instead of leaving half-full nodes all along. */
static void list_balance(struct store *st, u32 level)
{
	u32 slots = level_slots(level);

	if (st->list.count < level_min(level)) {
		bool before = has_sibling_before(st, level) && !has_next_sibling(st, level);

		if (before || !take_next(st, level))
			take_before(st, level);
		return;
	}
	if (level + 1 < st->height && in_one_node(st, level) && st->list.count > slots &&
	    st->list.count <= slots + 2) {
		int change = change_side(st);

		if (!neighbour_has_room(st, level, change))
			return;
		if (change > 0)
			take_before(st, level);
		else
			take_next(st, level);
	}
}

static struct tree_node *node_take(struct participant *self)
{
	struct participant_area *area = self->area;

	VL_ASSERT(area->prealloc_count > 0);
	return PTR(self, area->prealloc[--area->prealloc_count]);
}

/* Writes slots [at, at + n) of the list into a new node. */
static void node_write(struct store *st, struct tree_node *node, u32 level, u32 at, u32 n)
{
	const struct slot_list *list = &st->list;
	u32 slots = level_slots(level);
	u64 *pivot = level == 0 ? node->leaf.pivot : node->inner.pivot;
	vl_ref *slot = level == 0 ? node->leaf.slot : node->inner.slot;

	VL_ASSERT(n > 0 && n <= slots);
	node->magic = TREE_NODE_MAGIC;
	node->height = (u8)(level + 1);
	node->count = (u8)n;
	node->pad = 0;
	node->low = at == 0 ? list->low : list->end[at - 1];
	node->high = list->end[at + n - 1];
	memcpy(pivot, list->end + at, (n - 1) * sizeof(u64));
	for (u32 i = n - 1; i < slots - 1; i++)
		pivot[i] = UINT64_MAX;
	memcpy(slot, list->ref + at, n * sizeof(vl_ref));
	memset(slot + n, 0, (slots - n) * sizeof(vl_ref));
	if (level == 0)
		return;
	memcpy(node->inner.gap, list->gap + at, n * sizeof(u64));
	memset(node->inner.gap + n, 0, (slots - n) * sizeof(u64));
}

/* How many slots the first of two nodes gets: as many as it can hold on the side that growth leaves
 * behind, with the other node a little above the minimum; else half. */
static u32 first_share(const struct store *st, u32 level)
{
	u32 count = st->list.count;
	u32 least = level_min(level) + (level == 0 ? 2 : 1);
	u32 most = (u32)min_u64(level_slots(level), count - least);
	int change = change_side(st);

	return change == 0 ? count / 2 : change > 0 ? most : count - most;
}

/* Spreads the list over as few nodes as hold it. */
static void make_nodes(struct store *st, u32 level)
{
	u32 slots = level_slots(level);
	u32 count = (st->list.count + slots - 1) / slots;
	u32 at = 0;

	VL_ASSERT(count > 0 && count <= MADE_MAX);
	st->made_count = count;
	for (u32 i = 0; i < count; i++) {
		struct tree_node *node = node_take(st->self);
		u32 n = (st->list.count - at) / (count - i);

		if (count == 2 && i == 0)
			n = first_share(st, level);
		node_write(st, node, level, at, n);
		at += n;
		st->made[i] = (struct made_node){
			.ref = REF(st->self, node),
			.end = node->high,
			.gap = tree_node_gap(node),
		};
	}
	VL_ASSERT(at == st->list.count);
}

/* The gap below the left path's child at level has become gap. Stops where nothing changes. */
static void gaps_up(struct store *st, u32 level, u64 gap)
{
	while (++level < st->height) {
		const struct place *at = &st->level[level].path[LEFT];
		u64 *summary = &at->node->inner.gap[at->index];

		if (*summary == gap)
			return;
		*summary = gap;
		gap = tree_node_gap(at->node);
	}
}

/* Nodes of the old tree that are not in the new one. Children first, since the ring may free
 * what is ripe at any time; a node of a level is replaced whole or not at all. */
static void retire_replaced(struct store *st, vl_ref ref, u32 level)
{
	struct tree_node *node = PTR(st->self, ref);
	const struct level *below = st->level + level - 1;

	for (u32 i = 0; level > 0 && i < node->count; i++) {
		if (tree_slot_low(node, i) >= below->replaced_low &&
		    tree_slot_high(node, i) <= below->replaced_high)
			retire_replaced(st, node->inner.slot[i], level - 1);
	}
	rcu_retire(st->self, RETIRE_OBJECT0 + CACHE_NODE, ref);
}

static void publish_root(struct store *st, vl_ref ref, u32 height, u32 level_done)
{
	vl_ref old = tree_root_ref(st->tree->root);

	VL_ASSERT(height <= TREE_HEIGHT_MAX);
	STEP(tree_replaced);
	/* pairs: TREE-1 (tree.h:tree_leaf) */
	store_release_u64(&st->tree->root, ref ? (u64)height << 56 | ref : 0);
	STEP(tree_published);
	for (u32 level = level_done + 1; level < st->height; level++) {
		st->level[level].replaced_low = 0;
		st->level[level].replaced_high = UINT64_MAX;
	}
	if (old)
		retire_replaced(st, old, st->height - 1);
}

/* One node takes the place of the left path's node at level. */
static void publish(struct store *st, u32 level)
{
	const struct place *parent = &st->level[level + 1].path[LEFT];
	vl_ref *slot = &parent->node->inner.slot[parent->index];
	vl_ref old = *slot;

	VL_ASSERT(PTR(st->self, old) == (void *)st->level[level].path[LEFT].node);
	STEP(tree_replaced);
	/* pairs: TREE-1 (tree.h:tree_leaf) */
	store_release_u32(slot, st->made[0].ref);
	STEP(tree_published);
	gaps_up(st, level, st->made[0].gap);
	retire_replaced(st, old, level);
}

/* The old root was split: a new one above it. */
static void grow(struct store *st, u32 level)
{
	struct tree_node *node;

	st->list.count = 0;
	st->list.low = 0;
	list_made(st);
	node = node_take(st->self);
	node_write(st, node, level + 1, 0, st->list.count);
	publish_root(st, REF(st->self, node), level + 2, level);
}

static void rebuild(struct store *st)
{
	list_leaves(st);
	for (u32 level = 0;; level++) {
		struct level *here = &st->level[level];
		bool everything;

		VL_ASSERT(level < st->height);
		if (level > 0)
			list_inner(st, level);
		list_balance(st, level);
		here->replaced_low = here->path[LEFT].node->low;
		here->replaced_high = here->path[RIGHT].node->high;
		everything = here->replaced_low == 0 && here->replaced_high == UINT64_MAX;
		if (st->list.count == 1 && level == 0 && st->ref == 0) {
			/* One gap is all that remains. */
			VL_ASSERT(everything);
			publish_root(st, 0, 0, level);
			return;
		}
		make_nodes(st, level);
		if (st->made_count == 1 && everything) {
			publish_root(st, st->made[0].ref, level + 1, level);
			return;
		}
		if (st->made_count == 1 && in_one_node(st, level)) {
			publish(st, level);
			return;
		}
		if (level + 1 == st->height) {
			grow(st, level);
			return;
		}
	}
}

/* The empty tree: its first leaf. */
static void store_first(struct store *st)
{
	st->list.count = 0;
	st->list.low = 0;
	if (st->start > 0)
		list_add(&st->list, st->start, 0, 0);
	list_add(&st->list, st->end, st->ref, 0);
	if (st->end < UINT64_MAX)
		list_add(&st->list, UINT64_MAX, 0, 0);
	make_nodes(st, 0);
	publish_root(st, st->made[0].ref, 1, 0);
}

/* Do both paths end in the same slot? */
static bool in_one_slot(const struct store *st)
{
	const struct place *path = st->level[0].path;

	return path[LEFT].node == path[RIGHT].node && path[LEFT].index == path[RIGHT].index;
}

/* The store covers exactly one slot: the slot is all that changes. */
static bool store_in_place(struct store *st)
{
	struct tree_node *leaf = st->level[0].path[LEFT].node;
	u32 i = st->level[0].path[LEFT].index;
	vl_ref old = leaf->leaf.slot[i];

	if (!in_one_slot(st) || st->start != tree_slot_low(leaf, i) ||
	    st->end != tree_slot_high(leaf, i))
		return false;
	if (leaf->count == 1 && st->ref == 0)
		return false; /* the tree becomes empty */
	/* pairs: TREE-2 (tree.h:tree_leaf_slot) */
	store_release_u32(&leaf->leaf.slot[i], st->ref);
	STEP(tree_published);
	if ((old == 0) != (st->ref == 0) && st->height > 1)
		gaps_up(st, 0, tree_node_gap(leaf));
	return true;
}

#ifdef VL_LAB
/* Mutant leaf_changed_in_place: the pivots first, the slots then, where readers look. */
static void change_in_place(struct store *st, struct tree_node *leaf, struct tree_node *node)
{
	leaf->count = node->count;
	memcpy(leaf->leaf.pivot, node->leaf.pivot, sizeof(leaf->leaf.pivot));
	STEP(tree_between);
	memcpy(leaf->leaf.slot, node->leaf.slot, sizeof(leaf->leaf.slot));
	if (st->height > 1)
		gaps_up(st, 0, tree_node_gap(leaf));
	kmem_cache_free(st->self, CACHE_NODE, node);
}

/* Mutant store_takes_wrong_node: the store ends where its leaf ends, and takes the first entry of
 * the next leaf with it. */
static void wrong_right_side(struct store *st)
{
	const struct place *right = &st->level[0].path[RIGHT];

	if (st->height < 2 || st->end != st->level[0].path[LEFT].node->high ||
	    st->end == UINT64_MAX)
		return;
	path_down(st, RIGHT, st->end);
	st->end = tree_slot_high(right->node, right->index);
}
#else
#define change_in_place(st, leaf, node) ((void)0)
#define wrong_right_side(st)            ((void)0)
#endif

/* The store changes one leaf, and what remains fits one leaf: most stores. Shorter than rebuild(),
 * same result. */
static bool store_in_leaf(struct store *st)
{
	struct tree_node *old = st->level[0].path[LEFT].node;
	u32 i = st->level[0].path[LEFT].index, j = st->level[0].path[RIGHT].index;
	u32 head = tree_slot_low(old, i) < st->start;
	u32 tail = st->end < tree_slot_high(old, j);
	u32 count = old->count - (j - i) + head + tail;
	u32 at = i + head;        /* of the new entry */
	u32 rest = at + 1 + tail; /* of what follows */
	u32 follow = old->count - (j + 1u);
	struct tree_node *node;

	if (!in_one_node(st, 0) || count > TREE_LEAF_SLOTS ||
	    count < (st->height > 1 ? TREE_LEAF_MIN : 2))
		return false;
	node = node_take(st->self);
	*node = *old;
	node->count = (u8)count;
	memmove(node->leaf.slot + rest, old->leaf.slot + j + 1, follow * sizeof(vl_ref));
	if (follow > 1)
		memmove(node->leaf.pivot + rest, old->leaf.pivot + j + 1,
			(follow - 1) * sizeof(u64));
	if (head)
		node->leaf.pivot[i] = st->start;
	node->leaf.slot[at] = st->ref;
	if (at + 1 < count)
		node->leaf.pivot[at] = st->end;
	if (tail)
		node->leaf.slot[at + 1] = old->leaf.slot[j];
	if (tail && at + 2 < count)
		node->leaf.pivot[at + 1] = old->leaf.pivot[j];
	for (u32 k = count; k < old->count; k++) {
		node->leaf.slot[k] = 0;
		node->leaf.pivot[k - 1] = UINT64_MAX;
	}
	if (MUTANT(leaf_changed_in_place)) {
		change_in_place(st, old, node);
		return true;
	}
	st->made[0].ref = REF(st->self, node);
	if (st->height == 1) {
		publish_root(st, st->made[0].ref, 1, 0);
	} else {
		st->made[0].gap = tree_node_gap(node);
		publish(st, 0);
	}
	return true;
}

void tree_store(struct participant *self, struct range_tree *tree, u64 start, u64 end, vl_ref ref)
{
	struct store st; /* its lists are filled as they are used */

	VL_ASSERT(start < end);
	GHOST(tree_write(tree));
	st.self = self;
	st.tree = tree;
	st.start = start;
	st.end = end;
	st.ref = ref;
	st.height = tree_root_height(tree->root);
	if (tree->root == 0) {
		if (ref)
			store_first(&st);
		return;
	}
	path_down(&st, LEFT, start);
	if (end <= st.level[0].path[LEFT].node->high)
		path_right_in_leaf(&st);
	else
		path_down(&st, RIGHT, end - 1);
	MUTATE(store_takes_wrong_node, wrong_right_side(&st));
	if (ref == 0) {
		extend_gap(&st);
		if (in_one_slot(&st) && place_is_gap(&st.level[0].path[LEFT]))
			return; /* it is a gap already */
	}
	if (!store_in_place(&st) && !store_in_leaf(&st))
		rebuild(&st);
}
