//! What staff sets and clears whatever the phase, and what is found broken: hold, abuse, parked.

use super::Step;
use super::blocked::Blocked;
use super::event::EventKind;
use super::table::{View, require};

fn to_set(wanted: bool, is: bool) -> Result<(), Blocked> {
    require(wanted && !is, Blocked::NotAsked)
}

pub(super) fn hold_asked(view: &View<'_>) -> Result<(), Blocked> {
    to_set(view.facts.hold, view.state.hold)
}

pub(super) fn hold_unasked(view: &View<'_>) -> Result<(), Blocked> {
    to_set(!view.facts.hold, !view.state.hold)
}

pub(super) fn set_hold(_: &View<'_>, step: &mut Step) {
    step.state.hold = true;
    step.emit(EventKind::HoldSet);
}

pub(super) fn clear_hold(_: &View<'_>, step: &mut Step) {
    step.state.hold = false;
    step.emit(EventKind::HoldCleared);
}

pub(super) fn abuse_asked(view: &View<'_>) -> Result<(), Blocked> {
    to_set(view.facts.abuse, view.state.abuse)
}

pub(super) fn abuse_unasked(view: &View<'_>) -> Result<(), Blocked> {
    to_set(!view.facts.abuse, !view.state.abuse)
}

pub(super) fn set_abuse(_: &View<'_>, step: &mut Step) {
    step.state.abuse = true;
    step.emit(EventKind::AbuseSet);
}

pub(super) fn clear_abuse(_: &View<'_>, step: &mut Step) {
    step.state.abuse = false;
    step.emit(EventKind::AbuseCleared);
}

pub(super) fn provider_stopped(view: &View<'_>) -> Result<(), Blocked> {
    to_set(view.facts.provider, view.state.provider)
}

pub(super) fn provider_back(view: &View<'_>) -> Result<(), Blocked> {
    to_set(!view.facts.provider, !view.state.provider)
}

pub(super) fn set_provider(_: &View<'_>, step: &mut Step) {
    step.state.provider = true;
    step.emit(EventKind::ProviderSuspended);
}

pub(super) fn clear_provider(_: &View<'_>, step: &mut Step) {
    step.state.provider = false;
    step.emit(EventKind::ProviderResumed);
}

pub(super) fn broken(view: &View<'_>) -> Result<(), Blocked> {
    to_set(view.facts.parked, view.state.parked)
}

pub(super) fn mended(view: &View<'_>) -> Result<(), Blocked> {
    to_set(!view.facts.parked, !view.state.parked)
}

pub(super) fn park(_: &View<'_>, step: &mut Step) {
    step.state.parked = true;
    step.emit(EventKind::Parked);
}

pub(super) fn unpark(_: &View<'_>, step: &mut Step) {
    step.state.parked = false;
    step.emit(EventKind::Unparked);
}

/// Neither held nor parked: what suspensions and deletions for a debt need.
pub(super) fn not_stopped(view: &View<'_>) -> Result<(), Blocked> {
    require(!view.state.hold, Blocked::Hold)?;
    not_parked(view)
}

pub(super) fn not_parked(view: &View<'_>) -> Result<(), Blocked> {
    require(!view.state.parked, Blocked::Parked)
}
