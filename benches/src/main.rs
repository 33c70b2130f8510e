//! `make bench`: every speed figure that the README states, measured now, beside a peer in the same run.

mod agent;
mod charge;
mod fleet;
mod ingest;
mod table;

use anyhow::Result;
use clap::{Parser, Subcommand};
use table::Table;

/// Measures Hostmeter on this machine.
#[derive(Parser)]
#[command(version, about)]
struct Args {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Subcommand)]
enum What {
    /// CPU of the agent per sample, beside psutil
    Agent,
    /// Batches per second into the collector
    Ingest,
    /// Accounts charged per second
    Charge,
}

fn main() -> Result<()> {
    let mut table = Table::default();
    match Args::parse().what {
        Some(What::Agent) => agent::measure(&mut table)?,
        Some(What::Ingest) => ingest::measure(&mut table)?,
        Some(What::Charge) => charge::measure(&mut table)?,
        None => {
            agent::measure(&mut table)?;
            ingest::measure(&mut table)?;
            charge::measure(&mut table)?;
        }
    }
    table.print()
}
