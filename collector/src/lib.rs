//! The collector: ingest of signed batches, usage store, billing, lifecycle, API and panel; and the command line.

pub mod api;
pub mod auth;
pub mod client;
pub mod clock;
pub mod config;
pub mod db;
pub mod demo;
pub mod keys;
pub mod limits;
