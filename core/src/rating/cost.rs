//! The exact cost of a month's quantity.

use crate::money::Money;
use crate::plan::Price;
use std::cmp::Ordering;

/// An exact amount in micro-units: a whole part and a fraction `part / scale` below 1.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    whole: i128,
    part: i128,
    scale: i64,
}

impl Cost {
    /// Whole micro-units, rounded down. `None` if they do not fit an amount.
    pub fn floor(self) -> Option<Money> {
        i64::try_from(self.whole).ok().map(Money::from_micros)
    }

    /// The exact value as `(numerator, denominator)` in micro-units, if it fits.
    pub fn fraction(self) -> Option<(i128, i128)> {
        let scale = i128::from(self.scale);
        Some((self.whole.checked_mul(scale)?.checked_add(self.part)?, scale))
    }

    /// Whether nothing is cut off by rounding down.
    pub const fn is_whole(self) -> bool {
        self.part == 0
    }

    /// Compares two costs under the same price. `None` under different ones, which have no common denominator here.
    pub fn compare(self, other: Self) -> Option<Ordering> {
        (self.scale == other.scale).then(|| (self.whole, self.part).cmp(&(other.whole, other.part)))
    }
}

/// `F(q)`: what the month's cumulative quantity `q` (base units) costs exactly. Units below the free allowance cost
/// nothing, whichever tier they lie in; then each unit costs its tier's price; then the cap holds. `None` for `q`
/// below zero, or if a sum does not fit.
pub fn cost(price: &Price, q: i64) -> Option<Cost> {
    if q < 0 {
        return None;
    }
    let scale = i128::from(price.scale());
    let (mut whole, mut part, mut start) = (0_i128, 0_i128, 0_i64);
    for tier in price.tiers() {
        let end = tier.up_to.map_or(q, |up_to| up_to.min(q));
        let units = end.saturating_sub(start.max(price.free())).max(0);
        // Below 2^126: two values of 63 bits.
        let exact = i128::from(units).checked_mul(i128::from(tier.amount.micros()))?;
        let per = i128::from(tier.per);
        whole = whole.checked_add(exact.checked_div(per)?)?;
        // The remainder is below `per`, so in parts of `scale` it is below `scale`.
        let parts = exact.checked_rem(per)?.checked_mul(scale.checked_div(per)?)?;
        part = part.checked_add(parts)?;
        start = tier.up_to.unwrap_or(q);
    }
    whole = whole.checked_add(part.checked_div(scale)?)?;
    part = part.checked_rem(scale)?;
    if let Some(cap) = price.monthly_cap().map(|cap| i128::from(cap.micros())).filter(|cap| whole >= *cap) {
        (whole, part) = (cap, 0);
    }
    Some(Cost { whole, part, scale: price.scale() })
}
