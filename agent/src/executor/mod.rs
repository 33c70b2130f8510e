//! The executor: root, behind a unix socket, obeys signed commands alone.
//!
//! A command comes as the envelope that the collector sealed. The executor verifies signature, host, epoch, age and
//! account by itself, writes its intent, runs the driver, and keeps the outcome until the agent has it.
//!
//! - [`protocol`]: the socket's lines, and the agent's [`protocol::Client`]
//! - [`verify`], [`identity`], [`breaker`]: what is obeyed
//! - [`engine`]: intents, outcomes, the two lanes
//! - [`driver`]: the contract, and the drivers
//! - [`quota`]: what users have on file systems with quotas, read only
//! - [`store`], [`record`], [`clock`], [`files`], [`trust`]: what survives a crash

pub mod breaker;
pub mod clock;
pub mod config;
pub mod driver;
pub mod dry_run;
pub mod engine;
pub mod files;
pub mod identity;
pub mod limits;
pub mod protocol;
pub mod quota;
pub mod record;
pub mod run;
pub mod server;
pub mod store;
pub mod trust;
pub mod verify;

#[cfg(test)]
mod testing;
