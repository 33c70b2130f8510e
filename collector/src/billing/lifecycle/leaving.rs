//! Money at the end: what a customer who leaves gets back, and what nobody will pay any more.

use crate::alerts;
use crate::billing::customers::Customer;
use crate::billing::error::BillingError;
use crate::billing::ledger::{self, Posting};
use crate::db::{Connection, Transaction};
use hostmeter_core::ledger::{
    Entry, Gateway, IdemKey, LedgerAccount, LedgerError, PaymentRef, Txn, TxnKind, refund,
};
use hostmeter_core::lifecycle::Event;
use hostmeter_core::money::Money;

const ACTOR: &str = "lifecycle";

/// What came in by each gateway and did not go back yet.
fn cash(conn: &Connection, customer: &Customer) -> Result<Vec<(Gateway, i64)>, BillingError> {
    let name = LedgerAccount::Customer(customer.id.clone()).to_string();
    let Some(account) = ledger::find_account(conn, &name)? else { return Ok(Vec::new()) };
    let sql = "SELECT a.name, -SUM(o.amount) FROM entry e JOIN txn t ON t.id = e.txn
               JOIN entry o ON o.txn = e.txn AND o.account <> e.account JOIN ledger_account a ON a.id = o.account
               WHERE e.account = ?1 AND t.kind IN ('topup', 'refund') AND a.name LIKE 'cash:%'
               GROUP BY a.name HAVING SUM(o.amount) < 0 ORDER BY a.name";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([account], |r| Ok((r.get::<_, String>(0)?, r.get::<_, i64>(1)?)))?;
    let mut out = Vec::new();
    for row in rows {
        let (name, amount) = row?;
        let gateway = name.strip_prefix("cash:").unwrap_or(&name);
        let gateway = Gateway::parse(gateway)
            .map_err(|e| BillingError::damaged(format!("ledger account {name}"), e))?;
        out.push((gateway, amount));
    }
    Ok(out)
}

/// Books back what is unspent of what was paid in. Credit that was given away is spent first and never paid out.
pub(super) fn pay_back(
    tx: &Transaction<'_>,
    customer: &Customer,
    event: &Event,
    now_ms: i64,
) -> Result<(), BillingError> {
    let mut left = ledger::balance(tx, &customer.id)?.micros();
    let mut told = Vec::new();
    for (gateway, paid) in cash(tx, customer)? {
        let part = paid.min(left);
        if part <= 0 {
            break;
        }
        left = left.saturating_sub(part);
        let amount = Money::from_micros(part);
        let reference = format!("close-{}-{}", customer.id, event.number);
        let reference = PaymentRef::parse(&reference).map_err(|e| BillingError::damaged("reference", e))?;
        let txn = refund(&customer.id, amount, &gateway, &reference, now_ms)?;
        let posting = Posting { txn: &txn, actor: ACTOR, reason: "customer closed", charges: &[] };
        ledger::post(tx, &posting, now_ms)?;
        told.push(format!("{amount} by {gateway}, reference {reference}"));
    }
    if !told.is_empty() {
        let id = &customer.id;
        let why = format!(
            "customer {id} is closed and its unspent money is booked back; pay it out: {}",
            told.join("; ")
        );
        alerts::raise(tx, &format!("closed:{id}"), "payout", id.as_str(), &why, now_ms)?;
    }
    Ok(())
}

/// Books what is owed to bad debt.
pub(super) fn write_off(
    tx: &Transaction<'_>,
    customer: &Customer,
    event: &Event,
    now_ms: i64,
) -> Result<(), BillingError> {
    let balance = ledger::balance(tx, &customer.id)?;
    if !balance.is_negative() {
        return Ok(());
    }
    let kind = TxnKind::WriteOff;
    let account = LedgerAccount::Customer(customer.id.clone());
    let amount = balance.checked_neg().ok_or(LedgerError::Overflow { kind, account: account.clone() })?;
    let entries = vec![Entry { account, amount }, Entry { account: LedgerAccount::BadDebt, amount: balance }];
    let key = IdemKey::life(&customer.id, event.episode, &format!("write-off.{}", event.number));
    let txn = Txn::new(kind, Some(key), now_ms, entries)?;
    let posting = Posting { txn: &txn, actor: ACTOR, reason: "accounts purged", charges: &[] };
    ledger::post(tx, &posting, now_ms)?;
    Ok(())
}
