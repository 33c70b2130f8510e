//! The breaker: too many suspensions or deletions within 24 hours, and nothing more is handed out until an
//! administrator has looked. A wrong price or a clock gone mad must not stop a whole fleet.

use crate::billing::error::BillingError;
use crate::config::Breaker;
use crate::db::{Connection, OptionalExtension, Transaction, params};
use hostmeter_core::wire::command::Action;

const RESET: &str = "breaker_reset_ms";
const WINDOW_MS: i64 = 24 * 3_600_000;

/// How far the breaker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct BreakerState {
    /// Suspensions handed out within 24 hours, since the last reset.
    pub suspensions: i64,
    /// As many are allowed.
    pub suspensions_max: i64,
    /// Deletions handed out within 24 hours, since the last reset.
    pub deletions: i64,
    /// Purges handed out within 24 hours, since the last reset.
    pub purges: i64,
    /// As many deletions are allowed, and as many purges.
    pub deletions_max: i64,
}

impl BreakerState {
    /// Whether one more of this action may be handed out.
    pub const fn allows(&self, action: Action) -> bool {
        match action {
            Action::Suspend => self.suspensions < self.suspensions_max,
            Action::Delete => self.deletions < self.deletions_max,
            Action::Purge => self.purges < self.deletions_max,
            Action::Resume | Action::Undelete | Action::Inspect => true,
        }
    }

    /// Counts one that is handed out.
    pub(super) const fn count(&mut self, action: Action) {
        match action {
            Action::Suspend => self.suspensions = self.suspensions.saturating_add(1),
            Action::Delete => self.deletions = self.deletions.saturating_add(1),
            Action::Purge => self.purges = self.purges.saturating_add(1),
            Action::Resume | Action::Undelete | Action::Inspect => {}
        }
    }
}

/// The breaker at `now_ms`. The same account and generation handed out again counts once.
pub fn breaker_state(conn: &Connection, limits: Breaker, now_ms: i64) -> Result<BreakerState, BillingError> {
    let reset: Option<i64> = conn
        .prepare_cached("SELECT value FROM meta WHERE key = ?1")?
        .query_row([RESET], |r| r.get(0))
        .optional()?;
    let since = now_ms.saturating_sub(WINDOW_MS).max(reset.unwrap_or(i64::MIN));
    let sql = "SELECT COUNT(*) FROM (SELECT account, generation FROM command
               WHERE action = ?1 AND number IS NOT NULL GROUP BY account, generation HAVING MIN(issued_ms) > ?2)";
    let handed = |action: Action| -> Result<i64, BillingError> {
        Ok(conn.prepare_cached(sql)?.query_row(params![action.as_str(), since], |r| r.get(0))?)
    };
    let accounts: i64 = conn
        .prepare_cached("SELECT COUNT(*) FROM account WHERE host IS NOT NULL AND user IS NOT NULL")?
        .query_row([], |r| r.get(0))?;
    let max = |count: u32, percent: u32| {
        i64::from(count).max(accounts.saturating_mul(i64::from(percent)).checked_div(100).unwrap_or(0))
    };
    Ok(BreakerState {
        suspensions: handed(Action::Suspend)?,
        suspensions_max: max(limits.suspensions, limits.suspensions_percent),
        deletions: handed(Action::Delete)?,
        purges: handed(Action::Purge)?,
        deletions_max: max(limits.deletions, limits.deletions_percent),
    })
}

/// Lets commands go out again: what was handed out before counts no more.
pub fn reset_breaker(tx: &Transaction<'_>, now_ms: i64) -> Result<(), BillingError> {
    let sql = "INSERT INTO meta (key, value) VALUES (?1, ?2) ON CONFLICT (key) DO UPDATE SET value = excluded.value";
    tx.prepare_cached(sql)?.execute(params![RESET, now_ms])?;
    tx.prepare_cached("UPDATE alert SET cleared_ms = ?1 WHERE kind = 'breaker' AND cleared_ms IS NULL")?
        .execute([now_ms])?;
    Ok(())
}
