//! Double-entry rules: accounts of the ledger, transactions that sum to zero, keys that make a posting happen once,
//! and the bytes that chain them.
//!
//! **Signs.** An amount is a credit if above zero, a debit if below. A customer's balance is the sum of the entries of
//! `customer:ID`: above zero is prepaid credit, below zero is owed. So
//! - a top-up of 10 books `customer:c-1` +10 and `cash:manual` −10 (money held is a debit);
//! - a charge of 0.5 books `customer:c-1` −0.5 and `revenue:cpu_usec` +0.5;
//! - a refund of 4 books `customer:c-1` −4 and `cash:manual` +4;
//! - an adjustment of ±2 books `customer:c-1` ±2 and its source, for example `promo`, ∓2;
//! - a promotion or a referrer's share of 1 books `customer:c-1` +1 and `promo` or `referral` −1;
//! - a write-off of 3 owed books `customer:c-1` +3 and `bad-debt` −3;
//! - a charge of 0.5 to a customer of reseller `r-1` books `customer:c-1` −0.5 and `reseller:r-1` +0.5; what that
//!   usage costs the reseller, say 0.2, books `customer:r-1` −0.2 and `revenue:cpu_usec` +0.2;
//! - tax of 0.1 in what a statement charges books `revenue:cpu_usec` −0.1 and `tax` +0.1.

mod account;
mod build;
mod chain;
mod give;
mod key;
mod pots;
mod resold;
mod tax;

pub use account::{Gateway, LedgerAccount, LedgerNameError};
pub use build::{ChargeBatch, Payer, adjustment, refund, topup};
pub use chain::{GENESIS, chain_hash};
pub use give::{promo, referral, referral_back, tax, write_off};
pub use key::{IdemKey, KeyError, PaymentRef};
pub use pots::Pots;
pub use tax::{PercentError, Ppm, tax_in};

use crate::limits::TXN_ENTRIES_MAX;
use crate::money::Money;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// What a transaction is, as the API names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TxnKind {
    /// Usage of closed hours.
    Charge,
    /// Money in.
    Topup,
    /// A correction by staff.
    Adjustment,
    /// Money back out.
    Refund,
    /// Credit given for nothing.
    Promo,
    /// A referrer's share.
    Referral,
    /// Tax broken out.
    Tax,
    /// A debt given up.
    WriteOff,
}

impl TxnKind {
    /// Every kind.
    pub const ALL: &'static [Self] = &[
        Self::Charge,
        Self::Topup,
        Self::Adjustment,
        Self::Refund,
        Self::Promo,
        Self::Referral,
        Self::Tax,
        Self::WriteOff,
    ];

    /// The name in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Charge => "charge",
            Self::Topup => "topup",
            Self::Adjustment => "adjustment",
            Self::Refund => "refund",
            Self::Promo => "promo",
            Self::Referral => "referral",
            Self::Tax => "tax",
            Self::WriteOff => "write-off",
        }
    }

    /// The kind of that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|k| k.as_str() == name)
    }
}

impl fmt::Display for TxnKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One side of a transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Whose.
    pub account: LedgerAccount,
    /// Credit above zero, debit below; never zero.
    pub amount: Money,
}

/// A balanced transaction. Only [`Txn::new`] makes one, so that its rules always hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Txn {
    kind: TxnKind,
    idem_key: Option<IdemKey>,
    effective_at_ms: i64,
    entries: Vec<Entry>,
}

/// Why entries make no transaction, or none can be built. Nothing may be posted then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// One entry or none.
    #[error("{kind} with {n} entries: double entry needs 2 or more")]
    TooFew {
        /// The kind.
        kind: TxnKind,
        /// How many entries.
        n: usize,
    },
    /// More entries than one transaction may have.
    #[error("{kind} with {n} entries: at most {TXN_ENTRIES_MAX} fit one transaction; post it in parts")]
    TooMany {
        /// The kind.
        kind: TxnKind,
        /// How many entries.
        n: usize,
    },
    /// An entry of nothing.
    #[error("{kind} has an entry of zero on {account}; leave it out")]
    Zero {
        /// The kind.
        kind: TxnKind,
        /// The entry's account.
        account: LedgerAccount,
    },
    /// Two entries of one account.
    #[error("{kind} has two entries on {account}; add them up into one")]
    Twice {
        /// The kind.
        kind: TxnKind,
        /// The account.
        account: LedgerAccount,
    },
    /// The entries do not cancel out.
    #[error("{kind} does not balance: its entries sum to {sum} micro-units instead of 0")]
    Unbalanced {
        /// The kind.
        kind: TxnKind,
        /// The sum in micro-units.
        sum: i128,
    },
    /// A sum beyond an amount's range.
    #[error("{kind} overflows on {account}; the range of an amount is {min} to {max}", min = Money::MIN, max = Money::MAX)]
    Overflow {
        /// The kind.
        kind: TxnKind,
        /// The account whose sum does not fit.
        account: LedgerAccount,
    },
    /// An amount with the wrong sign for its kind.
    #[error("{kind} of {amount}: the amount must be {want}")]
    Amount {
        /// The kind.
        kind: TxnKind,
        /// The amount given.
        amount: Money,
        /// What it must be.
        want: &'static str,
    },
    /// An account that this kind must not touch.
    #[error("{kind} cannot be booked against {account}; use {want}")]
    Against {
        /// The kind.
        kind: TxnKind,
        /// The account given.
        account: LedgerAccount,
        /// Which are allowed.
        want: &'static str,
    },
}

impl Txn {
    /// Checks the rules of double entry: two or more entries, none of zero, one per account, sum zero. The entries
    /// are kept in the order of their accounts.
    pub fn new(
        kind: TxnKind,
        idem_key: Option<IdemKey>,
        effective_at_ms: i64,
        mut entries: Vec<Entry>,
    ) -> Result<Self, LedgerError> {
        let n = entries.len();
        if n < 2 {
            return Err(LedgerError::TooFew { kind, n });
        }
        if n > TXN_ENTRIES_MAX {
            return Err(LedgerError::TooMany { kind, n });
        }
        entries.sort_by(|a, b| a.account.cmp(&b.account));
        if let Some(zero) = entries.iter().find(|e| e.amount.is_zero()) {
            return Err(LedgerError::Zero { kind, account: zero.account.clone() });
        }
        let twice = entries.iter().zip(entries.iter().skip(1)).find(|(a, b)| a.account == b.account);
        if let Some((entry, _)) = twice {
            return Err(LedgerError::Twice { kind, account: entry.account.clone() });
        }
        // At most 2^12 amounts below 2^63: fits.
        let sum = entries.iter().fold(0_i128, |sum, e| sum.saturating_add(i128::from(e.amount.micros())));
        if sum != 0 {
            return Err(LedgerError::Unbalanced { kind, sum });
        }
        Ok(Self { kind, idem_key, effective_at_ms, entries })
    }

    /// What it is.
    pub const fn kind(&self) -> TxnKind {
        self.kind
    }

    /// The key by which it happens once; charges have their own unique key (account, hour, revision) instead.
    pub const fn idem_key(&self) -> Option<&IdemKey> {
        self.idem_key.as_ref()
    }

    /// When it takes effect, in milliseconds since the epoch.
    pub const fn effective_at_ms(&self) -> i64 {
        self.effective_at_ms
    }

    /// The entries in the order of their accounts.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// What it books on an account.
    pub fn amount_on(&self, account: &LedgerAccount) -> Option<Money> {
        self.entries.iter().find(|e| e.account == *account).map(|e| e.amount)
    }
}

/// Adds a transaction to balances. Nothing is changed on an error.
pub fn apply(balances: &mut BTreeMap<LedgerAccount, Money>, txn: &Txn) -> Result<(), LedgerError> {
    let mut sums = Vec::with_capacity(txn.entries.len());
    for entry in &txn.entries {
        let before = balances.get(&entry.account).copied().unwrap_or_default();
        let sum = before
            .checked_add(entry.amount)
            .ok_or_else(|| LedgerError::Overflow { kind: txn.kind, account: entry.account.clone() })?;
        sums.push((entry.account.clone(), sum));
    }
    balances.extend(sums);
    Ok(())
}

#[cfg(test)]
mod tests;
