//! The journal's files: segments of records, named after the serial of their first.

use super::DbError;
use super::record::{Fault, MAGIC, Record, decode};
use crate::fault::at as point;
use crate::limits::JOURNAL_FILE_MAX_BYTES;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const SUFFIX: &str = ".hmj";

fn fault(path: &Path, why: &dyn std::fmt::Display) -> DbError {
    DbError::Journal(format!("{}: {why}", path.display()))
}

/// All segments of a directory: serial of the first record, and path; in order.
pub(crate) fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, DbError> {
    let mut out = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(|e| fault(dir, &e))? {
        let path = entry.map_err(|e| fault(dir, &e))?.path();
        let name = path.file_name().and_then(|n| n.to_str()).and_then(|n| n.strip_suffix(SUFFIX));
        if let Some(serial) = name.and_then(|n| n.parse().ok()) {
            out.push((serial, path));
        }
    }
    out.sort();
    Ok(out)
}

/// Removes the segments that hold nothing above a serial; the newest stays.
pub(crate) fn remove_before(dir: &Path, serial: u64) -> Result<(), DbError> {
    let all = list(dir)?;
    for ((_, path), (next, _)) in all.iter().zip(all.iter().skip(1)) {
        if *next <= serial.saturating_add(1) {
            std::fs::remove_file(path).map_err(|e| fault(path, &e))?;
        }
    }
    Ok(())
}

/// A whole segment.
pub(crate) fn read(path: &Path) -> Result<Vec<u8>, DbError> {
    let len = std::fs::metadata(path).map_err(|e| fault(path, &e))?.len();
    if len > JOURNAL_FILE_MAX_BYTES {
        return Err(fault(path, &format_args!("{len} bytes are more than a segment can have")));
    }
    std::fs::read(path).map_err(|e| fault(path, &e))
}

/// Goes through the records of a segment's bytes. Returns the length up to which they are good, and what is wrong there.
pub(crate) fn walk<E>(
    bytes: &[u8],
    mut each: impl FnMut(&Record<'_>, usize) -> Result<(), E>,
) -> Result<(usize, Option<Fault>), E> {
    if !bytes.starts_with(MAGIC) {
        let torn = MAGIC.starts_with(bytes) || bytes.iter().all(|b| *b == 0);
        return Ok((0, Some(if torn { Fault::CutShort } else { Fault::Damaged })));
    }
    let mut at = MAGIC.len();
    loop {
        match decode(bytes.get(at..).unwrap_or_default()) {
            Ok(None) => return Ok((at, None)),
            Ok(Some((record, len))) => {
                each(&record, at)?;
                at = at.saturating_add(len);
            }
            Err(fault) => return Ok((at, Some(fault))),
        }
    }
}

/// Where a journal ends.
pub(super) struct End {
    path: PathBuf,
    /// Of the last good record.
    pub(super) serial: u64,
    pub(super) hash: [u8; 32],
    good: usize,
    torn: Vec<u8>,
}

/// The last good record of a journal; `None`: it has none.
pub(super) fn end(dir: &Path) -> Result<Option<End>, DbError> {
    let mut newest = true;
    for (_, path) in list(dir)?.into_iter().rev() {
        let bytes = read(&path)?;
        let mut last = None;
        let note = |r: &Record<'_>, _| -> Result<(), DbError> {
            last = Some((r.serial, r.hash));
            Ok(())
        };
        let (good, wrong) = walk(&bytes, note)?;
        if wrong.is_some() && !newest {
            return Err(fault(&path, &format_args!("damaged at byte {good}, in the middle of the journal")));
        }
        newest = false;
        let torn = bytes.get(good..).unwrap_or_default().to_vec();
        match last {
            Some((serial, hash)) => return Ok(Some(End { path, serial, hash, good, torn })),
            // Made for a record that never got into it.
            None => std::fs::remove_file(&path).map_err(|e| fault(&path, &e))?,
        }
    }
    Ok(None)
}

impl End {
    /// Opens the segment for what comes next. Bytes behind the last good record are set aside.
    pub(super) fn cut(self) -> Result<Segment, DbError> {
        let wrap = |e: std::io::Error| fault(&self.path, &e);
        let file = OpenOptions::new().append(true).open(&self.path).map_err(wrap)?;
        if !self.torn.is_empty() {
            let aside = self.path.with_extension(format!("torn-{}", self.good));
            std::fs::write(&aside, &self.torn).map_err(|e| fault(&aside, &e))?;
            tracing::warn!(bytes = self.torn.len(), aside = %aside.display(), "the journal's last record was torn");
        }
        let good = u64::try_from(self.good).unwrap_or(u64::MAX);
        point("journal.cut");
        let mut segment = Segment { path: self.path, file, len: good, good };
        segment.rewind()?;
        Ok(segment)
    }
}

/// A segment that is appended to.
pub(super) struct Segment {
    path: PathBuf,
    file: File,
    len: u64,
    /// What was synced of it.
    good: u64,
}

impl Segment {
    /// A new one.
    pub(super) fn make(dir: &Path, serial: u64) -> Result<Self, DbError> {
        let path = dir.join(format!("{serial:020}{SUFFIX}"));
        let wrap = |e: std::io::Error| fault(&path, &e);
        let mut options = OpenOptions::new();
        point("journal.segment");
        let mut file =
            options.append(true).create(true).truncate(false).mode(0o600).open(&path).map_err(wrap)?;
        // Of an attempt that failed.
        file.set_len(0).map_err(wrap)?;
        file.write_all(MAGIC).map_err(wrap)?;
        point("journal.segment.sync");
        file.sync_all().map_err(wrap)?;
        point("journal.segment.dir");
        File::open(dir).and_then(|d| d.sync_all()).map_err(|e| fault(dir, &e))?;
        let len = u64::try_from(MAGIC.len()).unwrap_or(u64::MAX);
        Ok(Self { path, file, len, good: len })
    }

    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn append(&mut self, record: &[u8]) -> Result<(), DbError> {
        point("journal.append");
        // Two writes, so that a test can end between them.
        let (first, rest) = record.split_at(record.len() / 2);
        let written = self.file.write_all(first).and_then(|()| {
            point("journal.append.torn");
            self.file.write_all(rest)
        });
        written.map_err(|e| fault(&self.path, &e))?;
        self.len = self.len.saturating_add(u64::try_from(record.len()).unwrap_or(u64::MAX));
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<(), DbError> {
        point("journal.sync");
        self.file.sync_data().map_err(|e| fault(&self.path, &e))?;
        point("journal.synced");
        self.good = self.len;
        Ok(())
    }

    /// Back to what is known to be on the disk: after an fsync that failed, what the cache shows may never get there.
    pub(super) fn rewind(&mut self) -> Result<(), DbError> {
        let wrap = |e: std::io::Error| fault(&self.path, &e);
        self.file.set_len(self.good).map_err(wrap)?;
        self.file.sync_all().map_err(wrap)?;
        self.len = self.good;
        Ok(())
    }
}
