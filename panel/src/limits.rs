//! Limits of the panel: how large a view may be before a page refuses to render it.

/// Most buckets of one series (one a minute for a day, with room).
pub const MAX_POINTS: usize = 1_600;
/// Most series of one chart; as many colours are defined in the style sheet.
pub const MAX_SERIES: usize = 4;
/// Most gaps listed below a chart; the others are counted.
pub const MAX_GAPS_LISTED: usize = 20;
/// Most gaps drawn and held for one chart.
pub const MAX_GAPS: usize = 2_000;
/// Most ticks of an axis, whatever the data.
pub const MAX_TICKS: usize = 24;

const _: () = assert!(MAX_GAPS_LISTED <= MAX_GAPS);
