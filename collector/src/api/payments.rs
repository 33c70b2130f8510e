//! What payment gateways say, by signed webhooks; and what staff does with payments that nobody can be found for.

use super::body::PageQuery;
use super::extract::{Body, Params};
use super::money::visible;
use super::{Admin, AppState, Problem, Reader};
use crate::audit;
use crate::billing::payments::{self, Answer, Assign, Event};
use crate::billing::topup::Booked;
use crate::config::PaymentGateway;
use crate::limits::PAYMENT_MESSAGE_MAX_BYTES;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use hostmeter_core::money::Money;
use hostmeter_core::wire::webhook::{
    ID_HEADER, SIGNATURE_HEADER, Secret, TIMESTAMP_HEADER, VerifyError, verify,
};

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    let limit = DefaultBodyLimit::max(PAYMENT_MESSAGE_MAX_BYTES);
    axum::Router::new()
        .route("/v1/payments/webhook/{gateway}", post(take_message).layer(limit))
        .route("/v1/payments", get(list_payments))
        .route("/v1/payments/{id}/assign", post(assign))
        .route("/v1/payments/{id}/dismiss", post(dismiss))
}

/// The secrets of a gateway, read at each message: a file that was replaced counts at once.
fn secrets(gateway: &PaymentGateway) -> Result<Vec<Secret>, Problem> {
    let read = |path: &std::path::PathBuf| {
        let bad = |why: String| {
            tracing::error!(path = %path.display(), %why, "a secret of a payment gateway cannot be read");
            let detail = "the collector cannot read the gateway's secret; its log says why; send the message again later";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "gateway_secret", detail)
        };
        let text = std::fs::read_to_string(path).map_err(|e| bad(e.to_string()))?;
        Secret::parse(&text).map_err(|e| bad(e.to_string()))
    };
    gateway.secret_files.iter().map(read).collect()
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Result<&'a str, Problem> {
    let value = headers.get(name).and_then(|v| v.to_str().ok());
    value.ok_or_else(|| {
        Problem::bad_request(format!("the header {name} is missing; sign the message by Standard Webhooks"))
    })
}

/// Takes a message of a payment gateway: signed by Standard Webhooks, `{"type", "timestamp", "data"}`. `payment.succeeded`
/// with `data` `{"customer", "payment", "amount", "currency"}` is booked as a top-up, `payment.refunded` with `refund` in
/// addition as a refund; other types are ignored. What cannot be booked is kept and alerted (202). The same message
/// again gets the same answer.
#[utoipa::path(post, path = "/v1/payments/webhook/{gateway}", tag = "money", request_body = Object, security(()),
    responses((status = 200, body = Answer), (status = 202, body = Answer, description = "it was kept: somebody has to look"),
        (status = 401, description = "the signature does not fit, or the time is too far off"),
        (status = 409, description = "the id came before with another content")))]
pub async fn take_message(
    State(app): State<AppState>,
    Path(gateway): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<(StatusCode, Json<Answer>), Problem> {
    let known = app.config.payment_gateways.iter().find(|g| g.name.as_str() == gateway);
    let known = known.ok_or_else(|| Problem::not_found("payment gateway", &gateway))?.clone();
    let (id, sent) = (header(&headers, ID_HEADER)?.to_owned(), header(&headers, TIMESTAMP_HEADER)?);
    let signatures = header(&headers, SIGNATURE_HEADER)?;
    let name = known.name.clone();
    let secrets = tokio::task::spawn_blocking(move || secrets(&known)).await;
    let secrets = secrets.map_err(|e| Problem::internal(&e))??;
    let now_ms = app.now_ms();
    verify(&secrets, &id, sent, signatures, &body, now_ms.div_euclid(1_000)).map_err(|e| {
        tracing::warn!(%gateway, id, error = %e, "a payment message was refused");
        let code = if matches!(e, VerifyError::Stale { .. }) { "stale" } else { "bad_signature" };
        Problem::new(StatusCode::UNAUTHORIZED, code, e.to_string())
    })?;
    let inner = app.clone();
    let (answer, wake) =
        app.db.write(move |tx| payments::take(tx, &name, &id, &body, &inner.billing.rules, now_ms)).await?;
    app.billing.wake(&wake);
    let status = if answer.status == "kept" { StatusCode::ACCEPTED } else { StatusCode::OK };
    Ok((status, Json(answer)))
}

/// A page of messages.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct PaymentPage {
    /// Newest first.
    payments: Vec<Event>,
    /// Cursor of the next page.
    next: Option<String>,
}

/// Lists messages of payment gateways, newest first; `state=kept` those that somebody has to look at.
#[utoipa::path(get, path = "/v1/payments", tag = "money", params(PageQuery), responses((status = 200, body = PaymentPage)))]
pub async fn list_payments(
    State(app): State<AppState>,
    _reader: Reader,
    Params(page): Params<PageQuery>,
) -> Result<Json<PaymentPage>, Problem> {
    let (before, rows) = (page.number()?, page.rows());
    app.db
        .read(move |conn| {
            let mut payments = payments::list(conn, page.state.as_deref(), before, rows.saturating_add(1))?;
            let is_cut = payments.len() > rows;
            payments.truncate(rows);
            let next = payments.last().filter(|_| is_cut).map(|p| p.id.to_string());
            Ok(Json(PaymentPage { payments, next }))
        })
        .await
}

/// Whose a kept payment is.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskAssign {
    /// The customer.
    customer: String,
    /// How much it is in the currency of the books, a decimal string; needed where the message does not say.
    #[schema(value_type = Option<String>)]
    amount: Option<Money>,
    /// The gateway's reference; needed where the message does not say.
    payment: Option<String>,
}

/// Books a kept payment as a top-up of a customer. The same again gets the same answer.
#[utoipa::path(post, path = "/v1/payments/{id}/assign", tag = "money", request_body = AskAssign,
    responses((status = 200, body = Booked), (status = 409, description = "it is not kept, or was booked otherwise")))]
pub async fn assign(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path(id): Path<i64>,
    Body(asked): Body<AskAssign>,
) -> Result<Json<Booked>, Problem> {
    let (now_ms, inner) = (app.now_ms(), app.clone());
    let (booked, wake) = app
        .db
        .write(move |tx| -> Result<_, Problem> {
            let customer = visible(tx, &caller, &asked.customer)?;
            let to = Assign { customer: &customer, amount: asked.amount, payment: asked.payment.as_deref() };
            let done = payments::assign(tx, id, &to, &caller.login, &inner.billing.rules, now_ms)?;
            let detail = format!("payment message {id}: {}", done.0.amount);
            audit::write(tx, &caller.login, "payment.assign", customer.id.as_str(), &detail, now_ms)?;
            Ok(done)
        })
        .await?;
    app.billing.wake(&wake);
    Ok(Json(booked))
}

/// Puts a kept message aside for good: it is no payment, or was booked by hand.
#[utoipa::path(post, path = "/v1/payments/{id}/dismiss", tag = "money", responses((status = 200, body = Event)))]
pub async fn dismiss(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path(id): Path<i64>,
) -> Result<Json<Event>, Problem> {
    let now_ms = app.now_ms();
    app.db
        .write(move |tx| {
            let event = payments::dismiss(tx, id, now_ms)?;
            audit::write(tx, &caller.login, "payment.dismiss", &event.gateway, &event.message, now_ms)?;
            Ok(Json(event))
        })
        .await
}
