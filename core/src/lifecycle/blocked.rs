//! Why a transition does not apply, as data.

use crate::ids::AccountId;
use crate::units::rfc3339;

/// Why a transition does not apply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Blocked {
    /// Staff did not ask for it.
    #[error("staff did not ask for it")]
    NotAsked,
    /// No account is assigned.
    #[error("the customer has no account")]
    NoAccount,
    /// The balance is not below zero.
    #[error("the balance is not below zero")]
    NotNegative,
    /// The balance is below zero.
    #[error("the balance is below zero")]
    Negative,
    /// Balance less pending is not below the floor.
    #[error("balance less pending is not below the overdraft floor")]
    AboveFloor,
    /// Balance less pending is below the floor.
    #[error("balance less pending is below the overdraft floor")]
    BelowFloor,
    /// It was said already in this episode.
    #[error("the notice is out already")]
    AlreadyTold,
    /// No episode is open.
    #[error("there is nothing to recover from")]
    NoEpisode,
    /// Staff holds it back.
    #[error("a hold is set")]
    Hold,
    /// It is too early.
    #[error("not before {}", rfc3339(*.until_ms))]
    TooEarly {
        /// The earliest time, in milliseconds since the epoch.
        until_ms: i64,
    },
    /// No account has usage that is fresh enough to act on.
    #[error("no account's usage is fresh; look at the lag of the hosts")]
    Stale,
    /// No channel has accepted the notice yet.
    #[error("no channel has accepted the {notice} notice yet; look at mail and webhooks")]
    NotHandedOver {
        /// `first` or `final`.
        notice: &'static str,
    },
    /// The final notice has not been given out.
    #[error("the final notice is not out yet")]
    NoFinalNotice,
    /// An account was not suspended yet.
    #[error("account {0} is not suspended yet; look at the lag of its host")]
    NotSuspended(AccountId),
    /// An agent has begun to delete.
    #[error("the deletion of {0} has begun; it comes back when that is done")]
    Begun(AccountId),
    /// An agent has not confirmed.
    #[error("the deletion of {0} is not confirmed by its agent")]
    NotConfirmed(AccountId),
    /// An agent confirmed without an archive.
    #[error("the deletion of {0} was confirmed without an archive; look at its command")]
    NoArchive(AccountId),
}
