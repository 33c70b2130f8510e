//! Axes: which unit, which ticks. Rates are integers in a thousandth of the base unit per second.

use crate::limits::MAX_TICKS;
use crate::number;
use crate::time::Clock;
use crate::view::{PointView, Quantity};

/// A rate in thousandths of the base unit per second, over the time really measured.
pub(super) fn rate_milli(point: PointView) -> Option<i64> {
    let value = i128::from(point.value?);
    let rate = value.checked_mul(1_000_000)?.checked_div(i128::from(point.measured_ms))?;
    i64::try_from(rate).ok()
}

/// The vertical axis: unit, limits and ticks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scale {
    /// Name of the unit, e.g. `MiB/s`.
    pub(super) unit: &'static str,
    /// Lowest and highest value, in rate thousandths.
    pub(super) min: i64,
    pub(super) max: i64,
    /// Tick values, in rate thousandths.
    pub(super) ticks: Vec<i64>,
    per_unit: i64,
    places: u32,
}

/// Units of a quantity as (size in rate thousandths, name), largest first, and the least height of the axis.
fn units(quantity: Quantity) -> (&'static [(i64, &'static str)], i64) {
    const K: i64 = 1_000;
    const B: i64 = 1_024;
    match quantity {
        Quantity::CpuUsec => (&[(1_000_000 * K, "cores"), (10_000 * K, "% of a core")], 50_000 * K),
        Quantity::KibSec => {
            (&[(B * B * B * K, "TiB"), (B * B * K, "GiB"), (B * K, "MiB"), (K, "KiB")], 4 * B * K)
        }
        Quantity::Bytes => {
            (&[(B * B * B * K, "GiB/s"), (B * B * K, "MiB/s"), (B * K, "KiB/s"), (K, "B/s")], B * K)
        }
        Quantity::Seconds => (&[(K, "open")], K),
        Quantity::Count => (&[(K, "per s")], K),
    }
}

impl Scale {
    /// An axis from zero (or below, where there are negative values) with about `wanted` round ticks.
    pub(super) fn fit(quantity: Quantity, low: i64, high: i64, wanted: i64) -> Self {
        let (units, least) = units(quantity);
        let top = high.max(low.saturating_neg()).max(least);
        let fallback = (1_000, "");
        let found = units.iter().find(|(size, _)| top >= *size).or(units.last());
        let (per_unit, unit) = *found.unwrap_or(&fallback);
        let (step_tenths, places) =
            round_step(top / per_unit.max(1), top % per_unit.max(1), per_unit, wanted);
        let at = |i: i64| {
            let value = i128::from(i) * i128::from(step_tenths) * i128::from(per_unit) / 10;
            i64::try_from(value).unwrap_or(i64::MAX)
        };
        let limit = i64::try_from(MAX_TICKS).unwrap_or(8);
        let above = (1..=limit).find(|i| at(*i) >= high.max(least)).unwrap_or(limit);
        // A little air below the lowest value; a whole step would waste height on a small negative remainder.
        let min = if low >= 0 { 0 } else { low.saturating_sub(at(1) / 8) };
        let below = (1..limit).take_while(|i| at(-*i) >= min).count();
        let below = i64::try_from(below).unwrap_or(0);
        let ticks = (-below..=above).map(at).collect();
        Self { unit, min, max: at(above), ticks, per_unit, places }
    }

    /// A tick's or value's number in the axis' unit.
    pub(super) fn label(&self, value: i64) -> String {
        number::fixed(i128::from(value), i128::from(self.per_unit), self.places)
    }
}

/// The smallest of 0.1, 0.2, 0.5, 1, 2, 5, 10 … units that makes at most `wanted` steps, in tenths of the unit.
fn round_step(whole: i64, rest: i64, per_unit: i64, wanted: i64) -> (i64, u32) {
    let tenths = i128::from(whole) * 10 + i128::from(rest) * 10 / i128::from(per_unit.max(1));
    let target = i64::try_from((tenths + i128::from(wanted) - 1).max(1) / i128::from(wanted.max(1)))
        .unwrap_or(i64::MAX);
    let mut power = 1_i64;
    loop {
        for factor in [1_i64, 2, 5] {
            let step = factor.saturating_mul(power);
            if step >= target || step == i64::MAX {
                return (step, u32::from(step % 10 != 0));
            }
        }
        power = power.saturating_mul(10);
    }
}

/// Ticks of the time axis at round local times, at most `wanted`.
pub(super) fn time_ticks(from_ms: i64, to_ms: i64, wanted: i64, clock: &Clock) -> Vec<i64> {
    const MIN: i64 = 60_000;
    const STEPS: [i64; 14] = [
        MIN / 6,
        MIN / 2,
        MIN,
        2 * MIN,
        5 * MIN,
        10 * MIN,
        15 * MIN,
        20 * MIN,
        30 * MIN,
        60 * MIN,
        180 * MIN,
        240 * MIN,
        360 * MIN,
        720 * MIN,
    ];
    let length = to_ms.saturating_sub(from_ms);
    let day = 1_440 * MIN;
    let fits = |step: &&i64| length / **step <= wanted;
    let step = STEPS
        .iter()
        .find(fits)
        .copied()
        .unwrap_or_else(|| (length / wanted.max(1) / day + 1).saturating_mul(day));
    let offset = clock.offset_ms(from_ms);
    let first = from_ms.saturating_add(offset).div_euclid(step).saturating_mul(step).saturating_sub(offset);
    (0..)
        .map_while(|i: i64| first.checked_add(step.checked_mul(i)?))
        .skip_while(|t| *t < from_ms)
        .take_while(|t| *t < to_ms)
        .take(MAX_TICKS)
        .collect()
}

/// Text of a time tick: the date at local midnight of longer ranges, else the time.
pub(super) fn time_label(ms: i64, length_ms: i64, clock: &Clock) -> String {
    let time = clock.local(ms, if length_ms < 600_000 { "%H:%M:%S" } else { "%H:%M" });
    if time == "00:00" && length_ms > 7_200_000 { clock.local(ms, "%-d %b") } else { time }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_are_round_and_hold_the_data() {
        let c = Quantity::CpuUsec;
        #[rustfmt::skip]
        let rows = [
            (c, 0, 0, "% of a core", "0 2 4 6"),
            (c, 0, 520_000_000, "% of a core", "0 20 40 60"),
            (c, 0, 1_000_000_000, "cores", "0.0 0.5 1.0"),
            (c, 0, 3_900_000_000, "cores", "0 1 2 3 4"),
            (c, -20_000_000, 390_000_000, "% of a core", "0 10 20 30 40"),
            (c, -230_000_000, 390_000_000, "% of a core", "−20 −10 0 10 20 30 40"),
            (Quantity::KibSec, 0, 1_500 * 1_024 * 1_000, "GiB", "0.0 0.5 1.0 1.5"),
            (Quantity::Bytes, 0, 0, "KiB/s", "0.0 0.5 1.0"),
        ];
        for (quantity, low, high, unit, ticks) in rows {
            let scale = Scale::fit(quantity, low, high, 4);
            let text: Vec<_> = scale.ticks.iter().map(|t| scale.label(*t)).collect();
            assert_eq!((scale.unit, text.join(" ").as_str()), (unit, ticks), "{quantity:?} {low}..{high}");
            assert!(scale.min <= low && scale.max >= high, "{scale:?}");
        }
        let scale = Scale::fit(c, i64::MIN, i64::MAX, 4);
        assert!(scale.ticks.len() <= 2 * MAX_TICKS + 1);
    }

    #[test]
    fn time_ticks_are_round_in_the_zone() {
        let from = 1_795_262_700_000; // 2026-11-21T12:05:00Z
        #[rustfmt::skip]
        let rows = [
            ("UTC", 3_600_000, 6, "12:10 12:20 12:30 12:40 12:50 13:00"),
            ("Asia/Kolkata", 3_600_000, 4, "17:45 18:00 18:15 18:30"),
            ("Europe/Riga", 86_400_000, 6, "16:00 20:00 22 Nov 04:00 08:00 12:00"),
        ];
        for (zone, length, wanted, text) in rows {
            let clock = Clock::new(zone, from);
            let ticks = time_ticks(from, from + length, wanted, &clock);
            let labels: Vec<_> = ticks.iter().map(|t| time_label(*t, length, &clock)).collect();
            assert_eq!(labels.join(" "), text, "{zone}");
        }
    }

    #[test]
    fn a_rate_needs_a_measured_time() {
        let point = |value, measured_ms| PointView { at_ms: 0, value, measured_ms };
        assert_eq!(rate_milli(point(Some(30_000_000), 30_000)), Some(1_000_000_000));
        assert_eq!(rate_milli(point(Some(0), 30_000)), Some(0));
        assert_eq!(rate_milli(point(None, 30_000)), None);
        assert_eq!(rate_milli(point(Some(1), 0)), None);
    }
}
