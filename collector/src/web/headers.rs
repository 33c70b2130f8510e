//! Headers that every answer of the panel carries.

use axum::extract::Request;
use axum::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use hostmeter_panel::StaticFile;

/// Only own files; nobody may frame a page, and forms go to this server alone.
const POLICY: &str = "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// Static files carry a hash of their content in the name, so they never change.
const FOR_EVER: &str = "public, max-age=31536000, immutable";

/// Middleware: [`set`] on every answer.
pub(super) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    set(response.headers_mut());
    response
}

/// Sets all of them; what may be kept in a cache says so itself before.
pub(super) fn set(headers: &mut HeaderMap) {
    let fixed: [(HeaderName, &'static str); 3] = [
        (CONTENT_SECURITY_POLICY, POLICY),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "same-origin"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// A static file as an answer.
pub(super) fn immutable(file: &'static StaticFile) -> Response {
    ([(CONTENT_TYPE, file.content_type), (CACHE_CONTROL, FOR_EVER)], file.bytes).into_response()
}
