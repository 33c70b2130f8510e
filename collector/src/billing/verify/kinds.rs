//! What each kind of transaction may book, in the order in which they were recorded: refunds only of unspent money and
//! of their payment, write-offs only of a debt, referrals only of what is left of a payment.

use super::Report;
use crate::billing::error::BillingError;
use crate::db::Connection;
use hostmeter_core::ledger::{Entry, LedgerAccount, Pots, Ppm, Txn, TxnKind};
use hostmeter_core::money::Money;
use std::collections::HashMap;

/// A payment or a referrer's credit with what is left of it.
struct Left {
    customer: LedgerAccount,
    from: LedgerAccount,
    left: i64,
}

/// What stood before the transaction that is looked at.
#[derive(Default)]
pub(super) struct Kinds {
    pots: HashMap<LedgerAccount, Pots>,
    topups: HashMap<i64, Left>,
    referrals: HashMap<i64, Left>,
}

impl Kinds {
    /// Looks at a transaction and goes on to the state after it.
    pub(super) fn check(&mut self, id: i64, txn: &Txn, reverses: Option<i64>, report: &mut Report) {
        if let Err(why) = self.look(id, txn, reverses) {
            report.differs(format!("transaction {id}, {}: {why}", txn.kind()));
        }
        for entry in txn.entries().iter().filter(|e| matches!(e.account, LedgerAccount::Customer(_))) {
            self.pots.entry(entry.account.clone()).or_default().apply(txn.kind(), entry.amount);
        }
    }

    fn look(&mut self, id: i64, txn: &Txn, reverses: Option<i64>) -> Result<(), String> {
        match txn.kind() {
            TxnKind::Charge => none(reverses),
            TxnKind::Tax => {
                let fits = |e: &Entry| matches!(e.account, LedgerAccount::Tax | LedgerAccount::Revenue(_));
                if txn.entries().iter().all(fits) {
                    none(reverses)
                } else {
                    Err("it books more than tax".into())
                }
            }
            kind => {
                let (customer, other) = pair(txn)?;
                let amount = customer.amount.micros();
                if !may_book(kind, amount, &other.account) {
                    return Err(format!("it books {} against {}", customer.amount, other.account));
                }
                match kind {
                    TxnKind::Topup => {
                        none(reverses)?;
                        self.topups.insert(id, left(customer, other));
                        Ok(())
                    }
                    TxnKind::Refund => {
                        let cash = self.pots.get(&customer.account).map_or(Money::ZERO, Pots::cash);
                        if cash.micros() < amount.saturating_neg() {
                            return Err(format!(
                                "it pays out {amount} micro-units, of which {cash} was unspent money"
                            ));
                        }
                        take(&mut self.topups, reverses, customer, other)
                    }
                    TxnKind::Referral if amount < 0 => take(&mut self.referrals, reverses, customer, other),
                    TxnKind::Referral => {
                        none(reverses)?;
                        self.referrals.insert(id, left(customer, other));
                        Ok(())
                    }
                    TxnKind::WriteOff => {
                        let debt = self.pots.get(&customer.account).map_or(Money::ZERO, Pots::debt);
                        if debt.micros() < amount { Err(format!("{debt} was owed")) } else { none(reverses) }
                    }
                    _ => none(reverses),
                }
            }
        }
    }

    /// Referrers have the share of what is left of each payment.
    pub(super) fn referrals(&self, conn: &Connection, report: &mut Report) -> Result<(), BillingError> {
        let mut stmt =
            conn.prepare("SELECT topup, rate_ppm, credited FROM referral WHERE state <> 'waiting'")?;
        let mut rows = stmt.query([])?;
        let mut listed = 0_usize;
        while let Some(row) = rows.next()? {
            let (topup, rate, credited): (i64, u32, Option<i64>) = (row.get(0)?, row.get(1)?, row.get(2)?);
            listed = listed.saturating_add(usize::from(credited.is_some()));
            let has = credited.map(|c| self.referrals.get(&c).map(|r| r.left));
            let paid = self.topups.get(&topup).map(|t| Money::from_micros(t.left));
            let want = paid.and_then(|left| Ppm::from_ppm(rate).share_of(left)).map(Money::micros);
            if has.unwrap_or(Some(0)) != want {
                report.differs(format!(
                    "referral of transaction {topup}: the referrer has {has:?} micro-units of it, its share is {want:?}"
                ));
            }
        }
        if listed != self.referrals.len() {
            report.differs(format!(
                "{} referrals are in the ledger, {listed} are listed",
                self.referrals.len()
            ));
        }
        Ok(())
    }
}

fn none(reverses: Option<i64>) -> Result<(), String> {
    reverses.map_or(Ok(()), |r| Err(format!("it says that it gives back transaction {r}, which it cannot")))
}

fn left(customer: &Entry, other: &Entry) -> Left {
    Left { customer: customer.account.clone(), from: other.account.clone(), left: customer.amount.micros() }
}

/// The customer's entry and the other one.
fn pair(txn: &Txn) -> Result<(&Entry, &Entry), String> {
    let is_customer = |e: &&Entry| matches!(e.account, LedgerAccount::Customer(_));
    match txn.entries() {
        [a, b] if is_customer(&a) != is_customer(&b) => Ok(if is_customer(&a) { (a, b) } else { (b, a) }),
        _ => Err("it does not book between one customer and one other account".to_owned()),
    }
}

const fn may_book(kind: TxnKind, amount: i64, other: &LedgerAccount) -> bool {
    match (kind, other) {
        (TxnKind::Topup, LedgerAccount::Cash(_) | LedgerAccount::ResellerCash(_))
        | (TxnKind::Promo, LedgerAccount::Promo | LedgerAccount::Reseller(_))
        | (TxnKind::WriteOff, LedgerAccount::BadDebt | LedgerAccount::Reseller(_)) => amount > 0,
        (TxnKind::Refund, LedgerAccount::Cash(_) | LedgerAccount::ResellerCash(_)) => amount < 0,
        (TxnKind::Referral, LedgerAccount::Referral) => true,
        (
            TxnKind::Adjustment,
            LedgerAccount::Promo
            | LedgerAccount::Referral
            | LedgerAccount::BadDebt
            | LedgerAccount::Revenue(_)
            | LedgerAccount::Reseller(_),
        ) => true,
        _ => false,
    }
}

/// Takes what goes back from what it gives back.
fn take(
    from: &mut HashMap<i64, Left>,
    reverses: Option<i64>,
    customer: &Entry,
    other: &Entry,
) -> Result<(), String> {
    let named = reverses.and_then(|r| from.get_mut(&r));
    let Some(known) = named.filter(|l| l.customer == customer.account && l.from == other.account) else {
        return Err(format!("it gives back {reverses:?}, which is nothing of {}", customer.account));
    };
    known.left = known.left.saturating_add(customer.amount.micros());
    if known.left < 0 {
        return Err(format!("it gives back {} micro-units more than there was", known.left.saturating_neg()));
    }
    Ok(())
}
