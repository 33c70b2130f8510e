//! From an envelope to a command that this host may obey; nothing here asks who delivered it.

use super::trust::Trust;
use hostmeter_core::wire::command::{Command, Refusal};
use hostmeter_core::wire::envelope::{self, Domain, Header, OpenError};

/// What an envelope turned out to be.
#[derive(Debug)]
pub enum Verdict {
    /// To be obeyed, if the account matches. `epoch` is the command's, not below the trusted one.
    Admitted(Command),
    /// A command, but not to be obeyed. Number and account are only claimed, if the signature was wrong.
    Refused(Command, String),
    /// Nothing that an outcome could name.
    Garbage(String),
}

/// Judges an envelope. `now_ms` is the wall clock.
pub fn judge(bytes: &[u8], trust: &Trust, now_ms: i64) -> Verdict {
    let (header, payload) = match envelope::open(bytes, Domain::Command, &trust.command_key) {
        Ok(opened) => opened,
        Err(e) => return unverified(bytes, &e),
    };
    let command = match Command::decode(&payload) {
        Ok(command) => command,
        Err(e) => return Verdict::Garbage(e.to_string()),
    };
    match admit(&command, &header, trust, now_ms) {
        Ok(()) => Verdict::Admitted(command),
        Err(e) => Verdict::Refused(command, e.to_string()),
    }
}

/// A host may have been granted a later epoch since its enrolment; the collector's signature proves it. An earlier one
/// is over.
fn admit(command: &Command, header: &Header, trust: &Trust, now_ms: i64) -> Result<(), Refusal> {
    let epoch = trust.epoch.max(command.epoch);
    command.admit(header, trust.host_id, epoch, now_ms)
}

/// What can still be told of an envelope that did not verify, so that the refusal reaches the administrators.
fn unverified(bytes: &[u8], error: &OpenError) -> Verdict {
    let claimed = envelope::peek(bytes)
        .ok()
        .filter(|h| h.stamp.domain == Domain::Command)
        .and_then(|h| envelope::open_payload(&h, bytes).ok())
        .and_then(|payload| Command::decode(&payload).ok());
    match claimed {
        Some(command) => Verdict::Refused(command, error.to_string()),
        None => Verdict::Garbage(error.to_string()),
    }
}
