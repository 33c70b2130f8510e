//! What a reseller pays for what the accounts of its customers use: the same hour, rated by the reseller's own plan, in
//! the same transaction as what the customer pays. Months are the reseller's, and count on where an account goes from one
//! of its customers to another, or to the reseller itself.

use super::block::Months;
use super::put_digest;
use super::rate::{OpenHour, RatedHour, rate_wholesale};
use crate::billing::error::BillingError;
use crate::billing::pack::encode_values;
use crate::billing::rates::{Payer, Price, Rates};
use crate::billing::statement;
use crate::db::{Transaction, params};
use hostmeter_core::ledger::{ChargeBatch, Payer as LedgerPayer};
use hostmeter_core::meter::Values;
use hostmeter_core::units::UtcHour;
use std::rc::Rc;

/// A reseller's charge on its way into the ledger.
pub(super) struct Resold {
    pub(super) payer: Rc<Payer>,
    pub(super) price: Price,
    billing: i64,
    rated: RatedHour,
    blob: Vec<u8>,
}

impl Resold {
    /// What the reseller pays: for what came after the deletion nobody does.
    pub(super) const fn paid(&self, bad_debt: bool) -> i64 {
        if bad_debt { 0 } else { self.rated.amount }
    }

    fn books(&self) -> bool {
        self.rated.lines.iter().any(|l| !l.amount.is_zero())
    }
}

/// Account, whether it was deleted, and the reseller's charge.
pub(super) type Of<'a> = (i64, bool, &'a Resold);

/// Rates an open hour for the reseller in that row.
pub(super) fn draft(
    tx: &Transaction<'_>,
    rates: &mut Rates,
    open: &OpenHour,
    reseller: i64,
    months: &mut Months,
) -> Result<Resold, BillingError> {
    let payer = rates.payer(tx, reseller)?;
    let price = rates.price(tx, &payer, open.hour)?;
    let key = price.version.as_ref().map(|v| (open.billing, reseller, price.month, v.row));
    let month = key.map_or_else(|| Ok(Values::new()), |key| months.so_far(tx, key))?;
    let rated = rate_wholesale(tx, open, &price, &month)?;
    if let Some(key) = key {
        months.note(key, &rated.month);
    }
    let blob = rated.packed.encode();
    Ok(Resold { payer, price, billing: open.billing, rated, blob })
}

/// Adds the charges to the entries and to what the hash covers.
pub(super) fn put(batch: &mut ChargeBatch, digest: &mut Vec<u8>, hour: UtcHour, resold: &[Of<'_>]) {
    for (account, bad_debt, r) in resold.iter().filter(|(_, _, r)| r.books()) {
        let payer = match bad_debt {
            true => LedgerPayer::BadDebt,
            false => LedgerPayer::Customer(r.payer.customer.id.clone()),
        };
        batch.add(&payer, &r.rated.lines);
        digest.extend_from_slice(WHOLESALE);
        put_digest(digest, *account, hour, r.rated.rev, r.payer.customer.row, r.paid(*bad_debt), &r.blob);
    }
}

/// Stands before a reseller's charge in what a transaction's hash covers.
pub(in crate::billing) const WHOLESALE: &[u8] = b"wholesale";

/// Writes the charges and the months' quantities.
pub(super) fn store(
    tx: &Transaction<'_>,
    hour: UtcHour,
    resold: &[Of<'_>],
    txn: Option<i64>,
    closed: statement::Closed,
) -> Result<(), BillingError> {
    for (account, bad_debt, r) in resold.iter().filter(|(_, _, r)| !r.rated.packed.lines.is_empty()) {
        let reseller = r.payer.customer.row;
        let (rev, txn) = (r.rated.rev, txn.filter(|_| r.books()));
        tx.prepare_cached(
            "INSERT INTO wholesale (account, hour, rev, txn, reseller, amount, lines) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        )?
        .execute(params![account, hour.0, rev, txn, reseller, r.paid(*bad_debt), r.blob])?;
        statement::Posting::Wholesale.note_late(tx, closed, reseller, *account, (hour, rev))?;
        if let Some(version) = &r.price.version {
            tx.prepare_cached(
                "INSERT INTO rated (account, customer, month, version, quantities) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (account, customer, month, version) DO UPDATE SET quantities = excluded.quantities",
            )?
            .execute(params![r.billing, reseller, r.price.month, version.row, encode_values(&r.rated.month)])?;
        }
    }
    Ok(())
}
