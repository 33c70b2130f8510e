//! What a sweep leaves: cumulative readings by uid. An interval is the difference of two readings.
//!
//! Keeping readings cumulative makes persistence simple: the baseline moves only when the batch that ends with it is
//! durable, so that a failed write widens the open interval and loses nothing.

use crate::accounts::{Accounts, HomeInodes};
use crate::by_meter::ByMeter;
use hostmeter_core::ids::BootId;
use hostmeter_core::wire::batch::{Coverage, Gap, TopCommand};
use std::collections::BTreeMap;

/// Where cumulative figures come from. Figures of different sources are never subtracted from each other.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Source {
    /// The kernel's boot id.
    pub boot: BootId,
    /// `proc` or `ebpf`.
    pub tier: String,
    /// Which counters: new at each start in the /proc tier.
    pub map_id: u64,
}

/// Everything known at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// Boot-time clock, nanoseconds, when the sweep ended.
    pub boottime_ns: u64,
    /// Where the figures come from.
    pub source: Source,
    /// By real uid; only uids that are accounts. Never removed while the source lives.
    pub accounts: BTreeMap<u32, AccountReading>,
    /// The host as a whole.
    pub host: HostReading,
    /// What the sweep saw of the truth.
    pub coverage: Coverage,
    /// Empty if all of /proc is seen; else what is not and why, for people.
    pub limited: String,
    /// What could not be read since the reading before; a gap of the interval that ends here.
    pub gaps: Vec<Gap>,
    /// Top commands by uid since the last list; empty between lists.
    pub top: BTreeMap<u32, Vec<TopCommand>>,
}

/// One account at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AccountReading {
    /// User name, escaped; `None` where passwd has no entry.
    pub user: Option<String>,
    /// Home directory as in passwd.
    pub home: Option<String>,
    /// Inode of the home, if it could be read and belongs to the uid.
    pub home_inode: Option<u64>,
    /// Flow meters since the source began, in base units. Absent: not measured by this source.
    pub counters: ByMeter<u64>,
    /// Gauges now.
    pub gauges: ByMeter<i64>,
    /// Whether the account has a process or session now.
    pub alive: bool,
    /// No process or session of it was seen since the source began: it is here for its home alone, and what it used
    /// of all else is 0.
    pub is_unseen: bool,
}

impl AccountReading {
    /// What passwd and the home say of an account; figures are to come.
    pub fn named(accounts: &Accounts, homes: &mut HomeInodes, uid: u32) -> Self {
        let entry = accounts.entry(uid);
        Self {
            user: entry.map(|e| e.user.clone()),
            home: entry.and_then(|e| e.home.clone()),
            home_inode: homes.of(accounts, uid),
            ..Self::default()
        }
    }
}

/// The host at one moment; counters since boot or since the source began, as each field says.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct HostReading {
    /// CPUs online.
    pub cpus: u32,
    /// idle + iowait + steal of all CPUs since boot, µs (`/proc/stat`).
    pub not_busy_usec: Option<u64>,
    /// CPU time of all that is no account, since the source began, µs.
    pub system_usec: Option<u64>,
    /// CPU time of all accounts, since the source began, µs.
    pub accounts_usec: Option<u64>,
    /// Physical memory, KiB.
    pub memory_total_kib: Option<i64>,
    /// Available memory, KiB.
    pub memory_available_kib: Option<i64>,
    /// Processes now.
    pub processes: Option<i64>,
}
