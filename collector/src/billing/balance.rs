//! A customer's balance as the API and the panel show it.

use super::customers::Customer;
use super::error::BillingError;
use super::lifecycle::state_of;
use super::rates::Rates;
use super::rules::Rules;
use super::{ledger, pending};
use crate::db::{Connection, params};
use hostmeter_core::money::Money;
use hostmeter_core::units::{HOUR_MS, UtcHour, rfc3339};
use serde_json::Number;

/// The forecast looks back this far, hours.
const LOOK_BACK_HOURS: i64 = 7 * 24;
/// A forecast beyond this says nothing, tenths of a day.
const DAYS_LEFT_MAX_TENTHS: i128 = 36_500;

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
    /// `new`, `active`, `grace`, `suspended`, `deleting` or `deleted`.
    pub state: String,
    /// How many days the credit lasts if used as in the last seven days; null where nothing was used.
    #[schema(value_type = Option<f64>)]
    pub days_left: Option<Number>,
    /// The end of the grace, or the earliest deletion, RFC 3339; null where nothing hangs over the customer.
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
    let state = state_of(customer)?;
    let left = i128::from(credit.micros()) - i128::from(pending.amount.micros());
    let days_left =
        spent(conn, customer, &pending, now_ms)?.and_then(|(micros, hours)| tenths_left(left, micros, hours));
    Ok(Balance {
        customer: customer.id.to_string(),
        currency: rules.currency.to_string(),
        balance: credit,
        pending: pending.amount,
        state: state.phase.to_string(),
        days_left: days_left.and_then(|tenths| format!("{}.{}", tenths / 10, tenths % 10).parse().ok()),
        deadline: state.deadline_ms(&rules.lifecycle).map(rfc3339),
    })
}

/// What was spent of late, in micro-units, and in how many hours.
fn spent(
    conn: &Connection,
    customer: &Customer,
    pending: &pending::Pending,
    now_ms: i64,
) -> Result<Option<(i128, i64)>, BillingError> {
    let now = UtcHour::from_ms(now_ms);
    let since = now.0.saturating_sub(LOOK_BACK_HOURS);
    let sql = "SELECT MIN(hour), COALESCE(SUM(amount), 0) FROM
                 (SELECT hour, amount FROM charge WHERE customer = ?1 AND hour >= ?2
                  UNION ALL SELECT hour, amount FROM base_fee WHERE customer = ?1 AND hour >= ?2)";
    let (first, charged): (Option<i64>, i64) =
        conn.prepare_cached(sql)?.query_row(params![customer.row, since], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let first = [first, pending.since.map(|h| h.0)].into_iter().flatten().min();
    let Some(first) = first else { return Ok(None) };
    // Before the customer was made, it used nothing; an hour that has just begun is not a whole one.
    let start_ms = UtcHour(first.max(since)).start_ms().max(customer.made_ms);
    let hours = now_ms.saturating_sub(start_ms).checked_div(HOUR_MS).unwrap_or(0).max(1);
    Ok(Some((i128::from(charged) + i128::from(pending.amount.micros()), hours)))
}

/// Tenths of days that `left` micro-units last at `spent` in `hours`.
fn tenths_left(left: i128, spent: i128, hours: i64) -> Option<i128> {
    if spent <= 0 {
        return None;
    }
    let tenths =
        left.max(0).checked_mul(i128::from(hours))?.checked_mul(10)?.checked_div(spent.checked_mul(24)?)?;
    Some(tenths.min(DAYS_LEFT_MAX_TENTHS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_left() {
        let check = |left, spent, hours, want| {
            assert_eq!(tenths_left(left, spent, hours), want, "{left} {spent} {hours}");
        };
        check(24_000, 1_000, 1, Some(10));
        check(12_345_678, 1_000_000, 24, Some(123));
        check(0, 1, 1, Some(0));
        check(-5, 1, 1, Some(0));
        check(5, 0, 1, None);
        check(5, -1, 1, None);
        check(i128::from(i64::MAX), 1, 168, Some(36_500));
    }
}
