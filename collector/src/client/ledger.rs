//! `hostmeter charge` and `hostmeter ledger …`

use super::{Call, Show, field};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

#[derive(Args)]
pub(super) struct Charge {
    /// Only hours that end at this time or before, RFC 3339
    #[arg(long, value_name = "HOUR")]
    until: Option<String>,
}

impl Charge {
    pub(super) fn call(self) -> (Call, Show) {
        let body = self.until.map_or_else(|| json!({}), |until| json!({"until": until}));
        (Call::Post("/v1/charge-runs".to_owned(), body, None), Show::Line(summary))
    }
}

fn summary(a: &Value) -> String {
    if a.get("already_running") == Some(&Value::Bool(true)) {
        return "another run is charging right now; it does the work".to_owned();
    }
    let [hours, accounts, amount] = ["/charged_hours", "/charged_accounts", "/amount"].map(|p| field(a, p));
    format!("charged {hours} account hours of {accounts} accounts: {amount}")
}

#[derive(Subcommand)]
pub(super) enum Ledger {
    /// Recompute everything from the entries up; fails on any difference
    Verify,
}

impl Ledger {
    pub(super) fn call(self) -> (Call, Show) {
        let Self::Verify = self;
        (Call::Get("/v1/ledger/verify".to_owned()), Show::Object)
    }
}
