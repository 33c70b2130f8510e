//! The root of the cgroup hierarchy: programs that are attached there see the packets of every socket.

use super::programs::KernelError;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FsWord, Mode, OFlags, fstatfs, openat};

/// Type of a version 2 hierarchy (statfs(2)).
const CGROUP2_MAGIC: FsWord = 0x6367_7270;
/// Where systemd mounts it: alone, or beside hierarchies of version 1.
const ROOTS: [&str; 2] = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];

/// Opens the root.
pub(super) fn root() -> Result<OwnedFd, KernelError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let opened = ROOTS.iter().filter_map(|path| openat(CWD, *path, flags, Mode::empty()).ok());
    let mut roots = opened.filter(|fd| fstatfs(fd).is_ok_and(|fs| fs.f_type == CGROUP2_MAGIC));
    roots.next().ok_or_else(|| KernelError::Use {
        what: "opening the cgroup hierarchy",
        why: format!("no cgroup2 is mounted at {}", ROOTS.join(" or ")),
    })
}
