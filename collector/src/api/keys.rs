//! Keys of hosts: a new one in place of an old one, and the end of an old one.

use super::batches::{check_length, read_envelope, refused, sealed, slow};
use super::hosts::Host;
use super::state::{App, AppState};
use super::{Admin, Problem};
use crate::ingest::HostKeys;
use crate::ingest::ack::stamp;
use crate::ingest::rotate::{self, Answer, Asked, RevokeKeyError};
use crate::limits::{BODY_TIME, ROTATE_MAX_BYTES};
use crate::query::keys::Key;
use axum::Json;
use axum::extract::{Path, Request, State};
use axum::http::StatusCode;
use axum::response::Response;
use hostmeter_core::ids::KeyId;
use hostmeter_core::units::rfc3339;
use hostmeter_core::wire::VERSION;
use hostmeter_core::wire::envelope::{Domain, seal};
use hostmeter_core::wire::key::{Hash, unhex};
use hostmeter_core::wire::keys::Rotated;
use serde::Serialize;
use std::sync::Arc;
use utoipa::ToSchema;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    use axum::routing::post;
    axum::Router::new()
        .route("/v1/keys", post(rotate))
        .route("/v1/hosts/{name}/keys/{key}/revoke", post(revoke_key))
}

/// A key of a host.
#[derive(Debug, Serialize, ToSchema)]
pub struct HostKey {
    /// First 8 bytes of the SHA-256 of the key, as in envelopes.
    id: String,
    /// What people compare.
    fingerprint: String,
    /// `current`; `overlap`: replaced and still accepted; `replaced`: only batches up to `end` are; `revoked`.
    state: &'static str,
    /// Accepted since.
    since: String,
    /// Until when it is accepted, if it was replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<String>,
    /// Id of the key in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    replaced_by: Option<String>,
    /// The last batch that it sealed, as the host says.
    #[serde(skip_serializing_if = "Option::is_none")]
    end: Option<KeyLast>,
}

/// A batch's place.
#[derive(Debug, Serialize, ToSchema)]
pub struct KeyLast {
    /// Epoch.
    epoch: i64,
    /// Number.
    seq: i64,
}

impl HostKey {
    /// As the API shows it at `now_ms`.
    pub(super) fn new(key: Key, now_ms: i64) -> Self {
        Self {
            state: key.state(now_ms),
            id: key.id.to_string(),
            fingerprint: key.fingerprint,
            since: rfc3339(key.since_ms),
            until: key.replaced.map(|(_, until_ms)| rfc3339(until_ms)),
            replaced_by: key.replaced.map(|(by, _)| by.to_string()),
            end: key.end.map(|(epoch, seq)| KeyLast { epoch, seq }),
        }
    }
}

/// Replace a host's key
///
/// Takes a sealed request that is signed by the host's key and by the new one. From then on both are accepted for seven
/// days; after them only those batches of the old key are, up to the last one that it sealed, which a second request
/// names. The same request gets the same answer, for ever.
#[utoipa::path(
    post, path = "/v1/keys", tag = "agents", security(()),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "Sealed answer", content_type = "application/octet-stream"),
              (status = 401, description = "Key unknown, revoked, of another host, or one of both signatures is wrong"),
              (status = 409, description = "Code `key_replaced` (by another key), `key_known` or `too_many_keys`"),
              (status = 503, description = "Overloaded: try again after Retry-After"))
)]
pub async fn rotate(State(app): State<AppState>, request: Request) -> Result<Response, Problem> {
    check_length(request.headers(), ROTATE_MAX_BYTES)?;
    let read = tokio::time::timeout(BODY_TIME, read_envelope(&app, Domain::Keys, request.into_body())).await;
    let (known, header, bytes, _room) = read.map_err(|_| slow())??;
    let asked = Asked::open(&known, &header, &bytes).map_err(|e| refused(&e))?;
    let (now_ms, mine) = (app.now_ms(), asked.clone());
    let answer = app.db.write(move |tx| rotate::accept(tx, &mine, now_ms)).await?;
    let refuse = |code, detail: &str| Err(Problem::conflict(code, detail));
    match answer {
        Answer::Done { since_ms, until_ms } => {
            reload(&app).await?;
            done(&app, &asked, (since_ms, until_ms))
        }
        Answer::Revoked => {
            let detail = "this host, or one of both keys, was revoked; enrol it again with a new token";
            Err(Problem::new(StatusCode::UNAUTHORIZED, "revoked", detail))
        }
        Answer::OtherSuccessor => refuse(
            "key_replaced",
            "another key took the place of this one; a host that was put back from before that needs a new key: \
             hostmeter host add NAME --replace",
        ),
        Answer::Known => refuse("key_known", "the new key was used before; a host goes on with a fresh key"),
        Answer::TooMany => refuse(
            "too_many_keys",
            "too many keys of this host are accepted; wait until the overlap of older ones ends, or revoke them",
        ),
    }
}

async fn reload(app: &App) -> Result<(), Problem> {
    let keys = Arc::clone(&app.host_keys);
    Ok(app.db.read(move |conn| HostKeys::reload(&keys, conn)).await?)
}

/// Nothing in it depends on the moment: asked again, it is the same bytes.
fn done(app: &App, asked: &Asked, (since_ms, old_until_ms): (i64, i64)) -> Result<Response, Problem> {
    let new_key = asked.rotate.new_key;
    let answer = Rotated { v: VERSION, new_key, since_ms, old_until_ms, request_hash: Hash(asked.hash) };
    let payload = answer.encode().map_err(|e| Problem::internal(&e))?;
    let stamp = stamp(Domain::Keys, asked.uuid, 0, 0, since_ms);
    let bytes = seal(&stamp, &payload, &app.keys.identity).map_err(|e| Problem::internal(&e))?;
    Ok(sealed(bytes))
}

/// Revoke a replaced key
///
/// It is not accepted any more from now on, whatever is left of its overlap. Batches that only it signed and that are not
/// stored yet are lost with it: they are refused. The key that the host seals with is revoked with the host.
#[utoipa::path(
    post, path = "/v1/hosts/{name}/keys/{key}/revoke", tag = "admin",
    params(("name" = String, Path), ("key" = String, Path, example = "00112233aabbccdd")),
    responses((status = 200, description = "The host", body = Host), (status = 404, description = "No such host or key"),
              (status = 409, description = "Code `current_key`: the host seals with it"))
)]
pub async fn revoke_key(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path((name, key)): Path<(String, String)>,
) -> Result<Json<Host>, Problem> {
    let (scope, actor, now_ms) = (caller.scope(), caller.login, app.now_ms());
    let missing = || Problem::not_found("key", &key);
    let id = KeyId(unhex(&key).ok_or_else(missing)?);
    let host = name.clone();
    let done = app.db.write(move |tx| rotate::revoke_key(tx, &host, id, &actor, now_ms)).await;
    done.map_err(|e| match e {
        RevokeKeyError::MissingHost => Problem::not_found("host", &name),
        RevokeKeyError::MissingKey => missing(),
        RevokeKeyError::Current => Problem::conflict("current_key", e.to_string()),
        RevokeKeyError::Db(e) => e.into(),
    })?;
    reload(&app).await?;
    super::hosts::show(&app, scope, name).await
}
