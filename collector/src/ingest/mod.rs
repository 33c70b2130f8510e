//! From a sealed envelope to hour totals: who sent it, what the chain says, and one transaction that stores it all.

pub mod accounts;
pub mod ack;
pub mod chain;
pub mod count;
pub mod degraded;
pub mod gap;
pub mod hosts;
pub mod receive;
pub mod release;
pub mod resume;

pub use hosts::{HostKeys, KnownKey};
pub use receive::{Received, verify};
