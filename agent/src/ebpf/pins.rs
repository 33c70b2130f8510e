//! Where maps and links outlive the agent: a folder of the BPF file system, by boot and layout.

use super::layout::LAYOUT;
use super::programs::KernelError;
use hostmeter_core::ids::BootId;
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FlockOperation, FsWord, Mode, OFlags, flock, openat, statfs};
use rustix::io::Errno;
use std::path::{Path, PathBuf};

/// Type of the BPF file system (statfs(2)).
const BPF_FS_MAGIC: FsWord = 0xcafe_4a11;
/// Folder of ours in it.
const FOLDER: &str = "hostmeter";

/// An open folder of pins; nobody else has it while this lives.
#[derive(Debug)]
pub(super) struct Pins {
    dir: PathBuf,
    _lock: OwnedFd,
}

impl Pins {
    /// Opens the folder of this boot and layout, and removes those of other layouts.
    pub(super) fn open(bpffs: &Path, boot: BootId) -> Result<Self, KernelError> {
        let fail = |what: &Path, why: String| KernelError::Pins { path: what.to_owned(), why };
        let kind = statfs(bpffs).map_err(|e| fail(bpffs, e.to_string()))?.f_type;
        if kind != BPF_FS_MAGIC {
            return Err(fail(
                bpffs,
                "is no BPF file system; mount one with: mount -t bpf bpf PATH".to_owned(),
            ));
        }
        let home = bpffs.join(FOLDER);
        let name = format!("{boot}-{LAYOUT}");
        let dir = home.join(&name);
        std::fs::create_dir_all(&dir).map_err(|e| fail(&dir, e.to_string()))?;
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        // The lock is on the folder of all layouts, so that an upgrade and the old agent do not meet.
        let lock = openat(CWD, &home, flags, Mode::empty()).map_err(|e| fail(&home, e.to_string()))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive).map_err(|e| match e {
            Errno::WOULDBLOCK => fail(&home, "another agent meters with it".to_owned()),
            other => fail(&home, other.to_string()),
        })?;
        for entry in std::fs::read_dir(&home).map_err(|e| fail(&home, e.to_string()))?.flatten() {
            if entry.file_name() != name.as_str() {
                tracing::info!(pins = %entry.path().display(), "removing what another version counted with");
                remove(&entry.path()).map_err(|e| fail(&entry.path(), e.to_string()))?;
            }
        }
        Ok(Self { dir, _lock: lock })
    }

    /// Path of a pin.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.dir.join(name)
    }

    /// Whether all of these are pinned.
    pub(super) fn has_all<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> bool {
        names.into_iter().all(|name| self.path(name).exists())
    }

    /// Removes a pin, if it is there.
    pub(super) fn remove(&self, name: &str) -> Result<(), KernelError> {
        let path = self.path(name);
        match std::fs::remove_file(&path) {
            Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
                Err(KernelError::Pins { path, why: e.to_string() })
            }
            _ => Ok(()),
        }
    }

    /// Removes every pin; what nobody else holds ends.
    pub(super) fn clear(&self) -> Result<(), KernelError> {
        let fail = |e: std::io::Error| KernelError::Pins { path: self.dir.clone(), why: e.to_string() };
        remove(&self.dir).map_err(fail)?;
        std::fs::create_dir(&self.dir).map_err(fail)
    }
}

/// A folder of pins holds no folders.
fn remove(dir: &Path) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        std::fs::remove_file(entry?.path())?;
    }
    std::fs::remove_dir(dir)
}
