//! Opening control.db: pragmas, schema, and the meter columns of `usage_hour`.

use super::DbError;
use crate::limits::{
    BUSY_TIMEOUT, PAGE_BYTES, STATEMENT_CACHE, WAL_AUTOCHECKPOINT_PAGES, WRITER_CACHE_PAGES,
};
use hostmeter_core::meter::Meter;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, TransactionBehavior};
use std::path::Path;

/// The schema that this program reads and writes (`PRAGMA user_version`).
pub const SCHEMA_VERSION: i64 = 13;

/// Step `n` (from 1) makes version `n` of the one before. A new file takes all of them, so that old and new files have
/// the same tables. A step is never changed once it was released.
const STEPS: [(i64, &str); 13] = [
    (1, include_str!("schema.sql")),
    (2, include_str!("degraded.sql")),
    (3, include_str!("resume.sql")),
    (4, include_str!("backup.sql")),
    (5, include_str!("counting.sql")),
    (6, include_str!("keys.sql")),
    (7, include_str!("rating.sql")),
    (8, include_str!("lifecycle.sql")),
    (9, include_str!("statements.sql")),
    (10, include_str!("outbox.sql")),
    (11, include_str!("moves.sql")),
    (12, include_str!("hours.sql")),
    (13, include_str!("resellers.sql")),
];

/// The step that puts the rows of `usage_hour` into another order.
const USAGE_BY_HOUR: i64 = 12;

/// The writer's connection, with the schema in place.
pub(super) fn open(path: &Path) -> Result<Connection, DbError> {
    let wrap = |source| DbError::Open { path: path.to_owned(), source };
    let mut conn = Connection::open(path).map_err(wrap)?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(wrap)?;
    conn.pragma_update(None, "page_size", PAGE_BYTES).map_err(wrap)?;
    // Returns the mode in force, so it is a query.
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |r| r.get(0)).map_err(wrap)?;
    if mode != "wal" && mode != "memory" {
        return Err(DbError::Damaged(format!("{}: journal mode is {mode:?}, not \"wal\"", path.display())));
    }
    conn.pragma_update(None, "synchronous", "FULL").map_err(wrap)?;
    conn.pragma_update(None, "wal_autocheckpoint", WAL_AUTOCHECKPOINT_PAGES).map_err(wrap)?;
    conn.pragma_update(None, "foreign_keys", true).map_err(wrap)?;
    conn.pragma_update(None, "cache_size", WRITER_CACHE_PAGES).map_err(wrap)?;
    keep_plans(&conn).map_err(wrap)?;
    conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    migrate(&mut conn, path)?;
    #[cfg(test)]
    crate::fault::count_statements(&mut conn);
    Ok(conn)
}

/// A connection that cannot write.
pub(super) fn open_reader(path: &Path) -> Result<Connection, DbError> {
    let wrap = |source| DbError::Open { path: path.to_owned(), source };
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags).map_err(wrap)?;
    conn.busy_timeout(BUSY_TIMEOUT).map_err(wrap)?;
    keep_plans(&conn).map_err(wrap)?;
    conn.set_prepared_statement_cache_capacity(STATEMENT_CACHE);
    Ok(conn)
}

/// Without it, a statement that might use a partial index is compiled again whenever a parameter changes, which costs
/// several times the query itself.
fn keep_plans(conn: &Connection) -> rusqlite::Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(|_| ())
}

fn migrate(conn: &mut Connection, path: &Path) -> Result<(), DbError> {
    let tx = conn.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let version: i64 = tx.pragma_query_value(None, "user_version", |r| r.get(0))?;
    if !(0..=SCHEMA_VERSION).contains(&version) {
        return Err(DbError::Newer { path: path.to_owned(), got: version, want: SCHEMA_VERSION });
    }
    step_to(&tx, SCHEMA_VERSION)?;
    add_meter_columns(&tx)?;
    tx.commit()?;
    Ok(())
}

/// Takes the steps up to a version, for a restore that replays what was written under it.
pub(super) fn step_to(conn: &Connection, version: i64) -> Result<(), DbError> {
    let at: i64 = conn.pragma_query_value(None, "user_version", |r| r.get(0))?;
    for (step, sql) in STEPS.iter().filter(|(step, _)| *step > at && *step <= version) {
        conn.execute_batch(sql)?;
        if *step == USAGE_BY_HOUR {
            move_usage(conn)?;
        }
        conn.pragma_update(None, "user_version", step)?;
    }
    Ok(())
}

/// Moves the rows, with the columns that this file has.
fn move_usage(conn: &Connection) -> Result<(), DbError> {
    let mut stmt = conn.prepare("SELECT name FROM pragma_table_info('usage_hour_old') ORDER BY cid")?;
    let columns: Vec<String> = stmt.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?;
    let keys = ["account", "hour", "charged"];
    let mut sql = String::new();
    for meter in columns.iter().filter(|c| !keys.contains(&c.as_str())) {
        sql.push_str(&format!("ALTER TABLE usage_hour ADD COLUMN \"{meter}\" INTEGER; "));
    }
    let list = columns.iter().map(|c| format!("\"{c}\"")).collect::<Vec<_>>().join(", ");
    sql.push_str(&format!(
        "INSERT INTO usage_hour ({list}) SELECT {list} FROM usage_hour_old ORDER BY hour, account; \
         DROP TABLE usage_hour_old"
    ));
    Ok(conn.execute_batch(&sql)?)
}

/// One column for each meter that adds up; NULL: not measured in that hour. A new meter gets its column at the first
/// start of the version that knows it; a column of a meter that is gone stays.
pub(super) fn add_meter_columns(conn: &Connection) -> Result<(), DbError> {
    let mut stmt = conn.prepare("SELECT name FROM pragma_table_info('usage_hour')")?;
    let have: Vec<String> = stmt.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?;
    for meter in Meter::ALL.iter().filter(|m| m.is_flow()) {
        if !have.iter().any(|c| c == meter.name()) {
            // A name from our own table: nothing to quote.
            conn.execute_batch(&format!("ALTER TABLE usage_hour ADD COLUMN {} INTEGER", meter.name()))?;
        }
    }
    Ok(())
}
