// SPDX-License-Identifier: Apache-2.0

//! The client: connections, deadlines, retries, and the task that ends dropped address spaces.

use std::future::Future;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout_at, Instant};
use tonic::{Code, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::HealthCheckRequest;

use crate::channel::Channel;
use crate::errors::{service, Error};
use crate::handshake::complaint;
use crate::lease::Leases;
use crate::options::Options;
use crate::target::Target;
use crate::{proto, stubs};

const HANDSHAKE_PATIENCE: Duration = Duration::from_secs(10);
const LOOK_TRIES: u32 = 3;
const LOOK_RETRY_FIRST: Duration = Duration::from_millis(50);
/// More than ten years is the same as for ever, and gRPC cannot say it.
const BOUND_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A connection to an instance. Clones share it, as tasks may.
///
/// It lives on the runtime of tokio in which it was made. [`close`](Client::close) ends it, and says
/// when all is done; else it ends when the last clone and the last address space of it are dropped.
#[derive(Clone, Debug)]
pub struct Client {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    channel: Channel,
    timeout: Option<Duration>,
    closed: AtomicBool,
    leases: Leases,
    exits: mpsc::UnboundedSender<Exit>,
}

/// What the task that ends address spaces is asked for.
#[derive(Debug)]
enum Exit {
    /// End this one.
    Of(u64),
    /// Say when all before are done.
    Done(oneshot::Sender<()>),
}

impl Client {
    /// Connects to a server at `host:port` or `unix:PATH`. A TCP address is asked for the workers,
    /// and calls go to all of them in turn.
    pub async fn connect(target: impl AsRef<str>) -> Result<Client, Error> {
        Client::connect_with(&[target.as_ref()], Options::default()).await
    }

    /// Connects to one or several addresses of one server; calls go to all of them in turn. A single
    /// TCP address without TLS is asked for the workers; with TLS calls go to the address that was
    /// given, because the certificate is for its name.
    pub async fn connect_with<T: AsRef<str>>(
        targets: &[T],
        options: Options,
    ) -> Result<Client, Error> {
        if targets.is_empty() {
            return Err(Error::BadTarget("give host:port, or several".to_owned()));
        }
        let parsed = targets.iter().map(|one| Target::parse(one.as_ref()));
        let targets: Vec<Target> = parsed.collect::<Result<_, _>>()?;
        let tls = options.connector()?;
        let token = options.authorization(&targets)?;
        let alone = targets.len() == 1 && !targets[0].is_unix();
        let channel = Channel::new(targets, token, tls);
        let (exits, asked) = mpsc::unbounded_channel();
        tokio::spawn(end_spaces(channel.clone(), options.timeout, asked));
        let client = Client {
            inner: Arc::new(Inner {
                leases: Leases::new(channel.clone()),
                timeout: options.timeout,
                closed: AtomicBool::new(false),
                channel,
                exits,
            }),
        };
        if options.discover {
            client.discover(alone, &options).await?;
        }
        Ok(client)
    }

    /// Shakes hands, and learns the addresses of the workers if one address was given.
    async fn discover(&self, alone: bool, options: &Options) -> Result<(), Error> {
        if !alone {
            self.shake_hands(options).await;
            return Ok(());
        }
        let answer = self.inspect().list_workers().await?;
        self.shake_hands(options).await;
        let parsed = answer.workers.iter().map(|one| Target::parse(&one.address));
        let Ok(workers) = parsed.collect::<Result<Vec<_>, _>>() else {
            return Ok(());
        };
        let fit = workers.iter().all(|one| options.may_go_to(one));
        if fit && !workers.is_empty() && !options.tls() {
            self.inner.channel.use_targets(workers);
        }
        Ok(())
    }

    /// Asks who the server is, and warns once if one of the two is too old. A server that gives no
    /// answer is used as it is: the next call has the error.
    async fn shake_hands(&self, options: &Options) {
        let inspect = self.inspect();
        let asked = tokio::time::timeout(HANDSHAKE_PATIENCE, inspect.get_server_info());
        if let Ok(Ok(info)) = asked.await {
            if let Some(text) = complaint(&info, &options.version) {
                (options.warn)(&text);
            }
        }
    }

    /// The connections, for the stubs in [`proto`]: with the token, but without the deadline, the
    /// errors and the retries of this crate.
    pub fn channel(&self) -> Channel {
        self.inner.channel.clone()
    }

    pub(crate) fn leases(&self) -> &Leases {
        &self.inner.leases
    }

    pub(crate) fn open(&self) -> Result<(), Error> {
        match self.inner.closed.load(Ordering::Acquire) {
            true => Err(Error::Closed),
            false => Ok(()),
        }
    }

    /// Has an address space ended by the task for that.
    pub(crate) fn end_later(&self, mm: u64) {
        // Without the task the runtime has ended, and the lease with it.
        let _ = self.inner.exits.send(Exit::Of(mm));
    }

    /// A unary call, with the bound of the options.
    pub(crate) async fn unary<Q, R, F>(
        &self,
        request: Q,
        call: impl Fn(Channel, tonic::Request<Q>) -> F,
    ) -> Result<R, Error>
    where
        F: Future<Output = Result<tonic::Response<R>, Status>>,
    {
        self.unary_with(request, Duration::ZERO, call).await
    }

    /// A unary call that may take so much longer than others by itself.
    pub(crate) async fn unary_with<Q, R, F>(
        &self,
        request: Q,
        more: Duration,
        call: impl Fn(Channel, tonic::Request<Q>) -> F,
    ) -> Result<R, Error>
    where
        F: Future<Output = Result<tonic::Response<R>, Status>>,
    {
        self.open()?;
        let deadline = until(self.inner.timeout, more);
        bounded(self.channel(), deadline, request, call).await
    }

    /// A unary call that does no harm twice: it is tried again while no worker answers.
    pub(crate) async fn looking<Q: Clone, R, F>(
        &self,
        request: Q,
        call: impl Fn(Channel, tonic::Request<Q>) -> F,
    ) -> Result<R, Error>
    where
        F: Future<Output = Result<tonic::Response<R>, Status>>,
    {
        let deadline = until(self.inner.timeout, Duration::ZERO);
        for tried in 0.. {
            self.open()?;
            let answer = bounded(self.channel(), deadline, request.clone(), &call).await;
            let wait = LOOK_RETRY_FIRST * 2u32.pow(tried);
            let late = deadline.is_some_and(|deadline| Instant::now() + wait >= deadline);
            match answer {
                Err(error) if error.is_unavailable() && tried < LOOK_TRIES && !late => {
                    sleep(wait).await;
                }
                answer => return answer,
            }
        }
        unreachable!("the last try returns")
    }

    /// The health of the server (`""`) or of one of its services: `"SERVING"` is good.
    pub async fn health(&self, service: &str) -> Result<&'static str, Error> {
        let request = HealthCheckRequest { service: service.to_owned() };
        let call = |c, r| async move { HealthClient::new(c).check(r).await };
        Ok(self.unary(request, call).await?.status().as_str_name())
    }

    /// The address spaces whose lease is lost: they ended, or are another client's.
    pub fn lost(&self) -> Vec<u64> {
        self.inner.leases.lost()
    }

    /// Waits until the server has confirmed the lease of this client on an address space.
    pub async fn wait_lease(&self, mm: u64) -> Result<(), Error> {
        self.inner.leases.wait(mm).await
    }

    /// Lets address spaces live at least so long from now; it gives those that do not exist. `None`:
    /// the server's default time.
    pub async fn keep_alive(&self, ttl: Option<Duration>, mms: &[u64]) -> Result<Vec<u64>, Error> {
        let request = proto::KeepAliveRequest {
            mms: mms.to_vec(),
            ttl_ms: milliseconds(ttl),
            files: Vec::new(),
        };
        let call = |c, r| async move { stubs::memory(c).keep_alive(r).await };
        Ok(self.unary(request, call).await?.missing)
    }

    /// Ends all leases and the connections. Address spaces that were dropped before have ended when
    /// it returns; those that are still there end with their leases. Every later call of any clone
    /// is [`Error::Closed`].
    pub async fn close(&self) {
        if self.inner.closed.swap(true, Ordering::AcqRel) {
            return;
        }
        let (done, wait) = oneshot::channel();
        if self.inner.exits.send(Exit::Done(done)).is_ok() {
            let _ = wait.await;
        }
        self.inner.leases.close().await;
        self.inner.channel.close();
    }
}

/// When a call ends that begins now; `None`: it has no bound.
fn until(timeout: Option<Duration>, more: Duration) -> Option<Instant> {
    let bound = timeout?.saturating_add(more);
    if bound > BOUND_MAX {
        return None;
    }
    Instant::now().checked_add(bound)
}

/// A call that ends at a time.
async fn bounded<Q, R, F>(
    channel: Channel,
    deadline: Option<Instant>,
    request: Q,
    call: impl Fn(Channel, tonic::Request<Q>) -> F,
) -> Result<R, Error>
where
    F: Future<Output = Result<tonic::Response<R>, Status>>,
{
    let mut request = tonic::Request::new(request);
    let Some(deadline) = deadline else {
        return Ok(call(channel, request).await?.into_inner());
    };
    request.set_timeout(deadline.saturating_duration_since(Instant::now()));
    match timeout_at(deadline, call(channel, request)).await {
        Ok(Ok(answer)) => Ok(answer.into_inner()),
        // The layers below have the same deadline, and another name for it.
        Ok(Err(_)) | Err(_) if Instant::now() >= deadline => {
            Err(service(Code::DeadlineExceeded, "the deadline is over"))
        }
        Ok(Err(status)) => Err(status.into()),
        Err(_) => Err(service(Code::DeadlineExceeded, "the deadline is over")),
    }
}

/// Ends the address spaces that were dropped, one after the other. It outlives the client until all
/// are done. What it cannot end has no lease any more, so the server ends it.
async fn end_spaces(
    channel: Channel,
    timeout: Option<Duration>,
    mut asked: mpsc::UnboundedReceiver<Exit>,
) {
    while let Some(next) = asked.recv().await {
        match next {
            Exit::Of(mm) => {
                let request = proto::ExitRequest { mm };
                let deadline = until(timeout, Duration::ZERO);
                let call = |c, r| async move { stubs::memory(c).exit(r).await };
                let _ = bounded(channel.clone(), deadline, request, call).await;
            }
            Exit::Done(done) => {
                let _ = done.send(());
            }
        }
    }
}

/// Of a request: 0 is the server's default, so anything else is 1 at least.
pub(crate) fn milliseconds(duration: Option<Duration>) -> u32 {
    match duration {
        None => 0,
        Some(duration) => {
            let whole = duration.as_nanos().div_ceil(1_000_000);
            u32::try_from(whole).unwrap_or(u32::MAX).max(1)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milliseconds_are_never_the_default_by_rounding() {
        for (given, wanted) in [
            (None, 0),
            (Some(Duration::ZERO), 1),
            (Some(Duration::from_nanos(1)), 1),
            (Some(Duration::from_secs(1)), 1000),
            (Some(Duration::MAX), u32::MAX),
        ] {
            assert_eq!(milliseconds(given), wanted, "{given:?}");
        }
    }

    #[tokio::test]
    async fn nobody_is_there() {
        let error = Client::connect("127.0.0.1:1").await.unwrap_err();
        assert!(error.is_unavailable(), "{error:?}");
    }

    #[tokio::test]
    async fn a_deadline_bounds_a_server_that_says_nothing() {
        let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let target = silent.local_addr().unwrap().to_string();
        let options = Options::new().timeout(Duration::from_millis(200));
        let error = Client::connect_with(&[target], options).await.unwrap_err();
        assert!(error.is_deadline_exceeded(), "{error:?}");
    }

    #[test]
    fn a_bound_that_grpc_cannot_say_is_none() {
        for seconds in [400_000_000_000, 1_000_000_000_000, u64::MAX] {
            assert!(until(Some(Duration::from_secs(seconds)), LOOK_RETRY_FIRST).is_none());
        }
        assert!(until(Some(Duration::from_secs(1)), Duration::MAX).is_none());
        assert!(until(Some(Duration::from_secs(3600)), Duration::ZERO).is_some());
    }

    #[tokio::test]
    async fn a_closed_client_refuses() {
        let options = Options::new().without_discovery();
        let client = Client::connect_with(&["127.0.0.1:1"], options).await.unwrap();
        client.close().await;
        for answer in [
            client.inspect().list_workers().await.err(),
            client.clone().keep_alive(None, &[1]).await.err(),
            client.batch(0).err(),
            client.wait_lease(1).await.err(),
        ] {
            assert!(matches!(answer, Some(Error::Closed)), "{answer:?}");
        }
    }
}
