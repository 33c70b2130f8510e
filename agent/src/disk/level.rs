//! Disk space over time, from levels that are known now and then.
//!
//! Between two counts the last level holds. Where none is known, time passes without being counted.

use crate::meter::count;
use std::time::Duration;

/// One account's disk space over time.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    /// What holds, and since when it is known.
    kib: Option<u64>,
    counted_ns: u64,
    /// Up to when time is in `area`.
    at_ns: u64,
    /// KiB·ns.
    area: u128,
    /// What was reported last, KiB·s.
    settled: u64,
    settled_ns: u64,
    has_begun: bool,
}

impl Level {
    /// A count that ended at `at_ns`.
    pub(super) fn learn(&mut self, kib: u64, at_ns: u64) {
        self.pass(at_ns);
        if !self.has_begun {
            self.has_begun = true;
            self.settled_ns = at_ns;
        }
        self.kib = Some(kib);
        self.counted_ns = at_ns;
    }

    /// From `at_ns` on nothing is known.
    pub(super) fn forget(&mut self, at_ns: u64) {
        self.pass(at_ns);
        self.kib = None;
    }

    /// Time passes. A level older than `stale` holds no longer; `false` if that is so now.
    pub(super) fn advance(&mut self, now_ns: u64, stale: Duration) -> bool {
        let stale_ns = u64::try_from(stale.as_nanos()).unwrap_or(u64::MAX);
        let end_ns = self.counted_ns.saturating_add(stale_ns);
        let is_over = self.kib.is_some() && end_ns < now_ns;
        if is_over {
            self.forget(end_ns);
        }
        self.pass(now_ns);
        !is_over
    }

    fn pass(&mut self, to_ns: u64) {
        let ns = to_ns.saturating_sub(self.at_ns);
        let area = u128::from(self.kib.unwrap_or(0)).saturating_mul(ns.into());
        self.area = self.area.saturating_add(area);
        self.at_ns = self.at_ns.max(to_ns);
    }

    /// Makes what has passed visible in the counter.
    pub(super) fn settle(&mut self) {
        self.settled = count(self.area / 1_000_000_000);
        self.settled_ns = self.at_ns;
    }

    /// When it was settled last.
    pub(super) fn settled_ns(&self) -> u64 {
        self.settled_ns
    }

    /// Whether a level is known now.
    pub(super) fn is_known(&self) -> bool {
        self.kib.is_some()
    }

    /// The counter, KiB·s; `None` before the first count.
    pub(super) fn counter(&self) -> Option<u64> {
        self.has_begun.then_some(self.settled)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SEC: u64 = 1_000_000_000;
    const HOUR: Duration = Duration::from_secs(3_600);

    /// What a count found, or that nothing was found, at a second.
    type Event = (u64, Option<u64>);

    fn check(events: &[Event], now_sec: u64, want: Option<u64>) {
        let mut level = Level::default();
        for (sec, kib) in events {
            level.advance(sec * SEC, HOUR);
            match kib {
                Some(kib) => level.learn(*kib, sec * SEC),
                None => level.forget(sec * SEC),
            }
        }
        level.advance(now_sec * SEC, HOUR);
        level.settle();
        assert_eq!(level.counter(), want, "{events:?} {now_sec}");
    }

    #[test]
    fn levels_over_time() {
        check(&[], 100, None);
        check(&[(5, None)], 100, None);
        check(&[(10, Some(3))], 10, Some(0));
        check(&[(10, Some(3))], 15, Some(15));
        check(&[(10, Some(3)), (20, Some(0)), (30, Some(1))], 31, Some(31));
        check(&[(10, Some(3)), (20, None)], 90, Some(30));
        check(&[(10, Some(3)), (20, None), (40, Some(1))], 41, Some(31));
        // An hour after its count a level is unknown.
        check(&[(10, Some(3))], 3_610, Some(10_800));
        check(&[(10, Some(3))], 9_999, Some(10_800));
        check(&[(10, Some(u64::MAX))], 12, Some(u64::MAX));
    }

    #[test]
    fn the_counter_moves_only_when_it_is_settled() {
        let mut level = Level::default();
        level.learn(7, 100 * SEC);
        level.advance(110 * SEC, HOUR);
        assert_eq!((level.counter(), level.settled_ns()), (Some(0), 100 * SEC));
        level.settle();
        assert_eq!((level.counter(), level.settled_ns()), (Some(70), 110 * SEC));
    }

    #[test]
    fn small_parts_are_not_rounded_away() {
        let mut level = Level::default();
        level.learn(1, 0);
        for n in 1..=1_000 {
            level.advance(n * SEC / 1_000, HOUR);
            level.settle();
        }
        assert_eq!(level.counter(), Some(1));
    }

    proptest! {
        #[test]
        fn the_counter_never_falls_and_sums_do_not_depend_on_looks(
            events in proptest::collection::vec((0..50_u64, proptest::option::of(0..1_000_u64)), 1..20),
            looks in proptest::collection::vec(0..1_000_u64, 0..20),
        ) {
            let (mut few, mut many) = (Level::default(), Level::default());
            let mut at = 0;
            let mut last = 0;
            for (wait, kib) in events {
                for look in looks.iter().filter(|l| (at..at + wait).contains(*l)) {
                    many.advance(look * SEC, HOUR);
                    many.settle();
                    let now = many.counter().unwrap_or(0);
                    prop_assert!(now >= last);
                    last = now;
                }
                at += wait;
                for level in [&mut few, &mut many] {
                    match kib {
                        Some(kib) => level.learn(kib, at * SEC),
                        None => level.forget(at * SEC),
                    }
                }
            }
            few.settle();
            many.settle();
            prop_assert_eq!(few.counter(), many.counter());
        }
    }
}
