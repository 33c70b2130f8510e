//! Resellers, what they earn, whose customer somebody is; and what a reseller may change.

use super::extract::{Body, Params};
use super::money::visible;
use super::{Admin, AppState, Problem};
use crate::audit;
use crate::auth::{Caller, Role, Scope};
use crate::billing::customers::{self, Customer};
use crate::billing::margin::{MonthMargin, margin};
use crate::billing::plans::{self, Plan};
use crate::billing::{BillingError, lifecycle, refund, resellers};
use crate::db::Connection;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::{get, put};
use hostmeter_core::ids::{CustomerId, PlanId};
use hostmeter_core::rating::BillingMonth;
use hostmeter_core::units::UtcHour;
use serde_json::{Value, json};

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/v1/resellers", get(list).post(make))
        .route("/v1/resellers/{id}/margin", get(show_margin))
        .route("/v1/customers/{id}/reseller", put(assign))
}

/// A customer that the caller may change: any for an admin; for a reseller its own, not itself, which is the company's.
pub(super) fn managed(conn: &Connection, caller: &Caller, id: &str) -> Result<Customer, Problem> {
    let customer = visible(conn, caller, id)?;
    match caller.scope() {
        Scope::Reseller(own) if own == customer.row => Err(Problem::forbidden(caller.role, "admin")),
        _ => Ok(customer),
    }
}

/// As [`managed`], to book money: before a change of the reseller begins, the books are another's.
pub(super) fn managed_books(
    conn: &Connection,
    caller: &Caller,
    id: &str,
    now_ms: i64,
) -> Result<Customer, Problem> {
    let customer = managed(conn, caller, id)?;
    if let Scope::Reseller(own) = caller.scope()
        && resellers::row_at(conn, &customer, UtcHour::from_ms(now_ms))? != Some(own)
    {
        let why = format!("customer {} is not yours yet; book money once it is", customer.id);
        return Err(Problem::conflict("reseller_ahead", why));
    }
    Ok(customer)
}

/// A reseller gives back only payments that came to it.
pub(super) fn check_books(
    conn: &Connection,
    caller: &Caller,
    customer: &Customer,
    gateway: &str,
    payment: &str,
) -> Result<(), Problem> {
    let Scope::Reseller(own) = caller.scope() else { return Ok(()) };
    let own = resellers::id_of(conn, own)?;
    if refund::books_of(conn, customer, gateway, payment)? == Some(own) {
        return Ok(());
    }
    Err(Problem::not_found("payment", payment))
}

/// The key by which a request happens once: that of a reseller's user is the reseller's own.
pub(super) fn request_key(caller: &Caller, key: String) -> String {
    match caller.scope() {
        Scope::Reseller(row) => format!("reseller/{row}/{key}"),
        Scope::All | Scope::Customer(_) => key,
    }
}

/// Whether the caller may see a plan: a customer those of whom it is a customer, a reseller its own, too.
pub(super) fn sees_plan(conn: &Connection, caller: &Caller, plan: &Plan) -> Result<bool, Problem> {
    let known = match caller.scope() {
        Scope::All => return Ok(true),
        Scope::Reseller(own) if plan.reseller == Some(own) => return Ok(true),
        Scope::Reseller(row) | Scope::Customer(row) => row,
    };
    let sql = "SELECT EXISTS (SELECT 1 FROM customer WHERE id = ?1 AND reseller IS ?2)";
    Ok(conn.prepare_cached(sql)?.query_row((known, plan.reseller), |r| r.get(0))?)
}

/// A plan that the caller may see; somebody else's is not found.
pub(super) fn visible_plan(conn: &Connection, caller: &Caller, id: &PlanId) -> Result<Plan, Problem> {
    let missing = || Problem::not_found("plan", id.as_str());
    match (plans::find(conn, id)?, caller.scope()) {
        (Some(plan), _) if sees_plan(conn, caller, &plan)? => Ok(plan),
        (None, Scope::All) => Ok(plans::get(conn, id)?),
        _ => Err(missing()),
    }
}

/// On whose price list a plan is that the caller sets: a reseller's own. The name of another's is not found, nor is that of
/// the default plan, which is the company's.
pub(super) fn price_list(
    conn: &Connection,
    caller: &Caller,
    id: &PlanId,
    default: &PlanId,
) -> Result<Option<i64>, Problem> {
    let Scope::Reseller(own) = caller.scope() else { return Ok(None) };
    let known = plans::find(conn, id)?;
    if id == default || known.is_some_and(|p| p.reseller != Some(own)) {
        let why = format!("plan {id:?} is none of yours; choose another id for a new one");
        return Err(Problem::new(StatusCode::NOT_FOUND, "not_found", why));
    }
    Ok(Some(own))
}

/// The reseller of a customer that the caller makes: an admin names it, a reseller is it.
pub(super) fn of_new(
    conn: &Connection,
    caller: &Caller,
    asked: Option<CustomerId>,
) -> Result<Option<CustomerId>, Problem> {
    let Scope::Reseller(own) = caller.scope() else { return Ok(asked) };
    let own = resellers::id_of(conn, own)?;
    match asked {
        Some(other) if other != own => Err(Problem::not_found("reseller", other.as_str())),
        _ => Ok(Some(own)),
    }
}

fn shown(reseller: &Customer, customers: i64) -> Value {
    json!({
        "id": reseller.id,
        "name": reseller.title,
        "customers": customers,
        "state": lifecycle::shown_state(reseller).phase,
    })
}

/// Lists resellers; a reseller sees itself.
#[utoipa::path(get, path = "/v1/resellers", tag = "resellers", responses((status = 200, body = Object)))]
pub async fn list(State(app): State<AppState>, caller: Caller) -> Result<Json<Value>, Problem> {
    if caller.role == Role::Customer {
        return Err(Problem::forbidden(caller.role, "reseller, admin or auditor"));
    }
    app.db
        .read(move |conn| -> Result<_, Problem> {
            let own = caller.scope().customer();
            let all = resellers::list(conn)?;
            let seen = all.iter().filter(|(r, _)| own.is_none_or(|own| own == r.row));
            let list: Vec<Value> = seen.map(|(r, customers)| shown(r, *customers)).collect();
            Ok(Json(json!({"resellers": list})))
        })
        .await
}

/// Which customer.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeReseller {
    /// The customer's id.
    #[schema(value_type = String)]
    customer: CustomerId,
}

/// Lets a customer have customers of its own.
#[utoipa::path(post, path = "/v1/resellers", tag = "resellers", request_body = MakeReseller,
    responses((status = 201, body = Object), (status = 409, description = "it has a reseller itself")))]
pub async fn make(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Body(MakeReseller { customer }): Body<MakeReseller>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    let (now_ms, inner) = (app.now_ms(), app.clone());
    let (made, wake) = app
        .db
        .write(move |tx| -> Result<_, BillingError> {
            let found = customers::get(tx, &customer)?;
            resellers::make(tx, &found)?;
            audit::write(tx, &caller.login, "reseller.make", customer.as_str(), "", now_ms)?;
            let wake = lifecycle::run_alone(tx, found.row, &inner.billing.rules, now_ms)?;
            Ok((shown(&customers::by_row(tx, found.row)?, 0), wake))
        })
        .await?;
    app.billing.wake(&wake);
    Ok((StatusCode::CREATED, Json(made)))
}

/// Whose customer it is to be.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignReseller {
    /// The reseller; null: the company.
    #[schema(value_type = Option<String>)]
    reseller: Option<CustomerId>,
    /// The plan, of that reseller or of the company.
    #[schema(value_type = String)]
    plan: PlanId,
}

/// Gives a customer to a reseller or to the company, with a plan of theirs: from the next UTC hour, or the next billing month
/// where a month's prices are involved.
#[utoipa::path(put, path = "/v1/customers/{id}/reseller", tag = "resellers", request_body = AssignReseller,
    responses((status = 200, body = Object), (status = 404, description = "no such reseller, or no such plan of it")))]
pub async fn assign(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Path(id): Path<String>,
    Body(AssignReseller { reseller, plan }): Body<AssignReseller>,
) -> Result<Json<Value>, Problem> {
    let now_ms = app.now_ms();
    app.db
        .write(move |tx| -> Result<_, Problem> {
            let customer = visible(tx, &caller, &id)?;
            let found = reseller.as_ref().map(|r| resellers::get(tx, r)).transpose()?;
            let from = resellers::assign(tx, &customer, found.as_ref(), &plan, now_ms)?;
            let detail = reseller.as_ref().map_or("the company", |r| r.as_str());
            audit::write(tx, &caller.login, "customer.reseller", customer.id.as_str(), detail, now_ms)?;
            let from = (from != customers::FROM_START).then(|| from.to_string());
            Ok(Json(json!({"customer": customer.id, "reseller": reseller, "plan": plan, "from": from})))
        })
        .await
}

/// Which months.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct MarginParams {
    /// `2026-11`; absent: the last months with anything in them.
    month: Option<String>,
}

/// What a reseller earned.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct MarginReport {
    /// The reseller.
    reseller: String,
    /// Currency of the amounts.
    currency: String,
    /// Zone of the months.
    billing_zone: String,
    /// The latest first.
    months: Vec<MonthMargin>,
}

/// What a reseller's customers were charged, what that cost it, and the difference, by month and customer.
#[utoipa::path(get, path = "/v1/resellers/{id}/margin", tag = "resellers", params(MarginParams), responses((status = 200, body = MarginReport)))]
pub async fn show_margin(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(p): Params<MarginParams>,
) -> Result<Json<MarginReport>, Problem> {
    if caller.role == Role::Customer {
        return Err(Problem::forbidden(caller.role, "reseller, admin or auditor"));
    }
    let month = p.month.as_deref().map(BillingMonth::parse).transpose();
    let month = month.map_err(|e| Problem::invalid(format!("month: {e}")))?;
    let (now_ms, currency) = (app.now_ms(), app.billing.rules.currency.to_string());
    app.db
        .read(move |conn| {
            let found = visible(conn, &caller, &id)?;
            if !found.resells {
                return Err(Problem::not_found("reseller", &id));
            }
            let months = margin(conn, &found, month, now_ms)?;
            let (reseller, billing_zone) = (found.id.to_string(), found.billing_zone);
            Ok(Json(MarginReport { reseller, currency, billing_zone, months }))
        })
        .await
}
