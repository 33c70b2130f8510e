//! Steps that fail, bits that turn, disks that are small.

use super::*;
use crate::fault::{POINTS, arm, disarm};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

/// Whatever step of appending fails: nothing of that group is kept, nothing else is lost, and the next try succeeds.
#[test]
fn every_step_of_appending_may_fail() {
    for (point, errno) in POINTS.iter().flat_map(|p| [(*p, EIO), (*p, ENOSPC)]) {
        // A batch that is durable is durable; after this point nothing can fail any more, only be killed.
        if !point.starts_with("spool.") || point == "spool.durable" {
            continue;
        }
        let dir = scratch();
        let (mut spool, _) = open(dir.path());
        let mut reader = spool.reader();
        let mut failures = 0;
        for n in 0..30 {
            if n == 8 {
                arm(point, errno);
            }
            let before = spool.tail().clone();
            match add(&mut spool, 2) {
                Ok(()) => {
                    let entries: Vec<Entry> = std::iter::from_fn(|| reader.read_next().unwrap()).collect();
                    assert_eq!(entries.len(), 2, "{point}");
                    reader.ack(&entries[1], entries[1].seq);
                }
                Err(e) => {
                    failures += 1;
                    assert!(e.to_string().contains(".seg: "), "{point}: {e}");
                    assert_eq!(*spool.tail(), before, "{point}");
                    assert!(reader.read_next().unwrap().is_none(), "{point}");
                }
            }
            spool.trim();
        }
        assert!(!disarm(), "{point} was not reached");
        assert_eq!(failures, i32::from(point != "spool.trim"), "{point}");
        let last = spool.tail().seq;
        drop(spool);
        let (spool, findings) = open(dir.path());
        assert_eq!(
            (spool.tail().seq, findings.damaged.len(), findings.missing.len()),
            (last, 0, 0),
            "{point}"
        );
        let held = numbers(&spool);
        assert_eq!(held, (held[0]..=last).collect::<Vec<_>>(), "{point}");
        assert!(segment_files(dir.path(), ".seg").len() <= 3, "{point}: {:?}", segment_files(dir.path(), ""));
    }
}

/// Whatever step of putting right fails: the next start finds every good record.
#[test]
fn every_step_of_opening_may_fail() {
    let (one, _) = record_lengths();
    for point in POINTS.iter().filter(|p| p.starts_with("scan.")) {
        let dir = scratch();
        let (mut spool, _) = open(dir.path());
        for _ in 0..4 {
            add(&mut spool, 1).unwrap();
        }
        drop(spool);
        let (path, mut bytes) = only_segment(dir.path());
        match *point {
            "scan.cut" | "scan.cut.sync" => bytes.extend([7; 99]),
            "scan.remove" => std::fs::write(dir.path().join("000000000009.seg"), "torn").unwrap(),
            _ => bytes[one + 100] ^= 1,
        }
        let want: &[u64] =
            if bytes.len() == 4 * one && *point != "scan.remove" { &[1, 3, 4] } else { &[1, 2, 3, 4] };
        std::fs::write(path, bytes).unwrap();
        arm(point, EIO);
        let error = Spool::open(dir.path(), HOST, 1, SPOOL_MIN_BYTES).unwrap_err();
        assert!(!disarm() && matches!(error, SpoolError::Io { .. }), "{point}: {error}");
        let (mut spool, _) = open(dir.path());
        assert_eq!(numbers(&spool), want, "{point}");
        add(&mut spool, 1).unwrap();
        let (spool, findings) = open(dir.path());
        assert_eq!((spool.tail().seq, findings.torn_bytes, findings.damaged.len()), (5, 0, 0), "{point}");
        assert_eq!(segment_files(dir.path(), ".new"), Vec::<PathBuf>::new(), "{point}");
    }
}

/// Every bit of a segment: the damage is found and named, and nothing that was changed is given out.
#[test]
fn every_single_bit_flipped_is_found() {
    let dir = scratch();
    let (mut spool, _) = open(dir.path());
    add(&mut spool, 1).unwrap();
    add(&mut spool, 2).unwrap();
    add(&mut spool, 1).unwrap();
    let mut reader = spool.reader();
    let truth: BTreeMap<u64, Vec<u8>> =
        std::iter::from_fn(|| reader.read_next().unwrap()).map(|e| (e.seq, e.envelope)).collect();
    drop(spool);
    let (path, bytes) = only_segment(dir.path());
    for bit in 0..bytes.len() * 8 {
        let mut bad = bytes.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        std::fs::write(&path, &bad).unwrap();
        let (spool, findings) = open(dir.path());
        let mut reader = spool.reader();
        let mut held = 0;
        while let Some(entry) = reader.read_next().unwrap() {
            assert_eq!(truth.get(&entry.seq), Some(&entry.envelope), "bit {bit}");
            held += 1;
        }
        // One record is gone, or the group that it ended.
        assert!((2..=3).contains(&held), "bit {bit}: {held} held");
        assert!(findings.torn_bytes > 0 || !findings.damaged.is_empty(), "bit {bit} is not named");
        drop(spool);
        for file in segment_files(dir.path(), "") {
            std::fs::remove_file(file).unwrap();
        }
    }
}

#[test]
fn a_small_disk_is_a_cap() {
    let dir = scratch();
    let disk = dir.path().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = |args: &[&str]| {
        std::process::Command::new(args[0]).args(&args[1..]).arg(&disk).status().is_ok_and(|s| s.success())
    };
    if !mount(&["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs"]) {
        crate::skip::skip("a_small_disk_is_a_cap", "mounting a tmpfs is not allowed here");
        return;
    }
    let result = std::panic::catch_unwind(|| {
        // The default cap is four thousand times what this disk has.
        let open = || Spool::open(&disk, HOST, 1, crate::limits::SPOOL_DEFAULT_BYTES).unwrap();
        let (mut spool, _) = open();
        let mut reader = spool.reader();
        let fill = |spool: &mut Spool| loop {
            match spool.append(&group(spool, 1, 500), 1, None, false) {
                Ok(()) => {}
                Err(e) => break e,
            }
        };
        let error = fill(&mut spool);
        assert!(matches!(error, SpoolError::NoSpace { .. }), "{error}");
        let usage = spool.usage();
        assert!(usage.unacked_bytes > usage.cap_bytes / 4 * 3, "intervals lengthen: {usage:?}");
        assert!(usage.cap_bytes <= 64 * 1024, "{usage:?}");
        for _ in 0..20 {
            // Everything is acknowledged: there is room again, however often it was full.
            let last = std::iter::from_fn(|| reader.read_next().unwrap()).last().unwrap();
            reader.ack(&last, last.seq);
            spool.trim();
            let held = spool.tail().seq;
            fill(&mut spool);
            assert!(spool.tail().seq >= held + 20, "{} after {held}", spool.tail().seq);
        }
        let (again, findings) = open();
        assert_eq!(
            (again.tail().seq, findings.missing.len(), findings.damaged.len()),
            (spool.tail().seq, 0, 0)
        );
    });
    assert!(mount(&["umount"]), "umount");
    if let Err(panic) = result {
        std::panic::resume_unwind(panic);
    }
}
