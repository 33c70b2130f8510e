//! What a scenario says, line by line; `tests/oracle/FORMAT.md` has the meaning of every field.

use hostmeter_core::wire::batch::Interval;
use serde::Deserialize;
use serde_json::Value;

/// One line of a scenario.
#[derive(Debug, Deserialize)]
#[serde(tag = "k", rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the fields are those of FORMAT.md")]
pub(super) enum Event {
    Scenario { start_ms: i64, close_lag_ms: i64, default_plan: String, currency: String },
    Host { host: String },
    Batch { host: String, seq: u64, intervals: Vec<Interval> },
    Again { host: String, seq: u64 },
    Customer { customer: String, plan: Option<String>, zone: String },
    Account { account: String, customer: String },
    Assign { account: String, customer: String },
    PlanSwitch { customer: String, plan: String },
    Zone { customer: String, zone: String },
    Plan { file: Value, expect: Expect },
    Import { key: String, source: String, rows: Vec<ImportRow>, expect: Expect },
    Topup { customer: String, gateway: String, payment: String, amount: String, expect: Expect },
    Charge {},
    End { events: u64 },
}

/// When an event happens; the first line has none.
#[derive(Debug, Deserialize)]
pub(super) struct At {
    /// Collector's time, milliseconds since the epoch.
    pub(super) at_ms: Option<i64>,
}

/// What the collector must answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Expect {
    /// It is done.
    Ok,
    /// It was done before.
    Same,
    /// A clear refusal.
    Refused,
}

/// One quantity of an import.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ImportRow {
    /// `user@host`.
    pub(super) account: String,
    /// The meter's name.
    pub(super) meter: String,
    /// Start of the hour, milliseconds since the epoch.
    pub(super) hour_ms: i64,
    /// Base units.
    pub(super) quantity: i64,
}
