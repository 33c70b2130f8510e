//! `kill -9` of the process that samples, seals and spools, at every fail point and at random moments: what the
//! machine used is in the batches, once.
//!
//! The test runs itself again as a child. The machine's counter, what a collector would hold and the state directory
//! are files, so that they outlive the child. `HOSTMETER_FAULTS=N` runs N kills instead of a few of each kind.

use super::*;
use crate::executor::files;
use crate::fault::POINTS;
use crate::limits::SPOOL_MIN_BYTES;
use crate::reading::{AccountReading, HostReading, Source};
use crate::state::write_durable;
use hostmeter_core::ids::{BootId, HostId};
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{Batch, Coverage};
use hostmeter_core::wire::envelope::{Domain, open as open_envelope, peek};
use hostmeter_core::wire::key::SigningKey;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command};

const HOST: HostId = HostId([1; 16]);
const BOOT: BootId = BootId([3; 16]);
const CHILD: &str = "HOSTMETER_KILLED_CHILD";
/// Batches of one life; segments are so small that some are removed meanwhile.
const LIFE_BATCHES: u64 = 14;
const SIGKILL: i32 = 9;

fn key() -> SigningKey {
    SigningKey::from_seed(&[2; 32]).unwrap()
}

fn opened(path: &Path) -> File {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path).unwrap()
}

fn counter(file: &File) -> u64 {
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, 0).map_or(0, |()| u64::from_le_bytes(bytes))
}

/// A machine whose one account uses more with each sweep. Its counter outlives the agent, as pinned ones do.
fn machine(dir: &Path) -> Sweep {
    let file = opened(&dir.join("used"));
    let first = dir.join("first");
    Box::new(move |_| {
        let used = counter(&file) + 1 + os::random_below(9);
        file.write_all_at(&used.to_le_bytes(), 0).unwrap();
        if !first.exists() {
            std::fs::write(&first, used.to_string()).unwrap();
        }
        let account = AccountReading {
            counters: [(Meter::CpuUsec, used)].into(),
            alive: true,
            ..AccountReading::default()
        };
        Ok(Reading {
            boottime_ns: os::boottime_ns(),
            source: Source { boot: BOOT, tier: "ebpf".to_owned(), map_id: 1 },
            accounts: [(1001, account)].into(),
            host: HostReading { cpus: 1, ..HostReading::default() },
            coverage: Coverage::default(),
            limited: String::new(),
            gaps: Vec::new(),
            top: Default::default(),
        })
    })
}

/// Envelopes in a file, one after the other; a last one that is not whole was never acknowledged.
fn stored(dir: &Path) -> Vec<Vec<u8>> {
    let bytes = std::fs::read(dir.join("stored")).unwrap_or_default();
    let (mut rest, mut out) = (bytes.as_slice(), Vec::new());
    while let Some((len, tail)) = rest.split_first_chunk::<4>()
        && let Some((one, tail)) = tail.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).unwrap())
    {
        out.push(one.to_vec());
        rest = tail;
    }
    out
}

/// One life of the agent, with a collector that stores first and acknowledges then.
fn live(dir: &Path) {
    let state = StateDir::open(&dir.join("state")).unwrap();
    let (spool, _) = Spool::open(&state.spool(), HOST, 1, SPOOL_MIN_BYTES).unwrap();
    let now = os::now().unwrap();
    let mut clock = Clock::start(state.clock(), BOOT, now.wall_ms(), now.boottime_ms());
    clock.raise_floor(spool.tail().to_ms.unwrap_or(i64::MIN));
    let until = spool.tail().seq + LIFE_BATCHES;
    let mut reader = spool.reader();
    let (inbox_in, inbox) = std::sync::mpsc::sync_channel(4);
    let (wake, _woken) = watch::channel(Wake::default());
    let parts = Parts {
        floor_ms: None,
        sweep: machine(dir),
        disk: None,
        spool,
        sealer: Arc::new(Sealer { host: HOST, epoch: 1, key: key(), boot: BOOT }),
        clock: Arc::new(Mutex::new(clock)),
        inbox,
        wake,
        durable: None,
        report: Arc::default(),
        state,
        host: "web1".to_owned(),
        damage: String::new(),
        interval_ms: 4,
        now: Box::new(os::now),
        ready: Box::new(|| ()),
    };
    let held = stored(dir);
    let whole: usize = held.iter().map(|e| e.len() + 4).sum();
    let mut file = opened(&dir.join("stored"));
    file.set_len(u64::try_from(whole).unwrap()).unwrap();
    std::io::Seek::seek(&mut file, std::io::SeekFrom::End(0)).unwrap();
    let high = held.last().map_or(0, |e| peek(e).unwrap().stamp.seq);
    let thread = std::thread::spawn(move || run(parts));
    while reader.acked().seq < until && !thread.is_finished() {
        let Some(entry) = reader.read_next().unwrap() else {
            std::thread::park_timeout(Duration::from_millis(1));
            continue;
        };
        if entry.seq > high {
            let len = u32::try_from(entry.envelope.len()).unwrap().to_be_bytes();
            file.write_all(&[&len[..], &entry.envelope].concat()).unwrap();
        }
        reader.ack(&entry, entry.seq);
    }
    inbox_in.send(Inbox::Stop).unwrap();
    thread.join().unwrap().unwrap();
}

/// One life of a writer of records: each number is written in both ways, then noted as durable.
fn write_records(dir: &Path) {
    let noted = opened(&dir.join("noted"));
    let from = counter(&noted);
    for n in from + 1..from + 20 {
        files::write_json(&dir.join("record.json"), &vec![n; 300]).unwrap();
        write_durable(&dir.join("state.json"), &n.to_le_bytes().repeat(300)).unwrap();
        noted.write_all_at(&n.to_le_bytes(), 0).unwrap();
    }
}

/// What the child does; nothing if this is no child.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD) else { return };
    let dir = Path::new(&dir);
    if std::env::var_os("HOSTMETER_KILLED_RECORDS").is_some() { write_records(dir) } else { live(dir) }
}

fn spawn(dir: &Path, fault: Option<&str>, is_record: bool) -> Child {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "sampling::kills::child"]).env(CHILD, dir);
    command.env_remove("HOSTMETER_FAULT").stdout(std::process::Stdio::null());
    if is_record {
        command.env("HOSTMETER_KILLED_RECORDS", "1");
    }
    if let Some(fault) = fault {
        command.env("HOSTMETER_FAULT", fault);
    }
    command.spawn().unwrap()
}

/// Waits for the end; `true` if it was killed, `false` if it ended well.
fn was_killed(mut child: Child) -> bool {
    let status = child.wait().unwrap();
    assert!(status.success() || status.signal() == Some(SIGKILL), "{status}");
    status.signal().is_some()
}

fn newest_segment(spool: &Path) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(spool).ok()?.map(|e| e.unwrap().path());
    entries.filter(|p| p.extension().is_some_and(|e| e == "seg")).max()
}

/// What makes the next start pass the points of putting right.
fn harm(dir: &Path, point: &str) {
    let spool = dir.join("state/spool");
    match point {
        "scan.cut" | "scan.cut.sync" => {
            let newest = newest_segment(&spool).unwrap();
            OpenOptions::new().append(true).open(newest).unwrap().write_all(&[7; 300]).unwrap();
        }
        "scan.remove" => std::fs::write(spool.join("900000000000.seg"), "torn").unwrap(),
        "scan.copy" | "scan.copy.sync" | "scan.aside" | "scan.aside.dir" | "scan.rename" => {
            while !damage(dir, &newest_segment(&spool).unwrap()) {
                assert!(!was_killed(spawn(dir, None, false)));
            }
        }
        _ => {}
    }
}

/// Damages the oldest record of a segment, if the collector has it and a good one follows. `true` if it is damaged now.
/// A second record: without any the chain would not know where it goes on. One that is only begun is none: a kill
/// between the two writes of an append leaves a whole header.
fn damage(dir: &Path, segment: &Path) -> bool {
    let bytes = std::fs::read(segment).unwrap();
    let Some(seq) = bytes.get(8..).and_then(|b| peek(b).ok()).map(|h| h.stamp.seq) else { return false };
    let high = stored(dir).last().map_or(0, |e| peek(e).unwrap().stamp.seq);
    let Some(end) = record_end(&bytes, 0) else { return false };
    let fits = seq <= high && record_end(&bytes, end).is_some_and(|next| is_good(&bytes[end..next]));
    // A kill in the middle of putting right leaves the damage where it was.
    if fits && is_good(&bytes[..end]) {
        opened(segment).write_all_at(&[bytes[60] ^ 1], 60).unwrap();
    }
    fits
}

/// Where the record at `at` ends by its length, if the segment is as long.
fn record_end(bytes: &[u8], at: usize) -> Option<usize> {
    let len = bytes.get(at..at + 4)?;
    let end = at + 8 + usize::try_from(u32::from_be_bytes(len.try_into().unwrap())).unwrap();
    (end <= bytes.len()).then_some(end)
}

fn is_good(record: &[u8]) -> bool {
    crc32c::crc32c_append(crc32c::crc32c(&record[..4]), &record[8..]).to_be_bytes() == record[4..8]
}

/// Nothing lost, nothing twice: numbers without a hole, each with one content, chained, and the sum is the counter's.
fn check(dir: &Path, seed: u64) {
    let mut by_seq: BTreeMap<u64, Vec<u8>> = BTreeMap::new();
    for envelope in stored(dir) {
        let seq = peek(&envelope).unwrap().stamp.seq;
        assert!(by_seq.insert(seq, envelope).is_none(), "seed {seed}: {seq} was stored twice");
    }
    // What was sealed at the stop is held until the next start.
    let (spool, _) = Spool::open(&dir.join("state/spool"), HOST, 1, SPOOL_MIN_BYTES).unwrap();
    let mut reader = spool.reader();
    while let Some(entry) = reader.read_next().unwrap() {
        let same = by_seq.entry(entry.seq).or_insert_with(|| entry.envelope.clone());
        assert_eq!(*same, entry.envelope, "seed {seed}: {} has two contents", entry.seq);
    }
    let (mut sum, mut prev, mut from_ms) = (0_i64, [0; 32], None);
    for (want, (seq, envelope)) in (1..).zip(&by_seq) {
        assert_eq!(*seq, want, "seed {seed}: a hole");
        let (header, payload) = open_envelope(envelope, Domain::Batch, &key().public()).unwrap();
        assert_eq!(header.stamp.prev, prev, "seed {seed}: the chain at {seq}");
        prev = header.hash;
        for interval in Batch::decode(&payload).unwrap().intervals {
            assert!(
                from_ms.is_none_or(|f| f == interval.from_ms),
                "seed {seed}: intervals follow one another"
            );
            from_ms = Some(interval.to_ms);
            assert!(interval.gaps.is_empty(), "seed {seed}: {:?}", interval.gaps);
            sum += interval.accounts.iter().filter_map(|a| a.values.get(Meter::CpuUsec)).sum::<i64>();
        }
    }
    let first: u64 = std::fs::read_to_string(dir.join("first")).unwrap().parse().unwrap();
    // The next life goes on from the tail. The last sweep may have come within the millisecond of the last batch.
    let tail = spool.tail().baseline.as_ref().and_then(|b| b.accounts.get(&1001)).unwrap();
    let sealed = tail.counters.get(&Meter::CpuUsec).copied().unwrap();
    let used = counter(&opened(&dir.join("used")));
    assert_eq!(sum, i64::try_from(sealed - first).unwrap(), "seed {seed}: of {} batches", by_seq.len());
    assert!((sealed..sealed + 10).contains(&used), "seed {seed}: {used} used, {sealed} sealed");
}

/// A record that is only begun is none that the chain could go on from: to damage the good one before it would leave
/// an empty spool, which no kill does.
#[test]
fn only_a_record_before_a_whole_one_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    assert!(!was_killed(spawn(dir, None, false)));
    let segment = newest_segment(&dir.join("state/spool")).unwrap();
    let bytes = std::fs::read(&segment).unwrap();
    // The only one twice is as good as two.
    let first = record_end(&bytes, 0).unwrap();
    let bytes = [&bytes[..first], &bytes[..first]].concat();
    let second = bytes.len();
    std::fs::write(&segment, &bytes[..first + (second - first) / 2]).unwrap();
    assert!(peek(&bytes[first + 8..first + (second - first) / 2]).is_ok(), "its header is whole");
    assert!(!damage(dir, &segment));
    std::fs::write(&segment, &bytes[..second]).unwrap();
    assert!(damage(dir, &segment));
}

fn rounds(least: u64) -> u64 {
    let asked =
        std::env::var("HOSTMETER_FAULTS").ok().map(|n| n.parse().expect("HOSTMETER_FAULTS is a number"));
    asked.unwrap_or(0).max(least)
}

#[test]
fn kills_at_every_point_lose_nothing_and_count_nothing_twice() {
    let dir = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
    let dir = dir.path();
    let points: Vec<&str> =
        POINTS.iter().copied().filter(|p| p.starts_with("spool.") || p.starts_with("scan.")).collect();
    let seed = getrandom::u64().unwrap();
    let draw =
        |round: u64, below: u64| (seed ^ round.wrapping_mul(0x9E37_79B9_7F4A_7C15)).rotate_left(29) % below;
    // A first life without a kill, so that there is a durable baseline: what was used before is nobody's.
    assert!(!was_killed(spawn(dir, None, false)));
    let (mut reached, mut kills) = (BTreeMap::new(), 0_u64);
    for round in 0..rounds(3 * u64::try_from(points.len()).unwrap()) {
        let point = points[usize::try_from(round).unwrap() % points.len()];
        harm(dir, point);
        let fault = format!("{point}={}", 1 + draw(round, if point.starts_with("scan.") { 1 } else { 4 }));
        let mut child = spawn(dir, Some(&fault), false);
        // Every third time it dies at no point in particular.
        let is_random = round / u64::try_from(points.len()).unwrap() % 3 == 2;
        if is_random {
            std::thread::park_timeout(Duration::from_millis(draw(round, 60)));
            let _ended_already = child.kill();
        }
        if was_killed(child) {
            kills += 1;
            *reached.entry(point).or_insert(0) += u64::from(!is_random);
        }
    }
    let missed: Vec<_> = points.iter().filter(|p| reached.get(*p).is_none_or(|n| *n == 0)).collect();
    assert!(missed.is_empty(), "never reached: {missed:?}");
    assert!(!was_killed(spawn(dir, None, false)));
    check(dir, seed);
    eprintln!("{kills} kills, {} batches, 0 lost, 0 twice (seed {seed})", stored(dir).len());
}

#[test]
fn records_are_old_or_new_whatever_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    let points: Vec<&str> =
        POINTS.iter().copied().filter(|p| p.starts_with("record.") || p.starts_with("state.")).collect();
    for round in 0..rounds(2 * u64::try_from(points.len()).unwrap()) {
        let point = points[usize::try_from(round).unwrap() % points.len()];
        let fault = format!("{point}={}", 1 + round % 7);
        assert!(was_killed(spawn(dir, Some(&fault), true)), "{fault} was not reached");
        let noted = counter(&opened(&dir.join("noted")));
        let record: Option<Vec<u64>> = files::read_json(&dir.join("record.json")).unwrap();
        let state = std::fs::read(dir.join("state.json")).unwrap_or_default();
        let state: Vec<u64> = state.chunks(8).map(|c| u64::from_le_bytes(c.try_into().unwrap())).collect();
        for held in [record.unwrap_or_default(), state] {
            let Some(n) = held.first() else {
                assert_eq!(noted, 0, "{fault}");
                continue;
            };
            assert_eq!(held, vec![*n; 300], "{fault}: whole");
            assert!((noted..=noted + 1).contains(n), "{fault}: {n} where {noted} was durable");
        }
    }
}
