// SPDX-License-Identifier: Apache-2.0
//! Every model and variant of the table, with loom. Goal: the orderings that the core has are enough,
//! and each is needed. Method: lib.rs. To read a failure: `cargo run --release -- run MODEL VARIANT`
//! prints what loom found; LOOM_LOG=trace LOOM_LOCATION=1 before it, every step that led there.

use vmalab_loom::{models, run, Expect};

#[test]
fn intact_passes_and_each_variant_is_as_its_table_says() {
    std::panic::set_hook(Box::new(|_| {}));
    let mut wrong = Vec::new();
    for model in models::ALL {
        let intact = run(model, "intact");
        if let Some(text) = &intact.broken {
            wrong.push(format!(
                "{}: the intact model is broken: {text}",
                model.name
            ));
        }
        for asked in &intact.asked {
            let listed = |v: &&vmalab_loom::Variant| v.name.split('+').any(|n| n == *asked);
            if !model.variants.iter().any(|v| listed(&v)) {
                wrong.push(format!("{}: no variant takes {asked} away", model.name));
            }
        }
        for variant in model.variants {
            let broken = run(model, variant.name).broken;
            if broken.is_some() != (variant.expect == Expect::Found) {
                wrong.push(format!(
                    "{} {}: {:?}, {broken:?}",
                    model.name, variant.name, variant.expect
                ));
            }
        }
    }
    let _ = std::panic::take_hook();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
