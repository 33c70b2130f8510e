//! What the API and the panel read. Every function wants a [`Scope`](crate::auth::Scope): what is not in it is not
//! found.

pub mod accounts;
pub mod alerts;
pub mod degraded;
pub mod fleet;
pub mod held;
pub mod hosts;
pub mod keys;
pub mod series;
pub mod top;
pub mod usage;

use crate::db::DbError;
use crate::limits::SPAN_MAX_MS;
use crate::store::StoreError;

/// Why a query has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Not there, or somebody else's.
    #[error("no {kind} {id:?} is known to you")]
    Missing {
        /// What kind of thing.
        kind: &'static str,
        /// Its id as given.
        id: String,
    },
    /// It cannot be answered as it was asked.
    #[error("{0}")]
    Invalid(String),
    /// control.db.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The usage store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Whether a query may be about this time.
fn check_span(from_ms: i64, to_ms: i64) -> Result<(), QueryError> {
    const DAY_MS: i64 = 24 * 3_600_000;
    let span_ms = to_ms.saturating_sub(from_ms);
    if span_ms <= 0 {
        return Err(QueryError::Invalid("`to` must be after `from`".to_owned()));
    }
    if span_ms > SPAN_MAX_MS {
        let (days, most) = (span_ms / DAY_MS, SPAN_MAX_MS / DAY_MS);
        return Err(QueryError::Invalid(format!(
            "`from` and `to` are {days} days apart; ask for at most {most}"
        )));
    }
    Ok(())
}

impl From<rusqlite::Error> for QueryError {
    fn from(e: rusqlite::Error) -> Self {
        Self::Db(e.into())
    }
}
