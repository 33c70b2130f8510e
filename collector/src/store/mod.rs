//! The usage store: time series for graphs and top lists. It is filled from stored envelopes, idempotently; bills never
//! depend on it.

pub mod forward;
mod pack;
pub mod sqlite;

#[cfg(test)]
mod contract;

use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::wire::batch::{GapMeter, HostTotals, TopCommand};
use std::collections::BTreeSet;
use std::path::PathBuf;

/// Why the store could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Its file could not be opened.
    #[error("{path}: {source}", path = path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// SQLite said no.
    #[error("usage store: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A row does not read as it was written.
    #[error(
        "usage store: {0} is damaged; stop the collector, remove usage.db, and it is filled again from what is kept"
    )]
    Damaged(&'static str),
    /// Something could not be written as JSON.
    #[error("usage store: {0}")]
    Json(#[from] serde_json::Error),
}

/// Which envelope rows are from: the same rows again change nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Source {
    /// Row of the host in control.db.
    pub host: i64,
    /// Epoch of the envelope.
    pub epoch: i64,
    /// Its number.
    pub seq: i64,
}

/// One account's values over an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// Row of the account in control.db.
    pub account: i64,
    /// Start, milliseconds since the epoch.
    pub from_ms: i64,
    /// End, milliseconds since the epoch.
    pub to_ms: i64,
    /// Measured meters.
    pub values: Values,
}

/// What a host reported of an interval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostInterval {
    /// Start, milliseconds since the epoch.
    pub from_ms: i64,
    /// End, milliseconds since the epoch.
    pub to_ms: i64,
    /// Meters that were measured on this host, for whatever account: one that stands in no row is then 0.
    pub measured: BTreeSet<Meter>,
    /// Its totals; absent until the last part came.
    pub totals: Option<HostTotals>,
}

/// Something not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GapRow {
    /// Start, milliseconds since the epoch.
    pub from_ms: i64,
    /// End, milliseconds since the epoch.
    pub to_ms: i64,
    /// Which meter, or all.
    pub meter: GapMeter,
    /// Which uid; absent: all accounts.
    pub uid: Option<u32>,
    /// Why.
    pub reason: String,
}

/// Commands of an account since its list before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopRow {
    /// Row of the account in control.db.
    pub account: i64,
    /// End of the interval that brought the list, milliseconds since the epoch.
    pub at_ms: i64,
    /// The commands.
    pub commands: Vec<TopCommand>,
}

/// Everything of one envelope.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Which envelope.
    pub source: Source,
    /// What accounts used.
    pub usage: Vec<UsageRow>,
    /// What the host reported.
    pub host: Vec<HostInterval>,
    /// What is not known.
    pub gaps: Vec<GapRow>,
    /// Commands.
    pub top: Vec<TopRow>,
}

/// A store of time series. Every method may block.
pub trait UsageStore: Send + Sync {
    /// Serial (table `forward`) up to which everything is stored; 0 if nothing is.
    fn position(&self) -> Result<i64, StoreError>;

    /// Stores items and the new position in one step. What is stored already stays as it is.
    fn put(&self, items: &[Item], position: i64) -> Result<(), StoreError>;

    /// Rows of an account that overlap `[from_ms, to_ms)`, by their start.
    fn usage(&self, account: i64, from_ms: i64, to_ms: i64) -> Result<Vec<UsageRow>, StoreError>;

    /// A host's intervals that overlap `[from_ms, to_ms)`, by their start.
    fn host(&self, host: i64, from_ms: i64, to_ms: i64) -> Result<Vec<HostInterval>, StoreError>;

    /// The host's latest interval with totals.
    fn host_latest(&self, host: i64) -> Result<Option<HostInterval>, StoreError>;

    /// Gaps of a host (of this uid and of all) that overlap `[from_ms, to_ms)`, by their start.
    fn gaps(&self, host: i64, uid: Option<u32>, from_ms: i64, to_ms: i64) -> Result<Vec<GapRow>, StoreError>;

    /// Lists of commands of an account with `from_ms < at_ms <= to_ms`, by time.
    fn top(&self, account: i64, from_ms: i64, to_ms: i64) -> Result<Vec<TopRow>, StoreError>;

    /// Removes some rows that end before this time; returns how many, 0 when none is left.
    fn remove_before(&self, before_ms: i64) -> Result<usize, StoreError>;
}
