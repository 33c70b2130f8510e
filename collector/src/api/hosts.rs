//! Hosts and how they get in.

use super::degraded::Stretch;
use super::extract::{Body, Id};
use super::keys::HostKey;
use super::state::AppState;
use super::{Admin, Problem, Reader};
use crate::auth::Scope;
use crate::enroll::{Invitation, invite};
use crate::ingest::release::{self, Change, ReleaseError};
use crate::query::hosts;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use hostmeter_core::ids::HostName;
use hostmeter_core::units::rfc3339;
use serde::{Deserialize, Serialize};
use serde_json::Number;
use utoipa::ToSchema;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    use axum::routing::{get as read, post};
    axum::Router::new()
        .route("/v1/enrolment-tokens", post(make_token))
        .route("/v1/hosts", read(list))
        .route("/v1/hosts/{name}", read(get))
        .route("/v1/hosts/{name}/approve", post(approve))
        .route("/v1/hosts/{name}/thaw", post(thaw))
        .route("/v1/hosts/{name}/revoke", post(revoke))
}

/// Request for an enrolment token.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRequest {
    /// Name of the host.
    #[schema(value_type = String, example = "web1")]
    host: HostName,
    /// Live at once; else pending until it is approved.
    #[serde(default)]
    approve: bool,
    /// Give a host that exists a new key.
    #[serde(default)]
    replace: bool,
}

/// A single-use enrolment token.
#[derive(Debug, Serialize, ToSchema)]
pub struct TokenAnswer {
    /// `hm1.FINGERPRINT.SECRET`, shown this once.
    token: String,
    /// When it expires.
    expires: String,
}

/// Make an enrolment token
#[utoipa::path(
    post, path = "/v1/enrolment-tokens", tag = "admin", request_body = TokenRequest,
    responses((status = 201, description = "The token", body = TokenAnswer),
              (status = 409, description = "Code `host_exists`"))
)]
pub async fn make_token(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Body(ask): Body<TokenRequest>,
) -> Result<(StatusCode, Json<TokenAnswer>), Problem> {
    let invitation = Invitation { host: ask.host, approve: ask.approve, replace: ask.replace };
    let (token, expires_ms) = invite(&app, invitation, caller.login).await?;
    let answer = TokenAnswer { token: token.to_string(), expires: rfc3339(expires_ms) };
    Ok((StatusCode::CREATED, Json(answer)))
}

/// A host.
#[derive(Debug, Serialize, ToSchema)]
pub struct Host {
    /// Its name.
    id: String,
    /// `pending`, `live`, `frozen` or `revoked`.
    state: String,
    /// Its agent.
    agent: Agent,
    /// Epoch of its chain.
    epoch: i64,
    /// Highest number stored without a hole.
    durable_seq: i64,
    /// Seconds since the time up to which usage is known; null: no usage is known yet.
    lag_s: Option<i64>,
    /// Usage is known up to here.
    watermark: Option<String>,
    /// Last verified envelope.
    last_seen: Option<String>,
    /// Shares of the truth that the agent saw, 0 to 1; absent: not known.
    coverage: Coverage,
    /// Since when and why it is not metered in full; null: it is, or no usage is known.
    degraded: Option<Stretch>,
    /// Of the last interval: what neither accounts nor system explain of the busy time. Never billed.
    remainder: Remainder,
    /// Accounts on it.
    accounts: i64,
    /// Fingerprint of the key that it seals with.
    fingerprint: Option<String>,
    /// Its keys, the one that it seals with first; not in a list of hosts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    keys: Vec<HostKey>,
}

/// An agent.
#[derive(Debug, Serialize, ToSchema)]
pub struct Agent {
    /// Its version.
    version: Option<String>,
    /// `ebpf` or `proc`.
    tier: Option<String>,
    /// Its interval in seconds.
    #[schema(value_type = Option<f64>)]
    interval_s: Option<Number>,
    /// What it cannot see and why; empty: nothing.
    limited: String,
}

/// Shares of the truth, 0 to 1.
#[derive(Debug, Serialize, ToSchema)]
pub struct Coverage {
    /// Of the busy time, how much was seen at some process.
    #[serde(skip_serializing_if = "Option::is_none")]
    cpu: Option<f64>,
    /// Of the processes, how many gave their I/O counters.
    #[serde(skip_serializing_if = "Option::is_none")]
    io: Option<f64>,
    /// Of the processes, how many gave their memory.
    #[serde(skip_serializing_if = "Option::is_none")]
    memory: Option<f64>,
}

/// What is not explained of an interval.
#[derive(Debug, Serialize, ToSchema)]
pub struct Remainder {
    /// busy − accounts − system, signed, µs; null: could not be read.
    cpu_usec: Option<i64>,
    /// Busy time of the same interval, µs.
    busy_usec: Option<i64>,
    /// Start of the interval.
    from: Option<String>,
    /// Its end.
    to: Option<String>,
}

/// Hosts by name.
#[derive(Debug, Serialize, ToSchema)]
pub struct Hosts {
    /// All of them.
    hosts: Vec<Host>,
    /// Always null: they fit one page.
    next: Option<String>,
}

impl Coverage {
    /// From millionths: CPU, I/O, memory.
    pub(super) fn of(seen_ppm: [Option<i64>; 3]) -> Self {
        let share = |ppm: Option<i64>| ppm.and_then(|p| u32::try_from(p).ok()).map(|p| f64::from(p) / 1e6);
        let [cpu, io, memory] = seen_ppm.map(share);
        Self { cpu, io, memory }
    }
}

impl Host {
    /// As the API shows it at `now_ms`.
    pub(super) fn new(h: hosts::Host, now_ms: i64) -> Self {
        let totals = h.latest.as_ref().and_then(|i| i.totals.as_ref());
        Self {
            id: h.id,
            state: h.state,
            agent: Agent {
                version: h.agent_version,
                tier: h.tier,
                interval_s: h.interval_ms.and_then(seconds),
                limited: h.limited,
            },
            epoch: h.epoch,
            durable_seq: h.durable_seq,
            lag_s: h.watermark_ms.map(|w| now_ms.saturating_sub(w).max(0) / 1_000),
            watermark: h.watermark_ms.map(rfc3339),
            last_seen: h.last_seen_ms.map(rfc3339),
            coverage: Coverage::of(h.seen_ppm),
            degraded: h.degraded.map(Stretch::from),
            remainder: Remainder {
                cpu_usec: totals.and_then(|t| t.remainder_usec),
                busy_usec: totals.and_then(|t| t.busy_usec),
                from: h.latest.as_ref().map(|i| rfc3339(i.from_ms)),
                to: h.latest.as_ref().map(|i| rfc3339(i.to_ms)),
            },
            accounts: h.accounts,
            fingerprint: h.fingerprint,
            keys: h.keys.into_iter().map(|k| HostKey::new(k, now_ms)).collect(),
        }
    }
}

/// Whole seconds as a whole number, others with their part.
fn seconds(ms: i64) -> Option<Number> {
    if ms % 1_000 == 0 {
        return Some(Number::from(ms / 1_000));
    }
    i32::try_from(ms).ok().and_then(|ms| Number::from_f64(f64::from(ms) / 1e3))
}

/// List hosts
#[utoipa::path(get, path = "/v1/hosts", tag = "admin", responses((status = 200, description = "All hosts", body = Hosts)))]
pub async fn list(State(app): State<AppState>, Reader(caller): Reader) -> Result<Json<Hosts>, Problem> {
    let scope = caller.scope();
    let found = app.query(move |conn, store| hosts::list(conn, store, scope)).await?;
    let now_ms = app.now_ms();
    Ok(Json(Hosts { hosts: found.into_iter().map(|h| Host::new(h, now_ms)).collect(), next: None }))
}

/// Show a host
#[utoipa::path(
    get, path = "/v1/hosts/{name}", tag = "admin", params(("name" = String, Path, example = "web1")),
    responses((status = 200, description = "The host", body = Host), (status = 404, description = "No such host"))
)]
pub async fn get(
    State(app): State<AppState>,
    Reader(caller): Reader,
    Id(name): Id,
) -> Result<Json<Host>, Problem> {
    show(&app, caller.scope(), name).await
}

pub(super) async fn show(app: &AppState, scope: Scope, name: String) -> Result<Json<Host>, Problem> {
    let found = app.query(move |conn, store| hosts::get(conn, store, scope, &name)).await?;
    Ok(Json(Host::new(found, app.now_ms())))
}

async fn change(app: AppState, admin: Admin, name: String, what: Change) -> Result<Json<Host>, Problem> {
    let (scope, actor) = (admin.0.scope(), admin.0.login);
    let now_ms = app.now_ms();
    let changed = release::change(&app.db, &app.host_keys, name.clone(), what, actor, now_ms).await;
    changed.map_err(|e| match e {
        ReleaseError::Missing(_) => Problem::not_found("host", &name),
        ReleaseError::State { .. } => Problem::conflict("host_state", e.to_string()),
        ReleaseError::Db(e) => e.into(),
    })?;
    app.forwarder.wake();
    show(&app, scope, name).await
}

/// Approve a pending host
///
/// What was kept aside of it is counted.
#[utoipa::path(
    post, path = "/v1/hosts/{name}/approve", tag = "admin", params(("name" = String, Path)),
    responses((status = 200, description = "The host", body = Host), (status = 404, description = "No such host"),
              (status = 409, description = "Not pending"))
)]
pub async fn approve(State(app): State<AppState>, admin: Admin, Id(name): Id) -> Result<Json<Host>, Problem> {
    change(app, admin, name, Change::Approve).await
}

/// Thaw a frozen host
///
/// What was kept aside of it is counted; what contradicted it is not.
#[utoipa::path(
    post, path = "/v1/hosts/{name}/thaw", tag = "admin", params(("name" = String, Path)),
    responses((status = 200, description = "The host", body = Host), (status = 404, description = "No such host"),
              (status = 409, description = "Not frozen"))
)]
pub async fn thaw(State(app): State<AppState>, admin: Admin, Id(name): Id) -> Result<Json<Host>, Problem> {
    change(app, admin, name, Change::Thaw).await
}

/// Revoke a host
///
/// Its keys are not accepted any more. To let it in again, give it a new key.
#[utoipa::path(
    post, path = "/v1/hosts/{name}/revoke", tag = "admin", params(("name" = String, Path)),
    responses((status = 200, description = "The host", body = Host), (status = 404, description = "No such host"))
)]
pub async fn revoke(State(app): State<AppState>, admin: Admin, Id(name): Id) -> Result<Json<Host>, Problem> {
    change(app, admin, name, Change::Revoke).await
}
