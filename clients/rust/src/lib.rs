// SPDX-License-Identifier: Apache-2.0

//! The Rust client of vmalab: emulated address spaces over gRPC.
//!
//! ```no_run
//! use vmalab_client::{Client, Error, SpaceOptions};
//!
//! # async fn example() -> Result<(), Error> {
//! let client = Client::connect("127.0.0.1:7420").await?;
//! let space = client.new_address_space(SpaceOptions::default()).await?;
//! let addr = space.map(1 << 20).await?;
//! space.store(addr, 42).await?;
//! assert_eq!(space.load(addr).await?, 42);
//! space.close().await?;
//! client.close().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Errors
//!
//! All calls fail with [`Error`]. What the emulated kernel refuses has an errno
//! ([`Error::errno`]), an access that would raise a signal the signal ([`Error::signal`]), and what
//! the service itself cannot serve a gRPC code, a reason and metadata ([`Error::code`],
//! [`Error::reason`]).
//!
//! # Deadlines, cancellation and retries
//!
//! [`Options::timeout`] bounds each unary call, 30 s by default; `tokio::time::timeout` bounds one.
//! A call is cancelled when its future is dropped. Calls of [`Inspect`] are tried again while no
//! worker answers, because they do no harm twice; no other call is. A call that was cancelled, or
//! that ended with a deadline or UNAVAILABLE, may have been executed.
//!
//! # Leases
//!
//! A client has a lease on each address space and file that it makes or uses, until the handle is
//! dropped, [detached](AddressSpace::detach), or the client is closed. All leases are one stream,
//! which is opened again when a worker dies. [`Client::lost`] has the address spaces whose lease is
//! lost: they ended, or are another client's.
//!
//! # Runtime
//!
//! A client is made inside of a runtime of tokio, and lives on it: its connections, its leases and
//! the ends of dropped address spaces are tasks there.

#![forbid(unsafe_code)]
#![deny(missing_docs)]

mod batch;
mod block;
#[rustfmt::skip]
#[allow(clippy::all)]
mod block_gen;
#[rustfmt::skip]
#[allow(clippy::all)]
mod calls_gen;
mod channel;
mod client;
mod errors;
mod files;
mod handshake;
mod lease;
mod numbers;
mod options;
mod services;
#[rustfmt::skip]
#[allow(clippy::all)]
mod services_gen;
mod space;
mod stubs;
mod target;
mod tls;

/// Constants by their names in C, and the numbers of operations, statuses, limits and reasons.
#[rustfmt::skip]
#[allow(clippy::all)]
#[path = "constants_gen.rs"]
pub mod constants;

/// The messages and stubs of `vmalab.v1`, as they are generated from the protos.
#[rustfmt::skip]
#[allow(missing_docs, clippy::all, rustdoc::all)]
#[path = "proto_gen.rs"]
pub mod proto;

pub use batch::{Batch, Failed, WINDOW_DEFAULT};
pub use block::{BlockBuilder, Cursor, RecordResult, Results};
pub use channel::Channel;
pub use client::Client;
pub use constants::constant;
pub use errors::{CallError, Error, FaultError, ServiceError, UserFaultError};
pub use files::FileOptions;
pub use handshake::{OLDEST_SERVER, VERSION};
pub use options::{Options, TIMEOUT_DEFAULT};
pub use services::{Inspect, Lab};
pub use space::{AddressSpace, Fault, Range, SpaceOptions};
pub use stubs::MESSAGE_BYTES_MAX;
/// The codes of a [`ServiceError`], as gRPC has them.
pub use tonic::Code;
