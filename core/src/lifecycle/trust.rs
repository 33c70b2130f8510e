//! How far a customer is trusted: from the months that it paid in time.
//!
//! A billing month counts if something was charged in it, the accounts were not suspended for a debt, and no promise was
//! broken. Each adds `trust_month` to the grace, all together at most `trust_max`. A broken promise halves the count.

use super::facts::{Facts, Settings};
use super::state::{CustomerState, Phase};
use serde::{Deserialize, Serialize};

/// What is known of how a customer pays.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Trust {
    /// The billing month that runs.
    pub month: Option<i64>,
    /// Something was charged in it.
    pub billed: bool,
    /// It does not count: the accounts were suspended for a debt, or a promise was broken.
    pub late: bool,
    /// Months paid in time.
    pub months: u32,
}

impl Trust {
    pub(super) const fn new() -> Self {
        Self { month: None, billed: false, late: false, months: 0 }
    }

    /// What it adds to the grace, in milliseconds.
    pub fn grace_ms(&self, settings: &Settings) -> i64 {
        settings.trust_month_ms.saturating_mul(i64::from(self.months)).clamp(0, settings.trust_max_ms.max(0))
    }

    /// A promise was broken.
    pub(super) const fn halve(&mut self) {
        self.months /= 2;
        self.late = true;
    }
}

/// Takes over what the facts say of the month.
pub(super) fn observe(state: &mut CustomerState, facts: &Facts) {
    let Some(now) = facts.month else { return };
    let stopped = matches!(state.phase, Phase::Suspended | Phase::Deleting | Phase::Deleted | Phase::Purged);
    let trust = &mut state.trust;
    match trust.month {
        Some(month) if month >= now.number => {}
        ended => {
            if ended.is_some() && trust.billed && !trust.late {
                trust.months = trust.months.saturating_add(1);
            }
            *trust = Trust {
                month: Some(now.number),
                billed: false,
                late: stopped && facts.balance.is_negative(),
                months: trust.months,
            };
        }
    }
    trust.billed |= now.billed && trust.month == Some(now.number);
}
