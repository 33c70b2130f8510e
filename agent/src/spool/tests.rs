//! Every way in which a disk can hold less than was written, through one `check`.

use super::*;
use crate::limits::SPOOL_MIN_BYTES;
use crate::reading::{AccountReading, HostReading, Reading};
use hostmeter_core::ids::BootId;
use hostmeter_core::meter::{Kind, Meter};
use hostmeter_core::wire::batch::Coverage;
use hostmeter_core::wire::envelope::{Domain, Stamp, header_hash, seal};
use hostmeter_core::wire::key::SigningKey;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};

mod faults;

const HOST: HostId = HostId([7; 16]);

/// In memory where there is such a place: thousands of `fdatasync` take their time on a disk.
fn scratch() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap()
}

fn open(dir: &Path) -> (Spool, Findings) {
    Spool::open(dir, HOST, 1, SPOOL_MIN_BYTES).unwrap()
}

/// Envelopes that go on from the tail. The payload is not compressible, so that sizes are known.
fn group(spool: &Spool, parts: usize, payload_bytes: usize) -> Vec<Vec<u8>> {
    let key = SigningKey::from_seed(&[1; 32]).unwrap();
    let (mut seq, mut prev) = (spool.tail().seq, spool.tail().hash);
    let mut make = || {
        seq += 1;
        let mut payload = vec![0; payload_bytes];
        let mut state = seq.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        for byte in &mut payload {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = state.to_le_bytes()[0];
        }
        let (domain, host, boot) = (Domain::Batch, HOST, BootId([2; 16]));
        let stamp = Stamp { domain, host, epoch: 1, seq, prev, boot, wall_ns: 1, boottime_ns: 1 };
        let envelope = seal(&stamp, &payload, &key).unwrap();
        prev = header_hash(&envelope);
        envelope
    };
    (0..parts).map(|_| make()).collect()
}

fn add(spool: &mut Spool, parts: usize) -> Result<(), SpoolError> {
    let envelopes = group(spool, parts, 100);
    let to_ms = i64::try_from(spool.tail().seq).unwrap() + i64::try_from(parts).unwrap();
    spool.append(&envelopes, to_ms, None, false)
}

fn numbers(spool: &Spool) -> Vec<u64> {
    let mut reader = spool.reader();
    std::iter::from_fn(|| reader.read_next().unwrap()).map(|e| e.seq).collect()
}

fn segment_files(dir: &Path, ending: &str) -> Vec<PathBuf> {
    let mut paths: Vec<_> = std::fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.retain(|p| p.to_str().unwrap().ends_with(ending));
    paths.sort();
    paths
}

/// Writes `groups`, lets `harm` at the directory, opens again, and compares what is held and found.
fn check(groups: &[usize], harm: impl FnOnce(&Path), want: &[u64], missing: &[(u64, u64)], damaged: usize) {
    let dir = scratch();
    let (mut spool, _) = open(dir.path());
    for parts in groups {
        add(&mut spool, *parts).unwrap();
    }
    drop(spool);
    harm(dir.path());
    let (mut spool, findings) = open(dir.path());
    assert_eq!(numbers(&spool), want, "held");
    assert_eq!((findings.missing.as_slice(), findings.damaged.len()), (missing, damaged), "{findings:?}");
    assert_eq!(segment_files(dir.path(), ".damaged").len(), damaged);
    let last = want.last().copied().unwrap_or(0);
    assert_eq!(spool.tail().seq, last);
    assert_eq!(spool.tail().to_ms, (last > 0).then_some(i64::try_from(last).unwrap()));
    // The chain goes on, and the next start finds nothing more to put right.
    add(&mut spool, 2).unwrap();
    let (again, findings) = open(dir.path());
    let mut all = want.to_vec();
    all.extend([last + 1, last + 2]);
    assert_eq!(numbers(&again), all);
    assert_eq!((findings.torn_bytes, findings.damaged.len()), (0, 0), "the second start is clean");
    let mut reader = again.reader();
    let mut before: Option<Entry> = None;
    while let Some(entry) = reader.read_next().unwrap() {
        if let Some(b) = before.filter(|b| b.seq + 1 == entry.seq) {
            assert_eq!(envelope::peek(&entry.envelope).unwrap().stamp.prev, b.hash, "chain at {}", entry.seq);
        }
        before = Some(entry);
    }
}

fn only_segment(dir: &Path) -> (PathBuf, Vec<u8>) {
    let [path] = segment_files(dir, ".seg").try_into().unwrap();
    let bytes = std::fs::read(&path).unwrap();
    (path, bytes)
}

/// Length of one record of [`add`] that is the last of its group, and of one that is not.
fn record_lengths() -> (usize, usize) {
    let dir = scratch();
    let (mut spool, _) = open(dir.path());
    add(&mut spool, 1).unwrap();
    let one = only_segment(dir.path()).1.len();
    add(&mut spool, 2).unwrap();
    (one, only_segment(dir.path()).1.len() - 2 * one)
}

#[test]
fn nothing_harmed() {
    check(&[], |_| (), &[], &[], 0);
    check(&[1, 1, 3], |_| (), &[1, 2, 3, 4, 5], &[], 0);
}

#[test]
fn a_tail_torn_at_every_byte() {
    let (one, more) = record_lengths();
    let whole = 2 * one + more;
    for keep in 0..=whole {
        let want: &[u64] = match keep {
            k if k == whole => &[1, 2, 3],
            k if k >= one => &[1],
            _ => &[],
        };
        let cut = |dir: &Path| {
            let (path, bytes) = only_segment(dir);
            assert_eq!(bytes.len(), whole);
            std::fs::write(path, &bytes[..keep]).unwrap();
        };
        check(&[1, 2], cut, want, &[], 0);
    }
}

#[test]
fn a_tail_of_zeros_or_garbage() {
    let append = |what: Vec<u8>| {
        move |dir: &Path| {
            let (path, mut bytes) = only_segment(dir);
            bytes.extend(&what);
            std::fs::write(path, bytes).unwrap();
        }
    };
    check(&[1, 1], append(vec![0; 5_000]), &[1, 2], &[], 0);
    check(&[1, 1], append(vec![0xff; 3]), &[1, 2], &[], 0);
    check(&[1, 1], append(b"\0\0\x01\0abcdHMBATCH1".repeat(9)), &[1, 2], &[], 0);
}

#[test]
fn damage_before_good_records_is_set_aside() {
    let (one, _) = record_lengths();
    // In the length, the checksum, the envelope's header, its payload and the trailer of record 2.
    for at in [one, one + 5, one + 8, one + 60, one + 230, 2 * one - 1] {
        let flip = |dir: &Path| {
            let (path, mut bytes) = only_segment(dir);
            bytes[at] ^= 0x10;
            std::fs::write(path, bytes).unwrap();
        };
        check(&[1, 1, 1, 1], flip, &[1, 3, 4], &[(2, 2)], 1);
    }
}

#[test]
fn a_segment_that_is_gone_is_named() {
    let dir = scratch();
    let (mut spool, _) = open(dir.path());
    for _ in 0..40 {
        add(&mut spool, 1).unwrap();
    }
    let files = segment_files(dir.path(), ".seg");
    assert!(files.len() > 2, "{files:?}");
    std::fs::remove_file(&files[1]).unwrap();
    let (spool, findings) = open(dir.path());
    let [(from, to)] = findings.missing.as_slice() else { panic!("{findings:?}") };
    assert_eq!(numbers(&spool).len(), 40 - usize::try_from(to - from + 1).unwrap());
}

#[test]
fn another_host_or_epoch_is_refused() {
    let dir = scratch();
    let (mut spool, _) = open(dir.path());
    add(&mut spool, 1).unwrap();
    for (host, epoch) in [(HostId([8; 16]), 1), (HOST, 2)] {
        let error = Spool::open(dir.path(), host, epoch, SPOOL_MIN_BYTES).unwrap_err();
        assert!(matches!(error, SpoolError::Foreign { .. }), "{error}");
    }
}

/// As many accounts as are kept, none like the other, each with figures of years.
#[test]
fn the_baseline_of_all_accounts_comes_back() {
    let account = |uid: u32| {
        let used = u64::from(uid).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 12;
        let flows = Meter::ALL.iter().filter(|meter| meter.info().kind == Kind::Flow).take(10);
        let counters = flows.zip(0..).map(|(meter, n)| (*meter, used >> n)).collect();
        (uid, AccountReading { user: Some(format!("user{uid}")), counters, ..AccountReading::default() })
    };
    let reading = Reading {
        boottime_ns: 5,
        source: crate::reading::Source { boot: BootId([1; 16]), tier: "ebpf".to_owned(), map_id: 4 },
        accounts: (0..u32::try_from(crate::limits::ACCOUNTS_MAX).unwrap()).map(account).collect(),
        host: HostReading::default(),
        coverage: Coverage::default(),
        limited: String::new(),
        gaps: Vec::new(),
        top: BTreeMap::new(),
    };
    let dir = scratch();
    let mut spool = open(dir.path()).0;
    spool.append(&group(&spool, 2, 10), 77, Some(Columns::from(&reading)), false).unwrap();
    drop(spool);
    let (spool, findings) = open(dir.path());
    assert_eq!(findings, Findings::default());
    assert!(spool.tail().baseline == Some(Baseline::of(&reading)), "another baseline");
}

#[test]
fn the_baseline_of_the_last_group_comes_back() {
    let dir = scratch();
    let (mut spool, _) = open(dir.path());
    let source = crate::reading::Source { boot: BootId([1; 16]), tier: "ebpf".to_owned(), map_id: 4 };
    let account = |user: Option<&str>, counters: &[(Meter, u64)], gauges: &[(Meter, i64)]| AccountReading {
        user: user.map(str::to_owned),
        counters: counters.iter().copied().collect(),
        gauges: gauges.iter().copied().collect(),
        ..Default::default()
    };
    let unseen = AccountReading { is_unseen: true, ..account(Some("idle"), &[], &[(Meter::DiskFiles, 0)]) };
    let accounts = [
        (1001, account(None, &[(Meter::CpuUsec, u64::MAX), (Meter::IoOps, 0)], &[(Meter::Sessions, -1)])),
        (1002, account(Some("shop"), &[(Meter::IoOps, 7)], &[])),
        (1003, unseen),
    ];
    let reading = Reading {
        boottime_ns: 5,
        source,
        accounts: accounts.into(),
        host: HostReading { cpus: 3, not_busy_usec: Some(9), ..HostReading::default() },
        coverage: Coverage::default(),
        limited: String::new(),
        gaps: Vec::new(),
        top: BTreeMap::new(),
    };
    let baseline = Baseline::of(&reading);
    spool.append(&group(&spool, 2, 10), 77, Some(Columns::from(&reading)), false).unwrap();
    let (spool, _) = open(dir.path());
    assert_eq!((spool.tail().to_ms, spool.tail().baseline.as_ref()), (Some(77), Some(&baseline)));
}

#[test]
fn only_unacknowledged_bytes_count() {
    let dir = scratch();
    let (mut spool, _) = open(dir.path());
    let mut reader = spool.reader();
    let full = loop {
        match add(&mut spool, 1) {
            Ok(()) => {}
            Err(e) => break e,
        }
    };
    assert!(matches!(full, SpoolError::Full { .. }), "{full}");
    let held = spool.tail().seq;
    assert!(add(&mut spool, 1).is_err() && spool.tail().seq == held, "nothing of a refused group is kept");
    let last = group(&spool, 1, 100);
    spool.append(&last, 999, None, true).unwrap();
    let usage = spool.usage();
    assert!(usage.unacked_bytes > usage.cap_bytes / 2, "{usage:?}");
    // Acknowledged but not archived: the room is there, the segments stay.
    let mut entry = None;
    while let Some(next) = reader.read_next().unwrap() {
        entry = Some(next);
    }
    let entry = entry.unwrap();
    assert_eq!(entry.seq, held + 1);
    reader.ack(&entry, 0);
    assert_eq!(spool.usage().unacked_bytes, 0);
    spool.trim();
    assert!(segment_files(dir.path(), ".seg").len() > 1);
    add(&mut spool, 1).unwrap();
    reader.ack(&entry, entry.seq);
    spool.trim();
    assert!(segment_files(dir.path(), ".seg").len() <= 2);
    assert_eq!(reader.read_next().unwrap().map(|e| e.seq), Some(held + 2));
    assert_eq!(reader.read_next().unwrap().map(|e| e.seq), None);
    let (spool, findings) = open(dir.path());
    assert_eq!((spool.tail().seq, findings.missing.len()), (held + 2, 0));
}

/// Below the cap, whatever the collector says of its backups.
#[test]
fn nothing_goes_before_it_is_acknowledged_and_archived() {
    const BATCHES: u64 = 40;
    for (acked, archived) in [(0, 0), (30, 0), (30, 10), (30, 30), (10, 40)] {
        let dir = scratch();
        let (mut spool, _) = open(dir.path());
        for _ in 0..BATCHES {
            add(&mut spool, 1).unwrap();
        }
        assert!(segment_files(dir.path(), ".seg").len() > 3);
        let mut reader = spool.reader();
        if let Some(entry) = (0..acked).map(|_| reader.read_next().unwrap().unwrap()).last() {
            reader.ack(&entry, archived);
        }
        spool.trim();
        let (held, needed) = (numbers(&spool), archived.min(acked) + 1);
        assert_eq!(held, (held[0]..=BATCHES).collect::<Vec<_>>());
        assert!(held[0] <= needed, "{acked} {archived}: {} is the oldest", held[0]);
        // What may go, goes, but for a part of a segment.
        assert!(held[0] + 15 > needed, "{acked} {archived}: {} is the oldest", held[0]);
    }
}

#[test]
fn beyond_the_cap_acknowledged_segments_go_unarchived() {
    let dir = scratch();
    let (mut spool, _) = open(dir.path());
    let mut reader = spool.reader();
    for _ in 0..400 {
        add(&mut spool, 1).unwrap();
        let entry = reader.read_next().unwrap().unwrap();
        reader.ack(&entry, 0);
        spool.trim();
    }
    assert!(spool.usage().total_bytes <= SPOOL_MIN_BYTES + 8_192, "{:?}", spool.usage());
    assert_eq!(numbers(&spool).last(), Some(&400));
}

#[test]
fn restarts_go_on_in_the_last_segment_and_waste_no_disk() {
    use std::os::unix::fs::MetadataExt;
    let dir = tempfile::tempdir().unwrap();
    for n in 1..20 {
        let (mut spool, _) = Spool::open(dir.path(), HOST, 1, 1024 * 1024).unwrap();
        add(&mut spool, 1).unwrap();
        assert_eq!(numbers(&spool).len(), n);
    }
    let files = segment_files(dir.path(), ".seg");
    assert_eq!(files.len(), 1);
    let (mut spool, _) = Spool::open(dir.path(), HOST, 1, 1024 * 1024).unwrap();
    let envelopes = group(&spool, 5, 20_000);
    spool.append(&envelopes, 1, None, false).unwrap();
    let rolled = std::fs::metadata(&files[0]).unwrap();
    assert!(
        rolled.blocks() * 512 < rolled.size() + 8_192,
        "{} blocks, {} bytes",
        rolled.blocks(),
        rolled.size()
    );
}

#[test]
fn seeking() {
    let dir = scratch();
    let (mut spool, _) = open(dir.path());
    for _ in 0..30 {
        add(&mut spool, 1).unwrap();
    }
    let mut reader = spool.reader();
    for seq in [1, 17, 30, 2, 31] {
        assert!(reader.seek(seq).unwrap(), "{seq}");
        assert_eq!(reader.read_next().unwrap().map(|e| e.seq), (seq < 31).then_some(seq), "{seq}");
    }
    assert!(!reader.seek(32).unwrap(), "not made yet");
    reader.seek(30).unwrap();
    let last = reader.read_next().unwrap().unwrap();
    reader.ack(&last, last.seq);
    spool.trim();
    assert!(!reader.seek(1).unwrap(), "gone");
    assert_eq!(reader.range().unwrap().1, 30);
}

static SYNCS: AtomicU32 = AtomicU32::new(0);

/// Fails the third time.
fn failing_sync(file: &File) -> io::Result<()> {
    match SYNCS.fetch_add(1, Ordering::SeqCst) {
        2 => Err(io::Error::from_raw_os_error(5)),
        _ => file.sync_data(),
    }
}

#[test]
fn a_failed_sync_is_never_tried_again() {
    let dir = scratch();
    let (mut spool, _) = open(dir.path());
    spool.sync = failing_sync;
    let mut reader = spool.reader();
    add(&mut spool, 1).unwrap();
    add(&mut spool, 2).unwrap();
    let error = add(&mut spool, 1).unwrap_err();
    assert!(matches!(error, SpoolError::Sync { .. }), "{error}");
    assert_eq!(spool.tail().seq, 3);
    assert_eq!(
        std::iter::from_fn(|| reader.read_next().unwrap()).last().unwrap().seq,
        3,
        "never shown to readers"
    );
    add(&mut spool, 1).unwrap();
    assert_eq!(segment_files(dir.path(), ".seg").len(), 2, "a new segment was begun");
    assert_eq!(reader.read_next().unwrap().unwrap().seq, 4);
    // Had the cut been lost by a power cut, the old segment would hold the group twice.
    let files = segment_files(dir.path(), ".seg");
    let mut old = std::fs::read(&files[0]).unwrap();
    old.extend(std::fs::read(&files[1]).unwrap());
    std::fs::write(&files[0], old).unwrap();
    let (spool, findings) = open(dir.path());
    assert_eq!(numbers(&spool), [1, 2, 3, 4]);
    assert!(findings.torn_bytes > 0 && findings.damaged.is_empty(), "{findings:?}");
}

#[test]
fn a_full_disk_loses_nothing() {
    let dir = scratch();
    let disk = dir.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = |args: &[&str]| {
        std::process::Command::new(args[0]).args(&args[1..]).arg(&disk).status().is_ok_and(|s| s.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=128k", "tmpfs"]) {
        crate::skip::skip("a_full_disk_loses_nothing", "mounting a tmpfs is not allowed here");
        return;
    }
    let result = std::panic::catch_unwind(|| {
        let (mut spool, _) = Spool::open(&disk.join("spool"), HOST, 1, 1024 * 1024).unwrap();
        let error = loop {
            match spool.append(&group(&spool, 2, 3_000), 1, None, false) {
                Ok(()) => {}
                Err(e) => break e,
            }
        };
        assert!(matches!(error, SpoolError::NoSpace { .. }), "{error}");
        let held = spool.tail().seq;
        assert!(held > 2);
        // The same spool goes on once there is room, and a new start finds all of it.
        assert!(mount(&["mount", "-o", "remount,size=1m"]), "remount");
        spool.append(&group(&spool, 2, 3_000), 2, None, false).unwrap();
        let (again, findings) = Spool::open(&disk.join("spool"), HOST, 1, 1024 * 1024).unwrap();
        assert_eq!(numbers(&again), (1..=held + 2).collect::<Vec<_>>());
        assert_eq!((findings.missing.len(), findings.damaged.len()), (0, 0));
    });
    assert!(mount(&["umount"]), "umount");
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}
