//! Whether a new version of a plan is accepted: nothing that was charged may change its price.

use super::PriceVersion;
use crate::money::Currency;
use crate::units::{UtcHour, rfc3339};

/// What setting a plan does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanChange {
    /// The same content stands already; nothing changes.
    Unchanged,
    /// A new version is added.
    Added,
    /// The version with the same start, still ahead, is replaced.
    Replaced,
}

/// Why a version is refused (HTTP 409). Nothing is changed then.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanConflict {
    /// Hours from its start on were charged already.
    #[error(
        "plan {plan} cannot start at {start}: its usage is charged up to the hour {charged}; \
         choose a `valid_from` after that"
    )]
    Charged {
        /// The plan.
        plan: String,
        /// The start asked for.
        start: UtcHour,
        /// The last hour charged under the plan.
        charged: UtcHour,
    },
    /// Another content with this start is in force already.
    #[error(
        "plan {plan} has another content from {start} on, in force since; choose a later `valid_from` (now {now})"
    )]
    InForce {
        /// The plan.
        plan: String,
        /// The start asked for.
        start: UtcHour,
        /// The time of asking.
        now: String,
    },
    /// A plan never changes its currency.
    #[error("plan {plan} is in {had}, not in {asked}; use another plan id for another currency")]
    Currency {
        /// The plan.
        plan: String,
        /// The currency of its versions.
        had: Currency,
        /// The currency asked for.
        asked: Currency,
    },
}

/// Hours by which the month's start lies before 00:00Z in the easternmost zone (UTC+14).
const EAST_MAX_HOURS: i64 = 14;

/// The first hour that a version may hold for, whatever the customer's zone.
fn earliest(version: &PriceVersion) -> UtcHour {
    let start = version.id().valid_from;
    if version.is_linear() { start } else { UtcHour(start.0.saturating_sub(EAST_MAX_HOURS)) }
}

/// Decides about `new`, given the plan's versions, the last hour charged under the plan (`None`: none yet) and the
/// time.
pub fn decide(
    existing: &[PriceVersion],
    new: &PriceVersion,
    last_charged: Option<UtcHour>,
    now_ms: i64,
) -> Result<PlanChange, PlanConflict> {
    let plan = || new.id().plan.to_string();
    let start = new.id().valid_from;
    let mut same_plan = existing.iter().filter(|v| v.id().plan == new.id().plan);
    let same_start = same_plan.clone().find(|v| v.id().valid_from == start);
    if same_start.is_some_and(|v| v == new) {
        return Ok(PlanChange::Unchanged);
    }
    if let Some(other) = same_plan.find(|v| v.currency() != new.currency()) {
        return Err(PlanConflict::Currency { plan: plan(), had: other.currency(), asked: new.currency() });
    }
    if let Some(charged) = last_charged.filter(|hour| earliest(new) <= *hour) {
        return Err(PlanConflict::Charged { plan: plan(), start, charged });
    }
    match same_start {
        None => Ok(PlanChange::Added),
        Some(old) if earliest(old).min(earliest(new)).start_ms() > now_ms => Ok(PlanChange::Replaced),
        Some(_) => Err(PlanConflict::InForce { plan: plan(), start, now: rfc3339(now_ms) }),
    }
}
