//! The meters that are compared: each says what it has credited to whom so far.

use crate::agent::python;
use crate::peers;
use anyhow::{Context, Result, anyhow, ensure};
use hostmeter_tests::credit;
use hostmeter_tests::run::{Running, wait_for};
use hostmeter_tests::stack::{HOST, Settings, Stack, free_port, run};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// CPU credited to each uid since the tool began, µs.
pub(crate) type Credited = BTreeMap<u32, u64>;

/// How often a poller looks.
const EVERY: Duration = Duration::from_secs(1);
/// How long after the last exit everything must have been credited.
pub(crate) const MARK_MS: u32 = 2_000;
const START_LIMIT: Duration = Duration::from_secs(20);

/// Something that credits CPU to uids.
pub(crate) trait Tool {
    /// What is credited so far. `quiet_ms`: the wall clock when the last process ended.
    fn credited(&mut self, quiet_ms: i64) -> Result<Credited>;
}

/// Our agent, with a collector of its own.
pub(crate) struct Hostmeter {
    stack: Stack,
    from_ms: i64,
}

impl Hostmeter {
    /// Starts it in a tier; an error if the agent does not take it.
    pub(crate) fn start(tier: &str) -> Result<Self> {
        let agent = format!("[meters]\nkernel = \"{tier}\"\nbpffs = \"none\"");
        let mut stack = Stack::new(&Settings { agent, ..Settings::default() })?;
        let from_ms = credit::now_ms()? - 60_000;
        let config = stack.path("agent.toml");
        let agent = hostmeter_tests::run::program("hostmeter-agent")?;
        let checked = run(Command::new(&agent).args(["check-config", "--config"]).arg(&config))?;
        ensure!(checked.status.success(), "{}", last_line(&checked.stderr));
        stack.enroll_and_start()?;
        let status = wait_for("the agent's first sample", START_LIMIT, || {
            let running = stack.agent.as_mut().context("agent")?;
            if let Some(status) = running.ended() {
                return Err(anyhow!(
                    "the agent ended with {status}: {}",
                    last_line(running.log_text().as_bytes())
                ));
            }
            // Before its first sample there is no status, and the command says so.
            let out = Command::new(&agent).args(["status", "--json", "--config"]).arg(&config).output()?;
            let status: Option<Value> = serde_json::from_slice(&out.stdout).ok();
            Ok(status.filter(|s| s["sample"]["tier"].as_str().is_some_and(|t| !t.is_empty())))
        })?;
        let found = &status["sample"];
        ensure!(found["tier"] == tier, "the agent took {} instead: {}", found["tier"], found["limited"]);
        Ok(Self { stack, from_ms })
    }
}

/// The last thing that a program said, which is why it ended.
fn last_line(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.lines().rev().map(str::trim).find(|l| !l.is_empty()).unwrap_or("it said nothing").to_owned()
}

impl Tool for Hostmeter {
    fn credited(&mut self, quiet_ms: i64) -> Result<Credited> {
        credit::wait_until_shipped(&self.stack.api, HOST, quiet_ms + i64::from(MARK_MS))?;
        credit::cpu_usec(&self.stack.api, HOST, self.from_ms)
    }
}

/// A program that prints what it has credited, a line of JSON a second.
pub(crate) struct Psutil {
    lines: mpsc::Receiver<String>,
    _process: Running,
    _dir: tempfile::TempDir,
}

impl Psutil {
    /// Starts it.
    pub(crate) fn start() -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let mut command = Command::new(python()?);
        command.args(["-c", include_str!("psutil_poll.py")]).stdout(Stdio::piped());
        let mut process = Running::start("psutil", &mut command, dir.path())?;
        let out = BufReader::new(process.stdout().context("output of psutil")?);
        let (send, lines) = mpsc::channel();
        // It ends with the program's output.
        std::thread::spawn(move || out.lines().map_while(Result::ok).try_for_each(|line| send.send(line)));
        lines.recv_timeout(START_LIMIT).with_context(|| format!("psutil: {}", process.log_text()))?;
        Ok(Self { lines, _process: process, _dir: dir })
    }
}

impl Tool for Psutil {
    fn credited(&mut self, _quiet_ms: i64) -> Result<Credited> {
        let mut newest = None;
        while let Ok(line) = self.lines.try_recv() {
            newest = Some(line);
        }
        let line = newest.context("psutil said nothing for seconds")?;
        let sums: BTreeMap<String, u64> = serde_json::from_str(&line).context(line)?;
        sums.into_iter().map(|(uid, usec)| Ok((uid.parse()?, usec))).collect()
    }
}

/// Debian's prometheus-process-exporter, grouped by user and scraped every second.
pub(crate) struct Exporter {
    url: String,
    stop: Option<mpsc::Sender<()>>,
    scraper: Option<std::thread::JoinHandle<()>>,
    _process: Running,
    _dir: tempfile::TempDir,
}

const EXPORTER: &str = "prometheus-process-exporter";

impl Exporter {
    /// Starts it on loopback, with a configuration of its own.
    pub(crate) fn start() -> Result<Self> {
        let program = peers::program(EXPORTER)?;
        let dir = tempfile::tempdir()?;
        let config = dir.path().join("config.yml");
        std::fs::write(&config, "process_names:\n  - name: \"{{.Username}}\"\n    cmdline: ['.+']\n")?;
        let port = free_port()?;
        let mut command = Command::new(program);
        command.arg("-config.path").arg(&config).args(["-threads=false", "-gather-smaps=false"]);
        command.args(["-web.listen-address", &format!("127.0.0.1:{port}")]).stdout(Stdio::null());
        let process = Running::start("exporter", &mut command, dir.path())?;
        let url = format!("http://127.0.0.1:{port}/metrics");
        wait_for("the exporter to answer", START_LIMIT, || Ok(scrape(&url).ok()))?;
        let (stop, stopped) = mpsc::channel::<()>();
        let from = url.clone();
        let scraper = std::thread::spawn(move || {
            while stopped.recv_timeout(EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                // A failure shows when the figures are wanted.
                let _sampled = scrape(&from);
            }
        });
        Ok(Self { url, stop: Some(stop), scraper: Some(scraper), _process: process, _dir: dir })
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        drop(self.stop.take());
        let _ended = self.scraper.take().map(std::thread::JoinHandle::join);
    }
}

impl Tool for Exporter {
    fn credited(&mut self, _quiet_ms: i64) -> Result<Credited> {
        exported(&scrape(&self.url)?)
    }
}

fn scrape(url: &str) -> Result<String> {
    Ok(ureq::get(url).call()?.body_mut().read_to_string()?)
}

/// The sums of both modes of `namedprocess_namegroup_cpu_seconds_total{groupname="UID",mode="…"} SECONDS`. Groups
/// that have a name are users of this machine and none of the storm's.
fn exported(text: &str) -> Result<Credited> {
    let mut credited = Credited::new();
    for line in text.lines() {
        let Some(rest) = line.strip_prefix("namedprocess_namegroup_cpu_seconds_total{groupname=\"") else {
            continue;
        };
        let Some((group, rest)) = rest.split_once('"') else { continue };
        let Ok(uid) = group.parse::<u32>() else { continue };
        let seconds = rest.rsplit(' ').next().unwrap_or_default();
        let seconds: f64 = seconds.parse().with_context(|| line.to_owned())?;
        let used = Duration::try_from_secs_f64(seconds).with_context(|| line.to_owned())?;
        *credited.entry(uid).or_default() += u64::try_from(used.as_micros())?;
    }
    Ok(credited)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exporters_modes_are_added_and_names_left_out() {
        let text = "# HELP x\nnamedprocess_namegroup_cpu_seconds_total{groupname=\"41000\",mode=\"system\"} 0.25\n\
            namedprocess_namegroup_cpu_seconds_total{groupname=\"41000\",mode=\"user\"} 1.5\n\
            namedprocess_namegroup_cpu_seconds_total{groupname=\"root\",mode=\"user\"} 7\n\
            namedprocess_namegroup_num_procs{groupname=\"41000\"} 1\n";
        assert_eq!(exported(text).unwrap(), Credited::from([(41_000, 1_750_000)]));
        assert!(exported(&text.replace("1.5", "-1")).is_err());
    }
}
