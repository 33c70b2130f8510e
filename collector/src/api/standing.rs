//! Where a customer stands, what it may ask for, what it sets for itself, and what staff sets for it.

use super::extract::{Body, Id};
use super::money::visible;
use super::{Admin, AppState, Problem};
use crate::audit;
use crate::auth::{Caller, Role};
use crate::billing::customers::Customer;
use crate::billing::lifecycle::standing::{Choices, Standing, set_budget, set_choices, standing};
use crate::billing::lifecycle::{ask, hold_account, run_alone, set_abuse, unpark};
use crate::billing::{BillingError, Rules, accounts, customers};
use crate::db::Transaction;
use axum::Json;
use axum::extract::State;
use axum::routing::{get, post, put};
use hostmeter_core::ids::AccountId;
use hostmeter_core::lifecycle::Ask;
use hostmeter_core::money::Money;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/v1/customers/{id}/standing", get(show))
        .route("/v1/customers/{id}/promise", post(promise))
        .route("/v1/customers/{id}/close", post(close))
        .route("/v1/customers/{id}/reopen", post(reopen))
        .route("/v1/customers/{id}/abuse", post(abuse))
        .route("/v1/customers/{id}/unpark", post(unpark_customer))
        .route("/v1/customers/{id}/caps", put(caps))
        .route("/v1/accounts/{id}/hold", post(hold))
        .route("/v1/accounts/{id}/budget", put(budget))
}

/// A customer that the caller may change: its own, or any for an admin.
fn own(tx: &Transaction<'_>, caller: &Caller, id: &str) -> Result<Customer, Problem> {
    if caller.role == Role::Auditor {
        return Err(Problem::forbidden(caller.role, "customer or admin"));
    }
    visible(tx, caller, id)
}

/// Changes a customer, and answers with where it stands then.
async fn change<F>(
    app: AppState,
    caller: Caller,
    id: String,
    word: &'static str,
    f: F,
) -> Result<Json<Standing>, Problem>
where
    F: FnOnce(&Transaction<'_>, &Customer, &Rules, i64) -> Result<(BTreeSet<i64>, String), BillingError>
        + Send
        + 'static,
{
    let (now_ms, inner) = (app.now_ms(), app.clone());
    let (shown, wake) = app
        .db
        .write(move |tx| -> Result<_, Problem> {
            let (customer, rules) = (own(tx, &caller, &id)?, &inner.billing.rules);
            let (wake, detail) = f(tx, &customer, rules, now_ms)?;
            audit::write(tx, &caller.login, word, customer.id.as_str(), &detail, now_ms)?;
            let after = customers::by_row(tx, customer.row)?;
            Ok((standing(tx, &after, rules, now_ms)?, wake))
        })
        .await?;
    app.billing.wake(&wake);
    Ok(Json(shown))
}

/// Where a customer stands, why it is not elsewhere, and what it may ask for.
#[utoipa::path(get, path = "/v1/customers/{id}/standing", tag = "lifecycle", responses((status = 200, body = Standing)))]
pub async fn show(
    State(app): State<AppState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Standing>, Problem> {
    let (now_ms, inner) = (app.now_ms(), app.clone());
    app.db
        .read(move |conn| {
            let customer = visible(conn, &caller, &id)?;
            Ok(Json(standing(conn, &customer, &inner.billing.rules, now_ms)?))
        })
        .await
}

async fn asks(
    app: AppState,
    caller: Caller,
    id: String,
    asked: Ask,
    word: &'static str,
) -> Result<Json<Standing>, Problem> {
    change(app, caller, id, word, move |tx, customer, rules, now_ms| {
        Ok((ask(tx, customer, asked, rules, now_ms)?, String::new()))
    })
    .await
}

/// Promises to pay: the grace is extended, for a trusted customer, once in a while.
#[utoipa::path(post, path = "/v1/customers/{id}/promise", tag = "lifecycle",
    responses((status = 200, body = Standing), (status = 409, description = "not allowed now; the detail says why")))]
pub async fn promise(
    State(app): State<AppState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Standing>, Problem> {
    asks(app, caller, id, Ask::Promise, "customer.promise").await
}

/// Leaves: the accounts are stopped, the last hours charged, and unspent money is booked back.
#[utoipa::path(post, path = "/v1/customers/{id}/close", tag = "lifecycle",
    responses((status = 200, body = Standing), (status = 409, description = "not possible now; the detail says why")))]
pub async fn close(
    State(app): State<AppState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Standing>, Problem> {
    asks(app, caller, id, Ask::Close, "customer.close").await
}

/// Comes back after leaving, or while that is under way.
#[utoipa::path(post, path = "/v1/customers/{id}/reopen", tag = "lifecycle",
    responses((status = 200, body = Standing), (status = 409, description = "the customer is not closed")))]
pub async fn reopen(
    State(app): State<AppState>,
    caller: Caller,
    Id(id): Id,
) -> Result<Json<Standing>, Problem> {
    asks(app, caller, id, Ask::Reopen, "customer.reopen").await
}

/// Whether the accounts are suspended for abuse.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Abuse {
    /// `true`: suspend, whatever the balance; `false`: lift it.
    pub(crate) abuse: bool,
    /// Why; needed to suspend.
    pub(crate) reason: Option<String>,
}

/// Suspends a customer's accounts whatever the balance, or lifts that.
#[utoipa::path(post, path = "/v1/customers/{id}/abuse", tag = "lifecycle", request_body = Abuse, responses((status = 200, body = Standing)))]
pub async fn abuse(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Id(id): Id,
    Body(Abuse { abuse, reason }): Body<Abuse>,
) -> Result<Json<Standing>, Problem> {
    let word = if abuse { "abuse.set" } else { "abuse.cleared" };
    change(app, caller, id, word, move |tx, customer, rules, now_ms| {
        let reason = reason.unwrap_or_default();
        let why = abuse.then_some(reason.as_str());
        Ok((set_abuse(tx, customer, why, rules, now_ms)?, reason.clone()))
    })
    .await
}

/// How to go on.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Unpark {
    /// `true`: go on although entries contradict each other.
    #[serde(default)]
    pub(crate) accept: bool,
}

/// Lets the billing of a parked customer go on; a balance is made anew from its entries.
#[utoipa::path(post, path = "/v1/customers/{id}/unpark", tag = "lifecycle", request_body = Unpark,
    responses((status = 200, body = Standing), (status = 409, description = "it is not parked, or its entries contradict each other")))]
pub async fn unpark_customer(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Id(id): Id,
    Body(Unpark { accept }): Body<Unpark>,
) -> Result<Json<Standing>, Problem> {
    change(app, caller, id, "billing.unparked", move |tx, customer, rules, now_ms| {
        let detail = if accept { "accepted as it is" } else { "" };
        Ok((unpark(tx, customer, accept, rules, now_ms)?, detail.to_owned()))
    })
    .await
}

/// Sets what a customer may spend a day and a month, and below which amount it is told; what is left out is off.
#[utoipa::path(put, path = "/v1/customers/{id}/caps", tag = "lifecycle", request_body = Choices, responses((status = 200, body = Standing)))]
pub async fn caps(
    State(app): State<AppState>,
    caller: Caller,
    Id(id): Id,
    Body(choices): Body<Choices>,
) -> Result<Json<Standing>, Problem> {
    change(app, caller, id, "customer.caps", move |tx, customer, rules, now_ms| {
        set_choices(tx, customer, &choices)?;
        let detail = serde_json::to_string(&choices).unwrap_or_default();
        Ok((run_alone(tx, customer.row, rules, now_ms)?, detail))
    })
    .await
}

/// Whether to hold an account.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct HoldAccount {
    /// `true`: no suspension and no deletion of this account until it is cleared.
    pub(crate) hold: bool,
}

/// Sets or clears the hold of one account.
#[utoipa::path(post, path = "/v1/accounts/{id}/hold", tag = "lifecycle", request_body = HoldAccount, responses((status = 200, body = Object)))]
pub async fn hold(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Id(id): Id,
    Body(HoldAccount { hold }): Body<HoldAccount>,
) -> Result<Json<Value>, Problem> {
    let id = AccountId::parse(&id).map_err(|e| Problem::invalid(e.to_string()))?;
    let (now_ms, inner, named) = (app.now_ms(), app.clone(), id.clone());
    let wake = app
        .db
        .write(move |tx| -> Result<_, BillingError> {
            let word = if hold { "account.hold" } else { "account.unhold" };
            audit::write(tx, &caller.login, word, named.as_str(), "", now_ms)?;
            hold_account(tx, &named, hold, &inner.billing.rules, now_ms)
        })
        .await?;
    app.billing.wake(&wake);
    Ok(Json(json!({"account": id, "hold": hold})))
}

/// What an account may cost a month.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetBudget {
    /// A decimal string; null: no budget.
    #[schema(value_type = Option<String>)]
    budget: Option<Money>,
}

/// Sets an account's monthly budget: its customer is told at 50, 80 and 100 percent of it.
#[utoipa::path(put, path = "/v1/accounts/{id}/budget", tag = "lifecycle", request_body = SetBudget, responses((status = 200, body = Object)))]
pub async fn budget(
    State(app): State<AppState>,
    caller: Caller,
    Id(id): Id,
    Body(SetBudget { budget }): Body<SetBudget>,
) -> Result<Json<Value>, Problem> {
    if caller.role == Role::Auditor {
        return Err(Problem::forbidden(caller.role, "customer or admin"));
    }
    let missing = || Problem::not_found("account", &id);
    let parsed = AccountId::parse(&id).map_err(|_| missing())?;
    let (now_ms, inner, named) = (app.now_ms(), app.clone(), id.clone());
    app.db
        .write(move |tx| -> Result<_, Problem> {
            let missing = || Problem::not_found("account", &named);
            let account = accounts::find(tx, &parsed)?.ok_or_else(missing)?;
            if !caller.scope().sees(tx, account.customer)? {
                return Err(missing());
            }
            set_budget(tx, account.row, budget)?;
            let detail = budget.map_or_else(String::new, |b| b.to_string());
            audit::write(tx, &caller.login, "account.budget", &named, &detail, now_ms)?;
            if let Some(customer) = account.customer {
                run_alone(tx, customer, &inner.billing.rules, now_ms)?;
            }
            Ok(Json(json!({"account": named, "budget": budget})))
        })
        .await
}
