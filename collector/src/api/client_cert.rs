//! Requests of agents need a client's certificate where `[tls] client_ca` is set: on top of signatures, not in their
//! place.

use super::Problem;
use super::commands::host_header;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// Whether the connection showed a certificate of the configured authorities.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientCert(pub bool);

/// Refuses agents' requests without a certificate. People and programs with tokens need none.
pub async fn needed(request: Request, next: Next) -> Response {
    let is_agents = match request.uri().path() {
        "/v1/batches" | "/v1/gaps" | "/v1/resume" | "/v1/keys" | "/v1/enroll" => true,
        "/v1/commands" => host_header(request.headers()).is_some(),
        _ => false,
    };
    if is_agents && request.extensions().get() != Some(&ClientCert(true)) {
        let detail = "this collector wants a client's certificate from agents; see [tls] client_ca of its configuration";
        return Problem::new(StatusCode::UNAUTHORIZED, "client_certificate", detail).into_response();
    }
    next.run(request).await
}
