//! A real mail server and a receiver of webhooks by the reference implementation, for tests: `tests/peers/receivers.py`.

use crate::run::Running;
use crate::stack::free_port;
use anyhow::{Context, Result};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A Python with what the receivers need; `None` with a word on standard error: it cannot be had here.
pub fn python() -> Option<PathBuf> {
    let script = crate::tidy::tree::root().join("packaging/test-peers");
    let out = Command::new(script).stderr(Stdio::inherit()).output().ok().filter(|o| o.status.success())?;
    let path = PathBuf::from(String::from_utf8(out.stdout).ok()?.trim());
    path.exists().then_some(path)
}

/// Ports, secrets and files of the receivers, which may run or not.
#[derive(Debug)]
pub struct Receivers {
    /// Of the mail server.
    pub smtp: u16,
    /// Of the receiver of webhooks.
    pub hooks: u16,
    python: PathBuf,
    dir: PathBuf,
    arguments: Vec<String>,
    running: Option<Running>,
}

impl Receivers {
    /// Takes free ports; what comes is written into `dir`. More arguments go to the script.
    pub fn new(python: PathBuf, dir: &Path, arguments: &[&str]) -> Result<Self> {
        let (smtp, hooks) = (free_port()?, free_port()?);
        let arguments = arguments.iter().map(|a| (*a).to_owned()).collect();
        Ok(Self { smtp, hooks, python, dir: dir.to_owned(), arguments, running: None })
    }

    /// Starts both. They may take a moment to listen.
    pub fn start(&mut self) -> Result<()> {
        let script = crate::tidy::tree::root().join("tests/peers/receivers.py");
        let mut command = Command::new(&self.python);
        command.arg(script).arg("--out").arg(&self.dir).args(&self.arguments).stdout(Stdio::null());
        command.args(["--smtp", &self.smtp.to_string(), "--hooks", &self.hooks.to_string()]);
        self.running = Some(Running::start("receivers", &mut command, &self.dir)?);
        Ok(())
    }

    /// `kill -9`.
    pub fn kill(&mut self) {
        if let Some(mut running) = self.running.take() {
            running.kill();
        }
    }

    /// Mails that came, oldest first.
    pub fn mails(&self) -> Result<Vec<Value>> {
        lines(&self.dir.join("mails.jsonl"))
    }

    /// Webhooks that came, oldest first.
    pub fn came(&self) -> Result<Vec<Value>> {
        lines(&self.dir.join("hooks.jsonl"))
    }
}

fn lines(path: &Path) -> Result<Vec<Value>> {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    // The last line may be in the middle of being written.
    let whole = text.rfind('\n').map_or("", |end| text.get(..end).unwrap_or_default());
    whole
        .lines()
        .map(|l| serde_json::from_str(l).with_context(|| format!("{}: {l}", path.display())))
        .collect()
}
