// SPDX-License-Identifier: Apache-2.0
//! Models of the native core's orderings, checked by loom: every interleaving, and every value
//! that C11 lets a load return, as far as loom knows C11 (docs/models-checked.md says how far).
//!
//! A model mirrors C functions step by step and names them (`file:function`). Each ordering and each
//! check in it asks a [`Switch`] under a name of its own; a [`Variant`] turns one of them off. The
//! intact model must pass, each variant must fail, and every name that the code asks for must be in
//! the table: so no ordering of a model goes untested.

use std::collections::BTreeSet;
use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::atomic::{AtomicU64, Ordering as StdOrdering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use loom::sync::atomic::Ordering;

pub mod models;
pub mod parts;

/// What becomes of a model when one ordering or check is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// Loom finds an execution that breaks the model.
    Found,
    /// Something else in the code orders it too: the reason. Loom must pass.
    Redundant(&'static str),
    /// Loom cannot show it: the reason, and where it is shown instead. Loom must pass.
    Beyond(&'static str),
}

#[derive(Clone, Copy, Debug)]
pub struct Variant {
    pub name: &'static str,
    /// the letter of the C sources that it weakens, or the check that it removes
    pub letter: &'static str,
    pub expect: Expect,
}

#[derive(Clone, Copy)]
pub struct Model {
    pub name: &'static str,
    pub mirrors: &'static str,
    pub variants: &'static [Variant],
    /// How many cases there are, one after the other; `Switch::case` says which.
    pub cases: usize,
    /// Most involuntary switches of one execution; None: no bound.
    pub bound: Option<usize>,
    pub body: fn(Switch),
}

/// A variant is a set of switches, separated by `+`, that are off; `intact` has none.
#[derive(Clone, Copy)]
pub struct Switch {
    off: &'static str,
    /// which case of the model
    pub case: usize,
}

static ASKED: Mutex<BTreeSet<&'static str>> = Mutex::new(BTreeSet::new());

impl Switch {
    /// True unless this run has taken `name` away.
    pub fn keeps(self, name: &'static str) -> bool {
        ASKED.lock().unwrap_or_else(|e| e.into_inner()).insert(name);
        !self.off.split('+').any(|off| off == name)
    }

    /// The order of an access: `strong`, or relaxed when this run has taken `name` away.
    pub fn order(self, name: &'static str, strong: Ordering) -> Ordering {
        if self.keeps(name) {
            strong
        } else {
            Ordering::Relaxed
        }
    }

    /// A fence, or none when this run has taken `name` away.
    pub fn fence(self, name: &'static str, order: Ordering) {
        if self.keeps(name) {
            loom::sync::atomic::fence(order);
        }
    }
}

pub struct Outcome {
    pub executions: u64,
    pub time: Duration,
    /// None: no execution breaks the model.
    pub broken: Option<String>,
    /// the switches that the model asked for
    pub asked: BTreeSet<&'static str>,
}

fn message(cause: Box<dyn std::any::Any + Send>) -> String {
    cause
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| cause.downcast_ref::<&str>().map(|s| (*s).to_string()))
        .unwrap_or_else(|| "panic without a text".to_string())
}

fn builder(bound: Option<usize>) -> loom::model::Builder {
    let mut builder = loom::model::Builder::new();
    builder.max_branches = 10_000;
    builder.preemption_bound = bound;
    builder
}

/// Runs all executions of a model, with the named switches off.
pub fn run(model: &Model, variant: &'static str) -> Outcome {
    let count = Arc::new(AtomicU64::new(0));
    let (body, bound) = (model.body, model.bound);
    ASKED.lock().unwrap_or_else(|e| e.into_inner()).clear();
    let begin = Instant::now();
    let mut broken = None;
    for case in 0..model.cases {
        let counter = Arc::clone(&count);
        let result = catch_unwind(AssertUnwindSafe(move || {
            builder(bound).check(move || {
                counter.fetch_add(1, StdOrdering::Relaxed);
                body(Switch { off: variant, case });
            });
        }));
        if let Err(cause) = result {
            broken = Some(message(cause));
            break;
        }
    }
    Outcome {
        executions: count.load(StdOrdering::Relaxed),
        time: begin.elapsed(),
        broken,
        asked: ASKED.lock().unwrap_or_else(|e| e.into_inner()).clone(),
    }
}
