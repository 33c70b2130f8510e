//! "Explain this charge": from a line of the ledger to the hour, its revisions, the price version that each was rated by,
//! and the intervals that the hour is the sum of. All figures are the integers that were billed; what is computed here is
//! only compared with them.

use super::charge::rate::{Side, charged_before};
use super::customers::Customer;
use super::error::BillingError;
use super::pack::{PackedLine, PackedLines};
use super::plans::{self, StoredVersion};
use super::usage;
use crate::db::{Connection, OptionalExtension, params};
use crate::limits::EXPLAIN_INTERVALS_MAX;
use crate::store::{StoreError, UsageStore};
use hostmeter_core::ids::AccountId;
use hostmeter_core::meter::Meter;
use hostmeter_core::money::Money;
use hostmeter_core::rating::{BillingDate, Cost, Item, cost};
use hostmeter_core::units::{UtcHour, rfc3339};
use serde_json::Value;
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// An hour of an account, as it was billed to a customer.
#[derive(Clone, Debug, PartialEq, serde::Serialize, ToSchema)]
pub struct Explanation {
    /// The account.
    pub account: String,
    /// The hour, RFC 3339.
    pub hour: String,
    /// What the hour cost the customer, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
    /// The charges of the hour that the customer paid: the first, then one for each time that late usage came.
    pub charges: Vec<ExplainedCharge>,
    /// The base fee of the account's day, if it fell due in this hour.
    pub base_fee: Option<ExplainedBase>,
    /// The hour's usage by meter, base units: what was billed, what the hour holds, and where it is from.
    #[schema(value_type = Object)]
    pub usage: BTreeMap<&'static str, ExplainedUsage>,
    /// The intervals that agents measured, oldest first; they are kept for 40 days.
    pub intervals: Vec<ExplainedInterval>,
    /// Why not all intervals are here; null where the hour is the sum of those listed, and of imports.
    pub incomplete: Option<&'static str>,
}

/// The base fee of a day.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, ToSchema)]
pub struct ExplainedBase {
    /// The day in the billing zone, `2026-11-21`.
    pub date: String,
    /// The transaction.
    pub txn: Option<String>,
    /// The price version, `PLAN@START`.
    pub price_version: String,
    /// What it cost, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
}

/// One charge of an hour.
#[derive(Clone, Debug, PartialEq, serde::Serialize, ToSchema)]
pub struct ExplainedCharge {
    /// 0: the first; each further one posts a difference.
    pub revision: i64,
    /// The transaction; null where nothing was to be paid.
    pub txn: Option<String>,
    /// When it was recorded, RFC 3339; null without a transaction.
    pub at: Option<String>,
    /// The statement in which it stands; null while its month is open.
    pub statement: Option<i64>,
    /// The price version, `PLAN@START`; empty: there was no price.
    pub price_version: String,
    /// The price version's plan file; null: there was no price.
    #[schema(value_type = Option<Object>)]
    pub price: Option<Value>,
    /// What it cost, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
    /// By meter.
    pub lines: Vec<ExplainedLine>,
}

/// One meter of a charge: `amount` is the cost of the month's quantity after the hour less that before it, each rounded
/// down to a micro-unit.
#[derive(Clone, Debug, PartialEq, serde::Serialize, ToSchema)]
pub struct ExplainedLine {
    /// The meter.
    #[schema(value_type = String)]
    pub meter: Meter,
    /// Base units charged.
    pub quantity: i64,
    /// The month's quantity before, base units.
    pub before: i64,
    /// The month's quantity after, base units.
    pub after: i64,
    /// What the month cost before, a decimal string; null without a price.
    #[schema(value_type = Option<String>)]
    pub cost_before: Option<Money>,
    /// What the month cost after, a decimal string; null without a price.
    #[schema(value_type = Option<String>)]
    pub cost_after: Option<Money>,
    /// What the line cost, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
}

/// One meter of the hour, base units.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, ToSchema)]
pub struct ExplainedUsage {
    /// Charged so far, to whomever.
    pub charged: i64,
    /// What the hour holds; null: not measured.
    pub used: Option<i64>,
    /// Of that, by import.
    pub imported: i64,
    /// Of that, by the intervals listed.
    pub measured: i64,
}

/// What an agent measured.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, ToSchema)]
pub struct ExplainedInterval {
    /// Start, RFC 3339.
    pub from: String,
    /// End, RFC 3339.
    pub to: String,
    /// Base units by meter.
    #[schema(value_type = Object)]
    pub values: BTreeMap<&'static str, i64>,
}

/// Why an explanation fails.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    /// control.db.
    #[error(transparent)]
    Billing(#[from] BillingError),
    /// The usage store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<crate::db::DbError> for ExplainError {
    fn from(e: crate::db::DbError) -> Self {
        Self::Billing(e.into())
    }
}

/// Explains what a customer paid for an hour of an account; `None`: nothing was charged to it.
pub fn explain(
    conn: &Connection,
    store: &dyn UsageStore,
    customer: &Customer,
    account: &AccountId,
    hour: UtcHour,
) -> Result<Option<Explanation>, ExplainError> {
    let sql = "SELECT id FROM account WHERE name = ?1";
    let row: Option<i64> = conn
        .prepare_cached(sql)
        .and_then(|mut s| s.query_row([account.as_str()], |r| r.get(0)).optional())
        .map_err(BillingError::from)?;
    let Some(row) = row else { return Ok(None) };
    let charges = charges(conn, customer, row, account, hour)?;
    let base_fee = base_fee(conn, customer, row, hour)?;
    if charges.is_empty() && base_fee.is_none() {
        return Ok(None);
    }
    let parts = charges.iter().map(|c| c.amount).chain(base_fee.iter().map(|b| b.amount));
    let amount = Money::checked_sum(parts).unwrap_or(Money::MAX);
    let side = side(conn, customer, row, hour)?;
    let mut by_meter = totals(conn, side, row, hour)?;
    let (intervals, cut) = intervals(store, row, hour, &mut by_meter)?;
    let whole = by_meter.values().all(|u| u.imported.saturating_add(u.measured) == u.used.unwrap_or(0));
    let incomplete = match (cut, whole) {
        (true, _) => Some("more intervals than are listed"),
        (false, false) => {
            Some("intervals are kept for 40 days, or come from a batch that is not stored here any more")
        }
        (false, true) => None,
    };
    let hour = hour.to_string();
    let account = account.to_string();
    Ok(Some(Explanation { account, hour, amount, charges, base_fee, usage: by_meter, intervals, incomplete }))
}

/// Whether it paid for the hour as the reseller of the account's customer.
fn side(conn: &Connection, customer: &Customer, row: i64, hour: UtcHour) -> Result<Side, BillingError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM wholesale WHERE account = ?1 AND hour = ?2 AND reseller = ?3)";
    let resold: bool =
        conn.prepare_cached(sql)?.query_row(params![row, hour.0, customer.row], |r| r.get(0))?;
    Ok(if resold { Side::Wholesale } else { Side::Retail })
}

fn charges(
    conn: &Connection,
    customer: &Customer,
    row: i64,
    account: &AccountId,
    hour: UtcHour,
) -> Result<Vec<ExplainedCharge>, BillingError> {
    let sql = "SELECT c.rev, c.txn, t.recorded_ms, c.amount, c.lines,
                 CASE WHEN l.account IS NOT NULL THEN l.statement ELSE
                   (SELECT s.number FROM statement s WHERE s.customer = c.customer AND s.from_hour <= c.hour AND s.to_hour > c.hour) END
               FROM charge c LEFT JOIN txn t ON t.id = c.txn
               LEFT JOIN late_charge l ON l.account = c.account AND l.hour = c.hour AND l.rev = c.rev
               WHERE c.account = ?1 AND c.hour = ?2 AND c.customer = ?3
               UNION ALL
               SELECT c.rev, c.txn, t.recorded_ms, c.amount, c.lines,
                 CASE WHEN l.account IS NOT NULL THEN l.statement ELSE
                   (SELECT s.number FROM statement s WHERE s.customer = c.reseller AND s.from_hour <= c.hour AND s.to_hour > c.hour) END
               FROM wholesale c LEFT JOIN txn t ON t.id = c.txn
               LEFT JOIN late_wholesale l ON l.account = c.account AND l.hour = c.hour AND l.rev = c.rev
               WHERE c.account = ?1 AND c.hour = ?2 AND c.reseller = ?3 ORDER BY 1";
    let mut stmt = conn.prepare_cached(sql)?;
    let mut rows = stmt.query(params![row, hour.0, customer.row])?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        let blob: Vec<u8> = r.get(4)?;
        let packed = PackedLines::decode(&blob, &|| format!("charge of {account} at {hour}"))?;
        let version = if packed.version == 0 { None } else { Some(version(conn, packed.version)?) };
        let lines = packed.lines.iter().map(|l| line(l, version.as_ref())).collect::<Result<_, _>>()?;
        let price = match &version {
            Some(v) => serde_json::from_str(&v.version.canonical())
                .map_err(|e| BillingError::damaged(format!("price version {}", packed.version), e))?,
            None => None,
        };
        out.push(ExplainedCharge {
            revision: r.get(0)?,
            txn: r.get::<_, Option<i64>>(1)?.map(|t| t.to_string()),
            at: r.get::<_, Option<i64>>(2)?.map(rfc3339),
            amount: Money::from_micros(r.get(3)?),
            statement: r.get(5)?,
            price_version: version.as_ref().map(|v| v.version.id().to_string()).unwrap_or_default(),
            price,
            lines,
        });
    }
    Ok(out)
}

fn base_fee(
    conn: &Connection,
    customer: &Customer,
    row: i64,
    hour: UtcHour,
) -> Result<Option<ExplainedBase>, BillingError> {
    let sql = "SELECT date, txn, version, amount FROM base_fee
               WHERE customer = ?1 AND hour = ?2 AND account = ?3 AND amount <> 0
               UNION ALL SELECT date, txn, version, amount FROM wholesale_fee
               WHERE reseller = ?1 AND hour = ?2 AND account = ?3 AND amount <> 0";
    let found: Option<(i64, Option<i64>, Option<i64>, i64)> = conn
        .prepare_cached(sql)?
        .query_row(params![customer.row, hour.0, row], |r| Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?)))
        .optional()?;
    let Some((date, txn, price, amount)) = found else { return Ok(None) };
    let date = BillingDate::from_number(date)
        .ok_or_else(|| BillingError::damaged("base fee", format!("{date} is no day")))?;
    let price = price.map(|row| version(conn, row)).transpose()?;
    Ok(Some(ExplainedBase {
        date: date.to_string(),
        txn: txn.map(|t| t.to_string()),
        price_version: price.map(|v| v.version.id().to_string()).unwrap_or_default(),
        amount: Money::from_micros(amount),
    }))
}

fn version(conn: &Connection, row: i64) -> Result<StoredVersion, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT plan FROM price_version WHERE id = ?1")?;
    let plan: Option<i64> = stmt.query_row([row], |r| r.get(0)).optional()?;
    let versions = plan.map(|p| plans::versions(conn, p)).transpose()?.unwrap_or_default();
    let found = versions.into_iter().find(|v| v.row == row);
    found.ok_or_else(|| BillingError::damaged(format!("price version {row}"), "it does not exist"))
}

fn line(l: &PackedLine, version: Option<&StoredVersion>) -> Result<ExplainedLine, BillingError> {
    let after = l
        .before
        .checked_add(l.quantity)
        .ok_or_else(|| BillingError::damaged("charge", "the month's quantity does not fit"))?;
    let price = version.and_then(|v| v.version.price(l.meter));
    let floor = |q| price.and_then(|p| cost(p, q)).and_then(Cost::floor);
    Ok(ExplainedLine {
        meter: l.meter,
        quantity: l.quantity,
        before: l.before,
        after,
        cost_before: floor(l.before),
        cost_after: floor(after),
        amount: Money::from_micros(l.amount),
    })
}

/// Charged, used and imported, by meter.
fn totals(
    conn: &Connection,
    side: Side,
    row: i64,
    hour: UtcHour,
) -> Result<BTreeMap<&'static str, ExplainedUsage>, BillingError> {
    let mut out: BTreeMap<&'static str, ExplainedUsage> = BTreeMap::new();
    let used = usage::hour(conn, row, hour)?.unwrap_or_default();
    for (meter, value) in used.iter() {
        out.entry(meter.name()).or_default().used = Some(value);
    }
    let (_, charged) = charged_before(conn, side, row, hour)?;
    for (meter, value) in charged.iter() {
        out.entry(meter.name()).or_default().charged = value;
    }
    let sql = "SELECT meter, SUM(quantity) FROM import_total WHERE account = ?1 AND hour = ?2 GROUP BY meter";
    let mut stmt = conn.prepare_cached(sql)?;
    let mut rows = stmt.query(params![row, hour.0])?;
    while let Some(r) = rows.next()? {
        let name: String = r.get(0)?;
        if let Some(meter) = Meter::from_name(&name) {
            out.entry(meter.name()).or_default().imported = r.get(1)?;
        }
    }
    Ok(out)
}

/// The intervals that the hour's totals are made of: those that begin in it. Adds them up by meter.
fn intervals(
    store: &dyn UsageStore,
    row: i64,
    hour: UtcHour,
    by_meter: &mut BTreeMap<&'static str, ExplainedUsage>,
) -> Result<(Vec<ExplainedInterval>, bool), StoreError> {
    let (mut out, mut is_cut) = (Vec::new(), false);
    for found in store.usage(row, hour.start_ms(), hour.end_ms())? {
        if UtcHour::from_ms(found.from_ms) != hour {
            continue;
        }
        let mut values = BTreeMap::new();
        for (meter, value) in found.values.iter().filter(|(m, _)| m.is_flow()) {
            let sum = &mut by_meter.entry(meter.name()).or_default().measured;
            *sum = sum.saturating_add(value);
            values.insert(meter.name(), value);
        }
        if out.len() < EXPLAIN_INTERVALS_MAX {
            out.push(ExplainedInterval { from: rfc3339(found.from_ms), to: rfc3339(found.to_ms), values });
        } else {
            is_cut = true;
        }
    }
    Ok((out, is_cut))
}

/// A charged hour in a list.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, ToSchema)]
pub struct ChargedHour {
    /// The hour, RFC 3339.
    pub hour: String,
    /// 0: the first charge of the hour.
    pub revision: i64,
    /// Base units of the meter asked for, of the base fee a day; of no meter in particular: null.
    pub quantity: Option<i64>,
    /// What it cost, a decimal string.
    #[schema(value_type = String)]
    pub amount: Money,
}

/// Some charged hours, and the hour and revision to go on from.
pub type HourPage = (Vec<ChargedHour>, Option<(UtcHour, i64)>);

/// Charges of an account's hours to a customer from `from` (hour and revision) on, before `to`: what a line of a statement
/// is the sum of. With a meter only hours with a line of it, and that line's figures.
pub fn hours(
    conn: &Connection,
    customer: &Customer,
    account: &AccountId,
    item: Option<Item>,
    (from, rev): (UtcHour, i64),
    to: UtcHour,
    limit: usize,
) -> Result<HourPage, BillingError> {
    let meter = match item {
        Some(Item::Base) => return base_days(conn, customer, account, from, to, limit),
        Some(Item::Meter(meter)) => Some(meter),
        None => None,
    };
    let sql = "SELECT c.hour, c.rev, c.amount, c.lines FROM charge c JOIN account a ON a.id = c.account
               WHERE a.name = ?1 AND c.customer = ?2 AND (c.hour, c.rev) >= (?3, ?4) AND c.hour < ?5
               UNION ALL
               SELECT c.hour, c.rev, c.amount, c.lines FROM wholesale c JOIN account a ON a.id = c.account
               WHERE a.name = ?1 AND c.reseller = ?2 AND (c.hour, c.rev) >= (?3, ?4) AND c.hour < ?5 ORDER BY 1, 2";
    let mut stmt = conn.prepare_cached(sql)?;
    let mut rows = stmt.query(params![account.as_str(), customer.row, from.0, rev, to.0])?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        let (hour, rev) = (UtcHour(r.get(0)?), r.get::<_, i64>(1)?);
        if out.len() >= limit {
            return Ok((out, Some((hour, rev))));
        }
        let blob: Vec<u8> = r.get(3)?;
        let packed = PackedLines::decode(&blob, &|| format!("charge of {account} at {hour}"))?;
        let (quantity, amount) = match meter {
            None => (None, r.get(2)?),
            Some(meter) => match packed.lines.iter().find(|l| l.meter == meter) {
                Some(line) => (Some(line.quantity), line.amount),
                None => continue,
            },
        };
        let amount = Money::from_micros(amount);
        out.push(ChargedHour { hour: hour.to_string(), revision: rev, quantity, amount });
    }
    Ok((out, None))
}

/// As [`hours`], of base fees.
fn base_days(
    conn: &Connection,
    customer: &Customer,
    account: &AccountId,
    from: UtcHour,
    to: UtcHour,
    limit: usize,
) -> Result<HourPage, BillingError> {
    let sql = "SELECT b.hour, b.amount FROM base_fee b JOIN account a ON a.id = b.account
               WHERE a.name = ?1 AND b.customer = ?2 AND b.hour >= ?3 AND b.hour < ?4 AND b.amount <> 0
               UNION ALL SELECT b.hour, b.amount FROM wholesale_fee b JOIN account a ON a.id = b.account
               WHERE a.name = ?1 AND b.reseller = ?2 AND b.hour >= ?3 AND b.hour < ?4 AND b.amount <> 0 ORDER BY 1";
    let mut stmt = conn.prepare_cached(sql)?;
    let mut rows = stmt.query(params![account.as_str(), customer.row, from.0, to.0])?;
    let mut out = Vec::new();
    while let Some(r) = rows.next()? {
        let hour = UtcHour(r.get(0)?);
        if out.len() >= limit {
            return Ok((out, Some((hour, 0))));
        }
        let amount = Money::from_micros(r.get(1)?);
        out.push(ChargedHour { hour: hour.to_string(), revision: 0, quantity: Some(1), amount });
    }
    Ok((out, None))
}
