//! Files of a backup: copied, summed and synced.

use crate::limits::{BACKUP_BUSY_MAX, BACKUP_PAUSE, BACKUP_STEP_PAGES, COPY_BUFFER_BYTES};
use hostmeter_core::wire::key::hex;
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {source}", path = path.display())]
pub struct FileError {
    path: PathBuf,
    #[source]
    source: std::io::Error,
}

pub(super) fn at(path: &Path) -> impl Fn(std::io::Error) -> FileError {
    move |source| FileError { path: path.to_owned(), source }
}

/// A new file, for its owner alone.
pub(super) fn make(path: &Path) -> Result<File, FileError> {
    OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(at(path))
}

/// Writes a new file and syncs it.
pub(super) fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = make(path)?;
    file.write_all(bytes).and_then(|()| file.sync_all()).map_err(at(path))
}

/// Copies a file and syncs the copy.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), FileError> {
    let mut source = File::open(from).map_err(at(from))?;
    let mut copy = make(to)?;
    std::io::copy(&mut source, &mut copy).and_then(|_| copy.sync_all()).map_err(at(to))
}

pub(super) fn sync(path: &Path) -> Result<(), FileError> {
    File::open(path).and_then(|f| f.sync_all()).map_err(at(path))
}

/// Removes a backup's directory, or what is left of one: files, and directories with files.
pub(super) fn remove(dir: &Path) -> Result<(), FileError> {
    for path in entries(dir)? {
        if std::fs::symlink_metadata(&path).map_err(at(&path))?.is_dir() {
            for inner in entries(&path)? {
                std::fs::remove_file(&inner).map_err(at(&inner))?;
            }
            std::fs::remove_dir(&path).map_err(at(&path))?;
        } else {
            std::fs::remove_file(&path).map_err(at(&path))?;
        }
    }
    std::fs::remove_dir(dir).map_err(at(dir))
}

fn entries(dir: &Path) -> Result<Vec<PathBuf>, FileError> {
    let all = std::fs::read_dir(dir).map_err(at(dir))?;
    all.map(|e| e.map(|e| e.path()).map_err(at(dir))).collect()
}

/// Length and SHA-256.
pub(super) fn sum(path: &Path) -> Result<(u64, String), FileError> {
    let mut file = File::open(path).map_err(at(path))?;
    let (mut hash, mut len) = (ring::digest::Context::new(&ring::digest::SHA256), 0_u64);
    let mut buffer = vec![0_u8; COPY_BUFFER_BYTES];
    loop {
        let n = file.read(&mut buffer).map_err(at(path))?;
        let Some(read) = buffer.get(..n).filter(|r| !r.is_empty()) else { break };
        hash.update(read);
        len = len.saturating_add(u64::try_from(n).unwrap_or(u64::MAX));
    }
    Ok((len, hex(hash.finish().as_ref())))
}

/// Copies a database that others write, as of one moment. The copy is one file, without a log beside it.
pub(super) fn copy_db(from: &Path, to: &Path) -> rusqlite::Result<()> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let source = Connection::open_with_flags(from, flags)?;
    source.busy_timeout(crate::limits::BUSY_TIMEOUT)?;
    // Holds one snapshot: else every write of the collector would begin the copy anew.
    source.execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")?;
    let mut copy = Connection::open(to)?;
    {
        let backup = Backup::new(&source, &mut copy)?;
        let mut busy = 0_u32;
        loop {
            match backup.step(BACKUP_STEP_PAGES)? {
                StepResult::Done => break,
                StepResult::More => std::thread::park_timeout(BACKUP_PAUSE),
                _ => {
                    busy = busy.saturating_add(1);
                    if busy > BACKUP_BUSY_MAX {
                        return Err(rusqlite::Error::SqliteFailure(
                            rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY),
                            Some("the database stayed locked".to_owned()),
                        ));
                    }
                    std::thread::park_timeout(BACKUP_PAUSE);
                }
            }
        }
    }
    copy.query_row("PRAGMA journal_mode = DELETE", [], |r| r.get::<_, String>(0))?;
    copy.close().map_err(|(_, e)| e)
}
