//! `hostmeter usage …`

use super::{Call, Show, field};
use anyhow::{Context, Result};
use clap::Subcommand;
use serde_json::Value;
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
}

impl Usage {
    pub(super) fn call(self) -> Result<(Call, Show)> {
        let Self::Import { file, key } = self;
        let text = std::fs::read(&file).with_context(|| format!("{}: cannot be read", file.display()))?;
        let body: Value =
            serde_json::from_slice(&text).with_context(|| format!("{}: is not JSON", file.display()))?;
        let line = |a: &_| format!("{} rows accepted", field(a, "/accepted"));
        Ok((Call::Post("/v1/usage-import".to_owned(), body, Some(key)), Show::Line(line)))
    }
}
