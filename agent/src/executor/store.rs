//! The executor's state directory: accounts, outcomes not yet forgotten, and the small state beside them.
//!
//! `state.json` (clock, epoch, windows of the breaker), `accounts/UID.json`, `outcomes/SERIAL.json`. Each file is
//! written whole and durable before anything relies on it.

use super::breaker::Window;
use super::clock::Mark;
use super::files::{self, FileError};
use super::limits::ACCOUNTS_MAX;
use super::record::{RECORD_VERSION, Record};
use super::trust::Trust;
use hostmeter_core::wire::command::Outcome;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};

/// What concerns the whole host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// The executor's clock when this was written.
    pub clock: Mark,
    /// The trust under which `epoch` was reached.
    pub trust: Option<Trust>,
    /// Every serial up to this one was used.
    pub serial: u64,
    /// Suspensions of the last hour.
    pub suspensions: Window,
    /// Deletions of the last day.
    pub deletions: Window,
}

/// The state directory, locked for this process.
#[derive(Debug)]
pub struct Store {
    dir: PathBuf,
    _lock: File,
}

/// Everything that was found at the start.
#[derive(Debug)]
pub struct Loaded {
    /// Host-wide state.
    pub state: State,
    /// Records by uid.
    pub records: BTreeMap<u32, Record>,
    /// Outcomes by serial.
    pub outcomes: BTreeMap<u64, Outcome>,
}

impl Store {
    /// Opens the directory, makes what is missing, and takes the lock.
    pub fn open(dir: &Path) -> Result<Self, FileError> {
        for dir in [dir, &dir.join("accounts"), &dir.join("outcomes")] {
            files::private_dir(dir)?;
        }
        Ok(Self { dir: dir.to_owned(), _lock: files::lock(&dir.join("lock"))? })
    }

    /// Reads everything.
    pub fn load(&self) -> Result<Loaded, FileError> {
        let mut state: State = files::read_json(&self.dir.join("state.json"))?.unwrap_or_default();
        let records: BTreeMap<u32, Record> = read_all(&self.dir.join("accounts"))?;
        if let Some(newer) = records.values().find(|r| r.v > RECORD_VERSION) {
            let path = self.account_path(newer.account.uid);
            let why = format!("version {} is newer than this program knows ({RECORD_VERSION})", newer.v);
            return Err(FileError::io(&path, std::io::Error::other(why)));
        }
        let outcomes: BTreeMap<u64, Outcome> = read_all(&self.dir.join("outcomes"))?;
        state.serial = state.serial.max(outcomes.keys().next_back().copied().unwrap_or_default());
        Ok(Loaded { state, records, outcomes })
    }

    /// Writes the host-wide state.
    pub fn save_state(&self, state: &State) -> Result<(), FileError> {
        files::write_json(&self.dir.join("state.json"), state)
    }

    /// Writes one account's record.
    pub fn save_record(&self, record: &Record) -> Result<(), FileError> {
        files::write_json(&self.account_path(record.account.uid), record)
    }

    /// Writes one outcome.
    pub fn save_outcome(&self, serial: u64, outcome: &Outcome) -> Result<(), FileError> {
        files::write_json(&self.outcome_path(serial), outcome)
    }

    /// Removes outcomes. One that comes back after a crash is only sent again.
    pub fn forget(&self, serials: &[u64]) -> Result<(), FileError> {
        serials.iter().try_for_each(|s| files::remove(&self.outcome_path(*s)))
    }

    fn account_path(&self, uid: u32) -> PathBuf {
        self.dir.join("accounts").join(format!("{uid}.json"))
    }

    fn outcome_path(&self, serial: u64) -> PathBuf {
        self.dir.join("outcomes").join(format!("{serial:020}.json"))
    }
}

/// Every `NUMBER.json` of a directory; what a crash left beside (`.tmp`) is removed.
fn read_all<K, V>(dir: &Path) -> Result<BTreeMap<K, V>, FileError>
where
    K: std::str::FromStr + Ord,
    V: serde::de::DeserializeOwned,
{
    let mut out = BTreeMap::new();
    for entry in std::fs::read_dir(dir).map_err(|e| FileError::io(dir, e))? {
        let path = entry.map_err(|e| FileError::io(dir, e))?.path();
        let stem = path.file_stem().and_then(|s| s.to_str()).unwrap_or_default();
        match path.extension().and_then(|e| e.to_str()) {
            Some("tmp") => files::remove(&path)?,
            Some("json") => {
                let Ok(key) = stem.parse() else { continue };
                if let Some(value) = files::read_json(&path)? {
                    out.insert(key, value);
                }
            }
            _ => {}
        }
        if out.len() > ACCOUNTS_MAX {
            let why = format!("holds more than {ACCOUNTS_MAX} files");
            return Err(FileError::io(dir, std::io::Error::other(why)));
        }
    }
    Ok(out)
}
