//! The reading end: durable records in order, from any number that is held.

use super::record::{self, Step};
use super::segments::{Acked, Segment, Shared};
use super::{SpoolError, io_at};
use std::fs::File;
use std::io;

/// One envelope to send.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its number.
    pub seq: u64,
    /// Its header hash.
    pub hash: [u8; 32],
    /// Its bytes, as they are sent.
    pub envelope: Vec<u8>,
    segment: u64,
    end: u64,
}

/// Reads records in order. It never sees what is not durable.
#[derive(Debug)]
pub struct Reader {
    shared: Shared,
    open: Option<(File, Segment)>,
    segment: u64,
    offset: u64,
}

impl Reader {
    pub(crate) fn new(shared: Shared) -> Self {
        Self { shared, open: None, segment: 0, offset: 0 }
    }

    /// The next record, if there is one.
    pub fn next(&mut self) -> Result<Option<Entry>, SpoolError> {
        loop {
            let Some(segment) = self.shared.from_id(self.segment) else { return Ok(None) };
            if segment.id != self.segment {
                (self.segment, self.offset) = (segment.id, 0);
            }
            if self.offset >= segment.bytes {
                match self.shared.from_id(segment.id.saturating_add(1)) {
                    None => return Ok(None),
                    Some(after) => {
                        (self.segment, self.offset) = (after.id, 0);
                        continue;
                    }
                }
            }
            return self.read(&segment);
        }
    }

    fn read(&mut self, segment: &Segment) -> Result<Option<Entry>, SpoolError> {
        let path = &segment.path;
        if self.open.as_ref().is_none_or(|(_, s)| s.id != segment.id) {
            match File::open(path) {
                Ok(file) => self.open = Some((file, segment.clone())),
                // Removed since it was listed: everything in it is acknowledged.
                Err(e) if e.kind() == io::ErrorKind::NotFound => {
                    (self.segment, self.offset) = (segment.id.saturating_add(1), 0);
                    return self.next();
                }
                Err(e) => return Err(io_at(path)(e)),
            }
        }
        let Some((file, _)) = &self.open else { return Ok(None) };
        match record::read(file, self.offset, segment.bytes).map_err(io_at(path))? {
            Step::Record(r) => {
                self.offset = r.end;
                let (seq, hash) = (r.header.stamp.seq, r.header.hash);
                Ok(Some(Entry { seq, hash, envelope: r.envelope, segment: segment.id, end: r.end }))
            }
            Step::End | Step::Bad => Err(SpoolError::Damaged { path: path.clone(), offset: self.offset }),
        }
    }

    /// Goes to the record with this number, or to the first one above it. Returns whether the number is held or is
    /// the very next to be made.
    pub fn seek(&mut self, seq: u64) -> Result<bool, SpoolError> {
        let Some(segment) = self.shared.holding(seq) else {
            let next = self.shared.range().map_or(1, |(_, last)| last.saturating_add(1));
            let last = self.shared.from_id(self.segment);
            (self.segment, self.offset) = last.map_or((self.segment, self.offset), |s| (s.id, self.offset));
            self.to_end();
            return Ok(seq == next);
        };
        (self.segment, self.offset) = (segment.id, 0);
        loop {
            let before = self.offset;
            match self.next()? {
                Some(entry) if entry.seq >= seq => {
                    (self.segment, self.offset) =
                        (entry.segment, if entry.segment == segment.id { before } else { 0 });
                    return Ok(entry.seq == seq);
                }
                Some(_) => {}
                None => return Ok(false),
            }
        }
    }

    fn to_end(&mut self) {
        while let Some(segment) = self.shared.from_id(self.segment) {
            (self.segment, self.offset) = (segment.id, segment.bytes);
            if self.shared.from_id(segment.id.saturating_add(1)).is_none() {
                break;
            }
            self.segment = segment.id.saturating_add(1);
        }
    }

    /// Lowest and highest number held.
    pub fn range(&self) -> Option<(u64, u64)> {
        self.shared.range()
    }

    /// How far the collector has everything.
    pub fn acked(&self) -> Acked {
        self.shared.acked()
    }

    /// The collector has everything up to this record.
    pub fn ack(&self, entry: &Entry, archived_seq: u64) {
        self.shared.ack(Acked { seq: entry.seq, archived_seq, segment: entry.segment, offset: entry.end });
    }
}
