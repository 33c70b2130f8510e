//! Rotation of a host's key: a new key, signed by the old and by the new one.
//!
//! The envelope is signed by the old key, which the collector knows; its payload carries the new key's own signature,
//! so that nobody can put a key in place that is not theirs. Once the host seals with the new key, it says where the
//! old one ended: batches up to there are accepted however late they come, as they are never sealed again.

use super::key::{Hash, PublicKey, SigningKey, hex, unhex};
use super::{PayloadError, VERSION, from_json, to_json};
use crate::ids::HostId;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

const WHAT: &str = "rotation of keys";
/// What the new key signs begins with this: such a signature is worth nothing in an envelope.
const PROOF: [u8; 8] = *b"HMNEWKEY";
const PROOF_BYTES: usize = 8 + 16 + 32 + 32 + 1 + 8 + 8 + 32;

/// The last envelope that was sealed by a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyEnd {
    /// Its epoch.
    pub epoch: u64,
    /// Its number; 0: none was sealed in this epoch.
    pub seq: u64,
    /// Its header hash; zero at 0.
    pub hash: Hash,
}

/// An Ed25519 signature, written as 128 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature(pub [u8; 64]);

impl Serialize for Signature {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex(&self.0))
    }
}

impl<'de> Deserialize<'de> for Signature {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = String::deserialize(d)?;
        let why = || serde::de::Error::custom("a signature has 128 hexadecimal digits");
        unhex(&text).map(Self).ok_or_else(why)
    }
}

/// Payload of the request, an `HMKEYS_1` envelope signed by the old key. Nothing in it or in its header depends on the
/// moment: asked again, it is the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// Payload version.
    pub v: u32,
    /// The key to go on with.
    pub new_key: PublicKey,
    /// Where the old key ended; `None`: it still seals.
    pub end: Option<KeyEnd>,
    /// By the new key: host, old key, new key and end.
    pub proof: Signature,
}

/// Payload of the answer, an `HMKEYS_1` envelope signed by the collector's identity key. The same for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotated {
    /// Payload version.
    pub v: u32,
    /// The key that is accepted now.
    pub new_key: PublicKey,
    /// Since when, milliseconds since the epoch.
    pub since_ms: i64,
    /// Until when the old key is accepted for all that the host sends.
    pub old_until_ms: i64,
    /// Header hash of the request that this answers.
    pub request_hash: Hash,
}

fn proven(host: HostId, old: &PublicKey, new: &PublicKey, end: Option<&KeyEnd>) -> Vec<u8> {
    let (is_there, KeyEnd { epoch, seq, hash }) =
        end.map_or((0, KeyEnd { epoch: 0, seq: 0, hash: Hash([0; 32]) }), |end| (1, *end));
    let mut out = Vec::with_capacity(PROOF_BYTES);
    out.extend(PROOF);
    out.extend(host.0);
    out.extend(old.0);
    out.extend(new.0);
    out.push(is_there);
    out.extend(epoch.to_be_bytes());
    out.extend(seq.to_be_bytes());
    out.extend(hash.0);
    out
}

impl Rotate {
    /// From the old key to the new one.
    pub fn new(host: HostId, old: &PublicKey, new: &SigningKey, end: Option<KeyEnd>) -> Self {
        let new_key = new.public();
        let proof = Signature(new.sign(&proven(host, old, &new_key, end.as_ref())));
        Self { v: VERSION, new_key, end, proof }
    }

    /// Whether the new key itself agreed to follow this old key of this host, with this end.
    pub fn is_proven(&self, host: HostId, old: &PublicKey) -> bool {
        *old != self.new_key
            && self.new_key.verifies(&proven(host, old, &self.new_key, self.end.as_ref()), &self.proof.0)
    }

    /// Reads a payload.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        let rotate: Self = from_json(WHAT, bytes)?;
        rotate.check()?;
        Ok(rotate)
    }

    /// Writes the payload, with the version of this program.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        self.check()?;
        to_json(WHAT, &Self { v: VERSION, ..self.clone() })
    }

    fn check(&self) -> Result<(), PayloadError> {
        let invalid = |why: &str| Err(PayloadError::Invalid { what: WHAT, why: why.to_owned() });
        match self.end {
            Some(KeyEnd { epoch, seq, .. }) if i64::try_from(epoch.max(seq)).is_err() => {
                invalid("numbers end at 2^63 - 1")
            }
            Some(KeyEnd { epoch: 0, .. }) => invalid("no key ends in epoch 0, which there is not"),
            Some(KeyEnd { seq: 0, hash, .. }) if hash != Hash([0; 32]) => {
                invalid("where nothing was sealed there is no hash")
            }
            _ => Ok(()),
        }
    }
}

impl Rotated {
    /// Reads a payload.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        from_json("answer to a rotation of keys", bytes)
    }

    /// Writes the payload, with the version of this program.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        to_json("answer to a rotation of keys", &Self { v: VERSION, ..self.clone() })
    }
}

#[cfg(test)]
mod tests;
