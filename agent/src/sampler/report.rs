//! From the state after a sweep to a reading: figures, coverage, gaps, and what is limited.

use super::process::{Process, ShareState};
use super::threads::IoState;
use super::{Account, Sampler, Unread};
use crate::host_window::share_ppm;
use crate::limits::{PROCESSES_MAX, READING_GAPS_MAX};
use crate::meter::Source as _;
use crate::meter::io::Io;
use crate::reading::{AccountReading, HostReading, Reading};
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{Coverage, Gap, GapMeter};
use std::collections::BTreeMap;

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

impl Sampler {
    /// Makes the reading.
    pub(super) fn report(&mut self, top: bool) -> Reading {
        let mut reading = Reading {
            boottime_ns: 0,
            source: self.source.clone(),
            accounts: self.account_readings(),
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

    fn account_readings(&mut self) -> BTreeMap<u32, AccountReading> {
        let (accounts, homes) = (&self.accounts, &mut self.homes);
        let read = |(uid, account): (&u32, &Account)| {
            let mut out = AccountReading::named(accounts, homes, *uid);
            out.alive = account.uses.processes.now() > 0 || account.uses.sessions.now() > 0;
            account.uses.report(&mut out);
            (*uid, out)
        };
        self.by_uid.iter().map(read).collect()
    }

    fn host_reading(&mut self, reading: &mut Reading) {
        let accounts_ns =
            self.by_uid.values().fold(0_u64, |sum, a| sum.saturating_add(a.uses.cpu.total_ns()));
        reading.host.processes = i64::try_from(self.listing.pids.len()).ok();
        let clocks = &self.clocks;
        let seen_ns = (accounts_ns, self.system_ns);
        let unread = self.host.fill(reading, &mut self.root, || clocks.boottime_ns(), seen_ns);
        unread.iter().for_each(|e| self.tally.unread(e));
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
