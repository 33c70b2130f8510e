//! Homes of made-up accounts in a real file system, from the thread to the reading.

use super::*;
use crate::accounts::Bounds;
use crate::os;
use crate::reading::{HostReading, Source};
use hostmeter_core::ids::BootId;
use hostmeter_core::wire::batch::Coverage;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;
use std::time::Instant;

const SEC: u64 = 1_000_000_000;

/// A passwd with these users, whose homes lie in a folder.
struct Host {
    dir: tempfile::TempDir,
}

impl Host {
    /// Users are uid and whether there is a home. Without root every home is the tester's own.
    fn new(users: &[(u32, bool)]) -> Self {
        let host = Self { dir: tempfile::tempdir().unwrap() };
        for (uid, _) in users.iter().filter(|(_, has_home)| *has_home) {
            let home = host.home(*uid);
            fs::create_dir(&home).unwrap();
            fs::write(home.join("file"), vec![1; 100_000]).unwrap();
            chown(home.join("file"), Some(*uid), None).unwrap();
            chown(&home, Some(*uid), None).unwrap();
        }
        host.write_passwd(&users.iter().map(|(uid, _)| *uid).collect::<Vec<_>>());
        host
    }

    fn home(&self, uid: u32) -> std::path::PathBuf {
        self.dir.path().join(format!("home{uid}"))
    }

    fn write_passwd(&self, uids: &[u32]) {
        let line = |uid: &u32| format!("u{uid}:x:{uid}:1::{}:/bin/sh\n", self.home(*uid).display());
        let text: String = uids.iter().map(line).collect();
        fs::write(self.dir.path().join("passwd"), text).unwrap();
    }

    fn disk(&self, every: Duration) -> Disk {
        let bounds = Bounds { min: 1_000, max: 60_000 };
        let accounts = Accounts::new(&self.dir.path().join("passwd"), bounds, &[], &[]).unwrap();
        Disk::start(accounts, every, None).unwrap()
    }

    fn kib(&self, uid: u32) -> u64 {
        let blocks = |path: &Path| fs::symlink_metadata(path).unwrap().blocks();
        (blocks(&self.home(uid)) + blocks(&self.home(uid).join("file"))).div_ceil(2)
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A reading in which these accounts have processes.
fn reading(at_ns: u64, alive: &[u32]) -> Reading {
    let account = AccountReading { alive: true, ..AccountReading::default() };
    Reading {
        boottime_ns: at_ns,
        source: Source { boot: BootId([1; 16]), tier: "proc".to_owned(), map_id: 1 },
        accounts: alive.iter().map(|uid| (*uid, account.clone())).collect(),
        host: HostReading::default(),
        coverage: Coverage::default(),
        limited: String::new(),
        gaps: Vec::new(),
        top: BTreeMap::new(),
    }
}

/// Looks until something is so.
fn until(disk: &mut Disk, alive: &[u32], what: &str, is_so: impl Fn(&Reading) -> bool) -> Reading {
    let limit = Instant::now() + Duration::from_secs(20);
    loop {
        let mut now = reading(os::boottime_ns(), alive);
        disk.add_to(&mut now, false);
        if is_so(&now) {
            return now;
        }
        assert!(Instant::now() < limit, "{what}: {now:?}");
        std::thread::park_timeout(Duration::from_millis(2));
    }
}

fn counter(reading: &Reading, uid: u32) -> Option<u64> {
    reading.accounts.get(&uid).and_then(|a| a.counters.get(&Meter::DiskKibSec)).copied()
}

fn gaps(reading: &Reading) -> Vec<(Option<u32>, &str)> {
    assert!(reading.gaps.iter().all(|g| g.meter == GapMeter::One(Meter::DiskKibSec)));
    reading.gaps.iter().map(|g| (g.uid, g.reason.as_str())).collect()
}

#[test]
fn from_the_home_to_the_counter() {
    if !is_root() {
        return;
    }
    let host = Host::new(&[(1_001, true), (1_002, true), (1_003, false)]);
    let mut disk = host.disk(Duration::from_secs(3_600));
    let mut first = reading(os::boottime_ns(), &[1_001, 1_003]);
    disk.add_to(&mut first, false);
    assert_eq!(gaps(&first), [(Some(1_001), NOT_YET), (Some(1_003), NOT_YET)]);
    assert!(first.accounts.values().all(|a| a.counters.is_empty() && a.gauges.is_empty()));
    let alive = [1_001, 1_003];
    let known = until(&mut disk, &alive, "both homes to be counted", |r| {
        counter(r, 1_001).is_some()
            && counter(r, 1_002).is_some()
            && !gaps(r).contains(&(Some(1_003), NOT_YET))
    });
    let why = format!(
        "its home {} cannot be read (No such file or directory (os error 2))",
        host.home(1_003).display()
    );
    assert_eq!(gaps(&known), [(Some(1_003), why.as_str())]);
    let idle = &known.accounts[&1_002];
    assert!(idle.is_unseen && idle.user.as_deref() == Some("u1002"));
    assert_eq!(idle.home_inode, Some(fs::metadata(host.home(1_002)).unwrap().ino()));
    assert_eq!((idle.gauges[&Meter::DiskFiles], known.accounts[&1_001].gauges[&Meter::DiskFiles]), (2, 2));

    // From here on time is made up: 100 s for one with processes, and for one without only when it is settled.
    let base_ns = known.boottime_ns;
    let mut later = reading(base_ns + 100 * SEC, &alive);
    disk.add_to(&mut later, false);
    let used = |r: &Reading, uid| counter(r, uid).unwrap() - counter(&known, uid).unwrap();
    let kib = host.kib(1_001);
    assert!(used(&later, 1_001).abs_diff(kib * 100) <= 1, "{} {kib}", used(&later, 1_001));
    let mut settled = reading(base_ns + 200 * SEC, &[]);
    disk.add_to(&mut settled, true);
    let all = kib * 200;
    // The idle one was counted a moment before.
    assert!((all..=all + kib * 20).contains(&used(&settled, 1_002)), "{} {all}", used(&settled, 1_002));
}

#[test]
fn the_counter_of_the_idle_moves_in_turns() {
    let moves = |uid: u32| {
        let mut at = Vec::new();
        for sec in 1..1_200 {
            if slot(uid, sec * SEC) != slot(uid, (sec - 1) * SEC) {
                at.push(sec);
            }
        }
        at
    };
    assert_eq!(moves(1_001), [199, 499, 799, 1_099]);
    assert_eq!(moves(1_002), [198, 498, 798, 1_098]);
}

#[test]
fn users_who_come_go_and_change() {
    if !is_root() {
        return;
    }
    let host = Host::new(&[(1_001, true), (1_002, true)]);
    host.write_passwd(&[1_001]);
    let mut disk = host.disk(Duration::from_secs(3_600));
    until(&mut disk, &[1_001], "the first", |r| counter(r, 1_001).is_some());
    host.write_passwd(&[1_001, 1_002]);
    until(&mut disk, &[1_001], "the second", |r| counter(r, 1_002).is_some());
    host.write_passwd(&[1_002]);
    let gone = until(&mut disk, &[], "the first to go", |r| counter(r, 1_001).is_none());
    assert!(!gone.accounts.contains_key(&1_001) && counter(&gone, 1_002).is_some());
    // The same uid with another home: what was known says nothing of it, and the counter does not fall.
    let before = until(&mut disk, &[1_002], "a counter", |r| counter(r, 1_002) > Some(0));
    fs::rename(host.home(1_002), host.dir.path().join("other")).unwrap();
    let line = format!("new:x:1002:1::{}/other:/bin/sh\n", host.dir.path().display());
    fs::write(host.dir.path().join("passwd"), line).unwrap();
    let mut now = reading(os::boottime_ns(), &[1_002]);
    disk.add_to(&mut now, false);
    assert_eq!(gaps(&now), [(Some(1_002), NOT_YET)]);
    assert!(counter(&now, 1_002) >= counter(&before, 1_002));
    until(&mut disk, &[1_002], "the other home", |r| gaps(r).is_empty());
}

#[test]
fn many_gaps_are_one() {
    let many: Vec<(u32, String)> = (0..=8).map(|n| (1_000 + n, "why".to_owned())).collect();
    let few = named(many[..8].to_vec());
    assert_eq!((few.len(), few[7].uid, few[7].reason.as_str()), (8, Some(1_007), "why"));
    let all = named(many);
    assert_eq!((all.len(), all[0].uid, all[0].reason.as_str()), (1, None, SEVERAL));
}

#[test]
fn a_level_that_grew_old_is_unknown() {
    if !is_root() {
        return;
    }
    let host = Host::new(&[(1_001, true)]);
    let mut disk = host.disk(Duration::from_secs(3_600));
    let known = until(&mut disk, &[1_001], "the first", |r| counter(r, 1_001).is_some());
    let stale = DISK_STALE_FACTOR * 3_600;
    let mut old = reading(known.boottime_ns + (stale + 1_000) * SEC, &[1_001]);
    disk.add_to(&mut old, false);
    assert_eq!(gaps(&old), [(Some(1_001), "its home could not be counted for 14400 s")]);
    assert!(!old.accounts[&1_001].gauges.contains_key(&Meter::DiskFiles));
    let used = counter(&old, 1_001).unwrap();
    assert!(used.abs_diff(stale * host.kib(1_001)) < host.kib(1_001), "{used}");
}
