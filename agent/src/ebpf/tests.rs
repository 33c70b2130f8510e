//! Real programs in this machine's kernel, held against what the kernel itself says of real processes: its resource
//! usage (getrusage(2)) of all children, which is exact to the microsecond.

use super::KernelSampler;
use crate::accounts::Who;
use crate::reading::{AccountReading, Reading};
use crate::sampler::{SampleError, SamplerConfig};
use crate::skip::skip;
use hostmeter_core::meter::Meter;
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

mod levels;

/// A loop of a shell that takes a few milliseconds.
const BURN: &str = "j=0; while [ $j -lt 3000 ]; do j=$((j+1)); done";
/// What a sampler may be off by beyond the half percent: the truth is read a little before or after, µs.
const SLACK_USEC: u64 = 3_000;
/// Time for the last figures to come in.
const SETTLE: Duration = Duration::from_millis(2_500);

/// Without the rights or the kernel for it, a test says so and ends.
fn sampler(test: &str, uids: &[u32], bpffs: Option<&Path>) -> Option<KernelSampler> {
    let include = uids.iter().map(|u| Who::Uid(*u)).collect();
    let config = SamplerConfig { include, utmp: None, ..SamplerConfig::default() };
    match KernelSampler::new(&config, bpffs) {
        Ok(sampler) => Some(sampler),
        Err(SampleError::Kernel(why)) => {
            skip(test, &format!("eBPF cannot be used here: {why}"));
            None
        }
        Err(e) => panic!("{e}"),
    }
}

fn sh(uid: u32, script: &str) -> Command {
    let mut command = Command::new("/bin/sh");
    command
        .args(["-c", script])
        .current_dir("/")
        .uid(uid)
        .gid(uid)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

fn children_usec() -> u64 {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).unwrap();
    let total = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    u64::try_from(total).unwrap()
}

/// Runs a script to its end; what the kernel charged for it and all that it waited for, µs.
fn run(uid: u32, script: &str) -> u64 {
    let before = children_usec();
    assert!(sh(uid, script).status().unwrap().success());
    children_usec() - before
}

/// A process that was started and said that it is ready; ended with the test.
struct Waiting(Child, BufReader<std::process::ChildStdout>);

impl Waiting {
    fn start(uid: u32, script: &str) -> Self {
        let mut child = sh(uid, script).spawn().unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let mut waiting = Self(child, out);
        waiting.line();
        waiting
    }

    fn line(&mut self) {
        let mut line = String::new();
        self.1.read_line(&mut line).unwrap();
    }

    fn lines_until(&mut self, want: &str) {
        let mut line = String::new();
        while line.trim_end() != want {
            line.clear();
            assert!(self.1.read_line(&mut line).unwrap() > 0, "it ended before it said {want}");
        }
    }

    fn go(&mut self) {
        self.0.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn pause(time: Duration) {
    std::thread::park_timeout(time);
}

fn account(reading: &Reading, uid: u32) -> AccountReading {
    reading.accounts.get(&uid).cloned().unwrap_or_default()
}

fn counter(reading: &Reading, uid: u32, meter: Meter) -> u64 {
    account(reading, uid).counters.get(&meter).copied().unwrap_or_default()
}

/// Sweeps until an account's CPU time is the truth to half a percent, or the time to settle is over; then checks.
fn assert_cpu(sampler: &mut KernelSampler, uid: u32, truth_usec: u64) -> Reading {
    let begun = Instant::now();
    loop {
        let reading = sampler.sweep(false).unwrap();
        let got = counter(&reading, uid, Meter::CpuUsec);
        let close = got.abs_diff(truth_usec) <= truth_usec / 200 + SLACK_USEC;
        if close {
            return reading;
        }
        assert!(begun.elapsed() < SETTLE, "uid {uid}: {got} µs, and the truth is {truth_usec}");
        pause(Duration::from_millis(100));
    }
}

/// Waits until every task was freed, and so counted, and no more than those.
fn assert_starts(sampler: &mut KernelSampler, uid: u32, want: u64) -> Reading {
    let begun = Instant::now();
    loop {
        let reading = sampler.sweep(false).unwrap();
        let got = counter(&reading, uid, Meter::ProcessStarts);
        if got == want {
            return reading;
        }
        assert!(got < want && begun.elapsed() < SETTLE, "uid {uid}: {got} starts, and the truth is {want}");
        pause(Duration::from_millis(100));
    }
}

#[test]
fn a_storm_of_short_processes_is_credited_to_its_user_alone() {
    let (user, idler) = (3_201, 3_202);
    let Some(mut sampler) = sampler("a_storm_of_short_processes", &[user, idler], None) else { return };
    let _idle = Waiting::start(idler, "echo here; read x");
    // It says that it is there before it sleeps.
    pause(Duration::from_millis(100));
    let first = sampler.sweep(false).unwrap();
    let idle_usec = counter(&first, idler, Meter::CpuUsec);
    let truth = run(user, &format!("i=0; while [ $i -lt 200 ]; do ({BURN}); i=$((i+1)); done"));
    assert_cpu(&mut sampler, user, truth);
    let reading = assert_starts(&mut sampler, user, 201);
    assert_eq!(counter(&reading, idler, Meter::CpuUsec), idle_usec, "the second user did nothing");
    assert_eq!(account(&reading, user).gauges[&Meter::Processes], 0);
    let (memory, upper) = (Meter::MemoryKibSec, Meter::MemoryUpperKibSec);
    let (memory, upper) = (counter(&reading, user, memory), counter(&reading, user, upper));
    assert!(0 < upper && upper <= memory, "short processes have memory, too: {upper} of {memory}");
    assert_eq!(counter(&reading, idler, Meter::MemoryUpperKibSec), 0, "a sweep looked at this one");
    assert!(!account(&reading, user).alive && account(&reading, idler).alive);
    let top = sampler.sweep(true).unwrap().top;
    assert_eq!(top[&user][0].command, "sh");
    let listed = u64::try_from(top[&user][0].cpu_usec).unwrap();
    assert!(listed.abs_diff(truth) < truth / 100 + SLACK_USEC, "{listed} of {truth} by command");
    assert!(!sampler.sweep(true).unwrap().top.contains_key(&user), "a list begins anew");
}

#[test]
fn what_ran_before_is_primed_and_what_goes_on_counts() {
    let uid = 3_203;
    let mut child =
        Waiting::start(uid, &format!("{BURN}; {BURN}; echo here; read x; {BURN}; echo done; read y"));
    let Some(mut sampler) = sampler("what_ran_before_is_primed", &[uid], None) else { return };
    assert_eq!(counter(&sampler.sweep(false).unwrap(), uid, Meter::CpuUsec), 0);
    child.go();
    child.line();
    let reading = sampler.sweep(false).unwrap();
    let got = counter(&reading, uid, Meter::CpuUsec);
    assert!(got > 500, "{got} µs for one loop");
    assert_eq!(counter(&reading, uid, Meter::ProcessStarts), 0);
    assert_eq!(account(&reading, uid).gauges[&Meter::Processes], 1);
}

/// CPU time of a process of one thread, µs: the first field of `schedstat` is nanoseconds.
fn own_usec(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/schedstat")).unwrap();
    text.split_whitespace().next().unwrap().parse::<u64>().unwrap() / 1_000
}

#[test]
fn a_process_that_changes_its_uid_is_split_where_a_sweep_saw_it() {
    let uid = 3_204;
    let Some(mut sampler) = sampler("a_process_that_changes_its_uid", &[uid], None) else { return };
    let burn = format!("i=0; while [ $i -lt 20 ]; do {BURN}; i=$((i+1)); done");
    let then = format!("exec setpriv --reuid {uid} --clear-groups sh -c '{burn}; echo there; read y'");
    let mut child = Waiting::start(0, &format!("{burn}; echo here; read x; {then}"));
    let as_root = sampler.sweep(false).unwrap();
    assert_eq!(counter(&as_root, uid, Meter::CpuUsec), 0);
    let before = own_usec(child.0.id());
    child.go();
    child.line();
    let reading = sampler.sweep(false).unwrap();
    let (got, truth) = (counter(&reading, uid, Meter::CpuUsec), own_usec(child.0.id()) - before);
    assert!(before > 10_000 && got.abs_diff(truth) <= truth / 200 + SLACK_USEC, "{got} µs of {truth}");
    assert_eq!(counter(&reading, uid, Meter::ProcessStarts), 0, "it was born as root");
}

/// The share of its pages that the kernel says a process has, KiB.
fn pss_kib(child: &Waiting) -> u64 {
    let rollup = std::fs::read_to_string(format!("/proc/{}/smaps_rollup", child.0.id())).unwrap();
    let line = rollup.lines().find_map(|l| l.strip_prefix("Pss:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn memory_is_what_the_process_has() {
    let uid = 3_206;
    let Some(mut sampler) = sampler("memory_is_what_the_process_has", &[uid], None) else { return };
    let script = "x=$(head -c 40000000 /dev/zero | tr '\\0' a); echo here; read y";
    let child = Waiting::start(uid, script);
    // The first sweep meets it, the second knows its share.
    sampler.sweep(false).unwrap();
    pause(Duration::from_millis(200));
    let from = sampler.sweep(false).unwrap();
    pause(Duration::from_millis(2_000));
    let to = sampler.sweep(false).unwrap();
    let pss_kib = pss_kib(&child);
    assert!(pss_kib > 39_000, "{pss_kib} KiB");
    let used = counter(&to, uid, Meter::MemoryKibSec) - counter(&from, uid, Meter::MemoryKibSec);
    let want = pss_kib * (to.boottime_ns - from.boottime_ns) / 1_000_000_000;
    assert!(used.abs_diff(want) < want / 50, "{used} KiB·s, and the truth is {want}");
}

#[test]
fn memory_of_a_small_process_is_not_held_back_by_its_cpus() {
    let uid = 3_210;
    let Some(mut sampler) = sampler("memory_of_a_small_process", &[uid], None) else { return };
    let child = Waiting::start(uid, "echo here; read y");
    // The first sweep meets it, the second asks for its share; a later one knows it, as others are asked for, too.
    for _ in 0..10 {
        sampler.sweep(false).unwrap();
        pause(Duration::from_millis(50));
    }
    // Its share changes as other tests start and end shells.
    let mut truths = vec![pss_kib(&child)];
    let from = sampler.sweep(false).unwrap();
    pause(Duration::from_millis(1_500));
    truths.push(pss_kib(&child));
    pause(Duration::from_millis(1_500));
    let to = sampler.sweep(false).unwrap();
    truths.push(pss_kib(&child));
    let used = counter(&to, uid, Meter::MemoryKibSec) - counter(&from, uid, Meter::MemoryKibSec);
    let used_kib = used * 1_000_000_000 / (to.boottime_ns - from.boottime_ns);
    let (least, most) = (*truths.iter().min().unwrap(), *truths.iter().max().unwrap());
    // A shell has some 100 KiB of its own; a CPU may hold back 128 KiB of each counter.
    let near = (least - least / 5..=most + most / 5).contains(&used_kib);
    assert!(most < 2_000 && near, "{used_kib} KiB, and the truth is {truths:?}");
}

#[test]
fn writes_of_short_processes_are_counted_once() {
    let uid = 3_207;
    let Some(mut sampler) = sampler("writes_of_short_processes", &[uid], None) else { return };
    sampler.sweep(false).unwrap();
    let dir = tempfile::tempdir_in(env!("CARGO_MANIFEST_DIR")).unwrap();
    std::os::unix::fs::chown(dir.path(), Some(uid), Some(uid)).unwrap();
    let path = dir.path().join("data");
    let before = children_usec();
    let write = format!("dd if=/dev/zero of={} bs=1M count=8 conv=fsync 2>&1", path.display());
    let script = format!("({write}); echo reaped; exit 0");
    if sh(uid, &format!("test -w {}", dir.path().display())).status().is_ok_and(|s| !s.success()) {
        skip("writes_of_short_processes", "the project's folder is closed to other users");
        return;
    }
    run(uid, &script);
    let reading = assert_cpu(&mut sampler, uid, children_usec() - before);
    let written = counter(&reading, uid, Meter::IoWriteBytes);
    assert!(written.abs_diff(8 << 20) <= (8 << 20) / 100, "{written} bytes");
}

#[test]
fn uids_of_user_namespaces_belong_to_their_owner() {
    let (owner, within) = (3_211, 290_033);
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), format!("{owner}:290000:1000\n")).unwrap();
    let config = SamplerConfig {
        include: vec![Who::Uid(owner)],
        utmp: None,
        subuid: Some(file.path().to_owned()),
        ..SamplerConfig::default()
    };
    if sampler("uids_of_user_namespaces", &[], None).is_none() {
        return;
    }
    let mut sampler = KernelSampler::new(&config, None).unwrap();
    sampler.sweep(false).unwrap();
    let storm = format!("i=0; while [ $i -lt 20 ]; do ({BURN}); i=$((i+1)); done");
    let truth = run(within, &storm) + run(owner, &storm);
    assert_cpu(&mut sampler, owner, truth);
    let reading = assert_starts(&mut sampler, owner, 2 * 21);
    assert!(!reading.accounts.contains_key(&within), "they are one account");
    for uid in 0..30 {
        run(290_100 + uid, "exit 0");
    }
    assert_starts(&mut sampler, owner, 2 * 21 + 30);
    // Other processes of this machine take slots meanwhile; of these uids only the owner may.
    let slots = sampler.uids_with_slots().unwrap();
    assert!(slots.contains(&owner), "{slots:?}");
    assert!(
        !slots.iter().any(|uid| (290_000..291_000).contains(uid)),
        "a namespace took room from others: {slots:?}"
    );
}

/// A BPF file system of our own.
struct BpfFs(tempfile::TempDir);

impl BpfFs {
    fn mount(test: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount").args(["-t", "bpf", "bpf"]).arg(dir.path()).output();
        if mounted.is_ok_and(|out| out.status.success()) {
            return Some(Self(dir));
        }
        skip(test, "a BPF file system cannot be mounted here");
        None
    }

    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for BpfFs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[test]
fn pinned_figures_outlive_the_agent_and_nothing_is_lost_meanwhile() {
    let test = "pinned_figures_outlive_the_agent";
    let uid = 3_208;
    let Some(bpffs) = BpfFs::mount(test) else { return };
    let Some(mut first) = sampler(test, &[uid], Some(bpffs.path())) else { return };
    first.sweep(false).unwrap();
    let storm = format!("i=0; while [ $i -lt 50 ]; do ({BURN}); i=$((i+1)); done");
    let mut truth = run(uid, &storm);
    let source = first.source().clone();
    let twice = KernelSampler::new(&SamplerConfig::default(), Some(bpffs.path())).unwrap_err().to_string();
    assert!(twice.contains("another agent meters with it"), "{twice}");
    drop(first);
    truth += run(uid, &storm);
    pause(Duration::from_millis(300));
    let mut second = sampler(test, &[uid], Some(bpffs.path())).unwrap();
    assert_eq!(second.source(), &source);
    truth += run(uid, &storm);
    assert_cpu(&mut second, uid, truth);
    assert_starts(&mut second, uid, 3 * 51);
    drop(second);
    let other = sampler(test, &[uid, 3_209], Some(bpffs.path())).unwrap();
    assert_ne!(other.source(), &source, "who is an account decides whose figures these are");
    drop(other);
    // Half of the pins: what an agent leaves that was killed while it set up.
    let folder = std::fs::read_dir(bpffs.path().join("hostmeter")).unwrap().next().unwrap().unwrap().path();
    std::fs::remove_file(folder.join("hm_switched")).unwrap();
    let mut fresh = sampler(test, &[uid], Some(bpffs.path())).unwrap();
    assert_ne!(fresh.source(), &source);
    assert_eq!(counter(&fresh.sweep(false).unwrap(), uid, Meter::CpuUsec), 0);
}

#[test]
fn a_folder_that_is_no_bpf_file_system_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let err = KernelSampler::new(&SamplerConfig::default(), Some(dir.path())).unwrap_err().to_string();
    assert!(err.contains("is no BPF file system") && err.contains("mount -t bpf"), "{err}");
}
