//! The JSON API: state that handlers share, errors, who is calling, and the routes.

pub mod accounts;
pub mod batches;
pub mod body;
pub mod caller;
pub mod client_cert;
pub mod commands;
pub mod degraded;
pub mod explain;
pub mod export;
pub mod extract;
pub mod fleet;
pub mod held;
pub mod hosts;
pub mod imports;
pub mod keys;
pub mod lifecycle;
pub mod money;
pub mod notices;
pub mod openapi;
pub mod ops;
pub mod payments;
pub mod problem;
pub mod rating;
pub mod refunds;
pub mod resellers;
pub mod resume;
pub mod settled;
pub mod standing;
pub mod state;
pub mod statements;
pub mod usage;
pub mod users;

pub use caller::{Admin, Reader};
pub use problem::Problem;
pub use state::{App, AppState};

use crate::limits::BODY_MAX_BYTES;
use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::{StatusCode, Uri};

/// All routes, with the state that they share.
pub fn router(app: AppState) -> Router {
    Router::new()
        .merge(batches::routes())
        .merge(resume::routes())
        .merge(accounts::routes())
        .merge(usage::routes())
        .merge(fleet::routes())
        .merge(hosts::routes())
        .merge(keys::routes())
        .merge(degraded::routes())
        .merge(users::routes())
        .merge(money::routes())
        .merge(rating::routes())
        .merge(refunds::routes())
        .merge(payments::routes())
        .merge(statements::routes())
        .merge(explain::routes())
        .merge(export::routes())
        .merge(lifecycle::routes())
        .merge(standing::routes())
        .merge(notices::routes())
        .merge(commands::routes())
        .merge(imports::routes())
        .merge(resellers::routes())
        .merge(held::routes())
        .merge(ops::routes())
        .fallback(unknown)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .with_state(app)
}

async fn unknown(uri: Uri) -> Problem {
    let detail = format!("there is nothing at {}; /openapi.json lists what there is", uri.path());
    Problem::new(StatusCode::NOT_FOUND, "no_route", detail)
}

async fn wrong_method(uri: Uri) -> Problem {
    let detail = format!("{} does not take this method; /openapi.json lists those it takes", uri.path());
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method", detail)
}
