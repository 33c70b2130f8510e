//! A load with a known truth: forks short processes on order, as the uid it was started under.
//!
//! `storm` reads orders from its standard input, one a line: `PROCESSES ROUNDS THREADS ENDING`, with an ending of
//! `reaped`, `ignored` or `leader-first`. It answers each with the CPU that it and its children used for it, in µs,
//! and ends with its input.

use anyhow::Result;

fn main() -> Result<()> {
    hostmeter_tests::storm::serve(std::io::stdin().lock(), std::io::stdout().lock())
}
