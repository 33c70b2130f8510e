//! What a sample costs: the whole agent with a full house of processes, every ten seconds.

use crate::agent::{cpu_usec, rss_kib};
use crate::crowd::Crowd;
use anyhow::{Context, Result};
use hostmeter_tests::stack::{Settings, Stack};
use std::io::Write;
use std::time::{Duration, Instant};

const ACCOUNTS: u32 = 200;
const EVERY: Duration = Duration::from_secs(10);

/// What is run.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Processes
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 5_000])]
    processes: Vec<u32>,
    /// Samples
    #[arg(long, default_value_t = 12)]
    samples: u32,
}

pub(crate) fn measure(args: &Args) -> Result<()> {
    for processes in &args.processes {
        let _crowd = Crowd::start(*processes, ACCOUNTS, ACCOUNTS)?;
        for tier in ["ebpf", "proc"] {
            let agent = format!("[meters]\nkernel = \"{tier}\"\nbpffs = \"none\"");
            let mut stack = Stack::new(&Settings {
                agent,
                interval: "10s",
                executor: Some("driver = \"linux\"".to_owned()),
                ..Settings::default()
            })?;
            stack.enroll_and_start()?;
            let agent = stack.agent.as_ref().context("agent")?.pid();
            std::thread::park_timeout(EVERY + Duration::from_secs(5));
            let (before, begun) = (cpu_usec(agent)?, Instant::now());
            std::thread::park_timeout(EVERY * args.samples);
            let usec = (cpu_usec(agent)? - before) / u64::from(args.samples);
            let line = format!(
                "{processes} {tier}: {usec} us a sample over {:?}, RSS {} KiB",
                begun.elapsed(),
                rss_kib(agent)?
            );
            writeln!(std::io::stderr().lock(), "{line}")?;
        }
    }
    Ok(())
}
