//! The directories from the home down to where a walk stands.
//!
//! The lowest ones are open. Of those above only identity and position are kept; they are opened again by `..`, and
//! must then be the same directory: a tree may be moved while it is walked.

use crate::limits::{DISK_DEPTH_MAX, DISK_OPEN_MAX};
use rustix::fs::{AtFlags, Dir, Statx, StatxFlags, statx};
use rustix::io::Errno;
use std::collections::VecDeque;
use std::os::fd::{BorrowedFd, OwnedFd};

/// What tells a directory from others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Id {
    device: (u32, u32),
    inode: u64,
}

impl Id {
    pub(super) fn of(stat: &Statx) -> Self {
        Self { device: (stat.stx_dev_major, stat.stx_dev_minor), inode: stat.stx_ino }
    }

    fn of_dir(dir: &Dir) -> rustix::io::Result<Self> {
        Ok(Self::of(&statx(dir.fd()?, c"", AtFlags::EMPTY_PATH, StatxFlags::INO)?))
    }
}

#[derive(Debug)]
struct Open {
    dir: Dir,
    /// Where the entry after the last one that was read begins.
    position: i64,
}

#[derive(Debug)]
struct Closed {
    id: Id,
    position: i64,
}

/// How leaving a directory ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Left {
    /// In the directory above, which goes on after the entry that was entered.
    Up,
    /// The home itself was left: all is done.
    Top,
    /// The directory above is another one now.
    Lost,
}

/// The directories from the home down.
#[derive(Debug)]
pub(super) struct Frames {
    closed: Vec<Closed>,
    open: VecDeque<Open>,
}

impl Frames {
    pub(super) fn new(top: Dir) -> Self {
        Self { closed: Vec::new(), open: VecDeque::from([Open { dir: top, position: 0 }]) }
    }

    /// The directory that is read now.
    pub(super) fn current(&mut self) -> Option<&mut Dir> {
        self.open.back_mut().map(|o| &mut o.dir)
    }

    /// The entry before this position was read.
    pub(super) fn passed(&mut self, position: i64) {
        if let Some(open) = self.open.back_mut() {
            open.position = position;
        }
    }

    /// How many levels there are, the home included.
    pub(super) fn depth(&self) -> usize {
        self.open.len().saturating_add(self.closed.len())
    }

    /// Whether no deeper directory may be entered.
    pub(super) fn is_full(&self) -> bool {
        self.depth() >= DISK_DEPTH_MAX
    }

    /// How many directories are open.
    #[cfg(test)]
    pub(super) fn open_count(&self) -> usize {
        self.open.len()
    }

    /// Goes down. On an error nothing was changed.
    pub(super) fn enter(&mut self, dir: Dir) -> Result<(), Errno> {
        if self.open.len() >= DISK_OPEN_MAX
            && let Some(first) = self.open.front()
        {
            self.closed.push(Closed { id: Id::of_dir(&first.dir)?, position: first.position });
            self.open.pop_front();
        }
        self.open.push_back(Open { dir, position: 0 });
        Ok(())
    }

    /// Goes up. `up` opens the directory above the one that it is given.
    pub(super) fn leave(&mut self, up: impl FnOnce(BorrowedFd<'_>) -> rustix::io::Result<OwnedFd>) -> Left {
        let Some(below) = self.open.pop_back() else { return Left::Top };
        if !self.open.is_empty() {
            return Left::Up;
        }
        let Some(above) = self.closed.pop() else { return Left::Top };
        let again = || -> rustix::io::Result<Option<Open>> {
            let mut dir = Dir::new(up(below.dir.fd()?)?)?;
            if Id::of_dir(&dir)? != above.id {
                return Ok(None);
            }
            dir.seek(above.position)?;
            Ok(Some(Open { dir, position: above.position }))
        };
        match again() {
            Ok(Some(open)) => {
                self.open.push_back(open);
                Left::Up
            }
            Ok(None) | Err(_) => Left::Lost,
        }
    }
}
