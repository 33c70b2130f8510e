//! Statements: each made again from the ledger, numbers without gaps, balances that go on from one to the next, and
//! nothing that stands in none.

use super::Report;
use crate::billing::customers;
use crate::billing::error::BillingError;
use crate::billing::ledger;
use crate::billing::statement::{self, Bounds, Late, Statement, gather};
use crate::db::{Connection, params};
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::money::Money;
use hostmeter_core::rating::Item;
use hostmeter_core::units::UtcHour;
use std::collections::BTreeMap;

struct Row {
    number: i64,
    from: i64,
    to: i64,
    last_txn: i64,
    opening: i64,
    closing: i64,
    charged: i64,
    body: String,
}

pub(super) fn check(conn: &Connection, report: &mut Report) -> Result<(), BillingError> {
    let (count, highest): (i64, i64) =
        conn.query_row("SELECT COUNT(*), COALESCE(MAX(number), 0) FROM statement", [], |r| {
            Ok((r.get(0)?, r.get(1)?))
        })?;
    if count != highest {
        report.differs(format!("{count} statements with numbers up to {highest}: there are gaps"));
    }
    let sql = "SELECT COUNT(*) FROM txn WHERE kind = 'tax' AND CAST(substr(idem_key, 5) AS INTEGER) NOT IN (SELECT number FROM statement)";
    let astray: i64 = conn.query_row(sql, [], |r| r.get(0))?;
    if astray > 0 {
        report.differs(format!("{astray} transactions of tax belong to no statement"));
    }
    let mut stmt = conn.prepare("SELECT id FROM customer ORDER BY id")?;
    let mut rows = stmt.query([])?;
    while let Some(row) = rows.next()? {
        of_customer(conn, row.get(0)?, report)?;
    }
    Ok(())
}

fn rows(conn: &Connection, customer: i64) -> Result<Vec<Row>, BillingError> {
    let sql = "SELECT number, from_hour, to_hour, last_txn, opening, closing, charged, body FROM statement
               WHERE customer = ?1 ORDER BY to_hour";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([customer], |r| {
        Ok(Row {
            number: r.get(0)?,
            from: r.get(1)?,
            to: r.get(2)?,
            last_txn: r.get(3)?,
            opening: r.get(4)?,
            closing: r.get(5)?,
            charged: r.get(6)?,
            body: r.get(7)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn of_customer(conn: &Connection, row: i64, report: &mut Report) -> Result<(), BillingError> {
    let rows = rows(conn, row)?;
    if rows.is_empty() {
        return Ok(());
    }
    let customer = customers::by_row(conn, row)?;
    let (mut balance, mut prev_txn) = (0_i64, 0_i64);
    for row in &rows {
        let body = match statement::read(row.number, &row.body) {
            Ok(body) => body,
            Err(e) => {
                report.differs(e.to_string());
                continue;
            }
        };
        let bounds = Bounds {
            from: (row.from != i64::MIN).then_some(UtcHour(row.from)),
            to: UtcHour(row.to),
            scan_txn: 0,
            prev_txn,
            last_txn: row.last_txn,
            late: Late::Of(row.number),
        };
        let again = match gather(conn, &customer, &bounds) {
            Ok(again) => again,
            Err(e) => {
                report.differs(format!("statement {}: it cannot be made again: {e}", row.number));
                continue;
            }
        };
        let same = again.charges == body.charges
            && again.corrections == body.corrections
            && again.movements == body.movements
            && again.days == body.days
            && again.charged == body.charged
            && (row.opening, row.charged) == (balance, body.charged.micros())
            && (body.opening.micros(), body.closing.micros()) == (row.opening, row.closing)
            && row.opening.checked_add(again.change.micros()) == Some(row.closing);
        if !same {
            report.differs(format!("statement {}: it is not what the ledger holds", row.number));
        }
        tax(conn, &body, report)?;
        (balance, prev_txn) = (row.closing, row.last_txn);
    }
    // What stands in no statement yet makes up the rest of the balance.
    let from = rows.last().map(|r| UtcHour(r.to));
    let (to, last_txn) = (UtcHour(i64::MAX), i64::MAX);
    let open =
        gather(conn, &customer, &Bounds { from, to, scan_txn: 0, prev_txn, last_txn, late: Late::Open })?;
    let now = ledger::balance(conn, &customer.id)?;
    if balance.checked_add(open.change.micros()) != Some(now.micros()) {
        let closed = Money::from_micros(balance);
        report.differs(format!(
            "{}: the balance is {now}; its statements end with {closed}, and {} came since",
            customer.id, open.change
        ));
    }
    Ok(())
}

/// The transaction of a statement's tax books its lines.
fn tax(conn: &Connection, body: &Statement, report: &mut Report) -> Result<(), BillingError> {
    let sql = "SELECT a.name, e.amount FROM txn t JOIN entry e ON e.txn = t.id JOIN ledger_account a ON a.id = e.account
               WHERE t.idem_key = ?1";
    let mut stmt = conn.prepare_cached(sql)?;
    let booked: BTreeMap<String, i64> = stmt
        .query_map(params![format!("tax:{}", body.number)], |r| Ok((r.get(0)?, r.get(1)?)))?
        .collect::<Result<_, _>>()?;
    let revenue = |item: Item| LedgerAccount::Revenue(item).to_string();
    let mut want: BTreeMap<String, i64> =
        body.tax.lines.iter().map(|l| (revenue(l.meter), l.tax.micros().saturating_neg())).collect();
    want.insert(LedgerAccount::Tax.to_string(), body.tax.tax.micros());
    want.retain(|_, amount| *amount != 0);
    if booked != want {
        report
            .differs(format!("statement {}: its tax is booked as {booked:?}, it says {want:?}", body.number));
    }
    Ok(())
}
