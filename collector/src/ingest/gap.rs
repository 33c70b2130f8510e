//! Numbers that a host lost: the chain goes on after them, and what is missing is shown.

use super::chain::{self, Outcome, Row};
use super::degraded;
use super::receive::Refused;
use crate::alerts;
use crate::db::{DbError, Transaction, params, to_sql};
use hostmeter_core::ingest::{GapVerdict, decide_gap};
use hostmeter_core::wire::ack::HostState;
use hostmeter_core::wire::envelope::{Header, open_payload};
use hostmeter_core::wire::gap::Lost;

/// A verified word of lost numbers.
#[derive(Debug)]
pub struct ReceivedGap {
    /// Row of the host.
    pub host: i64,
    /// The header.
    pub header: Header,
    /// All bytes, to be stored as they are.
    pub bytes: Vec<u8>,
    /// What is lost.
    pub lost: Lost,
}

impl ReceivedGap {
    /// Checks the body of a verified header and reads it.
    pub fn open(host: i64, header: Header, bytes: Vec<u8>) -> Result<Self, Refused> {
        let payload = open_payload(&header, &bytes).map_err(Refused::Form)?;
        let lost = Lost::decode(&payload).map_err(|e| Refused::Payload(e.to_string()))?;
        if header.stamp.seq != lost.to_seq {
            let why = format!("gap: the header says {}, the payload {}", header.stamp.seq, lost.to_seq);
            return Err(Refused::Payload(why));
        }
        Ok(Self { host, header, bytes, lost })
    }
}

/// Judges a gap and stores what follows, all in the caller's transaction.
pub fn store(tx: &Transaction<'_>, received: &ReceivedGap, now_ms: i64) -> Result<Outcome, DbError> {
    let row = chain::row(tx, received.host)?;
    if row.chain.state == HostState::Revoked {
        return Ok(Outcome::Revoked);
    }
    let (epoch, lost) = (received.header.stamp.epoch, &received.lost);
    match decide_gap(&row.chain, epoch, (lost.from_seq, lost.to_seq)) {
        GapVerdict::AckAgain => Ok(Outcome::Again(chain::standing(tx, &row, epoch)?)),
        GapVerdict::Want(seq) => Ok(Outcome::Want(seq)),
        GapVerdict::Resume => Ok(Outcome::Resume),
        GapVerdict::Fork => {
            let bytes = (&received.header, received.bytes.as_slice());
            chain::fork(tx, &row, bytes, now_ms).map(|()| Outcome::Fork)
        }
        GapVerdict::Fill => {
            fill(tx, &row, received, now_ms)?;
            Ok(Outcome::Again(chain::standing(tx, &chain::row(tx, received.host)?, epoch)?))
        }
    }
}

fn fill(tx: &Transaction<'_>, row: &Row, received: &ReceivedGap, now_ms: i64) -> Result<(), DbError> {
    let (host, lost) = (row.host.id, &received.lost);
    let epoch = to_sql("epoch", received.header.stamp.epoch)?;
    let from_seq = to_sql("sequence number", row.chain.high_seq.saturating_add(1))?;
    let to_seq = to_sql("sequence number", lost.to_seq)?;
    tx.prepare_cached(
        "INSERT INTO gap (host, epoch, from_seq, to_seq, received_ms, reason, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
    )?
    .execute(params![host, epoch, from_seq, to_seq, now_ms, lost.reason, received.bytes])?;
    tx.prepare_cached("UPDATE host SET high_seq = ?2, high_hash = ?3, spoke_ms = ?4 WHERE id = ?1")?
        .execute(params![host, to_seq, lost.next_prev.0, now_ms])?;
    let why = format!("batches {from_seq} to {to_seq} of epoch {epoch} are lost: {}", lost.reason);
    let watermark_ms: Option<i64> =
        tx.query_row("SELECT watermark_ms FROM host WHERE id = ?1", [host], |r| r.get(0))?;
    if let (Some(from_ms), Some(to_ms)) = (watermark_ms, lost.next_ms.filter(|ms| *ms <= now_ms)) {
        degraded::note_lost(tx, host, (from_ms, to_ms), &why)?;
    }
    let name = row.host.name.as_str();
    let detail = format!("{why}; what was used meanwhile is not billed");
    alerts::raise(tx, &format!("gap:{name}"), "gap", name, &detail, now_ms)
}
