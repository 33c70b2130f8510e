//! The spool: any bytes as a segment, and stories of writing, tearing and damaging.

use super::accounts::scratch;
use super::envelope::{HOST, key, stamp};
use hostmeter_agent::limits::SPOOL_MIN_BYTES;
use hostmeter_agent::spool::{Spool, SpoolError};
use hostmeter_core::wire::envelope::{Domain, header_hash, open, seal};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

const OPS_MAX: usize = 24;

fn fresh() -> PathBuf {
    let dir = scratch().join("spool");
    std::fs::create_dir_all(&dir).unwrap();
    for entry in std::fs::read_dir(&dir).unwrap() {
        std::fs::remove_file(entry.unwrap().path()).unwrap();
    }
    dir
}

fn numbers(spool: &Spool) -> Vec<u64> {
    let mut reader = spool.reader();
    std::iter::from_fn(|| reader.read_next().unwrap())
        .map(|e| {
            assert_eq!(e.hash, header_hash(&e.envelope));
            e.seq
        })
        .collect()
}

/// What opening left is in order, and opening again finds nothing more to put right.
fn settled(dir: &Path, spool: &Spool) -> Vec<u64> {
    let held = numbers(spool);
    assert!(held.windows(2).all(|w| w[0] < w[1]), "numbers rise: {held:?}");
    assert_eq!(spool.tail().seq, held.last().copied().unwrap_or(0));
    let (again, findings) = Spool::open(dir, HOST, 1, SPOOL_MIN_BYTES).unwrap();
    assert_eq!((findings.torn_bytes, findings.damaged.len()), (0, 0), "the second start is clean");
    assert_eq!(numbers(&again), held);
    held
}

fn append(spool: &mut Spool, parts: usize, payload: usize) -> Result<(), SpoolError> {
    let (mut seq, mut prev) = (spool.tail().seq, spool.tail().hash);
    let envelopes: Vec<Vec<u8>> = (0..parts)
        .map(|_| {
            seq += 1;
            let body: Vec<u8> = (0..payload).map(|i| u8::try_from((i * 31 + 7) % 251).unwrap()).collect();
            let sealed = seal(&stamp(Domain::Batch, seq, prev), &body, &key(1)).unwrap();
            prev = header_hash(&sealed);
            sealed
        })
        .collect();
    spool.append(&envelopes, i64::try_from(seq).unwrap(), None, false)
}

/// Any bytes as the only segment.
pub(super) fn segment(bytes: &[u8]) {
    let dir = fresh();
    std::fs::write(dir.join("000000000001.seg"), bytes).unwrap();
    match Spool::open(&dir, HOST, 1, SPOOL_MIN_BYTES) {
        Ok((mut spool, _)) => {
            let held = settled(&dir, &spool);
            if held.last().copied().unwrap_or(0) < u64::MAX - 2 {
                append(&mut spool, 2, 10).unwrap();
                assert_eq!(numbers(&spool).len(), held.len() + 2);
            }
        }
        Err(SpoolError::Foreign { host, epoch, .. }) => assert!(host != HOST || epoch != 1),
        Err(e) => panic!("{e}"),
    }
}

pub(super) fn segment_seeds() -> Vec<Vec<u8>> {
    let dir = fresh();
    let (mut spool, _) = Spool::open(&dir, HOST, 1, SPOOL_MIN_BYTES).unwrap();
    append(&mut spool, 1, 20).unwrap();
    append(&mut spool, 2, 5).unwrap();
    let whole = std::fs::read(dir.join("000000000001.seg")).unwrap();
    let damaged = {
        let mut bytes = whole.clone();
        bytes[300] ^= 1;
        bytes
    };
    vec![whole[..whole.len() - 40].to_vec(), whole, damaged]
}

/// What a story knows: numbers that must be there, and those that were hit.
#[derive(Default)]
struct Truth {
    held: BTreeSet<u64>,
    hit: BTreeSet<u64>,
}

fn segments(dir: &Path) -> Vec<PathBuf> {
    let mut out: Vec<PathBuf> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    out.retain(|p| p.extension().is_some_and(|e| e == "seg"));
    out.sort();
    out
}

/// The numbers whose records hold byte `at` of a segment; all that follow it if the file is cut there.
fn touched(path: &Path, at: usize, is_cut: bool) -> Vec<u64> {
    let bytes = std::fs::read(path).unwrap();
    let (mut from, mut out) = (0, Vec::new());
    while let Some(prefix) = bytes.get(from..from + 4) {
        let end = from + 8 + usize::try_from(u32::from_be_bytes(prefix.try_into().unwrap())).unwrap();
        if at < end && (is_cut || at >= from) {
            let seq = &bytes[from + 8 + 44..from + 8 + 52];
            out.push(u64::from_be_bytes(seq.try_into().unwrap()));
        }
        from = end;
    }
    out
}

/// Three bytes an act: append, tear, damage, reopen. What was durable and not touched is there in the end, and its
/// chain verifies.
pub(super) fn story(bytes: &[u8]) {
    let dir = fresh();
    let (mut spool, _) = Spool::open(&dir, HOST, 1, SPOOL_MIN_BYTES).unwrap();
    let mut truth = Truth::default();
    for act in bytes.chunks_exact(3).take(OPS_MAX) {
        let (how, much) = (act[0] % 8, usize::from(u16::from_be_bytes([act[1], act[2]])));
        match how {
            0..=3 => {
                let before = spool.tail().seq;
                match append(&mut spool, 1 + usize::from(how), much % 900) {
                    Ok(()) => truth.held.extend(before + 1..=spool.tail().seq),
                    Err(SpoolError::Full { .. }) => assert_eq!(spool.tail().seq, before),
                    Err(e) => panic!("{e}"),
                }
                // A number that was hit may be used again where nothing above it was left.
                truth.hit.retain(|seq| *seq <= before);
            }
            4 | 5 => spool = harmed(&dir, spool, how == 4, much, &mut truth),
            6 => {
                let mut reader = spool.reader();
                if let Some(last) = std::iter::from_fn(|| reader.read_next().unwrap()).last() {
                    reader.ack(&last, 0);
                }
                spool.trim();
            }
            _ => spool = reopened(&dir, spool, &mut truth),
        }
    }
    drop(reopened(&dir, spool, &mut truth));
}

fn harmed(dir: &Path, spool: Spool, is_cut: bool, much: usize, truth: &mut Truth) -> Spool {
    drop(spool);
    let files = segments(dir);
    if let Some(path) = files.get(much % files.len().max(1)) {
        let mut bytes = std::fs::read(path).unwrap();
        // Only the newest segment is written to, so only it can be torn.
        let path = if is_cut { files.last().unwrap() } else { path };
        if is_cut {
            bytes = std::fs::read(path).unwrap();
        }
        if !bytes.is_empty() {
            let at = much % bytes.len();
            let gone = touched(path, at, is_cut);
            truth.hit.extend(&gone);
            truth.held.retain(|seq| !gone.contains(seq));
            if is_cut {
                bytes.truncate(at);
            } else {
                bytes[at] ^= 0x55;
            }
            std::fs::write(path, bytes).unwrap();
        }
    }
    open_again(dir, truth)
}

fn reopened(dir: &Path, spool: Spool, truth: &mut Truth) -> Spool {
    drop(spool);
    open_again(dir, truth)
}

fn open_again(dir: &Path, truth: &mut Truth) -> Spool {
    let (spool, _) = Spool::open(dir, HOST, 1, SPOOL_MIN_BYTES).unwrap();
    let found: BTreeSet<u64> = settled(dir, &spool).into_iter().collect();
    let oldest = found.first().copied().unwrap_or(0);
    for seq in &truth.held {
        // Missing may be: what was acknowledged and trimmed, and parts of a last group whose end was hit.
        let is_trimmed = *seq < oldest;
        let is_group_of_hit = *seq > spool.tail().seq && truth.hit.iter().any(|h| h > seq && h - seq <= 4);
        assert!(
            found.contains(seq) || is_trimmed || is_group_of_hit,
            "{seq} of {:?} is lost: {found:?}",
            truth.held
        );
    }
    truth.held = found;
    let mut reader = spool.reader();
    let mut before: Option<(u64, [u8; 32])> = None;
    while let Some(entry) = reader.read_next().unwrap() {
        let (header, _) =
            open(&entry.envelope, Domain::Batch, &key(1).public()).expect("what is held verifies");
        if let Some((seq, hash)) = before
            && seq + 1 == entry.seq
        {
            assert_eq!(header.stamp.prev, hash, "the chain holds at {}", entry.seq);
        }
        before = Some((entry.seq, entry.hash));
    }
    spool
}

pub(super) fn story_seeds() -> Vec<Vec<u8>> {
    vec![
        vec![0, 0, 50, 1, 0, 9, 4, 1, 0, 2, 0, 7, 7, 0, 0],
        vec![3, 3, 0, 3, 3, 0, 0, 0, 1, 5, 2, 5, 0, 0, 1, 6, 0, 0, 1, 1, 1],
        vec![0, 2, 0, 0, 2, 0, 5, 0, 3, 5, 1, 77, 4, 0, 200, 6, 0, 0, 0, 0, 0],
    ]
}
