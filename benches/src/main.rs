//! `make bench` and `make bench-accuracy`: every figure that the README states, measured now, beside a peer in the
//! same run.

mod accuracy;
mod agent;
mod charge;
mod cost;
mod credit;
mod crowd;
mod ingest;
mod peers;
mod reconnect;
mod slow;
mod table;
mod toll;

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
    /// CPU of a sample with a full house of processes
    Cost(cost::Args),
    /// What the eBPF programs cost those who are metered: fork and exit, packets, bulk TCP
    Toll(toll::Args),
    /// Batches per second into the collector, beside VictoriaMetrics
    Ingest(ingest::Args),
    /// How long honest hosts wait beside thousands of slow connections
    Slow(slow::Args),
    /// Hosts that come back after an outage of a day, with real sockets
    Reconnect(reconnect::Args),
    /// Accounts charged per second, and bytes of an account and hour
    Charge(charge::Args),
    /// From a credit to the agent, while batches come in; root, takes minutes
    Credit(credit::Args),
    /// CPU credited to the right uid, beside psutil and prometheus-process-exporter; takes minutes
    Accuracy(accuracy::Args),
}

fn main() -> Result<()> {
    let mut table = Table::default();
    match Args::parse().what {
        Some(What::Agent) => agent::measure(&mut table)?,
        Some(What::Cost(args)) => return cost::measure(&args),
        Some(What::Toll(args)) => return toll::measure(&args),
        Some(What::Ingest(args)) => ingest::measure(&mut table, &args)?,
        Some(What::Slow(args)) => slow::measure(&mut table, &args)?,
        Some(What::Reconnect(args)) => reconnect::measure(&mut table, &args)?,
        Some(What::Charge(args)) => charge::measure(&mut table, &args)?,
        Some(What::Credit(args)) => credit::measure(&mut table, &args)?,
        Some(What::Accuracy(args)) => return accuracy::measure(&args),
        None => {
            agent::measure(&mut table)?;
            ingest::measure(&mut table, &ingest::Args::default())?;
            charge::measure(&mut table, &charge::Args::default())?;
        }
    }
    table.print()
}
