//! Caps of the customer's own, and budgets of accounts: told of once, and a cap suspends where the customer wants that.

use super::Step;
use super::blocked::Blocked;
use super::event::EventKind;
use super::facts::{Budget, Cap};
use super::flags;
use super::state::{BudgetTold, CapTold, CustomerState};
use super::table::{View, require};

/// A clock that goes back tells nothing again. A cap that suspends is told of in every episode, because its notice is the first one of the suspension.
fn is_told(state: &CustomerState, cap: &Cap) -> bool {
    let in_episode = |told: &CapTold| told.episode == state.episode && state.notice_ms.is_some();
    let told = state.caps_told.get(&cap.span).filter(|told| told.period >= cap.period);
    told.is_some_and(|told| !cap.suspends || in_episode(told))
}

pub(super) fn reached(view: &View<'_>) -> Result<(), Blocked> {
    flags::not_parked(view)?;
    require(view.facts.caps.iter().any(|cap| !is_told(view.state, cap)), Blocked::NotReached)
}

pub(super) fn tell(view: &View<'_>, step: &mut Step) {
    for cap in &view.facts.caps {
        if is_told(&step.state, cap) {
            continue;
        }
        if cap.suspends {
            step.state.open_episode(view.now_ms);
        }
        let told = CapTold { period: cap.period, episode: step.state.episode };
        step.state.caps_told.insert(cap.span, told);
        step.emit(EventKind::CapReached(*cap));
    }
}

fn is_budget_told(state: &CustomerState, budget: &Budget) -> bool {
    let told = state.budgets_told.get(&budget.account);
    told.is_some_and(|told| (told.month, told.percent) >= (budget.month, budget.percent))
}

pub(super) fn budget_reached(view: &View<'_>) -> Result<(), Blocked> {
    flags::not_parked(view)?;
    require(view.facts.budgets.iter().any(|b| !is_budget_told(view.state, b)), Blocked::NotReached)
}

pub(super) fn tell_budget(view: &View<'_>, step: &mut Step) {
    for budget in view.facts.budgets.iter().filter(|b| !is_budget_told(view.state, b)) {
        let told = BudgetTold { month: budget.month, percent: budget.percent };
        step.state.budgets_told.insert(budget.account.clone(), told);
        step.emit(EventKind::BudgetReached(budget.clone()));
    }
}
