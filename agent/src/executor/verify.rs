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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::executor::testing::{Signer, wall_ms};
    use hostmeter_core::ids::HostId;
    use hostmeter_core::wire::command::{Action, Target};

    fn target() -> Target {
        Target { uid: 1_001, user: "shop".to_owned(), home: "/home/shop".to_owned(), home_inode: 7 }
    }

    /// Of every kind of command: no changed bit leaves anything that would be obeyed.
    #[test]
    fn every_single_bit_flipped_is_refused() {
        let signer = Signer::new();
        let trust = Trust { host_id: signer.host, epoch: signer.epoch, command_key: signer.key.public() };
        for action in Action::ALL {
            let command = signer.command(3, action, 2, target());
            let sealed = signer.seal(&command);
            let judged = |bytes: &[u8], trust: &Trust| judge(bytes, trust, wall_ms());
            assert!(matches!(judged(&sealed, &trust), Verdict::Admitted(c) if c == command));
            for bit in 0..sealed.len() * 8 {
                let mut bad = sealed.clone();
                bad[bit / 8] ^= 1 << (bit % 8);
                assert!(!matches!(judged(&bad, &trust), Verdict::Admitted(_)), "bit {bit} of {action:?}");
            }
            for cut in 0..sealed.len() {
                assert!(!matches!(judged(&sealed[..cut], &trust), Verdict::Admitted(_)), "cut at {cut}");
            }
            let other = Trust { host_id: HostId([1; 16]), ..trust };
            assert!(matches!(judged(&sealed, &other), Verdict::Refused(..)), "for another host");
            let later = Trust { epoch: signer.epoch + 1, ..trust };
            assert!(matches!(judged(&sealed, &later), Verdict::Refused(..)), "of an epoch that is over");
        }
    }
}
