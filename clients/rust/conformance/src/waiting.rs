// SPDX-License-Identifier: Apache-2.0

//! Steps that wait, and tasks.

use std::time::{Duration, Instant};

use vmalab_client::{AddressSpace, Batch, BlockBuilder, Error, SpaceOptions};

use crate::expected::{judge, judge_fields, Answer, Failure};
use crate::inspection::rows;
use crate::reading::{Fields, Step};
use crate::steps::{locked, Done, Running, PATIENCE};

fn mismatched(text: impl Into<String>) -> Failure {
    Failure::Mismatch(text.into())
}

/// Bounds a loop that asks again and again whether something is there.
pub struct Patience {
    what: String,
    begin: Instant,
}

impl Patience {
    pub fn new(what: impl Into<String>) -> Patience {
        Patience { what: what.into(), begin: Instant::now() }
    }

    /// Waits a little; fails when it has been too long.
    pub async fn wait(&self) -> Result<(), Failure> {
        if self.begin.elapsed() > PATIENCE {
            return Err(mismatched(format!("{} did not come", self.what)));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
        Ok(())
    }
}

impl Running {
    pub async fn do_wait(&self, step: &Step) -> Done {
        let answer = match step.name() {
            "wait_lease" => {
                let (client, mm) = (self.client(step).await?, self.space(step).number());
                match tokio::time::timeout(PATIENCE, client.wait_lease(mm)).await {
                    Ok(Ok(())) => Answer::default(),
                    Ok(Err(error @ Error::Closed)) => return Err(error.into()),
                    other => {
                        return Err(mismatched(format!("the lease was not confirmed: {other:?}")))
                    }
                }
            }
            "wait_lost" => self.wait_lost(step).await?,
            "wait_gone" => self.wait_gone(step).await?,
            "wait_field" => self.wait_field(step).await?,
            "wait_locks" => self.wait_locks(step).await?,
            "join" => {
                let task = locked(&self.tasks).remove(&step.text("task", ""));
                let mut task = task.ok_or_else(|| mismatched("there is no such task"))?;
                match tokio::time::timeout(PATIENCE, &mut task).await {
                    Ok(Ok(done)) => done?,
                    Ok(Err(error)) if error.is_cancelled() => return Err(Failure::Cancelled),
                    Ok(Err(error)) => return Err(mismatched(error.to_string())),
                    Err(_) => return Err(mismatched("the task does not end")),
                }
            }
            "cancel" => {
                locked(&self.tasks)[&step.text("task", "")].abort();
                Answer::default()
            }
            "sleep" => {
                tokio::time::sleep(Duration::from_millis(self.value(step, "ms"))).await;
                Answer::default()
            }
            "until_refused" => self.until_refused(step).await?,
            _ => return Ok(None),
        };
        Ok(Some(answer))
    }

    async fn wait_lost(&self, step: &Step) -> Result<Answer, Failure> {
        let (client, mm) = (self.client(step).await?, self.space(step).number());
        let patience = Patience::new("the loss of the lease");
        while !client.lost().contains(&mm) {
            patience.wait().await?;
        }
        Ok(Answer::default())
    }

    async fn wait_gone(&self, step: &Step) -> Result<Answer, Failure> {
        let space = self.space(step);
        let patience = Patience::new("the end of the address space");
        loop {
            if space.maps().await.is_err_and(|error| error.is_no_such_address_space()) {
                return Ok(Answer::default());
            }
            patience.wait().await?;
        }
    }

    async fn wait_field(&self, step: &Step) -> Result<Answer, Failure> {
        let patience = Patience::new(step.text("fields", ""));
        loop {
            if let Ok(found) = self.address_space(step).await {
                if judge_fields(step, &found.fields, &self.variables()).is_ok() {
                    return Ok(found);
                }
            }
            patience.wait().await?;
        }
    }

    async fn wait_locks(&self, step: &Step) -> Result<Answer, Failure> {
        let client = self.client(step).await?;
        let patience = Patience::new("the locks");
        loop {
            if let Ok(found) = client.inspect().list_locks().await {
                let answer = rows(&found.locks, "state");
                if judge(step, &answer, &self.variables()).is_ok() {
                    return Ok(answer);
                }
            }
            patience.wait().await?;
        }
    }

    /// Makes address spaces or streams until one is refused, which is the failure of the step.
    async fn until_refused(&self, step: &Step) -> Result<Answer, Failure> {
        let client = self.client(step).await?;
        let mut spaces: Vec<AddressSpace> = Vec::new();
        let mut batches: Vec<Batch> = Vec::new();
        let mut nop = BlockBuilder::new();
        nop.nop();
        for count in 0..10_000 {
            let refused = if step.text("what", "") == "create" {
                let options = SpaceOptions { no_lease: true, ..SpaceOptions::default() };
                client.new_address_space(options).await.map(|one| spaces.push(one)).err()
            } else {
                let mut batch = client.batch(0)?;
                batch.send(&nop)?;
                batch.receive().await.map(|_| batches.push(batch)).err()
            };
            match refused {
                None => {}
                Some(error) if count < self.value(step, "at_least") => {
                    return Err(mismatched(format!("it was refused after {count}: {error}")));
                }
                Some(error) => return Err(error.into()),
            }
        }
        Err(mismatched("it was never refused"))
    }

    pub async fn address_space(&self, step: &Step) -> Result<Answer, Failure> {
        let client = self.client(step).await?;
        let number = self.space(step).number();
        let all = client.inspect().list_address_spaces().await?.address_spaces;
        match all.iter().find(|one| one.mm == number) {
            Some(found) => Ok(Answer::fields(found.fields())),
            None => Err(mismatched(format!("address space {number} is not listed"))),
        }
    }
}
