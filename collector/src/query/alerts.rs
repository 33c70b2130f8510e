//! Alerts that stand, and those that are over.

use crate::auth::Scope;
use crate::db::{Connection, DbError};
use crate::limits::PAGE_ROWS_MAX;

/// One alert.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alert {
    /// Row; newer alerts have higher ones.
    pub id: i64,
    /// What kind, for example `fork`.
    pub kind: String,
    /// Whom it concerns: a host, an account, a customer.
    pub subject: String,
    /// What happened and what to do.
    pub detail: String,
    /// When it was raised, milliseconds since the epoch.
    pub raised_ms: i64,
    /// When it was over; `None`: it stands.
    pub cleared_ms: Option<i64>,
}

/// Alerts, newest first; only those that stand, if `open`. Alerts are for staff: another scope sees none.
pub fn list(conn: &Connection, scope: Scope, open: bool) -> Result<Vec<Alert>, DbError> {
    let sql = "SELECT id, kind, subject, detail, raised_ms, cleared_ms FROM alert
        WHERE ?1 IS NULL AND (?2 = 0 OR cleared_ms IS NULL) ORDER BY raised_ms DESC, id DESC LIMIT ?3";
    let limit = i64::try_from(PAGE_ROWS_MAX).unwrap_or(i64::MAX);
    let rows = conn
        .prepare_cached(sql)?
        .query_map((scope.customer(), open, limit), |r| {
            Ok(Alert {
                id: r.get(0)?,
                kind: r.get(1)?,
                subject: r.get(2)?,
                detail: r.get(3)?,
                raised_ms: r.get(4)?,
                cleared_ms: r.get(5)?,
            })
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}
