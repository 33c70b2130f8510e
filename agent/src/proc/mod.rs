//! Readers of /proc. The root may be another folder, so that tests can build a tree of their own.
//!
//! Facts about the files are from the kernel's `Documentation/filesystems/proc.rst` and proc(5).

pub mod command;
pub mod cpu_clock;
pub mod io;
pub mod smaps;
pub mod stat;
pub mod status;
pub mod text;

use crate::limits::{PROC_FILE_MAX_BYTES, PROC_HOST_FILE_MAX_BYTES, PROCESSES_MAX, THREADS_MAX};
use rustix::fd::OwnedFd;
use rustix::fs::{CWD, Mode, OFlags, RawDir, SeekFrom, openat, seek};
use rustix::io::Errno;
use std::fmt::{self, Write as _};
use std::path::{Path, PathBuf};

/// Bytes that one listing call may fill.
const LIST_BYTES: usize = 32 * 1024;
/// Bytes that a file's buffer starts with; nearly every file of a process fits.
const FILE_BYTES: usize = 8 * 1024;

/// /proc as a whole cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ProcError {
    /// The root cannot be opened.
    #[error("{path} cannot be opened ({source}); is /proc mounted here?")]
    Open {
        /// The root.
        path: PathBuf,
        /// What the kernel said.
        source: Errno,
    },
    /// The root cannot be listed.
    #[error("{path} cannot be listed ({source})")]
    List {
        /// The root.
        path: PathBuf,
        /// What the kernel said.
        source: Errno,
    },
}

/// Why one file of /proc gave nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unread {
    /// The process or thread has ended; nothing is wrong.
    #[error("the process has ended")]
    Gone,
    /// No right to read it.
    #[error("permission denied")]
    Denied,
    /// Read, but not in the form that the kernel documents, or an error of the system.
    #[error("{0}")]
    Fault(String),
}

impl Unread {
    fn from_errno(path: &str, errno: Errno) -> Self {
        match errno {
            Errno::NOENT | Errno::SRCH => Self::Gone,
            Errno::ACCESS | Errno::PERM => Self::Denied,
            other => Self::Fault(format!("/proc/{path}: {other}")),
        }
    }

    /// A file whose content is not as documented.
    fn malformed(path: &str, why: &str) -> Self {
        Self::Fault(format!("/proc/{path}: {why}"))
    }
}

/// A kept descriptor of the root, with buffers that are used again.
#[derive(Debug)]
pub struct ProcRoot {
    dir: OwnedFd,
    path: PathBuf,
    list: Vec<u8>,
    file: Vec<u8>,
    name: String,
    /// Files about the host, which are read at every sweep and so stay open.
    host: Vec<(&'static str, OwnedFd)>,
}

impl ProcRoot {
    /// Opens the root.
    pub fn open(path: &Path) -> Result<Self, ProcError> {
        let dir = openat(CWD, path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
            .map_err(|source| ProcError::Open { path: path.to_owned(), source })?;
        Ok(Self {
            dir,
            path: path.to_owned(),
            list: Vec::with_capacity(LIST_BYTES),
            file: vec![0; FILE_BYTES],
            name: String::new(),
            host: Vec::new(),
        })
    }

    /// Lists the processes into `pids`, at most [`PROCESSES_MAX`]; `false` if there were more.
    pub fn pids(&mut self, pids: &mut Vec<u32>) -> Result<bool, ProcError> {
        let fail = |source| ProcError::List { path: self.path.clone(), source };
        seek(&self.dir, SeekFrom::Start(0)).map_err(fail)?;
        list(&self.dir, &mut self.list, pids, PROCESSES_MAX).map_err(fail)
    }

    /// Lists the threads of a process into `tids`, at most [`THREADS_MAX`]; `false` if there were more.
    pub fn tids(&mut self, pid: u32, tids: &mut Vec<u32>) -> Result<bool, Unread> {
        self.set_name(format_args!("{pid}/task"));
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let dir = openat(&self.dir, self.name.as_str(), flags, Mode::empty())
            .map_err(|e| Unread::from_errno(&self.name, e))?;
        list(&dir, &mut self.list, tids, THREADS_MAX).map_err(|e| Unread::from_errno(&self.name, e))
    }

    /// Reads a file about one process or thread, as a whole, and hands its bytes to `parse`.
    pub fn parse<T>(
        &mut self,
        path: fmt::Arguments<'_>,
        parse: impl FnOnce(&[u8]) -> Result<T, &'static str>,
    ) -> Result<T, Unread> {
        let len = self.read(path, PROC_FILE_MAX_BYTES)?;
        let bytes = self.file.get(..len).unwrap_or_default();
        parse(bytes).map_err(|why| Unread::malformed(&self.name, why))
    }

    /// Reads a file about the host, as a whole.
    pub fn host_file(&mut self, path: &'static str) -> Result<&[u8], Unread> {
        if !self.host.iter().any(|(name, _)| *name == path) {
            let fd = open(&self.dir, path)?;
            self.host.push((path, fd));
        }
        let Some((_, fd)) = self.host.iter().find(|(name, _)| *name == path) else { return Ok(&[]) };
        let len = fill(&mut self.file, fd, path, PROC_HOST_FILE_MAX_BYTES)?;
        Ok(self.file.get(..len).unwrap_or_default())
    }

    /// The target of a symbolic link, such as `self`.
    pub fn link(&self, path: &str) -> Option<Vec<u8>> {
        rustix::fs::readlinkat(&self.dir, path, Vec::new()).ok().map(std::ffi::CString::into_bytes)
    }

    fn set_name(&mut self, path: fmt::Arguments<'_>) {
        self.name.clear();
        // Writing to a String cannot fail.
        let _ = self.name.write_fmt(path);
    }

    fn read(&mut self, path: fmt::Arguments<'_>, max: usize) -> Result<usize, Unread> {
        self.set_name(path);
        let fd = open(&self.dir, &self.name)?;
        fill(&mut self.file, &fd, &self.name, max)
    }
}

fn open(dir: &OwnedFd, name: &str) -> Result<OwnedFd, Unread> {
    openat(dir, name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
        .map_err(|e| Unread::from_errno(name, e))
}

/// Reads a file from its beginning to its end into `file`; gives its length.
fn fill(file: &mut Vec<u8>, fd: &OwnedFd, name: &str, max: usize) -> Result<usize, Unread> {
    let mut len: usize = 0;
    loop {
        if len == file.len() {
            if len >= max {
                return Err(Unread::Fault(format!("/proc/{name}: longer than {max} bytes")));
            }
            file.resize(len.saturating_mul(2).min(max), 0);
        }
        let Some(free) = file.get_mut(len..) else { return Ok(len) };
        match rustix::io::pread(fd, free, u64::try_from(len).unwrap_or(u64::MAX)) {
            Ok(0) => return Ok(len),
            Ok(n) => len = len.saturating_add(n),
            Err(Errno::INTR) => {}
            Err(e) => return Err(Unread::from_errno(name, e)),
        }
    }
}

fn list(dir: &OwnedFd, buffer: &mut Vec<u8>, out: &mut Vec<u32>, max: usize) -> Result<bool, Errno> {
    out.clear();
    buffer.clear();
    let mut entries = RawDir::new(dir, buffer.spare_capacity_mut());
    while let Some(entry) = entries.next() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(Errno::INTR) => continue,
            Err(e) => return Err(e),
        };
        let name = entry.file_name().to_bytes();
        if name.first().is_none_or(|b| !b.is_ascii_digit()) {
            continue;
        }
        let Some(id) = text::number(name).and_then(|n| u32::try_from(n).ok()) else { continue };
        if out.len() >= max {
            return Ok(false);
        }
        out.push(id);
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
