//! Series into charts. Points and totals are the integers of the query layer.

use super::read::HostOf;
use crate::limits::{SILENT_INTERVALS, SILENT_MIN_MS};
use crate::query::series::{Grid, Known, Series, series};
use crate::query::usage::{Usage, holes};
use crate::store::{GapRow, HostInterval, UsageRow};
use hostmeter_core::meter::Meter;
use hostmeter_core::wire::batch::{GapMeter, HostTotals};
use hostmeter_panel::view::{ChartView, GapView, PointView, Quantity, SeriesStyle, SeriesView};

/// The meters of the charts, of totals and of lists, in this order.
pub(super) const METERS: [Meter; 4] =
    [Meter::CpuUsec, Meter::MemoryKibSec, Meter::IoReadBytes, Meter::IoWriteBytes];

/// After how long without usage a host counts as silent, milliseconds.
pub(super) fn silent_after_ms(interval_ms: Option<i64>) -> i64 {
    interval_ms.unwrap_or(0).saturating_mul(SILENT_INTERVALS).max(SILENT_MIN_MS)
}

/// CPU, memory and storage of an account.
pub(super) fn of_account(usage: &Usage, host: Option<&HostOf>) -> Vec<ChartView> {
    let grid = usage.grid;
    let known_to_ms = host.and_then(|h| h.watermark_ms);
    let mut gaps = usage.gaps.clone();
    gaps.extend(host.and_then(|h| silence(grid, h.watermark_ms, h.interval_ms)));
    let chart = |id: &str, title: &str, quantity, parts: &[(Meter, &str, SeriesStyle)]| {
        let mut own: Vec<GapRow> =
            gaps.iter().filter(|g| parts.iter().any(|(m, _, _)| g.meter.covers(*m))).cloned().collect();
        // Reading and writing are often missing together; a reader needs the reason once.
        own.sort_by(|a, b| (a.from_ms, a.to_ms, &a.reason).cmp(&(b.from_ms, b.to_ms, &b.reason)));
        own.dedup_by(|a, b| (a.from_ms, a.to_ms, &a.reason) == (b.from_ms, b.to_ms, &b.reason));
        let series = parts.iter().filter_map(|(meter, label, style)| {
            let found = usage.series.iter().find(|s| s.meter == *meter)?;
            Some(line(grid, found, label, *style, &own, known_to_ms))
        });
        view(grid, id, title, quantity, series.collect(), own.iter())
    };
    let (area, plain) = (SeriesStyle::Area, SeriesStyle::Line);
    let [cpu, memory, read, written] = METERS;
    vec![
        chart("cpu", "CPU", Quantity::CpuUsec, &[(cpu, "CPU", area)]),
        chart("memory", "Memory", Quantity::KibSec, &[(memory, "memory", area)]),
        chart("io", "Storage", Quantity::Bytes, &[(read, "read", plain), (written, "written", plain)]),
    ]
}

fn view<'a>(
    grid: Grid,
    id: &str,
    title: &str,
    quantity: Quantity,
    series: Vec<SeriesView>,
    gaps: impl Iterator<Item = &'a GapRow>,
) -> ChartView {
    let gap = |g: &GapRow| GapView { from_ms: g.from_ms, to_ms: g.to_ms, reason: g.reason.clone() };
    ChartView {
        id: id.to_owned(),
        title: title.to_owned(),
        quantity,
        from_ms: grid.from_ms,
        to_ms: grid.to_ms,
        step_ms: grid.step_ms,
        series,
        gaps: gaps.map(gap).collect(),
    }
}

/// The time from the last usage to the end of the range, if the host should have sent something since.
fn silence(grid: Grid, watermark_ms: Option<i64>, interval_ms: Option<i64>) -> Option<GapRow> {
    let from_ms = watermark_ms?.max(grid.from_ms);
    let is_silent = grid.to_ms.saturating_sub(from_ms) > silent_after_ms(interval_ms);
    is_silent.then(|| GapRow {
        from_ms,
        to_ms: grid.to_ms,
        meter: GapMeter::All,
        uid: None,
        reason: "nothing came from the host".to_owned(),
    })
}

/// The sum of what was measured; `None`: nothing was.
pub(super) fn total(series: &Series) -> Option<i64> {
    series.points.iter().any(Option::is_some).then_some(series.total)
}

fn line(
    grid: Grid,
    found: &Series,
    label: &str,
    style: SeriesStyle,
    gaps: &[GapRow],
    known_to_ms: Option<i64>,
) -> SeriesView {
    let points = grid.starts().zip(&found.points).map(|(at_ms, value)| PointView {
        at_ms,
        value: *value,
        measured_ms: measured_ms(grid, at_ms, gaps, known_to_ms),
    });
    SeriesView { label: label.to_owned(), style, total: total(found), points: points.collect() }
}

/// How much of a bucket was measured: not what lies outside the range, after the last usage, or in a gap.
fn measured_ms(grid: Grid, at_ms: i64, gaps: &[GapRow], known_to_ms: Option<i64>) -> i64 {
    let from_ms = at_ms.max(grid.from_ms);
    let mut to_ms = at_ms.saturating_add(grid.step_ms).min(grid.to_ms);
    if let Some(known_to_ms) = known_to_ms.filter(|k| *k > from_ms) {
        to_ms = to_ms.min(known_to_ms);
    }
    let mut lost_ms = 0_i64;
    let span_ms = to_ms.saturating_sub(from_ms);
    let mut spans: Vec<(i64, i64)> =
        gaps.iter().map(|g| (g.from_ms.max(from_ms), g.to_ms.min(to_ms))).collect();
    spans.sort_unstable();
    let mut end_ms = from_ms;
    for (start_ms, stop_ms) in spans {
        lost_ms = lost_ms.saturating_add(stop_ms.saturating_sub(start_ms.max(end_ms)).max(0));
        end_ms = end_ms.max(stop_ms);
    }
    // Where a gap covers all of it and yet there is a figure, a part of the processes was measured all the time.
    let left_ms = if lost_ms < span_ms { span_ms.saturating_sub(lost_ms) } else { span_ms };
    left_ms.clamp(1, grid.step_ms)
}

/// CPU of a host by whom: accounts and system stacked, busy time and remainder as lines.
pub(super) fn of_host(
    grid: Grid,
    intervals: &[HostInterval],
    gaps: Vec<GapRow>,
    watermark_ms: Option<i64>,
    interval_ms: Option<i64>,
) -> Vec<ChartView> {
    let mut gaps: Vec<GapRow> =
        gaps.into_iter().filter(|g| g.uid.is_none() && g.meter.covers(Meter::CpuUsec)).collect();
    gaps.extend(holes(intervals));
    gaps.extend(silence(grid, watermark_ms, interval_ms));
    for gap in &mut gaps {
        (gap.from_ms, gap.to_ms) = (gap.from_ms.max(grid.from_ms), gap.to_ms.min(grid.to_ms));
    }
    gaps.retain(|g| g.from_ms < g.to_ms);
    gaps.sort_by_key(|g| (g.from_ms, g.to_ms));
    gaps.truncate(crate::limits::GAPS_SHOWN_MAX);
    let part = |label: &str, style, get: fn(&HostTotals) -> Option<i64>| {
        let rows: Vec<UsageRow> = intervals.iter().filter_map(|i| row(i, get)).collect();
        // The buckets of any meter that adds up; the label says what it is.
        let found = series(grid, Meter::CpuUsec, Known { rows: &rows, host: &[], gaps: &[] });
        line(grid, &found, label, style, &gaps, watermark_ms)
    };
    let parts = vec![
        part("accounts", SeriesStyle::Stacked, |t| t.accounts_usec),
        part("system", SeriesStyle::Stacked, |t| t.system_usec),
        part("busy", SeriesStyle::Line, |t| t.busy_usec),
        part("remainder", SeriesStyle::Line, |t| t.remainder_usec),
    ];
    vec![view(grid, "cpu", "CPU by whom", Quantity::CpuUsec, parts, gaps.iter())]
}

fn row(interval: &HostInterval, get: fn(&HostTotals) -> Option<i64>) -> Option<UsageRow> {
    let value = get(interval.totals.as_ref()?)?;
    let values = [(Meter::CpuUsec, value)].into_iter().collect();
    Some(UsageRow { account: 0, from_ms: interval.from_ms, to_ms: interval.to_ms, values })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { from_ms: 0, to_ms: 95_000, step_ms: 10_000 };

    fn gap(from_ms: i64, to_ms: i64) -> GapRow {
        GapRow { from_ms, to_ms, meter: GapMeter::All, uid: None, reason: "r".to_owned() }
    }

    #[test]
    fn measured_part_of_a_bucket() {
        let check = |at_ms, gaps: &[GapRow], known, want| {
            assert_eq!(measured_ms(GRID, at_ms, gaps, known), want, "{at_ms} {known:?}");
        };
        check(0, &[], None, 10_000);
        check(90_000, &[], None, 5_000);
        check(80_000, &[], Some(83_000), 3_000);
        check(80_000, &[], Some(20_000), 10_000);
        check(10_000, &[gap(12_000, 15_000)], None, 7_000);
        check(10_000, &[gap(12_000, 15_000), gap(12_000, 16_000)], None, 6_000);
        check(10_000, &[gap(0, 90_000)], None, 10_000);
    }

    #[test]
    fn silence_is_a_gap_only_when_it_is_too_long() {
        let grid = Grid { from_ms: 0, to_ms: 3_600_000, step_ms: 10_000 };
        let check = |watermark, interval, want: Option<(i64, i64)>| {
            assert_eq!(
                silence(grid, watermark, interval).map(|g| (g.from_ms, g.to_ms)),
                want,
                "{watermark:?}"
            );
        };
        check(None, Some(10_000), None);
        check(Some(3_590_000), Some(10_000), None);
        check(Some(3_500_000), Some(10_000), Some((3_500_000, 3_600_000)));
        check(Some(3_500_000), Some(60_000), None);
        check(Some(-50), None, Some((0, 3_600_000)));
    }

    #[test]
    fn nothing_measured_has_no_total() {
        let of = |points: &[Option<i64>]| {
            total(&Series {
                meter: Meter::CpuUsec,
                points: points.to_vec(),
                total: points.iter().flatten().sum(),
                last: None,
            })
        };
        assert_eq!((of(&[]), of(&[None, None]), of(&[None, Some(0)])), (None, None, Some(0)));
    }
}
