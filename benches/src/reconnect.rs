//! Ten thousand hosts come back after an outage of a day, with real sockets, against one collector.

use crate::ingest::usage;
use crate::table::Table;
use anyhow::{Context, Result};
use hostmeter_agent::limits::{BACKOFF_MAX_MS, BACKOFF_MIN_MS};
use hostmeter_tests::reconnect::{Crowd, Plan, Report, check};
use hostmeter_tests::run::wait_for;
use hostmeter_tests::stack::{Settings, Stack};
use rustix::process::{Resource, getrlimit, setrlimit};
use std::io::Write;
use std::time::{Duration, Instant};

/// A day of batches of a minute each.
const BACKLOG: usize = 1_440;
const INTERVAL_MS: i64 = 60_000;
const ACCOUNTS: u32 = 20;

/// How many come.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Hosts with a backlog
    #[arg(long, default_value_t = 10_000)]
    hosts: usize,
    /// Batches of its backlog that each ships; the rest is extrapolated
    #[arg(long, default_value_t = 12)]
    sample: usize,
    /// Hosts without a backlog
    #[arg(long, default_value_t = 100)]
    honest: usize,
    /// Seconds between two batches of a host without a backlog; shorter than the minute of agents, for more samples
    #[arg(long, default_value_t = 2)]
    phase: u64,
    /// All come within so many seconds; 0: at the same moment
    #[arg(long, default_value_t = 0)]
    spread: u64,
}

/// Raises the limit of open files as far as it may be.
pub(crate) fn raise_descriptors() -> Result<()> {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    Ok(setrlimit(Resource::Nofile, limit)?)
}

/// Adds the rows.
pub(crate) fn measure(table: &mut Table, args: &Args) -> Result<()> {
    raise_descriptors()?;
    let plan = Plan {
        hosts: args.hosts,
        backlog: BACKLOG.max(args.sample),
        sample: args.sample,
        accounts: ACCOUNTS,
        interval_ms: INTERVAL_MS,
        honest: args.honest,
        phase: Duration::from_secs(args.phase),
        spread: Duration::from_secs(args.spread),
        backoff_ms: (BACKOFF_MIN_MS, BACKOFF_MAX_MS),
    };
    let stack = Stack::new(&Settings { tls: true, ..Settings::default() })?;
    let start = Instant::now();
    let crowd = Crowd::prepare(&stack, &plan)?;
    say(&format!("{} hosts are enrolled after {}", plan.hosts + plan.honest, seconds(start.elapsed())))?;
    let sealed_mib = crowd.sealed_bytes() / (1024 * 1024);
    let pid = stack.collector.as_ref().context("collector")?.pid();
    let (before, idle_mib) = (usage::cpu(pid)?, usage::rss_kib(pid)? / 1_024);
    let report = crowd.run()?;
    let cpu = usage::cpu(pid)? - before;
    let peak_mib = usage::peak_kib(pid)? / 1_024;
    say(&format!("the sample is drained after {}", seconds(report.took)))?;
    let start = Instant::now();
    wait_for("everything to be counted", Duration::from_secs(300), || {
        Ok(stack.api.get("/v1/hosts?limit=1")?.ok().ok())
    })?;
    let counted = start.elapsed();
    check(&stack, &plan, &report)?;
    rows(table, &plan, &report, (cpu, [idle_mib, peak_mib], sealed_mib, counted));
    Ok(())
}

/// Tells on standard error how far it is: a run takes minutes.
fn say(text: &str) -> Result<()> {
    Ok(writeln!(std::io::stderr().lock(), "{text}")?)
}

fn rows(
    table: &mut Table,
    plan: &Plan,
    report: &Report,
    (cpu, [idle_mib, peak_mib], sealed_mib, counted): (Duration, [u64; 2], usize, Duration),
) {
    let mut row = |what: &str, ours: String| table.row(what, ours, "–", "–");
    let all = u64::try_from(plan.hosts * plan.backlog).unwrap_or(u64::MAX);
    let minutes = all / report.drained_per_sec.max(1) / 60;
    row(
        &format!(
            "{} hosts come back within {} s after a day, {} accounts, {} of {} batches each ({sealed_mib} MiB)",
            plan.hosts,
            plan.spread.as_secs(),
            plan.accounts,
            plan.sample,
            plan.backlog
        ),
        format!("{} batches/s drained", report.drained_per_sec),
    );
    row(
        "— all of the backlog, extrapolated from that",
        format!("{}.{} h", minutes / 60, minutes % 60 * 10 / 60),
    );
    row(
        "— all know where to go on / the sample is drained / everything is counted",
        format!(
            "{} / {} / {} ms later",
            seconds(report.all_resumed),
            seconds(report.took),
            counted.as_millis()
        ),
    );
    let at = |permille: usize| {
        let n = report.waits.len();
        let at = (n * permille / 1_000).min(n.saturating_sub(1));
        seconds(report.waits.get(at).copied().unwrap_or_default())
    };
    row(
        &format!(
            "— {} hosts without a backlog, a batch every {} s, {} in all: wait median / p99 / longest",
            plan.honest,
            plan.phase.as_secs(),
            report.waits.len()
        ),
        format!("{} / {} / {}", at(500), at(990), at(1_000)),
    );
    row("— memory of the collector before / peak", format!("{idle_mib} / {peak_mib} MiB"));
    let usec = u64::try_from(cpu.as_micros()).unwrap_or(u64::MAX);
    row(
        "— CPU of the collector for each batch, connections and questions included",
        format!("{} µs", usec / (report.drained + report.honest).max(1)),
    );
    row(
        "— answers with 503 and Retry-After / connections that failed",
        format!("{} / {}", report.refused.values().sum::<u64>(), report.broken),
    );
    for (why, count) in &report.refused {
        row(&format!("— 503: {why}"), count.to_string());
    }
    row("— each batch is stored once and counted once", "yes".to_owned());
}

fn seconds(time: Duration) -> String {
    format!("{}.{:02} s", time.as_secs(), time.subsec_millis() / 10)
}
