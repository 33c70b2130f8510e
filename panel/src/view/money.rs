//! View data of balances, ledger and lifecycle states.

use super::Frame;

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
    /// `charge`, `topup`, `adjustment`, `refund`, `promo`, `referral`, `tax`, `write-off`.
    pub kind: String,
    /// The account charged, if one was.
    pub account: Option<String>,
    /// Start of the hour charged, if one was.
    pub hour_ms: Option<i64>,
    /// Exact signed amount; negative lowers the balance.
    pub amount: String,
    /// Exact balance after it.
    pub balance_after: String,
    /// Why, in words of staff; empty: nobody said.
    pub reason: String,
    /// Who acted; empty where it does not matter, as for charges.
    pub actor: String,
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

/// The admin's page on which money moves by hand.
#[derive(Debug, Clone)]
pub struct MoneyView {
    /// Who looks.
    pub frame: Frame,
    /// Customer id, e.g. `c-1`.
    pub customer: String,
    /// The customer's name.
    pub name: String,
    /// ISO 4217 code, e.g. `EUR`.
    pub currency: String,
    /// Exact balance.
    pub balance: String,
    /// Exact amount of unspent money, which can go back.
    pub refundable: String,
    /// Exact amount of unspent credit that was given, which cannot.
    pub given: String,
    /// Payments, newest first.
    pub payments: Vec<PaymentRow>,
    /// A key that the forms send, so that a form that is sent twice is booked once.
    pub key: String,
    /// False for those who may look only: no forms.
    pub may_book: bool,
}

/// A payment with what can still go back of it; exact amounts.
#[derive(Debug, Clone)]
pub struct PaymentRow {
    /// Through which gateway.
    pub gateway: String,
    /// The gateway's reference.
    pub payment: String,
    /// How much came in.
    pub amount: String,
    /// How much went back.
    pub refunded: String,
    /// How much can go back.
    pub refundable: String,
}
