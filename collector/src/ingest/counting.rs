//! Counting: one thread that adds stored envelopes to the hour totals, many of them in one transaction.
//!
//! An envelope is acknowledged once it is durable. Its place in table `forward` is its turn to be counted; the number
//! `counted_serial` says how far that went and moves in the transaction that writes the totals, so that a kill in
//! between counts nothing twice and leaves nothing out. A host's watermark moves in the same transaction: billing
//! never closes an hour of which something waits.

use super::chain::{self, Status};
use super::count::HostRow;
use super::tally::{AccountIds, Tally};
use crate::clock::Clock;
use crate::db::{Connection, Db, DbError, OptionalExtension, Transaction, params};
use crate::fault;
use crate::limits::{
    COUNT_BLOCK, COUNT_IDS_MAX, COUNT_ONE_BY_ONE, COUNT_PAUSE, COUNT_ROWS_MAX, FOLD_PAUSE, FRESH_ROWS_MAX,
};
use crate::store::forward::last_serial;
use crate::worker::{Desk, Pace, Waker, Worker};
use hostmeter_core::ids::HostName;
use hostmeter_core::wire::batch::Batch;
use hostmeter_core::wire::envelope::{open_payload, peek};
use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Batches on their way from their receiver to the counter, by header hash: what is here need not be read and decoded
/// again. Nothing rests on it.
#[derive(Debug, Default)]
pub struct Fresh(Mutex<Shelf>);

#[derive(Debug, Default)]
struct Shelf {
    batches: HashMap<[u8; 32], Arc<Batch>>,
    rows: usize,
}

impl Fresh {
    /// Keeps a batch, if there is room.
    pub fn put(&self, hash: [u8; 32], batch: &Arc<Batch>) {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rows = shelf.rows.saturating_add(rows(batch));
        if rows <= FRESH_ROWS_MAX && shelf.batches.insert(hash, Arc::clone(batch)).is_none() {
            shelf.rows = rows;
        }
    }

    /// Takes a batch out.
    pub fn take(&self, hash: &[u8; 32]) -> Option<Arc<Batch>> {
        let mut shelf = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let batch = shelf.batches.remove(hash)?;
        shelf.rows = shelf.rows.saturating_sub(rows(&batch));
        Some(batch)
    }
}

fn rows(batch: &Batch) -> usize {
    batch.intervals.iter().map(|i| i.accounts.len().saturating_add(1)).sum()
}

/// The running thread.
pub struct Counter {
    /// Batches that were just received.
    pub fresh: Arc<Fresh>,
    behind: Arc<AtomicI64>,
    worker: Worker,
}

impl Counter {
    /// Starts the thread. It wakes `then` whenever it counted something.
    /// `behind` is told how many wait.
    pub fn start(db: Db, clock: Clock, behind: Arc<AtomicI64>, then: Waker) -> Result<Self, DbError> {
        let fresh = Arc::new(Fresh::default());
        let mut open = Open::new(Arc::clone(&fresh), Arc::clone(&behind));
        let worker =
            Worker::start("counter", Pace { idle: COUNT_PAUSE, pause: FOLD_PAUSE }, move |desk, hurry| {
                match open.round(&db, &clock, desk, hurry) {
                    Ok(true) => then.wake(),
                    Ok(false) => {}
                    Err(e) => {
                        // What was added up is thrown away and read again.
                        open.forget();
                        tracing::error!(error = %e, "stored envelopes could not be counted; trying again");
                    }
                }
            });
        Ok(Self { fresh, behind, worker: worker.map_err(DbError::Thread)? })
    }

    /// Something was stored.
    pub fn wake(&self) {
        self.worker.wake();
    }

    /// Waits until everything up to this serial is counted, or until the time is up; says which.
    pub async fn wait(&self, serial: i64, limit: Duration) -> bool {
        self.worker.wait(serial, limit).await
    }

    /// As [`Counter::wait`], for threads that may block.
    pub fn wait_blocking(&self, serial: i64, limit: Duration) -> bool {
        self.worker.wait_blocking(serial, limit)
    }

    /// Stored envelopes that waited to be counted when it last looked.
    pub fn behind(&self) -> i64 {
        self.behind.load(Ordering::Relaxed)
    }
}

/// Everything up to this serial is in the hour totals.
pub fn counted_serial(conn: &Connection) -> Result<i64, DbError> {
    let mut stmt = conn.prepare_cached("SELECT serial FROM counted")?;
    Ok(stmt.query_row([], |r| r.get(0))?)
}

/// An envelope whose turn it is.
#[derive(Debug)]
struct Due {
    serial: i64,
    host: i64,
    epoch: i64,
    seq: i64,
    hash: [u8; 32],
}

fn due(conn: &Connection, after: i64, limit: usize) -> Result<Vec<Due>, DbError> {
    let sql = "SELECT f.serial, f.host, f.epoch, f.seq, e.hash FROM forward f
        JOIN envelope e ON e.host = f.host AND e.epoch = f.epoch AND e.seq = f.seq
        WHERE f.serial > ?1 ORDER BY f.serial LIMIT ?2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = conn
        .prepare_cached(sql)?
        .query_map([after, limit], |r| {
            Ok(Due { serial: r.get(0)?, host: r.get(1)?, epoch: r.get(2)?, seq: r.get(3)?, hash: r.get(4)? })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

/// Reads a stored envelope again; why not, if its bytes are damaged.
fn stored(conn: &Connection, due: &Due) -> Result<Result<Batch, String>, DbError> {
    let sql = "SELECT bytes FROM envelope WHERE host = ?1 AND epoch = ?2 AND seq = ?3";
    let bytes: Option<Vec<u8>> = conn
        .prepare_cached(sql)?
        .query_row([due.host, due.epoch, due.seq], |r| r.get(0))
        .optional()?
        .flatten();
    let read = || {
        let bytes = bytes.ok_or("its bytes are gone")?;
        let header = peek(&bytes).map_err(|e| e.to_string())?;
        let payload = open_payload(&header, &bytes).map_err(|e| e.to_string())?;
        Batch::decode(&payload).map_err(|e| e.to_string())
    };
    Ok(read())
}

/// What was added up and is not written yet.
struct Open {
    fresh: Arc<Fresh>,
    behind: Arc<AtomicI64>,
    ids: AccountIds,
    tally: Tally,
    /// Everything up to here is written; `None`: look it up.
    counted: Option<i64>,
    /// Everything up to here is in the tally.
    added: i64,
    /// They have to be counted one by one.
    one_by_one: bool,
    wrote: Instant,
}

impl Open {
    fn new(fresh: Arc<Fresh>, behind: Arc<AtomicI64>) -> Self {
        Self {
            fresh,
            behind,
            ids: AccountIds::default(),
            tally: Tally::default(),
            counted: None,
            added: 0,
            one_by_one: false,
            wrote: Instant::now(),
        }
    }

    fn forget(&mut self) {
        self.tally = Tally::default();
        self.ids = AccountIds::default();
        self.counted = None;
    }

    /// Adds up what was stored since, and writes it if it is time; whether it did.
    fn round(&mut self, db: &Db, clock: &Clock, desk: &Desk, hurry: bool) -> Result<bool, DbError> {
        if self.counted.is_none() {
            let counted = db.read_blocking(counted_serial)?;
            (self.counted, self.added) = (Some(counted), counted);
            desk.reached(counted);
        }
        let mut wrote = false;
        loop {
            let more = self.take_in(db)?;
            let full = self.one_by_one || self.tally.rows() >= COUNT_ROWS_MAX;
            let is_time = full || (hurry && !more) || self.wrote.elapsed() >= COUNT_PAUSE;
            if is_time && self.counted != Some(self.added) {
                desk.reached(self.write(db, clock.now_ms())?);
                wrote = true;
            }
            if !more || desk.is_stopping() {
                return Ok(wrote);
            }
        }
    }

    /// Adds up the next envelopes; whether there are more than fit.
    fn take_in(&mut self, db: &Db) -> Result<bool, DbError> {
        let (after, fresh) = (self.added, Arc::clone(&self.fresh));
        let (rows, last) = db.read_blocking(|conn| -> Result<_, DbError> {
            let due = due(conn, after, COUNT_BLOCK)?;
            let read = |due: Due| -> Result<_, DbError> {
                let batch = match fresh.take(&due.hash) {
                    Some(batch) => Ok(batch),
                    None => stored(conn, &due)?.map(Arc::new),
                };
                Ok((due, batch))
            };
            Ok((due.into_iter().map(read).collect::<Result<Vec<_>, _>>()?, last_serial(conn)?))
        })?;
        let more = rows.len() >= COUNT_BLOCK;
        for (due, batch) in rows {
            self.added = due.serial;
            let added = batch.map(|batch| self.tally.add(due.host, &batch, &self.ids));
            // Damaged or too large: found out and named one by one.
            self.one_by_one |= !matches!(added, Ok(Ok(())));
        }
        self.behind.store(last.saturating_sub(self.counted.unwrap_or(last)), Ordering::Relaxed);
        Ok(more)
    }

    /// Writes what was added up; everything up to the returned serial is then counted.
    fn write(&mut self, db: &Db, now_ms: i64) -> Result<i64, DbError> {
        let (from, to) = (self.counted.unwrap_or(self.added), self.added);
        let tally = std::mem::take(&mut self.tally);
        let done = if self.one_by_one {
            Ok(None)
        } else {
            db.write_blocking(move |tx| {
                fault::at("count.write");
                let found = tally.write(tx, now_ms)?;
                fault::at("count.advance");
                advance(tx, from, to)?;
                Ok::<_, DbError>(Some(found))
            })
        };
        match done {
            Ok(Some(found)) => self.ids.learn(found, COUNT_IDS_MAX),
            Ok(None) => self.write_one_by_one(db, from, to, now_ms)?,
            // The sum with what stands already does not fit.
            Err(e) if chain::is_misfit(&e) => self.write_one_by_one(db, from, to, now_ms)?,
            Err(e) => return Err(e),
        }
        fault::at("count.done");
        self.one_by_one = false;
        self.counted = Some(to);
        self.wrote = Instant::now();
        Ok(to)
    }

    /// Counts each envelope by itself, so that only those that cannot count are left out.
    fn write_one_by_one(&mut self, db: &Db, from: i64, to: i64, now_ms: i64) -> Result<(), DbError> {
        let mut after = from;
        while after < to {
            after = db.write_blocking(move |tx| {
                let mut last = to;
                for due in due(tx, after, COUNT_ONE_BY_ONE)?.into_iter().filter(|d| d.serial <= to) {
                    count_one(tx, &due, now_ms)?;
                    last = due.serial;
                }
                advance(tx, after, last)?;
                Ok::<_, DbError>(last)
            })?;
        }
        Ok(())
    }
}

/// Moves the position. It was where we think it is: two counters would count twice.
fn advance(tx: &Transaction<'_>, from: i64, to: i64) -> Result<(), DbError> {
    let sql = "UPDATE counted SET serial = ?2 WHERE serial = ?1";
    match tx.prepare_cached(sql)?.execute([from, to])? {
        1 => Ok(()),
        _ => Err(DbError::Damaged(format!("counted_serial is not {from}; somebody else counted"))),
    }
}

fn count_one(tx: &Transaction<'_>, due: &Due, now_ms: i64) -> Result<(), DbError> {
    let sql = "SELECT name FROM host WHERE id = ?1";
    let name: String = tx.prepare_cached(sql)?.query_row([due.host], |r| r.get(0))?;
    let name = HostName::parse(&name).map_err(|e| DbError::Damaged(e.to_string()))?;
    let host = HostRow { id: due.host, name };
    let why = match stored(tx, due)? {
        Ok(batch) => chain::try_count(tx, &host, &batch, now_ms)?.1,
        Err(why) => Some(format!("it cannot be read any more: {why}")),
    };
    let Some(why) = why else { return Ok(()) };
    tx.prepare_cached(
        "UPDATE envelope SET status = ?4, why = ?5 WHERE host = ?1 AND epoch = ?2 AND seq = ?3",
    )?
    .execute(params![due.host, due.epoch, due.seq, Status::Quarantined.as_str(), why])?;
    chain::quarantined(tx, &host, due.epoch, due.seq, &why, now_ms)
}

#[cfg(test)]
mod tests;
