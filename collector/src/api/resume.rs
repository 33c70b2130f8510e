//! What agents say after a loss: numbers that are gone, and where they stand.

use super::Problem;
use super::batches::{answer, busy, check_length, read_envelope, refused, sealed, slow};
use super::state::{App, AppState};
use crate::ingest::ack::stamp;
use crate::ingest::admission::Lane;
use crate::ingest::gap::{self, ReceivedGap};
use crate::ingest::resume::{self, Answer, Asked, Place};
use crate::ingest::rooms::Room;
use crate::limits::{BODY_TIME, RETRY_AFTER_SEC};
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use hostmeter_core::limits::ENVELOPE_MAX_BYTES;
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::envelope::{Domain, Header, seal};
use hostmeter_core::wire::key::Hash;
use hostmeter_core::wire::resume::Resumed;
use std::sync::Arc;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    use axum::routing::post;
    axum::Router::new().route("/v1/gaps", post(gaps)).route("/v1/resume", post(resume))
}

/// Say that batches are lost
///
/// Takes a sealed word of numbers that the host's spool does not hold any more. As far as they are not stored, the chain
/// goes on after them, and the time is shown as lost. Answers as to a batch.
#[utoipa::path(
    post, path = "/v1/gaps", tag = "agents", security(()),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "Sealed acknowledgement", content_type = "application/octet-stream"),
              (status = 401, description = "Key unknown, revoked, of another host, or the signature is wrong"),
              (status = 409, description = "Code `want` (field `want` has the number), `resume` or `fork`"),
              (status = 503, description = "Overloaded: try again after Retry-After"))
)]
pub async fn gaps(State(app): State<AppState>, request: Request) -> Result<Response, Problem> {
    let (host, header, bytes, _room) = read(&app, Domain::Gap, request).await?;
    let _turn = app.admission.turn(Lane::Resume).await.map_err(|_| busy())?;
    let received = ReceivedGap::open(host, header, bytes).map_err(|e| refused(&e))?;
    let now_ms = app.now_ms();
    let outcome = app.db.write(move |tx| gap::store(tx, &received, now_ms)).await?;
    answer(&app, outcome, &header, now_ms)
}

/// Ask where to go on
///
/// A host asks after every start, with the numbers and hashes of what it holds. The sealed answer says how far that is
/// stored, and under which epoch the host goes on: a new one, if the host has older state than the collector (it was
/// restored from a backup) and the old epoch was silent for 15 minutes. The same nonce gets the same answer.
#[utoipa::path(
    post, path = "/v1/resume", tag = "agents", security(()),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "Sealed answer", content_type = "application/octet-stream"),
              (status = 401, description = "Key unknown, revoked, of another host, or the signature is wrong"),
              (status = 409, description = "Code `older` (name older ones), `wait` (field `wait_ms` says how long), `stale` (ask again naming `collector_ms`) or `fork`"),
              (status = 503, description = "Overloaded: try again after Retry-After"))
)]
pub async fn resume(State(app): State<AppState>, request: Request) -> Result<Response, Problem> {
    let (host, header, bytes, _room) = read(&app, Domain::Resume, request).await?;
    let _turn = app.admission.turn(Lane::Resume).await.map_err(|_| busy())?;
    let asked = Arc::new(Asked::open(host, header, &bytes).map_err(|e| refused(&e))?);
    let now_ms = app.now_ms();
    let decide = || {
        let asked = Arc::clone(&asked);
        app.db.write(move |tx| resume::answer(tx, &asked, now_ms))
    };
    let mut answer = decide().await?;
    if answer == Answer::Uncounted {
        app.settle().await?;
        answer = decide().await?;
    }
    match answer {
        Answer::Uncounted => {
            let detail = "not all that this host sent is counted yet; ask again in a few seconds";
            Err(Problem::conflict("wait", detail).with("wait_ms", RETRY_AFTER_SEC.saturating_mul(1_000)))
        }
        Answer::GoOn(place) => go_on(&app, &place, &header, now_ms),
        Answer::Older => Err(Problem::conflict("older", "none of these is stored here; name older ones")),
        Answer::Stale => {
            let detail = "this may be an old question that somebody kept; ask again and name `collector_ms`";
            Err(Problem::conflict("stale", detail).with("collector_ms", now_ms))
        }
        Answer::Wait(ms) => {
            let detail = format!(
                "this host has older state than it had; it may go on by itself if nothing more comes from it for {} s",
                ms.saturating_add(999) / 1_000
            );
            Err(Problem::conflict("wait", detail).with("wait_ms", ms))
        }
        Answer::Fork => {
            let detail = "this host has gone further elsewhere: two copies of it run; it is frozen until an admin thaws it";
            Err(Problem::conflict("fork", detail))
        }
        Answer::Revoked => {
            let detail = "this host was revoked; enrol it again with a new token";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "revoked", detail))
        }
    }
}

/// Reads and verifies an envelope; the host's row comes with it, and the room that it takes.
async fn read(
    app: &App,
    domain: Domain,
    request: Request,
) -> Result<(i64, Header, Vec<u8>, Room<'_>), Problem> {
    check_length(request.headers(), ENVELOPE_MAX_BYTES)?;
    let read = tokio::time::timeout(BODY_TIME, read_envelope(app, domain, request.into_body())).await;
    let (key, header, bytes, room) = read.map_err(|_| slow())??;
    Ok((key.host, header, bytes, room))
}

fn go_on(app: &App, place: &Place, header: &Header, now_ms: i64) -> Result<Response, Problem> {
    let resumed = Resumed {
        v: VERSION,
        epoch: place.epoch,
        stored_seq: place.stored_seq,
        watermark_ms: place.watermark_ms,
        state: place.state,
        collector_ms: now_ms,
        request_hash: Hash(header.hash),
    };
    let payload = resumed.encode().map_err(|e| Problem::internal(&e))?;
    let stamp = stamp(Domain::Resume, place.host, place.epoch, place.stored_seq, now_ms);
    let bytes = seal(&stamp, &payload, &app.keys.identity).map_err(|e| Problem::internal(&e))?;
    Ok(sealed(bytes))
}
