//! The collector as a whole, over HTTP on loopback.

mod degraded;
mod enrolling;
mod receiving;
mod releasing;
mod resuming;
mod scope;
mod serving;
mod slow;
mod tls;
mod usage;
mod waiting;
