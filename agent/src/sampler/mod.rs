//! One sweep over the host: every process and session becomes cumulative readings by account.
//!
//! A process whose CPU clock has not moved did nothing, and costs one system call. The others are read anew. A pid that
//! was given to another process is told by its start time: its clock cannot stand at the old value to the nanosecond,
//! so it is read, and its start differs.

mod config;
mod listing;
mod look;
mod process;
mod report;
mod share;
mod threads;

pub use config::{SampleError, SamplerConfig};

use crate::accounts::{Accounts, HomeInodes};
use crate::host;
use crate::host_window::HostWindow;
use crate::limits::{ACCOUNTS_MAX, SWEEP_TIME_MAX};
use crate::meter::Uses;
use crate::proc::cpu_clock::{Clocks, CpuTime, KernelClocks};
use crate::proc::{ProcRoot, Unread};
use crate::reading::{Reading, Source};
use crate::session::Utmp;
use crate::top::Commands;
use listing::Listing;
use process::Process;
use report::Tally;
use share::Shares;
use std::collections::{BTreeMap, HashMap};
use std::time::Instant;

/// One account's cumulative use and what is known about it.
#[derive(Debug, Default)]
struct Account {
    uses: Uses,
    commands: Commands,
}

/// Samples this host. Counters are cumulative since it was made.
pub struct Sampler {
    root: ProcRoot,
    clocks: Box<dyn Clocks>,
    accounts: Accounts,
    utmp: Utmp,
    source: Source,
    tick_ns: u64,
    may_trace: bool,
    table: HashMap<u32, Process>,
    by_uid: BTreeMap<u32, Account>,
    sessions: BTreeMap<u32, u32>,
    shares: Shares,
    host: HostWindow,
    system_ns: u64,
    /// Number of this sweep, from 1.
    sweep: u64,
    /// Start of the first sweep, clock ticks since boot: what began before it is primed.
    first_ticks: u64,
    now_ns: u64,
    before_ns: u64,
    tally: Tally,
    last_fault: Option<String>,
    listing: Listing,
    homes: HomeInodes,
    tids: Vec<u32>,
}

impl Sampler {
    /// Opens everything and checks that it can be used; the first sweep comes later.
    pub fn new(config: &SamplerConfig) -> Result<Self, SampleError> {
        let root = ProcRoot::open(&config.proc_root)?;
        // In another pid namespace's /proc, pids mean other processes than they do to system calls.
        let own = std::process::id().to_string().into_bytes();
        let same_pids = root.link("self").is_some_and(|link| link == own);
        drop(root);
        Self::with_clocks(config, Box::new(KernelClocks { same_pids }))
    }

    /// As [`Sampler::new`], with clocks of the caller's.
    pub fn with_clocks(config: &SamplerConfig, clocks: Box<dyn Clocks>) -> Result<Self, SampleError> {
        let mut root = ProcRoot::open(&config.proc_root)?;
        let boot = host::boot_id(&mut root).map_err(SampleError::Boot)?;
        let (accounts, _bounds) = config.accounts()?;
        if !accounts.unresolved().is_empty() {
            tracing::warn!(names = ?accounts.unresolved(), "include or exclude names users that passwd does not have");
        }
        let mut id = [0_u8; 8];
        getrandom::fill(&mut id).map_err(|e| SampleError::Random(e.to_string()))?;
        let may_trace = look::may_trace(&mut root);
        Ok(Self {
            root,
            clocks,
            accounts,
            utmp: Utmp::new(config.utmp.as_deref()),
            source: Source { boot, tier: "proc".to_owned(), map_id: u64::from_le_bytes(id) },
            tick_ns: host::tick_ns(),
            may_trace,
            table: HashMap::new(),
            by_uid: BTreeMap::new(),
            sessions: BTreeMap::new(),
            shares: Shares::default(),
            host: HostWindow::default(),
            system_ns: 0,
            sweep: 0,
            first_ticks: 0,
            now_ns: 0,
            before_ns: 0,
            tally: Tally::default(),
            last_fault: None,
            listing: Listing::default(),
            homes: HomeInodes::default(),
            tids: Vec::new(),
        })
    }

    /// Where the figures come from; new with every sampler, as this tier keeps nothing over a restart.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// Looks at every process once. With `top`, the reading carries the commands since the last such list.
    ///
    /// An error means that nothing could be read; the figures go on, so that the next good reading covers the time.
    pub fn sweep(&mut self, top: bool) -> Result<Reading, SampleError> {
        // Without every right, a process may become visible long after its birth.
        self.listing.refresh(&mut self.root, self.may_trace)?;
        self.begin();
        self.look_at_all();
        self.end();
        Ok(self.report(top))
    }

    fn begin(&mut self) {
        self.sweep = self.sweep.saturating_add(1);
        self.before_ns = self.now_ns;
        self.now_ns = self.clocks.boottime_ns();
        if self.sweep == 1 {
            self.before_ns = self.now_ns;
            self.first_ticks = self.now_ns.checked_div(self.tick_ns).unwrap_or_default();
        }
        self.tally = Tally::begin(self.listing.whole, !self.listing.pids.contains(&1));
        self.shares.begin(self.sweep == 1);
        if let Err(e) = self.accounts.refresh() {
            self.tally.fault(&Unread::Fault(e.to_string()));
        }
        for account in self.by_uid.values_mut() {
            account.uses.processes.begin();
            account.uses.sessions.begin();
            account.commands.begin();
        }
    }

    fn look_at_all(&mut self) {
        let started = Instant::now();
        let mut pids = std::mem::take(&mut self.listing.pids);
        listing::begin_at(&mut pids, self.listing.late_from.take());
        let (mut looks, mut late) = (0_u32, 0_usize);
        pids.retain(|pid| {
            looks = looks.saturating_add(1);
            // The clock is asked for now and then: it costs a tenth of what a look costs.
            if late > 0 || (looks.is_multiple_of(64) && started.elapsed() > SWEEP_TIME_MAX) {
                late = late.saturating_add(1);
                self.listing.late_from.get_or_insert(*pid);
                return true;
            }
            self.look_at(*pid)
        });
        self.listing.pids = pids;
        self.tally.late = late;
        if late == 0 {
            let sweep = self.sweep;
            self.table.retain(|_, p| p.seen == sweep);
        }
    }

    fn end(&mut self) {
        self.sample_shares();
        self.follow_sessions();
        self.homes.refresh_one(&self.accounts);
        let window_ns = self.window_ns();
        for account in self.by_uid.values_mut() {
            account.uses.processes.end(window_ns);
        }
    }

    fn window_ns(&self) -> u64 {
        self.now_ns.saturating_sub(self.before_ns)
    }

    /// Whether the process is still there.
    fn look_at(&mut self, pid: u32) -> bool {
        let cpu = self.clocks.cpu(pid);
        if let CpuTime::Ns(ns) = cpu
            && let Some(p) = self.table.get_mut(&pid)
            && p.clock_ns == ns
        {
            p.seen = self.sweep;
            let account = if p.account { self.by_uid.get_mut(&p.uid) } else { None };
            if let Some(account) = account {
                p.pass(account, self.now_ns);
                self.tally.process(p);
            }
            return true;
        }
        if cpu == CpuTime::Gone {
            return false;
        }
        let Err(e) = self.look_closely(pid, cpu) else { return true };
        if e == Unread::Gone {
            return false;
        }
        self.tally.unread(&e);
        // Nothing is known of it now, but it is there: it keeps its place, and is counted by a later sweep.
        if let Some(p) = self.table.get_mut(&pid) {
            p.seen = self.sweep;
        }
        true
    }

    /// Makes room for an account; `false` if there is none, and the process counts as system.
    fn admit(&mut self, uid: u32) -> bool {
        if self.by_uid.contains_key(&uid) {
            return true;
        }
        if self.by_uid.len() >= ACCOUNTS_MAX {
            self.tally.turned_away = self.tally.turned_away.saturating_add(1);
            return false;
        }
        self.by_uid.insert(uid, Account::default());
        true
    }
}

impl std::fmt::Debug for Sampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sampler")
            .field("source", &self.source)
            .field("sweep", &self.sweep)
            .field("processes", &self.table.len())
            .field("accounts", &self.by_uid.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod real;
#[cfg(test)]
mod tests;
