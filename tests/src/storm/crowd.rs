//! Very many processes, processes of very many uids, and processes with one pid after the other.

use super::{rounds_per_ms, spin, used_usec};
use crate::raw::{fork, take_real_uid};
use anyhow::{Context, Result, ensure};
use clap::{Parser, Subcommand};
use nix::sys::prctl::{set_name, set_pdeathsig};
use nix::sys::resource::UsageWho;
use nix::sys::signal::{Signal, kill};
use nix::sys::wait::waitpid;
use nix::unistd::{Pid, getpid, pause, setuid};
use rustix::process::{Resource, Rlimit, setrlimit};
use std::io::{BufRead, Write};

/// Most processes at once.
pub const CROWD_MAX: u32 = 30_000;
/// Most uids.
pub const UIDS_MAX: u32 = 100_000;
/// Tries to get a pid again.
const PID_TRIES: u32 = 1_000;
/// Threads at once.
const AT_ONCE: usize = 16;
/// The kernel's next pid is the first free one after this.
const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";

/// Orders of the program `crowd`.
#[derive(Debug, Parser)]
pub struct Args {
    #[command(subcommand)]
    order: Order,
}

#[derive(Debug, Subcommand)]
enum Order {
    /// Forks so many processes that sleep, says `ready`, and ends them when a line or the end of the input comes.
    Idle { processes: u32 },
    /// Has each of so many uids, from the first one on, run a short thread, and says `done`. Needs root.
    Uids { first: u32, count: u32 },
    /// Has two uids run processes with one pid, one after the other, on each line of the input. Needs root.
    Pids { first_uid: u32, first_ms: u64, second_uid: u32, second_ms: u64 },
    /// Takes this name, given in hexadecimal digits, and works a little until the input ends.
    Name { hex: String },
}

/// Carries it out.
pub fn run(args: &Args) -> Result<()> {
    let threads = std::fs::read_dir("/proc/self/task")?.count();
    ensure!(threads == 1, "crowd forks, so it must have one thread; it has {threads}");
    match &args.order {
        Order::Idle { processes } => idle(*processes),
        Order::Uids { first, count } => uids(*first, *count),
        Order::Pids { first_uid, first_ms, second_uid, second_ms } => {
            pids((*first_uid, *first_ms), (*second_uid, *second_ms))
        }
        Order::Name { hex } => name(hex),
    }
}

fn say(line: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{line}")?;
    Ok(out.flush()?)
}

/// `false` at the end of the input.
fn wait_for_a_line() -> Result<bool> {
    Ok(std::io::stdin().lock().read_line(&mut String::new())? > 0)
}

/// Processes that are killed and reaped when dropped.
struct Crowd(Vec<Pid>);

impl Drop for Crowd {
    fn drop(&mut self) {
        for pid in &self.0 {
            let _gone = kill(*pid, Signal::SIGKILL);
        }
        for pid in &self.0 {
            let _reaped = waitpid(*pid, None);
        }
    }
}

/// Lives until it is killed, at the latest when its parent ends.
fn sleep_until_killed(parent: Pid) -> i32 {
    if set_pdeathsig(Signal::SIGKILL).is_ok() && nix::unistd::getppid() == parent {
        pause();
    }
    0
}

fn idle(processes: u32) -> Result<()> {
    ensure!(processes <= CROWD_MAX, "{processes} processes, at most {CROWD_MAX}");
    let limit = Some(u64::from(processes) + 8);
    setrlimit(Resource::Nproc, Rlimit { current: limit, maximum: limit }).context("limit of processes")?;
    let me = getpid();
    let mut crowd = Crowd(Vec::new());
    for _ in 0..processes {
        crowd.0.push(fork(|| sleep_until_killed(me)).context("fork")?);
    }
    say("ready")?;
    wait_for_a_line()?;
    drop(crowd);
    say("gone")
}

fn uids(first: u32, count: u32) -> Result<()> {
    ensure!(count <= UIDS_MAX, "{count} uids, at most {UIDS_MAX}");
    let uids: Vec<u32> = (first..first.saturating_add(count)).collect();
    for uids in uids.chunks(AT_ONCE) {
        std::thread::scope(|scope| -> Result<()> {
            let threads: Vec<_> = uids.iter().map(|uid| scope.spawn(|| take_real_uid(*uid))).collect();
            threads.into_iter().try_for_each(|t| Ok(t.join().ok().context("a thread panicked")??))
        })?;
    }
    say("done")
}

/// Burns as this uid, and sleeps.
fn burn(uid: u32, rounds: u64, parent: Pid) -> i32 {
    if setuid(uid.into()).is_err() {
        return 1;
    }
    spin(rounds);
    sleep_until_killed(parent)
}

/// Forks until the child has this pid; the others end at once.
fn fork_as(pid: Pid, child: impl Fn() -> i32) -> Result<Crowd> {
    for _ in 0..PID_TRIES {
        std::fs::write(LAST_PID, (pid.as_raw() - 1).to_string()).context(LAST_PID)?;
        let forked = fork(|| if getpid() == pid { child() } else { 0 }).context("fork")?;
        let forked = Crowd(vec![forked]);
        if forked.0 == [pid] {
            return Ok(forked);
        }
    }
    anyhow::bail!("pid {pid} was taken by others {PID_TRIES} times")
}

/// Kills it and tells the CPU that it used, µs.
fn end(crowd: Crowd) -> Result<i64> {
    let before = used_usec(UsageWho::RUSAGE_CHILDREN)?;
    drop(crowd);
    Ok(used_usec(UsageWho::RUSAGE_CHILDREN)? - before)
}

/// Each of a uid and of the CPU that its process burns, ms.
fn pids(first: (u32, u64), second: (u32, u64)) -> Result<()> {
    let (me, per_ms) = (getpid(), rounds_per_ms()?);
    say("ready")?;
    while wait_for_a_line()? {
        let crowd = Crowd(vec![fork(|| burn(first.0, first.1 * per_ms, me)).context("fork")?]);
        let pid = *crowd.0.first().context("pid")?;
        say(&pid.to_string())?;
        wait_for_a_line()?;
        let first_usec = end(crowd)?;
        let crowd = fork_as(pid, || burn(second.0, second.1 * per_ms, me))?;
        say(&pid.to_string())?;
        wait_for_a_line()?;
        say(&format!("{first_usec} {}", end(crowd)?))?;
    }
    Ok(())
}

fn name(hex: &str) -> Result<()> {
    let digits =
        hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two)?, 16).context("hex"));
    set_name(&std::ffi::CString::new(digits.collect::<Result<Vec<u8>>>()?)?)?;
    let per_ms = rounds_per_ms()?;
    say("ready")?;
    let input = std::io::stdin();
    let mut wanted = [rustix::event::PollFd::new(&input, rustix::event::PollFlags::IN)];
    let pause = rustix::time::Timespec { tv_sec: 0, tv_nsec: 20_000_000 };
    while rustix::event::poll(&mut wanted, Some(&pause))? == 0 {
        spin(per_ms);
    }
    Ok(())
}
