//! Stretches of time in which a host was not metered in full: written with the batch that says so, so that a batch sent
//! twice counts once.
//!
//! An interval is not metered in full if the agent says what it cannot see, if it is measured by /proc, or if a coverage
//! that is known is below [`COVERAGE_LOW_PPM`]; of CPU time, only if what was missed is more than the sweeps' own
//! inaccuracy, [`CPU_MISSED_MIN_USEC`]. The first of these is its reason. Times of one host, tier and reason that
//! are at most [`DEGRADED_JOIN_MS`] apart are one stretch, in whatever order they come.

use super::count::cut;
use crate::db::{DbError, Transaction, params};
use crate::limits::{
    COVERAGE_LOW_PPM, CPU_MISSED_MIN_USEC, DEGRADED_JOIN_MS, DEGRADED_KEEP_MS, DEGRADED_ROWS_MAX,
    NOTE_MAX_CHARS, WORD_MAX_CHARS,
};
use hostmeter_core::wire::batch::{Batch, Coverage, Interval};

const BY_PROC: &str = "metered by /proc: the last moments of short processes are not seen";

/// Time of one host that was not metered in full, still to be written.
#[derive(Debug)]
pub(super) struct Noted {
    cause: Cause,
    stretch: Stretch,
}

/// Adds the batch's intervals, if they were not metered in full.
pub fn note(tx: &Transaction<'_>, host: i64, batch: &Batch) -> Result<(), DbError> {
    let mut noted = Vec::new();
    gather(&mut noted, host, batch);
    noted.iter().try_for_each(|noted| write(tx, noted))
}

/// Adds the batch's intervals to what is to be written; a host's neighbours as one.
pub(super) fn gather(noted: &mut Vec<Noted>, host: i64, batch: &Batch) {
    // An interval in parts is told of once, with the last.
    if batch.part != batch.parts {
        return;
    }
    let Some(why) = why(batch) else { return };
    let cause = Cause { host, tier: cut(&batch.tier, WORD_MAX_CHARS), why: cut(&why, NOTE_MAX_CHARS) };
    let c = &batch.coverage;
    let lowest_ppm = [c.cpu_ppm, c.io_ppm, c.memory_ppm].map(|ppm| ppm.map(i64::from));
    for (from_ms, to_ms) in spans(&batch.intervals) {
        let new = Stretch { from_ms, to_ms, lasted_ms: to_ms.saturating_sub(from_ms), lowest_ppm };
        let before = noted.iter_mut().rev().find(|n| n.cause.host == host);
        match before {
            Some(last) if last.stretch.to_ms == from_ms && last.cause == cause => {
                last.stretch = last.stretch.and(new);
            }
            _ => noted.push(Noted { cause: cause.clone(), stretch: new }),
        }
    }
}

/// Writes what was gathered.
pub(super) fn write(tx: &Transaction<'_>, noted: &Noted) -> Result<(), DbError> {
    join(tx, &noted.cause, noted.stretch)
}

/// Adds a time of which everything is lost.
pub fn note_lost(
    tx: &Transaction<'_>,
    host: i64,
    (from_ms, to_ms): (i64, i64),
    why: &str,
) -> Result<(), DbError> {
    if from_ms >= to_ms {
        return Ok(());
    }
    let cause = Cause { host, tier: "none".to_owned(), why: cut(why, NOTE_MAX_CHARS) };
    let lowest_ppm = [Some(0); 3];
    join(tx, &cause, Stretch { from_ms, to_ms, lasted_ms: to_ms.saturating_sub(from_ms), lowest_ppm })
}

/// Removes some stretches that ended too long ago; returns how many, 0 when none is left.
pub fn forget(tx: &Transaction<'_>, now_ms: i64, rows: i64) -> Result<usize, DbError> {
    // Host by host, as the index is.
    let sql = "DELETE FROM degraded WHERE id IN
        (SELECT id FROM degraded WHERE host IN (SELECT id FROM host) AND to_ms < ?1 LIMIT ?2)";
    Ok(tx.prepare_cached(sql)?.execute([now_ms.saturating_sub(DEGRADED_KEEP_MS), rows])?)
}

/// Why a batch was not metered in full, for people; `None`: it was.
fn why(batch: &Batch) -> Option<String> {
    if !batch.agent.limited.is_empty() {
        return Some(batch.agent.limited.clone());
    }
    if batch.tier == "proc" {
        return Some(BY_PROC.to_owned());
    }
    let low = low(batch);
    (!low.is_empty()).then(|| format!("less than {} % was seen of {low}", COVERAGE_LOW_PPM / 10_000))
}

/// Names of what is known to be covered too little; empty: nothing. Few texts are possible, so few stretches.
fn low(batch: &Batch) -> String {
    let Coverage { cpu_ppm, io_ppm, memory_ppm } = batch.coverage;
    let cpu_ppm = cpu_ppm.filter(|_| misses_cpu(&batch.intervals));
    let parts = [("CPU time", cpu_ppm), ("I/O", io_ppm), ("memory", memory_ppm)];
    let low = parts.into_iter().filter(|(_, ppm)| ppm.is_some_and(|p| p < COVERAGE_LOW_PPM));
    low.map(|(name, _)| name).collect::<Vec<_>>().join(", ")
}

/// Whether more of the busy time is credited to nobody than a sweep may be off. Where that is not known, it counts.
fn misses_cpu(intervals: &[Interval]) -> bool {
    let mut spare_usec = 0_i64;
    for interval in intervals {
        let Some(host) = &interval.host else { return true };
        let Some(remainder_usec) = host.remainder_usec else { return true };
        let may_miss_usec = i64::from(host.cpus).saturating_mul(CPU_MISSED_MIN_USEC);
        spare_usec = spare_usec.saturating_add(may_miss_usec).saturating_sub(remainder_usec);
    }
    spare_usec < 0
}

/// The intervals' times, neighbours as one.
fn spans(intervals: &[Interval]) -> Vec<(i64, i64)> {
    let mut out: Vec<(i64, i64)> = Vec::new();
    for interval in intervals {
        match out.last_mut() {
            Some(last) if last.1 == interval.from_ms => last.1 = interval.to_ms,
            _ => out.push((interval.from_ms, interval.to_ms)),
        }
    }
    out
}

/// What makes stretches one.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Cause {
    host: i64,
    tier: String,
    why: String,
}

/// A stretch as it is stored.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from_ms: i64,
    to_ms: i64,
    lasted_ms: i64,
    lowest_ppm: [Option<i64>; 3],
}

impl Stretch {
    fn and(self, other: Self) -> Self {
        let (from_ms, to_ms) = (self.from_ms.min(other.from_ms), self.to_ms.max(other.to_ms));
        let sum_ms = self.lasted_ms.saturating_add(other.lasted_ms);
        let [cpu, io, memory] = self.lowest_ppm;
        let [other_cpu, other_io, other_memory] = other.lowest_ppm;
        let lower = |a: Option<i64>, b| a.into_iter().chain(b).min();
        Self {
            from_ms,
            to_ms,
            // A host that was frozen may have told of a time twice.
            lasted_ms: sum_ms.min(to_ms.saturating_sub(from_ms)),
            lowest_ppm: [lower(cpu, other_cpu), lower(io, other_io), lower(memory, other_memory)],
        }
    }
}

/// Makes one stretch of the new time and all near it.
fn join(tx: &Transaction<'_>, cause: &Cause, new: Stretch) -> Result<(), DbError> {
    let near = near(tx, cause, new)?;
    let all = near.iter().fold(new, |all, (_, stretch)| all.and(*stretch));
    let Some(((id, _), others)) = near.split_first() else { return insert(tx, cause, new) };
    for (other, _) in others {
        tx.prepare_cached("DELETE FROM degraded WHERE id = ?1")?.execute([other])?;
    }
    let [cpu, io, memory] = all.lowest_ppm;
    tx.prepare_cached(
        "UPDATE degraded SET from_ms = ?2, to_ms = ?3, lasted_ms = ?4, cpu_ppm = ?5, io_ppm = ?6, memory_ppm = ?7
         WHERE id = ?1",
    )?
    .execute(params![id, all.from_ms, all.to_ms, all.lasted_ms, cpu, io, memory])?;
    Ok(())
}

fn near(tx: &Transaction<'_>, cause: &Cause, new: Stretch) -> Result<Vec<(i64, Stretch)>, DbError> {
    let sql = "SELECT id, from_ms, to_ms, lasted_ms, cpu_ppm, io_ppm, memory_ppm FROM degraded
        WHERE host = ?1 AND to_ms >= ?2 AND from_ms <= ?3 AND tier = ?4 AND why = ?5 ORDER BY id";
    let from_ms = new.from_ms.saturating_sub(DEGRADED_JOIN_MS);
    let to_ms = new.to_ms.saturating_add(DEGRADED_JOIN_MS);
    let mut stmt = tx.prepare_cached(sql)?;
    let rows = stmt.query_map(params![cause.host, from_ms, to_ms, cause.tier, cause.why], |r| {
        let lowest_ppm = [r.get(4)?, r.get(5)?, r.get(6)?];
        Ok((r.get(0)?, Stretch { from_ms: r.get(1)?, to_ms: r.get(2)?, lasted_ms: r.get(3)?, lowest_ppm }))
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A new stretch; the host's oldest beyond the limit go.
fn insert(tx: &Transaction<'_>, cause: &Cause, new: Stretch) -> Result<(), DbError> {
    let [cpu, io, memory] = new.lowest_ppm;
    tx.prepare_cached(
        "INSERT INTO degraded (host, from_ms, to_ms, lasted_ms, tier, why, cpu_ppm, io_ppm, memory_ppm)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
    )?
    .execute(params![
        cause.host,
        new.from_ms,
        new.to_ms,
        new.lasted_ms,
        cause.tier,
        cause.why,
        cpu,
        io,
        memory
    ])?;
    tx.prepare_cached(
        "DELETE FROM degraded WHERE id IN
             (SELECT id FROM degraded WHERE host = ?1 ORDER BY to_ms DESC, id DESC LIMIT -1 OFFSET ?2)",
    )?
    .execute([cause.host, DEGRADED_ROWS_MAX])?;
    Ok(())
}

#[cfg(test)]
mod tests;
