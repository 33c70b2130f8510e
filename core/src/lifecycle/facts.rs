//! What the caller knows when it asks for the next step.

use crate::ids::AccountId;
use crate::money::Money;

/// One second, in milliseconds.
const SECOND_MS: i64 = 1_000;
/// One hour, in milliseconds.
const HOUR_MS: i64 = 3_600 * SECOND_MS;
/// One day, in milliseconds.
const DAY_MS: i64 = 24 * HOUR_MS;

/// Durations and amounts from the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// From the posting that took the balance below zero to the suspension.
    pub grace_ms: i64,
    /// Suspended for so long before a deletion.
    pub delete_after_ms: i64,
    /// How far below zero the balance less pending may fall at once; holds from the first top-up on.
    pub overdraft: Money,
    /// The final notice goes out this long before the deletion, or at the suspension if that is later.
    pub final_notice_ms: i64,
    /// Usage is fresh if its watermark is younger than this.
    pub fresh_ms: i64,
    /// Reminders during the grace, so long after its start, rising.
    pub reminders_ms: Vec<i64>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            grace_ms: 7 * DAY_MS,
            delete_after_ms: 30 * DAY_MS,
            overdraft: Money::from_micros(5_000_000),
            final_notice_ms: 7 * DAY_MS,
            fresh_ms: 2 * HOUR_MS,
            reminders_ms: vec![3 * DAY_MS, 6 * DAY_MS],
        }
    }
}

impl Settings {
    /// The final notice cannot go out before the suspension, so it is at most as long as that.
    pub(super) fn final_notice(&self) -> i64 {
        self.final_notice_ms.min(self.delete_after_ms)
    }
}

/// Who measures an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Host {
    /// An agent, whose usage is known up to the watermark (milliseconds since the epoch; `None`: nothing yet).
    Reporting {
        /// Usage is known up to here.
        watermark_ms: Option<i64>,
    },
    /// Nobody: the account was made by the API, or its host was revoked. Nothing is waited for.
    Gone,
}

/// How far an account's deletion is, as its agent reported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deletion {
    /// Not begun, or brought back since.
    NotBegun,
    /// Begun: it must end before it can be brought back.
    Begun,
    /// Done.
    Confirmed {
        /// The archive's id; `None` if none was reported.
        archive: Option<String>,
    },
}

/// What is known of one of the customer's accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountFacts {
    /// Which.
    pub id: AccountId,
    /// Who measures it.
    pub host: Host,
    /// How far its deletion is.
    pub deletion: Deletion,
}

/// A notice that one channel accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The episode it was for.
    pub episode: u64,
    /// When the channel accepted it, in milliseconds since the epoch.
    pub at_ms: i64,
}

/// What became of the notices to the customer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Notices {
    /// Whether a channel (mail, webhook) is configured. If none is, a notice counts as handed over when it is given
    /// out, because the panel shows it.
    pub channel: bool,
    /// The last first notice that was accepted (`balance.negative` or `balance.floor`).
    pub first: Option<Notice>,
    /// The last final notice that was accepted (`delete.notice`).
    pub last: Option<Notice>,
}

/// All that a step depends on, beside state, settings and time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    /// The balance of the ledger.
    pub balance: Money,
    /// Usage of hours not posted yet, at today's price; 0 or more.
    pub pending: Money,
    /// Whether money ever came in.
    pub had_topup: bool,
    /// When the posting was made that took the balance below zero, if it is (milliseconds since the epoch).
    pub crossing_ms: Option<i64>,
    /// What became of the notices.
    pub notices: Notices,
    /// Staff wants suspension and deletion held back.
    pub hold: bool,
    /// Staff wants deleted accounts back, whatever the balance. It is to be taken back once the customer has left
    /// `deleted`. Set a hold along with it, or the next step may suspend.
    pub undelete: bool,
    /// The customer's accounts now.
    pub accounts: Vec<AccountFacts>,
}

impl Facts {
    /// The lowest that balance less pending may be.
    pub fn floor(&self, settings: &Settings) -> i128 {
        if self.had_topup { -i128::from(settings.overdraft.micros()) } else { 0 }
    }

    /// Whether balance less pending is below the overdraft floor.
    pub fn below_floor(&self, settings: &Settings) -> bool {
        i128::from(self.balance.micros()) - i128::from(self.pending.micros()) < self.floor(settings)
    }

    /// Whether the accounts may run: balance not below zero, and not below the floor with what is pending.
    pub fn may_run(&self, settings: &Settings) -> bool {
        !self.balance.is_negative() && !self.below_floor(settings)
    }
}

impl AccountFacts {
    /// Whether the usage behind a suspension is fresh. A watermark ahead of the clock counts as fresh.
    pub(super) fn is_fresh(&self, settings: &Settings, now_ms: i64) -> bool {
        match self.host {
            Host::Gone => true,
            Host::Reporting { watermark_ms: None } => false,
            Host::Reporting { watermark_ms: Some(at) } => now_ms.saturating_sub(at) < settings.fresh_ms,
        }
    }

    /// Whether it is too late to call the deletion off.
    pub(super) fn has_begun(&self) -> bool {
        self.host != Host::Gone && self.deletion != Deletion::NotBegun
    }

    /// Whether the deletion is done, as far as anybody can tell; the archive is another matter.
    pub(super) fn is_confirmed(&self) -> bool {
        self.host != Host::Gone && matches!(self.deletion, Deletion::Confirmed { .. })
    }
}
