//! What is checked before the database is asked: whose key, the signature, the body's hash, its form.

use super::hosts::{HostKeys, KnownKey};
use hostmeter_core::units::rfc3339;
use hostmeter_core::wire::batch::Batch;
use hostmeter_core::wire::envelope::{Domain, Header, OpenError, open_payload, peek, verify_header};
use std::sync::Arc;

/// An envelope whose signature and hash are verified.
#[derive(Debug)]
pub struct Received {
    /// Who signed.
    pub key: KnownKey,
    /// The header.
    pub header: Header,
    /// All bytes, to be stored as they are.
    pub bytes: Vec<u8>,
    /// What it says.
    pub payload: Payload,
}

/// The payload of a verified envelope.
#[derive(Debug)]
pub enum Payload {
    /// A batch.
    Batch(Arc<Batch>),
    /// Signed, but not understood: why.
    Unknown(String),
}

/// Why an envelope is refused before it is looked up.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// Not an envelope, or the body is not what was signed.
    #[error("{0}")]
    Form(OpenError),
    /// Nobody here knows the key.
    #[error("key {0} is not known here or was revoked; enrol this host again with a new token")]
    UnknownKey(hostmeter_core::ids::KeyId),
    /// The key belongs to another host.
    #[error("key {key} belongs to another host than {claimed}, which the envelope names")]
    OtherHost {
        /// Whose key.
        key: hostmeter_core::ids::KeyId,
        /// Who it claims to be.
        claimed: hostmeter_core::ids::HostId,
    },
    /// The key was replaced, and its overlap is over.
    #[error(
        "key {key} was replaced and is not accepted since {since}; the host goes on with its new key. If that is lost, \
         give the host another: hostmeter host add NAME --replace"
    )]
    Replaced {
        /// The key.
        key: hostmeter_core::ids::KeyId,
        /// RFC 3339.
        since: String,
    },
    /// The signature does not fit.
    #[error("the envelope's signature is wrong")]
    Signature,
    /// Signed, but not understood; nothing of it is kept.
    #[error("{0}")]
    Payload(String),
}

/// Checks a header before the body is read: the key is known and good, the host is its own, the signature fits.
pub fn verify(
    head: &[u8],
    domain: Domain,
    keys: &HostKeys,
    now_ms: i64,
) -> Result<(KnownKey, Header), Refused> {
    let claimed = peek(head).map_err(Refused::Form)?;
    let known = keys.get(claimed.key).ok_or(Refused::UnknownKey(claimed.key))?;
    if known.uuid != claimed.stamp.host {
        return Err(Refused::OtherHost { key: claimed.key, claimed: claimed.stamp.host });
    }
    let header = verify_header(head, domain, &known.key).map_err(|e| match e {
        OpenError::Signature | OpenError::WrongKey { .. } => Refused::Signature,
        other => Refused::Form(other),
    })?;
    match known.replaced.filter(|r| now_ms >= r.until_ms && !r.covers(&header.stamp)) {
        // A request to rotate is signed by the new key, too: that is looked at with its body.
        Some(replaced) if domain != Domain::Keys => {
            Err(Refused::Replaced { key: header.key, since: rfc3339(replaced.until_ms) })
        }
        _ => Ok((known, header)),
    }
}

impl Received {
    /// Checks the body of a verified header and reads it. CPU only, and up to 4 MiB of it: off the async threads.
    pub fn open(key: KnownKey, header: Header, bytes: Vec<u8>) -> Result<Self, Refused> {
        let payload = open_payload(&header, &bytes).map_err(Refused::Form)?;
        let payload = match Batch::decode(&payload) {
            Ok(batch) => Payload::Batch(Arc::new(batch)),
            Err(e) => Payload::Unknown(e.to_string()),
        };
        Ok(Self { key, header, bytes, payload })
    }
}
