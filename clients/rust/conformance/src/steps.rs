// SPDX-License-Identifier: Apache-2.0

//! A case under way: its clients, address spaces, variables and tasks, and what its steps do.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use serde_json::Value as Json;
use tokio::task::JoinHandle;
use vmalab_client::constants::{Access, Falloc, Madv, Query, EBADF};
use vmalab_client::proto::{ProcessSetup, ReleasePointRequest, SetMutantsRequest};
use vmalab_client::{AddressSpace, Client, Error, FileOptions, SpaceOptions};

use crate::expected::{judge, judge_block, judge_failure, Answer, Failure, Judgement};
use crate::names_gen::call;
use crate::reading::{number, shown, Field, Fields, Given, Step, Table, Value, Variables};
use crate::waiting::Patience;

/// What does not come in so long never comes.
pub const PATIENCE: Duration = Duration::from_secs(600);

/// What a step gives; nothing: another group of steps has it.
pub type Done = Result<Option<Answer>, Failure>;

#[derive(Clone)]
struct Space {
    client: String,
    handle: Arc<AddressSpace>,
}

pub struct Running {
    pub profile: Json,
    pub name: String,
    pub clients: Mutex<HashMap<String, Client>>,
    spaces: Mutex<HashMap<String, Space>>,
    /// Every handle, until the end of the case: dropping one that made an address space ends it.
    kept: Mutex<Vec<Arc<AddressSpace>>>,
    variables: Mutex<Variables>,
    pub tasks: Mutex<HashMap<String, JoinHandle<Result<Answer, Failure>>>>,
}

pub fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}

impl Running {
    pub fn new(profile: &Json, name: &str) -> Running {
        Running {
            profile: profile.clone(),
            name: name.to_owned(),
            clients: Mutex::default(),
            spaces: Mutex::default(),
            kept: Mutex::default(),
            variables: Mutex::default(),
            tasks: Mutex::default(),
        }
    }

    /// Ends what the case has made. Address spaces end as a program's do: they are dropped.
    pub async fn end(&self) {
        let tasks = std::mem::take(&mut *locked(&self.tasks));
        for (_, task) in tasks {
            task.abort();
            let _ = task.await;
        }
        let clients = std::mem::take(&mut *locked(&self.clients));
        if let (Some(client), "lab") = (clients.get("c"), self.name.as_str()) {
            let all = ReleasePointRequest { point: String::new(), disarm: true };
            let _ = client.lab().release_point(all).await;
            let _ = client.lab().set_mutants(SetMutantsRequest::default()).await;
        }
        locked(&self.spaces).clear();
        locked(&self.kept).clear();
        for client in clients.values() {
            client.close().await;
        }
    }

    pub fn variables(&self) -> Variables {
        locked(&self.variables).clone()
    }

    pub fn number(&self, given: &Json) -> u64 {
        number(given, &locked(&self.variables))
    }

    /// A number of a step; a missing one is 0.
    pub fn value(&self, step: &Step, key: &str) -> u64 {
        step.get(key).map_or(0, |one| self.number(one))
    }

    /// Does a step, and judges what it gives.
    pub async fn step(self: Arc<Self>, step: Step) -> Judgement {
        let joins = matches!(step.name(), "join" | "cancel");
        if let (Some(name), false) = (step.get("task"), joins) {
            let (running, begun) = (self.clone(), step.clone());
            let task = tokio::spawn(async move { running.perform(&begun).await });
            locked(&self.tasks).insert(shown(name), task);
            return Ok(());
        }
        let begin = Instant::now();
        let mut done = self.perform(&step).await;
        while step.is("patient", true) && begin.elapsed() < PATIENCE {
            match &done {
                Err(Failure::Error(error)) if error.is_unavailable() => {}
                _ => break,
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            done = self.perform(&step).await;
        }
        let answer = match done {
            Ok(answer) => answer,
            Err(Failure::Mismatch(text)) => return Err(text),
            Err(failure) => return judge_failure(&step, &failure, &self.variables()),
        };
        let mut variables = self.variables();
        judge(&step, &answer, &variables)?;
        if matches!(step.name(), "block" | "raw_block") {
            judge_block(&step, &answer, &mut variables)?;
        }
        if let Some(name) = step.get("as") {
            let value = match step.get("field") {
                Some(field) => answer.fields[&shown(field)].number(),
                None => answer.value,
            };
            variables.insert(shown(name), value);
        }
        locked(&self.variables).extend(variables);
        Ok(())
    }

    /// Does a step: a call of an address space by its name, all else by hand.
    async fn perform(&self, step: &Step) -> Result<Answer, Failure> {
        if let Some(space) = self.find_space(step) {
            let variables = self.variables();
            let map = step.table_of_all();
            let given = Given { map, variables: &variables, moved: 0 };
            if let Some(answer) = call(&space, step.name(), &given).await {
                return Ok(match answer? {
                    Value::Nothing => Answer::default(),
                    Value::Number(value) => Answer::value(value),
                    Value::Bytes(bytes) => {
                        let digit = |byte: &u8| if byte & 1 == 1 { '1' } else { '0' };
                        Answer::text(bytes.iter().map(digit).collect::<String>())
                    }
                });
            }
        }
        let found = match self.do_connection(step).await? {
            Some(answer) => Some(answer),
            None => self.do_more(step).await?,
        };
        found.ok_or_else(|| {
            Failure::Mismatch(format!("this client does not know the step {}", step.name()))
        })
    }

    async fn do_more(&self, step: &Step) -> Done {
        for group in 0..6 {
            let done = match group {
                0 => self.do_space(step).await?,
                1 => self.do_file(step).await?,
                2 => self.do_wait(step).await?,
                3 => self.do_inspection(step).await?,
                4 => self.do_lab(step).await?,
                _ => self.do_block(step).await?,
            };
            if done.is_some() {
                return Ok(done);
            }
        }
        Ok(None)
    }

    /// The client of a step, which is connected if there is none yet.
    pub async fn client(&self, step: &Step) -> Result<Client, Failure> {
        let name = self.client_name(step);
        let found = locked(&self.clients).get(&name).cloned();
        match found {
            Some(client) => Ok(client),
            None => self.connect(&Step::new(serde_json::json!({ "as": name }))).await,
        }
    }

    fn client_name(&self, step: &Step) -> String {
        match locked(&self.spaces).get(&step.text("mm", "")) {
            Some(space) if step.name() != "use" => space.client.clone(),
            _ => step.text("client", "c"),
        }
    }

    fn find_space(&self, step: &Step) -> Option<Arc<AddressSpace>> {
        let spaces = locked(&self.spaces);
        spaces.get(&step.text("mm", "")).map(|space| space.handle.clone())
    }

    pub fn space(&self, step: &Step) -> Arc<AddressSpace> {
        let name = step.text("mm", "a");
        self.find_space(step).unwrap_or_else(|| panic!("there is no address space {name}"))
    }

    fn keep(&self, step: &Step, made: AddressSpace) -> Option<Answer> {
        let (client, handle) = (self.client_name(step), Arc::new(made));
        let number = handle.number();
        locked(&self.kept).push(handle.clone());
        locked(&self.spaces).insert(step.text("as", ""), Space { client, handle });
        Some(Answer::value(number))
    }

    fn space_options(&self, step: &Step) -> SpaceOptions {
        let ttl = Duration::from_millis(self.value(step, "ttl_ms"));
        SpaceOptions {
            mmap_base: self.value(step, "mmap_base"),
            start_brk: self.value(step, "start_brk"),
            brk: self.value(step, "brk"),
            maps: step.text("maps", ""),
            ttl: (!ttl.is_zero()).then_some(ttl),
            no_lease: step.is("hold", false),
            setup: step.table("setup").map(|setup| {
                let given = |key: &str| setup.get(key).map(|one| self.number(one));
                let lacks = |key: &str| given(key).is_some_and(|one| one != 0);
                ProcessSetup {
                    as_limit_bytes: given("as_limit_bytes"),
                    data_limit_bytes: given("data_limit_bytes"),
                    memlock_limit_bytes: given("memlock_limit_bytes"),
                    stack_limit_bytes: given("stack_limit_bytes").unwrap_or(0),
                    lacks_ipc_lock: lacks("lacks_ipc_lock"),
                    lacks_sys_rawio: lacks("lacks_sys_rawio"),
                    lacks_sys_admin: lacks("lacks_sys_admin"),
                    lacks_anon_names: lacks("lacks_anon_names"),
                    overcommit: given("overcommit").map(|one| one as u32),
                    commit_limit_pages: given("commit_limit_pages").unwrap_or(0),
                    protection_keys: given("protection_keys").map(|one| one != 0),
                }
            }),
        }
    }

    async fn do_space(&self, step: &Step) -> Done {
        let answer = match step.name() {
            "create" => {
                let client = self.client(step).await?;
                let made = client.new_address_space(self.space_options(step)).await?;
                return Ok(self.keep(step, made));
            }
            "use" => {
                let client = self.client(step).await?;
                let mm = self.value(step, "mm");
                let handle = match step.is("hold", false) {
                    true => client.use_without_lease(mm),
                    false => client.use_address_space(mm),
                };
                return Ok(self.keep(step, handle));
            }
            "fork" => return Ok(self.keep(step, self.space(step).fork().await?)),
            "exec" => {
                let shared = self.value(step, "shared") != 0;
                let made = self.space(step).exec(self.space_options(step), shared).await?;
                return Ok(self.keep(step, made));
            }
            "exit" => {
                self.space(step).exit().await?;
                Answer::default()
            }
            "end" => {
                let ended = self.space(step);
                locked(&self.kept).retain(|one| !Arc::ptr_eq(one, &ended));
                locked(&self.spaces).remove(&step.text("mm", "a"));
                Answer::default() // and with it the last handle is dropped
            }
            "detach" => Answer::value(self.space(step).detach()),
            "share" => {
                self.space(step).share().await?;
                Answer::default()
            }
            "fault" => {
                let access = Access(self.value(step, "access") as u32);
                let word = step.get("word").map(|one| self.number(one));
                let addr = self.value(step, "addr");
                let got = self.space(step).fault(addr, access, word).await?;
                let info = Field::Number(got.info.into());
                Answer {
                    fields: Table::from([("info".to_owned(), info)]),
                    ..Answer::value(got.word)
                }
            }
            "process_madvise" => {
                let variables = self.variables();
                let map = step.table_of_all();
                let ranges = Given { map, variables: &variables, moved: 0 }.ranges("ranges");
                let advice = Madv(self.value(step, "advice") as u32);
                let remote = self.value(step, "remote") != 0;
                Answer::value(self.space(step).process_madvise(&ranges, advice, remote).await?)
            }
            "maps" => Answer::text(self.space(step).maps().await?),
            "query_vma" => {
                let flags = Query(self.value(step, "flags") as u32);
                let vma = self.space(step).query_vma(self.value(step, "addr"), flags).await?;
                Answer::fields(vma.fields())
            }
            _ => return Ok(None),
        };
        Ok(Some(answer))
    }

    async fn do_file(&self, step: &Step) -> Done {
        let known = "open_file close_file share_file truncate_file allocate_file keep_alive \
                     wait_closed";
        if !known.split(' ').any(|name| name == step.name()) {
            return Ok(None);
        }
        let client = self.client(step).await?;
        let value = |key: &str| self.value(step, key);
        match step.name() {
            "open_file" => {
                let options = FileOptions {
                    dev_major: value("dev_major") as u32,
                    dev_minor: value("dev_minor") as u32,
                    ino: value("ino"),
                    size_bytes: value("size_bytes"),
                    name: step.text("name", ""),
                    ttl: Some(Duration::from_millis(value("ttl_ms"))).filter(|ttl| !ttl.is_zero()),
                    no_lease: step.is("hold", false),
                };
                return Ok(Some(Answer::value(client.open_file(options).await?)));
            }
            "close_file" => client.close_file(value("file")).await?,
            "wait_closed" => {
                let patience = Patience::new("the end of the file");
                let closed = |error: Error| error.errno() == Some(EBADF);
                while !client.truncate_file(value("file"), 0).await.is_err_and(closed) {
                    patience.wait().await?;
                }
            }
            "share_file" => client.share_file(value("file")).await?,
            "truncate_file" => client.truncate_file(value("file"), value("size_bytes")).await?,
            "allocate_file" => {
                let mode = Falloc(value("mode") as u32);
                let (offset, length) = (value("offset"), value("length"));
                client.allocate_file(value("file"), mode, offset, length).await?;
            }
            _ => {
                let mms: Vec<u64> = step.list("mms").iter().map(|one| self.number(one)).collect();
                let ttl = Duration::from_millis(value("ttl_ms"));
                let values = client.keep_alive(Some(ttl), &mms).await?;
                return Ok(Some(Answer { values, ..Answer::default() }));
            }
        }
        Ok(Some(Answer::default()))
    }
}
