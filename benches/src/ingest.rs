//! Batches per second into a real collector over HTTP and TLS, with signatures and fsync, and the same samples into
//! VictoriaMetrics. The senders are on the same machine.

mod peer;
pub(crate) mod sender;
pub(crate) mod usage;

use crate::table::{Table, ratio};
use anyhow::{Context, Result};
use hostmeter_tests::api::Api;
use hostmeter_tests::fleet::{Host, lines};
use hostmeter_tests::run::wait_for;
use hostmeter_tests::stack::{Settings, Stack};
use peer::Peer;
use sender::{Sent, request};
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Accounts in each batch.
const ACCOUNTS: u32 = 200;
/// Meters of each account.
const METERS: u64 = 8;

/// How much is sent.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Args {
    /// Hosts, each with a connection of its own and one batch on its way
    #[arg(long, default_value_t = 48)]
    hosts: u32,
    /// Batches of each host
    #[arg(long, default_value_t = 400)]
    batches: usize,
    /// Leave VictoriaMetrics out
    #[arg(long)]
    no_peer: bool,
    /// Do not wait until graphs are whole
    #[arg(long)]
    no_graphs: bool,
    /// Keep the collector's data in this folder, which must not exist
    #[arg(long)]
    keep: Option<std::path::PathBuf>,
}

impl Default for Args {
    fn default() -> Self {
        Self { hosts: 48, batches: 400, no_peer: false, no_graphs: false, keep: None }
    }
}

/// What one of the two did.
struct Taken {
    batches: u64,
    sent: Sent,
    cpu: Duration,
    peak_kib: u64,
}

impl Taken {
    fn per_sec(&self) -> u64 {
        let usec = u64::try_from(self.sent.took.as_micros()).unwrap_or(u64::MAX).max(1);
        self.batches * 1_000_000 / usec
    }

    fn samples_per_sec(&self) -> u64 {
        self.per_sec() * u64::from(ACCOUNTS) * METERS
    }

    fn cpu_usec(&self) -> u64 {
        u64::try_from(self.cpu.as_micros()).unwrap_or(u64::MAX) / self.batches.max(1)
    }
}

/// Adds the rows.
pub(crate) fn measure(table: &mut Table, args: &Args) -> Result<()> {
    let now_ms = i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis())?;
    let from_ms = (now_ms / 1_000 - i64::try_from(args.batches)?) * 1_000;
    let (ours, settled) = ours(args, from_ms)?;
    let theirs = if args.no_peer { None } else { Some(theirs(args, from_ms)?) };
    let count = args.batches * usize::try_from(args.hosts)?;
    let what = format!(
        "ingest over TLS, {ACCOUNTS} accounts × {METERS} meters, {} hosts, {count} batches",
        args.hosts
    );
    let none = || "–".to_owned();
    let beside = |f: &dyn Fn(&Taken) -> String| {
        theirs.as_ref().map_or_else(none, |t| format!("VictoriaMetrics {}", f(t)))
    };
    let over = |a: u64, b: Option<u64>| b.map_or_else(none, |b| ratio(a, b));
    table.row(
        &what,
        format!("{} batches/s ({} samples/s), signed, fsync", ours.per_sec(), ours.samples_per_sec()),
        &beside(&|t| format!("{} requests/s ({} samples/s)", t.per_sec(), t.samples_per_sec())),
        &over(ours.per_sec(), theirs.as_ref().map(Taken::per_sec)),
    );
    table.row(
        "— CPU of the receiver for each batch",
        format!("{} µs", ours.cpu_usec()),
        &beside(&|t| format!("{} µs", t.cpu_usec())),
        &over(ours.cpu_usec(), theirs.as_ref().map(Taken::cpu_usec)),
    );
    table.row(
        "— peak memory of the receiver",
        format!("{} MiB", ours.peak_kib / 1_024),
        &beside(&|t| format!("{} MiB", t.peak_kib / 1_024)),
        &over(ours.peak_kib, theirs.as_ref().map(|t| t.peak_kib)),
    );
    let wait =
        |t: &Taken| format!("{} / {} ms", t.sent.permille(500).as_millis(), t.sent.permille(990).as_millis());
    table.row("— wait for an answer, median / p99", wait(&ours), &beside(&wait), "–");
    table.row(
        "— after the last answer: hour totals whole / graphs whole",
        format!(
            "{} / {} ms",
            settled.counted.as_millis(),
            settled.shown.map_or_else(none, |t| t.as_millis().to_string())
        ),
        "–",
        "–",
    );
    if ours.sent.refused > 0 {
        table.row("— answered with 503 and sent again", ours.sent.refused.to_string(), "–", "–");
    }
    Ok(())
}

/// How long after the last acknowledgement everything followed.
struct Settled {
    counted: Duration,
    /// `None`: not waited for.
    shown: Option<Duration>,
}

fn ours(args: &Args, from_ms: i64) -> Result<(Taken, Settled)> {
    let mut stack = Stack::new(&Settings { tls: true, ..Settings::default() })?;
    let mut work = Vec::new();
    for number in 0..args.hosts {
        let mut host = Host::enroll(&stack, number, from_ms)?;
        let batch = |_| Ok(request("/v1/batches", "application/octet-stream", &host.next_batch(ACCOUNTS)?));
        work.push((0..args.batches).map(batch).collect::<Result<Vec<_>>>()?);
    }
    let address: SocketAddr = stack.url.trim_start_matches("https://").parse()?;
    let collector = stack.collector.as_mut().context("collector")?;
    let before = usage::cpu(collector.pid())?;
    let sent = sender::send(address, &work, Duration::ZERO)?;
    let (cpu, end) = (usage::cpu(collector.pid())? - before, Instant::now());
    let counted = settle(&stack.api, "hostmeter_count_behind", end)?;
    let shown = (!args.no_graphs).then(|| settle(&stack.api, "hostmeter_forward_behind", end)).transpose()?;
    let peak_kib = usage::peak_kib(collector.pid())?;
    collector.stop(Duration::from_secs(60))?;
    if let Some(to) = &args.keep {
        std::fs::rename(stack.path("data"), to).context("--keep: must be on the file system of TMPDIR")?;
    }
    let batches = u64::try_from(args.batches)? * u64::from(args.hosts);
    Ok((Taken { batches, sent, cpu, peak_kib }, Settled { counted, shown }))
}

/// Waits until this metric is 0; how long that took.
fn settle(api: &Api, metric: &str, since: Instant) -> Result<Duration> {
    wait_for(metric, Duration::from_secs(600), || {
        let page = api.get("/metrics")?.ok()?;
        let page = page.as_str().context("metrics")?;
        let line = page.lines().find_map(|l| l.strip_prefix(metric)?.strip_prefix(' '));
        // A collector that counts in the batch's own transaction has no such line.
        Ok(line.is_none_or(|value| value == "0").then(|| since.elapsed()))
    })
}

fn theirs(args: &Args, from_ms: i64) -> Result<Taken> {
    let peer = Peer::start()?;
    let mut work = Vec::new();
    for host in 0..args.hosts {
        let batch = |n: usize| {
            let seq = u64::try_from(n)? + 1;
            let to_ms = from_ms + i64::try_from(seq)? * 1_000;
            Ok(request("/write?precision=ms", "text/plain", lines(host, seq, to_ms, ACCOUNTS).as_bytes()))
        };
        work.push((0..args.batches).map(batch).collect::<Result<Vec<_>>>()?);
    }
    let before = usage::cpu(peer.pid())?;
    let sent = peer.send(&work)?;
    let cpu = usage::cpu(peer.pid())? - before;
    let batches = u64::try_from(args.batches)? * u64::from(args.hosts);
    Ok(Taken { batches, sent, cpu, peak_kib: usage::peak_kib(peer.pid())? })
}
