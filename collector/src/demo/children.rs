//! The demo's children: started, watched, and stopped by process id.

use anyhow::{Context, Result};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Lines of its log that are shown when a child ends by itself.
const LOG_TAIL: usize = 12;

/// A sibling program that runs.
pub(super) struct Child {
    process: std::process::Child,
    name: String,
    log: PathBuf,
}

impl Child {
    /// Starts it, its output going to a log in `dir`. It ends by itself when the demo is killed.
    pub(super) fn start(program: &Path, args: &[String], dir: &Path) -> Result<Self> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let log = dir.join(format!("{name}.log"));
        let file = File::options().create(true).append(true).open(&log);
        let file = file.with_context(|| format!("{}: cannot write the log", log.display()))?;
        let process = Command::new(program)
            .args(args)
            .arg("--exit-with-parent")
            .stdin(Stdio::null())
            .stdout(file.try_clone()?)
            .stderr(file)
            .spawn()
            .with_context(|| format!("{}: cannot be started", program.display()))?;
        Ok(Self { process, name, log })
    }

    /// Where its output goes.
    pub(super) fn log(&self) -> String {
        self.log.display().to_string()
    }

    /// Why the demo cannot go on, if the child ended by itself.
    pub(super) fn ended(&mut self) -> Result<Option<String>> {
        let Some(status) = self.process.try_wait()? else { return Ok(None) };
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let tail: Vec<&str> = text.lines().rev().take(LOG_TAIL).collect();
        let tail: Vec<&str> = tail.into_iter().rev().collect();
        Ok(Some(format!("{} ended by itself ({status}):\n{}", self.name, tail.join("\n"))))
    }

    /// SIGTERM, then SIGKILL when the time is up.
    pub(super) fn stop(&mut self, limit: Duration) {
        if let Some(pid) = i32::try_from(self.process.id()).ok().and_then(Pid::from_raw) {
            let _gone_already = kill_process(pid, Signal::TERM);
        }
        let start = Instant::now();
        while matches!(self.process.try_wait(), Ok(None)) && start.elapsed() < limit {
            std::thread::park_timeout(Duration::from_millis(10));
        }
        if matches!(self.process.try_wait(), Ok(None)) {
            let _gone_already = self.process.kill();
            let _reaped = self.process.wait();
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            self.stop(Duration::from_secs(3));
        }
    }
}
