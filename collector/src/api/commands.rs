//! `GET /v1/commands`: for hosts a long poll for what they are to do, for staff the list of commands.

use super::body::PageQuery;
use super::{Admin, AppState, Problem, Reader};
use crate::audit;
use crate::billing::BillingError;
use crate::billing::commands::{self, CommandView};
use crate::ingest::verify;
use crate::limits::{POLL_HEADER_MAX_BYTES, POLL_SKEW_MAX_MS, POLL_WAIT_MAX_SEC};
use axum::Json;
use axum::extract::{FromRequestParts, Path, Query, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hostmeter_core::wire::envelope::{Domain, open_payload};
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// While it waits, a poll looks again this often: commands also fall due by time alone.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
const SCHEME: &str = "Hostmeter ";

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/v1/commands", get(commands_or_list))
        .route("/v1/commands/{id}", get(show_command))
        .route("/v1/commands/{id}/retry", post(retry_command))
}

/// What a host asks with.
#[derive(serde::Deserialize)]
struct WaitQuery {
    wait: Option<u64>,
}

/// For hosts (`Authorization: Hostmeter ENVELOPE`): what they are to do, waiting up to `wait` seconds; 204 if there is
/// nothing. For staff: the list of commands, newest first.
#[utoipa::path(get, path = "/v1/commands", tag = "lifecycle", params(PageQuery, ("wait" = Option<u64>, Query, description = "seconds; hosts only")),
    responses((status = 200, body = Object), (status = 204, description = "nothing within the wait; hosts only")))]
pub async fn commands_or_list(State(app): State<AppState>, mut parts: Parts) -> Result<Response, Problem> {
    let bad = |e: axum::extract::rejection::QueryRejection| Problem::bad_request(e.body_text());
    if let Some(value) = host_header(&parts.headers) {
        let host = verified_host(&app, value)?;
        let Query(WaitQuery { wait }) = Query::try_from_uri(&parts.uri).map_err(bad)?;
        return poll(&app, host, wait.unwrap_or(0).min(POLL_WAIT_MAX_SEC)).await;
    }
    let _reader = Reader::from_request_parts(&mut parts, &app).await?;
    let Query(page): Query<PageQuery> = Query::try_from_uri(&parts.uri).map_err(bad)?;
    let (before, rows) = (page.number()?.unwrap_or(i64::MAX), page.rows());
    let (account, state) = (page.account, page.state);
    app.db
        .read(move |conn| {
            let mut found =
                commands::list(conn, account.as_deref(), state.as_deref(), before, rows.saturating_add(1))?;
            let more = found.len() > rows;
            found.truncate(rows);
            let next = found.last().filter(|_| more).map(|c| c.id.to_string());
            Ok(Json(json!({"commands": found, "next": next})).into_response())
        })
        .await
}

/// What a host sent to say who it is, if it is one.
pub(super) fn host_header(headers: &HeaderMap) -> Option<&str> {
    let text = headers.get(AUTHORIZATION)?.to_str().ok()?;
    let (scheme, rest) = (text.get(..SCHEME.len())?, text.get(SCHEME.len()..)?);
    scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
}

/// Row of the host whose key signed the header's envelope just now.
fn verified_host(app: &AppState, value: &str) -> Result<i64, Problem> {
    let refuse = |why: String| Problem::unauthorized(format!("the host's signature was not accepted: {why}"));
    if value.len() > POLL_HEADER_MAX_BYTES {
        return Err(refuse(format!("the header has more than {POLL_HEADER_MAX_BYTES} bytes")));
    }
    let bytes = STANDARD.decode(value.trim()).map_err(|e| refuse(format!("not base64: {e}")))?;
    let (known, header) =
        verify(&bytes, Domain::Resume, &app.host_keys, app.now_ms()).map_err(|e| refuse(e.to_string()))?;
    open_payload(&header, &bytes).map_err(|e| refuse(e.to_string()))?;
    let at_ms = i64::try_from(header.stamp.wall_ns / 1_000_000).unwrap_or(i64::MAX);
    let off_ms = app.now_ms().saturating_sub(at_ms).saturating_abs();
    if off_ms > POLL_SKEW_MAX_MS {
        return Err(refuse(format!(
            "it is {off_ms} ms off this clock; at most {POLL_SKEW_MAX_MS} are allowed"
        )));
    }
    Ok(known.host)
}

async fn poll(app: &AppState, host: i64, wait_sec: u64) -> Result<Response, Problem> {
    let end = Instant::now() + Duration::from_secs(wait_sec);
    loop {
        // Registered before looking, so that nothing is missed in between.
        let news = app.billing.news();
        tokio::pin!(news);
        news.as_mut().enable();
        let now_ms = app.now_ms();
        let due = app.db.read(move |conn| commands::has_work(conn, host, now_ms)).await?;
        let last = Instant::now() >= end || app.is_stopping();
        if due || last {
            let inner = app.clone();
            let told = app
                .db
                .write(move |tx| commands::poll(tx, host, &inner.keys.command, &inner.billing.rules, now_ms))
                .await?;
            if !told.commands.is_empty() || !told.begun_acked.is_empty() {
                let envelopes: Vec<String> = told.commands.iter().map(|c| STANDARD.encode(c)).collect();
                return Ok(
                    Json(json!({"commands": envelopes, "begun_acked": told.begun_acked})).into_response()
                );
            }
        }
        if last {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        let until = end.min(Instant::now() + LOOK_AGAIN);
        drop(tokio::time::timeout_at(until, news).await);
    }
}

/// Shows a command with its surfaces.
#[utoipa::path(get, path = "/v1/commands/{id}", tag = "lifecycle", responses((status = 200, body = CommandView)))]
pub async fn show_command(
    State(app): State<AppState>,
    _reader: Reader,
    Path(id): Path<i64>,
) -> Result<Json<CommandView>, Problem> {
    app.db.read(move |conn| Ok(Json(commands::get(conn, id)?))).await
}

/// Orders a command again that did not succeed, under a new number.
#[utoipa::path(post, path = "/v1/commands/{id}/retry", tag = "lifecycle", responses((status = 200, body = CommandView)))]
pub async fn retry_command(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path(id): Path<i64>,
) -> Result<Json<CommandView>, Problem> {
    let now_ms = app.now_ms();
    let made = app
        .db
        .write(move |tx| -> Result<_, BillingError> {
            let (new, _) = commands::retry(tx, id, now_ms)?;
            audit::write(tx, &caller.login, "command.retry", &id.to_string(), &format!("as {new}"), now_ms)?;
            commands::get(tx, new)
        })
        .await?;
    app.billing.outcomes_stored();
    Ok(Json(made))
}
