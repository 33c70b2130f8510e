//! Credit that is given or taken back without money, and tax.

use super::build::{above_zero, pair};
use super::{Entry, Gateway, IdemKey, LedgerAccount, LedgerError, PaymentRef, Txn, TxnKind};
use crate::ids::CustomerId;
use crate::money::Money;
use crate::rating::Item;

/// Credit given for nothing, above zero. It cannot be paid out. Happens once per reference.
pub fn promo(
    customer: &CustomerId,
    amount: Money,
    reference: &PaymentRef,
    effective_at_ms: i64,
) -> Result<Txn, LedgerError> {
    let kind = TxnKind::Promo;
    above_zero(kind, amount)?;
    pair(kind, IdemKey::promo(reference), effective_at_ms, customer, amount, LedgerAccount::Promo)
}

/// A debt given up: the balance rises by `amount`, which is above zero. That no more is owed is the caller's to check.
/// Happens once per reference.
pub fn write_off(
    customer: &CustomerId,
    amount: Money,
    reference: &PaymentRef,
    effective_at_ms: i64,
) -> Result<Txn, LedgerError> {
    let kind = TxnKind::WriteOff;
    above_zero(kind, amount)?;
    pair(kind, IdemKey::write_off(reference), effective_at_ms, customer, amount, LedgerAccount::BadDebt)
}

/// A referrer's share of a payment of somebody referred. Happens once per gateway and payment.
pub fn referral(
    referrer: &CustomerId,
    amount: Money,
    gateway: &Gateway,
    payment: &PaymentRef,
    effective_at_ms: i64,
) -> Result<Txn, LedgerError> {
    let kind = TxnKind::Referral;
    above_zero(kind, amount)?;
    let key = IdemKey::referral(gateway, payment);
    pair(kind, key, effective_at_ms, referrer, amount, LedgerAccount::Referral)
}

/// What a referrer gives back because the payment, or a part of it, went back; `amount` is above zero. Happens once
/// per gateway and refund.
pub fn referral_back(
    referrer: &CustomerId,
    amount: Money,
    gateway: &Gateway,
    refund: &PaymentRef,
    effective_at_ms: i64,
) -> Result<Txn, LedgerError> {
    let kind = TxnKind::Referral;
    above_zero(kind, amount)?;
    let account = LedgerAccount::Customer(referrer.clone());
    let fall = amount.checked_neg().ok_or(LedgerError::Overflow { kind, account })?;
    let key = IdemKey::referral_back(gateway, refund);
    pair(kind, key, effective_at_ms, referrer, fall, LedgerAccount::Referral)
}

/// The tax in what a statement charges, moved from the revenue of each meter; `None` where there is none. Happens once
/// per statement.
pub fn tax(
    statement: i64,
    lines: &[(Item, Money)],
    effective_at_ms: i64,
) -> Result<Option<Txn>, LedgerError> {
    let kind = TxnKind::Tax;
    let overflow = |account| LedgerError::Overflow { kind, account };
    let total =
        Money::checked_sum(lines.iter().map(|(_, m)| *m)).ok_or_else(|| overflow(LedgerAccount::Tax))?;
    let mut entries = vec![Entry { account: LedgerAccount::Tax, amount: total }];
    for (item, amount) in lines {
        let account = LedgerAccount::Revenue(*item);
        let amount = amount.checked_neg().ok_or_else(|| overflow(account.clone()))?;
        entries.push(Entry { account, amount });
    }
    entries.retain(|e| !e.amount.is_zero());
    if entries.is_empty() {
        return Ok(None);
    }
    Txn::new(kind, Some(IdemKey::tax(statement)), effective_at_ms, entries).map(Some)
}
