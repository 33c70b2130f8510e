//! From a delivered envelope to a durable intent, or to a durable refusal.

use super::{Engine, EngineError, Inner};
use crate::executor::breaker::Counted;
use crate::executor::files::FileError;
use crate::executor::identity::{Mismatch, match_live, match_record};
use crate::executor::limits::{ACCOUNTS_MAX, DAY_MS, HOUR_MS, OUTCOMES_MAX};
use crate::executor::record::{Account, Intent, Phase, Record, Stage};
use crate::executor::trust::{self, Trust};
use crate::executor::verify::{Verdict, judge};
use hostmeter_core::duration;
use hostmeter_core::wire::command::{Action, Command, Outcome, Status as Word};

/// Why a command gets an outcome at once.
pub(super) struct Verdicted(Word, String);

fn refused(why: impl Into<String>) -> Verdicted {
    Verdicted(Word::Refused, why.into())
}

impl From<Mismatch> for Verdicted {
    fn from(e: Mismatch) -> Self {
        refused(e.to_string())
    }
}

impl Engine {
    /// Takes a command. When this returns `Ok`, an intent, a place behind the open one, or an outcome is durable.
    pub fn deliver(&self, envelope: &[u8]) -> Result<(), EngineError> {
        let mut inner = self.lock();
        if inner.stopping {
            return Err(EngineError::Stopping);
        }
        if inner.outcomes.len() >= OUTCOMES_MAX {
            return Err(EngineError::QueueFull);
        }
        let trust = self.obey(&mut inner, trust::read(&self.config.state_dir)?);
        match judge(envelope, &trust, self.now().wall_ms) {
            Verdict::Garbage(why) => Err(EngineError::NotACommand(why)),
            Verdict::Refused(command, why) => Ok(self.report(&mut inner, &command, Word::Refused, &why)?),
            Verdict::Admitted(command) => {
                if command.epoch > trust.epoch {
                    inner.state.trust = Some(Trust { epoch: command.epoch, ..trust });
                    self.save_state(&mut inner)?;
                }
                Ok(self.take(&mut inner, command)?)
            }
        }
    }

    /// An admitted command: against what is open, then against what is done.
    fn take(&self, inner: &mut Inner, command: Command) -> Result<(), FileError> {
        let Some(record) = inner.records.get_mut(&command.account.uid) else {
            return self.begin(inner, &command);
        };
        let Some(open) = record.open.as_mut() else {
            return self.begin(inner, &command);
        };
        let same = (command.generation, command.action) == (open.command.generation, open.command.action);
        if same {
            // Handed out again, or delivered twice: the outcome answers the latest number.
            open.command = command.clone();
            let tell = open.command.action == Action::Delete;
            self.store.save_record(record)?;
            return if tell { self.report(inner, &command, Word::Begun, "") } else { Ok(()) };
        }
        if command.action == Action::Inspect {
            let why = format!("command {} is being carried out", open.command.number);
            return self.report(inner, &command, Word::Deferred, &why);
        }
        if open.command.action != Action::Inspect && command.generation <= open.command.generation {
            let why = format!("generation {} is being carried out", open.command.generation);
            return self.report(inner, &command, Word::Stale, &why);
        }
        if open.stage == Stage::Begun {
            let old = open.command.clone();
            let why = format!("overtaken by generation {} before anything was moved", command.generation);
            self.report(inner, &old, Word::Stale, &why)?;
            self.close_open(inner, command.account.uid)?;
            return self.begin(inner, &command);
        }
        self.wait_behind(inner, command)
    }

    /// Keeps a command until the open one is finished; only the highest generation waits.
    fn wait_behind(&self, inner: &mut Inner, command: Command) -> Result<(), FileError> {
        let Some(record) = inner.records.get_mut(&command.account.uid) else { return Ok(()) };
        match record.next.take() {
            Some(waiting) if waiting.generation > command.generation => {
                let why = format!("generation {} waits already", waiting.generation);
                record.next = Some(waiting);
                self.report(inner, &command, Word::Stale, &why)
            }
            waiting => {
                let by = command.generation;
                record.next = Some(command);
                self.store.save_record(record)?;
                match waiting.filter(|w| w.generation < by) {
                    Some(old) => self.report(
                        inner,
                        &old,
                        Word::Stale,
                        &format!("overtaken by generation {by} before its turn"),
                    ),
                    None => Ok(()),
                }
            }
        }
    }

    /// Opens an intent, or reports why not. No intent is open for the account.
    fn begin(&self, inner: &mut Inner, command: &Command) -> Result<(), FileError> {
        if let Some(done) = recorded(inner, command) {
            return self.push(inner, Outcome { at_ms: self.now().wall_ms, ..done });
        }
        let record = match self.prepare(inner, command) {
            Ok(record) => record,
            Err(Verdicted(status, why)) => return self.report(inner, command, status, &why),
        };
        if let Err(Verdicted(status, why)) = self.count(inner, &record, command) {
            return self.report(inner, command, status, &why);
        }
        if matches!(command.action, Action::Suspend | Action::Delete) {
            self.save_state(inner)?;
        }
        let delete = command.action == Action::Delete;
        let stage = if delete { Stage::Begun } else { Stage::Acting };
        let (uid, action) = (command.account.uid, command.action);
        let mut record = Record { open: Some(Intent { command: command.clone(), stage }), ..record };
        if delete && record.quarantine.is_none() {
            record.quarantine = Some(format!("{uid}-g{}-{}", command.generation, self.now().wall_ms));
        }
        self.store.save_record(&record)?;
        inner.records.insert(uid, record);
        if delete {
            return self.report(inner, command, Word::Begun, "");
        }
        self.dispatch(uid, action);
        Ok(())
    }

    /// Protection, generation, identity, phase: the record that the intent will stand in.
    fn prepare(&self, inner: &Inner, command: &Command) -> Result<Record, Verdicted> {
        let target = &command.account;
        let known = inner.records.get(&target.uid);
        if known.is_none() && inner.records.len() >= ACCOUNTS_MAX {
            return Err(refused(format!("this executor keeps records of {ACCOUNTS_MAX} accounts at most")));
        }
        // The uid of a purged account, or of one that was removed by hand, may have been given to a new one.
        let reborn = |r: &&Record| {
            (r.phase == Phase::Purged || r.target.user != target.user) && match_live(target).is_ok()
        };
        let known = known.filter(|r| !reborn(r));
        if let Some(r) = known {
            check_generation(r, command)?;
        }
        let account = match known {
            Some(r)
                if r.quarantine.is_some() || matches!(command.action, Action::Undelete | Action::Purge) =>
            {
                match_record(target, r, command.action == Action::Purge)?
            }
            _ => match_live(target)?,
        };
        self.check_protected(&account)?;
        let record = match known {
            Some(r) => Record { account, target: target.clone(), ..r.clone() },
            None => Record::new(account, target.clone()),
        };
        check_phase(&record, command.action)?;
        Ok(record)
    }

    fn check_protected(&self, account: &Account) -> Result<(), Verdicted> {
        if self.config.protected.contains(&account.login) {
            return Err(refused(format!("{} is protected by this host's configuration", account.login)));
        }
        Ok(())
    }

    /// The host's own limits.
    fn count(&self, inner: &mut Inner, record: &Record, command: &Command) -> Result<(), Verdicted> {
        let at_ms = self.own_ms(inner);
        let counted = Counted { at_ms, uid: command.account.uid, generation: command.generation };
        let deferred = |why: String| Verdicted(Word::Deferred, why);
        match command.action {
            Action::Suspend if record.phase == Phase::Active => {
                let limit = self.config.max_suspensions_per_hour;
                inner.state.suspensions.take(counted, HOUR_MS, limit).map_err(|n| {
                    deferred(format!("{n} suspensions in the last hour; max_suspensions_per_hour = {limit}"))
                })
            }
            Action::Delete if record.phase != Phase::Deleted => {
                let min = self.config.min_suspended_ms;
                let want = format!("min_suspended = \"{}\"", duration::format(min));
                let since = record.suspended_since_ms.ok_or_else(|| {
                    deferred(format!("the account is not suspended by this executor; {want}"))
                })?;
                let passed = at_ms.saturating_sub(since);
                if passed < min {
                    let passed = duration::format(passed.saturating_sub(passed % 1_000));
                    return Err(deferred(format!("suspended for {passed}; {want}")));
                }
                let limit = self.config.max_deletions_per_day;
                inner.state.deletions.take(counted, DAY_MS, limit).map_err(|n| {
                    deferred(format!("{n} deletions in the last day; max_deletions_per_day = {limit}"))
                })
            }
            _ => Ok(()),
        }
    }

    /// The collector has acknowledged the `begun` of these commands: their deletions start.
    pub fn begun_acked(&self, numbers: &[u64]) -> Result<(), EngineError> {
        let mut inner = self.lock();
        self.give_up_begun(&mut inner)?;
        let waiting = |r: &&mut Record| {
            r.open.as_ref().is_some_and(|i| i.stage == Stage::Begun && numbers.contains(&i.command.number))
        };
        let mut started = Vec::new();
        for record in inner.records.values_mut().filter(waiting) {
            let mut next = record.clone();
            if let Some(intent) = next.open.as_mut() {
                intent.stage = Stage::Acting;
            }
            self.store.save_record(&next)?;
            started.push(next.account.uid);
            *record = next;
        }
        started.into_iter().for_each(|uid| self.dispatch(uid, Action::Delete));
        Ok(())
    }

    /// A deletion whose `begun` was not acknowledged while the command lived is void: by now it may have been paid.
    pub(super) fn give_up_begun(&self, inner: &mut Inner) -> Result<(), EngineError> {
        let now_ms = self.now().wall_ms;
        let late: Vec<Command> = inner
            .records
            .values()
            .filter_map(|r| r.open.as_ref())
            .filter(|i| i.stage == Stage::Begun && i.command.expires_ms <= now_ms)
            .map(|i| i.command.clone())
            .collect();
        for command in late {
            let why = "its `begun` was not acknowledged before it expired; nothing was moved";
            self.report(inner, &command, Word::Failed, why)?;
            self.close_open(inner, command.account.uid)?;
        }
        Ok(())
    }

    /// Forgets a deletion that never started.
    fn close_open(&self, inner: &mut Inner, uid: u32) -> Result<(), FileError> {
        let Some(record) = inner.records.get_mut(&uid) else { return Ok(()) };
        record.open = None;
        self.store.save_record(record)
    }

    /// Opens the command that waited behind the one that was just finished.
    pub(super) fn open_next(&self, inner: &mut Inner, uid: u32) -> Result<(), EngineError> {
        let Some(next) = inner.records.get(&uid).and_then(|r| r.next.clone()) else { return Ok(()) };
        self.begin(inner, &next)?;
        if let Some(record) = inner.records.get_mut(&uid).filter(|r| r.next.as_ref() == Some(&next)) {
            record.next = None;
            self.store.save_record(record)?;
        }
        Ok(())
    }
}

/// The outcome of a generation that is done already, under the new number.
fn recorded(inner: &Inner, command: &Command) -> Option<Outcome> {
    let record = inner.records.get(&command.account.uid)?;
    let same = record.target == command.account && record.generation == command.generation;
    let done = record.done.as_ref().filter(|done| same && done.action == command.action)?;
    Some(Outcome { number: command.number, ..done.clone() })
}

fn check_generation(record: &Record, command: &Command) -> Result<(), Verdicted> {
    if command.action == Action::Inspect || command.generation > record.generation {
        return Ok(());
    }
    let done = record.done.as_ref().map_or("nothing", |o| o.action.as_str());
    let what = format!("generation {} is done ({done})", record.generation);
    if command.generation < record.generation {
        return Err(Verdicted(Word::Stale, what));
    }
    Err(refused(format!("{what}; another action needs a higher generation")))
}

fn check_phase(record: &Record, action: Action) -> Result<(), Verdicted> {
    match (record.phase, action) {
        (Phase::Purged, a) if a != Action::Inspect => Err(refused("the account is purged")),
        (Phase::Deleted, Action::Suspend | Action::Resume) => {
            Err(refused("the account is deleted; undelete it first"))
        }
        (Phase::Active | Phase::Suspended, Action::Purge) => {
            Err(refused("the account is not deleted, so there is nothing to purge"))
        }
        _ => Ok(()),
    }
}
