//! What a sample costs: every tool looks at the same full house of processes every ten seconds, at the same time.

mod tool;

use crate::crowd::Crowd;
use crate::table::ms;
use anyhow::{Context, Result};
use std::io::Write;
use std::time::Instant;
use tool::{EVERY, Tool, Used};

/// Accounts, each with one process that runs for a moment every second.
const ACCOUNTS: u32 = 200;

/// What is run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Processes
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 5_000])]
    processes: Vec<u32>,
    /// Samples; six are a minute, with the list of commands once
    #[arg(long, default_value_t = 12, value_parser = clap::value_parser!(u32).range(1..=1_000))]
    samples: u32,
    /// Measure the eBPF tier alone
    #[arg(long)]
    no_peers: bool,
}

/// How a tool is started.
type Start = fn() -> Result<Tool>;

const TOOLS: [(&str, Start); 7] = [
    ("Hostmeter, eBPF", || Tool::hostmeter("ebpf")),
    ("Hostmeter, /proc", || Tool::hostmeter("proc")),
    ("psutil", Tool::psutil),
    ("prometheus-process-exporter", Tool::exporter),
    ("atop", Tool::atop),
    ("pidstat", Tool::pidstat),
    ("netdata's apps.plugin", Tool::netdata),
];

/// One sample of one tool, in the mean.
#[derive(Clone, Copy)]
struct Cost {
    usec: u64,
    sampling_usec: Option<u64>,
    rss_kib: u64,
}

fn say(line: &str) {
    let _closed = writeln!(std::io::stderr().lock(), "{line}");
}

/// A tool, or why it is not here.
type Named = (&'static str, Result<Tool>);

/// Lets a sample go by.
fn sample(tools: &[Named]) -> Result<()> {
    let begun = Instant::now();
    for (name, tool) in tools {
        if let Ok(tool) = tool {
            tool.ask().with_context(|| (*name).to_owned())?;
        }
    }
    std::thread::park_timeout(EVERY.saturating_sub(begun.elapsed()));
    Ok(())
}

fn used(tools: &mut [Named]) -> Result<Vec<Option<Used>>> {
    tools
        .iter_mut()
        .map(|(name, tool)| match tool {
            Ok(tool) => tool.used().map(Some).with_context(|| (*name).to_owned()),
            Err(_) => Ok(None),
        })
        .collect()
}

fn cost(before: Used, after: Used, samples: u64) -> Cost {
    let sampling = after.sampling_usec.zip(before.sampling_usec).map(|(a, b)| (a - b) / samples);
    Cost { usec: (after.usec - before.usec) / samples, sampling_usec: sampling, rss_kib: after.rss_kib }
}

/// Every tool at once, over one crowd.
fn round(processes: u32, samples: u32, wanted: &[(&'static str, Start)]) -> Result<Vec<Option<Cost>>> {
    let _crowd = Crowd::start(processes, ACCOUNTS, ACCOUNTS)?;
    let mut tools: Vec<Named> = wanted.iter().map(|(name, start)| (*name, start())).collect();
    for (name, tool) in &tools {
        if let Err(why) = tool {
            say(&format!("{name} is left out: {why:#}"));
        }
    }
    // The first samples of a tool learn what is there.
    for _ in 0..2 {
        sample(&tools)?;
    }
    let before = used(&mut tools)?;
    for _ in 0..samples {
        sample(&tools)?;
    }
    let after = used(&mut tools)?;
    let pairs = before.into_iter().zip(after);
    Ok(pairs.map(|(b, a)| Some(cost(b?, a?, samples.into()))).collect())
}

fn row(
    out: &mut impl Write,
    name: &str,
    cells: impl Iterator<Item = Option<u64>>,
    kib: Option<u64>,
) -> Result<()> {
    write!(out, "| {name} |")?;
    for usec in cells {
        write!(out, " {} |", usec.map_or_else(|| "not here".to_owned(), ms))?;
    }
    let mib = kib.map(|kib| format!("{}.{} MiB", kib / 1024, kib % 1024 * 10 / 1024));
    writeln!(out, " {} |", mib.unwrap_or_else(|| "–".to_owned()))?;
    Ok(())
}

/// Measures and prints the table.
pub(crate) fn measure(args: &Args) -> Result<()> {
    let tools = if args.no_peers { TOOLS.get(..1).unwrap_or_default() } else { &TOOLS };
    let mut rounds = Vec::new();
    for processes in &args.processes {
        say(&format!("{processes} processes: {} s", (args.samples + 2) * u32::try_from(EVERY.as_secs())?));
        rounds.push(round(*processes, args.samples, tools)?);
    }
    let mut out = std::io::stdout().lock();
    let cpus = std::thread::available_parallelism()?;
    writeln!(
        out,
        "CPU of one sample, every {} s, {ACCOUNTS} active accounts, {cpus} CPUs:\n",
        EVERY.as_secs()
    )?;
    write!(out, "| tool |")?;
    args.processes.iter().try_for_each(|n| write!(out, " {n} processes |"))?;
    writeln!(out, " memory |\n|{}", " --- |".repeat(args.processes.len() + 2))?;
    for (i, (name, _)) in tools.iter().enumerate() {
        let of = |r: &Vec<Option<Cost>>| r.get(i).copied().flatten();
        let kib = rounds.iter().filter_map(of).map(|c| c.rss_kib).max();
        if rounds.iter().filter_map(of).any(|c| c.sampling_usec.is_some()) {
            let name = format!("{name}: sweep, pack, sign, spool");
            row(&mut out, &name, rounds.iter().map(|r| of(r)?.sampling_usec), None)?;
        }
        row(&mut out, name, rounds.iter().map(|r| Some(of(r)?.usec)), kib)?;
    }
    Ok(out.flush()?)
}
