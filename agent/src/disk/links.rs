//! Files with several names, so that each counts once.

use crate::limits::DISK_LINKS_MAX;
use rustix::fs::Statx;
use std::collections::HashSet;

/// A whole file in shares. Divisible by every number of names up to 10, so that common shares add up exactly.
pub(super) const SHARE_UNIT: u64 = 2_520 << 20;

/// How a file counts at one of its names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// As a whole.
    First,
    /// Not again.
    Again,
    /// One part of [`SHARE_UNIT`] for each name: adds up to the whole where every name lies in the home.
    Share(u64),
}

/// The files with several names that were seen, up to a limit.
#[derive(Debug, Default)]
pub(super) struct Links(HashSet<(u32, u32, u64)>);

impl Links {
    pub(super) fn see(&mut self, stat: &Statx) -> Seen {
        if stat.stx_nlink <= 1 {
            return Seen::First;
        }
        let key = (stat.stx_dev_major, stat.stx_dev_minor, stat.stx_ino);
        if self.0.contains(&key) {
            return Seen::Again;
        }
        if self.0.len() >= DISK_LINKS_MAX {
            return Seen::Share(SHARE_UNIT / u64::from(stat.stx_nlink));
        }
        self.0.insert(key);
        Seen::First
    }
}
