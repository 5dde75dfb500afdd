// SPDX-License-Identifier: Apache-2.0
//! rwsem.h, rwsem.c: what the lock protects (RWSEM-1, RWSEM-2), and no lost wake-up (RWSEM-3).

use std::sync::Arc;

use loom::sync::atomic::{fence, AtomicU32, Ordering};
use loom::thread;
use Ordering::{AcqRel, Acquire, Relaxed, Release};

use crate::parts::{Futex, Plain, Rwsem, READER, WAITERS, WRITER};
use crate::{Expect, Model, Switch, Variant};

pub const LOCK: Model = Model {
    name: "rwsem",
    mirrors: "rwsem.h: down_read_trylock, up_read; rwsem.c: try_write, up_write, downgrade_write",
    cases: 1,
    bound: None,
    body: lock_body,
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
            name: "write-release",
            letter: "RWSEM-1, up_write",
            expect: Expect::Found,
        },
        Variant {
            name: "downgrade-release",
            letter: "RWSEM-1, downgrade",
            expect: Expect::Found,
        },
    ],
};

struct Locked {
    sem: Rwsem,
    data: Plain,
}

fn lock_body(sw: Switch) {
    let s = Arc::new(Locked {
        sem: Rwsem::new(),
        data: Plain::new(0),
    });
    let writers = [true, false].map(|downgrades| {
        let s = Arc::clone(&s);
        thread::spawn(move || {
            if s.sem.down_write(sw).is_none() {
                return;
            }
            s.data.set(s.data.get() + 1);
            if downgrades {
                s.sem.downgrade_write(sw);
                s.data.get();
                s.sem.up_read(sw);
            } else {
                s.sem.up_write(sw);
            }
        })
    });
    if s.sem.down_read_trylock(sw) {
        s.data.get();
        s.sem.up_read(sw);
    }
    for writer in writers {
        writer.join().unwrap();
    }
}

const WAKE_VARIANTS: &[Variant] = &[
    Variant {
        name: "hint-first",
        letter: "RWSEM-3: hint before registering",
        expect: Expect::Found,
    },
    Variant {
        name: "word-first",
        letter: "RWSEM-3: word before registering",
        expect: Expect::Found,
    },
    Variant {
        name: "registers",
        letter: "RWSEM-3: WAITERS set by the same RMW",
        expect: Expect::Found,
    },
    Variant {
        name: "word-moves",
        letter: "RWSEM-3: the word moves before the wake",
        expect: Expect::Found,
    },
    Variant {
        name: "register-release",
        letter: "RWSEM-3, waiter",
        expect: Expect::Beyond("in loom a read-modify-write always meets the latest store; rc11"),
    },
    Variant {
        name: "wake-fence",
        letter: "RWSEM-3, waker",
        expect: Expect::Beyond("in loom a read-modify-write always meets the latest store; rc11"),
    },
    Variant {
        name: "word-acquire",
        letter: "RWSEM-3, waiter's word",
        expect: Expect::Redundant("the registering read-modify-write follows the bump's acquire"),
    },
    Variant {
        name: "free-release",
        letter: "RWSEM-1, up_write",
        expect: Expect::Found,
    },
    Variant {
        name: "take-acquire",
        letter: "RWSEM-1, take_or_register",
        expect: Expect::Found,
    },
];

pub const WAKE_WRITER: Model = Model {
    name: "rwsem-wake-writer",
    mirrors:
        "rwsem.c: wait_for, take_or_register, sleep_once against up_write, wake, wake_writer, \
              clear_waiters",
    cases: 1,
    bound: None,
    body: |sw| wake_body(sw, true),
    variants: WAKE_VARIANTS,
};

pub const WAKE_READER: Model = Model {
    name: "rwsem-wake-reader",
    mirrors: "rwsem.c: as rwsem-wake-writer with a waiting reader: wake_readers",
    cases: 1,
    bound: None,
    body: |sw| wake_body(sw, false),
    variants: WAKE_VARIANTS,
};

struct Sem {
    count: AtomicU32,
    hint: AtomicU32, /* readers_waiting or writers_waiting: one waiter, so one of them */
    futex: Futex,    /* wake_readers or wake_writers */
    data: Plain,
}

impl Sem {
    /// rwsem.c:wake_readers, wake_writer
    fn wake_hinted(&self, sw: Switch) -> bool {
        if self.hint.swap(0, AcqRel) == 0 {
            return false;
        }
        if sw.keeps("word-moves") {
            self.futex.word.fetch_add(1, AcqRel);
        }
        self.futex.wake();
        true
    }

    /// rwsem.c:up_write, wake
    fn up_write(&self, sw: Switch) {
        let count = self
            .count
            .fetch_sub(WRITER, sw.order("free-release", Release))
            - WRITER;
        if count & WAITERS == 0 {
            return;
        }
        if sw.keeps("wake-fence") {
            fence(Acquire);
        }
        if !self.wake_hinted(sw) {
            /* clear_waiters */
            self.count.fetch_and(!WAITERS, AcqRel);
            self.wake_hinted(sw);
        }
    }

    /// rwsem.c:take_or_register
    fn take_or_register(&self, sw: Switch, writer: bool, entitled: bool, slept: bool) -> bool {
        let strong = match (sw.keeps("register-release"), sw.keeps("take-acquire")) {
            (true, true) => AcqRel,
            (true, false) => Release,
            (false, true) => Acquire,
            (false, false) => Relaxed,
        };
        let mut count = self.count.load(Relaxed);
        loop {
            let free = if writer {
                count & !WAITERS == 0
            } else {
                count & WRITER == 0 && (entitled || count & WAITERS == 0)
            };
            let next = if !free {
                if sw.keeps("registers") {
                    count | WAITERS
                } else {
                    count
                }
            } else if writer {
                count | WRITER | if slept { WAITERS } else { 0 }
            } else {
                count + READER
            };
            match self.count.compare_exchange(count, next, strong, Relaxed) {
                Ok(_) => return free,
                Err(seen) => count = seen,
            }
        }
    }

    /// rwsem.c:wait_for without spinning and deadlines
    fn wait_for(&self, sw: Switch, writer: bool) {
        let (mut slept, mut entitled) = (false, false);
        loop {
            let mut seq = self.futex.word.load(sw.order("word-acquire", Acquire));
            if sw.keeps("hint-first") {
                self.hint.store(1, Relaxed);
            }
            if self.take_or_register(sw, writer, entitled, slept) {
                break;
            }
            if !sw.keeps("hint-first") {
                self.hint.store(1, Relaxed);
            }
            if !sw.keeps("word-first") {
                seq = self.futex.word.load(Acquire);
            }
            self.futex.wait(seq);
            slept = true;
            if self.futex.word.load(Relaxed) != seq {
                entitled = true;
            }
        }
    }
}

/// One holds the lock for writing and frees it while another waits: the waiter gets it, and sees
/// what was written.
fn wake_body(sw: Switch, writer: bool) {
    let s = Arc::new(Sem {
        count: AtomicU32::new(WRITER),
        hint: AtomicU32::new(0),
        futex: Futex::new(),
        data: Plain::new(0),
    });
    let h = Arc::clone(&s);
    let holder = thread::spawn(move || {
        h.data.set(1);
        h.up_write(sw);
    });
    s.wait_for(sw, writer);
    assert!(
        s.data.get() == 1,
        "the waiter does not see what the holder wrote"
    );
    holder.join().unwrap();
}
