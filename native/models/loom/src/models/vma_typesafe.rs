// SPDX-License-Identifier: Apache-2.0
//! model_typesafe_rwsem.h with vma_rwsem.h: objects are used again at once, under readers that found
//! them in a former life. A reader of mm 1 has found the VMA; the writer unmaps it and maps the same
//! object in mm 2.
//!
//! `typesafe-rwsem` locks the new VMA before it attaches it, as vma_link, split_vma, brk and fork do.
//! `typesafe-rwsem-bare` attaches without, as the patch series allows: there VMA-2 alone orders the
//! identity. `typesafe-rwsem-section` maps the object elsewhere in mm 1 within the same mmap_lock
//! section, as mremap may: no number of the sequence lies between the two lives.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use Ordering::{Acquire, Relaxed, Release};

use crate::parts::{Plain, Rwsem, Seqcount, STAMP_FIRST};
use crate::{Expect, Model, Switch, Variant};

const MIRRORS: &str = "vma_rwsem.h: vma_start_read, vma_start_write, vma_mark_detached; \
    model_typesafe_rwsem.h: vma_identity, vma_is_detached, vma_mark_attached, vma_lock_init; \
    mm.c: vma_end_write_all; vma.c: vma_init; merge.c: vma_link";

const fn found(name: &'static str, letter: &'static str) -> Variant {
    Variant {
        name,
        letter,
        expect: Expect::Found,
    }
}
const LOCKS: &str = "the new VMA is write-locked before it is attached: RWSEM-1 orders it too; \
    typesafe-rwsem-bare shows it";

const SECTION_SHOWS: Expect = Expect::Redundant(
    "mmap_write_lock of the next section has a release fence; typesafe-rwsem-section shows it",
);
const STAMP_SHOWS: Expect = Expect::Redundant("one change of a VMA only; rwsem-stamp shows it");

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Locked,
    Bare,
    Section,
}

pub const LOCKED: Model = Model {
    name: "typesafe-rwsem",
    mirrors: MIRRORS,
    cases: 1,
    bound: None,
    body: |sw| body(sw, Kind::Locked),
    variants: &[
        found("end-release", "VMA-1, vma_end_write_all"),
        found("seq-acquire", "VMA-1, the late look"),
        found("late-look", "check: stamp against sequence, under the lock"),
        found("detached-look", "check: detached, under the lock"),
        found("mm-look", "check: vm_mm, under the lock (mm_not_compared)"),
        Variant {
            name: "range-look",
            letter: "check: range",
            expect: Expect::Redundant("one range"),
        },
        found("write-lock", "VMA-4: stamped before the change"),
        found("read-release", "VMA-3, RWSEM-2, reader"),
        found("write-acquire", "VMA-3, RWSEM-2, writer"),
        found(
            "lock-survives",
            "vma_lock_init leaves the semaphore alone (lock_initialised_again)",
        ),
        found(
            "detached-survives",
            "vm_area_dup leaves detached alone (dup_copies_detached)",
        ),
        Variant {
            name: "init-release",
            letter: "VMA-9, vma_lock_init",
            expect: SECTION_SHOWS,
        },
        Variant {
            name: "begin-release",
            letter: "SEQ-3, seqcount",
            expect: STAMP_SHOWS,
        },
        found("stamp-acquire", "VMA-9, the late look"),
        Variant {
            name: "attach-release",
            letter: "VMA-2, attach",
            expect: Expect::Redundant(LOCKS),
        },
        Variant {
            name: "attach-acquire",
            letter: "VMA-2, reader",
            expect: Expect::Redundant(LOCKS),
        },
        found("read-acquire", "VMA-4, RWSEM-1, reader"),
        found("write-release", "VMA-4, RWSEM-1, up_write"),
        Variant {
            name: "begin-fence",
            letter: "VMA-4, SEQ-1",
            expect: Expect::Redundant("up_write's release orders the odd number before the lock"),
        },
        found("attach-release+write-release", "VMA-2 and RWSEM-1 together"),
        found("attach-acquire+read-acquire", "VMA-2 and RWSEM-1 together"),
    ],
};

pub const BARE: Model = Model {
    name: "typesafe-rwsem-bare",
    mirrors: MIRRORS,
    cases: 1,
    bound: None,
    body: |sw| body(sw, Kind::Bare),
    variants: &[
        found("attach-release", "VMA-2, attach (the series' smp_wmb)"),
        found("attach-acquire", "VMA-2, reader (the series' smp_rmb)"),
        found("end-release", "VMA-1, vma_end_write_all"),
        found("seq-acquire", "VMA-1, the late look"),
        found("late-look", "check: stamp against sequence, under the lock"),
        found("detached-look", "check: detached, under the lock"),
        found("mm-look", "check: vm_mm, under the lock (mm_not_compared)"),
        Variant {
            name: "range-look",
            letter: "check: range",
            expect: Expect::Redundant("one range"),
        },
        found("write-lock", "VMA-4: stamped before the change"),
        found("read-release", "VMA-3, RWSEM-2, reader"),
        found("write-acquire", "VMA-3, RWSEM-2, writer"),
        found(
            "detached-survives",
            "vm_area_dup leaves detached alone (dup_copies_detached)",
        ),
        Variant {
            name: "init-release",
            letter: "VMA-9, vma_lock_init",
            expect: SECTION_SHOWS,
        },
        Variant {
            name: "begin-release",
            letter: "SEQ-3, seqcount",
            expect: STAMP_SHOWS,
        },
        found("stamp-acquire", "VMA-9, the late look"),
        found(
            "lock-survives",
            "vma_lock_init leaves the semaphore alone (lock_initialised_again)",
        ),
        found("read-acquire", "VMA-4, RWSEM-1, reader"),
        found("write-release", "VMA-4, RWSEM-1, up_write"),
        Variant {
            name: "begin-fence",
            letter: "VMA-4, SEQ-1",
            expect: Expect::Redundant("up_write's release orders the odd number before the lock"),
        },
    ],
};

pub const SECTION: Model = Model {
    name: "typesafe-rwsem-section",
    mirrors:
        "as typesafe-rwsem; op_mremap.c: do_munmap, then copy_vma; lock_model.h: lock_vma_found \
              (the range)",
    cases: 1,
    bound: None,
    body: |sw| body(sw, Kind::Section),
    variants: &[
        found("init-release", "VMA-9, vma_lock_init"),
        found("stamp-acquire", "VMA-9, the late look"),
        found("range-look", "check: range, under the lock"),
        found("detached-look", "check: detached, under the lock"),
        found("late-look", "check: stamp against sequence, under the lock"),
        found("write-lock", "VMA-4: stamped before the change"),
        found("read-release", "VMA-3, RWSEM-2, reader"),
        found("write-acquire", "VMA-3, RWSEM-2, writer"),
        found("read-acquire", "VMA-4, RWSEM-1, reader"),
        found("write-release", "VMA-4, RWSEM-1, up_write"),
        found(
            "lock-survives",
            "vma_lock_init leaves the semaphore alone (lock_initialised_again)",
        ),
        found(
            "detached-survives",
            "vm_area_dup leaves detached alone (dup_copies_detached)",
        ),
        Variant {
            name: "seq-acquire",
            letter: "VMA-1, the late look",
            expect: STAMP_SHOWS,
        },
        Variant {
            name: "end-release",
            letter: "VMA-1, vma_end_write_all",
            expect: STAMP_SHOWS,
        },
        Variant {
            name: "mm-look",
            letter: "check: vm_mm",
            expect: Expect::Redundant("one mm"),
        },
        Variant {
            name: "attach-release",
            letter: "VMA-2, attach",
            expect: Expect::Redundant(LOCKS),
        },
        Variant {
            name: "attach-acquire",
            letter: "VMA-2, reader",
            expect: Expect::Redundant(LOCKS),
        },
        Variant {
            name: "begin-release",
            letter: "SEQ-3, seqcount",
            expect: STAMP_SHOWS,
        },
        Variant {
            name: "begin-fence",
            letter: "VMA-4, SEQ-1",
            expect: Expect::Redundant("up_write's release orders the odd number before the lock"),
        },
    ],
};

struct Shared {
    seq: [Seqcount; 2],
    stamp: AtomicU32,
    detached: AtomicU32,
    vm_mm: AtomicU32,
    vm_start: AtomicU32,
    lock: Rwsem,
    flags: Plain, /* what only a holder of the lock, or of the stamp, may look at */
}

impl Shared {
    fn new() -> Shared {
        Shared {
            seq: [Seqcount(AtomicU32::new(0)), Seqcount(AtomicU32::new(0))],
            stamp: AtomicU32::new(STAMP_FIRST),
            detached: AtomicU32::new(0),
            vm_mm: AtomicU32::new(1),
            vm_start: AtomicU32::new(1),
            lock: Rwsem::new(),
            flags: Plain::new(0),
        }
    }

    /// vma_rwsem.h:vma_start_write
    fn start_write(&self, sw: Switch, seq: u32) -> Option<()> {
        if !sw.keeps("write-lock") {
            return Some(());
        }
        self.lock.down_write(sw)?;
        self.stamp.store(seq, Relaxed);
        self.lock.up_write(sw);
        Some(())
    }

    /// vma_rwsem.h:vma_read_trylock for a user of mm 1, with vma_identity
    fn read_trylock(&self, sw: Switch) -> bool {
        if self.stamp.load(Relaxed) == self.seq[0].0.load(Relaxed) {
            return false;
        }
        if !self.lock.down_read_trylock(sw) {
            return false;
        }
        let stamp = self.stamp.load(sw.order("stamp-acquire", Acquire));
        let locked = stamp == self.seq[0].read(sw);
        if (!locked || !sw.keeps("late-look")) && self.is_mine(sw) {
            return true;
        }
        self.lock.up_read(sw);
        false
    }

    /// model_typesafe_rwsem.h:vma_identity
    fn is_mine(&self, sw: Switch) -> bool {
        let detached = self.detached.load(sw.order("attach-acquire", Acquire)) != 0;
        (!detached || !sw.keeps("detached-look"))
            && (self.vm_mm.load(Relaxed) == 1 || !sw.keeps("mm-look"))
            && (self.vm_start.load(Relaxed) == 1 || !sw.keeps("range-look"))
    }
}

fn writer(s: &Shared, sw: Switch, kind: Kind) -> Option<()> {
    let section = kind == Kind::Section;
    /* mm 1: munmap */
    s.seq[0].begin(sw, 0);
    s.start_write(sw, 1)?;
    s.flags.set(3);
    s.detached.store(1, Relaxed);
    if !section {
        s.seq[0].end(sw, 0);
        s.seq[1].begin(sw, 0);
    }
    /* freed; taken again: vma.c:vma_init */
    if !sw.keeps("lock-survives") {
        s.lock.count.store(0, Relaxed);
    }
    s.stamp
        .store(STAMP_FIRST, sw.order("init-release", Release));
    if !sw.keeps("detached-survives") {
        s.detached.store(0, Relaxed); /* a copy of the whole source, put right at once */
        s.detached.store(1, Relaxed);
    }
    s.vm_mm.store(if section { 1 } else { 2 }, Relaxed);
    s.vm_start.store(if section { 2 } else { 1 }, Relaxed);
    s.flags.set(5);
    if kind != Kind::Bare {
        s.start_write(sw, 1)?;
    }
    s.detached.store(0, sw.order("attach-release", Release));
    s.seq[usize::from(!section)].end(sw, 0);
    Some(())
}

fn body(sw: Switch, kind: Kind) {
    let s = Arc::new(Shared::new());
    let r = Arc::clone(&s);
    let reader = thread::spawn(move || {
        if r.read_trylock(sw) {
            let flags = r.flags.get();
            assert!(
                flags == 0,
                "the reader has a VMA that is not the one it looked for"
            );
            r.lock.up_read(sw);
        }
    });
    let done = writer(&s, sw, kind);
    reader.join().unwrap();
    if done.is_some() {
        let count = s.lock.count.load(Relaxed);
        assert!(count == 0, "the semaphore ends as {count:#x}");
    }
}

pub const STAMP: Model = Model {
    name: "rwsem-stamp",
    mirrors:
        "vma_rwsem.h: vma_start_read, vma_start_write; mm.c: mmap_write_lock, mmap_write_unlock",
    cases: 1,
    bound: None,
    body: stamp_body,
    variants: &[
        found(
            "begin-release",
            "SEQ-3, seqcount: the next writer's odd number",
        ),
        found("end-release", "VMA-1, vma_end_write_all"),
        found("seq-acquire", "VMA-1, the late look"),
        found("late-look", "check: stamp against sequence, under the lock"),
        found("write-lock", "VMA-4: stamped before the change"),
        found("read-release", "VMA-3, RWSEM-2, reader"),
        found("write-acquire", "VMA-3, RWSEM-2, writer"),
        found("read-acquire", "VMA-4, RWSEM-1, reader"),
        found("write-release", "VMA-4, RWSEM-1, up_write"),
        Variant {
            name: "begin-fence",
            letter: "VMA-4, SEQ-1",
            expect: Expect::Redundant("up_write's release orders the odd number before the lock"),
        },
        Variant {
            name: "attach-acquire",
            letter: "VMA-2",
            expect: Expect::Redundant("one life; typesafe-rwsem shows it"),
        },
        Variant {
            name: "stamp-acquire",
            letter: "VMA-9",
            expect: Expect::Redundant("one life; typesafe-rwsem shows it"),
        },
    ],
};

/// Two writers change the flags one after the other (mprotect); a reader that is let in sees all
/// that the writers did whose stamps it takes as ended.
fn stamp_body(sw: Switch) {
    let s = Arc::new(Shared::new());
    let r = Arc::clone(&s);
    let reader = thread::spawn(move || {
        if r.read_trylock(sw) {
            r.flags.get();
            r.lock.up_read(sw);
        }
    });
    for seq in [0, 2] {
        s.seq[0].begin(sw, seq);
        if s.start_write(sw, seq + 1).is_some() {
            s.flags.set(seq);
        }
        s.seq[0].end(sw, seq);
    }
    reader.join().unwrap();
}
