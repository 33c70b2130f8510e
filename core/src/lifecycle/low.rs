//! Credit that will not last: a notice once a threshold, which is armed again when the credit is a quarter above it.

use super::Step;
use super::blocked::Blocked;
use super::event::{EventKind, Threshold};
use super::facts::{Facts, Settings};
use super::flags;
use super::state::{CustomerState, Phase};
use super::table::{View, require};

/// How many thresholds of time the credit is below, each raised by `quarters` quarters.
fn below(facts: &Facts, settings: &Settings, quarters: i64) -> usize {
    let raised = |ms: i64| ms.saturating_add((ms / 4).saturating_mul(quarters));
    facts.left_ms.map_or(0, |left| settings.low_ms.iter().filter(|ms| left < raised(**ms)).count())
}

fn below_amount(facts: &Facts, quarters: i128) -> bool {
    facts.low_amount.is_some_and(|amount| {
        let amount = i128::from(amount.micros());
        facts.left() < amount.saturating_add((amount / 4).saturating_mul(quarters))
    })
}

/// Arms again what the credit rose far enough above. What is told next is told under a new episode, so that it is not
/// taken for a repetition.
pub(super) fn rearm(state: &mut CustomerState, facts: &Facts, settings: &Settings) {
    let (told, amount) = (state.low_told, state.low_amount_told);
    state.low_told = told.min(below(facts, settings, 1));
    state.low_amount_told = amount && below_amount(facts, 1);
    if (state.low_told, state.low_amount_told) != (told, amount) && state.notice_ms.is_none() {
        state.episode = state.episode.saturating_add(1);
    }
}

pub(super) fn due(view: &View<'_>) -> Result<(), Blocked> {
    let (facts, settings) = (view.facts, view.settings);
    flags::not_parked(view)?;
    require(!facts.balance.is_negative(), Blocked::Negative)?;
    require(!facts.below_floor(settings), Blocked::BelowFloor)?;
    let (level, amount) = (below(facts, settings, 0), below_amount(facts, 0));
    require(level > 0 || amount, Blocked::NotLow)?;
    let known = level <= view.state.low_told && (!amount || view.state.low_amount_told);
    require(!known, Blocked::AlreadyTold)
}

/// Where several thresholds were crossed at once, the customer is told of the last.
pub(super) fn warn(view: &View<'_>, step: &mut Step) {
    let (level, amount) = (below(view.facts, view.settings, 0), below_amount(view.facts, 0));
    if view.state.phase == Phase::Active {
        step.state.phase = Phase::Low;
        step.state.since_ms = view.now_ms;
        if step.state.notice_ms.is_none() {
            step.state.episode = step.state.episode.saturating_add(1);
        }
    }
    let left_ms = view.facts.left_ms;
    let time = level.checked_sub(1).and_then(|at| view.settings.low_ms.get(at));
    if let Some(ms) = time.filter(|_| level > view.state.low_told) {
        step.emit(EventKind::BalanceLow { threshold: Threshold::Time(*ms), left_ms });
    }
    if let Some(set) = view.facts.low_amount.filter(|_| amount && !view.state.low_amount_told) {
        step.emit(EventKind::BalanceLow { threshold: Threshold::Amount(set), left_ms });
    }
    step.state.low_told = step.state.low_told.max(level);
    step.state.low_amount_told |= amount;
}

pub(super) fn over(view: &View<'_>) -> Result<(), Blocked> {
    require(view.state.low_told == 0 && !view.state.low_amount_told, Blocked::StillLow)
}

/// An episode of another kind that is open, of the floor or a cap, stays open.
pub(super) fn end(view: &View<'_>, step: &mut Step) {
    step.emit(EventKind::BalanceOk);
    let notice_ms = step.state.notice_ms;
    step.state.enter(Phase::Active, view.now_ms);
    step.state.notice_ms = notice_ms;
}
