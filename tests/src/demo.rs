//! `hostmeter demo` as tests use it.

use crate::api::Api;
use crate::run::{Running, program, wait_for};
use anyhow::{Context, Result};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

/// A demo that runs until this value is dropped.
#[derive(Debug)]
pub struct Demo {
    /// The first line of its output.
    pub ready: Value,
    /// Its API with the admin's token.
    pub api: Api,
    /// Its address.
    pub url: String,
    /// The name of its host.
    pub host: String,
    /// The `hostmeter demo` process.
    pub process: Running,
    /// Its data directory, and everything else that the test keeps.
    pub dir: tempfile::TempDir,
}

impl Demo {
    /// Starts a demo on a free port of loopback, with its data in a directory of its own.
    pub fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut command = Command::new(program("hostmeter")?);
        command.args(["demo", "--json", "--listen", "127.0.0.1:0", "--data"]).arg(dir.path().join("data"));
        command.stdout(Stdio::piped());
        let mut process = Running::start("demo", &mut command, dir.path())?;
        let out = process.stdout().context("the demo's output")?;
        let mut line = String::new();
        BufReader::new(out).read_line(&mut line)?;
        let ready: Value = serde_json::from_str(&line)
            .with_context(|| format!("first line {line:?}\n{}", process.log_text()))?;
        let text = |key: &str| -> Result<String> {
            Ok(ready[key].as_str().with_context(|| format!("{key} in {ready}"))?.to_owned())
        };
        let (url, host) = (text("url")?, text("host")?);
        let api = Api::new(&url, &text("admin_token")?);
        Ok(Self { api, url, host, process, dir, ready })
    }

    /// An account that the host has reported, once there is one.
    pub fn any_account(&self, limit: Duration) -> Result<String> {
        wait_for("an account that was seen", limit, || {
            let list = self.api.get("/v1/accounts")?.ok()?;
            let rows = list["accounts"].as_array().context("accounts")?;
            Ok(rows
                .iter()
                .find(|r| r["last_seen"].is_string())
                .and_then(|r| r["id"].as_str())
                .map(str::to_owned))
        })
    }

    /// The account of a uid on the demo's host, once it is listed.
    pub fn account_of(&self, uid: u32, limit: Duration) -> Result<String> {
        wait_for(&format!("uid {uid} among the accounts"), limit, || {
            let list = self.api.get("/v1/accounts")?.ok()?;
            let rows = list["accounts"].as_array().context("accounts")?;
            let row = rows.iter().find(|r| r["uid"].as_u64() == Some(u64::from(uid)));
            Ok(row.and_then(|r| r["id"].as_str()).map(str::to_owned))
        })
    }
}
