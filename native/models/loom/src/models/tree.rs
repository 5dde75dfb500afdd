// SPDX-License-Identifier: Apache-2.0
//! tree.h, tree_store.c: what the tree publishes is complete (TREE-1, TREE-2), and a node is used
//! again only after a grace period. Last, for comparison, the mark on dead nodes by which the
//! kernel's tree lets readers find out (kernel: mte_set_node_dead, ma_dead_node).

use std::sync::Arc;

use loom::sync::atomic::{fence, AtomicU32, Ordering};
use loom::thread;
use Ordering::{Acquire, Relaxed, Release};

use crate::parts::{Flavour, Plain, Rcu};
use crate::{Expect, Model, Switch, Variant};

pub const PUBLISH: Model = Model {
    name: "tree-publish",
    mirrors:
        "tree_store.c: publish_root, publish, store_in_place; tree.h: tree_leaf, tree_leaf_slot",
    cases: 1,
    bound: None,
    body: publish_body,
    variants: &[
        Variant {
            name: "root-release",
            letter: "TREE-1, root",
            expect: Expect::Found,
        },
        Variant {
            name: "root-acquire",
            letter: "TREE-1, root",
            expect: Expect::Found,
        },
        Variant {
            name: "child-release",
            letter: "TREE-1, child slot",
            expect: Expect::Found,
        },
        Variant {
            name: "child-acquire",
            letter: "TREE-1, child slot",
            expect: Expect::Found,
        },
        Variant {
            name: "entry-release",
            letter: "TREE-2",
            expect: Expect::Found,
        },
        Variant {
            name: "entry-acquire",
            letter: "TREE-2",
            expect: Expect::Found,
        },
    ],
};

struct Tree {
    root: AtomicU32,
    inner_pivot: Plain,
    child: AtomicU32,
    leaf_pivot: Plain,
    entry: AtomicU32,
    vma_field: Plain,
}

/// A root, then a leaf below it, then an entry in place; each is filled with plain stores before the
/// one store that publishes it.
fn publish_body(sw: Switch) {
    let s = Arc::new(Tree {
        root: AtomicU32::new(0),
        inner_pivot: Plain::new(0),
        child: AtomicU32::new(0),
        leaf_pivot: Plain::new(0),
        entry: AtomicU32::new(0),
        vma_field: Plain::new(0),
    });
    let w = Arc::clone(&s);
    let writer = thread::spawn(move || {
        w.inner_pivot.set(1);
        w.root.store(1, sw.order("root-release", Release));
        w.leaf_pivot.set(1);
        w.child.store(1, sw.order("child-release", Release));
        w.vma_field.set(1);
        w.entry.store(1, sw.order("entry-release", Release));
    });
    if s.root.load(sw.order("root-acquire", Acquire)) == 1 {
        s.inner_pivot.get();
        if s.child.load(sw.order("child-acquire", Acquire)) == 1 {
            s.leaf_pivot.get();
            if s.entry.load(sw.order("entry-acquire", Acquire)) == 1 {
                s.vma_field.get();
            }
        }
    }
    writer.join().unwrap();
}

pub const REUSE: Model = Model {
    name: "tree-reuse",
    mirrors: "tree_store.c: publish, retire_replaced; rcu.c: wait_for_tag; tree.h: tree_lookup",
    cases: 1,
    bound: None,
    body: reuse_body,
    variants: &[
        Variant {
            name: "grace-period",
            letter: "a node reused at once",
            expect: Expect::Found,
        },
        Variant {
            name: "stays-inside",
            letter: "stale_leaf: a node kept across sections",
            expect: Expect::Found,
        },
        Variant {
            name: "reader-acquire",
            letter: "RCU-1",
            expect: Expect::Redundant("the reader's fence"),
        },
        Variant {
            name: "reader-fence",
            letter: "RCU-2, reader",
            expect: Expect::Found,
        },
        Variant {
            name: "scan-fence",
            letter: "RCU-2, scanner",
            expect: Expect::Redundant("the fence of RCU-1 between two scans"),
        },
        Variant {
            name: "advance-fence+scan-fence",
            letter: "RCU-1 and RCU-2",
            expect: Expect::Redundant("who retires scans as well, and its tag has a fence"),
        },
        Variant {
            name: "tag-fence+advance-fence+scan-fence",
            letter: "RCU-1 and RCU-2",
            expect: Expect::Found,
        },
        Variant {
            name: "unlock-release",
            letter: "RCU-3, reader",
            expect: Expect::Found,
        },
        Variant {
            name: "scan-acquire",
            letter: "RCU-3, scanner",
            expect: Expect::Found,
        },
        Variant {
            name: "tag-fence",
            letter: "RCU-1",
            expect: Expect::Redundant("who retires scans as well: one thread"),
        },
        Variant {
            name: "advance-fence",
            letter: "RCU-1",
            expect: Expect::Redundant("who retires scans as well: one thread"),
        },
        Variant {
            name: "advance-release",
            letter: "RCU-1",
            expect: Expect::Redundant("the reader's fence"),
        },
        Variant {
            name: "completed-release",
            letter: "RCU-4",
            expect: Expect::Redundant("who scans frees as well: one thread"),
        },
        Variant {
            name: "completed-acquire",
            letter: "RCU-4",
            expect: Expect::Redundant("who scans frees as well: one thread"),
        },
    ],
};

struct Nodes {
    rcu: Rcu,
    root: AtomicU32,
    pivot: [Plain; 2],
}

/// A store replaces node 0 by node 1; node 0 is filled anew when its grace period is over.
fn reuse_body(sw: Switch) {
    let s = Arc::new(Nodes {
        rcu: Rcu::new(Flavour::Fenced, [0, 0]),
        root: AtomicU32::new(1),
        pivot: [Plain::new(0), Plain::new(0)],
    });
    let w = Arc::clone(&s);
    let writer = thread::spawn(move || {
        w.pivot[1].set(1);
        w.root.store(2, Release);
        let tag = w.rcu.new_tag(sw);
        for _ in 0..2 {
            if !w.rcu.is_complete(sw, tag) {
                w.rcu.advance(sw);
            }
        }
        if w.rcu.is_complete(sw, tag) {
            w.pivot[0].set(2);
        }
    });
    s.rcu.read_lock(sw);
    let node = s.root.load(Acquire);
    if !sw.keeps("stays-inside") {
        s.rcu.read_unlock(sw);
        s.rcu.read_lock(sw);
    }
    s.pivot[node as usize - 1].get();
    s.rcu.read_unlock(sw);
    writer.join().unwrap();
}

pub const DEAD_MARK: Model = Model {
    name: "tree-dead-mark",
    mirrors: "no function of ours: how the kernel's tree lets a reader find that its node is dead",
    cases: 1,
    bound: None,
    body: dead_body,
    variants: &[
        Variant {
            name: "mark-fence",
            letter: "the writer's smp_wmb",
            expect: Expect::Found,
        },
        Variant {
            name: "look-fence",
            letter: "the reader's smp_rmb",
            expect: Expect::Found,
        },
        Variant {
            name: "look",
            letter: "the test of the mark",
            expect: Expect::Found,
        },
    ],
};

fn dead_body(sw: Switch) {
    let s = Arc::new([AtomicU32::new(1), AtomicU32::new(10)]); /* parent, pivot */
    let w = Arc::clone(&s);
    let writer = thread::spawn(move || {
        w[0].store(0, Relaxed); /* parent = self: dead */
        sw.fence("mark-fence", Release);
        w[1].store(20, Relaxed);
    });
    let pivot = s[1].load(Relaxed);
    if sw.keeps("look-fence") {
        fence(Acquire);
    }
    if s[0].load(Relaxed) == 1 || !sw.keeps("look") {
        assert!(pivot == 10, "a dead node's next contents believed");
    }
    writer.join().unwrap();
}
