//! View data of balances, ledger and lifecycle states.

/// A customer's money and state, as in `GET /v1/customers/{id}/balance`.
#[derive(Debug, Clone)]
pub struct BalanceView {
    /// ISO 4217 code, e.g. `EUR`.
    pub currency: String,
    /// Exact posted balance, e.g. `"12.345678"` or `"-0.50"`.
    pub balance: String,
    /// Exact cost of the hours that are not posted yet, at today's price.
    pub pending: String,
    /// Forecast, e.g. `"12.4"`; `None`: no use to forecast from.
    pub days_left: Option<String>,
    /// Where the customer stands.
    pub state: LifecycleState,
    /// Since when the state holds.
    pub since_ms: Option<i64>,
    /// When the next step happens: end of grace, deletion.
    pub deadline_ms: Option<i64>,
    /// Least top-up that ends the trouble (exact amount), if known.
    pub needed: Option<String>,
}

/// State of a customer or an account in the lifecycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LifecycleState {
    /// No account yet, or an account that no customer pays for.
    Unassigned,
    /// In order.
    Active,
    /// In order, but the balance runs out soon.
    Low,
    /// The balance is negative; works until the deadline.
    Grace,
    /// Works until the deadline because a payment was promised.
    Promised,
    /// Stopped; nothing is deleted.
    Suspended,
    /// Deletion has a date or has begun.
    Deleting,
    /// Moved away; can be brought back until the purge.
    Deleted,
    /// Gone.
    Purged,
    /// An invariant is broken: no debit and no suspension until staff looked.
    Parked,
    /// Being closed at the customer's wish, or closed.
    Closed,
}

/// One transaction that touched a customer's balance.
#[derive(Debug, Clone)]
pub struct LedgerEntry {
    /// Transaction id.
    pub txn: String,
    /// When it was recorded.
    pub at_ms: i64,
    /// `charge`, `topup`, `adjustment`, `refund`, `referral`, `tax`, `write-off`.
    pub kind: String,
    /// The account charged, if one was.
    pub account: Option<String>,
    /// Start of the hour charged, if one was.
    pub hour_ms: Option<i64>,
    /// Exact signed amount; negative lowers the balance.
    pub amount: String,
    /// Exact balance after it.
    pub balance_after: String,
    /// What a charge is made of.
    pub lines: Vec<LedgerLine>,
}

/// One meter within a charge.
#[derive(Debug, Clone)]
pub struct LedgerLine {
    /// Meter name, e.g. `cpu_usec`; its unit follows from the name.
    pub meter: String,
    /// Quantity in the base unit.
    pub quantity: i64,
    /// Price version, e.g. `basic 2026-11-01`; `None`: no price, cost 0.
    pub price_version: Option<String>,
    /// Exact signed amount, same sign as the entry.
    pub amount: String,
}
