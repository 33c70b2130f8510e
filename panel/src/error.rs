//! Why a page could not be made.

use crate::limits;

/// The panel's one error. None of its causes is the visitor's fault: answer 500 and log it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PanelError {
    /// A template failed while writing.
    #[error("page {page}: rendering failed; this is a bug, please report it")]
    Render {
        /// Which page.
        page: &'static str,
        /// Why.
        #[source]
        source: askama::Error,
    },
    /// A chart is larger than a page can show.
    #[error("chart {chart}: {count} {what}, at most {limit} are allowed; ask for a longer step or less time")]
    TooLarge {
        /// The chart's id.
        chart: String,
        /// Points, series or gaps.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many may be.
        limit: usize,
    },
    /// A chart's time axis or step makes no sense.
    #[error(
        "chart {chart}: time from {from_ms} to {to_ms} ms in steps of {step_ms} ms cannot be drawn; `from` must lie before `to` and the step be above 0"
    )]
    BadTime {
        /// The chart's id.
        chart: String,
        /// Start.
        from_ms: i64,
        /// End.
        to_ms: i64,
        /// Step.
        step_ms: i64,
    },
    /// The chart library refused to draw.
    #[error("chart {chart}: drawing failed: {reason}")]
    Draw {
        /// The chart's id.
        chart: String,
        /// What the library says.
        reason: String,
    },
}

/// Checks what a chart must hold to before anything of it is drawn.
pub(crate) fn check_chart(v: &crate::view::ChartView) -> Result<(), PanelError> {
    if v.from_ms >= v.to_ms || v.step_ms <= 0 {
        let (from_ms, to_ms, step_ms) = (v.from_ms, v.to_ms, v.step_ms);
        return Err(PanelError::BadTime { chart: v.id.clone(), from_ms, to_ms, step_ms });
    }
    let points = v.series.iter().map(|s| s.points.len()).max().unwrap_or(0);
    let rows = [
        ("points in a series", points, limits::MAX_POINTS),
        ("series", v.series.len(), limits::MAX_SERIES),
        ("gaps", v.gaps.len(), limits::MAX_GAPS),
    ];
    match rows.into_iter().find(|(_, count, limit)| count > limit) {
        Some((what, count, limit)) => Err(PanelError::TooLarge { chart: v.id.clone(), what, count, limit }),
        None => Ok(()),
    }
}
