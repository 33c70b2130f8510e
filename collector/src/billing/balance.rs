//! A customer's balance as the API and the panel show it.

use super::customers::Customer;
use super::error::BillingError;
use super::lifecycle::shown_state;
use super::rates::Rates;
use super::rules::Rules;
use super::spend::{self, Today};
use super::{ledger, pending};
use crate::db::Connection;
use hostmeter_core::forecast::left_ms;
use hostmeter_core::money::Money;
use hostmeter_core::units::rfc3339;
use serde_json::Number;

/// A tenth of a day, milliseconds.
const DAY_TENTH_MS: i64 = 8_640_000;

/// Balance, what is not posted yet, and what follows from both.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Balance {
    /// The customer.
    pub customer: String,
    /// Currency of the amounts.
    pub currency: String,
    /// Prepaid credit; below zero is owed. A decimal string.
    #[schema(value_type = String)]
    pub balance: Money,
    /// What usage of hours not posted yet costs at today's price. A decimal string.
    #[schema(value_type = String)]
    pub pending: Money,
    /// `new`, `active`, `low`, `grace`, `promised`, `suspended`, `deleting`, `deleted`, `purged`, `closing` or `closed`.
    pub state: String,
    /// How many days the credit lasts if used as in the last seven days; null where nothing was used.
    #[schema(value_type = Option<f64>)]
    pub days_left: Option<Number>,
    /// The end of the grace or of a promise, the earliest deletion, or the purge, RFC 3339; null where nothing hangs over
    /// the customer.
    pub deadline: Option<String>,
}

/// The balance of a customer at `now_ms`.
pub fn balance(
    conn: &Connection,
    customer: &Customer,
    rules: &Rules,
    now_ms: i64,
) -> Result<Balance, BillingError> {
    let mut rates = Rates::default();
    let credit = ledger::balance(conn, &customer.id)?;
    let pending = pending::pending(conn, &mut rates, customer.row)?;
    let state = shown_state(customer);
    let left = i128::from(credit.micros()).saturating_sub(i128::from(pending.amount.micros()));
    let payer = rates.payer(conn, customer.row)?;
    let today = Today::at(now_ms, &payer.calendar)?;
    let spent = spend::recent(conn, &payer, &today, pending.amount.micros(), now_ms)?;
    let tenths = spent.and_then(|s| left_ms(left, s)).map(|ms| ms / DAY_TENTH_MS);
    Ok(Balance {
        customer: customer.id.to_string(),
        currency: rules.currency.to_string(),
        balance: credit,
        pending: pending.amount,
        state: state.phase.to_string(),
        days_left: tenths.and_then(|tenths| format!("{}.{}", tenths / 10, tenths % 10).parse().ok()),
        deadline: state.deadline_ms(&rules.lifecycle).map(rfc3339),
    })
}
