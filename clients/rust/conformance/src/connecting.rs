// SPDX-License-Identifier: Apache-2.0

//! Steps that connect, and those about workers.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;
use vmalab_client::{Client, Options, VERSION};

use crate::expected::{Answer, Failure};
use crate::reading::{shown, Step};
use crate::steps::{locked, Done, Running};
use crate::waiting::Patience;

fn texts(json: &Json) -> Vec<String> {
    json.as_array().map_or_else(Vec::new, |list| list.iter().map(shown).collect())
}

fn read(path: &Json) -> Vec<u8> {
    std::fs::read(shown(path)).expect("a certificate can be read")
}

impl Running {
    pub async fn connect(&self, step: &Step) -> Result<Client, Failure> {
        let given = &self.profile;
        let to = step.text("to", "shared");
        let mut targets = vec![step.text("target", &shown(&given["target"]))];
        let mut discover = !step.is("discover", false);
        match to.as_str() {
            "workers" => targets = texts(&given["workers"]),
            "unix" => targets = texts(&given["unix"]),
            "nobody" => targets = vec!["127.0.0.1:1".to_owned()],
            _ => {
                if let Some(place) = to.strip_prefix("worker ") {
                    let place: usize = place.parse().expect("a worker has a number");
                    targets = vec![texts(&given["workers"])[place].clone()];
                    discover = false;
                }
            }
        }
        let timeout = match step.get("timeout_ms") {
            Some(wanted) => self.number(wanted),
            None => 300_000,
        };
        let token = &given["tokens"][step.text("token", &shown(&given["token"]))];
        let mut options = Options::new().timeout(Duration::from_millis(timeout));
        options = options.token(shown(token));
        if !discover {
            options = options.without_discovery();
        }
        let mut pair = shown(&given["pair"]);
        let mut tls = if given["tls"] == true { "root" } else { "none" }.to_owned();
        if step.has("tls") {
            (tls, pair) = (step.text("tls", ""), "none".to_owned());
        }
        if given["pairs"].get(&tls).is_some() {
            (tls, pair) = ("root".to_owned(), tls);
        }
        if tls != "none" {
            options = options.root_certificates(read(&given["certificates"][&tls]));
        }
        if let Some(files) = given["pairs"].get(&pair) {
            options = options.client_certificate(read(&files[0]), read(&files[1]));
        }
        let client = Client::connect_with(&targets, options).await?;
        locked(&self.clients).insert(step.text("as", ""), client.clone());
        Ok(client)
    }

    pub async fn do_connection(&self, step: &Step) -> Done {
        match step.name() {
            "connect" => {
                self.connect(step).await?;
                Ok(Some(Answer::default()))
            }
            "close" => {
                self.client(step).await?.close().await;
                Ok(Some(Answer::default()))
            }
            "handshake" => self.handshake(step).await.map(Some),
            "distinct_workers" => self.distinct_workers(step).await.map(Some),
            "kill_worker" => self.kill_worker(step).await.map(Some),
            _ => Ok(None),
        }
    }

    async fn handshake(&self, step: &Step) -> Result<Answer, Failure> {
        let warnings = Arc::new(AtomicU64::new(0));
        let counted = warnings.clone();
        let options = Options::new().version(step.text("version", VERSION)).warnings(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
        });
        let client = Client::connect_with(&[shown(&self.profile["target"])], options).await?;
        for _ in 0..2 {
            client.inspect().get_vmstat().await?;
        }
        client.close().await;
        Ok(Answer::value(warnings.load(Ordering::Relaxed)))
    }

    async fn distinct_workers(&self, step: &Step) -> Result<Answer, Failure> {
        let client = self.client(step).await?;
        let wanted = self.value(step, "value");
        let mut seen = HashSet::new();
        let patience = Patience::new("an answer of each worker");
        while (seen.len() as u64) < wanted {
            if let Ok(info) = client.inspect().get_server_info().await {
                seen.insert(info.worker_index);
            }
            patience.wait().await?;
        }
        Ok(Answer::value(seen.len() as u64))
    }

    async fn kill_worker(&self, step: &Step) -> Result<Answer, Failure> {
        println!("# runner: kill {} {}", self.name, self.value(step, "worker"));
        let line = tokio::task::spawn_blocking(|| {
            let mut line = String::new();
            std::io::stdin().read_line(&mut line).map(|_| line)
        });
        match line.await {
            Ok(Ok(line)) if line == "done\n" => Ok(Answer::default()),
            _ => Err(Failure::Mismatch("the runner could not kill a worker".to_owned())),
        }
    }
}
