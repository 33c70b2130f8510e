//! From the state after a sweep to a reading: figures, coverage, gaps, and what is limited.

use super::process::{Process, ShareState};
use super::threads::IoState;
use super::{Account, Sampler, Unread};
use crate::host;
use crate::limits::{PROCESSES_MAX, READING_GAPS_MAX};
use crate::meter::Source as _;
use crate::meter::io::Io;
use crate::reading::{AccountReading, HostReading, Reading};
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{Coverage, Gap, GapMeter};
use std::collections::BTreeMap;

/// All, in millionths.
const ALL_PPM: u64 = 1_000_000;
/// `/proc/stat` counts in ticks, so a difference up to this is no proof that anything was missed, µs a CPU.
const CLOCK_SLACK_USEC: u64 = 10_000;

/// What one sweep found beside the figures.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Whether the listing of processes was whole.
    pub listed_all: bool,
    /// Whether the first process, which always is, was not listed.
    pub hidden: bool,
    /// Processes that were not looked at, as the time was up.
    pub late: usize,
    /// Processes that were not followed, as there were too many.
    pub untracked: u64,
    /// Processes whose account found no room.
    pub turned_away: u64,
    /// Why utmp could not be read.
    pub utmp: Option<String>,
    denied: u64,
    faults: u64,
    first_fault: Option<String>,
    processes: u64,
    with_io: u64,
    with_memory: u64,
    io_missed: BTreeMap<u32, String>,
}

impl Tally {
    /// Begins a sweep.
    pub(super) fn begin(listed_all: bool, hidden: bool) -> Self {
        Self { listed_all, hidden, ..Self::default() }
    }

    /// A file could not be read.
    pub(super) fn unread(&mut self, why: &Unread) {
        match why {
            Unread::Gone => {}
            Unread::Denied => self.denied = self.denied.saturating_add(1),
            Unread::Fault(_) => self.fault(why),
        }
    }

    /// Something was not as documented.
    pub(super) fn fault(&mut self, why: &Unread) {
        self.faults = self.faults.saturating_add(1);
        self.first_fault.get_or_insert_with(|| why.to_string());
    }

    /// Some I/O of an account could not be read.
    pub(super) fn io_missed(&mut self, uid: u32, why: &Unread) {
        if *why != Unread::Gone {
            self.io_missed.entry(uid).or_insert_with(|| why.to_string());
        }
    }

    /// An account's process was counted.
    pub(super) fn process(&mut self, process: &Process) {
        self.processes = self.processes.saturating_add(1);
        if matches!(process.io, IoState::Threads(_)) {
            self.with_io = self.with_io.saturating_add(1);
        }
        if process.share != ShareState::Denied {
            self.with_memory = self.with_memory.saturating_add(1);
        }
    }

    fn gaps(&self) -> Vec<Gap> {
        let mut gaps = Vec::new();
        if self.io_missed.len().saturating_mul(Io::METERS.len()) < READING_GAPS_MAX {
            for (uid, why) in &self.io_missed {
                let reason = format!("the I/O of some processes cannot be read: {why}");
                gaps.extend(Io::METERS.iter().map(|m| gap(*m, Some(*uid), &reason)));
            }
        } else {
            let reason = format!("the I/O of processes of {} accounts cannot be read", self.io_missed.len());
            gaps.extend(Io::METERS.iter().map(|m| gap(*m, None, &reason)));
        }
        gaps.extend(self.utmp.iter().map(|why| gap(Meter::SessionSec, None, why)));
        gaps
    }

    fn limits(&self, may_trace: bool) -> String {
        let mut parts = Vec::new();
        let mut say = |when: bool, what: String| {
            if when {
                parts.push(what);
            }
        };
        say(self.hidden, "/proc hides processes of other users (option hidepid)".to_owned());
        say(self.denied > 0, "some processes may not be looked at (option hidepid of /proc)".to_owned());
        // Said even while nothing is missing: processes of others may come at any time.
        say(
            !may_trace,
            "runs without root: sees I/O and shared memory only of its own user's processes".to_owned(),
        );
        say(
            !self.listed_all || self.untracked > 0,
            format!("more than {PROCESSES_MAX} processes: the rest is not measured"),
        );
        say(self.late > 0, "looking at all processes took too long: some are counted later".to_owned());
        say(self.turned_away > 0, "too many accounts: further ones are counted as system".to_owned());
        parts.join("; ")
    }
}

fn gap(meter: Meter, uid: Option<u32>, reason: &str) -> Gap {
    Gap { meter: GapMeter::One(meter), uid, reason: reason.to_owned() }
}

fn share_ppm(part: u64, whole: u64) -> u32 {
    let ppm = part.saturating_mul(ALL_PPM).checked_div(whole).unwrap_or(ALL_PPM).min(ALL_PPM);
    u32::try_from(ppm).unwrap_or(u32::MAX)
}

/// Where the last report stood: coverage is about the time since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
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

impl Sampler {
    /// Makes the reading.
    pub(super) fn report(&mut self, top: bool) -> Reading {
        let mut reading = Reading {
            boottime_ns: 0,
            source: self.source.clone(),
            accounts: self.by_uid.iter().map(|(uid, a)| (*uid, self.account_reading(*uid, a))).collect(),
            host: HostReading::default(),
            coverage: Coverage {
                cpu_ppm: None,
                io_ppm: Some(share_ppm(self.tally.with_io, self.tally.processes)),
                memory_ppm: Some(share_ppm(self.tally.with_memory, self.tally.processes)),
            },
            limited: self.tally.limits(self.may_trace),
            gaps: self.tally.gaps(),
            top: BTreeMap::new(),
        };
        if top {
            let lists = self.by_uid.iter_mut().map(|(uid, a)| (*uid, a.commands.take()));
            reading.top = lists.filter(|(_, list)| !list.is_empty()).collect();
        }
        self.host_reading(&mut reading);
        self.warn();
        reading
    }

    fn account_reading(&self, uid: u32, account: &Account) -> AccountReading {
        let entry = self.accounts.entry(uid);
        let mut out = AccountReading {
            user: entry.map(|e| e.user.clone()),
            home: entry.and_then(|e| e.home.clone()),
            home_inode: account.home_inode,
            alive: account.uses.processes.now() > 0 || account.uses.sessions.now() > 0,
            ..AccountReading::default()
        };
        account.uses.report(&mut out);
        out
    }

    /// The host is read last, close to the time that the reading carries.
    fn host_reading(&mut self, reading: &mut Reading) {
        let accounts_usec =
            self.by_uid.values().fold(0_u64, |sum, a| sum.saturating_add(a.uses.cpu.total_ns() / 1_000));
        let system_usec = self.system_ns / 1_000;
        let host = &mut reading.host;
        host.accounts_usec = Some(accounts_usec);
        host.system_usec = Some(system_usec);
        host.processes = i64::try_from(self.listing.pids.len()).ok();
        match host::memory_totals(&mut self.root) {
            Ok(memory) => {
                host.memory_total_kib = Some(memory.total_kib);
                host.memory_available_kib = memory.available_kib;
            }
            Err(e) => self.tally.unread(&e),
        }
        let totals = host::cpu_totals(&mut self.root);
        reading.boottime_ns = self.clocks.boottime_ns();
        match totals {
            Ok(totals) => {
                let usec = totals.not_busy_ticks.saturating_mul(self.tick_ns / 1_000);
                let not_busy_usec = self.not_busy.next(usec);
                host.cpus = totals.cpus;
                host.not_busy_usec = Some(not_busy_usec);
                let seen_usec = accounts_usec.saturating_add(system_usec);
                let now = Window { at_ns: reading.boottime_ns, not_busy_usec, seen_usec };
                reading.coverage.cpu_ppm = self.window.and_then(|from| cpu_ppm(totals.cpus, from, now));
                self.window = Some(now);
            }
            Err(e) => {
                self.tally.unread(&e);
                self.window = None;
            }
        }
    }

    /// One line for all that was not as documented in a sweep, and only when it is another than before.
    fn warn(&mut self) {
        if self.tally.first_fault != self.last_fault {
            if let Some(first) = &self.tally.first_fault {
                tracing::warn!(count = self.tally.faults, first = ?first, "some files could not be read");
            }
            self.last_fault.clone_from(&self.tally.first_fault);
        }
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

    #[test]
    fn gaps_are_bounded() {
        let mut tally = Tally::default();
        let many = u32::try_from(READING_GAPS_MAX).unwrap();
        tally.io_missed(1_000, &Unread::Gone);
        assert!(tally.gaps().is_empty());
        tally.io_missed(1_001, &Unread::Denied);
        let gaps = tally.gaps();
        assert_eq!(gaps.iter().map(|g| g.uid).collect::<Vec<_>>(), [Some(1_001); 3]);
        assert_eq!(gaps[0].reason, "the I/O of some processes cannot be read: permission denied");
        (2_000..2_000 + many).for_each(|uid| tally.io_missed(uid, &Unread::Denied));
        let gaps = tally.gaps();
        assert_eq!(gaps.iter().map(|g| g.uid).collect::<Vec<_>>(), [None; 3]);
    }
}
