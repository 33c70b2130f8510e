//! Replacing this host's key, step by step, each written down before the next is taken.
//!
//! 1. Asked: the new key is made and durable; the collector is told of it by a request that both keys sign. Until it
//!    agrees everything goes on with the old key.
//! 2. Registered: the collector accepts both. Sealing stops for a moment; where the old key ended is written down, and
//!    the new key takes its place by one rename.
//! 3. Switched: batches are sealed with the new key. The collector hears where the old one ended, so that what it
//!    sealed is accepted however late it comes: nothing is sealed again.
//!
//! A kill at any step leaves a key that the collector accepts, and the next start goes on from there.

use crate::fault;
use crate::spool::Tail;
use crate::state::{
    Enrolment, KEY, StateDir, StateError, io_at, make_key, read_json, read_key, sync_dir, to_json,
    write_durable,
};
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::wire::envelope::{Domain, Stamp, open, seal};
use hostmeter_core::wire::key::{Hash, PublicKey, SigningKey};
use hostmeter_core::wire::keys::{KeyEnd, Rotate, Rotated};
use serde::{Deserialize, Serialize};
use std::path::Path;

const FILE: &str = "rotation.json";
/// The new key before it takes its place.
const NEW_KEY: &str = "host.key.rotate";
/// The old key after it.
const OLD_KEY: &str = "host.key.replaced";

/// How far a rotation is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Of which host.
    pub host_id: HostId,
    /// The step.
    pub step: Step,
}

/// A step of a rotation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case", deny_unknown_fields)]
pub enum Step {
    /// Somebody wants a new key.
    Asked,
    /// The collector accepts both keys.
    Registered {
        /// The key that seals.
        old_key: PublicKey,
        /// The key to go on with.
        new_key: PublicKey,
    },
    /// The new key is about to seal, or does; the collector has to hear where the old one ended.
    Switched {
        /// The old key.
        old_key: PublicKey,
        /// The new key.
        new_key: PublicKey,
        /// The last that the old one sealed.
        end: KeyEnd,
    },
    /// All is done.
    Done {
        /// Fingerprint of the new key.
        fingerprint: String,
        /// Until when the old one is accepted, milliseconds since the epoch.
        old_until_ms: i64,
    },
    /// The collector refused; nothing was changed.
    Refused {
        /// Why.
        why: String,
    },
}

impl Step {
    /// Whether nothing is left to do.
    pub fn is_over(&self) -> bool {
        matches!(self, Self::Done { .. } | Self::Refused { .. })
    }
}

/// The rotation that is under way or was the last.
pub fn read(dir: &Path) -> Result<Option<Rotation>, StateError> {
    read_json(&dir.join(FILE), "move it away, then run `hostmeter-agent rotate-key`")
}

/// Writes a step down.
pub fn keep(dir: &Path, host_id: HostId, step: Step) -> Result<(), StateError> {
    write_durable(&dir.join(FILE), &to_json(&Rotation { host_id, step }))
}

/// Asks the agent of this directory for a new key, unless it is at it.
pub fn ask(dir: &Path, host_id: HostId) -> Result<(), StateError> {
    match read(dir)? {
        Some(r) if r.host_id == host_id && !r.step.is_over() => Ok(()),
        _ => keep(dir, host_id, Step::Asked),
    }
}

/// The key to go on with, the same until it is in its place. Durable before anybody hears of it.
pub(crate) fn new_key(dir: &Path) -> Result<SigningKey, StateError> {
    make_key(&dir.join(NEW_KEY))
}

/// The old key after the switch, if it is there.
pub(crate) fn old_key(dir: &Path) -> Result<Option<SigningKey>, StateError> {
    read_key(&dir.join(OLD_KEY))
}

/// Forgets the new key, which the collector does not want.
pub(crate) fn drop_new_key(dir: &Path) -> Result<(), StateError> {
    let path = dir.join(NEW_KEY);
    match std::fs::remove_file(&path) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => Err(io_at(&path)(e)),
        _ => sync_dir(dir),
    }
}

/// At a start, before anything is sealed: takes the switch that is due. Returns the key to seal with.
pub fn settle(
    state: &StateDir,
    enrolment: &Enrolment,
    key: SigningKey,
    tail: &Tail,
) -> Result<SigningKey, StateError> {
    let dir = state.path();
    let Some(rotation) = read(dir)? else { return Ok(key) };
    let (old_key, to) = match &rotation.step {
        Step::Registered { old_key, new_key } | Step::Switched { old_key, new_key, .. } => {
            (*old_key, *new_key)
        }
        Step::Asked | Step::Done { .. } | Step::Refused { .. } => return Ok(key),
    };
    let is_due = rotation.host_id == enrolment.host_id && key.public() == old_key;
    if is_due && let Some(new) = read_key(&dir.join(NEW_KEY))?.filter(|k| k.public() == to) {
        let end = KeyEnd { epoch: enrolment.epoch, seq: tail.seq, hash: Hash(tail.hash) };
        keep(dir, rotation.host_id, Step::Switched { old_key, new_key: to, end })?;
        take_place(dir)?;
        tracing::info!(fingerprint = to.fingerprint(), batch = tail.seq + 1, "sealing with a new key");
        return Ok(new);
    }
    if key.public() != to {
        // Enrolled anew meanwhile, or a file is gone: the key that is there counts.
        let why = "the host's key is another one by now; run `hostmeter-agent rotate-key` again".to_owned();
        keep(dir, enrolment.host_id, Step::Refused { why })?;
        drop_new_key(dir)?;
    }
    Ok(key)
}

fn take_place(dir: &Path) -> Result<(), StateError> {
    let (key, new) = (dir.join(KEY), dir.join(NEW_KEY));
    let old = crate::state::read_bounded(&key, crate::limits::STATE_FILE_MAX_BYTES).map_err(io_at(&key))?;
    write_durable(&dir.join(OLD_KEY), &old)?;
    fault::at("rotation.rename").and_then(|()| std::fs::rename(&new, &key)).map_err(io_at(&new))?;
    fault::at("rotation.dir").map_err(io_at(dir))?;
    sync_dir(dir)
}

/// The request, the same bytes whenever it is made.
pub(crate) fn request(
    host: HostId,
    old: &SigningKey,
    new: &SigningKey,
    end: Option<KeyEnd>,
) -> Result<Vec<u8>, String> {
    let payload = Rotate::new(host, &old.public(), new, end).encode().map_err(|e| e.to_string())?;
    let (prev, boot) = ([0; 32], BootId::default());
    let stamp =
        Stamp { domain: Domain::Keys, host, epoch: 0, seq: 0, prev, boot, wall_ns: 0, boottime_ns: 0 };
    seal(&stamp, &payload, old).map_err(|e| e.to_string())
}

/// What the collector says, if it is the collector and answers this request.
pub(crate) fn read_answer(
    body: &[u8],
    enrolment: &Enrolment,
    new_key: &PublicKey,
    request_hash: [u8; 32],
) -> Result<Rotated, String> {
    let (header, payload) = open(body, Domain::Keys, &enrolment.identity_key).map_err(|e| e.to_string())?;
    let rotated = Rotated::decode(&payload).map_err(|e| e.to_string())?;
    let is_ours = header.stamp.host == enrolment.host_id
        && rotated.new_key == *new_key
        && rotated.request_hash == Hash(request_hash);
    if is_ours { Ok(rotated) } else { Err("it answers another request".to_owned()) }
}

#[cfg(test)]
mod tests;
