//! Intervals of time and how a quantity is split over them.

use crate::units::{HOUR_MS, UtcHour};

/// The part of `quantity`, used evenly over `[from_ms, to_ms)`, that falls before `at_ms`:
/// `⌊q·(t−from)/(to−from)⌋`, so that parts add up to the whole wherever it is cut.
/// Before the start nothing, after the end everything.
pub fn part_before(quantity: i64, from_ms: i64, to_ms: i64, at_ms: i64) -> i64 {
    if at_ms >= to_ms {
        return quantity;
    }
    if at_ms <= from_ms {
        return 0;
    }
    let (q, t, len) = (
        i128::from(quantity),
        i128::from(at_ms).saturating_sub(i128::from(from_ms)),
        i128::from(to_ms).saturating_sub(i128::from(from_ms)),
    );
    // At most `quantity` in size, because 0 < t < len.
    i64::try_from(q.saturating_mul(t).div_euclid(len)).unwrap_or(quantity)
}

/// The part of `quantity` over `[from_ms, to_ms)` that falls into `[start_ms, end_ms)`.
pub fn part_within(quantity: i64, from_ms: i64, to_ms: i64, start_ms: i64, end_ms: i64) -> i64 {
    part_before(quantity, from_ms, to_ms, end_ms)
        .saturating_sub(part_before(quantity, from_ms, to_ms, start_ms))
}

/// The first UTC hour border after `from_ms`, where an interval must be cut.
pub const fn next_cut_ms(from_ms: i64) -> i64 {
    UtcHour::from_ms(from_ms).end_ms()
}

/// Whether `[from_ms, to_ms)` runs forward and lies within one UTC hour.
pub const fn is_within_one_hour(from_ms: i64, to_ms: i64) -> bool {
    from_ms < to_ms && to_ms.saturating_sub(from_ms) <= HOUR_MS && to_ms <= next_cut_ms(from_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn cuts() {
        assert_eq!(next_cut_ms(0), HOUR_MS);
        assert_eq!(next_cut_ms(HOUR_MS - 1), HOUR_MS);
        assert_eq!(next_cut_ms(HOUR_MS), 2 * HOUR_MS);
        assert!(is_within_one_hour(0, HOUR_MS));
        assert!(!is_within_one_hour(1, HOUR_MS + 1));
        assert!(!is_within_one_hour(5, 5));
        assert_eq!(part_before(10, 0, 4, 1), 2);
    }

    proptest! {
        #[test]
        fn parts_add_up(q in 0..i64::MAX / 2, from in -1_000_000..1_000_000_i64, len in 1..10_000_000_i64,
                        mut cuts in proptest::collection::vec(-2_000_000..12_000_000_i64, 0..9)) {
            let to = from + len;
            cuts.extend([from - 1, to + 1]);
            cuts.sort_unstable();
            let sum: i64 = cuts.windows(2).map(|w| part_within(q, from, to, w[0], w[1])).sum();
            prop_assert_eq!(sum, q);
            prop_assert!(cuts.windows(2).all(|w| part_within(q, from, to, w[0], w[1]) >= 0));
        }
    }
}
