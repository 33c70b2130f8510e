//! What agents sealed, held against what their machines' users used, in the moment it becomes durable.

use crate::kernel::{Kernel, Used};
use anyhow::{Context, Result, ensure};
use hostmeter_agent::reading::AccountReading;
use hostmeter_agent::spool::{Entry, Reader, Tail};
use hostmeter_core::ids::BootId;
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::Batch;
use hostmeter_core::wire::envelope::{open_payload, peek};
use std::collections::BTreeMap;

/// One envelope.
#[derive(Clone, Debug)]
pub(crate) struct Sealed {
    /// Host whose key signed it.
    pub(crate) host: usize,
    /// Boot in which it was sealed.
    pub(crate) boot: BootId,
    /// What was used when it ended; `None`: sealed again in a new epoch, cut where the collector knows more.
    pub(crate) used: Option<Used>,
    /// Its epoch and number.
    pub(crate) place: (u64, u64),
    /// End of its last interval.
    pub(crate) to_ms: i64,
    /// How many intervals it holds.
    pub(crate) intervals: u64,
}

/// By header hash.
pub(crate) type Book = BTreeMap<[u8; 32], Sealed>;

/// What is in an envelope.
pub(crate) fn batch(bytes: &[u8]) -> Result<Batch> {
    Ok(Batch::decode(&open_payload(&peek(bytes)?, bytes)?)?)
}

/// CPU time by uid in a batch, µs.
pub(crate) fn used_in(batch: &Batch) -> BTreeMap<u32, i64> {
    let mut out = BTreeMap::new();
    for account in batch.intervals.iter().flat_map(|i| &i.accounts) {
        let used = account.values.get(Meter::CpuUsec).unwrap_or(0);
        *out.entry(account.uid).or_insert(0_i64) += used;
    }
    out
}

/// All that is new in a spool.
pub(crate) fn new_entries(eyes: &mut Reader) -> Result<Vec<Entry>> {
    let mut out = Vec::new();
    while let Some(entry) = eyes.read_next()? {
        out.push(entry);
    }
    Ok(out)
}

/// One seal: what its batches say must be what was used since the baseline, to the µs.
pub(crate) fn check(entries: &[Entry], base: &Used, now: &Used) -> Result<()> {
    let mut said: BTreeMap<u32, i64> = BTreeMap::new();
    for entry in entries {
        for (uid, used) in used_in(&batch(&entry.envelope)?) {
            *said.entry(uid).or_insert(0) += used;
        }
    }
    for (uid, used) in now {
        let truth = i64::try_from(used.saturating_sub(base.get(uid).copied().unwrap_or(0)))?;
        let got = said.get(uid).copied().unwrap_or(0);
        let seq = entries.first().map(|e| e.seq);
        ensure!(
            got == truth,
            "batch {seq:?}: uid {uid} is said to have used {got} µs, and the truth is {truth}"
        );
    }
    Ok(())
}

/// An entry that a start found and no seal reported: its sync failed and it is there all the same, or it was sealed
/// again in a new epoch. What was used when it ended follows from what is known, and must be what a sweep saw.
pub(crate) fn found(entry: &Entry, host: usize, kernel: &Kernel, book: &Book) -> Result<Sealed> {
    let batch = batch(&entry.envelope)?;
    let to_ms = batch.intervals.last().map(|i| i.to_ms).context("a batch without an interval")?;
    let of_this_boot = |s: &&Sealed| s.host == host && s.boot == kernel.id();
    let before = book.get(&peek(&entry.envelope)?.stamp.prev).filter(of_this_boot);
    let used = if let Some(before) = before.and_then(|s| s.used.as_ref()) {
        let mut used = before.clone();
        for (uid, more) in used_in(&batch) {
            let of = used.get_mut(&uid).context("an account that was not there")?;
            *of = of.saturating_add(u64::try_from(more)?);
        }
        ensure!(kernel.saw(&used), "batch {}: no sweep saw what it says", entry.seq);
        Some(used)
    } else {
        book.values().filter(of_this_boot).find(|s| s.to_ms == to_ms).and_then(|s| s.used.clone())
    };
    Ok(Sealed { boot: kernel.id(), ..sealed(entry, host, used)? })
}

/// What was used by the readings that the spool keeps for its newest entry, if a sweep of this boot saw just that: the
/// first seal of a boot has none before it to tell.
pub(crate) fn kept(tail: &Tail, kernel: &Kernel) -> Option<Used> {
    let base = tail.baseline.as_ref().filter(|b| b.source.boot == kernel.id())?;
    let cpu = |a: &AccountReading| a.counters.get(&Meter::CpuUsec).copied().unwrap_or(0);
    let used: Used = base.accounts.iter().map(|(uid, a)| (*uid, cpu(a))).collect();
    kernel.saw(&used).then_some(used)
}

/// What an entry is by itself.
pub(crate) fn sealed(entry: &Entry, host: usize, used: Option<Used>) -> Result<Sealed> {
    let batch = batch(&entry.envelope)?;
    let stamp = peek(&entry.envelope)?.stamp;
    let (boot, place) = (stamp.boot, (stamp.epoch, stamp.seq));
    let to_ms = batch.intervals.last().map(|i| i.to_ms).context("a batch without an interval")?;
    let intervals = u64::try_from(batch.intervals.len())?;
    Ok(Sealed { host, boot, used, place, to_ms, intervals })
}
