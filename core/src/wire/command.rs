//! Commands from the collector to a host's executor, and their outcomes.

use super::{PayloadError, VERSION, from_json, to_json};
use crate::limits::{COMMAND_LIFE_MAX_MS, COMMAND_UID_MIN, DELETE_LIFE_MAX_MS, TEXT_MAX_BYTES};
use serde::{Deserialize, Serialize};

const WHAT: &str = "command";

/// What an executor can be told to do with an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    /// Stop everything of the account; nothing is lost.
    Suspend,
    /// Give back exactly what was there before the suspension.
    Resume,
    /// Archive, then move into the quarantine.
    Delete,
    /// Bring back from the quarantine.
    Undelete,
    /// Remove from the quarantine for good.
    Purge,
    /// Report the state of every surface; change nothing.
    Inspect,
}

impl Action {
    /// Every action.
    pub const ALL: [Self; 6] =
        [Self::Suspend, Self::Resume, Self::Delete, Self::Undelete, Self::Purge, Self::Inspect];

    /// The word in API, database and payload.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspend => "suspend",
            Self::Resume => "resume",
            Self::Delete => "delete",
            Self::Undelete => "undelete",
            Self::Purge => "purge",
            Self::Inspect => "inspect",
        }
    }

    /// The action of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|a| a.as_str() == word)
    }

    /// How long a command of this kind may live, in milliseconds.
    pub const fn life_max_ms(self) -> i64 {
        match self {
            Self::Delete => DELETE_LIFE_MAX_MS,
            _ => COMMAND_LIFE_MAX_MS,
        }
    }
}

/// The account as the collector knows it; the executor acts only if all of it matches the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Target {
    /// Numeric user id.
    pub uid: u32,
    /// User name, escaped by [`crate::name::escape`].
    pub user: String,
    /// Home directory, as in passwd.
    pub home: String,
    /// Inode of the home directory.
    pub home_inode: u64,
}

/// Payload of an `HMCMD__1` envelope. Its header carries host, epoch and, as `seq`, the number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// Payload version.
    pub v: u32,
    /// Rising per host.
    pub number: u64,
    /// The host's epoch when the command was made.
    pub epoch: u64,
    /// When it was made, milliseconds since the epoch, collector time.
    pub issued_ms: i64,
    /// When it is void, milliseconds since the epoch, collector time.
    pub expires_ms: i64,
    /// What to do.
    pub action: Action,
    /// Generation of the account's desired state; the executor never goes back to a lower one.
    pub generation: u64,
    /// With whom.
    pub account: Target,
    /// For people: why.
    pub reason: String,
}

/// Why a command is refused before anything is done.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum Refusal {
    /// For another host.
    #[error("command is for another host")]
    WrongHost,
    /// From another epoch of this host.
    #[error("command is of epoch {got}; this host is in epoch {want}")]
    WrongEpoch {
        /// Epoch in the command.
        got: u64,
        /// The host's epoch.
        want: u64,
    },
    /// Header and payload differ.
    #[error("the command's number or epoch differs between header and payload")]
    Mixed,
    /// Too late, or a life longer than allowed.
    #[error("command expired at {expires_ms} ms; it is {now_ms} ms")]
    Expired {
        /// When it expired.
        expires_ms: i64,
        /// The executor's time.
        now_ms: i64,
    },
    /// A life longer than allowed.
    #[error("command would live {life_ms} ms; a {action} lives at most {max_ms} ms")]
    LivesTooLong {
        /// The life it states.
        life_ms: i64,
        /// The action's word.
        action: &'static str,
        /// The limit.
        max_ms: i64,
    },
    /// A system user.
    #[error("uid {0} is below {COMMAND_UID_MIN}: system users are never commanded")]
    SystemUser(u32),
}

impl Command {
    /// Reads a payload.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let cmd: Self = from_json(WHAT, bytes)?;
        if cmd.reason.len() > TEXT_MAX_BYTES || cmd.account.home.len() > TEXT_MAX_BYTES {
            return Err(PayloadError::Invalid { what: WHAT, why: "reason or home is too long".to_owned() });
        }
        Ok(cmd)
    }

    /// Writes the payload, with the version of this program.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        to_json(WHAT, &Self { v: VERSION, ..self.clone() })
    }

    /// The rules that need nothing but the command, its header and the time (`now_ms`, collector time).
    pub fn admit(
        &self,
        header: &super::envelope::Header,
        host: crate::ids::HostId,
        epoch: u64,
        now_ms: i64,
    ) -> Result<(), Refusal> {
        if header.stamp.host != host {
            return Err(Refusal::WrongHost);
        }
        if header.stamp.epoch != self.epoch || header.stamp.seq != self.number {
            return Err(Refusal::Mixed);
        }
        if self.epoch != epoch {
            return Err(Refusal::WrongEpoch { got: self.epoch, want: epoch });
        }
        let life_ms = self.expires_ms.saturating_sub(self.issued_ms);
        if life_ms > self.action.life_max_ms() {
            let (action, max_ms) = (self.action.as_str(), self.action.life_max_ms());
            return Err(Refusal::LivesTooLong { life_ms, action, max_ms });
        }
        if now_ms >= self.expires_ms {
            return Err(Refusal::Expired { expires_ms: self.expires_ms, now_ms });
        }
        if self.account.uid < COMMAND_UID_MIN {
            return Err(Refusal::SystemUser(self.account.uid));
        }
        Ok(())
    }
}

/// How far a command came.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// A deletion announced; nothing is moved before the collector acknowledged it.
    Begun,
    /// Done and verified on every surface.
    Done,
    /// Tried; at least one surface still answers or an error came.
    Failed,
    /// Beyond the host's own limits; it will be tried later.
    Deferred,
    /// Not tried: signature, match, age or protection.
    Refused,
    /// Older than what was done already.
    Stale,
}

impl Status {
    /// The word in API, database and payload.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Begun => "begun",
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Deferred => "deferred",
            Self::Refused => "refused",
            Self::Stale => "stale",
        }
    }
}

/// One surface of an account (web, ssh, cron, processes, database, home).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Surface {
    /// Its name.
    pub surface: String,
    /// Whether it is in the state that was asked for.
    pub ok: bool,
    /// What was done or seen, for people.
    pub detail: String,
}

/// What became of a command; travels in the batch stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outcome {
    /// The command's number.
    pub number: u64,
    /// The generation it was for.
    pub generation: u64,
    /// The action.
    pub action: Action,
    /// The account's uid.
    pub uid: u32,
    /// How far it came.
    pub status: Status,
    /// Milliseconds since the epoch, collector time as the host knows it.
    pub at_ms: i64,
    /// What happened, for people; empty when done.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// Each surface after acting.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub surfaces: Vec<Surface>,
    /// Id of the archive that a deletion made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub archive: Option<String>,
}
