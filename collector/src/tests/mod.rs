//! The collector as a whole, over HTTP on loopback.

mod degraded;
mod enrolling;
mod holding;
mod kills;
mod late;
mod receiving;
mod releasing;
mod resuming;
mod rotating;
mod scope;
mod serving;
mod slow;
mod tls;
mod usage;
mod waiting;
