//! When to sweep and when to seal. Pure: time is an argument.

use crate::limits::{INTERVAL_HALF_FULL_MS, INTERVAL_NEARLY_FULL_MS, SNAP_MAX_MS, TOP_EVERY_MS};
use hostmeter_core::interval::next_cut_ms;

/// One moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Time {
    /// Collector time; it stands still while `is_behind`.
    pub(super) collector_ms: i64,
    /// Boot-time clock.
    pub(super) boottime_ms: i64,
    /// Collector time stands before the end of the last interval.
    pub(super) is_behind: bool,
}

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aim {
    /// A tick in collector time.
    Collector(i64),
    /// While collector time stands still: some boot-time clock.
    Boottime(i64),
}

/// Ticks at multiples of the interval in collector time, and at every UTC hour.
#[derive(Debug)]
pub(super) struct Ticks {
    interval_ms: i64,
    sealed_every_ms: i64,
    aim: Aim,
    top_minute: Option<i64>,
}

impl Ticks {
    pub(super) fn new(interval_ms: i64) -> Self {
        Self { interval_ms, sealed_every_ms: interval_ms, aim: Aim::Boottime(0), top_minute: None }
    }

    /// Sets the next tick.
    pub(super) fn aim(&mut self, now: Time) {
        self.aim = if now.is_behind {
            Aim::Boottime(now.boottime_ms.saturating_add(self.interval_ms))
        } else {
            Aim::Collector(self.next_after(now.collector_ms))
        };
    }

    fn next_after(&self, ms: i64) -> i64 {
        let next = ms.div_euclid(self.interval_ms).saturating_add(1).saturating_mul(self.interval_ms);
        next.min(next_cut_ms(ms))
    }

    /// How long to wait still. If time was stepped back meanwhile, a nearer tick is taken.
    pub(super) fn left_ms(&mut self, now: Time) -> i64 {
        match self.aim {
            Aim::Boottime(at) => at.saturating_sub(now.boottime_ms),
            Aim::Collector(_) if now.is_behind => {
                self.aim(now);
                self.interval_ms
            }
            Aim::Collector(at) => {
                let at = at.min(self.next_after(now.collector_ms));
                self.aim = Aim::Collector(at);
                at.saturating_sub(now.collector_ms)
            }
        }
    }

    /// End of the interval for a sweep that ended at `ms`: the tick, if the sweep was on time.
    pub(super) fn end_ms(&self, ms: i64) -> i64 {
        let late_ms = SNAP_MAX_MS.min(self.interval_ms / 4);
        match self.aim {
            Aim::Collector(tick) if (tick..=tick.saturating_add(late_ms)).contains(&ms) => tick,
            _ => ms,
        }
    }

    /// While the spool fills, intervals lengthen; sweeps do not, or short processes would be missed.
    pub(super) fn lengthen(&mut self, unacked_bytes: u64, cap_bytes: u64) {
        let least = match unacked_bytes {
            n if n > cap_bytes / 4 * 3 => INTERVAL_NEARLY_FULL_MS,
            n if n > cap_bytes / 2 => INTERVAL_HALF_FULL_MS,
            _ => 0,
        };
        let every = self.interval_ms.max(least);
        if every != self.sealed_every_ms {
            tracing::warn!("{unacked_bytes} bytes wait for the collector: one interval every {every} ms now");
        }
        self.sealed_every_ms = every;
    }

    /// Length of the intervals that are sealed now.
    pub(super) fn sealed_every_ms(&self) -> i64 {
        self.sealed_every_ms
    }

    /// Whether an interval from `from_ms` ends at `to_ms`: a multiple of its length or an hour lies between.
    pub(super) fn is_due(&self, from_ms: i64, to_ms: i64) -> bool {
        let n = |ms: i64| ms.div_euclid(self.sealed_every_ms);
        n(to_ms) > n(from_ms) || to_ms >= next_cut_ms(from_ms)
    }

    /// Once a minute the list of commands is due.
    pub(super) fn is_top_due(&mut self, now: Time) -> bool {
        let minute = Some(now.boottime_ms.div_euclid(TOP_EVERY_MS));
        let is_due = self.top_minute != minute;
        self.top_minute = minute;
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hostmeter_core::units::HOUR_MS;

    fn at(collector_ms: i64) -> Time {
        Time { collector_ms, boottime_ms: collector_ms + 5, is_behind: false }
    }

    #[test]
    fn ticks_are_aligned_and_cut_at_hours() {
        let check = |interval: i64, now: i64, left: i64| {
            let mut ticks = Ticks::new(interval);
            ticks.aim(at(now));
            assert_eq!(ticks.left_ms(at(now)), left, "{interval} {now}");
        };
        check(10_000, 3, 9_997);
        check(10_000, 10_000, 10_000);
        check(7_000, HOUR_MS - 1, 1);
        check(7_000, HOUR_MS - 1_000, 1_000);
    }

    #[test]
    fn a_sweep_on_time_ends_with_its_tick() {
        let mut ticks = Ticks::new(10_000);
        ticks.aim(at(12_000));
        for (swept, end) in [(20_000, 20_000), (20_250, 20_000), (20_251, 20_251), (15_000, 15_000)] {
            assert_eq!(ticks.end_ms(swept), end);
        }
        let mut short = Ticks::new(100);
        short.aim(at(0));
        assert_eq!((short.end_ms(125), short.end_ms(126)), (100, 126));
    }

    #[test]
    fn stepped_time_is_followed() {
        let mut ticks = Ticks::new(10_000);
        ticks.aim(at(100_000_000));
        assert_eq!(ticks.left_ms(at(20_000)), 10_000, "back");
        ticks.aim(at(0));
        assert_eq!(ticks.left_ms(at(100_000_000)), -99_990_000, "forward");
        let behind = Time { is_behind: true, ..at(50_000) };
        ticks.aim(at(50_000));
        assert_eq!(ticks.left_ms(behind), 10_000);
        assert_eq!(ticks.left_ms(Time { boottime_ms: behind.boottime_ms + 10_000, ..behind }), 0);
    }

    #[test]
    fn a_full_spool_lengthens_intervals() {
        let check = |unacked: u64, every: i64| {
            let mut ticks = Ticks::new(10_000);
            ticks.lengthen(unacked, 1_000);
            assert_eq!(ticks.sealed_every_ms(), every, "{unacked}");
        };
        check(0, 10_000);
        check(500, 10_000);
        check(501, 60_000);
        check(751, 600_000);
        let mut ticks = Ticks::new(10_000);
        ticks.lengthen(501, 1_000);
        for (from, to, due) in [(0, 10_000, false), (0, 60_000, true), (50_000, 70_000, true)] {
            assert_eq!(ticks.is_due(from, to), due, "{from} {to}");
        }
        ticks.lengthen(751, 1_000);
        assert!(ticks.is_due(HOUR_MS - 10_000, HOUR_MS));
    }

    #[test]
    fn commands_once_a_minute() {
        let mut ticks = Ticks::new(10_000);
        let due: Vec<bool> = (0..13).map(|n| ticks.is_top_due(at(n * 10_000))).collect();
        assert_eq!(due.iter().filter(|d| **d).count(), 3);
        assert!(due[0] && due[6] && due[12]);
    }
}
