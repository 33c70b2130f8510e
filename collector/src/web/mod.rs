//! The panel: pages for browsers, sessions and logins, on the same state and the same query functions as the API.
//!
//! Every page works without JavaScript. A visitor sees what the query layer's scope lets through; somebody else's
//! account is as unknown as one that does not exist. Whatever changes something is a POST with the session's token.

mod account;
mod actions;
mod booking;
mod build;
mod charts;
mod cookie;
mod customers;
mod headers;
mod hosts;
mod lists;
mod login;
mod money;
mod page;
mod range;
mod read;
mod standing;
mod throttle;
mod visitor;

#[cfg(test)]
mod tests;

use crate::api::{AppState, client_cert};
use crate::limits::LOGIN_FORM_MAX_BYTES;
use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::header::ACCEPT;
use axum::http::{StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::Response;
use axum::routing::{get, post};
use std::sync::Arc;
use throttle::Throttle;

/// All pages and static files, at the root. Paths that nothing answers are for [`not_found`]; [`with_api`] does both.
///
/// The address of a visitor is taken from [`axum::extract::ConnectInfo`]; without it, all visitors share the limit of
/// one address.
pub fn router() -> Router<AppState> {
    Router::new()
        .route("/login", get(login::form).post(login::log_in))
        .route("/logout", post(login::log_out))
        .route("/", get(lists::overview))
        .route("/accounts/{id}", get(account::page))
        .route("/admin", get(lists::admin))
        .route("/admin/hosts", get(hosts::list))
        .route("/admin/hosts/{name}", get(hosts::page))
        .route("/admin/accounts", get(lists::accounts))
        .route("/admin/customers", get(customers::list))
        .route("/admin/customers/{id}", get(customers::page))
        .route("/admin/customers/{id}/money", get(booking::page))
        .route("/admin/customers/{id}/adjust", post(booking::adjust))
        .route("/admin/customers/{id}/refund", post(booking::refund))
        .route("/admin/alerts", get(lists::alerts))
        .route("/customers/{id}/do", post(actions::customer))
        .route("/accounts/{id}/do", post(actions::account))
        .route("/admin/breaker", post(actions::breaker))
        .route("/admin/commands/{id}/retry", post(actions::retry))
        .route("/admin/hosts/{name}/thaw", post(actions::thaw))
        .route("/static/{file}", get(static_file))
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(LOGIN_FORM_MAX_BYTES))
        .layer(axum::Extension(Arc::new(Throttle::default())))
        .layer(from_fn(headers::secure))
}

/// Everything that the collector answers: pages at the root, and what is no page by the API.
pub fn with_api(app: &AppState) -> Router {
    let api = crate::api::router(Arc::clone(app)).layer(from_fn(for_browsers));
    let wants_cert = app.config.tls.as_ref().is_some_and(|t| t.client_ca.is_some());
    let api = if wants_cert { api.layer(from_fn(client_cert::needed)) } else { api };
    let settled = from_fn_with_state(Arc::clone(app), crate::api::settled::settled);
    router().with_state(Arc::clone(app)).fallback_service(api).layer(settled)
}

/// A browser that asks for an address that does not exist gets a page, a program the API's answer.
async fn for_browsers(request: Request, next: Next) -> Response {
    let accepted = request.headers().get(ACCEPT).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let is_browser = accepted.contains("text/html") && !request.uri().path().starts_with("/v1/");
    let uri = request.uri().clone();
    let response = next.run(request).await;
    if is_browser && response.status() == StatusCode::NOT_FOUND { not_found(uri).await } else { response }
}

/// The page for an address that does not exist.
pub async fn not_found(uri: Uri) -> Response {
    let what = format!("There is no page at {}.", page::cut(uri.path()));
    let mut response = page::error(None, StatusCode::NOT_FOUND, &what);
    headers::set(response.headers_mut());
    response
}

async fn wrong_method(uri: Uri) -> Response {
    let what = format!("{} cannot be asked for in this way.", page::cut(uri.path()));
    page::error(None, StatusCode::METHOD_NOT_ALLOWED, &what)
}

async fn static_file(uri: Uri) -> Response {
    match hostmeter_panel::static_file(uri.path()) {
        Some(file) => headers::immutable(file),
        None => not_found(uri).await,
    }
}
