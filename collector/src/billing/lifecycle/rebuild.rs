//! A state in place of one that cannot be read, made from what the accounts are meant to be.

use crate::billing::customers::Customer;
use crate::billing::error::BillingError;
use crate::db::{Transaction, params};
use hostmeter_core::ids::AccountId;
use hostmeter_core::lifecycle::{AccountState, CustomerState, Desired, Phase};

/// Stores it. Every time runs anew from now on: nobody is suspended or deleted earlier for it.
pub fn rebuild_state(tx: &Transaction<'_>, customer: &Customer, now_ms: i64) -> Result<(), BillingError> {
    let mut state = CustomerState::new(now_ms);
    let mut stmt = tx.prepare_cached(
        "SELECT name, desired FROM account WHERE customer = ?1 AND purged_ms IS NULL
           AND (host IS NULL OR user IS NOT NULL) AND (manual IS NULL OR manual = 'suspended')",
    )?;
    let rows = stmt.query_map([customer.row], |r| Ok((r.get::<_, String>(0)?, r.get::<_, String>(1)?)))?;
    for row in rows {
        let (name, desired) = row?;
        let id =
            AccountId::parse(&name).map_err(|e| BillingError::damaged(format!("account {name:?}"), e))?;
        let desired = match desired.as_str() {
            "deleted" => Desired::Deleted,
            "suspended" => Desired::Suspended,
            _ => Desired::Active,
        };
        state.accounts.insert(id, AccountState::new(desired, now_ms));
    }
    let any = |desired| state.accounts.values().any(|a| a.desired == desired);
    state.phase = if any(Desired::Deleted) {
        Phase::Deleted
    } else if any(Desired::Suspended) {
        Phase::Suspended
    } else if state.accounts.is_empty() {
        Phase::New
    } else {
        Phase::Active
    };
    // Keys of events go on behind those that are stored.
    let sql = "SELECT COUNT(*) FROM lifecycle_event WHERE customer = ?1";
    let stored: i64 = tx.prepare_cached(sql)?.query_row([customer.row], |r| r.get(0))?;
    state.events = u64::try_from(stored).unwrap_or_default();
    state.episode = state.events;
    let json = serde_json::to_string(&state)
        .map_err(|e| BillingError::damaged(format!("customer {}, lifecycle", customer.id), e))?;
    tx.prepare_cached("UPDATE customer SET state = ?2, lifecycle = ?3 WHERE id = ?1")?.execute(params![
        customer.row,
        state.phase.as_str(),
        json
    ])?;
    Ok(())
}
