//! The CPU clock of a process (clock_getcpuclockid(3)), and the clock of the machine.
//!
//! The clock of a process counts its threads, ended ones too, in nanoseconds; it still answers for a zombie, needs no
//! right, and costs about 0.2 µs. It is therefore both the exact figure and the filter that tells who did anything.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

/// What a process's CPU clock says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpuTime {
    /// User and system time of all threads since the process began, nanoseconds.
    Ns(u64),
    /// There is no such process.
    Gone,
    /// Clocks of processes cannot be used here; take the ticks of `stat`.
    Unusable,
}

/// Time as the sampler sees it; an argument, so that tests can set it.
pub trait Clocks: Send {
    /// The CPU clock of a process.
    fn cpu(&self, pid: u32) -> CpuTime;
    /// Nanoseconds since boot, time asleep included.
    fn boottime_ns(&self) -> u64;
}

/// The kernel's clocks.
#[derive(Clone, Copy, Debug)]
pub struct KernelClocks {
    /// Whether pids of the /proc that is read are pids here; if not, clocks of processes are [`CpuTime::Unusable`].
    pub same_pids: bool,
}

impl KernelClocks {
    /// Nanoseconds since boot without time asleep, by which the kernel notes the start of a task.
    pub fn monotonic_ns(&self) -> u64 {
        clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(0, |t| nanoseconds(t.into()))
    }
}

impl Clocks for KernelClocks {
    fn cpu(&self, pid: u32) -> CpuTime {
        if !self.same_pids {
            return CpuTime::Unusable;
        }
        // The kernel's encoding: the pid's complement shifted by 3, and CPUCLOCK_SCHED (2).
        let Some(raw) = i32::try_from(pid).ok().filter(|p| *p < 1 << 28).map(|p| (!p << 3) | 2) else {
            return CpuTime::Gone;
        };
        clock_gettime(ClockId::from_raw(raw)).map_or(CpuTime::Gone, |t| CpuTime::Ns(nanoseconds(t.into())))
    }

    fn boottime_ns(&self) -> u64 {
        // This clock exists on every kernel since 2.6.39; 0 would only make the first interval long.
        clock_gettime(ClockId::CLOCK_BOOTTIME).map_or(0, |t| nanoseconds(t.into()))
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_clock_rises_with_work() {
        let clocks = KernelClocks { same_pids: true };
        let CpuTime::Ns(before) = clocks.cpu(std::process::id()) else { panic!("no clock") };
        let mut x = 1_u64;
        for i in 0..3_000_000_u64 {
            x = std::hint::black_box(x.wrapping_mul(31).wrapping_add(i));
        }
        let CpuTime::Ns(after) = clocks.cpu(std::process::id()) else { panic!("no clock") };
        assert!(after > before, "{before} {after} {x}");
        assert_eq!(clocks.cpu(u32::MAX), CpuTime::Gone);
        assert_eq!(clocks.cpu((1 << 22) + 1), CpuTime::Gone);
        assert_eq!(KernelClocks { same_pids: false }.cpu(1), CpuTime::Unusable);
    }
}
