//! Small files that survive a crash: written beside, synced, renamed, directory synced.

use super::limits::RECORD_MAX_BYTES;
use crate::fault;
use rustix::fs::{FlockOperation, Mode, OFlags};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why one of the executor's own files could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The system said no.
    #[error("{path}: {source}")]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Not what this program writes.
    #[error("{path} is damaged: {source}; restore it from a backup or move it away after a look")]
    Json {
        /// Which file.
        path: PathBuf,
        /// Where it fails.
        #[source]
        source: serde_json::Error,
    },
    /// Larger than anything this program writes.
    #[error("{0} is larger than {RECORD_MAX_BYTES} bytes")]
    TooLarge(PathBuf),
    /// Others could have written it.
    #[error("{path} must belong to root and be writable by nobody else: {why}")]
    Unsafe {
        /// Which file or directory.
        path: PathBuf,
        /// Owner or mode.
        why: String,
    },
    /// Another executor uses the directory.
    #[error("{0} is in use: another hostmeter-executor is running with this state_dir")]
    InUse(PathBuf),
}

impl FileError {
    /// The system's error with its path.
    pub fn io(path: &Path, source: impl Into<std::io::Error>) -> Self {
        Self::Io { path: path.to_owned(), source: source.into() }
    }
}

/// Reads a JSON file; `None` if there is none.
pub fn read_json<T: DeserializeOwned>(path: &Path) -> Result<Option<T>, FileError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(FileError::io(path, e)),
    };
    let mut bytes = Vec::new();
    let limit = RECORD_MAX_BYTES.saturating_add(1);
    let read = file.take(limit).read_to_end(&mut bytes).map_err(|e| FileError::io(path, e))?;
    if u64::try_from(read).unwrap_or(u64::MAX) >= limit {
        return Err(FileError::TooLarge(path.to_owned()));
    }
    let json = |source| FileError::Json { path: path.to_owned(), source };
    serde_json::from_slice(&bytes).map(Some).map_err(json)
}

/// Writes a JSON file so that after a crash either the old or the new content is there, whole. When it returns, the
/// new content is durable. Mode 0600.
pub fn write_json(path: &Path, value: &impl Serialize) -> Result<(), FileError> {
    let json = |source| FileError::Json { path: path.to_owned(), source };
    let bytes = serde_json::to_vec(value).map_err(json)?;
    if u64::try_from(bytes.len()).unwrap_or(u64::MAX) > RECORD_MAX_BYTES {
        return Err(FileError::TooLarge(path.to_owned()));
    }
    let beside = path.with_extension("tmp");
    let io = |e: std::io::Error| FileError::io(&beside, e);
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside).map_err(io)?;
    fault::at("record.write").and_then(|()| file.write_all(&bytes)).map_err(io)?;
    fault::at("record.sync").and_then(|()| file.sync_all()).map_err(io)?;
    let renamed = fault::at("record.rename").and_then(|()| std::fs::rename(&beside, path));
    renamed.map_err(|e| FileError::io(path, e))?;
    fault::at("record.dir").map_err(|e| FileError::io(path, e))?;
    sync_dir(path.parent().unwrap_or(Path::new("/")))
}

/// Removes a file, durably once its directory is synced; one that is gone already is no error.
pub fn remove(path: &Path) -> Result<(), FileError> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(FileError::io(path, e)),
        _ => Ok(()),
    }
}

/// Makes a directory's entries durable.
pub fn sync_dir(dir: &Path) -> Result<(), FileError> {
    File::open(dir).and_then(|d| d.sync_all()).map_err(|e| FileError::io(dir, e))
}

/// Makes a directory with its parents (mode 0700) if it is not there, and refuses one that others may write to.
pub fn private_dir(dir: &Path) -> Result<(), FileError> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| FileError::io(dir, e))?;
    let meta = std::fs::symlink_metadata(dir).map_err(|e| FileError::io(dir, e))?;
    if !meta.is_dir() {
        return Err(FileError::Unsafe { path: dir.to_owned(), why: "it is no directory".to_owned() });
    }
    check_owner(dir, meta.uid(), meta.mode())
}

/// Refuses an owner beside root (or the executor's own user) and any write bit for others.
pub fn check_owner(path: &Path, uid: u32, mode: u32) -> Result<(), FileError> {
    let own = rustix::process::geteuid().as_raw();
    let why = if uid != 0 && uid != own {
        format!("it belongs to uid {uid}; run: chown root:root {}", path.display())
    } else if mode & 0o022 != 0 {
        format!("its mode is {:03o}; run: chmod go-w {}", mode & 0o777, path.display())
    } else {
        return Ok(());
    };
    Err(FileError::Unsafe { path: path.to_owned(), why })
}

/// Takes the lock that keeps a second executor out; it is held until the file is dropped.
pub fn lock(path: &Path) -> Result<File, FileError> {
    let flags = OFlags::CREATE | OFlags::RDWR | OFlags::CLOEXEC;
    let fd = rustix::fs::open(path, flags, Mode::from_raw_mode(0o600)).map_err(|e| FileError::io(path, e))?;
    match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(File::from(fd)),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(FileError::InUse(path.to_owned())),
        Err(e) => Err(FileError::io(path, e)),
    }
}
