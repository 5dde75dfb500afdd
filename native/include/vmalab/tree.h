/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tree.h (tree): range tree from addresses to references; readers need only RCU, writers are
 * serialised by mmap_lock.
 *
 * The ranges of all entries partition [0, 2^64): each slot covers [low, high) and holds a
 * reference or 0 (a gap). Two gaps are never neighbours, not even across nodes. Nodes are 256
 * bytes and copy-on-write: pivots never change after a node is published; the only store that
 * readers can see is that of one slot or of the root word (release). So a reader sees the old or
 * the new state, and so does recovery. Each internal node keeps the largest gap below each child,
 * which only writers read. Old nodes go through rcu_retire.
 *
 * The last byte of the address space, UINT64_MAX, belongs to no range (an exclusive end cannot lie
 * behind it): it is a gap for every function, and no range may end after it.
 *
 * Who may call what:
 *   function                            caller holds             may fail
 *   tree_lookup, tree_get               RCU or mmap_lock         no
 *   tree_find, tree_find_prev           RCU or mmap_lock         "none"
 *   tree_gap_lowest, tree_gap_highest   mmap_lock                "none"
 *   tree_preallocate, tree_dup          mmap_lock write          -ENOMEM, tree unchanged
 *   tree_store, tree_replace            mmap_lock write          no
 *   tree_destroy                        mmap_lock write          no
 *   tree_check                          mmap_lock, or the world is stopped
 */
#ifndef VMALAB_TREE_H
#define VMALAB_TREE_H

#include "vmalab/rcu.h"

struct range_tree {
	u64 root; /* reference of the root node | height << 56; 0 = empty (one gap) */
};

struct range_entry {
	u64 start;  /* first address */
	u64 end;    /* first address after it */
	vl_ref ref; /* 0: a gap */
};

#define TREE_NODE_BYTES  256
#define TREE_LEAF_SLOTS  20
#define TREE_INNER_SLOTS 12
#define LEAF_MIDDLE      10
#define TREE_LEAF_MIN    5 /* fewest slots of a leaf that is not the root */
#define TREE_INNER_MIN   4 /* fewest children of an internal node that is not the root */
/* 2 * 4^12 * 5 slots fit at the least; a store that might need more fails in tree_preallocate. */
#define TREE_HEIGHT_MAX  14
#define TREE_NODE_MAGIC  0x65657274u /* "tree" */
#define TREE_NODE_POISON 0x6b6b6b6bu /* freed */

/*
 * A node. Cache lines of a lookup: 0-2 the pivots, 2 or 3 the slot.
 *
 *   word      state                        next
 *   magic     TREE_NODE_MAGIC: made        TREE_NODE_POISON after its grace period, just before
 *                                          the slab gets it back
 *   slots     a reference, or 0 = gap      another one, by one store (tree_store, tree_replace)
 *   gaps      largest gap below the child  any, by the writer, after the slot's store
 *   the rest  never changes while published
 *
 * A writer that dies leaves nodes that nothing reaches (recovery frees them) and gaps that are too
 * small or too large along one path (recovery repairs them: tree_check with repair_gaps).
 */
struct tree_node {
	u32 magic;
	u8 height; /* 1 = leaf */
	u8 count;  /* slots in use */
	u16 pad;
	u64 low; /* it covers [low, high) */
	u64 high;
	union {
		struct {
			/* Slot i ends at pivot[i], the last one in use at high. Unused pivots are
			 * UINT64_MAX, so that a search may count over all of them. */
			u64 pivot[TREE_LEAF_SLOTS - 1];
			vl_ref slot[TREE_LEAF_SLOTS];
		} leaf;
		struct {
			u64 pivot[TREE_INNER_SLOTS - 1];
			u64 gap[TREE_INNER_SLOTS];
			vl_ref slot[TREE_INNER_SLOTS];
		} inner;
	};
} __attribute__((aligned(CACHE_LINE)));
SIZE_IS(struct tree_node, TREE_NODE_BYTES);

static inline u32 tree_root_height(u64 root)
{
	return (u32)(root >> 56);
}
static inline vl_ref tree_root_ref(u64 root)
{
	return (vl_ref)root;
}

/* Which slot covers addr: how many pivots it has passed. One after the other and with branches, a
 * leaf from its middle: the processor guesses on into the child while the pivots are on their way,
 * so the levels of a walk overlap. Counted without branches, which never guesses wrong, each level
 * waits for the one above: 40 ns for a fault among 1,000 VMAs at random, with branches 27
 * (DESIGN.md, "What a fault costs"). Unused pivots are UINT64_MAX, and addr is less. */
static inline u32 tree_leaf_index(const struct tree_node *node, u64 addr)
{
	const u64 *pivot = node->leaf.pivot;
	u32 i = pivot[LEAF_MIDDLE - 1] <= addr ? LEAF_MIDDLE : 0;

	while (i < TREE_LEAF_SLOTS - 1 && pivot[i] <= addr)
		i++;
	return i;
}

static inline u32 tree_inner_index(const struct tree_node *node, u64 addr)
{
	const u64 *pivot = node->inner.pivot;
	u32 i = 0;

	while (i < TREE_INNER_SLOTS - 1 && pivot[i] <= addr)
		i++;
	return i;
}

#ifdef VMALAB_DEBUG
#define TREE_NODE_ASSERT(node, addr)                                       \
	do {                                                               \
		VL_ASSERT((node)->magic == TREE_NODE_MAGIC);               \
		VL_ASSERT((node)->low <= (addr) && (addr) < (node)->high); \
	} while (0)
#else
#define TREE_NODE_ASSERT(node, addr) ((void)0)
#endif

/* The leaf that covers addr, or NULL: the tree is empty or addr is UINT64_MAX. */
static inline const struct tree_node *tree_leaf(const struct participant *self,
						const struct range_tree *tree, u64 addr)
{
	/* acquire: nodes are seen as written. pairs: TREE-1 (tree_store.c:publish_root) */
	u64 root = load_acquire_u64(&tree->root);
	u32 height = tree_root_height(root);
	const struct tree_node *node;

	if (unlikely(root == 0 || addr == UINT64_MAX))
		return NULL;
	node = PTR(self, tree_root_ref(root));
	while (height-- > 1) {
		TREE_NODE_ASSERT(node, addr);
		/* pairs: TREE-1 (tree_store.c:publish) */
		node = PTR(self, load_acquire_u32(&node->inner.slot[tree_inner_index(node, addr)]));
	}
	TREE_NODE_ASSERT(node, addr);
	return node;
}

/* The entry that covers addr in a leaf that covers addr. */
static inline vl_ref tree_leaf_slot(const struct tree_node *leaf, u64 addr)
{
	STEP(walking);
	GHOST(node(leaf));
	/* acquire: what the entry names is seen as it was when it was stored.
	 * pairs: TREE-2 (tree_store.c:store_in_place) */
	return load_acquire_u32(&leaf->leaf.slot[tree_leaf_index(leaf, addr)]);
}

/* The entry that covers addr, 0 in a gap. RCU or mmap_lock. The hot path of every fault. */
static inline vl_ref tree_lookup(const struct participant *self, const struct range_tree *tree,
				 u64 addr)
{
	const struct tree_node *leaf = tree_leaf(self, tree, addr);

	return likely(leaf) ? tree_leaf_slot(leaf, addr) : 0;
}

/* The entry or gap that covers addr, with its range. */
void tree_get(const struct participant *self, const struct range_tree *tree, u64 addr,
	      struct range_entry *out);
/* First non-gap entry that ends after addr and starts below limit; false if none.
 * (kernel: mas_find) */
bool tree_find(const struct participant *self, const struct range_tree *tree, u64 addr, u64 limit,
	       struct range_entry *out);
/* Last non-gap entry that starts below addr (ends anywhere); false if none. (kernel: mas_prev) */
bool tree_find_prev(const struct participant *self, const struct range_tree *tree, u64 addr,
		    struct range_entry *out);

/* Reserves in the caller's area the nodes that the next tree_store() may need, if it is of this
 * range (with any ref) and no other store of this tree comes between. What is already reserved
 * counts. 0, or -ENOMEM with nothing reserved. (kernel: mas_preallocate) */
int tree_preallocate(struct participant *self, const struct range_tree *tree, u64 start, u64 end);
/* Sets [start, end) to ref (0 = make it a gap, merged with neighbouring gaps). After
 * tree_preallocate it cannot fail. One visible store. Entries that are partly covered keep their
 * other part; entries wholly covered disappear. Outside RCU sections. */
void tree_store(struct participant *self, struct range_tree *tree, u64 start, u64 end, vl_ref ref);
/* Gives unused reserved nodes back. */
void tree_prealloc_free(struct participant *self);
/* Frees all nodes at once, without a grace period when nobody can see the tree, else through RCU.
 * Entries are the caller's. */
void tree_destroy(struct participant *self, struct range_tree *tree, bool visible);
/* Copies src into the empty tree dst (nodes anew, the same references); 0 or -ENOMEM with dst
 * empty. (kernel: __mt_dup) */
int tree_dup(struct participant *self, const struct range_tree *src, struct range_tree *dst);
/* Replaces the reference of the entry that starts at `start` (known to exist) in place by another
 * one, not 0; for fork's child tree. */
void tree_replace(struct participant *self, struct range_tree *tree, u64 start, vl_ref ref);

/* Lowest / highest address a with a gap covering [a, a + size), low <= a and a + size <= high;
 * UINT64_MAX if none. size > 0. O(log n) with the gap summaries.
 * (kernel: mas_empty_area, mas_empty_area_rev) */
u64 tree_gap_lowest(const struct participant *self, const struct range_tree *tree, u64 low,
		    u64 high, u64 size);
u64 tree_gap_highest(const struct participant *self, const struct range_tree *tree, u64 low,
		     u64 high, u64 size);

struct tree_shape {
	u32 height;
	u64 nodes;
	u64 entries; /* non-gap */
	u64 bytes;
};
/* Walks everything: order, coverage, gap merging, gap summaries, fill, node validity
 * (kmem_cache_owns). Calls on_node for every node and on_entry for each non-gap entry (either may
 * be NULL). Returns NULL if all is well, else a static text that names the broken invariant. With
 * repair_gaps, wrong gap summaries (a writer died between its store and the summary update) are
 * corrected instead. */
const char *tree_check(const struct vl_seg *seg, struct range_tree *tree, bool repair_gaps,
		       struct tree_shape *shape, void (*on_node)(void *arg, vl_ref node),
		       void (*on_entry)(void *arg, const struct range_entry *e), void *arg);

/* Sets what happens to a node whose grace period is over (it is poisoned and goes to its cache) and
 * to the reserve of a participant that leaves. Call once per process, before any participant
 * joins. */
void tree_register(void);

#endif
