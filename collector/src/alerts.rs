//! Alerts: once for each cause, logged when raised, listed until cleared, told to administrators by the channels that
//! carry alerts: once when raised, once when over.

use crate::db::{DbError, OptionalExtension, Transaction, params};
use crate::notices::outbox::{self, AlertData};

/// Raises an alert. One that stands already keeps its time and gets the new detail.
pub fn raise(
    tx: &Transaction<'_>,
    key: &str,
    kind: &str,
    subject: &str,
    detail: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    let standing: bool = tx
        .prepare_cached("SELECT EXISTS (SELECT 1 FROM alert WHERE key = ?1 AND cleared_ms IS NULL)")?
        .query_row([key], |r| r.get(0))?;
    if !standing {
        tracing::warn!(kind, subject, detail, "alert");
    }
    tx.prepare_cached(
        "INSERT INTO alert (key, kind, subject, detail, raised_ms) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (key) DO UPDATE SET detail = excluded.detail,
             raised_ms = CASE WHEN cleared_ms IS NULL THEN raised_ms ELSE excluded.raised_ms END,
             cleared_ms = NULL",
    )?
    .execute(params![key, kind, subject, detail, now_ms])?;
    if !standing {
        let [rule, subject, detail] = [kind, subject, detail].map(str::to_owned);
        outbox::alert(tx, key, AlertData { rule, subject, detail, raised_ms: now_ms }, false, now_ms)?;
    }
    Ok(())
}

/// Marks an alert as over, if it stands.
pub fn clear(tx: &Transaction<'_>, key: &str, now_ms: i64) -> Result<(), DbError> {
    let sql = "UPDATE alert SET cleared_ms = ?2 WHERE key = ?1 AND cleared_ms IS NULL
               RETURNING kind, subject, detail, raised_ms";
    let over = tx
        .prepare_cached(sql)?
        .query_row(params![key, now_ms], |r| {
            Ok(AlertData { rule: r.get(0)?, subject: r.get(1)?, detail: r.get(2)?, raised_ms: r.get(3)? })
        })
        .optional()?;
    match over {
        Some(alert) => outbox::alert(tx, key, alert, true, now_ms),
        None => Ok(()),
    }
}
