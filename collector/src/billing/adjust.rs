//! What staff books without money: corrections, promotions, debts given up. Each has a reason and an actor, which are
//! kept for ever, and happens once for its key.

use super::customers::Customer;
use super::error::BillingError;
use super::ledger;
use super::resellers;
use super::topup::{Asked, Outcome, book, check_key};
use crate::db::{Connection, Transaction};
use crate::limits::REASON_MAX_CHARS;
use hostmeter_core::ledger::{LedgerAccount, PaymentRef, TxnKind, adjustment, promo, write_off};
use hostmeter_core::money::Money;
use hostmeter_core::wire::key::{hex, sha256};

/// What is to be booked.
#[derive(Clone, Debug)]
pub struct Adjustment<'a> {
    /// `adjustment`, `promo` or `write-off`.
    pub kind: TxnKind,
    /// By how much the balance changes; a promotion and a write-off are above zero.
    pub amount: Money,
    /// Where a correction comes from: `promo`, `referral`, `bad-debt` or `revenue:METER`.
    pub against: LedgerAccount,
    /// Why.
    pub reason: &'a str,
}

/// Books what staff asked for. Without a key of its own it always is a new one.
pub fn adjust(
    tx: &Transaction<'_>,
    customer: &Customer,
    asked: &Adjustment<'_>,
    key: Option<&str>,
    actor: &str,
    now_ms: i64,
) -> Result<Outcome, BillingError> {
    check_reason(asked.reason)?;
    let reference = match key {
        Some(key) => {
            check_key(key)?;
            // Spaces are fine in a key, not in a reference: its digest stands in.
            hex(&sha256(key.as_bytes()))
        }
        None => format!("auto-{}", next_txn(tx)?),
    };
    let reference =
        PaymentRef::parse(&reference).map_err(|e| BillingError::invalid("idempotency_key", e.to_string()))?;
    let (id, amount) = (&customer.id, asked.amount);
    let txn = match asked.kind {
        TxnKind::Adjustment => adjustment(id, amount, asked.against.clone(), &reference, now_ms)?,
        TxnKind::Promo => promo(id, amount, &reference, now_ms)?,
        TxnKind::WriteOff => write_off(id, amount, &reference, now_ms)?,
        other => {
            let why = format!("`kind` {other} is not booked by hand; use adjustment, promo or write-off");
            return Err(BillingError::invalid("adjustment_kind", why));
        }
    };
    let txn = resellers::own(tx, customer, txn, now_ms)?;
    let own = format!("adjustment/{reference}");
    let movement = Asked { txn: &txn, key: key.unwrap_or(&own), actor, reason: asked.reason, reverses: None };
    let allowed = || match asked.kind {
        TxnKind::WriteOff => within_debt(tx, customer, amount),
        _ => Ok(()),
    };
    book(tx, customer, &movement, allowed, now_ms)
}

/// A reason that is kept for ever: 1 to [`REASON_MAX_CHARS`] characters without control characters.
pub(super) fn check_reason(reason: &str) -> Result<(), BillingError> {
    let chars = reason.chars().count();
    if reason.trim().is_empty() || chars > REASON_MAX_CHARS || reason.chars().any(char::is_control) {
        let why = format!(
            "`reason` has {chars} characters; 1 to {REASON_MAX_CHARS} without control characters are needed: it is kept for ever"
        );
        return Err(BillingError::invalid("reason", why));
    }
    Ok(())
}

/// No more is given up than is owed: a write-off makes no credit.
fn within_debt(conn: &Connection, customer: &Customer, amount: Money) -> Result<(), BillingError> {
    let owed = ledger::balance(conn, &customer.id)?.checked_neg().unwrap_or(Money::MAX);
    if amount <= owed {
        return Ok(());
    }
    let owed = owed.max(Money::ZERO);
    let why = format!("{amount} cannot be written off: customer {} owes {owed}", customer.id);
    Err(BillingError::conflict("not_owed", why))
}

fn next_txn(conn: &Connection) -> Result<i64, BillingError> {
    let mut stmt = conn.prepare_cached("SELECT COALESCE(MAX(id), 0) + 1 FROM txn")?;
    Ok(stmt.query_row([], |r| r.get(0))?)
}
