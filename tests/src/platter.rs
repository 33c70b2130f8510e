//! A disk that keeps nothing but what was synced: after [`Platter::cut`] a directory stands as the strictest file system
//! could leave it after a power cut. A sync that is missing shows as what is missing then.
//!
//! Every `fsync` and `fdatasync` of the process is heard (see `raw`). Of a file its content is kept as it was at its last
//! sync; of a directory, which file had which name. A name without a synced file is an empty file; a new content under
//! a synced name does not count before its own sync. Only in this is it kind: a new directory is there as soon as
//! anything in it was synced, as every journalling file system has it.

use crate::raw;
use anyhow::{Context, Result, ensure};
use std::collections::hash_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::ffi::OsString;
use std::fs::{File, Metadata};
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What is told apart: device and inode.
type Id = (u64, u64);

struct Disk {
    name: u64,
    root: PathBuf,
    files: HashMap<Id, Vec<u8>>,
    dirs: HashMap<Id, BTreeMap<OsString, Id>>,
    /// Held open, so that no inode is given again; and never closed while it may be locked.
    pinned: HashMap<Id, File>,
    syncs: u64,
    /// Why something that was synced could not be kept.
    fault: Option<String>,
}

/// Every disk of this process that is watched.
static DISKS: Mutex<Vec<Disk>> = Mutex::new(Vec::new());
static LAST: AtomicU64 = AtomicU64::new(0);

fn disks() -> MutexGuard<'static, Vec<Disk>> {
    DISKS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Everything below a directory, from now on.
#[derive(Debug)]
pub struct Platter {
    name: u64,
    root: PathBuf,
}

impl Platter {
    /// Begins with an empty directory.
    pub fn new(root: &Path) -> Result<Self> {
        ensure!(std::fs::read_dir(root)?.next().is_none(), "{}: is not empty", root.display());
        Self::over(root)
    }

    /// Begins with a directory as it stands: all that is there now is durable.
    pub fn over(root: &Path) -> Result<Self> {
        let root = root.canonicalize()?;
        let name = LAST.fetch_add(1, Ordering::Relaxed);
        let (files, dirs, pinned) = (HashMap::new(), HashMap::new(), HashMap::new());
        let mut disk = Disk { name, root: root.clone(), files, dirs, pinned, syncs: 0, fault: None };
        disk.note_all(&root)?;
        raw::on_sync(heard);
        disks().push(disk);
        Ok(Self { name, root })
    }

    fn with<T>(&self, f: impl FnOnce(&Disk) -> T) -> Option<T> {
        disks().iter().find(|disk| disk.name == self.name).map(f)
    }

    /// How often something was synced.
    pub fn syncs(&self) -> u64 {
        self.with(|disk| disk.syncs).unwrap_or(0)
    }

    /// Writes what a power cut at this moment leaves into an empty directory `to`, which lies elsewhere.
    pub fn cut(&self, to: &Path) -> Result<()> {
        let root = id(&std::fs::metadata(&self.root)?);
        let laid = self.with(|disk| match &disk.fault {
            Some(why) => anyhow::bail!("what was synced could not be kept: {why}"),
            None => disk.lay(root, to),
        });
        laid.context("the disk")?
    }
}

/// Keys that others may read are refused.
fn own(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))
}

impl Drop for Platter {
    fn drop(&mut self) {
        disks().retain(|disk| disk.name != self.name);
    }
}

fn id(meta: &Metadata) -> Id {
    (meta.dev(), meta.ino())
}

fn heard(fd: BorrowedFd<'_>) {
    for disk in disks().iter_mut() {
        if let Err(e) = disk.note(fd) {
            disk.fault = Some(e.to_string());
        }
    }
}

impl Disk {
    fn lay(&self, dir: Id, to: &Path) -> Result<()> {
        std::fs::create_dir_all(to)?;
        for (name, id) in self.dirs.get(&dir).into_iter().flatten() {
            let path = to.join(name);
            if self.pinned.get(id).context("a pinned file")?.metadata()?.is_dir() {
                self.lay(*id, &path)?;
            } else {
                std::fs::write(&path, self.files.get(id).map_or(&[][..], Vec::as_slice))?;
                own(&path)?;
            }
        }
        Ok(())
    }

    fn note(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let door = PathBuf::from(format!("/proc/self/fd/{}", fd.as_raw_fd()));
        let path = std::fs::read_link(&door)?;
        if !path.starts_with(&self.root) {
            return Ok(());
        }
        self.syncs += 1;
        let meta = std::fs::metadata(&door)?;
        if meta.is_dir() {
            self.pin(id(&meta), &door)?;
            self.keep_names(id(&meta), &path)?;
        } else {
            self.keep_bytes(&meta, &door)?;
        }
        self.note_new_dirs(if meta.is_dir() { Some(&path) } else { path.parent() })
    }

    fn note_all(&mut self, dir: &Path) -> io::Result<()> {
        let of = id(&std::fs::metadata(dir)?);
        self.pin(of, dir)?;
        self.keep_names(of, dir)?;
        for entry in std::fs::read_dir(dir)? {
            let path = entry?.path();
            let meta = std::fs::metadata(&path)?;
            if meta.is_dir() { self.note_all(&path)? } else { self.keep_bytes(&meta, &path)? }
        }
        Ok(())
    }

    fn keep_names(&mut self, dir: Id, path: &Path) -> io::Result<()> {
        let mut names = BTreeMap::new();
        for entry in std::fs::read_dir(path)? {
            let entry = entry?;
            let of = id(&std::fs::symlink_metadata(entry.path())?);
            self.pin(of, &entry.path())?;
            names.insert(entry.file_name(), of);
        }
        self.dirs.insert(dir, names);
        Ok(())
    }

    fn keep_bytes(&mut self, meta: &Metadata, path: &Path) -> io::Result<()> {
        let length = usize::try_from(meta.len()).map_err(io::Error::other)?;
        self.pin(id(meta), path)?;
        // In place: a journal is synced at each commit, and new memory for it each time is what a simulation would
        // spend a fifth of its time on. A failed read makes the whole disk worthless anyway (`fault`).
        let content = self.files.entry(id(meta)).or_default();
        content.resize(length, 0);
        self.pinned.get(&id(meta)).ok_or(io::ErrorKind::NotFound)?.read_exact_at(content, 0)
    }

    /// The directories down to this one are there; one that was renamed keeps its old name.
    fn note_new_dirs(&mut self, dir: Option<&Path>) -> io::Result<()> {
        let below = |p: &&Path| p.starts_with(&self.root) && **p != *self.root;
        let dirs: Vec<PathBuf> =
            dir.into_iter().flat_map(Path::ancestors).take_while(below).map(Path::to_owned).collect();
        for dir in dirs {
            let (Some(parent), Some(name)) = (dir.parent(), dir.file_name()) else { continue };
            let (above, of) = (id(&std::fs::metadata(parent)?), id(&std::fs::metadata(&dir)?));
            self.pin(of, &dir)?;
            let names = self.dirs.entry(above).or_default();
            if !names.values().any(|known| *known == of) {
                names.insert(name.to_owned(), of);
            }
        }
        Ok(())
    }

    fn pin(&mut self, of: Id, path: &Path) -> io::Result<&File> {
        Ok(match self.pinned.entry(of) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(new) => new.insert(File::open(path)?),
        })
    }
}
