//! The host's side of a reading, the same in every tier: its totals, and which share of its busy time was seen.

use crate::host::{self, NotBusy};
use crate::proc::{ProcRoot, Unread};
use crate::reading::Reading;

/// All, in millionths.
const ALL_PPM: u64 = 1_000_000;
/// `/proc/stat` counts in ticks, so a difference up to this is no proof that anything was missed, µs a CPU.
const CLOCK_SLACK_USEC: u64 = 10_000;

/// A part of a whole in millionths; all of it where the whole is nothing.
pub fn share_ppm(part: u64, whole: u64) -> u32 {
    let ppm = part.saturating_mul(ALL_PPM).checked_div(whole).unwrap_or(ALL_PPM).min(ALL_PPM);
    u32::try_from(ppm).unwrap_or(u32::MAX)
}

/// Where a report stood: coverage is about the time since.
#[derive(Clone, Copy, Debug)]
struct Window {
    at_ns: u64,
    not_busy_usec: u64,
    seen_usec: u64,
}

/// Of the time that the CPUs were busy since the last report, the share that was seen at some process.
fn cpu_ppm(cpus: u32, from: Window, to: Window) -> Option<u32> {
    let wall_usec = to.at_ns.checked_sub(from.at_ns)? / 1_000;
    let idle_usec = to.not_busy_usec.checked_sub(from.not_busy_usec)?;
    let busy_usec = u64::from(cpus).saturating_mul(wall_usec).saturating_sub(idle_usec);
    let seen_usec = to.seen_usec.checked_sub(from.seen_usec)?;
    let slack_usec = u64::from(cpus).saturating_mul(CLOCK_SLACK_USEC);
    let covered = seen_usec.saturating_add(slack_usec) >= busy_usec;
    Some(if covered { share_ppm(1, 1) } else { share_ppm(seen_usec, busy_usec) })
}

/// Follows the host from one reading to the next.
#[derive(Debug)]
pub struct HostWindow {
    tick_ns: u64,
    not_busy: NotBusy,
    last: Option<Window>,
}

impl Default for HostWindow {
    fn default() -> Self {
        Self { tick_ns: host::tick_ns(), not_busy: NotBusy::default(), last: None }
    }
}

impl HostWindow {
    /// Fills in the host, the time and the coverage of CPU; `now_ns` reads the boot-time clock. What could not be read
    /// is given back. It is called last in a sweep, close to the time that the reading carries.
    pub fn fill(
        &mut self,
        reading: &mut Reading,
        root: &mut ProcRoot,
        now_ns: impl FnOnce() -> u64,
        (accounts_ns, system_ns): (u64, u64),
    ) -> Vec<Unread> {
        let mut unread = Vec::new();
        let (accounts_usec, system_usec) = (accounts_ns / 1_000, system_ns / 1_000);
        let host = &mut reading.host;
        host.accounts_usec = Some(accounts_usec);
        host.system_usec = Some(system_usec);
        match host::memory_totals(root) {
            Ok(memory) => {
                host.memory_total_kib = Some(memory.total_kib);
                host.memory_available_kib = memory.available_kib;
            }
            Err(e) => unread.push(e),
        }
        let totals = host::cpu_totals(root);
        reading.boottime_ns = now_ns();
        match totals {
            Ok(totals) => {
                let usec = totals.not_busy_ticks.saturating_mul(self.tick_ns / 1_000);
                let not_busy_usec = self.not_busy.next(usec);
                host.cpus = totals.cpus;
                host.not_busy_usec = Some(not_busy_usec);
                let seen_usec = accounts_usec.saturating_add(system_usec);
                let now = Window { at_ns: reading.boottime_ns, not_busy_usec, seen_usec };
                reading.coverage.cpu_ppm = self.last.and_then(|from| cpu_ppm(totals.cpus, from, now));
                self.last = Some(now);
            }
            Err(e) => {
                unread.push(e);
                self.last = None;
            }
        }
        unread
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn coverage_of_cpu() {
        let check = |busy_usec: u64, seen_usec: u64, want: Option<u32>| {
            let from = Window { at_ns: 5, not_busy_usec: 100, seen_usec: 50 };
            let to = Window {
                at_ns: 5 + 10_000_000_000,
                not_busy_usec: 100 + 20_000_000 - busy_usec,
                seen_usec: 50 + seen_usec,
            };
            assert_eq!(cpu_ppm(2, from, to), want, "{busy_usec} {seen_usec}");
        };
        check(10_000_000, 10_000_000, Some(1_000_000));
        check(10_000_000, 9_980_000, Some(1_000_000));
        check(10_000_000, 9_979_999, Some(997_999));
        check(10_000_000, 0, Some(0));
        check(10_000, 0, Some(1_000_000));
        check(10_000_000, 12_000_000, Some(1_000_000));
        let at = |not_busy_usec| Window { at_ns: 5, not_busy_usec, seen_usec: 0 };
        assert_eq!(cpu_ppm(2, at(9), at(8)), None, "idle time that fell says nothing");
    }
}
