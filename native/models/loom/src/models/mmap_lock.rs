// SPDX-License-Identifier: Apache-2.0
//! model_mmap_lock.h: no lock per VMA. A fault holds mmap_lock for reading; the writer changes the
//! VMA, frees it and uses the object again under mmap_lock alone, then downgrades and zaps pages.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use Ordering::Relaxed;

use crate::parts::{Plain, Rwsem, Seqcount};
use crate::{Expect, Model, Switch, Variant};

pub const MODEL: Model = Model {
    name: "mmap-lock",
    mirrors: "mm.c: mmap_read_trylock, mmap_write_lock, mmap_write_downgrade, mmap_read_unlock; \
              op_munmap.c: do_munmap; rwsem.h, rwsem.c",
    cases: 1,
    bound: None,
    body,
    variants: &[
        Variant {
            name: "read-acquire",
            letter: "RWSEM-1, reader",
            expect: Expect::Found,
        },
        Variant {
            name: "read-release",
            letter: "RWSEM-2, reader",
            expect: Expect::Found,
        },
        Variant {
            name: "write-acquire",
            letter: "RWSEM-1 and 2, writer",
            expect: Expect::Found,
        },
        Variant {
            name: "downgrade-release",
            letter: "RWSEM-1, downgrade",
            expect: Expect::Found,
        },
        Variant {
            name: "takes-mmap-lock",
            letter: "the fault's mmap_lock",
            expect: Expect::Found,
        },
        Variant {
            name: "begin-release",
            letter: "SEQ-3",
            expect: Expect::Redundant("nobody reads the sequence in this model of the lock"),
        },
        Variant {
            name: "begin-fence",
            letter: "SEQ-1",
            expect: Expect::Redundant("nobody reads the sequence in this model of the lock"),
        },
        Variant {
            name: "end-release",
            letter: "SEQ-2, VMA-1",
            expect: Expect::Redundant("nobody reads the sequence in this model of the lock"),
        },
    ],
};

struct Mm {
    mmap_lock: Rwsem,
    seq: Seqcount,
    slot: AtomicU32, /* the tree's entry */
    vma: Plain,
}

fn body(sw: Switch) {
    let s = Arc::new(Mm {
        mmap_lock: Rwsem::new(),
        seq: Seqcount(AtomicU32::new(0)),
        slot: AtomicU32::new(1),
        vma: Plain::new(1),
    });
    let faults = [0, 1].map(|_| {
        let s = Arc::clone(&s);
        thread::spawn(move || {
            let locks = sw.keeps("takes-mmap-lock");
            if locks && !s.mmap_lock.down_read_trylock(sw) {
                return;
            }
            if s.slot.load(Relaxed) == 1 {
                assert!(s.vma.get() == 1, "a VMA that was unmapped");
            }
            if locks {
                s.mmap_lock.up_read(sw);
            }
        })
    });
    if s.mmap_lock.down_write(sw).is_some() {
        s.seq.begin(sw, 0);
        s.slot.store(0, Relaxed);
        s.vma.set(2); /* freed and used again at once */
        s.seq.end(sw, 0);
        s.mmap_lock.downgrade_write(sw);
        s.mmap_lock.up_read(sw);
    }
    for fault in faults {
        fault.join().unwrap();
    }
}
