//! The collector's time on this host: the boot-time clock plus an offset that is learned at the midpoint of requests.
//!
//! Pure: every reading of a clock is an argument, in milliseconds. A stepped wall clock moves nothing, because the
//! wall clock is looked at only at the start, and only before the collector was heard. Small corrections are slewed;
//! large ones are stepped, but time never goes below the end of the last interval.

use crate::limits::{ROUND_TRIP_MAX_MS, SLEW_DIVISOR, SLEW_MAX_MS};
use hostmeter_core::ids::BootId;
use serde::{Deserialize, Serialize};

/// What is kept on disk, so that a restart does not begin anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Kept {
    /// The boot to which the offset belongs.
    pub boot: BootId,
    /// Collector time less boot-time clock.
    pub offset_ms: i64,
    /// Collector time less wall clock; used after a reboot.
    pub skew_ms: i64,
    /// Whether the collector was ever heard.
    pub heard: bool,
}

/// What one answer taught.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Learned {
    /// Nothing: the round trip was too long, or within what it can tell.
    Nothing,
    /// A correction that time is slewed by.
    Slewing(i64),
    /// A correction too large to slew: time was stepped by this.
    Stepped(i64),
}

/// The clock.
#[derive(Clone, Debug)]
pub struct Clock {
    boot: BootId,
    offset_ms: i64,
    /// What is still to be slewed into the offset.
    owed_ms: i64,
    /// Boot-time clock when the offset was last brought forward.
    slewed_at_ms: i64,
    /// Time never goes below this: the end of the last interval.
    floor_ms: i64,
    heard: bool,
}

impl Clock {
    /// Starts from what was kept, or from the wall clock if nothing was.
    pub fn start(kept: Option<Kept>, boot: BootId, wall_ms: i64, boottime_ms: i64) -> Self {
        let offset_ms = match kept {
            Some(k) if k.boot == boot => k.offset_ms,
            Some(k) if k.heard => wall_ms.saturating_add(k.skew_ms).saturating_sub(boottime_ms),
            _ => wall_ms.saturating_sub(boottime_ms),
        };
        let heard = kept.is_some_and(|k| k.heard);
        Self { boot, offset_ms, owed_ms: 0, slewed_at_ms: boottime_ms, floor_ms: i64::MIN, heard }
    }

    /// Collector time at this reading of the boot-time clock, never below the floor.
    pub fn at_ms(&mut self, boottime_ms: i64) -> i64 {
        self.slew(boottime_ms);
        boottime_ms.saturating_add(self.offset_ms).max(self.floor_ms)
    }

    /// Learns from an answer that says `collector_ms`, received at `received_ms` to a request sent at `sent_ms`
    /// (both boot-time clock).
    pub fn learn(&mut self, sent_ms: i64, received_ms: i64, collector_ms: i64) -> Learned {
        let trip_ms = received_ms.saturating_sub(sent_ms);
        if !(0..ROUND_TRIP_MAX_MS).contains(&trip_ms) {
            return Learned::Nothing;
        }
        self.slew(received_ms);
        let midpoint_ms = sent_ms.saturating_add(trip_ms / 2);
        let error_ms = collector_ms.saturating_sub(midpoint_ms).saturating_sub(self.offset_ms);
        let first = !self.heard;
        self.heard = true;
        // The answer was made some time during the trip: it cannot tell more than that.
        if error_ms.abs() <= trip_ms / 2 + 1 && !first {
            self.owed_ms = 0;
            return Learned::Nothing;
        }
        if error_ms.abs() > SLEW_MAX_MS {
            self.offset_ms = self.offset_ms.saturating_add(error_ms);
            self.owed_ms = 0;
            return Learned::Stepped(error_ms);
        }
        self.owed_ms = error_ms;
        Learned::Slewing(error_ms)
    }

    /// An interval ended here: time never goes below it again.
    pub fn raise_floor(&mut self, to_ms: i64) {
        self.floor_ms = self.floor_ms.max(to_ms);
    }

    /// How far time stands before the floor: nothing can be sealed for so long. 0 in good order.
    pub fn behind_floor_ms(&mut self, boottime_ms: i64) -> i64 {
        self.slew(boottime_ms);
        self.floor_ms.saturating_sub(boottime_ms.saturating_add(self.offset_ms)).max(0)
    }

    /// Collector time less wall clock, with what is still to be slewed.
    pub fn skew_ms(&self, wall_ms: i64, boottime_ms: i64) -> i64 {
        boottime_ms.saturating_add(self.offset_ms).saturating_add(self.owed_ms).saturating_sub(wall_ms)
    }

    /// What to keep on disk.
    pub fn kept(&self, wall_ms: i64, boottime_ms: i64) -> Kept {
        let skew_ms = self.skew_ms(wall_ms, boottime_ms);
        let offset_ms = self.offset_ms.saturating_add(self.owed_ms);
        Kept { boot: self.boot, offset_ms, skew_ms, heard: self.heard }
    }

    fn slew(&mut self, boottime_ms: i64) {
        let passed_ms = boottime_ms.saturating_sub(self.slewed_at_ms);
        if self.owed_ms == 0 {
            self.slewed_at_ms = self.slewed_at_ms.max(boottime_ms);
            return;
        }
        let most_ms = passed_ms / SLEW_DIVISOR;
        if most_ms <= 0 {
            return;
        }
        let step_ms = self.owed_ms.clamp(most_ms.saturating_neg(), most_ms);
        self.offset_ms = self.offset_ms.saturating_add(step_ms);
        self.owed_ms = self.owed_ms.saturating_sub(step_ms);
        self.slewed_at_ms = boottime_ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BOOT: BootId = BootId([1; 16]);

    fn clock(kept: Option<Kept>) -> Clock {
        Clock::start(kept, BOOT, 1_000_000, 500)
    }

    #[test]
    fn starts() {
        let check = |kept: Option<Kept>, want: i64| assert_eq!(clock(kept).at_ms(600), want, "{kept:?}");
        let kept = Kept { boot: BOOT, offset_ms: 7_000, skew_ms: 50, heard: true };
        // Nothing kept: the wall clock.
        check(None, 1_000_100);
        // The same boot: the offset, whatever the wall clock says now.
        check(Some(kept), 7_600);
        // Another boot: the wall clock and the skew that was known.
        check(Some(Kept { boot: BootId([2; 16]), ..kept }), 1_000_150);
        check(Some(Kept { boot: BootId([2; 16]), heard: false, ..kept }), 1_000_100);
    }

    #[test]
    fn learning() {
        // (sent, received, collector says, learned, collector time 100 s later)
        let check = |sent: i64, received: i64, says: i64, want: Learned, later: i64| {
            let mut c = clock(None);
            assert_eq!(c.learn(0, 0, 999_500), Learned::Slewing(0), "heard before, exact");
            assert_eq!(c.learn(sent, received, says), want, "{sent} {received} {says}");
            assert_eq!(
                c.at_ms(received + 100_000) - (999_500 + received + 100_000),
                later,
                "{sent} {received}"
            );
        };
        check(1_000, 1_100, 1_000_550, Learned::Nothing, 0);
        check(1_000, 1_100, 1_000_590, Learned::Nothing, 0);
        check(1_000, 1_100, 1_002_550, Learned::Slewing(2_000), 2_000);
        check(1_000, 1_100, 998_550, Learned::Slewing(-2_000), -2_000);
        // Slower than 5 % it is not done after 100 s.
        check(1_000, 1_100, 1_000_550 + 20_000, Learned::Slewing(20_000), 5_000);
        check(1_000, 1_100, 1_000_550 + 60_000, Learned::Stepped(60_000), 60_000);
        check(1_000, 1_100, 1_000_550 - 60_000, Learned::Stepped(-60_000), -60_000);
        // A slow or impossible round trip teaches nothing.
        check(1_000, 6_000, 1_060_550, Learned::Nothing, 0);
        check(1_000, 999, 1_060_550, Learned::Nothing, 0);
    }

    #[test]
    fn time_never_goes_below_the_last_interval() {
        let mut c = clock(None);
        let now = c.at_ms(10_000);
        c.raise_floor(now);
        assert_eq!(c.learn(10_000, 10_002, now - 60_000), Learned::Stepped(-60_001));
        assert_eq!((c.at_ms(10_002), c.behind_floor_ms(10_002)), (now, 59_999));
        assert_eq!((c.at_ms(70_001), c.behind_floor_ms(70_001)), (now, 0));
        assert_eq!(c.at_ms(70_011), now + 10);
    }

    #[test]
    fn what_is_kept_goes_on_after_a_reboot() {
        let mut c = clock(None);
        c.learn(500, 502, 1_004_001);
        let kept = c.kept(1_000_000, 500);
        assert_eq!(kept.skew_ms, 4_000);
        let mut after = Clock::start(Some(kept), BootId([9; 16]), 2_000_000, 10);
        assert_eq!(after.at_ms(10), 2_004_000);
    }

    proptest! {
        #[test]
        fn time_runs_forward_while_slewing(says in proptest::collection::vec((1..2_000_i64, -20_000..20_000_i64), 1..50)) {
            let mut c = clock(None);
            let (mut boottime, mut last) = (500, i64::MIN);
            for (passed, error) in says {
                boottime += passed;
                let now = c.at_ms(boottime);
                prop_assert!(now >= last, "{now} < {last}");
                last = now;
                c.learn(boottime, boottime, now + error);
            }
        }
    }
}
