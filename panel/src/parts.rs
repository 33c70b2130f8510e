//! Parts that several pages share, each with its own template.

use crate::chart::{ChartSize, DataTable, chart_svg_at, data_table, gap_time, plural};
use crate::error::PanelError;
use crate::limits::MAX_GAPS_LISTED;
use crate::ui::{Html, Ui, escape};
use crate::view::{
    AccountRow, BalanceView, ChartView, CommandStatus, CommandView, LedgerEntry, LifecycleState, Quantity,
    Range, SeriesStyle, StandingView,
};
use askama::Template;
use askama::filters::{HtmlSafe, Safe};

/// A table of accounts.
#[derive(Template)]
#[template(path = "parts/accounts.html")]
pub(crate) struct Accounts<'a> {
    pub(crate) ui: &'a Ui,
    pub(crate) rows: &'a [AccountRow],
    /// What time the usage is of, e.g. `today`.
    pub(crate) when: &'a str,
    pub(crate) currency: Option<&'a str>,
    pub(crate) show_customer: bool,
}
impl HtmlSafe for Accounts<'_> {}

/// Ledger entries with their lines.
#[derive(Template)]
#[template(path = "parts/ledger.html")]
pub(crate) struct Ledger<'a> {
    pub(crate) ui: &'a Ui,
    pub(crate) rows: &'a [LedgerEntry],
    pub(crate) currency: &'a str,
    /// False on the page of that account.
    pub(crate) name_account: bool,
}
impl HtmlSafe for Ledger<'_> {}

/// Commands with their outcomes.
#[derive(Template)]
#[template(path = "parts/commands.html")]
pub(crate) struct Commands<'a> {
    pub(crate) ui: &'a Ui,
    pub(crate) rows: &'a [CommandView],
    pub(crate) name_account: bool,
    pub(crate) csrf: &'a str,
}
impl HtmlSafe for Commands<'_> {}

/// Balance, pending, days left.
#[derive(Template)]
#[template(path = "parts/balance.html")]
pub(crate) struct Balance<'a> {
    pub(crate) ui: &'a Ui,
    pub(crate) b: &'a BalanceView,
}
impl HtmlSafe for Balance<'_> {}

/// What the state means and what to do, where there is something to say.
#[derive(Template)]
#[template(path = "parts/banner.html")]
pub(crate) struct Banner<'a> {
    pub(crate) ui: &'a Ui,
    pub(crate) b: &'a BalanceView,
}
impl HtmlSafe for Banner<'_> {}

/// Where a customer stands, and what can be done about it.
#[derive(Template)]
#[template(path = "parts/standing.html")]
pub(crate) struct Standing<'a> {
    pub(crate) ui: &'a Ui,
    pub(crate) s: &'a StandingView,
    pub(crate) csrf: &'a str,
    pub(crate) currency: &'a str,
}
impl HtmlSafe for Standing<'_> {}

impl Standing<'_> {
    /// A form of one button.
    fn button(&self, act: &str, text: &str) -> Html {
        let (path, csrf) = (escape(&self.s.action), escape(self.csrf));
        Safe(format!(
            "<form class=\"act\" method=\"post\" action=\"{path}\"><input type=\"hidden\" name=\"csrf\" \
             value=\"{csrf}\"><input type=\"hidden\" name=\"act\" value=\"{}\"><button class=\"quiet\" \
             type=\"submit\">{}</button></form>",
            escape(act),
            escape(text)
        ))
    }

    fn is_capped_hard(&self) -> bool {
        [&self.s.cap_day, &self.s.cap_month].into_iter().flatten().any(|cap| cap.suspend)
    }
}

/// The switch between ranges.
#[derive(Template)]
#[template(path = "parts/range.html")]
pub(crate) struct RangeSwitch<'a> {
    pub(crate) ui: &'a Ui,
    pub(crate) range: Range,
    pub(crate) path: String,
    pub(crate) from_ms: i64,
    pub(crate) to_ms: i64,
}
impl HtmlSafe for RangeSwitch<'_> {}

/// One chart in both widths, with legend, gaps and data table.
#[derive(Template)]
#[template(path = "parts/chart.html")]
pub(crate) struct Chart<'a> {
    pub(crate) ui: &'a Ui,
    pub(crate) v: &'a ChartView,
    pub(crate) id: String,
    /// Only for a chart that has a row of its own.
    full: Option<Html>,
    wide: Html,
    narrow: Html,
    table: DataTable,
    gaps: Vec<(String, &'a str)>,
    more_gaps: usize,
    empty: bool,
}
impl HtmlSafe for Chart<'_> {}

impl<'a> Chart<'a> {
    fn new(v: &'a ChartView, ui: &'a Ui, alone: bool) -> Result<Self, PanelError> {
        let full = if alone { Some(Safe(chart_svg_at(v, &ui.clock, ChartSize::Full)?)) } else { None };
        Ok(Self {
            ui,
            v,
            id: crate::chart::slug(&v.id),
            full,
            wide: Safe(chart_svg_at(v, &ui.clock, ChartSize::Wide)?),
            narrow: Safe(chart_svg_at(v, &ui.clock, ChartSize::Narrow)?),
            table: data_table(v, &ui.clock)?,
            gaps: v
                .gaps
                .iter()
                .take(MAX_GAPS_LISTED)
                .map(|g| (gap_time(g, &ui.clock), g.reason.as_str()))
                .collect(),
            more_gaps: v.gaps.len().saturating_sub(MAX_GAPS_LISTED),
            empty: v.series.iter().all(|s| s.points.iter().all(|p| p.value.is_none())),
        })
    }

    fn swatch(&self, style: &SeriesStyle) -> &'static str {
        match style {
            SeriesStyle::Stacked => "block",
            SeriesStyle::Area | SeriesStyle::Line => "stroke",
        }
    }

    /// The only series of a chart is named by the heading.
    fn names_series(&self) -> bool {
        self.v.series.len() > 1
    }

    fn buckets(&self) -> String {
        plural(self.table.rows.len(), "row")
    }
}

/// One total above the charts.
pub(crate) struct Tile {
    pub(crate) label: String,
    pub(crate) quantity: Quantity,
    pub(crate) total: Option<i64>,
}

/// The totals of all charts, in order.
pub(crate) fn tiles(charts: &[ChartView]) -> Vec<Tile> {
    let tile = |c: &ChartView, label: &str, total| {
        let label = if c.series.len() == 1 { c.title.clone() } else { format!("{}, {label}", c.title) };
        Tile { label, quantity: c.quantity, total }
    };
    charts.iter().flat_map(|c| c.series.iter().map(move |s| tile(c, &s.label, s.total))).collect()
}

/// Charts in two columns; the first of an odd number gets a row of its own.
pub(crate) fn charts<'a>(views: &'a [ChartView], ui: &'a Ui) -> Result<Vec<Chart<'a>>, PanelError> {
    let odd = views.len() % 2 == 1;
    views.iter().enumerate().map(|(n, v)| Chart::new(v, ui, n == 0 && odd)).collect()
}
