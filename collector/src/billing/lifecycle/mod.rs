//! The lifecycle in control.db: facts are gathered, the core takes its step, and state, events, desired states and
//! commands are written in the same transaction. Charging, every credit, outcomes of commands and a periodic sweep
//! all call [`run`].

mod apply;
mod asked;
mod events;
mod facts;
mod leaving;
mod rebuild;
mod staff;
pub mod standing;
mod sweep;

pub use asked::{ask, set_abuse, unpark};
pub use events::{EventView, events};
pub use rebuild::rebuild_state;
pub use staff::{StaffAction, hold_account, set_hold, staff};
pub use sweep::{due, heartbeat, resume_after_outage};

use super::error::BillingError;
use super::parked;
use super::rates::Rates;
use super::resellers;
use super::rules::Rules;
use crate::db::{Connection, Transaction, params};
use crate::limits::RESELLER_STEP_CUSTOMERS;
use crate::notices::outbox;
use hostmeter_core::lifecycle::{
    Ask, CustomerState, Event, EventKind, Phase, Step, Verdict, View, explain, step,
};
use hostmeter_core::units::UtcHour;
use std::collections::BTreeSet;

/// The stored state of a customer's lifecycle.
pub fn state_of(customer: &super::customers::Customer) -> Result<CustomerState, BillingError> {
    if customer.lifecycle == "{}" {
        return Ok(CustomerState::new(customer.made_ms));
    }
    serde_json::from_str(&customer.lifecycle)
        .map_err(|e| BillingError::damaged(format!("customer {}, lifecycle", customer.id), e))
}

/// The state as far as it can be shown: one that cannot be read is that of a parked customer, whose phase is known.
pub fn shown_state(customer: &super::customers::Customer) -> CustomerState {
    state_of(customer).unwrap_or_else(|_| CustomerState {
        phase: Phase::parse(&customer.state).unwrap_or(Phase::New),
        parked: true,
        ..CustomerState::new(customer.made_ms)
    })
}

/// The step that is due for a customer; `None`: nothing changes.
pub fn next_step(
    conn: &Connection,
    rates: &mut Rates,
    customer: i64,
    asked: Option<Ask>,
    rules: &Rules,
    now_ms: i64,
) -> Result<Option<Step>, BillingError> {
    if crate::jump::standing(conn)?.is_some() {
        return Ok(None);
    }
    let payer = rates.payer(conn, customer)?;
    let state = state_of(&payer.customer)?;
    let facts = facts::gather(conn, rates, &payer, &state, asked, rules, now_ms)?;
    let step = step(&state, &facts, &rules.lifecycle, now_ms);
    Ok((step.state != state || !step.events.is_empty()).then_some(step))
}

/// Why each transition from the customer's phase does not apply, as things stand.
pub fn verdicts(
    conn: &Connection,
    customer: i64,
    asked: Option<Ask>,
    rules: &Rules,
    now_ms: i64,
) -> Result<Vec<Verdict>, BillingError> {
    let mut rates = Rates::default();
    let payer = rates.payer(conn, customer)?;
    let state = state_of(&payer.customer)?;
    let facts = facts::gather(conn, &mut rates, &payer, &state, asked, rules, now_ms)?;
    Ok(explain(&View { state: &state, facts: &facts, settings: &rules.lifecycle, now_ms }))
}

/// Takes the step that is due for a customer and returns the hosts that have new commands.
pub fn run(
    tx: &Transaction<'_>,
    rates: &mut Rates,
    customer: i64,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    run_asked(tx, rates, customer, None, rules, now_ms)
}

/// As [`run`], for somebody who asks for something. What takes something away is not done where an invariant is broken:
/// the customer is parked instead.
pub(super) fn run_asked(
    tx: &Transaction<'_>,
    rates: &mut Rates,
    customer: i64,
    asked: Option<Ask>,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    let step = match next_step(tx, rates, customer, asked, rules, now_ms) {
        Ok(None) => return Ok(BTreeSet::new()),
        Ok(Some(step)) if !step.events.iter().any(takes_away) => step,
        Ok(Some(step)) => match park_if_broken(tx, rates, customer, now_ms)? {
            false => step,
            true => match next_step(tx, rates, customer, asked, rules, now_ms)? {
                Some(step) => step,
                None => return Ok(BTreeSet::new()),
            },
        },
        // One customer's unreadable state must not stop the others.
        Err(BillingError::Damaged { .. }) if park_if_broken(tx, rates, customer, now_ms)? => {
            return Ok(BTreeSet::new());
        }
        Err(e) => return Err(e),
    };
    store(tx, rates, customer, &step, rules, now_ms)
}

/// Whether an event takes something away from the customer, or tells of it.
const fn takes_away(event: &Event) -> bool {
    matches!(
        event.kind,
        EventKind::BalanceNegative { .. }
            | EventKind::BalanceFloor
            | EventKind::AccountSuspend(_)
            | EventKind::AccountDelete(_)
            | EventKind::AccountPurge(_)
            | EventKind::CustomerClosed
            | EventKind::WrittenOff
    )
}

/// Parks the customer if an invariant is broken; `true` if it is parked now for that.
fn park_if_broken(
    tx: &Transaction<'_>,
    rates: &mut Rates,
    customer: i64,
    now_ms: i64,
) -> Result<bool, BillingError> {
    let payer = rates.payer(tx, customer)?;
    let Some(why) = parked::broken(tx, &payer.customer)? else { return Ok(false) };
    parked::park(tx, &payer.customer, &why, now_ms)
}

fn store(
    tx: &Transaction<'_>,
    rates: &mut Rates,
    customer: i64,
    step: &Step,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    let payer = rates.payer(tx, customer)?;
    let json = serde_json::to_string(&step.state)
        .map_err(|e| BillingError::damaged(format!("customer {}, lifecycle", payer.customer.id), e))?;
    // What staff asked for is done once the customer has left `deleted`.
    let left = state_of(&payer.customer)?.phase == Phase::Deleted && step.state.phase != Phase::Deleted;
    let sql =
        "UPDATE customer SET state = ?2, lifecycle = ?3, undelete = CASE WHEN ?4 THEN 0 ELSE undelete END
               WHERE id = ?1";
    tx.prepare_cached(sql)?.execute(params![customer, step.state.phase.as_str(), json, left])?;
    let stops = step.state.phase.stops_customers();
    let turned = payer.customer.resells && state_of(&payer.customer)?.phase.stops_customers() != stops;
    rates.forget(customer);
    outbox::fill(tx, &payer.customer, &step.events, rules.currency, now_ms)?;
    let mut wake = BTreeSet::new();
    for event in &step.events {
        apply::record(tx, &payer.customer, event, now_ms)?;
        wake.extend(apply::event(tx, &payer.customer, event, now_ms)?);
    }
    if turned {
        wake.extend(follow_reseller(tx, rates, customer, rules, now_ms)?);
    }
    Ok(wake)
}

/// A reseller's accounts were stopped or run again: so are its customers', in the same transaction; of very many the rest
/// by the next sweep. Customers of a reseller have none themselves, so that this goes no deeper.
fn follow_reseller(
    tx: &Transaction<'_>,
    rates: &mut Rates,
    reseller: i64,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    let mut wake = BTreeSet::new();
    for customer in resellers::customers_of(tx, reseller, i64::MIN, RESELLER_STEP_CUSTOMERS)? {
        if rates.payer(tx, customer)?.reseller_at(UtcHour::from_ms(now_ms)) == Some(reseller) {
            wake.extend(run(tx, rates, customer, rules, now_ms)?);
        }
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
