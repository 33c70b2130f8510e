//! The forwarder: one thread that fills the usage store from stored envelopes, and cleans up behind itself.

use super::{GapRow, HostInterval, Item, Source, StoreError, TopRow, UsageRow, UsageStore};
use crate::alerts;
use crate::clock::Clock;
use crate::db::{Connection, Db, DbError, OptionalExtension, Transaction, params};
use crate::fault;
use crate::ingest::counting::counted_serial;
use crate::ingest::degraded;
use crate::limits::{
    CLEAN_EVERY, CLEAN_ROWS, ENVELOPE_KEEP_MS, FORWARD_BLOCK, FORWARD_CALM, FORWARD_IDLE, FORWARD_REST,
    FORWARD_YIELD, RAW_KEEP_MS,
};
use crate::worker::{Desk, Pace, Waker, Worker};
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{AccountUsage, Batch, Interval};
use hostmeter_core::wire::envelope::{open_payload, peek};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// What a sweep of the kernel measures for every account at once: where the host's totals stand and no gap says
/// otherwise, an account in no row used none of it.
const SWEPT: [Meter; 7] = [
    Meter::CpuUsec,
    Meter::MemoryKibSec,
    Meter::IoReadBytes,
    Meter::IoWriteBytes,
    Meter::IoOps,
    Meter::Processes,
    Meter::ProcessStarts,
];

/// Why the forwarder could not go on for now. It tries again.
#[derive(Debug, thiserror::Error)]
pub enum ForwardError {
    /// control.db.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The usage store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A running forwarder.
pub struct Forwarder(Worker);

impl Forwarder {
    /// Starts the thread. Graphs may come later where many batches come in: while more than [`FORWARD_YIELD`] envelopes
    /// wait to be counted now and then, and nobody asks for a graph, it rests most of the time.
    pub fn start(
        db: Db,
        store: Arc<dyn UsageStore>,
        clock: Clock,
        uncounted: Arc<AtomicI64>,
    ) -> Result<Self, DbError> {
        let mut cleaned: Option<Instant> = None;
        let flood = Flood { uncounted, seen: Cell::new(None) };
        let pace = Pace { idle: FORWARD_IDLE, pause: Duration::ZERO };
        let worker = Worker::start("forwarder", pace, move |desk, _| {
            let is_on = || flood.is_on(Instant::now());
            let rest = |took: Duration| desk.rest(took.saturating_mul(FORWARD_REST), &is_on);
            round(&db, store.as_ref(), &clock, &rest, desk);
            if cleaned.is_none_or(|at| at.elapsed() >= CLEAN_EVERY) {
                cleaned = Some(Instant::now());
                if let Err(e) = clean(&db, store.as_ref(), clock.now_ms()) {
                    tracing::error!(error = %e, "old usage could not be removed; trying again later");
                }
            }
        });
        Ok(Self(worker.map_err(DbError::Thread)?))
    }

    /// For what counts envelopes: counted ones can be forwarded.
    pub fn waker(&self) -> Waker {
        self.0.waker()
    }

    /// Something was counted.
    pub fn wake(&self) {
        self.0.wake();
    }

    /// Waits until everything up to this serial is in the store, or until the time is up; says which.
    pub async fn wait(&self, serial: i64, limit: Duration) -> bool {
        self.0.wait(serial, limit).await
    }

    /// The serial that was reached.
    pub fn position(&self) -> i64 {
        self.0.position()
    }
}

/// Whether many batches come in. Few wait to be counted right after a count, in the middle of a flood, too.
struct Flood {
    uncounted: Arc<AtomicI64>,
    /// When many waited last.
    seen: Cell<Option<Instant>>,
}

impl Flood {
    fn is_on(&self, now: Instant) -> bool {
        if self.uncounted.load(Ordering::Relaxed) > FORWARD_YIELD {
            self.seen.set(Some(now));
        }
        self.seen.get().is_some_and(|at| now.saturating_duration_since(at) < FORWARD_CALM)
    }
}

/// The highest serial that was ever given.
pub fn last_serial(conn: &Connection) -> Result<i64, DbError> {
    let mut stmt = conn.prepare_cached("SELECT seq FROM sqlite_sequence WHERE name = 'forward'")?;
    Ok(stmt.query_row([], |r| r.get(0)).optional()?.unwrap_or(0))
}

fn round(db: &Db, store: &dyn UsageStore, clock: &Clock, rest: &dyn Fn(Duration), desk: &Desk) {
    match catch_up(db, store, clock.now_ms(), rest, desk) {
        Ok(position) => desk.reached(position),
        Err(e) => tracing::error!(error = %e, "the usage store could not be filled; trying again"),
    }
}

/// Forwards all there is; returns the position then.
fn catch_up(
    db: &Db,
    store: &dyn UsageStore,
    now_ms: i64,
    rest: &dyn Fn(Duration),
    desk: &Desk,
) -> Result<i64, ForwardError> {
    let mut position = store.position()?;
    // A control.db that was restored from a backup gives earlier serials again.
    if position > db.read_blocking(last_serial)? {
        position = 0;
    }
    loop {
        let start = Instant::now();
        let Block { items, damaged, last } = db.read_blocking(|conn| block(conn, position))?;
        let Some(last) = last else { return Ok(position) };
        if !damaged.is_empty() {
            db.write_blocking(move |tx| complain(tx, &damaged, now_ms))?;
        }
        fault::at("forward.put");
        store.put(&items, last)?;
        fault::at("forward.done");
        position = last;
        if desk.is_stopping() {
            return Ok(position);
        }
        desk.reached(position);
        rest(start.elapsed());
    }
}

/// The next envelopes.
struct Block {
    items: Vec<Item>,
    /// Those that cannot be read any more, and why. They were counted when they came, so that bills are right.
    damaged: Vec<(Source, String)>,
    /// Serial of the last; `None`: there is none.
    last: Option<i64>,
}

fn block(conn: &Connection, after: i64) -> Result<Block, DbError> {
    // Only what was counted: that made the accounts, and found out what cannot count.
    let sql =
        "SELECT f.serial, f.host, f.epoch, f.seq, CASE e.status WHEN 'billed' THEN e.bytes END FROM forward f
        JOIN envelope e ON e.host = f.host AND e.epoch = f.epoch AND e.seq = f.seq
        WHERE f.serial > ?1 AND f.serial <= ?3 ORDER BY f.serial LIMIT ?2";
    let limit = i64::try_from(FORWARD_BLOCK).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(sql)?;
    let mut rows = stmt.query([after, limit, counted_serial(conn)?])?;
    let mut out = Block { items: Vec::new(), damaged: Vec::new(), last: None };
    while let Some(r) = rows.next()? {
        out.last = Some(r.get(0)?);
        let source = Source { host: r.get(1)?, epoch: r.get(2)?, seq: r.get(3)? };
        // NULL: quarantined after all, or forwarded before and not kept any longer.
        let Some(bytes) = r.get_ref(4)?.as_blob_or_null().map_err(rusqlite::Error::from)? else { continue };
        match item(conn, source, bytes) {
            Ok(item) => out.items.push(item),
            Err(DbError::Damaged(why)) => out.damaged.push((source, why)),
            Err(e) => return Err(e),
        }
    }
    Ok(out)
}

/// One damaged envelope must not keep all others from being seen.
fn complain(tx: &Transaction<'_>, damaged: &[(Source, String)], now_ms: i64) -> Result<(), DbError> {
    for (Source { host, epoch, seq }, why) in damaged {
        let name: String = tx.query_row("SELECT name FROM host WHERE id = ?1", [host], |r| r.get(0))?;
        let detail = format!("envelope {seq} of epoch {epoch} is billed, but cannot be shown: {why}");
        alerts::raise(tx, &format!("damaged:{host}:{epoch}:{seq}"), "damaged", &name, &detail, now_ms)?;
    }
    Ok(())
}

fn item(conn: &Connection, source: Source, bytes: &[u8]) -> Result<Item, DbError> {
    let damaged = |e: &dyn std::fmt::Display| DbError::Damaged(e.to_string());
    let header = peek(bytes).map_err(|e| damaged(&e))?;
    let payload = open_payload(&header, bytes).map_err(|e| damaged(&e))?;
    let batch = Batch::decode(&payload).map_err(|e| damaged(&e))?;
    let mut out = Item { source, usage: Vec::new(), host: Vec::new(), gaps: Vec::new(), top: Vec::new() };
    for interval in &batch.intervals {
        add_interval(conn, &mut out, interval)?;
    }
    Ok(out)
}

fn add_interval(conn: &Connection, out: &mut Item, interval: &Interval) -> Result<(), DbError> {
    let (from_ms, to_ms) = (interval.from_ms, interval.to_ms);
    let mut measured: BTreeSet<Meter> =
        interval.accounts.iter().flat_map(|a| a.values.iter().map(|(m, _)| m)).collect();
    if interval.host.as_ref().is_some_and(|h| h.accounts_usec.is_some()) {
        measured.extend(SWEPT);
    }
    out.host.push(HostInterval { from_ms, to_ms, measured, totals: interval.host.clone() });
    for gap in &interval.gaps {
        let (meter, uid, reason) = (gap.meter, gap.uid, gap.reason.clone());
        out.gaps.push(GapRow { from_ms, to_ms, meter, uid, reason });
    }
    for usage in &interval.accounts {
        let account = account(conn, out.source.host, usage)?;
        out.usage.push(UsageRow { account, from_ms, to_ms, values: usage.values.clone() });
        if !usage.top.is_empty() {
            out.top.push(TopRow { account, at_ms: to_ms, commands: usage.top.clone() });
        }
    }
    Ok(())
}

/// Made when the envelope was counted, so it is there.
fn account(conn: &Connection, host: i64, usage: &AccountUsage) -> Result<i64, DbError> {
    let mut stmt =
        conn.prepare_cached("SELECT id FROM account WHERE host = ?1 AND uid = ?2 AND user IS ?3")?;
    let found = stmt.query_row(params![host, usage.uid, usage.user], |r| r.get(0)).optional()?;
    found.ok_or_else(|| DbError::Damaged(format!("the account of uid {} is gone", usage.uid)))
}

/// Removes intervals and stretches that are too old, and the bytes of envelopes that were forwarded long ago.
fn clean(db: &Db, store: &dyn UsageStore, now_ms: i64) -> Result<(), ForwardError> {
    while store.remove_before(now_ms.saturating_sub(RAW_KEEP_MS))? > 0 {}
    let position = store.position()?;
    let before = now_ms.saturating_sub(ENVELOPE_KEEP_MS);
    while db.write_blocking(move |tx| forget(tx, position, before))? > 0 {}
    while db.write_blocking(move |tx| degraded::forget(tx, now_ms, CLEAN_ROWS))? > 0 {}
    Ok(())
}

fn forget(tx: &Transaction<'_>, position: i64, before_ms: i64) -> Result<usize, DbError> {
    let old = "SELECT f.serial FROM forward f
        JOIN envelope e ON e.host = f.host AND e.epoch = f.epoch AND e.seq = f.seq
        WHERE f.serial <= ?1 AND e.received_ms < ?2 ORDER BY f.serial LIMIT ?3";
    let serials = tx
        .prepare_cached(old)?
        .query_map([position, before_ms, CLEAN_ROWS], |r| r.get(0))?
        .collect::<Result<Vec<i64>, _>>()?;
    for serial in &serials {
        tx.prepare_cached(
            "UPDATE envelope SET bytes = NULL WHERE status = 'billed' AND (host, epoch, seq) =
                (SELECT host, epoch, seq FROM forward WHERE serial = ?1)",
        )?
        .execute([serial])?;
        tx.prepare_cached("DELETE FROM forward WHERE serial = ?1")?.execute([serial])?;
    }
    Ok(serials.len())
}
