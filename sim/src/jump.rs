//! The collector's own clock is stepped, both ways. By more than an hour at once, nothing is closed or charged until an admin
//! has set it right and said so; by less, everything goes on.

use crate::template::START_MS;
use crate::world::World;
use anyhow::{Result, ensure};
use hostmeter_collector::limits::CLOCK_JUMP_MAX_MS;
use serde_json::json;

/// Farthest that the clock is off as a rule, and now and then, ms: the one is within what is taken for no jump. A clock that
/// was ahead and goes back lets hosts wait until it is as late again, so that a long way costs many intervals.
pub(crate) const OFF_MAX_MS: [i64; 2] = [600_000, 4_200_000];

impl World {
    /// The wall clock is set to some other time.
    pub(crate) fn step_collector(&mut self) -> Result<()> {
        let most_ms = OFF_MAX_MS[usize::from(self.rng.u8(..3) == 0)];
        self.collector.wall_off_ms = self.rng.i64(-most_ms..most_ms);
        self.set_collector_clock();
        Ok(())
    }

    /// Brings the collector's clocks to this moment.
    pub(crate) fn set_collector_clock(&self) {
        self.collector.set_ms(START_MS.saturating_add(self.now_ms));
    }

    /// The collector compares its clocks, and charges if they go; in time an admin sets the clock right.
    pub(crate) fn charge(&mut self) -> Result<()> {
        let must_wait = self.jumped();
        let goes = self.collector.clock_goes()?;
        self.collector.is_held = must_wait;
        ensure!(goes != must_wait, "the clock jumped: {must_wait}, and the collector goes on: {goes}");
        let run = self.collector.post("/v1/charge-runs", &json!({}), None)?;
        if goes {
            let now = self.collector.reading(START_MS.saturating_add(self.now_ms));
            self.collector.compared = Some(now);
            let run = run.ok()?;
            self.note(&format_args!("charged: {} {}", run["charged_hours"], run["amount"]));
        } else {
            ensure!(run.1["code"] == "clock_jumped", "charged by a clock that jumped: {} {}", run.0, run.1);
            self.note(&format_args!("not charged: the clock jumped"));
        }
        let is_off = self.collector.wall_off_ms != 0;
        if (is_off || !goes) && (self.is_calm || self.rng.u8(..3) == 0) {
            self.set_right(goes)?;
        }
        Ok(())
    }

    /// An admin sets the clock right, and says so where the collector waits for it.
    fn set_right(&mut self, goes: bool) -> Result<()> {
        self.collector.wall_off_ms = 0;
        self.set_collector_clock();
        self.note(&format_args!("the collector's clock is set right"));
        if !goes {
            self.collector.accept_clock()?;
            self.collector.is_held = false;
            self.collector.compared = Some(self.collector.reading(START_MS.saturating_add(self.now_ms)));
        }
        Ok(())
    }

    /// Whether the clocks went apart by more than an hour since they were last compared, or did so before and nobody
    /// has looked. Over a boot, only a clock that went back shows.
    fn jumped(&self) -> bool {
        let now = self.collector.reading(START_MS.saturating_add(self.now_ms));
        let Some(last) = self.collector.compared else { return false };
        let wall_ms = now.wall_ms.saturating_sub(last.wall_ms);
        let apart_ms = match now.boot == last.boot {
            true => wall_ms.saturating_sub(now.boottime_ms.saturating_sub(last.boottime_ms)),
            false => wall_ms.min(0),
        };
        self.collector.is_held || apart_ms.saturating_abs() > CLOCK_JUMP_MAX_MS
    }
}
