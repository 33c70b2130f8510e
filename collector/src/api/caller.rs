//! Extractors: who is calling. A handler names what it needs in its arguments.

use super::problem::Problem;
use super::state::AppState;
use crate::auth::{self, Caller, Role};
use axum::extract::FromRequestParts;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;

/// A caller who may change anything.
#[derive(Clone, Debug)]
pub struct Admin(pub Caller);

/// A caller who may change customers: an admin any, a reseller its own. Which ones, `managed` says.
#[derive(Clone, Debug)]
pub struct Manager(pub Caller);

impl FromRequestParts<AppState> for Manager {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        match caller.role {
            Role::Admin | Role::Reseller => Ok(Self(caller)),
            Role::Customer | Role::Auditor => Err(Problem::forbidden(caller.role, "admin or reseller")),
        }
    }
}

/// A caller who may read what concerns everybody: admin or auditor.
#[derive(Clone, Debug)]
pub struct Reader(pub Caller);

impl FromRequestParts<AppState> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let token = bearer(parts)?.to_owned();
        let now_ms = app.now_ms();
        let caller = app.db.read(move |conn| auth::by_token(conn, &token, now_ms)).await?;
        caller.ok_or_else(|| {
            Problem::unauthorized("this token is not known, has expired, or its user is disabled")
        })
    }
}

impl FromRequestParts<AppState> for Admin {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        if caller.role == Role::Admin {
            Ok(Self(caller))
        } else {
            Err(Problem::forbidden(caller.role, "admin"))
        }
    }
}

impl FromRequestParts<AppState> for Reader {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self, Problem> {
        let caller = Caller::from_request_parts(parts, app).await?;
        match caller.role {
            Role::Admin | Role::Auditor => Ok(Self(caller)),
            Role::Customer | Role::Reseller => Err(Problem::forbidden(caller.role, "admin or auditor")),
        }
    }
}

fn bearer(parts: &Parts) -> Result<&str, Problem> {
    let missing = || Problem::unauthorized("send a token in the header: Authorization: Bearer TOKEN");
    let value = parts.headers.get(AUTHORIZATION).ok_or_else(missing)?;
    let text = value.to_str().map_err(|_| missing())?;
    let (scheme, token) = text.split_once(' ').ok_or_else(missing)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token.trim()) } else { Err(missing()) }
}
