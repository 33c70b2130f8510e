//! Customers of whom an invariant is broken: nothing is charged, suspended or deleted until staff has looked.
//!
//! What is looked at: that the stored state can be read, and that the balance is what the entries add up to. It is looked
//! at before anything is taken away from a customer, and every few hours besides.

use super::customers::Customer;
use super::error::BillingError;
use super::ledger;
use super::lifecycle::state_of;
use crate::alerts;
use crate::db::{Connection, OptionalExtension, Transaction, params};
use hostmeter_core::ids::CustomerId;
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::money::Money;
use std::collections::BTreeSet;

/// What the entries say of a customer's balance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Books {
    /// The balance that is kept.
    kept: i64,
    /// The balance after the last entry.
    after: i64,
    /// What all entries add up to.
    sum: i64,
}

fn books(conn: &Connection, customer: &CustomerId) -> Result<Option<Books>, BillingError> {
    let name = LedgerAccount::Customer(customer.clone()).to_string();
    let Some(account) = ledger::find_account(conn, &name)? else { return Ok(None) };
    let sql = "SELECT COALESCE((SELECT amount FROM balance WHERE account = ?1), 0),
                 COALESCE((SELECT balance_after FROM entry WHERE account = ?1 ORDER BY txn DESC, line DESC LIMIT 1), 0),
                 COALESCE((SELECT SUM(amount) FROM entry WHERE account = ?1), 0)";
    let row = |r: &rusqlite::Row<'_>| Ok(Books { kept: r.get(0)?, after: r.get(1)?, sum: r.get(2)? });
    Ok(Some(conn.prepare_cached(sql)?.query_row([account], row)?))
}

/// What is broken of a customer, if anything is.
pub fn broken(conn: &Connection, customer: &Customer) -> Result<Option<String>, BillingError> {
    if let Err(e) = state_of(customer) {
        return Ok(Some(format!("the stored state of the lifecycle cannot be read: {e}")));
    }
    let Some(Books { kept, after, sum }) = books(conn, &customer.id)? else { return Ok(None) };
    let off = |by: i64| Money::from_micros(by);
    Ok(if sum != after {
        let by = off(sum.saturating_sub(after));
        Some(format!("its entries add up to {by} more than the balance after the last of them says"))
    } else if kept != sum {
        let by = off(kept.saturating_sub(sum));
        Some(format!("the balance that is kept is {by} above what its entries add up to"))
    } else {
        None
    })
}

/// Whether the customer is parked.
pub fn is_parked(conn: &Connection, customer: i64) -> Result<bool, BillingError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM parked WHERE customer = ?1 AND accepted = 0)";
    Ok(conn.prepare_cached(sql)?.query_row([customer], |r| r.get(0))?)
}

/// Every customer that is parked.
pub fn all(conn: &Connection) -> Result<BTreeSet<i64>, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT customer FROM parked WHERE accepted = 0")?;
    let rows = stmt.query_map([], |r| r.get(0))?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether the customer is parked, or ever was.
pub fn was_parked(conn: &Connection, customer: i64) -> Result<bool, BillingError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM parked WHERE customer = ?1)
                 OR EXISTS (SELECT 1 FROM lifecycle_event WHERE customer = ?1 AND kind = 'billing.parked')";
    Ok(conn.prepare_cached(sql)?.query_row([customer], |r| r.get(0))?)
}

/// Why the customer is parked.
pub fn why(conn: &Connection, customer: i64) -> Result<Option<String>, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT why FROM parked WHERE customer = ?1 AND accepted = 0")?;
    Ok(stmt.query_row([customer], |r| r.get(0)).optional()?)
}

fn alert_key(customer: &Customer) -> String {
    format!("parked:{}", customer.id)
}

/// Whether a customer is to be parked that is not: something is broken that staff has not accepted.
pub fn needs_parking(conn: &Connection, customer: &Customer) -> Result<bool, BillingError> {
    let Some(why) = broken(conn, customer)? else { return Ok(false) };
    let sql = "SELECT EXISTS (SELECT 1 FROM parked WHERE customer = ?1 AND (accepted = 0 OR why = ?2))";
    let known: bool = conn.prepare_cached(sql)?.query_row(params![customer.row, why], |r| r.get(0))?;
    Ok(!known)
}

/// Parks a customer and raises the alert; `false`: staff has accepted this very reason before.
pub fn park(tx: &Transaction<'_>, customer: &Customer, why: &str, now_ms: i64) -> Result<bool, BillingError> {
    let sql = "SELECT why FROM parked WHERE customer = ?1 AND accepted = 1";
    let accepted: Option<String> =
        tx.prepare_cached(sql)?.query_row([customer.row], |r| r.get(0)).optional()?;
    if accepted.as_deref() == Some(why) {
        return Ok(false);
    }
    let sql = "INSERT INTO parked (customer, since_ms, why) VALUES (?1, ?2, ?3) ON CONFLICT (customer)
               DO UPDATE SET since_ms = excluded.since_ms, why = excluded.why, accepted = 0 WHERE accepted = 1";
    tx.prepare_cached(sql)?.execute(params![customer.row, now_ms, why])?;
    let text = format!(
        "customer {} is parked, nothing is charged, suspended or deleted: {why}; run `hostmeter ledger verify`, then \
         `hostmeter customer unpark {}`",
        customer.id, customer.id
    );
    alerts::raise(tx, &alert_key(customer), "parked", customer.id.as_str(), &text, now_ms)?;
    Ok(true)
}

/// Lets billing go on. What can be made again from the entries and the accounts is: a balance, a state that cannot be
/// read. Entries that contradict each other are left as they are; `accept` says that staff has looked and wants to go on
/// all the same.
pub fn unpark(
    tx: &Transaction<'_>,
    customer: &Customer,
    accept: bool,
    now_ms: i64,
) -> Result<(), BillingError> {
    let Some(why) = why(tx, customer.row)? else {
        return Err(BillingError::conflict("not_parked", format!("customer {} is not parked", customer.id)));
    };
    if state_of(customer).is_err() {
        super::lifecycle::rebuild_state(tx, customer, now_ms)?;
    }
    if let Some(Books { kept, after, sum }) = books(tx, &customer.id)? {
        if sum != after && !accept {
            let why = format!(
                "customer {}: {why}; an entry was changed outside of this program: restore a backup, or unpark with \
                 `--accept` to go on with the balance as it is kept, {}",
                customer.id,
                Money::from_micros(kept)
            );
            return Err(BillingError::conflict("books_broken", why));
        }
        if sum == after && kept != sum {
            let name = LedgerAccount::Customer(customer.id.clone()).to_string();
            let sql =
                "INSERT INTO balance (account, amount) SELECT id, ?2 FROM ledger_account WHERE name = ?1
                       ON CONFLICT (account) DO UPDATE SET amount = excluded.amount";
            tx.prepare_cached(sql)?.execute(params![name, sum])?;
        }
    }
    match broken(tx, &super::customers::by_row(tx, customer.row)?)? {
        // The reason as it reads now, so that it does not park again.
        Some(still) => tx
            .prepare_cached("UPDATE parked SET accepted = 1, why = ?2 WHERE customer = ?1")?
            .execute(params![customer.row, still])?,
        None => tx.prepare_cached("DELETE FROM parked WHERE customer = ?1")?.execute([customer.row])?,
    };
    Ok(alerts::clear(tx, &alert_key(customer), now_ms)?)
}
