//! TLS by rustls, when `[tls]` is set. The files are looked at again while the collector runs: a renewed certificate
//! needs no restart.

use crate::config::Tls;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;
use tokio_rustls::TlsAcceptor;

/// Why TLS cannot be spoken.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read as PEM.
    #[error("[tls] {key} = {path}: {source}", path = path.display())]
    Pem {
        /// `cert`, `key` or `client_ca`.
        key: &'static str,
        /// The file.
        path: PathBuf,
        /// What was wrong with it.
        #[source]
        source: rustls::pki_types::pem::Error,
    },
    /// No certificate in the file.
    #[error("[tls] {key} = {path}: holds no certificate; it wants PEM", path = path.display())]
    Empty {
        /// `cert` or `client_ca`.
        key: &'static str,
        /// The file.
        path: PathBuf,
    },
    /// The authorities for clients' certificates cannot be used.
    #[error("[tls] client_ca: {0}")]
    ClientCa(String),
    /// The two do not fit together, or are of a kind that is not supported.
    #[error("[tls]: certificate and key are refused: {0}")]
    Refused(#[from] rustls::Error),
}

/// What tells one version of a file from another; `None`: it cannot be looked at.
type Version = Option<(SystemTime, u64)>;

/// The acceptor in force, renewed when a file changes.
pub struct Renewing {
    files: Tls,
    inner: Mutex<(TlsAcceptor, [Version; 3])>,
}

impl Renewing {
    /// With the files as they are now.
    pub fn new(files: &Tls) -> Result<Self, TlsError> {
        // Looked at before they are read: a change in between is seen next time.
        let seen = versions(files);
        Ok(Self { files: files.clone(), inner: Mutex::new((acceptor(files)?, seen)) })
    }

    /// The acceptor for a new connection.
    pub fn acceptor(&self) -> TlsAcceptor {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).0.clone()
    }

    /// Reads the files again if one changed; whether they are in force now. If they do not fit together, what was
    /// stays in force, and they are tried again after the next change.
    pub fn renew(&self) -> Result<bool, TlsError> {
        let now = versions(&self.files);
        if self.inner.lock().unwrap_or_else(PoisonError::into_inner).1 == now {
            return Ok(false);
        }
        let fresh = acceptor(&self.files);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.1 = now;
        inner.0 = fresh?;
        Ok(true)
    }
}

fn versions(files: &Tls) -> [Version; 3] {
    let version = |path: &Path| {
        let meta = std::fs::metadata(path).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    [version(&files.cert), version(&files.key), files.client_ca.as_deref().and_then(version)]
}

/// An acceptor with the certificate and key of the configuration. With `client_ca`, clients may show a certificate of
/// these authorities; which requests need one is not decided here.
fn acceptor(tls: &Tls) -> Result<TlsAcceptor, TlsError> {
    let chain = certificates("cert", &tls.cert)?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(|source| TlsError::Pem {
        key: "key",
        path: tls.key.clone(),
        source,
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let builder = match &tls.client_ca {
        None => builder.with_no_client_auth(),
        Some(path) => {
            let mut roots = RootCertStore::empty();
            for cert in certificates("client_ca", path)? {
                roots.add(cert)?;
            }
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
                .allow_unauthenticated()
                .build()
                .map_err(|e| TlsError::ClientCa(e.to_string()))?;
            builder.with_client_cert_verifier(verifier)
        }
    };
    let mut config = builder.with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

fn certificates(key: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let wrap = |source| TlsError::Pem { key, path: path.to_owned(), source };
    let chain =
        CertificateDer::pem_file_iter(path).map_err(wrap)?.collect::<Result<Vec<_>, _>>().map_err(wrap)?;
    if chain.is_empty() { Err(TlsError::Empty { key, path: path.to_owned() }) } else { Ok(chain) }
}
