//! The price of one meter: exact fractions, free allowance, graduated tiers, monthly cap.

use super::fault::{Faults, PlanFault};
use crate::limits::TIERS_MAX;
use crate::meter::Meter;
use crate::money::Money;
use serde::Serialize;

/// A stretch of the month's quantity with one price per unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tier {
    /// The tier ends here, counted from the month's first unit (the free ones included). `None`: it has no end.
    pub up_to: Option<i64>,
    /// What `per` base units cost.
    pub amount: Money,
    /// Base units that `amount` pays for; at least 1.
    pub per: i64,
}

/// What a meter costs in a month. Only [`Price::new`] makes one, so that its rules always hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Price {
    free: i64,
    tiers: Vec<Tier>,
    monthly_cap: Option<Money>,
    scale: i64,
}

impl Price {
    /// A price of one amount per `per` base units.
    pub fn per_unit(amount: Money, per: i64) -> Result<Self, Vec<PlanFault>> {
        Self::new(0, vec![Tier { up_to: None, amount, per }], None)
    }

    /// Checks the rules: nothing negative, `per` at least 1, tiers that rise and of which only the last has no end,
    /// and a common multiple of all `per` that fits 63 bits (so that every sum is exact). The faults' keys are
    /// relative to the price.
    pub fn new(free: i64, tiers: Vec<Tier>, monthly_cap: Option<Money>) -> Result<Self, Vec<PlanFault>> {
        let mut faults = Faults::default();
        if free < 0 {
            faults.add("free", free, "the free allowance is a whole number of base units, 0 or more");
        }
        if let Some(cap) = monthly_cap.filter(|c| c.is_negative()) {
            faults.add("monthly_cap", cap, "a cap is 0 or more");
        }
        check_tiers(&tiers, &mut faults);
        let scale = common_multiple(tiers.iter().map(|t| t.per));
        if scale.is_none() {
            let want =
                "the `per` of the tiers have no common multiple below 2^63; use the same `per` in each";
            faults.add("tiers", "", want);
        }
        let faults = faults.into_vec();
        match scale {
            Some(scale) if faults.is_empty() => Ok(Self { free, tiers, monthly_cap, scale }),
            _ => Err(faults),
        }
    }

    /// Base units a month that cost nothing.
    pub const fn free(&self) -> i64 {
        self.free
    }

    /// The tiers, lowest first; at least one, and only the last has no end.
    pub fn tiers(&self) -> &[Tier] {
        &self.tiers
    }

    /// The most that the meter costs in a month.
    pub const fn monthly_cap(&self) -> Option<Money> {
        self.monthly_cap
    }

    /// A common multiple of every tier's `per`: the denominator of exact costs.
    pub const fn scale(&self) -> i64 {
        self.scale
    }

    /// Whether the price is a plain amount per unit.
    pub fn is_linear(&self) -> bool {
        self.free == 0 && self.tiers.len() == 1 && self.monthly_cap.is_none()
    }

    pub(super) fn to_text(&self, meter: Meter) -> PriceText {
        let (plain, tiers) = match self.tiers.as_slice() {
            [only] => (Some(TierText::new(only)), None),
            tiers => (None, Some(tiers.iter().map(TierText::new).collect())),
        };
        PriceText {
            meter,
            plain,
            tiers,
            free: (self.free != 0).then(|| self.free.to_string()),
            monthly_cap: self.monthly_cap,
        }
    }
}

/// A price as a plan file writes it. The order of the fields is part of the canonical text.
#[derive(Serialize)]
pub(super) struct PriceText {
    meter: Meter,
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    plain: Option<TierText>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tiers: Option<Vec<TierText>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    free: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    monthly_cap: Option<Money>,
}

#[derive(Serialize)]
struct TierText {
    #[serde(skip_serializing_if = "Option::is_none")]
    up_to: Option<String>,
    amount: Money,
    per: String,
}

impl TierText {
    fn new(tier: &Tier) -> Self {
        Self { up_to: tier.up_to.map(|n| n.to_string()), amount: tier.amount, per: tier.per.to_string() }
    }
}

fn check_tiers(tiers: &[Tier], faults: &mut Faults) {
    if tiers.is_empty() || tiers.len() > TIERS_MAX {
        faults.add("tiers", tiers.len(), format!("a price has 1 to {TIERS_MAX} tiers"));
    }
    // A single tier is written as plain `amount` and `per`.
    let key = |i: usize, field: &str| match tiers.len() {
        1 => field.to_owned(),
        _ => format!("tiers[{i}].{field}"),
    };
    let mut before = 0;
    for (i, tier) in tiers.iter().enumerate() {
        if tier.amount.is_negative() {
            faults.add(&key(i, "amount"), tier.amount, "a price is 0 or more");
        }
        if tier.per < 1 {
            faults.add(&key(i, "per"), tier.per, "`per` is a whole number of base units, 1 or more");
        }
        let last = i.saturating_add(1) == tiers.len();
        match tier.up_to {
            Some(end) if last => {
                faults.add(
                    &key(i, "up_to"),
                    end,
                    "the last tier has no `up_to`, so that every quantity has a price",
                );
            }
            Some(end) if end <= before => {
                faults.add(
                    &key(i, "up_to"),
                    end,
                    format!("`up_to` is cumulative: it must be above {before}"),
                );
            }
            Some(end) => before = end,
            None if last => {}
            None => faults.add(&key(i, "up_to"), "", "is missing; only the last tier has no end"),
        }
    }
}

/// The least common multiple, or `None` if it does not fit. Values below 1 are reported elsewhere and left out.
fn common_multiple(values: impl Iterator<Item = i64>) -> Option<i64> {
    values.filter(|v| *v > 0).try_fold(1_i64, |sum, v| {
        let (mut a, mut b) = (sum, v);
        while b != 0 {
            (a, b) = (b, a % b);
        }
        (sum / a).checked_mul(v)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn common_multiples() {
        let check = |values: &[i64], want: Option<i64>| {
            assert_eq!(common_multiple(values.iter().copied()), want, "{values:?}");
        };
        check(&[], Some(1));
        check(&[4, 6], Some(12));
        check(&[3_600_000_000, 3_600_000_000], Some(3_600_000_000));
        check(&[i64::MAX, i64::MAX - 1], None);
        check(&[0, -5, 7], Some(7));
    }
}
