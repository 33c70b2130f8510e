//! The simulation: agents and a collector in one process, in time and network of its own, with everything that can go
//! wrong between them. One seed decides all of it, so that a failure can be repeated.
//!
//! What runs is the agents' and the collector's own code: sweeps are sealed, spooled and shipped by `hostmeter-agent`,
//! stored, counted and charged by `hostmeter-collector` with its real databases. Simulated are clocks, the network,
//! the machine that is metered, and what a power cut leaves of a disk.

mod check;
mod collector;
mod cut;
mod disk;
mod fault;
mod host;
mod jump;
mod kernel;
mod life;
mod net;
pub mod report;
pub mod run;
mod seal;
pub mod template;
mod world;
