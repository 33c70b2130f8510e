//! What the programs in the kernel cost those who are metered: the same work with and without them, in turn.

use anyhow::{Context, Result, ensure};
use hostmeter_agent::ebpf::Programs;
use hostmeter_core::ids::BootId;
use hostmeter_tests::netns::Cable;
use hostmeter_tests::run::{Running, program};
use hostmeter_tests::stack::run_ok;
use hostmeter_tests::talk::Talk;
use libbpf_rs::query::ProgInfoIter;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Forks in one measurement, after some that warm up.
const FORKS: u32 = 2_000;
const WARM_UP: u32 = 300;
/// Bytes of one bulk transfer.
const BULK_BYTES: &str = "1500000000";
/// One-sided 95 % of Student's t with at least 29 degrees of freedom.
const T_95: f64 = 1.70;
const PAIRS_MIN: u32 = 30;
/// Whether the kernel measures programs (`Documentation/admin-guide/sysctl/kernel.rst`).
const STATS: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// What is run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Pairs of measurements, with and without
    #[arg(long, default_value_t = 40, value_parser = clap::value_parser!(u32).range(i64::from(PAIRS_MIN)..=1_000))]
    pairs: u32,
    /// What is measured
    #[arg(long, value_delimiter = ',', default_values = ["forks", "bulk", "programs"])]
    parts: Vec<Part>,
}

#[derive(Clone, Copy, PartialEq, clap::ValueEnum)]
enum Part {
    Forks,
    Bulk,
    Programs,
}

/// The programs as an agent has them; they end with this.
fn attach() -> Result<Programs> {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let begun_ns = u64::try_from(now.tv_sec)? * 1_000_000_000 + u64::try_from(now.tv_nsec)?;
    let programs = Programs::open(None, BootId::default(), begun_ns, 1)?;
    ensure!(programs.no_network().is_none(), "network: {:?}", programs.no_network());
    Ok(programs)
}

/// So many forks by the worker, ns.
fn forks(worker: &mut Talk, count: u32) -> Result<f64> {
    worker.order(&count.to_string())?;
    Ok(worker.line()?.parse()?)
}

/// By how much the work takes longer with the programs, %: in the mean, and the upper bound of 95 %.
struct Slower {
    mean: f64,
    upper: f64,
}

impl Slower {
    fn of(ratios: &[f64]) -> Self {
        let n = f64::from(u32::try_from(ratios.len()).unwrap_or(u32::MAX));
        let logs: Vec<f64> = ratios.iter().map(|r| r.ln()).collect();
        let mean = logs.iter().sum::<f64>() / n;
        let variance = logs.iter().map(|l| (l - mean).powi(2)).sum::<f64>() / (n - 1.0);
        let percent = |log: f64| (log.exp() - 1.0) * 100.0;
        Self { mean: percent(mean), upper: percent(mean + T_95 * (variance / n).sqrt()) }
    }
}

fn with_programs(work: &mut impl FnMut() -> Result<f64>) -> Result<f64> {
    let _programs = attach()?;
    work()
}

/// The same work with and without the programs, `pairs` times, in changing order; and what it takes without them, ns.
fn pairs(pairs: u32, work: &mut impl FnMut() -> Result<f64>) -> Result<(Slower, f64)> {
    let (mut ratios, mut without_sum) = (Vec::new(), 0.0);
    for pair in 0..pairs {
        let (with, without) = if pair % 2 == 0 {
            (with_programs(work)?, work()?)
        } else {
            let without = work()?;
            (with_programs(work)?, without)
        };
        ratios.push(with / without);
        without_sum += without;
    }
    Ok((Slower::of(&ratios), without_sum / f64::from(pairs)))
}

/// One transfer over the cable, ns.
fn transfer(cable: &Cable, port: u16) -> Result<f64> {
    let dir = tempfile::tempdir()?;
    let traffic = program("traffic")?;
    let address = format!("10.77.0.2:{port}");
    let mut serve = cable.far.command(&traffic);
    serve.args(["serve", "tcp", &address, "--bytes", "1"]).stdout(Stdio::piped());
    let mut serve = Running::start("serve", &mut serve, dir.path())?;
    BufReader::new(serve.stdout().context("piped")?).read_line(&mut String::new())?;
    let begun = Instant::now();
    run_ok(cable.near.command(&traffic).args(["send", "tcp", &address, "--bytes", BULK_BYTES]))?;
    let took = begun.elapsed();
    ensure!(serve.wait(Duration::from_secs(20))?.success(), "{}", serve.log_text());
    Ok(took.as_secs_f64() * 1e9)
}

/// While this lives, the kernel measures programs.
struct Stats(String);

impl Stats {
    fn on() -> Result<Self> {
        let before = std::fs::read_to_string(STATS)?;
        std::fs::write(STATS, "1")?;
        Ok(Self(before))
    }
}

impl Drop for Stats {
    fn drop(&mut self) {
        let _as_before = std::fs::write(STATS, &self.0);
    }
}

/// Runs of each of our programs, and what one took, ns.
fn runs(work: impl FnOnce() -> Result<f64>) -> Result<Vec<(String, u64, u64)>> {
    let _stats = Stats::on()?;
    let _programs = attach()?;
    work()?;
    let ours =
        ProgInfoIter::default().filter(|p| p.name.to_string_lossy().starts_with("hm_") && p.run_cnt > 0);
    Ok(ours.map(|p| (p.name.to_string_lossy().into_owned(), p.run_cnt, p.run_time_ns / p.run_cnt)).collect())
}

/// Processes that begin, end and are waited for, ns.
fn fork(worker: &mut Talk) -> Result<f64> {
    forks(worker, WARM_UP)?;
    forks(worker, FORKS)
}

fn compare_forks(out: &mut impl Write, count: u32, worker: &mut Talk) -> Result<()> {
    let (slower, ns) = pairs(count, &mut || fork(worker))?;
    let (each_usec, Slower { mean, upper }) = (ns / f64::from(FORKS) / 1e3, slower);
    Ok(writeln!(out, "| fork + exit + wait | {each_usec:.1} µs | {mean:.2} % | {upper:.2} % |")?)
}

fn compare_bulk(out: &mut impl Write, count: u32) -> Result<()> {
    let cable = Cable::new("t", false)?;
    let mut port = 20_000;
    let mut send = || {
        port += 1;
        transfer(&cable, port)
    };
    let (Slower { mean, upper }, ns) = pairs(count, &mut send)?;
    let gbit = BULK_BYTES.parse::<f64>()? * 8.0 / ns;
    Ok(writeln!(out, "| bulk TCP over veth | {gbit:.1} Gbit/s | {mean:.2} % | {upper:.2} % |")?)
}

/// What the kernel says of single runs.
fn programs(out: &mut impl Write, worker: &mut Talk) -> Result<()> {
    writeln!(out, "\n| program | runs | one run, measured by the kernel |\n| --- | --- | --- |")?;
    let cable = Cable::new("p", true)?;
    let mut rows = runs(|| transfer(&cable, 30_000))?;
    rows.retain(|(name, ..)| name == "hm_sent" || name == "hm_received");
    rows.extend(
        runs(|| fork(worker))?.into_iter().filter(|(name, ..)| name == "hm_exited" || name == "hm_switched"),
    );
    rows.iter().try_for_each(|(name, count, ns)| writeln!(out, "| {name} | {count} | {ns} ns |"))?;
    Ok(())
}

/// Measures and prints the table.
pub(crate) fn measure(args: &Args) -> Result<()> {
    ensure!(Path::new(STATS).exists(), "{STATS} is missing");
    let mut out = std::io::stdout().lock();
    writeln!(out, "With the programs of the eBPF tier and without, {} pairs in turn:\n", args.pairs)?;
    writeln!(out, "| work | without | slower by | at most (95 %) |\n| --- | --- | --- | --- |")?;
    let mut worker = Talk::start(&mut Command::new(program("forks")?))?;
    if args.parts.contains(&Part::Forks) {
        compare_forks(&mut out, args.pairs, &mut worker)?;
        out.flush()?;
    }
    if args.parts.contains(&Part::Bulk) {
        compare_bulk(&mut out, args.pairs)?;
        out.flush()?;
    }
    if args.parts.contains(&Part::Programs) {
        programs(&mut out, &mut worker)?;
    }
    Ok(out.flush()?)
}
