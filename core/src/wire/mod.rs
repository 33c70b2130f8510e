//! What crosses the network between a host and the collector: sealed envelopes and their JSON payloads, version 1.

pub mod ack;
pub mod batch;
pub mod command;
pub mod enroll;
pub mod envelope;
pub mod gap;
pub mod key;
pub mod keys;
pub mod resume;
pub mod webhook;

/// Version of every payload in this folder.
pub const VERSION: u32 = 1;

/// Why a payload is not understood.
#[derive(Debug, thiserror::Error)]
pub enum PayloadError {
    /// Not JSON of the expected shape.
    #[error("{what}: {source}")]
    Json {
        /// Which payload.
        what: &'static str,
        /// Where it fails.
        #[source]
        source: serde_json::Error,
    },
    /// Another version.
    #[error("{what} has version {got}; this program understands version {VERSION}")]
    Version {
        /// Which payload.
        what: &'static str,
        /// The version it states.
        got: u32,
    },
    /// A rule of the payload is broken.
    #[error("{what}: {why}")]
    Invalid {
        /// Which payload.
        what: &'static str,
        /// Which rule, and where.
        why: String,
    },
}

/// Reads the version first, so that a newer payload is named as such and not as a syntax error.
fn from_json<T: serde::de::DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<T, PayloadError> {
    #[derive(serde::Deserialize)]
    struct Versioned {
        v: u32,
    }
    // How every program writes this version: then the payload is read once, not twice.
    const USUAL: &[u8] = br#"{"v":1,"#;
    const { assert!(VERSION == 1) };
    let json = |source| PayloadError::Json { what, source };
    if !bytes.starts_with(USUAL) {
        let Versioned { v } = serde_json::from_slice(bytes).map_err(json)?;
        if v != VERSION {
            return Err(PayloadError::Version { what, got: v });
        }
    }
    // Looked through for UTF-8 once, not string by string. What is none is named with its place by the parser.
    let read = match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(text),
        Err(_) => serde_json::from_slice(bytes),
    };
    read.map_err(json)
}

/// Serialises a payload. Only maps with keys that are not strings could fail, and there are none.
fn to_json<T: serde::Serialize>(what: &'static str, value: &T) -> Result<Vec<u8>, PayloadError> {
    serde_json::to_vec(value).map_err(|source| PayloadError::Json { what, source })
}
