//! The list of segments, shared between the writing and the reading end, and how far it is acknowledged.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// One segment as far as it is durable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// Number in its file name.
    pub(crate) id: u64,
    /// Its file.
    pub(crate) path: PathBuf,
    /// First sequence number in it; 0 while it is empty.
    pub(crate) first_seq: u64,
    /// Last sequence number in it.
    pub(crate) last_seq: u64,
    /// Durable bytes.
    pub(crate) bytes: u64,
}

/// How far the collector has everything.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Acked {
    /// Highest number that is durable with the collector.
    pub seq: u64,
    /// Highest number that a backup of the collector holds.
    pub archived_seq: u64,
    /// Segment of the record with that number; 0 if it is not known yet.
    pub segment: u64,
    /// Where the record ends in it.
    pub offset: u64,
}

/// How full the spool is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Bytes on disk.
    pub total_bytes: u64,
    /// Bytes that the collector has not acknowledged.
    pub unacked_bytes: u64,
    /// Most unacknowledged bytes.
    pub cap_bytes: u64,
}

/// A segment that may go.
#[derive(Debug)]
pub(crate) struct Removable {
    pub(crate) id: u64,
    pub(crate) path: PathBuf,
    pub(crate) archived: bool,
}

#[derive(Debug, Default)]
struct State {
    segments: Vec<Segment>,
    acked: Acked,
}

/// The list, cheap to clone; locked for moments only, never during I/O.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<State>>);

impl Shared {
    /// Every change below is complete in itself, so a panic of the other side leaves nothing half done.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn replace(&self, segments: Vec<Segment>) {
        self.lock().segments = segments;
    }

    /// Adds a segment or brings it up to date.
    pub(crate) fn put(&self, segment: Segment) {
        let mut state = self.lock();
        match state.segments.iter_mut().find(|s| s.id == segment.id) {
            Some(known) => *known = segment,
            None => state.segments.push(segment),
        }
    }

    /// The segment with this id, or the first one after it.
    pub(crate) fn at_or_after(&self, id: u64) -> Option<Segment> {
        self.lock().segments.iter().find(|s| s.id >= id).cloned()
    }

    /// The segment that holds this number, or the first one with higher numbers.
    pub(crate) fn holding(&self, seq: u64) -> Option<Segment> {
        self.lock().segments.iter().find(|s| s.last_seq >= seq).cloned()
    }

    /// Lowest and highest number held.
    pub(crate) fn range(&self) -> Option<(u64, u64)> {
        let state = self.lock();
        Some((state.segments.first()?.first_seq, state.segments.last()?.last_seq))
    }

    pub(crate) fn acked(&self) -> Acked {
        self.lock().acked
    }

    /// Acknowledgements only go forward.
    pub(crate) fn ack(&self, to: Acked) {
        let mut state = self.lock();
        if to.seq >= state.acked.seq {
            state.acked = to;
        }
    }

    pub(crate) fn usage(&self, cap_bytes: u64) -> Usage {
        let state = self.lock();
        let unacked = |s: &Segment| match s {
            s if s.last_seq <= state.acked.seq => 0,
            s if s.id == state.acked.segment => s.bytes.saturating_sub(state.acked.offset),
            s => s.bytes,
        };
        Usage {
            total_bytes: state.segments.iter().map(|s| s.bytes).sum(),
            unacked_bytes: state.segments.iter().map(unacked).sum(),
            cap_bytes,
        }
    }

    /// The oldest segment, if it is acknowledged and may go; never the last one nor the one that is written to.
    pub(crate) fn removable(&self, cap_bytes: u64, active: Option<u64>) -> Option<Removable> {
        let state = self.lock();
        let first = state.segments.first().filter(|_| state.segments.len() > 1)?;
        let total: u64 = state.segments.iter().map(|s| s.bytes).sum();
        let archived = first.last_seq <= state.acked.archived_seq;
        let may_go = first.last_seq <= state.acked.seq && Some(first.id) != active;
        let goes = may_go && (archived || total > cap_bytes);
        goes.then(|| Removable { id: first.id, path: first.path.clone(), archived })
    }

    /// Takes a segment from the list.
    pub(crate) fn remove(&self, id: u64) {
        self.lock().segments.retain(|s| s.id != id);
    }
}

/// File of the segment with this id.
pub(crate) fn path(dir: &Path, id: u64) -> PathBuf {
    dir.join(format!("{id:012}.seg"))
}

/// Id of a segment's file; `None` for other files.
pub(crate) fn id_of(path: &Path) -> Option<u64> {
    let name = path.file_name()?.to_str()?.strip_suffix(".seg")?;
    (name.len() == 12 && name.bytes().all(|b| b.is_ascii_digit())).then(|| name.parse().ok()).flatten()
}
