//! Billing zones, accounts that move to another host, and months replayed under a draft of a plan.

use super::caller::Manager;
use super::extract::{Body, Params};
use super::money::plan_of;
use super::resellers::managed;
use super::{Admin, AppState, Problem, Reader};
use crate::audit;
use crate::billing::replay::{Replay, replay};
use crate::billing::{BillingError, accounts, customers, lifecycle};
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::routing::{post, put};
use hostmeter_core::ids::{AccountId, HostName};
use hostmeter_core::rating::BillingMonth;
use serde_json::{Value, json};

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/v1/customers/{id}/billing-zone", put(change_zone))
        .route("/v1/accounts/{id}/move", post(move_account))
        .route("/v1/plan-replay", post(replay_plan))
}

/// Which zone.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangeZone {
    /// Name in the IANA database, for example `Europe/Riga`.
    billing_zone: String,
}

/// Changes the zone of a customer's billing months from the next one on: the old month ends in the old zone.
#[utoipa::path(put, path = "/v1/customers/{id}/billing-zone", tag = "money", request_body = ChangeZone, responses((status = 200, body = Object)))]
pub async fn change_zone(
    State(app): State<AppState>,
    Manager(caller): Manager,
    Path(id): Path<String>,
    Body(ChangeZone { billing_zone }): Body<ChangeZone>,
) -> Result<Json<Value>, Problem> {
    let now_ms = app.now_ms();
    app.db
        .write(move |tx| -> Result<_, Problem> {
            let customer = managed(tx, &caller, &id)?;
            let from = customers::change_zone(tx, &customer, &billing_zone, now_ms)?;
            if customer.billing_zone != billing_zone {
                audit::write(
                    tx,
                    &caller.login,
                    "customer.zone",
                    customer.id.as_str(),
                    &billing_zone,
                    now_ms,
                )?;
            }
            let from = (from != customers::FROM_START).then(|| from.to_string());
            Ok(Json(json!({"customer": customer.id, "billing_zone": billing_zone, "from": from})))
        })
        .await
}

/// Where to.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveAccount {
    /// Name of the host on which the same user goes on.
    #[schema(value_type = String)]
    host: HostName,
}

/// Lets an account's bill go on at another host from the next UTC hour: allowances and the day's fee are counted on.
#[utoipa::path(post, path = "/v1/accounts/{id}/move", tag = "usage", request_body = MoveAccount,
    responses((status = 200, body = Object), (status = 409, description = "the account there has a bill of its own, or this one has none")))]
pub async fn move_account(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    Body(MoveAccount { host }): Body<MoveAccount>,
) -> Result<Json<Value>, Problem> {
    let id = AccountId::parse(&id).map_err(|e| Problem::invalid(e.to_string()))?;
    let (now_ms, inner) = (app.now_ms(), app.clone());
    let (shown, wake) = app
        .db
        .write(move |tx| -> Result<_, BillingError> {
            let account = accounts::get(tx, &id)?;
            let (there, from) = accounts::move_to_host(tx, &account, &host, now_ms)?;
            audit::write(tx, &caller.login, "account.move", id.as_str(), there.id.as_str(), now_ms)?;
            let mut wake = std::collections::BTreeSet::new();
            if let Some(owner) = there.customer {
                wake = lifecycle::run_alone(tx, owner, &inner.billing.rules, now_ms)?;
            }
            let from = (from != customers::FROM_START).then(|| from.to_string());
            Ok((json!({"account": there.id, "moved_from": id, "from": from}), wake))
        })
        .await?;
    app.billing.wake(&wake);
    Ok(Json(shown))
}

/// Which month.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReplayParams {
    /// `2026-10`; absent: the last month that is over (UTC).
    month: Option<String>,
}

/// What every customer would have paid for a month under the plan file in the body. Nothing is stored.
#[utoipa::path(post, path = "/v1/plan-replay", tag = "money", params(ReplayParams), request_body = String, responses((status = 200, body = Replay)))]
pub async fn replay_plan(
    State(app): State<AppState>,
    _reader: Reader,
    Params(p): Params<ReplayParams>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Replay>, Problem> {
    let draft = plan_of(&headers, &body)?;
    let currency = app.billing.rules.currency;
    if draft.currency() != currency {
        let why = format!("the plan is in {}, but the books are kept in {currency}", draft.currency());
        return Err(Problem::invalid(why));
    }
    let month = match &p.month {
        Some(text) => BillingMonth::parse(text).map_err(|e| Problem::invalid(format!("month: {e}")))?,
        None => BillingMonth::before(app.now_ms()).map_err(BillingError::from)?,
    };
    app.db.read(move |conn| Ok(Json(replay(conn, &draft, month)?))).await
}
