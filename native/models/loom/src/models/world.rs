// SPDX-License-Identifier: Apache-2.0
//! world.c, participant.h: entering the core against stopping the world (STOP-1 to STOP-3), with
//! readers that run fences of their own; membarrier's side is modelled in rcu.rs.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU32, Ordering};
use loom::thread;
use Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

use crate::parts::Plain;
use crate::{Expect, Model, Switch, Variant};

const fn found(name: &'static str, letter: &'static str) -> Variant {
    Variant {
        name,
        letter,
        expect: Expect::Found,
    }
}

pub const STOP: Model = Model {
    name: "world-stop",
    mirrors: "participant.h: core_enter, core_exit; world.c: world_stop, wait_out, world_start",
    cases: 1,
    bound: None,
    body,
    variants: &[
        found("enter-fence", "STOP-1, who enters"),
        found("stop-fence", "STOP-1, who stops"),
        found("exit-release", "STOP-2, who leaves"),
        found("out-acquire", "STOP-2, who stops"),
        found("start-release", "STOP-3, who repaired"),
        found("enter-acquire", "STOP-3, who enters"),
        found("look", "check of the stop word"),
    ],
};

fn body(sw: Switch) {
    let s = Arc::new((AtomicU32::new(0), AtomicU32::new(0), Plain::new(0)));
    let e = Arc::clone(&s);
    let enters = thread::spawn(move || {
        let (stop, in_core, data) = &*e;
        for _ in 0..2 {
            in_core.store(1, Relaxed);
            sw.fence("enter-fence", SeqCst);
            if stop.load(sw.order("enter-acquire", Acquire)) == 0 || !sw.keeps("look") {
                data.set(data.get() + 1);
            }
            in_core.store(0, sw.order("exit-release", Release));
        }
    });
    let (stop, in_core, data) = &*s;
    let _ = stop.compare_exchange(0, 1, AcqRel, Relaxed);
    sw.fence("stop-fence", SeqCst);
    if in_core.load(sw.order("out-acquire", Acquire)) == 0 {
        data.set(data.get() + 1); /* the repair */
    }
    let _ = stop.compare_exchange(1, 0, sw.order("start-release", Release), Relaxed);
    enters.join().unwrap();
}
