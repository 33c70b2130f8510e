//! What agents send: requests to enrol, and batches.

use super::Problem;
use super::state::{App, AppState};
use crate::enroll;
use crate::ingest::ack::{Standing, acknowledge};
use crate::ingest::admission::{Lane, is_overloaded};
use crate::ingest::chain::{self, Outcome, Status};
use crate::ingest::receive::{Payload, Received, Refused};
use crate::ingest::rooms::Room;
use crate::ingest::{KnownKey, verify};
use crate::limits::{BODY_TIME, DECODE_INLINE_BYTES, ENROLL_MAX_BYTES};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use hostmeter_core::limits::{ENVELOPE_HEADER_BYTES, ENVELOPE_MAX_BYTES};
use hostmeter_core::wire::envelope::{Domain, Header, OpenError};
use http_body_util::BodyExt;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    use axum::routing::post;
    axum::Router::new().route("/v1/enroll", post(enroll)).route("/v1/batches", post(batches))
}

/// Sealed bytes as an answer.
pub(super) fn sealed(bytes: Vec<u8>) -> Response {
    ([(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"))], bytes).into_response()
}

/// Enrol a host
///
/// Takes a sealed request with a single-use token and the host's fresh key; answers with a sealed answer that names
/// the host's identity and this collector's keys. The same token with the same key gets the first answer again.
#[utoipa::path(
    post, path = "/v1/enroll", tag = "agents", security(()),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "Sealed answer", content_type = "application/octet-stream"),
              (status = 401, description = "The token is unknown, used or expired"))
)]
pub async fn enroll(State(app): State<AppState>, request: Request) -> Result<Response, Problem> {
    check_length(request.headers(), ENROLL_MAX_BYTES)?;
    let body = request.into_body();
    let read = tokio::time::timeout(BODY_TIME, axum::body::to_bytes(body, ENROLL_MAX_BYTES)).await;
    let bytes = read.map_err(|_| slow())?.map_err(|_| too_large(ENROLL_MAX_BYTES))?;
    Ok(sealed(enroll::enroll(&app, &bytes).await?))
}

/// Deliver a batch
///
/// Takes a sealed batch. It is verified, deduplicated by host, epoch and number, and stored in one transaction; then
/// comes a sealed acknowledgement. Hour totals follow within two seconds, exactly once. A batch that was stored before is acknowledged again.
#[utoipa::path(
    post, path = "/v1/batches", tag = "agents", security(()),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "Sealed acknowledgement", content_type = "application/octet-stream"),
              (status = 401, description = "Key unknown, revoked, of another host, or the signature is wrong"),
              (status = 409, description = "Code `want` (field `want` has the number), `resume` or `fork`"),
              (status = 413, description = "Larger than an envelope can be"),
              (status = 503, description = "Overloaded: try again after Retry-After"))
)]
pub async fn batches(State(app): State<AppState>, request: Request) -> Result<Response, Problem> {
    let result = deliver(&app, request).await;
    if let Err(problem) = &result {
        match problem.status {
            StatusCode::CONFLICT => app.metrics.conflict.add(),
            StatusCode::SERVICE_UNAVAILABLE => app.metrics.overloaded.add(),
            _ => app.metrics.refused.add(),
        }
    }
    result
}

async fn deliver(app: &AppState, request: Request) -> Result<Response, Problem> {
    check_length(request.headers(), ENVELOPE_MAX_BYTES)?;
    let read = tokio::time::timeout(BODY_TIME, read_envelope(app, Domain::Batch, request.into_body())).await;
    let (key, header, bytes, _room) = read.map_err(|_| slow())??;
    let lane = Lane::of_batch(&header, app.now_ms());
    if is_overloaded(&app.counter, lane) {
        let detail = "too many batches wait to be counted; try again in a few seconds";
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail));
    }
    // Only now: a body that dribbles in holds up nobody.
    let _turn = app.admission.turn(lane).await.map_err(|_| busy())?;
    let received = open(app, key, header, bytes).await?;
    let has_outcomes = matches!(&received.payload, Payload::Batch(b) if !b.outcomes.is_empty());
    let outcome = store(app, received).await;
    if has_outcomes {
        app.billing.outcomes_stored();
    }
    answer(app, outcome?, &header, app.now_ms())
}

/// Checks the body and reads it. A small one at once: handing it to another thread would cost more.
async fn open(app: &App, key: KnownKey, header: Header, bytes: Vec<u8>) -> Result<Received, Problem> {
    if header.inflated_len <= DECODE_INLINE_BYTES {
        return Received::open(key, header, bytes).map_err(|e| refused(&e));
    }
    let _turn = app.decodes.acquire().await.map_err(|e| Problem::internal(&e))?;
    let open = tokio::task::spawn_blocking(move || Received::open(key, header, bytes));
    open.await.map_err(|e| Problem::internal(&e))?.map_err(|e| refused(&e))
}

/// Stores an envelope; its batch waits in memory for the counter, if it counts.
async fn store(app: &AppState, received: Received) -> Result<Outcome, Problem> {
    let (hash, now_ms) = (received.header.hash, app.now_ms());
    if let Payload::Batch(batch) = &received.payload {
        app.counter.fresh.put(hash, batch);
    }
    let record = crate::billing::record_outcome;
    let outcome = app.db.write(move |tx| chain::store(tx, &received, record, now_ms)).await;
    match outcome {
        Ok(Outcome::Stored(_, Status::Billed)) => app.counter.wake(),
        _ => drop(app.counter.fresh.take(&hash)),
    }
    Ok(outcome?)
}

/// Reads the header, verifies it, and only then makes room for as much as it announces, and reads that.
pub(super) async fn read_envelope<'a>(
    app: &'a App,
    domain: Domain,
    mut body: Body,
) -> Result<(KnownKey, Header, Vec<u8>, Room<'a>), Problem> {
    let mut bytes = Vec::new();
    let mut verified: Option<(KnownKey, Header, Room<'a>)> = None;
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|e| Problem::bad_request(format!("the body broke off: {e}")))?;
        let Ok(data) = frame.into_data() else { continue };
        bytes.extend_from_slice(&data);
        if verified.is_none() && bytes.len() >= ENVELOPE_HEADER_BYTES {
            let now_ms = app.now_ms();
            let (key, header) = verify(&bytes, domain, &app.host_keys, now_ms).map_err(|e| refused(&e))?;
            let lane = if domain == Domain::Batch { Lane::of_batch(&header, now_ms) } else { Lane::Resume };
            let room = app.rooms.enter(key.host, header.stored_len, lane).await.map_err(|_| no_room())?;
            bytes.reserve(header.stored_len);
            verified = Some((key, header, room));
        }
        let stored = verified.as_ref().map_or(0, |(_, h, _)| h.stored_len);
        let max = ENVELOPE_HEADER_BYTES.saturating_add(stored);
        if bytes.len() > max {
            return Err(refused(&Refused::Form(OpenError::Trailing(bytes.len().saturating_sub(max)))));
        }
    }
    let short = || OpenError::Short { got: bytes.len(), want: ENVELOPE_HEADER_BYTES };
    let (key, header, room) = verified.ok_or_else(|| refused(&Refused::Form(short())))?;
    Ok((key, header, bytes, room))
}

fn no_room() -> Problem {
    let detail =
        "this host or all hosts together have too many batches on their way; try again in a few seconds";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail)
}

pub(super) fn busy() -> Problem {
    let detail = "too many hosts are being served; try again in a few seconds";
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "overloaded", detail)
}

pub(super) fn answer(app: &App, outcome: Outcome, header: &Header, now_ms: i64) -> Result<Response, Problem> {
    let ack = |standing: &Standing| {
        let archived_seq = app.archived.seq(standing);
        let bytes = acknowledge(&app.keys, standing, archived_seq, header.hash, now_ms)
            .map_err(|e| Problem::internal(&e))?;
        Ok(sealed(bytes))
    };
    match outcome {
        Outcome::Stored(standing, status) => {
            match status {
                Status::Billed => app.metrics.billed.add(),
                Status::Aside => app.metrics.aside.add(),
                Status::Quarantined => app.metrics.quarantined.add(),
            }
            ack(&standing)
        }
        Outcome::Again(standing) => {
            app.metrics.again.add();
            ack(&standing)
        }
        Outcome::Want(seq) => {
            let detail = format!("envelope {seq} is missing; send it and those after it");
            Err(Problem::conflict("want", detail).with("want", seq))
        }
        Outcome::Resume => {
            Err(Problem::conflict("resume", "this epoch was never granted here; ask where the host stands"))
        }
        Outcome::Fork => {
            let detail = "this contradicts what is stored: two copies of the host send; it is frozen until an admin thaws it";
            Err(Problem::conflict("fork", detail))
        }
        Outcome::Revoked => {
            let detail = "this host was revoked; enrol it again with a new token";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "revoked", detail))
        }
    }
}

pub(super) fn refused(why: &Refused) -> Problem {
    let (status, code) = match why {
        Refused::UnknownKey(_) => (StatusCode::UNAUTHORIZED, "unknown_key"),
        Refused::Replaced { .. } => (StatusCode::UNAUTHORIZED, "key_replaced"),
        Refused::OtherHost { .. } => (StatusCode::UNAUTHORIZED, "wrong_host"),
        Refused::Signature => (StatusCode::UNAUTHORIZED, "bad_signature"),
        Refused::Form(OpenError::TooLarge { .. }) => (StatusCode::PAYLOAD_TOO_LARGE, "too_large"),
        Refused::Form(_) | Refused::Payload(_) => (StatusCode::BAD_REQUEST, "bad_envelope"),
    };
    Problem::new(status, code, why.to_string())
}

/// What a request announces is refused before any of it is read.
pub(super) fn check_length(headers: &HeaderMap, max: usize) -> Result<(), Problem> {
    let announced =
        headers.get(CONTENT_LENGTH).and_then(|v| v.to_str().ok()).and_then(|v| v.parse::<u64>().ok());
    if announced.is_some_and(|n| usize::try_from(n).map_or(true, |n| n > max)) {
        return Err(too_large(max));
    }
    Ok(())
}

fn too_large(max: usize) -> Problem {
    let detail = format!("the body is larger than the {max} bytes allowed here");
    Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail)
}

pub(super) fn slow() -> Problem {
    let detail = format!("the body did not arrive within {} s", BODY_TIME.as_secs());
    Problem::new(StatusCode::REQUEST_TIMEOUT, "slow_body", detail)
}
