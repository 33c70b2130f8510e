//! The table that `make bench` prints, as Markdown.

use anyhow::Result;
use std::io::Write;

/// Rows in the order they were measured.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<[String; 4]>,
}

impl Table {
    /// Adds what was measured, for us and for the peer, with the ratio in words.
    pub(crate) fn row(&mut self, what: &str, ours: String, peer: &str, ratio: &str) {
        self.rows.push([what.to_owned(), ours, peer.to_owned(), ratio.to_owned()]);
    }

    /// Prints the table with the machine that it was measured on.
    pub(crate) fn print(&self) -> Result<()> {
        let mut out = std::io::stdout().lock();
        let cpus = std::thread::available_parallelism()?;
        let kernel = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        writeln!(out, "Measured by `make bench` on {cpus} CPUs, Linux {}:\n", kernel.trim())?;
        writeln!(out, "| what | Hostmeter | peer in the same run | ratio |\n| --- | --- | --- | --- |")?;
        for [what, ours, peer, ratio] in &self.rows {
            writeln!(out, "| {what} | {ours} | {peer} | {ratio} |")?;
        }
        Ok(out.flush()?)
    }
}

/// Milliseconds with two decimals, from microseconds.
pub(crate) fn ms(usec: u64) -> String {
    format!("{}.{:02} ms", usec / 1_000, usec % 1_000 / 10)
}

/// `a / b` with one decimal.
pub(crate) fn ratio(a: u64, b: u64) -> String {
    let tenths = a.saturating_mul(10) / b.max(1);
    format!("{}.{}", tenths / 10, tenths % 10)
}
