//! Reading a spool from disk: every good record counts, a torn tail is cut off, damage before good records is set
//! aside.

use super::record::{self, Marks, Record, Step};
use super::segments::{self, Segment};
use super::{Findings, SpoolError, Tail, io_at};
use crate::fault;
use crate::state::sync_dir;
use hostmeter_core::ids::HostId;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What a spool holds.
pub(super) struct Scanned {
    pub(super) segments: Vec<Segment>,
    pub(super) tail: Tail,
    pub(super) next_id: u64,
    pub(super) findings: Findings,
}

/// The good records of one file; only places and numbers are kept.
struct Found {
    id: u64,
    path: PathBuf,
    len: u64,
    records: Vec<Place>,
    /// Bytes that are no record, before a good one.
    has_damage: bool,
}

#[derive(Clone)]
struct Place {
    start: u64,
    end: u64,
    seq: u64,
    more: bool,
}

pub(super) fn scan(dir: &Path, host: HostId, epoch: u64) -> Result<Scanned, SpoolError> {
    let mut findings = Findings::default();
    let paths = list(dir)?;
    let next_id = paths.last().map_or(1, |(id, _)| id.saturating_add(1));
    let mut all = Vec::new();
    for (id, path) in paths {
        all.push(find(id, path, host, epoch)?);
    }
    drop_repeated(&mut all);
    drop_torn_group(&mut all);
    let firsts: Vec<Option<u64>> = all.iter().map(|f| f.records.first().map(|p| p.seq)).collect();
    let mut segments: Vec<Segment> = Vec::new();
    for (i, found) in all.into_iter().enumerate() {
        let last_seq = found.records.last().map(|p| p.seq).or_else(|| segments.last().map(|s| s.last_seq));
        let next_seq = firsts.iter().skip(i.saturating_add(1)).flatten().next();
        let is_hole = next_seq.is_some_and(|next| last_seq.is_none_or(|last| last.saturating_add(1) < *next));
        if let Some(segment) = settle(dir, found, is_hole, &mut findings)? {
            segments.push(segment);
        }
    }
    let tail = tail(&segments)?;
    findings.missing = missing(&segments)?;
    Ok(Scanned { segments, tail, next_id, findings })
}

fn list(dir: &Path) -> Result<Vec<(u64, PathBuf)>, SpoolError> {
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(io_at(dir))? {
        let path = entry.map_err(io_at(dir))?.path();
        if let Some(id) = segments::id_of(&path) {
            paths.push((id, path));
        } else if path.extension().is_some_and(|e| e == "new") {
            // A copy of good records that a crash cut off; they are still in their segment.
            std::fs::remove_file(&path).map_err(io_at(&path))?;
        }
    }
    paths.sort_unstable();
    Ok(paths)
}

fn find(id: u64, path: PathBuf, host: HostId, epoch: u64) -> Result<Found, SpoolError> {
    let file = File::open(&path).map_err(io_at(&path))?;
    let len = file.metadata().map_err(io_at(&path))?.len();
    let (mut at, mut records, mut has_damage) = (0, Vec::new(), false);
    loop {
        match good(&file, at, len).map_err(io_at(&path))? {
            Good::End => break,
            Good::Record(r, marks) => {
                let stamp = r.header.stamp;
                if stamp.host != host || stamp.epoch != epoch {
                    return Err(SpoolError::Foreign { path, host: stamp.host, epoch: stamp.epoch });
                }
                records.push(Place { start: at, end: r.end, seq: stamp.seq, more: marks.more });
                at = r.end;
            }
            Good::None => match next_good(&file, at.saturating_add(1), len).map_err(io_at(&path))? {
                Some(good) => (at, has_damage) = (good, true),
                None => break,
            },
        }
    }
    Ok(Found { id, path, len, records, has_damage })
}

/// What stands at a place.
enum Good {
    Record(Box<Record>, Marks),
    End,
    None,
}

fn good(file: &File, at: u64, len: u64) -> io::Result<Good> {
    Ok(match record::read(file, at, len)? {
        Step::End => Good::End,
        Step::Bad => Good::None,
        Step::Record(r) => r.marks().map_or(Good::None, |marks| Good::Record(r, marks)),
    })
}

/// The first place from `from` on where a good record stands. Records begin 8 bytes before an envelope's magic.
fn next_good(file: &File, from: u64, len: u64) -> io::Result<Option<u64>> {
    const CHUNK: usize = 64 * 1024;
    const MAGIC: usize = 8;
    let mut at = from;
    while at < len {
        let mut chunk = vec![0_u8; CHUNK.min(usize::try_from(len.saturating_sub(at)).unwrap_or(CHUNK))];
        file.read_exact_at(&mut chunk, at)?;
        for (i, window) in chunk.windows(record::PREFIX_BYTES + MAGIC).enumerate() {
            if matches!(window.get(record::PREFIX_BYTES..), Some(b"HMBATCH1" | b"HMGAP__1")) {
                let place = at.saturating_add(super::len_u64(i));
                if matches!(good(file, place, len)?, Good::Record(..)) {
                    return Ok(Some(place));
                }
            }
        }
        // The next chunk begins before the end of this one, so that no magic is split.
        let step = chunk.len().saturating_sub(record::PREFIX_BYTES + MAGIC - 1).max(1);
        at = at.saturating_add(super::len_u64(step));
    }
    Ok(None)
}

/// After a failed `fdatasync` a group was written again to a new segment; what the old one still holds of it does
/// not count.
fn drop_repeated(all: &mut [Found]) {
    let mut first_after = u64::MAX;
    for found in all.iter_mut().rev() {
        found.records.retain(|p| p.seq < first_after);
        first_after = found.records.first().map_or(first_after, |p| p.seq);
    }
}

/// Parts of one interval become durable together: a group without its end is cut off whole.
fn drop_torn_group(all: &mut [Found]) {
    if let Some(last) = all.iter_mut().rev().find(|f| !f.records.is_empty()) {
        while last.records.last().is_some_and(|p| p.more) {
            last.records.pop();
        }
    }
}

/// Brings one file in line with its good records. `is_hole`: numbers are missing between them and the next ones, so
/// that what stands behind them is damage, and not the torn tail of a write that never counted.
fn settle(
    dir: &Path,
    found: Found,
    is_hole: bool,
    findings: &mut Findings,
) -> Result<Option<Segment>, SpoolError> {
    let path = found.path;
    let good_end = found.records.last().map_or(0, |p| p.end);
    let torn = found.len.saturating_sub(good_end);
    let is_damaged = found.has_damage || (is_hole && torn > 0);
    let mut bytes = good_end;
    if is_damaged {
        bytes = copy_good(&path, &found.records)?;
        set_aside(dir, &path, findings)?;
        let beside = path.with_extension("new");
        fault::at("scan.rename").and_then(|()| std::fs::rename(&beside, &path)).map_err(io_at(&beside))?;
    } else if torn > 0 {
        findings.torn_bytes = findings.torn_bytes.saturating_add(torn);
        let file = OpenOptions::new().write(true).open(&path).map_err(io_at(&path))?;
        fault::at("scan.cut").and_then(|()| file.set_len(good_end)).map_err(io_at(&path))?;
        fault::at("scan.cut.sync").and_then(|()| file.sync_all()).map_err(io_at(&path))?;
        fault::synced(&path);
    }
    let (Some(first), Some(last)) = (found.records.first(), found.records.last()) else {
        fault::at("scan.remove").and_then(|()| std::fs::remove_file(&path)).map_err(io_at(&path))?;
        return Ok(None);
    };
    fault::at("scan.dir").map_err(io_at(dir))?;
    sync_dir(dir).map_err(|e| io_at(dir)(io::Error::other(e)))?;
    let (first_seq, last_seq) = (first.seq, last.seq);
    Ok(Some(Segment { id: found.id, path, first_seq, last_seq, bytes }))
}

/// Gives the damaged file a second name. The first one stays until the copy of the good records takes its place, so
/// that a crash in between leaves them where they are looked for.
fn set_aside(dir: &Path, path: &Path, findings: &mut Findings) -> Result<(), SpoolError> {
    let name = |n: &u32| path.with_extension(format!("{n}.damaged"));
    let aside = (1..).map(|n| name(&n)).find(|p| !p.exists()).unwrap_or_else(|| name(&0));
    let named = fault::at("scan.aside").and_then(|()| {
        // Some file systems have no second names.
        std::fs::hard_link(path, &aside).or_else(|_| std::fs::copy(path, &aside).map(drop))
    });
    named.map_err(io_at(path))?;
    fault::at("scan.aside.dir").map_err(io_at(dir))?;
    sync_dir(dir).map_err(|e| io_at(dir)(io::Error::other(e)))?;
    findings.damaged.push(aside);
    Ok(())
}

fn copy_good(path: &Path, records: &[Place]) -> Result<u64, SpoolError> {
    let beside = path.with_extension("new");
    let mut from = File::open(path).map_err(io_at(path))?;
    let options = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&beside);
    let mut to = options.map_err(io_at(&beside))?;
    let mut bytes = 0;
    fault::at("scan.copy").map_err(io_at(&beside))?;
    for place in records {
        let len = place.end.saturating_sub(place.start);
        from.seek(SeekFrom::Start(place.start)).map_err(io_at(path))?;
        io::copy(&mut Read::by_ref(&mut from).take(len), &mut to).map_err(io_at(&beside))?;
        bytes = len.saturating_add(bytes);
    }
    fault::at("scan.copy.sync")
        .and_then(|()| to.flush())
        .and_then(|()| to.sync_all())
        .map_err(io_at(&beside))?;
    fault::synced(&beside);
    Ok(bytes)
}

pub(super) fn records(
    segment: &Segment,
) -> Result<impl Iterator<Item = Result<Record, SpoolError>> + '_, SpoolError> {
    let file = File::open(&segment.path).map_err(io_at(&segment.path))?;
    let mut at = 0;
    Ok(std::iter::from_fn(move || match record::read(&file, at, segment.bytes) {
        Ok(Step::Record(r)) => {
            at = r.end;
            Some(Ok(*r))
        }
        Ok(Step::End) => None,
        Ok(Step::Bad) => Some(Err(SpoolError::Damaged { path: segment.path.clone(), offset: at })),
        Err(e) => Some(Err(io_at(&segment.path)(e))),
    }))
}

fn tail(segments: &[Segment]) -> Result<Tail, SpoolError> {
    let Some(segment) = segments.last() else { return Ok(Tail::default()) };
    let mut newest = None;
    for record in records(segment)? {
        newest = Some(record?);
    }
    let Some(r) = newest else { return Ok(Tail::default()) };
    let (seq, hash) = (r.header.stamp.seq, r.header.hash);
    Ok(Tail { seq, hash, to_ms: r.marks().map(|m| m.to_ms), baseline: r.baseline() })
}

fn missing(segments: &[Segment]) -> Result<Vec<(u64, u64)>, SpoolError> {
    let mut out = Vec::new();
    let mut expected = None;
    for segment in segments {
        for record in records(segment)? {
            let seq = record?.header.stamp.seq;
            if let Some(want) = expected.filter(|want| *want < seq) {
                out.push((want, seq.saturating_sub(1)));
            }
            expected = Some(seq.saturating_add(1));
        }
    }
    Ok(out)
}
