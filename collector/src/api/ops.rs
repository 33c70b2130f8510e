//! For machines that watch the collector.

use super::state::AppState;
use super::{Problem, Reader};
use crate::db::{Connection, DbError};
use crate::ingest::counting::counted_serial;
use crate::metrics::{Facts, page};
use crate::store::forward::last_serial;
use axum::extract::{ConnectInfo, FromRequestParts, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use std::net::SocketAddr;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    use axum::routing::get;
    axum::Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .route("/openapi.json", get(openapi))
}

/// A program on this machine itself, or somebody who may read everything.
#[derive(Debug)]
pub struct Watcher;

impl FromRequestParts<AppState> for Watcher {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|c| c.0);
        // A web server in front passes on strangers' requests from this machine, and says so.
        let passed_on = ["forwarded", "x-forwarded-for", "x-real-ip", "via"];
        let is_own = !passed_on.iter().any(|h| parts.headers.contains_key(*h));
        if is_own && peer.is_some_and(|p| p.ip().is_loopback()) {
            return Ok(Self);
        }
        Reader::from_request_parts(parts, app).await.map(|_| Self)
    }
}

/// Is it alive
#[utoipa::path(
    get, path = "/healthz", tag = "operations", security(()), responses((status = 200, description = "It answers"))
)]
pub async fn healthz() -> &'static str {
    "ok\n"
}

/// Can it work
///
/// Reads the database once.
#[utoipa::path(
    get, path = "/readyz", tag = "operations", security(()),
    responses((status = 200, description = "The database answers"), (status = 503, description = "It does not"))
)]
pub async fn readyz(State(app): State<AppState>) -> Result<&'static str, Problem> {
    app.db.read(|conn| -> Result<i64, DbError> { Ok(conn.query_row("SELECT 1", [], |r| r.get(0))?) }).await?;
    Ok("ok\n")
}

/// Metrics
///
/// OpenMetrics text; without a token only from this machine itself.
#[utoipa::path(
    get, path = "/metrics", tag = "operations", responses((status = 200, description = "OpenMetrics text"))
)]
pub async fn metrics(State(app): State<AppState>, _watcher: Watcher) -> Result<Response, Problem> {
    let (now_ms, position) = (app.now_ms(), app.forwarder.position());
    let mut facts = app.db.read(move |conn| facts(conn, now_ms, position)).await?;
    facts.writer = app.db.write_stats();
    facts.turns_waiting = app.admission.waiting();
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(CONTENT_TYPE, kind)], page(&app.metrics, &facts)).into_response())
}

fn facts(conn: &Connection, now_ms: i64, position: i64) -> Result<Facts, DbError> {
    let mut stmt = conn.prepare_cached("SELECT state, count(*) FROM host GROUP BY state ORDER BY state")?;
    let hosts = stmt.query_map([], |r| Ok((r.get(0)?, r.get(1)?)))?.collect::<Result<_, _>>()?;
    let one = |sql: &str| conn.prepare_cached(sql)?.query_row([], |r| r.get(0));
    let oldest: Option<i64> = conn
        .prepare_cached("SELECT min(watermark_ms) FROM host WHERE state = 'live'")?
        .query_row([], |r| r.get(0))?;
    Ok(Facts {
        hosts,
        accounts: one("SELECT count(*) FROM account")?,
        alerts: one("SELECT count(*) FROM alert WHERE cleared_ms IS NULL")?,
        lag_ms: oldest.map(|w| now_ms.saturating_sub(w).max(0)),
        count_behind: last_serial(conn)?.saturating_sub(counted_serial(conn)?).max(0),
        forward_behind: last_serial(conn)?.saturating_sub(position).max(0),
        turns_waiting: 0,
        writer: crate::db::WriteStats::default(),
    })
}

/// This description
#[utoipa::path(
    get, path = "/openapi.json", tag = "operations", security(()), responses((status = 200, description = "OpenAPI 3.1"))
)]
pub async fn openapi() -> Response {
    ([(CONTENT_TYPE, "application/json")], super::openapi::text()).into_response()
}
