// SPDX-License-Identifier: Apache-2.0

//! The leases of a client: one Hold stream, opened with the first of them.
//!
//! When it ends (the worker was killed, the server stopped) another is opened with all of them, at
//! whatever worker answers; the server keeps what they are on for its grace time meanwhile.
//!
//! Each request of a stream has one answer, in order. A lease is confirmed by the answer to the
//! request that names it, and no longer than that stream lasts.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::Status;

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
    files: HashMap<u64, Lease>,
    lost: Vec<u64>,
    closed: bool,
    /// Requests of this stream.
    said: u64,
    /// Answers to them.
    heard: u64,
    /// What goes into the stream that is open.
    stream: Option<mpsc::UnboundedSender<HoldRequest>>,
}

#[derive(Debug)]
struct Lease {
    /// How many handles of this client are on it, or how often this client has the file open.
    users: usize,
    /// Which request of the stream names it.
    request: u64,
}

impl State {
    fn say(&mut self, request: HoldRequest) {
        if let Some(stream) = &self.stream {
            self.said += 1;
            // A stream that has ended is opened again, with all leases.
            let _ = stream.send(request);
        }
    }

    /// One more handle on an address space.
    fn add(&mut self, mm: u64) {
        let fresh = Lease { users: 0, request: self.said + 1 };
        let lease = self.mms.entry(mm).or_insert(fresh);
        lease.users += 1;
        if lease.users == 1 {
            self.say(HoldRequest { add: vec![mm], ..Default::default() });
        }
    }

    /// One handle less; the lease ends with the last one.
    fn release(&mut self, mm: u64) {
        if let Some(lease) = self.mms.get_mut(&mm) {
            lease.users -= 1;
            if lease.users == 0 {
                self.forget(mm);
            }
        }
    }

    /// Forgets a lease, and ends it at the server.
    fn forget(&mut self, mm: u64) {
        if self.mms.remove(&mm).is_some() {
            self.say(HoldRequest { drop: vec![mm], ..Default::default() });
        }
    }

    /// A file was opened once more.
    fn add_file(&mut self, file: u64) {
        let fresh = Lease { users: 0, request: self.said + 1 };
        let lease = self.files.entry(file).or_insert(fresh);
        lease.users += 1;
        if lease.users == 1 {
            self.say(HoldRequest { add_files: vec![file], ..Default::default() });
        }
    }

    /// A file was closed once; the lease ends with the last open.
    fn drop_file(&mut self, file: u64) {
        if let Some(lease) = self.files.get_mut(&file) {
            lease.users -= 1;
            if lease.users == 0 {
                self.files.remove(&file);
                self.say(HoldRequest { drop_files: vec![file], ..Default::default() });
            }
        }
    }

    fn is_confirmed(&self, lease: &Lease) -> bool {
        lease.request <= self.heard
    }

    /// A new stream, which begins with all leases.
    fn begin(&mut self, stream: mpsc::UnboundedSender<HoldRequest>) {
        let add = self.mms.keys().copied().collect();
        let add_files = self.files.keys().copied().collect();
        self.stream = Some(stream);
        self.say(HoldRequest { add, add_files, ..Default::default() });
    }

    /// The stream has ended: the server confirms what goes on in the next one, whose first request
    /// names all.
    fn end(&mut self) {
        self.stream = None;
        (self.said, self.heard) = (0, 0);
        for lease in self.mms.values_mut().chain(self.files.values_mut()) {
            lease.request = 1;
        }
    }

    fn hear(&mut self, answer: HoldResponse) {
        self.heard += 1;
        // One that was opened again meanwhile is in a request that has no answer yet.
        for mm in answer.missing {
            if self.mms.get(&mm).is_some_and(|lease| self.is_confirmed(lease)) {
                self.mms.remove(&mm);
                self.lost.push(mm);
            }
        }
        for file in answer.missing_files {
            if self.files.get(&file).is_some_and(|lease| self.is_confirmed(lease)) {
                self.files.remove(&file);
            }
        }
    }

    /// Whether the stream has ended because a lease was refused, which is lost then.
    fn is_refused(&mut self, status: Status) -> bool {
        let Error::Service(error) = Error::from(status) else { return false };
        if error.reason != reason::NOT_OWNER {
            return false;
        }
        let number = |name: &str| error.metadata.get(name).and_then(|text| text.parse().ok());
        if let Some(mm) = number("mm") {
            if self.mms.remove(&mm).is_some() {
                self.lost.push(mm);
                return true;
            }
        }
        number("file").is_some_and(|file| self.files.remove(&file).is_some())
    }
}

/// How a stream has ended.
enum End {
    /// There was an answer.
    Answered,
    Unanswered,
    /// A lease was refused, and the next stream is without it.
    Refused,
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
        self.change(|state| state.add(mm));
    }

    /// One more open of a file.
    pub(crate) fn add_file(&self, file: u64) {
        self.change(|state| state.add_file(file));
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = locked(&self.shared.state);
        if state.closed {
            return;
        }
        change(&mut state);
        drop(state);
        self.start();
    }

    /// One handle less; the lease ends with the last one.
    pub(crate) fn release(&self, mm: u64) {
        locked(&self.shared.state).release(mm);
        self.shared.heard.send_replace(());
    }

    /// Ends the lease on an address space, however many handles there are.
    pub(crate) fn forget(&self, mm: u64) {
        locked(&self.shared.state).forget(mm);
        self.shared.heard.send_replace(());
    }

    /// One open of a file less; the lease ends with the last one.
    pub(crate) fn drop_file(&self, file: u64) {
        locked(&self.shared.state).drop_file(file);
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
                    Some(lease) if state.is_confirmed(lease) => return Ok(()),
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
        match once(&shared, channel.clone()).await {
            End::Refused => continue,
            End::Answered => wait = RETRY_FIRST,
            End::Unanswered => {}
        }
        tokio::time::sleep(wait).await;
        wait = (2 * wait).min(RETRY_MAX);
    }
}

/// Opens a stream with all leases, and serves it until it ends.
async fn once(shared: &Shared, channel: Channel) -> End {
    let (stream, requests) = mpsc::unbounded_channel();
    locked(&shared.state).begin(stream);
    let (answered, status) = serve(shared, channel, requests).await;
    let mut state = locked(&shared.state);
    state.end();
    let refused = status.is_some_and(|status| state.is_refused(status));
    drop(state);
    shared.heard.send_replace(());
    match (refused, answered) {
        (true, _) => End::Refused,
        (false, true) => End::Answered,
        (false, false) => End::Unanswered,
    }
}

/// Hears the answers of a stream: whether there was one, and with what error it has ended.
async fn serve(
    shared: &Shared,
    channel: Channel,
    requests: mpsc::UnboundedReceiver<HoldRequest>,
) -> (bool, Option<Status>) {
    let opened = stubs::memory(channel).hold(UnboundedReceiverStream::new(requests)).await;
    let mut answers = match opened {
        Ok(opened) => opened.into_inner(),
        Err(status) => return (false, Some(status)),
    };
    let mut answered = false;
    loop {
        match answers.message().await {
            Ok(Some(answer)) => {
                answered = true;
                locked(&shared.state).hear(answer);
                shared.heard.send_replace(());
            }
            Ok(None) => return (answered, None),
            Err(status) => return (answered, Some(status)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tonic::Code;
    use tonic_types::{ErrorDetails, StatusExt};

    fn begun(state: &mut State) -> mpsc::UnboundedReceiver<HoldRequest> {
        let (stream, requests) = mpsc::unbounded_channel();
        state.begin(stream);
        requests
    }

    fn confirmed(state: &State, mm: u64) -> bool {
        state.mms.get(&mm).is_some_and(|lease| state.is_confirmed(lease))
    }

    fn held(count: u32) -> HoldResponse {
        HoldResponse { held_count: count, ..Default::default() }
    }

    #[test]
    fn the_answer_to_its_request_confirms_a_lease() {
        let mut state = State::default();
        state.add(1);
        let _requests = begun(&mut state);
        state.add(2);
        state.release(1);
        state.add(3);
        state.hear(held(1));
        state.hear(held(2)); // as many as are wanted now, but others
        assert!(confirmed(&state, 2) && !confirmed(&state, 3));
        state.hear(held(1));
        assert!(!confirmed(&state, 3));
        state.hear(held(2));
        assert!(confirmed(&state, 3));
    }

    #[test]
    fn a_lease_ends_with_the_last_handle_that_has_it() {
        let mut state = State::default();
        let mut requests = begun(&mut state);
        requests.try_recv().unwrap();
        state.add(1);
        state.add(1);
        assert_eq!(requests.try_recv().unwrap().add, [1]);
        state.release(1);
        assert!(requests.try_recv().is_err() && state.mms.contains_key(&1));
        state.release(1);
        assert_eq!(requests.try_recv().unwrap().drop, [1]);
        state.release(1); // of a handle whose lease was lost
    }

    #[test]
    fn the_end_of_the_stream_ends_what_it_has_confirmed() {
        let mut state = State::default();
        state.add(1);
        let _requests = begun(&mut state);
        state.hear(held(1));
        assert!(confirmed(&state, 1));
        state.end();
        state.add(2);
        assert!(!confirmed(&state, 1) && !confirmed(&state, 2));
        let mut requests = begun(&mut state);
        assert_eq!(requests.try_recv().unwrap().add.len(), 2);
        assert!(!confirmed(&state, 1));
        state.hear(held(2));
        assert!(confirmed(&state, 1) && confirmed(&state, 2));
    }

    #[test]
    fn a_lease_that_is_refused_is_lost() {
        let mut state = State::default();
        state.add(1);
        state.add(7);
        let refused = || {
            let metadata = HashMap::from([("mm".to_owned(), "7".to_owned())]);
            let details = ErrorDetails::with_error_info(reason::NOT_OWNER, "vmalab", metadata);
            Status::with_error_details(Code::PermissionDenied, "no", details)
        };
        assert!(state.is_refused(refused()));
        assert!(!state.is_refused(refused()), "it is not there any more");
        assert!(!state.is_refused(Status::unavailable("")));
        assert_eq!((state.lost.as_slice(), state.mms.len()), ([7].as_slice(), 1));
    }

    #[test]
    fn a_file_has_a_lease_until_its_last_open_is_closed() {
        let mut state = State::default();
        let mut requests = begun(&mut state);
        requests.try_recv().unwrap();
        state.add_file(5);
        state.add_file(5);
        assert_eq!(requests.try_recv().unwrap().add_files, [5]);
        state.drop_file(5);
        assert!(requests.try_recv().is_err());
        state.drop_file(5);
        assert_eq!(requests.try_recv().unwrap().drop_files, [5]);
        state.add_file(5);
        assert_eq!(requests.try_recv().unwrap().add_files, [5]);
        state.hear(held(0)); // to the first request
        state.hear(HoldResponse { missing_files: vec![5], ..Default::default() });
        assert!(state.files.contains_key(&5), "an older request was without it");
    }
}
