//! A load with very many processes, uids or names; see `--help`.

use anyhow::Result;
use clap::Parser;

fn main() -> Result<()> {
    hostmeter_tests::storm::crowd::run(&hostmeter_tests::storm::crowd::Args::parse())
}
