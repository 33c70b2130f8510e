//! Enrolment: the token that people carry, the request, the answer.

use super::ack::HostState;
use super::key::{Hash, PublicKey, hex, unhex};
use super::{PayloadError, VERSION, from_json, to_json};
use crate::ids::{HostId, HostName};
use serde::{Deserialize, Serialize};
use std::fmt;

/// A single-use token `hm1.FINGERPRINT.SECRET`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Fingerprint of the collector's identity key.
    pub fingerprint: String,
    /// 16 random bytes; the collector keeps only their SHA-256.
    pub secret: [u8; 16],
}

/// Why a text is not a token.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error(
    "this is not an enrolment token; it reads hm1.FINGERPRINT.SECRET with 32 hexadecimal digits each, as `hostmeter host add` printed it"
)]
pub struct TokenError;

impl Token {
    /// Reads the text.
    pub fn parse(text: &str) -> Result<Self, TokenError> {
        let mut parts = text.trim().split('.');
        let (Some("hm1"), Some(fingerprint), Some(secret), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(TokenError);
        };
        unhex::<16>(fingerprint).ok_or(TokenError)?;
        let secret = unhex::<16>(secret).ok_or(TokenError)?;
        Ok(Self { fingerprint: fingerprint.to_owned(), secret })
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "hm1.{}.{}", self.fingerprint, hex(&self.secret))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token(hm1.{}.…)", self.fingerprint)
    }
}

/// Payload of the request, an `HMENROL1` envelope signed by the agent's fresh key (host id, epoch and number zero).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrollRequest {
    /// Payload version.
    pub v: u32,
    /// The token's secret in hexadecimal.
    pub secret: String,
    /// The agent's public key; the envelope is signed by it.
    pub public_key: PublicKey,
    /// The agent's version, for people.
    pub agent_version: String,
    /// The machine's own idea of its name, for people.
    pub machine: String,
}

/// Payload of the answer, an `HMENROL1` envelope signed by the collector's identity key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EnrollAnswer {
    /// Payload version.
    pub v: u32,
    /// The host's identity from now on.
    pub host_id: HostId,
    /// Its name.
    pub name: HostName,
    /// Epoch to seal under.
    pub epoch: u64,
    /// Live, or pending until an admin approves.
    pub state: HostState,
    /// Signs acknowledgements; its fingerprint is the token's.
    pub identity_key: PublicKey,
    /// Signs commands.
    pub command_key: PublicKey,
    /// The collector's clock, milliseconds since the epoch.
    pub collector_ms: i64,
    /// Header hash of the request that this answers.
    pub request_hash: Hash,
}

impl EnrollRequest {
    /// Reads a payload.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        from_json("enrolment request", bytes)
    }

    /// Writes the payload, with the version of this program.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        to_json("enrolment request", &Self { v: VERSION, ..self.clone() })
    }
}

impl EnrollAnswer {
    /// Reads a payload.
    pub fn decode(bytes: &[u8]) -> Result<Self, PayloadError> {
        from_json("enrolment answer", bytes)
    }

    /// Writes the payload, with the version of this program.
    pub fn encode(&self) -> Result<Vec<u8>, PayloadError> {
        to_json("enrolment answer", &Self { v: VERSION, ..self.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens() {
        let check = |text: &str, ok: bool| assert_eq!(Token::parse(text).is_ok(), ok, "{text}");
        let half = "00112233445566778899aabbccddeeff";
        let text = format!("hm1.{half}.{half}");
        check(&text, true);
        check(&format!(" {text}\n"), true);
        check(&format!("{text}.x"), false);
        check(&format!("hm2.{half}.{half}"), false);
        check("hm1.zz.zz", false);
        check("", false);
        assert_eq!(Token::parse(&text).unwrap().to_string(), text);
        assert!(!format!("{:?}", Token::parse(&text).unwrap()).contains(&format!(".{half}.{half}")));
    }
}
