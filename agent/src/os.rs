//! What the agent reads of the machine beside meters: clocks, boot id, name, random numbers.

use hostmeter_core::ids::BootId;
use rustix::time::{ClockId, clock_gettime};
use std::time::{SystemTime, UNIX_EPOCH};

/// Why the machine did not tell.
#[derive(Debug, thiserror::Error)]
pub enum OsError {
    /// The boot id could not be read.
    #[error("{BOOT_ID}: {0}")]
    BootId(String),
    /// A clock stands before its start.
    #[error("the machine's clock stands before 1970; set it")]
    Clock,
}

const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Both clocks at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Wall clock, nanoseconds since the epoch.
    pub wall_ns: u64,
    /// Boot-time clock, nanoseconds; it also runs while the machine sleeps.
    pub boottime_ns: u64,
}

impl Now {
    /// Wall clock, milliseconds since the epoch.
    pub fn wall_ms(self) -> i64 {
        ms(self.wall_ns)
    }

    /// Boot-time clock, milliseconds.
    pub fn boottime_ms(self) -> i64 {
        ms(self.boottime_ns)
    }
}

/// Whole milliseconds of nanoseconds; always fits.
pub fn ms(ns: u64) -> i64 {
    i64::try_from(ns / 1_000_000).unwrap_or(i64::MAX)
}

/// Reads both clocks.
pub fn now() -> Result<Now, OsError> {
    let wall = SystemTime::now().duration_since(UNIX_EPOCH).map_err(|_| OsError::Clock)?;
    let wall_ns = u64::try_from(wall.as_nanos()).map_err(|_| OsError::Clock)?;
    Ok(Now { wall_ns, boottime_ns: boottime_ns() })
}

/// The boot-time clock, nanoseconds. Linux always has it.
pub fn boottime_ns() -> u64 {
    let t = clock_gettime(ClockId::Boottime);
    let (sec, ns) = (u64::try_from(t.tv_sec).unwrap_or(0), u64::try_from(t.tv_nsec).unwrap_or(0));
    sec.saturating_mul(1_000_000_000).saturating_add(ns)
}

/// Id of this boot.
pub fn boot_id() -> Result<BootId, OsError> {
    let text = std::fs::read_to_string(BOOT_ID).map_err(|e| OsError::BootId(e.to_string()))?;
    BootId::parse(text.trim()).map_err(|e| OsError::BootId(e.to_string()))
}

/// The machine's own name, for people only.
pub fn machine_name() -> String {
    let name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    name.chars().filter(|c| !c.is_control()).take(255).collect()
}

/// A number from 0 to `below`, exclusive, for pauses; 0 if the kernel gives no random bytes.
pub fn random_below(below: u64) -> u64 {
    getrandom::u64().unwrap_or(0).checked_rem(below).unwrap_or(0)
}

/// Has the kernel send SIGTERM to this process when the thread that started it ends (`PR_SET_PDEATHSIG`, prctl(2)).
/// A parent that ended before this call is noticed as well.
pub fn end_with_parent() -> std::io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    let parent = getppid();
    set_parent_process_death_signal(Some(Signal::TERM))?;
    if getppid() == parent { Ok(()) } else { Err(std::io::Error::other("the parent ended already")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_answers() {
        let (first, second) = (now().unwrap(), now().unwrap());
        assert!(second.boottime_ns >= first.boottime_ns && first.wall_ms() > 1_600_000_000_000);
        assert_eq!(boot_id().unwrap(), boot_id().unwrap());
        assert!((0..100).all(|_| random_below(3) < 3));
        assert_eq!(random_below(0), 0);
    }
}
