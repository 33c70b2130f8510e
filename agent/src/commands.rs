//! Commands: fetched from the collector by long poll, handed to the executor as the bytes that were signed.
//!
//! The agent understands no command and decides nothing. While the executor cannot be reached nothing is fetched, so
//! that commands wait at the collector, where they are seen and expire.

use crate::control;
use crate::executor::protocol::ProtocolError;
use crate::http::{Client, HttpError};
use crate::limits::{EXECUTOR_CALL_MAX, LONG_POLL_MAX_MS, LONG_POLL_SEC};
use crate::os::{self, OsError};
use crate::ship::{Backoff, Link, lock};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::envelope::{Domain, SealError, Stamp, seal};
use hostmeter_core::wire::key::hex;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;

/// Payload of the `HMRESUM1` envelope that authenticates a request for commands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asking {
    /// Payload version.
    pub v: u32,
    /// `commands`.
    pub purpose: String,
    /// 8 random bytes in hexadecimal, so that no two requests are alike.
    pub nonce: String,
}

/// What the collector says: nothing of it is trusted here, the executor verifies each envelope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
struct Told {
    /// Envelopes in base64, in the order in which they are to be done.
    #[serde(default)]
    commands: Vec<String>,
    /// Deletions whose `begun` the collector has.
    #[serde(default)]
    begun_acked: Vec<u64>,
}

/// Why commands did not come or were not handed over.
#[derive(Debug, thiserror::Error)]
enum CommandError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("{0}")]
    Refused(String),
    #[error("the collector's commands are not understood: {0}")]
    Json(#[from] serde_json::Error),
    #[error("a command is not base64: {0}")]
    Base64(#[from] base64::DecodeError),
    #[error("executor at {socket}: {source}; commands wait at the collector")]
    Executor {
        socket: String,
        #[source]
        source: ProtocolError,
    },
    #[error(transparent)]
    Seal(#[from] SealError),
    #[error(transparent)]
    Os(#[from] OsError),
    #[error("the executor's task ended: {0}")]
    Task(#[from] tokio::task::JoinError),
}

/// Fetches and hands over, until cancelled.
pub async fn run(link: Arc<Link>, client: Client, socket: PathBuf) {
    let mut backoff = Backoff::new(link.backoff_ms.0, link.backoff_ms.1);
    let mut said = String::new();
    loop {
        match round(&link, &client, &socket).await {
            Ok(()) => {
                backoff.reset();
                said.clear();
            }
            Err(e) => {
                let why = e.to_string();
                if why == said {
                    tracing::debug!("commands: {why}");
                } else {
                    tracing::warn!("commands: {why}");
                }
                said = why;
                tokio::time::sleep(backoff.next(0, os::random_below)).await;
            }
        }
    }
}

async fn round(link: &Link, client: &Client, socket: &Path) -> Result<(), CommandError> {
    // Is the executor there? Only then is anything asked for.
    reach(socket).await?;
    let path = format!("/v1/commands?wait={LONG_POLL_SEC}");
    let answer = client.get(&path, &authorization(link)?, Duration::from_millis(LONG_POLL_MAX_MS)).await?;
    match answer.status.as_u16() {
        204 => return Ok(()),
        200 => {}
        _ => return Err(CommandError::Refused(answer.complaint())),
    }
    let told: Told = serde_json::from_slice(&answer.body)?;
    let envelopes: Vec<Vec<u8>> =
        told.commands.iter().map(|text| STANDARD.decode(text)).collect::<Result<_, _>>()?;
    if envelopes.is_empty() && told.begun_acked.is_empty() {
        return Ok(());
    }
    blocking(socket, move |client| {
        for envelope in &envelopes {
            client.deliver(envelope)?;
        }
        if told.begun_acked.is_empty() { Ok(()) } else { client.begun_acked(&told.begun_acked) }
    })
    .await
}

/// Connects to the executor, and no more. Not by a thread: most rounds bring no command.
async fn reach(socket: &Path) -> Result<(), CommandError> {
    let connected = tokio::time::timeout(EXECUTOR_CALL_MAX, UnixStream::connect(socket)).await;
    let connected = connected.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()));
    connected.map(drop).map_err(|e| CommandError::Executor {
        socket: socket.display().to_string(),
        source: ProtocolError::Io(e),
    })
}

async fn blocking(
    socket: &Path,
    calls: impl FnOnce(&mut crate::executor::protocol::Client) -> Result<(), ProtocolError> + Send + 'static,
) -> Result<(), CommandError> {
    let shown = socket.display().to_string();
    let socket = socket.to_owned();
    let done = tokio::task::spawn_blocking(move || control::connect(&socket).and_then(|mut c| calls(&mut c)));
    done.await?.map_err(|source| CommandError::Executor { socket: shown, source })
}

/// The header: an envelope signed by the host's key, fresh by collector time.
fn authorization(link: &Link) -> Result<String, CommandError> {
    let now = os::now()?;
    let collector_ms = lock(&link.clock).at_ms(now.boottime_ms());
    let nonce = hex(&getrandom::u64().unwrap_or(now.boottime_ns).to_be_bytes());
    let asking = Asking { v: VERSION, purpose: "commands".to_owned(), nonce };
    let stamp = Stamp {
        domain: Domain::Resume,
        host: link.sealer.host,
        epoch: link.sealer.epoch,
        seq: 0,
        prev: [0; 32],
        boot: link.sealer.boot,
        wall_ns: u64::try_from(collector_ms).unwrap_or(0).saturating_mul(1_000_000),
        boottime_ns: now.boottime_ns,
    };
    let envelope = seal(&stamp, &serde_json::to_vec(&asking)?, &link.sealer.key)?;
    Ok(format!("Hostmeter {}", STANDARD.encode(envelope)))
}

#[cfg(test)]
mod tests;
