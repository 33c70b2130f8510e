//! A small HTTP client for one collector: bounded answers, bounded time, errors as problem+json.

mod own_cert;

use crate::limits::{ANSWER_MAX_BYTES, CA_FILE_MAX_BYTES, CONNECT_MAX_MS};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Request, StatusCode, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client as Pool;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use own_cert::OwnCert;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Why a text is no address of a collector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not an address at all, or with a query.
    #[error("must be an address like https://collector.example.org:8443")]
    Form,
    /// Plain http beyond this machine.
    #[error("plain http would show usage to the network; write https://, or http:// with a loopback address")]
    Plain,
}

/// Address of a collector, without the path of a call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Base(String);

impl Base {
    /// Reads an address. Plain http is taken for loopback addresses only.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        let uri: Uri = text.parse().map_err(|_| UrlError::Form)?;
        let host = uri.host().filter(|h| !h.is_empty()).ok_or(UrlError::Form)?;
        if uri.query().is_some() || uri.authority().is_some_and(|a| a.as_str().contains('@')) {
            return Err(UrlError::Form);
        }
        match uri.scheme_str() {
            Some("https") => {}
            Some("http") if is_loopback(host) => {}
            Some("http") => return Err(UrlError::Plain),
            _ => return Err(UrlError::Form),
        }
        Ok(Self(text.trim_end_matches('/').to_owned()))
    }

    /// The address as text, without a slash at the end.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn join(&self, path: &str) -> Result<Uri, HttpError> {
        format!("{}{path}", self.0).parse().map_err(|_| HttpError::Url(UrlError::Form))
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpError {
    /// The address is wrong.
    #[error("address of the collector: {0}")]
    Url(#[from] UrlError),
    /// Certificates could not be read.
    #[error("{path}: {why}")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong, and what would be right.
        why: String,
    },
    /// TLS could not be set up.
    #[error("TLS: {0}")]
    Tls(#[from] rustls::Error),
    /// No connection, or it broke.
    #[error("{call}: {why}")]
    Connection {
        /// Method and address of the call.
        call: String,
        /// What happened, down to its cause.
        why: String,
    },
}

/// What the collector answered.
#[derive(Debug)]
pub struct Answer {
    /// HTTP status.
    pub status: StatusCode,
    /// Seconds of a Retry-After header.
    pub retry_after_sec: Option<u64>,
    /// The body.
    pub body: Bytes,
}

/// An error of the collector (RFC 9457).
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize)]
pub struct Problem {
    /// Stable word for programs.
    #[serde(default)]
    pub code: String,
    /// For people, short.
    #[serde(default)]
    pub title: String,
    /// For people: what, where, what to do.
    #[serde(default)]
    pub detail: String,
    /// With code `want`: the number that the collector expects.
    #[serde(default)]
    pub want: Option<u64>,
    /// With code `stale`: the collector's clock.
    #[serde(default)]
    pub collector_ms: Option<i64>,
    /// With code `wait`: after how many milliseconds to ask again.
    #[serde(default)]
    pub wait_ms: Option<i64>,
}

impl Answer {
    /// The error that the body states; empty where it states none.
    pub fn problem(&self) -> Problem {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// The error for people, with the status.
    pub fn complaint(&self) -> String {
        let problem = self.problem();
        let text = if problem.detail.is_empty() { problem.title } else { problem.detail };
        // The text comes from the network: escaped, so that it stays one line.
        format!("the collector answered {}: {}", self.status, text.escape_debug())
    }
}

/// Files that secure the way to the collector.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsFiles {
    /// Certificates to trust in place of the system's.
    pub ca_file: Option<PathBuf>,
    /// Certificate and private key to show where the collector wants a client's certificate.
    pub client: Option<(PathBuf, PathBuf)>,
}

impl TlsFiles {
    /// Trusts the certificates of this file, and shows none.
    pub fn trusting(ca_file: &Path) -> Self {
        Self { ca_file: Some(ca_file.to_owned()), client: None }
    }
}

/// A client of one collector.
#[derive(Clone)]
pub struct Client {
    base: Base,
    pool: Pool<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

impl Client {
    /// Sets up TLS with these files.
    pub fn new(base: Base, files: &TlsFiles) -> Result<Self, HttpError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let own = OwnCert::new(files, &provider)?;
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots(&base, files.ca_file.as_deref())?);
        let tls = match own {
            Some(own) => tls.with_client_cert_resolver(Arc::new(own)),
            None => tls.with_no_client_auth(),
        };
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_connect_timeout(Some(Duration::from_millis(CONNECT_MAX_MS)));
        tcp.set_nodelay(true);
        let https = hyper_rustls::HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(tcp);
        let pool = Pool::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(https);
        Ok(Self { base, pool })
    }

    /// The collector's address.
    pub fn base(&self) -> &Base {
        &self.base
    }

    /// POSTs an envelope.
    pub async fn post(&self, path: &str, body: Vec<u8>, within: Duration) -> Result<Answer, HttpError> {
        let uri = self.base.join(path)?;
        let request = Request::post(uri)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))
            .body(Full::new(Bytes::from(body)));
        self.call(request, within).await
    }

    /// GETs with an `Authorization` header.
    pub async fn get(&self, path: &str, authorization: &str, within: Duration) -> Result<Answer, HttpError> {
        let uri = self.base.join(path)?;
        let request = Request::get(uri).header(AUTHORIZATION, authorization).body(Full::default());
        self.call(request, within).await
    }

    async fn call(
        &self,
        request: hyper::http::Result<Request<Full<Bytes>>>,
        within: Duration,
    ) -> Result<Answer, HttpError> {
        let request = request.map_err(|_| HttpError::Url(UrlError::Form))?;
        let name = format!("{} {}", request.method(), request.uri());
        let failed = |why: String| HttpError::Connection { call: name.clone(), why };
        let answer = async {
            let response = self.pool.request(request).await.map_err(|e| failed(with_causes(&e)))?;
            let (head, body) = response.into_parts();
            let body = Limited::new(body, ANSWER_MAX_BYTES).collect().await;
            let body = body.map_err(|e| failed(with_causes(e.as_ref())))?.to_bytes();
            let retry_after = head.headers.get(RETRY_AFTER).and_then(|v| v.to_str().ok());
            let retry_after_sec = retry_after.and_then(|v| v.trim().parse().ok());
            Ok(Answer { status: head.status, retry_after_sec, body })
        };
        match tokio::time::timeout(within, answer).await {
            Ok(result) => result,
            Err(_) => Err(failed(format!("no answer within {} ms", within.as_millis()))),
        }
    }
}

/// The error and its causes: hyper's own text alone ("client error (Connect)") helps nobody.
fn with_causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(e) = cause {
        text.push_str(&format!(": {e}"));
        cause = e.source();
    }
    text
}

fn roots(base: &Base, ca_file: Option<&Path>) -> Result<rustls::RootCertStore, HttpError> {
    let mut roots = rustls::RootCertStore::empty();
    if base.as_str().starts_with("http://") {
        return Ok(roots);
    }
    let Some(path) = ca_file else {
        let found = rustls_native_certs::load_native_certs();
        let (added, _unusable) = roots.add_parsable_certificates(found.certs);
        if added == 0 {
            let why =
                "the system has no certificates to trust; install ca-certificates or set collector.ca_file";
            return Err(HttpError::Certificates {
                path: PathBuf::from("/etc/ssl/certs"),
                why: why.to_owned(),
            });
        }
        return Ok(roots);
    };
    let bad = |why: String| HttpError::Certificates { path: path.to_owned(), why };
    let bytes = crate::state::read_bounded(path, CA_FILE_MAX_BYTES).map_err(|e| bad(e.to_string()))?;
    for cert in CertificateDer::pem_slice_iter(&bytes) {
        let cert = cert.map_err(|e| bad(format!("not a list of PEM certificates: {e}")))?;
        roots.add(cert)?;
    }
    if roots.is_empty() {
        return Err(
            bad("holds no certificate; it must hold PEM certificates (BEGIN CERTIFICATE)".to_owned()),
        );
    }
    Ok(roots)
}

#[cfg(test)]
mod tests;
