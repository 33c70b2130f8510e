//! A spool of an old epoch under a new one: what the collector has not stored is sealed again; the old bytes are
//! never sent.

use super::record::Record;
use super::{Columns, Spool, SpoolError, scan};
use crate::batch::{BatchError, Place, Sealer};
use crate::interval::Baseline;
use crate::os::Now;
use hostmeter_core::ids::HostId;
use hostmeter_core::wire::batch::Batch;
use hostmeter_core::wire::envelope::{Domain, OpenError, open_payload};
use std::path::Path;

/// Why a spool could not be sealed again.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// Either spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// A batch could not be sealed.
    #[error(transparent)]
    Batch(#[from] BatchError),
    /// A record's envelope cannot be opened although its checksum is good.
    #[error("batch {seq} of the spool: {why}")]
    Open {
        /// Its number.
        seq: u64,
        /// Why.
        why: OpenError,
    },
}

/// What is known of the old epoch.
#[derive(Clone, Copy, Debug)]
pub struct Old {
    /// The host.
    pub host: HostId,
    /// The old epoch.
    pub epoch: u64,
    /// The collector has it up to here.
    pub stored_seq: u64,
    /// The collector knows usage up to here; what was measured of the time before is left out.
    pub watermark_ms: Option<i64>,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Resealed {
    /// Batches that were sealed again.
    pub batches: u64,
    /// End of the last interval of the old spool.
    pub to_ms: Option<i64>,
}

/// Batches of one group, as they become durable together.
#[derive(Default)]
struct Group {
    payloads: Vec<Vec<u8>>,
    to_ms: i64,
    baseline: Option<Baseline>,
}

/// Seals what is in `from` and not stored again into `to`, which is an empty spool of the sealer's epoch.
pub fn reseal(
    from: &Path,
    to: &mut Spool,
    old: &Old,
    sealer: &Sealer,
    now: Now,
) -> Result<Resealed, ResealError> {
    let mut done = Resealed::default();
    if !from.exists() {
        return Ok(done);
    }
    let mut group = Group::default();
    for segment in scan::scan(from, old.host, old.epoch)?.segments {
        for record in scan::records(&segment)? {
            let record = record?;
            if let Some(payload) = payload(&record, old)? {
                group.payloads.push(payload);
            }
            let Some(marks) = record.marks().filter(|m| !m.more) else { continue };
            (group.to_ms, group.baseline) = (marks.to_ms, record.baseline());
            done.to_ms = done.to_ms.max(Some(marks.to_ms));
            if old.watermark_ms >= Some(marks.to_ms) {
                // Only outcomes are left of it; the readings are of a time that is known already.
                (group.to_ms, group.baseline) = (old.watermark_ms.unwrap_or(marks.to_ms), None);
            }
            done.batches = done.batches.saturating_add(append(to, &std::mem::take(&mut group), sealer, now)?);
        }
    }
    Ok(done)
}

/// What is to be sealed again of a record.
fn payload(record: &Record, old: &Old) -> Result<Option<Vec<u8>>, ResealError> {
    let seq = record.header.stamp.seq;
    if record.header.stamp.domain != Domain::Batch || seq <= old.stored_seq {
        return Ok(None);
    }
    let payload =
        open_payload(&record.header, &record.envelope).map_err(|why| ResealError::Open { seq, why })?;
    let Ok(batch) = Batch::decode(&payload) else {
        // Of another version of this program: the collector keeps what it does not understand.
        return Ok(Some(payload));
    };
    let Some(watermark_ms) = old.watermark_ms else { return Ok(Some(payload)) };
    let batch = batch.after(watermark_ms);
    if batch.intervals.is_empty() && batch.outcomes.is_empty() {
        return Ok(None);
    }
    Ok(Some(batch.encode().map_err(BatchError::from)?))
}

fn append(to: &mut Spool, group: &Group, sealer: &Sealer, now: Now) -> Result<u64, ResealError> {
    let (seq, hash) = (to.tail().seq, to.tail().hash);
    let place = Place { seq, hash, wall_ns: now.wall_ns, boottime_ns: now.boottime_ns };
    let sealed = sealer.seal_payloads(place, &group.payloads)?;
    to.append(&sealed, group.to_ms, group.baseline.as_ref().map(Columns::from), true)?;
    Ok(super::len_u64(sealed.len()))
}
