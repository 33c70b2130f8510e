//! Forks processes that end at once, one after the other, and says how long it took.
//!
//! Each line of its input is a number of processes; each line of its output the time for them, nanoseconds.

use anyhow::{Context, Result};
use std::io::{BufRead, Write};

fn main() -> Result<()> {
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let count: u32 = line.trim().parse().with_context(|| line.clone())?;
        writeln!(out, "{}", hostmeter_tests::storm::fork_and_wait(count)?.as_nanos())?;
        out.flush()?;
    }
    Ok(())
}
