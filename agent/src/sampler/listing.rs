//! Which processes there are. Listing /proc costs more than anything else of a sweep over idle processes, so it is left
//! out where no process can have been born since the last time.
//!
//! The kernel counts every fork in the line `processes` of `/proc/stat`, in the same step that makes the new process
//! visible. The count is read before the listing: a process that the listing missed raises the count for the next sweep.

use crate::host;
use crate::limits::LISTING_AGE_MAX_SWEEPS;
use crate::proc::{ProcError, ProcRoot};

/// The processes of the last listing that were still there at the last sweep.
#[derive(Debug, Default)]
pub(super) struct Listing {
    /// Process ids.
    pub pids: Vec<u32>,
    /// Whether the listing was whole; if not, there were more than are followed.
    pub whole: bool,
    /// The first process that the last sweep had no time for.
    pub late_from: Option<u32>,
    /// Forks since boot, read just before the listing; `None` if they are not counted here.
    forks: Option<u64>,
    /// Sweeps that did with it since it was made.
    age_sweeps: u32,
}

impl Listing {
    /// Brings the list up to date. `forks_tell`: whether every process that may appear is one that was just forked,
    /// which is not so where /proc shows a caller only a part of them.
    ///
    /// Processes that have ended may still be in the list: the caller meets them, and takes them out.
    pub(super) fn refresh(&mut self, root: &mut ProcRoot, forks_tell: bool) -> Result<(), ProcError> {
        let forks = if forks_tell { host::forks(root) } else { None };
        let nobody_new = forks.is_some() && forks == self.forks;
        if nobody_new && self.whole && self.age_sweeps < LISTING_AGE_MAX_SWEEPS {
            self.age_sweeps = self.age_sweeps.saturating_add(1);
            return Ok(());
        }
        self.forks = None;
        self.whole = root.pids(&mut self.pids)?;
        self.forks = forks;
        self.age_sweeps = 0;
        Ok(())
    }
}

/// Puts what the sweep before had no time for first, so that no process is left out for ever.
pub(super) fn begin_at(pids: &mut [u32], late_from: Option<u32>) {
    let Some(first) = late_from else { return };
    pids.sort_unstable();
    pids.rotate_left(pids.partition_point(|pid| *pid < first));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sweep_that_was_late_goes_on_where_it_stopped() {
        let check = |late_from: Option<u32>, want: [u32; 4]| {
            let mut pids = [1, 5, 9, 12];
            begin_at(&mut pids, late_from);
            assert_eq!(pids, want, "{late_from:?}");
            begin_at(&mut pids, late_from);
            assert_eq!(pids, want, "{late_from:?} again");
        };
        check(None, [1, 5, 9, 12]);
        check(Some(9), [9, 12, 1, 5]);
        check(Some(6), [9, 12, 1, 5]);
        check(Some(1), [1, 5, 9, 12]);
        check(Some(13), [1, 5, 9, 12]);
    }
}
