//! Puts the journal's records onto a control.db that comes from a backup.

use super::capture::{Table, journalled};
use super::journal::{State, state};
use super::record::{Fault, Record};
use super::{DbError, migrate, segments};
use crate::limits::JOURNAL_INFLATED_MAX_BYTES;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostmeter_core::meter::Meter;
use rusqlite::types::Value as Sql;
use rusqlite::{Connection, OptionalExtension, params, params_from_iter};
use serde_json::{Map, Value};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// What was replayed.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize)]
pub struct Replayed {
    /// Transactions.
    pub records: u64,
    /// Rows that they changed.
    pub rows: u64,
    /// Serial of the last transaction that is in control.db now.
    pub serial: u64,
    /// When the last was committed, milliseconds since the epoch.
    pub last_ms: Option<i64>,
    /// Where a torn last record was left out.
    pub torn: Option<String>,
}

/// Why a journal was not replayed. What was made so far is of no use.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Bytes were changed.
    #[error(
        "{path}: damaged at byte {at}, behind serial {after}: bytes were changed. Take the journal from where it was \
         written, or from another copy of it", path = path.display()
    )]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where.
        at: usize,
        /// Serial of the last good record.
        after: u64,
    },
    /// The last record is not whole.
    #[error(
        "{path}: the last record, behind serial {after}, is cut short or damaged from byte {at} on. If the machine lost its \
         power while it was written, nobody was answered for it, and --accept-torn-tail restores all before it; if this is \
         a copy, copy it again", path = path.display()
    )]
    Torn {
        /// The segment.
        path: PathBuf,
        /// Where.
        at: usize,
        /// Serial of the last good record.
        after: u64,
    },
    /// Records are missing.
    #[error(
        "{dir}: after serial {have} the journal goes on with {next}: what is between is missing, and would be lost. Restore \
         a newer backup, or put back the segments that are missing", dir = dir.display()
    )]
    Hole {
        /// The journal.
        dir: PathBuf,
        /// The last serial that is known.
        have: u64,
        /// The next that is there.
        next: u64,
    },
    /// It ends before the backup was made.
    #[error(
        "{dir}: the journal ends with serial {last}, the backup holds everything up to {have}: this is an old copy of the \
         journal, or none of its segments", dir = dir.display()
    )]
    Short {
        /// The journal.
        dir: PathBuf,
        /// Its last serial.
        last: u64,
        /// The backup's.
        have: u64,
    },
    /// Another history.
    #[error(
        "{dir}: serial {serial} does not follow from what the backup holds: the journal is of another collector, or writes \
         went by without it in between", dir = dir.display()
    )]
    Foreign {
        /// The journal.
        dir: PathBuf,
        /// The record.
        serial: u64,
    },
    /// The backup was made without a journal.
    #[error("the backup was made before there was a journal, so that the journal does not follow from it")]
    NoState,
    /// A record that cannot be put back.
    #[error("serial {serial} of the journal cannot be replayed: {why}")]
    Row {
        /// Its number.
        serial: u64,
        /// What is wrong.
        why: String,
    },
    /// control.db, or the journal's files.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<rusqlite::Error> for ReplayError {
    fn from(e: rusqlite::Error) -> Self {
        Self::Db(e.into())
    }
}

/// Replays every record above what control.db holds, and brings it to this program's schema. `accepts_torn`: a torn last
/// record is left out instead of refused.
pub fn replay(conn: &mut Connection, dir: &Path, accepts_torn: bool) -> Result<Replayed, ReplayError> {
    if !has_state(conn)? {
        return Err(ReplayError::NoState);
    }
    migrate::add_meter_columns(conn)?;
    let at = state(conn)?.ok_or(ReplayError::NoState)?;
    let done = Replayed { serial: at.serial, ..Replayed::default() };
    let mut walk = Walk { dir, at, tables: tables(conn)?, conn, done, last: None };
    let files = segments::list(dir)?;
    for (i, (_, path)) in files.iter().enumerate() {
        let next = files.get(i.saturating_add(1));
        if next.is_some_and(|(first, _)| *first <= walk.at.serial) {
            continue;
        }
        let bytes = segments::read(path)?;
        let (good, fault) = segments::walk(&bytes, |record, _| walk.record(record))?;
        let (path, at, after) = (path.clone(), good, walk.at.serial);
        match fault {
            None => {}
            Some(Fault::CutShort) if next.is_none() && accepts_torn => {
                walk.done.torn = Some(format!("{}, from byte {at} on", path.display()));
            }
            Some(Fault::CutShort) if next.is_none() => return Err(ReplayError::Torn { path, at, after }),
            Some(_) => return Err(ReplayError::Damaged { path, at, after }),
        }
    }
    let (have, last) = (walk.at.serial, walk.last.unwrap_or_default());
    if last < have {
        return Err(ReplayError::Short { dir: dir.to_owned(), last, have });
    }
    let done = walk.done;
    upgrade(conn)?;
    Ok(done)
}

/// Brings a restored file to this program's schema, in place.
pub fn upgrade(conn: &Connection) -> Result<(), DbError> {
    migrate::step_to(conn, migrate::SCHEMA_VERSION)?;
    migrate::add_meter_columns(conn)
}

fn has_state(conn: &Connection) -> Result<bool, DbError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = 'journal_state')";
    Ok(conn.query_row(sql, [], |r| r.get(0))?)
}

fn tables(conn: &Connection) -> Result<HashMap<String, Table>, DbError> {
    Ok(journalled(conn)?.into_iter().map(|t| (t.name.clone(), t)).collect())
}

struct Walk<'a> {
    dir: &'a Path,
    conn: &'a mut Connection,
    tables: HashMap<String, Table>,
    at: State,
    done: Replayed,
    /// Serial of the last record that was seen.
    last: Option<u64>,
}

impl Walk<'_> {
    fn record(&mut self, record: &Record<'_>) -> Result<(), ReplayError> {
        let (dir, serial, have) = (self.dir.to_owned(), record.serial, self.at.serial);
        self.last = Some(serial);
        if serial < have {
            return Ok(());
        }
        if serial == have {
            let same = record.hash == self.at.head;
            return if same { Ok(()) } else { Err(ReplayError::Foreign { dir, serial }) };
        }
        if serial != have.saturating_add(1) {
            return Err(ReplayError::Hole { dir, have, next: serial });
        }
        if record.prev != self.at.head {
            return Err(ReplayError::Foreign { dir, serial });
        }
        self.apply(record).map_err(|e| match e {
            DbError::Damaged(why) => ReplayError::Row { serial, why },
            other => ReplayError::Row { serial, why: other.to_string() },
        })?;
        self.at = State { serial, head: record.hash };
        self.done.serial = serial;
        self.done.records = self.done.records.saturating_add(1);
        self.done.last_ms = Some(record.at_ms);
        Ok(())
    }

    /// One transaction, as it was.
    fn apply(&mut self, record: &Record<'_>) -> Result<(), DbError> {
        let damaged = |e: &dyn std::fmt::Display| DbError::Damaged(e.to_string());
        let inflate = zstd::Decoder::new(record.payload).map_err(|e| damaged(&e))?;
        let mut lines = BufReader::new(inflate.take(JOURNAL_INFLATED_MAX_BYTES)).lines();
        let first = lines.next().ok_or_else(|| damaged(&"it is empty"))?.map_err(|e| damaged(&e))?;
        self.schema(&first)?;
        let tx = self.conn.transaction()?;
        tx.execute_batch("PRAGMA defer_foreign_keys = ON")?;
        for line in lines {
            let line = line.map_err(|e| damaged(&e))?;
            let row: Row = serde_json::from_str(&line).map_err(|e| damaged(&e))?;
            let table = self.tables.get(&row.table);
            let table = table.ok_or_else(|| damaged(&format_args!("no journalled table {:?}", row.table)))?;
            row.apply(&tx, table)?;
            self.done.rows = self.done.rows.saturating_add(1);
        }
        let serial = super::to_sql("serial", record.serial)?;
        tx.execute("UPDATE journal_state SET serial = ?1, head = ?2", params![serial, record.hash])?;
        tx.commit()?;
        Ok(())
    }

    /// A record was written under the schema that it names: the steps to it are taken first.
    fn schema(&mut self, line: &str) -> Result<(), DbError> {
        let begin: Begin = serde_json::from_str(line).map_err(|e| DbError::Damaged(e.to_string()))?;
        let at: i64 = self.conn.pragma_query_value(None, "user_version", |r| r.get(0))?;
        if begin.schema > migrate::SCHEMA_VERSION || begin.schema < at {
            let (got, want) = (begin.schema, migrate::SCHEMA_VERSION);
            let why =
                format!("it is of schema version {got}; this program knows up to {want}, the file has {at}");
            return Err(DbError::Damaged(why));
        }
        if begin.schema > at {
            migrate::step_to(self.conn, begin.schema)?;
            self.tables = tables(self.conn)?;
        }
        Ok(())
    }
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    schema: i64,
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    table: String,
    put: Option<Map<String, Value>>,
    del: Option<Map<String, Value>>,
}

impl Row {
    fn apply(&self, tx: &Connection, table: &Table) -> Result<(), DbError> {
        match (&self.put, &self.del) {
            (Some(row), None) => put(tx, table, row),
            (None, Some(key)) => del(tx, table, key),
            _ => Err(DbError::Damaged("a row is neither put nor deleted".to_owned())),
        }
    }
}

fn sql_value(value: &Value) -> Result<Sql, DbError> {
    let damaged = || DbError::Damaged(format!("a value that no column has: {value}"));
    Ok(match value {
        Value::Null => Sql::Null,
        Value::Number(n) => Sql::Integer(n.as_i64().ok_or_else(damaged)?),
        Value::String(text) => Sql::Text(text.clone()),
        Value::Object(bytes) => {
            let text = bytes.get("b").and_then(Value::as_str).ok_or_else(damaged)?;
            Sql::Blob(STANDARD.decode(text).map_err(|_| damaged())?)
        }
        Value::Bool(_) | Value::Array(_) => return Err(damaged()),
    })
}

fn known<'a>(table: &Table, row: &'a Map<String, Value>) -> Result<Vec<(&'a str, bool, Sql)>, DbError> {
    let one = |(name, value): (&'a String, &Value)| {
        let (_, key) = table
            .columns
            .iter()
            .find(|(c, _)| c == name)
            .ok_or_else(|| DbError::Damaged(format!("{}.{name} is no journalled column", table.name)))?;
        Ok((name.as_str(), *key, sql_value(value)?))
    };
    row.iter().map(one).collect()
}

fn put(tx: &Connection, table: &Table, row: &Map<String, Value>) -> Result<(), DbError> {
    let columns = known(table, row)?;
    let before = Before::of(tx, &table.name, row)?;
    // Names that were compared with those of the schema.
    let list = |of: &dyn Fn(&str) -> String, keys: Option<bool>| {
        let wanted = columns.iter().filter(|(_, key, _)| keys.is_none_or(|k| k == *key));
        wanted.map(|(name, _, _)| of(name)).collect::<Vec<_>>().join(", ")
    };
    let name = |c: &str| format!("\"{c}\"");
    let set = list(&|c| format!("\"{c}\" = excluded.\"{c}\""), Some(false));
    let on = if set.is_empty() { "DO NOTHING".to_owned() } else { format!("DO UPDATE SET {set}") };
    let sql = format!(
        "INSERT INTO main.\"{}\" ({}) VALUES ({}) ON CONFLICT ({}) {on}",
        table.name,
        list(&name, None),
        list(&|_| "?".to_owned(), None),
        list(&name, Some(true)),
    );
    tx.prepare_cached(&sql)?.execute(params_from_iter(columns.iter().map(|(_, _, v)| v)))?;
    before.follow(tx)
}

fn del(tx: &Connection, table: &Table, key: &Map<String, Value>) -> Result<(), DbError> {
    let columns = known(table, key)?;
    let keys: Vec<String> = columns.iter().map(|(name, _, _)| format!("\"{name}\" IS ?")).collect();
    let sql = format!("DELETE FROM main.\"{}\" WHERE {}", table.name, keys.join(" AND "));
    tx.prepare_cached(&sql)?.execute(params_from_iter(columns.iter().map(|(_, _, v)| v)))?;
    Ok(())
}

/// What follows from a row for columns that are not journalled, as agents send again only what is theirs.
enum Before {
    /// Nothing.
    Nothing,
    /// A host: a new epoch begins with number 1. The row and its epoch before.
    Host(i64, Option<i64>),
    /// An imported total: what it grew by belongs into the hour. Account, hour, meter, growth.
    Import(i64, i64, Meter, i64),
    /// A charge: its hour is open until its usage has come again. Account and hour.
    Charge(i64, i64),
}

impl Before {
    fn of(tx: &Connection, table: &str, row: &Map<String, Value>) -> Result<Self, DbError> {
        let number = |column: &str| {
            let found = row.get(column).and_then(Value::as_i64);
            found.ok_or_else(|| DbError::Damaged(format!("{table}.{column} is missing")))
        };
        Ok(match table {
            "host" => {
                let id = number("id")?;
                let sql = "SELECT epoch FROM host WHERE id = ?1";
                Self::Host(id, tx.prepare_cached(sql)?.query_row([id], |r| r.get(0)).optional()?)
            }
            "import_total" => {
                let word = |column: &str| row.get(column).and_then(Value::as_str).unwrap_or_default();
                let (account, hour) = (number("account")?, number("hour")?);
                let meter = Meter::from_name(word("meter")).filter(|m| m.is_flow());
                let meter = meter.ok_or_else(|| DbError::Damaged(format!("no meter {:?}", word("meter"))))?;
                let sql = "SELECT quantity FROM import_total WHERE account = ?1 AND hour = ?2 AND meter = ?3 AND source = ?4";
                let key = params![account, hour, meter.name(), word("source")];
                let had: Option<i64> = tx.prepare_cached(sql)?.query_row(key, |r| r.get(0)).optional()?;
                let grown = number("quantity")?.checked_sub(had.unwrap_or(0));
                let grown =
                    grown.ok_or_else(|| DbError::Damaged("an imported total overflows".to_owned()))?;
                Self::Import(account, hour, meter, grown)
            }
            "charge" => Self::Charge(number("account")?, number("hour")?),
            _ => Self::Nothing,
        })
    }

    fn follow(self, tx: &Connection) -> Result<(), DbError> {
        match self {
            Self::Nothing => {}
            Self::Host(id, epoch) => {
                let sql = "UPDATE host SET high_seq = 0, high_hash = zeroblob(32) WHERE id = ?1 AND epoch IS NOT ?2";
                tx.prepare_cached(sql)?.execute(params![id, epoch])?;
            }
            Self::Import(account, hour, meter, grown) => {
                let sql = format!(
                    "INSERT INTO usage_hour (account, hour, {0}) VALUES (?1, ?2, ?3)
                     ON CONFLICT (account, hour) DO UPDATE SET {0} = coalesce({0}, 0) + excluded.{0}, charged = 0",
                    meter.name()
                );
                tx.prepare_cached(&sql)?.execute([account, hour, grown])?;
            }
            Self::Charge(account, hour) => {
                let sql = "INSERT INTO usage_hour (account, hour) VALUES (?1, ?2)
                           ON CONFLICT (account, hour) DO UPDATE SET charged = 0";
                tx.prepare_cached(sql)?.execute([account, hour])?;
                let sql = "UPDATE host SET refill_ms = max(coalesce(refill_ms, 0), (?2 + 1) * 3600000)
                           WHERE id = (SELECT host FROM account WHERE id = ?1)";
                tx.prepare_cached(sql)?.execute([account, hour])?;
            }
        }
        Ok(())
    }
}
