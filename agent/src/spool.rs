//! The spool: sealed envelopes on disk until the collector has them.
//!
//! Append-only segments `NNNNNNNNNNNN.seg` in a directory of mode 0700. A segment is a row of records:
//!
//! | bytes | field |
//! | --- | --- |
//! | 4 | length of envelope and trailer together, big-endian |
//! | 4 | CRC-32C over the length and what follows, big-endian |
//! | … | the envelope, exactly as it is sent (its header states its length) |
//! | … | local trailer, never sent: JSON, compressed by zstd if it is long, see [`record::Trailer`] |
//!
//! A batch exists once `fdatasync` returned. All parts of one interval are written at once and lie in one segment;
//! only the last part's trailer says that the group is complete, and a torn group is cut off whole. Damage before
//! good records is set aside as `*.damaged`. An `fdatasync` that failed is never tried again on the same file: what
//! was written is cut off, everything is read again and a new segment is begun.

mod baseline;
pub mod reader;
pub mod record;
pub mod reseal;
mod scan;
mod segments;

pub use baseline::Columns;
pub use reader::{Entry, Holding, Reader};
pub use segments::{Acked, Usage};

use crate::fault;
use crate::interval::Baseline;
use crate::limits::{SEGMENT_MAX_BYTES, SEGMENT_MIN_BYTES, SEGMENTS_PER_CAP};
use crate::state::sync_dir;
use hostmeter_core::ids::HostId;
use hostmeter_core::limits::ENVELOPE_MAX_BYTES;
use hostmeter_core::wire::envelope;
use record::Trailer;
use segments::{Segment, Shared};
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Why the spool could not take, give or keep something.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The file system refused.
    #[error("{path}: {source}")]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The disk or the quota is full. Nothing was kept of this group; nothing that was durable is lost.
    #[error("{path}: no space left ({source}); free some, usage is kept in memory until then")]
    NoSpace {
        /// The segment.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// `fdatasync` failed: what was written since is not trusted.
    #[error(
        "{path}: the disk did not take what was written ({source}); the spool is read again before it goes on"
    )]
    Sync {
        /// The segment.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The cap is reached by what is not acknowledged.
    #[error(
        "the spool holds {unacked_bytes} unacknowledged bytes of at most {cap_bytes}; intervals stay open"
    )]
    Full {
        /// Unacknowledged bytes.
        unacked_bytes: u64,
        /// The cap.
        cap_bytes: u64,
    },
    /// A record of another host or epoch.
    #[error(
        "{path}: holds batches of host {host}, epoch {epoch}, which is not this enrolment; move the spool away"
    )]
    Foreign {
        /// The segment.
        path: PathBuf,
        /// Host in the record.
        host: HostId,
        /// Epoch in the record.
        epoch: u64,
    },
    /// A record that was good when the spool was opened is not any more.
    #[error("{path}: the record at byte {offset} is damaged; a restart sets it aside")]
    Damaged {
        /// The segment.
        path: PathBuf,
        /// Where.
        offset: u64,
    },
    /// An envelope or trailer that cannot be a record.
    #[error("a record of {0} bytes cannot be kept")]
    TooLarge(usize),
}

pub(crate) fn io_at(path: &Path) -> impl Fn(io::Error) -> SpoolError + '_ {
    move |source| SpoolError::Io { path: path.to_owned(), source }
}

/// Where the chain goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tail {
    /// Number of the last envelope; 0 if there is none.
    pub seq: u64,
    /// Its header hash; zero if there is none.
    pub hash: [u8; 32],
    /// End of the last interval.
    pub to_ms: Option<i64>,
    /// Cumulative readings at that end, where the source outlives the agent. Only after opening: who appends knows it.
    pub baseline: Option<Baseline>,
}

/// What opening found beside good records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Findings {
    /// Bytes of torn groups that were cut off.
    pub torn_bytes: u64,
    /// Segments whose damage was set aside.
    pub damaged: Vec<PathBuf>,
    /// Numbers that are missing between good records: (first, last).
    pub missing: Vec<(u64, u64)>,
}

/// The writing end. One thread owns it; readers share the list of segments.
#[derive(Debug)]
pub struct Spool {
    dir: PathBuf,
    host: HostId,
    epoch: u64,
    cap_bytes: u64,
    segment_max_bytes: u64,
    shared: Shared,
    active: Option<Active>,
    next_id: u64,
    tail: Tail,
    /// Set when what is on disk is not known: (segment, its length that was durable).
    distrusted: Option<(PathBuf, u64)>,
    sync: fn(&File) -> io::Result<()>,
}

#[derive(Debug)]
struct Active {
    file: File,
    segment: Segment,
}

impl Spool {
    /// Opens the directory, makes it where missing, cuts off torn groups and sets damage aside.
    pub fn open(
        dir: &Path,
        host: HostId,
        epoch: u64,
        cap_bytes: u64,
    ) -> Result<(Self, Findings), SpoolError> {
        crate::state::make_dir(dir).map_err(|e| io_at(dir)(io::Error::other(e)))?;
        let mut spool = Self {
            dir: dir.to_owned(),
            host,
            epoch,
            cap_bytes,
            segment_max_bytes: segment_max_bytes(dir, cap_bytes),
            shared: Shared::default(),
            active: None,
            next_id: 1,
            tail: Tail::default(),
            distrusted: None,
            sync: File::sync_data,
        };
        let findings = spool.rescan()?;
        Ok((spool, findings))
    }

    fn rescan(&mut self) -> Result<Findings, SpoolError> {
        self.active = None;
        if let Some((path, good)) = &self.distrusted {
            let file = OpenOptions::new().write(true).open(path).map_err(io_at(path))?;
            file.set_len(*good).map_err(io_at(path))?;
        }
        let scanned = scan::scan(&self.dir, self.host, self.epoch)?;
        self.next_id = scanned.next_id.max(self.next_id);
        self.tail = scanned.tail;
        // A file whose `fdatasync` failed once is never written to again.
        if self.distrusted.is_none()
            && let Some(segment) = scanned.segments.last().cloned()
        {
            let path = &segment.path;
            let file = OpenOptions::new().read(true).write(true).open(path).map_err(io_at(path))?;
            self.active = Some(Active { file, segment });
        }
        self.shared.replace(scanned.segments);
        self.distrusted = None;
        Ok(scanned.findings)
    }

    /// Where the chain goes on.
    pub fn tail(&self) -> &Tail {
        &self.tail
    }

    /// A reading end, at the oldest record.
    pub fn reader(&self) -> Reader {
        Reader::new(self.shared.clone())
    }

    /// How full it is; the cap is at most what the disk has room for.
    pub fn usage(&self) -> Usage {
        let usage = self.shared.usage(self.cap_bytes);
        // What others left on a small disk, or on a full one, is a cap too.
        let room_bytes = free_bytes(&self.dir).saturating_add(usage.total_bytes);
        Usage { cap_bytes: self.cap_bytes.min(room_bytes), ..usage }
    }

    /// How full it is, with a cap that was learnt a moment ago: the disk is not asked again.
    pub fn usage_of(&self, cap_bytes: u64) -> Usage {
        self.shared.usage(cap_bytes)
    }

    /// Makes the parts of one interval durable together. `envelopes` go on from [`Self::tail`]. The reserve for one
    /// last batch is used if `is_last`. On an error nothing of the group is kept.
    pub fn append(
        &mut self,
        envelopes: &[Vec<u8>],
        to_ms: i64,
        baseline: Option<Columns<'_>>,
        is_last: bool,
    ) -> Result<(), SpoolError> {
        if self.distrusted.is_some() {
            self.rescan()?;
        }
        let Some(last) = envelopes.last() else { return Ok(()) };
        let trailer = Trailer { v: record::TRAILER_VERSION, more: false, to_ms, baseline };
        let bytes = record::encode_group(envelopes, &trailer)?;
        let added = len_u64(bytes.len());
        self.check_room(added, is_last)?;
        let header = envelope::peek(last).map_err(|_| SpoolError::TooLarge(last.len()))?;
        let mut active = self.take_active(added)?;
        if let Err(e) = self.write(&active, &bytes) {
            // The segment as it was before is still good, unless it is not to be trusted.
            self.active = self.distrusted.is_none().then_some(active);
            return Err(e);
        }
        active.segment.bytes = active.segment.bytes.saturating_add(added);
        active.segment.last_seq = header.stamp.seq;
        if active.segment.first_seq == 0 {
            active.segment.first_seq = self.tail.seq.saturating_add(1);
        }
        self.shared.put(active.segment.clone());
        self.active = Some(active);
        self.tail = Tail { seq: header.stamp.seq, hash: header.hash, to_ms: Some(to_ms), baseline: None };
        Ok(())
    }

    fn check_room(&self, added: u64, is_last: bool) -> Result<(), SpoolError> {
        let usage = self.shared.usage(self.cap_bytes);
        let reserve = if is_last { 0 } else { len_u64(ENVELOPE_MAX_BYTES).min(self.cap_bytes / 8) };
        let room = self.cap_bytes.saturating_sub(reserve).saturating_sub(usage.unacked_bytes);
        // A group above the cap is taken by an empty spool, because it could never be taken else.
        if added > room && usage.unacked_bytes > 0 {
            let unacked_bytes = usage.unacked_bytes;
            return Err(SpoolError::Full { unacked_bytes, cap_bytes: self.cap_bytes });
        }
        Ok(())
    }

    /// The segment to write to: the present one, or a new one if the group does not fit.
    fn take_active(&mut self, added: u64) -> Result<Active, SpoolError> {
        match self.active.take() {
            Some(a)
                if a.segment.bytes == 0
                    || a.segment.bytes.saturating_add(added) <= self.segment_max_bytes =>
            {
                Ok(a)
            }
            old => {
                if let Some(old) = old {
                    // Gives back what was preallocated and not used; only a help.
                    let _given_back = old.file.set_len(old.segment.bytes);
                }
                self.new_segment(added)
            }
        }
    }

    fn new_segment(&mut self, added: u64) -> Result<Active, SpoolError> {
        let path = segments::path(&self.dir, self.next_id);
        let failed = |source: io::Error| space_or_io(&path, source);
        let options = || OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(&path);
        let file = fault::at("spool.segment").and_then(|()| options()).map_err(failed)?;
        let segment = Segment { id: self.next_id, path: path.clone(), first_seq: 0, last_seq: 0, bytes: 0 };
        self.next_id = self.next_id.saturating_add(1);
        // Only a help: a file system that cannot do it, or has less room, still takes single groups.
        let _hint = rustix::fs::fallocate(
            &file,
            rustix::fs::FallocateFlags::KEEP_SIZE,
            0,
            self.segment_max_bytes.max(added),
        );
        let named = fault::at("spool.segment.dir");
        if let Err(e) = named.and_then(|()| sync_dir(&self.dir).map_err(io::Error::other)) {
            // Its name may not outlive a power cut. Tried again at every interval, so nothing may be left over.
            let _swept_at_the_next_start = std::fs::remove_file(&path);
            return Err(failed(e));
        }
        Ok(Active { file, segment })
    }

    fn write(&mut self, active: &Active, bytes: &[u8]) -> Result<(), SpoolError> {
        let path = active.segment.path.clone();
        let good = active.segment.bytes;
        if let Err(source) = write_group(&active.file, bytes, good) {
            if active.file.set_len(good).is_err() {
                self.distrusted = Some((path.clone(), good));
            }
            return Err(space_or_io(&path, source));
        }
        if let Err(source) = fault::at("spool.sync").and_then(|()| (self.sync)(&active.file)) {
            self.distrusted = Some((path.clone(), good));
            return Err(SpoolError::Sync { path, source });
        }
        fault::synced(&path);
        // Durable, and nobody knows it yet: only a kill can happen here.
        fault::at("spool.durable").map_err(io_at(&path))
    }

    /// Removes segments that are acknowledged and archived; beyond the cap, also those that are only acknowledged,
    /// oldest first. The newest record always stays: the chain goes on from it.
    pub fn trim(&mut self) {
        let keep = self.active.as_ref().map(|a| a.segment.id);
        while let Some(segment) = self.shared.removable(self.cap_bytes, keep) {
            if !segment.archived {
                tracing::warn!(
                    segment = %segment.path.display(),
                    "acknowledged batches that no backup of the collector holds yet are removed: the spool is full"
                );
            }
            match fault::at("spool.trim").and_then(|()| std::fs::remove_file(&segment.path)) {
                Err(e) if e.kind() != io::ErrorKind::NotFound => {
                    // It stays in the list with all that follow, and is tried again: else the next start would miss
                    // the numbers between it and the rest.
                    tracing::warn!("{}: cannot be removed: {e}", segment.path.display());
                    return;
                }
                _ => self.shared.remove(segment.id),
            }
        }
    }
}

/// A segment is a part of the cap, and of a disk that is smaller than the cap: what is acknowledged is removed by
/// segments, so one that filled the disk would never go.
fn segment_max_bytes(dir: &Path, cap_bytes: u64) -> u64 {
    let disk_bytes = rustix::fs::statvfs(dir).map_or(u64::MAX, |s| s.f_blocks.saturating_mul(s.f_frsize));
    let share = cap_bytes.min(disk_bytes) / SEGMENTS_PER_CAP;
    SEGMENT_MAX_BYTES.min(share).max(SEGMENT_MIN_BYTES)
}

/// What the disk still has for this user; nothing is concluded where it does not tell.
fn free_bytes(dir: &Path) -> u64 {
    rustix::fs::statvfs(dir).map_or(u64::MAX, |s| s.f_bavail.saturating_mul(s.f_frsize))
}

/// Two writes, so that a test can end between them.
fn write_group(file: &File, bytes: &[u8], at: u64) -> io::Result<()> {
    fault::at("spool.write")?;
    let (first, rest) = bytes.split_at(bytes.len() / 2);
    file.write_all_at(first, at)?;
    fault::at("spool.write.torn")?;
    file.write_all_at(rest, at.saturating_add(len_u64(first.len())))
}

fn space_or_io(path: &Path, source: io::Error) -> SpoolError {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    let path = path.to_owned();
    match source.kind() {
        StorageFull | QuotaExceeded | FileTooLarge => SpoolError::NoSpace { path, source },
        _ => SpoolError::Io { path, source },
    }
}

/// Lengths in memory always fit.
pub(crate) fn len_u64(len: usize) -> u64 {
    u64::try_from(len).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
