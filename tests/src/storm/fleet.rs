//! Starters under many uids that work at once.

use super::cgroup::Cgroup;
use super::{Order, Shape, rounds_per_ms};
use crate::run::wait_for;
use crate::users::Homes;
use anyhow::{Context, Result, ensure};
use rustix::event::{PollFd, PollFlags, poll};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

/// Most uids at once.
const UIDS_MAX: usize = 32;
/// A starter that has not answered by then is given up.
const ANSWER_LIMIT: Duration = Duration::from_secs(300);

/// What a starter's `getrusage` says about one order, µs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// By the starter itself: forking and waiting.
    pub own_usec: u64,
    /// By its children; 0 where it ignored their end.
    pub children_usec: u64,
}

#[derive(Debug)]
struct Starter {
    child: Child,
    orders: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    group: Cgroup,
}

/// One starter and one control group for each uid; ended and removed when dropped.
#[derive(Debug)]
pub struct Fleet {
    starters: Vec<Starter>,
    rounds_per_ms: u64,
    _homes: Homes,
}

impl Fleet {
    /// Starts them, asleep. Needs root and control groups. What they used until now is not in the truth of a later
    /// moment less the truth of this one.
    pub fn start(uids: &[u32]) -> Result<Self> {
        ensure!(uids.len() <= UIDS_MAX, "{} uids, at most {UIDS_MAX}", uids.len());
        let mut fleet = Self { starters: Vec::new(), rounds_per_ms: rounds_per_ms()?, _homes: Homes::new()? };
        for uid in uids {
            let starter = Starter::new(&fleet._homes, *uid)?;
            fleet.starters.push(starter);
        }
        Ok(fleet)
    }

    /// CPU of each uid's processes so far, ns, in the order of the uids. Exact while all are asleep.
    pub fn truth_ns(&self) -> Result<Vec<u64>> {
        self.starters.iter().map(|s| s.group.used_ns()).collect()
    }

    /// Has the first `working` uids do this at once, and waits for the last process to end.
    pub fn run(&mut self, shape: &Shape, working: usize) -> Result<Vec<Spent>> {
        let order = Order {
            processes: shape.processes,
            rounds: shape.burst_usec.saturating_mul(self.rounds_per_ms) / 1_000,
            threads: shape.threads,
            ending: shape.ending,
        };
        for starter in self.starters.iter_mut().take(working) {
            starter.send(order)?;
        }
        let until = Instant::now() + ANSWER_LIMIT;
        self.starters.iter_mut().take(working).map(|s| s.answer(until)).collect()
    }
}

impl Starter {
    fn new(homes: &Homes, uid: u32) -> Result<Self> {
        let group = Cgroup::new(&format!("hostmeter-storm-{}-{uid}", std::process::id()))?;
        let mut command = homes.command_as_uid(uid, "storm")?;
        let mut child = command.stdin(Stdio::piped()).spawn().context("start storm")?;
        let orders = child.stdin.take();
        let answers = BufReader::new(child.stdout.take().context("output of storm")?);
        let mut starter = Self { child, orders, answers, group };
        let line = starter.line(Instant::now() + ANSWER_LIMIT)?;
        ensure!(line.trim() == "ready", "storm said {line:?}");
        starter.group.add(starter.child.id())?;
        Ok(starter)
    }

    fn send(&mut self, order: Order) -> Result<()> {
        let orders = self.orders.as_mut().context("storm takes no orders any more")?;
        orders.write_all(format!("{order}\n").as_bytes()).context("order to storm")
    }

    fn line(&mut self, until: Instant) -> Result<String> {
        let left = until.saturating_duration_since(Instant::now());
        let mut wanted = [PollFd::new(self.answers.get_ref(), PollFlags::IN)];
        let ready = poll(&mut wanted, Some(&left.try_into()?)).context("poll storm")?;
        ensure!(ready > 0, "storm {} gave no answer in time", self.child.id());
        let mut line = String::new();
        self.answers.read_line(&mut line).context("answer of storm")?;
        Ok(line)
    }

    fn answer(&mut self, until: Instant) -> Result<Spent> {
        let line = self.line(until)?;
        let read = || -> Option<Spent> {
            let (own, children) = line.trim().split_once(' ')?;
            Some(Spent { own_usec: own.parse().ok()?, children_usec: children.parse().ok()? })
        };
        read().with_context(|| format!("storm {} answered {line:?}; see its error above", self.child.id()))
    }
}

impl Drop for Starter {
    fn drop(&mut self) {
        // It ends when its input does.
        drop(self.orders.take());
        let ended = wait_for("storm to end", Duration::from_secs(10), || Ok(self.child.try_wait()?));
        if ended.is_err() {
            let _gone = self.child.kill();
            let _reaped = self.child.wait();
        }
    }
}
