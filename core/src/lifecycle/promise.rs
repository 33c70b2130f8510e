//! A promised payment: a trusted customer extends the grace, once in a while.

use super::Step;
use super::blocked::Blocked;
use super::event::EventKind;
use super::facts::Ask;
use super::state::Phase;
use super::table::{View, not_before, require};

pub(super) fn allowed(view: &View<'_>) -> Result<(), Blocked> {
    require(view.facts.ask == Some(Ask::Promise), Blocked::NotAsked)?;
    let (have_ms, need_ms) = (view.state.trust.grace_ms(view.settings), view.settings.promise_trust_ms);
    require(have_ms >= need_ms, Blocked::TooLittleTrust { have_ms, need_ms })?;
    match view.state.promised_ms {
        Some(last) => not_before(view, last.saturating_add(view.settings.promise_every_ms)),
        None => Ok(()),
    }
}

pub(super) fn open(view: &View<'_>, step: &mut Step) {
    let from = view.state.grace_ends_ms().unwrap_or(view.now_ms).max(view.now_ms);
    let until_ms = from.saturating_add(view.settings.promise_ms);
    step.state.enter(Phase::Promised, view.now_ms);
    step.state.promised_ms = Some(view.now_ms);
    step.state.promise_until_ms = Some(until_ms);
    step.emit(EventKind::PromiseOpened { until_ms });
}

pub(super) fn keep(view: &View<'_>, step: &mut Step) {
    step.emit(EventKind::PromiseKept);
    step.state.enter(Phase::Active, view.now_ms);
}

pub(super) fn expired(view: &View<'_>) -> Result<(), Blocked> {
    view.state.promise_ends_ms().map_or(Ok(()), |end| not_before(view, end))
}

/// Back into a grace that is over: the suspension follows at once, unless something else holds it back.
pub(super) fn break_it(view: &View<'_>, step: &mut Step) {
    let ended_ms = view.state.promise_ends_ms().unwrap_or(view.now_ms);
    step.state.trust.halve();
    step.state.enter(Phase::Grace, view.now_ms);
    step.state.grace_until_ms = Some(ended_ms);
    step.emit(EventKind::PromiseBroken);
}
