//! The lifecycle in control.db: facts are gathered, the core takes its step, and state, events, desired states and
//! commands are written in the same transaction. Charging, every credit, outcomes of commands and a periodic sweep
//! all call [`run`].

mod apply;
mod events;
mod facts;
mod staff;
mod sweep;

pub use events::{EventView, events};
pub use staff::{StaffAction, set_hold, staff};
pub use sweep::{due, heartbeat, resume_after_outage};

use super::error::BillingError;
use super::rates::Rates;
use super::rules::Rules;
use crate::db::{Connection, Transaction, params};
use crate::notices::outbox;
use hostmeter_core::lifecycle::{CustomerState, Phase, Step, step};
use std::collections::BTreeSet;

/// The stored state of a customer's lifecycle.
pub fn state_of(customer: &super::customers::Customer) -> Result<CustomerState, BillingError> {
    if customer.lifecycle == "{}" {
        return Ok(CustomerState::new(customer.made_ms));
    }
    serde_json::from_str(&customer.lifecycle)
        .map_err(|e| BillingError::damaged(format!("customer {}, lifecycle", customer.id), e))
}

/// The step that is due for a customer; `None`: nothing changes.
pub fn next_step(
    conn: &Connection,
    rates: &mut Rates,
    customer: i64,
    rules: &Rules,
    now_ms: i64,
) -> Result<Option<Step>, BillingError> {
    if crate::jump::standing(conn)?.is_some() {
        return Ok(None);
    }
    let payer = rates.payer(conn, customer)?;
    let state = state_of(&payer.customer)?;
    let facts = facts::gather(conn, rates, &payer.customer, &state)?;
    let step = step(&state, &facts, &rules.lifecycle, now_ms);
    Ok((step.state != state || !step.events.is_empty()).then_some(step))
}

/// Takes the step that is due for a customer and returns the hosts that have new commands.
pub fn run(
    tx: &Transaction<'_>,
    rates: &mut Rates,
    customer: i64,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    let Some(step) = next_step(tx, rates, customer, rules, now_ms)? else { return Ok(BTreeSet::new()) };
    let payer = rates.payer(tx, customer)?;
    let json = serde_json::to_string(&step.state)
        .map_err(|e| BillingError::damaged(format!("customer {}, lifecycle", payer.customer.id), e))?;
    // What staff asked for is done once the customer has left `deleted`.
    let left = state_of(&payer.customer)?.phase == Phase::Deleted && step.state.phase != Phase::Deleted;
    let sql =
        "UPDATE customer SET state = ?2, lifecycle = ?3, undelete = CASE WHEN ?4 THEN 0 ELSE undelete END
               WHERE id = ?1";
    tx.prepare_cached(sql)?.execute(params![customer, step.state.phase.as_str(), json, left])?;
    rates.forget(customer);
    outbox::fill(tx, &payer.customer, &step.events, rules.currency, now_ms)?;
    let mut wake = BTreeSet::new();
    for event in &step.events {
        apply::record(tx, &payer.customer, event, now_ms)?;
        wake.extend(apply::event(tx, &payer.customer, event, now_ms)?);
    }
    Ok(wake)
}

/// As [`run`], for a caller without prices at hand.
pub fn run_alone(
    tx: &Transaction<'_>,
    customer: i64,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    run(tx, &mut Rates::default(), customer, rules, now_ms)
}
