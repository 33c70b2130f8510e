//! What staff orders by hand, what happened to a customer, and the breaker.

use super::body::PageQuery;
use super::extract::{Body, Params};
use super::money::visible;
use super::{Admin, AppState, Problem, Reader};
use crate::audit;
use crate::auth::Caller;
use crate::billing::BillingError;
use crate::billing::commands::{BreakerState, breaker_state, reset_breaker};
use crate::billing::lifecycle::{self, StaffAction, set_hold, staff};
use crate::limits::REASON_MAX_CHARS;
use axum::Json;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use hostmeter_core::ids::{AccountId, CustomerId};
use serde_json::{Value, json};

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/v1/accounts/{id}/suspend", post(suspend))
        .route("/v1/accounts/{id}/resume", post(resume))
        .route("/v1/accounts/{id}/delete", post(delete))
        .route("/v1/accounts/{id}/undelete", post(undelete))
        .route("/v1/customers/{id}/hold", post(hold))
        .route("/v1/customers/{id}/events", get(events))
        .route("/v1/breaker", get(show_breaker))
        .route("/v1/breaker/reset", post(breaker_reset))
}

/// Why staff acts.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Why {
    /// Shown with the command; absent: "by staff".
    pub(crate) reason: Option<String>,
}

async fn order(
    app: AppState,
    caller: Caller,
    id: String,
    action: StaffAction,
    Why { reason }: Why,
) -> Result<Json<Value>, Problem> {
    let reason = reason.unwrap_or_else(|| "by staff".to_owned());
    if reason.chars().count() > REASON_MAX_CHARS || reason.chars().any(char::is_control) {
        let why = format!("`reason` has at most {REASON_MAX_CHARS} characters and no control characters");
        return Err(Problem::invalid(why));
    }
    let id = AccountId::parse(&id).map_err(|e| Problem::invalid(e.to_string()))?;
    let (now_ms, inner) = (app.now_ms(), app.clone());
    let (shown, wake) = app
        .db
        .write(move |tx| -> Result<_, BillingError> {
            let wake = staff(tx, &id, action, &reason, &inner.billing.rules, now_ms)?;
            audit::write(tx, &caller.login, action.audited(), id.as_str(), &reason, now_ms)?;
            let account = crate::billing::accounts::get(tx, &id)?;
            let done = account.done_generation == account.generation;
            let shown = json!({
                "account": id, "desired": account.desired, "generation": account.generation, "done": done,
            });
            Ok((shown, wake))
        })
        .await?;
    app.billing.wake(&wake);
    Ok(Json(shown))
}

/// Suspends an account, whatever its balance; only staff lifts it.
#[utoipa::path(post, path = "/v1/accounts/{id}/suspend", tag = "lifecycle", request_body = Why, responses((status = 200, body = Object)))]
pub async fn suspend(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    Body(why): Body<Why>,
) -> Result<Json<Value>, Problem> {
    order(app, caller, id, StaffAction::Suspend, why).await
}

/// Lifts a suspension by staff.
#[utoipa::path(post, path = "/v1/accounts/{id}/resume", tag = "lifecycle", request_body = Why, responses((status = 200, body = Object)))]
pub async fn resume(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    Body(why): Body<Why>,
) -> Result<Json<Value>, Problem> {
    order(app, caller, id, StaffAction::Resume, why).await
}

/// Archives an account and moves it into the quarantine.
#[utoipa::path(post, path = "/v1/accounts/{id}/delete", tag = "lifecycle", request_body = Why, responses((status = 200, body = Object)))]
pub async fn delete(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    Body(why): Body<Why>,
) -> Result<Json<Value>, Problem> {
    order(app, caller, id, StaffAction::Delete, why).await
}

/// Calls a deletion off, or brings the account back from the quarantine.
#[utoipa::path(post, path = "/v1/accounts/{id}/undelete", tag = "lifecycle", request_body = Why, responses((status = 200, body = Object)))]
pub async fn undelete(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    Body(why): Body<Why>,
) -> Result<Json<Value>, Problem> {
    order(app, caller, id, StaffAction::Undelete, why).await
}

/// Whether to hold.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Hold {
    /// `true`: no suspension and no deletion until it is cleared.
    pub(crate) hold: bool,
}

/// Sets or clears a customer's hold.
#[utoipa::path(post, path = "/v1/customers/{id}/hold", tag = "lifecycle", request_body = Hold, responses((status = 200, body = Object)))]
pub async fn hold(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    Body(Hold { hold }): Body<Hold>,
) -> Result<Json<Value>, Problem> {
    let id = CustomerId::parse(&id).map_err(|e| Problem::invalid(e.to_string()))?;
    let (now_ms, inner, named) = (app.now_ms(), app.clone(), id.clone());
    let wake = app
        .db
        .write(move |tx| -> Result<_, BillingError> {
            let word = if hold { "hold.set" } else { "hold.cleared" };
            audit::write(tx, &caller.login, word, named.as_str(), "", now_ms)?;
            set_hold(tx, &named, hold, &inner.billing.rules, now_ms)
        })
        .await?;
    app.billing.wake(&wake);
    Ok(Json(json!({"customer": id, "hold": hold})))
}

/// What happened to a customer, newest first.
#[utoipa::path(get, path = "/v1/customers/{id}/events", tag = "lifecycle", params(PageQuery), responses((status = 200, body = Object)))]
pub async fn events(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageQuery>,
) -> Result<Json<Value>, Problem> {
    let (before, rows) = (page.number()?.unwrap_or(i64::MAX), page.rows());
    app.db
        .read(move |conn| {
            let customer = visible(conn, &caller, &id)?;
            let mut found = lifecycle::events(conn, customer.row, before, rows.saturating_add(1))?;
            let more = found.len() > rows;
            found.truncate(rows);
            let next = found.last().filter(|_| more).map(|e| e.id.to_string());
            Ok(Json(json!({"events": found, "next": next})))
        })
        .await
}

/// How far the breaker is.
#[utoipa::path(get, path = "/v1/breaker", tag = "lifecycle", responses((status = 200, body = BreakerState)))]
pub async fn show_breaker(
    State(app): State<AppState>,
    _reader: Reader,
) -> Result<Json<BreakerState>, Problem> {
    let (now_ms, limits) = (app.now_ms(), app.billing.rules.breaker);
    app.db.read(move |conn| Ok(Json(breaker_state(conn, limits, now_ms)?))).await
}

/// Lets held commands go out again.
#[utoipa::path(post, path = "/v1/breaker/reset", tag = "lifecycle", responses((status = 200, body = BreakerState)))]
pub async fn breaker_reset(
    State(app): State<AppState>,
    Admin(caller): Admin,
) -> Result<Json<BreakerState>, Problem> {
    let (now_ms, limits) = (app.now_ms(), app.billing.rules.breaker);
    let state = app
        .db
        .write(move |tx| -> Result<_, BillingError> {
            reset_breaker(tx, now_ms)?;
            audit::write(tx, &caller.login, "breaker.reset", "", "", now_ms)?;
            breaker_state(tx, limits, now_ms)
        })
        .await?;
    app.billing.outcomes_stored();
    Ok(Json(state))
}
