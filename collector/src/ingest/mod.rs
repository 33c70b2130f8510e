//! From a sealed envelope to hour totals: who sent it, what the chain says, one transaction that stores it, and soon
//! after it another that counts many of them.

pub mod accounts;
pub mod ack;
pub mod admission;
pub mod chain;
pub mod count;
pub mod counting;
pub mod degraded;
pub mod gap;
pub mod held;
pub mod hosts;
pub mod receive;
pub mod release;
pub mod resume;
pub mod rooms;
pub mod rotate;
mod tally;

pub use hosts::{HostKeys, KnownKey};
pub use receive::{Received, verify};
