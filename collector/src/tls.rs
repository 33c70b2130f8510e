//! TLS by rustls, when `[tls]` is set.

use crate::config::Tls;
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_rustls::TlsAcceptor;

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read as PEM.
    #[error("[tls] {key} = {path}: {source}", path = path.display())]
    Pem {
        /// `cert` or `key`.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// No certificate in the file.
    #[error("[tls] cert = {path}: holds no certificate; it wants the whole chain in PEM", path = .0.display())]
    Empty(PathBuf),
    /// The two do not fit together, or are of a kind that is not supported.
    #[error("[tls]: certificate and key are refused: {0}")]
    Refused(#[from] rustls::Error),
}

/// An acceptor with the certificate and key of the configuration.
pub fn acceptor(tls: &Tls) -> Result<TlsAcceptor, TlsError> {
    let chain = certificates(&tls.cert)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|source| TlsError::Pem {
        key: "key",
        path: tls.key.clone(),
        source,
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrap = |source| TlsError::Pem { key: "cert", path: path.to_owned(), source };
    let chain =
        CertificateDer::pem_file_iter(path).map_err(wrap)?.collect::<Result<Vec<_>, _>>().map_err(wrap)?;
    if chain.is_empty() { Err(TlsError::Empty(path.to_owned())) } else { Ok(chain) }
}
