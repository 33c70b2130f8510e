//! Sampling of shares within a budget: new processes first, then those that may have changed, then all in turn.

use super::process::{Process, ShareState};
use super::{Sampler, Unread};
use crate::limits::{SHARE_READS_FIRST_MAX, SHARE_READS_MAX, SHARE_TIME_FIRST_MAX, SHARE_TIME_MAX};
use crate::proc::{ProcRoot, smaps};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Reads of a sweep that new processes leave to the others.
const FOR_OTHERS: usize = SHARE_READS_MAX / 4;
/// A process is sampled again when so many page faults as this part of its pages came since: pages shared by a fork
/// become its own by faults.
const FAULTS_PART: u64 = 8;
/// KiB of one page, at least.
const PAGE_KIB: u64 = 4;
/// A process whose reading took this many times as long rests for as many sweeps: a walk over gigabytes takes long.
const SHARE_COST_USEC: u128 = 50;
/// Longest rest, in sweeps.
const SHARE_REST_SWEEPS_MAX: u64 = 360;

/// Who is to be sampled, and what may still be spent in this sweep.
#[derive(Debug, Default)]
pub(super) struct Shares {
    urgent: VecDeque<u32>,
    /// Every process of an account once, by pid and start.
    turn: VecDeque<(u32, u64)>,
    reads: usize,
    until: Option<Instant>,
}

impl Shares {
    /// Begins a sweep with a fresh budget; the first one's is larger, as nothing is known yet.
    pub(super) fn begin(&mut self, first: bool) {
        let (reads, time): (usize, Duration) = if first {
            (SHARE_READS_FIRST_MAX, SHARE_TIME_FIRST_MAX)
        } else {
            (SHARE_READS_MAX, SHARE_TIME_MAX)
        };
        self.reads = reads;
        self.until = Instant::now().checked_add(time);
    }

    fn may_read(&self, keep: usize) -> bool {
        self.reads > keep && self.until.is_some_and(|until| Instant::now() < until)
    }

    /// A new process of an account: sampled at once if there is room, else as soon as there is.
    pub(super) fn meet(&mut self, root: &mut ProcRoot, sweep: u64, pid: u32, process: &mut Process) {
        self.turn.push_back((pid, process.start_ticks));
        if self.may_read(FOR_OTHERS) {
            self.sample(root, sweep, pid, process);
        } else {
            self.hurry(pid, process);
        }
    }

    /// A process that did something: sampled soon if its share may be another by now.
    pub(super) fn moved(&mut self, sweep: u64, pid: u32, process: &mut Process) {
        let ShareState::Known(_, faults) = process.share else { return };
        let since = process.faults.saturating_sub(faults);
        let pages = process.memory.anonymous_kib / PAGE_KIB;
        if since > pages / FAULTS_PART && process.share_due <= sweep {
            self.hurry(pid, process);
        }
    }

    fn hurry(&mut self, pid: u32, process: &mut Process) {
        if !process.urgent {
            process.urgent = true;
            self.urgent.push_back(pid);
        }
    }

    fn sample(&mut self, root: &mut ProcRoot, sweep: u64, pid: u32, process: &mut Process) {
        self.reads = self.reads.saturating_sub(1);
        let started = Instant::now();
        match smaps::read(root, pid) {
            Ok(share) => process.share = ShareState::Known(share, process.faults),
            Err(Unread::Denied) => process.share = ShareState::Denied,
            // It has ended, or its file is not as documented: the last known share stays.
            Err(_) => {}
        }
        let rest = started.elapsed().as_micros() / SHARE_COST_USEC;
        let rest = u64::try_from(rest).unwrap_or(u64::MAX).min(SHARE_REST_SWEEPS_MAX);
        process.share_due = sweep.saturating_add(rest);
        process.kib = process.share.share().of(process.memory);
    }
}

impl Sampler {
    /// Spends what is left of the budget.
    pub(super) fn sample_shares(&mut self) {
        self.drop_dead();
        while self.shares.may_read(0) {
            let Some(pid) = self.shares.urgent.pop_front() else { break };
            if let Some(process) = self.table.get_mut(&pid).filter(|p| p.urgent) {
                process.urgent = false;
                self.shares.sample(&mut self.root, self.sweep, pid, process);
            }
        }
        // Once round at most, so that nobody is read twice; in the first sweep everybody was read just now.
        let round = if self.sweep > 1 { self.shares.turn.len() } else { 0 };
        for _ in 0..round {
            if !self.shares.may_read(0) {
                break;
            }
            let Some((pid, start_ticks)) = self.shares.turn.pop_front() else { break };
            let same = |p: &&mut Process| p.start_ticks == start_ticks && p.account;
            if let Some(process) = self.table.get_mut(&pid).filter(same) {
                if process.share_due <= self.sweep {
                    self.shares.sample(&mut self.root, self.sweep, pid, process);
                }
                self.shares.turn.push_back((pid, start_ticks));
            }
        }
    }

    /// The queues forget the dead when popped; where births outrun the budget, they are swept here.
    fn drop_dead(&mut self) {
        let most = self.table.len().saturating_mul(2).saturating_add(64);
        if self.shares.turn.len() > most {
            let table = &self.table;
            self.shares.turn.retain(|(pid, start)| table.get(pid).is_some_and(|p| p.start_ticks == *start));
        }
        if self.shares.urgent.len() > most {
            let table = &self.table;
            self.shares.urgent.retain(|pid| table.get(pid).is_some_and(|p| p.urgent));
        }
    }
}
