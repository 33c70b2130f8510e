//! Forms that change something: each does what the API's call of that name does, as the visitor.

use super::cookie::same;
use super::login::fields;
use super::page;
use super::visitor::{Named, Staff, Visitor};
use crate::api::extract::{Body, Id};
use crate::api::lifecycle::{Hold, Why};
use crate::api::standing::{Abuse, HoldAccount, Unpark};
use crate::api::{Admin, AppState, Problem, commands, hosts, lifecycle, standing};
use crate::auth::Role;
use crate::billing::lifecycle::standing::{CapSetting, Choices};
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use hostmeter_core::money::Money;
use serde::Deserialize;

/// The fields of all forms; each sends some.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Sent {
    csrf: String,
    act: String,
    reason: String,
    day: String,
    month: String,
    low_below: String,
    suspend: String,
}

type Fields = Result<Form<Sent>, FormRejection>;

/// What was sent, if it is of this session; else the page that says why not.
fn signed(app: &AppState, visitor: &Visitor, sent: Fields) -> Result<Sent, Box<Response>> {
    let frame = || Some(visitor.frame(app.now_ms()));
    match fields(sent) {
        Ok(form) if same(&visitor.csrf, &form.csrf) => Ok(form),
        Ok(_) => {
            let what = "The form does not belong to this session; nothing was changed.";
            Err(Box::new(page::error(frame(), StatusCode::FORBIDDEN, what)))
        }
        Err(status) => Err(Box::new(page::error(frame(), status, "The form could not be read."))),
    }
}

fn admin(visitor: &Visitor) -> Result<Admin, Problem> {
    match visitor.caller.role {
        Role::Admin => Ok(Admin(visitor.caller.clone())),
        role => Err(Problem::forbidden(role, "admin")),
    }
}

fn unknown<T>(act: &str) -> Result<T, Problem> {
    Err(Problem::invalid(format!("there is nothing to do that is called {act:?}")))
}

/// Back to the page, or the page that says why nothing was changed.
fn done(app: &AppState, visitor: &Visitor, result: Result<(), Problem>, back: &str) -> Response {
    match result {
        Ok(()) => page::see_other(back),
        Err(e) => page::problem(Some(visitor.frame(app.now_ms())), &e),
    }
}

/// An amount that may be left empty.
fn amount(name: &str, text: &str) -> Result<Option<Money>, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Ok(None);
    }
    Money::parse(text).map(Some).map_err(|e| Problem::invalid(format!("{name}: {e}")))
}

fn choices(sent: &Sent) -> Result<Choices, Problem> {
    let suspend = sent.suspend == "yes";
    let cap = |amount: Option<Money>| amount.map(|amount| CapSetting { amount, suspend });
    Ok(Choices {
        day: cap(amount("cap a day", &sent.day)?),
        month: cap(amount("cap a month", &sent.month)?),
        low_below: amount("tell me below", &sent.low_below)?,
    })
}

async fn act_on_customer(app: &AppState, visitor: &Visitor, id: &str, sent: Sent) -> Result<(), Problem> {
    let (app, caller, named) = (State(app.clone()), visitor.caller.clone(), Id(id.to_owned()));
    match sent.act.as_str() {
        "promise" => drop(standing::promise(app, caller, named).await?),
        "close" => drop(standing::close(app, caller, named).await?),
        "reopen" => drop(standing::reopen(app, caller, named).await?),
        "caps" => drop(standing::caps(app, caller, named, Body(choices(&sent)?)).await?),
        "hold" | "unhold" => {
            let hold = Body(Hold { hold: sent.act == "hold" });
            drop(lifecycle::hold(app, admin(visitor)?, Path(id.to_owned()), hold).await?);
        }
        "abuse" | "unabuse" => {
            let abuse = sent.act == "abuse";
            let body = Body(Abuse { abuse, reason: Some(sent.reason) });
            drop(standing::abuse(app, admin(visitor)?, named, body).await?);
        }
        "unpark" => {
            let body = Body(Unpark { accept: false });
            drop(standing::unpark_customer(app, admin(visitor)?, named, body).await?);
        }
        other => return unknown(other),
    }
    Ok(())
}

/// What a customer, or staff for it, does.
pub(super) async fn customer(
    State(app): State<AppState>,
    visitor: Visitor,
    Named(id): Named,
    sent: Fields,
) -> Response {
    let sent = match signed(&app, &visitor, sent) {
        Ok(sent) => sent,
        Err(response) => return *response,
    };
    let result = act_on_customer(&app, &visitor, &id, sent).await;
    let back = if visitor.is_staff() { format!("/admin/customers/{id}") } else { "/".to_owned() };
    done(&app, &visitor, result, &back)
}

async fn act_on_account(app: &AppState, visitor: &Visitor, id: &str, act: &str) -> Result<(), Problem> {
    let (app, admin) = (State(app.clone()), admin(visitor)?);
    let (path, why) = (Path(id.to_owned()), Body(Why { reason: None }));
    match act {
        "hold" | "unhold" => {
            let body = Body(HoldAccount { hold: act == "hold" });
            drop(standing::hold(app, admin, Id(id.to_owned()), body).await?);
        }
        "suspend" => drop(lifecycle::suspend(app, admin, path, why).await?),
        "resume" => drop(lifecycle::resume(app, admin, path, why).await?),
        "undelete" => drop(lifecycle::undelete(app, admin, path, why).await?),
        other => return unknown(other),
    }
    Ok(())
}

/// What staff does with one account.
pub(super) async fn account(
    State(app): State<AppState>,
    Staff(visitor): Staff,
    Named(id): Named,
    sent: Fields,
) -> Response {
    let sent = match signed(&app, &visitor, sent) {
        Ok(sent) => sent,
        Err(response) => return *response,
    };
    let result = act_on_account(&app, &visitor, &id, &sent.act).await;
    done(&app, &visitor, result, &format!("/accounts/{id}"))
}

/// Lets held commands go out again.
pub(super) async fn breaker(State(app): State<AppState>, Staff(visitor): Staff, sent: Fields) -> Response {
    if let Err(response) = signed(&app, &visitor, sent) {
        return *response;
    }
    let result = match admin(&visitor) {
        Ok(admin) => lifecycle::breaker_reset(State(app.clone()), admin).await.map(drop),
        Err(e) => Err(e),
    };
    done(&app, &visitor, result, "/admin/alerts")
}

/// Tries a command again that did not succeed.
pub(super) async fn retry(
    State(app): State<AppState>,
    Staff(visitor): Staff,
    Named(id): Named,
    sent: Fields,
) -> Response {
    if let Err(response) = signed(&app, &visitor, sent) {
        return *response;
    }
    let number = id.parse().map_err(|_| Problem::not_found("command", &id));
    let result = match (admin(&visitor), number) {
        (Ok(admin), Ok(number)) => {
            commands::retry_command(State(app.clone()), admin, Path(number)).await.map(|made| made.0.account)
        }
        (Err(e), _) | (_, Err(e)) => Err(e),
    };
    let back = result.as_ref().map_or_else(|_| String::new(), |account| format!("/accounts/{account}"));
    done(&app, &visitor, result.map(drop), &back)
}

/// Thaws a frozen host.
pub(super) async fn thaw(
    State(app): State<AppState>,
    Staff(visitor): Staff,
    Named(name): Named,
    sent: Fields,
) -> Response {
    if let Err(response) = signed(&app, &visitor, sent) {
        return *response;
    }
    let result = match admin(&visitor) {
        Ok(admin) => hosts::thaw(State(app.clone()), admin, Id(name.clone())).await.map(drop),
        Err(e) => Err(e),
    };
    done(&app, &visitor, result, &format!("/admin/hosts/{name}"))
}
