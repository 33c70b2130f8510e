//! What can go wrong with control.db.

use std::path::PathBuf;

/// Why a read or a write did not happen. After an error nothing of the write is stored.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    /// Too much is waiting; the caller may try again.
    #[error("the database is overloaded: {waiting} {what} are waiting; try again in a few seconds")]
    Overloaded {
        /// `reads` or `writes`.
        what: &'static str,
        /// How many wait.
        waiting: usize,
    },
    /// The database was closed while the call waited.
    #[error("the database is closed: the collector is stopping")]
    Closed,
    /// SQLite said no.
    #[error("database: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The commit that this write shared with others failed; none of them is stored.
    #[error("the write was not stored, its commit failed: {0}")]
    Commit(String),
    /// The journal could not be opened or written. What is stored in control.db is stored, but nobody is told so before
    /// the journal holds it as well.
    #[error("the journal: {0}")]
    Journal(String),
    /// The file could not be opened.
    #[error("{path}: {source}")]
    Open {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        source: rusqlite::Error,
    },
    /// A thread could not be started.
    #[error("the database's writer could not be started: {0}")]
    Thread(#[source] std::io::Error),
    /// Written by a newer version.
    #[error(
        "{path}: schema version {got} is newer than {want}, which this program understands; install the newer version again"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// Its version.
        got: i64,
        /// The newest version that this program understands.
        want: i64,
    },
    /// What is stored breaks a rule that this program relies on.
    #[error("stored data is damaged: {0}")]
    Damaged(String),
    /// A number that does not fit SQLite's 64-bit integer.
    #[error("{what} {value} does not fit the database's integers")]
    Range {
        /// Which number.
        what: &'static str,
        /// The number.
        value: String,
    },
    /// The closure panicked; its transaction was rolled back.
    #[error("a bug stopped the write ({0}); nothing was stored")]
    Panicked(String),
}

impl DbError {
    /// Whether the same call may succeed later.
    pub const fn is_overload(&self) -> bool {
        matches!(self, Self::Overloaded { .. } | Self::Journal(_))
    }
}

/// An unsigned number as SQLite's integer.
pub fn to_sql(what: &'static str, value: u64) -> Result<i64, DbError> {
    i64::try_from(value).map_err(|_| DbError::Range { what, value: value.to_string() })
}

/// SQLite's integer as an unsigned number.
pub fn from_sql(what: &'static str, value: i64) -> Result<u64, DbError> {
    u64::try_from(value).map_err(|_| DbError::Damaged(format!("{what} is {value}, which is below zero")))
}
