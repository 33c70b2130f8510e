//! Where a host stands after its start, and where the collector says that it goes on.

use super::ack::HostState;
use super::key::{Hash, hex, unhex};
use super::{PayloadError, VERSION, from_json, to_json};
use crate::limits::RESUME_HELD_MAX;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Chosen at random for one question: asked again with the same, it gets the same answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Nonce(pub [u8; 16]);

impl Serialize for Nonce {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Nonce {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let why = || serde::de::Error::custom(format!("{text:?} is not a nonce of 32 hexadecimal digits"));
        unhex(&text).map(Self).ok_or_else(why)
    }
}

/// An envelope that the host holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Held {
    /// Its number.
    pub seq: u64,
    /// Its header hash.
    pub hash: Hash,
}

/// Payload of the question, an `HMRESUM1` envelope signed by the host. Its header carries host and epoch; `seq` is the
/// number of the last envelope that is named, 0 if none is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resume {
    /// Payload version.
    pub v: u32,
    /// Names this question.
    pub nonce: Nonce,
    /// Highest number that the host knows to be acknowledged; 0 if none.
    pub acked_seq: u64,
    /// Envelopes that the host holds, in order and without a hole; the last is the header's.
    pub held: Vec<Held>,
    /// Whether the host holds some before these, too.
    pub has_older: bool,
    /// The envelope before the first one held, which the host does not hold any more: the first one names its hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Held>,
    /// The lowest number that the host holds above these, if it holds any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_seq: Option<u64>,
    /// The collector's clock as it told it with code `stale`, milliseconds since the epoch: shows that the question is
    /// not an old one that somebody kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_ms: Option<i64>,
}

/// Payload of the answer, an `HMRESUM1` envelope signed by the collector's identity key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Resumed {
    /// Payload version.
    pub v: u32,
    /// Epoch to seal under: the host's, or a new one.
    pub epoch: u64,
    /// Highest number of the host's epoch that is stored as the host holds it; what is above it is not stored. 0: none.
    pub stored_seq: u64,
    /// Usage of the host is known up to here, milliseconds since the epoch; `None`: there is none yet.
    pub watermark_ms: Option<i64>,
    /// How the collector treats the host.
    pub state: HostState,
    /// The collector's clock, milliseconds since the epoch.
    pub collector_ms: i64,
    /// Header hash of the question.
    pub request_hash: Hash,
}

impl Resume {
    /// Reads a payload.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let resume: Self = from_json("resume", bytes)?;
        resume.check()?;
        Ok(resume)
    }

    /// Writes the payload, with the version of this program.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        self.check()?;
        to_json("resume", &Self { v: VERSION, ..self.clone() })
    }

    /// Number of the last envelope named; 0 if there is none.
    pub fn last_seq(&self) -> u64 {
        self.held.last().map_or(0, |h| h.seq)
    }

    fn check(&self) -> Result<(), PayloadError> {
        let invalid = |why: String| Err(PayloadError::Invalid { what: "resume", why });
        if self.held.len() > RESUME_HELD_MAX {
            return invalid(format!(
                "{} envelopes are named; at most {RESUME_HELD_MAX} may be",
                self.held.len()
            ));
        }
        let follows = |pair: &[Held]| matches!(pair, [a, b] if b.seq == a.seq.saturating_add(1));
        if !self.held.windows(2).all(follows) || self.held.first().is_some_and(|h| h.seq == 0) {
            return invalid("the numbers held are not in order from 1 on, or have a hole".to_owned());
        }
        let is_before = |b: &Held| self.held.first().is_some_and(|h| h.seq == b.seq.saturating_add(1));
        if !self.before.as_ref().is_none_or(is_before) {
            return invalid("what comes before is not the number before the first one held".to_owned());
        }
        if self.next_seq.is_some_and(|next| next <= self.last_seq()) {
            return invalid("the next number is not above those held".to_owned());
        }
        Ok(())
    }
}

impl Resumed {
    /// Reads a payload.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        from_json("answer to resume", bytes)
    }

    /// Writes the payload, with the version of this program.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        to_json("answer to resume", &Self { v: VERSION, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resume(seqs: &[u64]) -> Resume {
        let held = seqs.iter().map(|seq| Held { seq: *seq, hash: Hash([7; 32]) }).collect();
        let nonce = Nonce([0xab; 16]);
        Resume {
            v: VERSION,
            nonce,
            acked_seq: 1,
            held,
            has_older: false,
            before: None,
            next_seq: None,
            at_ms: None,
        }
    }

    #[test]
    fn what_is_held_is_in_order_and_bounded() {
        for good in [&[][..], &[1], &[5, 6, 7]] {
            let asked = resume(good);
            let bytes = asked.encode().unwrap();
            assert_eq!(Resume::decode(&bytes).unwrap(), asked);
            assert_eq!(asked.last_seq(), good.last().copied().unwrap_or(0));
        }
        for bad in [&[0, 1][..], &[2, 1], &[1, 3], &[4, 4]] {
            assert!(resume(bad).encode().unwrap_err().to_string().contains("have a hole"), "{bad:?}");
        }
        let many: Vec<u64> = (1..).take(RESUME_HELD_MAX + 1).collect();
        assert!(resume(&many).encode().unwrap_err().to_string().contains("at most"));
        let before = |seq| Some(Held { seq, hash: Hash([8; 32]) });
        assert!(Resume { before: before(4), ..resume(&[5]) }.encode().is_ok());
        for bad in [Resume { before: before(5), ..resume(&[5]) }, Resume { before: before(1), ..resume(&[]) }]
        {
            assert!(bad.encode().unwrap_err().to_string().contains("what comes before"));
        }
        let next = |seq| Resume { next_seq: Some(seq), ..resume(&[5]) }.encode();
        assert!(next(6).is_ok() && next(9).is_ok());
        assert!(next(5).unwrap_err().to_string().contains("the next number"));
        let json = String::from_utf8(resume(&[1]).encode().unwrap()).unwrap();
        let short = json.replace(&"ab".repeat(16), "ab");
        assert!(Resume::decode(short.as_bytes()).unwrap_err().to_string().contains("is not a nonce"));
    }
}
