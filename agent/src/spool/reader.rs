//! The reading end: durable records in order, from any number that is held.

use super::record::{self, Step};
use super::segments::{Acked, Segment, Shared};
use super::{SpoolError, io_at};
use hostmeter_core::wire::envelope::peek;
use hostmeter_core::wire::key::Hash;
use hostmeter_core::wire::resume::Held;
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
    start: u64,
    end: u64,
}

/// What a spool holds, by numbers and hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holding {
    /// Envelopes in order and without a hole.
    pub held: Vec<Held>,
    /// Whether older ones are held.
    pub has_older: bool,
    /// The one before the oldest that is held: removed, and named by its successor.
    pub before: Option<Held>,
    /// The lowest number held above these.
    pub next: Option<u64>,
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
    pub fn read_next(&mut self) -> Result<Option<Entry>, SpoolError> {
        loop {
            let Some(segment) = self.shared.at_or_after(self.segment) else { return Ok(None) };
            if segment.id != self.segment {
                (self.segment, self.offset) = (segment.id, 0);
            }
            if self.offset >= segment.bytes {
                match self.shared.at_or_after(segment.id.saturating_add(1)) {
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
                    return self.read_next();
                }
                Err(e) => return Err(io_at(path)(e)),
            }
        }
        let Some((file, _)) = &self.open else { return Ok(None) };
        match record::read(file, self.offset, segment.bytes).map_err(io_at(path))? {
            Step::Record(r) => {
                let start = std::mem::replace(&mut self.offset, r.end);
                let (seq, hash) = (r.header.stamp.seq, r.header.hash);
                Ok(Some(Entry { seq, hash, envelope: r.envelope, segment: segment.id, start, end: r.end }))
            }
            Step::End | Step::Bad => Err(SpoolError::Damaged { path: path.clone(), offset: self.offset }),
        }
    }

    /// Goes back so that this record is the next one again.
    pub fn back_to(&mut self, entry: &Entry) {
        (self.segment, self.offset) = (entry.segment, entry.start);
    }

    /// Goes to the record with this number, or to the first one above it. Returns whether the number is held or is
    /// the very next to be made. Where nothing as high is held, the reader stays where it is.
    pub fn seek(&mut self, seq: u64) -> Result<bool, SpoolError> {
        let before = (self.segment, self.offset);
        let Some(segment) = self.shared.holding(seq) else {
            let Some((_, last)) = self.shared.range() else { return Ok(seq == 1) };
            self.seek(last)?;
            self.read_next()?;
            if seq == last.saturating_add(1) {
                return Ok(true);
            }
            (self.segment, self.offset) = before;
            return Ok(false);
        };
        (self.segment, self.offset) = (segment.id, 0);
        while let Some(entry) = self.read_next()? {
            if entry.seq >= seq {
                self.back_to(&entry);
                return Ok(entry.seq == seq);
            }
        }
        (self.segment, self.offset) = before;
        Ok(false)
    }

    /// The last envelopes up to `last`, in order and without a hole, at most `max`. The reader stays where it is.
    pub fn held(&mut self, last: u64, max: u64) -> Result<Holding, SpoolError> {
        let Some((first, newest)) = self.range() else { return Ok(Holding::default()) };
        let last = last.min(newest);
        let before = (self.segment, self.offset);
        let mut held: Vec<Held> = Vec::new();
        let (mut prev, mut next) = ([0; 32], None);
        self.seek(last.saturating_add(1).saturating_sub(max).max(first))?;
        while let Some(entry) = self.read_next()? {
            if entry.seq > last {
                next = Some(entry.seq);
                break;
            }
            if held.last().is_some_and(|h| h.seq.saturating_add(1) != entry.seq) {
                held.clear();
            }
            if held.is_empty() {
                prev = peek(&entry.envelope).map_or([0; 32], |header| header.stamp.prev);
            }
            held.push(Held { seq: entry.seq, hash: Hash(entry.hash) });
        }
        (self.segment, self.offset) = before;
        let has_older = held.first().is_some_and(|h| h.seq > first);
        let seq = held.first().map_or(0, |h| h.seq).saturating_sub(1);
        let before = (!has_older && seq > 0).then_some(Held { seq, hash: Hash(prev) });
        Ok(Holding { held, has_older, before, next })
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
