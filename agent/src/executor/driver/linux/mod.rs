//! Driver `linux`, first form: login, crontab, processes and home of a local account.
//!
//! Suspending locks the password and expires the account, parks the crontab and ends every process of the uid.
//! Deleting archives the home and renames it into the quarantine; the passwd entry stays, locked, until the purge.

mod archive;
mod crontab;
mod home;
mod login;
mod processes;
mod quarantine;
mod walk;

#[cfg(test)]
mod tests;

use super::{Driver, DriverError, Job, Report, tool};
use crate::executor::config::LinuxConfig;
use crate::executor::limits::TOOL_TIMEOUT;
use crate::executor::record::{Account, Phase};
use crontab::Crontab;
use home::Place;
use nix::unistd::{Uid, User};
use quarantine::Quarantine;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The driver with its settings.
#[derive(Debug)]
pub struct Linux {
    settings: LinuxConfig,
}

/// What gives an account its previous state back. The crontab and the home lie parked on disk by themselves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Saved {
    login: login::Saved,
}

impl Linux {
    /// The driver with its settings.
    pub fn new(settings: LinuxConfig) -> Self {
        Self { settings }
    }

    fn crontab(&self, account: &Account) -> Crontab {
        Crontab::of(&self.settings.crontab_dir, &account.login, account.uid)
    }

    fn place(&self, account: &Account) -> Result<Place, DriverError> {
        Place::of(account, &self.settings.home_roots)
    }

    /// Locks first, so that no new session starts, then parks cron, then ends what runs. One surface that fails does
    /// not keep the others alive.
    fn stop(&self, account: &Account, report: &mut Report) {
        let user = &account.login;
        report.add("ssh", login::suspend(user).and_then(|()| login::verify_suspended(user)));
        let cron = self.crontab(account);
        report.add("cron", cron.park().and_then(|()| cron.verify_parked()));
        let ended = processes::end(account.uid, self.settings.kill_grace);
        report.add("processes", ended.and_then(|()| processes::verify_none(account.uid)));
    }

    /// Gives back cron, and the login last.
    fn start(&self, job: &Job, report: &mut Report) -> Result<(), DriverError> {
        let user = &job.account.login;
        let cron = self.crontab(&job.account);
        report.add("cron", cron.unpark().and_then(|()| cron.verify_live()));
        let login = match read_saved(job.saved.as_ref())? {
            Some(saved) => {
                login::resume(user, &saved.login).and_then(|()| login::verify_resumed(user, &saved.login))
            }
            None => login::describe(user).map(|is| format!("was not suspended here; {is}")),
        };
        report.add("ssh", login);
        Ok(())
    }

    /// Moves the home back if it is in the quarantine.
    fn bring_back(&self, job: &Job) -> Result<String, DriverError> {
        let place = self.place(&job.account)?;
        if let Some(id) = &job.quarantine {
            let quarantine = Quarantine::open(&self.settings.quarantine_dir)?;
            if quarantine.find(id, &job.account)?.is_some() {
                quarantine.give_back(&place, id, &job.account)?;
            }
        }
        match place.open(&job.account)? {
            Some(_) => Ok("in place".to_owned()),
            None => Err(DriverError::failed(format!("{} is missing", place.path.display()))),
        }
    }

    /// The home's surface as the phase wants it.
    fn look_at_home(&self, job: &Job) -> Result<String, DriverError> {
        let place = self.place(&job.account)?;
        let quarantined = match (&job.quarantine, self.settings.quarantine_dir.is_dir()) {
            (Some(id), true) => {
                Quarantine::open(&self.settings.quarantine_dir)?.find(id, &job.account)?.is_some()
            }
            _ => false,
        };
        let seen = match (place.open(&job.account)?.is_some(), quarantined) {
            (true, _) => "in place",
            (false, true) => "in the quarantine",
            (false, false) => "missing",
        };
        let want = match job.phase {
            Phase::Active | Phase::Suspended => "in place",
            Phase::Deleted => "in the quarantine",
            Phase::Purged => "missing",
        };
        if seen == want { Ok(seen.to_owned()) } else { Err(DriverError::failed(format!("it is {seen}"))) }
    }
}

fn read_saved(saved: Option<&Value>) -> Result<Option<Saved>, DriverError> {
    let Some(saved) = saved.filter(|v| !v.is_null()) else { return Ok(None) };
    let bad = |e| DriverError::failed(format!("the saved state is not understood: {e}"));
    Saved::deserialize(saved).map(Some).map_err(bad)
}

fn quarantine_id(job: &Job) -> Result<&str, DriverError> {
    job.quarantine
        .as_deref()
        .ok_or_else(|| DriverError::failed("the record names no place in the quarantine"))
}

impl Driver for Linux {
    fn name(&self) -> &'static str {
        "linux"
    }

    fn snapshot(&self, job: &Job, earlier: Option<&Value>) -> Result<Value, DriverError> {
        let now = login::read(&job.account.login)?;
        let saved = match read_saved(earlier)? {
            // Still as an earlier suspension left it: what was before that is what counts.
            Some(earlier) if now.is_suspended() => earlier,
            _ => Saved { login: now },
        };
        serde_json::to_value(saved).map_err(|e| DriverError::failed(e.to_string()))
    }

    fn inspect(&self, job: &Job) -> Result<Report, DriverError> {
        let user = &job.account.login;
        let cron = self.crontab(&job.account);
        let mut report = Report::default();
        if job.phase == Phase::Active {
            report.add("ssh", login::describe(user));
            report.add("cron", cron.verify_live());
            report.add("processes", processes::count(job.account.uid).map(|n| format!("{n} run")));
        } else {
            report.add("ssh", login::verify_suspended(user));
            report.add("cron", cron.verify_parked());
            report.add("processes", processes::verify_none(job.account.uid));
        }
        report.add("home", self.look_at_home(job));
        Ok(report)
    }

    fn suspend(&self, job: &Job) -> Result<Report, DriverError> {
        let mut report = Report::default();
        self.stop(&job.account, &mut report);
        Ok(report)
    }

    fn resume(&self, job: &Job) -> Result<Report, DriverError> {
        let mut report = Report::default();
        if job.quarantine.is_some() {
            // A login without its home is of no use; a deletion that went half way is undone first.
            report.add("home", Ok(self.bring_back(job)?));
        }
        self.start(job, &mut report)?;
        Ok(report)
    }

    fn delete(&self, job: &Job) -> Result<Report, DriverError> {
        let (account, id) = (&job.account, quarantine_id(job)?);
        let quarantine = Quarantine::open(&self.settings.quarantine_dir)?;
        let place = self.place(account)?;
        let mut report = Report::default();
        let Some(home) = place.open(account)? else {
            if quarantine.find(id, account)?.is_none() {
                let why = format!("{} is missing, and it is not in the quarantine", place.path.display());
                return Err(DriverError::failed(why));
            }
            // A crash came after the rename, which comes after the archive.
            report.archive = archive::existing(&self.settings.archive_dir, id);
            let known = report.archive.clone().ok_or_else(|| DriverError::failed("its archive is missing"));
            report.add("archive", known);
            self.stop(account, &mut report);
            report.add("home", Ok("in the quarantine".to_owned()));
            return Ok(report);
        };
        quarantine.check_reach(&place, &home)?;
        self.stop(account, &mut report);
        if !report.ok() {
            let why = "the home was not moved, because the account is not fully suspended";
            report.add("home", Err(DriverError::failed(why)));
            return Ok(report);
        }
        let name = archive::make(&home, &self.settings.archive_dir, id)?;
        report.add("archive", Ok(name.clone()));
        report.archive = Some(name);
        drop(home);
        quarantine.take(&place, id, account)?;
        report.add("home", Ok("in the quarantine".to_owned()));
        Ok(report)
    }

    fn undelete(&self, job: &Job) -> Result<Report, DriverError> {
        let mut report = Report::default();
        report.add("home", Ok(self.bring_back(job)?));
        self.start(job, &mut report)?;
        Ok(report)
    }

    fn purge(&self, job: &Job) -> Result<Report, DriverError> {
        let (account, id) = (&job.account, quarantine_id(job)?);
        let mut report = Report::default();
        let user = &account.login;
        let entry = || {
            User::from_uid(Uid::from_raw(account.uid))
                .map_err(|e| DriverError::io("passwd", std::io::Error::from(e)))
        };
        if let Some(other) = entry()?.filter(|u| u.name != *user) {
            return Err(DriverError::failed(format!("uid {} is now {}'s", account.uid, other.name)));
        }
        processes::end(account.uid, self.settings.kill_grace)?;
        report.add("processes", processes::verify_none(account.uid));
        Quarantine::open(&self.settings.quarantine_dir)?.purge(id, account)?;
        report.add("home", Ok("removed".to_owned()));
        report.add("cron", self.crontab(account).remove().map(|()| "removed".to_owned()));
        // The uid of a user who is gone may be somebody else's at any moment.
        let is_there = || Ok::<_, DriverError>(entry()?.is_some_and(|u| u.name == *user));
        if is_there()? {
            tool::must("userdel", &["--", user.as_str()], TOOL_TIMEOUT)?;
        }
        let gone = if is_there()? {
            Err(DriverError::failed("the passwd entry is still there"))
        } else {
            Ok("passwd entry removed".to_owned())
        };
        report.add("ssh", gone);
        Ok(report)
    }

    fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        for name in ["usermod", "userdel", "chage", "tar", "gzip"] {
            faults.extend(tool::find(name).err().map(|e| e.to_string()));
        }
        if !rustix::process::geteuid().is_root() {
            faults.push("driver linux needs root".to_owned());
        }
        for root in &self.settings.home_roots {
            if let Err(e) = home::open_dir(root) {
                faults.push(format!("linux.home_roots: {e}"));
            }
        }
        faults
    }
}
