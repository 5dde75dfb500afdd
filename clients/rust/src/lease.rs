// SPDX-License-Identifier: Apache-2.0

//! The leases of a client: one Hold stream, opened with the first of them.
//!
//! When it ends (the worker was killed, the server stopped) another is opened with all of them, at
//! whatever worker answers; the server keeps what they are on for its grace time meanwhile.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::channel::{locked, Channel};
use crate::constants::reason;
use crate::errors::{service, Error};
use crate::proto::{HoldRequest, HoldResponse};
use crate::stubs;

const RETRY_FIRST: Duration = Duration::from_millis(20);
const RETRY_MAX: Duration = Duration::from_millis(500);

/// What a client has leases on.
#[derive(Debug)]
pub(crate) struct Leases {
    channel: Channel,
    runtime: Handle,
    shared: Arc<Shared>,
    /// The task that keeps the stream, from the first lease on.
    keeper: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    /// Says that there was an answer, or that the client is closed.
    heard: watch::Sender<()>,
}

#[derive(Debug, Default)]
struct State {
    mms: HashMap<u64, Lease>,
    files: HashSet<u64>,
    lost: Vec<u64>,
    closed: bool,
    /// What goes into the stream that is open.
    stream: Option<mpsc::UnboundedSender<HoldRequest>>,
}

#[derive(Debug, Default)]
struct Lease {
    /// How many handles of this client are on it.
    handles: usize,
    /// Whether the server has confirmed it.
    confirmed: bool,
}

impl State {
    fn say(&self, request: HoldRequest) {
        if let Some(stream) = &self.stream {
            // A stream that has ended is opened again, with all leases.
            let _ = stream.send(request);
        }
    }

    /// The stream has ended: the server confirms what goes on in the next one.
    fn lose_stream(&mut self) {
        self.stream = None;
        for lease in self.mms.values_mut() {
            lease.confirmed = false;
        }
    }

    /// Forgets a lease, and ends it at the server.
    fn forget(&mut self, mm: u64) {
        if self.mms.remove(&mm).is_some() {
            self.say(HoldRequest { drop: vec![mm], ..Default::default() });
        }
    }
}

impl Leases {
    pub(crate) fn new(channel: Channel) -> Leases {
        Leases {
            channel,
            runtime: Handle::current(),
            shared: Arc::new(Shared { state: Mutex::default(), heard: watch::Sender::new(()) }),
            keeper: Mutex::new(None),
        }
    }

    /// One more handle on an address space.
    pub(crate) fn add(&self, mm: u64) {
        let mut state = locked(&self.shared.state);
        if state.closed {
            return;
        }
        let lease = state.mms.entry(mm).or_default();
        lease.handles += 1;
        if lease.handles == 1 {
            state.say(HoldRequest { add: vec![mm], ..Default::default() });
        }
        drop(state);
        self.start();
    }

    /// One handle less; the lease ends with the last one.
    pub(crate) fn release(&self, mm: u64) {
        let mut state = locked(&self.shared.state);
        if let Some(lease) = state.mms.get_mut(&mm) {
            lease.handles -= 1;
            if lease.handles == 0 {
                state.forget(mm);
            }
        }
    }

    /// Ends the lease on an address space, however many handles there are.
    pub(crate) fn forget(&self, mm: u64) {
        locked(&self.shared.state).forget(mm);
    }

    pub(crate) fn add_file(&self, file: u64) {
        let mut state = locked(&self.shared.state);
        if state.closed {
            return;
        }
        if state.files.insert(file) {
            state.say(HoldRequest { add_files: vec![file], ..Default::default() });
        }
        drop(state);
        self.start();
    }

    pub(crate) fn lost(&self) -> Vec<u64> {
        locked(&self.shared.state).lost.clone()
    }

    /// Comes back when the lease is confirmed, or when there is none.
    pub(crate) async fn wait(&self, mm: u64) -> Result<(), Error> {
        let mut heard = self.shared.heard.subscribe();
        loop {
            heard.borrow_and_update();
            {
                let state = locked(&self.shared.state);
                if state.closed {
                    return Err(Error::Closed);
                }
                match state.mms.get(&mm) {
                    Some(lease) if lease.confirmed => return Ok(()),
                    Some(_) => {}
                    None => return Err(none(mm)),
                }
            }
            if heard.changed().await.is_err() {
                return Err(Error::Closed);
            }
        }
    }

    fn start(&self) {
        let mut keeper = locked(&self.keeper);
        let closed = locked(&self.shared.state).closed;
        if keeper.is_none() && !closed {
            let kept = keep(self.shared.clone(), self.channel.clone());
            *keeper = Some(self.runtime.spawn(kept));
        }
    }

    pub(crate) async fn close(&self) {
        {
            let mut state = locked(&self.shared.state);
            state.closed = true;
            state.stream = None;
        }
        self.shared.heard.send_replace(());
        let keeper = locked(&self.keeper).take();
        if let Some(keeper) = keeper {
            keeper.abort();
            let _ = keeper.await;
        }
    }
}

impl Drop for Leases {
    fn drop(&mut self) {
        if let Some(keeper) = locked(&self.keeper).take() {
            keeper.abort();
        }
    }
}

/// The error of who waits for a lease that is not there.
fn none(mm: u64) -> Error {
    let mut error = service(tonic::Code::NotFound, format!("there is no lease on {mm}"));
    if let Error::Service(inner) = &mut error {
        inner.reason = reason::NO_SUCH_MM.to_owned();
    }
    error
}

/// Keeps a stream open until the task is aborted.
async fn keep(shared: Arc<Shared>, channel: Channel) {
    let mut wait = RETRY_FIRST;
    loop {
        if once(&shared, channel.clone()).await {
            wait = RETRY_FIRST;
        }
        locked(&shared.state).lose_stream();
        tokio::time::sleep(wait).await;
        wait = (2 * wait).min(RETRY_MAX);
    }
}

/// Opens a stream with all leases, and serves it until it ends; whether there was an answer.
async fn once(shared: &Shared, channel: Channel) -> bool {
    let (stream, requests) = mpsc::unbounded_channel();
    {
        let mut state = locked(&shared.state);
        let add = state.mms.keys().copied().collect();
        let add_files = state.files.iter().copied().collect();
        let first = HoldRequest { add, add_files, ..Default::default() };
        let _ = stream.send(first);
        state.stream = Some(stream);
    }
    let opened = stubs::memory(channel).hold(UnboundedReceiverStream::new(requests)).await;
    let Ok(opened) = opened else {
        return false;
    };
    let mut answers = opened.into_inner();
    let mut answered = false;
    while let Ok(Some(answer)) = answers.message().await {
        answered = true;
        hear(shared, answer);
    }
    answered
}

fn hear(shared: &Shared, answer: HoldResponse) {
    let mut state = locked(&shared.state);
    for mm in answer.missing {
        if state.mms.remove(&mm).is_some() {
            state.lost.push(mm);
        }
    }
    for file in answer.missing_files {
        state.files.remove(&file);
    }
    // Answers come in the order of the requests: when the server counts as many as are wanted, it
    // has all of them.
    if answer.held_count as usize >= state.mms.len() {
        for lease in state.mms.values_mut() {
            lease.confirmed = true;
        }
    }
    drop(state);
    shared.heard.send_replace(());
}
