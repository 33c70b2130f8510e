//! From marker colours to classes. The chart library knows colours only; here each marker becomes a class of
//! the style sheet, so that one SVG serves light and dark, and needs no `style` attribute.

use crate::ui::escape;
use plotters::style::RGBColor;
use std::fmt::Write as _;

/// What an element of the chart is; drawn as a marker colour first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ink {
    Grid,
    Axis,
    Text,
    Gap,
    /// Area of the series with this number.
    Area(u8),
    /// Stacked area of the series with this number.
    Stack(u8),
    /// Line of the series with this number.
    Line(u8),
    /// Single point of the series with this number.
    Dot(u8),
}

const SERIES: u8 = 4;
const FIXED: [Ink; 4] = [Ink::Grid, Ink::Axis, Ink::Text, Ink::Gap];

impl Ink {
    /// The marker colour.
    pub(super) fn colour(self) -> RGBColor {
        match self {
            Ink::Grid => RGBColor(1, 0, 0),
            Ink::Axis => RGBColor(1, 1, 0),
            Ink::Text => RGBColor(1, 2, 0),
            Ink::Gap => RGBColor(1, 3, 0),
            Ink::Area(n) => RGBColor(2, 0, n),
            Ink::Stack(n) => RGBColor(2, 1, n),
            Ink::Line(n) => RGBColor(2, 2, n),
            Ink::Dot(n) => RGBColor(2, 3, n),
        }
    }

    fn classes(self) -> String {
        match self {
            Ink::Grid => "c-grid".to_owned(),
            Ink::Axis => "c-axis".to_owned(),
            Ink::Text => "c-text".to_owned(),
            Ink::Gap => "c-gap".to_owned(),
            Ink::Area(n) => format!("c-area s{}", n + 1),
            Ink::Stack(n) => format!("c-stack s{}", n + 1),
            Ink::Line(n) => format!("c-line s{}", n + 1),
            Ink::Dot(n) => format!("c-dot s{}", n + 1),
        }
    }
}

/// Replaces every marker by its class, fills gaps with the pattern `hatch` and names each by a tooltip, in the
/// order in which they were drawn.
pub(super) fn apply(svg: &str, hatch: &str, gap_titles: &[String]) -> String {
    let series = (0..SERIES).flat_map(|n| [Ink::Area(n), Ink::Stack(n), Ink::Line(n), Ink::Dot(n)]);
    let markers: Vec<(String, String)> = FIXED
        .into_iter()
        .chain(series)
        .flat_map(|ink| {
            let RGBColor(r, g, b) = ink.colour();
            ["fill", "stroke"].map(|attr| {
                (format!("{attr}=\"#{r:02X}{g:02X}{b:02X}\""), format!("class=\"{}\"", ink.classes()))
            })
        })
        .collect();
    let mut titles = gap_titles.iter();
    let mut out = String::with_capacity(svg.len());
    for line in svg.lines() {
        if !line.starts_with('<') {
            let _ = writeln!(out, "{line}");
            continue;
        }
        let mut element = line.replace(" opacity=\"1\"", "").replace(" stroke=\"none\"", "");
        if let Some((marker, class)) = markers.iter().find(|(marker, _)| element.contains(marker.as_str())) {
            element = element.replacen(marker.as_str(), class, 1);
        }
        if element.contains("class=\"c-gap\"")
            && let Some(title) = titles.next()
        {
            let rest = format!(" fill=\"url(#{hatch})\"><title>{}</title></rect>", escape(title));
            element = element.replacen("/>", &rest, 1);
        }
        let _ = writeln!(out, "{element}");
    }
    out
}
