//! What customers would have paid for a month under a draft of a plan: the same usage and days, by the same rating code.

use super::charge::rate::Side;
use super::customers::{self, Customer};
use super::days::days;
use super::error::BillingError;
use super::rates::Rates;
use super::{accounts, usage};
use crate::db::{Connection, params};
use crate::limits::{PAGE_ROWS_MAX, REPLAY_CUSTOMERS_MAX};
use hostmeter_core::meter::Values;
use hostmeter_core::money::Money;
use hostmeter_core::plan::PriceVersion;
use hostmeter_core::rating::{BillingMonth, rate_hour};
use hostmeter_core::units::UtcHour;
use std::sync::LazyLock;

/// A month replayed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Replay {
    /// The month, `2026-10`, in each customer's billing zone.
    pub month: String,
    /// What all customers paid, a decimal string.
    #[schema(value_type = String)]
    pub paid: Money,
    /// What they would have paid, a decimal string.
    #[schema(value_type = String)]
    pub would_pay: Money,
    /// By id; those for whom both are 0 are left out.
    pub customers: Vec<Replayed>,
    /// Whether there were more customers than are listed; the sums count all.
    pub cut: bool,
}

/// A customer's month replayed.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct Replayed {
    /// The customer.
    pub customer: String,
    /// What was charged for the month's hours, a decimal string.
    #[schema(value_type = String)]
    pub paid: Money,
    /// What would have been, a decimal string.
    #[schema(value_type = String)]
    pub would_pay: Money,
}

fn overflow() -> BillingError {
    BillingError::invalid("replay", "a sum does not fit 63 bits")
}

/// Replays a month under a draft. Nothing is stored.
pub fn replay(conn: &Connection, draft: &PriceVersion, month: BillingMonth) -> Result<Replay, BillingError> {
    let mut out = Replay {
        month: month.to_string(),
        paid: Money::ZERO,
        would_pay: Money::ZERO,
        customers: Vec::new(),
        cut: false,
    };
    let mut after = String::new();
    loop {
        let page = customers::list(conn, &after, PAGE_ROWS_MAX)?;
        let Some(last) = page.last() else { return Ok(out) };
        after = last.id.to_string();
        for customer in &page {
            let one = of_customer(conn, customer, draft, month)?;
            out.paid = out.paid.checked_add(one.paid).ok_or_else(overflow)?;
            out.would_pay = out.would_pay.checked_add(one.would_pay).ok_or_else(overflow)?;
            if one.paid.is_zero() && one.would_pay.is_zero() {
                continue;
            }
            if out.customers.len() < REPLAY_CUSTOMERS_MAX {
                out.customers.push(one);
            } else {
                out.cut = true;
            }
        }
    }
}

fn of_customer(
    conn: &Connection,
    customer: &Customer,
    draft: &PriceVersion,
    month: BillingMonth,
) -> Result<Replayed, BillingError> {
    let calendar = customers::calendar(conn, customer)?;
    let (from, to) = calendar.hours(month)?;
    let sql = "SELECT coalesce(sum(amount), 0) FROM
                 (SELECT amount FROM charge WHERE customer = ?1 AND hour >= ?2 AND hour < ?3
                  UNION ALL SELECT amount FROM base_fee WHERE customer = ?1 AND hour >= ?2 AND hour < ?3)";
    let paid: i64 = conn.prepare_cached(sql)?.query_row(params![customer.row, from.0, to.0], |r| r.get(0))?;
    let mut would_pay = Money::ZERO;
    let mut add = |amount: Money| -> Result<(), BillingError> {
        would_pay = would_pay.checked_add(amount).ok_or_else(overflow)?;
        Ok(())
    };
    let mut rates = Rates::default();
    for (billing, parts) in bills(conn, customer.row)? {
        let mut used = Values::new();
        let id = accounts::by_row(conn, billing)?.id;
        for part in parts {
            for (start, end) in owned(conn, part, customer.row, from, to)? {
                sum_usage(conn, part, start, end, &mut used)?;
            }
        }
        // A month's hours add up to the cost of their sum.
        add(rate_hour(draft, &id, from, &Values::new(), &used)?.total)?;
        if !draft.base_per_day().is_zero() {
            let all = days(conn, &mut rates, Side::Retail, billing, UtcHour(from.0.saturating_sub(50)), to)?;
            let own = all.iter().filter(|d| d.payer.customer.row == customer.row && d.hour >= from);
            for _day in own {
                add(draft.base_per_day())?;
            }
        }
    }
    Ok(Replayed { customer: customer.id.to_string(), paid: Money::from_micros(paid), would_pay })
}

/// The accounts that are or were the customer's and can be billed, by the account whose bill they are part of.
fn bills(conn: &Connection, customer: i64) -> Result<Vec<(i64, Vec<i64>)>, BillingError> {
    let sql = "SELECT DISTINCT coalesce(a.billing, a.id), a.id FROM account_owner o CROSS JOIN account a ON a.id = o.account
               WHERE o.customer = ?1 AND (a.host IS NULL OR a.user IS NOT NULL) ORDER BY 1, 2";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([customer], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, i64>(1)?)))?;
    let mut out: Vec<(i64, Vec<i64>)> = Vec::new();
    for row in rows {
        let (billing, part) = row?;
        match out.last_mut().filter(|(last, _)| *last == billing) {
            Some((_, parts)) => parts.push(part),
            None => out.push((billing, vec![part])),
        }
    }
    Ok(out)
}

/// The hours within `[from, to)` in which the account was the customer's.
fn owned(
    conn: &Connection,
    account: i64,
    customer: i64,
    from: UtcHour,
    to: UtcHour,
) -> Result<Vec<(UtcHour, UtcHour)>, BillingError> {
    let owners = accounts::owners(conn, account)?;
    let ends = owners.iter().skip(1).map(|(start, _)| *start).chain([to]);
    let all = owners.iter().zip(ends).filter(|((_, owner), _)| *owner == customer);
    Ok(all.map(|((start, _), end)| ((*start).max(from), end.min(to))).filter(|(a, b)| a < b).collect())
}

fn sum_usage(
    conn: &Connection,
    account: i64,
    from: UtcHour,
    to: UtcHour,
    sums: &mut Values,
) -> Result<(), BillingError> {
    static SQL: LazyLock<String> = LazyLock::new(|| {
        let columns: Vec<String> = usage::flows().map(|m| format!("sum(u.{})", m.name())).collect();
        usage::of_account(&columns.join(", "))
    });
    let found = conn
        .prepare_cached(&SQL)?
        .query_row(params![account, from.0, to.0.saturating_sub(1)], |r| usage::values(r, 0))?;
    for (meter, quantity) in found.iter() {
        sums.add(meter, quantity).ok_or_else(overflow)?;
    }
    Ok(())
}
