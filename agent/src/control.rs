//! Outcomes from the executor to the sampling thread, which seals them. A thread of its own: its calls block.
//!
//! An outcome is forgotten by the executor only after a batch with it is durable here, so that it is told at least
//! once whatever is killed.

use crate::executor::protocol::{Client, Numbered, ProtocolError};
use crate::limits::{EXECUTOR_CALL_MAX, EXECUTOR_RETRY, OUTCOME_WAIT};
use crate::sampling::Inbox;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

/// Connects for one exchange or a row of them.
pub fn connect(socket: &Path) -> Result<Client, ProtocolError> {
    Client::connect(socket, EXECUTOR_CALL_MAX)
}

/// Starts the thread. `durable` says up to which serial outcomes are in durable batches; the thread ends when the
/// other end of either channel is gone.
pub fn start(
    socket: PathBuf,
    inbox: Sender<Inbox>,
    durable: Receiver<u64>,
) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name("outcomes".to_owned()).spawn(move || {
        let mut known = 0;
        let mut is_quiet = false;
        loop {
            match exchange(&socket, &inbox, &durable, &mut known) {
                Ended::Stopped => return,
                Ended::Failed(e) => {
                    // Once in the log: an executor that is away stays away for long.
                    if is_quiet {
                        tracing::debug!("executor at {}: {e}", socket.display());
                    } else {
                        tracing::warn!("executor at {}: {e}; trying again", socket.display());
                        is_quiet = true;
                    }
                }
                Ended::Served => is_quiet = false,
            }
            match durable.recv_timeout(EXECUTOR_RETRY) {
                Ok(_) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    })
}

enum Ended {
    Stopped,
    /// The connection broke after it had served.
    Served,
    Failed(ProtocolError),
}

/// One connection, as long as it lasts.
fn exchange(socket: &Path, inbox: &Sender<Inbox>, durable: &Receiver<u64>, known: &mut u64) -> Ended {
    let mut client = match connect(socket) {
        Ok(client) => client,
        Err(e) => return Ended::Failed(e),
    };
    let mut has_served = false;
    loop {
        let outcomes = match client.outcomes(*known, OUTCOME_WAIT) {
            Ok(outcomes) => outcomes,
            Err(_) if has_served => return Ended::Served,
            Err(e) => return Ended::Failed(e),
        };
        has_served = true;
        match hand_over(&mut client, outcomes, inbox, durable) {
            Ok(Some(serial)) => *known = serial,
            Ok(None) => {}
            Err(ended) => return ended,
        }
    }
}

/// Waits until the outcomes are durable, then lets the executor forget them.
fn hand_over(
    client: &mut Client,
    outcomes: Vec<Numbered>,
    inbox: &Sender<Inbox>,
    durable: &Receiver<u64>,
) -> Result<Option<u64>, Ended> {
    let Some(upto) = outcomes.last().map(|o| o.serial) else { return Ok(None) };
    if inbox.send(Inbox::Outcomes(outcomes)).is_err() {
        return Err(Ended::Stopped);
    }
    loop {
        match durable.recv() {
            Ok(serial) if serial >= upto => break,
            Ok(_) => {}
            Err(_) => return Err(Ended::Stopped),
        }
    }
    // If this fails they come again, and are told again, which is harmless.
    client.forget(upto).map_err(|_| Ended::Served)?;
    Ok(Some(upto))
}
