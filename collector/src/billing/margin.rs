//! What a reseller earns: what its customers were charged less what their usage cost it, by its own billing months. All
//! of it are sums of charges that stand in the ledger.

use super::customers::{self, Customer};
use super::error::BillingError;
use super::resellers;
use crate::db::{Connection, params};
use crate::limits::MARGIN_MONTHS;
use hostmeter_core::money::Money;
use hostmeter_core::rating::BillingMonth;
use hostmeter_core::units::UtcHour;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// A month's sums. Amounts are decimal strings.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct Sums {
    /// What customers were charged: usage and base fees.
    #[schema(value_type = String)]
    pub retail: Money,
    /// What the reseller was charged for that usage.
    #[schema(value_type = String)]
    pub wholesale: Money,
    /// The first less the second.
    #[schema(value_type = String)]
    pub margin: Money,
}

/// One customer's part.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct CustomerMargin {
    /// The customer.
    pub customer: String,
    /// Its part.
    #[serde(flatten)]
    pub sums: Sums,
}

/// A month of a reseller.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, ToSchema)]
pub struct MonthMargin {
    /// The month in the reseller's billing zone, `2026-11`.
    pub month: String,
    /// Of all customers.
    #[serde(flatten)]
    pub sums: Sums,
    /// By customer.
    pub customers: Vec<CustomerMargin>,
}

/// Micro-units: retail, wholesale.
type Parts = BTreeMap<i64, (i64, i64)>;

/// The months of a reseller, the latest first: one, or the last [`MARGIN_MONTHS`] up to now. Of the month that runs, what
/// is charged so far.
pub fn margin(
    conn: &Connection,
    reseller: &Customer,
    month: Option<BillingMonth>,
    now_ms: i64,
) -> Result<Vec<MonthMargin>, BillingError> {
    let calendar = customers::calendar(conn, reseller)?;
    let mut at = match month {
        Some(month) => month,
        None => calendar.month(UtcHour::from_ms(now_ms))?,
    };
    let mut out = Vec::new();
    for _ in 0..if month.is_some() { 1 } else { MARGIN_MONTHS } {
        let (from, to) = calendar.hours(at)?;
        let parts = parts(conn, reseller, from, to)?;
        if month.is_some() || !parts.is_empty() {
            out.push(shown(conn, at, &parts)?);
        }
        at = calendar.month(UtcHour(from.0.saturating_sub(1)))?;
    }
    Ok(out)
}

fn parts(conn: &Connection, reseller: &Customer, from: UtcHour, to: UtcHour) -> Result<Parts, BillingError> {
    let mut parts = Parts::new();
    let sql = "SELECT DISTINCT customer FROM customer_reseller WHERE reseller = ?1";
    let rows: Vec<i64> =
        conn.prepare_cached(sql)?.query_map([reseller.row], |r| r.get(0))?.collect::<Result<_, _>>()?;
    let sql = "SELECT coalesce((SELECT sum(amount) FROM charge WHERE customer = ?1 AND hour >= ?2 AND hour < ?3), 0)
                 + coalesce((SELECT sum(amount) FROM base_fee WHERE customer = ?1 AND hour >= ?2 AND hour < ?3), 0)";
    let mut stmt = conn.prepare_cached(sql)?;
    for customer in rows {
        let history = resellers::history(conn, customer)?;
        let ends = history.iter().skip(1).map(|(from, _)| *from).chain([UtcHour(i64::MAX)]);
        let own = history.iter().zip(ends).filter(|((_, r), _)| *r == Some(reseller.row));
        for ((begins, _), ends) in own {
            let (first, past) = ((*begins).max(from), ends.min(to));
            let retail: i64 = stmt.query_row([customer, first.0, past.0], |r| r.get(0))?;
            add(&mut parts, customer, (retail, 0));
        }
    }
    for table in ["wholesale", "wholesale_fee"] {
        let sql = format!(
            "SELECT (SELECT o.customer FROM account_owner o WHERE o.account = w.account AND o.from_hour <= w.hour
                     ORDER BY o.from_hour DESC LIMIT 1) AS owner, sum(w.amount)
             FROM {table} w WHERE w.reseller = ?1 AND w.hour >= ?2 AND w.hour < ?3 GROUP BY owner"
        );
        let mut stmt = conn.prepare_cached(&sql)?;
        let rows = stmt.query_map(params![reseller.row, from.0, to.0], |r| Ok((r.get(0)?, r.get(1)?)))?;
        for row in rows {
            let (customer, wholesale): (i64, i64) = row?;
            add(&mut parts, customer, (0, wholesale));
        }
    }
    parts.retain(|_, sums| *sums != (0, 0));
    Ok(parts)
}

fn add(parts: &mut Parts, customer: i64, (retail, wholesale): (i64, i64)) {
    let sum = parts.entry(customer).or_default();
    *sum = (sum.0.saturating_add(retail), sum.1.saturating_add(wholesale));
}

const fn sums((retail, wholesale): (i64, i64)) -> Sums {
    let margin = Money::from_micros(retail.saturating_sub(wholesale));
    Sums { retail: Money::from_micros(retail), wholesale: Money::from_micros(wholesale), margin }
}

fn shown(conn: &Connection, month: BillingMonth, parts: &Parts) -> Result<MonthMargin, BillingError> {
    let all = parts.values().fold((0_i64, 0_i64), |a, b| (a.0.saturating_add(b.0), a.1.saturating_add(b.1)));
    let mut customers = Vec::with_capacity(parts.len());
    for (row, part) in parts {
        let customer = resellers::id_of(conn, *row)?.to_string();
        customers.push(CustomerMargin { customer, sums: sums(*part) });
    }
    customers.sort_by(|a, b| a.customer.cmp(&b.customer));
    Ok(MonthMargin { month: month.to_string(), sums: sums(all), customers })
}
