//! The collector: ingest of signed batches, usage store, billing, lifecycle, API and panel; and the command line.

pub mod alerts;
pub mod api;
pub mod audit;
pub mod auth;
pub mod backup;
pub mod billing;
pub mod cli;
pub mod client;
pub mod clock;
pub mod config;
pub mod db;
pub mod deadline;
pub mod demo;
pub mod enroll;
mod fault;
pub mod handshake;
pub mod ingest;
pub mod init;
pub mod jump;
pub mod keys;
pub mod limits;
pub mod metrics;
pub mod notices;
pub mod places;
pub mod query;
pub mod serve;
pub mod store;
pub mod tls;
pub mod users;
pub mod watch;
pub mod web;
pub mod worker;

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
