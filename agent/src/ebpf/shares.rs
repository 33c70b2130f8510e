//! Which part of the pages that a uid's processes map is its own: sampled, a few processes a sweep.

use super::layout::{Record, ShareRow};
use super::programs::{KernelError, Programs};
use crate::limits::{SHARE_SAVED_MAX_USEC, SHARE_TIME_FIRST_MAX, SHARE_USEC, SHARES_ASKED_MAX};
use crate::proc::smaps::{self, Sizes};
use crate::proc::{ProcRoot, Unread};
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

/// Samples of a slot weigh by their pages; when so many are in, older ones lose half their weight.
const FADE_AFTER: u32 = 32;

#[derive(Clone, Copy, Debug, Default)]
struct Slot {
    samples: u32,
    sizes: Sizes,
}

/// Samples by slot.
#[derive(Debug, Default)]
pub(super) struct Shares {
    slots: HashMap<u32, Slot>,
    /// Processes that sweeps named and that were not read yet: of accounts without a share, and of the others.
    first: VecDeque<Record>,
    again: VecDeque<Record>,
    /// Time that there is for the others, µs; below 0 it is owed.
    saved_usec: i64,
    denied: bool,
}

impl Shares {
    /// Whether some process could not be read, for want of rights.
    pub(super) fn denied(&self) -> bool {
        self.denied
    }

    /// Reads processes that sweeps named: as many as there is time for where an account has no share yet. Each sweep has a
    /// little time for the others; a process that took longer is paid for by the next sweeps.
    pub(super) fn sample(
        &mut self,
        programs: &Programs,
        root: &mut ProcRoot,
        records: &[Record],
    ) -> Result<(), KernelError> {
        for record in records {
            if self.first.len().saturating_add(self.again.len()) < SHARES_ASKED_MAX {
                self.first.push_back(*record);
            }
        }
        let started = Instant::now();
        // At least one is read, so that the queue moves on where reading takes long.
        while let Some(record) = self.first.pop_front() {
            if self.slots.contains_key(&record.slot) {
                self.again.push_back(record);
                continue;
            }
            self.read(programs, root, record)?;
            if started.elapsed() > SHARE_TIME_FIRST_MAX {
                break;
            }
        }
        self.saved_usec = self.saved_usec.saturating_add(SHARE_USEC).min(SHARE_SAVED_MAX_USEC);
        while self.saved_usec > 0
            && let Some(record) = self.again.pop_front()
        {
            let started = Instant::now();
            self.read(programs, root, record)?;
            let took_usec = i64::try_from(started.elapsed().as_micros()).unwrap_or(i64::MAX);
            self.saved_usec = self.saved_usec.saturating_sub(took_usec.max(1));
        }
        Ok(())
    }

    fn read(&mut self, programs: &Programs, root: &mut ProcRoot, record: Record) -> Result<(), KernelError> {
        match smaps::sizes(root, record.pid) {
            Ok(sizes) => self.add(programs, record.slot, sizes)?,
            Err(Unread::Denied) => self.denied = true,
            // It has ended, or its file is not as documented: the share stays.
            Err(_) => {}
        }
        Ok(())
    }

    fn add(&mut self, programs: &Programs, slot: u32, sizes: Sizes) -> Result<(), KernelError> {
        let entry = self.slots.entry(slot).or_default();
        if entry.samples >= FADE_AFTER {
            entry.samples /= 2;
            entry.sizes = entry.sizes.halved();
        }
        entry.samples = entry.samples.saturating_add(1);
        entry.sizes = entry.sizes.plus(sizes);
        let share = entry.sizes.share();
        let ppm = |ppm: u64| u32::try_from(ppm).unwrap_or(u32::MAX);
        let row = ShareRow { wanted: true, ppm: Some((ppm(share.anonymous_ppm), ppm(share.shared_ppm))) };
        programs.set_share(slot, row)
    }
}
