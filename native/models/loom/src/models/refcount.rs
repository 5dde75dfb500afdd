// SPDX-License-Identifier: Apache-2.0
//! model_refcount.h, vma_refcnt.c: one word is lock and attach state. The three models: identity and
//! exclusion under immediate reuse (VMA-1, 5, 6, 7), what the writer's wait must order (VMA-7, where
//! the kernel's load is relaxed), and no lost wake-up (VMA-8).

use std::sync::Arc;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

use crate::parts::{tries, Futex, Plain, Seqcount, STAMP_FIRST};
use crate::{Expect, Model, Switch, Variant};

const FLAG: u32 = 0x4000_0000;
const LIMIT: u32 = FLAG - 1;

const fn found(name: &'static str, letter: &'static str) -> Variant {
    Variant {
        name,
        letter,
        expect: Expect::Found,
    }
}

pub const LOCK: Model = Model {
    name: "refcount",
    mirrors: "model_refcount.h: vma_start_read, vma_refcount_get, vma_refcount_put, \
              vma_start_write, vma_mark_attached, vma_mark_detached; vma_refcnt.c: \
              vma_wait_readers, vma_detach_stragglers; mm.c: vma_end_write_all",
    cases: 1,
    bound: None,
    body: lock_body,
    variants: &[
        found("end-release", "VMA-1, vma_end_write_all"),
        found("begin-release", "SEQ-3, seqcount: the next writer's odd number"),
        found("seq-acquire", "VMA-1, the late look"),
        found("attach-release", "VMA-5, attach"),
        found("get-acquire", "VMA-5, VMA-6, reader"),
        found("unflag-release", "VMA-6, writer"),
        found("put-release", "VMA-7, reader"),
        found("late-look", "check: stamp against sequence, with the reference"),
        found("mm-look", "check: vm_mm, with the reference (mm_not_compared)"),
        found("limit", "check: no increment past FLAG (readers_unlimited)"),
        found("not-zero", "check: no increment from 0"),
        found("write-lock", "VMA-4: stamped before the change"),
        found("waits", "the writer waits for readers"),
        Variant {
            name: "begin-fence",
            letter: "VMA-4, SEQ-1",
            expect: Expect::Redundant("-FLAG's release (VMA-6) orders the odd number"),
        },
        Variant {
            name: "flag-acquire",
            letter: "VMA-7, writer, no reader inside",
            expect: Expect::Found,
        },
        Variant { name: "wait-acquire", letter: "VMA-7, writer's wait", expect: Expect::Found },
        Variant {
            name: "detach-acq-rel",
            letter: "VMA-7, detach",
            expect: Expect::Beyond(
                "stragglers only load words, with atomics; loads that see later stores are outside \
                 of loom and RC11",
            ),
        },
    ],
};

struct Shared {
    seq: [Seqcount; 2],
    refcnt: AtomicU32,
    stamp: AtomicU32,
    vm_mm: AtomicU32,
    flags: Plain,
}

impl Shared {
    /// model_refcount.h:vma_refcount_get
    fn get(&self, sw: Switch) -> bool {
        let mut count = 1;
        loop {
            match self.refcnt.compare_exchange(
                count,
                count + 1,
                sw.order("get-acquire", Acquire),
                Relaxed,
            ) {
                Ok(_) => return true,
                Err(0) if sw.keeps("not-zero") => return false,
                Err(seen) if seen >= LIMIT && sw.keeps("limit") => return false,
                Err(seen) => count = seen,
            }
        }
    }

    /// model_refcount.h:vma_refcount_put
    fn put(&self, sw: Switch) {
        self.refcnt.fetch_sub(1, sw.order("put-release", Release));
    }

    /// model_refcount.h:vma_start_read for a user of mm 1
    fn read_trylock(&self, sw: Switch) -> bool {
        if self.stamp.load(Relaxed) == self.seq[0].0.load(Relaxed) || !self.get(sw) {
            return false;
        }
        if (self.vm_mm.load(Relaxed) != 1 && sw.keeps("mm-look"))
            || (self.stamp.load(Relaxed) == self.seq[0].read(sw) && sw.keeps("late-look"))
        {
            self.put(sw);
            return false;
        }
        true
    }

    /// vma_refcnt.c:vma_wait_readers
    fn wait_readers(&self, sw: Switch, target: u32) -> Option<()> {
        if !sw.keeps("waits") {
            return Some(());
        }
        tries(|| (self.refcnt.load(sw.order("wait-acquire", Acquire)) == target).then_some(()))
    }

    /// model_refcount.h:vma_start_write
    fn start_write(&self, sw: Switch, seq: u32) -> Option<()> {
        if !sw.keeps("write-lock") {
            return Some(());
        }
        let mut count = 1;
        while count != 0 {
            match self.refcnt.compare_exchange(
                count,
                count + FLAG,
                sw.order("flag-acquire", Acquire),
                Relaxed,
            ) {
                Ok(_) => break,
                Err(seen) => count = seen,
            }
        }
        if count > 1 {
            self.wait_readers(sw, FLAG + 1)?;
        }
        self.stamp.store(seq, Relaxed);
        if count != 0 {
            self.refcnt
                .fetch_sub(FLAG, sw.order("unflag-release", Release));
        }
        Some(())
    }

    /// model_refcount.h:vma_mark_detached, vma_refcnt.c:vma_detach_stragglers
    fn mark_detached(&self, sw: Switch) -> Option<()> {
        if self.refcnt.fetch_sub(1, sw.order("detach-acq-rel", AcqRel)) == 1 {
            return Some(());
        }
        let mut count = self.refcnt.load(Relaxed);
        while count != 0 {
            match self
                .refcnt
                .compare_exchange(count, count + FLAG, Acquire, Relaxed)
            {
                Ok(_) => break,
                Err(seen) => count = seen,
            }
        }
        if count != 0 {
            self.wait_readers(sw, FLAG)?;
            self.refcnt.fetch_sub(FLAG, AcqRel);
        }
        loom::sync::atomic::fence(Acquire);
        Some(())
    }
}

fn writer(s: &Shared, sw: Switch) -> Option<()> {
    /* mm 1: mprotect */
    s.seq[0].begin(sw, 0);
    s.start_write(sw, 1)?;
    s.flags.set(1);
    s.seq[0].end(sw, 0);
    /* munmap */
    s.seq[0].begin(sw, 2);
    s.start_write(sw, 3)?;
    s.flags.set(3);
    s.mark_detached(sw)?;
    s.seq[0].end(sw, 2);
    /* freed; taken again for mm 2: vma.c:vma_init, merge.c:vma_link */
    s.seq[1].begin(sw, 0);
    s.stamp.store(STAMP_FIRST, Relaxed);
    s.vm_mm.store(2, Relaxed);
    s.flags.set(5);
    s.start_write(sw, 1)?;
    s.refcnt.store(1, sw.order("attach-release", Release));
    s.seq[1].end(sw, 0);
    Some(())
}

fn lock_body(sw: Switch) {
    let s = Arc::new(Shared {
        seq: [Seqcount(AtomicU32::new(0)), Seqcount(AtomicU32::new(0))],
        refcnt: AtomicU32::new(1),
        stamp: AtomicU32::new(STAMP_FIRST),
        vm_mm: AtomicU32::new(1),
        flags: Plain::new(0),
    });
    let r = Arc::clone(&s);
    let reader = thread::spawn(move || {
        if r.read_trylock(sw) {
            let flags = r.flags.get();
            assert!(
                flags <= 1,
                "the reader has a VMA that is not the one it looked for"
            );
            r.put(sw);
        }
    });
    let done = writer(&s, sw);
    reader.join().unwrap();
    if done.is_some() {
        let count = s.refcnt.load(Relaxed);
        assert!(count == 1, "vm_refcnt ends as {count:#x}");
    }
}

pub const KERNEL_WAIT: Model = Model {
    name: "refcount-wait",
    mirrors: "vma_refcnt.c: vma_wait_readers; in the kernel: __vma_start_exclude_readers",
    cases: 1,
    bound: None,
    body: wait_body,
    variants: &[
        found("wait-acquire", "VMA-7: the kernel's relaxed load"),
        found("put-release", "VMA-7, reader"),
    ],
};

/// A reader inside sets a word of the VMA's (as a fault sets anon_vma) and leaves; the writer waits
/// for it and reads the word. Loads alone: stores follow by control dependency on real machines.
fn wait_body(sw: Switch) {
    let refcnt = Arc::new(AtomicU32::new(2 + FLAG));
    let anon_vma = Arc::new(AtomicU32::new(0));
    let (r, a) = (Arc::clone(&refcnt), Arc::clone(&anon_vma));
    let reader = thread::spawn(move || {
        a.store(1, Relaxed);
        r.fetch_sub(1, sw.order("put-release", Release));
    });
    if refcnt.load(sw.order("wait-acquire", Acquire)) == FLAG + 1 {
        assert!(
            anon_vma.load(Relaxed) == 1,
            "the writer misses what the reader that left has set"
        );
    }
    reader.join().unwrap();
}

pub const WAKE: Model = Model {
    name: "refcount-wake",
    mirrors: "vma_refcnt.c: vma_wait_readers against vma_wake_writer; model_refcount.h: \
              vma_refcount_put",
    cases: 1,
    bound: None,
    body: wake_body,
    variants: &[
        found("waiter-fence", "VMA-8, waiter"),
        found("waker-fence", "VMA-8, waker"),
        found("word-moves", "VMA-8: the word moves before the wake"),
        found("word-first", "VMA-8: word before the test"),
        found("says-it-waits", "VMA-8: hint before the test"),
        found("wakes", "wake on FLAG and FLAG+1 (readers_unlimited)"),
        Variant {
            name: "word-acquire",
            letter: "VMA-8, waiter's word",
            expect: Expect::Redundant("the full fence follows it"),
        },
        Variant {
            name: "put-release",
            letter: "VMA-7",
            expect: Expect::Redundant("nothing but the wake-up is looked at in this model"),
        },
    ],
};

/// A writer waits until its two readers have left; it must not sleep for ever.
fn wake_body(sw: Switch) {
    let s = Arc::new((AtomicU32::new(3 + FLAG), AtomicU32::new(0), Futex::new()));
    let readers = [0, 1].map(|_| {
        let s = Arc::clone(&s);
        thread::spawn(move || {
            let (refcnt, waits, futex) = &*s;
            let count = refcnt.fetch_sub(1, sw.order("put-release", Release)) - 1;
            if count & FLAG == 0 || count > FLAG + 1 || !sw.keeps("wakes") {
                return;
            }
            sw.fence("waker-fence", SeqCst);
            if waits.load(Relaxed) == 0 {
                return;
            }
            if sw.keeps("word-moves") {
                futex.word.fetch_add(1, AcqRel);
            }
            futex.wake();
        })
    });
    let (refcnt, waits, futex) = &*s;
    loop {
        let mut seq = futex.word.load(sw.order("word-acquire", Acquire));
        if sw.keeps("says-it-waits") {
            waits.store(1, Relaxed);
        }
        sw.fence("waiter-fence", SeqCst);
        if refcnt.load(Acquire) == FLAG + 1 {
            break;
        }
        if !sw.keeps("says-it-waits") {
            waits.store(1, Relaxed);
        }
        if !sw.keeps("word-first") {
            seq = futex.word.load(Acquire);
        }
        futex.wait(seq);
    }
    waits.store(0, Relaxed);
    for reader in readers {
        reader.join().unwrap();
    }
}
