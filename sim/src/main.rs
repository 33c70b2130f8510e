//! `make sim`: runs seeds, each twice, and says what came of it.

use anyhow::{Result, ensure};
use clap::Parser;
use hostmeter_sim::run;
use hostmeter_sim::template::Template;
use std::io::Write;

/// Simulates agents and a collector with everything that can go wrong between them.
#[derive(Parser)]
#[command(version, about)]
struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1)]
    start: u64,
    /// How many at a time
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Run the first seed once and print everything that happens in it
    #[arg(long)]
    lines: bool,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let template = Template::make()?;
    let out = std::io::stdout();
    if args.lines {
        let (done, lines) = run::lines(&template, args.start);
        for line in lines {
            writeln!(out.lock(), "{line}")?;
        }
        writeln!(out.lock(), "{}", done?.line(1))?;
        return Ok(());
    }
    let tell = |seed: u64, report: &Result<_>| {
        if let Err(e) = report {
            let _told_in_the_end = writeln!(out.lock(), "seed {seed} FAILED: {e:#}");
        }
    };
    let all = run::many(&template, args.start, args.seeds, args.threads, tell)?;
    ensure!(all.acked > 0, "nothing was shipped");
    for (what, n) in &all.faults {
        writeln!(out.lock(), "{n:>8} × {what}")?;
    }
    writeln!(out.lock(), "{:>8} × forged envelope", all.tried)?;
    writeln!(out.lock(), "{}", all.line(args.seeds))?;
    Ok(())
}
