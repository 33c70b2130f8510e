//! Closing months: number, body and tax of each statement in one transaction.

use super::body::Statement;
use super::gather::{Bounds, Gathered, Late, gather};
use super::period::{self, Period};
use super::tax::break_out;
use crate::billing::customers::{self, Customer};
use crate::billing::error::BillingError;
use crate::billing::ledger::{self, Posting};
use crate::billing::resellers;
use crate::billing::rules::Rules;
use crate::db::{Connection, Db, OptionalExtension, Transaction, params};
use crate::limits::STATEMENTS_PER_WRITE;
use hostmeter_core::ledger::tax;
use hostmeter_core::money::Money;
use hostmeter_core::units::{UtcHour, rfc3339};

/// Closes every month that is over at `until` and settled, some customers in a write; returns how many statements were
/// made. What is not settled is left to a later run.
pub async fn close_due(
    db: &Db,
    rules: &Rules,
    actor: &str,
    until: UtcHour,
    now_ms: i64,
) -> Result<usize, BillingError> {
    if db.read(period::has_new).await? {
        db.write(period::open_new).await?;
    }
    // First months are set before any month is closed: the order of numbers is the same for a run that was killed.
    let mut known = i64::MIN;
    while let Some(last) = db.read(move |conn| period::first_due(conn, known, until)).await? {
        db.write(move |tx| period::set_first(tx, known, last, until)).await?;
        known = last;
    }
    let (mut made, mut after) = (0_usize, (i64::MIN, i64::MIN));
    loop {
        let found = db.read(move |conn| period::due(conn, after, until, STATEMENTS_PER_WRITE)).await?;
        let Some(last) = found.last() else { return Ok(made) };
        after = (last.to.0, last.customer);
        let (rules, actor) = (rules.clone(), actor.to_owned());
        let closed = db
            .write(move |tx| -> Result<usize, BillingError> {
                crate::jump::refuse(tx)?;
                let mut made = 0_usize;
                for due in &found {
                    made = made.saturating_add(usize::from(close(tx, due, &rules, &actor, now_ms)?));
                }
                Ok(made)
            })
            .await?;
        made = made.saturating_add(closed);
    }
}

/// Closes one month, if it is settled; `true`: a statement was made.
fn close(
    tx: &Transaction<'_>,
    due: &Period,
    rules: &Rules,
    actor: &str,
    now_ms: i64,
) -> Result<bool, BillingError> {
    if !period::is_settled(tx, due, rules, now_ms)? {
        return Ok(false);
    }
    let customer = customers::by_row(tx, due.customer)?;
    let to = due.to;
    let last_txn: i64 =
        tx.prepare_cached("SELECT COALESCE(MAX(id), 0) FROM txn")?.query_row([], |r| r.get(0))?;
    let before = last(tx, customer.row)?;
    let bounds = Bounds {
        from: due.from,
        to,
        scan_txn: due.scan_txn,
        prev_txn: before.map_or(0, |b| b.last_txn),
        last_txn,
        late: Late::Open,
    };
    let found = gather(tx, &customer, &bounds)?;
    let (is_empty, scanned) = (found.is_empty(), found.scanned);
    if !is_empty {
        let opening = before.map_or(Money::ZERO, |b| b.closing);
        write(tx, &customer, &bounds, found, opening, rules, (actor, now_ms))?;
        let sql = "UPDATE late_charge SET statement = (SELECT MAX(number) FROM statement)
                   WHERE customer = ?1 AND statement IS NULL";
        tx.prepare_cached(sql)?.execute([customer.row])?;
        let sql = "UPDATE late_wholesale SET statement = (SELECT MAX(number) FROM statement)
                   WHERE reseller = ?1 AND statement IS NULL";
        tx.prepare_cached(sql)?.execute([customer.row])?;
    }
    period::advance(tx, &customer, to, scanned)?;
    Ok(!is_empty)
}

/// A customer's statement before.
#[derive(Clone, Copy)]
struct Before {
    last_txn: i64,
    closing: Money,
}

fn last(conn: &Connection, customer: i64) -> Result<Option<Before>, BillingError> {
    let sql = "SELECT last_txn, closing FROM statement WHERE customer = ?1 ORDER BY to_hour DESC LIMIT 1";
    let found = conn.prepare_cached(sql)?.query_row([customer], |r| {
        Ok(Before { last_txn: r.get(0)?, closing: Money::from_micros(r.get(1)?) })
    });
    Ok(found.optional()?)
}

fn write(
    tx: &Transaction<'_>,
    customer: &Customer,
    bounds: &Bounds,
    found: Gathered,
    opening: Money,
    rules: &Rules,
    (actor, now_ms): (&str, i64),
) -> Result<(), BillingError> {
    let number: i64 = tx
        .prepare_cached("SELECT COALESCE(MAX(number), 0) + 1 FROM statement")?
        .query_row([], |r| r.get(0))?;
    let taxed = break_out(&rules.tax_name, rules.tax, &found.charges, &found.corrections, &found.untaxed)?;
    let calendar = customers::calendar(tx, customer)?;
    let from = period::start_of(&calendar, bounds.to)?;
    let end = UtcHour(bounds.to.0.saturating_sub(1));
    let month = calendar.month(end)?;
    let zone = calendar.zone(end).iana_name().unwrap_or("UTC");
    let too_much = || BillingError::damaged(format!("statement {number}"), "its balance does not fit");
    let body = Statement {
        number,
        customer: customer.id.to_string(),
        name: customer.title.clone(),
        provider: resellers::at(tx, customer, end)?.map(|r| r.title),
        currency: rules.currency.to_string(),
        month: month.to_string(),
        from: from.to_string(),
        to: bounds.to.to_string(),
        billing_zone: zone.to_owned(),
        closed: rfc3339(now_ms),
        opening,
        closing: opening.checked_add(found.change).ok_or_else(too_much)?,
        charged: found.charged,
        charges: found.charges,
        corrections: found.corrections,
        movements: found.movements,
        days: found.days,
        tax: taxed,
    };
    let lines: Vec<_> = body.tax.lines.iter().map(|l| (l.meter, l.tax)).collect();
    if let Some(txn) = tax(number, &lines, bounds.to.start_ms())? {
        let reason = format!("statement {number}");
        ledger::post(tx, &Posting { txn: &txn, actor, reason: &reason, charges: &[] }, now_ms)?;
    }
    let json =
        serde_json::to_string(&body).map_err(|e| BillingError::damaged(format!("statement {number}"), e))?;
    let sql = "INSERT INTO statement (number, customer, month, from_hour, to_hour, last_txn, opening, closing, charged,
                 closed_ms, body) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)";
    tx.prepare_cached(sql)?.execute(params![
        number,
        customer.row,
        month.number(),
        bounds.from.map_or(i64::MIN, |h| h.0),
        bounds.to.0,
        bounds.last_txn,
        body.opening.micros(),
        body.closing.micros(),
        body.charged.micros(),
        now_ms,
        json
    ])?;
    Ok(())
}
