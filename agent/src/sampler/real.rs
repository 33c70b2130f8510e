//! The /proc tier against real processes of this machine, whose own account of themselves is the truth.
//!
//! As root the processes run under uids that no user has; as somebody else, under the caller's own uid.

use crate::accounts::Who;
use crate::reading::{AccountReading, Reading};
use crate::sampler::{Sampler, SamplerConfig};
use hostmeter_core::meter::Meter;
use std::fs;
use std::io::{BufRead, BufReader, Lines, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::Duration;

/// A shell that runs a script, is spoken to by lines, and is ended with the test.
struct Shell {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Shell {
    fn start(uid: u32, script: &str) -> Self {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", script]).current_dir("/").stdin(Stdio::piped()).stdout(Stdio::piped());
        if is_root() {
            command.uid(uid).gid(uid);
        }
        let mut child = command.spawn().unwrap();
        let input = child.stdin.take().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        Self { child, input, lines }
    }

    fn line(&mut self) -> String {
        self.lines.next().unwrap().unwrap()
    }

    fn say(&mut self) {
        self.input.write_all(b"go\n").unwrap();
    }

    fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}

/// The uid to run under: `wanted` as root, else the caller's.
fn uid(wanted: u32) -> u32 {
    if is_root() { wanted } else { nix::unistd::getuid().as_raw() }
}

fn sampler(uids: &[u32]) -> Sampler {
    let include = uids.iter().map(|u| Who::Uid(*u)).collect();
    let config = SamplerConfig { include, utmp: None, ..SamplerConfig::default() };
    Sampler::new(&config).unwrap()
}

fn pause(ms: u64) {
    let (_keep, wait) = crossbeam_channel::bounded::<()>(0);
    wait.recv_timeout(Duration::from_millis(ms)).unwrap_err();
}

fn counter(reading: &Reading, uid: u32, meter: Meter) -> u64 {
    let of = |a: &AccountReading| a.counters.get(&meter).copied();
    reading.accounts.get(&uid).and_then(of).unwrap_or_else(|| panic!("uid {uid} has no {meter}"))
}

/// What was added between two readings; an account that was not there yet began at 0.
fn added(before: &Reading, after: &Reading, uid: u32, meter: Meter) -> u64 {
    let from = before.accounts.get(&uid).and_then(|a| a.counters.get(&meter)).copied();
    counter(after, uid, meter) - from.unwrap_or_default()
}

fn assert_close(got: u64, want: u64, percent: u64, what: &str) {
    assert!(got.abs_diff(want) * 100 <= want * percent, "{what}: {got}, and the truth is {want}");
}

fn kib(path: &str, name: &str) -> u64 {
    let text = fs::read_to_string(path).unwrap();
    let line = text.lines().find_map(|l| l.strip_prefix(name)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

#[test]
fn cpu_agrees_with_what_the_process_says_itself() {
    let (burner, idler) = (uid(3_101), uid(3_102));
    let mut sampler = sampler(&[burner, idler]);
    let mut idle = Shell::start(idler, "echo here; read x");
    idle.line();
    // It says that it is there before it sleeps.
    pause(100);
    let first = sampler.sweep(false).unwrap();
    // The first line of `times` is the shell's own user and system time, by times(2).
    let script = "read x; i=0; while [ $i -lt 3000000 ]; do i=$((i+1)); done; times; read x";
    let mut burn = Shell::start(burner, script);
    pause(100);
    let middle = sampler.sweep(false).unwrap();
    burn.say();
    let times = burn.line();
    let last = sampler.sweep(true).unwrap();
    let seconds = |word: &str| {
        let (minutes, rest) = word.split_once('m').unwrap();
        minutes.parse::<f64>().unwrap() * 60.0 + rest.trim_end_matches('s').parse::<f64>().unwrap()
    };
    let truth_usec =
        format!("{:.0}", times.split_whitespace().map(seconds).sum::<f64>() * 1e6).parse().unwrap();
    let got = added(&first, &last, burner, Meter::CpuUsec);
    assert!(truth_usec > 1_000_000, "{truth_usec} µs are too few to compare");
    assert_close(got, truth_usec, 1, "CPU time");
    if is_root() {
        assert_eq!(added(&first, &last, idler, Meter::CpuUsec), 0, "the second uid did nothing");
        assert_eq!(added(&first, &last, burner, Meter::ProcessStarts), 1);
        assert_eq!(last.accounts[&burner].gauges[&Meter::Processes], 1);
        assert_eq!(last.accounts[&burner].user, None);
    }
    assert!(added(&middle, &last, burner, Meter::CpuUsec) <= got);
    assert_eq!(last.top[&burner][0].command, "sh");
    assert_close(
        u64::try_from(last.top[&burner][0].cpu_usec).unwrap(),
        truth_usec,
        1,
        "CPU time of the command",
    );
}

#[test]
fn a_parent_is_not_charged_for_the_io_of_a_reaped_child() {
    let uid = uid(3_103);
    let mut sampler = sampler(&[uid]);
    let first = sampler.sweep(false).unwrap();
    let child = "i=0; while [ $i -lt 20000 ]; do echo x; i=$((i+1)); done > /dev/null; echo done; read x";
    let mut parent = Shell::start(uid, &format!("sh -c '{child}'; echo reaped; read x; read x"));
    assert_eq!(parent.line(), "done");
    let alive = sampler.sweep(false).unwrap();
    parent.say();
    assert_eq!(parent.line(), "reaped");
    let after = sampler.sweep(false).unwrap();
    let own_file = format!("/proc/{}/io", parent.pid());
    assert!(kib(&own_file, "syscw:") >= 20_000, "the kernel no longer moves a child's I/O to its parent");
    let once = added(&first, &alive, uid, Meter::IoOps);
    assert!(once >= 20_000, "{once} calls");
    if is_root() {
        assert!(once < 21_000, "{once} calls");
        let again = added(&alive, &after, uid, Meter::IoOps);
        assert!(again < 1_000, "{again} calls more after the child was reaped");
    }
}

#[test]
fn memory_is_what_is_touched_and_shared_pages_count_once() {
    if !is_root() {
        // Other processes of the same user would be measured with it.
        return;
    }
    let (one, five) = (3_104, 3_105);
    let mut sampler = sampler(&[one, five]);
    let text = "x=$(head -c 52428800 /dev/zero | tr '\\0' a)";
    let mut alone = Shell::start(one, &format!("{text}; echo here; read y"));
    // Five shells that share what the first one made, as a forking server and its workers do.
    let workers = "for i in 1 2 3 4; do (echo here; read y) & done; echo here; wait; read y";
    let mut forked =
        Shell::start(five, &format!("exec 3<&0; {text}; {}", workers.replace("read y", "read y <&3")));
    alone.line();
    (0..5).for_each(|_| drop(forked.line()));
    sampler.sweep(false).unwrap();
    let first = sampler.sweep(false).unwrap();
    pause(1_500);
    let last = sampler.sweep(false).unwrap();
    let ms = (last.boottime_ns - first.boottime_ns) / 1_000_000;
    let held = |uid| added(&first, &last, uid, Meter::MemoryKibSec) * 1_000 / ms;
    let rollup = |pid: u32| format!("/proc/{pid}/smaps_rollup");
    let rss_anon = kib(&format!("/proc/{}/status", alone.pid()), "RssAnon:");
    assert!(rss_anon >= 50 * 1_024, "{rss_anon} KiB");
    assert_close(held(one), kib(&rollup(alone.pid()), "Pss:"), 10, "memory of one process, KiB");
    let mut pids = vec![forked.pid()];
    let children = format!("/proc/{0}/task/{0}/children", forked.pid());
    pids.extend(fs::read_to_string(children).unwrap().split_whitespace().map(|p| p.parse::<u32>().unwrap()));
    assert_eq!(pids.len(), 5);
    let pss: u64 = pids.iter().map(|p| kib(&rollup(*p), "Pss:")).sum();
    let rss: u64 = pids.iter().map(|p| kib(&rollup(*p), "Rss:")).sum();
    assert!(rss > 4 * pss, "the shells share nothing: {rss} {pss}");
    assert_close(held(five), pss, 10, "memory of five processes that share, KiB");
}

#[test]
fn coverage_and_the_host() {
    let mut sampler = sampler(&[]);
    sampler.sweep(false).unwrap();
    pause(300);
    let reading = sampler.sweep(false).unwrap();
    assert!(reading.coverage.cpu_ppm.unwrap() <= 1_000_000);
    assert!(reading.host.cpus > 0 && reading.host.processes.unwrap() > 1);
    assert!(reading.host.not_busy_usec.unwrap() > 0 && reading.host.system_usec.is_some());
    assert!(reading.host.memory_available_kib < reading.host.memory_total_kib);
    if is_root() {
        assert_eq!(reading.limited, "");
    }
    assert_eq!(reading.source.tier, "proc");
    assert_ne!(reading.source.map_id, self::sampler(&[]).source().map_id);
}
