//! Usage of one account over time, with what is not known.

use super::accounts::{self, Account};
use super::series::{Grid, Known, Series, series};
use super::{QueryError, check_span};
use crate::auth::Scope;
use crate::billing::usage as totals;
use crate::db::{Connection, DbError};
use crate::limits::{GAPS_SHOWN_MAX, POINTS_ALL_MAX, POINTS_DEFAULT, POINTS_MAX, RAW_KEEP_MS};
use crate::store::{GapRow, HostInterval, UsageRow, UsageStore};
use hostmeter_core::meter::{Meter, Values};
use hostmeter_core::units::UtcHour;
use hostmeter_core::wire::batch::GapMeter;
use std::collections::BTreeMap;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ask {
    /// Which buckets.
    pub grid: Grid,
    /// Which meters.
    pub meters: Vec<Meter>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Usage {
    /// Whose.
    pub account: Account,
    /// As it was asked.
    pub grid: Grid,
    /// One for each meter, in the order asked for.
    pub series: Vec<Series>,
    /// What is not known, by start; neighbours of one reason are one.
    pub gaps: Vec<GapRow>,
}

impl Ask {
    /// Checks the request. Without a step one is chosen that makes a few hundred points.
    pub fn new(
        from_ms: i64,
        to_ms: i64,
        step_sec: Option<i64>,
        meters: Vec<Meter>,
    ) -> Result<Self, QueryError> {
        let invalid = |why: String| Err(QueryError::Invalid(why));
        check_span(from_ms, to_ms)?;
        let span_ms = to_ms.saturating_sub(from_ms);
        let step_ms = match step_sec {
            Some(sec) if sec > 0 => sec.saturating_mul(1_000),
            Some(sec) => return invalid(format!("`step` is {sec}; it is a number of seconds above 0")),
            None => round_step_ms(span_ms),
        };
        let grid = Grid { from_ms, to_ms, step_ms };
        let points = i64::try_from(grid.len()).unwrap_or(i64::MAX);
        let all = points.saturating_mul(i64::try_from(meters.len()).unwrap_or(i64::MAX));
        if points > POINTS_MAX || all > POINTS_ALL_MAX {
            return invalid(format!(
                "this makes {points} points of {} meters; at most {POINTS_MAX} points, {POINTS_ALL_MAX} of all meters \
                 together: take a larger `step`, a shorter time or fewer `meters`",
                meters.len()
            ));
        }
        Ok(Self { grid, meters })
    }
}

fn round_step_ms(span_ms: i64) -> i64 {
    const STEPS_SEC: [i64; 12] = [1, 10, 30, 60, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400, 604_800];
    let fits = |step: &i64| span_ms / step.saturating_mul(1_000) <= POINTS_DEFAULT;
    STEPS_SEC.into_iter().find(fits).unwrap_or(604_800).saturating_mul(1_000)
}

/// Reads everything an answer needs: the store's intervals, hours where those are gone, imports, gaps.
pub fn usage(
    conn: &Connection,
    store: &dyn UsageStore,
    scope: Scope,
    id: &str,
    ask: &Ask,
    now_ms: i64,
) -> Result<Usage, QueryError> {
    let account = accounts::get(conn, scope, id)?;
    let Grid { from_ms, to_ms, .. } = ask.grid;
    // Intervals are removed hour by hour from the far end; whole hours stand in their place.
    let raw_from_ms = UtcHour::from_ms(now_ms.saturating_sub(RAW_KEEP_MS)).end_ms().max(from_ms);
    let mut rows = store.usage(account.row, raw_from_ms, to_ms)?;
    if from_ms < raw_from_ms {
        rows.extend(hours(conn, account.row, from_ms, raw_from_ms.min(to_ms))?);
    }
    rows.extend(imports(conn, account.row, from_ms, to_ms)?);
    let (host, mut gaps) = match account.host {
        Some(host) => {
            let gaps = store.gaps(host, account.uid, raw_from_ms, to_ms)?;
            (store.host(host, raw_from_ms, to_ms)?, gaps)
        }
        None => (Vec::new(), Vec::new()),
    };
    let known = Known { rows: &rows, host: &host, gaps: &gaps };
    let series = ask.meters.iter().map(|m| series(ask.grid, *m, known)).collect();
    gaps.extend(holes(&host));
    let gaps = shown(gaps, ask);
    Ok(Usage { account, grid: ask.grid, series, gaps })
}

/// Hour totals as intervals of an hour.
fn hours(conn: &Connection, account: i64, from_ms: i64, to_ms: i64) -> Result<Vec<UsageRow>, DbError> {
    let sql = totals::of_account(&format!("u.hour, {}", *totals::COLUMNS));
    let last = UtcHour::from_ms(to_ms.saturating_sub(1)).0;
    let rows = conn
        .prepare_cached(&sql)?
        .query_map([account, UtcHour::from_ms(from_ms).0, last], |r| {
            Ok(of_hour(account, UtcHour(r.get(0)?), totals::values(r, 1)?))
        })?
        .collect::<Result<_, _>>()?;
    Ok(rows)
}

fn of_hour(account: i64, hour: UtcHour, values: Values) -> UsageRow {
    UsageRow { account, from_ms: hour.start_ms(), to_ms: hour.end_ms(), values }
}

/// Usage metered elsewhere: it is billed, so it is shown, evenly over its hour.
fn imports(conn: &Connection, account: i64, from_ms: i64, to_ms: i64) -> Result<Vec<UsageRow>, DbError> {
    let sql =
        "SELECT hour, meter, quantity FROM import_total WHERE account = ?1 AND hour >= ?2 AND hour <= ?3";
    let last = UtcHour::from_ms(to_ms.saturating_sub(1)).0;
    let mut out = Vec::new();
    let mut stmt = conn.prepare_cached(sql)?;
    let mut rows = stmt.query([account, UtcHour::from_ms(from_ms).0, last])?;
    while let Some(r) = rows.next()? {
        let name: String = r.get(1)?;
        if let Some(meter) = Meter::from_name(&name) {
            let values = [(meter, r.get(2)?)].into_iter().collect();
            out.push(of_hour(account, UtcHour(r.get(0)?), values));
        }
    }
    Ok(out)
}

/// Times between two intervals of a host for which nothing came.
pub(crate) fn holes(host: &[HostInterval]) -> Vec<GapRow> {
    let mut out = Vec::new();
    let mut end_ms = host.first().map_or(0, |h| h.from_ms);
    for interval in host {
        if interval.from_ms > end_ms {
            out.push(GapRow {
                from_ms: end_ms,
                to_ms: interval.from_ms,
                meter: GapMeter::All,
                uid: None,
                reason: "nothing came from the host".to_owned(),
            });
        }
        end_ms = end_ms.max(interval.to_ms);
    }
    out
}

/// Gaps of the meters asked for, cut at the borders, neighbours joined; the first ones if there are too many.
fn shown(gaps: Vec<GapRow>, ask: &Ask) -> Vec<GapRow> {
    let mut by_cause: BTreeMap<(&str, String), Vec<(i64, i64)>> = BTreeMap::new();
    for gap in gaps {
        let asked = ask.meters.iter().any(|m| gap.meter.covers(*m));
        let span = (gap.from_ms.max(ask.grid.from_ms), gap.to_ms.min(ask.grid.to_ms));
        if asked && span.0 < span.1 {
            by_cause.entry((gap.meter.as_str(), gap.reason)).or_default().push(span);
        }
    }
    let mut out = Vec::new();
    for ((word, reason), mut spans) in by_cause {
        let meter = GapMeter::from_word(word).unwrap_or(GapMeter::All);
        spans.sort_unstable();
        for (from_ms, to_ms) in join(&spans) {
            out.push(GapRow { from_ms, to_ms, meter, uid: None, reason: reason.clone() });
        }
    }
    out.sort_by_key(|g| (g.from_ms, g.to_ms));
    out.truncate(GAPS_SHOWN_MAX);
    out
}

fn join(spans: &[(i64, i64)]) -> Vec<(i64, i64)> {
    let mut out: Vec<(i64, i64)> = Vec::new();
    for (from, to) in spans {
        match out.last_mut() {
            Some(last) if *from <= last.1 => last.1 = last.1.max(*to),
            _ => out.push((*from, *to)),
        }
    }
    out
}
