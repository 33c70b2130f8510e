//! What the executor knows of one account: its own record, root-owned, the only thing a restart works from.

use hostmeter_core::wire::command::{Action, Command, Outcome, Target};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Where an account stands, as far as this executor brought it there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// Not suspended by this executor.
    #[default]
    Active,
    /// Suspended, verified on every surface.
    Suspended,
    /// In the quarantine.
    Deleted,
    /// Gone for good.
    Purged,
}

impl Phase {
    /// The word in records and messages.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Suspended => "suspended",
            Self::Deleted => "deleted",
            Self::Purged => "purged",
        }
    }
}

/// How far an open intent came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Stage {
    /// A deletion that waits for the collector's acknowledgement; nothing was touched.
    Begun,
    /// The driver may have acted.
    Acting,
}

/// A command that was verified and matched, and is not finished.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Intent {
    /// The command.
    pub command: Command,
    /// How far it came.
    pub stage: Stage,
}

/// Who an account is, as it was matched against the machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Numeric user id.
    pub uid: u32,
    /// User name as in passwd.
    pub login: String,
    /// Home directory as in passwd.
    pub home: PathBuf,
    /// Inode of the home directory.
    pub home_inode: u64,
}

/// One account's record, `accounts/UID.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Version of this format.
    pub v: u32,
    /// Who it is on this machine.
    pub account: Account,
    /// Who it is in commands.
    pub target: Target,
    /// Where it stands.
    pub phase: Phase,
    /// Highest generation that is done; 0 for none.
    pub generation: u64,
    /// What was reported for that generation.
    pub done: Option<Outcome>,
    /// When the suspension was verified, in milliseconds of the executor's clock.
    pub suspended_since_ms: Option<i64>,
    /// The same on the wall clock, for people.
    pub suspended_wall_ms: Option<i64>,
    /// What gives the account its previous state back; the driver's own.
    pub saved: Option<serde_json::Value>,
    /// Name in the quarantine and of the archive, from the moment a deletion is intended.
    pub quarantine: Option<String>,
    /// The command that is open.
    pub open: Option<Intent>,
    /// A later command that waits for the open one.
    pub next: Option<Command>,
}

/// Version of the record's format.
pub const RECORD_VERSION: u32 = 1;

impl Record {
    /// A record of an account that nothing was done to yet.
    pub fn new(account: Account, target: Target) -> Self {
        Self {
            v: RECORD_VERSION,
            account,
            target,
            phase: Phase::Active,
            generation: 0,
            done: None,
            suspended_since_ms: None,
            suspended_wall_ms: None,
            saved: None,
            quarantine: None,
            open: None,
            next: None,
        }
    }

    /// Notes that a command was done and verified. `own_ms` is the executor's clock, `outcome.at_ms` the wall's.
    pub fn close(&mut self, command: &Command, outcome: &Outcome, own_ms: i64) {
        match command.action {
            Action::Inspect => return,
            Action::Suspend => {
                if self.phase != Phase::Suspended {
                    self.suspended_since_ms = Some(own_ms);
                    self.suspended_wall_ms = Some(outcome.at_ms);
                }
                self.phase = Phase::Suspended;
            }
            Action::Resume | Action::Undelete => {
                self.phase = Phase::Active;
                self.suspended_since_ms = None;
                self.suspended_wall_ms = None;
                self.saved = None;
                self.quarantine = None;
            }
            Action::Delete => self.phase = Phase::Deleted,
            Action::Purge => {
                self.phase = Phase::Purged;
                self.saved = None;
            }
        }
        self.generation = command.generation;
        self.done = Some(outcome.clone());
    }
}
