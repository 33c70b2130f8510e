//! The per-host agent (sample, spool, ship) and the executor (verify a command, run a driver).
//!
//! The agent runs without root and only reads; the executor is root, listens on a unix socket and acts on signed
//! commands alone.

pub mod accounts;
pub mod batch;
pub mod by_meter;
pub mod cli;
pub mod clock;
pub mod commands;
pub mod config;
pub mod control;
pub mod disk;
pub mod ebpf;
pub mod enroll;
pub mod epoch;
pub mod executor;
pub mod fault;
pub mod host;
pub mod host_window;
pub mod http;
pub mod interval;
pub mod limits;
pub mod live;
pub mod log;
pub mod machine;
pub mod meter;
pub mod os;
pub mod proc;
pub mod reading;
pub mod rotation;
pub mod run;
pub mod sampler;
pub mod sampling;
pub mod session;
pub mod ship;
#[cfg(test)]
mod skip;
pub mod spool;
pub mod state;
pub mod status;
pub mod tier;
pub mod top;
pub mod watched;
