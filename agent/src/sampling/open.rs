//! The interval that is not sealed yet: what it is compared with, and what sweeps saw only once meanwhile.

use crate::interval::{Baseline, hole};
use crate::limits::OPEN_GAPS_MAX;
use crate::reading::Reading;
use crate::spool::Tail;
use hostmeter_core::wire::batch::{Gap, Interval, TopCommand};
use std::collections::BTreeMap;

pub(super) struct Open {
    pub(super) base: Baseline,
    pub(super) from_ms: i64,
    /// Named, and to be sealed before anything else.
    pub(super) holes: Vec<Interval>,
    gaps: Vec<Gap>,
    top: BTreeMap<u32, Vec<TopCommand>>,
}

impl Open {
    fn new(base: Baseline, from_ms: i64, holes: Vec<Interval>) -> Self {
        Self { base, from_ms, holes, gaps: Vec::new(), top: BTreeMap::new() }
    }

    /// The first interval: goes on from the last durable one if the source is the same; else the hole is named.
    /// Before `floor_ms` all that is known was measured already: a baseline of that time does not count.
    pub(super) fn begin(tail: &Tail, first: &Reading, now_ms: i64, floor_ms: Option<i64>) -> Self {
        let Some(last_ms) = tail.to_ms.max(floor_ms) else {
            return Self::new(Baseline::of(first), now_ms, Vec::new());
        };
        match &tail.baseline {
            Some(base) if base.source == first.source && tail.to_ms >= floor_ms => {
                Self::new(base.clone(), last_ms, Vec::new())
            }
            _ => {
                let holes = hole(last_ms, now_ms, "agent restarted");
                Self::new(Baseline::of(first), now_ms.max(last_ms), holes)
            }
        }
    }

    /// The interval after one that ended durably at `to_ms` with this reading.
    pub(super) fn after(reading: Reading, to_ms: i64) -> Self {
        Self::new(reading.into(), to_ms, Vec::new())
    }

    /// The interval goes on beyond this reading: its gaps and commands are kept for the end.
    pub(super) fn keep(&mut self, reading: Reading) {
        for gap in reading.gaps {
            if self.gaps.len() < OPEN_GAPS_MAX && !self.gaps.contains(&gap) {
                self.gaps.push(gap);
            }
        }
        self.top.extend(reading.top);
    }

    /// Adds what was kept to the reading that ends the interval.
    pub(super) fn gather(&self, reading: &mut Reading) {
        let fresh = std::mem::replace(&mut reading.gaps, self.gaps.clone());
        reading.gaps.extend(fresh.into_iter().filter(|g| !self.gaps.contains(g)));
        for (uid, top) in &self.top {
            reading.top.entry(*uid).or_insert_with(|| top.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reading::{HostReading, Source};
    use hostmeter_core::ids::BootId;
    use hostmeter_core::wire::batch::Coverage;

    fn reading(map_id: u64, boottime_ns: u64) -> Reading {
        Reading {
            boottime_ns,
            source: Source { boot: BootId([3; 16]), tier: "ebpf".to_owned(), map_id },
            accounts: BTreeMap::new(),
            host: HostReading::default(),
            coverage: Coverage::default(),
            limited: String::new(),
            gaps: Vec::new(),
            top: BTreeMap::new(),
        }
    }

    #[test]
    fn readings_from_before_the_floor_are_no_baseline() {
        let held = Baseline::of(&reading(1, 5));
        let tail =
            |to_ms: Option<i64>| Tail { to_ms, baseline: to_ms.map(|_| held.clone()), ..Tail::default() };
        // Whether it goes on from the kept baseline; where the interval begins; the hole before it.
        let check =
            |tail: Tail, source: u64, floor_ms: Option<i64>, want: (bool, i64, Option<(i64, i64)>)| {
                let open = Open::begin(&tail, &reading(source, 9), 5_000, floor_ms);
                let hole = open.holes.first().map(|h| (h.from_ms, h.to_ms));
                assert_eq!((open.base == held, open.from_ms, hole), want, "{floor_ms:?}");
            };
        check(tail(None), 1, None, (false, 5_000, None));
        check(tail(Some(1_000)), 1, None, (true, 1_000, None));
        check(tail(Some(1_000)), 2, None, (false, 5_000, Some((1_000, 5_000))));
        check(tail(Some(1_000)), 1, Some(900), (true, 1_000, None));
        check(tail(Some(1_000)), 1, Some(1_000), (true, 1_000, None));
        check(tail(Some(1_000)), 1, Some(2_000), (false, 5_000, Some((2_000, 5_000))));
        check(tail(None), 1, Some(2_000), (false, 5_000, Some((2_000, 5_000))));
    }
}
