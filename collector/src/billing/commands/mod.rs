//! Commands for hosts: ordered by lifecycle and staff, handed out by long poll, signed, and what became of them.

mod breaker;
mod handout;
mod list;
mod outcome;
pub(super) mod queue;

pub use breaker::{BreakerState, breaker_state, reset_breaker};
pub use handout::{Polled, has_work, poll};
pub use list::{CommandView, get, list, retry};
pub use outcome::record_outcome;
