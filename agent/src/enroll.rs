//! Enrolment: a single-use token makes this machine known to a collector.
//!
//! The token pins the collector's identity key by its fingerprint; the answer is signed by that key and names the
//! request that it answers. The same token with the same key gets the same answer again, so a broken connection is
//! no harm.

use crate::cli::EnrollArgs;
use crate::clock::Clock;
use crate::executor::trust::Trust;
use crate::http::{Base, Client, HttpError, TlsFiles};
use crate::limits::{ENROLL_ANSWER_AGE_MAX_MS, REQUEST_MAX_MS};
use crate::os;
use crate::state::{Enrolment, StateDir, StateError, make_dir, to_json, write_durable};
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::wire::ack::HostState;
use hostmeter_core::wire::enroll::{EnrollAnswer, EnrollRequest, Token, TokenError};
use hostmeter_core::wire::envelope::{
    Domain, OpenError, SealError, Stamp, header_hash, open, open_payload, peek, seal,
};
use hostmeter_core::wire::key::{Hash, SigningKey, hex};
use hostmeter_core::wire::{PayloadError, VERSION};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Why this machine is not enrolled.
#[derive(Debug, thiserror::Error)]
pub enum EnrollError {
    /// Not a token.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// No answer.
    #[error(transparent)]
    Http(#[from] HttpError),
    /// The collector refused.
    #[error("{0}; nothing was changed here")]
    Refused(String),
    /// The answer is not from the collector that the token names.
    #[error(
        "the answer is signed by a key with fingerprint {got}, but the token names {want}; check the address, and \
         who stands between"
    )]
    WrongCollector {
        /// Fingerprint of the key that answered.
        got: String,
        /// Fingerprint in the token.
        want: String,
    },
    /// The answer is to another request.
    #[error("the collector's answer is to another request; try again")]
    OtherRequest,
    /// The answer cannot be opened.
    #[error("the collector's answer: {0}")]
    Open(#[from] OpenError),
    /// The answer is not understood.
    #[error("the collector's answer: {0}")]
    Payload(#[from] PayloadError),
    /// The request could not be sealed.
    #[error(transparent)]
    Seal(#[from] SealError),
    /// State could not be read or written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The clocks could not be read.
    #[error(transparent)]
    Os(#[from] os::OsError),
}

/// What enrolment brought.
#[derive(Debug)]
pub struct Enrolled {
    /// What is kept.
    pub enrolment: Enrolment,
    /// Live, or pending until an admin approves.
    pub state: HostState,
    /// Fingerprint of this host's key, which the admin compares.
    pub fingerprint: String,
    /// Where the spool of an earlier identity was moved to.
    pub old_spool: Option<PathBuf>,
    /// Why the executor does not know whom to trust, if so.
    pub trust_skipped: Option<String>,
}

/// Enrols: asks, verifies the answer, keeps it.
pub async fn enroll(state: &StateDir, tls: &TlsFiles, args: &EnrollArgs) -> Result<Enrolled, EnrollError> {
    let token = Token::parse(&args.token)?;
    let client = Client::new(Base::parse(&args.collector).map_err(HttpError::from)?, tls)?;
    let key = state.key_to_enrol(args.new_key)?;
    let request = request(&token, &key)?;
    let sent = os::now()?;
    let answer = client.post("/v1/enroll", request.clone(), Duration::from_millis(REQUEST_MAX_MS)).await?;
    let received = os::now()?;
    if !answer.status.is_success() {
        return Err(EnrollError::Refused(answer.complaint()));
    }
    let answer = verify(&token, &request, &answer.body)?;
    let enrolment = Enrolment {
        v: VERSION,
        host_id: answer.host_id,
        name: answer.name.clone(),
        epoch: answer.epoch,
        identity_key: answer.identity_key,
        command_key: answer.command_key,
        url: client.base().as_str().to_owned(),
    };
    // The spool of another identity goes first: records of two hosts never lie in one spool.
    let old_spool = match state.enrolment()? {
        Some(old) if (old.host_id, old.epoch) != (enrolment.host_id, enrolment.epoch) => {
            state.set_spool_aside(old.host_id, old.epoch)?
        }
        _ => None,
    };
    // The answer may be the first one again, as old as a token may get: it tells only of a clock that is further off.
    let off_ms = answer.collector_ms.saturating_sub(received.wall_ms());
    if state.clock().is_none() && off_ms.saturating_abs() > ENROLL_ANSWER_AGE_MAX_MS {
        let mut clock = Clock::start(None, os::boot_id()?, sent.wall_ms(), sent.boottime_ms());
        clock.learn(sent.boottime_ms(), received.boottime_ms(), answer.collector_ms);
        state.save_clock(&clock.kept(received.wall_ms(), received.boottime_ms()))?;
        tracing::warn!(
            "this machine's clock is {off_ms} ms off the collector's; usage is kept in the collector's time"
        );
    }
    if args.new_key {
        state.promote_key()?;
    }
    state.save_enrolment(&enrolment)?;
    let trust_skipped = write_trust(&args.executor_trust, &enrolment).err().map(|e| e.to_string());
    let fingerprint = key.public().fingerprint();
    Ok(Enrolled { enrolment, state: answer.state, fingerprint, old_spool, trust_skipped })
}

fn request(token: &Token, key: &SigningKey) -> Result<Vec<u8>, EnrollError> {
    let payload = EnrollRequest {
        v: VERSION,
        secret: hex(&token.secret),
        public_key: key.public(),
        agent_version: env!("CARGO_PKG_VERSION").to_owned(),
        machine: os::machine_name(),
    };
    // Nothing here depends on the moment: asked again with the same token and key, the request is the same bytes,
    // and the collector's first answer, which names them, answers it again.
    let stamp = Stamp {
        domain: Domain::Enroll,
        host: HostId::default(),
        epoch: 0,
        seq: 0,
        prev: [0; 32],
        boot: BootId::default(),
        wall_ns: 0,
        boottime_ns: 0,
    };
    Ok(seal(&stamp, &payload.encode()?, key)?)
}

/// The key that signed stands in the answer itself; it counts only if it is the one that the token pins.
fn verify(token: &Token, request: &[u8], bytes: &[u8]) -> Result<EnrollAnswer, EnrollError> {
    let untrusted = EnrollAnswer::decode(&open_payload(&peek(bytes)?, bytes)?)?;
    let got = untrusted.identity_key.fingerprint();
    if !got.eq_ignore_ascii_case(&token.fingerprint) {
        return Err(EnrollError::WrongCollector { got, want: token.fingerprint.clone() });
    }
    let (_, payload) = open(bytes, Domain::Enroll, &untrusted.identity_key)?;
    let answer = EnrollAnswer::decode(&payload)?;
    if answer.request_hash != Hash(header_hash(request)) {
        return Err(EnrollError::OtherRequest);
    }
    Ok(answer)
}

fn write_trust(path: &Path, enrolment: &Enrolment) -> Result<(), StateError> {
    if let Some(dir) = path.parent() {
        make_dir(dir)?;
    }
    let Enrolment { host_id, epoch, command_key, .. } = *enrolment;
    write_durable(path, &to_json(&Trust { host_id, epoch, command_key }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostmeter_core::ids::HostName;

    fn answer(signer: &SigningKey, named: &SigningKey, request: &[u8]) -> Vec<u8> {
        let payload = EnrollAnswer {
            v: VERSION,
            host_id: HostId([5; 16]),
            name: HostName::parse("web1").unwrap(),
            epoch: 1,
            state: HostState::Live,
            identity_key: named.public(),
            command_key: named.public(),
            collector_ms: 1,
            request_hash: Hash(header_hash(request)),
        };
        let stamp = Stamp {
            domain: Domain::Enroll,
            host: HostId([5; 16]),
            epoch: 1,
            seq: 0,
            prev: [0; 32],
            boot: Default::default(),
            wall_ns: 0,
            boottime_ns: 0,
        };
        seal(&stamp, &payload.encode().unwrap(), signer).unwrap()
    }

    #[test]
    fn only_the_collector_of_the_token_is_believed() {
        let keys: Vec<_> = (1..4).map(|n| SigningKey::from_seed(&[n; 32]).unwrap()).collect();
        let (collector, stranger, host) = (&keys[0], &keys[1], &keys[2]);
        let token = Token { fingerprint: collector.public().fingerprint(), secret: [1; 16] };
        let asked = request(&token, host).unwrap();
        let other = request(&Token { secret: [2; 16], ..token.clone() }, host).unwrap();
        let check = |bytes: &[u8], want: &str| {
            let got = verify(&token, &asked, bytes).map_or_else(|e| e.to_string(), |a| a.name.to_string());
            assert!(got.contains(want), "{got} / {want}");
        };
        check(&answer(collector, collector, &asked), "web1");
        check(&answer(stranger, stranger, &asked), "but the token names");
        check(&answer(stranger, collector, &asked), "is signed by key");
        check(&answer(collector, collector, &other), "is to another request");
        let again = request(&token, host).unwrap();
        check(&answer(collector, collector, &again), "web1");
        check(b"nonsense", "unknown magic");
        let mut flipped = answer(collector, collector, &asked);
        flipped[190] ^= 1;
        check(&flipped, "signature is wrong");
    }
}
