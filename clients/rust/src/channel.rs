// SPDX-License-Identifier: Apache-2.0

//! The connections to the workers, and the choice between them.
//!
//! Each worker has a task that keeps a connection to it. Calls go to the workers that are connected,
//! in turn. A call waits while no worker is connected but one may be soon; when all attempts have
//! failed it fails at once, with UNAVAILABLE. A connection that broke is made again, after 50 ms at
//! first and at most every second.

use std::future::{poll_fn, ready, Future, Ready};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, Uri};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpStream, UnixStream};
use tokio::runtime::Handle;
use tokio::sync::{watch, Notify};
use tokio::task::AbortHandle;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_rustls::TlsConnector;
use tonic::body::Body;
use tonic::transport::{self, Endpoint};
use tonic::Status;
use tower_service::Service;

use crate::handshake::VERSION;
use crate::target::Target;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

const RETRY_FIRST: Duration = Duration::from_millis(50);
const RETRY_MAX: Duration = Duration::from_secs(1);
const CONNECT_MAX: Duration = Duration::from_secs(20);
/// A server closes connections that are pinged more often than every five minutes without a call.
const PING_EVERY: Duration = Duration::from_secs(6 * 60);
const PING_PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The connections of a client, for the stubs in [`proto`](crate::proto): calls go to all workers
/// in turn, with the token. [`Client::channel`](crate::Client::channel) gives it.
#[derive(Clone)]
pub struct Channel {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// Says that a connection was made, or broke.
    changed: Arc<watch::Sender<()>>,
    token: Option<HeaderValue>,
    tls: Option<TlsConnector>,
    runtime: Handle,
}

struct State {
    workers: Vec<Worker>,
    next: usize,
}

struct Worker {
    link: Arc<Mutex<Link>>,
    keeper: AbortHandle,
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.keeper.abort();
    }
}

enum Link {
    Connecting,
    Ready(transport::Channel),
    Broken(String),
}

impl std::fmt::Debug for Channel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let workers = locked(&self.shared.state).workers.len();
        f.debug_struct("Channel").field("workers", &workers).finish_non_exhaustive()
    }
}

impl Channel {
    /// Begins to connect to all targets. It is called inside of a runtime of tokio.
    pub(crate) fn new(
        targets: Vec<Target>,
        token: Option<HeaderValue>,
        tls: Option<TlsConnector>,
    ) -> Channel {
        let channel = Channel {
            shared: Arc::new(Shared {
                state: Mutex::new(State { workers: Vec::new(), next: 0 }),
                changed: Arc::new(watch::Sender::new(())),
                token,
                tls,
                runtime: Handle::current(),
            }),
        };
        channel.use_targets(targets);
        channel
    }

    /// Connects to these targets instead of the present ones. Calls that are under way end where
    /// they are.
    pub(crate) fn use_targets(&self, targets: Vec<Target>) {
        let shared = &self.shared;
        let made = targets.into_iter().map(|target| {
            let link = Arc::new(Mutex::new(Link::Connecting));
            let keeper = keep(target, link.clone(), shared.tls.clone(), shared.changed.clone());
            let keeper = shared.runtime.spawn(keeper).abort_handle();
            Worker { link, keeper }
        });
        let workers = made.collect();
        let old = std::mem::replace(&mut locked(&shared.state).workers, workers);
        drop(old);
        shared.changed.send_replace(());
    }

    /// Ends all connections; a call that begins later finds none.
    pub(crate) fn close(&self) {
        self.use_targets(Vec::new());
    }

    /// The next connection in turn; nothing: one may be there soon.
    fn look(&self) -> Result<Option<transport::Channel>, Status> {
        let mut state = locked(&self.shared.state);
        let count = state.workers.len();
        let mut reason = "the client is closed".to_owned();
        let mut waiting = false;
        for step in 0..count {
            let place = (state.next + step) % count;
            let link = state.workers[place].link.clone();
            let link = locked(&link);
            match &*link {
                Link::Ready(found) => {
                    state.next = place + 1;
                    return Ok(Some(found.clone()));
                }
                Link::Broken(text) => reason = text.clone(),
                Link::Connecting => waiting = true,
            }
        }
        match waiting {
            true => Ok(None),
            false => Err(Status::unavailable(reason)),
        }
    }

    async fn pick(&self) -> Result<transport::Channel, Status> {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.borrow_and_update();
            if let Some(found) = self.look()? {
                return Ok(found);
            }
            if changed.changed().await.is_err() {
                return Err(Status::unavailable("the client is closed"));
            }
        }
    }
}

impl Service<Request<Body>> for Channel {
    type Response = Response<Body>;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, BoxError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        if let Some(token) = &self.shared.token {
            request.headers_mut().insert(AUTHORIZATION, token.clone());
        }
        let channel = self.clone();
        Box::pin(async move {
            let mut picked = channel.pick().await?;
            poll_fn(|context| picked.poll_ready(context)).await?;
            Ok(picked.call(request).await?)
        })
    }
}

/// Keeps a connection to a worker until it is aborted.
async fn keep(
    target: Target,
    link: Arc<Mutex<Link>>,
    tls: Option<TlsConnector>,
    changed: Arc<watch::Sender<()>>,
) {
    let become_ = |new: Link| {
        *locked(&link) = new;
        changed.send_replace(());
    };
    let mut wait = RETRY_FIRST;
    loop {
        let tried = tokio::time::timeout(CONNECT_MAX, connect(&target, tls.as_ref())).await;
        match tried.unwrap_or_else(|_| Err("there is no answer".into())) {
            Ok((channel, ended)) => {
                let begin = Instant::now();
                become_(Link::Ready(channel));
                ended.notified().await;
                // One that ends at once was never good: a server that wants TLS, or a certificate.
                if begin.elapsed() >= RETRY_MAX {
                    wait = RETRY_FIRST;
                    become_(Link::Connecting);
                } else {
                    become_(Link::Broken(format!("{}: it hung up", target.authority())));
                }
            }
            Err(error) => {
                let text = format!("{}: {}", target.authority(), chain(error.as_ref()));
                become_(Link::Broken(text));
            }
        }
        tokio::time::sleep(wait).await;
        wait = wait.mul_f64(1.6).min(RETRY_MAX);
    }
}

/// An error and what is behind it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(one) = source {
        text = format!("{text}: {one}");
        source = one.source();
    }
    text
}

/// Connects once: the connection, and what is notified when it ends.
async fn connect(
    target: &Target,
    tls: Option<&TlsConnector>,
) -> Result<(transport::Channel, Arc<Notify>), BoxError> {
    let plain: Box<dyn Stream> = match target {
        Target::Unix(path) => Box::new(UnixStream::connect(path).await?),
        Target::Tcp { host, port } => {
            let stream = TcpStream::connect((host.as_str(), *port)).await?;
            stream.set_nodelay(true)?;
            Box::new(stream)
        }
    };
    let stream: Box<dyn Stream> = match tls {
        None => plain,
        Some(tls) => {
            let name = ServerName::try_from(target.host().to_owned())?;
            Box::new(tls.connect(name, plain).await?)
        }
    };
    let ended = Arc::new(Notify::new());
    let connector = Once { stream: Some(stream), ended: ended.clone() };
    let authority = target.authority();
    let scheme = if tls.is_some() { "https" } else { "http" };
    let channel = Endpoint::from_shared(format!("http://{authority}"))?
        .origin(Uri::try_from(format!("{scheme}://{authority}"))?)
        .user_agent(format!("vmalab-client/{VERSION}"))?
        .http2_keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_PATIENCE)
        .connect_with_connector(connector)
        .await?;
    Ok((channel, ended))
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

/// Gives a stream that is there to tonic, once: the task of the worker makes the next one.
struct Once {
    stream: Option<Box<dyn Stream>>,
    ended: Arc<Notify>,
}

impl Service<Uri> for Once {
    type Response = TokioIo<Watched>;
    type Error = io::Error;
    type Future = Ready<io::Result<TokioIo<Watched>>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let ended = self.ended.clone();
        ready(match self.stream.take() {
            Some(stream) => Ok(TokioIo::new(Watched { stream, ended })),
            None => {
                ended.notify_one();
                Err(io::ErrorKind::NotConnected.into())
            }
        })
    }
}

/// A stream that says when it is dropped, which is when its connection has ended.
struct Watched {
    stream: Box<dyn Stream>,
    ended: Arc<Notify>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.ended.notify_one();
    }
}

impl AsyncRead for Watched {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, buffer)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
