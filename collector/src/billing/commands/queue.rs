//! Ordering something of an account: a new generation of its desired state, and a command for its host.

use crate::billing::accounts::{self, Account};
use crate::billing::error::BillingError;
use crate::db::{Connection, Transaction, params};
use hostmeter_core::wire::command::Action;

/// The desired state that an action leads to.
const fn desired(action: Action) -> Option<&'static str> {
    match action {
        Action::Suspend => Some("suspended"),
        Action::Resume | Action::Undelete => Some("active"),
        Action::Delete => Some("deleted"),
        Action::Purge | Action::Inspect => None,
    }
}

/// Whether staff suspended the account.
pub(in crate::billing) fn is_held_suspended(conn: &Connection, account: i64) -> Result<bool, BillingError> {
    let sql = "SELECT COALESCE(manual = 'suspended', 0) FROM account WHERE id = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([account], |r| r.get(0))?)
}

/// Raises the account's generation and queues the command. Returns the host to wake; `None` where there is nobody to
/// command (made by the API, or the host is revoked): then it counts as done.
pub(in crate::billing) fn order(
    tx: &Transaction<'_>,
    account: &Account,
    action: Action,
    reason: &str,
    now_ms: i64,
) -> Result<Option<i64>, BillingError> {
    let generation = account.generation.saturating_add(1);
    if let Some(desired) = desired(action) {
        tx.prepare_cached("UPDATE account SET desired = ?2, generation = ?3 WHERE id = ?1")?
            .execute(params![account.row, desired, generation])?;
        accounts::note_state(tx, account.row, desired, now_ms)?;
    } else {
        tx.prepare_cached("UPDATE account SET generation = ?2 WHERE id = ?1")?
            .execute(params![account.row, generation])?;
    }
    // What was not handed out yet is void; what was is told apart by its lower generation.
    let sql = "UPDATE command SET state = 'superseded', updated_ms = ?2
               WHERE account = ?1 AND state IN ('queued', 'sent', 'deferred')";
    tx.prepare_cached(sql)?.execute(params![account.row, now_ms])?;
    let Some(host) = commandable_host(tx, account)? else {
        let deletion = match action {
            Action::Delete | Action::Purge => "done",
            _ => "none",
        };
        let sql = "UPDATE account SET done_generation = ?2, deletion = ?3,
                     purged_ms = CASE WHEN ?4 THEN ?5 ELSE purged_ms END,
                     manual = CASE WHEN manual = 'restoring' THEN NULL ELSE manual END WHERE id = ?1";
        let purged = action == Action::Purge;
        tx.prepare_cached(sql)?.execute(params![account.row, generation, deletion, purged, now_ms])?;
        return Ok(None);
    };
    insert(tx, host, account.row, generation, action, reason, now_ms)?;
    Ok(Some(host))
}

/// A row that waits to be handed out.
pub(super) fn insert(
    tx: &Transaction<'_>,
    host: i64,
    account: i64,
    generation: i64,
    action: Action,
    reason: &str,
    now_ms: i64,
) -> Result<i64, BillingError> {
    let sql = "INSERT INTO command (host, account, generation, action, reason, made_ms, updated_ms)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6)";
    tx.prepare_cached(sql)?.execute(params![host, account, generation, action.as_str(), reason, now_ms])?;
    Ok(tx.last_insert_rowid())
}

fn commandable_host(conn: &Connection, account: &Account) -> Result<Option<i64>, BillingError> {
    let Some(host) = account.host else { return Ok(None) };
    let sql = "SELECT state <> 'revoked' FROM host WHERE id = ?1";
    let live: bool = conn.prepare_cached(sql)?.query_row([host], |r| r.get(0))?;
    Ok(live.then_some(host))
}
