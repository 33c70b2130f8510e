//! The thread that counts homes, one after the other, so that sampling never waits for a disk.
//!
//! It rests after each step for longer than the step took. There is no safe way to ask for idle I/O priority
//! (ioprio_set(2)), so it takes the lowest CPU priority: the kernel derives the I/O priority from it.

use super::plan::{Plan, Target};
use super::quota::Quotas;
use super::walk::{Budget, Home, Usage, Walk, WalkError};
use crate::limits::{
    DISK_REST_FACTOR, DISK_REST_MAX, DISK_STEP_ENTRIES_MAX, DISK_STEP_TIME_MAX, QUOTA_EVERY,
};
use crate::os;
use crate::ship::lock;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The lowest priority of setpriority(2).
const NICEST: i32 = 19;
/// Without anything to do, the thread still looks up now and then.
const IDLE: Duration = Duration::from_secs(3_600);
const STEP: Budget = Budget { entries: DISK_STEP_ENTRIES_MAX, time: DISK_STEP_TIME_MAX };

/// What came of looking at one home.
#[derive(Debug)]
pub(super) struct Found {
    /// Boot-time clock, nanoseconds.
    pub(super) at_ns: u64,
    /// Inode of the home, if the home is there and the account's own.
    pub(super) inode: Option<u64>,
    pub(super) result: Result<Usage, WalkError>,
}

/// What both threads see.
#[derive(Debug, Default)]
pub(super) struct Board {
    /// Accounts, if they changed since the worker looked.
    pub(super) targets: Option<BTreeMap<u32, Target>>,
    /// The newest result of each account since the sampling thread looked.
    pub(super) found: BTreeMap<u32, Found>,
}

/// The owner of [`Board`] is gone: the agent ends.
struct Stopped;

pub(super) struct Worker {
    board: Arc<Mutex<Board>>,
    wake: Receiver<()>,
    every: Duration,
    plan: Plan,
    quotas: Quotas,
}

impl Worker {
    pub(super) fn new(board: Arc<Mutex<Board>>, wake: Receiver<()>, every: Duration, quotas: Quotas) -> Self {
        Self { board, wake, every, plan: Plan::default(), quotas }
    }

    /// Counts until the other end of the channel is gone.
    pub(super) fn run(mut self) {
        if let Err(e) = rustix::process::setpriority_process(None, NICEST) {
            tracing::info!("homes are counted without low priority: {e}");
        }
        while self.round().is_ok() {}
    }

    fn round(&mut self) -> Result<(), Stopped> {
        let now_ns = os::boottime_ns();
        if let Some(targets) = lock(&self.board).targets.take() {
            self.plan.set(&targets, now_ns);
        }
        let Some((due_ns, uid, target)) = self.plan.next() else { return self.pause(IDLE, true) };
        if due_ns > now_ns {
            return self.pause(Duration::from_nanos(due_ns.saturating_sub(now_ns)), true);
        }
        let target = target.clone();
        self.quotas.refresh(self.plan.uids());
        let (found, wait) = self.look(uid, &target)?;
        // Not from when quotas were read: that may be longer ago than the wait, and then it would always be due.
        self.plan.again(uid, after(os::boottime_ns(), wait));
        lock(&self.board).found.insert(uid, found);
        Ok(())
    }

    /// One home, and after how long to look again.
    fn look(&self, uid: u32, target: &Target) -> Result<(Found, Duration), Stopped> {
        let home = match Home::find(&target.home, &target.owner) {
            Ok(home) => home,
            Err(e) => {
                let found = Found { at_ns: os::boottime_ns(), inode: None, result: Err(e) };
                return Ok((found, self.every.min(QUOTA_EVERY)));
            }
        };
        let inode = home.inode(uid);
        if let Some((usage, at_ns)) = self.quotas.of(home.device(), uid) {
            return Ok((Found { at_ns, inode, result: Ok(usage) }, Quotas::every(self.every)));
        }
        let result = self.walk(&home, target)?;
        Ok((Found { at_ns: os::boottime_ns(), inode, result }, self.every))
    }

    fn walk(&self, home: &Home, target: &Target) -> Result<Result<Usage, WalkError>, Stopped> {
        let mut walk = match Walk::begin(home, target.owner.clone()) {
            Ok(walk) => walk,
            Err(e) => return Ok(Err(e)),
        };
        loop {
            let started = Instant::now();
            match walk.step(STEP) {
                Ok(true) => return Ok(Ok(walk.usage())),
                Ok(false) => {}
                Err(e) => return Ok(Err(e)),
            }
            let rest = started.elapsed().saturating_mul(DISK_REST_FACTOR).min(DISK_REST_MAX);
            self.pause(rest, false)?;
        }
    }

    /// Waits; with `until_news`, at most until there are other accounts.
    fn pause(&self, pause: Duration, until_news: bool) -> Result<(), Stopped> {
        let end = Instant::now() + pause;
        loop {
            match self.wake.recv_deadline(end) {
                Ok(()) if until_news => return Ok(()),
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => return Ok(()),
                Err(RecvTimeoutError::Disconnected) => return Err(Stopped),
            }
        }
    }
}

fn after(at_ns: u64, wait: Duration) -> u64 {
    at_ns.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::super::walk::Owner;
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_home_whose_quota_was_read_long_ago_waits_for_its_turn() {
        let every = Duration::from_secs(1);
        let dir = tempfile::tempdir().unwrap();
        let uid = std::fs::metadata(dir.path()).unwrap().uid();
        let owner = Owner { uid, ranges: Vec::new() };
        let target = Target { home: dir.path().to_str().unwrap().to_owned(), owner };
        let device = Home::find(&target.home, &target.owner).unwrap().device();
        let read_ns = os::boottime_ns() - 30_000_000_000;
        let board = Arc::new(Mutex::new(Board::default()));
        lock(&board).targets = Some([(uid, target)].into());
        let (_wake, woken) = crossbeam_channel::bounded(1);
        let quotas = Quotas::known(device, uid, (7, 3), read_ns);
        let mut worker = Worker::new(Arc::clone(&board), woken, every, quotas);
        assert!(worker.round().is_ok());
        let found = lock(&board).found.remove(&uid).unwrap();
        assert_eq!((found.at_ns, found.result.unwrap().kib), (read_ns, 7), "by quota");
        assert!(worker.plan.next().unwrap().0 > os::boottime_ns());
    }
}
