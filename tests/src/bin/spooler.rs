//! A writer of a spool whose end is known: says each number on standard output once it is durable.
//!
//! `spooler DIR` appends sealed batches in groups of one to three parts until it is stopped or the disk fails. It
//! prints `d SEQ HASH` after a group is durable, and `a SEQ` before it acknowledges what lies far back, so that
//! segments are removed meanwhile.

use anyhow::{Context, Result, bail};
use hostmeter_agent::spool::{Entry, Spool};
use hostmeter_tests::power::{self, CAP_BYTES, EPOCH, HOST};
use std::io::Write;

/// So many records stay unacknowledged.
const BEHIND: u64 = 40;

fn main() -> Result<()> {
    let dir = std::env::args_os().nth(1).context("usage: spooler DIR")?;
    let (mut spool, findings) = Spool::open(dir.as_ref(), HOST, EPOCH, CAP_BYTES)?;
    if !findings.damaged.is_empty() || !findings.missing.is_empty() {
        bail!("damage after a power cut: {findings:?}");
    }
    let mut reader = spool.reader();
    let mut out = std::io::stdout().lock();
    let mut behind: Option<Entry> = None;
    loop {
        let group = power::group(spool.tail().seq, spool.tail().hash)?;
        let to_ms = i64::try_from(spool.tail().seq)?;
        spool.append(&group, to_ms, None, false)?;
        for envelope in &group {
            let header = hostmeter_core::wire::envelope::peek(envelope)?;
            writeln!(out, "d {} {}", header.stamp.seq, hostmeter_core::wire::key::hex(&header.hash))?;
        }
        out.flush()?;
        while behind.as_ref().map_or(0, |e| e.seq) + BEHIND < spool.tail().seq {
            behind = reader.read_next()?;
            let Some(entry) = &behind else { break };
            writeln!(out, "a {}", entry.seq)?;
            out.flush()?;
            reader.ack(entry, entry.seq);
        }
        spool.trim();
    }
}
