//! What happens to a customer whose balance falls: grace, suspension, resumption, deletion.
//!
//! [`step`] is called by charging, by the periodic sweep and by every credit. It takes what is known ([`Facts`]) and
//! goes through the [table of transitions](TABLE) until nothing changes any more; each row says why it does not apply
//! ([`Blocked`]). Hosting accounts follow as a desired state each; for every event of an account the caller raises
//! that account's generation by one and sends the matching command. A second call with the same facts at the same
//! time yields no event.

mod accounts;
mod blocked;
mod caps;
mod event;
mod facts;
mod flags;
mod leaving;
mod low;
mod promise;
mod state;
mod table;
mod trust;

pub use blocked::Blocked;
pub use event::{Event, EventKind, Threshold};
pub use facts::{
    AccountFacts, Ask, Budget, Cap, Deletion, Facts, Host, Month, Notice, Notices, Settings, Span,
};
pub use state::{AccountState, BudgetTold, CapTold, CustomerState, Desired, Phase, PhaseError};
pub use table::{Row, TABLE, Verdict, View, explain};
pub use trust::Trust;

use crate::limits::LIFECYCLE_ROWS_MAX;

/// What a call of [`step`] leads to. State and events belong into one database transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The state from now on.
    pub state: CustomerState,
    /// What happened, in order.
    pub events: Vec<Event>,
}

impl Step {
    /// Adds an event under the state's episode, with the next number.
    fn emit(&mut self, kind: EventKind) {
        self.state.events = self.state.events.saturating_add(1);
        self.events.push(Event { episode: self.state.episode, number: self.state.events, kind });
    }
}

/// Takes every step that the facts allow at `now_ms` (milliseconds since the epoch).
pub fn step(state: &CustomerState, facts: &Facts, settings: &Settings, now_ms: i64) -> Step {
    let mut step = Step { state: state.clone(), events: Vec::new() };
    accounts::track(&mut step.state, facts, now_ms);
    trust::observe(&mut step.state, facts);
    low::rearm(&mut step.state, facts, settings);
    for _ in 0..LIFECYCLE_ROWS_MAX {
        let before = step.state.clone();
        let view = View { state: &before, facts, settings, now_ms };
        let row = TABLE.iter().find(|row| row.from.contains(&before.phase) && (row.check)(&view).is_ok());
        match row {
            Some(row) => (row.act)(&view, &mut step),
            // Accounts follow only where the customer's own state is settled, so that none is switched twice.
            None => accounts::follow(&view, &mut step),
        }
        if step.state == before {
            break;
        }
    }
    step
}

#[cfg(test)]
mod explore;
#[cfg(test)]
mod properties;
#[cfg(test)]
mod tests;
