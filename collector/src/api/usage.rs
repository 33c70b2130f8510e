//! Usage of accounts over time, and what used it.

use super::Problem;
use super::extract::{Id, Params};
use super::state::AppState;
use crate::auth::Caller;
use crate::query::series::Series as Found;
use crate::query::usage::{Ask, Usage as FoundUsage};
use crate::query::{top, usage};
use axum::Json;
use axum::extract::State;
use hostmeter_core::meter::Meter;
use hostmeter_core::units::{HOUR_MS, parse_rfc3339_ms, rfc3339};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::{IntoParams, ToSchema};

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    use axum::routing::get;
    axum::Router::new()
        .route("/v1/accounts/{id}/usage", get(usage_of))
        .route("/v1/accounts/{id}/top", get(top_of))
}

/// Which usage.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct UsageParams {
    /// Start, RFC 3339; an hour before `to` if not given.
    from: Option<String>,
    /// End, RFC 3339; now if not given. It may lie ahead.
    to: Option<String>,
    /// Seconds in a point; chosen by the length of time if not given.
    step: Option<i64>,
    /// Names of meters, separated by commas; all if not given.
    meters: Option<String>,
}

/// Usage of an account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    /// Whose.
    account: String,
    /// Start of the time asked for.
    from: String,
    /// Its end.
    to: String,
    /// Seconds in a point. Points are aligned to the epoch by it.
    step: i64,
    /// By name of the meter.
    meters: BTreeMap<&'static str, Series>,
    /// What is not known: shown, never billed, never estimated.
    gaps: Vec<Gap>,
}

/// One meter over time.
#[derive(Debug, Serialize, ToSchema)]
pub struct Series {
    /// Base unit.
    unit: &'static str,
    /// Of a meter that adds up: the sum of what was measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<i64>,
    /// Of a level: the last one known, or null.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<i64>)]
    last: Option<Option<i64>>,
    /// Start of each point and its value; null: nothing is known, 0: measured as zero.
    #[schema(value_type = Vec<Vec<serde_json::Value>>)]
    points: Vec<(String, Option<i64>)>,
}

/// Something that is not known.
#[derive(Debug, Serialize, ToSchema)]
pub struct Gap {
    /// Start.
    from: String,
    /// End.
    to: String,
    /// Which meter; `*`: all.
    meter: &'static str,
    /// Why.
    reason: String,
}

impl From<FoundUsage> for Usage {
    fn from(u: FoundUsage) -> Self {
        let starts: Vec<String> = u.grid.starts().map(rfc3339).collect();
        let series = |s: Found| {
            let flow = s.meter.is_flow();
            let points = starts.iter().cloned().zip(s.points).collect();
            let (total, last) = (flow.then_some(s.total), (!flow).then_some(s.last));
            (s.meter.name(), Series { unit: s.meter.unit(), total, last, points })
        };
        let gaps = u.gaps.into_iter().map(|g| Gap {
            from: rfc3339(g.from_ms),
            to: rfc3339(g.to_ms),
            meter: g.meter.as_str(),
            reason: g.reason,
        });
        Self {
            account: u.account.id,
            from: rfc3339(u.grid.from_ms),
            to: rfc3339(u.grid.to_ms),
            step: u.grid.step_ms / 1_000,
            gaps: gaps.collect(),
            meters: u.series.into_iter().map(series).collect(),
        }
    }
}

/// Reads a time of the query string.
pub(super) fn time(name: &str, text: Option<&str>, default_ms: i64) -> Result<i64, Problem> {
    // A plus sign in a query string is a space, unless it was escaped.
    let text = text.map(|t| t.replace(' ', "+"));
    text.map_or(Ok(default_ms), |t| {
        parse_rfc3339_ms(&t).map_err(|e| Problem::invalid(format!("`{name}`: {e}")))
    })
}

fn meters(text: Option<&str>) -> Result<Vec<Meter>, Problem> {
    let Some(text) = text.filter(|t| !t.is_empty()) else { return Ok(Meter::ALL.to_vec()) };
    let mut out = Vec::new();
    for name in text.split(',') {
        let meter = Meter::from_name(name.trim()).ok_or_else(|| {
            let known: Vec<&str> = Meter::ALL.iter().map(|m| m.name()).collect();
            Problem::invalid(format!("`meters`: no meter is called {name:?}; there are {}", known.join(", ")))
        })?;
        if !out.contains(&meter) {
            out.push(meter);
        }
    }
    Ok(out)
}

/// Usage over time
///
/// Points, totals and gaps come from the same whole numbers as the bill.
#[utoipa::path(
    get, path = "/v1/accounts/{id}/usage", tag = "usage",
    params(("id" = String, Path, example = "shop@web1"), UsageParams),
    responses((status = 200, description = "Usage", body = Usage), (status = 404, description = "No such account of yours"),
              (status = 422, description = "Unknown meter, or too many points"))
)]
pub async fn usage_of(
    State(app): State<AppState>,
    caller: Caller,
    Id(id): Id,
    Params(p): Params<UsageParams>,
) -> Result<Json<Usage>, Problem> {
    let now_ms = app.now_ms();
    let to_ms = time("to", p.to.as_deref(), now_ms)?;
    let from_ms = time("from", p.from.as_deref(), to_ms.saturating_sub(HOUR_MS))?;
    let ask = Ask::new(from_ms, to_ms, p.step, meters(p.meters.as_deref())?)?;
    let scope = caller.scope();
    let found = app.query(move |conn, store| usage::usage(conn, store, scope, &id, &ask, now_ms)).await?;
    Ok(Json(found.into()))
}

/// Which time.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TopParams {
    /// Start, RFC 3339; an hour before `to` if not given.
    from: Option<String>,
    /// End, RFC 3339; now if not given.
    to: Option<String>,
}

/// Commands of an account that used most.
#[derive(Debug, Serialize, ToSchema)]
pub struct Top {
    /// Whose.
    account: String,
    /// Start of the time asked for.
    from: String,
    /// Its end.
    to: String,
    /// By CPU time; `other`, the rest, is last.
    top: Vec<TopCommand>,
}

/// What one command used.
#[derive(Debug, Serialize, ToSchema)]
pub struct TopCommand {
    /// Its name, escaped.
    command: String,
    /// CPU time, µs.
    cpu_usec: i64,
    /// Memory over time, KiB·s.
    memory_kib_sec: i64,
    /// Processes at the end.
    processes: i64,
}

/// What used it
#[utoipa::path(
    get, path = "/v1/accounts/{id}/top", tag = "usage",
    params(("id" = String, Path, example = "shop@web1"), TopParams),
    responses((status = 200, description = "Commands", body = Top), (status = 404, description = "No such account of yours"))
)]
pub async fn top_of(
    State(app): State<AppState>,
    caller: Caller,
    Id(id): Id,
    Params(p): Params<TopParams>,
) -> Result<Json<Top>, Problem> {
    let to_ms = time("to", p.to.as_deref(), app.now_ms())?;
    let from_ms = time("from", p.from.as_deref(), to_ms.saturating_sub(HOUR_MS))?;
    let (scope, account) = (caller.scope(), id.clone());
    let found = app.query(move |conn, store| top::top(conn, store, scope, &id, from_ms, to_ms)).await?;
    let commands = found.into_iter().map(|c| TopCommand {
        command: c.command,
        cpu_usec: c.cpu_usec,
        memory_kib_sec: c.memory_kib_sec,
        processes: c.processes,
    });
    Ok(Json(Top { account, from: rfc3339(from_ms), to: rfc3339(to_ms), top: commands.collect() }))
}
