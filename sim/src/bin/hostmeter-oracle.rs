//! `make oracle`: a scenario, through the collector and through the oracle; they must agree to the micro-unit.

use anyhow::Result;
use clap::Parser;
use hostmeter_sim::replay::oracle::{self, World};
use std::io::Write;

/// Replays scenarios of tests/oracle and compares every line and balance.
#[derive(Parser)]
#[command(version, about)]
struct Args {
    /// The first scenario's seed
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many scenarios, each with the next seed
    #[arg(long, default_value_t = 1)]
    seeds: u64,
    /// Accounts
    #[arg(long, default_value_t = 10_000)]
    accounts: u32,
    /// Days
    #[arg(long, default_value_t = 365)]
    days: u32,
    /// Orders of arrival beside the first
    #[arg(long, default_value_t = 1)]
    shuffles: u64,
}

fn main() -> Result<()> {
    let args = Args::parse();
    let mut out = std::io::stdout().lock();
    for seed in args.seed..args.seed.saturating_add(args.seeds) {
        for shuffle in 0..=args.shuffles {
            let world = World { seed, accounts: args.accounts, days: args.days, shuffle };
            let done = oracle::hold(&world)?;
            writeln!(
                out,
                "oracle: seed {seed}, order {shuffle}: {} accounts × {} days, {} customers, {} charges with {} lines, \
                 {} base fees: 0 µ difference",
                args.accounts, args.days, done.customers, done.charges, done.lines, done.base_fees
            )?;
        }
    }
    Ok(())
}
