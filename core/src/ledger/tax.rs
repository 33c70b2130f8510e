//! Tax that prices contain: broken out of gross amounts, to the micro-unit.

use crate::money::Money;
use std::cmp::Reverse;

/// A rate in millionths of the net amount: 21 % is 210,000.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ppm(u32);

/// A text that is no percentage.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be a percentage from 0 to {max} with up to 4 decimals, like \"21\" or \"7.7\"")]
pub struct PercentError {
    /// The highest that is allowed.
    pub max: u32,
}

/// One percent.
const PERCENT: u32 = 10_000;

impl Ppm {
    /// Reads a percentage such as `21` or `7.7`, up to `max` percent.
    pub fn parse_percent(text: &str, max: u32) -> Result<Self, PercentError> {
        let bad = || PercentError { max };
        let (whole, decimals) = text.split_once('.').unwrap_or((text, "0"));
        let digits =
            |t: &str, most: usize| !t.is_empty() && t.len() <= most && t.bytes().all(|b| b.is_ascii_digit());
        if !digits(whole, 3) || !digits(decimals, 4) {
            return Err(bad());
        }
        let whole: u32 = whole.parse().map_err(|_| bad())?;
        let decimals: u32 = format!("{decimals:0<4}").parse().map_err(|_| bad())?;
        let ppm = whole.checked_mul(PERCENT).and_then(|w| w.checked_add(decimals)).ok_or_else(bad)?;
        if ppm > max.saturating_mul(PERCENT) { Err(bad()) } else { Ok(Self(ppm)) }
    }

    /// So many millionths.
    pub const fn from_ppm(ppm: u32) -> Self {
        Self(ppm)
    }

    /// The millionths.
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// Whether it is none.
    pub const fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The share of an amount, rounded down: what a referrer gets.
    pub fn share_of(self, amount: Money) -> Option<Money> {
        let exact = i128::from(amount.micros()).checked_mul(i128::from(self.0))?;
        i64::try_from(exact.div_euclid(1_000_000)).ok().map(Money::from_micros)
    }
}

impl std::fmt::Display for Ppm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (whole, rest) = (self.0.div_euclid(PERCENT), self.0.rem_euclid(PERCENT));
        if rest == 0 {
            return write!(f, "{whole}");
        }
        write!(f, "{whole}.{}", format!("{rest:04}").trim_end_matches('0'))
    }
}

/// The tax in each of some gross amounts. Together they are the tax in the sum, rounded half to even to a micro-unit;
/// each is its exact share rounded down, and the units left over go to the largest remainders, the first one where
/// they are equal. `None` if a sum does not fit.
pub fn tax_in(gross: &[Money], rate: Ppm) -> Option<Vec<Money>> {
    let (num, den) = (i128::from(rate.0), 1_000_000_i128.checked_add(i128::from(rate.0))?);
    let sum = gross.iter().try_fold(0_i128, |sum, g| sum.checked_add(i128::from(g.micros())))?;
    let total = half_even(sum.checked_mul(num)?, den)?;
    let mut shares = Vec::with_capacity(gross.len());
    let mut left = total;
    for (at, g) in gross.iter().enumerate() {
        let exact = i128::from(g.micros()).checked_mul(num)?;
        let floor = exact.div_euclid(den);
        left = left.checked_sub(floor)?;
        shares.push((at, floor, exact.rem_euclid(den)));
    }
    // At most one unit for each: the exact shares add up to the exact total.
    shares.sort_by_key(|(at, _, rest)| (Reverse(*rest), *at));
    for (_, share, _) in shares.iter_mut().take(usize::try_from(left).ok()?) {
        *share = share.checked_add(1)?;
    }
    shares.sort_by_key(|(at, _, _)| *at);
    shares.into_iter().map(|(_, share, _)| i64::try_from(share).ok().map(Money::from_micros)).collect()
}

/// `num / den` with `den` above zero, rounded half to even.
fn half_even(num: i128, den: i128) -> Option<i128> {
    let (floor, rest) = (num.div_euclid(den), num.rem_euclid(den));
    let up = match rest.checked_mul(2)?.cmp(&den) {
        std::cmp::Ordering::Less => false,
        std::cmp::Ordering::Greater => true,
        std::cmp::Ordering::Equal => floor.rem_euclid(2) == 1,
    };
    if up { floor.checked_add(1) } else { Some(floor) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn percentages() {
        let check = |text: &str, want: Option<(u32, &str)>| {
            let got = Ppm::parse_percent(text, 100).ok();
            assert_eq!(got.map(|p| (p.ppm(), p.to_string())), want.map(|(p, t)| (p, t.to_owned())), "{text}");
        };
        check("21", Some((210_000, "21")));
        check("7.7", Some((77_000, "7.7")));
        check("0.0001", Some((1, "0.0001")));
        check("100", Some((1_000_000, "100")));
        check("100.0001", None);
        check("7.77777", None);
        for bad in ["", "-1", "1,5", "1e1", ".5", "5.", "+5", "1000"] {
            check(bad, None);
        }
    }

    #[test]
    fn tax_in_plain_amounts() {
        let check = |gross: &[i64], percent: &str, want: &[i64]| {
            let gross: Vec<Money> = gross.iter().copied().map(Money::from_micros).collect();
            let got = tax_in(&gross, Ppm::parse_percent(percent, 100).unwrap()).unwrap();
            assert_eq!(got.iter().map(|m| m.micros()).collect::<Vec<_>>(), want, "{gross:?} {percent}");
        };
        check(&[121], "21", &[21]);
        check(&[], "21", &[]);
        check(&[5, 0], "0", &[0, 0]);
        // 3 × 10/11 µ: 2.727… is 3, one unit short of the three floors of 0 each.
        check(&[10, 10, 10], "10", &[1, 1, 1]);
        check(&[1, 1, 1, 1, 1, 1], "21", &[1, 0, 0, 0, 0, 0]);
        check(&[100, -50], "25", &[20, -10]);
    }

    #[test]
    fn shares_are_rounded_down() {
        let check = |micros: i64, percent: &str, want: i64| {
            let got = Ppm::parse_percent(percent, 100).unwrap().share_of(Money::from_micros(micros));
            assert_eq!(got, Some(Money::from_micros(want)));
        };
        check(10_000_000, "5", 500_000);
        check(19, "5", 0);
        check(20, "5", 1);
        check(i64::MAX, "100", i64::MAX);
    }

    proptest! {
        #[test]
        fn lines_add_up_and_none_is_a_unit_off(
            gross in proptest::collection::vec(-1_000_000_i64..100_000_000, 0..20), ppm in 0_u32..1_000_000,
        ) {
            let money: Vec<Money> = gross.iter().copied().map(Money::from_micros).collect();
            let lines = tax_in(&money, Ppm::from_ppm(ppm)).unwrap();
            let (num, den) = (i128::from(ppm), 1_000_000 + i128::from(ppm));
            let sum: i128 = lines.iter().map(|m| i128::from(m.micros())).sum();
            let exact = gross.iter().map(|g| i128::from(*g)).sum::<i128>() * num;
            prop_assert!((sum * den - exact).abs() * 2 <= den);
            for (line, g) in lines.iter().zip(&gross) {
                let off = i128::from(line.micros()) * den - i128::from(*g) * num;
                prop_assert!(off.abs() < den, "{line} of {g}");
            }
        }
    }
}
