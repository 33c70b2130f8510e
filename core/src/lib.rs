//! The domain of Hostmeter, free of I/O.
//!
//! Time, randomness, keys and bytes are arguments here, so that one seed replays a whole fleet and every rule can be
//! tested without a machine. Nothing in this crate opens a file or a socket, reads a clock or the environment.

pub mod config;
pub mod counter;
pub mod duration;
pub mod forecast;
pub mod ids;
pub mod ingest;
pub mod interval;
pub mod ledger;
pub mod lifecycle;
pub mod limits;
pub mod meter;
pub mod money;
pub mod name;
pub mod nearest;
pub mod plan;
pub mod rating;
pub mod resume;
pub mod units;
pub mod wire;
