//! What the core's step needs to know of a customer.

use crate::billing::customers::Customer;
use crate::billing::error::BillingError;
use crate::billing::rates::Rates;
use crate::billing::{ledger, pending};
use crate::db::{Connection, OptionalExtension, params};
use crate::notices;
use hostmeter_core::ids::AccountId;
use hostmeter_core::ledger::LedgerAccount;
use hostmeter_core::lifecycle::{AccountFacts, CustomerState, Deletion, Facts, Host, Phase};

/// Gathers the facts as they stand in the caller's transaction.
pub(super) fn gather(
    conn: &Connection,
    rates: &mut Rates,
    customer: &Customer,
    state: &CustomerState,
) -> Result<Facts, BillingError> {
    let balance = ledger::balance(conn, &customer.id)?;
    let asks_crossing =
        balance.is_negative() && (state.negative_since_ms.is_none() || state.phase == Phase::Active);
    let crossing_ms = if asks_crossing { crossing(conn, customer)? } else { None };
    let (had_topup, undelete): (bool, bool) = conn
        .prepare_cached("SELECT had_topup, undelete FROM customer WHERE id = ?1")?
        .query_row([customer.row], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(Facts {
        balance,
        pending: pending::pending(conn, rates, customer.row)?.amount,
        had_topup,
        crossing_ms,
        notices: notices::facts::gather(conn, customer, state, balance)?,
        hold: customer.hold,
        undelete,
        accounts: accounts(conn, customer.row)?,
    })
}

/// When the posting was recorded that took the balance below zero: the one after the last balance that was not.
fn crossing(conn: &Connection, customer: &Customer) -> Result<Option<i64>, BillingError> {
    let name = LedgerAccount::Customer(customer.id.clone()).to_string();
    let Some(account) = ledger::find_account(conn, &name)? else { return Ok(None) };
    let sql = "SELECT t.recorded_ms FROM txn t WHERE t.id = (
                 SELECT MIN(e.txn) FROM entry e WHERE e.account = ?1 AND e.txn > COALESCE(
                   (SELECT o.txn FROM entry o WHERE o.account = ?1 AND o.balance_after >= 0 ORDER BY o.txn DESC LIMIT 1), 0))";
    Ok(conn.prepare_cached(sql)?.query_row([account], |r| r.get(0)).optional()?)
}

/// The accounts that follow the customer's balance: those that can be commanded and that staff has not deleted.
fn accounts(conn: &Connection, customer: i64) -> Result<Vec<AccountFacts>, BillingError> {
    let sql = "SELECT a.name, h.id IS NULL OR h.state = 'revoked', h.watermark_ms, a.deletion, a.archive
               FROM account a LEFT JOIN host h ON h.id = a.host
               WHERE a.customer = ?1 AND (a.host IS NULL OR a.user IS NOT NULL)
                 AND (a.manual IS NULL OR a.manual = 'suspended')
               ORDER BY a.id";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![customer], |r| {
        let host = match r.get(1)? {
            true => Host::Gone,
            false => Host::Reporting { watermark_ms: r.get(2)? },
        };
        Ok((r.get::<_, String>(0)?, host, r.get::<_, String>(3)?, r.get::<_, Option<String>>(4)?))
    })?;
    rows.map(|row| {
        let (name, host, deletion, archive) = row?;
        let id =
            AccountId::parse(&name).map_err(|e| BillingError::damaged(format!("account {name:?}"), e))?;
        let deletion = match deletion.as_str() {
            "begun" => Deletion::Begun,
            "done" => Deletion::Confirmed { archive },
            _ => Deletion::NotBegun,
        };
        Ok(AccountFacts { id, host, deletion })
    })
    .collect()
}
