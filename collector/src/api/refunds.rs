//! Money that goes back out.

use super::body::need_idempotency_key;
use super::caller::Manager;
use super::extract::Body;
use super::money::visible;
use super::resellers::{check_books, managed_books, request_key};
use super::{AppState, Problem};
use crate::audit;
use crate::auth::Caller;
use crate::billing::lifecycle;
use crate::billing::refund::{self, Refund, Refundable, refundable};
use crate::billing::topup::{Booked, Outcome};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use hostmeter_core::money::Money;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/v1/customers/{id}/refunds", post(refund))
        .route("/v1/customers/{id}/refundable", get(show_refundable))
}

/// Money that went back.
#[derive(Clone, serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskRefund {
    /// How much, a decimal string above zero.
    #[schema(value_type = String)]
    pub amount: Money,
    /// Through which gateway the payment came, for example `manual`.
    pub gateway: String,
    /// The gateway's reference of the payment.
    pub payment: String,
    /// The gateway's reference of the refund.
    pub refund: String,
    /// Why; kept for ever and shown to the customer.
    pub reason: String,
}

/// Books a refund, once for its Idempotency-Key and once for its gateway and reference.
#[utoipa::path(post, path = "/v1/customers/{id}/refunds", tag = "money", request_body = AskRefund,
    responses((status = 201, body = Booked), (status = 200, body = Booked), (status = 409, description = "more than is left of the payment, or than is unspent money; or the key or the refund was used for something else")))]
pub async fn refund(
    State(app): State<AppState>,
    Manager(caller): Manager,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(asked): Body<AskRefund>,
) -> Result<(StatusCode, Json<Booked>), Problem> {
    let key = request_key(&caller, need_idempotency_key(&headers)?);
    let outcome = book_refund(&app, caller, id, asked, key).await?;
    let status = if outcome.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(outcome.booked)))
}

/// Books a refund, with its line in the audit, and takes the customer's step.
pub(crate) async fn book_refund(
    app: &AppState,
    caller: Caller,
    id: String,
    asked: AskRefund,
    key: String,
) -> Result<Outcome, Problem> {
    let (now_ms, inner) = (app.now_ms(), app.clone());
    let (outcome, wake) = app
        .db
        .write(move |tx| -> Result<_, Problem> {
            let customer = managed_books(tx, &caller, &id, now_ms)?;
            let AskRefund { amount, gateway, payment, refund, reason } = &asked;
            check_books(tx, &caller, &customer, gateway, payment)?;
            let asked = Refund { amount: *amount, gateway, payment, refund, reason };
            let outcome = refund::refund(tx, &customer, &asked, &key, &caller.login, now_ms)?;
            if outcome.new {
                let detail = format!("{amount} of {gateway}:{payment}: {reason}");
                audit::write(tx, &caller.login, "customer.refund", customer.id.as_str(), &detail, now_ms)?;
            }
            let wake = lifecycle::run_alone(tx, customer.row, &inner.billing.rules, now_ms)?;
            Ok((outcome, wake))
        })
        .await?;
    app.billing.wake(&wake);
    Ok(outcome)
}

/// What can go back.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct RefundableList {
    /// The customer.
    customer: String,
    /// Unspent money: how much can go back in all, a decimal string.
    #[schema(value_type = String)]
    refundable: Money,
    /// Payments with what can go back of each, newest first.
    payments: Vec<Refundable>,
}

/// How much of a customer's money is unspent, and with which payments it came. Credit that was given is not in it.
#[utoipa::path(get, path = "/v1/customers/{id}/refundable", tag = "money", responses((status = 200, body = RefundableList)))]
pub async fn show_refundable(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<RefundableList>, Problem> {
    app.db
        .read(move |conn| {
            let customer = visible(conn, &caller, &id)?;
            let (refundable, payments) = refundable(conn, &customer)?;
            Ok(Json(RefundableList { customer: customer.id.to_string(), refundable, payments }))
        })
        .await
}
