//! Resellers: one level, flags that fit the history, and movements of their customers in their own books alone.

use super::Report;
use crate::billing::customers::{self, Customer};
use crate::billing::error::BillingError;
use crate::billing::resellers;
use crate::db::Connection;
use hostmeter_core::ids::CustomerId;
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::units::UtcHour;

pub(super) fn check(conn: &Connection, report: &mut Report) -> Result<(), BillingError> {
    let sql = "SELECT c.name FROM customer c LEFT JOIN customer r ON r.id = c.reseller
               WHERE c.resold <> EXISTS (SELECT 1 FROM customer_reseller h WHERE h.customer = c.id)
                 OR (c.resells = 1 AND c.resold = 1) OR (c.reseller IS NOT NULL AND r.resells = 0)
                 OR c.reseller IS NOT (SELECT h.reseller FROM customer_reseller h WHERE h.customer = c.id
                                       ORDER BY h.from_hour DESC LIMIT 1)";
    let mut stmt = conn.prepare(sql)?;
    for name in stmt.query_map([], |r| r.get::<_, String>(0))? {
        report.differs(format!("customer {}: whose customer it is contradicts its history", name?));
    }
    let sql = "SELECT c.id FROM customer c WHERE c.resold = 1 ORDER BY c.id";
    let mut stmt = conn.prepare(sql)?;
    for row in stmt.query_map([], |r| r.get(0))? {
        movements(conn, &customers::by_row(conn, row?)?, report)?;
    }
    // In a reseller's books only movements of those who have, or had, a reseller.
    let sql = "SELECT DISTINCT t.id, a.name FROM ledger_account b JOIN entry e ON e.account = b.id JOIN txn t ON t.id = e.txn
               JOIN entry o ON o.txn = t.id AND o.line <> e.line JOIN ledger_account a ON a.id = o.account
               JOIN customer c ON a.name = 'customer:' || c.name
               WHERE (b.name LIKE 'reseller:%' OR b.name LIKE 'cash:reseller:%') AND t.kind <> 'charge' AND c.resold = 0";
    let mut stmt = conn.prepare(sql)?;
    for row in stmt.query_map([], |r| Ok((r.get::<_, i64>(0)?, r.get::<_, String>(1)?)))? {
        let (txn, name) = row?;
        report.differs(format!("transaction {txn}: it books {name} in a reseller's books"));
    }
    Ok(())
}

/// What was booked of a customer stands in the books of whom it was then; a refund goes back to where its payment came
/// to, and a referrer's share is the company's promise.
fn movements(conn: &Connection, customer: &Customer, report: &mut Report) -> Result<(), BillingError> {
    let history = resellers::history(conn, customer.row)?;
    let sql = "SELECT t.id, t.effective_ms, b.name FROM ledger_account a JOIN entry e ON e.account = a.id
               JOIN txn t ON t.id = e.txn JOIN entry o ON o.txn = t.id AND o.line <> e.line
               JOIN ledger_account b ON b.id = o.account
               WHERE a.name = ?1 AND t.kind NOT IN ('charge', 'refund', 'referral')";
    let mut stmt = conn.prepare_cached(sql)?;
    let name = LedgerAccount::Customer(customer.id.clone()).to_string();
    let mut rows = stmt.query([&name])?;
    while let Some(row) = rows.next()? {
        let (txn, at_ms, other): (i64, i64, String) = (row.get(0)?, row.get(1)?, row.get(2)?);
        let want = resellers::holding(&history, UtcHour::from_ms(at_ms));
        let want = want.map(|r| resellers::id_of(conn, r)).transpose()?;
        let is: Option<CustomerId> = match LedgerAccount::parse(&other) {
            Ok(LedgerAccount::Reseller(id) | LedgerAccount::ResellerCash(id)) => Some(id),
            _ => None,
        };
        if is != want {
            let whose = want.map_or_else(|| "the company".to_owned(), |id| format!("reseller {id}"));
            report.differs(format!(
                "transaction {txn}: it books {name} against {other}, but it was a customer of {whose}"
            ));
        }
    }
    Ok(())
}
