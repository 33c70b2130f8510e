//! What is left of a state directory after a power cut: what was synced, and by chance some of what was not.
//!
//! The files are real, on a file system in memory. Beside them it is kept which bytes of a file were synced, and which
//! names of a directory. A power cut puts these back, with a torn piece of what was written since.

use anyhow::{Context, Result};
use hostmeter_agent::fault::Watcher;
use std::collections::BTreeMap;
use std::fs::Metadata;
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

type Inode = u64;

/// Something in a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Thing {
    File(Inode),
    Dir(Inode),
}

/// What the disk is asked to do wrong.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ill {
    /// Nothing more can be written.
    pub(crate) is_full: bool,
    /// The next sync fails.
    pub(crate) fails_sync: bool,
    /// The machine stops at the step with this number from now.
    pub(crate) stops_at: Option<(u32, bool)>,
}

#[derive(Debug, Default)]
struct State {
    root: PathBuf,
    bytes: BTreeMap<Inode, Vec<u8>>,
    names: BTreeMap<Inode, BTreeMap<PathBuf, Thing>>,
    ill: Ill,
    rng: fastrand::Rng,
    /// What a stop in the middle of a step left.
    stopped: Option<(Tree, bool)>,
    was_ill: bool,
}

/// The content of a directory.
pub(crate) type Tree = Vec<(PathBuf, Option<Vec<u8>>)>;

/// One machine's disk; clones share it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk(Arc<Mutex<State>>);

fn thing(meta: &Metadata) -> Thing {
    if meta.is_dir() { Thing::Dir(meta.ino()) } else { Thing::File(meta.ino()) }
}

impl State {
    /// Everything in a directory is durable: how a machine comes up.
    fn sync_all(&mut self, dir: &Path) -> io::Result<()> {
        let mut names = BTreeMap::new();
        for entry in std::fs::read_dir(dir)? {
            let (path, meta) = entry.and_then(|e| Ok((e.path(), e.metadata()?)))?;
            if meta.is_dir() {
                self.sync_all(&path)?;
            } else {
                self.bytes.insert(meta.ino(), std::fs::read(&path)?);
            }
            names.insert(PathBuf::from(path.file_name().unwrap_or_default()), thing(&meta));
        }
        self.names.insert(std::fs::metadata(dir)?.ino(), names);
        Ok(())
    }

    fn synced(&mut self, path: &Path) -> io::Result<()> {
        let meta = std::fs::metadata(path)?;
        if meta.is_dir() {
            let mut names = BTreeMap::new();
            for entry in std::fs::read_dir(path)? {
                let entry = entry?;
                names.insert(PathBuf::from(entry.file_name()), thing(&entry.metadata()?));
            }
            self.names.insert(meta.ino(), names);
        } else {
            self.bytes.insert(meta.ino(), std::fs::read(path)?);
        }
        Ok(())
    }

    /// What a power cut leaves below `dir`, which had this inode.
    fn left(&mut self, inode: Inode, dir: &Path, at: &Path, out: &mut Tree) -> Result<()> {
        let mut names = self.names.get(&inode).cloned().unwrap_or_default();
        let now = now_in(dir)?;
        // A removal that was not synced may have happened all the same.
        names.retain(|name, _| now.iter().any(|(n, _)| n == name) || self.rng.bool());
        for (name, is) in now {
            // A name that was not synced may be there all the same, also one that points elsewhere now.
            if names.get(&name) != Some(&is) && self.rng.bool() {
                names.insert(name, is);
            }
        }
        for (name, is) in names {
            let path = at.join(&name);
            match is {
                Thing::Dir(inode) => {
                    out.push((path.clone(), None));
                    let there = find(&self.root, inode)?.unwrap_or_else(|| dir.join(&name));
                    self.left(inode, &there, &path, out)?;
                }
                Thing::File(inode) => {
                    let bytes = self.torn(inode)?;
                    out.push((path, Some(bytes)));
                }
            }
        }
        Ok(())
    }

    /// The synced bytes of a file, and by chance some of what was written since.
    fn torn(&mut self, inode: Inode) -> Result<Vec<u8>> {
        let synced = self.bytes.get(&inode).cloned().unwrap_or_default();
        let Some(path) = find(&self.root, inode)? else { return Ok(synced) };
        let now = std::fs::read(&path)?;
        if now == synced {
            return Ok(synced);
        }
        Ok(match self.rng.u8(..4) {
            0 => now,
            1 | 2 if now.starts_with(&synced) => {
                let end = self.rng.usize(synced.len()..=now.len());
                now.get(..end).unwrap_or(&now).to_vec()
            }
            _ => synced,
        })
    }
}

fn now_in(dir: &Path) -> Result<Vec<(PathBuf, Thing)>> {
    let mut out = Vec::new();
    match std::fs::read_dir(dir) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(out),
        entries => {
            for entry in entries? {
                let entry = entry?;
                out.push((PathBuf::from(entry.file_name()), thing(&entry.metadata()?)));
            }
        }
    }
    // The order in which a directory is read is nobody's promise.
    out.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(out)
}

/// Where a file or directory is now.
fn find(dir: &Path, inode: Inode) -> Result<Option<PathBuf>> {
    for (name, is) in now_in(dir)? {
        let path = dir.join(name);
        match is {
            Thing::File(n) | Thing::Dir(n) if n == inode => return Ok(Some(path)),
            Thing::Dir(_) => {
                if let Some(found) = find(&path, inode)? {
                    return Ok(Some(found));
                }
            }
            Thing::File(_) => {}
        }
    }
    Ok(None)
}

impl Disk {
    /// The disk that holds this directory; all that is there is durable.
    pub(crate) fn new(root: &Path, rng: &mut fastrand::Rng) -> Result<Self> {
        let disk = Self::default();
        {
            let mut state = disk.lock();
            state.rng = rng.fork();
            root.clone_into(&mut state.root);
            state.sync_all(root)?;
        }
        Ok(disk)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what it does wrong.
    pub(crate) fn ill(&self, change: impl FnOnce(&mut Ill)) {
        change(&mut self.lock().ill);
    }

    /// What a power cut now would leave.
    pub(crate) fn cut(&self) -> Result<Tree> {
        let mut state = self.lock();
        let root = state.root.clone();
        let inode = std::fs::metadata(&root)?.ino();
        let mut out = Vec::new();
        state.left(inode, &root, Path::new(""), &mut out)?;
        Ok(out)
    }

    /// What the stop left that was asked for, if it came; and whether it was a power cut.
    pub(crate) fn stopped(&self) -> Option<(Tree, bool)> {
        self.lock().stopped.take()
    }

    /// Whether it does something wrong now, or did since this was asked last.
    pub(crate) fn was_ill(&self) -> bool {
        let mut state = self.lock();
        std::mem::take(&mut state.was_ill) || state.ill.is_full
    }

    /// Puts a tree in place of what is there.
    pub(crate) fn put(&self, tree: &Tree) -> Result<()> {
        let mut state = self.lock();
        let root = state.root.clone();
        clear(&root)?;
        for (path, bytes) in tree {
            let path = root.join(path);
            match bytes {
                None => std::fs::DirBuilder::new().mode(0o700).create(&path)?,
                Some(bytes) => std::fs::write(&path, bytes)?,
            }
        }
        state.names.clear();
        state.bytes.clear();
        Ok(state.sync_all(&root)?)
    }
}

/// A directory as it stands.
pub(crate) fn tree(root: &Path) -> Result<Tree> {
    let mut out = Vec::new();
    collect(root, Path::new(""), &mut out)?;
    Ok(out)
}

fn collect(dir: &Path, at: &Path, out: &mut Tree) -> Result<()> {
    for (name, is) in now_in(dir)? {
        let (from, to) = (dir.join(&name), at.join(&name));
        match is {
            Thing::Dir(_) => {
                out.push((to.clone(), None));
                collect(&from, &to, out)?;
            }
            Thing::File(_) => {
                out.push((to, Some(std::fs::read(&from).with_context(|| from.display().to_string())?)));
            }
        }
    }
    Ok(())
}

/// Removes everything in a directory of the simulation.
pub(crate) fn clear(dir: &Path) -> Result<()> {
    for (name, is) in now_in(dir)? {
        let path = dir.join(name);
        match is {
            Thing::Dir(_) => {
                clear(&path)?;
                std::fs::remove_dir(&path)?;
            }
            Thing::File(_) => std::fs::remove_file(&path)?,
        }
    }
    Ok(())
}

impl Watcher for Disk {
    fn before(&mut self, point: &'static str) -> io::Result<()> {
        let stop = {
            let mut state = self.lock();
            match &mut state.ill.stops_at {
                Some((0, is_cut)) => Some(*is_cut),
                Some((left, _)) => {
                    *left = left.saturating_sub(1);
                    None
                }
                None => None,
            }
        };
        if let Some(is_cut) = stop {
            let left = if is_cut { self.cut() } else { tree(&self.lock().root.clone()) };
            let mut state = self.lock();
            state.ill.stops_at = None;
            state.stopped = Some((left.map_err(io::Error::other)?, is_cut));
        }
        let mut state = self.lock();
        let number = match point {
            "spool.write" | "spool.segment" | "state.write" if state.ill.is_full => errno::ENOSPC,
            "spool.sync" | "state.sync" if std::mem::take(&mut state.ill.fails_sync) => errno::EIO,
            _ => return Ok(()),
        };
        state.was_ill = true;
        Err(io::Error::from_raw_os_error(number))
    }

    fn synced(&mut self, path: &Path) {
        // What cannot be read back was not written: the power cut shows it.
        let _shown_later = self.lock().synced(path);
    }
}

/// Numbers of errors (errno(3)) on Linux.
mod errno {
    pub(super) const EIO: i32 = 5;
    pub(super) const ENOSPC: i32 = 28;
}
