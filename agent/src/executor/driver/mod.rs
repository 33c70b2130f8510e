//! The contract of a driver. Every driver passes the same test: `driver/contract.rs`.
//!
//! Each action is idempotent: after a crash or a failure the executor calls it again with the same [`Job`], and it
//! finishes what is left. After acting, a driver looks at every surface and reports what it sees there, not what it
//! did.

pub mod exec;
pub mod linux;
pub mod tool;

#[cfg(test)]
mod contract;

use super::config::{Config, DriverConfig};
use super::limits::{DETAIL_MAX_BYTES, SURFACES_MAX};
use super::record::{Account, Phase};
use hostmeter_core::wire::command::{Action, Surface};
use serde_json::Value;

/// What a driver needs to know.
#[derive(Clone, Debug)]
pub struct Job {
    /// Whom to act on.
    pub account: Account,
    /// What to do.
    pub action: Action,
    /// The command's number.
    pub number: u64,
    /// The command's generation.
    pub generation: u64,
    /// Where the account stands before the action.
    pub phase: Phase,
    /// What [`Driver::snapshot`] returned before the suspension.
    pub saved: Option<Value>,
    /// Name for quarantine and archive; there from the moment a deletion was intended.
    pub quarantine: Option<String>,
}

/// What a driver saw after acting.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Each surface; `ok` where it is as the action wants it.
    pub surfaces: Vec<Surface>,
    /// Id of the archive, if one was made.
    pub archive: Option<String>,
}

impl Report {
    /// Adds a surface that is as it should be, or why it is not.
    pub fn add(&mut self, surface: &str, seen: Result<String, DriverError>) {
        let (ok, detail) = match seen {
            Ok(detail) => (true, detail),
            Err(e) => (false, e.to_string()),
        };
        if self.surfaces.len() < SURFACES_MAX {
            self.surfaces.push(Surface { surface: cut(surface), ok, detail: cut(&detail) });
        }
    }

    /// Whether every surface is as it should be.
    pub fn ok(&self) -> bool {
        self.surfaces.iter().all(|s| s.ok)
    }
}

/// Why a driver could not do its work. The text says what was tried and what came back.
#[derive(Debug, thiserror::Error)]
pub enum DriverError {
    /// The system said no.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, with the path.
        what: String,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// Anything else, in words.
    #[error("{0}")]
    Failed(String),
}

impl DriverError {
    /// The system's error with what was tried.
    pub fn io(what: impl Into<String>, source: impl Into<std::io::Error>) -> Self {
        Self::Io { what: what.into(), source: source.into() }
    }

    /// In words.
    pub fn failed(why: impl Into<String>) -> Self {
        Self::Failed(why.into())
    }
}

/// What every driver does. An `Err` means that nothing more was tried; whatever was done is finished by a retry.
pub trait Driver: Send + Sync {
    /// Its word in the configuration.
    fn name(&self) -> &'static str;

    /// What must be kept to give the account its present state back. Called and stored before every suspension;
    /// `earlier` is what is stored from one that was not undone yet, and stays valid where the account still is as
    /// that suspension left it.
    fn snapshot(&self, job: &Job, earlier: Option<&Value>) -> Result<Value, DriverError>;

    /// Looks at every surface and changes nothing; `ok` where it is as `job.phase` says.
    fn inspect(&self, job: &Job) -> Result<Report, DriverError>;

    /// Stops everything of the account; nothing is lost.
    fn suspend(&self, job: &Job) -> Result<Report, DriverError>;

    /// Gives back exactly the previous state.
    fn resume(&self, job: &Job) -> Result<Report, DriverError>;

    /// Archives, then moves into the quarantine.
    fn delete(&self, job: &Job) -> Result<Report, DriverError>;

    /// Brings back from the quarantine, then as [`Driver::resume`].
    fn undelete(&self, job: &Job) -> Result<Report, DriverError>;

    /// Removes from the quarantine for good.
    fn purge(&self, job: &Job) -> Result<Report, DriverError>;

    /// What stands in the way on this machine before any command came; empty if nothing does.
    fn check(&self) -> Vec<String>;

    /// Runs the job's action.
    fn act(&self, job: &Job) -> Result<Report, DriverError> {
        match job.action {
            Action::Inspect => self.inspect(job),
            Action::Suspend => self.suspend(job),
            Action::Resume => self.resume(job),
            Action::Delete => self.delete(job),
            Action::Undelete => self.undelete(job),
            Action::Purge => self.purge(job),
        }
    }
}

/// The configured driver. Every driver has its line here.
pub fn open(config: &Config) -> Box<dyn Driver> {
    match &config.driver {
        DriverConfig::Linux(settings) => Box::new(linux::Linux::new(settings.clone())),
        DriverConfig::Exec(settings) => Box::new(exec::Exec::new(settings.clone())),
    }
}

/// Cuts a text to what may travel in an outcome, at a character's border; control characters become spaces.
pub fn cut(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let clean = clean.trim();
    let mut end = clean.len().min(DETAIL_MAX_BYTES);
    while !clean.is_char_boundary(end) {
        end = end.saturating_sub(1);
    }
    clean.get(..end).unwrap_or_default().to_owned()
}
