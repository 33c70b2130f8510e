//! Money at the end: what a customer who leaves gets back, and what nobody will pay any more.

use crate::alerts;
use crate::billing::customers::Customer;
use crate::billing::error::BillingError;
use crate::billing::ledger::{self, Posting};
use crate::billing::refund::{self, Refund};
use crate::billing::resellers;
use crate::db::Transaction;
use hostmeter_core::ledger::{LedgerAccount, LedgerError, PaymentRef, TxnKind, write_off};
use hostmeter_core::lifecycle::Event;
use hostmeter_core::money::Money;

const ACTOR: &str = "lifecycle";

/// Books back what is unspent of what was paid in, payment by payment. Credit that was given is never paid out.
pub(super) fn pay_back(
    tx: &Transaction<'_>,
    customer: &Customer,
    event: &Event,
    now_ms: i64,
) -> Result<(), BillingError> {
    let (_, payments) = refund::refundable(tx, customer)?;
    let mut told = Vec::new();
    let unspent = payments.iter().filter(|p| p.refundable > Money::ZERO);
    for (number, payment) in unspent.enumerate() {
        let reference = format!("close-{}-{}-{number}", customer.id, event.number);
        let asked = Refund {
            amount: payment.refundable,
            gateway: &payment.gateway,
            payment: &payment.payment,
            refund: &reference,
            reason: "customer closed",
        };
        let key = format!("{}/{reference}", event.idem_key(&customer.id).as_str());
        refund::refund(tx, customer, &asked, &key, ACTOR, now_ms)?;
        told.push(format!("{} of payment {} by {}", payment.refundable, payment.payment, payment.gateway));
    }
    if !told.is_empty() {
        let id = &customer.id;
        let what = told.join("; ");
        let why = format!("customer {id} is closed and its unspent money is booked back; pay it out: {what}");
        alerts::raise(tx, &format!("closed:{id}"), "payout", id.as_str(), &why, now_ms)?;
    }
    Ok(())
}

/// Books what is owed to bad debt.
pub(super) fn give_up(
    tx: &Transaction<'_>,
    customer: &Customer,
    event: &Event,
    now_ms: i64,
) -> Result<(), BillingError> {
    let balance = ledger::balance(tx, &customer.id)?;
    if !balance.is_negative() {
        return Ok(());
    }
    let account = LedgerAccount::Customer(customer.id.clone());
    let owed = balance.checked_neg().ok_or(LedgerError::Overflow { kind: TxnKind::WriteOff, account })?;
    let reference = PaymentRef::parse(&format!("purge-{}-{}", customer.id, event.number))
        .map_err(|e| BillingError::damaged("reference", e))?;
    let txn = resellers::own(tx, customer, write_off(&customer.id, owed, &reference, now_ms)?, now_ms)?;
    let posting = Posting { txn: &txn, actor: ACTOR, reason: "accounts purged", charges: &[] };
    ledger::post(tx, &posting, now_ms)?;
    Ok(())
}
