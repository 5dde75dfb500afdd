// SPDX-License-Identifier: Apache-2.0
//! rcu.c, rcu.h: RCU-1 to RCU-5. A reader that finds an object in its section may read it; one who
//! unpublished it poisons it when the grace period of its tag is over. A third scans.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use Ordering::{Acquire, Relaxed};

use crate::parts::{
    boundaries, Flavour, Plain, Rcu, BOUNDARIES, MEMBARRIER_CASES, TWO_SECTIONS_CASES,
};
use crate::{Expect, Model, Switch, Variant};

const MIRRORS: &str = "rcu.h: rcu_read_lock, rcu_read_unlock; rcu.c: new_tag, rcu_advance_locked, \
                       oldest_reader, completed_tag";

const FENCES: &str =
    "a tag needs two scans, and one fence between them is enough for readers with \
                      fences; both away: found";

pub const FENCED: Model = Model {
    name: "rcu-fenced",
    mirrors: MIRRORS,
    cases: 1,
    bound: None,
    body: |sw| body(sw, Flavour::Fenced, [0, 0], false),
    variants: &[
        Variant {
            name: "reader-fence",
            letter: "RCU-2, reader",
            expect: Expect::Found,
        },
        Variant {
            name: "scan-fence",
            letter: "RCU-2, scanner",
            expect: Expect::Redundant(FENCES),
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
            name: "completed-release",
            letter: "RCU-4, scanner",
            expect: Expect::Found,
        },
        Variant {
            name: "completed-acquire",
            letter: "RCU-4, who frees",
            expect: Expect::Found,
        },
        Variant {
            name: "tag-fence",
            letter: "RCU-1, who retires",
            expect: Expect::Found,
        },
        Variant {
            name: "advance-fence",
            letter: "RCU-1, scanner",
            expect: Expect::Redundant(FENCES),
        },
        Variant {
            name: "advance-fence+scan-fence",
            letter: "RCU-1 and RCU-2, scanner",
            expect: Expect::Found,
        },
        Variant {
            name: "reader-acquire",
            letter: "RCU-1, reader",
            expect: Expect::Redundant("the reader's fence; rcu-membarrier shows it"),
        },
        Variant {
            name: "advance-release",
            letter: "RCU-1, scanner",
            expect: Expect::Redundant("the reader's fence; rcu-membarrier shows it"),
        },
        Variant {
            name: "grace-period",
            letter: "reuse at once",
            expect: Expect::Found,
        },
    ],
};

pub const MEMBARRIER: Model = Model {
    name: "rcu-membarrier",
    mirrors: MIRRORS,
    cases: MEMBARRIER_CASES,
    bound: Some(2),
    body: |sw| body(sw, Flavour::Membarrier, boundaries(sw.case, 1), false),
    variants: &[
        Variant {
            name: "membarrier",
            letter: "RCU-2, scanner",
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
            name: "completed-release",
            letter: "RCU-4, scanner",
            expect: Expect::Found,
        },
        Variant {
            name: "completed-acquire",
            letter: "RCU-4, who frees",
            expect: Expect::Found,
        },
        Variant {
            name: "tag-fence",
            letter: "RCU-1, who retires",
            expect: Expect::Found,
        },
        Variant {
            name: "advance-fence",
            letter: "RCU-1, scanner",
            expect: Expect::Redundant(SCANS),
        },
        Variant {
            name: "reader-acquire",
            letter: "RCU-1, reader",
            expect: Expect::Redundant(SCANS),
        },
        Variant {
            name: "advance-release",
            letter: "RCU-1, scanner",
            expect: Expect::Redundant(SCANS),
        },
        Variant {
            name: "grace-period",
            letter: "reuse at once",
            expect: Expect::Found,
        },
    ],
};

const SCANS: &str = "the barrier of the scan before; rcu-killed-scanner shows it";

/// The scanner of the number before was killed between its number and its barrier.
pub const KILLED: Model = Model {
    name: "rcu-killed-scanner",
    mirrors: MIRRORS,
    cases: BOUNDARIES,
    bound: Some(3),
    body: |sw| body(sw, Flavour::Membarrier, [sw.case, usize::MAX], true),
    variants: &[
        Variant {
            name: "membarrier",
            letter: "RCU-2, scanner",
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
            name: "completed-release",
            letter: "RCU-4, scanner",
            expect: Expect::Found,
        },
        Variant {
            name: "completed-acquire",
            letter: "RCU-4, who frees",
            expect: Expect::Found,
        },
        Variant {
            name: "tag-fence",
            letter: "RCU-1, who retires",
            expect: Expect::Found,
        },
        Variant {
            name: "advance-fence",
            letter: "RCU-1, scanner",
            expect: Expect::Found,
        },
        Variant {
            name: "reader-acquire",
            letter: "RCU-1, reader",
            expect: Expect::Found,
        },
        Variant {
            name: "advance-release",
            letter: "RCU-1, scanner",
            expect: Expect::Found,
        },
        Variant {
            name: "grace-period",
            letter: "reuse at once",
            expect: Expect::Found,
        },
    ],
};

const MARKS: &str = "rcu.h: rcu_mark, rcu_read_lock, rcu_read_unlock; rcu.c: new_tag, \
                     rcu_advance_locked, oldest_reader, completed_tag";

/// What a section has found is looked at in a later one that reads the same mark.
pub const MARK_FENCED: Model = Model {
    name: "rcu-mark-fenced",
    mirrors: MARKS,
    cases: 1,
    bound: Some(3),
    body: |sw| marked(sw, Flavour::Fenced, [0, 0]),
    variants: MARK_VARIANTS,
};

pub const MARK_MEMBARRIER: Model = Model {
    name: "rcu-mark-membarrier",
    mirrors: MARKS,
    cases: TWO_SECTIONS_CASES,
    bound: Some(2),
    body: |sw| marked(sw, Flavour::Membarrier, boundaries(sw.case, 2)),
    variants: MARK_VARIANTS,
};

const MARK_VARIANTS: &[Variant] = &[
    Variant {
        name: "mark-late",
        letter: "RCU-5: after the section is shown",
        expect: Expect::Found,
    },
    Variant {
        name: "mark-acquire",
        letter: "RCU-5, reader",
        expect: Expect::Redundant("the fence or barrier of the scan before, as of reader-acquire"),
    },
    Variant {
        name: "mark-compared",
        letter: "RCU-5: looked at whatever the mark",
        expect: Expect::Found,
    },
    Variant {
        name: "unlock-release",
        letter: "RCU-3, reader",
        expect: Expect::Found,
    },
    Variant {
        name: "tag-fence",
        letter: "RCU-1, who retires",
        expect: Expect::Found,
    },
];

struct Shared {
    rcu: Rcu,
    root: AtomicU32,
    object: Plain,
}

fn body(sw: Switch, flavour: Flavour, boundary: [usize; 2], killed: bool) {
    let s = Arc::new(Shared {
        rcu: Rcu::new(flavour, boundary),
        root: AtomicU32::new(1),
        object: Plain::new(1),
    });
    let (r, a) = (Arc::clone(&s), Arc::clone(&s));
    let reader = thread::spawn(move || {
        r.rcu.interrupt(sw, 0);
        r.rcu.read_lock(sw);
        let found = r.root.load(Acquire) == 1;
        r.rcu.interrupt(sw, 3);
        if found {
            r.object.get();
        }
        r.rcu.interrupt(sw, 4);
        r.rcu.read_unlock(sw);
    });
    let scanner = thread::spawn(move || {
        if killed {
            a.rcu.advance_begin(sw);
        } else {
            a.rcu.advance(sw);
        }
        a.rcu.advance(sw);
    });
    s.root.store(0, Relaxed);
    let tag = s.rcu.new_tag(sw);
    thread::yield_now(); /* whoever frees comes back later */
    if s.rcu.is_complete(sw, tag) {
        s.object.set(2);
    }
    scanner.join().unwrap();
    reader.join().unwrap();
}

fn marked(sw: Switch, flavour: Flavour, boundary: [usize; 2]) {
    let s = Arc::new(Shared {
        rcu: Rcu::new(flavour, boundary),
        root: AtomicU32::new(1),
        object: Plain::new(1),
    });
    let (r, a) = (Arc::clone(&s), Arc::clone(&s));
    let reader = thread::spawn(move || {
        r.rcu.interrupt(sw, 0);
        r.rcu.read_lock_of(sw, 0);
        let mark = r.rcu.mark(sw);
        r.rcu.interrupt(sw, 3);
        let found = r.root.load(Acquire) == 1;
        r.rcu.interrupt(sw, 4);
        r.rcu.read_unlock_of(sw, 0);
        r.rcu.interrupt(sw, BOUNDARIES);
        r.rcu.read_lock_of(sw, 1);
        let same = r.rcu.mark(sw) == mark || !sw.keeps("mark-compared");
        r.rcu.interrupt(sw, BOUNDARIES + 3);
        if found && same {
            r.object.get();
        }
        r.rcu.interrupt(sw, BOUNDARIES + 4);
        r.rcu.read_unlock_of(sw, 1);
    });
    let scanner = thread::spawn(move || {
        a.rcu.advance(sw);
        a.rcu.advance(sw);
    });
    s.root.store(0, Relaxed);
    let tag = s.rcu.new_tag(sw);
    thread::yield_now();
    if s.rcu.is_complete(sw, tag) {
        s.object.set(2);
    }
    scanner.join().unwrap();
    reader.join().unwrap();
}
