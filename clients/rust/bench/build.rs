// SPDX-License-Identifier: Apache-2.0

//! Gives the program the version of the compiler, which is a part of what it prints.

use std::process::Command;

fn main() {
    let compiler = std::env::var("RUSTC").expect("cargo names the compiler");
    let said = Command::new(compiler).arg("--version").output().expect("the compiler runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    let version = said.split(' ').nth(1).expect("rustc VERSION (...)");
    println!("cargo::rustc-env=COMPILER_VERSION={version}");
}
