//! Numbers that a host lost: its spool does not hold them any more, and the collector never had them.

use super::key::Hash;
use super::{PayloadError, VERSION, from_json, to_json};
use crate::limits::TEXT_MAX_BYTES;
use serde::{Deserialize, Serialize};

const WHAT: &str = "gap";

/// Payload of an `HMGAP__1` envelope. Its header carries host and epoch; `seq` is [`Lost::to_seq`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lost {
    /// Payload version.
    pub v: u32,
    /// First number that is lost.
    pub from_seq: u64,
    /// Last number that is lost.
    pub to_seq: u64,
    /// `prev` of the envelope after it, which goes on from here.
    pub next_prev: Hash,
    /// Where the usage that is held begins again, milliseconds since the epoch; `None` if that is not known.
    pub next_ms: Option<i64>,
    /// What happened, for people.
    pub reason: String,
}

impl Lost {
    /// Reads a payload.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let lost: Self = from_json(WHAT, bytes)?;
        lost.check()?;
        Ok(lost)
    }

    /// Writes the payload, with the version of this program.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        self.check()?;
        to_json(WHAT, &Self { v: VERSION, ..self.clone() })
    }

    fn check(&self) -> Result<(), PayloadError> {
        let invalid = |why: String| Err(PayloadError::Invalid { what: WHAT, why });
        if self.from_seq == 0 || self.from_seq > self.to_seq {
            return invalid(format!("numbers {} to {} are no range", self.from_seq, self.to_seq));
        }
        if self.reason.len() > TEXT_MAX_BYTES {
            return invalid(format!("a reason has at most {TEXT_MAX_BYTES} bytes"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_and_reasons_are_bounded() {
        let good = Lost {
            v: VERSION,
            from_seq: 3,
            to_seq: 3,
            next_prev: Hash([1; 32]),
            next_ms: Some(5),
            reason: "damage was set aside".to_owned(),
        };
        assert_eq!(Lost::decode(&good.encode().unwrap()).unwrap(), good);
        let check = |lost: Lost, want: &str| assert_eq!(lost.encode().unwrap_err().to_string(), want);
        check(Lost { from_seq: 0, ..good.clone() }, "gap: numbers 0 to 3 are no range");
        check(Lost { to_seq: 2, ..good.clone() }, "gap: numbers 3 to 2 are no range");
        let reason = "x".repeat(TEXT_MAX_BYTES + 1);
        check(Lost { reason, ..good }, &format!("gap: a reason has at most {TEXT_MAX_BYTES} bytes"));
    }
}
