//! After a restore: hosts whose usage has to come again before their charged hours are looked at.

use crate::alerts;
use crate::db::{DbError, Transaction};
use hostmeter_core::units::rfc3339;

/// Raises an alert for each host that is still behind what was charged; ends the wait of those that are not.
pub(super) fn look(tx: &Transaction<'_>, now_ms: i64) -> Result<(), DbError> {
    let sql = "SELECT id, name, refill_ms, coalesce(watermark_ms, 0) FROM host WHERE refill_ms IS NOT NULL";
    let mut stmt = tx.prepare_cached(sql)?;
    let rows = stmt.query_map([], |r| {
        Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, r.get::<_, i64>(2)?, r.get::<_, i64>(3)?))
    })?;
    for (id, name, until_ms, watermark_ms) in rows.collect::<Result<Vec<_>, _>>()? {
        let key = format!("refill:{name}");
        if watermark_ms >= until_ms {
            tx.execute("UPDATE host SET refill_ms = NULL WHERE id = ?1", [id])?;
            alerts::clear(tx, &key, now_ms)?;
            continue;
        }
        let detail = format!(
            "after a restore its agent has to send again what was charged up to {}: until then those charges stay as they \
             are. An agent that is gone for ever cannot; its charges then stay without their usage",
            rfc3339(until_ms)
        );
        alerts::raise(tx, &key, "refill", &name, &detail, now_ms)?;
    }
    Ok(())
}
