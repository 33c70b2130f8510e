//! What staff or the customer asks of the lifecycle: a promise, leaving and coming back, abuse, and going on after a look.

use super::{run_alone, run_asked, state_of, verdicts};
use crate::billing::adjust::check_reason;
use crate::billing::customers::{self, Customer};
use crate::billing::error::BillingError;
use crate::billing::parked;
use crate::billing::rates::Rates;
use crate::billing::rules::Rules;
use crate::db::{Transaction, params};
use hostmeter_core::lifecycle::{Ask, Phase};
use std::collections::BTreeSet;

/// The row of the table that answers, and what is wrong if no row does.
pub(super) const fn row(asked: Ask) -> (&'static str, &'static str) {
    match asked {
        Ask::Promise => {
            ("promise.opened", "a payment is promised while the balance is below zero, within the grace")
        }
        Ask::Close => {
            ("customer.closing", "only a customer in use can leave; what is owed is to be paid first")
        }
        Ask::Reopen => ("customer.reopened", "only a customer that is closed, or about to be, comes back"),
    }
}

fn is_done(asked: Ask, phase: Phase) -> bool {
    match asked {
        Ask::Promise => phase == Phase::Promised,
        Ask::Close => matches!(phase, Phase::Closing | Phase::Closed),
        Ask::Reopen => !matches!(phase, Phase::Closing | Phase::Closed),
    }
}

/// Takes the step of a customer for whom somebody asks for something. What is granted already changes nothing. Returns
/// the hosts with new commands; refused with the reason that the table gives.
pub fn ask(
    tx: &Transaction<'_>,
    customer: &Customer,
    asked: Ask,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    crate::jump::refuse(tx)?;
    // First what is due by itself: the phase may be another one by now.
    let mut wake = run_alone(tx, customer.row, rules, now_ms)?;
    let before = state_of(&customers::by_row(tx, customer.row)?)?.phase;
    if asked != Ask::Reopen && is_done(asked, before) {
        return Ok(wake);
    }
    let (name, otherwise) = row(asked);
    let verdict = verdicts(tx, customer.row, Some(asked), rules, now_ms)?.into_iter().find(|v| v.row == name);
    let why = match verdict {
        None => format!("customer {} is {before}: {otherwise}", customer.id),
        Some(v) => match v.blocked {
            None => {
                wake.extend(run_asked(tx, &mut Rates::default(), customer.row, Some(asked), rules, now_ms)?);
                return Ok(wake);
            }
            Some(why) => format!("customer {}: {why}", customer.id),
        },
    };
    Err(BillingError::conflict("lifecycle", why))
}

/// Suspends a customer's accounts for abuse, whatever the balance, or lifts that.
pub fn set_abuse(
    tx: &Transaction<'_>,
    customer: &Customer,
    why: Option<&str>,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    if let Some(why) = why {
        check_reason(why)?;
    }
    tx.prepare_cached("UPDATE customer SET abuse = ?2 WHERE id = ?1")?.execute(params![customer.row, why])?;
    run_alone(tx, customer.row, rules, now_ms)
}

/// Lets the billing of a parked customer go on; see [`parked::unpark`].
pub fn unpark(
    tx: &Transaction<'_>,
    customer: &Customer,
    accept: bool,
    rules: &Rules,
    now_ms: i64,
) -> Result<BTreeSet<i64>, BillingError> {
    parked::unpark(tx, customer, accept, now_ms)?;
    run_alone(tx, customer.row, rules, now_ms)
}
