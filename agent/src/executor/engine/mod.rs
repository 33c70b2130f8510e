//! The executor's core: what was promised, what is open, what was reported. Files first, memory after.
//!
//! Order of writing, so that a crash at any point loses nothing: a window of the breaker before the intent, the intent
//! before the driver acts, the outcome before the intent is closed. What is written twice is only reported twice.

mod accept;
mod act;
#[cfg(test)]
mod tests;

pub use act::LANES;

use super::clock::{self, Now};
use super::config::Config;
use super::driver::{Driver, cut};
use super::files::FileError;
use super::limits::{DAY_MS, HOUR_MS, OUTCOMES_MAX, REPLY_OUTCOMES_MAX, WAIT_MAX};
use super::protocol::{AccountStatus, Numbered, Status};
use super::record::{Record, Stage};
use super::store::{State, Store};
use super::trust::{self, Trust, TrustError};
use crossbeam_channel::{Receiver, Sender, unbounded};
use hostmeter_core::ids::BootId;
use hostmeter_core::wire::command::{Action, Command, Outcome, Status as Word};
use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Why a request was not carried out. It may be sent again.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A record could not be read or written.
    #[error(transparent)]
    File(#[from] FileError),
    /// There is nobody to obey.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The clock's boot id could not be read.
    #[error("/proc/sys/kernel/random/boot_id: {0}")]
    Boot(std::io::Error),
    /// The agent has not fetched what is there.
    #[error("{OUTCOMES_MAX} outcomes wait for the agent; fetch and forget them first")]
    QueueFull,
    /// Not a command at all, so that there is nothing to report.
    #[error("not a command: {0}")]
    NotACommand(String),
    /// The executor is about to end.
    #[error("the executor is stopping; send it again")]
    Stopping,
}

/// Everything that is known, behind one lock. No driver runs while it is held.
struct Inner {
    state: State,
    records: BTreeMap<u32, Record>,
    outcomes: BTreeMap<u64, Outcome>,
    running: usize,
    stopping: bool,
}

/// The executor. Connections call it; two lanes act: one for what is quick, one for deletions and purges, so that a
/// long archive keeps nobody from being resumed.
pub struct Engine {
    config: Config,
    driver: Box<dyn Driver>,
    store: Store,
    boot: BootId,
    inner: Mutex<Inner>,
    changed: Condvar,
    lanes: [(Sender<u32>, Receiver<u32>); 2],
}

impl Engine {
    /// Reads the records and puts every open intent on its lane. Nothing acts before [`Engine::work`].
    pub fn open(config: Config, driver: Box<dyn Driver>) -> Result<Self, EngineError> {
        let store = Store::open(&config.state_dir)?;
        let trust = trust::read(&config.state_dir)?;
        let loaded = store.load()?;
        let inner = Inner {
            state: loaded.state,
            records: loaded.records,
            outcomes: loaded.outcomes,
            running: 0,
            stopping: false,
        };
        let engine = Self {
            config,
            driver,
            store,
            boot: clock::boot_id().map_err(EngineError::Boot)?,
            inner: Mutex::new(inner),
            changed: Condvar::new(),
            lanes: [unbounded(), unbounded()],
        };
        let mut inner = engine.lock();
        engine.obey(&mut inner, trust);
        engine.save_state(&mut inner)?;
        engine.restart(&mut inner)?;
        drop(inner);
        Ok(engine)
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Now {
        Now::read(self.boot)
    }

    /// The executor's own clock, in milliseconds.
    fn own_ms(&self, inner: &Inner) -> i64 {
        inner.state.clock.forward(&self.now()).own_ms
    }

    /// Takes up a trust file that was read just now; under a new key or host the epoch starts anew.
    fn obey(&self, inner: &mut Inner, read: Trust) -> Trust {
        let known =
            inner.state.trust.filter(|t| (t.host_id, t.command_key) == (read.host_id, read.command_key));
        let trust = known.map_or(read, |known| Trust { epoch: known.epoch.max(read.epoch), ..read });
        inner.state.trust = Some(trust);
        trust
    }

    /// Writes down clock, epoch and windows.
    fn save_state(&self, inner: &mut Inner) -> Result<(), FileError> {
        inner.state.clock = inner.state.clock.forward(&self.now());
        self.store.save_state(&inner.state)
    }

    /// Writes the clock down, so that a crash loses little of it.
    pub fn save_clock(&self) -> Result<(), EngineError> {
        Ok(self.save_state(&mut self.lock())?)
    }

    /// Gives up deletions whose `begun` was not acknowledged while the command lived.
    pub fn give_up_late(&self) -> Result<(), EngineError> {
        self.give_up_begun(&mut self.lock())
    }

    /// Puts what was open at the last stop where it belongs. Nothing is matched again.
    fn restart(&self, inner: &mut Inner) -> Result<(), EngineError> {
        let open: Vec<(u32, Command, Stage)> = inner
            .records
            .iter()
            .filter_map(|(uid, r)| r.open.as_ref().map(|i| (*uid, i.command.clone(), i.stage)))
            .collect();
        for (uid, command, stage) in open {
            tracing::info!(
                uid,
                number = command.number,
                action = command.action.as_str(),
                "finishing what was open"
            );
            match stage {
                Stage::Acting => self.dispatch(uid, command.action),
                // The crash may have come before its `begun` was queued.
                Stage::Begun => {
                    let told = |o: &Outcome| (o.number, o.status) == (command.number, Word::Begun);
                    if !inner.outcomes.values().any(told) {
                        self.report(inner, &command, Word::Begun, "")?;
                    }
                }
            }
        }
        // A crash may have come between closing one command and opening the next.
        let waiting: Vec<u32> = inner
            .records
            .iter()
            .filter(|(_, r)| r.open.is_none() && r.next.is_some())
            .map(|(uid, _)| *uid)
            .collect();
        waiting.into_iter().try_for_each(|uid| self.open_next(inner, uid))
    }

    fn dispatch(&self, uid: u32, action: Action) {
        let lane = usize::from(matches!(action, Action::Delete | Action::Purge));
        if let Some((sender, _)) = self.lanes.get(lane) {
            // The receiver lives as long as the engine does.
            let _received = sender.send(uid);
        }
    }

    /// An outcome without surfaces, durable when this returns.
    fn report(
        &self,
        inner: &mut Inner,
        command: &Command,
        status: Word,
        detail: &str,
    ) -> Result<(), FileError> {
        let outcome = Outcome {
            number: command.number,
            generation: command.generation,
            action: command.action,
            uid: command.account.uid,
            status,
            at_ms: self.now().wall_ms,
            detail: cut(detail),
            surfaces: Vec::new(),
            archive: None,
        };
        self.push(inner, outcome)
    }

    /// Queues an outcome, durable when this returns.
    fn push(&self, inner: &mut Inner, outcome: Outcome) -> Result<(), FileError> {
        let serial = inner.state.serial.saturating_add(1);
        self.store.save_outcome(serial, &outcome)?;
        let (number, uid, action) = (outcome.number, outcome.uid, outcome.action.as_str());
        tracing::info!(number, uid, action, status = outcome.status.as_str(), detail = %outcome.detail, "outcome");
        inner.state.serial = serial;
        inner.outcomes.insert(serial, outcome);
        self.changed.notify_all();
        Ok(())
    }

    /// Outcomes above a serial, oldest first, waiting for one up to `wait`.
    pub fn outcomes(&self, after: u64, wait: Duration) -> Vec<Numbered> {
        let deadline = Instant::now().checked_add(wait.min(WAIT_MAX));
        let mut inner = self.lock();
        loop {
            let found: Vec<Numbered> = inner
                .outcomes
                .range(after.saturating_add(1)..)
                .take(REPLY_OUTCOMES_MAX)
                .map(|(serial, outcome)| Numbered { serial: *serial, outcome: outcome.clone() })
                .collect();
            let left = deadline.map_or(Duration::ZERO, |d| d.saturating_duration_since(Instant::now()));
            if !found.is_empty() || left.is_zero() || inner.stopping {
                return found;
            }
            inner =
                self.changed.wait_timeout(inner, left).map_or_else(|e| e.into_inner().0, |(guard, _)| guard);
        }
    }

    /// The agent has made these durable. Their serials are never used again.
    pub fn forget(&self, upto: u64) -> Result<(), EngineError> {
        let mut inner = self.lock();
        let serials: Vec<u64> = inner.outcomes.range(..=upto).map(|(serial, _)| *serial).collect();
        if serials.is_empty() {
            return Ok(());
        }
        self.save_state(&mut inner)?;
        self.store.forget(&serials)?;
        serials.iter().for_each(|serial| drop(inner.outcomes.remove(serial)));
        Ok(())
    }

    /// Where the executor stands.
    pub fn status(&self) -> Result<Status, EngineError> {
        let inner = self.lock();
        let trust = inner.state.trust.ok_or_else(|| TrustError::Missing(self.config.state_dir.clone()))?;
        let own_ms = self.own_ms(&inner);
        let as_u64 = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
        let account = |r: &Record| AccountStatus {
            uid: r.account.uid,
            user: r.target.user.clone(),
            phase: r.phase.as_str().to_owned(),
            generation: r.generation,
            open: r.open.as_ref().map(|i| i.command.number),
            suspended_for_ms: r.suspended_since_ms.map(|since| own_ms.saturating_sub(since)),
        };
        Ok(Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            host: trust.host_id,
            epoch: trust.epoch,
            driver: self.driver.name().to_owned(),
            outcomes: as_u64(inner.outcomes.len()),
            suspensions_in_hour: as_u64(inner.state.suspensions.count(own_ms, HOUR_MS)),
            deletions_in_day: as_u64(inner.state.deletions.count(own_ms, DAY_MS)),
            accounts: inner.records.values().map(account).collect(),
        })
    }

    /// No new commands from now on; waits until what acts has ended, at most `limit`. What is open then is finished at
    /// the next start.
    pub fn stop(&self, limit: Duration) -> bool {
        let mut inner = self.lock();
        inner.stopping = true;
        self.changed.notify_all();
        let (inner, _) = self
            .changed
            .wait_timeout_while(inner, limit, |inner| inner.running > 0)
            .unwrap_or_else(PoisonError::into_inner);
        inner.running == 0
    }
}
