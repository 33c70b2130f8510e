//! `memory_kib_sec`: memory over time.
//!
//! Between two looks at a process its memory is taken to change evenly, so the area under it is the mean of both ends
//! times the time between.

use super::{Source, count};
use crate::reading::AccountReading;
use hostmeter_core::meter::Meter;

/// Twice the area, KiB·ns: the mean of two whole numbers would need halves.
pub type DoubleKibNs = u128;

/// Area under a line from one level to another, doubled.
pub fn area(from_kib: u64, to_kib: u64, ns: u64) -> DoubleKibNs {
    // Two levels below 2^64 make less than 2^65, times 2^63 ns (292 years): fits 128 bits.
    u128::from(from_kib).saturating_add(u128::from(to_kib)).saturating_mul(u128::from(ns))
}

/// KiB·s, rounded down.
pub fn kib_sec(area: DoubleKibNs) -> u64 {
    count(area / 2_000_000_000)
}

/// One account's memory over time.
#[derive(Clone, Copy, Debug, Default)]
pub struct MemoryTime {
    area: DoubleKibNs,
}

impl MemoryTime {
    /// Adds an area made by [`area`].
    pub fn add(&mut self, area: DoubleKibNs) {
        self.area = self.area.saturating_add(area);
    }
}

impl Source for MemoryTime {
    const METERS: &'static [Meter] = &[Meter::MemoryKibSec];

    fn report(&self, out: &mut AccountReading) {
        out.counters.insert(Meter::MemoryKibSec, kib_sec(self.area));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn areas() {
        let check = |from, to, ns, want| assert_eq!(kib_sec(area(from, to, ns)), want);
        check(100, 100, 10_000_000_000, 1_000);
        check(0, 100, 10_000_000_000, 500);
        check(3, 0, 1_000_000_000, 1);
        check(1, 0, 1_000_000_000, 0);
        check(u64::MAX, u64::MAX, 1_000_000_000, u64::MAX);
        let mut sum = MemoryTime::default();
        (0..1_000).for_each(|_| sum.add(area(1, 0, 2_000_000)));
        let mut out = AccountReading::default();
        sum.report(&mut out);
        assert_eq!(out.counters.get(&Meter::MemoryKibSec), Some(&1), "small parts are not rounded away");
    }
}
