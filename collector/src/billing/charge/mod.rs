//! Charging: every closed hour that is not charged yet, in blocks of about 1,000 accounts, each in one transaction.
//!
//! An hour closes for an account when it is over and its host's watermark has passed it, or after the lag limit. A run
//! that is killed between two blocks is finished by the next one and leaves the same ledger: keys, lines and entries
//! depend on hour and block alone.

pub(super) mod base;
mod block;
pub(super) mod rate;
mod run;
pub(super) mod wholesale;

pub(super) use block::put_digest;
pub use block::{Block, BlockDone, charge_block, next_block};
pub use run::{RunLock, Summary, run};
