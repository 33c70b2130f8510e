//! A customer's ledger as the API shows it: one entry for each movement of money, a charge's for each account and hour.

use super::customers::Customer;
use super::error::BillingError;
use super::ledger::find_account;
use super::pack::PackedLines;
use crate::db::{Connection, OptionalExtension, params};
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::money::Money;
use hostmeter_core::rating::{BillingDate, Item};
use hostmeter_core::units::{UtcHour, rfc3339};
use std::collections::HashMap;

/// One line of a charge.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct HistoryLine {
    /// The meter; `base` is the base fee of a day.
    #[schema(value_type = String)]
    pub meter: Item,
    /// Base units charged; below zero for a correction. Of the base fee: days.
    pub quantity: i64,
    /// Whose price, `PLAN@START`.
    pub price_version: String,
    /// What they cost, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
    /// The day that a base fee is for, `2026-11-21`; of other lines absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
}

/// One movement on a customer's balance.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
pub struct HistoryEntry {
    /// The transaction.
    pub txn: String,
    /// When it was recorded, RFC 3339.
    pub at: String,
    /// `charge`, `topup`, `adjustment`, …
    pub kind: String,
    /// The account charged; null for other kinds.
    pub account: Option<String>,
    /// The customer whose account it is, where a reseller pays for it; absent: the payer's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer: Option<String>,
    /// The hour charged, RFC 3339; null for other kinds.
    pub hour: Option<String>,
    /// By how much the balance changed, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
    /// The balance after it, a decimal string.
    #[schema(value_type = String)]
    pub balance_after: Money,
    /// Why, for people; empty for charges.
    pub reason: String,
    /// Who acted.
    pub actor: String,
    /// What was charged; empty for other kinds.
    pub lines: Vec<HistoryLine>,
}

/// Who owned the account of a row `c` in its hour.
const OWNER_AT: &str =
    "(SELECT o.customer FROM account_owner o WHERE o.account = c.account AND o.from_hour <= c.hour
                 ORDER BY o.from_hour DESC LIMIT 1)";

struct Row {
    txn: i64,
    kind: String,
    at_ms: i64,
    effective_ms: i64,
    reason: String,
    actor: String,
    amount: i64,
    after: i64,
}

/// Which way a page goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Oldest first.
    Rising,
    /// Newest first.
    Falling,
}

/// Movements beyond the transaction `from` (the cursor; `None`: from the end that comes first), about `limit` of
/// them: a transaction is never cut. Also returns the cursor of the next page.
pub fn history(
    conn: &Connection,
    customer: &Customer,
    from: Option<i64>,
    order: Order,
    limit: usize,
) -> Result<(Vec<HistoryEntry>, Option<i64>), BillingError> {
    let name = LedgerAccount::Customer(customer.id.clone()).to_string();
    let Some(account) = find_account(conn, &name)? else { return Ok((Vec::new(), None)) };
    let sql = match order {
        Order::Rising => "SELECT t.id, t.kind, t.recorded_ms, t.effective_ms, t.reason, t.actor, e.amount, e.balance_after
            FROM entry e JOIN txn t ON t.id = e.txn WHERE e.account = ?1 AND e.txn > ?2 ORDER BY e.txn LIMIT ?3",
        Order::Falling => "SELECT t.id, t.kind, t.recorded_ms, t.effective_ms, t.reason, t.actor, e.amount, e.balance_after
            FROM entry e JOIN txn t ON t.id = e.txn WHERE e.account = ?1 AND e.txn < ?2 ORDER BY e.txn DESC LIMIT ?3",
    };
    let first = match order {
        Order::Rising => i64::MIN,
        Order::Falling => i64::MAX,
    };
    let rows_max = i64::try_from(limit.saturating_add(1)).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![account, from.unwrap_or(first), rows_max], |r| {
        Ok(Row {
            txn: r.get(0)?,
            kind: r.get(1)?,
            at_ms: r.get(2)?,
            effective_ms: r.get(3)?,
            reason: r.get(4)?,
            actor: r.get(5)?,
            amount: r.get(6)?,
            after: r.get(7)?,
        })
    })?;
    let mut versions = HashMap::new();
    let (mut out, mut last) = (Vec::new(), None);
    for row in rows {
        let row = row?;
        if out.len() >= limit {
            return Ok((out, last));
        }
        last = Some(row.txn);
        let mut entries = match row.kind.as_str() {
            "charge" => charges(conn, customer, &row, &mut versions)?,
            _ => vec![plain(&row)],
        };
        if order == Order::Falling {
            entries.reverse();
        }
        out.append(&mut entries);
    }
    Ok((out, None))
}

fn plain(row: &Row) -> HistoryEntry {
    HistoryEntry {
        txn: row.txn.to_string(),
        at: rfc3339(row.at_ms),
        kind: row.kind.clone(),
        account: None,
        customer: None,
        hour: None,
        amount: Money::from_micros(row.amount),
        balance_after: Money::from_micros(row.after),
        reason: row.reason.clone(),
        actor: row.actor.clone(),
        lines: Vec::new(),
    }
}

/// The customer's share of a charge, account by account; the balance runs from before the transaction to after it.
fn charges(
    conn: &Connection,
    customer: &Customer,
    row: &Row,
    versions: &mut HashMap<i64, String>,
) -> Result<Vec<HistoryEntry>, BillingError> {
    // A charge takes effect when its hour ends.
    let hour = UtcHour(UtcHour::from_ms(row.effective_ms).0.saturating_sub(1));
    let own = "SELECT a.name, c.amount, c.lines, NULL FROM charge c INDEXED BY charge_by_customer
               JOIN account a ON a.id = c.account
               WHERE c.customer = ?1 AND c.hour = ?2 AND c.txn = ?3 ORDER BY c.account, c.rev";
    let resold =
        "SELECT a.name, c.amount, c.lines, p.name FROM wholesale c JOIN account a ON a.id = c.account
               JOIN customer p ON p.id = OWNER
               WHERE c.reseller = ?1 AND c.hour = ?2 AND c.txn = ?3 ORDER BY c.account, c.rev";
    let resold = resold.replace("OWNER", OWNER_AT);
    let mut found = Vec::new();
    for sql in [own, &resold].into_iter().take(if customer.resells { 2 } else { 1 }) {
        let mut stmt = conn.prepare_cached(sql)?;
        let rows = stmt.query_map(params![customer.row, hour.0, row.txn], |r| {
            let (name, amount, lines): (String, i64, Vec<u8>) = (r.get(0)?, r.get(1)?, r.get(2)?);
            Ok((name, amount, lines, r.get::<_, Option<String>>(3)?))
        })?;
        for row in rows {
            found.push(row?);
        }
    }
    let mut balance = row.after.saturating_sub(row.amount);
    let mut out = Vec::with_capacity(found.len());
    for fee in base_fees(conn, customer, row.txn, hour)? {
        balance = balance.saturating_sub(fee.amount);
        let line = HistoryLine {
            meter: Item::Base,
            quantity: 1,
            price_version: version_name(conn, fee.version, versions)?,
            amount: Money::from_micros(fee.amount),
            date: BillingDate::from_number(fee.date).map(|d| d.to_string()),
        };
        out.push(HistoryEntry {
            account: Some(fee.account),
            customer: fee.customer,
            hour: Some(hour.to_string()),
            amount: Money::from_micros(fee.amount.saturating_neg()),
            balance_after: Money::from_micros(balance),
            lines: vec![line],
            ..plain(row)
        });
    }
    for (account, paid, blob, whose) in found {
        let what = || format!("charge of {account} at {hour}");
        let packed = PackedLines::decode(&blob, &what)?;
        let price_version = version_name(conn, packed.version, versions)?;
        balance = balance.saturating_sub(paid);
        let lines = packed.lines.iter().map(|l| HistoryLine {
            meter: Item::Meter(l.meter),
            quantity: l.quantity,
            price_version: price_version.clone(),
            amount: Money::from_micros(l.amount),
            date: None,
        });
        out.push(HistoryEntry {
            account: Some(account.clone()),
            customer: whose,
            hour: Some(hour.to_string()),
            amount: Money::from_micros(paid.saturating_neg()),
            balance_after: Money::from_micros(balance),
            lines: lines.collect(),
            ..plain(row)
        });
    }
    Ok(out)
}

struct BaseFee {
    account: String,
    date: i64,
    version: i64,
    amount: i64,
    customer: Option<String>,
}

/// The customer's base fees in a transaction. They come before the hour's usage: a day begins with its fee.
fn base_fees(
    conn: &Connection,
    customer: &Customer,
    txn: i64,
    hour: UtcHour,
) -> Result<Vec<BaseFee>, BillingError> {
    let own =
        "SELECT a.name, b.date, coalesce(b.version, 0), b.amount, NULL FROM base_fee b JOIN account a ON a.id = b.account
               WHERE b.customer = ?1 AND b.hour = ?2 AND b.txn = ?3 ORDER BY b.account";
    let resold =
        "SELECT a.name, c.date, coalesce(c.version, 0), c.amount, p.name FROM wholesale_fee c JOIN account a ON a.id = c.account
               JOIN customer p ON p.id = OWNER
               WHERE c.reseller = ?1 AND c.hour = ?2 AND c.txn = ?3 ORDER BY c.account";
    let resold = resold.replace("OWNER", OWNER_AT);
    let mut out = Vec::new();
    for sql in [own, &resold].into_iter().take(if customer.resells { 2 } else { 1 }) {
        let mut stmt = conn.prepare_cached(sql)?;
        let rows = stmt.query_map(params![customer.row, hour.0, txn], |r| {
            let (account, date, version) = (r.get(0)?, r.get(1)?, r.get(2)?);
            Ok(BaseFee { account, date, version, amount: r.get(3)?, customer: r.get(4)? })
        })?;
        for row in rows {
            out.push(row?);
        }
    }
    Ok(out)
}

fn version_name(
    conn: &Connection,
    row: i64,
    known: &mut HashMap<i64, String>,
) -> Result<String, BillingError> {
    if let Some(name) = known.get(&row) {
        return Ok(name.clone());
    }
    let sql = "SELECT p.name, v.from_hour FROM price_version v JOIN plan p ON p.id = v.plan WHERE v.id = ?1";
    let found: Option<(String, i64)> =
        conn.prepare_cached(sql)?.query_row([row], |r| Ok((r.get(0)?, r.get(1)?))).optional()?;
    let name = found.map(|(plan, hour)| format!("{plan}@{}", UtcHour(hour))).unwrap_or_default();
    known.insert(row, name.clone());
    Ok(name)
}
