//! The sampling thread: sweeps at every tick, seals intervals into the spool, and never waits for shipping.
//!
//! Readings are cumulative, and the baseline moves only when a batch is durable: whatever fails, the open interval
//! widens and nothing is lost.

mod open;
mod tick;

use crate::batch::{About, Place, Sealer};
use crate::clock::{Clock, Kept};
use crate::disk::Disk;
use crate::executor::protocol::Numbered;
use crate::interval::{Homes, build};
use crate::limits::{CLOCK_KEEP_MS, LAST_SWEEP_TRIES, OUTCOMES_PER_BATCH_MAX, WATCHDOG_EVERY_MS};
use crate::os::{self, Now, OsError};
use crate::reading::Reading;
use crate::ship::{Wake, lock};
use crate::spool::{Columns, Spool};
use crate::state::{StateDir, StateError};
use crate::status::{ClockStatus, SampleStatus, ShipStatus, SpoolStatus, Status, StatusFile};
use crossbeam_channel::Sender;
use hostmeter_core::interval::next_cut_ms;
use hostmeter_core::wire::batch::{AgentInfo, Interval};
use open::Open;
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tick::Ticks;
use tokio::sync::watch;

/// One sweep; `true` asks for the commands that used most. An error means that nothing could be read this time.
pub type Sweep = Box<dyn FnMut(bool) -> Result<Reading, String> + Send>;

/// Reads both clocks.
pub type Clocks = Box<dyn Fn() -> Result<Now, OsError> + Send>;

/// Messages to the sampling thread.
#[derive(Debug)]
pub enum Inbox {
    /// What became of commands: into the next batch, which is sealed at once.
    Outcomes(Vec<Numbered>),
    /// Seal what is there and end.
    Stop,
}

/// What the thread works with.
pub struct Parts {
    /// Reads the machine.
    pub sweep: Sweep,
    /// Adds what is in homes to every reading; `None` if that is switched off.
    pub disk: Option<Disk>,
    /// Owned by this thread.
    pub spool: Spool,
    /// Seals.
    pub sealer: Arc<Sealer>,
    /// The collector's time.
    pub clock: Arc<Mutex<Clock>>,
    /// Messages. This channel sleeps at once where there is none; others first yield the CPU again and again, at every tick.
    pub inbox: Receiver<Inbox>,
    /// Wakes shipping.
    pub wake: watch::Sender<Wake>,
    /// Says which outcomes are durable; `None` without an executor.
    pub durable: Option<Sender<u64>>,
    /// What shipping says of itself.
    pub report: Arc<Mutex<ShipStatus>>,
    /// Where status and clock are written.
    pub state: StateDir,
    /// Name of the host.
    pub host: String,
    /// Damage that opening the spool found, for people; empty if none.
    pub damage: String,
    /// Before this time nothing is measured again; `None`: the spool alone tells.
    pub floor_ms: Option<i64>,
    /// Length of an interval.
    pub interval_ms: i64,
    /// Both clocks of the machine.
    pub now: Clocks,
    /// Called once, after the first sweep.
    pub ready: Box<dyn FnOnce() + Send>,
}

/// Why sampling ended.
#[derive(Debug, thiserror::Error)]
pub enum SamplingError {
    /// The status cannot be written.
    #[error(transparent)]
    State(#[from] StateError),
    /// The clocks could not be read.
    #[error(transparent)]
    Os(#[from] OsError),
    /// Not even the first sweep gave anything.
    #[error("the first sweep: {0}")]
    FirstSweep(String),
}

/// Sampling, a step at a time.
pub struct Sampling {
    parts: Parts,
    open: Open,
    homes: Homes,
    ticks: Ticks,
    outcomes: VecDeque<Numbered>,
    kept: Option<Kept>,
    sample: SampleStatus,
    status: StatusFile,
    /// What the spool may hold, as the disk had room at the beginning of this step.
    cap_bytes: u64,
}

/// Runs until told to stop; returns the number of the last envelope.
pub fn run(mut parts: Parts) -> Result<u64, SamplingError> {
    let ready = std::mem::replace(&mut parts.ready, Box::new(|| ()));
    let sampling = Sampling::begin(parts)?;
    ready();
    sampling.work()
}

impl Sampling {
    /// The first sweep, and where the first interval begins.
    pub fn begin(mut parts: Parts) -> Result<Self, SamplingError> {
        let mut reading = (parts.sweep)(false).map_err(SamplingError::FirstSweep)?;
        if let Some(disk) = &mut parts.disk {
            disk.add_to(&mut reading, false);
        }
        let now_ms = lock(&parts.clock).at_ms(os::ms(reading.boottime_ns));
        let open = Open::begin(parts.spool.tail(), &reading, now_ms, parts.floor_ms);
        let ticks = Ticks::new(parts.interval_ms);
        let sample = SampleStatus { last_to_ms: parts.spool.tail().to_ms, ..SampleStatus::default() };
        let status = StatusFile::open(parts.state.path())?;
        let (homes, outcomes) = (Homes::default(), VecDeque::new());
        let cap_bytes = parts.spool.usage().cap_bytes;
        let mut sampling =
            Self { parts, open, homes, ticks, outcomes, kept: None, sample, status, cap_bytes };
        sampling.note(&reading);
        let now = (sampling.parts.now)()?;
        sampling.write_status(now);
        Ok(sampling)
    }

    fn work(mut self) -> Result<u64, SamplingError> {
        loop {
            let is_urgent = match self.wait()? {
                None => false,
                Some(Inbox::Outcomes(list)) => {
                    self.outcomes.extend(list);
                    true
                }
                Some(Inbox::Stop) => {
                    self.step(true, true)?;
                    return Ok(self.parts.spool.tail().seq);
                }
            };
            self.step(is_urgent, false)?;
        }
    }

    /// Sets the next tick.
    ///
    /// # Errors
    /// The clocks could not be read.
    pub fn aim(&mut self) -> Result<(), SamplingError> {
        let now = self.time((self.parts.now)()?);
        self.ticks.aim(now);
        Ok(())
    }

    /// How long until the tick, milliseconds; 0 or less: it is due.
    ///
    /// # Errors
    /// The clocks could not be read.
    pub fn left_ms(&mut self) -> Result<i64, SamplingError> {
        let now = self.time((self.parts.now)()?);
        Ok(self.ticks.left_ms(now))
    }

    /// Until the next tick (`None`) or a message. A closed inbox is a stop.
    fn wait(&mut self) -> Result<Option<Inbox>, SamplingError> {
        self.aim()?;
        loop {
            let left_ms = self.left_ms()?;
            if left_ms <= 0 {
                return Ok(None);
            }
            let pause = Duration::from_millis(u64::try_from(left_ms.min(WATCHDOG_EVERY_MS)).unwrap_or(0));
            match self.parts.inbox.recv_timeout(pause) {
                Ok(message) => return Ok(Some(message)),
                Err(RecvTimeoutError::Disconnected) => return Ok(Some(Inbox::Stop)),
                Err(RecvTimeoutError::Timeout) => alive(),
            }
        }
    }

    /// Collector time, and the boot-time clock for when that stands still.
    fn time(&self, now: Now) -> tick::Time {
        let mut clock = lock(&self.parts.clock);
        let boottime_ms = now.boottime_ms();
        let is_behind = clock.behind_floor_ms(boottime_ms) > 0;
        tick::Time { collector_ms: clock.at_ms(boottime_ms), boottime_ms, is_behind }
    }

    /// One sweep, and a seal where one is due; also before its tick if it is urgent.
    ///
    /// # Errors
    /// The clocks or the state directory; whatever else fails leaves the interval open.
    pub fn step(&mut self, is_urgent: bool, is_last: bool) -> Result<(), SamplingError> {
        let usage = self.parts.spool.usage();
        self.cap_bytes = usage.cap_bytes;
        self.ticks.lengthen(usage.unacked_bytes, usage.cap_bytes);
        let now = self.time((self.parts.now)()?);
        let with_top = self.ticks.is_top_due(now);
        // What the last sweep does not see is lost to a hole, so that one is worth another try.
        let tries = if is_last { LAST_SWEEP_TRIES } else { 1 };
        match self.sweep(with_top, tries) {
            Ok(mut reading) => {
                let at = self.time(Now { wall_ns: 0, boottime_ns: reading.boottime_ns });
                let to_ms = self.ticks.end_ms(at.collector_ms);
                if let Some(disk) = &mut self.parts.disk {
                    disk.add_to(&mut reading, is_last || to_ms >= next_cut_ms(self.open.from_ms));
                }
                self.note(&reading);
                let is_due = is_urgent || self.ticks.is_due(self.open.from_ms, to_ms);
                if is_due && !at.is_behind && to_ms > self.open.from_ms {
                    self.seal(reading, to_ms, is_last)?;
                } else {
                    self.open.keep(reading);
                }
            }
            Err(why) => self.complain(format!("{why}; usage goes on being counted, the interval stays open")),
        }
        self.parts.spool.trim();
        let now = (self.parts.now)()?;
        self.keep_clock(now);
        self.write_status(now);
        alive();
        Ok(())
    }

    fn sweep(&mut self, with_top: bool, tries: u32) -> Result<Reading, String> {
        let mut swept = (self.parts.sweep)(with_top);
        for _ in 1..tries {
            if swept.is_ok() {
                break;
            }
            swept = (self.parts.sweep)(with_top);
        }
        swept
    }

    fn seal(&mut self, mut reading: Reading, to_ms: i64, is_last: bool) -> Result<(), SamplingError> {
        let now = (self.parts.now)()?;
        self.open.gather(&mut reading);
        let mut intervals = self.open.holes.clone();
        intervals.extend(build(&self.open.base, &reading, self.open.from_ms, to_ms, &self.homes));
        let told = self.outcomes.len().min(OUTCOMES_PER_BATCH_MAX);
        let about = self.about(&reading, told);
        let tail = self.parts.spool.tail();
        let (seq, hash) = (tail.seq, tail.hash);
        let place = Place { seq, hash, wall_ns: now.wall_ns, boottime_ns: now.boottime_ns };
        let sealed = self.parts.sealer.seal(place, &about, &intervals).map_err(|e| e.to_string());
        // The /proc tier's figures begin anew with each start: no use in keeping them.
        let baseline = (reading.source.tier != "proc").then(|| Columns::from(&reading));
        let kept = sealed.and_then(|envelopes| {
            self.parts.spool.append(&envelopes, to_ms, baseline, is_last).map_err(|e| e.to_string())
        });
        match kept {
            Ok(()) => self.sealed(reading, to_ms, &intervals, told),
            Err(why) => {
                self.complain(format!("the interval stays open: {why}"));
                self.open.keep(reading);
            }
        }
        Ok(())
    }

    fn about(&self, reading: &Reading, told: usize) -> About {
        About {
            tier: reading.source.tier.clone(),
            coverage: reading.coverage,
            agent: AgentInfo {
                version: env!("CARGO_PKG_VERSION").to_owned(),
                interval_ms: u64::try_from(self.parts.interval_ms).unwrap_or(0),
                limited: reading.limited.clone(),
            },
            outcomes: self.outcomes.iter().take(told).map(|n| n.outcome.clone()).collect(),
        }
    }

    /// Durable: from here on the next interval begins, and outcomes are told.
    fn sealed(&mut self, reading: Reading, to_ms: i64, intervals: &[Interval], told: usize) {
        self.homes.mark(intervals);
        lock(&self.parts.clock).raise_floor(to_ms);
        self.open = Open::after(reading, to_ms);
        if !self.sample.error.is_empty() {
            tracing::info!("intervals are sealed again");
        }
        self.sample.error.clear();
        self.sample.last_to_ms = Some(to_ms);
        let serial = self.outcomes.drain(..told).next_back().map(|n| n.serial);
        if let (Some(serial), Some(durable)) = (serial, &self.parts.durable) {
            // The other side waits for exactly this; if it is gone, its successor asks again.
            let _sent = durable.try_send(serial);
        }
        let wake = Wake { seq: self.parts.spool.tail().seq, is_urgent: told > 0 };
        self.parts.wake.send_replace(wake);
    }

    fn complain(&mut self, why: String) {
        if self.sample.error == why {
            tracing::debug!("{why}");
        } else {
            tracing::warn!("{why}");
        }
        self.sample.error = why;
    }

    fn note(&mut self, reading: &Reading) {
        if self.sample.limited != reading.limited {
            tracing::info!(limited = ?reading.limited, "what the agent cannot see");
        }
        self.sample.tier.clone_from(&reading.source.tier);
        self.sample.coverage = reading.coverage;
        self.sample.limited.clone_from(&reading.limited);
        self.sample.accounts = reading.accounts.len();
        self.sample.interval_ms = self.ticks.sealed_every_ms();
    }

    fn keep_clock(&mut self, now: Now) {
        let kept = lock(&self.parts.clock).kept(now.wall_ms(), now.boottime_ms());
        let is_far = |a: i64, b: i64| a.saturating_sub(b).saturating_abs() >= CLOCK_KEEP_MS;
        let is_news = self.kept.is_none_or(|old| {
            old.heard != kept.heard
                || is_far(old.offset_ms, kept.offset_ms)
                || is_far(old.skew_ms, kept.skew_ms)
        });
        if is_news {
            match self.parts.state.save_clock(&kept) {
                Ok(()) => self.kept = Some(kept),
                Err(e) => tracing::debug!("the collector's time is not kept: {e}"),
            }
        }
    }

    fn write_status(&mut self, now: Now) {
        let usage = self.parts.spool.usage_of(self.cap_bytes);
        let clock = {
            let mut clock = lock(&self.parts.clock);
            let kept = clock.kept(now.wall_ms(), now.boottime_ms());
            let behind_ms = clock.behind_floor_ms(now.boottime_ms());
            ClockStatus { heard: kept.heard, skew_ms: kept.skew_ms, behind_ms }
        };
        let status = Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: self.parts.host.clone(),
            pid: std::process::id(),
            written_ms: now.wall_ms(),
            sample: self.sample.clone(),
            spool: SpoolStatus {
                bytes: usage.total_bytes,
                unacked_bytes: usage.unacked_bytes,
                cap_bytes: usage.cap_bytes,
                last_seq: self.parts.spool.tail().seq,
                damage: self.parts.damage.clone(),
            },
            ship: lock(&self.parts.report).clone(),
            clock,
        };
        if let Err(e) = self.status.write(&status) {
            tracing::debug!("status: {e}");
        }
    }
}

/// Tells the service manager, where there is one.
fn alive() {
    let _no_manager = sd_notify::notify(&[sd_notify::NotifyState::Watchdog]);
}

#[cfg(test)]
mod kills;
#[cfg(test)]
mod tests;
