//! The journal: what nobody could send again, on another disk than control.db.
//!
//! A transaction that changes journalled tables carries its own record (in `journal_tail`); after the commit the record
//! is appended here and synced, and only then anybody is answered. So the journal is never ahead of control.db, and what
//! it misses after a kill is still in `journal_tail`.

use super::DbError;
use super::capture::Capture;
use super::migrate::SCHEMA_VERSION;
use super::record;
use super::segments::{self, Segment};
use crate::clock::Clock;
use crate::limits::JOURNAL_SEGMENT_BYTES;
use rusqlite::{Connection, OptionalExtension, params};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The last transaction with a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State {
    /// Its number.
    pub serial: u64,
    /// Hash of its record.
    pub head: [u8; 32],
}

/// What `journal_state` says; `None`: there never was a journal.
pub fn state(conn: &Connection) -> Result<Option<State>, DbError> {
    let sql = "SELECT serial, head FROM journal_state";
    let found = conn.prepare_cached(sql)?.query_row([], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    found.map(|(serial, head)| Ok(State { serial: super::from_sql("a serial", serial)?, head })).transpose()
}

/// Notes that writes go by without a journal from here on: older backups do not fit what a later one holds.
pub(super) fn without(conn: &Connection) -> Result<(), DbError> {
    conn.execute_batch("UPDATE journal_state SET head = randomblob(32); DELETE FROM journal_tail")?;
    Ok(())
}

/// Turns what a transaction noted into its record, inside that transaction; says whether there was anything.
pub(super) fn seal(capture: &Capture, tx: &Connection) -> Result<bool, DbError> {
    let Some(payload) = capture.take(tx, SCHEMA_VERSION)? else { return Ok(false) };
    let State { serial, head } =
        state(tx)?.ok_or_else(|| DbError::Damaged("journal_state is empty".to_owned()))?;
    let serial = serial.saturating_add(1);
    let (bytes, head) = record::encode(serial, Clock::System.now_ms(), &head, &payload);
    let serial = super::to_sql("serial", serial)?;
    tx.prepare_cached("INSERT INTO journal_tail (serial, record) VALUES (?1, ?2)")?
        .execute(params![serial, bytes])?;
    tx.prepare_cached("UPDATE journal_state SET serial = ?1, head = ?2")?.execute(params![serial, head])?;
    Ok(true)
}

/// The journal of a running collector.
pub(super) struct Journal {
    dir: PathBuf,
    capture: Capture,
    /// Where the next record goes; `None`: into a new segment.
    segment: Option<Segment>,
    /// Serial of the last record that is synced.
    synced: u64,
    /// An append failed; what is behind the last synced byte is not to be trusted.
    is_broken: bool,
}

impl Journal {
    /// Opens the directory, or makes it, holds it against control.db, and appends what it misses.
    pub(super) fn open(dir: &Path, conn: &Connection) -> Result<Self, DbError> {
        let fault = |why: String| DbError::Journal(format!("{}: {why}", dir.display()));
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true).mode(0o700).create(dir).map_err(|e| fault(e.to_string()))?;
        conn.execute_batch(
            "INSERT INTO journal_state (id, serial, head) VALUES (1, 0, randomblob(32)) ON CONFLICT (id) DO NOTHING",
        )?;
        let now = state(conn)?.ok_or_else(|| DbError::Damaged("journal_state is empty".to_owned()))?;
        let end = segments::end(dir)?;
        let (segment, synced) = match end {
            None => (None, first_of_tail(conn)?.map_or(now.serial, |first| first.saturating_sub(1))),
            Some(end) => {
                let last = State { serial: end.serial, head: end.hash };
                if !continues(conn, last, now)? {
                    return Err(fault(format!(
                        "the journal ends with serial {}, which does not fit control.db at serial {}: one of them is of \
                         another time or another collector. If control.db was put back by hand, restore it with \
                         `hostmeter-collector restore`; else make a backup, then start with an empty journal_dir",
                        last.serial, now.serial
                    )));
                }
                (Some(end.cut()?), last.serial)
            }
        };
        let capture = Capture::install(conn)?;
        let mut journal = Self { dir: dir.to_owned(), capture, segment, synced, is_broken: false };
        journal.flush(conn)?;
        Ok(journal)
    }

    /// After an append that failed: goes back to the last synced byte and appends what is missing.
    pub(super) fn mend(&mut self, conn: &Connection) -> Result<(), DbError> {
        if !self.is_broken {
            return Ok(());
        }
        if let Some(segment) = &mut self.segment {
            segment.rewind()?;
        }
        self.is_broken = false;
        self.flush(conn)?;
        tracing::info!(serial = self.synced, "the journal can be written again");
        Ok(())
    }

    /// [`seal`], and forgets records that are synced.
    pub(super) fn seal(&self, tx: &Connection) -> Result<(), DbError> {
        if seal(&self.capture, tx)? {
            let synced = super::to_sql("serial", self.synced)?;
            tx.prepare_cached("DELETE FROM journal_tail WHERE serial <= ?1")?.execute([synced])?;
        }
        Ok(())
    }

    /// Appends and syncs what was committed since. Nobody may be answered before.
    pub(super) fn flush(&mut self, conn: &Connection) -> Result<(), DbError> {
        let result = self.append(conn);
        self.is_broken |= result.is_err();
        result
    }

    fn append(&mut self, conn: &Connection) -> Result<(), DbError> {
        let sql = "SELECT serial, record FROM journal_tail WHERE serial > ?1 ORDER BY serial";
        let mut stmt = conn.prepare_cached(sql)?;
        let mut rows = stmt.query([super::to_sql("serial", self.synced)?])?;
        let mut last = None;
        while let Some(row) = rows.next()? {
            let serial = super::from_sql("a serial", row.get(0)?)?;
            let full = self.segment.as_ref().is_some_and(|s| s.len() >= JOURNAL_SEGMENT_BYTES);
            if full && let Some(segment) = &mut self.segment {
                segment.sync()?;
                self.synced = last.unwrap_or(self.synced);
            }
            let segment = match &mut self.segment {
                Some(segment) if !full => segment,
                slot => slot.insert(Segment::make(&self.dir, serial)?),
            };
            segment.append(row.get_ref(1)?.as_blob().map_err(rusqlite::Error::from)?)?;
            last = Some(serial);
        }
        if let (Some(serial), Some(segment)) = (last, &mut self.segment) {
            segment.sync()?;
            self.synced = serial;
        }
        Ok(())
    }
}

fn first_of_tail(conn: &Connection) -> Result<Option<u64>, DbError> {
    let first: Option<i64> = conn.query_row("SELECT min(serial) FROM journal_tail", [], |r| r.get(0))?;
    first.map(|n| super::from_sql("a serial", n)).transpose()
}

/// Whether control.db at `now` follows a journal that ends with `last`: it is the same record, or the records between are
/// at hand.
fn continues(conn: &Connection, last: State, now: State) -> Result<bool, DbError> {
    let mut at = last;
    let mut stmt = conn.prepare("SELECT record FROM journal_tail WHERE serial > ?1 ORDER BY serial")?;
    let mut rows = stmt.query([super::to_sql("serial", last.serial)?])?;
    while let Some(row) = rows.next()? {
        let bytes = row.get_ref(0)?.as_blob().map_err(rusqlite::Error::from)?;
        match record::decode(bytes) {
            Ok(Some((r, _))) if r.prev == at.head && r.serial == at.serial.saturating_add(1) => {
                at = State { serial: r.serial, head: r.hash };
            }
            _ => return Ok(false),
        }
    }
    Ok(at == now)
}

#[cfg(test)]
mod tests;
