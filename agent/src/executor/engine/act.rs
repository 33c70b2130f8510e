//! The lanes: run the driver on what is open, report, close.

use super::{Engine, EngineError};
use crate::executor::driver::{DriverError, Job, Report, cut};
use crate::executor::record::{Record, Stage};
use hostmeter_core::wire::command::{Action, Command, Outcome, Status as Word};
use std::time::Duration;

/// How often a lane looks whether it should end.
const LANE_TICK: Duration = Duration::from_millis(200);

/// The lanes by number: quick actions, then deletions and purges.
pub const LANES: [usize; 2] = [0, 1];

impl Engine {
    /// Works on one of the [`LANES`] until the engine stops. An error here means that records can no longer be
    /// written; the program must end and start again.
    pub fn work(&self, lane: usize) -> Result<(), EngineError> {
        let Some((_, jobs)) = self.lanes.get(lane) else { return Ok(()) };
        loop {
            let next = jobs.recv_timeout(LANE_TICK);
            if self.lock().stopping {
                return Ok(());
            }
            if let Ok(uid) = next {
                self.carry_out(uid)?;
            }
        }
    }

    pub(super) fn carry_out(&self, uid: u32) -> Result<(), EngineError> {
        let Some(job) = self.start(uid)? else { return Ok(()) };
        tracing::info!(uid, number = job.number, action = job.action.as_str(), "acting");
        let result = self.driver.act(&job);
        self.finish(uid, result)
    }

    /// The job of an open intent. Before a suspension, the previous state is stored.
    fn start(&self, uid: u32) -> Result<Option<Job>, EngineError> {
        let mut inner = self.lock();
        let Some(record) = inner.records.get(&uid) else { return Ok(None) };
        let Some(intent) = record.open.as_ref().filter(|i| i.stage == Stage::Acting) else { return Ok(None) };
        let mut job = job_of(record, &intent.command);
        let record = record.clone();
        inner.running = inner.running.saturating_add(1);
        if matches!(job.action, Action::Suspend) {
            match self.driver.snapshot(&job, record.saved.as_ref()) {
                Ok(saved) => {
                    let record = Record { saved: Some(saved.clone()), ..record };
                    self.store.save_record(&record)?;
                    inner.records.insert(uid, record);
                    job.saved = Some(saved);
                }
                Err(e) => {
                    drop(inner);
                    self.finish(uid, Err(e))?;
                    return Ok(None);
                }
            }
        }
        Ok(Some(job))
    }

    /// The outcome first, then the record: after a crash between them the action is run and reported once more.
    fn finish(&self, uid: u32, result: Result<Report, DriverError>) -> Result<(), EngineError> {
        let mut inner = self.lock();
        inner.running = inner.running.saturating_sub(1);
        let open = inner.records.get(&uid).and_then(|r| r.open.clone());
        let Some(intent) = open else { return Ok(()) };
        let outcome = outcome_of(&intent.command, result, self.now().wall_ms);
        self.push(&mut inner, outcome.clone())?;
        let own_ms = self.own_ms(&inner);
        if let Some(record) = inner.records.get_mut(&uid) {
            if outcome.status == Word::Done {
                record.close(&intent.command, &outcome, own_ms);
            }
            record.open = None;
            self.store.save_record(record)?;
        }
        self.open_next(&mut inner, uid)?;
        // The clock of `suspended_since` must not be ahead of the one that is written down.
        self.save_state(&mut inner)?;
        self.changed.notify_all();
        Ok(())
    }
}

fn job_of(record: &Record, command: &Command) -> Job {
    Job {
        account: record.account.clone(),
        action: command.action,
        number: command.number,
        generation: command.generation,
        phase: record.phase,
        saved: record.saved.clone(),
        quarantine: record.quarantine.clone(),
    }
}

fn outcome_of(command: &Command, result: Result<Report, DriverError>, at_ms: i64) -> Outcome {
    let (status, detail, report) = match result {
        Ok(report) if report.ok() => (Word::Done, String::new(), report),
        Ok(report) => {
            let bad: Vec<String> = report
                .surfaces
                .iter()
                .filter(|s| !s.ok)
                .map(|s| format!("{}: {}", s.surface, s.detail))
                .collect();
            (Word::Failed, bad.join("; "), report)
        }
        Err(e) => (Word::Failed, e.to_string(), Report::default()),
    };
    Outcome {
        number: command.number,
        generation: command.generation,
        action: command.action,
        uid: command.account.uid,
        status,
        at_ms,
        detail: cut(&detail),
        surfaces: report.surfaces,
        archive: report.archive,
    }
}
