//! When hosts were not metered in full.

use super::extract::{Id, Params};
use super::hosts::Coverage;
use super::state::AppState;
use super::usage::time;
use super::{Problem, Reader};
use crate::limits::DEGRADED_KEEP_MS;
use crate::query::degraded;
use axum::Json;
use axum::extract::State;
use hostmeter_core::units::rfc3339;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new().route("/v1/hosts/{name}/degraded", axum::routing::get(degraded))
}

/// Which time.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DegradedParams {
    /// Start, RFC 3339; 40 days before `to` if not given, which is as long as stretches are kept.
    from: Option<String>,
    /// End, RFC 3339; now if not given. It may lie ahead.
    to: Option<String>,
}

/// When a host was not metered in full.
#[derive(Debug, Serialize, ToSchema)]
pub struct Degraded {
    /// The host.
    host: String,
    /// Start of the time asked for.
    from: String,
    /// Its end.
    to: String,
    /// Stretches that overlap it, newest first; at most 1000 of a host are kept.
    degraded: Vec<Stretch>,
}

/// A stretch of time in which a host was not metered in full, for one reason. What was not seen is not billed.
#[derive(Debug, Serialize, ToSchema)]
pub struct Stretch {
    /// Start.
    from: String,
    /// End so far.
    to: String,
    /// Seconds of it in which this was so, rounded up; fewer where it came and went.
    lasted_s: i64,
    /// `ebpf` or `proc`; `none`: the host lost what it had measured.
    tier: String,
    /// Lowest shares of the truth that the agent saw in it, 0 to 1; absent: not known.
    coverage: Coverage,
    /// Why.
    why: String,
}

impl From<degraded::Stretch> for Stretch {
    fn from(s: degraded::Stretch) -> Self {
        Self {
            from: rfc3339(s.from_ms),
            to: rfc3339(s.to_ms),
            lasted_s: s.lasted_sec(),
            tier: s.tier,
            coverage: Coverage::of(s.lowest_ppm),
            why: s.why,
        }
    }
}

/// When a host was not metered in full
///
/// Because it was metered by /proc, because the agent could not see all, or because less than 99 % of CPU time, I/O or
/// memory was seen (of CPU time: and at least 0.1 s a CPU and interval was missed). Times of one reason that are at most five minutes apart are one stretch.
#[utoipa::path(
    get, path = "/v1/hosts/{name}/degraded", tag = "admin",
    params(("name" = String, Path, example = "web1"), DegradedParams),
    responses((status = 200, description = "Newest first", body = Degraded),
              (status = 404, description = "No such host"), (status = 422, description = "Not a time that can be asked for"))
)]
pub async fn degraded(
    State(app): State<AppState>,
    Reader(caller): Reader,
    Id(name): Id,
    Params(p): Params<DegradedParams>,
) -> Result<Json<Degraded>, Problem> {
    let to_ms = time("to", p.to.as_deref(), app.now_ms())?;
    let from_ms = time("from", p.from.as_deref(), to_ms.saturating_sub(DEGRADED_KEEP_MS))?;
    let (scope, host) = (caller.scope(), name.clone());
    let found = app.db.read(move |conn| degraded::list(conn, scope, &name, from_ms, to_ms)).await?;
    let degraded = found.into_iter().map(Stretch::from).collect();
    Ok(Json(Degraded { host, from: rfc3339(from_ms), to: rfc3339(to_ms), degraded }))
}
