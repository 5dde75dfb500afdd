// SPDX-License-Identifier: Apache-2.0

//! How a client connects.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio_rustls::TlsConnector;

use crate::errors::Error;
use crate::handshake::VERSION;
use crate::target::Target;
use crate::tls;

/// Bounds a call for which the program gives no other bound.
pub const TIMEOUT_DEFAULT: Duration = Duration::from_secs(30);

/// What is told what the handshake warns of.
pub(crate) type Warn = Arc<dyn Fn(&str) + Send + Sync>;

/// How a client connects: [`Client::connect_with`](crate::Client::connect_with).
///
/// ```
/// use std::time::Duration;
/// use vmalab_client::Options;
///
/// let options = Options::new().token("the token of alice").timeout(Duration::from_secs(5));
/// ```
#[derive(Clone)]
pub struct Options {
    token: String,
    roots: Option<Vec<u8>>,
    pair: Option<tls::Pair>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) discover: bool,
    pub(crate) warn: Warn,
    pub(crate) version: String,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            token: String::new(),
            roots: None,
            pair: None,
            timeout: Some(TIMEOUT_DEFAULT),
            discover: true,
            warn: Arc::new(|text| eprintln!("{text}")),
            version: VERSION.to_owned(),
        }
    }
}

impl fmt::Debug for Options {
    /// Without the token and the key.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Options")
            .field("tls", &self.tls())
            .field("timeout", &self.timeout)
            .field("discover", &self.discover)
            .finish_non_exhaustive()
    }
}

impl Options {
    /// A plain connection, without a token.
    pub fn new() -> Options {
        Options::default()
    }

    /// Sends a token with each call: over TLS, or to an address of this machine.
    pub fn token(mut self, token: impl Into<String>) -> Options {
        self.token = token.into();
        self
    }

    /// Connects with TLS, to a server whose certificate one of these (PEM) has signed.
    pub fn root_certificates(mut self, pem: impl Into<Vec<u8>>) -> Options {
        self.roots = Some(pem.into());
        self
    }

    /// Shows a certificate (PEM, with its key) to a server that wants to know its clients by them:
    /// `vmalab serve --tls-client-ca`. It goes with [`root_certificates`](Self::root_certificates).
    pub fn client_certificate(
        mut self,
        cert: impl Into<Vec<u8>>,
        key: impl Into<Vec<u8>>,
    ) -> Options {
        self.pair = Some((cert.into(), key.into()));
        self
    }

    /// Bounds each unary call, 30 s by default. `tokio::time::timeout` around a call bounds that
    /// call alone.
    pub fn timeout(mut self, timeout: Duration) -> Options {
        self.timeout = Some(timeout);
        self
    }

    /// Leaves unary calls without a bound.
    pub fn without_timeout(mut self) -> Options {
        self.timeout = None;
        self
    }

    /// Uses the targets as they are: the server is neither asked for its workers nor for its
    /// version.
    pub fn without_discovery(mut self) -> Options {
        self.discover = false;
        self
    }

    /// Gets what the handshake warns of, once for each client; by default it goes to stderr.
    pub fn warnings(mut self, warn: impl Fn(&str) + Send + Sync + 'static) -> Options {
        self.warn = Arc::new(warn);
        self
    }

    /// The version that the handshake compares: for tests of the handshake.
    #[doc(hidden)]
    pub fn version(mut self, version: impl Into<String>) -> Options {
        self.version = version.into();
        self
    }

    pub(crate) fn tls(&self) -> bool {
        self.roots.is_some()
    }

    /// Whether a token may go to this address.
    pub(crate) fn may_go_to(&self, target: &Target) -> bool {
        self.token.is_empty() || self.tls() || target.is_local()
    }

    /// What connects with TLS; `None`: the connection is plain.
    pub(crate) fn connector(&self) -> Result<Option<TlsConnector>, Error> {
        match (&self.roots, &self.pair) {
            (Some(roots), pair) => tls::connector(roots, pair.as_ref()).map(Some),
            (None, None) => Ok(None),
            (None, Some(_)) => Err(Error::BadCertificate(
                "a client certificate goes with root certificates".to_owned(),
            )),
        }
    }

    /// The metadata that each call has, if it may go to all of these addresses.
    pub(crate) fn authorization(&self, targets: &[Target]) -> Result<Option<HeaderValue>, Error> {
        if self.token.is_empty() {
            return Ok(None);
        }
        if let Some(away) = targets.iter().find(|one| !self.may_go_to(one)) {
            return Err(Error::BadToken(format!(
                "a token goes over TLS, or to an address of this machine: not to {}",
                away.authority()
            )));
        }
        let odd = || Error::BadToken("a token has printable characters of ASCII alone".into());
        // A header may have other bytes, which the server would take for another token.
        if !self.token.bytes().all(|one| (b' '..=b'~').contains(&one)) {
            return Err(odd());
        }
        let mut value =
            HeaderValue::try_from(format!("Bearer {}", self.token)).map_err(|_| odd())?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_stays_on_this_machine_or_goes_over_tls() {
        let plain = Options::new().token("secret");
        let secure = plain.clone().root_certificates("");
        for (target, local) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("localhost:1", true),
            ("unix:/a", true),
            ("192.0.2.1:1", false),
        ] {
            let targets = [Target::parse(target).unwrap()];
            let given = plain.authorization(&targets);
            assert_eq!(given.is_ok(), local, "{target}: {given:?}");
            assert!(secure.authorization(&targets).is_ok(), "{target}");
        }
        for odd in ["two\nlines", "secr\u{e9}t", "tab\t"] {
            let given = Options::new().token(odd).authorization(&[]);
            assert!(matches!(given, Err(Error::BadToken(_))), "{given:?}");
        }
        assert!(!format!("{plain:?}").contains("secret"));
    }

    #[test]
    fn what_is_no_certificate_is_refused() {
        let broken = "-----BEGIN CERTIFICATE-----\naGVsbG8=\n-----END CERTIFICATE-----\n";
        for bad in ["", "none", broken] {
            let made = Options::new().root_certificates(bad).connector();
            assert!(matches!(made, Err(Error::BadCertificate(_))), "{bad:?} is taken");
        }
        let alone = Options::new().client_certificate("", "").connector();
        assert!(matches!(alone, Err(Error::BadCertificate(_))));
    }
}
