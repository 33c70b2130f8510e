//! View data of charts: integer totals per bucket, gaps, and how to draw them.

/// One chart with the data table below it.
///
/// Points hold the same integers that are billed: the use *within* the bucket. The panel divides by the time
/// measured to draw a rate (cores, MiB, bytes/s); tables and totals show the integers themselves.
#[derive(Debug, Clone)]
pub struct ChartView {
    /// Short and unique on the page, `a-z0-9-` only, e.g. `cpu`; used in ids.
    pub id: String,
    /// Heading, e.g. "CPU".
    pub title: String,
    /// What the points count; decides units on axis, table and totals.
    pub quantity: Quantity,
    /// Start of the time axis.
    pub from_ms: i64,
    /// End of the time axis (exclusive).
    pub to_ms: i64,
    /// Length of a bucket; buckets are aligned to the epoch by it.
    pub step_ms: i64,
    /// Lines and areas, in drawing order.
    pub series: Vec<SeriesView>,
    /// Times not measured. Shaded, listed, never billed.
    pub gaps: Vec<GapView>,
}

/// One line or area of a chart.
#[derive(Debug, Clone)]
pub struct SeriesView {
    /// Name in legend and table, e.g. "read".
    pub label: String,
    /// How it is drawn.
    pub style: SeriesStyle,
    /// Sum of what was measured from `from_ms` to `to_ms`, in the base unit. `None`: nothing is known.
    pub total: Option<i64>,
    /// Buckets in ascending time. A bucket that is left out breaks the line like `None`.
    pub points: Vec<PointView>,
}

/// One bucket of a series.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PointView {
    /// Start of the bucket.
    pub at_ms: i64,
    /// Use within the bucket in the base unit; `None`: not measured; `Some(0)`: measured, and nothing used.
    pub value: Option<i64>,
    /// How much of the bucket the value stands for (at most the bucket's length). Makes the rate of a bucket
    /// that is half a gap, or not over yet, true. Where it is not known: the bucket's length.
    pub measured_ms: i64,
}

/// A time without measurement.
#[derive(Debug, Clone)]
pub struct GapView {
    /// Start.
    pub from_ms: i64,
    /// End (exclusive).
    pub to_ms: i64,
    /// Why, in words a customer understands, e.g. "agent restarted".
    pub reason: String,
}

/// How a series is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SeriesStyle {
    /// A line over a light area, from zero.
    Area,
    /// A line only; may be negative.
    Line,
    /// An area on top of the stacked series before it.
    Stacked,
}

/// What an integer counts. Follows from the meter's name, whose unit comes last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quantity {
    /// µs of CPU; as a rate: cores.
    CpuUsec,
    /// KiB·s of memory or disk; as a rate: bytes held.
    KibSec,
    /// Bytes moved; as a rate: bytes per second.
    Bytes,
    /// Seconds (of sessions); as a rate: a number of sessions.
    Seconds,
    /// Pieces (requests, operations, starts); as a rate: pieces per second.
    Count,
}
