//! Usage metered elsewhere, and whose an account is.

use super::body::need_idempotency_key;
use super::caller::Manager;
use super::extract::Body;
use super::money::visible;
use super::{Admin, AppState, Problem};
use crate::audit;
use crate::billing::imports::{Import, import};
use crate::billing::{BillingError, accounts, customers, lifecycle};
use crate::limits::IMPORT_MAX_BYTES;
use axum::Json;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{post, put};
use hostmeter_core::ids::{AccountId, CustomerId};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/v1/usage-import", post(import_usage).layer(DefaultBodyLimit::max(IMPORT_MAX_BYTES)))
        .route("/v1/accounts/{id}/customer", put(assign_account))
}

/// Adds usage metered elsewhere: all rows or none, once for the Idempotency-Key.
#[utoipa::path(post, path = "/v1/usage-import", tag = "usage", request_body = Import,
    responses((status = 200, body = Object), (status = 409, description = "the key was used for another import"),
              (status = 422, description = "a row is wrong; nothing was imported")))]
pub async fn import_usage(
    State(app): State<AppState>,
    Admin(_caller): Admin,
    headers: HeaderMap,
    Body(asked): Body<Import>,
) -> Result<Json<Value>, Problem> {
    let key = need_idempotency_key(&headers)?;
    let now_ms = app.now_ms();
    let (accepted, _) = app.db.write(move |tx| import(tx, &asked, &key, now_ms)).await?;
    Ok(Json(json!({"accepted": accepted})))
}

/// An account to be made.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddAccount {
    /// `user@host`; the host need not exist.
    #[schema(value_type = String)]
    id: AccountId,
    /// Its owner, also for earlier hours.
    #[schema(value_type = Option<String>)]
    customer: Option<CustomerId>,
}

/// Makes an account that no host has reported.
#[utoipa::path(post, path = "/v1/accounts", tag = "usage", request_body = AddAccount,
    responses((status = 201, body = Object), (status = 404, description = "no such customer"),
              (status = 409, description = "it exists already")))]
pub async fn add_account(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Body(asked): Body<AddAccount>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (now_ms, inner) = (app.now_ms(), app.clone());
    let (made, wake) = app
        .db
        .write(move |tx| -> Result<_, BillingError> {
            let owner = asked.customer.as_ref().map(|id| customers::get(tx, id)).transpose()?;
            let made = accounts::create(tx, &asked.id, owner.as_ref(), now_ms)?;
            let detail = asked.customer.as_ref().map_or("", |c| c.as_str());
            audit::write(tx, &caller.login, "account.add", made.id.as_str(), detail, now_ms)?;
            let wake = match &owner {
                Some(owner) => lifecycle::run_alone(tx, owner.row, &inner.billing.rules, now_ms)?,
                None => BTreeSet::new(),
            };
            let shown = json!({
                "id": made.id, "uid": null, "customer": asked.customer, "state": "active", "last_seen": null,
            });
            Ok((shown, wake))
        })
        .await?;
    app.billing.wake(&wake);
    Ok((StatusCode::CREATED, Json(made)))
}

/// Who is to pay.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignAccount {
    /// The customer's id.
    #[schema(value_type = String)]
    customer: CustomerId,
}

/// Gives an account to a customer from the next UTC hour.
#[utoipa::path(put, path = "/v1/accounts/{id}/customer", tag = "usage", request_body = AssignAccount, responses((status = 200, body = Object)))]
pub async fn assign_account(
    State(app): State<AppState>,
    Manager(caller): Manager,
    Path(id): Path<String>,
    Body(AssignAccount { customer }): Body<AssignAccount>,
) -> Result<Json<Value>, Problem> {
    let id = AccountId::parse(&id).map_err(|e| Problem::invalid(e.to_string()))?;
    let (now_ms, inner) = (app.now_ms(), app.clone());
    let (shown, wake) = app
        .db
        .write(move |tx| -> Result<_, Problem> {
            let account = match accounts::find(tx, &id)? {
                // A reseller gives accounts from one of its customers to another, or from and to itself.
                Some(account) if caller.scope().sees(tx, account.customer)? => account,
                _ => return Err(Problem::not_found("account", id.as_str())),
            };
            let owner = visible(tx, &caller, customer.as_str())?;
            let from = accounts::assign(tx, &account, &owner, now_ms)?;
            audit::write(tx, &caller.login, "account.assign", id.as_str(), customer.as_str(), now_ms)?;
            let rules = &inner.billing.rules;
            let mut wake = lifecycle::run_alone(tx, owner.row, rules, now_ms)?;
            if let Some(before) = account.customer.filter(|row| *row != owner.row) {
                wake.extend(lifecycle::run_alone(tx, before, rules, now_ms)?);
            }
            let from = (from != customers::FROM_START).then(|| from.to_string());
            Ok((json!({"account": id, "customer": customer, "from": from}), wake))
        })
        .await?;
    app.billing.wake(&wake);
    Ok(Json(shown))
}
