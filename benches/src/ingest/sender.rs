//! Senders that cost little: requests are made beforehand, connections are kept, one request is on its way at a time.

use anyhow::{Context, Result, anyhow, bail, ensure};
use hostmeter_tests::stack::CERT;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Pause after a 503.
const PAUSE: Duration = Duration::from_millis(20);
/// Largest head of an answer.
const HEAD_MAX_BYTES: usize = 8 * 1024;

/// A whole request as it goes over the wire.
pub(crate) fn request(path: &str, kind: &str, body: &[u8]) -> Vec<u8> {
    let mut out = format!(
        "POST {path} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: {kind}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    out.extend_from_slice(body);
    out
}

/// A kept TLS connection.
pub(crate) struct Connection {
    stream: StreamOwned<ClientConnection, TcpStream>,
    buffer: Vec<u8>,
}

/// Trusts the certificate of the stack's collector.
pub(crate) fn client_config() -> Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(CERT.as_bytes())?)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

impl Connection {
    /// Connects and shakes hands.
    pub(crate) fn open(to: SocketAddr, config: &Arc<ClientConfig>) -> Result<Self> {
        let tcp = TcpStream::connect(to)?;
        tcp.set_nodelay(true)?;
        tcp.set_read_timeout(Some(Duration::from_secs(60)))?;
        let tls = ClientConnection::new(Arc::clone(config), ServerName::try_from("127.0.0.1")?)?;
        let mut stream = StreamOwned::new(tls, tcp);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self { stream, buffer: Vec::with_capacity(HEAD_MAX_BYTES) })
    }

    /// What it speaks over.
    pub(crate) const fn tcp(&self) -> &TcpStream {
        &self.stream.sock
    }

    /// Sends some bytes and waits for nothing.
    pub(crate) fn say(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.write_all(bytes)?;
        Ok(self.stream.flush()?)
    }

    /// Sends a request; the status of the answer, which is read to its end.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> Result<u16> {
        self.stream.write_all(request)?;
        self.stream.flush()?;
        self.buffer.clear();
        let head = loop {
            self.fill()?;
            if let Some(end) = self.buffer.windows(4).position(|w| w == b"\r\n\r\n") {
                break end + 4;
            }
            ensure!(self.buffer.len() < HEAD_MAX_BYTES, "the answer's head is too long");
        };
        let text = std::str::from_utf8(self.buffer.get(..head).context("head")?)?;
        let status = text.get(9..12).context("status")?.parse()?;
        let length = text.lines().find_map(|l| {
            let (name, value) = l.split_once(':')?;
            name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>())
        });
        let length = length.transpose()?.unwrap_or(0);
        while self.buffer.len() < head + length {
            self.fill()?;
        }
        Ok(status)
    }

    fn fill(&mut self) -> Result<()> {
        let mut part = [0_u8; 4_096];
        let n = self.stream.read(&mut part)?;
        ensure!(n > 0, "the connection ended before its answer");
        self.buffer.extend_from_slice(part.get(..n).unwrap_or_default());
        Ok(())
    }
}

/// What a run of senders took.
pub(crate) struct Sent {
    /// From the first request to the last answer.
    pub(crate) took: Duration,
    /// Of each request to its final answer, sorted.
    pub(crate) waits: Vec<Duration>,
    /// Answers that asked to come again later.
    pub(crate) refused: u64,
}

impl Sent {
    /// The wait that so many of a thousand requests did not exceed.
    pub(crate) fn permille(&self, n: usize) -> Duration {
        let at = (self.waits.len() * n / 1_000).min(self.waits.len().saturating_sub(1));
        self.waits.get(at).copied().unwrap_or_default()
    }
}

/// Sends each list over a connection of its own, all at the same time, with a pause after each request.
pub(crate) fn send(to: SocketAddr, work: &[Vec<Vec<u8>>], pause: Duration) -> Result<Sent> {
    let config = client_config()?;
    let connections: Vec<_> = work.iter().map(|_| Connection::open(to, &config)).collect::<Result<_>>()?;
    let start = Instant::now();
    let parts = std::thread::scope(|scope| {
        let threads: Vec<_> = connections
            .into_iter()
            .zip(work)
            .map(|(connection, requests)| scope.spawn(move || send_all(connection, requests, pause)))
            .collect();
        threads
            .into_iter()
            .map(|t| t.join().map_err(|_| anyhow!("a sender panicked"))?)
            .collect::<Result<Vec<_>>>()
    })?;
    let took = start.elapsed();
    let refused = parts.iter().map(|(_, refused)| refused).sum();
    let mut waits: Vec<Duration> = parts.into_iter().flat_map(|(waits, _)| waits).collect();
    waits.sort_unstable();
    Ok(Sent { took, waits, refused })
}

fn send_all(
    mut connection: Connection,
    requests: &[Vec<u8>],
    pause: Duration,
) -> Result<(Vec<Duration>, u64)> {
    let (mut waits, mut refused) = (Vec::with_capacity(requests.len()), 0);
    for request in requests {
        let start = Instant::now();
        loop {
            match connection.exchange(request)? {
                200 | 204 => break,
                503 => {
                    refused += 1;
                    std::thread::park_timeout(PAUSE);
                }
                status => bail!("status {status}"),
            }
        }
        waits.push(start.elapsed());
        if !pause.is_zero() {
            std::thread::park_timeout(pause);
        }
    }
    Ok((waits, refused))
}
