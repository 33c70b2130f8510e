//! Finding a home below the configured roots, by directory descriptors, without following a link on the way.

use crate::executor::driver::DriverError;
use crate::executor::limits::{MOUNTS_SHOWN_MAX, SYSTEM_FILE_MAX_BYTES};
use crate::executor::record::Account;
use rustix::fs::{Mode, OFlags, ResolveFlags, Stat, fstat, openat2};
use rustix::io::Errno;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// Nothing leads out: no link, no way up, no magic link.
pub(super) const INSIDE: ResolveFlags =
    ResolveFlags::BENEATH.union(ResolveFlags::NO_SYMLINKS).union(ResolveFlags::NO_MAGICLINKS);

/// The directory that holds a home, and the home's name in it.
#[derive(Debug)]
pub(super) struct Place {
    /// The directory.
    pub(super) parent: OwnedFd,
    /// The home's name.
    pub(super) name: OsString,
    /// The whole path with the root's own links resolved, for messages and for looking up mounts.
    pub(super) path: PathBuf,
}

/// A home that is there.
#[derive(Debug)]
pub(super) struct Home {
    /// Opened for reading.
    pub(super) fd: OwnedFd,
    /// Its inode and owner.
    pub(super) stat: Stat,
}

/// Opens a directory that the administrator named; links on its path are the administrator's.
pub(super) fn open_dir(path: &Path) -> Result<OwnedFd, DriverError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::open(path, flags, Mode::empty()).map_err(|e| DriverError::io(path.display().to_string(), e))
}

impl Place {
    /// Where the account's home belongs; it need not be there.
    pub(super) fn of(account: &Account, roots: &[PathBuf]) -> Result<Self, DriverError> {
        let home = &account.home;
        let inside =
            |root: &PathBuf| home.strip_prefix(root).ok().map(|rest| (root.clone(), rest.to_owned()));
        let (root, rest) = roots.iter().find_map(inside).ok_or_else(|| {
            let names: Vec<_> = roots.iter().map(|r| r.display().to_string()).collect();
            DriverError::failed(format!(
                "{} is not below {}: see home_roots",
                home.display(),
                names.join(", ")
            ))
        })?;
        let name = rest
            .file_name()
            .map(OsStr::to_owned)
            .ok_or_else(|| DriverError::failed(format!("{} is itself one of home_roots", home.display())))?;
        let real =
            std::fs::canonicalize(&root).map_err(|e| DriverError::io(root.display().to_string(), e))?;
        let between = rest.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let parent = openat2(open_dir(&real)?, between, flags, Mode::empty(), INSIDE)
            .map_err(|e| DriverError::io(format!("the directory above {}", home.display()), e))?;
        Ok(Self { parent, name, path: real.join(rest) })
    }

    /// The home, if something is there. It must be the account's: a directory with the recorded inode and owner, no
    /// link, no mount point.
    pub(super) fn open(&self, account: &Account) -> Result<Option<Home>, DriverError> {
        open_known(&self.parent, &self.name, account, &self.path)
    }
}

/// Opens an entry of a directory and wants it to be the account's home, by inode and owner.
pub(super) fn open_known(
    dir: impl AsFd,
    name: &OsStr,
    account: &Account,
    path: &Path,
) -> Result<Option<Home>, DriverError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let bad = |why: String| DriverError::failed(format!("{}: {why}; nothing was touched", path.display()));
    let fd = match openat2(dir, name, flags, Mode::empty(), INSIDE | ResolveFlags::NO_XDEV) {
        Ok(fd) => fd,
        Err(Errno::NOENT) => return Ok(None),
        Err(Errno::LOOP | Errno::NOTDIR) => return Err(bad("it is no directory".to_owned())),
        Err(Errno::XDEV) => return Err(bad("it is a mount point".to_owned())),
        Err(e) => return Err(DriverError::io(path.display().to_string(), e)),
    };
    let stat = fstat(&fd).map_err(|e| DriverError::io(path.display().to_string(), e))?;
    if stat.st_ino != account.home_inode {
        return Err(bad(format!("its inode is {}, not {}", stat.st_ino, account.home_inode)));
    }
    if stat.st_uid != account.uid {
        return Err(bad(format!("it belongs to uid {}, not {}", stat.st_uid, account.uid)));
    }
    Ok(Some(Home { fd, stat }))
}

/// Mount points below a path (proc_pid_mountinfo(5)).
pub(super) fn mounts_below(path: &Path) -> Result<Vec<PathBuf>, DriverError> {
    const FILE: &str = "/proc/self/mountinfo";
    let io = |e| DriverError::io(FILE, e);
    let mut bytes = Vec::new();
    File::open(FILE).map_err(io)?.take(SYSTEM_FILE_MAX_BYTES).read_to_end(&mut bytes).map_err(io)?;
    let points = bytes.split(|b| *b == b'\n').filter_map(|l| l.split(|b| *b == b' ').nth(4)).map(unescape);
    Ok(points.filter(|p| p.starts_with(path) && p != path).collect())
}

/// Fails if anything is mounted below a path, and names it.
pub(super) fn refuse_mounts(path: &Path) -> Result<(), DriverError> {
    let mounts = mounts_below(path)?;
    if mounts.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = mounts.iter().take(MOUNTS_SHOWN_MAX).map(|p| p.display().to_string()).collect();
    Err(DriverError::failed(format!(
        "{} mounted below {}: {}; unmount and try again",
        mounts.len(),
        path.display(),
        names.join(", ")
    )))
}

/// `\040` and the like, as the kernel writes blanks, tabs, newlines and backslashes in mountinfo.
fn unescape(field: &[u8]) -> PathBuf {
    let mut out = Vec::with_capacity(field.len());
    let mut at = 0_usize;
    while let Some(byte) = field.get(at) {
        let digits = field.get(at.saturating_add(1)..at.saturating_add(4)).unwrap_or_default();
        let code = std::str::from_utf8(digits).ok().and_then(|d| u8::from_str_radix(d, 8).ok());
        match (byte, code) {
            (b'\\', Some(code)) if digits.len() == 3 => {
                out.push(code);
                at = at.saturating_add(4);
            }
            _ => {
                out.push(*byte);
                at = at.saturating_add(1);
            }
        }
    }
    PathBuf::from(OsString::from_vec(out))
}

/// Whether a name is `.` or `..`.
pub(super) fn is_dot(name: &OsStr) -> bool {
    matches!(name.as_bytes(), b"." | b"..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_are_unescaped() {
        let check = |text: &str, want: &str| assert_eq!(unescape(text.as_bytes()), Path::new(want), "{text}");
        check("/home/a", "/home/a");
        check("/home/a\\040b\\134", "/home/a b\\");
        check("/x\\04", "/x\\04");
        check("/x\\999", "/x\\999");
        assert!(mounts_below(Path::new("/")).unwrap().contains(&PathBuf::from("/proc")));
    }
}
