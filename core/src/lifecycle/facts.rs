//! What the caller knows when it asks for the next step.

use crate::ids::AccountId;
use crate::money::Money;
use serde::{Deserialize, Serialize};

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
    /// The customer is told when the credit will last less than this, falling.
    pub low_ms: Vec<i64>,
    /// A month paid in time adds so much to the grace …
    pub trust_month_ms: i64,
    /// … and all of them together at most this.
    pub trust_max_ms: i64,
    /// So much trust allows a promise.
    pub promise_trust_ms: i64,
    /// A promise extends the grace by this …
    pub promise_ms: i64,
    /// … once in this time.
    pub promise_every_ms: i64,
    /// Deleted accounts can be brought back for so long; then they are purged.
    pub retention_ms: i64,
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
            low_ms: vec![7 * DAY_MS, 3 * DAY_MS, DAY_MS],
            trust_month_ms: 2 * DAY_MS,
            trust_max_ms: 14 * DAY_MS,
            promise_trust_ms: 4 * DAY_MS,
            promise_ms: 7 * DAY_MS,
            promise_every_ms: 30 * DAY_MS,
            retention_ms: 14 * DAY_MS,
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
    /// What it held was removed for good.
    Purged,
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
    /// Staff wants no suspension and no deletion of this account.
    pub hold: bool,
    /// Its agent has confirmed what was ordered last, or there is nobody to confirm it.
    pub settled: bool,
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
    /// The last first notice that was accepted (`balance.negative`, `balance.floor`, or `cap.reached` of a cap that
    /// suspends).
    pub first: Option<Notice>,
    /// The last final notice that was accepted (`delete.notice`).
    pub last: Option<Notice>,
}

/// What somebody asks for. It holds for one step and is not asked again by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The customer promises to pay.
    Promise,
    /// The customer wants to leave.
    Close,
    /// The customer, or staff, wants back what was closed.
    Reopen,
}

/// What a cap is counted over, in the customer's billing zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Span {
    /// A local day.
    Day,
    /// A billing month.
    Month,
}

impl Span {
    /// Its word in events and settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Day => "day",
            Self::Month => "month",
        }
    }
}

/// A cap of the customer's own that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    /// What it is counted over.
    pub span: Span,
    /// Names the day or month: a later one has a larger number.
    pub period: i64,
    /// The customer wants the accounts suspended, not only to be told.
    pub suspends: bool,
    /// When the day or month ends, in milliseconds since the epoch.
    pub until_ms: i64,
}

/// A budget of an account of which a share is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Which account.
    pub account: AccountId,
    /// Names the month: a later one has a larger number.
    pub month: i64,
    /// The highest share to be told of that is reached, in percent.
    pub percent: u32,
}

/// The billing month that runs, for trust.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Month {
    /// Names the month: a later one has a larger number.
    pub number: i64,
    /// Something was charged in it.
    pub billed: bool,
}

/// All that a step depends on, beside state, settings and time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
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
    /// Staff wants the accounts suspended, whatever the balance.
    pub abuse: bool,
    /// The reseller whose customer it is does not pay, and its own accounts are suspended for that.
    pub provider: bool,
    /// It has customers of its own, or may have: its lifecycle begins without an account of its own.
    pub resells: bool,
    /// An invariant is broken: nothing is to be charged, suspended or deleted.
    pub parked: bool,
    /// What is asked for in this step.
    pub ask: Option<Ask>,
    /// How long balance less pending lasts at the present use, in milliseconds; `None`: nothing is used.
    pub left_ms: Option<i64>,
    /// The customer is told when balance less pending falls below this.
    pub low_amount: Option<Money>,
    /// Caps that are reached, at most one a span.
    pub caps: Vec<Cap>,
    /// Budgets of which a share to be told of is used.
    pub budgets: Vec<Budget>,
    /// The billing month; `None`: not known, nothing is learnt.
    pub month: Option<Month>,
    /// Hours of the customer are not charged yet, or may still come.
    pub open_hours: bool,
}

impl Facts {
    /// Balance less pending, in micro-units.
    pub fn left(&self) -> i128 {
        i128::from(self.balance.micros()).saturating_sub(i128::from(self.pending.micros()))
    }

    /// Whether a cap is reached at which the customer wants the accounts suspended.
    pub fn capped(&self) -> bool {
        self.caps.iter().any(|c| c.suspends)
    }

    /// The lowest that balance less pending may be.
    pub fn floor(&self, settings: &Settings) -> i128 {
        if self.had_topup { -i128::from(settings.overdraft.micros()) } else { 0 }
    }

    /// Whether balance less pending is below the overdraft floor.
    pub fn below_floor(&self, settings: &Settings) -> bool {
        self.left() < self.floor(settings)
    }

    /// Whether the accounts may run: balance not below zero, not below the floor with what is pending, and no cap of
    /// the customer's own reached.
    pub fn may_run(&self, settings: &Settings) -> bool {
        !self.balance.is_negative() && !self.below_floor(settings) && !self.capped()
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
        self.host != Host::Gone && matches!(self.deletion, Deletion::Confirmed { .. } | Deletion::Purged)
    }

    /// Whether what it held is gone for good, as far as anybody can tell.
    pub(super) fn is_purged(&self) -> bool {
        self.host == Host::Gone || self.deletion == Deletion::Purged
    }
}
