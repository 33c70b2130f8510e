//! Accounts follow their customer: what each is meant to be, and what is ordered to get it there.

use super::Step;
use super::event::EventKind;
use super::facts::{AccountFacts, Deletion, Facts};
use super::flags::not_stopped;
use super::state::{AccountState, CustomerState, Desired, Phase};
use super::table::View;

/// Takes over what the facts say without any decision: which accounts there are, and since when the balance is
/// negative.
pub(super) fn track(state: &mut CustomerState, facts: &Facts, now_ms: i64) {
    state.accounts.retain(|id, _| facts.accounts.iter().any(|a| a.id == *id));
    for account in &facts.accounts {
        if account.deletion == Deletion::Purged && !state.accounts.contains_key(&account.id) {
            continue;
        }
        let fresh = AccountState::new(Desired::Active, now_ms);
        let known = state.accounts.entry(account.id.clone()).or_insert(fresh);
        known.restoring &= account.is_confirmed();
    }
    state.negative_since_ms = match state.negative_since_ms {
        _ if !facts.balance.is_negative() => None,
        None => Some(facts.crossing_ms.unwrap_or(now_ms).min(now_ms)),
        since => since,
    };
}

/// Orders what each account needs to become what the customer's phase wants of it.
pub(super) fn follow(view: &View<'_>, step: &mut Step) {
    for account in &view.facts.accounts {
        let Some(now) = view.state.accounts.get(&account.id) else { continue };
        let Some((desired, event)) = order(view, account, now) else { continue };
        let restoring = matches!(event, EventKind::AccountUndelete(_));
        let next = AccountState { restoring, ..AccountState::new(desired, view.now_ms) };
        step.state.accounts.insert(account.id.clone(), next);
        step.emit(event);
    }
}

/// What the phase wants of an account. While some deletions have begun and the customer pays or staff sets a hold,
/// the accounts whose deletion has not begun are spared, whatever the others are at.
fn wanted(view: &View<'_>, account: &AccountFacts, desired: Desired) -> Desired {
    match by_phase(view, account, desired) {
        Desired::Active if view.state.abuse || view.state.provider => Desired::Suspended,
        wanted => wanted,
    }
}

fn by_phase(view: &View<'_>, account: &AccountFacts, desired: Desired) -> Desired {
    let may_run = view.facts.may_run(view.settings);
    let state = view.state;
    let called_off = state.hold || state.parked || account.hold || !view.facts.balance.is_negative();
    match state.phase {
        Phase::New | Phase::Active | Phase::Low | Phase::Grace | Phase::Promised => Desired::Active,
        Phase::Suspended | Phase::Closing | Phase::Closed => Desired::Suspended,
        Phase::Purged => desired,
        Phase::Deleting if !account.has_begun() && may_run => Desired::Active,
        Phase::Deleting if !account.has_begun() && called_off => Desired::Suspended,
        Phase::Deleting | Phase::Deleted => match desired {
            Desired::Deleted => Desired::Deleted,
            _ if may_run => Desired::Active,
            _ => Desired::Suspended,
        },
    }
}

/// Whether an account that runs may be stopped now. What staff or the customer asked for waits for nothing.
fn may_stop(view: &View<'_>, account: &AccountFacts) -> bool {
    let asked = view.state.abuse || matches!(view.state.phase, Phase::Closing | Phase::Closed);
    let held = account.hold || not_stopped(view).is_err();
    // The reseller's debt does not depend on what this customer's hosts report.
    asked || (!held && view.state.provider) || (!held && account.is_fresh(view.settings, view.now_ms))
}

/// The next order for an account, and what it is meant to be then. `None`: it is in place, or has to wait.
fn order(view: &View<'_>, account: &AccountFacts, now: &AccountState) -> Option<(Desired, EventKind)> {
    let id = || account.id.clone();
    let wanted = wanted(view, account, now.desired);
    if matches!(wanted, Desired::Deleted | Desired::Purged) || now.desired == Desired::Purged {
        return None;
    }
    if account.has_begun() {
        // A deletion that overtook the order to stop it: brought back as soon as it is done, once.
        let bring_back = account.is_confirmed() && !now.restoring;
        return bring_back.then(|| (Desired::Active, EventKind::AccountUndelete(id())));
    }
    match (wanted, now.desired) {
        (Desired::Active, Desired::Suspended | Desired::Deleted) => {
            Some((Desired::Active, EventKind::AccountResume(id())))
        }
        // Calling a deletion off is no new suspension: neither freshness nor a hold matters.
        (Desired::Suspended, Desired::Deleted) => Some((Desired::Suspended, EventKind::AccountSuspend(id()))),
        (Desired::Suspended, Desired::Active) if may_stop(view, account) => {
            Some((Desired::Suspended, EventKind::AccountSuspend(id())))
        }
        _ => None,
    }
}
