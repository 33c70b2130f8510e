//! What agent and executor say to each other: one JSON object a line over a unix socket, one reply a request.
//!
//! | request | reply |
//! | --- | --- |
//! | `{"op":"deliver","envelope":"<base64>"}` | `{"ok":true}` once the intent or the refusal is durable |
//! | `{"op":"outcomes","after":0,"wait_ms":0}` | `{"ok":true,"outcomes":[{"serial":1,"outcome":{…}}]}` |
//! | `{"op":"forget","upto":1}` | `{"ok":true}`: the agent has made these outcomes durable |
//! | `{"op":"begun_acked","numbers":[4]}` | `{"ok":true}`: the collector has acknowledged these `begun` |
//! | `{"op":"disk","uids":[1001]}` | `{"ok":true,"disk":[{"device":[8,1],"rows":[[1001,KIB,FILES]]}]}`, read only |
//! | `{"op":"status"}` | `{"ok":true,"status":{…}}` |
//!
//! Whatever goes wrong: `{"ok":false,"error":"…"}`. A request that failed may be sent again.

use super::limits::{REPLY_MAX_BYTES, REQUEST_MAX_BYTES};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hostmeter_core::ids::HostId;
use hostmeter_core::wire::command::Outcome;
use serde::{Deserialize, Serialize};
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// One request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// A command's envelope, exactly as the collector sealed it.
    Deliver {
        /// The envelope in standard base64.
        envelope: String,
    },
    /// Outcomes with a serial above `after`, oldest first.
    Outcomes {
        /// The last serial that is known already; 0 for all.
        after: u64,
        /// How long to wait for one if there is none, in milliseconds.
        #[serde(default)]
        wait_ms: u64,
    },
    /// Outcomes up to and with this serial are durable elsewhere.
    Forget {
        /// The last serial that may be forgotten.
        upto: u64,
    },
    /// The collector has acknowledged the `begun` of these commands.
    BegunAcked {
        /// Numbers of the commands.
        numbers: Vec<u64>,
    },
    /// What these uids have on file systems with user quotas; nothing is changed.
    Disk {
        /// At most [`super::limits::QUOTA_UIDS_MAX`].
        uids: Vec<u32>,
    },
    /// Where the executor stands.
    Status,
}

/// One reply; which fields are there depends on the request.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Whether the request was carried out.
    pub ok: bool,
    /// Why it was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Answer to `outcomes`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcomes: Option<Vec<Numbered>>,
    /// Answer to `disk`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<Vec<FileSystemUse>>,
    /// Answer to `status`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
}

impl Reply {
    /// Carried out, nothing to say.
    pub fn done() -> Self {
        Self { ok: true, ..Self::default() }
    }

    /// Not carried out.
    pub fn failed(error: impl Into<String>) -> Self {
        Self { error: Some(error.into()), ..Self::default() }
    }
}

/// An outcome with its place in the executor's queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Numbered {
    /// Rises by one for each outcome of this executor and is never used twice.
    pub serial: u64,
    /// What became of the command.
    pub outcome: Outcome,
}

/// What users have on one file system with user quotas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileSystemUse {
    /// Major and minor number of its device.
    pub device: (u32, u32),
    /// Uid, KiB (rounded up) and inodes; every uid that was asked for, or none if there is an error.
    pub rows: Vec<(u32, u64, u64)>,
    /// Why its quotas cannot be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Where the executor stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of the executor.
    pub version: String,
    /// The host that it trusts to be.
    pub host: HostId,
    /// Epoch below which commands are refused.
    pub epoch: u64,
    /// The driver's name.
    pub driver: String,
    /// Outcomes that the agent has not forgotten yet.
    pub outcomes: u64,
    /// Suspensions counted in the last hour.
    pub suspensions_in_hour: u64,
    /// Deletions counted in the last day.
    pub deletions_in_day: u64,
    /// Every account that was ever acted on.
    pub accounts: Vec<AccountStatus>,
}

/// One account as the executor's record knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountStatus {
    /// Numeric user id.
    pub uid: u32,
    /// Escaped user name.
    pub user: String,
    /// `active`, `suspended`, `deleted` or `purged`.
    pub phase: String,
    /// Highest generation that is done.
    pub generation: u64,
    /// The command that is open, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<u64>,
    /// For how long it has been suspended, in milliseconds of the executor's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_for_ms: Option<i64>,
}

/// Why a line could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum ProtocolError {
    /// The socket failed.
    #[error("{0}")]
    Io(#[from] std::io::Error),
    /// More bytes than one line may have.
    #[error("a line has more than {0} bytes; the connection is closed")]
    TooLong(usize),
    /// Not JSON of the expected shape.
    #[error("not understood: {0}")]
    Json(#[from] serde_json::Error),
    /// The other side closed the connection before its reply.
    #[error("the executor closed the connection before its reply")]
    Closed,
    /// The executor refused.
    #[error("the executor says: {0}")]
    Refused(String),
}

/// Reads one line of at most `max` bytes, newline included; `None` at the end of the stream.
pub fn read_line(from: &mut impl BufRead, max: usize) -> Result<Option<Vec<u8>>, ProtocolError> {
    let mut line = Vec::new();
    let limit = u64::try_from(max).unwrap_or(u64::MAX);
    let read = from.by_ref().take(limit).read_until(b'\n', &mut line)?;
    match line.pop() {
        None => Ok(None),
        Some(b'\n') => Ok(Some(line)),
        Some(_) if read >= max => Err(ProtocolError::TooLong(max)),
        Some(_) => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof).into()),
    }
}

/// Writes one value as one line.
pub fn write_line(to: &mut impl Write, value: &impl Serialize) -> Result<(), ProtocolError> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    to.write_all(&line)?;
    Ok(to.flush()?)
}

/// The agent's end of the socket. Calls block for at most the time limit given at [`Client::connect`].
#[derive(Debug)]
pub struct Client {
    stream: BufReader<UnixStream>,
}

impl Client {
    /// Connects. `timeout` bounds each read and write of every later call; give it some seconds, and more than any
    /// `wait_ms` asked for.
    pub fn connect(socket: &Path, timeout: Duration) -> Result<Self, ProtocolError> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(timeout))?;
        stream.set_write_timeout(Some(timeout))?;
        Ok(Self { stream: BufReader::new(stream) })
    }

    /// One request and its reply; a reply that is not `ok` is an error. After an error the connection is of no more
    /// use, except after [`ProtocolError::Refused`].
    pub fn call(&mut self, request: &Request) -> Result<Reply, ProtocolError> {
        // An executor that lets nobody in says so and closes, perhaps before the request is written: its word counts.
        let written = write_line(self.stream.get_mut(), request);
        let read = read_line(&mut self.stream, REPLY_MAX_BYTES);
        let line = match (written, read) {
            (_, Ok(Some(line))) => line,
            (Err(e), _) | (Ok(()), Err(e)) => return Err(e),
            (Ok(()), Ok(None)) => return Err(ProtocolError::Closed),
        };
        let reply: Reply = serde_json::from_slice(&line)?;
        if reply.ok {
            return Ok(reply);
        }
        Err(ProtocolError::Refused(reply.error.unwrap_or_else(|| "no reason given".to_owned())))
    }

    /// Hands over a command's envelope. `Ok` means that it is durable, also if it was refused: see the outcomes.
    pub fn deliver(&mut self, envelope: &[u8]) -> Result<(), ProtocolError> {
        self.call(&Request::Deliver { envelope: STANDARD.encode(envelope) }).map(drop)
    }

    /// Outcomes above a serial, at most [`super::limits::REPLY_OUTCOMES_MAX`] at once.
    pub fn outcomes(&mut self, after: u64, wait: Duration) -> Result<Vec<Numbered>, ProtocolError> {
        let wait_ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        Ok(self.call(&Request::Outcomes { after, wait_ms })?.outcomes.unwrap_or_default())
    }

    /// Outcomes up to this serial are durable with the agent.
    pub fn forget(&mut self, upto: u64) -> Result<(), ProtocolError> {
        self.call(&Request::Forget { upto }).map(drop)
    }

    /// The collector has acknowledged the batch with `begun` of these commands.
    pub fn begun_acked(&mut self, numbers: &[u64]) -> Result<(), ProtocolError> {
        self.call(&Request::BegunAcked { numbers: numbers.to_vec() }).map(drop)
    }

    /// What uids have on file systems with user quotas; at most [`super::limits::QUOTA_UIDS_MAX`] uids.
    pub fn disk(&mut self, uids: &[u32]) -> Result<Vec<FileSystemUse>, ProtocolError> {
        Ok(self.call(&Request::Disk { uids: uids.to_vec() })?.disk.unwrap_or_default())
    }

    /// Where the executor stands, with each account's generation done.
    pub fn status(&mut self) -> Result<Status, ProtocolError> {
        let reply = self.call(&Request::Status)?;
        reply.status.ok_or_else(|| ProtocolError::Refused("a reply without a status".to_owned()))
    }
}

/// Reads a request's line.
pub fn parse_request(line: &[u8]) -> Result<Request, ProtocolError> {
    Ok(serde_json::from_slice(line)?)
}

const _: () = assert!(REQUEST_MAX_BYTES <= REPLY_MAX_BYTES);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_bounded() {
        let check = |text: &str, max: usize, want: &str| {
            let mut from = BufReader::new(text.as_bytes());
            let got = match read_line(&mut from, max) {
                Ok(Some(line)) => String::from_utf8(line).unwrap(),
                Ok(None) => "end".to_owned(),
                Err(e) => e.to_string(),
            };
            assert_eq!(got, want, "{text:?}");
        };
        check("abc\nde", 10, "abc");
        check("abc\n", 4, "abc");
        check("abcd\n", 4, "a line has more than 4 bytes; the connection is closed");
        check("", 4, "end");
        check("ab", 4, "unexpected end of file");
    }

    #[test]
    fn a_refusal_is_heard_though_the_request_could_not_be_written() {
        let (near, mut far) = UnixStream::pair().unwrap();
        let mut client = Client { stream: BufReader::new(near) };
        write_line(&mut far, &Reply::failed("not you")).unwrap();
        drop(far);
        assert_eq!(client.status().unwrap_err().to_string(), "the executor says: not you");
        assert!(matches!(client.status().unwrap_err(), ProtocolError::Io(_)));
    }

    #[test]
    fn requests_read_as_written_down() {
        let check = |text: &str, want: Option<Request>| {
            assert_eq!(parse_request(text.as_bytes()).ok(), want, "{text}");
        };
        check(r#"{"op":"deliver","envelope":"AA=="}"#, Some(Request::Deliver { envelope: "AA==".into() }));
        check(r#"{"op":"outcomes","after":3}"#, Some(Request::Outcomes { after: 3, wait_ms: 0 }));
        check(r#"{"op":"forget","upto":3}"#, Some(Request::Forget { upto: 3 }));
        check(r#"{"op":"begun_acked","numbers":[4]}"#, Some(Request::BegunAcked { numbers: vec![4] }));
        check(r#"{"op":"disk","uids":[1001,1002]}"#, Some(Request::Disk { uids: vec![1001, 1002] }));
        check(r#"{"op":"disk"}"#, None);
        check(r#"{"op":"status"}"#, Some(Request::Status));
        check(r#"{"op":"stop"}"#, None);
        check(r#"{"op":"forget","upto":3,"x":1}"#, None);
        check("", None);
    }
}
