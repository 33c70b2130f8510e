//! The collector's signed acknowledgement: what is durable, and the collector's time.

use super::key::Hash;
use super::{PayloadError, VERSION, from_json, to_json};
use serde::{Deserialize, Serialize};

const WHAT: &str = "acknowledgement";

/// How the collector treats a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HostState {
    /// Waits for an admin: batches are kept aside, no commands.
    Pending,
    /// Batches are billed.
    Live,
    /// Two copies of the host were seen: stored, not billed, until thawed.
    Frozen,
    /// Its key is not accepted any more.
    Revoked,
}

impl HostState {
    /// The word in API, database and payload.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Live => "live",
            Self::Frozen => "frozen",
            Self::Revoked => "revoked",
        }
    }

    /// The state of that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Pending, Self::Live, Self::Frozen, Self::Revoked].into_iter().find(|s| s.as_str() == word)
    }
}

/// Payload of an `HMACK__1` envelope. Its header carries host and epoch; `seq` is [`Ack::durable_seq`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ack {
    /// Payload version.
    pub v: u32,
    /// Highest sequence number stored without a hole.
    pub durable_seq: u64,
    /// Header hash of that envelope; zero where there is none.
    pub durable_hash: Hash,
    /// Highest sequence number that a verified backup holds; without a configured backup the same as durable.
    pub archived_seq: u64,
    /// The collector's clock, milliseconds since the epoch.
    pub collector_ms: i64,
    /// Header hash of the envelope that this answers.
    pub request_hash: Hash,
    /// How the collector treats the host.
    pub state: HostState,
}

impl Ack {
    /// Reads a payload.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        from_json(WHAT, bytes)
    }

    /// Writes the payload, with the version of this program.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        to_json(WHAT, &Self { v: VERSION, ..self.clone() })
    }
}
