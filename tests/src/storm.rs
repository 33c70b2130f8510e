//! A load with a known truth: many short processes under given uids, whose CPU the kernel itself counts.
//!
//! A *starter* (`storm`, one for each uid) lives as long as the fleet and forks processes on order, one after the
//! other. Each burns loop rounds that were counted beforehand: asking the clock would make the kernel bring a task's
//! counters up to date, which is what a meter must not rely on. The truth is read from a cgroup for each uid, because
//! the kernel keeps no figure of children whose parent ignores SIGCHLD. Where it keeps one, it serves as a check: it
//! lacks the last microseconds of each thread, which run after its end was told.

mod cgroup;
pub mod crowd;
mod fleet;
mod metered;

pub use fleet::{Fleet, Spent};
pub use metered::{Metered, Used, added};

use crate::raw;
use anyhow::{Context, Result, bail, ensure};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::wait::{WaitStatus, waitpid};
use rustix::process::{Resource, Rlimit, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use std::fmt;
use std::io::{BufRead, Write};
use std::time::{Duration, Instant};

/// Most processes in one order.
pub const PROCESSES_MAX: u32 = 200;
/// Most burning threads in one process.
pub const THREADS_MAX: u32 = 8;
/// Most tasks of one uid at once: the starter and one process with its threads need far less.
const TASKS_MAX: u64 = 32;
const _: () = assert!((THREADS_MAX as u64) + 2 < TASKS_MAX);
/// Rounds in one measurement of the loop, about 1 ms: short, so that some are not disturbed.
const TRIAL_ROUNDS: u64 = 2_000_000;
const TRIALS: u32 = 100;

/// Most processes of one call of [`fork_and_wait`].
pub const FORKS_MAX: u32 = 10_000;

/// Forks a process that ends at once and waits for it, so many times; how long that took. The caller has one thread.
pub fn fork_and_wait(count: u32) -> Result<Duration> {
    ensure!(count <= FORKS_MAX, "{count} processes: at most {FORKS_MAX}");
    let begun = Instant::now();
    for _ in 0..count {
        waitpid(raw::fork(|| 0)?, None)?;
    }
    Ok(begun.elapsed())
}

/// How a process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Ending {
    /// Its parent waits for it.
    Reaped,
    /// Its parent ignores SIGCHLD: the kernel reaps it and its parent never hears what it used.
    Ignored,
    /// Its first thread ends at once, and the others go on; the parent waits for it.
    LeaderFirst,
}

impl Ending {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Reaped, Self::Ignored, Self::LeaderFirst];

    /// The word of orders and of the command line.
    pub fn word(self) -> &'static str {
        match self {
            Self::Reaped => "reaped",
            Self::Ignored => "ignored",
            Self::LeaderFirst => "leader-first",
        }
    }
}

impl std::str::FromStr for Ending {
    type Err = anyhow::Error;

    fn from_str(word: &str) -> Result<Self> {
        let known = Self::ALL.into_iter().find(|e| e.word() == word);
        known.with_context(|| format!("ending {word:?}: must be reaped, ignored or leader-first"))
    }
}

/// What each uid is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// Processes of each uid, one after the other.
    pub processes: u32,
    /// CPU that each thread burns, µs; start and end of a process come on top.
    pub burst_usec: u64,
    /// Threads of each process that burn at once.
    pub threads: u32,
    /// How each process ends.
    pub ending: Ending,
}

/// A shape in the starter's terms: one line of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Order {
    processes: u32,
    rounds: u64,
    threads: u32,
    ending: Ending,
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {} {}", self.processes, self.rounds, self.threads, self.ending.word())
    }
}

impl std::str::FromStr for Order {
    type Err = anyhow::Error;

    fn from_str(line: &str) -> Result<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [processes, rounds, threads, ending] = words.as_slice() else {
            bail!("order {line:?}: must be `PROCESSES ROUNDS THREADS ENDING`");
        };
        let order = Self {
            processes: processes.parse().with_context(|| format!("processes {processes:?}"))?,
            rounds: rounds.parse().with_context(|| format!("rounds {rounds:?}"))?,
            threads: threads.parse().with_context(|| format!("threads {threads:?}"))?,
            ending: ending.parse()?,
        };
        ensure!(order.processes <= PROCESSES_MAX, "{} processes, at most {PROCESSES_MAX}", order.processes);
        ensure!((1..=THREADS_MAX).contains(&order.threads), "{} threads, 1 to {THREADS_MAX}", order.threads);
        Ok(order)
    }
}

/// Rounds of `spin` in a millisecond of CPU on this machine: the best of many trials, so that those which
/// were disturbed do not count.
pub fn rounds_per_ms() -> Result<u64> {
    let mut best_ns = u64::MAX;
    for _ in 0..TRIALS {
        let before = thread_cpu_ns()?;
        spin(TRIAL_ROUNDS);
        best_ns = best_ns.min(thread_cpu_ns()? - before);
    }
    Ok(TRIAL_ROUNDS.saturating_mul(1_000_000) / best_ns.max(1))
}

fn thread_cpu_ns() -> Result<u64> {
    let t = clock_gettime(ClockId::ThreadCPUTime);
    Ok(u64::try_from(t.tv_sec)? * 1_000_000_000 + u64::try_from(t.tv_nsec)?)
}

/// Work that asks nothing of the kernel.
#[inline(never)]
fn spin(rounds: u64) {
    for round in 0..rounds {
        std::hint::black_box(round);
    }
}

/// The starter: carries out the orders of `input`, and answers each with the CPU that it and its children used
/// since the last answer, by `getrusage`, in µs. It must have one thread only.
pub fn serve(input: impl BufRead, mut out: impl Write) -> Result<()> {
    let threads = std::fs::read_dir("/proc/self/task")?.count();
    ensure!(threads == 1, "a starter forks, so it must have one thread; it has {threads}");
    let limit = Rlimit { current: Some(TASKS_MAX), maximum: Some(TASKS_MAX) };
    setrlimit(Resource::Nproc, limit).context("limit of processes")?;
    writeln!(out, "ready")?;
    out.flush()?;
    let mut before = (used_usec(UsageWho::RUSAGE_SELF)?, used_usec(UsageWho::RUSAGE_CHILDREN)?);
    for line in input.lines() {
        carry_out(line?.parse()?)?;
        let after = (used_usec(UsageWho::RUSAGE_SELF)?, used_usec(UsageWho::RUSAGE_CHILDREN)?);
        writeln!(out, "{} {}", after.0 - before.0, after.1 - before.1)?;
        out.flush()?;
        // What the answer costs is the next order's, so that nothing is left out.
        before = after;
    }
    Ok(())
}

fn used_usec(who: UsageWho) -> Result<i64> {
    let usage = getrusage(who)?;
    let usec = |t: nix::sys::time::TimeVal| t.tv_sec() * 1_000_000 + t.tv_usec();
    Ok(usec(usage.user_time()) + usec(usage.system_time()))
}

fn carry_out(order: Order) -> Result<()> {
    raw::ignore_ended_children(order.ending == Ending::Ignored).context("disposition of SIGCHLD")?;
    for _ in 0..order.processes {
        let pid = raw::fork(|| burn(order)).context("fork")?;
        match (waitpid(pid, None), order.ending) {
            // With SIGCHLD ignored, waiting ends when the child is gone and there is nothing to tell.
            (Err(nix::errno::Errno::ECHILD), Ending::Ignored) => {}
            (Ok(WaitStatus::Exited(_, 0)), Ending::Reaped | Ending::LeaderFirst) => {}
            (found, _) => bail!("process {pid} ended unexpectedly: {found:?}"),
        }
    }
    Ok(())
}

/// The life of one process; its exit status.
fn burn(order: Order) -> i32 {
    let leader_burns = order.ending != Ending::LeaderFirst;
    let others = order.threads - u32::from(leader_burns);
    let mut started = Vec::new();
    for _ in 0..others {
        match std::thread::Builder::new().spawn(move || spin(order.rounds)) {
            Ok(thread) => started.push(thread),
            Err(_) => return 1,
        }
    }
    if !leader_burns {
        raw::end_this_thread();
    }
    spin(order.rounds);
    i32::from(started.into_iter().any(|t| t.join().is_err()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_order_is_read_back_and_a_wrong_one_is_refused() {
        for ending in Ending::ALL {
            let order = Order { processes: 7, rounds: 1 << 40, threads: 4, ending };
            assert_eq!(order.to_string().parse::<Order>().unwrap(), order);
        }
        for (line, expect) in [
            ("", "must be `PROCESSES"),
            ("1 2 3 reaped more", "must be `PROCESSES"),
            ("201 2 3 reaped", "at most 200"),
            ("1 2 0 reaped", "0 threads, 1 to 8"),
            ("1 2 9 reaped", "9 threads, 1 to 8"),
            ("1 -2 3 reaped", "rounds \"-2\""),
            ("1 2 3 lost", "ending \"lost\""),
        ] {
            let error = line.parse::<Order>().unwrap_err().to_string();
            assert!(error.contains(expect), "{line}: {error}");
        }
    }

    #[test]
    fn twice_the_rounds_are_twice_the_cpu() {
        let rounds = rounds_per_ms().unwrap();
        let spent = |ms: u64| {
            let before = thread_cpu_ns().unwrap();
            spin(rounds * ms);
            thread_cpu_ns().unwrap() - before
        };
        let (ten, twenty) = (spent(10), spent(20));
        assert!((8_000_000..40_000_000).contains(&ten), "10 ms took {ten} ns");
        assert!(twenty > ten, "{twenty} ns after {ten} ns");
    }
}
