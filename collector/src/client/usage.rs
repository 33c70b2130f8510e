//! `hostmeter usage …`

use super::table::Column;
use super::{Call, Show, encode, field};
use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Subcommand)]
pub(super) enum Usage {
    /// Add usage metered elsewhere: all rows of the file, or none
    Import {
        /// JSON: {"source": "cloud-a", "rows": [{"account", "meter", "hour", "quantity"}]}
        file: PathBuf,
        /// The same key is added once
        #[arg(long)]
        key: String,
    },
    /// List batches that are stored and do not count, and why
    #[command(visible_alias = "quarantined")]
    Held {
        /// Only of this host
        #[arg(long)]
        host: Option<String>,
        /// Those that were discarded, instead of those that wait
        #[arg(long)]
        discarded: bool,
    },
    /// Let batches count that `usage held` lists; each counts once, as late usage does
    Release(#[command(flatten)] Batches),
    /// Never let batches count that `usage held` lists; nothing undoes that, and their time is shown as lost
    Discard(#[command(flatten)] Batches),
}

/// Batches of one host.
#[derive(clap::Args)]
pub(super) struct Batches {
    /// Name of the host
    host: String,
    /// Epoch, as `usage held` lists it
    epoch: i64,
    /// Number of the batch, or of the first one
    seq: i64,
    /// Number of the last one, at most 1,000 at a time
    #[arg(long, value_name = "SEQ")]
    to: Option<i64>,
    /// Why, for the audit
    #[arg(long)]
    reason: String,
}

const HELD: &[Column] = &[
    ("HOST", "/host"),
    ("EPOCH", "/epoch"),
    ("SEQ", "/seq"),
    ("STATE", "/state"),
    ("RECEIVED", "/received"),
    ("WHY", "/why"),
];

fn held(host: Option<&str>, discarded: bool) -> (Call, Show) {
    let host = host.map(|h| format!("&host={}", encode(h))).unwrap_or_default();
    (Call::Get(format!("/v1/usage-held?discarded={discarded}{host}")), Show::Rows("held", HELD))
}

impl Batches {
    fn call(self, verb: &str) -> (Call, Show) {
        let Self { host, epoch, seq, to, reason } = self;
        let body = json!({"host": host, "epoch": epoch, "seq": seq, "to_seq": to, "reason": reason});
        (Call::Post(format!("/v1/usage-held/{verb}"), body, None), Show::Object)
    }
}

impl Usage {
    pub(super) fn call(self) -> Result<(Call, Show)> {
        let (file, key) = match self {
            Self::Import { file, key } => (file, key),
            Self::Held { host, discarded } => return Ok(held(host.as_deref(), discarded)),
            Self::Release(batches) => return Ok(batches.call("release")),
            Self::Discard(batches) => return Ok(batches.call("discard")),
        };
        let text = std::fs::read(&file).with_context(|| format!("{}: cannot be read", file.display()))?;
        let body: Value =
            serde_json::from_slice(&text).with_context(|| format!("{}: is not JSON", file.display()))?;
        let line = |a: &_| format!("{} rows accepted", field(a, "/accepted"));
        Ok((Call::Post("/v1/usage-import".to_owned(), body, Some(key)), Show::Line(line)))
    }
}
