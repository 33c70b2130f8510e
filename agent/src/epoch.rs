//! A new epoch, granted because this host came back with older state than the collector has.
//!
//! The grant is written down first. At the next start what was not stored is sealed again into a new spool; writing the
//! new epoch to `enrolment.json` is the moment from which that spool counts, and only then the two change places.
//! Whatever is cut off in between is done again or finished at the start after.

use crate::batch::Sealer;
use crate::os;
use crate::spool::reseal::{Old, ResealError, reseal};
use crate::spool::{Spool, SpoolError};
use crate::state::{Enrolment, StateDir, StateError, io_at, read_json, sync_dir, to_json, write_durable};
use hostmeter_core::ids::{BootId, HostId};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

const GRANT: &str = "grant.json";
/// The spool of the new epoch before it takes its place.
const NEXT: &str = "spool.next";

/// What the collector granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Grant {
    /// To whom.
    pub host_id: HostId,
    /// The epoch in which was asked.
    pub old_epoch: u64,
    /// The epoch to go on in.
    pub epoch: u64,
    /// Of the old epoch, how far the collector has what is held here.
    pub stored_seq: u64,
    /// How far the collector knows usage, milliseconds since the epoch.
    pub watermark_ms: Option<i64>,
}

/// Why a new epoch could not be begun.
#[derive(Debug, thiserror::Error)]
pub enum EpochError {
    /// State.
    #[error(transparent)]
    State(#[from] StateError),
    /// A spool.
    #[error("spool: {0}")]
    Spool(#[from] SpoolError),
    /// Sealing again.
    #[error("sealing again what was not stored: {0}")]
    Reseal(#[from] ResealError),
    /// The clocks could not be read.
    #[error(transparent)]
    Os(#[from] os::OsError),
}

/// Writes down what was granted, for the next start.
pub fn keep(dir: &Path, grant: &Grant) -> Result<(), StateError> {
    write_durable(&dir.join(GRANT), &to_json(grant))
}

/// Begins the granted epoch, if there is one that was not begun, or finishes a beginning that was cut off. Returns the
/// enrolment as it is then, and the time before which nothing may be measured again.
pub fn settle(
    state: &StateDir,
    enrolment: Enrolment,
    boot: BootId,
    cap_bytes: u64,
    now: os::Now,
) -> Result<(Enrolment, Option<i64>), EpochError> {
    let next = state.path().join(NEXT);
    let grant: Option<Grant> =
        read_json(&state.path().join(GRANT), "move it away; the collector grants again")?;
    let Some(mut grant) = grant.filter(|g| g.host_id == enrolment.host_id) else {
        remove(&next)?;
        return Ok((enrolment, None));
    };
    let mut enrolment = enrolment;
    if grant.old_epoch == enrolment.epoch && grant.epoch > enrolment.epoch {
        remove(&next)?;
        prepare(state, &mut grant, &next, boot, cap_bytes, now)?;
        enrolment.epoch = grant.epoch;
        state.save_enrolment(&enrolment)?;
    }
    if grant.epoch == enrolment.epoch {
        take_place(state, &grant, &next)?;
        return Ok((enrolment, grant.watermark_ms));
    }
    remove(&next)?;
    Ok((enrolment, None))
}

fn prepare(
    state: &StateDir,
    grant: &mut Grant,
    next: &Path,
    boot: BootId,
    cap_bytes: u64,
    now: os::Now,
) -> Result<(), EpochError> {
    let (_, key) = state.identity()?;
    let Grant { host_id: host, old_epoch, stored_seq, watermark_ms, .. } = *grant;
    let sealer = Sealer { host, epoch: grant.epoch, key, boot };
    let (mut spool, _) = Spool::open(next, host, grant.epoch, cap_bytes)?;
    let old = Old { host, epoch: old_epoch, stored_seq, watermark_ms };
    let done = reseal(&state.spool(), &mut spool, &old, &sealer, now)?;
    drop(spool);
    sync_dir(next)?;
    // Nothing is measured again of the time that either side knows.
    grant.watermark_ms = watermark_ms.max(done.to_ms);
    keep(state.path(), grant)?;
    tracing::warn!(
        "this host came back with older state: it goes on in epoch {}; batches up to {stored_seq} of epoch {old_epoch} \
         are stored, {} were sealed again",
        grant.epoch,
        done.batches
    );
    Ok(())
}

/// The new spool takes the place of the old one, which is moved aside. May have been cut off before.
fn take_place(state: &StateDir, grant: &Grant, next: &Path) -> Result<(), EpochError> {
    if !next.exists() {
        return Ok(());
    }
    let to: Option<PathBuf> = state.set_spool_aside(grant.host_id, grant.old_epoch)?;
    if let Some(to) = to {
        tracing::info!("the spool of epoch {} is kept at {}", grant.old_epoch, to.display());
    }
    std::fs::rename(next, state.spool()).map_err(io_at(next))?;
    Ok(sync_dir(state.path())?)
}

/// Removes a spool that never counted; there are only files in it.
fn remove(dir: &Path) -> Result<(), StateError> {
    let files = match std::fs::read_dir(dir) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        files => files.map_err(io_at(dir))?,
    };
    for file in files {
        let path = file.map_err(io_at(dir))?.path();
        std::fs::remove_file(&path).map_err(io_at(&path))?;
    }
    std::fs::remove_dir(dir).map_err(io_at(dir))
}

#[cfg(test)]
mod tests;
