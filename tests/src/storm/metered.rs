//! A fleet of starters on a host that agent and collector meter.

use super::{Fleet, Shape};
use crate::credit::{cpu_usec, now_ms, wait_until_shipped};
use crate::stack::{HOST, Settings, Stack};
use anyhow::{Context, Result, ensure};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};

/// Length of an interval.
const INTERVAL: &str = "300ms";
/// The last of a process may be credited so much later than it ended: two intervals.
const LATE_MS: i64 = 600;

/// What a uid used and what of it was credited.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// By its cgroup, ns.
    pub truth_ns: u64,
    /// By the collector, µs.
    pub credited_usec: u64,
}

/// The running programs.
#[derive(Debug)]
pub struct Metered {
    /// Agent and collector.
    pub stack: Stack,
    /// The starters.
    pub fleet: Fleet,
    /// Uids of the starters; none is in passwd.
    pub uids: Vec<u32>,
    from_ms: i64,
}

impl Metered {
    /// Starts agent and collector, with these lines for the agent, and then a starter for each of `count` uids. The
    /// tier must be the wanted one.
    pub fn start(tier: &str, agent: String, first_uid: u32, count: u32) -> Result<Self> {
        let mut stack = Stack::new(&Settings { interval: INTERVAL, agent, ..Settings::default() })?;
        let from_ms = now_ms()? - 60_000;
        stack.enroll_and_start()?;
        stack.wait_for_first_batch()?;
        let status: Value = serde_json::from_slice(&std::fs::read(stack.path("agent/status.json"))?)?;
        ensure!(status["sample"]["tier"] == tier, "not the tier {tier}: {status}");
        let uids: Vec<u32> = (first_uid..first_uid + count).collect();
        let fleet = Fleet::start(&uids)?;
        Ok(Self { stack, fleet, uids, from_ms })
    }

    /// Reads once all is quiet, in the order of the uids.
    pub fn quiet(&self) -> Result<Vec<Used>> {
        self.quiet_after(LATE_MS)
    }

    /// The same where the last of a process may be credited so much later than it ended.
    pub fn quiet_after(&self, late_ms: i64) -> Result<Vec<Used>> {
        wait_until_shipped(&self.stack.api, HOST, now_ms()? + late_ms)?;
        let credited = cpu_usec(&self.stack.api, HOST, self.from_ms)?;
        let of = |uid| credited.get(uid).copied().unwrap_or(0);
        let truth = self.fleet.truth_ns()?;
        let both = self.uids.iter().zip(truth);
        Ok(both.map(|(uid, truth_ns)| Used { truth_ns, credited_usec: of(uid) }).collect())
    }

    /// Has all uids do this again and again while `act` works, and ends after a whole round. Gives how many there were.
    pub fn storm_while(&mut self, shape: &Shape, act: impl FnOnce(&mut Stack) -> Result<()>) -> Result<u32> {
        let over = AtomicBool::new(false);
        let (fleet, stack, working) = (&mut self.fleet, &mut self.stack, self.uids.len());
        std::thread::scope(|scope| {
            let storm = scope.spawn(|| -> Result<u32> {
                let mut rounds = 0;
                while !over.load(Ordering::Relaxed) {
                    fleet.run(shape, working)?;
                    rounds += 1;
                }
                Ok(rounds)
            });
            let acted = act(stack);
            over.store(true, Ordering::Relaxed);
            let rounds = storm.join().ok().context("the storm panicked")??;
            acted.map(|()| rounds)
        })
    }
}

/// What was added from one reading to the next.
pub fn added(before: &[Used], after: &[Used]) -> Result<Vec<Used>> {
    let each = before.iter().zip(after).map(|(b, a)| {
        let credited = a.credited_usec.checked_sub(b.credited_usec).context("credit fell")?;
        Ok(Used { truth_ns: a.truth_ns - b.truth_ns, credited_usec: credited })
    });
    each.collect()
}
