//! `hostmeter charge` and `hostmeter ledger …`

use super::{Call, Show, field};
use clap::{Args, Subcommand};
use serde_json::{Value, json};
use std::path::PathBuf;

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
    /// Write the whole ledger, oldest transaction first
    Export {
        /// A row an entry, an object a transaction, or a journal for hledger
        #[arg(long, value_parser = ["csv", "jsonl", "hledger"], default_value = "csv")]
        format: String,
        /// Only transactions after this one: what was exported before
        #[arg(long, value_name = "TXN")]
        after: Option<i64>,
        /// Write to this file instead of standard output
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
    },
}

impl Ledger {
    pub(super) fn call(self) -> (Call, Show) {
        match self {
            Self::Verify => (Call::Get("/v1/ledger/verify".to_owned()), Show::Object),
            Self::Export { format, after, output } => {
                let after = after.map_or_else(String::new, |txn| format!("&after={txn}"));
                (Call::Save(format!("/v1/ledger/export?format={format}{after}"), output), Show::Object)
            }
        }
    }
}
