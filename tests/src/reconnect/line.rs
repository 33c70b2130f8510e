//! A kept TLS connection of a simulated host, with the time limits of an agent.

use crate::stack::CERT;
use anyhow::{Context, Result, anyhow, bail, ensure};
use hostmeter_agent::limits::{CONNECT_MAX_MS, REQUEST_MAX_MS};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// Largest answer.
const ANSWER_MAX_BYTES: usize = 64 * 1024;

/// Where all connect to.
#[derive(Clone)]
pub(super) struct Door {
    address: SocketAddr,
    connector: TlsConnector,
}

/// A connection.
pub(super) struct Line {
    stream: TlsStream<TcpStream>,
    buffer: Vec<u8>,
    /// The other side said that this was the last answer.
    is_last: bool,
}

/// What was answered.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) retry_after_sec: Option<u64>,
    pub(super) body: Vec<u8>,
}

impl Door {
    /// The collector of a stack. No two connections share a session, as those of different hosts cannot.
    pub(super) fn new(address: SocketAddr) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(CERT.as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.resumption = rustls::client::Resumption::disabled();
        Ok(Self { address, connector: TlsConnector::from(Arc::new(config)) })
    }

    /// Connects and shakes hands.
    pub(super) async fn open(&self) -> Result<Line> {
        let tcp = TcpStream::connect(self.address);
        let tcp = timeout(Duration::from_millis(CONNECT_MAX_MS), tcp).await.context("connecting")??;
        tcp.set_nodelay(true)?;
        let tls = self.connector.connect(ServerName::try_from("127.0.0.1")?, tcp);
        let stream = timeout(Duration::from_millis(REQUEST_MAX_MS), tls).await.context("TLS")??;
        Ok(Line { stream, buffer: Vec::new(), is_last: false })
    }
}

impl Line {
    /// Whether another request may follow.
    pub(super) const fn is_good(&self) -> bool {
        !self.is_last
    }

    /// POSTs an envelope.
    pub(super) async fn post(&mut self, path: &str, body: &[u8]) -> Result<Answer> {
        // Until an answer was read to its end, nothing more can be asked here.
        self.is_last = true;
        let exchange = timeout(Duration::from_millis(REQUEST_MAX_MS), self.exchange(path, body));
        exchange.await.map_err(|_| anyhow!("no answer within {REQUEST_MAX_MS} ms"))?
    }

    async fn exchange(&mut self, path: &str, body: &[u8]) -> Result<Answer> {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/octet-stream\r\ncontent-length: {}\r\n\r\n",
            body.len()
        );
        self.stream.write_all(&[head.as_bytes(), body].concat()).await?;
        self.stream.flush().await?;
        self.buffer.clear();
        let end = loop {
            self.fill().await?;
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
        };
        let text = std::str::from_utf8(self.buffer.get(..end).context("head")?)?;
        let status = text.get(9..12).context("status")?.parse()?;
        let field = |name: &str| {
            let mut fields = text.lines().filter_map(|l| l.split_once(':'));
            fields.find(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        let length: usize = field("content-length").context("content-length")?.parse()?;
        let retry_after_sec = field("retry-after").map(str::parse).transpose()?;
        let is_last = field("connection").is_some_and(|v| v.eq_ignore_ascii_case("close"));
        while self.buffer.len() < end + length {
            self.fill().await?;
        }
        self.is_last = is_last;
        Ok(Answer { status, retry_after_sec, body: self.buffer.split_off(end) })
    }

    async fn fill(&mut self) -> Result<()> {
        ensure!(self.buffer.len() < ANSWER_MAX_BYTES, "the answer is too long");
        let mut part = [0_u8; 2_048];
        match self.stream.read(&mut part).await? {
            0 => bail!("the connection ended before its answer"),
            n => self.buffer.extend_from_slice(part.get(..n).unwrap_or_default()),
        }
        Ok(())
    }
}
