//! What is kept for a customer between two steps.

use super::facts::{Settings, Span};
use super::trust::Trust;
use crate::ids::AccountId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;

/// Where a customer stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// No account yet.
    New,
    /// In use, with credit.
    Active,
    /// In use; the credit will not last for long.
    Low,
    /// Below zero; the accounts run on until the deadline.
    Grace,
    /// Below zero, and the customer promised to pay: the accounts run on until then.
    Promised,
    /// The accounts are stopped.
    Suspended,
    /// The accounts are being archived and moved away.
    Deleting,
    /// The accounts are gone; what they held can be brought back until the purge.
    Deleted,
    /// What the accounts held is removed for good, and the debt is written off.
    Purged,
    /// The customer leaves: the accounts are stopped, and the last hours are charged.
    Closing,
    /// The customer left, and unspent money went back.
    Closed,
}

/// A text that names no phase.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is no customer state; known are {known}", known = known())]
pub struct PhaseError(String);

fn known() -> String {
    Phase::ALL.iter().map(|p| p.as_str()).collect::<Vec<_>>().join(", ")
}

impl Phase {
    /// Every phase.
    pub const ALL: &'static [Self] = &[
        Self::New,
        Self::Active,
        Self::Low,
        Self::Grace,
        Self::Promised,
        Self::Suspended,
        Self::Deleting,
        Self::Deleted,
        Self::Purged,
        Self::Closing,
        Self::Closed,
    ];

    /// The name in API and database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::Active => "active",
            Self::Low => "low",
            Self::Grace => "grace",
            Self::Promised => "promised",
            Self::Suspended => "suspended",
            Self::Deleting => "deleting",
            Self::Deleted => "deleted",
            Self::Purged => "purged",
            Self::Closing => "closing",
            Self::Closed => "closed",
        }
    }

    /// Reads the name.
    pub fn parse(text: &str) -> Result<Self, PhaseError> {
        let known = Self::ALL.iter().copied().find(|p| p.as_str() == text);
        known.ok_or_else(|| PhaseError(text.chars().take(32).collect()))
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What an account is meant to be; its agent brings it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Desired {
    /// Running.
    Active,
    /// Stopped.
    Suspended,
    /// Archived and moved away.
    Deleted,
    /// Removed for good.
    Purged,
}

/// One account of the customer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct AccountState {
    /// What it is meant to be.
    pub desired: Desired,
    /// Since when, in milliseconds since the epoch.
    pub since_ms: i64,
    /// It was ordered back from a deletion, and its agent has not confirmed that yet.
    pub restoring: bool,
    /// It was purged, and that is confirmed.
    #[serde(default, skip_serializing_if = "is_default")]
    pub gone: bool,
}

impl AccountState {
    /// From now on meant to be this.
    pub const fn new(desired: Desired, now_ms: i64) -> Self {
        Self { desired, since_ms: now_ms, restoring: false, gone: false }
    }
}

/// What is at its default is not stored.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// A cap that was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct CapTold {
    /// The day or month it was reached in.
    pub period: i64,
    /// The episode in which it was told.
    pub episode: u64,
}

/// A budget that was told of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct BudgetTold {
    /// The month.
    pub month: i64,
    /// The highest share told of, in percent.
    pub percent: u32,
}

/// A customer's state. Stored as a whole; only [`super::step`] and [`CustomerState::postponed`] change it. What later
/// versions added is at its default where an older one wrote the state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustomerState {
    /// Where the customer stands.
    pub phase: Phase,
    /// Since when, in milliseconds since the epoch.
    pub since_ms: i64,
    /// Counts the times that the balance became a problem.
    pub episode: u64,
    /// Events so far: the number of the last one.
    pub events: u64,
    /// Staff holds suspension and deletion back.
    pub hold: bool,
    /// When the episode's first notice was given out; `None` outside an episode.
    pub notice_ms: Option<i64>,
    /// When the grace ends, the collector's own outages aside.
    pub grace_until_ms: Option<i64>,
    /// Reminders of this episode so far.
    pub reminders: usize,
    /// Since when the balance is below zero without a break.
    pub negative_since_ms: Option<i64>,
    /// When the final notice before deletion was given out.
    pub final_notice_ms: Option<i64>,
    /// How long the collector itself was out since the phase began: every deadline moves by it.
    pub outage_ms: i64,
    /// How much of that was before the final notice.
    pub outage_before_notice_ms: i64,
    /// The customer's accounts.
    pub accounts: BTreeMap<AccountId, AccountState>,
    /// Staff suspends the accounts, whatever the balance.
    #[serde(default, skip_serializing_if = "is_default")]
    pub abuse: bool,
    /// The reseller whose customer it is does not pay: the accounts are suspended, whatever the balance.
    #[serde(default, skip_serializing_if = "is_default")]
    pub provider: bool,
    /// An invariant is broken: nothing is charged, suspended or deleted until staff has looked.
    #[serde(default, skip_serializing_if = "is_default")]
    pub parked: bool,
    /// How many of the thresholds of `low` the customer was told of and is still below.
    #[serde(default, skip_serializing_if = "is_default")]
    pub low_told: usize,
    /// The customer was told that the balance is below the set amount, and still is.
    #[serde(default, skip_serializing_if = "is_default")]
    pub low_amount_told: bool,
    /// When the last promise was made.
    #[serde(default, skip_serializing_if = "is_default")]
    pub promised_ms: Option<i64>,
    /// When the promise that is open ends, the collector's own outages aside.
    #[serde(default, skip_serializing_if = "is_default")]
    pub promise_until_ms: Option<i64>,
    /// What is known of how the customer pays.
    #[serde(default, skip_serializing_if = "is_default")]
    pub trust: Trust,
    /// Caps of the customer's own that were told of.
    #[serde(default, skip_serializing_if = "is_default")]
    pub caps_told: BTreeMap<Span, CapTold>,
    /// Budgets of accounts that were told of.
    #[serde(default, skip_serializing_if = "is_default")]
    pub budgets_told: BTreeMap<AccountId, BudgetTold>,
}

impl Phase {
    /// Whether a reseller's customers are suspended, too: its own accounts are, or are gone, because it did not pay.
    pub const fn stops_customers(self) -> bool {
        matches!(self, Self::Suspended | Self::Deleting | Self::Deleted | Self::Purged)
    }
}

impl CustomerState {
    /// A customer made at `now_ms`.
    pub const fn new(now_ms: i64) -> Self {
        Self {
            phase: Phase::New,
            since_ms: now_ms,
            episode: 0,
            events: 0,
            hold: false,
            notice_ms: None,
            grace_until_ms: None,
            reminders: 0,
            negative_since_ms: None,
            final_notice_ms: None,
            outage_ms: 0,
            outage_before_notice_ms: 0,
            accounts: BTreeMap::new(),
            abuse: false,
            provider: false,
            parked: false,
            low_told: 0,
            low_amount_told: false,
            promised_ms: None,
            promise_until_ms: None,
            trust: Trust::new(),
            caps_told: BTreeMap::new(),
            budgets_told: BTreeMap::new(),
        }
    }

    /// The state after an outage of the collector: deadlines that run move by its length.
    #[must_use]
    pub fn postponed(mut self, outage_ms: i64) -> Self {
        self.outage_ms = self.outage_ms.saturating_add(outage_ms.max(0));
        self
    }

    /// What an account is meant to be; active where it is not known yet.
    pub fn desired(&self, account: &AccountId) -> Desired {
        self.accounts.get(account).map_or(Desired::Active, |a| a.desired)
    }

    /// The date that hangs over the customer: the end of the grace or of a promise, the earliest deletion, the purge.
    /// In milliseconds since the epoch.
    pub fn deadline_ms(&self, settings: &Settings) -> Option<i64> {
        match self.phase {
            Phase::Grace => self.grace_ends_ms(),
            Phase::Promised => self.promise_ends_ms(),
            Phase::Suspended => self.negative_since_ms.map(|_| self.delete_at_ms(settings)),
            Phase::Deleted => Some(self.purge_at_ms(settings)),
            Phase::New
            | Phase::Active
            | Phase::Low
            | Phase::Deleting
            | Phase::Purged
            | Phase::Closing
            | Phase::Closed => None,
        }
    }

    pub(super) fn promise_ends_ms(&self) -> Option<i64> {
        self.promise_until_ms.map(|end| end.saturating_add(self.outage_ms))
    }

    /// When what the accounts held may be removed for good.
    pub(super) const fn purge_at_ms(&self, settings: &Settings) -> i64 {
        self.since_ms.saturating_add(settings.retention_ms).saturating_add(self.outage_ms)
    }

    pub(super) fn grace_ends_ms(&self) -> Option<i64> {
        self.grace_until_ms.map(|end| end.saturating_add(self.outage_ms))
    }

    /// The earliest deletion: the whole time suspended, for every account, with the balance below zero throughout.
    pub(super) fn delete_at_ms(&self, settings: &Settings) -> i64 {
        let accounts = self.accounts.values().map(|a| a.since_ms);
        let base = accounts.chain(self.negative_since_ms).fold(self.since_ms, i64::max);
        let due = base.saturating_add(settings.delete_after_ms).saturating_add(self.outage_ms);
        self.final_notice_ms.map_or(due, |at| due.max(self.notice_over_ms(at, settings)))
    }

    /// When a final notice that was given out or accepted at `at_ms` is old enough.
    pub(super) fn notice_over_ms(&self, at_ms: i64, settings: &Settings) -> i64 {
        let outage_ms = self.outage_ms.saturating_sub(self.outage_before_notice_ms);
        at_ms.saturating_add(settings.final_notice()).saturating_add(outage_ms)
    }

    /// Enters a phase. Dates of the phase before are forgotten; back in use, the episode ends.
    pub(super) fn enter(&mut self, phase: Phase, now_ms: i64) {
        self.phase = phase;
        self.since_ms = now_ms;
        self.outage_ms = 0;
        self.outage_before_notice_ms = 0;
        self.grace_until_ms = None;
        self.promise_until_ms = None;
        self.reminders = 0;
        self.final_notice_ms = None;
        if phase == Phase::Active {
            self.notice_ms = None;
            self.low_told = 0;
            self.low_amount_told = false;
        }
    }

    /// Opens an episode with its first notice, unless one is open.
    pub(super) fn open_episode(&mut self, now_ms: i64) {
        if self.notice_ms.is_none() {
            self.episode = self.episode.saturating_add(1);
            self.notice_ms = Some(now_ms);
        }
    }
}
