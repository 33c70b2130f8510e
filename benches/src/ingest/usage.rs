//! What a process used, as the kernel tells.

use anyhow::{Context, Result};
use std::time::Duration;

/// CPU time, user and system. The kernel counts in ticks of 10 ms here.
pub(crate) fn cpu(pid: u32) -> Result<Duration> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields: Vec<&str> = stat.rsplit_once(')').context("stat")?.1.split_whitespace().collect();
    let field = |n: usize| -> Result<u64> { Ok(fields.get(n).context("stat")?.parse()?) };
    Ok(Duration::from_millis((field(11)? + field(12)?) * 10))
}

/// The most memory that it ever had, KiB.
pub(crate) fn peak_kib(pid: u32) -> Result<u64> {
    memory_kib(pid, "VmHWM:")
}

/// The memory that it has, KiB.
pub(crate) fn rss_kib(pid: u32) -> Result<u64> {
    memory_kib(pid, "VmRSS:")
}

fn memory_kib(pid: u32, key: &'static str) -> Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|l| l.strip_prefix(key)).context(key)?;
    Ok(line.trim().trim_end_matches("kB").trim().parse()?)
}
