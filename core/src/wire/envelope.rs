//! Sealing and opening envelopes: a fixed header of 220 bytes, big-endian, signed with Ed25519, then the payload.
//!
//! | offset | bytes | field |
//! | --- | --- | --- |
//! | 0 | 8 | magic, which is also the signing domain |
//! | 8 | 2 + 2 | version (1), flags (bit 0: payload is zstd) |
//! | 12 | 8 | key id |
//! | 20 | 16 | host id |
//! | 36 | 8 + 8 | epoch, sequence number |
//! | 52 | 32 | `prev`: SHA-256 of the previous envelope's bytes 0..156 |
//! | 84 | 16 | boot id |
//! | 100 | 8 + 8 | wall clock ns, boot-time clock ns, when sealed |
//! | 116 | 4 + 4 | stored payload length, inflated length |
//! | 124 | 32 | SHA-256 of the stored payload |
//! | 156 | 64 | signature over bytes 0..156 |
//! | 220 | … | payload |
//!
//! The header is verified before the payload is read, the payload's hash before it is inflated, and inflation stops
//! at the stated length.

use super::key::{PublicKey, SigningKey, sha256};
use crate::ids::{BootId, HostId, KeyId};
use crate::limits::{
    COMPRESS_MIN_BYTES, ENVELOPE_HEADER_BYTES, ENVELOPE_SIGNED_BYTES, PAYLOAD_INFLATED_MAX_BYTES,
    PAYLOAD_STORED_MAX_BYTES,
};
use std::cell::RefCell;

const VERSION: u16 = 1;
const FLAG_ZSTD: u16 = 1;
/// Fast: the agent compresses on hosts that have other work to do.
const ZSTD_LEVEL: i32 = 1;

/// What an envelope is for. A signature in one domain is worth nothing in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Domain {
    /// Usage from a host; consumes a sequence number.
    Batch,
    /// Sequence numbers that a host lost; consumes numbers.
    Gap,
    /// The collector's acknowledgement.
    Ack,
    /// An order to a host's executor.
    Command,
    /// Enrolment, request and answer.
    Enroll,
    /// Where a host stands after its start.
    Resume,
    /// Rotation of keys.
    Keys,
}

impl Domain {
    const ALL: [(Self, [u8; 8]); 7] = [
        (Self::Batch, *b"HMBATCH1"),
        (Self::Gap, *b"HMGAP__1"),
        (Self::Ack, *b"HMACK__1"),
        (Self::Command, *b"HMCMD__1"),
        (Self::Enroll, *b"HMENROL1"),
        (Self::Resume, *b"HMRESUM1"),
        (Self::Keys, *b"HMKEYS_1"),
    ];

    fn magic(self) -> [u8; 8] {
        Self::ALL.iter().find(|(d, _)| *d == self).map_or([0; 8], |(_, m)| *m)
    }

    fn from_magic(magic: [u8; 8]) -> Option<Self> {
        Self::ALL.iter().find(|(_, m)| *m == magic).map(|(d, _)| *d)
    }
}

/// What the sealer says about an envelope, beside its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// What the envelope is for.
    pub domain: Domain,
    /// The host it is from or for.
    pub host: HostId,
    /// Epoch of the host's chain.
    pub epoch: u64,
    /// Number within the epoch (of a command: the command's number).
    pub seq: u64,
    /// SHA-256 of the previous envelope's bytes 0..156; zero at sequence 1.
    pub prev: [u8; 32],
    /// Boot id of the sealing machine; zero from the collector.
    pub boot: BootId,
    /// Wall clock when sealed, nanoseconds since the epoch.
    pub wall_ns: u64,
    /// Boot-time clock when sealed, nanoseconds.
    pub boottime_ns: u64,
}

/// A header as read from bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the sealer says.
    pub stamp: Stamp,
    /// Which key is said to have signed.
    pub key: KeyId,
    /// Whether the payload is zstd.
    pub zstd: bool,
    /// Length of the payload in the envelope, in bytes.
    pub stored_len: usize,
    /// Length of the payload after inflation, in bytes.
    pub inflated_len: usize,
    /// SHA-256 of the stored payload.
    pub payload_sha256: [u8; 32],
    /// SHA-256 of bytes 0..156: the next envelope's `prev`.
    pub hash: [u8; 32],
}

/// Why an envelope could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// The payload is above the limit.
    #[error("payload of {bytes} bytes {form}; at most {max} are allowed, split it into parts")]
    TooLarge {
        /// Its size.
        bytes: usize,
        /// Before or after compression.
        form: &'static str,
        /// The limit.
        max: usize,
    },
    /// The compressor failed.
    #[error("payload could not be compressed: {0}")]
    Compress(#[source] std::io::Error),
}

/// Why an envelope is refused.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum OpenError {
    /// Shorter than a header or than the payload that it states.
    #[error("envelope has {got} bytes where {want} are needed")]
    Short {
        /// Bytes there.
        got: usize,
        /// Bytes needed.
        want: usize,
    },
    /// Bytes after the payload.
    #[error("envelope has {0} bytes after its payload")]
    Trailing(usize),
    /// Not an envelope.
    #[error("these bytes are not an envelope: unknown magic")]
    Magic,
    /// An envelope for something else.
    #[error("envelope is of kind {got:?} where {want:?} is expected")]
    Domain {
        /// What it is for.
        got: Domain,
        /// What is expected here.
        want: Domain,
    },
    /// Another version of the format, or a flag that is not known.
    #[error(
        "envelope has version {version} and flags {flags:#x}; this program understands version 1, flags 0 and 1"
    )]
    Version {
        /// The version it states.
        version: u16,
        /// Its flags.
        flags: u16,
    },
    /// A length above its limit.
    #[error(
        "envelope states a payload of {stored} bytes ({inflated} inflated); at most {PAYLOAD_STORED_MAX_BYTES} ({PAYLOAD_INFLATED_MAX_BYTES}) are allowed"
    )]
    TooLarge {
        /// Stored length.
        stored: usize,
        /// Inflated length.
        inflated: usize,
    },
    /// Signed by another key than the one expected.
    #[error("envelope is signed by key {got}, not by key {want}")]
    WrongKey {
        /// Key id in the header.
        got: KeyId,
        /// Key id expected.
        want: KeyId,
    },
    /// The signature does not fit.
    #[error("the envelope's signature is wrong")]
    Signature,
    /// The payload is not the one that was signed.
    #[error("the payload's SHA-256 is not the one that was signed")]
    PayloadHash,
    /// The payload does not inflate to the stated length.
    #[error("the payload does not inflate to the stated {0} bytes")]
    Inflate(usize),
}

/// Seals a payload. It is compressed where that makes it smaller.
pub fn seal(stamp: &Stamp, payload: &[u8], key: &SigningKey) -> Result<Vec<u8>, SealError> {
    let too_large = |bytes, form, max| SealError::TooLarge { bytes, form, max };
    if payload.len() > PAYLOAD_INFLATED_MAX_BYTES {
        return Err(too_large(payload.len(), "before compression", PAYLOAD_INFLATED_MAX_BYTES));
    }
    let packed = if payload.len() < COMPRESS_MIN_BYTES {
        None
    } else {
        Some(deflate(payload).map_err(SealError::Compress)?)
    };
    let (flags, stored) = match packed.as_deref() {
        Some(packed) if packed.len() < payload.len() => (FLAG_ZSTD, packed),
        _ => (0, payload),
    };
    if stored.len() > PAYLOAD_STORED_MAX_BYTES {
        return Err(too_large(stored.len(), "compressed", PAYLOAD_STORED_MAX_BYTES));
    }
    let mut out = Vec::with_capacity(ENVELOPE_HEADER_BYTES.saturating_add(stored.len()));
    out.extend(stamp.domain.magic());
    out.extend(VERSION.to_be_bytes());
    out.extend(flags.to_be_bytes());
    out.extend(key.public().id().0);
    out.extend(stamp.host.0);
    out.extend(stamp.epoch.to_be_bytes());
    out.extend(stamp.seq.to_be_bytes());
    out.extend(stamp.prev);
    out.extend(stamp.boot.0);
    out.extend(stamp.wall_ns.to_be_bytes());
    out.extend(stamp.boottime_ns.to_be_bytes());
    out.extend(len_u32(stored.len()).to_be_bytes());
    out.extend(len_u32(payload.len()).to_be_bytes());
    out.extend(sha256(stored));
    debug_assert_eq!(out.len(), ENVELOPE_SIGNED_BYTES);
    let signature = key.sign(&out);
    out.extend(signature);
    out.extend(stored);
    Ok(out)
}

/// Both limits are far below 2³², so that nothing is cut here.
fn len_u32(len: usize) -> u32 {
    u32::try_from(len).unwrap_or(u32::MAX)
}

/// Reads a header without trusting it: only to find out whose key to verify with.
pub fn peek(bytes: &[u8]) -> Result<Header, OpenError> {
    let mut r = Reader { bytes, at: 0 };
    let domain = Domain::from_magic(r.take()?).ok_or(OpenError::Magic)?;
    let (version, flags) = (u16::from_be_bytes(r.take()?), u16::from_be_bytes(r.take()?));
    if version != VERSION || flags & !FLAG_ZSTD != 0 {
        return Err(OpenError::Version { version, flags });
    }
    let key = KeyId(r.take()?);
    let stamp = Stamp {
        domain,
        host: HostId(r.take()?),
        epoch: u64::from_be_bytes(r.take()?),
        seq: u64::from_be_bytes(r.take()?),
        prev: r.take()?,
        boot: BootId(r.take()?),
        wall_ns: u64::from_be_bytes(r.take()?),
        boottime_ns: u64::from_be_bytes(r.take()?),
    };
    let stored = usize::try_from(u32::from_be_bytes(r.take()?)).unwrap_or(usize::MAX);
    let inflated = usize::try_from(u32::from_be_bytes(r.take()?)).unwrap_or(usize::MAX);
    let zstd = flags & FLAG_ZSTD != 0;
    if stored > PAYLOAD_STORED_MAX_BYTES
        || inflated > PAYLOAD_INFLATED_MAX_BYTES
        || (!zstd && stored != inflated)
    {
        return Err(OpenError::TooLarge { stored, inflated });
    }
    let payload_sha256 = r.take()?;
    let hash = header_hash(bytes);
    Ok(Header { stamp, key, zstd, stored_len: stored, inflated_len: inflated, payload_sha256, hash })
}

/// Verifies a header's domain, key and signature. The payload is not looked at.
pub fn verify_header(bytes: &[u8], want: Domain, key: &PublicKey) -> Result<Header, OpenError> {
    let header = peek(bytes)?;
    if header.stamp.domain != want {
        return Err(OpenError::Domain { got: header.stamp.domain, want });
    }
    if header.key != key.id() {
        return Err(OpenError::WrongKey { got: header.key, want: key.id() });
    }
    let short = || OpenError::Short { got: bytes.len(), want: ENVELOPE_HEADER_BYTES };
    let signed = bytes.get(..ENVELOPE_SIGNED_BYTES).ok_or_else(short)?;
    let signature = bytes.get(ENVELOPE_SIGNED_BYTES..ENVELOPE_HEADER_BYTES).ok_or_else(short)?;
    if key.verifies(signed, signature) { Ok(header) } else { Err(OpenError::Signature) }
}

/// Verifies an envelope from header to payload and returns the payload inflated.
pub fn open(bytes: &[u8], want: Domain, key: &PublicKey) -> Result<(Header, Vec<u8>), OpenError> {
    let header = verify_header(bytes, want, key)?;
    let payload = open_payload(&header, bytes)?;
    Ok((header, payload))
}

/// The payload of an envelope whose header was verified: its hash, then its inflation.
pub fn open_payload(header: &Header, bytes: &[u8]) -> Result<Vec<u8>, OpenError> {
    let want = ENVELOPE_HEADER_BYTES.saturating_add(header.stored_len);
    // Without a payload too: a header that ends before its signature holds nothing.
    if bytes.len() < want {
        return Err(OpenError::Short { got: bytes.len(), want });
    }
    let stored = bytes.get(ENVELOPE_HEADER_BYTES..).unwrap_or_default();
    if stored.len() > header.stored_len {
        return Err(OpenError::Trailing(stored.len().saturating_sub(header.stored_len)));
    }
    if sha256(stored) != header.payload_sha256 {
        return Err(OpenError::PayloadHash);
    }
    if !header.zstd {
        return Ok(stored.to_vec());
    }
    let inflated = inflate(stored, header.inflated_len).ok_or(OpenError::Inflate(header.inflated_len))?;
    if inflated.len() == header.inflated_len {
        Ok(inflated)
    } else {
        Err(OpenError::Inflate(header.inflated_len))
    }
}

/// Each thread keeps its workspace, as for inflating.
fn deflate(payload: &[u8]) -> std::io::Result<Vec<u8>> {
    thread_local! {
        static KEPT: RefCell<Option<zstd::bulk::Compressor<'static>>> = const { RefCell::new(None) };
    }
    KEPT.with_borrow_mut(|kept| {
        let deflater = match kept {
            Some(deflater) => deflater,
            None => kept.insert(zstd::bulk::Compressor::new(ZSTD_LEVEL)?),
        };
        deflater.compress(payload)
    })
}

/// At most `len` bytes, or nothing. Each thread keeps its workspace: a new one costs as much as a small payload.
fn inflate(stored: &[u8], len: usize) -> Option<Vec<u8>> {
    thread_local! {
        static KEPT: RefCell<Option<zstd::bulk::Decompressor<'static>>> = const { RefCell::new(None) };
    }
    KEPT.with_borrow_mut(|kept| {
        let inflater = match kept {
            Some(inflater) => inflater,
            None => kept.insert(zstd::bulk::Decompressor::new().ok()?),
        };
        inflater.decompress(stored, len).ok()
    })
}

/// SHA-256 of bytes 0..156 of an envelope: the next envelope's `prev`.
pub fn header_hash(bytes: &[u8]) -> [u8; 32] {
    sha256(bytes.get(..ENVELOPE_SIGNED_BYTES).unwrap_or(bytes))
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], OpenError> {
        let end = self.at.saturating_add(N);
        let short = OpenError::Short { got: self.bytes.len(), want: ENVELOPE_HEADER_BYTES };
        let part = self.bytes.get(self.at..end).ok_or(short)?;
        self.at = end;
        let mut out = [0_u8; N];
        out.copy_from_slice(part);
        Ok(out)
    }
}

#[cfg(test)]
mod tests;
