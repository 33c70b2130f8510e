//! One record of the journal, as bytes: a fixed header with the hash of the record before, then the rows.

use hostmeter_core::wire::key::sha256;

/// What every segment begins with.
pub(crate) const MAGIC: &[u8; 8] = b"HMJRNL01";
/// Bytes of a record's header: length 4, serial 8, time 8, hash before 32, hash 32, check 8.
pub(crate) const HEADER_BYTES: usize = 92;
const HASHED: usize = 52;
const CHECKED: usize = 84;

/// A record, as read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Record<'a> {
    /// Number of the transaction that it describes.
    pub(crate) serial: u64,
    /// When it was committed, milliseconds since the epoch.
    pub(crate) at_ms: i64,
    /// Hash of the record before.
    pub(crate) prev: [u8; 32],
    /// Its own.
    pub(crate) hash: [u8; 32],
    /// Rows, compressed.
    pub(crate) payload: &'a [u8],
}

/// What is wrong with the bytes at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The bytes end, or hold nothing but zeros, before the record does; or the last record's content is not what was
    /// written: a power cut while it was written leaves that.
    CutShort,
    /// Bytes were changed.
    Damaged,
}

/// Writes a record.
pub(crate) fn encode(serial: u64, at_ms: i64, prev: &[u8; 32], payload: &[u8]) -> (Vec<u8>, [u8; 32]) {
    // Bounded by JOURNAL_RECORD_MAX_BYTES, far below 4 GiB.
    let len = u32::try_from(payload.len()).unwrap_or(u32::MAX);
    let mut out = Vec::with_capacity(HEADER_BYTES.saturating_add(payload.len()));
    out.extend_from_slice(&len.to_be_bytes());
    out.extend_from_slice(&serial.to_be_bytes());
    out.extend_from_slice(&at_ms.to_be_bytes());
    out.extend_from_slice(prev);
    let hash = hash(&out, payload);
    out.extend_from_slice(&hash);
    let check = sha256(&out);
    out.extend(check.iter().take(HEADER_BYTES - CHECKED));
    out.extend_from_slice(payload);
    (out, hash)
}

fn hash(head: &[u8], payload: &[u8]) -> [u8; 32] {
    let mut both = head.to_vec();
    both.extend_from_slice(&sha256(payload));
    sha256(&both)
}

/// Reads the record at the start of `bytes`; `None` at their end. Also says how long it is.
pub(crate) fn decode(bytes: &[u8]) -> Result<Option<(Record<'_>, usize)>, Fault> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let zeros = || bytes.iter().all(|b| *b == 0);
    let Some((head, rest)) = bytes.split_at_checked(HEADER_BYTES) else { return Err(Fault::CutShort) };
    let (signed, check) = head.split_at(CHECKED);
    if !sha256(signed).starts_with(check) {
        return Err(if zeros() { Fault::CutShort } else { Fault::Damaged });
    }
    let fields = || {
        let (len, r) = signed.split_first_chunk::<4>()?;
        let (serial, r) = r.split_first_chunk::<8>()?;
        let (at, r) = r.split_first_chunk::<8>()?;
        let (prev, r) = r.split_first_chunk::<32>()?;
        Some((
            u32::from_be_bytes(*len),
            u64::from_be_bytes(*serial),
            i64::from_be_bytes(*at),
            *prev,
            *r.first_chunk::<32>()?,
        ))
    };
    let (len, serial, at_ms, prev, own) = fields().ok_or(Fault::Damaged)?;
    let len = usize::try_from(len).map_err(|_| Fault::Damaged)?;
    let Some((payload, behind)) = rest.split_at_checked(len) else { return Err(Fault::CutShort) };
    if hash(signed.get(..HASHED).ok_or(Fault::Damaged)?, payload) != own {
        return Err(if behind.is_empty() { Fault::CutShort } else { Fault::Damaged });
    }
    Ok(Some((Record { serial, at_ms, prev, hash: own, payload }, HEADER_BYTES.saturating_add(len))))
}
