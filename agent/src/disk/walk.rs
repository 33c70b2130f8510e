//! Counting a home, in small steps: what its owner has in it, allocated KiB and inodes.
//!
//! Counted is what belongs to the account by owner uid, below its home, on the home's own mount: the part of what a
//! quota counts that lies in the home, and of what `du -x` shows the part that is the account's. A file that another
//! user put there is not on the account's bill, and neither is what the account put elsewhere.
//!
//! Hostile users make the tree: every step goes by descriptor, never through a link or into another mount, and depth
//! costs neither stack nor descriptors.

use super::frames::{Frames, Id, Left};
use super::links::{Links, SHARE_UNIT, Seen};
use crate::limits::DISK_ENTRIES_MAX;
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, ResolveFlags, Statx, StatxAttributes, StatxFlags, fstatfs, open,
    openat2, statx,
};
use rustix::io::Errno;
use std::ffi::CStr;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// `AUTOFS_SUPER_MAGIC`: an automount point that is not mounted.
const AUTOFS: u64 = 0x187;

/// Whose files are counted: an account's own uid, and its ranges of `/etc/subuid`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Owner {
    /// The account's uid.
    pub uid: u32,
    /// First uid and one past the last of each range.
    pub ranges: Vec<(u32, u32)>,
}

impl Owner {
    fn has(&self, uid: u32) -> bool {
        uid == self.uid || self.ranges.iter().any(|(start, end)| (*start..*end).contains(&uid))
    }
}

/// What one count found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Allocated space, KiB, rounded up.
    pub kib: u64,
    /// Inodes: files, directories, links and all others; a file with several names once.
    pub files: u64,
    /// Whether files with several names were counted by their share, as there were too many.
    pub by_share: bool,
    /// What could not be counted, for people; empty if all was.
    pub missed: String,
}

/// Why a home was not counted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WalkError {
    /// The path is of no use.
    #[error("its home {0:?} is not the path of a folder of its own")]
    NoHome(String),
    /// The home cannot be opened.
    #[error("its home {home} cannot be read ({why})")]
    Unreadable {
        /// Path.
        home: String,
        /// What the system said.
        why: Errno,
    },
    /// The home is somebody else's.
    #[error("its home {home} belongs to uid {uid}")]
    NotItsOwn {
        /// Path.
        home: String,
        /// The owner.
        uid: u32,
    },
    /// An automount point whose file system is away.
    #[error("its home {0} is not mounted now")]
    NotMounted(String),
    /// Directories above the one that was counted were moved.
    #[error("directories were moved while its home was counted")]
    Moved,
}

impl WalkError {
    /// Whether the level of the count before may go on holding: the home is as it was, it could only not be counted.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::NotMounted(_) | Self::Moved)
    }
}

/// Most work of one step.
#[derive(Clone, Copy, Debug)]
pub struct Budget {
    /// Entries.
    pub entries: u32,
    /// Time.
    pub time: Duration,
}

/// A home that was found, not opened for reading yet.
#[derive(Debug)]
pub struct Home {
    path: String,
    fd: OwnedFd,
    stat: Statx,
}

const LOOK: AtFlags = AtFlags::SYMLINK_NOFOLLOW.union(AtFlags::NO_AUTOMOUNT).union(AtFlags::STATX_DONT_SYNC);
const WANT: StatxFlags = StatxFlags::TYPE
    .union(StatxFlags::UID)
    .union(StatxFlags::NLINK)
    .union(StatxFlags::INO)
    .union(StatxFlags::BLOCKS);

impl Home {
    /// Finds a home. Links on its path are followed: they are the administrator's. Automounts are not started.
    pub fn find(path: &str, owner: &Owner) -> Result<Self, WalkError> {
        let fail = |why| WalkError::Unreadable { home: path.to_owned(), why };
        if !Path::new(path).is_absolute() {
            return Err(WalkError::NoHome(path.to_owned()));
        }
        let fd = open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(fail)?;
        let at = |fd: &OwnedFd| statx(fd, c"", LOOK | AtFlags::EMPTY_PATH, WANT);
        let stat = at(&fd).map_err(fail)?;
        let root = open("/", OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).map_err(fail)?;
        let is_root = Id::of(&at(&root).map_err(fail)?) == Id::of(&stat);
        if is_root || file_type(&stat) != FileType::Directory {
            return Err(WalkError::NoHome(path.to_owned()));
        }
        if u64::try_from(fstatfs(&fd).map_err(fail)?.f_type).ok() == Some(AUTOFS) {
            return Err(WalkError::NotMounted(path.to_owned()));
        }
        // A home that is a jail belongs to root, and what is in it to the account.
        if stat.stx_uid != 0 && !owner.has(stat.stx_uid) {
            return Err(WalkError::NotItsOwn { home: path.to_owned(), uid: stat.stx_uid });
        }
        Ok(Self { path: path.to_owned(), fd, stat })
    }

    /// Its inode, if it is the account's own.
    pub fn inode(&self, uid: u32) -> Option<u64> {
        (self.stat.stx_uid == uid).then_some(self.stat.stx_ino)
    }

    /// The device of its file system, major and minor number.
    pub fn device(&self) -> (u32, u32) {
        (self.stat.stx_dev_major, self.stat.stx_dev_minor)
    }
}

fn file_type(stat: &Statx) -> FileType {
    FileType::from_raw_mode(stat.stx_mode.into())
}

/// Opens a directory for reading, without a trace in its access time where that is allowed (owner or `CAP_FOWNER`).
fn enter(at: impl AsFd, name: &CStr, way: ResolveFlags, quietly: &mut bool) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let way = way | ResolveFlags::NO_SYMLINKS | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    if *quietly {
        match openat2(&at, name, flags | OFlags::NOATIME, Mode::empty(), way) {
            Err(Errno::PERM) => *quietly = false,
            done => return done,
        }
    }
    openat2(at, name, flags, Mode::empty(), way)
}

/// One count of one home; it goes on from where the step before ended.
#[derive(Debug)]
pub struct Walk {
    owner: Owner,
    frames: Frames,
    links: Links,
    quietly: bool,
    entries: u64,
    blocks: u64,
    files: u64,
    /// Of files that are counted by share, in parts of [`SHARE_UNIT`].
    shared_blocks: u128,
    shared_files: u128,
    unread: u64,
    first_unread: Option<Errno>,
    too_deep: u64,
    too_many: bool,
}

impl Walk {
    /// Begins to count a home.
    pub fn begin(home: &Home, owner: Owner) -> Result<Self, WalkError> {
        let mut quietly = true;
        let fail = |why| WalkError::Unreadable { home: home.path.clone(), why };
        let fd = enter(&home.fd, c".", ResolveFlags::BENEATH, &mut quietly).map_err(fail)?;
        let dir = Dir::new(fd).map_err(fail)?;
        let mut walk = Self {
            owner,
            frames: Frames::new(dir),
            links: Links::default(),
            quietly,
            entries: 0,
            blocks: 0,
            files: 0,
            shared_blocks: 0,
            shared_files: 0,
            unread: 0,
            first_unread: None,
            too_deep: 0,
            too_many: false,
        };
        walk.add(&home.stat);
        Ok(walk)
    }

    /// Goes on. `true`: all is counted, see [`Walk::usage`].
    pub fn step(&mut self, budget: Budget) -> Result<bool, WalkError> {
        let started = Instant::now();
        for n in 1..=budget.entries {
            if !self.one()? {
                return Ok(true);
            }
            // The clock is asked for now and then: it costs a tenth of what an entry costs.
            if n.is_multiple_of(16) && started.elapsed() >= budget.time {
                break;
            }
        }
        Ok(false)
    }

    /// The next entry, or the way up at the end of a directory; `false` at the end of all.
    fn one(&mut self) -> Result<bool, WalkError> {
        let Some(dir) = self.frames.current() else { return Ok(false) };
        match dir.read() {
            Some(Ok(entry)) if matches!(entry.file_name().to_bytes(), b"." | b"..") => Ok(true),
            Some(Ok(entry)) => {
                self.frames.passed(entry.offset());
                self.entries = self.entries.saturating_add(1);
                self.too_many = self.entries > DISK_ENTRIES_MAX;
                if !self.too_many {
                    self.look(entry.file_name());
                }
                Ok(!self.too_many)
            }
            Some(Err(e)) => {
                self.unread(e);
                self.leave()
            }
            None => self.leave(),
        }
    }

    fn leave(&mut self) -> Result<bool, WalkError> {
        let quietly = &mut self.quietly;
        match self.frames.leave(|below| enter(below, c"..", ResolveFlags::empty(), quietly)) {
            Left::Up => Ok(true),
            Left::Top => Ok(false),
            Left::Lost => Err(WalkError::Moved),
        }
    }

    fn look(&mut self, name: &CStr) {
        let Some(fd) = self.frames.current().and_then(|dir| dir.fd().ok()) else { return };
        let stat = match statx(fd, name, LOOK, WANT) {
            Ok(stat) => stat,
            // Removed meanwhile.
            Err(Errno::NOENT) => return,
            Err(e) => return self.unread(e),
        };
        if stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT) {
            return;
        }
        self.add(&stat);
        if file_type(&stat) == FileType::Directory {
            self.descend(name);
        }
    }

    fn descend(&mut self, name: &CStr) {
        if self.frames.is_full() {
            self.too_deep = self.too_deep.saturating_add(1);
            return;
        }
        let Some(fd) = self.frames.current().and_then(|dir| dir.fd().ok()) else { return };
        match enter(fd, name, ResolveFlags::BENEATH, &mut self.quietly).and_then(Dir::new) {
            Ok(dir) => {
                if let Err(e) = self.frames.enter(dir) {
                    self.unread(e);
                }
            }
            // Removed or replaced meanwhile, or another mount.
            Err(Errno::NOENT | Errno::NOTDIR | Errno::LOOP | Errno::XDEV) => {}
            Err(e) => self.unread(e),
        }
    }

    fn unread(&mut self, why: Errno) {
        self.unread = self.unread.saturating_add(1);
        self.first_unread.get_or_insert(why);
    }

    fn add(&mut self, stat: &Statx) {
        if !self.owner.has(stat.stx_uid) {
            return;
        }
        let seen = if file_type(stat) == FileType::Directory { Seen::First } else { self.links.see(stat) };
        match seen {
            Seen::First => {
                self.blocks = self.blocks.saturating_add(stat.stx_blocks);
                self.files = self.files.saturating_add(1);
            }
            Seen::Again => {}
            Seen::Share(share) => {
                let blocks = u128::from(stat.stx_blocks).saturating_mul(share.into());
                self.shared_blocks = self.shared_blocks.saturating_add(blocks);
                self.shared_files = self.shared_files.saturating_add(share.into());
            }
        }
    }

    /// What was counted so far.
    pub fn usage(&self) -> Usage {
        let whole = |shares: u128| u64::try_from(shares.div_ceil(SHARE_UNIT.into())).unwrap_or(u64::MAX);
        // Blocks are of 512 bytes, whatever the file system's own are (statx(2)).
        let blocks = self.blocks.saturating_add(whole(self.shared_blocks));
        Usage {
            kib: blocks.div_ceil(2),
            files: self.files.saturating_add(whole(self.shared_files)),
            by_share: self.shared_files > 0,
            missed: self.missed(),
        }
    }

    fn missed(&self) -> String {
        let mut parts = Vec::new();
        if let Some(why) = self.first_unread {
            parts.push(format!("{} entries of its home could not be read ({why})", self.unread));
        }
        if self.too_deep > 0 {
            parts.push(format!("{} directories of its home lie too deep to be counted", self.too_deep));
        }
        if self.too_many {
            parts.push(format!("its home has more than {DISK_ENTRIES_MAX} entries"));
        }
        parts.join("; ")
    }
}

#[cfg(test)]
mod tests;
