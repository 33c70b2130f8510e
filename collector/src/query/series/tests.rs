//! Buckets: borders, splits, null against 0, gauges.

use super::*;
use hostmeter_core::wire::batch::GapMeter;
use proptest::prelude::*;
use std::collections::BTreeSet;

const CPU: Meter = Meter::CpuUsec;

fn row(from_ms: i64, to_ms: i64, meter: Meter, value: i64) -> UsageRow {
    UsageRow { account: 1, from_ms, to_ms, values: [(meter, value)].into_iter().collect() }
}

fn host(from_ms: i64, to_ms: i64, meters: &[Meter]) -> HostInterval {
    HostInterval { from_ms, to_ms, measured: meters.iter().copied().collect::<BTreeSet<_>>(), totals: None }
}

fn gap(from_ms: i64, to_ms: i64, meter: GapMeter) -> GapRow {
    GapRow { from_ms, to_ms, meter, uid: None, reason: "x".into() }
}

fn check(grid: (i64, i64, i64), meter: Meter, known: Known<'_>, want: &str) {
    let (from_ms, to_ms, step_ms) = grid;
    let s = series(Grid { from_ms, to_ms, step_ms }, meter, known);
    let points: Vec<String> =
        s.points.iter().map(|p| p.map_or_else(|| "-".to_owned(), |v| v.to_string())).collect();
    let tail = if meter.is_flow() { s.total.to_string() } else { format!("{:?}", s.last) };
    assert_eq!(format!("{} = {tail}", points.join(" ")), want);
}

#[test]
fn flows() {
    let rows = [row(0, 10, CPU, 100), row(10, 20, CPU, 7), row(40, 50, CPU, 0)];
    let known = Known { rows: &rows, host: &[], gaps: &[] };
    check((0, 50, 10), CPU, known, "100 7 - - 0 = 107");
    // Aligned to the epoch: the first bucket starts before `from`, its value does not.
    check((5, 25, 10), CPU, known, "50 7 - = 57");
    check((0, 20, 20), CPU, known, "107 = 107");
    check((0, 12, 5), CPU, known, "50 50 1 = 101");
    check((0, 1_000, 500), CPU, known, "107 - = 107");
    check((20, 40, 10), CPU, known, "- - = 0");
    check((0, 0, 10), CPU, known, " = 0");
    check((0, 10, 10), Meter::IoOps, known, "- = 0");
    // Before the epoch.
    let rows = [row(-10, 10, CPU, 20)];
    check((-10, 10, 10), CPU, Known { rows: &rows, host: &[], gaps: &[] }, "10 10 = 20");
}

#[test]
fn nothing_is_not_zero() {
    let hosts = [host(0, 10, &[CPU]), host(10, 20, &[CPU]), host(20, 30, &[])];
    let gaps = [gap(10, 20, GapMeter::All)];
    check((0, 40, 10), CPU, Known { rows: &[], host: &hosts, gaps: &[] }, "0 0 - - = 0");
    check((0, 40, 10), CPU, Known { rows: &[], host: &hosts, gaps: &gaps }, "0 - - - = 0");
    let other = [gap(10, 20, GapMeter::One(Meter::IoOps))];
    check((0, 40, 10), CPU, Known { rows: &[], host: &hosts, gaps: &other }, "0 0 - - = 0");
    let rows = [row(0, 10, CPU, 5)];
    check((0, 20, 10), CPU, Known { rows: &rows, host: &hosts, gaps: &gaps }, "5 - = 5");
}

#[test]
fn gauges() {
    let rows =
        [row(0, 10, Meter::Sessions, 3), row(10, 20, Meter::Sessions, 1), row(20, 30, Meter::Sessions, 4)];
    let known = Known { rows: &rows, host: &[], gaps: &[] };
    check((0, 40, 10), Meter::Sessions, known, "3 1 4 - = Some(4)");
    check((0, 40, 20), Meter::Sessions, known, "1 4 = Some(4)");
    check((0, 20, 20), Meter::Sessions, known, "1 = Some(1)");
    check((30, 40, 10), Meter::Sessions, known, "- = None");
    let hosts = [
        host(0, 10, &[Meter::Sessions, Meter::DiskFiles]),
        host(30, 40, &[Meter::Sessions, Meter::DiskFiles]),
    ];
    let known = Known { rows: &rows, host: &hosts, gaps: &[] };
    check((0, 40, 10), Meter::Sessions, known, "3 1 4 0 = Some(0)");
    check((0, 40, 10), Meter::DiskFiles, known, "- - - - = None");
}

proptest! {
    #[test]
    fn totals_do_not_depend_on_the_step(
        lens in proptest::collection::vec((1..5_000_i64, 0..1_000_000_i64), 1..40),
        steps in proptest::collection::vec(1..7_000_i64, 1..5),
        cut in 0..100_000_i64,
    ) {
        let mut at = 0;
        let mut rows = Vec::new();
        for (len, value) in lens {
            rows.push(row(at, at + len, CPU, value));
            at += len;
        }
        let known = Known { rows: &rows, host: &[], gaps: &[] };
        let total = |from_ms, to_ms, step_ms| series(Grid { from_ms, to_ms, step_ms }, CPU, known).total;
        let want: i64 = rows.iter().filter_map(|r| r.values.get(CPU)).sum();
        for step in steps {
            prop_assert_eq!(total(0, at, step), want);
            prop_assert_eq!(total(0, cut, step) + total(cut, at.max(cut), step), want);
        }
    }
}
