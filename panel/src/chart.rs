//! SVG charts. Drawn by plotters in marker colours, then given classes (see [`ink`]), so that the style sheet
//! decides the colours and dark mode works. No `style` attribute, no script.

mod axis;
mod draw;
mod ink;
mod table;

#[cfg(test)]
mod tests;

pub(crate) use table::{DataTable, data_table};

use crate::error::{PanelError, check_chart};
use crate::number;
use crate::time::Clock;
use crate::view::ChartView;
use std::fmt::Write as _;

/// For which width a chart is drawn. Text keeps its size, so a narrow screen gets its own drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChartSize {
    /// For a desktop's whole width.
    Full,
    /// For half a desktop's width, and for tablets.
    Wide,
    /// For a telephone.
    Narrow,
}

impl ChartSize {
    /// Width and height in CSS pixels.
    const fn pixels(self) -> (u32, u32) {
        match self {
            ChartSize::Full => (1_130, 240),
            ChartSize::Wide => (560, 220),
            ChartSize::Narrow => (330, 210),
        }
    }

    /// Ticks wanted on the time axis.
    const fn time_ticks(self) -> i64 {
        match self {
            ChartSize::Full => 13,
            ChartSize::Wide => 7,
            ChartSize::Narrow => 4,
        }
    }

    const fn suffix(self) -> &'static str {
        match self {
            ChartSize::Full => "f",
            ChartSize::Wide => "w",
            ChartSize::Narrow => "n",
        }
    }
}

/// One chart as an SVG element for use inside a page that has the panel's style sheet. `zone` is an IANA name.
///
/// # Errors
/// When times, number of points, series or gaps are beyond what can be drawn.
pub fn chart_svg(v: &ChartView, zone: &str, size: ChartSize) -> Result<String, PanelError> {
    chart_svg_at(v, &Clock::new(zone, v.to_ms), size)
}

pub(crate) fn chart_svg_at(v: &ChartView, clock: &Clock, size: ChartSize) -> Result<String, PanelError> {
    check_chart(v)?;
    let plot = draw::Plot::prepare(v, clock, size);
    let raw = plot.draw().map_err(|reason| PanelError::Draw { chart: v.id.clone(), reason })?;
    let hatch = format!("gap-{}-{}", slug(&v.id), size.suffix());
    let titles: Vec<String> = v.gaps.iter().map(|g| gap_text(g, clock)).collect();
    let body = ink::apply(&raw, &hatch, &titles);
    let content = body.split_once(">\n").map_or("", |(_, rest)| rest);
    let (w, h) = plot.canvas();
    let mut out = String::with_capacity(content.len() + 600);
    let _ = write!(
        out,
        "<svg class=\"chart-{}\" viewBox=\"0 0 {w} {h}\" xmlns=\"http://www.w3.org/2000/svg\" role=\"img\" aria-label=\"{}\">\n\
         <defs><pattern id=\"{hatch}\" width=\"12\" height=\"12\" patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\">\
         <rect class=\"c-gap-back\" width=\"12\" height=\"12\"/><rect class=\"c-gap-bar\" width=\"4\" height=\"12\"/></pattern></defs>\n",
        size.suffix(),
        crate::ui::escape(&summary(v, clock)),
    );
    out.push_str(content);
    Ok(out)
}

/// `10:05–10:12 not measured, not billed: agent restarted`.
pub(crate) fn gap_text(gap: &crate::view::GapView, clock: &Clock) -> String {
    format!("{}: not measured, not billed: {}", gap_time(gap, clock), gap.reason)
}

/// `21 Nov, 10:05–10:12`.
pub(crate) fn gap_time(gap: &crate::view::GapView, clock: &Clock) -> String {
    let same_day = clock.local(gap.from_ms, "%F") == clock.local(gap.to_ms, "%F");
    let seconds = gap.from_ms % 60_000 != 0 || gap.to_ms % 60_000 != 0;
    let time = if seconds { "%H:%M:%S" } else { "%H:%M" };
    let end = if same_day { clock.local(gap.to_ms, time) } else { clock.short(gap.to_ms) };
    format!("{} {}–{end}", clock.local(gap.from_ms, "%-d %b,"), clock.local(gap.from_ms, time))
}

/// What a screen reader says in place of the picture; the figures are in the table below it.
fn summary(v: &ChartView, clock: &Clock) -> String {
    let mut out = format!("{} from {} to {}.", v.title, clock.short(v.from_ms), clock.short(v.to_ms));
    for series in &v.series {
        let total = series.total.map_or_else(|| "not measured".to_owned(), |t| number::total(v.quantity, t));
        let _ = write!(out, " {}: {total}.", series.label);
    }
    if !v.gaps.is_empty() {
        let _ = write!(out, " {} not measured and not billed.", plural(v.gaps.len(), "time"));
    }
    out
}

/// `1 gap`, `2 gaps`.
pub(crate) fn plural(n: usize, word: &str) -> String {
    format!("{n} {word}{}", if n == 1 { "" } else { "s" })
}

/// Letters, digits and dashes only: safe in ids and in `url(#…)`.
pub(crate) fn slug(text: &str) -> String {
    text.chars().map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_lowercase() } else { '-' }).collect()
}
