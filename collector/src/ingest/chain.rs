//! One transaction: what the host's chain says of an envelope, and all that follows from it.

use super::ack::Standing;
use super::count::{self, HostRow};
use super::held;
use super::receive::{Payload, Received};
use super::rotate;
use crate::alerts;
use crate::db::{Connection, DbError, OptionalExtension, Transaction, from_sql, params, to_sql};
use crate::limits::FORKED_MAX;
use hostmeter_core::ids::{HostId, HostName};
use hostmeter_core::ingest::{Chain, Verdict, decide};
use hostmeter_core::wire::ack::HostState;
use hostmeter_core::wire::batch::Batch;
use hostmeter_core::wire::command;
use hostmeter_core::wire::envelope::Header;

/// Takes what became of a command, in the transaction of the batch that brought it.
pub type RecordOutcome = fn(&Transaction<'_>, i64, &command::Outcome, i64) -> Result<(), DbError>;

/// What became of an envelope.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Stored now, in this form.
    Stored(Standing, Status),
    /// Stored before.
    Again(Standing),
    /// A hole: this number is expected.
    Want(u64),
    /// An epoch that was never granted.
    Resume,
    /// Contradicts what is stored; the host is frozen.
    Fork,
    /// The host was revoked after the key was looked up.
    Revoked,
}

/// How a stored envelope counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// In the hour totals, or about to be (see [`super::counting`]).
    Billed,
    /// Kept until the host is approved or thawed.
    Aside,
    /// Not understood or not plausible; kept until somebody looks.
    Quarantined,
}

impl Status {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Billed => "billed",
            Self::Aside => "aside",
            Self::Quarantined => "quarantined",
        }
    }
}

/// The host's row as far as the chain needs it.
pub(super) struct Row {
    pub(super) host: HostRow,
    pub(super) uuid: HostId,
    pub(super) chain: Chain,
}

/// Reads a host.
pub(super) fn row(conn: &Connection, host: i64) -> Result<Row, DbError> {
    let sql = "SELECT uuid, name, state, epoch, high_seq, high_hash FROM host WHERE id = ?1";
    let mut stmt = conn.prepare_cached(sql)?;
    let (uuid, name, state, epoch, high_seq, high_hash) = stmt.query_row([host], |r| {
        let name: String = r.get(1)?;
        let state: String = r.get(2)?;
        Ok((HostId(r.get(0)?), name, state, r.get(3)?, r.get(4)?, r.get(5)?))
    })?;
    let state = HostState::from_word(&state)
        .ok_or_else(|| DbError::Damaged(format!("host {name} has the unknown state {state:?}")))?;
    let parsed = HostName::parse(&name).map_err(|e| DbError::Damaged(e.to_string()))?;
    let chain = Chain {
        epoch: from_sql("a host's epoch", epoch)?,
        high_seq: from_sql("a host's sequence number", high_seq)?,
        high_hash,
        state,
    };
    Ok(Row { host: HostRow { id: host, name: parsed }, uuid, chain })
}

/// Judges an envelope and stores what follows, all in the caller's transaction.
pub fn store(
    tx: &Transaction<'_>,
    received: &Received,
    record: RecordOutcome,
    now_ms: i64,
) -> Result<Outcome, DbError> {
    let row = row(tx, received.key.host)?;
    if row.chain.state == HostState::Revoked {
        return Ok(Outcome::Revoked);
    }
    let header = &received.header;
    let verdict = match received.key.replaced {
        // Both keys said which envelope was the old one's last: this is not it.
        Some(replaced) if replaced.contradicts(header) => Verdict::Fork,
        _ => decide(&row.chain, header, stored_hash(tx, row.host.id, header)?),
    };
    if !matches!(verdict, Verdict::Store { .. }) {
        tx.prepare_cached("UPDATE host SET last_seen_ms = ?2 WHERE id = ?1")?
            .execute([row.host.id, now_ms])?;
    }
    match verdict {
        Verdict::AckAgain => Ok(Outcome::Again(standing(tx, &row, header.stamp.epoch)?)),
        Verdict::Want(seq) => Ok(Outcome::Want(seq)),
        Verdict::Resume => Ok(Outcome::Resume),
        Verdict::Fork => fork(tx, &row, (header, &received.bytes), now_ms).map(|()| Outcome::Fork),
        Verdict::Store { billed } => {
            let status = keep(tx, &row, received, billed, record, now_ms)?;
            if let Some(replaced) = received.key.replaced {
                rotate::watch(tx, &row.host, &replaced, header, now_ms)?;
            }
            let (durable_seq, durable_hash) = (header.stamp.seq, header.hash);
            let (host, epoch, state) = (row.uuid, header.stamp.epoch, row.chain.state);
            Ok(Outcome::Stored(Standing { host, epoch, durable_seq, durable_hash, state }, status))
        }
    }
}

fn stored_hash(conn: &Connection, host: i64, header: &Header) -> Result<Option<[u8; 32]>, DbError> {
    let (Ok(epoch), Ok(seq)) = (i64::try_from(header.stamp.epoch), i64::try_from(header.stamp.seq)) else {
        // Numbers that were never stored.
        return Ok(None);
    };
    let mut stmt =
        conn.prepare_cached("SELECT hash FROM envelope WHERE host = ?1 AND epoch = ?2 AND seq = ?3")?;
    Ok(stmt.query_row([host, epoch, seq], |r| r.get(0)).optional()?)
}

/// The chain's end in the epoch that is answered; an old epoch's from its last envelope.
pub(super) fn standing(conn: &Connection, row: &Row, epoch: u64) -> Result<Standing, DbError> {
    let (host, state) = (row.uuid, row.chain.state);
    let now = Standing {
        host,
        epoch: row.chain.epoch,
        durable_seq: row.chain.high_seq,
        durable_hash: row.chain.high_hash,
        state,
    };
    if epoch == row.chain.epoch {
        return Ok(now);
    }
    let sql = "SELECT seq, hash FROM envelope WHERE host = ?1 AND epoch = ?2 ORDER BY seq DESC LIMIT 1";
    let last = conn
        .prepare_cached(sql)?
        .query_row([row.host.id, to_sql("epoch", epoch)?], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    let Some((seq, durable_hash)) = last else { return Ok(now) };
    Ok(Standing { host, epoch, durable_seq: from_sql("a sequence number", seq)?, durable_hash, state })
}

/// Stores an envelope that continues the chain, and queues it to be counted if it may count.
fn keep(
    tx: &Transaction<'_>,
    row: &Row,
    received: &Received,
    billed: bool,
    record: RecordOutcome,
    now_ms: i64,
) -> Result<Status, DbError> {
    let host = &row.host;
    let stamp = &received.header.stamp;
    let (epoch, seq) = (to_sql("epoch", stamp.epoch)?, to_sql("sequence number", stamp.seq)?);
    let (mut status, mut why) = match &received.payload {
        Payload::Unknown(why) => (Status::Quarantined, Some(why.clone())),
        Payload::Batch(batch) => {
            count::note_agent(tx, host.id, batch)?;
            // Also of a frozen host, never of one that was not approved.
            if matches!(row.chain.state, HostState::Live | HostState::Frozen) {
                batch.outcomes.iter().try_for_each(|o| record(tx, host.id, o, now_ms))?;
            }
            match (count::implausible(batch, now_ms), billed) {
                (Some(why), _) => (Status::Quarantined, Some(why)),
                (None, false) => (Status::Aside, None),
                (None, true) => (Status::Billed, None),
            }
        }
    };
    // It was here before this database was restored, and staff decided about it.
    let decided = if status == Status::Billed { None } else { held::decided(tx, host.id, epoch, seq)? };
    if decided == Some(held::Verdict::Released) && matches!(received.payload, Payload::Batch(_)) {
        (status, why) = (Status::Billed, None);
    }
    let hash = received.header.hash;
    tx.prepare_cached(
        "INSERT INTO envelope (host, epoch, seq, hash, received_ms, status, bytes, why)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
    )?
    .execute(params![host.id, epoch, seq, hash, now_ms, status.as_str(), received.bytes, why])?;
    tx.prepare_cached(
        "UPDATE host SET epoch = ?2, high_seq = ?3, high_hash = ?4, spoke_ms = ?5, last_seen_ms = ?5 WHERE id = ?1",
    )?
    .execute(params![host.id, epoch, seq, received.header.hash, now_ms])?;
    if status == Status::Billed {
        forward(tx, host.id, epoch, seq)?;
    }
    if let Some(why) = why.filter(|_| decided.is_none()) {
        quarantined(tx, host, epoch, seq, &why, now_ms)?;
    }
    Ok(status)
}

/// Names an envelope that is stored and does not count.
pub(super) fn quarantined(
    tx: &Transaction<'_>,
    host: &HostRow,
    epoch: i64,
    seq: i64,
    why: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    let detail = format!("envelope {seq} of epoch {epoch} is stored, but does not count: {why}");
    alerts::raise(tx, &format!("quarantine:{}", host.name), "quarantine", host.name.as_str(), &detail, now_ms)
}

/// Queues an envelope that counts: for the hour totals, and then for the usage store.
pub(super) fn forward(tx: &Transaction<'_>, host: i64, epoch: i64, seq: i64) -> Result<(), DbError> {
    tx.prepare_cached("INSERT INTO forward (host, epoch, seq) VALUES (?1, ?2, ?3)")?
        .execute([host, epoch, seq])?;
    Ok(())
}

/// Counts a batch; one whose totals do not fit the database's integers is quarantined instead of blocking its host.
pub(super) fn try_count(
    tx: &Transaction<'_>,
    host: &HostRow,
    batch: &Batch,
    now_ms: i64,
) -> Result<(Status, Option<String>), DbError> {
    tx.execute_batch("SAVEPOINT count")?;
    match count::count(tx, host, batch, now_ms) {
        Ok(()) => {
            tx.execute_batch("RELEASE count")?;
            Ok((Status::Billed, None))
        }
        Err(e) if is_misfit(&e) => {
            tx.execute_batch("ROLLBACK TO count; RELEASE count")?;
            Ok((Status::Quarantined, Some(format!("its totals do not fit: {e}"))))
        }
        Err(e) => Err(e),
    }
}

/// Whether a sum is larger than the database's integers.
pub(super) fn is_misfit(e: &DbError) -> bool {
    let DbError::Sqlite(e) = e else { return false };
    e.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation)
}

/// Keeps the contradicting bytes, freezes the host, raises an alert.
pub(super) fn fork(
    tx: &Transaction<'_>,
    row: &Row,
    (header, bytes): (&Header, &[u8]),
    now_ms: i64,
) -> Result<(), DbError> {
    let (host, stamp) = (&row.host, &header.stamp);
    let sql = "SELECT count(*) FROM forked WHERE host = ?1";
    let kept: i64 = tx.prepare_cached(sql)?.query_row([host.id], |r| r.get(0))?;
    if kept < FORKED_MAX {
        // Numbers beyond SQLite's are kept as its largest; the bytes hold the true ones.
        let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
        tx.prepare_cached(
            "INSERT OR IGNORE INTO forked (host, hash, epoch, seq, received_ms, bytes) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![host.id, header.hash, number(stamp.epoch), number(stamp.seq), now_ms, bytes])?;
    }
    let why = format!("envelope {} of epoch {} contradicts what is stored", stamp.seq, stamp.epoch);
    freeze(tx, host, &why, now_ms)
}

/// Two copies of a host were seen: nothing of either is billed until somebody looks.
pub(super) fn freeze(tx: &Transaction<'_>, host: &HostRow, why: &str, now_ms: i64) -> Result<(), DbError> {
    tx.prepare_cached("UPDATE host SET state = 'frozen' WHERE id = ?1 AND state = 'live'")?
        .execute([host.id])?;
    let detail = format!(
        "{why}: two copies of this host send. Nothing of it is billed until `hostmeter host thaw {}`",
        host.name
    );
    alerts::raise(tx, &format!("fork:{}", host.name), "fork", host.name.as_str(), &detail, now_ms)
}
