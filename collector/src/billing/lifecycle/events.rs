//! What happened to a customer, as people see it.

use crate::billing::error::BillingError;
use crate::db::{Connection, params};
use hostmeter_core::units::rfc3339;

/// One event.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct EventView {
    /// Rises with time.
    pub id: i64,
    /// When, RFC 3339.
    pub at: String,
    /// `balance.negative`, `account.suspend`, …
    pub kind: String,
    /// The account, a date, an archive: what belongs to it.
    pub detail: String,
}

/// Events of a customer, newest first, with an id below `before`, at most `limit`.
pub fn events(
    conn: &Connection,
    customer: i64,
    before: i64,
    limit: usize,
) -> Result<Vec<EventView>, BillingError> {
    let sql = "SELECT id, at_ms, kind, detail FROM lifecycle_event WHERE customer = ?1 AND id < ?2
               ORDER BY id DESC LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![customer, before, limit], |r| {
        Ok(EventView { id: r.get(0)?, at: rfc3339(r.get(1)?), kind: r.get(2)?, detail: r.get(3)? })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}
