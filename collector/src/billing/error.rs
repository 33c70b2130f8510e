//! What can go wrong in billing, in words for the caller and with a stable code for programs.

use crate::db::DbError;
use hostmeter_core::ledger::LedgerError;
use hostmeter_core::plan::{PlanConflict, PlanError};
use hostmeter_core::rating::{MonthError, RatingError};

/// Why billing refused or failed. Nothing was changed then: every write is one transaction.
#[derive(Debug, thiserror::Error)]
pub enum BillingError {
    /// Something named does not exist.
    #[error("{what} {id:?} does not exist; {hint}")]
    Missing {
        /// What kind of thing.
        what: &'static str,
        /// Its name.
        id: String,
        /// What to do.
        hint: &'static str,
    },
    /// It contradicts what stands already.
    #[error("{why}")]
    Conflict {
        /// Stable code.
        code: &'static str,
        /// What contradicts what, and what to do.
        why: String,
    },
    /// The request breaks a rule.
    #[error("{why}")]
    Invalid {
        /// Stable code.
        code: &'static str,
        /// Which rule, where, and what would be right.
        why: String,
    },
    /// A plan file was refused.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// A plan's version contradicts what was charged or stands.
    #[error(transparent)]
    PlanConflict(#[from] PlanConflict),
    /// An hour could not be rated.
    #[error(transparent)]
    Rating(#[from] RatingError),
    /// No billing month can be told.
    #[error(transparent)]
    Month(#[from] MonthError),
    /// Entries make no transaction.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// Stored data that this program never writes.
    #[error("control.db: {what} is damaged: {why}; run `hostmeter ledger verify` and restore from a backup")]
    Damaged {
        /// Which row.
        what: String,
        /// What was found.
        why: String,
    },
    /// A command could not be sealed.
    #[error("a command could not be sealed: {0}")]
    Seal(String),
    /// control.db.
    #[error(transparent)]
    Db(#[from] DbError),
}

/// Which class an error is, for the status of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorClass {
    /// 404.
    Missing,
    /// 409.
    Conflict,
    /// 422.
    Invalid,
    /// 500.
    Internal,
}

impl BillingError {
    /// Something that breaks a rule.
    pub fn invalid(code: &'static str, why: impl Into<String>) -> Self {
        Self::Invalid { code, why: why.into() }
    }

    /// Something that contradicts what stands.
    pub fn conflict(code: &'static str, why: impl Into<String>) -> Self {
        Self::Conflict { code, why: why.into() }
    }

    /// Stored data that makes no sense.
    pub fn damaged(what: impl Into<String>, why: impl std::fmt::Display) -> Self {
        Self::Damaged { what: what.into(), why: why.to_string() }
    }

    /// The class of the error.
    pub const fn class(&self) -> ErrorClass {
        match self {
            Self::Missing { .. } => ErrorClass::Missing,
            Self::Conflict { .. } | Self::PlanConflict(_) => ErrorClass::Conflict,
            Self::Invalid { .. } | Self::Plan(_) | Self::Rating(_) | Self::Month(_) | Self::Ledger(_) => {
                ErrorClass::Invalid
            }
            Self::Damaged { .. } | Self::Seal(_) | Self::Db(_) => ErrorClass::Internal,
        }
    }

    /// The stable code of the error, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Missing { .. } => "not_found",
            Self::Conflict { code, .. } | Self::Invalid { code, .. } => code,
            Self::Plan(_) => "plan_invalid",
            Self::PlanConflict(_) => "plan_conflict",
            Self::Rating(_) => "rating",
            Self::Month(_) => "month",
            Self::Ledger(_) => "ledger",
            Self::Damaged { .. } => "damaged",
            Self::Seal(_) => "seal",
            Self::Db(_) => "database",
        }
    }
}

impl From<rusqlite::Error> for BillingError {
    fn from(e: rusqlite::Error) -> Self {
        Self::Db(DbError::Sqlite(e))
    }
}
