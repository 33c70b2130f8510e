//! Sweeps over trees of our own, with clocks of our own.

use super::*;
use crate::accounts::Who;
use crate::limits::LISTING_AGE_MAX_SWEEPS;
use crate::reading::AccountReading;
use hostmeter_core::meter::Meter;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

/// One second.
const S: u64 = 1_000_000_000;
/// Clock ticks of a second.
const TICKS: u64 = 100;
/// Boot time of the first sweep.
const START: u64 = 1_000 * S;

#[derive(Default)]
struct Times {
    now_ns: u64,
    cpu: HashMap<u32, u64>,
    unusable: bool,
}

#[derive(Clone, Default)]
struct FakeClocks(Arc<Mutex<Times>>);

impl Clocks for FakeClocks {
    fn cpu(&self, pid: u32) -> CpuTime {
        let times = self.0.lock().unwrap();
        match times.cpu.get(&pid) {
            _ if times.unusable => CpuTime::Unusable,
            Some(ns) => CpuTime::Ns(*ns),
            None => CpuTime::Gone,
        }
    }

    fn boottime_ns(&self) -> u64 {
        self.0.lock().unwrap().now_ns
    }
}

/// A process to write into the tree.
#[derive(Clone)]
struct P {
    pid: u32,
    uid: u32,
    name: &'static str,
    ppid: u32,
    kernel: bool,
    start_s: u64,
    cpu_ns: u64,
    anonymous_kib: u64,
    shared_kib: u64,
    pss_shared_kib: u64,
    threads: Vec<(u32, u64, [u64; 4])>,
}

fn p(pid: u32, uid: u32) -> P {
    P {
        pid,
        uid,
        name: "work",
        ppid: 1,
        kernel: false,
        start_s: 10,
        cpu_ns: 0,
        anonymous_kib: 0,
        shared_kib: 0,
        pss_shared_kib: 0,
        threads: vec![(pid, 10, [0; 4])],
    }
}

struct World {
    dir: tempfile::TempDir,
    clocks: FakeClocks,
    sampler: Sampler,
}

fn write(path: PathBuf, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn stat_line(pid: u32, p: &P, start_s: u64) -> String {
    let (flags, start) = (if p.kernel { 0x0020_0000 } else { 0 }, start_s * TICKS);
    let (name, ppid, ticks, threads) = (p.name, p.ppid, p.cpu_ns / (S / TICKS), p.threads.len());
    format!("{pid} ({name}) S {ppid} 1 1 0 -1 {flags} 0 0 0 0 {ticks} 0 0 0 20 0 {threads} 0 {start} 1 1\n")
}

impl World {
    fn new(change: impl FnOnce(&mut SamplerConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        write(at("proc/sys/kernel/random/boot_id"), "6f8d2a51-9f43-4a44-8a41-1f0c7c2f5f10\n");
        write(at("proc/stat"), "cpu  0 0 0 100 0 0 0 0 0 0\ncpu0 0 0 0 100\n");
        write(at("proc/meminfo"), &fs::read_to_string("/proc/meminfo").unwrap());
        write(at("passwd"), "shop:x:1001:1001::/home/shop:/bin/sh\n");
        let mut config = SamplerConfig {
            proc_root: at("proc"),
            passwd: at("passwd"),
            login_defs: at("login.defs"),
            subuid: None,
            utmp: None,
            ..SamplerConfig::default()
        };
        change(&mut config);
        let clocks = FakeClocks::default();
        clocks.0.lock().unwrap().now_ns = START;
        let sampler = Sampler::with_clocks(&config, Box::new(clocks.clone())).unwrap();
        let mut world = Self { dir, clocks, sampler };
        world.put(&p(1, 0));
        world
    }

    fn at(&self, path: &str) -> PathBuf {
        self.dir.path().join("proc").join(path)
    }

    fn put(&mut self, p: &P) {
        self.end(p.pid);
        let pid = p.pid;
        write(self.at(&format!("{pid}/stat")), &stat_line(pid, p, p.start_s));
        let (uid, anonymous, shared, pss) = (p.uid, p.anonymous_kib, p.shared_kib, p.pss_shared_kib);
        let status = format!("Uid:\t{uid}\nRssAnon: {anonymous} kB\nRssFile: {shared} kB\nThreads: 1\n");
        write(self.at(&format!("{pid}/status")), &status);
        let rss = anonymous + shared;
        let rollup = format!(
            "Rss: {rss} kB\nPss_Anon: {anonymous} kB\nPss_File: {pss} kB\nPss_Shmem: 0 kB\n\
             Anonymous: {anonymous} kB\n"
        );
        write(self.at(&format!("{pid}/smaps_rollup")), &rollup);
        for (tid, start_s, [read, written, cancelled, ops]) in &p.threads {
            let io = format!(
                "syscr: {ops}\nsyscw: 0\nread_bytes: {read}\nwrite_bytes: {written}\n\
                 cancelled_write_bytes: {cancelled}\n"
            );
            write(self.at(&format!("{pid}/task/{tid}/io")), &io);
            write(self.at(&format!("{pid}/task/{tid}/stat")), &stat_line(*tid, p, *start_s));
        }
        self.clocks.0.lock().unwrap().cpu.insert(pid, p.cpu_ns);
    }

    fn end(&mut self, pid: u32) {
        self.clocks.0.lock().unwrap().cpu.remove(&pid);
        let dir = self.at(&pid.to_string());
        if dir.exists() {
            remove(&dir);
        }
    }

    /// Sweeps `after_s` seconds after the start.
    fn sweep(&mut self, after_s: u64) -> Reading {
        self.clocks.0.lock().unwrap().now_ns = START + after_s * S;
        self.sampler.sweep(false).unwrap()
    }
}

fn remove(dir: &Path) {
    for entry in fs::read_dir(dir).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if entry.file_type().unwrap().is_dir() { remove(&path) } else { fs::remove_file(path).unwrap() }
    }
    fs::remove_dir(dir).unwrap();
}

fn account(reading: &Reading, uid: u32) -> &AccountReading {
    reading.accounts.get(&uid).unwrap_or_else(|| panic!("no account {uid}"))
}

fn counter(reading: &Reading, uid: u32, meter: Meter) -> Option<u64> {
    account(reading, uid).counters.get(&meter).copied()
}

fn cpu(reading: &Reading, uid: u32) -> u64 {
    counter(reading, uid, Meter::CpuUsec).unwrap()
}

#[test]
fn what_was_there_is_primed_and_what_is_born_counts_from_birth() {
    let mut w = World::new(|_| {});
    w.put(&P { cpu_ns: 5 * S, ..p(100, 1_001) });
    let first = w.sweep(0);
    assert_eq!((cpu(&first, 1_001), first.host.system_usec), (0, Some(0)));
    assert_eq!(account(&first, 1_001).user.as_deref(), Some("shop"));
    w.put(&P { cpu_ns: 6 * S, ..p(100, 1_001) });
    w.put(&P { cpu_ns: S / 2, start_s: 1_003, ..p(101, 1_001) });
    w.put(&P { cpu_ns: S / 4, start_s: 1_003, ..p(102, 3_101) });
    w.put(&P { cpu_ns: 9 * S, ..p(103, 1_001) });
    w.put(&P { cpu_ns: S / 8, start_s: 1_003, ..p(104, 0) });
    let second = w.sweep(10);
    assert_eq!(cpu(&second, 1_001), 1_500_000, "103 began before the first sweep and was missed by it");
    assert_eq!(counter(&second, 1_001, Meter::ProcessStarts), Some(1));
    assert_eq!(cpu(&second, 3_101), 250_000);
    assert_eq!(account(&second, 3_101).user, None);
    assert_eq!((second.host.accounts_usec, second.host.system_usec), (Some(1_750_000), Some(125_000)));
    // 100 all the time, 101 for 7 s of 10, 103 from now on.
    let gauge = |r: &Reading| account(r, 1_001).gauges.get(&Meter::Processes).copied();
    assert_eq!(gauge(&second), Some(2));
    for pid in 100..105 {
        w.end(pid);
    }
    let third = w.sweep(20);
    assert_eq!(cpu(&third, 1_001), 1_500_000, "counters stay when nobody is there");
    assert_eq!((gauge(&third), account(&third, 1_001).alive), (Some(0), false));
}

#[test]
fn a_reused_pid_is_another_process() {
    let check = |again: P, want_usec: u64| {
        let mut w = World::new(|_| {});
        w.put(&P { cpu_ns: 5 * S, ..p(100, 1_001) });
        w.sweep(0);
        w.put(&again);
        let reading = w.sweep(10);
        assert_eq!(cpu(&reading, again.uid), want_usec, "start {} cpu {}", again.start_s, again.cpu_ns);
    };
    check(P { cpu_ns: 7 * S, start_s: 1_002, ..p(100, 1_001) }, 7_000_000);
    check(P { cpu_ns: S, start_s: 1_002, ..p(100, 1_001) }, S / 1_000);
    check(P { cpu_ns: 7 * S, start_s: 1_002, ..p(100, 3_101) }, 7_000_000);
    check(P { cpu_ns: 7 * S, ..p(100, 1_001) }, 2_000_000);
    // A clock that falls for the same process: never more than the truth.
    check(P { cpu_ns: S, ..p(100, 1_001) }, 0);
}

#[test]
fn a_change_of_uid_bills_nobody_for_what_another_did() {
    let mut w = World::new(|_| {});
    w.put(&P { cpu_ns: 5 * S, start_s: 1_000, anonymous_kib: 1_000, ..p(100, 0) });
    w.sweep(0);
    let io = |ops| vec![(101, 1_001, [ops, ops, 0, ops])];
    let of = |cpu_s: u64, uid: u32, ops: u64| P {
        cpu_ns: cpu_s * S,
        start_s: 1_001,
        anonymous_kib: 100,
        threads: io(ops),
        ..p(101, uid)
    };
    w.put(&of(6, 0, 9));
    let root = w.sweep(10);
    assert_eq!(root.host.system_usec, Some(6_000_000));
    w.put(&of(8, 1_001, 50));
    let user = w.sweep(20);
    assert_eq!((cpu(&user, 1_001), user.host.system_usec), (2_000_000, Some(6_000_000)));
    assert_eq!(counter(&user, 1_001, Meter::IoOps), Some(0), "its I/O so far was root's");
    assert_eq!(counter(&user, 1_001, Meter::MemoryKibSec), Some(0), "and so was its memory");
    w.put(&of(9, 1_001, 53));
    let later = w.sweep(30);
    assert_eq!(counter(&later, 1_001, Meter::IoOps), Some(3));
    assert_eq!(counter(&later, 1_001, Meter::MemoryKibSec), Some(1_000));
    w.put(&of(10, 3_101, 60));
    let other = w.sweep(40);
    assert_eq!(counter(&other, 1_001, Meter::IoOps), Some(3));
    assert_eq!(counter(&other, 3_101, Meter::IoOps), Some(0), "from one account to another, too");
}

#[test]
fn uids_of_user_namespaces_belong_to_their_owner() {
    let mut w = World::new(|c| {
        let subuid = c.passwd.with_file_name("subuid");
        write(subuid.clone(), "shop:200000:65536\n");
        c.subuid = Some(subuid);
    });
    w.sweep(0);
    w.put(&P { cpu_ns: S, start_s: 1_003, ..p(100, 200_033) });
    w.put(&P { cpu_ns: S / 2, start_s: 1_003, ..p(101, 1_001) });
    w.put(&P { cpu_ns: S / 4, start_s: 1_003, ..p(102, 300_000) });
    let reading = w.sweep(10);
    assert_eq!((cpu(&reading, 1_001), reading.accounts.len()), (1_500_000, 1));
    assert_eq!(reading.host.system_usec, Some(250_000), "nobody owns the third");
}

#[test]
fn threads_count_once_each() {
    let mut w = World::new(|_| {});
    let with =
        |cpu_ns, threads: &[(u32, u64, [u64; 4])]| P { cpu_ns, threads: threads.to_vec(), ..p(100, 1_001) };
    let mut at = 0;
    let mut check = |process: P, want: [u64; 3]| {
        w.put(&process);
        let reading = w.sweep(at);
        at += 10;
        let of = |m| counter(&reading, 1_001, m).unwrap();
        let got = [of(Meter::IoReadBytes), of(Meter::IoWriteBytes), of(Meter::IoOps)];
        assert_eq!(got, want, "{:?}", process.threads);
    };
    check(with(1, &[(100, 10, [7, 7, 7, 7]), (105, 10, [100, 100, 0, 1])]), [0, 0, 0]);
    check(with(2, &[(100, 10, [8, 7, 7, 7]), (105, 10, [100, 103, 0, 2])]), [1, 3, 1]);
    // A new thread counts whole; one that ended takes nothing away.
    check(with(3, &[(100, 10, [8, 7, 7, 7]), (106, 1_015, [10, 10, 0, 10])]), [11, 13, 11]);
    // The same id, another thread.
    check(with(4, &[(100, 10, [8, 7, 7, 7]), (106, 1_025, [20, 20, 0, 20])]), [31, 33, 31]);
    // Counters that fall, as after exec by another thread, move the baseline only.
    check(with(5, &[(100, 10, [1, 1, 1, 1])]), [31, 33, 31]);
    // Cancelled bytes come off later writes, never off what was reported.
    check(with(6, &[(100, 10, [1, 1, 21, 1])]), [31, 33, 31]);
    check(with(7, &[(100, 10, [1, 31, 21, 1])]), [31, 43, 31]);
}

#[test]
fn memory_leaves_shared_pages_to_all_who_map_them() {
    let mut w = World::new(|_| {});
    let of = |pid, pss| P { anonymous_kib: 1_000, shared_kib: 4_000, pss_shared_kib: pss, ..p(pid, 1_001) };
    for pid in 100..104 {
        w.put(&of(pid, 1_000));
    }
    w.sweep(0);
    let reading = w.sweep(10);
    assert_eq!(counter(&reading, 1_001, Meter::MemoryKibSec), Some(4 * 2_000 * 10));
    assert_eq!(reading.coverage.memory_ppm, Some(1_000_000));
    // It grows evenly between two looks: the mean counts.
    w.put(&P { anonymous_kib: 2_000, shared_kib: 4_000, cpu_ns: 1, ..of(100, 1_000) });
    assert_eq!(counter(&w.sweep(20), 1_001, Meter::MemoryKibSec), Some(80_000 + 80_000 + 5_000));
    // A process that was born 4 s ago has used memory for 4 s.
    w.put(&P { anonymous_kib: 100, start_s: 1_026, cpu_ns: 1, ..p(200, 3_101) });
    assert_eq!(counter(&w.sweep(30), 3_101, Meter::MemoryKibSec), Some(400));
}

#[test]
fn top_commands_since_the_last_list() {
    let mut w = World::new(|_| {});
    w.put(&P { name: "a) R 0 0\n", ..p(100, 1_001) });
    w.put(&P { name: "idle", ..p(101, 3_101) });
    w.sweep(0);
    w.put(&P { name: "a) R 0 0\n", cpu_ns: 3 * S, anonymous_kib: 100, ..p(100, 1_001) });
    w.clocks.0.lock().unwrap().now_ns = START + 10 * S;
    let top = w.sampler.sweep(true).unwrap().top;
    assert_eq!(top.keys().collect::<Vec<_>>(), [&1_001]);
    let line = &top[&1_001][0];
    assert_eq!((line.command.as_str(), line.cpu_usec), ("a)%20R%200%200%0A", 3_000_000));
    assert_eq!((line.memory_kib_sec, line.processes), (500, 1));
    assert!(w.sampler.sweep(true).unwrap().top.is_empty());
}

#[test]
fn files_that_vanish_or_are_garbage_lose_nothing_else() {
    let check = |file: &str, text: Option<&str>, want: u64, gaps: usize| {
        let mut w = World::new(|_| {});
        for pid in [100, 101] {
            w.put(&P { threads: vec![(pid, 10, [0, 0, 0, 3])], ..p(pid, 1_001) });
        }
        w.sweep(0);
        let moved = |pid| P { cpu_ns: S, threads: vec![(pid, 10, [0, 0, 0, 5])], ..p(pid, 1_001) };
        w.put(&moved(100));
        w.put(&moved(101));
        let path = w.at(&format!("100/{file}"));
        match text {
            Some(text) => fs::write(&path, text).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let broken = w.sweep(10);
        assert_eq!(cpu(&broken, 1_001), want, "{file} {text:?}");
        assert_eq!(broken.gaps.len(), gaps, "{file} {text:?} {:?}", broken.gaps);
        w.put(&P { cpu_ns: 2 * S, ..moved(100) });
        let whole = w.sweep(20);
        // A vanished stat means that the process ended; what comes after it began before the first sweep: primed.
        let ended = text.is_none() && file != "task/100/io";
        assert_eq!(cpu(&whole, 1_001), if ended { 1_000_000 } else { 3_000_000 }, "{file} {text:?}");
        let ops = counter(&whole, 1_001, Meter::IoOps);
        assert_eq!(ops, Some(if ended { 2 } else { 4 }), "{file} {text:?}");
    };
    let one = 1_000_000;
    check("stat", None, one, 0);
    check("status", None, one, 0);
    check("task/100/io", None, 2 * one, 0);
    check("stat", Some(""), one, 0);
    check("stat", Some("100 (work) S 1"), one, 0);
    check("stat", Some("\u{0}\u{1}garbage"), one, 0);
    check("status", Some("Name: x\n"), one, 0);
    check("task/100/io", Some("rchar: 1\n"), 2 * one, 3);
}

#[test]
fn who_is_no_account_is_system() {
    let mut w = World::new(|c| {
        c.uid_max = Some(5_000);
        c.exclude = vec![Who::Name("shop".into())];
        c.include = vec![Who::Uid(33), Who::Uid(0)];
    });
    w.sweep(0);
    for (pid, uid) in [(100, 1_001), (101, 33), (102, 5_001), (103, 999), (104, 3_101)] {
        w.put(&P { cpu_ns: S, start_s: 1_001, ..p(pid, uid) });
    }
    // A thread of the kernel is nobody's, even where root is an account.
    w.put(&P { cpu_ns: S, start_s: 1_001, kernel: true, ..p(105, 0) });
    let reading = w.sweep(10);
    assert_eq!(reading.accounts.keys().copied().collect::<Vec<_>>(), [0, 33, 3_101]);
    assert_eq!((cpu(&reading, 3_101), cpu(&reading, 0)), (1_000_000, 0));
    assert_eq!(reading.host.system_usec, Some(4_000_000));
}

#[test]
fn sessions_add_up_over_sweeps() {
    let mut w = World::new(|_| {});
    w.put(&P { name: "sshd", ..p(50, 0) });
    w.put(&P { name: "sshd-session", ppid: 50, ..p(51, 1_001) });
    w.put(&P { name: "sshd", ppid: 51, ..p(52, 1_001) });
    w.sweep(0);
    w.put(&P { name: "sshd", ppid: 50, start_s: 1_007, cpu_ns: 1, ..p(53, 1_001) });
    let reading = w.sweep(10);
    let open = |r: &Reading| account(r, 1_001).gauges.get(&Meter::Sessions).copied();
    assert_eq!((open(&reading), counter(&reading, 1_001, Meter::SessionSec)), (Some(2), Some(13)));
    w.end(51);
    w.end(53);
    let reading = w.sweep(20);
    assert_eq!((open(&reading), counter(&reading, 1_001, Meter::SessionSec)), (Some(0), Some(13)));
}

#[test]
fn without_clocks_of_processes_ticks_are_taken() {
    let mut w = World::new(|_| {});
    w.clocks.0.lock().unwrap().unusable = true;
    w.put(&P { cpu_ns: 5 * S, ..p(100, 1_001) });
    w.sweep(0);
    w.put(&P { cpu_ns: 7 * S + S / 1_000, ..p(100, 1_001) });
    assert_eq!(cpu(&w.sweep(10), 1_001), 2_000_000);
}

#[test]
fn listing_is_left_out_only_while_nothing_can_have_been_born() {
    let check = |forks: [&str; 2], may_trace: bool, sweeps: u64, want: i64| {
        let mut w = World::new(|_| {});
        w.sampler.may_trace = may_trace;
        let count = |w: &World, forks: &str| {
            write(w.at("stat"), &format!("cpu  0 0 0 100 0 0 0 0 0 0\ncpu0 0 0 0 100\n{forks}\n"));
        };
        count(&w, forks[0]);
        w.put(&p(100, 1_001));
        assert_eq!(w.sweep(0).host.processes, Some(2));
        count(&w, forks[1]);
        w.put(&P { start_s: 1_003, ..p(101, 1_001) });
        let last = (1..=sweeps).map(|i| w.sweep(i * 10)).last().unwrap();
        assert_eq!(last.host.processes, Some(want), "{forks:?} {may_trace} {sweeps}");
    };
    let limit = u64::from(LISTING_AGE_MAX_SWEEPS);
    check(["processes 7", "processes 8"], true, 1, 3);
    check(["processes 7", "processes 7"], true, 1, 2);
    check(["processes 7", "processes 7"], true, limit, 2);
    check(["processes 7", "processes 7"], true, limit + 1, 3);
    check(["processes 7", "processes 7"], false, 1, 3);
    check(["processes 0", "processes 0"], true, 1, 3);
    check(["", ""], true, 1, 3);
    check(["processes 7", ""], true, 1, 3);
}

#[test]
fn an_ended_process_is_missed_without_a_listing() {
    let mut w = World::new(|_| {});
    w.sampler.may_trace = true;
    write(w.at("stat"), "cpu  0 0 0 100 0 0 0 0 0 0\ncpu0 0 0 0 100\nprocesses 7\n");
    w.put(&P { cpu_ns: 5 * S, ..p(100, 1_001) });
    w.put(&p(101, 1_001));
    w.sweep(0);
    w.put(&P { cpu_ns: 6 * S, ..p(100, 1_001) });
    w.end(101);
    let reading = w.sweep(10);
    assert_eq!((cpu(&reading, 1_001), reading.host.processes), (1_000_000, Some(2)));
    assert_eq!(account(&reading, 1_001).gauges.get(&Meter::Processes), Some(&1));
    w.end(100);
    let reading = w.sweep(20);
    assert_eq!((account(&reading, 1_001).alive, reading.host.processes), (false, Some(1)));
}

#[test]
fn a_listing_that_fails_is_an_error() {
    let mut w = World::new(|_| {});
    w.sweep(0);
    let (here, away) = (w.dir.path().join("proc"), w.dir.path().join("away"));
    fs::rename(&here, &away).unwrap();
    assert!(w.sampler.sweep(false).is_ok(), "the kept descriptor stays good");
    remove(&away);
    let err = w.sampler.sweep(false).unwrap_err().to_string();
    assert!(err.contains("proc cannot be listed"), "{err}");
}

#[test]
fn a_sampler_that_cannot_work_says_why() {
    let check = |change: fn(&mut SamplerConfig), want: &str| {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("passwd"), "").unwrap();
        let mut config = SamplerConfig { passwd: dir.path().join("passwd"), ..SamplerConfig::default() };
        change(&mut config);
        let err = Sampler::new(&config).unwrap_err().to_string();
        assert!(err.contains(want), "{err}");
    };
    check(|c| c.proc_root = "/nonexistent".into(), "/nonexistent cannot be opened");
    check(|c| c.proc_root = "/etc".into(), "the boot id cannot be read");
    check(|c| c.passwd = "/nonexistent".into(), "/nonexistent cannot be read");
    check(|c| (c.uid_min, c.uid_max) = (Some(9), Some(8)), "uid_min 9 is above uid_max 8");
}
