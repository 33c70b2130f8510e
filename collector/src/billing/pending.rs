//! What a customer's usage costs that is not posted yet: the open hours, at today's price.

use super::accounts;
use super::charge::rate::{OpenHour, month_so_far, rate};
use super::error::BillingError;
use super::rates::Rates;
use super::usage;
use crate::db::{Connection, params};
use hostmeter_core::ids::AccountId;
use hostmeter_core::meter::Values;
use hostmeter_core::money::Money;
use hostmeter_core::units::UtcHour;
use std::collections::HashMap;
use std::sync::LazyLock;

/// What is open for a customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// Its cost at today's price, 0 or more.
    pub amount: Money,
    /// The earliest open hour.
    pub since: Option<UtcHour>,
}

/// What one open hour of an account costs at today's price.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenCost {
    /// Row of the account.
    pub account: i64,
    /// The hour.
    pub hour: UtcHour,
    /// Its cost; below zero for a correction.
    pub amount: Money,
}

/// The open usage of a customer. An hour whose figures cannot be rated counts as nothing here; charging names it.
pub fn pending(conn: &Connection, rates: &mut Rates, customer: i64) -> Result<Pending, BillingError> {
    let costs = open_costs(conn, rates, customer)?;
    let sum = costs.iter().fold(0_i128, |sum, c| sum.saturating_add(i128::from(c.amount.micros())));
    let amount = Money::from_micros(i64::try_from(sum.max(0)).unwrap_or(i64::MAX));
    Ok(Pending { amount, since: costs.iter().map(|c| c.hour).min() })
}

/// The open hours of a customer, one by one. An hour without a price, or whose figures cannot be rated, costs nothing.
pub fn open_costs(
    conn: &Connection,
    rates: &mut Rates,
    customer: i64,
) -> Result<Vec<OpenCost>, BillingError> {
    let payer = rates.payer(conn, customer)?;
    let mut out = Vec::new();
    // Hours of one account and month build upon each other.
    let mut months: HashMap<(i64, i64, i64), Values> = HashMap::new();
    for open in open_hours(conn, customer)? {
        if accounts::owner_at(conn, open.account, open.hour)? != Some(customer) {
            continue;
        }
        let price = rates.price(conn, &payer, open.hour)?;
        let mut cost = OpenCost { account: open.account, hour: open.hour, amount: Money::ZERO };
        if let Some(version) = &price.version {
            let key = (open.account, price.month, version.row);
            let month = match months.get(&key) {
                Some(month) => month.clone(),
                None => month_so_far(conn, open.account, customer, price.month, version.row)?,
            };
            match rate(conn, &open, &price, &month) {
                Ok(rated) => {
                    cost.amount = Money::from_micros(rated.amount);
                    months.insert(key, rated.month);
                }
                Err(BillingError::Rating(_)) => {}
                Err(e) => return Err(e),
            }
        }
        out.push(cost);
    }
    Ok(out)
}

/// Hours not charged of every account that is or was the customer's, in order for each account.
fn open_hours(conn: &Connection, customer: i64) -> Result<Vec<OpenHour>, BillingError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT u.account, a.name, u.hour, {}
             FROM (SELECT DISTINCT account FROM account_owner WHERE customer = ?1) o
             JOIN account a ON a.id = o.account
             JOIN usage_hour u INDEXED BY usage_hour_open_by_account ON u.account = o.account AND u.charged = 0
             WHERE a.host IS NULL OR a.user IS NOT NULL
             ORDER BY u.account, u.hour",
            *usage::COLUMNS
        )
    });
    let mut stmt = conn.prepare_cached(&SQL)?;
    let rows = stmt.query_map(params![customer], |r| {
        Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?, UtcHour(r.get(2)?), usage::values(r, 3)?))
    })?;
    rows.map(|row| {
        let (account, name, hour, total) = row?;
        let id =
            AccountId::parse(&name).map_err(|e| BillingError::damaged(format!("account {account}"), e))?;
        Ok(OpenHour { account, id, hour, total })
    })
    .collect()
}
