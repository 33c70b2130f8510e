//! Users and their tokens.

use super::caller::Manager;
use super::extract::{Body, Id};
use super::resellers::managed;
use super::state::AppState;
use super::{Admin, Problem, Reader};
use crate::auth::{Caller, Role};
use crate::users::{self, NewUser};
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use hostmeter_core::duration;
use hostmeter_core::units::rfc3339;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    use axum::routing::{get, post, put};
    axum::Router::new()
        .route("/v1/users", get(list).post(create))
        .route("/v1/users/{login}/password", put(set_password))
        .route("/v1/users/{login}/disable", post(disable))
        .route("/v1/tokens", post(make_token))
}

/// A user to be made.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserRequest {
    /// Login name.
    login: String,
    /// Password, 10 characters or more.
    password: String,
    /// What they may do.
    role: Role,
    /// Whose accounts they see; with the roles customer and reseller only.
    customer: Option<String>,
}

/// A user.
#[derive(Debug, Serialize, ToSchema)]
pub struct User {
    /// Login name.
    login: String,
    /// What they may do.
    role: String,
    /// Whose accounts they see.
    customer: Option<String>,
    /// Whether tokens and logins are refused.
    disabled: bool,
    /// When it was made.
    made: String,
}

/// Users by login.
#[derive(Debug, Serialize, ToSchema)]
pub struct Users {
    /// All of them.
    users: Vec<User>,
}

/// Make a user
#[utoipa::path(
    post, path = "/v1/users", tag = "admin", request_body = UserRequest,
    responses((status = 201, description = "The user", body = User), (status = 409, description = "The login exists"))
)]
pub async fn create(
    State(app): State<AppState>,
    Manager(caller): Manager,
    Body(ask): Body<UserRequest>,
) -> Result<(StatusCode, Json<User>), Problem> {
    // A reseller makes logins of its customers.
    if caller.role == Role::Reseller {
        if ask.role != Role::Customer {
            return Err(Problem::forbidden(caller.role, "admin"));
        }
        let (whose, id) = (caller.clone(), ask.customer.clone().unwrap_or_default());
        app.db.read(move |conn| managed(conn, &whose, &id).map(drop)).await?;
    }
    let password_hash = users::hash(&app, ask.password).await?;
    let user = NewUser { login: ask.login, password_hash, role: ask.role, customer: ask.customer };
    let now_ms = app.now_ms();
    let shown = User {
        login: user.login.clone(),
        role: user.role.as_str().to_owned(),
        customer: user.customer.clone(),
        disabled: false,
        made: rfc3339(now_ms),
    };
    app.db.write(move |tx| users::create(tx, &user, &caller.login, now_ms)).await?;
    Ok((StatusCode::CREATED, Json(shown)))
}

/// List users
#[utoipa::path(
    get, path = "/v1/users", tag = "admin", responses((status = 200, description = "By login", body = Users))
)]
pub async fn list(State(app): State<AppState>, _caller: Reader) -> Result<Json<Users>, Problem> {
    let users = app
        .db
        .read(|conn| -> Result<Vec<User>, Problem> {
            let sql = "SELECT u.login, u.role, c.name, u.disabled, u.made_ms FROM user u
                LEFT JOIN customer c ON c.id = coalesce(u.customer, u.reseller) ORDER BY u.login";
            let mut stmt = conn.prepare_cached(sql)?;
            let rows = stmt.query_map([], |r| {
                let (login, role, customer, disabled) = (r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?);
                Ok(User { login, role, customer, disabled, made: rfc3339(r.get(4)?) })
            })?;
            Ok(rows.collect::<Result<_, _>>()?)
        })
        .await?;
    Ok(Json(Users { users }))
}

/// A new password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordRequest {
    /// 10 characters or more.
    password: String,
}

/// Set a password
///
/// All logins of the user end.
#[utoipa::path(
    put, path = "/v1/users/{login}/password", tag = "admin", params(("login" = String, Path)),
    request_body = PasswordRequest,
    responses((status = 204, description = "Set"), (status = 404, description = "No such user"))
)]
pub async fn set_password(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Id(login): Id,
    Body(ask): Body<PasswordRequest>,
) -> Result<StatusCode, Problem> {
    let hash = users::hash(&app, ask.password).await?;
    let now_ms = app.now_ms();
    app.db.write(move |tx| users::set_password(tx, &login, &hash, &caller.login, now_ms)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Disable a user
///
/// Tokens and logins are refused at once.
#[utoipa::path(
    post, path = "/v1/users/{login}/disable", tag = "admin", params(("login" = String, Path)),
    responses((status = 204, description = "Disabled"), (status = 404, description = "No such user"))
)]
pub async fn disable(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Id(login): Id,
) -> Result<StatusCode, Problem> {
    if login == caller.login {
        return Err(Problem::conflict("own_user", "nobody disables themselves; ask another admin"));
    }
    let now_ms = app.now_ms();
    app.db.write(move |tx| users::disable(tx, &login, &caller.login, now_ms)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// A bearer token to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BearerRequest {
    /// Whose; the caller's own if not given. Only an admin makes tokens of others.
    login: Option<String>,
    /// For people: what it is for.
    label: String,
    /// Life, for example `90d`; without it the token does not expire.
    expires_in: Option<String>,
}

/// A bearer token.
#[derive(Debug, Serialize, ToSchema)]
pub struct BearerAnswer {
    /// Shown this once.
    token: String,
    /// When it expires; null: never.
    expires: Option<String>,
}

/// Make a bearer token
#[utoipa::path(
    post, path = "/v1/tokens", tag = "admin", request_body = BearerRequest,
    responses((status = 201, description = "The token", body = BearerAnswer),
              (status = 403, description = "Another's token, and you are no admin"),
              (status = 404, description = "No such user"))
)]
pub async fn make_token(
    State(app): State<AppState>,
    caller: Caller,
    Body(ask): Body<BearerRequest>,
) -> Result<(StatusCode, Json<BearerAnswer>), Problem> {
    let login = ask.login.unwrap_or_else(|| caller.login.clone());
    if login != caller.login && caller.role != Role::Admin {
        return Err(Problem::forbidden(caller.role, "admin"));
    }
    let now_ms = app.now_ms();
    let life_ms = ask.expires_in.as_deref().map(duration::parse).transpose();
    let life_ms = life_ms.map_err(|e| Problem::invalid(format!("`expires_in`: {e}")))?;
    let expires_ms = life_ms.map(|ms| now_ms.saturating_add(ms));
    let token = users::new_token().map_err(|e| Problem::internal(&e))?;
    let answer = BearerAnswer { token: token.clone(), expires: expires_ms.map(rfc3339) };
    app.db
        .write(move |tx| -> Result<(), Problem> {
            let user = users::user_row(tx, &login)?;
            users::add_token(tx, user, &token, &ask.label, expires_ms, now_ms)?;
            Ok(crate::audit::write(tx, &caller.login, "token.add", &login, &ask.label, now_ms)?)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(answer)))
}
