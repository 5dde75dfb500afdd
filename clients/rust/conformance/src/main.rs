// SPDX-License-Identifier: Apache-2.0

//! Runs the conformance cases with the Rust client, and prints TAP.
//!
//! usage: conformance ORDERS
//!
//! clients/conformance/runner.py starts it. The names of steps and expectations are those of
//! clients/conformance/README.md.

#![forbid(unsafe_code)]

mod blocks;
mod connecting;
mod expected;
#[rustfmt::skip]
#[allow(clippy::all)]
mod fields_gen;
mod inspection;
#[rustfmt::skip]
#[allow(clippy::all)]
mod names_gen;
mod reading;
mod steps;
mod waiting;

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::Value as Json;

use crate::reading::Step;
use crate::steps::Running;

#[tokio::main]
async fn main() -> ExitCode {
    let path = std::env::args().nth(1).expect("usage: conformance ORDERS");
    let text = std::fs::read_to_string(&path).expect("the orders can be read");
    let orders: Json = serde_json::from_str(&text).expect("the orders are JSON");
    let cases = orders["cases"].as_array().expect("there are cases");
    let mut failed = false;
    println!("1..{}", cases.len());
    for (number, case) in (1..).zip(cases) {
        let name = case["name"].as_str().expect("a case has a name");
        let profile = case["profile"].as_str().expect("a case has a profile");
        let running = Arc::new(Running::new(&orders["profiles"][profile], profile));
        match run(running, case["steps"].as_array().expect("a case has steps")).await {
            None => println!("ok {number} - {name}"),
            Some(text) => {
                failed = true;
                let words: Vec<&str> = text.split_whitespace().collect();
                println!("not ok {number} - {name}\n# {name}: {}", words.join(" "));
            }
        }
    }
    ExitCode::from(u8::from(failed))
}

/// What went wrong in a case.
async fn run(running: Arc<Running>, steps: &[Json]) -> Option<String> {
    let mut wrong = None;
    for (number, step) in (1..).zip(steps) {
        let step = Step::new(step.clone());
        let (task, name) = (running.clone(), step.name().to_owned());
        // A task of its own, because a step that cannot be read panics.
        let done = tokio::spawn(async move { task.step(step).await }).await;
        let text = match done {
            Ok(Ok(())) => continue,
            Ok(Err(text)) => text,
            Err(error) => error.to_string(),
        };
        wrong = Some(format!("step {number} ({name}): {text}"));
        break;
    }
    running.end().await;
    wrong
}
