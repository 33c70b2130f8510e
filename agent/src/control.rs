//! Outcomes from the executor to the sampling thread, which seals them. A thread of its own: its calls block.
//!
//! An outcome is forgotten by the executor only after a batch with it is durable here, so that it is told at least
//! once whatever is killed.

use crate::executor::protocol::{Client, Numbered, ProtocolError};
use crate::limits::{EXECUTOR_CALL_MAX, EXECUTOR_RETRY, OUTCOME_WAIT};
use crate::sampling::Inbox;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::path::{Path, PathBuf};
use std::sync::mpsc::SyncSender;
use std::thread::JoinHandle;

/// Connects for one exchange or a row of them.
pub fn connect(socket: &Path) -> Result<Client, ProtocolError> {
    Client::connect(socket, EXECUTOR_CALL_MAX)
}

/// Starts the thread. `durable` says up to which serial outcomes are in durable batches; the thread ends when the
/// other end of either channel is gone.
pub fn start(
    socket: PathBuf,
    inbox: SyncSender<Inbox>,
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
fn exchange(socket: &Path, inbox: &SyncSender<Inbox>, durable: &Receiver<u64>, known: &mut u64) -> Ended {
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
    inbox: &SyncSender<Inbox>,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::protocol::{Reply, Request, read_line, write_line};
    use crossbeam_channel::Sender;
    use hostmeter_core::wire::command::{Action, Outcome, Status};
    use std::io::BufReader;
    use std::os::unix::net::UnixListener;
    use std::time::Duration;

    fn outcome(serial: u64) -> Numbered {
        let outcome = Outcome {
            number: serial,
            generation: 1,
            action: Action::Inspect,
            uid: 1001,
            status: Status::Done,
            at_ms: 0,
            detail: String::new(),
            surfaces: Vec::new(),
            archive: None,
        };
        Numbered { serial, outcome }
    }

    /// An executor that has these outcomes until they are forgotten; each connection serves `calls` requests.
    fn executor(listener: &UnixListener, mut held: Vec<Numbered>, calls: usize, seen: &Sender<Request>) {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            for _ in 0..calls {
                let Ok(Some(line)) = read_line(&mut stream, 4_096) else { break };
                let request: Request = serde_json::from_slice(&line).unwrap();
                let mut reply = Reply::done();
                match &request {
                    Request::Outcomes { after, .. } => {
                        reply.outcomes = Some(held.iter().filter(|n| n.serial > *after).cloned().collect());
                        std::thread::yield_now();
                    }
                    Request::Forget { upto } => held.retain(|n| n.serial > *upto),
                    other => panic!("{other:?}"),
                }
                let is_forget = matches!(request, Request::Forget { .. });
                write_line(stream.get_mut(), &reply).unwrap();
                if is_forget {
                    seen.send(request).unwrap();
                }
            }
        }
    }

    #[test]
    fn an_outcome_is_forgotten_only_when_it_is_durable() {
        // The connection breaks often: between asking and forgetting, and after.
        for calls in [100, 2, 1] {
            let dir = tempfile::tempdir().unwrap();
            let socket = dir.path().join("x.sock");
            let listener = UnixListener::bind(&socket).unwrap();
            let (seen_in, seen) = crossbeam_channel::unbounded();
            std::thread::spawn(move || executor(&listener, vec![outcome(4), outcome(5)], calls, &seen_in));
            let (inbox_in, inbox) = std::sync::mpsc::sync_channel(1);
            let (durable, durable_out) = crossbeam_channel::bounded(1);
            start(socket, inbox_in, durable_out).unwrap();
            let limit = Duration::from_secs(20);
            let Inbox::Outcomes(list) = inbox.recv_timeout(limit).unwrap() else { panic!("no outcomes") };
            assert_eq!(list.iter().map(|n| n.serial).collect::<Vec<_>>(), [4, 5]);
            durable.send(4).unwrap();
            assert!(seen.recv_timeout(Duration::from_millis(50)).is_err(), "5 is not durable yet");
            durable.send(5).unwrap();
            if calls == 1 {
                // The connection was gone before it could be forgotten: it is told again.
                assert!(matches!(inbox.recv_timeout(limit), Ok(Inbox::Outcomes(again)) if again.len() == 2));
            } else {
                assert_eq!(seen.recv_timeout(limit).unwrap(), Request::Forget { upto: 5 });
            }
        }
    }
}
