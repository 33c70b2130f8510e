//! What the API and the panel read. Every function wants a [`Scope`](crate::auth::Scope): what is not in it is not
//! found.

pub mod accounts;
pub mod alerts;
pub mod fleet;
pub mod hosts;
pub mod series;
pub mod top;
pub mod usage;

use crate::db::DbError;
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

impl From<rusqlite::Error> for QueryError {
    fn from(e: rusqlite::Error) -> Self {
        Self::Db(e.into())
    }
}
