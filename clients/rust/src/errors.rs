// SPDX-License-Identifier: Apache-2.0

//! What can go wrong.

use std::collections::HashMap;
use std::fmt;
use std::io;

use tonic::{Code, Status};
use tonic_types::StatusExt;

use crate::constants::{reason, UffdPagefault};

/// What a call of this crate can fail with.
///
/// An emulated call that failed is [`Call`](Error::Call), an access that would raise a signal
/// [`Fault`](Error::Fault), one that would wait for a userfaultfd [`UserFault`](Error::UserFault),
/// and a request that the service cannot serve [`Service`](Error::Service). The others are refused
/// by the client itself: nothing was sent.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Error {
    /// An emulated call failed with an errno.
    Call(CallError),
    /// An access would have raised a signal.
    Fault(FaultError),
    /// An access would sleep until a userfaultfd is served.
    UserFault(UserFaultError),
    /// The service could not serve the request.
    Service(Box<ServiceError>),
    /// The client is closed.
    Closed,
    /// A target is no address.
    BadTarget(String),
    /// What was given as a certificate or a key is none.
    BadCertificate(String),
    /// A token would leave this machine without TLS, or is none.
    BadToken(String),
    /// A record of a block, or the results of one, cannot be.
    BadBlock(String),
    /// As many blocks are outstanding as a [`Batch`](crate::Batch) may have, or none.
    Window(String),
}

/// An emulated call that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallError {
    /// Its name, `"mmap"`.
    pub call: &'static str,
    /// What the kernel would have answered: [`EINVAL`](crate::constants::EINVAL) and so on.
    pub errno: i32,
}

/// An access that would have raised a signal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FaultError {
    /// [`SIGSEGV`](crate::constants::SIGSEGV) or [`SIGBUS`](crate::constants::SIGBUS).
    pub signal: i32,
    /// Its `si_code`: [`SEGV_MAPERR`](crate::constants::SEGV_MAPERR) and so on.
    pub code: i32,
    /// Where.
    pub addr: u64,
    /// The protection key that forbade it, with `SEGV_PKUERR`.
    pub pkey: Option<u32>,
}

/// An access that would sleep until a userfaultfd is served: fill the page, or take its protection
/// off, and touch it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserFaultError {
    /// Where.
    pub addr: u64,
    /// The flags of the message that the handler would read.
    pub flags: UffdPagefault,
}

/// A request that the service could not serve.
#[derive(Clone, Debug)]
pub struct ServiceError {
    /// The gRPC status.
    pub code: Code,
    /// The stable symbol of `google.rpc.ErrorInfo`, one of [`reason`](crate::constants::reason);
    /// empty if no server answered.
    pub reason: String,
    /// What belongs to the reason.
    pub metadata: HashMap<String, String>,
    /// For people.
    pub message: String,
}

impl Error {
    /// The errno of an emulated call that failed.
    pub fn errno(&self) -> Option<i32> {
        match self {
            Error::Call(one) => Some(one.errno),
            _ => None,
        }
    }

    /// The signal that an access would have raised.
    pub fn signal(&self) -> Option<i32> {
        match self {
            Error::Fault(one) => Some(one.signal),
            _ => None,
        }
    }

    /// The gRPC code of a request that the service could not serve.
    pub fn code(&self) -> Option<Code> {
        match self {
            Error::Service(one) => Some(one.code),
            _ => None,
        }
    }

    /// Why the service could not serve: one of [`reason`](crate::constants::reason). `None` if no
    /// server answered, too.
    pub fn reason(&self) -> Option<&str> {
        match self {
            Error::Service(one) if !one.reason.is_empty() => Some(&one.reason),
            _ => None,
        }
    }

    /// The address space has exited, or never was.
    pub fn is_no_such_address_space(&self) -> bool {
        self.reason() == Some(reason::NO_SUCH_MM)
    }

    /// A named limit of the instance or of the service is reached.
    pub fn is_limit(&self) -> bool {
        self.code() == Some(Code::ResourceExhausted)
    }

    /// Nobody answers, or the worker died during the call, which may have been executed.
    pub fn is_unavailable(&self) -> bool {
        self.code() == Some(Code::Unavailable)
    }

    /// The deadline is over. The call may have been executed.
    pub fn is_deadline_exceeded(&self) -> bool {
        self.code() == Some(Code::DeadlineExceeded)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Call(one) => {
                write!(f, "{}: {}", one.call, io::Error::from_raw_os_error(one.errno))
            }
            Error::Fault(one) => {
                write!(f, "signal {} (si_code {})", one.signal, one.code)?;
                write!(f, " at {:#x}", one.addr)?;
                match one.pkey {
                    Some(pkey) => write!(f, " by protection key {pkey}"),
                    None => Ok(()),
                }
            }
            Error::UserFault(one) => {
                let (addr, flags) = (one.addr, one.flags.bits());
                write!(f, "the access at {addr:#x} waits for its userfaultfd (flags {flags:#x})")
            }
            Error::Service(one) if one.reason.is_empty() => {
                write!(f, "vmalab: {:?}: {}", one.code, one.message)
            }
            Error::Service(one) => write!(f, "vmalab: {}: {}", one.reason, one.message),
            Error::Closed => write!(f, "vmalab: this client is closed: connect again"),
            Error::BadTarget(text) => write!(f, "vmalab: no address: {text}"),
            Error::BadCertificate(text) => write!(f, "vmalab: no certificate: {text}"),
            Error::BadToken(text) => write!(f, "vmalab: {text}"),
            Error::BadBlock(text) => write!(f, "vmalab: no block: {text}"),
            Error::Window(text) => write!(f, "vmalab: the window of the batch: {text}"),
        }
    }
}

impl std::error::Error for Error {}

impl From<Status> for Error {
    /// A status that has a source was made on this side, of a connection that broke: the service is
    /// not available, whatever else the layers below call it.
    fn from(status: Status) -> Error {
        let broke = std::error::Error::source(&status).is_some();
        let vague = [Code::Unknown, Code::Internal, Code::Cancelled];
        let code = match status.code() {
            code if broke && vague.contains(&code) => Code::Unavailable,
            code => code,
        };
        let (reason, metadata) = match status.get_details_error_info() {
            Some(info) => (info.reason, info.metadata),
            None => Default::default(),
        };
        Error::Service(Box::new(ServiceError {
            code,
            reason,
            metadata,
            message: described(&status),
        }))
    }
}

/// The message of a status, and what is behind it.
fn described(status: &Status) -> String {
    let mut text = status.message().to_owned();
    let mut source = std::error::Error::source(status);
    while let Some(one) = source {
        let more = one.to_string();
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        source = one.source();
    }
    text
}

/// An error of a code that this side gives.
pub(crate) fn service(code: Code, message: impl Into<String>) -> Error {
    Error::Service(Box::new(ServiceError {
        code,
        reason: String::new(),
        metadata: HashMap::new(),
        message: message.into(),
    }))
}

/// The error of a block. gRPC itself refuses a message that is too large, before the service can give
/// a reason; it is the same as a block that the service refuses.
pub(crate) fn of_block(error: Error) -> Error {
    let Error::Service(inner) = &error else { return error };
    let refused = ["larger than max", "encoded message length too large"];
    if !inner.reason.is_empty() || !refused.iter().any(|one| inner.message.contains(one)) {
        return error;
    }
    let limit = ("limit".to_owned(), "message_bytes_max".to_owned());
    Error::Service(Box::new(ServiceError {
        code: Code::InvalidArgument,
        reason: reason::BLOCK_TOO_BIG.to_owned(),
        metadata: HashMap::from([limit]),
        message: format!(
            "the block is larger than a message may be: send it in parts ({})",
            inner.message
        ),
    }))
}

/// The error of an answer with this errno.
pub(crate) fn failed(call: &'static str, errno: i32) -> Result<(), Error> {
    match errno {
        0 => Ok(()),
        errno => Err(Error::Call(CallError { call, errno })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::constants::ENOMEM;
    use tonic_types::ErrorDetails;

    #[test]
    fn error_info_is_decoded() {
        let metadata = HashMap::from([("mm".to_owned(), "7".to_owned())]);
        let details = ErrorDetails::with_error_info(reason::NO_SUCH_MM, "vmalab", metadata);
        let found: Error = Status::with_error_details(Code::NotFound, "gone", details).into();
        assert!(found.is_no_such_address_space() && !found.is_limit());
        assert_eq!(found.reason(), Some("NO_SUCH_MM"));
        let Error::Service(found) = found else { panic!("{found:?}") };
        assert_eq!((found.code, &found.metadata["mm"]), (Code::NotFound, &"7".to_owned()));
    }

    #[test]
    fn a_block_that_no_message_holds_has_a_reason() {
        let text = "SERVER: Received message larger than max (9600008 vs. 8388608)";
        let found = of_block(Status::resource_exhausted(text).into());
        assert_eq!(found.reason(), Some(reason::BLOCK_TOO_BIG));
        assert_eq!(found.code(), Some(Code::InvalidArgument));
        let other = of_block(Status::resource_exhausted("too many calls").into());
        assert!(other.is_limit() && other.reason().is_none(), "{other:?}");
    }

    #[test]
    fn another_reason_is_no_missing_address_space() {
        let found: Error = Status::not_found("no such service").into();
        assert!(!found.is_no_such_address_space());
        assert_eq!(found.reason(), None);
    }

    #[test]
    fn a_broken_connection_is_unavailable() {
        let broken = io::Error::from(io::ErrorKind::ConnectionReset);
        let found: Error = Status::from_error(Box::new(broken)).into();
        assert!(found.is_unavailable(), "{found:?}");
        let told: Error = Status::unknown("the server said so").into();
        assert_eq!(told.code(), Some(Code::Unknown));
    }

    #[test]
    fn errnos_are_errors() {
        failed("mmap", 0).unwrap();
        let found = failed("mmap", ENOMEM).unwrap_err();
        assert_eq!((found.errno(), found.signal()), (Some(ENOMEM), None));
        assert!(found.to_string().starts_with("mmap: "), "{found}");
    }
}
