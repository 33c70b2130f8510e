//! CPU of the whole agent per sample (sweep, difference, seal, spool, ship) with idle processes, beside psutil reading
//! the same fields of the same processes in the same run.

use crate::crowd::Crowd;
use crate::table::{Table, ms, ratio};
use anyhow::{Context, Result, ensure};
use hostmeter_tests::run::wait_for;
use hostmeter_tests::stack::{Settings, Stack, run_ok};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

const SAMPLES: u64 = 20;
/// Idle processes belong to this many uids, none of which is in passwd.
const UIDS: u32 = 20;

/// A process's CPU time so far, µs, from the kernel's CPU clock of that process: `(~pid << 3) | CPUCLOCK_SCHED`
/// (`include/linux/posix-timers.h`).
pub(crate) fn cpu_usec(pid: u32) -> Result<u64> {
    let id = (!i32::try_from(pid)? << 3) | 2;
    let t = nix::time::clock_gettime(nix::time::ClockId::from_raw(id))?;
    Ok(u64::try_from(t.tv_sec())? * 1_000_000 + u64::try_from(t.tv_nsec())? / 1_000)
}

pub(crate) fn rss_kib(pid: u32) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).context("VmRSS")?;
    Ok(line.split_whitespace().nth(1).context("VmRSS")?.parse()?)
}

/// Python with psutil in a virtual environment below the build's folder.
pub(crate) fn python() -> Result<PathBuf> {
    let venv = hostmeter_tests::run::bin_dir()?.join("psutil-venv");
    let python = venv.join("bin/python");
    let ready = Command::new(&python).args(["-c", "import psutil"]).stderr(Stdio::null()).status();
    if !ready.is_ok_and(|s| s.success()) {
        run_ok(Command::new("python3").args(["-m", "venv"]).arg(&venv))?;
        run_ok(Command::new(&python).args(["-m", "pip", "install", "--quiet", "psutil==7.0.0"]))?;
    }
    Ok(python)
}

/// CPU per sweep of psutil over all processes, µs.
fn psutil_usec(python: &PathBuf) -> Result<u64> {
    let script = include_str!("psutil_sweep.py");
    let out = run_ok(Command::new(python).args(["-c", script, &SAMPLES.to_string()]))?;
    Ok(out.trim().parse()?)
}

/// Adds the rows.
pub(crate) fn measure(table: &mut Table) -> Result<()> {
    let python = python()?;
    for count in [100, 1_000] {
        let _sleepers = Crowd::start(count, UIDS, 0)?;
        let mut stack = Stack::new(&Settings::default())?;
        stack.enroll_and_start()?;
        let agent = stack.agent.as_ref().context("agent")?.pid();
        wait_for("the agent's first batches", Duration::from_secs(20), || {
            let host = stack.api.get("/v1/hosts/web1")?.ok()?;
            Ok(host["durable_seq"].as_u64().filter(|s| *s >= 3).map(|_| ()))
        })?;
        let before = cpu_usec(agent)?;
        let seq = stack.api.get("/v1/hosts/web1")?.ok()?["durable_seq"].as_u64().context("durable_seq")?;
        std::thread::park_timeout(Duration::from_secs(SAMPLES));
        let samples =
            stack.api.get("/v1/hosts/web1")?.ok()?["durable_seq"].as_u64().context("durable_seq")? - seq;
        ensure!(samples >= SAMPLES / 2, "only {samples} samples in {SAMPLES} s");
        let ours = (cpu_usec(agent)? - before) / samples;
        let rss = rss_kib(agent)?;
        let peer = psutil_usec(&python)?;
        table.row(
            &format!(
                "agent, CPU per sample, {count} idle processes (RSS {}.{} MiB)",
                rss / 1024,
                rss % 1024 * 10 / 1024
            ),
            ms(ours),
            &format!("psutil {}", ms(peer)),
            &format!("{} times less", ratio(peer, ours)),
        );
    }
    Ok(())
}
