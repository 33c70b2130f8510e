//! A small client of the JSON API, for tests.

use anyhow::{Context, Result};
use serde_json::Value;
use std::time::Duration;

/// A collector's address with a token.
#[derive(Clone, Debug)]
pub struct Api {
    url: String,
    token: String,
    agent: ureq::Agent,
}

/// Status and body of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body as JSON; a string where it is none.
    pub body: Value,
}

impl Answer {
    /// The body of an answer in the 200s; an error that shows everything else.
    pub fn ok(self) -> Result<Value> {
        anyhow::ensure!((200..300).contains(&self.status), "status {}: {}", self.status, self.body);
        Ok(self.body)
    }
}

impl Api {
    /// A client for this address and bearer token.
    pub fn new(url: &str, token: &str) -> Self {
        Self::with(url, token, ureq::tls::TlsConfig::default())
    }

    /// As [`Api::new`], trusting this certificate (PEM) alone where the address says https.
    pub fn trusting(url: &str, token: &str, cert: &str) -> Result<Self> {
        let cert = ureq::tls::Certificate::from_pem(cert.as_bytes())?;
        let roots = ureq::tls::RootCerts::new_with_certs(&[cert]);
        Ok(Self::with(url, token, ureq::tls::TlsConfig::builder().root_certs(roots).build()))
    }

    fn with(url: &str, token: &str, tls: ureq::tls::TlsConfig) -> Self {
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(40)))
            .tls_config(tls)
            .build();
        Self { url: url.trim_end_matches('/').to_owned(), token: token.to_owned(), agent: config.into() }
    }

    /// POST of raw bytes without a token; the answer's bytes, which must be a success.
    pub fn exchange(&self, path: &str, body: &[u8]) -> Result<Vec<u8>> {
        let request = self.agent.post(format!("{}{path}", self.url));
        let answer = request.header("content-type", "application/octet-stream").send(body);
        let mut answer = answer.with_context(|| format!("request {path}"))?;
        let bytes = answer.body_mut().read_to_vec().with_context(|| format!("answer to {path}"))?;
        let status = answer.status();
        anyhow::ensure!(status.is_success(), "{path}: {status} {}", String::from_utf8_lossy(&bytes));
        Ok(bytes)
    }

    /// GET.
    pub fn get(&self, path: &str) -> Result<Answer> {
        let request = self.agent.get(format!("{}{path}", self.url));
        let answer = request.header("authorization", format!("Bearer {}", self.token)).call();
        read(path, answer)
    }

    /// POST of a JSON body, with an idempotency key if one is given.
    pub fn post(&self, path: &str, body: &Value, idempotency: Option<&str>) -> Result<Answer> {
        let mut request = self.agent.post(format!("{}{path}", self.url));
        request = request.header("authorization", format!("Bearer {}", self.token));
        if let Some(key) = idempotency {
            request = request.header("idempotency-key", key);
        }
        read(path, request.send_json(body))
    }

    /// PUT of a JSON body.
    pub fn put(&self, path: &str, body: &Value) -> Result<Answer> {
        let request = self.agent.put(format!("{}{path}", self.url));
        read(path, request.header("authorization", format!("Bearer {}", self.token)).send_json(body))
    }

    /// POST of raw bytes without a token, as agents send.
    pub fn post_bytes(&self, path: &str, body: &[u8]) -> Result<Answer> {
        let request = self.agent.post(format!("{}{path}", self.url));
        read(path, request.header("content-type", "application/octet-stream").send(body))
    }
}

fn read(path: &str, answer: Result<ureq::http::Response<ureq::Body>, ureq::Error>) -> Result<Answer> {
    let mut answer = answer.with_context(|| format!("request {path}"))?;
    let status = answer.status().as_u16();
    let bytes = answer.body_mut().read_to_vec().with_context(|| format!("answer to {path}"))?;
    let body = serde_json::from_slice(&bytes)
        .unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&bytes).into_owned()));
    Ok(Answer { status, body })
}
