//! Charts: axes, gaps, broken lines.

use super::*;
use crate::view::{GapView, PointView, Quantity, SeriesStyle, SeriesView};

const FROM: i64 = 1_795_262_400_000; // 2026-11-21T12:00:00Z
const MIN: i64 = 60_000;

/// One minute a value; `value` is the whole bucket's µs of CPU.
fn view(style: SeriesStyle, values: &[Option<i64>]) -> ChartView {
    let points = (FROM..).step_by(60_000).zip(values);
    let points: Vec<_> =
        points.map(|(at_ms, value)| PointView { at_ms, value: *value, measured_ms: MIN }).collect();
    let total = values.iter().flatten().sum();
    ChartView {
        id: "cpu".into(),
        title: "CPU".into(),
        quantity: Quantity::CpuUsec,
        from_ms: FROM,
        to_ms: FROM + MIN * i64::try_from(values.len()).unwrap(),
        step_ms: MIN,
        series: vec![SeriesView { label: "CPU".into(), style, total: Some(total), points }],
        gaps: vec![],
    }
}

fn svg(v: &ChartView) -> String {
    let svg = chart_svg(v, "UTC", ChartSize::Wide).unwrap();
    assert!(!svg.contains("=\"#0"), "a marker colour was left: {svg}");
    assert!(!svg.contains("style="), "{svg}");
    svg
}

type Values = [Option<i64>];
type Change<'a> = &'a dyn Fn(&mut ChartView);

/// Numbers of points of the elements with this class, in order.
fn drawn(svg: &str, class: &str) -> Vec<usize> {
    let lines = svg.lines().filter(|l| l.contains(&format!("class=\"{class}")));
    lines.map(|l| l.split("points=\"").nth(1).unwrap_or("").split_terminator(' ').count() - 1).collect()
}

#[test]
fn what_was_not_measured_breaks_the_line_and_zero_does_not() {
    let (a, zero, none) = (Some(30_000_000), Some(0), None);
    #[rustfmt::skip]
    let rows: [(&Values, &[usize], usize); 6] = [
        (&[a, a, a, a], &[4], 0),
        (&[a, a, none, a, a], &[2, 2], 0),
        (&[a, zero, zero, a], &[4], 0),
        (&[none, a, none, a, a], &[2], 1),
        (&[none, none], &[], 0),
        (&[a, a, none], &[2], 0),
    ];
    for (values, lines, dots) in rows {
        let svg = svg(&view(SeriesStyle::Line, values));
        assert_eq!(drawn(&svg, "c-line s1"), lines, "{values:?}");
        assert_eq!(svg.matches("class=\"c-dot s1\"").count(), dots, "{values:?}");
    }
}

#[test]
fn a_bucket_left_out_breaks_the_line_too() {
    let mut v = view(SeriesStyle::Area, &[Some(1); 6]);
    v.series[0].points.remove(3);
    let svg = svg(&v);
    assert_eq!(drawn(&svg, "c-line s1"), [3, 2]);
    assert_eq!(drawn(&svg, "c-area s1"), [6, 4]);
}

#[test]
fn gaps_are_shaded_and_named() {
    let mut v = view(SeriesStyle::Area, &[Some(1), None, None, Some(1)]);
    let gap =
        |from, to, reason: &str| GapView { from_ms: FROM + from, to_ms: FROM + to, reason: reason.into() };
    v.gaps = vec![gap(MIN, 3 * MIN, "agent <restarted>"), gap(3 * MIN + 1, 3 * MIN + 2, "a blink")];
    let svg = svg(&v);
    let rects: Vec<_> = svg.lines().filter(|l| l.contains("c-gap\"")).collect();
    assert_eq!(rects.len(), 2);
    assert!(rects[0].contains("fill=\"url(#gap-cpu-w)\""), "{}", rects[0]);
    let title = "<title>21 Nov, 12:01–12:03: not measured, not billed: agent &lt;restarted&gt;</title>";
    assert!(rects[0].contains(title), "{}", rects[0]);
    let width = |rect: &str| {
        rect.split("width=\"").nth(1).unwrap().split('"').next().unwrap().parse::<i32>().unwrap()
    };
    assert!(width(rects[0]) > 400, "{}", rects[0]);
    assert!(width(rects[1]) >= 2, "a short gap can be seen: {}", rects[1]);
}

#[test]
fn a_half_measured_bucket_shows_its_true_rate() {
    let mut v = view(SeriesStyle::Line, &[Some(60_000_000), Some(30_000_000)]);
    v.series[0].points[1].measured_ms = MIN / 2;
    let svg = svg(&v);
    let line = svg.lines().find(|l| l.contains("c-line s1")).unwrap();
    let points = line.split("points=\"").nth(1).unwrap().split('"').next().unwrap();
    let heights: Vec<_> = points.split_terminator(' ').map(|p| p.split(',').nth(1).unwrap()).collect();
    assert_eq!(heights[0], heights[1], "{points}");
}

#[test]
fn stacked_series_stand_on_each_other() {
    let mut v = view(SeriesStyle::Stacked, &[Some(6_000_000), Some(6_000_000)]);
    v.series.push(SeriesView { label: "system".into(), ..v.series[0].clone() });
    let svg = svg(&v);
    let polygon = |class: &str| {
        let line = svg.lines().find(|l| l.contains(class)).unwrap();
        line.split("points=\"").nth(1).unwrap().split('"').next().unwrap().to_owned()
    };
    let (lower, upper) = (polygon("c-stack s1"), polygon("c-stack s2"));
    let top_of_lower = lower.split_terminator(' ').next().unwrap();
    assert!(upper.ends_with(&format!("{top_of_lower} ")), "{upper} stands on {lower}");
}

#[test]
fn hostile_names_are_escaped() {
    let mut v = view(SeriesStyle::Line, &[Some(1)]);
    v.id = "\"><script>".into();
    v.title = "<script>".into();
    v.series[0].label = "'\"<b>".into();
    let svg = svg(&v);
    assert!(!svg.contains("<script") && !svg.contains("<b>"), "{svg}");
    assert!(svg.contains("aria-label=\"&lt;script&gt; from"), "{svg}");
}

#[test]
fn a_chart_that_cannot_be_drawn_says_why() {
    let good = view(SeriesStyle::Line, &[Some(1)]);
    let change = |f: Change<'_>| {
        let mut v = good.clone();
        f(&mut v);
        chart_svg(&v, "UTC", ChartSize::Narrow).map_err(|e| e.to_string())
    };
    let point = PointView { at_ms: FROM, value: None, measured_ms: 0 };
    #[rustfmt::skip]
    let rows: [(Change<'_>, &str); 4] = [
        (&|v| v.to_ms = v.from_ms, "chart cpu: time from"),
        (&|v| v.step_ms = 0, "chart cpu: time from"),
        (&|v| v.series[0].points = vec![point; 1_601], "chart cpu: 1601 points in a series, at most 1600"),
        (&|v| v.series = vec![v.series[0].clone(); 5], "chart cpu: 5 series, at most 4"),
    ];
    for (f, text) in rows {
        let error = change(f).unwrap_err();
        assert!(error.starts_with(text), "{error}");
    }
    assert!(change(&|v| v.series[0].points[0].value = Some(i64::MAX)).is_ok());
    assert!(change(&|v| v.series[0].points[0].value = Some(i64::MIN)).is_ok());
    assert!(change(&|v| v.series.clear()).is_ok());
}
