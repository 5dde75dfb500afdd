// SPDX-License-Identifier: Apache-2.0
//! model_split_rwsem.h, model_embedded_rwsem.h with vma_rwsem.h and vma_deferred.h: the VMA and its
//! lock are freed after a grace period. A fault looks a VMA up and locks it while a writer changes
//! it, or unmaps it and uses the object again.
//!
//! RCU is a lock here (rcu.rs has the real one): a grace period ends when no reader is inside, and
//! orders what is RCU-1 to RCU-4.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::parts::{tries, Plain, Rwsem, Seqcount, STAMP_FIRST};
use crate::{Expect, Model, Switch, Variant};

const MIRRORS: &str = "vma_rwsem.h: vma_start_read, vma_start_write, vma_end_read_at, \
    vma_mark_detached; vma_deferred.h: vma_identity; lock_model.h: lock_vma_found; mm.c: \
    vma_end_write_all; vma.c: vm_area_free; model_*_rwsem.h: vma_lock_alloc, vma_lock_free";

const fn found(name: &'static str, letter: &'static str) -> Variant {
    Variant {
        name,
        letter,
        expect: Expect::Found,
    }
}

pub const EMBEDDED: Model = Model {
    name: "embedded-rwsem",
    mirrors: MIRRORS,
    cases: 1,
    bound: None,
    body: |sw| body(sw, false),
    variants: VARIANTS,
};

pub const SPLIT: Model = Model {
    name: "split-rwsem",
    mirrors: MIRRORS,
    cases: 1,
    bound: None,
    body: |sw| body(sw, true),
    variants: VARIANTS,
};

const VARIANTS: &[Variant] = &[
    found("end-release", "VMA-1, vma_end_write_all"),
    found("seq-acquire", "VMA-1, the late look"),
    found("late-look", "check: stamp against sequence, under the lock"),
    found("detached-look", "check: detached, under the lock"),
    found("write-lock", "VMA-4: stamped before the change"),
    found("read-release", "VMA-3, RWSEM-2, reader"),
    found("write-acquire", "VMA-3, RWSEM-2, writer"),
    found("grace-period", "freed through RCU"),
    found("end-in-rcu", "vma_end_read's RCU section (mm_read_after_put)"),
    found("entry-acquire", "TREE-2: the lock of a new VMA"),
    found("read-acquire", "VMA-4, RWSEM-1, reader"),
    found("write-release", "VMA-4, RWSEM-1, up_write"),
    Variant {
        name: "begin-release",
        letter: "SEQ-3, seqcount",
        expect: Expect::Redundant(
            "no reader stays from one change to the next; rwsem-stamp shows it",
        ),
    },
    Variant {
        name: "begin-fence",
        letter: "VMA-4, SEQ-1",
        expect: Expect::Redundant("up_write's release orders the odd number before the lock"),
    },
];

struct Shared {
    readers: AtomicU32, /* who is in an RCU section */
    seq: Seqcount,
    slot: AtomicU32, /* the tree's entry */
    stamp: AtomicU32,
    detached: AtomicU32,
    lock: Rwsem,
    lock_memory: Plain, /* the memory in which the lock lies: read by who uses the lock */
    vma_memory: Plain,
    flags: Plain,
}

impl Shared {
    fn rcu_read_lock(&self) {
        self.readers.fetch_add(1, AcqRel);
    }
    fn rcu_read_unlock(&self) {
        self.readers.fetch_sub(1, AcqRel);
    }
    fn synchronize_rcu(&self, sw: Switch) -> Option<()> {
        if !sw.keeps("grace-period") {
            return Some(());
        }
        tries(|| (self.readers.fetch_add(0, AcqRel) == 0).then_some(()))
    }
    /// What touches the object or its lock touches their memory.
    fn touch(&self, split: bool) {
        self.vma_memory.get();
        if split {
            self.lock_memory.get();
        }
    }

    /// vma_rwsem.h:vma_end_read_at. up_read looks for waiters after it has let go.
    fn end_read(&self, sw: Switch, split: bool, in_rcu: bool) {
        let enter = !in_rcu && sw.keeps("end-in-rcu");
        if enter {
            self.rcu_read_lock();
        }
        self.lock.up_read(sw);
        self.touch(split);
        if enter {
            self.rcu_read_unlock();
        }
    }

    /// lock_model.h:lock_vma_under_rcu, vma_rwsem.h:vma_read_trylock
    fn lock_vma_under_rcu(&self, sw: Switch, split: bool) -> bool {
        self.rcu_read_lock();
        let locked = self.lock_vma_found(sw, split);
        self.rcu_read_unlock();
        locked
    }

    fn lock_vma_found(&self, sw: Switch, split: bool) -> bool {
        if self.slot.load(sw.order("entry-acquire", Acquire)) != 1 {
            return false;
        }
        self.touch(split);
        if self.stamp.load(Relaxed) == self.seq.0.load(Relaxed) {
            return false;
        }
        if !self.lock.down_read_trylock(sw) {
            return false;
        }
        let late = self.stamp.load(Relaxed) == self.seq.read(sw);
        if (late && sw.keeps("late-look"))
            || (self.detached.load(Relaxed) != 0 && sw.keeps("detached-look"))
        {
            self.end_read(sw, split, true);
            return false;
        }
        true
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

    /// A new VMA: filled in with its lock, locked, published (vma.c, merge.c: vma_link).
    fn map(&self, sw: Switch, split: bool, seq: u32) -> Option<()> {
        self.vma_memory.set(1);
        if split {
            self.lock_memory.set(1);
        }
        self.lock.count.store(0, Relaxed); /* init_rwsem */
        self.detached.store(0, Relaxed);
        self.stamp.store(STAMP_FIRST, Relaxed);
        self.flags.set(seq);
        self.start_write(sw, seq)?;
        self.slot.store(1, Release);
        Some(())
    }
}

fn fault(s: &Shared, sw: Switch, split: bool) {
    if !s.lock_vma_under_rcu(sw, split) {
        return;
    }
    s.vma_memory.get();
    let flags = s.flags.get();
    assert!(flags != 3, "a VMA that is unmapped and being freed");
    s.end_read(sw, split, false);
}

fn writer(s: &Shared, sw: Switch, split: bool) -> Option<()> {
    s.seq.begin(sw, 0);
    s.start_write(sw, 1)?;
    s.flags.set(3); /* vma_close and the like, while it is still in the tree */
    s.detached.store(1, Relaxed);
    s.slot.store(0, Release);
    s.seq.end(sw, 0);
    s.synchronize_rcu(sw)?;
    s.seq.begin(sw, 2);
    s.map(sw, split, 3)?;
    s.flags.set(5);
    s.seq.end(sw, 2);
    Some(())
}

fn body(sw: Switch, split: bool) {
    let s = Arc::new(Shared {
        readers: AtomicU32::new(0),
        seq: Seqcount(AtomicU32::new(0)),
        slot: AtomicU32::new(1),
        stamp: AtomicU32::new(STAMP_FIRST),
        detached: AtomicU32::new(0),
        lock: Rwsem::new(),
        lock_memory: Plain::new(0),
        vma_memory: Plain::new(0),
        flags: Plain::new(0),
    });
    let r = Arc::clone(&s);
    let reader = thread::spawn(move || fault(&r, sw, split));
    let _ = writer(&s, sw, split);
    reader.join().unwrap();
}
