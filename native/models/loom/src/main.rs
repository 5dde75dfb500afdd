// SPDX-License-Identifier: Apache-2.0
//! vmalab-loom list            one line of JSON for each model and variant
//! vmalab-loom run MODEL NAME  runs one of them (NAME is `intact` or a variant) and prints its line
//!
//! Exit code: 0 as expected, 1 not, 2 bad usage.

use std::process::ExitCode;

use vmalab_loom::{models, run, Expect, Model};

fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            c if (c as u32) < 32 => out.push(' '),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

fn expectation(model: &Model, name: &str) -> Option<(&'static str, &'static str, &'static str)> {
    if name == "intact" {
        return Some(("pass", "", ""));
    }
    let variant = model.variants.iter().find(|v| v.name == name)?;
    Some(match variant.expect {
        Expect::Found => ("found", variant.letter, ""),
        Expect::Redundant(why) => ("redundant", variant.letter, why),
        Expect::Beyond(why) => ("beyond", variant.letter, why),
    })
}

fn line(model: &Model, name: &str, rest: &str) {
    let (expect, letter, why) = expectation(model, name).unwrap_or(("", "", ""));
    println!(
        "{{\"model\":{},\"variant\":{},\"mirrors\":{},\"letter\":{},\"expect\":{},\"why\":{}{}}}",
        quoted(model.name),
        quoted(name),
        quoted(model.mirrors),
        quoted(letter),
        quoted(expect),
        quoted(why),
        rest
    );
}

fn run_one(model: &Model, name: &str) -> ExitCode {
    let Some((expect, _, _)) = expectation(model, name) else {
        eprintln!(
            "model {} has no variant {name}; `vmalab-loom list` names them",
            model.name
        );
        return ExitCode::from(2);
    };
    std::panic::set_hook(Box::new(|_| {}));
    let outcome = run(model, Box::leak(name.to_string().into_boxed_str()));
    let broken = outcome.broken.as_deref();
    line(
        model,
        name,
        &format!(
            ",\"executions\":{},\"bound\":{},\"seconds\":{:.3},\"broken\":{}",
            outcome.executions,
            model.bound.map_or("null".to_string(), |b| b.to_string()),
            outcome.time.as_secs_f64(),
            broken.map_or("null".to_string(), quoted)
        ),
    );
    ExitCode::from(u8::from((expect == "found") != broken.is_some()))
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["list"] => {
            for model in models::ALL {
                line(model, "intact", "");
                for variant in model.variants {
                    line(model, variant.name, "");
                }
            }
            ExitCode::SUCCESS
        }
        ["run", model, name] => match models::ALL.iter().find(|m| m.name == model) {
            Some(model) => run_one(model, name),
            None => {
                eprintln!("no model {model}; `vmalab-loom list` names them");
                ExitCode::from(2)
            }
        },
        _ => {
            eprintln!("usage: vmalab-loom list | run MODEL VARIANT");
            ExitCode::from(2)
        }
    }
}
