//! Signatures of webhooks by [Standard Webhooks](https://www.standardwebhooks.com/): three headers, and an HMAC-SHA256
//! over `id.timestamp.body`. The same for what the collector sends and for what gateways send to it.
//!
//! ```
//! use hostmeter_core::wire::webhook::{Secret, signatures, verify};
//!
//! let secret = Secret::parse("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")?;
//! let header = signatures(std::slice::from_ref(&secret), "msg_1", 1_614_265_330, b"{}");
//! verify(&[secret], "msg_1", "1614265330", &header, b"{}", 1_614_265_400)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::limits::{
    WEBHOOK_KEY_MAX_BYTES, WEBHOOK_KEY_MIN_BYTES, WEBHOOK_SIGNATURES_MAX, WEBHOOK_TOLERANCE_SEC,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ring::hmac;
use std::fmt;

/// Header with the message's id: the same for every attempt at one message.
pub const ID_HEADER: &str = "webhook-id";
/// Header with the time of the attempt, seconds since the epoch.
pub const TIMESTAMP_HEADER: &str = "webhook-timestamp";
/// Header with the signatures, separated by blanks.
pub const SIGNATURE_HEADER: &str = "webhook-signature";

const PREFIX: &str = "whsec_";
const VERSION: &str = "v1,";

/// Why a text is no secret. The text itself is not repeated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecretError {
    /// No base64.
    #[error("is no webhook secret; write it as whsec_ and base64, for example from: openssl rand -base64 32")]
    Form,
    /// Too short or too long.
    #[error(
        "holds a key of {0} bytes; {WEBHOOK_KEY_MIN_BYTES} to {WEBHOOK_KEY_MAX_BYTES} are allowed: openssl rand -base64 32"
    )]
    Length(usize),
}

/// A shared key. `Debug` does not show it.
#[derive(Clone)]
pub struct Secret(hmac::Key);

impl Secret {
    /// Reads `whsec_` and base64; the prefix may be missing.
    pub fn parse(text: &str) -> Result<Self, SecretError> {
        let text = text.trim();
        let key =
            STANDARD.decode(text.strip_prefix(PREFIX).unwrap_or(text)).map_err(|_| SecretError::Form)?;
        if !(WEBHOOK_KEY_MIN_BYTES..=WEBHOOK_KEY_MAX_BYTES).contains(&key.len()) {
            return Err(SecretError::Length(key.len()));
        }
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &key)))
    }

    fn sign(&self, signed: &[u8]) -> String {
        format!("{VERSION}{}", STANDARD.encode(hmac::sign(&self.0, signed).as_ref()))
    }

    /// In constant time.
    fn verifies(&self, signed: &[u8], tag: &[u8]) -> bool {
        hmac::verify(&self.0, signed, tag).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// What is signed: `id.timestamp.body`.
fn signed(id: &str, timestamp: &str, body: &[u8]) -> Vec<u8> {
    [id.as_bytes(), b".", timestamp.as_bytes(), b".", body].concat()
}

/// The value of [`SIGNATURE_HEADER`]: one signature by each secret, so that a receiver that knows any of them accepts.
pub fn signatures(secrets: &[Secret], id: &str, timestamp_sec: i64, body: &[u8]) -> String {
    let signed = signed(id, &timestamp_sec.to_string(), body);
    secrets.iter().map(|secret| secret.sign(&signed)).collect::<Vec<_>>().join(" ")
}

/// Why a message is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The id is empty, or holds a point, which would let two messages have one signed text.
    #[error("{ID_HEADER} is empty or holds characters that it cannot have")]
    Id,
    /// The time is no whole number.
    #[error("{TIMESTAMP_HEADER} is no whole number of seconds since the epoch")]
    Timestamp,
    /// Sent too long ago, or too far ahead: perhaps by somebody who kept it.
    #[error(
        "{TIMESTAMP_HEADER} is {off_sec} s away from now; at most {WEBHOOK_TOLERANCE_SEC} s are allowed, look at both clocks"
    )]
    Stale {
        /// By how much.
        off_sec: u64,
    },
    /// No signature fits.
    #[error(
        "no signature in {SIGNATURE_HEADER} fits: look at the secret, and whether the body came unchanged"
    )]
    Signature,
}

/// Whether a message was signed with one of the secrets no longer than [`WEBHOOK_TOLERANCE_SEC`] ago. The values are those of
/// the three headers; `now_sec` is in seconds since the epoch. Whoever acts on a message must also see to it that the
/// same id does not act twice.
pub fn verify(
    secrets: &[Secret],
    id: &str,
    timestamp: &str,
    signatures: &str,
    body: &[u8],
    now_sec: i64,
) -> Result<(), VerifyError> {
    if id.is_empty() || id.contains('.') || !id.bytes().all(|b| b.is_ascii_graphic()) {
        return Err(VerifyError::Id);
    }
    if timestamp.is_empty() || !timestamp.bytes().all(|b| b.is_ascii_digit()) {
        return Err(VerifyError::Timestamp);
    }
    let sent: i64 = timestamp.parse().map_err(|_| VerifyError::Timestamp)?;
    let off_sec = sent.abs_diff(now_sec);
    if off_sec > WEBHOOK_TOLERANCE_SEC.unsigned_abs() {
        return Err(VerifyError::Stale { off_sec });
    }
    let tags = signatures.split(' ').take(WEBHOOK_SIGNATURES_MAX).filter_map(|s| s.strip_prefix(VERSION));
    let mut tags = tags.filter_map(|s| STANDARD.decode(s).ok());
    let signed = signed(id, timestamp, body);
    let fits = tags.any(|tag| secrets.iter().any(|s| s.verifies(&signed, &tag)));
    if fits { Ok(()) } else { Err(VerifyError::Signature) }
}

#[cfg(test)]
mod tests;
