//! Transactions that balance by construction.

use super::{Entry, Gateway, IdemKey, LedgerAccount, LedgerError, PaymentRef, Txn, TxnKind};
use crate::ids::CustomerId;
use crate::money::Money;
use crate::rating::{Item, Line};
use std::collections::BTreeMap;

/// Money came in through a gateway: the customer's credit rises. Happens once per gateway and payment.
pub fn topup(
    customer: &CustomerId,
    amount: Money,
    gateway: &Gateway,
    payment: &PaymentRef,
    effective_at_ms: i64,
) -> Result<Txn, LedgerError> {
    let kind = TxnKind::Topup;
    above_zero(kind, amount)?;
    let key = IdemKey::topup(gateway, payment);
    pair(kind, key, effective_at_ms, customer, amount, LedgerAccount::Cash(gateway.clone()))
}

/// Money goes back through a gateway: the customer's credit falls by `amount`, which is above zero. Happens once per
/// gateway and refund. Whether the credit suffices, and is no promotion, is the caller's to check.
pub fn refund(
    customer: &CustomerId,
    amount: Money,
    gateway: &Gateway,
    reference: &PaymentRef,
    effective_at_ms: i64,
) -> Result<Txn, LedgerError> {
    let kind = TxnKind::Refund;
    above_zero(kind, amount)?;
    let account = LedgerAccount::Customer(customer.clone());
    let fall = amount.checked_neg().ok_or(LedgerError::Overflow { kind, account })?;
    let key = IdemKey::refund(gateway, reference);
    pair(kind, key, effective_at_ms, customer, fall, LedgerAccount::Cash(gateway.clone()))
}

/// A correction by staff, up or down, against `promo`, `referral`, `bad-debt` or `revenue:METER`. Happens once per
/// reference.
pub fn adjustment(
    customer: &CustomerId,
    amount: Money,
    against: LedgerAccount,
    reference: &PaymentRef,
    effective_at_ms: i64,
) -> Result<Txn, LedgerError> {
    let kind = TxnKind::Adjustment;
    if amount.is_zero() {
        return Err(LedgerError::Amount { kind, amount, want: "above or below zero" });
    }
    match against {
        LedgerAccount::Promo
        | LedgerAccount::Referral
        | LedgerAccount::BadDebt
        | LedgerAccount::Revenue(_) => {
            pair(kind, IdemKey::adjustment(reference), effective_at_ms, customer, amount, against)
        }
        LedgerAccount::Customer(_)
        | LedgerAccount::Cash(_)
        | LedgerAccount::Tax
        | LedgerAccount::Reseller(_)
        | LedgerAccount::ResellerCash(_) => {
            let want = "promo, referral, bad-debt or revenue:METER; money itself moves by top-up and refund";
            Err(LedgerError::Against { kind, account: against, want })
        }
    }
}

pub(super) fn above_zero(kind: TxnKind, amount: Money) -> Result<(), LedgerError> {
    if amount.micros() > 0 {
        return Ok(());
    }
    Err(LedgerError::Amount { kind, amount, want: "above zero" })
}

pub(super) fn pair(
    kind: TxnKind,
    key: IdemKey,
    effective_at_ms: i64,
    customer: &CustomerId,
    amount: Money,
    against: LedgerAccount,
) -> Result<Txn, LedgerError> {
    let customer = LedgerAccount::Customer(customer.clone());
    let other =
        amount.checked_neg().ok_or_else(|| LedgerError::Overflow { kind, account: against.clone() })?;
    let entries = vec![Entry { account: customer, amount }, Entry { account: against, amount: other }];
    Txn::new(kind, Some(key), effective_at_ms, entries)
}

/// Who bears a charge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Payer {
    /// The account's customer, who owes it to the company.
    Customer(CustomerId),
    /// A reseller's customer, who owes it to the reseller.
    Resold {
        /// The account's customer.
        customer: CustomerId,
        /// Whose customer that is.
        reseller: CustomerId,
    },
    /// Nobody any more: usage that arrived after the deletion.
    BadDebt,
}

/// Charges of many hours and customers on the way into one transaction, in which each customer and each meter has one
/// entry. The lines themselves are stored beside it, by their own unique key.
#[derive(Clone, Debug, Default)]
pub struct ChargeBatch {
    payers: BTreeMap<LedgerAccount, i128>,
    revenue: BTreeMap<LedgerAccount, i128>,
}

impl ChargeBatch {
    /// Adds the lines of one rated hour.
    pub fn add(&mut self, payer: &Payer, lines: &[Line]) {
        self.book(payer, lines.iter().map(|line| (Item::Meter(line.meter), line.amount)));
    }

    /// Adds a base fee.
    pub fn add_base(&mut self, payer: &Payer, fee: Money) {
        self.book(payer, [(Item::Base, fee)]);
    }

    fn book(&mut self, payer: &Payer, items: impl IntoIterator<Item = (Item, Money)>) {
        let (payer, reseller) = match payer {
            Payer::Customer(id) => (LedgerAccount::Customer(id.clone()), None),
            Payer::Resold { customer, reseller } => {
                (LedgerAccount::Customer(customer.clone()), Some(LedgerAccount::Reseller(reseller.clone())))
            }
            Payer::BadDebt => (LedgerAccount::BadDebt, None),
        };
        let owed = self.payers.entry(payer).or_default();
        for (item, amount) in items {
            let amount = i128::from(amount.micros());
            // 2^64 items would be needed to reach the end.
            *owed = owed.saturating_sub(amount);
            let account = reseller.clone().unwrap_or(LedgerAccount::Revenue(item));
            let earned = self.revenue.entry(account).or_default();
            *earned = earned.saturating_add(amount);
        }
    }

    /// Entries that the transaction would have at most: the caller stops adding before the limit.
    pub fn entries(&self) -> usize {
        self.payers.len().saturating_add(self.revenue.len())
    }

    /// The transaction, or `None` where nothing costs anything. It has no key of its own: each charge has one.
    pub fn finish(self, effective_at_ms: i64) -> Result<Option<Txn>, LedgerError> {
        let kind = TxnKind::Charge;
        let mut entries = Vec::with_capacity(self.entries());
        for (account, sum) in self.payers.into_iter().chain(self.revenue).filter(|(_, sum)| *sum != 0) {
            let micros =
                i64::try_from(sum).map_err(|_| LedgerError::Overflow { kind, account: account.clone() })?;
            entries.push(Entry { account, amount: Money::from_micros(micros) });
        }
        if entries.is_empty() {
            return Ok(None);
        }
        Txn::new(kind, None, effective_at_ms, entries).map(Some)
    }
}
