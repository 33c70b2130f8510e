//! `status.json`: what the running agent sees, keeps and ships; written each interval, read by `hostmeter-agent status`.

use crate::limits::STATE_FILE_MAX_BYTES;
use crate::state::{StateError, io_at, open_in_place, parse_json, to_json};
use hostmeter_core::duration;
use hostmeter_core::units::rfc3339;
use hostmeter_core::wire::ack::HostState;
use hostmeter_core::wire::batch::Coverage;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

/// Everything that `status` shows. Times are wall-clock milliseconds unless the name says otherwise.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// Version of the agent.
    pub version: String,
    /// Name of the host.
    pub host: String,
    /// Process id of the agent.
    pub pid: u32,
    /// When this was written.
    pub written_ms: i64,
    /// What the last sweep said.
    pub sample: SampleStatus,
    /// The spool.
    pub spool: SpoolStatus,
    /// The way to the collector.
    pub ship: ShipStatus,
    /// The collector's time on this host.
    pub clock: ClockStatus,
}

/// Sampling.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SampleStatus {
    /// `proc` or `ebpf`.
    pub tier: String,
    /// What the sweep saw of the truth.
    pub coverage: Coverage,
    /// What is not seen and why; empty if all is seen.
    pub limited: String,
    /// Length of an interval now, milliseconds.
    pub interval_ms: i64,
    /// End of the last durable interval, collector time.
    pub last_to_ms: Option<i64>,
    /// Accounts known.
    pub accounts: usize,
    /// The last thing that went wrong while sampling or sealing; empty in good order.
    pub error: String,
}

/// The spool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SpoolStatus {
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes not acknowledged.
    pub unacked_bytes: u64,
    /// Most unacknowledged bytes.
    pub cap_bytes: u64,
    /// Number of the last batch made.
    pub last_seq: u64,
    /// Damage found when the spool was opened; empty if none.
    pub damage: String,
}

/// Shipping.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ShipStatus {
    /// Address of the collector.
    pub url: String,
    /// Highest number that is durable with the collector; absent before the first answer.
    pub durable_seq: Option<u64>,
    /// Highest number that a backup of the collector holds.
    pub archived_seq: Option<u64>,
    /// When the last acknowledgement came.
    pub last_ack_ms: Option<i64>,
    /// How the collector treats this host.
    pub state: Option<HostState>,
    /// Why the last request failed; empty in good order.
    pub error: String,
    /// Why nothing is sent any more; empty in good order.
    pub stopped: String,
}

/// The collector's time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct ClockStatus {
    /// Whether the collector was ever heard.
    pub heard: bool,
    /// Collector time less wall clock, milliseconds.
    pub skew_ms: i64,
    /// How long time must pass before the next interval can be sealed, milliseconds; 0 in good order.
    pub behind_ms: i64,
}

/// Name of the file in the state directory.
pub fn file(state_dir: &Path) -> PathBuf {
    state_dir.join("status.json")
}

/// The file as the running agent writes it: in place, since a new file at every sample would cost more than the sweep.
/// A lock keeps readers from seeing half of it.
#[derive(Debug)]
pub struct StatusFile {
    path: PathBuf,
    file: File,
    len: usize,
}

impl StatusFile {
    /// Opens the file, and makes it where it is missing.
    pub fn open(state_dir: &Path) -> Result<Self, StateError> {
        let path = file(state_dir);
        let file = open_in_place(&path)?;
        let len = file.metadata().map_err(io_at(&path))?.len();
        let len = usize::try_from(len.min(STATE_FILE_MAX_BYTES)).unwrap_or(0);
        Ok(Self { path, file, len })
    }

    /// Writes it. While somebody reads it, the old one stays.
    pub fn write(&mut self, status: &Status) -> Result<(), StateError> {
        let mut bytes = to_json(status);
        debug_assert!(u64::try_from(bytes.len()).unwrap_or(u64::MAX) < STATE_FILE_MAX_BYTES);
        let len = bytes.len();
        // Blanks hide what a longer one left.
        bytes.resize(len.max(self.len), b' ');
        match flock(&self.file, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK) => return Ok(()),
            locked => locked.map_err(|e| io_at(&self.path)(e.into()))?,
        }
        let written = self.file.write_all_at(&bytes, 0);
        self.len = bytes.len();
        flock(&self.file, FlockOperation::Unlock).map_err(|e| io_at(&self.path)(e.into()))?;
        written.map_err(io_at(&self.path))
    }
}

/// Reads the file; `None` if no agent ever ran here.
pub fn read(state_dir: &Path) -> Result<Option<Status>, StateError> {
    let path = file(state_dir);
    let file = match File::open(&path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        opened => opened.map_err(io_at(&path))?,
    };
    flock(&file, FlockOperation::LockShared).map_err(|e| io_at(&path)(e.into()))?;
    let mut bytes = Vec::new();
    file.take(STATE_FILE_MAX_BYTES).read_to_end(&mut bytes).map_err(io_at(&path))?;
    if bytes.trim_ascii().is_empty() {
        return Ok(None);
    }
    parse_json(&path, &bytes, "it is written anew by the running agent").map(Some)
}

/// The status at a moment, for people.
#[derive(Debug)]
pub struct Shown<'a> {
    /// What was written.
    pub status: &'a Status,
    /// Whether an agent runs now.
    pub is_running: bool,
    /// Wall clock now, milliseconds.
    pub now_ms: i64,
}

impl Shown<'_> {
    fn ago(&self, then_ms: i64) -> String {
        let ms = self.now_ms.saturating_sub(then_ms).max(0);
        format!("{} ago", duration::format(ms / 1_000 * 1_000))
    }
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let s = self.status;
        let running =
            if self.is_running { format!("running, pid {}", s.pid) } else { "NOT RUNNING".to_owned() };
        writeln!(
            f,
            "agent      {} {}, host {}, written {}",
            s.version,
            running,
            s.host,
            self.ago(s.written_ms)
        )?;
        let seen = if s.sample.limited.is_empty() { "sees all of /proc" } else { s.sample.limited.as_str() };
        let interval = duration::format(s.sample.interval_ms);
        writeln!(
            f,
            "sampling   tier {}, every {interval}, {} accounts, {seen}",
            s.sample.tier, s.sample.accounts
        )?;
        writeln!(f, "coverage   {}", Percent(&s.sample.coverage))?;
        let last = s.sample.last_to_ms.map_or_else(|| "none yet".to_owned(), rfc3339);
        writeln!(f, "interval   last durable until {last}")?;
        let p = &s.spool;
        writeln!(
            f,
            "spool      batch {}, {} bytes, {} of {} not acknowledged",
            p.last_seq, p.bytes, p.unacked_bytes, p.cap_bytes
        )?;
        let acked = s.ship.last_ack_ms.map_or_else(|| "never acknowledged".to_owned(), |t| self.ago(t));
        let durable = s.ship.durable_seq.map_or_else(|| "?".to_owned(), |n| n.to_string());
        let state = s.ship.state.map_or("not heard yet", HostState::as_str);
        writeln!(f, "collector  {}: durable {durable}, {acked}, host is {state}", s.ship.url)?;
        writeln!(f, "time       collector {:+} ms to the local clock", s.clock.skew_ms)?;
        let problems = [
            ("sampling", &s.sample.error),
            ("spool", &s.spool.damage),
            ("shipping", &s.ship.error),
            ("STOPPED", &s.ship.stopped),
        ];
        for (what, why) in problems.into_iter().filter(|(_, why)| !why.is_empty()) {
            writeln!(f, "problem    {what}: {why}")?;
        }
        if s.clock.behind_ms > 0 {
            let wait = duration::format(s.clock.behind_ms);
            writeln!(
                f,
                "problem    the collector's time stands {wait} before the last interval; intervals stay open"
            )?;
        }
        Ok(())
    }
}

struct Percent<'a>(&'a Coverage);

impl fmt::Display for Percent<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [("cpu", self.0.cpu_ppm), ("io", self.0.io_ppm), ("memory", self.0.memory_ppm)];
        for (i, (name, ppm)) in parts.into_iter().enumerate() {
            let comma = if i == 0 { "" } else { ", " };
            match ppm {
                Some(ppm) => write!(f, "{comma}{name} {}.{:02} %", ppm / 10_000, ppm % 10_000 / 100)?,
                None => write!(f, "{comma}{name} not known")?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_read() {
        let mut status = Status {
            version: "0.1.0".to_owned(),
            host: "web1".to_owned(),
            pid: 7,
            written_ms: 100_000,
            ..Status::default()
        };
        status.sample.tier = "proc".to_owned();
        status.sample.interval_ms = 10_000;
        status.sample.last_to_ms = Some(90_000);
        status.sample.coverage.cpu_ppm = Some(999_640);
        status.ship.url = "https://collector.example.org".to_owned();
        status.ship.last_ack_ms = Some(95_000);
        status.ship.durable_seq = Some(12);
        status.ship.state = Some(HostState::Live);
        let show = |status: &Status, is_running| Shown { status, is_running, now_ms: 103_400 }.to_string();
        insta::assert_snapshot!("running", show(&status, true));
        status.sample.limited = "not root: only own processes".to_owned();
        status.ship.stopped = "FORK".to_owned();
        status.ship.error = "connection refused".to_owned();
        status.clock.behind_ms = 60_000;
        insta::assert_snapshot!("in_trouble", show(&status, false));
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(read(dir.path()).unwrap(), None);
        let mut file = StatusFile::open(dir.path()).unwrap();
        assert_eq!(read(dir.path()).unwrap(), None, "nothing was written yet");
        file.write(&status).unwrap();
        assert_eq!(read(dir.path()).unwrap().as_ref(), Some(&status));
        // A shorter one over a longer one, by the next agent.
        status.ship.error.clear();
        StatusFile::open(dir.path()).unwrap().write(&status).unwrap();
        assert_eq!(read(dir.path()).unwrap(), Some(status));
    }
}
