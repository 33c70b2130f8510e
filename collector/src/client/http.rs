//! A blocking client of the JSON API.

use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long an answer may take. A charge of many hours is the longest.
const ANSWER_LIMIT: Duration = Duration::from_secs(600);
/// How long a connection may take.
const CONNECT_LIMIT: Duration = Duration::from_secs(10);
/// Largest answer that is read, in bytes.
const ANSWER_MAX_BYTES: u64 = 64 * 1024 * 1024;

/// Why a call failed. The message says what, where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// Not an address of a collector.
    #[error("{url:?} is not the address of a collector; write it like https://meter.example.com")]
    Url {
        /// What was given.
        url: String,
    },
    /// A certificate file cannot be used.
    #[error("{path}: {why}; name a PEM file with --ca-file", path = path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        why: String,
    },
    /// Nobody answered.
    #[error("{url}: {source}; is the collector running, and is this its address?")]
    Connect {
        /// The whole address.
        url: String,
        /// What the network said.
        #[source]
        source: Box<ureq::Error>,
    },
    /// The collector refused.
    #[error("{title}: {detail} (status {status}, code {code})")]
    Refused {
        /// HTTP status.
        status: u16,
        /// Stable code.
        code: String,
        /// In a few words.
        title: String,
        /// What, where, what to do.
        detail: String,
    },
    /// What came could not be written, or ended too early.
    #[error("{path}: {source}; what was written is not complete", path = path.display())]
    Write {
        /// Where to.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// An answer that is no JSON.
    #[error("{url} answered with something that is not JSON; is this the address of a collector?")]
    NotJson {
        /// The whole address.
        url: String,
    },
}

impl ClientError {
    fn write(path: Option<&Path>) -> impl Fn(std::io::Error) -> Self {
        let path = path.map_or_else(|| PathBuf::from("standard output"), Path::to_owned);
        move |source| Self::Write { path: path.clone(), source }
    }
}

/// A collector's address with a bearer token.
#[derive(Clone, Debug)]
pub struct Client {
    url: String,
    token: String,
    agent: ureq::Agent,
}

impl Client {
    /// A client that trusts the public certificate authorities.
    pub fn new(url: &str, token: &str) -> Result<Self, ClientError> {
        Self::with_ca(url, token, None)
    }

    /// A client that trusts this file of certificates (PEM) instead, if one is given.
    pub fn with_ca(url: &str, token: &str, ca_file: Option<PathBuf>) -> Result<Self, ClientError> {
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            return Err(ClientError::Url { url: url.to_owned() });
        }
        let mut config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_connect(Some(CONNECT_LIMIT))
            .timeout_recv_response(Some(ANSWER_LIMIT));
        if let Some(path) = ca_file {
            let roots = ureq::tls::RootCerts::new_with_certs(&read_certs(&path)?);
            config = config.tls_config(ureq::tls::TlsConfig::builder().root_certs(roots).build());
        }
        let url = url.trim_end_matches('/').to_owned();
        Ok(Self { url, token: token.trim().to_owned(), agent: config.build().into() })
    }

    /// GET.
    pub fn get(&self, path: &str) -> Result<Value, ClientError> {
        let url = format!("{}{path}", self.url);
        let sent = self.agent.get(&url).header("authorization", format!("Bearer {}", self.token)).call();
        read(url, sent)
    }

    /// GET of a text or file of any length, written as it comes to a file or to standard output.
    pub fn save(&self, path: &str, out: Option<&Path>) -> Result<(), ClientError> {
        let url = format!("{}{path}", self.url);
        let sent = self.agent.get(&url).header("authorization", format!("Bearer {}", self.token)).call();
        let answer = match sent {
            Ok(answer) if answer.status().is_success() => answer,
            other => return read(url, other).map(|_| ()),
        };
        let wrong = ClientError::write(out);
        let mut from = answer.into_body().into_reader();
        let copied = match out {
            Some(path) => std::fs::File::create(path).and_then(|mut file| {
                std::io::copy(&mut from, &mut file)?;
                file.sync_all()
            }),
            None => {
                let mut to = std::io::stdout().lock();
                std::io::copy(&mut from, &mut to).and_then(|_| to.flush())
            }
        };
        copied.map_err(wrong)
    }

    /// POST of a JSON body, with an idempotency key if one is given.
    pub fn post(
        &self,
        path: &str,
        body: &Value,
        idempotency_key: Option<&str>,
    ) -> Result<Value, ClientError> {
        let url = format!("{}{path}", self.url);
        let mut request = self.agent.post(&url).header("authorization", format!("Bearer {}", self.token));
        if let Some(key) = idempotency_key {
            request = request.header("idempotency-key", key);
        }
        read(url, request.send_json(body))
    }

    /// PUT of a JSON body.
    pub fn put(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let url = format!("{}{path}", self.url);
        let request = self.agent.put(&url).header("authorization", format!("Bearer {}", self.token));
        read(url, request.send_json(body))
    }

    /// PATCH of a JSON body.
    pub fn patch(&self, path: &str, body: &Value) -> Result<Value, ClientError> {
        let url = format!("{}{path}", self.url);
        let request = self.agent.patch(&url).header("authorization", format!("Bearer {}", self.token));
        read(url, request.send_json(body))
    }

    /// PUT of a TOML body.
    pub fn put_toml(&self, path: &str, body: &str) -> Result<Value, ClientError> {
        let url = format!("{}{path}", self.url);
        let request = self.agent.put(&url).header("authorization", format!("Bearer {}", self.token));
        read(url, request.header("content-type", "application/toml").send(body))
    }
}

fn read_certs(path: &std::path::Path) -> Result<Vec<ureq::tls::Certificate<'static>>, ClientError> {
    let fault = |why: String| ClientError::CaFile { path: path.to_owned(), why };
    let pem = std::fs::read(path).map_err(|e| fault(e.to_string()))?;
    let certs: Vec<_> = ureq::tls::parse_pem(&pem)
        .filter_map(Result::ok)
        .filter_map(|item| match item {
            ureq::tls::PemItem::Certificate(cert) => Some(cert),
            _ => None,
        })
        .collect();
    if certs.is_empty() { Err(fault("holds no certificate".to_owned())) } else { Ok(certs) }
}

fn read(
    url: String,
    sent: Result<ureq::http::Response<ureq::Body>, ureq::Error>,
) -> Result<Value, ClientError> {
    let connect = |url: String| move |source| ClientError::Connect { url, source: Box::new(source) };
    let mut answer = sent.map_err(connect(url.clone()))?;
    let status = answer.status().as_u16();
    let bytes = answer
        .body_mut()
        .with_config()
        .limit(ANSWER_MAX_BYTES)
        .read_to_vec()
        .map_err(connect(url.clone()))?;
    if status == 204 {
        return Ok(Value::Null);
    }
    let body: Value = serde_json::from_slice(&bytes).map_err(|_| ClientError::NotJson { url })?;
    if (200..300).contains(&status) {
        return Ok(body);
    }
    let text = |key: &str| body.get(key).and_then(Value::as_str).unwrap_or("-").to_owned();
    Err(ClientError::Refused { status, code: text("code"), title: text("title"), detail: text("detail") })
}
