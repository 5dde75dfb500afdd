// SPDX-License-Identifier: Apache-2.0
//! Parts that several models use, each a mirror of a C function. Where the C code waits, a model
//! tries a few times and then ends the execution: what matters for the orderings is the try that
//! succeeds.

use loom::cell::UnsafeCell;
use loom::sync::atomic::{fence, AtomicU32, Ordering};
use loom::sync::{Condvar, Mutex};
use loom::thread::yield_now;
use Ordering::{Acquire, Relaxed, Release, SeqCst};

use crate::Switch;

/// The first stamp of a life: even, as no writer's number is (vma.h: VMA_STAMP_FIRST).
pub const STAMP_FIRST: u32 = u32::MAX - 1;

pub const WRITER: u32 = 1;
pub const WAITERS: u32 = 2;
pub const READER: u32 = 0x100;
const TRIES: u32 = 2;

/// Memory that is read and written without atomics; loom reports every race on it.
pub struct Plain(UnsafeCell<u32>);

impl Plain {
    pub fn new(value: u32) -> Plain {
        Plain(UnsafeCell::new(value))
    }
    pub fn get(&self) -> u32 {
        // SAFETY: loom checks that no write is concurrent.
        self.0.with(|p| unsafe { *p })
    }
    pub fn set(&self, value: u32) {
        // SAFETY: loom checks that no other access is concurrent.
        self.0.with_mut(|p| unsafe { *p = value });
    }
}
// SAFETY: loom checks the accesses.
unsafe impl Sync for Plain {}

/// Tries until it succeeds, a few times; None: the execution is of no interest.
pub fn tries<T>(mut attempt: impl FnMut() -> Option<T>) -> Option<T> {
    for turn in 0..TRIES {
        if let Some(value) = attempt() {
            return Some(value);
        }
        if turn + 1 < TRIES {
            yield_now();
        }
    }
    None
}

/// rw_semaphore without its waits (rwsem.h, rwsem.c).
pub struct Rwsem {
    pub count: AtomicU32,
}

impl Rwsem {
    pub fn new() -> Rwsem {
        Rwsem {
            count: AtomicU32::new(0),
        }
    }

    /// rwsem.h:down_read_trylock
    pub fn down_read_trylock(&self, sw: Switch) -> bool {
        let mut count = 0;
        loop {
            match self.count.compare_exchange(
                count,
                count + READER,
                sw.order("read-acquire", Acquire),
                Relaxed,
            ) {
                Ok(_) => return true,
                Err(seen) if seen & (WRITER | WAITERS) != 0 => return false,
                Err(seen) => count = seen,
            }
        }
    }

    /// rwsem.h:up_read
    pub fn up_read(&self, sw: Switch) {
        self.count
            .fetch_sub(READER, sw.order("read-release", Release));
    }

    /// rwsem.c:try_write, repeated instead of waiting
    pub fn down_write(&self, sw: Switch) -> Option<()> {
        tries(|| {
            self.count
                .compare_exchange(0, WRITER, sw.order("write-acquire", Acquire), Relaxed)
                .ok()
                .map(|_| ())
        })
    }

    /// rwsem.c:up_write
    pub fn up_write(&self, sw: Switch) {
        self.count
            .fetch_sub(WRITER, sw.order("write-release", Release));
    }

    /// rwsem.c:downgrade_write
    pub fn downgrade_write(&self, sw: Switch) {
        self.count
            .fetch_add(READER - WRITER, sw.order("downgrade-release", Release));
    }
}

impl Default for Rwsem {
    fn default() -> Self {
        Rwsem::new()
    }
}

/// seqcount.h: odd while mmap_lock is held for writing. Its one writer has mmap_lock.
pub struct Seqcount(pub AtomicU32);

impl Seqcount {
    /// seqcount.h:write_seqcount_begin
    pub fn begin(&self, sw: Switch, seq: u32) {
        self.0.store(seq + 1, sw.order("begin-release", Release));
        sw.fence("begin-fence", Release);
    }
    /// seqcount.h:write_seqcount_end
    pub fn end(&self, sw: Switch, seq: u32) {
        self.0.store(seq + 2, sw.order("end-release", Release));
    }
    /// seqcount.h:read_seqcount
    pub fn read(&self, sw: Switch) -> u32 {
        self.0.load(sw.order("seq-acquire", Acquire))
    }
}

/// A futex word: the kernel compares it under the lock of its wait queue, and wakes under it.
pub struct Futex {
    pub word: AtomicU32,
    queue: Mutex<u32>, /* wakes so far */
    wake: Condvar,
}

impl Futex {
    pub fn new() -> Futex {
        Futex {
            word: AtomicU32::new(0),
            queue: Mutex::new(0),
            wake: Condvar::new(),
        }
    }

    /// futex.c:futex_wait without its deadline: a lost wake-up is a deadlock, which loom reports.
    pub fn wait(&self, expected: u32) {
        let mut wakes = self.queue.lock().unwrap();
        if self.word.load(Relaxed) != expected {
            return;
        }
        let before = *wakes;
        while *wakes == before {
            wakes = self.wake.wait(wakes).unwrap();
        }
    }

    /// futex.c:futex_wake
    pub fn wake(&self) {
        *self.queue.lock().unwrap() += 1;
        self.wake.notify_all();
    }
}

impl Default for Futex {
    fn default() -> Self {
        Futex::new()
    }
}

/// How the scanner makes a reader's word visible (membarrier.c:readers_barrier).
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// readers run a fence of their own
    Fenced,
    /// membarrier: a fence is run at some instruction boundary of the reader, while the call lasts
    Membarrier,
}

/// rcu.c and rcu.h with one reader's slot.
pub struct Rcu {
    flavour: Flavour,
    pub gp_ctr: AtomicU32,
    pub slot: AtomicU32,
    pub completed: AtomicU32,
    /// at which of its instruction boundaries the reader runs the fence of each membarrier call
    boundary: [usize; 2],
    calls: Mutex<Calls>,
    turn: Condvar,
}

#[derive(Default)]
struct Calls {
    begun: usize,
    fenced: usize,
}

/// Instruction boundaries of the reader in rcu.rs.
pub const BOUNDARIES: usize = 6;
/// The cases of two membarrier calls: every pair of boundaries, in order.
pub const MEMBARRIER_CASES: usize = BOUNDARIES * (BOUNDARIES + 1) / 2;

/// The same of a reader with two sections.
pub const TWO_SECTIONS_CASES: usize = BOUNDARIES * (2 * BOUNDARIES + 1);

/// Where the reader runs the fences of two calls, in a case of that many.
pub fn boundaries(mut case: usize, sections: usize) -> [usize; 2] {
    for first in 0..sections * BOUNDARIES {
        let rest = sections * BOUNDARIES - first;
        if case < rest {
            return [first, first + case];
        }
        case -= rest;
    }
    unreachable!("no such case")
}

impl Rcu {
    pub fn new(flavour: Flavour, boundary: [usize; 2]) -> Rcu {
        Rcu {
            flavour,
            gp_ctr: AtomicU32::new(1),
            slot: AtomicU32::new(0),
            completed: AtomicU32::new(0),
            boundary,
            calls: Mutex::new(Calls::default()),
            turn: Condvar::new(),
        }
    }

    /// An instruction boundary of the reader: the fences that this case has here. The call has begun
    /// before them and ends after them.
    pub fn interrupt(&self, sw: Switch, at: usize) {
        if self.flavour == Flavour::Fenced || !sw.keeps("membarrier") {
            return;
        }
        for call in 0..2 {
            if self.boundary[call] != at {
                continue;
            }
            let mut calls = self.calls.lock().unwrap();
            while calls.begun <= call {
                calls = self.turn.wait(calls).unwrap();
            }
            fence(SeqCst);
            calls.fenced = call + 1;
            self.turn.notify_all();
        }
    }

    /// rcu.h:rcu_read_lock
    pub fn read_lock(&self, sw: Switch) {
        self.read_lock_of(sw, 0);
    }

    /// The same in the reader's section of that number.
    pub fn read_lock_of(&self, sw: Switch, section: usize) {
        let word = self.gp_ctr.load(sw.order("reader-acquire", Acquire));
        self.interrupt(sw, section * BOUNDARIES + 1);
        self.slot.store(word, Relaxed);
        if self.flavour == Flavour::Fenced {
            sw.fence("reader-fence", SeqCst);
        }
        self.interrupt(sw, section * BOUNDARIES + 2);
    }

    /// rcu.h:rcu_mark; by the word of the section instead, it comes before the section is shown
    pub fn mark(&self, sw: Switch) -> u32 {
        if sw.keeps("mark-late") {
            self.gp_ctr.load(sw.order("mark-acquire", Acquire))
        } else {
            self.slot.load(Relaxed)
        }
    }

    /// rcu.h:rcu_read_unlock
    pub fn read_unlock(&self, sw: Switch) {
        self.read_unlock_of(sw, 0);
    }

    pub fn read_unlock_of(&self, sw: Switch, section: usize) {
        self.slot.store(0, sw.order("unlock-release", Release));
        self.interrupt(sw, section * BOUNDARIES + 5);
    }

    /// membarrier.c:readers_barrier
    fn readers_barrier(&self, sw: Switch) {
        if self.flavour == Flavour::Fenced {
            sw.fence("scan-fence", SeqCst);
            return;
        }
        if !sw.keeps("membarrier") {
            return;
        }
        fence(SeqCst);
        let mut calls = self.calls.lock().unwrap();
        calls.begun += 1;
        self.turn.notify_all();
        while calls.fenced != calls.begun {
            calls = self.turn.wait(calls).unwrap();
        }
        drop(calls);
        fence(SeqCst);
    }

    /// rcu.c:rcu_advance_locked up to the new number; a scanner may be killed after it
    pub fn advance_begin(&self, sw: Switch) -> u32 {
        let now = self.gp_ctr.load(Acquire) + 1;
        sw.fence("advance-fence", SeqCst);
        self.gp_ctr.store(now, sw.order("advance-release", Release));
        now
    }

    /// rcu.c:rcu_advance_locked; the caller is the only scanner.
    pub fn advance(&self, sw: Switch) {
        let now = self.advance_begin(sw);
        self.readers_barrier(sw);
        let word = self.slot.load(sw.order("scan-acquire", Acquire));
        let oldest = if word != 0 && word < now { word } else { now };
        if oldest - 1 > self.completed.load(Relaxed) {
            self.completed
                .store(oldest - 1, sw.order("completed-release", Release));
        }
    }

    /// rcu.c:new_tag
    pub fn new_tag(&self, sw: Switch) -> u32 {
        sw.fence("tag-fence", SeqCst);
        self.gp_ctr.load(Relaxed) + 1
    }

    /// rcu.c:completed_tag
    pub fn is_complete(&self, sw: Switch, tag: u32) -> bool {
        !sw.keeps("grace-period")
            || self.completed.load(sw.order("completed-acquire", Acquire)) >= tag
    }
}
