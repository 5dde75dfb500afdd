// SPDX-License-Identifier: Apache-2.0
//! seqcount.h: SEQ-1 and SEQ-2. A writer changes two words; a speculative reader that is not told to
//! throw them away must have both from before or both from after, as its number says.

use std::sync::Arc;

use loom::sync::atomic::{fence, AtomicU32, Ordering};
use loom::thread;
use Ordering::{Acquire, Relaxed};

use crate::parts::Seqcount;
use crate::{Expect, Model, Switch, Variant};

pub const MODEL: Model = Model {
    name: "seqcount",
    mirrors: "seqcount.h: write_seqcount_begin, write_seqcount_end, read_seqcount_try_begin, \
              read_seqcount_retry",
    cases: 1,
    bound: None,
    body,
    variants: &[
        Variant {
            name: "begin-fence",
            letter: "SEQ-1, writer",
            expect: Expect::Found,
        },
        Variant {
            name: "retry-fence",
            letter: "SEQ-1, reader",
            expect: Expect::Found,
        },
        Variant {
            name: "end-release",
            letter: "SEQ-2, writer",
            expect: Expect::Found,
        },
        Variant {
            name: "seq-acquire",
            letter: "SEQ-2, reader",
            expect: Expect::Found,
        },
        Variant {
            name: "begin-release",
            letter: "SEQ-3",
            expect: Expect::Redundant(
                "a speculative reader throws away what it read under an odd number",
            ),
        },
        Variant {
            name: "parity",
            letter: "check of the first look",
            expect: Expect::Found,
        },
        Variant {
            name: "second-look",
            letter: "check of the second look",
            expect: Expect::Found,
        },
    ],
};

struct Shared {
    seq: Seqcount,
    data: [AtomicU32; 2],
}

fn body(sw: Switch) {
    let s = Arc::new(Shared {
        seq: Seqcount(AtomicU32::new(0)),
        data: [AtomicU32::new(0), AtomicU32::new(0)],
    });
    let w = Arc::clone(&s);
    let writer = thread::spawn(move || {
        w.seq.begin(sw, 0);
        w.data[0].store(2, Relaxed);
        w.data[1].store(2, Relaxed);
        w.seq.end(sw, 0);
    });
    /* read_seqcount_try_begin */
    let seq = s.seq.read(sw);
    if seq & 1 == 0 || !sw.keeps("parity") {
        let a = s.data[0].load(Relaxed);
        let b = s.data[1].load(Relaxed);
        /* read_seqcount_retry */
        if sw.keeps("retry-fence") {
            fence(Acquire);
        }
        if s.seq.0.load(Relaxed) == seq || !sw.keeps("second-look") {
            assert!(a == b, "a torn pair {a} {b} under number {seq}");
            assert!(a == seq, "number {seq} with the pair {a}");
        }
    }
    writer.join().unwrap();
}
