//! The tools whose samples are compared: each looks at every process every [`EVERY`], by itself or when it is asked.

use crate::agent::python;
use crate::peers;
use anyhow::{Context, Result};
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::stack::{Settings, Stack, free_port};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// From one sample to the next.
pub(crate) const EVERY: Duration = Duration::from_secs(10);
const START_LIMIT: Duration = Duration::from_secs(20);
/// The agent's thread that sweeps, packs, signs and spools.
const SAMPLING: &str = "sampling";

/// A running tool.
pub(crate) struct Tool {
    kept: Kept,
    /// What it is asked at every sample, if it does not look by itself.
    url: Option<String>,
}

enum Kept {
    /// Ours, with all that it talks to.
    Stack(Box<Stack>),
    Process(Running, #[allow(dead_code, reason = "it holds the directory")] tempfile::TempDir),
}

/// What a tool used so far.
#[derive(Clone, Copy, Default)]
pub(crate) struct Used {
    /// CPU time of the process, µs.
    pub(crate) usec: u64,
    /// Of that, of our sampling thread, µs.
    pub(crate) sampling_usec: Option<u64>,
    /// Memory, KiB.
    pub(crate) rss_kib: u64,
}

impl Tool {
    /// Our agent in a tier, with a collector and an executor.
    pub(crate) fn hostmeter(tier: &str) -> Result<Self> {
        let agent = format!("[meters]\nkernel = \"{tier}\"\nbpffs = \"none\"");
        let executor = Some("driver = \"linux\"".to_owned());
        let mut stack = Stack::new(&Settings { agent, interval: "10s", executor, ..Settings::default() })?;
        stack.enroll_and_start()?;
        Ok(Self { kept: Kept::Stack(Box::new(stack)), url: None })
    }

    fn process(name: &str, command: &mut Command, dir: tempfile::TempDir) -> Result<Self> {
        let process = Running::start(name, command.stdout(Stdio::null()), dir.path())?;
        Ok(Self { kept: Kept::Process(process, dir), url: None })
    }

    /// Python's psutil.
    pub(crate) fn psutil() -> Result<Self> {
        let mut command = Command::new(python()?);
        let (sweeps, pause) = (u32::MAX.to_string(), EVERY.as_secs().to_string());
        command.args(["-c", include_str!("../psutil_sweep.py"), &sweeps, &pause]);
        Self::process("psutil", &mut command, tempfile::tempdir()?)
    }

    /// prometheus-process-exporter, asked for its figures.
    pub(crate) fn exporter() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let config = dir.path().join("config.yml");
        std::fs::write(&config, "process_names:\n  - name: \"{{.Username}}\"\n    cmdline: ['.+']\n")?;
        let address = format!("127.0.0.1:{}", free_port()?);
        let mut command = Command::new(peers::program("prometheus-process-exporter")?);
        command.arg("-config.path").arg(&config).args(["-web.listen-address", &address]);
        let tool = Self::process("exporter", command.arg("-gather-smaps=false"), dir)?;
        let url = format!("http://{address}/metrics");
        wait_for("the exporter to answer", START_LIMIT, || Ok(ureq::get(&url).call().ok().map(drop)))?;
        Ok(Self { url: Some(url), ..tool })
    }

    /// atop, which writes its log.
    pub(crate) fn atop() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut command = Command::new(peers::program("atop")?);
        command.arg("-w").arg(dir.path().join("log")).arg(EVERY.as_secs().to_string());
        Self::process("atop", &mut command, dir)
    }

    /// pidstat of CPU, memory and I/O.
    pub(crate) fn pidstat() -> Result<Self> {
        let mut command = Command::new(peers::program("pidstat")?);
        command.args(["-u", "-r", "-d", "-p", "ALL", &EVERY.as_secs().to_string()]);
        Self::process("pidstat", &mut command, tempfile::tempdir()?)
    }

    /// The part of netdata that looks at processes.
    pub(crate) fn netdata() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        // It ends when its standard input does.
        let mut command = Command::new("bash");
        command
            .args(["-c", "mkfifo \"$0\"; exec \"$@\" <>\"$0\""])
            .arg(dir.path().join("input"))
            .arg(peers::program("apps.plugin")?)
            .arg(EVERY.as_secs().to_string())
            .env("NETDATA_USER_CONFIG_DIR", dir.path())
            .env("NETDATA_STOCK_CONFIG_DIR", peers::unpacked(Path::new("usr/lib/netdata/conf.d"))?)
            .env("LD_LIBRARY_PATH", peers::libraries()?);
        Self::process("apps.plugin", &mut command, dir)
    }

    /// One sample, of a tool that must be asked.
    pub(crate) fn ask(&self) -> Result<()> {
        let Some(url) = &self.url else { return Ok(()) };
        ureq::get(url).call()?.body_mut().read_to_string()?;
        Ok(())
    }

    fn running(&mut self) -> Result<&mut Running> {
        match &mut self.kept {
            Kept::Stack(stack) => stack.agent.as_mut().context("agent"),
            Kept::Process(process, _) => Ok(process),
        }
    }

    /// What it used so far; an error if it has ended.
    pub(crate) fn used(&mut self) -> Result<Used> {
        let is_ours = matches!(self.kept, Kept::Stack(_));
        let running = self.running()?;
        if let Some(status) = running.ended() {
            anyhow::bail!("it ended with {status}: {}", running.log_text().trim());
        }
        let pid = running.pid();
        let sampling_usec = if is_ours { Some(thread_usec(pid, SAMPLING)?) } else { None };
        Ok(Used { usec: crate::agent::cpu_usec(pid)?, sampling_usec, rss_kib: crate::agent::rss_kib(pid)? })
    }
}

/// CPU time of the threads of that name, µs: the first field of `schedstat` is nanoseconds.
fn thread_usec(pid: u32, name: &str) -> Result<u64> {
    let mut usec = 0;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))? {
        let task = task?.path();
        if std::fs::read_to_string(task.join("comm")).is_ok_and(|comm| comm.trim_end() == name) {
            let text = std::fs::read_to_string(task.join("schedstat"))?;
            usec += text.split(' ').next().context("schedstat")?.parse::<u64>()? / 1_000;
        }
    }
    Ok(usec)
}
