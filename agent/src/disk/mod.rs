//! `disk_kib_sec` and `disk_files`: what every account has in its home, over time.
//!
//! Accounts are those of passwd, whether they run anything or not. A thread of its own counts one home after the other
//! ([`walk`] says what is counted), or learns the figures from quotas; where a file system has them, what the account
//! has anywhere on it counts. Between two counts the last level holds. Before the first count, and where a home cannot
//! be counted, nothing is reported and a gap says why.
//!
//! The counter begins at 0 with the process. Where the other figures survive a restart it falls, so that the first
//! interval after a restart has a gap of this meter.

mod frames;
mod level;
mod links;
mod plan;
mod quota;
pub mod walk;
mod worker;

use crate::accounts::{Accounts, AccountsError, Entry};
use crate::config::Config;
use crate::limits::{ACCOUNTS_MAX, DISK_GAPS_MAX, DISK_SETTLE_NS, DISK_STALE_FACTOR, DISK_STALE_MIN_NS};
use crate::reading::{AccountReading, Reading};
use crate::sampler::SamplerConfig;
use crate::ship::lock;
use crossbeam_channel::Sender;
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{Gap, GapMeter};
use level::Level;
use plan::Target;
use quota::Quotas;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use walk::Owner;
use worker::{Board, Found, Worker};

const NOT_YET: &str = "its home was not counted yet";
const SEVERAL: &str = "the homes of several accounts are not counted yet or cannot be read";
const BY_SHARE: &str = "too many files of a home have several names: they are counted by their share";

/// The disk meter cannot be started.
#[derive(Debug, thiserror::Error)]
pub enum DiskError {
    /// passwd, login.defs or subuid.
    #[error("disk use: {0}")]
    Accounts(#[from] AccountsError),
    /// There is no thread for it.
    #[error("disk use: the system gave no thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// The disk meter.
#[derive(Debug)]
pub struct Disk {
    accounts: Accounts,
    stale: Duration,
    board: Arc<Mutex<Board>>,
    wake: Sender<()>,
    by_uid: BTreeMap<u32, Account>,
    is_new: bool,
    fault: String,
}

/// What is known of one account.
#[derive(Debug)]
struct Account {
    entry: Entry,
    ranges: Vec<(u32, u32)>,
    inode: Option<u64>,
    level: Level,
    files: Option<i64>,
    by_share: bool,
    /// What is not known, or not all of it, and why; empty if all is well.
    gap: String,
}

impl Account {
    fn new(entry: Entry, ranges: Vec<(u32, u32)>) -> Self {
        let gap = NOT_YET.to_owned();
        Self { entry, ranges, inode: None, level: Level::default(), files: None, by_share: false, gap }
    }

    fn target(&self, uid: u32) -> Option<Target> {
        let home = self.entry.home.clone()?;
        Some(Target { home, owner: Owner { uid, ranges: self.ranges.clone() } })
    }

    fn forget(&mut self, now_ns: u64, why: String) {
        self.level.forget(now_ns);
        self.files = None;
        self.by_share = false;
        self.gap = why;
    }

    fn advance(&mut self, now_ns: u64, stale: Duration) {
        if !self.level.advance(now_ns, stale) {
            self.forget(now_ns, format!("its home could not be counted for {} s", stale.as_secs()));
        }
    }

    fn take(&mut self, found: Found, now_ns: u64) {
        let at_ns = found.at_ns.min(now_ns);
        self.inode = found.inode;
        match found.result {
            Ok(usage) => {
                self.level.learn(usage.kib, at_ns);
                self.files = i64::try_from(usage.files).ok();
                self.by_share = usage.by_share;
                self.gap = usage.missed;
            }
            Err(e) if e.is_passing() && self.level.is_known() => self.gap = e.to_string(),
            Err(e) => self.forget(at_ns, e.to_string()),
        }
    }

    fn report(&self, out: &mut AccountReading) {
        if let Some(counter) = self.level.counter() {
            out.counters.insert(Meter::DiskKibSec, counter);
        }
        if let Some(files) = self.files {
            out.gauges.insert(Meter::DiskFiles, files);
        }
    }
}

impl Disk {
    /// The meter as the configuration wants it; `None` if it is switched off.
    pub fn of_host(config: &Config) -> Result<Option<Self>, DiskError> {
        let Some(every) = config.disk_every_ms.and_then(|ms| u64::try_from(ms).ok()) else { return Ok(None) };
        let (accounts, _bounds) = SamplerConfig::of(config).accounts()?;
        Ok(Some(Self::start(accounts, Duration::from_millis(every), config.executor_socket.clone())?))
    }

    /// Starts the thread. Each home is counted once in `every`, at once when its account is new. With a socket, the
    /// executor there is asked for quotas.
    pub fn start(accounts: Accounts, every: Duration, executor: Option<PathBuf>) -> std::io::Result<Self> {
        for fault in accounts.subuid_faults() {
            tracing::warn!("/etc/subuid: {fault}");
        }
        let board = Arc::new(Mutex::new(Board::default()));
        let (wake, woken) = crossbeam_channel::bounded(1);
        let worker = Worker::new(Arc::clone(&board), woken, every, Quotas::new(executor));
        std::thread::Builder::new().name("disk".to_owned()).spawn(move || worker.run())?;
        let factor = u32::try_from(DISK_STALE_FACTOR).unwrap_or(u32::MAX);
        let stale = every.saturating_mul(factor).max(Duration::from_nanos(DISK_STALE_MIN_NS));
        let by_uid = BTreeMap::new();
        Ok(Self { accounts, stale, board, wake, by_uid, is_new: true, fault: String::new() })
    }

    /// Adds the figures to a reading. The counters of accounts without processes move only now and then, so that they
    /// make no row in every interval; with `settle` (at the end of an hour, and at the end of the agent) all do.
    pub fn add_to(&mut self, reading: &mut Reading, settle: bool) {
        let now_ns = reading.boottime_ns;
        self.refresh(now_ns);
        let found = std::mem::take(&mut lock(&self.board).found);
        for (uid, found) in found {
            if let Some(account) = self.by_uid.get_mut(&uid) {
                account.take(found, now_ns);
            }
        }
        let mut gaps = Vec::new();
        for (uid, account) in &mut self.by_uid {
            account.advance(now_ns, self.stale);
            let is_alive = reading.accounts.get(uid).is_some_and(|a| a.alive);
            let is_due = settle || is_alive || slot(*uid, now_ns) != slot(*uid, account.level.settled_ns());
            if is_due {
                account.level.settle();
            }
            if is_due && (is_alive || account.level.counter().is_some()) && !account.gap.is_empty() {
                gaps.push((*uid, account.gap.clone()));
            }
            if let Some(out) = place(reading, *uid, account) {
                account.report(out);
            }
        }
        reading.gaps.extend(named(gaps));
        if self.by_uid.values().any(|a| a.by_share) {
            let parts = [reading.limited.as_str(), BY_SHARE].into_iter().filter(|p| !p.is_empty());
            reading.limited = parts.collect::<Vec<_>>().join("; ");
        }
    }

    /// Reads passwd and subuid again if they were changed.
    fn refresh(&mut self, now_ns: u64) {
        let fault = match self.accounts.refresh() {
            Ok(changed) if changed || self.is_new => {
                self.is_new = false;
                self.renew(now_ns);
                String::new()
            }
            Ok(_) => String::new(),
            Err(e) => e.to_string(),
        };
        if !fault.is_empty() && fault != self.fault {
            tracing::warn!("{fault}");
        }
        self.fault = fault;
    }

    fn renew(&mut self, now_ns: u64) {
        let mut before = std::mem::take(&mut self.by_uid);
        for (uid, entry) in self.accounts.entries().filter(|(_, e)| e.home.is_some()).take(ACCOUNTS_MAX) {
            let ranges = self.accounts.subuids_of(uid);
            let account = match before.remove(&uid) {
                Some(known) if known.entry == *entry && known.ranges == ranges => known,
                // Another user or another home: what was known of the one before says nothing of it.
                Some(mut known) => {
                    known.forget(now_ns, NOT_YET.to_owned());
                    Account { entry: entry.clone(), ranges, inode: None, ..known }
                }
                None => Account::new(entry.clone(), ranges),
            };
            self.by_uid.insert(uid, account);
        }
        let targets = self.by_uid.iter().filter_map(|(uid, a)| Some((*uid, a.target(*uid)?))).collect();
        let mut board = lock(&self.board);
        board.targets = Some(targets);
        board.found.clear();
        drop(board);
        // If it is full already, the worker will look anyway.
        let _told = self.wake.try_send(());
    }
}

/// Accounts take turns, so that not all make their rows in the same interval.
fn slot(uid: u32, at_ns: u64) -> u64 {
    let turns = DISK_SETTLE_NS / 1_000_000_000;
    let turn_ns = u64::from(uid).checked_rem(turns).unwrap_or(0).saturating_mul(1_000_000_000);
    at_ns.saturating_add(turn_ns) / DISK_SETTLE_NS
}

/// Where an account's figures go. One that ran nothing since the source began gets a place once it has any.
fn place<'a>(reading: &'a mut Reading, uid: u32, account: &Account) -> Option<&'a mut AccountReading> {
    let is_full = reading.accounts.len() >= ACCOUNTS_MAX;
    if !reading.accounts.contains_key(&uid) && (account.level.counter().is_none() || is_full) {
        return None;
    }
    Some(reading.accounts.entry(uid).or_insert_with(|| AccountReading {
        user: Some(account.entry.user.clone()),
        home: account.entry.home.clone(),
        home_inode: account.inode,
        is_unseen: true,
        ..AccountReading::default()
    }))
}

fn named(gaps: Vec<(u32, String)>) -> Vec<Gap> {
    let gap = |uid, reason| Gap { meter: GapMeter::One(Meter::DiskKibSec), uid, reason };
    if gaps.len() > DISK_GAPS_MAX {
        return vec![gap(None, SEVERAL.to_owned())];
    }
    gaps.into_iter().map(|(uid, why)| gap(Some(uid), why)).collect()
}

#[cfg(test)]
mod tests;
