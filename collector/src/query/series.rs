//! Intervals into buckets: points, totals, and what is not known. No I/O.

use crate::store::{GapRow, HostInterval, UsageRow};
use hostmeter_core::interval::part_within;
use hostmeter_core::meter::Meter;
use std::collections::HashSet;

/// Which buckets: aligned to the epoch by `step_ms`, values cut at `from_ms` and `to_ms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Start, milliseconds since the epoch.
    pub from_ms: i64,
    /// End, milliseconds since the epoch.
    pub to_ms: i64,
    /// Length of a bucket, milliseconds.
    pub step_ms: i64,
}

impl Grid {
    /// Start of the first bucket, at or before `from_ms`.
    pub const fn start_ms(self) -> i64 {
        self.from_ms.saturating_sub(self.from_ms.rem_euclid(self.step_ms))
    }

    /// Number of buckets.
    pub fn len(self) -> usize {
        let span = self.to_ms.saturating_sub(self.start_ms()).max(0);
        let whole = span.div_euclid(self.step_ms);
        let n = if span.rem_euclid(self.step_ms) == 0 { whole } else { whole.saturating_add(1) };
        usize::try_from(n).unwrap_or(usize::MAX)
    }

    /// Whether there is no bucket.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Starts of all buckets.
    pub fn starts(self) -> impl Iterator<Item = i64> {
        (0..self.len()).scan(self.start_ms(), move |at, _| {
            let start = *at;
            *at = start.saturating_add(self.step_ms);
            Some(start)
        })
    }

    /// Buckets that `[from_ms, to_ms)` touches: number and borders, the borders cut at the grid's own.
    fn touched(self, from_ms: i64, to_ms: i64) -> impl Iterator<Item = (usize, i64, i64)> {
        let (from, to) = (from_ms.max(self.from_ms), to_ms.min(self.to_ms));
        let first = from.saturating_sub(self.start_ms()).div_euclid(self.step_ms);
        let mut next = if from < to { Some(first) } else { None };
        std::iter::from_fn(move || {
            let n = next?;
            let start = self.start_ms().saturating_add(n.saturating_mul(self.step_ms));
            let end = start.saturating_add(self.step_ms);
            next = if end < to { Some(n.saturating_add(1)) } else { None };
            Some((usize::try_from(n).ok()?, start.max(self.from_ms), end.min(self.to_ms)))
        })
    }
}

/// One meter over a grid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// Which meter.
    pub meter: Meter,
    /// One value a bucket; `None`: nothing is known of it.
    pub points: Vec<Option<i64>>,
    /// Of a flow: the sum of what was measured.
    pub total: i64,
    /// Of a gauge: the last level known.
    pub last: Option<i64>,
}

/// What one account's series are made of.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// Its rows.
    pub rows: &'a [UsageRow],
    /// Its host's intervals: where it stands in no row, but the meter was measured, it used 0.
    pub host: &'a [HostInterval],
    /// What is not known of it.
    pub gaps: &'a [GapRow],
}

/// The series of one meter.
pub fn series(grid: Grid, meter: Meter, known: Known<'_>) -> Series {
    let mut points = vec![None; grid.len()];
    if meter.is_flow() {
        add_zeros(grid, meter, known, &mut points);
        add_flow(grid, meter, known.rows, &mut points);
    } else {
        set_levels(grid, meter, known, &mut points);
    }
    let total = points.iter().flatten().fold(0_i64, |sum, v| sum.saturating_add(*v));
    let last = points.iter().rev().flatten().next().copied();
    Series { meter, points, total, last }
}

fn add_flow(grid: Grid, meter: Meter, rows: &[UsageRow], points: &mut [Option<i64>]) {
    for row in rows {
        let Some(value) = row.values.get(meter) else { continue };
        for (n, start, end) in grid.touched(row.from_ms, row.to_ms) {
            let part = part_within(value, row.from_ms, row.to_ms, start, end);
            if let Some(point) = points.get_mut(n) {
                *point = Some(point.unwrap_or(0).saturating_add(part));
            }
        }
    }
}

/// Intervals in which the host measured the meter, and no gap of the account says otherwise.
fn measured<'a>(meter: Meter, known: Known<'a>) -> impl Iterator<Item = &'a HostInterval> {
    let gaps: HashSet<(i64, i64)> =
        known.gaps.iter().filter(|g| g.meter.covers(meter)).map(|g| (g.from_ms, g.to_ms)).collect();
    known.host.iter().filter(move |h| h.measured.contains(&meter) && !gaps.contains(&(h.from_ms, h.to_ms)))
}

fn add_zeros(grid: Grid, meter: Meter, known: Known<'_>, points: &mut [Option<i64>]) {
    for interval in measured(meter, known) {
        for (n, _, _) in grid.touched(interval.from_ms, interval.to_ms) {
            if let Some(point) = points.get_mut(n) {
                *point = Some(point.unwrap_or(0));
            }
        }
    }
}

/// A level holds at the end of its interval, so that bucket shows it; the latest of a bucket stays. Processes and
/// sessions of an account in no row are none; other levels are then not known.
fn set_levels(grid: Grid, meter: Meter, known: Known<'_>, points: &mut [Option<i64>]) {
    let mut levels: Vec<(i64, bool, i64)> =
        known.rows.iter().filter_map(|r| r.values.get(meter).map(|value| (r.to_ms, true, value))).collect();
    if matches!(meter, Meter::Processes | Meter::Sessions) {
        levels.extend(measured(meter, known).map(|h| (h.to_ms, false, 0)));
    }
    // At the same end a level that was reported comes after one that was concluded.
    levels.sort_unstable();
    for (to_ms, _, value) in levels {
        let at = to_ms.saturating_sub(1);
        for (n, _, _) in grid.touched(at, to_ms) {
            if let Some(point) = points.get_mut(n) {
                *point = Some(value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
