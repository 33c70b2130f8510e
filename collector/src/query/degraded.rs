//! When hosts were not metered in full.

use super::{QueryError, check_span, hosts};
use crate::auth::Scope;
use crate::db::{Connection, DbError, OptionalExtension, params};
use crate::limits::DEGRADED_ROWS_MAX;
use rusqlite::Row;

/// A stretch of time in which a host was not metered in full, for one reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stretch {
    /// Start, milliseconds since the epoch.
    pub from_ms: i64,
    /// End so far, milliseconds since the epoch.
    pub to_ms: i64,
    /// How long of it this was so, milliseconds: shorter where it came and went.
    pub lasted_ms: i64,
    /// `ebpf` or `proc`.
    pub tier: String,
    /// Why, for people.
    pub why: String,
    /// Lowest coverage of CPU, I/O and memory, millionths; `None`: never known.
    pub lowest_ppm: [Option<i64>; 3],
}

impl Stretch {
    /// How long it lasted in seconds; what began counts as one.
    pub const fn lasted_sec(&self) -> i64 {
        self.lasted_ms.saturating_add(999) / 1_000
    }
}

const COLUMNS: &str = "from_ms, to_ms, lasted_ms, tier, why, cpu_ppm, io_ppm, memory_ppm";

fn stretch(r: &Row<'_>) -> rusqlite::Result<Stretch> {
    Ok(Stretch {
        from_ms: r.get(0)?,
        to_ms: r.get(1)?,
        lasted_ms: r.get(2)?,
        tier: r.get(3)?,
        why: r.get(4)?,
        lowest_ppm: [r.get(5)?, r.get(6)?, r.get(7)?],
    })
}

/// Stretches of a host that overlap `[from_ms, to_ms)`, newest first; all that are kept fit one answer.
pub fn list(
    conn: &Connection,
    scope: Scope,
    host: &str,
    from_ms: i64,
    to_ms: i64,
) -> Result<Vec<Stretch>, QueryError> {
    let host = hosts::row(conn, scope, host)?;
    check_span(from_ms, to_ms)?;
    let sql = format!(
        "SELECT {COLUMNS} FROM degraded WHERE host = ?1 AND to_ms > ?2 AND from_ms < ?3
         ORDER BY to_ms DESC, from_ms DESC, id DESC LIMIT ?4"
    );
    let mut stmt = conn.prepare_cached(&sql)?;
    let rows = stmt.query_map([host, from_ms, to_ms, DEGRADED_ROWS_MAX], stretch)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The newest stretches of a host (its row), at most `max`.
pub fn newest(conn: &Connection, host: i64, max: usize) -> Result<Vec<Stretch>, DbError> {
    let sql = format!(
        "SELECT {COLUMNS} FROM degraded WHERE host = ?1 ORDER BY to_ms DESC, from_ms DESC, id DESC LIMIT ?2"
    );
    let limit = i64::try_from(max).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(&sql)?;
    let rows = stmt.query_map(params![host, limit], stretch)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// The stretch that the newest usage of a host (its row) stands in; `None`: that was metered in full, or there is none.
pub fn now(conn: &Connection, host: i64, watermark_ms: Option<i64>) -> Result<Option<Stretch>, DbError> {
    let Some(watermark_ms) = watermark_ms else { return Ok(None) };
    let sql = format!(
        "SELECT {COLUMNS} FROM degraded WHERE host = ?1 AND to_ms >= ?2 ORDER BY to_ms DESC, id DESC LIMIT 1"
    );
    Ok(conn.prepare_cached(&sql)?.query_row([host, watermark_ms], stretch).optional()?)
}
