// SPDX-License-Identifier: Apache-2.0

//! TLS: the certificates that a program gives, as the configuration of a connection.

use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
use tokio_rustls::TlsConnector;

use crate::errors::Error;

/// A certificate and its key, in PEM.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

fn refused(what: &str, why: impl std::fmt::Display) -> Error {
    Error::BadCertificate(format!("{what}: {why}"))
}

fn certificates(what: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
    let found = found.map_err(|error| refused(what, error))?;
    match found.is_empty() {
        true => Err(refused(what, "there is none: PEM is wanted")),
        false => Ok(found),
    }
}

/// What connects with TLS to a server whose certificate one of the roots has signed.
pub(crate) fn connector(roots: &[u8], pair: Option<&Pair>) -> Result<TlsConnector, Error> {
    let mut store = RootCertStore::empty();
    for one in certificates("the root certificates", roots)? {
        store.add(one).map_err(|error| refused("the root certificates", error))?;
    }
    let config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused("TLS", error))?
        .with_root_certificates(store);
    let mut config = match pair {
        None => config.with_no_client_auth(),
        Some((cert, key)) => {
            let what = "the client certificate";
            let chain = certificates(what, cert)?;
            let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| refused(what, error))?;
            let made = config.with_client_auth_cert(chain, key);
            made.map_err(|error| refused(what, error))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(TlsConnector::from(Arc::new(config)))
}
