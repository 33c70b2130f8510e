//! Accounts.

use super::Problem;
use super::extract::{Id, Params};
use super::state::AppState;
use crate::auth::Caller;
use crate::query::accounts;
use axum::Json;
use axum::extract::State;
use hostmeter_core::units::rfc3339;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    use axum::routing::get as read;
    axum::Router::new()
        .route("/v1/accounts", read(list).post(super::imports::add_account))
        .route("/v1/accounts/{id}", read(get))
}

/// An account.
#[derive(Debug, Serialize, ToSchema)]
pub struct Account {
    /// `shop@web1`
    id: String,
    /// Numeric user id; null: no host reported it yet.
    uid: Option<u32>,
    /// Who pays; null: nobody, it is metered and not billed.
    customer: Option<String>,
    /// `active`, `suspended`, `deleted`, or `suspending`, `resuming`, `deleting` until the host confirmed.
    state: &'static str,
    /// End of the last interval in which it had processes or used anything.
    last_seen: Option<String>,
}

impl From<accounts::Account> for Account {
    fn from(a: accounts::Account) -> Self {
        let last_seen = a.last_seen_ms.map(rfc3339);
        Self { id: a.id, uid: a.uid, customer: a.customer, state: a.state, last_seen }
    }
}

/// A page of accounts.
#[derive(Debug, Serialize, ToSchema)]
pub struct Accounts {
    /// By id.
    accounts: Vec<Account>,
    /// Pass it as `cursor` for the next page; null: this is the last.
    next: Option<String>,
}

/// Which accounts.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListParams {
    /// `next` of the page before.
    cursor: Option<String>,
    /// Accounts on a page, 200 if not given, 1000 at most.
    #[serde(default)]
    limit: usize,
    /// Only those of this host.
    host: Option<String>,
    /// Only those of this customer.
    customer: Option<String>,
}

/// List accounts
#[utoipa::path(
    get, path = "/v1/accounts", tag = "usage", params(ListParams),
    responses((status = 200, description = "A page of them", body = Accounts))
)]
pub async fn list(
    State(app): State<AppState>,
    caller: Caller,
    Params(p): Params<ListParams>,
) -> Result<Json<Accounts>, Problem> {
    let filter = accounts::Filter { after: p.cursor, limit: p.limit, host: p.host, customer: p.customer };
    let scope = caller.scope();
    let (found, next) = app.db.read(move |conn| accounts::list(conn, scope, &filter)).await?;
    Ok(Json(Accounts { accounts: found.into_iter().map(Account::from).collect(), next }))
}

/// Show an account
#[utoipa::path(
    get, path = "/v1/accounts/{id}", tag = "usage", params(("id" = String, Path, example = "shop@web1")),
    responses((status = 200, description = "The account", body = Account),
              (status = 404, description = "No such account of yours"))
)]
pub async fn get(State(app): State<AppState>, caller: Caller, Id(id): Id) -> Result<Json<Account>, Problem> {
    let scope = caller.scope();
    let found = app.db.read(move |conn| accounts::get(conn, scope, &id)).await?;
    Ok(Json(found.into()))
}
