//! A customer's notices, and how the customer is spoken to.

use super::body::PageQuery;
use super::extract::{Body, Params};
use super::money::visible;
use super::{Admin, AppState, Problem};
use crate::audit;
use crate::auth::{Caller, Role};
use crate::notices::contact::{self, Change, Contact};
use crate::notices::list::{self, NoticeView};
use axum::Json;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use serde_json::{Value, json};

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/v1/customers/{id}/notices", get(list_notices))
        .route("/v1/customers/{id}/notices/{notice}/resend", post(resend))
        .route("/v1/customers/{id}/contact", get(show_contact).patch(set_contact))
}

/// A page of notices.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct NoticePage {
    /// Newest first.
    notices: Vec<NoticeView>,
    /// Cursor of the next page.
    next: Option<String>,
}

/// What a customer was told, newest first, with what became of it on each channel.
#[utoipa::path(get, path = "/v1/customers/{id}/notices", tag = "notices", params(PageQuery), responses((status = 200, body = NoticePage)))]
pub async fn list_notices(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageQuery>,
) -> Result<Json<NoticePage>, Problem> {
    let (before, rows) = (page.number()?.unwrap_or(i64::MAX), page.rows());
    let language = app.config.notices.language;
    app.db
        .read(move |conn| {
            let customer = visible(conn, &caller, &id)?;
            let mut notices = list::notices(conn, &customer, language, before, rows.saturating_add(1))?;
            let more = notices.len() > rows;
            notices.truncate(rows);
            let next = notices.last().filter(|_| more).map(|n| n.id.to_string());
            Ok(Json(NoticePage { notices, next }))
        })
        .await
}

/// Sends a notice again, on every channel that has not accepted it; also to addresses that came later.
#[utoipa::path(post, path = "/v1/customers/{id}/notices/{notice}/resend", tag = "notices", responses((status = 200, body = Object)))]
pub async fn resend(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path((id, notice)): Path<(String, i64)>,
) -> Result<Json<Value>, Problem> {
    let now_ms = app.now_ms();
    app.db
        .write(move |tx| {
            let customer = visible(tx, &caller, &id)?;
            if !list::belongs(tx, customer.row, notice)? {
                return Err(Problem::not_found("notice", &notice.to_string()));
            }
            let channels = contact::resend(tx, notice, now_ms)?;
            let detail = format!("notice {notice}");
            audit::write(tx, &caller.login, "notice.resend", customer.id.as_str(), &detail, now_ms)?;
            Ok(Json(json!({"notice": notice, "channels": channels})))
        })
        .await
}

/// Language, addresses and zone of a customer.
#[utoipa::path(get, path = "/v1/customers/{id}/contact", tag = "notices", responses((status = 200, body = Contact)))]
pub async fn show_contact(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Contact>, Problem> {
    app.db.read(move |conn| Ok(Json(contact::contact(conn, visible(conn, &caller, &id)?.row)?))).await
}

/// Changes language, addresses and zone of a customer: by staff, or by the customer. What is absent stays.
#[utoipa::path(patch, path = "/v1/customers/{id}/contact", tag = "notices", request_body = Change, responses((status = 200, body = Contact)))]
pub async fn set_contact(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Body(change): Body<Change>,
) -> Result<Json<Contact>, Problem> {
    if caller.role == Role::Auditor {
        return Err(Problem::forbidden(caller.role, "admin, or customer for its own"));
    }
    let now_ms = app.now_ms();
    app.db
        .write(move |tx| {
            let customer = visible(tx, &caller, &id)?;
            let contact = contact::change(tx, &customer, &change, now_ms)?;
            let detail = serde_json::to_string(&contact).unwrap_or_default();
            audit::write(tx, &caller.login, "customer.contact", customer.id.as_str(), &detail, now_ms)?;
            Ok(Json(contact))
        })
        .await
}
