//! Where a host goes on after its start, by what both sides hold.

use super::chain::{self, Row};
use super::receive::Refused;
use crate::db::{DbError, OptionalExtension, Transaction, from_sql, params, to_sql};
use hostmeter_core::ids::HostId;
use hostmeter_core::limits::RESUME_FRESH_MS;
use hostmeter_core::resume::{Known, Verdict, decide};
use hostmeter_core::wire::ack::HostState;
use hostmeter_core::wire::envelope::{Header, open_payload};
use hostmeter_core::wire::resume::Resume;

/// A verified question.
#[derive(Debug)]
pub struct Asked {
    /// Row of the host.
    pub host: i64,
    /// The header.
    pub header: Header,
    /// What the host says.
    pub resume: Resume,
}

/// What is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Go on so.
    GoOn(Place),
    /// Name older envelopes.
    Older,
    /// Ask again after so many milliseconds.
    Wait(i64),
    /// Ask again, naming the time told.
    Stale,
    /// A new epoch is due, but something of the host is not counted yet, so that how far its usage is known is not the
    /// whole truth: decide again when it is.
    Uncounted,
    /// Two copies; the host is frozen.
    Fork,
    /// The host was revoked after the key was looked up.
    Revoked,
}

/// Where a host goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The host.
    pub host: HostId,
    /// Epoch to seal under.
    pub epoch: u64,
    /// Highest number of the epoch asked in that is stored.
    pub stored_seq: u64,
    /// How far usage is known, milliseconds since the epoch.
    pub watermark_ms: Option<i64>,
    /// How the host is treated.
    pub state: HostState,
}

impl Asked {
    /// Checks the body of a verified header and reads it.
    pub fn open(host: i64, header: Header, bytes: &[u8]) -> Result<Self, Refused> {
        let payload = open_payload(&header, bytes).map_err(Refused::Form)?;
        let resume = Resume::decode(&payload).map_err(|e| Refused::Payload(e.to_string()))?;
        if header.stamp.seq != resume.last_seq() {
            let why =
                format!("resume: the header says {}, the payload {}", header.stamp.seq, resume.last_seq());
            return Err(Refused::Payload(why));
        }
        Ok(Self { host, header, resume })
    }
}

/// What stands in the host's row for this.
struct Times {
    spoke_ms: i64,
    behind_ms: Option<i64>,
    watermark_ms: Option<i64>,
}

/// Answers, and grants a new epoch where that is due, in the caller's transaction.
pub fn answer(tx: &Transaction<'_>, asked: &Asked, now_ms: i64) -> Result<Answer, DbError> {
    let row = chain::row(tx, asked.host)?;
    if row.chain.state == HostState::Revoked {
        return Ok(Answer::Revoked);
    }
    let times = times(tx, asked.host, now_ms)?;
    let epoch = asked.header.stamp.epoch;
    let known = Known {
        spoke_ms: times.spoke_ms,
        behind_ms: times.behind_ms,
        now_ms,
        granted: granted(tx, &row, asked)?,
        is_fresh: asked
            .resume
            .at_ms
            .is_some_and(|ms| (ms..=ms.saturating_add(RESUME_FRESH_MS)).contains(&now_ms)),
    };
    let stored = stored(tx, &row, asked)?;
    let find = |seq: u64| stored.iter().find(|(s, _)| *s == seq).map(|(_, hash)| *hash);
    let place = |epoch: u64, stored_seq: u64| {
        let (host, state, watermark_ms) = (row.uuid, row.chain.state, times.watermark_ms);
        Answer::GoOn(Place { host, epoch, stored_seq, watermark_ms, state })
    };
    let verdict = decide(&row.chain, &known, epoch, &asked.resume, find);
    if matches!(verdict, Verdict::TakeUp | Verdict::Grant { .. }) && is_uncounted(tx, asked.host)? {
        return Ok(Answer::Uncounted);
    }
    Ok(match verdict {
        Verdict::GoOn { stored_seq } => {
            set_behind(tx, asked.host, None)?;
            place(epoch, stored_seq)
        }
        Verdict::TakeUp => {
            begin(tx, &row, asked, epoch, 0, now_ms)?;
            place(epoch, 0)
        }
        Verdict::Grant { stored_seq } => {
            let next = row.chain.epoch.saturating_add(1);
            begin(tx, &row, asked, next, stored_seq, now_ms)?;
            place(next, stored_seq)
        }
        Verdict::GrantAgain { stored_seq } => place(row.chain.epoch, stored_seq),
        Verdict::Older => Answer::Older,
        Verdict::Stale => Answer::Stale,
        Verdict::Wait(ms) => {
            // The first time counts: whatever the epoch says after it comes from another copy.
            set_behind(tx, asked.host, Some(times.behind_ms.unwrap_or(now_ms)))?;
            set_spoke(tx, asked.host, times.spoke_ms)?;
            Answer::Wait(ms)
        }
        Verdict::Fork => {
            let why = format!(
                "a host with older state (batch {} of epoch {epoch}) asks to go on while this one has gone further",
                asked.resume.last_seq()
            );
            chain::freeze(tx, &row.host, &why, now_ms)?;
            Answer::Fork
        }
    })
}

/// Whether an envelope of the host waits to be counted. Few wait at any time.
fn is_uncounted(tx: &Transaction<'_>, host: i64) -> Result<bool, DbError> {
    let sql =
        "SELECT EXISTS (SELECT 1 FROM forward WHERE serial > (SELECT serial FROM counted) AND host = ?1)";
    Ok(tx.prepare_cached(sql)?.query_row([host], |r| r.get(0))?)
}

/// What was in the future by a clock that was set back since, was now at the latest.
fn times(tx: &Transaction<'_>, host: i64, now_ms: i64) -> Result<Times, DbError> {
    let sql = "SELECT min(coalesce(spoke_ms, made_ms), ?2), min(behind_ms, ?2), watermark_ms FROM host WHERE id = ?1";
    let read = |r: &rusqlite::Row<'_>| {
        Ok(Times { spoke_ms: r.get(0)?, behind_ms: r.get(1)?, watermark_ms: r.get(2)? })
    };
    Ok(tx.prepare_cached(sql)?.query_row([host, now_ms], read)?)
}

/// How far the old epoch was stored, if this question brought the epoch in force.
fn granted(tx: &Transaction<'_>, row: &Row, asked: &Asked) -> Result<Option<u64>, DbError> {
    let sql = "SELECT stored_seq FROM epoch WHERE host = ?1 AND epoch = ?2 AND nonce = ?3 AND old_epoch = ?4";
    let epoch = to_sql("epoch", row.chain.epoch)?;
    // An epoch that SQLite cannot hold was never granted.
    let old = i64::try_from(asked.header.stamp.epoch).unwrap_or(-1);
    let key = params![asked.host, epoch, asked.resume.nonce.0, old];
    let seq: Option<i64> = tx.prepare_cached(sql)?.query_row(key, |r| r.get(0)).optional()?;
    seq.map(|seq| from_sql("a sequence number", seq)).transpose()
}

/// What is stored of the numbers that the host names.
fn stored(tx: &Transaction<'_>, row: &Row, asked: &Asked) -> Result<Vec<(u64, [u8; 32])>, DbError> {
    let (Some(first), Some(last)) = (asked.resume.held.first(), asked.resume.held.last()) else {
        return Ok(Vec::new());
    };
    let first = asked.resume.before.as_ref().unwrap_or(first);
    let number = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    let sql = "SELECT seq, hash FROM envelope WHERE host = ?1 AND epoch = ?2 AND seq BETWEEN ?3 AND ?4";
    let mut stmt = tx.prepare_cached(sql)?;
    let key = [row.host.id, number(asked.header.stamp.epoch), number(first.seq), number(last.seq)];
    let rows = stmt.query_map(key, |r| Ok((r.get::<_, i64>(0)?, r.get::<_, [u8; 32]>(1)?)))?;
    rows.map(|r| {
        r.map_err(DbError::from).and_then(|(seq, hash)| Ok((from_sql("a sequence number", seq)?, hash)))
    })
    .collect()
}

/// The silence is counted from here on, if the clock stood later when the host spoke.
fn set_spoke(tx: &Transaction<'_>, host: i64, spoke_ms: i64) -> Result<(), DbError> {
    tx.prepare_cached("UPDATE host SET spoke_ms = ?2 WHERE id = ?1 AND spoke_ms > ?2")?
        .execute(params![host, spoke_ms])?;
    Ok(())
}

fn set_behind(tx: &Transaction<'_>, host: i64, behind_ms: Option<i64>) -> Result<(), DbError> {
    tx.prepare_cached("UPDATE host SET behind_ms = ?2 WHERE id = ?1 AND behind_ms IS NOT ?2")?
        .execute(params![host, behind_ms])?;
    Ok(())
}

/// From here on the host's chain begins anew in `epoch`.
fn begin(
    tx: &Transaction<'_>,
    row: &Row,
    asked: &Asked,
    epoch: u64,
    stored_seq: u64,
    now_ms: i64,
) -> Result<(), DbError> {
    let host = row.host.id;
    let (old, new) = (to_sql("epoch", asked.header.stamp.epoch)?, to_sql("epoch", epoch)?);
    let stored = to_sql("sequence number", stored_seq)?;
    tx.prepare_cached(
        "INSERT INTO epoch (host, epoch, nonce, old_epoch, stored_seq, watermark_ms, granted_ms)
         SELECT id, ?2, ?3, ?4, ?5, watermark_ms, ?6 FROM host WHERE id = ?1",
    )?
    .execute(params![host, new, asked.resume.nonce.0, old, stored, now_ms])?;
    tx.prepare_cached(
        "UPDATE host SET epoch = ?2, high_seq = 0, high_hash = zeroblob(32), spoke_ms = ?3, behind_ms = NULL
         WHERE id = ?1",
    )?
    .execute(params![host, new, now_ms])?;
    let detail = format!("epoch {old} is stored up to batch {stored}; it goes on in epoch {new}");
    let name = row.host.name.as_str();
    tracing::warn!(host = name, detail, "a host came back with other state than before");
    crate::audit::write(tx, "agent", "host.epoch", name, &detail, now_ms)
}
