//! Drawing with plotters, in marker colours.

use super::ChartSize;
use super::axis::{Scale, rate_milli, time_label, time_ticks};
use super::ink::Ink;
use crate::time::Clock;
use crate::view::{ChartView, SeriesStyle, SeriesView};
use plotters::coord::types::RangedCoordi64;
use plotters::prelude::{
    BindKeyPoints, ChartBuilder, Circle, DrawingArea, IntoDrawingArea, IntoFont, PathElement, Polygon,
    Rectangle, SVGBackend, ShapeStyle, TextStyle,
};
use plotters::style::{Color, RGBAColor};

/// Drawn units a CSS pixel: the library rounds to whole units, this keeps lines smooth.
const UNIT: u32 = 2;
const TEXT_PX: u32 = 11;

/// A point ready to draw: time and rate in thousandths.
type Dot = (i64, i64);
type Area<'a> = DrawingArea<SVGBackend<'a>, plotters::coord::Shift>;
type Context<'a, 'b> = plotters::chart::ChartContext<
    'a,
    SVGBackend<'b>,
    plotters::coord::cartesian::Cartesian2d<KeyPoints, KeyPoints>,
>;
type KeyPoints = plotters::coord::combinators::WithKeyPoints<RangedCoordi64>;

/// Everything decided before the first stroke.
pub(super) struct Plot<'a> {
    view: &'a ChartView,
    clock: &'a Clock,
    size: ChartSize,
    scale: Scale,
    shapes: Vec<Shape>,
}

/// A series as runs without a break.
struct Shape {
    style: SeriesStyle,
    runs: Vec<Run>,
}

/// Consecutive buckets: upper line and, for stacked series, the line below.
struct Run {
    top: Vec<Dot>,
    base: Vec<Dot>,
}

impl<'a> Plot<'a> {
    pub(super) fn prepare(view: &'a ChartView, clock: &'a Clock, size: ChartSize) -> Self {
        let mut below: Vec<Dot> = Vec::new();
        let shapes: Vec<Shape> = view.series.iter().map(|s| shape(view, s, &mut below)).collect();
        let values = || shapes.iter().flat_map(|s| &s.runs).flat_map(|r| &r.top).map(|(_, v)| *v);
        let (low, high) = (values().min().unwrap_or(0).min(0), values().max().unwrap_or(0));
        let scale = Scale::fit(view.quantity, low, high, 4);
        Self { view, clock, size, scale, shapes }
    }

    /// Size of the drawing in its own units.
    pub(super) fn canvas(&self) -> (u32, u32) {
        let (w, h) = self.size.pixels();
        (w * UNIT, h * UNIT)
    }

    pub(super) fn draw(&self) -> Result<String, String> {
        let mut svg = String::new();
        let area: Area<'_> = SVGBackend::with_string(&mut svg, self.canvas()).into_drawing_area();
        self.draw_on(&area).map_err(|e| e.to_string())?;
        area.present().map_err(|e| e.to_string())?;
        drop(area);
        Ok(svg)
    }

    fn draw_on<'b>(&self, area: &Area<'b>) -> Result<(), Box<dyn std::error::Error + 'b>> {
        let (from, to) = (self.view.from_ms, self.view.to_ms);
        let ticks = time_ticks(from, to, self.size.time_ticks(), self.clock);
        let x = (from..to).with_key_points(ticks);
        let y = (self.scale.min..self.scale.max).with_key_points(self.scale.ticks.clone());
        let mut chart = ChartBuilder::on(area)
            .margin_top(24 * UNIT)
            .margin_right(14 * UNIT)
            .margin_left(2 * UNIT)
            .x_label_area_size(22 * UNIT)
            .y_label_area_size(38 * UNIT)
            .build_cartesian_2d(x, y)?;
        self.gaps(&mut chart)?;
        self.mesh(&mut chart)?;
        area.draw_text(self.scale.unit, &text(), (i32::try_from(4 * UNIT)?, i32::try_from(4 * UNIT)?))?;
        for (n, shape) in self.shapes.iter().enumerate() {
            draw_shape(&mut chart, shape, u8::try_from(n)?)?;
        }
        Ok(())
    }

    fn mesh<'b>(&self, chart: &mut Context<'_, 'b>) -> Result<(), Box<dyn std::error::Error + 'b>> {
        let length = self.view.to_ms.saturating_sub(self.view.from_ms);
        chart
            .configure_mesh()
            .disable_x_mesh()
            .bold_line_style(Ink::Grid.colour())
            .light_line_style(RGBAColor(0, 0, 0, 0.0))
            .axis_style(Ink::Axis.colour())
            .x_label_style(text())
            .y_label_style(text())
            .set_all_tick_mark_size(3 * UNIT)
            .x_label_formatter(&|t| time_label(*t, length, self.clock))
            .y_label_formatter(&|v| self.scale.label(*v))
            .draw()?;
        Ok(())
    }

    /// Shades each gap over the whole height, at least two pixels wide.
    fn gaps<'b>(&self, chart: &mut Context<'_, 'b>) -> Result<(), Box<dyn std::error::Error + 'b>> {
        let (from, to) = (self.view.from_ms, self.view.to_ms);
        let least = to.saturating_sub(from) / (i64::from(self.size.pixels().0) / 2);
        let (bottom, top) = (self.scale.min, self.scale.max);
        let rects = self.view.gaps.iter().map(|gap| {
            let start = gap.from_ms.clamp(from, to);
            let end = gap.to_ms.max(start.saturating_add(least)).clamp(from, to);
            Rectangle::new([(start, top), (end, bottom)], Ink::Gap.colour().filled())
        });
        chart.draw_series(rects)?;
        Ok(())
    }
}

fn text() -> TextStyle<'static> {
    // The library divides by 1.24 when it writes the size.
    let size = f64::from(TEXT_PX * UNIT) * 1.24;
    ("sans-serif", size).into_font().color(&Ink::Text.colour())
}

fn stroke(ink: Ink, pixels: u32) -> ShapeStyle {
    ShapeStyle { color: ink.colour().to_rgba(), filled: false, stroke_width: pixels * UNIT }
}

fn draw_shape<'b>(
    chart: &mut Context<'_, 'b>,
    shape: &Shape,
    n: u8,
) -> Result<(), Box<dyn std::error::Error + 'b>> {
    for run in &shape.runs {
        if let [only] = run.top.as_slice() {
            chart.draw_series([Circle::new(*only, 2 * UNIT, Ink::Dot(n).colour().filled())])?;
            continue;
        }
        let fill = match shape.style {
            SeriesStyle::Area => Some(Ink::Area(n)),
            SeriesStyle::Stacked => Some(Ink::Stack(n)),
            SeriesStyle::Line => None,
        };
        if let Some(ink) = fill {
            let outline: Vec<Dot> = run.top.iter().chain(run.base.iter().rev()).copied().collect();
            chart.draw_series([Polygon::new(outline, ink.colour().filled())])?;
        }
        if shape.style != SeriesStyle::Stacked {
            chart.draw_series([PathElement::new(run.top.clone(), stroke(Ink::Line(n), 2))])?;
        }
    }
    Ok(())
}

/// Splits a series where a bucket is missing or not measured; stacked values go on top of `below`, and become
/// it.
fn shape(view: &ChartView, series: &SeriesView, below: &mut Vec<Dot>) -> Shape {
    let mut runs: Vec<Run> = Vec::new();
    let mut expected = None;
    let mut stacked = Vec::new();
    for point in series
        .points
        .iter()
        .filter(|p| p.at_ms < view.to_ms && p.at_ms.saturating_add(view.step_ms) > view.from_ms)
    {
        let Some(rate) = rate_milli(*point) else { continue };
        let under = match series.style {
            SeriesStyle::Stacked => below.iter().find(|(t, _)| *t == point.at_ms).map_or(0, |(_, v)| *v),
            SeriesStyle::Area | SeriesStyle::Line => 0,
        };
        let top = under.saturating_add(rate);
        stacked.push((point.at_ms, top));
        let x = point.at_ms.saturating_add(view.step_ms / 2).clamp(view.from_ms, view.to_ms);
        if expected != Some(point.at_ms) {
            runs.push(Run { top: Vec::new(), base: Vec::new() });
        }
        if let Some(run) = runs.last_mut() {
            run.top.push((x, top));
            run.base.push((x, under));
        }
        expected = Some(point.at_ms.saturating_add(view.step_ms));
    }
    if series.style == SeriesStyle::Stacked {
        *below = stacked;
    }
    Shape { style: series.style, runs }
}
