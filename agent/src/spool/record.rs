//! One record of a segment, from and to bytes.

use super::baseline::Columns;
use super::{SpoolError, len_u64};
use crate::interval::Baseline;
use crate::limits::{
    RECORD_MAX_BYTES, TRAILER_INFLATED_MAX_BYTES, TRAILER_MAX_BYTES, TRAILER_PLAIN_MAX_BYTES,
};
use hostmeter_core::limits::ENVELOPE_HEADER_BYTES;
use hostmeter_core::wire::envelope::{Domain, Header, peek};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt;

/// Version of the trailer.
pub const TRAILER_VERSION: u32 = 2;
/// Length and checksum before the envelope.
pub const PREFIX_BYTES: usize = 8;

/// Level of compression: trailers are written often and seldom read.
const TRAILER_LEVEL: i32 = 1;

/// What stands beside an envelope and is never sent.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Trailer<'a> {
    /// Version of the trailer.
    pub v: u32,
    /// More parts of the same interval follow: the group is not complete with this record.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
    /// End of the last interval of the group.
    pub to_ms: i64,
    /// Cumulative readings at that end; only with the last part, and only if the source outlives the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub baseline: Option<Columns<'a>>,
}

/// A trailer without its baseline, which is long and hardly ever read.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Marks {
    v: u32,
    /// More parts of the same interval follow.
    #[serde(default)]
    pub more: bool,
    /// End of the last interval of the group.
    pub to_ms: i64,
    #[serde(default, rename = "baseline")]
    _baseline: IgnoredAny,
}

#[derive(Deserialize)]
struct OnlyBaseline {
    baseline: Option<Baseline>,
}

/// A record whose checksum is good.
#[derive(Clone, Debug)]
pub struct Record {
    /// Header of the envelope (its signature is not checked: this host made it).
    pub header: Header,
    /// The envelope.
    pub envelope: Vec<u8>,
    /// Where the next record begins.
    pub end: u64,
    trailer: Vec<u8>,
}

impl Record {
    /// The trailer; `None` if it is none of ours.
    pub fn marks(&self) -> Option<Marks> {
        let marks: Marks = serde_json::from_slice(&trailer_json(&self.trailer)?).ok()?;
        (marks.v == TRAILER_VERSION).then_some(marks)
    }

    /// The baseline in the trailer; `None` if it has none that can be read.
    pub fn baseline(&self) -> Option<Baseline> {
        serde_json::from_slice::<OnlyBaseline>(&trailer_json(&self.trailer)?).ok()?.baseline
    }
}

/// What stands at a place of a segment.
#[derive(Debug)]
pub enum Step {
    /// A record.
    Record(Box<Record>),
    /// The end of the segment.
    End,
    /// No good record: torn or damaged.
    Bad,
}

/// The records of one group; every trailer but the last says that more follow.
pub fn encode_group(envelopes: &[Vec<u8>], last: &Trailer<'_>) -> Result<Vec<u8>, SpoolError> {
    let more = Trailer { more: true, baseline: None, ..*last };
    let mut out = Vec::new();
    for (i, envelope) in envelopes.iter().enumerate() {
        let is_last = i.saturating_add(1) == envelopes.len();
        let trailer = write_trailer(if is_last { last } else { &more });
        let body = envelope.len().saturating_add(trailer.len());
        if trailer.is_empty() || trailer.len() > TRAILER_MAX_BYTES || body > RECORD_MAX_BYTES {
            return Err(SpoolError::TooLarge(body));
        }
        let length = u32::try_from(body).map_err(|_| SpoolError::TooLarge(body))?.to_be_bytes();
        let crc = crc32c::crc32c_append(crc32c::crc32c_append(crc32c::crc32c(&length), envelope), &trailer);
        out.extend(length);
        out.extend(crc.to_be_bytes());
        out.extend(envelope);
        out.extend(trailer);
    }
    Ok(out)
}

/// JSON, compressed if it is long: the readings of many accounts are much alike. Empty if that failed.
fn write_trailer(trailer: &Trailer<'_>) -> Vec<u8> {
    let json = serde_json::to_vec(trailer).unwrap_or_default();
    match json.len() {
        0..=TRAILER_PLAIN_MAX_BYTES => json,
        len if len > TRAILER_INFLATED_MAX_BYTES => Vec::new(),
        _ => zstd::bulk::compress(&json, TRAILER_LEVEL).unwrap_or_default(),
    }
}

/// The JSON of a trailer.
fn trailer_json(bytes: &[u8]) -> Option<Cow<'_, [u8]>> {
    if bytes.starts_with(b"{") {
        return Some(Cow::Borrowed(bytes));
    }
    let mut json = Vec::new();
    // What is longer ends in the middle, which is no JSON.
    let limit = len_u64(TRAILER_INFLATED_MAX_BYTES);
    zstd::Decoder::with_buffer(bytes).ok()?.take(limit).read_to_end(&mut json).ok()?;
    Some(Cow::Owned(json))
}

/// Reads what stands at `offset` of a segment that has `len` bytes.
pub fn read(file: &File, offset: u64, len: u64) -> io::Result<Step> {
    let left = len.saturating_sub(offset);
    if left == 0 {
        return Ok(Step::End);
    }
    let prefix = len_u64(PREFIX_BYTES);
    if left < prefix {
        return Ok(Step::Bad);
    }
    let mut head = [0_u8; PREFIX_BYTES];
    file.read_exact_at(&mut head, offset)?;
    let [a, b, c, d, crc @ ..] = head;
    let length = [a, b, c, d];
    let body_len = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
    if !(ENVELOPE_HEADER_BYTES..=RECORD_MAX_BYTES).contains(&body_len)
        || len_u64(body_len) > left.saturating_sub(prefix)
    {
        return Ok(Step::Bad);
    }
    let mut body = vec![0_u8; body_len];
    let start = offset.saturating_add(prefix);
    file.read_exact_at(&mut body, start)?;
    if crc32c::crc32c_append(crc32c::crc32c(&length), &body) != u32::from_be_bytes(crc) {
        return Ok(Step::Bad);
    }
    let end = start.saturating_add(len_u64(body_len));
    Ok(parse(body, end).map_or(Step::Bad, |record| Step::Record(Box::new(record))))
}

fn parse(mut body: Vec<u8>, end: u64) -> Option<Record> {
    let header = peek(&body).ok()?;
    if !matches!(header.stamp.domain, Domain::Batch | Domain::Gap) {
        return None;
    }
    let split = ENVELOPE_HEADER_BYTES.checked_add(header.stored_len).filter(|n| *n <= body.len())?;
    let trailer = body.split_off(split);
    Some(Record { header, envelope: body, end, trailer })
}
