// SPDX-License-Identifier: Apache-2.0

//! Steps that send blocks.

use vmalab_client::{Batch, BlockBuilder, Results};

use crate::expected::{Answer, Failure};
use crate::names_gen::record;
use crate::reading::{Given, Step};
use crate::steps::{Done, Running};

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<char> = hex.chars().collect();
    let byte = |pair: &[char]| {
        let text: String = pair.iter().collect();
        u8::from_str_radix(&text, 16).expect("a block is hexadecimal")
    };
    digits.chunks(2).map(byte).collect()
}

fn collected(results: &Results) -> Answer {
    Answer { results: results.iter().collect(), ..Answer::default() }
}

impl Running {
    pub async fn do_block(&self, step: &Step) -> Done {
        let block = match step.name() {
            "block" => self.builder(step)?,
            "raw_block" => BlockBuilder::new(),
            _ => return Ok(None),
        };
        let raw = match step.get("hex") {
            Some(_) => bytes(&step.text("hex", "")),
            None => block.bytes().to_vec(),
        };
        let client = self.client(step).await?;
        let answer = match step.text("via", "apply").as_str() {
            "apply" if step.has("hex") => collected(&client.apply_bytes(raw).await?),
            "apply" => collected(&client.apply(&block).await?),
            "failed" => {
                let mut batch = client.batch(0)?;
                batch.send_bytes(raw, true)?;
                let failed = batch.receive_failed().await?;
                let (executed, places) = (failed.executed, failed.places);
                Answer { executed, places, ..collected(&failed.results) }
            }
            _ => {
                let times = step.get("times").map_or(1, |one| self.number(one));
                streamed(client.batch(0)?, &raw, times).await?
            }
        };
        Ok(Some(answer))
    }

    fn builder(&self, step: &Step) -> Result<BlockBuilder, Failure> {
        let mut builder = BlockBuilder::new();
        builder.set_pkru(step.get("pkru").map(|one| self.number(one) as u32));
        let variables = self.variables();
        let repeat = step.get("repeat").map_or(1, |one| self.number(one));
        let stride = self.value(step, "stride");
        for time in 0..repeat {
            for one in step.list("records") {
                let map = one.as_object().expect("a record is a table");
                let given = Given { map, variables: &variables, moved: time * stride };
                let mut name = given.text("op");
                if name == "FAULT" && map.contains_key("word") {
                    name = "FAULT_STORE".to_owned();
                }
                if !record(&mut builder, &name, &given) {
                    return Err(Failure::Mismatch(format!("there is no record {name}")));
                }
            }
        }
        match builder.error() {
            Some(error) => Err(error.clone().into()),
            None => Ok(builder),
        }
    }
}

/// Sends a block several times, with the window kept full.
async fn streamed(mut batch: Batch, raw: &[u8], times: u64) -> Result<Answer, Failure> {
    let mut results = Results::default();
    let mut sent = 0;
    while sent < times || batch.outstanding() > 0 {
        if sent < times && !batch.is_full() {
            batch.send_bytes(raw.to_vec(), false)?;
            sent += 1;
        } else {
            results = batch.receive().await?;
        }
    }
    Ok(collected(&results))
}
