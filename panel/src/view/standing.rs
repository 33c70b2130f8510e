//! View data of where a customer stands, with what can be done about it.

/// A spending cap.
#[derive(Debug, Clone)]
pub struct CapView {
    /// The exact amount.
    pub amount: String,
    /// The accounts are suspended when it is reached; else the customer is told.
    pub suspend: bool,
}

/// Where a customer stands.
#[derive(Debug, Clone)]
pub struct StandingView {
    /// Where the forms go.
    pub action: String,
    /// Days that trust adds to the grace, e.g. `4.0`.
    pub trust_days: String,
    /// Months paid in time.
    pub months_in_time: i64,
    /// The customer is below zero: a promise is worth a word.
    pub is_owing: bool,
    /// Why no payment can be promised; `None`: it can.
    pub promise_why_not: Option<String>,
    /// The customer can leave.
    pub can_close: bool,
    /// The customer can come back.
    pub can_reopen: bool,
    /// Staff holds suspension and deletion back.
    pub hold: bool,
    /// Why staff suspended the accounts.
    pub abuse: Option<String>,
    /// Which invariant is broken.
    pub parked: Option<String>,
    /// Exact amount of today.
    pub spent_day: String,
    /// Exact amount of the billing month.
    pub spent_month: String,
    /// Cap on a day.
    pub cap_day: Option<CapView>,
    /// Cap on a billing month.
    pub cap_month: Option<CapView>,
    /// The customer is told below this amount.
    pub low_below: Option<String>,
    /// Transitions that do not apply, by event, with the reason.
    pub waits: Vec<(String, String)>,
}

/// How far the breaker is.
#[derive(Debug, Clone)]
pub struct BreakerView {
    /// Suspensions within 24 hours and how many are allowed.
    pub suspensions: (i64, i64),
    /// Deletions.
    pub deletions: (i64, i64),
    /// Purges.
    pub purges: (i64, i64),
    /// Nothing more of one of them goes out.
    pub is_open: bool,
}
