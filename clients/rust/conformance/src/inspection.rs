// SPDX-License-Identifier: Apache-2.0

//! Steps of InspectService, of health, and of LabService.

use vmalab_client::proto;

use crate::expected::Answer;
use crate::reading::{Field, Fields, Step, Table};
use crate::steps::{Done, Running};

/// The answer of a list: the first one's fields, and one field of each as its name.
pub fn rows<T: Fields>(list: &[T], name: &str) -> Answer {
    let mut tables = list.iter().map(Fields::fields);
    let names = tables.clone().map(|table| table[name].shown()).collect();
    let fields = tables.next().unwrap_or_default();
    Answer { count: list.len(), fields, names, ..Answer::default() }
}

fn counters(counters: impl IntoIterator<Item = (String, u64)>) -> Answer {
    let pairs = counters.into_iter().map(|(name, count)| (name, Field::Number(count)));
    Answer::fields(pairs.collect::<Table>())
}

impl Running {
    pub async fn do_inspection(&self, step: &Step) -> Done {
        let known = "server_info workers slabinfo vmstat participants layout fsck health";
        if step.name() == "address_space" {
            return self.address_space(step).await.map(Some);
        }
        if !known.split(' ').any(|name| name == step.name()) {
            return Ok(None);
        }
        let client = self.client(step).await?;
        let inspect = client.inspect();
        Ok(Some(match step.name() {
            "server_info" => Answer::fields(inspect.get_server_info().await?.fields()),
            "workers" => rows(&inspect.list_workers().await?.workers, "state"),
            "slabinfo" => rows(&inspect.get_slabinfo().await?.caches, "name"),
            "vmstat" => counters(inspect.get_vmstat().await?.counters),
            "participants" => rows(&inspect.list_participants().await?.participants, "role"),
            "layout" => rows(&inspect.get_layout().await?.structs, "name"),
            "fsck" => {
                let request = proto::FsckRequest { stop: step.is("stop", true) };
                Answer::names(inspect.fsck(request).await?.problems)
            }
            _ => Answer::text(client.health(&step.text("service", "")).await?),
        }))
    }

    pub async fn do_lab(&self, step: &Step) -> Done {
        let known = "list_points arm_point wait_point release_point set_delays get_coverage \
                     list_mutants set_mutants get_mutants list_scenarios run_scenario";
        if !known.split(' ').any(|name| name == step.name()) {
            return Ok(None);
        }
        let client = self.client(step).await?;
        let lab = client.lab();
        let value = |key: &str| self.value(step, key);
        let point = step.text("point", "");
        Ok(Some(match step.name() {
            "list_points" => rows(&lab.list_points().await?.points, "name"),
            "arm_point" => {
                let (mm, count) = (value("mm"), value("calls") as u32);
                let hold_ms = value("hold_ms") as u32;
                lab.arm_point(proto::ArmPointRequest { point, mm, count, hold_ms }).await?;
                Answer::default()
            }
            "wait_point" => {
                let timeout_ms = value("timeout_ms") as u32;
                let request = proto::WaitPointRequest { point, timeout_ms };
                rows(&lab.wait_point(request).await?.holders, "op")
            }
            "release_point" => {
                let disarm = step.is("disarm", true);
                let request = proto::ReleasePointRequest { point, disarm };
                Answer::value(lab.release_point(request).await?.released.into())
            }
            "set_delays" => {
                let (one_in, us_max) = (value("one_in") as u32, value("us_max") as u32);
                let request = proto::SetDelaysRequest { seed: value("seed"), one_in, us_max };
                lab.set_delays(request).await?;
                Answer::default()
            }
            "get_coverage" => counters(lab.get_coverage().await?.passed),
            "list_mutants" => rows(&lab.list_mutants().await?.mutants, "full_name"),
            "set_mutants" => {
                lab.set_mutants(proto::SetMutantsRequest { names: step.texts("names") }).await?;
                Answer::default()
            }
            "get_mutants" => Answer::names(lab.get_mutants().await?.full_names),
            "list_scenarios" => rows(&lab.list_scenarios().await?.scenarios, "name"),
            _ => {
                let request = proto::RunScenarioRequest {
                    name: step.text("name", ""),
                    mutant: step.text("mutant", ""),
                    strategy: step.text("strategy", ""),
                    schedules: value("schedules"),
                    seed: value("seed"),
                    time_ms: value("time_ms") as u32,
                    ..Default::default()
                };
                Answer::fields(lab.run_scenario(request).await?.fields())
            }
        }))
    }
}
