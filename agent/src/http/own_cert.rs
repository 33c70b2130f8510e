//! The certificate that this host shows to a collector that wants one. Its files are looked at again for each new
//! connection: a renewed certificate needs no restart.

use super::{HttpError, TlsFiles};
use crate::limits::CA_FILE_MAX_BYTES;
use rustls::SignatureScheme;
use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

/// What tells one version of a file from another; `None`: it cannot be looked at.
type Version = Option<(SystemTime, u64)>;

/// The certificate in force, read again when a file changes.
pub(super) struct OwnCert {
    cert: PathBuf,
    key: PathBuf,
    provider: Arc<CryptoProvider>,
    inner: Mutex<([Version; 2], Arc<CertifiedKey>)>,
}

impl std::fmt::Debug for OwnCert {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("OwnCert").field("cert", &self.cert).finish_non_exhaustive()
    }
}

impl OwnCert {
    /// With the files as they are now, if any are named.
    pub(super) fn new(files: &TlsFiles, provider: &Arc<CryptoProvider>) -> Result<Option<Self>, HttpError> {
        let Some((cert, key)) = files.client.clone() else { return Ok(None) };
        // Looked at before they are read: a change in between is seen next time.
        let seen = [version(&cert), version(&key)];
        let read = read(&cert, &key, provider)?;
        let (provider, inner) = (Arc::clone(provider), Mutex::new((seen, Arc::new(read))));
        Ok(Some(Self { cert, key, provider, inner }))
    }

    /// What is in force now. Files that do not fit together change nothing, and are tried again after the next change.
    fn current(&self) -> Arc<CertifiedKey> {
        let now = [version(&self.cert), version(&self.key)];
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if inner.0 != now {
            inner.0 = now;
            match read(&self.cert, &self.key, &self.provider) {
                Ok(fresh) => {
                    tracing::info!("{} was renewed", self.cert.display());
                    inner.1 = Arc::new(fresh);
                }
                Err(e) => tracing::warn!("the certificate read before is used on: {e}"),
            }
        }
        Arc::clone(&inner.1)
    }
}

impl ResolvesClientCert for OwnCert {
    fn resolve(&self, _hints: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        Some(self.current())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

fn version(path: &Path) -> Version {
    let meta = std::fs::metadata(path).ok()?;
    Some((meta.modified().ok()?, meta.len()))
}

fn read(cert: &Path, key: &Path, provider: &CryptoProvider) -> Result<CertifiedKey, HttpError> {
    let bad = |path: &Path, why: String| HttpError::Certificates { path: path.to_owned(), why };
    let bytes = |path: &Path| {
        crate::state::read_bounded(path, CA_FILE_MAX_BYTES).map_err(|e| bad(path, e.to_string()))
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&bytes(cert)?)
        .collect::<Result<_, _>>()
        .map_err(|e| bad(cert, format!("not a list of PEM certificates: {e}")))?;
    if chain.is_empty() {
        let why = "holds no certificate; collector.client_cert must hold PEM (BEGIN CERTIFICATE)";
        return Err(bad(cert, why.to_owned()));
    }
    let private = PrivateKeyDer::from_pem_slice(&bytes(key)?)
        .map_err(|e| bad(key, format!("holds no private key in PEM (collector.client_key): {e}")))?;
    CertifiedKey::from_der(chain, private, provider)
        .map_err(|e| bad(cert, format!("does not fit to {}: {e}", key.display())))
}
