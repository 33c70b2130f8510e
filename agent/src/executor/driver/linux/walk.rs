//! Walking a tree that hostile users made: by directory descriptors, `openat2` for each step, never through a link,
//! never into another mount, never deeper than a bounded number of open directories.

use super::home::{INSIDE, is_dot};
use crate::executor::driver::DriverError;
use crate::executor::limits::{MOUNTS_SHOWN_MAX, WALK_DEPTH_MAX, WALK_ENTRIES_MAX, WALK_WAITING_MAX};
use rustix::fs::{
    AtFlags, Dir, FileType, Mode, OFlags, RenameFlags, ResolveFlags, openat2, renameat_with, statat, unlinkat,
};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

/// Opens a directory within the tree.
fn step(dir: impl AsFd, name: &OsStr) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    openat2(dir, name, flags, Mode::empty(), INSIDE | ResolveFlags::NO_XDEV)
}

/// Calls `each` with the name and kind of every entry of a directory. Names are not collected: a directory may hold
/// more of them than fit into memory. Removing the entry meanwhile is fine (readdir(3)).
fn each(
    dir: &OwnedFd,
    path: &OsStr,
    mut each: impl FnMut(&OsStr, FileType) -> Result<(), DriverError>,
) -> Result<(), DriverError> {
    let io = |e: Errno| DriverError::io(path.to_string_lossy(), e);
    for entry in Dir::read_from(dir).map_err(io)? {
        let entry = entry.map_err(io)?;
        let name = OsStr::from_bytes(entry.file_name().to_bytes());
        if is_dot(name) {
            continue;
        }
        let kind = match entry.file_type() {
            FileType::Unknown => {
                let stat = statat(dir, name, AtFlags::SYMLINK_NOFOLLOW).map_err(io)?;
                FileType::from_raw_mode(stat.st_mode)
            }
            kind => kind,
        };
        each(name, kind)?;
    }
    Ok(())
}

fn join(path: &OsStr, name: &OsStr) -> OsString {
    let mut out = path.to_owned();
    out.push("/");
    out.push(name);
    out
}

/// How many entries a tree has that an archive of it must have: all but sockets, the top itself included. Fails at a
/// mount point.
pub(super) fn count(top: &OwnedFd) -> Result<u64, DriverError> {
    let mut counting = Counting { seen: 1, waiting: vec![OsString::from(".")] };
    // Directories that are too deep wait by name, so that depth costs no descriptors; each is opened from the top.
    while let Some(path) = counting.waiting.pop() {
        let dir = open_deep(top, &path)?;
        counting.below(&dir, &path, 0)?;
    }
    Ok(counting.seen)
}

struct Counting {
    seen: u64,
    waiting: Vec<OsString>,
}

impl Counting {
    fn below(&mut self, dir: &OwnedFd, path: &OsStr, depth: usize) -> Result<(), DriverError> {
        each(dir, path, |name, kind| {
            if kind != FileType::Socket {
                self.seen = self.seen.saturating_add(1);
            }
            if self.seen > WALK_ENTRIES_MAX || self.waiting.len() > WALK_WAITING_MAX {
                return Err(DriverError::failed(format!("{} is too large a tree", path.to_string_lossy())));
            }
            if kind != FileType::Directory {
                return Ok(());
            }
            let path = join(path, name);
            if depth >= WALK_DEPTH_MAX {
                self.waiting.push(path);
                return Ok(());
            }
            let fd = step(dir, name).map_err(|e| refused(&path, e))?;
            self.below(&fd, &path, depth.saturating_add(1))
        })
    }
}

fn refused(path: &OsStr, e: Errno) -> DriverError {
    DriverError::failed(format!("{}: {}", path.to_string_lossy(), reason(e)))
}

/// Opens a path below the top in pieces that fit the kernel's limit on the length of a path.
fn open_deep(top: &OwnedFd, path: &OsStr) -> Result<OwnedFd, DriverError> {
    let fail = |e| refused(path, e);
    let parts: Vec<&[u8]> = path.as_bytes().split(|b| *b == b'/').collect();
    let mut at = step(top, OsStr::new(".")).map_err(fail)?;
    for some in parts.chunks(PARTS_AT_ONCE) {
        at = step(&at, OsStr::from_bytes(&some.join(&b'/'))).map_err(fail)?;
    }
    Ok(at)
}

/// 15 names of 255 bytes stay below `PATH_MAX` (4096).
const PARTS_AT_ONCE: usize = 15;
const _: () = assert!(PARTS_AT_ONCE * 256 < 4_096);

/// What a removal could not remove.
#[derive(Debug, Default)]
pub(super) struct Left {
    shown: Vec<String>,
    count: u64,
}

impl Left {
    fn add(&mut self, path: &OsStr, why: &str) {
        self.count = self.count.saturating_add(1);
        if self.shown.len() < MOUNTS_SHOWN_MAX {
            self.shown.push(format!("{}: {why}", path.to_string_lossy()));
        }
    }

    /// Whether everything went; else an error that names what is left.
    pub(super) fn into_result(self) -> Result<(), DriverError> {
        if self.count == 0 {
            return Ok(());
        }
        Err(DriverError::failed(format!("{} could not be removed: {}", self.count, self.shown.join("; "))))
    }
}

/// Empties a directory. What cannot be removed (mount points, immutable files) is named; all else is removed.
pub(super) fn remove_below(top: &OwnedFd) -> Result<Left, DriverError> {
    let mut names = 0_u64;
    // What was lifted up from too deep is met in the next pass over the top. Each pass that lifts something removes
    // the levels above it, so this ends.
    loop {
        let mut removal = Removal { top, left: Left::default(), names, lifted: false };
        removal.empty(top, OsStr::new("."), 0)?;
        if !removal.lifted {
            return Ok(removal.left);
        }
        names = removal.names;
    }
}

struct Removal<'a> {
    top: &'a OwnedFd,
    left: Left,
    names: u64,
    lifted: bool,
}

impl Removal<'_> {
    fn empty(&mut self, dir: &OwnedFd, path: &OsStr, depth: usize) -> Result<(), DriverError> {
        each(dir, path, |name, kind| {
            let path = join(path, name);
            if kind == FileType::Directory {
                return self.remove_dir(dir, name, &path, depth);
            }
            if let Err(e) = unlinkat(dir, name, AtFlags::empty()) {
                self.left.add(&path, reason(e));
            }
            Ok(())
        })
    }

    fn remove_dir(
        &mut self,
        dir: &OwnedFd,
        name: &OsStr,
        path: &OsStr,
        depth: usize,
    ) -> Result<(), DriverError> {
        if depth >= WALK_DEPTH_MAX {
            self.lift(dir, name, path);
            return Ok(());
        }
        match step(dir, name) {
            Ok(fd) => self.empty(&fd, path, depth.saturating_add(1))?,
            Err(e) => {
                self.left.add(path, reason(e));
                return Ok(());
            }
        }
        match unlinkat(dir, name, AtFlags::REMOVEDIR) {
            // What is left in it is named already, or will be met in the next pass.
            Ok(()) | Err(Errno::NOTEMPTY) => {}
            Err(e) => self.left.add(path, reason(e)),
        }
        Ok(())
    }

    /// Moves a directory that is too deep up to the top, for the next pass.
    fn lift(&mut self, dir: &OwnedFd, name: &OsStr, path: &OsStr) {
        loop {
            self.names = self.names.saturating_add(1);
            let up = format!(".hostmeter-lifted-{}", self.names);
            match renameat_with(dir, name, self.top, &*up, RenameFlags::NOREPLACE) {
                Ok(()) => self.lifted = true,
                Err(Errno::EXIST) => continue,
                Err(e) => self.left.add(path, reason(e)),
            }
            return;
        }
    }
}

fn reason(e: Errno) -> &'static str {
    match e {
        Errno::XDEV | Errno::BUSY => "it is a mount point; unmount it and try again",
        Errno::PERM => "it is immutable (chattr -i) or protected",
        Errno::LOOP | Errno::NOTDIR => "it was replaced while it was removed",
        Errno::ROFS => "its file system is read-only",
        Errno::IO => "its disk reports an error",
        _ => "the system refused",
    }
}

#[cfg(test)]
mod tests {
    use super::super::home::open_dir;
    use super::*;
    use std::os::unix::net::UnixListener;
    use std::path::Path;

    /// Makes a chain of directories deeper than any path may be long, with a file at its end.
    fn chain(at: &Path, depth: usize) {
        let mut fd = open_dir(at).unwrap();
        for _ in 0..depth {
            rustix::fs::mkdirat(&fd, "d", Mode::from_raw_mode(0o755)).unwrap();
            fd = step(&fd, OsStr::new("d")).unwrap();
        }
        rustix::fs::mkdirat(&fd, "end", Mode::from_raw_mode(0o755)).unwrap();
    }

    #[test]
    fn deep_trees_and_links_are_counted_and_removed() {
        let outside = tempfile::tempdir().unwrap();
        std::fs::write(outside.path().join("keep"), "x").unwrap();
        let dir = tempfile::tempdir().unwrap();
        chain(dir.path(), 5_000);
        chain(&dir.path().join("d"), 0);
        std::fs::write(dir.path().join("a\nb"), "x").unwrap();
        std::os::unix::fs::symlink(outside.path(), dir.path().join("link")).unwrap();
        let _socket = UnixListener::bind(dir.path().join("socket")).unwrap();
        let top = open_dir(dir.path()).unwrap();
        assert_eq!(count(&top).unwrap(), 1 + 5_000 + 1 + 1 + 2);
        remove_below(&top).unwrap().into_result().unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        assert!(outside.path().join("keep").exists());
    }
}
