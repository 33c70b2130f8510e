//! Batches that are stored and do not count: which, why, and what is to become of them.

use super::extract::{Body, Params};
use super::state::AppState;
use super::{Admin, Problem, Reader};
use crate::ingest::held::{self, HeldError, Order, Verdict};
use crate::limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};
use crate::query::held::{Held, Place, list};
use axum::Json;
use axum::extract::State;
use hostmeter_core::limits::TEXT_MAX_BYTES;
use hostmeter_core::units::rfc3339;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    use axum::routing::{get, post};
    axum::Router::new()
        .route("/v1/usage-held", get(list_held))
        .route("/v1/usage-held/release", post(release))
        .route("/v1/usage-held/discard", post(discard))
}

/// Which of them.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct HeldQuery {
    /// Only of this host.
    host: Option<String>,
    /// Those that were discarded instead of those that wait.
    #[serde(default)]
    discarded: bool,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page, at most 1,000.
    limit: Option<usize>,
}

/// A page of batches that do not count.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldPage {
    /// By host, epoch and number.
    held: Vec<HeldBatch>,
    /// Cursor of the next page; null: this is the last.
    next: Option<String>,
}

/// A batch that does not count.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldBatch {
    /// The host.
    host: String,
    /// Epoch of its chain.
    epoch: i64,
    /// Number in it.
    seq: i64,
    /// `aside`: its host is not let in; `quarantined`: not understood or not plausible; `discarded`.
    state: &'static str,
    /// Why it does not count.
    why: String,
    /// When it came.
    received: String,
    /// Length of the envelope in bytes.
    bytes: Option<i64>,
}

impl From<Held> for HeldBatch {
    fn from(h: Held) -> Self {
        let Place { epoch, seq, .. } = h.place;
        let received = rfc3339(h.received_ms);
        Self { host: h.host, epoch, seq, state: h.state, why: h.why, received, bytes: h.bytes }
    }
}

/// List batches that do not count
#[utoipa::path(
    get, path = "/v1/usage-held", tag = "admin", params(HeldQuery),
    responses((status = 200, description = "A page", body = HeldPage), (status = 404, description = "No such host"))
)]
pub async fn list_held(
    State(app): State<AppState>,
    Reader(caller): Reader,
    Params(ask): Params<HeldQuery>,
) -> Result<Json<HeldPage>, Problem> {
    let rows = ask.limit.unwrap_or(PAGE_ROWS_DEFAULT).clamp(1, PAGE_ROWS_MAX);
    let bad =
        || Problem::bad_request("the cursor is none that this list gave; use `next` of the page before");
    let after = match &ask.cursor {
        Some(text) => Place::parse(text).ok_or_else(bad)?,
        None => Place::default(),
    };
    let scope = caller.scope();
    let read = move |conn: &crate::db::Connection| {
        list(conn, scope, ask.host.as_deref(), ask.discarded, after, rows.saturating_add(1))
    };
    let mut found = app.db.read(read).await?;
    let more = found.len() > rows;
    found.truncate(rows);
    let next = found.last().filter(|_| more).map(|h| h.place.to_string());
    Ok(Json(HeldPage { held: found.into_iter().map(HeldBatch::from).collect(), next }))
}

/// Batches of one host, and why.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HeldOrder {
    /// The host.
    host: String,
    /// Epoch of its chain.
    epoch: i64,
    /// Number of the batch, or of the first one.
    seq: i64,
    /// Number of the last one; the same if it is not given.
    #[serde(default)]
    to_seq: Option<i64>,
    /// For the audit.
    reason: String,
}

/// What became of them.
#[derive(Debug, Serialize, ToSchema)]
pub struct HeldDone {
    /// So many were released or discarded now.
    changed: u64,
    /// So many cannot be.
    refused: u64,
    /// Why the first of those cannot be.
    why: Option<String>,
    /// Ask again from this number; null: all were looked at.
    next_seq: Option<i64>,
}

/// Let batches count
///
/// They count once, as late usage does: their hours are charged for the difference. What is not understood, ends in the
/// future or is of a host that waits for approval stays. At most 1,000 at a time. Again changes nothing.
#[utoipa::path(
    post, path = "/v1/usage-held/release", tag = "admin", request_body = HeldOrder,
    responses((status = 200, description = "What became of them", body = HeldDone),
              (status = 404, description = "No such host"),
              (status = 409, description = "None could be; code `host_state`, `not_understood`, `future` or `discarded`"))
)]
pub async fn release(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Body(ask): Body<HeldOrder>,
) -> Result<Json<HeldDone>, Problem> {
    let done = decide(&app, ask, Verdict::Released, caller.login).await?;
    app.counter.wake();
    Ok(done)
}

/// Discard batches
///
/// They never count, which cannot be undone; the bytes stay. Their time is shown as lost. Again changes nothing.
#[utoipa::path(
    post, path = "/v1/usage-held/discard", tag = "admin", request_body = HeldOrder,
    responses((status = 200, description = "What became of them", body = HeldDone),
              (status = 404, description = "No such host"))
)]
pub async fn discard(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Body(ask): Body<HeldOrder>,
) -> Result<Json<HeldDone>, Problem> {
    decide(&app, ask, Verdict::Discarded, caller.login).await
}

async fn decide(
    app: &AppState,
    ask: HeldOrder,
    verdict: Verdict,
    actor: String,
) -> Result<Json<HeldDone>, Problem> {
    let HeldOrder { host, epoch, seq, to_seq, reason } = ask;
    let to_seq = to_seq.unwrap_or(seq);
    if to_seq < seq {
        return Err(Problem::invalid(format!("to_seq {to_seq} is before seq {seq}")));
    }
    if reason.trim().is_empty() || reason.len() > TEXT_MAX_BYTES {
        return Err(Problem::invalid(format!("reason: say why, in at most {TEXT_MAX_BYTES} bytes")));
    }
    let name = host.clone();
    let order = Order { host, epoch, from_seq: seq, to_seq, verdict, reason, actor };
    let done = held::decide(&app.db, order, app.now_ms()).await.map_err(|e| match e {
        HeldError::MissingHost => Problem::not_found("host", &name),
        HeldError::Db(e) => e.into(),
    })?;
    if let (0, Some(why)) = (done.changed, &done.why) {
        return Err(Problem::conflict(why.code(), why.to_string()));
    }
    let why = done.why.map(|w| w.to_string());
    Ok(Json(HeldDone { changed: done.changed, refused: done.refused, why, next_seq: done.next_seq }))
}
