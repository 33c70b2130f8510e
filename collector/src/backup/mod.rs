//! Backups: made while the collector runs, verified, and restored together with the journal.
//!
//! A backup is a directory: control.db, usage.db, the keys, the configuration, a manifest, and `SHA256SUMS` over all of
//! them. It appears under its name only when it was verified and is on the disk. Only then does `archived` move, by
//! which agents know what they may forget.

mod archived;
pub mod cli;
mod files;
mod make;
mod manifest;
mod prune;
mod refill;
mod restore;
mod schedule;

pub use archived::Archived;
pub use make::{BackupError, Made, make, record};
pub use manifest::{Covered, FileSum, Manifest, Unfit};
pub use prune::prune;
pub use restore::{Options, RestoreError, Restored, restore};
pub use schedule::{background, look, run};

#[cfg(test)]
mod tests;
