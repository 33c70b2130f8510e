//! The tax of a statement: broken out of its charges by meter.

use super::body::{ChargeSum, CorrectionSum, Tax, TaxLine};
use crate::billing::error::BillingError;
use hostmeter_core::ledger::{Ppm, tax_in};
use hostmeter_core::money::Money;
use hostmeter_core::rating::Item;
use std::collections::BTreeMap;

pub(super) fn break_out(
    name: &str,
    rate: Ppm,
    charges: &[ChargeSum],
    corrections: &[CorrectionSum],
    untaxed: &BTreeMap<Item, i64>,
) -> Result<Tax, BillingError> {
    let bad = || BillingError::damaged("statement", "the sum of its charges does not fit");
    let mut by_meter: BTreeMap<Item, i64> = BTreeMap::new();
    let all = charges.iter().map(|c| (c.meter, c.amount));
    for (meter, amount) in all.chain(corrections.iter().map(|c| (c.meter, c.amount))) {
        let sum = by_meter.entry(meter).or_default();
        *sum = sum.checked_add(amount.micros()).ok_or_else(bad)?;
    }
    // A reseller's revenue: its tax is its own business.
    for (meter, amount) in untaxed {
        let sum = by_meter.entry(*meter).or_default();
        *sum = sum.checked_sub(*amount).ok_or_else(bad)?;
    }
    by_meter.retain(|_, sum| *sum != 0);
    let gross: Vec<Money> = by_meter.values().copied().map(Money::from_micros).collect();
    let taxes = tax_in(&gross, rate).ok_or_else(bad)?;
    let mut lines = Vec::with_capacity(gross.len());
    for ((meter, gross), tax) in by_meter.keys().zip(gross).zip(taxes) {
        let net = gross.checked_sub(tax).ok_or_else(bad)?;
        lines.push(TaxLine { meter: *meter, gross, net, tax });
    }
    let sum = |of: fn(&TaxLine) -> Money| Money::checked_sum(lines.iter().map(of)).ok_or_else(bad);
    Ok(Tax {
        name: name.to_owned(),
        percent: rate.to_string(),
        gross: sum(|l| l.gross)?,
        net: sum(|l| l.net)?,
        tax: sum(|l| l.tax)?,
        lines,
    })
}
