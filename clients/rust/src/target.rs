// SPDX-License-Identifier: Apache-2.0

//! Addresses of servers: `host:port` and `unix:PATH`.

use std::net::IpAddr;
use std::path::PathBuf;

use crate::errors::Error;

const PORT_DIGITS_MAX: usize = 5;

/// Where a server is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    /// A name or an address without brackets, and a port.
    Tcp { host: String, port: u16 },
    /// The path of a socket.
    Unix(PathBuf),
}

impl Target {
    /// Refuses what is neither `host:port` nor `unix:PATH`.
    pub(crate) fn parse(text: &str) -> Result<Target, Error> {
        let refused = || {
            Error::BadTarget(format!("{text:?} is not host:port, as 127.0.0.1:7420, or unix:PATH"))
        };
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err(refused()),
                _ => Ok(Target::Unix(path.into())),
            };
        }
        let (host, port) = text.rsplit_once(':').ok_or_else(refused)?;
        if port.len() > PORT_DIGITS_MAX || !port.bytes().all(|one| one.is_ascii_digit()) {
            return Err(refused());
        }
        let port: u16 = port.parse().map_err(|_| refused())?;
        let bare = match host.strip_prefix('[') {
            Some(inner) => inner
                .strip_suffix(']')
                .filter(|inner| inner.parse::<IpAddr>().is_ok_and(|found| found.is_ipv6()))
                .ok_or_else(refused)?,
            None => host,
        };
        let plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '.' | '-' | '_');
        if port == 0 || bare.is_empty() || (bare == host && !host.chars().all(plain)) {
            return Err(refused());
        }
        Ok(Target::Tcp { host: bare.to_owned(), port })
    }

    /// Whether it is an address of this machine alone.
    pub(crate) fn is_local(&self) -> bool {
        match self {
            Target::Unix(_) => true,
            Target::Tcp { host, .. } => {
                host == "localhost" || host.parse::<IpAddr>().is_ok_and(|found| found.is_loopback())
            }
        }
    }

    pub(crate) fn is_unix(&self) -> bool {
        matches!(self, Target::Unix(_))
    }

    /// The name that the server's certificate must have. A path is no name of a host.
    pub(crate) fn host(&self) -> &str {
        match self {
            Target::Unix(_) => "localhost",
            Target::Tcp { host, .. } => host,
        }
    }

    /// What HTTP/2 calls the authority.
    pub(crate) fn authority(&self) -> String {
        match self {
            Target::Unix(_) => "localhost".to_owned(),
            Target::Tcp { host, port } if host.contains(':') => format!("[{host}]:{port}"),
            Target::Tcp { host, port } => format!("{host}:{port}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        for good in ["127.0.0.1:7420", "[::1]:7420", "example.org:1", "unix:/run/a.sock"] {
            Target::parse(good).unwrap();
        }
        assert_eq!(Target::parse("[::1]:7420").unwrap().host(), "::1");
        assert_eq!(Target::parse("[::1]:7420").unwrap().authority(), "[::1]:7420");
    }

    #[test]
    fn what_is_no_address_is_refused() {
        for bad in [
            "",
            "127.0.0.1",
            "127.0.0.1:0",
            "127.0.0.1:65536",
            ":7420",
            "unix:",
            "a b:1",
            "http://a:1",
            "::1:7420",
            "[example.org]:1",
            "[127.0.0.1]:1",
            "[::1:1",
            "a\n:1",
            "a,b:1",
            "127.0.0.1:+1",
            "127.0.0.1:000001",
        ] {
            assert!(matches!(Target::parse(bad), Err(Error::BadTarget(_))), "{bad:?} is taken");
        }
    }

    #[test]
    fn this_machine_is_known() {
        for (target, local) in [
            ("127.0.0.1:1", true),
            ("[::1]:1", true),
            ("localhost:1", true),
            ("unix:/a", true),
            ("192.0.2.1:1", false),
            ("example.org:1", false),
        ] {
            assert_eq!(Target::parse(target).unwrap().is_local(), local, "{target}");
        }
    }
}
