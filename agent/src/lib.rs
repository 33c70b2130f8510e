//! The per-host agent (sample, spool, ship) and the executor (verify a command, run a driver).
//!
//! The agent runs without root and only reads; the executor is root, listens on a unix socket and acts on signed
//! commands alone.

pub mod accounts;
pub mod host;
pub mod limits;
pub mod meter;
pub mod proc;
pub mod reading;
pub mod sampler;
pub mod session;
pub mod top;
pub mod watched;
