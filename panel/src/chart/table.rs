//! The data table below a chart: the integers that are billed.

use crate::error::PanelError;
use crate::number;
use crate::time::Clock;
use crate::view::{ChartView, GapView};
use std::collections::BTreeMap;

/// Rows of integers, one a bucket.
pub(crate) struct DataTable {
    /// Names of the series.
    pub(crate) heads: Vec<String>,
    /// Base unit; empty for pieces.
    pub(crate) unit: &'static str,
    /// Buckets, oldest first.
    pub(crate) rows: Vec<DataRow>,
    /// Totals of the series.
    pub(crate) totals: Vec<Option<String>>,
}

/// One bucket.
pub(crate) struct DataRow {
    pub(crate) at_ms: i64,
    /// `HH:MM`, with seconds where the step needs them.
    pub(crate) time: String,
    /// Exact integers; `None`: not measured.
    pub(crate) cells: Vec<Option<String>>,
    /// Why nothing was measured, where that is known.
    pub(crate) reason: Option<String>,
}

pub(crate) fn data_table(v: &ChartView, clock: &Clock) -> Result<DataTable, PanelError> {
    crate::error::check_chart(v)?;
    let mut buckets: BTreeMap<i64, Vec<Option<i64>>> = BTreeMap::new();
    for (n, series) in v.series.iter().enumerate() {
        for point in &series.points {
            let cells = buckets.entry(point.at_ms).or_insert_with(|| vec![None; v.series.len()]);
            if let Some(cell) = cells.get_mut(n) {
                *cell = point.value;
            }
        }
    }
    let text = |value: i64| number::group(i128::from(value));
    let pattern = match (v.to_ms.saturating_sub(v.from_ms) > 43_200_000, v.step_ms % 60_000 == 0) {
        (true, _) => "%-d %b, %H:%M",
        (false, true) => "%H:%M",
        (false, false) => "%H:%M:%S",
    };
    let rows = buckets.into_iter().map(|(at_ms, cells)| DataRow {
        at_ms,
        time: clock.local(at_ms, pattern),
        reason: reason(&v.gaps, at_ms, at_ms.saturating_add(v.step_ms), &cells),
        cells: cells.into_iter().map(|c| c.map(text)).collect(),
    });
    Ok(DataTable {
        heads: v.series.iter().map(|s| s.label.clone()).collect(),
        unit: number::unit(v.quantity),
        rows: rows.collect(),
        totals: v.series.iter().map(|s| s.total.map(text)).collect(),
    })
}

/// The reason of the first gap that touches the bucket.
fn reason(gaps: &[GapView], from_ms: i64, to_ms: i64, cells: &[Option<i64>]) -> Option<String> {
    let gap = gaps.iter().find(|g| g.from_ms < to_ms && g.to_ms > from_ms)?;
    let part = if cells.iter().all(Option::is_none) { "not" } else { "partly not" };
    Some(format!("{part} measured, not billed: {}", gap.reason))
}
