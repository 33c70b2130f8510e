//! Who did what, when.

use crate::db::{DbError, Transaction, params};

/// Notes a change by a person or a token. Rows are only added.
pub fn write(
    tx: &Transaction<'_>,
    actor: &str,
    action: &str,
    subject: &str,
    detail: &str,
    now_ms: i64,
) -> Result<(), DbError> {
    tx.prepare_cached(
        "INSERT INTO audit (at_ms, actor, action, subject, detail) VALUES (?1, ?2, ?3, ?4, ?5)",
    )?
    .execute(params![now_ms, actor, action, subject, detail])?;
    Ok(())
}
