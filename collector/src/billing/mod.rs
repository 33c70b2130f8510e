//! Billing: plans, customers, the ledger, charging, and the lifecycle that follows from the balance.
//!
//! Everything here works on a connection or a transaction of control.db and takes the time as an argument; handlers
//! and the background task give both. One transaction holds what belongs together: charges, entries, balances,
//! lifecycle steps and commands.

pub mod accounts;
pub mod adjust;
pub mod balance;
pub mod charge;
pub mod commands;
pub mod customers;
mod days;
mod error;
pub mod explain;
pub mod export;
pub mod history;
pub mod imports;
pub mod ledger;
pub mod lifecycle;
pub mod margin;
mod pack;
pub mod parked;
pub mod payments;
mod pending;
pub mod plans;
pub mod quote;
mod rates;
pub mod referral;
pub mod refund;
pub mod replay;
pub mod resellers;
mod rules;
mod runtime;
pub mod spend;
pub mod statement;
pub mod topup;
pub mod usage;
pub mod verify;

pub use commands::record_outcome;
pub use error::{BillingError, ErrorClass};
pub use pending::{OpenCost, Pending, open_costs, pending};
pub use rates::Rates;
pub use rules::Rules;
pub use runtime::{Runtime, background, clock_goes, sweep};

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
