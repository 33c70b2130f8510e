//! The ends: a customer closes its contract and comes back, and what was deleted for a debt is purged.

use super::Step;
use super::blocked::Blocked;
use super::event::EventKind;
use super::facts::{AccountFacts, Ask, Host};
use super::flags::{not_parked, not_stopped};
use super::state::{AccountState, Desired, Phase};
use super::table::{View, negative, none_held, not_before, not_negative, require};

pub(super) fn close_asked(view: &View<'_>) -> Result<(), Blocked> {
    require(view.facts.ask == Some(Ask::Close), Blocked::NotAsked)?;
    not_negative(view)?;
    require(!view.state.abuse, Blocked::Abuse)?;
    not_parked(view)
}

pub(super) fn begin_closing(view: &View<'_>, step: &mut Step) {
    step.state.enter(Phase::Closing, view.now_ms);
    step.state.notice_ms = None;
    step.emit(EventKind::CustomerClosing);
}

/// Every account has stopped, and every hour of them is charged: what is left is the customer's.
pub(super) fn close_due(view: &View<'_>) -> Result<(), Blocked> {
    not_parked(view)?;
    for account in &view.facts.accounts {
        // What is ordered in this very step cannot be confirmed yet.
        let since_ms = view.state.accounts.get(&account.id).map_or(view.now_ms, |a| a.since_ms);
        let confirmed = account.host == Host::Gone || (account.settled && since_ms < view.now_ms);
        let stopped = view.state.desired(&account.id) != Desired::Active && confirmed;
        require(stopped, Blocked::NotSuspended(account.id.clone()))?;
    }
    require(!view.facts.open_hours, Blocked::OpenHours)?;
    not_negative(view)
}

pub(super) fn close(view: &View<'_>, step: &mut Step) {
    step.state.enter(Phase::Closed, view.now_ms);
    step.emit(EventKind::CustomerClosed);
}

pub(super) fn reopen_asked(view: &View<'_>) -> Result<(), Blocked> {
    require(view.facts.ask == Some(Ask::Reopen), Blocked::NotAsked)
}

pub(super) fn reopen(view: &View<'_>, step: &mut Step) {
    step.state.enter(Phase::Active, view.now_ms);
    step.emit(EventKind::CustomerReopened);
}

pub(super) fn purge_due(view: &View<'_>) -> Result<(), Blocked> {
    negative(view)?;
    not_stopped(view)?;
    none_held(view)?;
    require(!view.facts.undelete, Blocked::Hold)?;
    not_before(view, view.state.purge_at_ms(view.settings))
}

pub(super) fn purge(view: &View<'_>, step: &mut Step) {
    step.state.enter(Phase::Purged, view.now_ms);
    step.state.notice_ms = None;
    step.emit(EventKind::WrittenOff);
    for (id, account) in &view.state.accounts {
        if account.desired != Desired::Deleted {
            continue;
        }
        if let Some(account) = step.state.accounts.get_mut(id) {
            account.desired = Desired::Purged;
            account.since_ms = view.now_ms;
            account.restoring = false;
        }
        step.emit(EventKind::AccountPurge(id.clone()));
    }
}

/// Accounts that are purged, as far as anybody can tell, and were not told of.
fn newly_purged<'a>(view: &View<'a>) -> impl Iterator<Item = &'a AccountFacts> {
    let state = view.state;
    let waits = |a: &AccountState| a.desired == Desired::Purged && !a.gone;
    view.facts.accounts.iter().filter(move |a| a.is_purged() && state.accounts.get(&a.id).is_some_and(waits))
}

pub(super) fn purged(view: &View<'_>) -> Result<(), Blocked> {
    require(newly_purged(view).next().is_some(), Blocked::NotPurged)
}

/// The account is no longer one that anything can happen to.
pub(super) fn tell_purged(view: &View<'_>, step: &mut Step) {
    for account in newly_purged(view) {
        if let Some(state) = step.state.accounts.get_mut(&account.id) {
            state.gone = true;
        }
        step.emit(EventKind::AccountPurged(account.id.clone()));
    }
}

/// A purged customer gets an account, or a purged reseller pays: it begins anew.
pub(super) fn has_new_account(view: &View<'_>) -> Result<(), Blocked> {
    if view.facts.resells && view.facts.balance.micros() > 0 {
        return Ok(());
    }
    require(view.state.accounts.values().any(|a| a.desired != Desired::Purged), Blocked::NoAccount)
}
