//! Starting the real programs, each with a log of its own, and stopping exactly what was started.

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// The folder with the programs of this build: beside the test's own executable.
pub fn bin_dir() -> Result<PathBuf> {
    let exe = std::env::current_exe().context("where this test runs from")?;
    let deps = exe.parent().context("the test's folder")?;
    Ok(if deps.ends_with("deps") {
        deps.parent().context("the build's folder")?.to_owned()
    } else {
        deps.to_owned()
    })
}

/// One of our programs. The build must have made it: `make test` does.
pub fn program(name: &str) -> Result<PathBuf> {
    let path = bin_dir()?.join(name);
    if !path.exists() {
        bail!("{} is not built; run `cargo build --release --workspace --bins` first", path.display());
    }
    Ok(path)
}

/// A program that was started here and is stopped here, by process id.
#[derive(Debug)]
pub struct Running {
    child: Child,
    /// What it writes to standard error.
    pub log: PathBuf,
    name: String,
}

impl Running {
    /// Starts it with its standard error in `DIR/NAME.log` and its standard output as the caller set it.
    pub fn start(name: &str, command: &mut Command, dir: &Path) -> Result<Self> {
        let log = dir.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log).context("log file")?;
        let child = command
            .stdin(Stdio::null())
            .stderr(file)
            .spawn()
            .with_context(|| format!("start {name} ({})", command.get_program().display()))?;
        Ok(Self { child, log, name: name.to_owned() })
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its standard output, if it was piped; once.
    pub fn stdout(&mut self) -> Option<std::process::ChildStdout> {
        self.child.stdout.take()
    }

    /// The exit status, if it ended.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().ok().flatten()
    }

    /// `kill -9` and reap.
    pub fn kill(&mut self) {
        let _gone_already = self.child.kill();
        let _reaped = self.child.wait();
    }

    /// SIGTERM, then wait; an error if it has not ended in time.
    pub fn stop(&mut self, limit: Duration) -> Result<ExitStatus> {
        self.signal(Signal::TERM)?;
        self.wait(limit)
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).context("pid")?;
        kill_process(pid, signal).with_context(|| format!("signal {}", self.name))
    }

    /// Waits for its end.
    pub fn wait(&mut self, limit: Duration) -> Result<ExitStatus> {
        let name = self.name.clone();
        wait_for(&format!("{name} to end"), limit, || Ok(self.ended()))
    }

    /// The log so far.
    pub fn log_text(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.ended().is_none() {
            // Children of its own (the demo has some) end with it on SIGTERM; a hanging one is killed.
            if self.stop(Duration::from_secs(10)).is_err() {
                self.kill();
            }
        }
        if std::thread::panicking() {
            let text = self.log_text();
            let tail: Vec<&str> = text.lines().rev().take(30).collect();
            let tail: Vec<&str> = tail.into_iter().rev().collect();
            let _closed = std::io::Write::write_all(
                &mut std::io::stderr(),
                format!("--- end of the log of {} ---\n{}\n", self.name, tail.join("\n")).as_bytes(),
            );
        }
    }
}

/// Asks every 20 ms until there is an answer; an error that names what was waited for when time is up.
pub fn wait_for<T>(what: &str, limit: Duration, mut ask: impl FnMut() -> Result<Option<T>>) -> Result<T> {
    let start = Instant::now();
    loop {
        if let Some(answer) = ask().with_context(|| format!("while waiting for {what}"))? {
            return Ok(answer);
        }
        if start.elapsed() > limit {
            bail!("waited {} s for {what}, in vain", limit.as_secs());
        }
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
