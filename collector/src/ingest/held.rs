//! Batches that are stored and do not count: staff lets them count after all, or says for ever that they do not.

use super::chain::{self, Status};
use super::degraded;
use super::hosts::host_row;
use crate::db::{Connection, Db, DbError, OptionalExtension, Transaction, params};
use crate::limits::{HELD_ACT_MAX, HELD_STEP};
use crate::{alerts, audit};
use hostmeter_core::limits::FUTURE_MAX_MS;
use hostmeter_core::wire::batch::Batch;
use hostmeter_core::wire::envelope::{open_payload, peek};

/// What is to become of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// They count, once.
    Released,
    /// They never count. Nothing changes that.
    Discarded,
}

impl Verdict {
    /// The word in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Released => "released",
            Self::Discarded => "discarded",
        }
    }
}

/// Which batches, by whom and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// Name of the host.
    pub host: String,
    /// Their epoch.
    pub epoch: i64,
    /// First number.
    pub from_seq: i64,
    /// Last number.
    pub to_seq: i64,
    /// What is to become of them.
    pub verdict: Verdict,
    /// For the audit.
    pub reason: String,
    /// Who.
    pub actor: String,
}

/// What became of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Done {
    /// So many were released or discarded.
    pub changed: u64,
    /// So many cannot be.
    pub refused: u64,
    /// Why the first of those cannot be.
    pub why: Option<Refusal>,
    /// Number to go on with; `None`: all were looked at.
    pub next_seq: Option<i64>,
}

/// Why a batch stays as it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The host decides first.
    #[error(
        "batch {seq}: the host is {state}; its batches count once it is let in: hostmeter host approve, or thaw"
    )]
    Host {
        /// Its number.
        seq: i64,
        /// The host's state.
        state: String,
    },
    /// Not understood by this program.
    #[error("batch {seq} is not understood ({why}); release it with a newer collector, or discard it")]
    NotUnderstood {
        /// Its number.
        seq: i64,
        /// Where.
        why: String,
    },
    /// It would move the host's time ahead.
    #[error(
        "batch {seq} ends {ahead_sec} s in the future; release it when that time has passed, or discard it"
    )]
    Future {
        /// Its number.
        seq: i64,
        /// How far.
        ahead_sec: i64,
    },
    /// For ever.
    #[error("batch {seq} was discarded, which is for ever")]
    Discarded {
        /// Its number.
        seq: i64,
    },
}

impl Refusal {
    /// Stable word for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Host { .. } => "host_state",
            Self::NotUnderstood { .. } => "not_understood",
            Self::Future { .. } => "future",
            Self::Discarded { .. } => "discarded",
        }
    }
}

/// Why nothing could be looked at.
#[derive(Debug, thiserror::Error)]
pub enum HeldError {
    /// No such host.
    #[error("no such host")]
    MissingHost,
    /// control.db.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Releases or discards what is kept of these numbers, in several transactions, so that others are not held up. Again
/// changes nothing.
pub async fn decide(db: &Db, order: Order, now_ms: i64) -> Result<Done, HeldError> {
    let (mut all, mut from_seq) = (Done::default(), order.from_seq);
    let mut looked = 0;
    loop {
        let part = Order { from_seq, ..order.clone() };
        let step = db.write(move |tx| some(tx, &part, now_ms)).await?;
        all.changed = all.changed.saturating_add(step.changed);
        all.refused = all.refused.saturating_add(step.refused);
        all.why = all.why.or(step.why);
        looked += HELD_STEP;
        match step.next_seq {
            Some(next) if looked < HELD_ACT_MAX => from_seq = next,
            next_seq => return Ok(Done { next_seq, ..all }),
        }
    }
}

struct Kept {
    seq: i64,
    status: String,
    bytes: Option<Vec<u8>>,
    is_discarded: bool,
}

fn some(tx: &Transaction<'_>, order: &Order, now_ms: i64) -> Result<Done, HeldError> {
    let host = host_row(tx, &order.host)?.ok_or(HeldError::MissingHost)?;
    let sql = "SELECT state FROM host WHERE id = ?1";
    let state: String = tx.query_row(sql, [host], |r| r.get(0)).map_err(DbError::from)?;
    let kept = kept(tx, host, order)?;
    let is_full = i64::try_from(kept.len()).is_ok_and(|n| n == HELD_STEP);
    let next_seq = kept.last().filter(|k| is_full && k.seq < order.to_seq).map(|k| k.seq.saturating_add(1));
    let mut done = Done { next_seq, ..Done::default() };
    let mut seqs = (i64::MAX, i64::MIN);
    for one in &kept {
        if one.is_discarded && order.verdict == Verdict::Discarded {
            continue;
        }
        match act(tx, host, &state, order, one, now_ms)? {
            Ok(()) => {
                done.changed = done.changed.saturating_add(1);
                seqs = (seqs.0.min(one.seq), seqs.1.max(one.seq));
            }
            Err(why) => {
                done.refused = done.refused.saturating_add(1);
                done.why.get_or_insert(why);
            }
        }
    }
    if done.changed > 0 {
        let (n, epoch, verdict) = (done.changed, order.epoch, order.verdict.as_str());
        let detail = format!("{n} of batches {} to {} of epoch {epoch}: {}", seqs.0, seqs.1, order.reason);
        audit::write(tx, &order.actor, &format!("usage.{verdict}"), &order.host, &detail, now_ms)?;
        clear_alert(tx, host, &order.host, now_ms)?;
    }
    Ok(done)
}

fn kept(tx: &Connection, host: i64, order: &Order) -> Result<Vec<Kept>, DbError> {
    let sql = "SELECT e.seq, e.status, e.bytes, EXISTS (SELECT 1 FROM held_decision d WHERE d.host = e.host
            AND d.epoch = e.epoch AND d.seq = e.seq AND d.verdict = 'discarded')
        FROM envelope e WHERE e.host = ?1 AND e.epoch = ?2 AND e.seq BETWEEN ?3 AND ?4 AND e.status <> 'billed'
        ORDER BY e.seq LIMIT ?5";
    let mut stmt = tx.prepare_cached(sql)?;
    let range = params![host, order.epoch, order.from_seq, order.to_seq, HELD_STEP];
    let rows = stmt.query_map(range, |r| {
        Ok(Kept { seq: r.get(0)?, status: r.get(1)?, bytes: r.get(2)?, is_discarded: r.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn read(bytes: Option<&[u8]>) -> Result<Batch, String> {
    let bytes = bytes.ok_or("its bytes are gone")?;
    let header = peek(bytes).map_err(|e| e.to_string())?;
    let payload = open_payload(&header, bytes).map_err(|e| e.to_string())?;
    Batch::decode(&payload).map_err(|e| e.to_string())
}

fn act(
    tx: &Transaction<'_>,
    host: i64,
    state: &str,
    order: &Order,
    kept: &Kept,
    now_ms: i64,
) -> Result<Result<(), Refusal>, DbError> {
    let seq = kept.seq;
    let batch = read(kept.bytes.as_deref());
    match order.verdict {
        Verdict::Released => {
            if kept.is_discarded {
                return Ok(Err(Refusal::Discarded { seq }));
            }
            if kept.status == Status::Aside.as_str() && matches!(state, "pending" | "frozen") {
                return Ok(Err(Refusal::Host { seq, state: state.to_owned() }));
            }
            let batch = match batch {
                Ok(batch) => batch,
                Err(why) => return Ok(Err(Refusal::NotUnderstood { seq, why })),
            };
            let ends_ms = batch.intervals.last().map_or(i64::MIN, |i| i.to_ms);
            if ends_ms > now_ms.saturating_add(FUTURE_MAX_MS) {
                let ahead_sec = ends_ms.saturating_sub(now_ms) / 1_000;
                return Ok(Err(Refusal::Future { seq, ahead_sec }));
            }
            let sql = "UPDATE envelope SET status = 'billed', why = NULL WHERE host = ?1 AND epoch = ?2 AND seq = ?3";
            tx.prepare_cached(sql)?.execute(params![host, order.epoch, seq])?;
            chain::forward(tx, host, order.epoch, seq)?;
        }
        Verdict::Discarded => {
            if let Ok(batch) = &batch {
                note(tx, host, batch, order, now_ms)?;
            }
        }
    }
    tx.prepare_cached(
        "INSERT INTO held_decision (host, epoch, seq, verdict, reason, actor, at_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
         ON CONFLICT DO UPDATE SET verdict = excluded.verdict, reason = excluded.reason, actor = excluded.actor,
             at_ms = excluded.at_ms",
    )?
    .execute(params![host, order.epoch, seq, order.verdict.as_str(), order.reason, order.actor, now_ms])?;
    Ok(Ok(()))
}

/// What was used in that time is not on any bill: it is shown as lost, not as nothing.
fn note(tx: &Transaction<'_>, host: i64, batch: &Batch, order: &Order, now_ms: i64) -> Result<(), DbError> {
    let why = format!("discarded by {}: {}", order.actor, order.reason);
    let past = batch.intervals.iter().filter(|i| i.to_ms <= now_ms);
    past.map(|i| (i.from_ms, i.to_ms)).try_for_each(|span| degraded::note_lost(tx, host, span, &why))
}

fn clear_alert(tx: &Transaction<'_>, host: i64, name: &str, now_ms: i64) -> Result<(), DbError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM envelope e WHERE e.host = ?1 AND e.status = 'quarantined' AND NOT EXISTS
        (SELECT 1 FROM held_decision d WHERE d.host = e.host AND d.epoch = e.epoch AND d.seq = e.seq
            AND d.verdict = 'discarded'))";
    if tx.prepare_cached(sql)?.query_row([host], |r| r.get(0))? {
        return Ok(());
    }
    alerts::clear(tx, &format!("quarantine:{name}"), now_ms)
}

/// What staff decided about a batch that comes again, as after a restore of the collector.
pub(super) fn decided(tx: &Connection, host: i64, epoch: i64, seq: i64) -> Result<Option<Verdict>, DbError> {
    let sql = "SELECT verdict = 'released' FROM held_decision WHERE host = ?1 AND epoch = ?2 AND seq = ?3";
    let found: Option<bool> =
        tx.prepare_cached(sql)?.query_row([host, epoch, seq], |r| r.get(0)).optional()?;
    Ok(found.map(|is_released| if is_released { Verdict::Released } else { Verdict::Discarded }))
}
