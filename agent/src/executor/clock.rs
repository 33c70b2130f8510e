//! The executor's own clock: boot-time, carried over reboots by what was written down.
//!
//! It never steps. The time that a host is switched off does not count, so that an account is never deleted sooner,
//! nor a window of the breaker ever shorter, than the wall clock would have it.

use hostmeter_core::ids::BootId;
use rustix::time::{ClockId, Timespec, clock_gettime};
use serde::{Deserialize, Serialize};

/// A reading that was written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    /// The executor's clock, in milliseconds.
    pub own_ms: i64,
    /// The boot in which it was read.
    pub boot: BootId,
    /// `CLOCK_BOOTTIME` at that moment, in milliseconds.
    pub boottime_ms: i64,
}

/// The machine's time at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// This boot.
    pub boot: BootId,
    /// `CLOCK_BOOTTIME`, in milliseconds.
    pub boottime_ms: i64,
    /// The wall clock, milliseconds since the epoch.
    pub wall_ms: i64,
}

impl Now {
    /// Reads the machine's clocks. `boot` was read by [`boot_id`].
    pub fn read(boot: BootId) -> Self {
        Self {
            boot,
            boottime_ms: ms(clock_gettime(ClockId::Boottime)),
            wall_ms: ms(clock_gettime(ClockId::Realtime)),
        }
    }
}

impl Mark {
    /// The executor's clock now, as the next mark.
    pub fn forward(&self, now: &Now) -> Self {
        let since = if self.boot == now.boot { self.boottime_ms } else { 0 };
        let passed = now.boottime_ms.saturating_sub(since).max(0);
        Self { own_ms: self.own_ms.saturating_add(passed), boot: now.boot, boottime_ms: now.boottime_ms }
    }
}

fn ms(t: Timespec) -> i64 {
    t.tv_sec.saturating_mul(1_000).saturating_add(t.tv_nsec / 1_000_000)
}

/// The kernel's boot id (`/proc/sys/kernel/random/boot_id`).
pub fn boot_id() -> std::io::Result<BootId> {
    let text = std::fs::read_to_string("/proc/sys/kernel/random/boot_id")?;
    BootId::parse(text.trim()).map_err(std::io::Error::other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reboots_and_stops() {
        let check = |mark: (i64, u8, i64), now: (u8, i64), want: i64| {
            let mark = Mark { own_ms: mark.0, boot: BootId([mark.1; 16]), boottime_ms: mark.2 };
            let now = Now { boot: BootId([now.0; 16]), boottime_ms: now.1, wall_ms: 0 };
            assert_eq!(mark.forward(&now).own_ms, want, "{mark:?} {now:?}");
        };
        check((100, 1, 50), (1, 80), 130);
        check((100, 1, 50), (1, 40), 100); // cannot happen; must not go back
        check((100, 1, 50), (2, 20), 120); // a new boot counts from its start
        check((0, 0, 0), (1, 7_000), 7_000);
    }
}
