//! What a customer's usage costs that is not posted yet: the open hours, at today's price.

use super::accounts;
use super::charge::rate::{OpenHour, month_so_far, rate, rate_wholesale};
use super::error::BillingError;
use super::rates::Rates;
use super::usage;
use crate::db::Connection;
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
    // A reseller pays for what its customers' accounts use, too.
    let all = if payer.customer.resells { RESOLD } else { OWN };
    // Hours of one month build upon each other; those of an account that moved upon those of what it was before.
    let mut months: HashMap<(i64, i64, i64), Values> = HashMap::new();
    for (account, billing, id) in accounts_of(conn, all, customer)? {
        let hours = open_hours(conn, account)?;
        if hours.is_empty() {
            continue;
        }
        let owners = accounts::owners(conn, account)?;
        for (hour, total) in hours {
            let owner = owners.iter().rev().find(|(from, _)| *from <= hour).map(|(_, owner)| *owner);
            let is_own = owner == Some(customer);
            let resold = match owner {
                Some(owner) if !is_own && payer.customer.resells => {
                    rates.payer(conn, owner)?.reseller_at(hour) == Some(customer)
                }
                _ => false,
            };
            if !is_own && !resold {
                continue;
            }
            let price = rates.price(conn, &payer, hour)?;
            let mut cost = OpenCost { account, hour, amount: Money::ZERO };
            if let Some(version) = &price.version {
                let key = (billing, price.month, version.row);
                let month = match months.remove(&key) {
                    Some(month) => month,
                    None => month_so_far(conn, billing, customer, price.month, version.row)?,
                };
                let open = OpenHour { account, billing, id: id.clone(), hour, is_charged: true, total };
                let rated = match resold {
                    false => rate(conn, &open, &price, &month),
                    true => rate_wholesale(conn, &open, &price, &month),
                };
                match rated {
                    Ok(rated) => {
                        cost.amount = Money::from_micros(rated.amount);
                        months.insert(key, rated.month);
                    }
                    Err(BillingError::Rating(_)) => drop(months.insert(key, month)),
                    Err(e) => return Err(e),
                }
            }
            out.push(cost);
        }
    }
    Ok(out)
}

/// Every account that is or was the customer's and can be billed.
const OWN: &str = "SELECT DISTINCT a.id, coalesce(a.billing, a.id), a.name FROM account_owner o CROSS JOIN account a ON a.id = o.account
               WHERE o.customer = ?1 AND (a.host IS NULL OR a.user IS NOT NULL)";
/// The same with those that are or were its customers'.
const RESOLD: &str = "SELECT DISTINCT a.id, coalesce(a.billing, a.id), a.name FROM account_owner o CROSS JOIN account a ON a.id = o.account
               WHERE o.customer IN (SELECT ?1 UNION ALL SELECT customer FROM customer_reseller WHERE reseller = ?1)
                 AND (a.host IS NULL OR a.user IS NOT NULL)";

fn accounts_of(
    conn: &Connection,
    sql: &str,
    customer: i64,
) -> Result<Vec<(i64, i64, AccountId)>, BillingError> {
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt
        .query_map([customer], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?, r.get::<_, String>(2)?)))?;
    rows.map(|row| {
        let (account, billing, name) = row?;
        let id =
            AccountId::parse(&name).map_err(|e| BillingError::damaged(format!("account {account}"), e))?;
        Ok((account, billing, id))
    })
    .collect()
}

/// Hours of an account that are not charged, in order.
fn open_hours(conn: &Connection, account: i64) -> Result<Vec<(UtcHour, Values)>, BillingError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        format!(
            "SELECT u.hour, {} FROM usage_hour u INDEXED BY usage_hour_open_by_account
             WHERE u.account = ?1 AND u.charged = 0 ORDER BY u.hour",
            *usage::COLUMNS
        )
    });
    let mut stmt = conn.prepare_cached(&SQL)?;
    let rows = stmt.query_map([account], |r| Ok((UtcHour(r.get(0)?), usage::values(r, 1)?)))?;
    Ok(rows.collect::<Result<_, _>>()?)
}
