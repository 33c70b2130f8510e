//! Who asks sees what was acknowledged before: hour totals follow an acknowledgement within two seconds, and requests
//! wait for that.

use super::Problem;
use super::state::AppState;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

/// What agents and machines that watch ask for: nothing of it is about usage, and it must be quick. Where a host goes on
/// may hang on what is counted; that is looked at there.
const QUICK: [&str; 10] = [
    "/v1/batches",
    "/v1/resume",
    "/v1/keys",
    "/v1/enroll",
    "/v1/commands",
    "/healthz",
    "/readyz",
    "/metrics",
    "/openapi.json",
    "/login",
];

/// Lets a request on once everything is counted. If that takes too long, a question is answered with 503 and not with
/// half of the truth; a write goes on, as money must not wait for usage.
pub async fn settled(State(app): State<AppState>, request: Request, next: Next) -> Response {
    let path = request.uri().path();
    if QUICK.contains(&path) || path.starts_with("/static/") {
        return next.run(request).await;
    }
    let asks_api = request.method() == Method::GET && path.starts_with("/v1/");
    match app.settle().await {
        // Pages say by themselves what they cannot show.
        Ok(false) if asks_api => {
            let detail = "the hour totals are behind what was received; try again in a few seconds";
            Problem::new(StatusCode::SERVICE_UNAVAILABLE, "count_behind", detail).into_response()
        }
        Ok(_) => next.run(request).await,
        Err(e) => Problem::from(e).into_response(),
    }
}
