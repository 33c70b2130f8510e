//! Customers, plans, balances, ledger, top-ups, charging, quotes.

use super::body::{PageQuery, idempotency_key, need_idempotency_key};
use super::caller::Manager;
use super::extract::{Body, Params};
use super::resellers::{managed, managed_books, of_new, price_list, request_key, sees_plan, visible_plan};
use super::{Admin, AppState, Problem, Reader};
use crate::audit;
use crate::auth::{Caller, Role, Scope};
use crate::billing::adjust::{self, Adjustment};
use crate::billing::balance::{Balance, balance};
use crate::billing::customers::{self, Customer, NewCustomer};
use crate::billing::history::{HistoryEntry, Order, history};
use crate::billing::quote::{self, Quote};
use crate::billing::topup::{self, Booked};
use crate::billing::verify::{Report, verify};
use crate::billing::{BillingError, accounts, charge, ledger, lifecycle, plans, referral, resellers};
use crate::db::Connection;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::routing::{get, post, put};
use hostmeter_core::ids::{AccountId, CustomerId, PlanId};
use hostmeter_core::ledger::{LedgerAccount, TxnKind};
use hostmeter_core::meter::Values;
use hostmeter_core::money::Money;
use hostmeter_core::plan::{PlanChange, PriceVersion, parse_json, parse_toml};
use hostmeter_core::units::{UtcHour, parse_rfc3339_ms, rfc3339};
use serde_json::{Value, json};

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/v1/customers", get(list_customers).post(add_customer))
        .route("/v1/customers/{id}", get(show_customer))
        .route("/v1/customers/{id}/balance", get(show_balance))
        .route("/v1/customers/{id}/ledger", get(show_ledger))
        .route("/v1/customers/{id}/plan", put(change_plan))
        .route("/v1/customers/{id}/topups", post(top_up))
        .route("/v1/customers/{id}/adjustments", post(adjust))
        .route("/v1/plans", get(list_plans))
        .route("/v1/plans/{id}", get(show_plan).put(set_plan))
        .route("/v1/quote", post(make_quote))
        .route("/v1/charge-runs", post(charge_run))
        .route("/v1/ledger/verify", get(verify_ledger))
}

/// A customer of the caller's scope; somebody else's is not found.
pub(crate) fn visible(conn: &Connection, caller: &Caller, id: &str) -> Result<Customer, Problem> {
    let missing = || Problem::not_found("customer", id);
    let parsed = CustomerId::parse(id).map_err(|_| missing())?;
    let found = customers::find(conn, &parsed)?.ok_or_else(missing)?;
    if caller.scope().sees(conn, Some(found.row))? { Ok(found) } else { Err(missing()) }
}

fn invalid(e: &dyn std::fmt::Display) -> Problem {
    Problem::invalid(e.to_string())
}

fn shown(conn: &Connection, c: &Customer, now_ms: i64) -> Result<Value, BillingError> {
    Ok(json!({
        "id": c.id,
        "name": c.title,
        "plan": customers::plan_at(conn, c.row, UtcHour::from_ms(now_ms))?,
        "billing_zone": c.billing_zone,
        "state": lifecycle::shown_state(c).phase,
        "hold": c.hold,
        "reseller": c.reseller.map(|r| resellers::id_of(conn, r)).transpose()?,
        "resells": c.resells,
        "referred_by": referral::referrer_of(conn, c.row)?,
        "balance": ledger::balance(conn, &c.id)?,
        "made": rfc3339(c.made_ms),
    }))
}

/// A customer to be made.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddCustomer {
    /// Its id: letters, digits, `-`, `_` and `.`.
    #[schema(value_type = String)]
    id: CustomerId,
    /// Its name, for people.
    name: String,
    /// Its plan; absent: the default plan.
    #[schema(value_type = Option<String>)]
    plan: Option<PlanId>,
    /// Zone of its billing months, `UTC` if absent.
    billing_zone: Option<String>,
    /// The reseller whose customer it is; absent: the company's.
    #[schema(value_type = Option<String>)]
    reseller: Option<CustomerId>,
    /// The customer that brought it and gets a share of its payments.
    #[schema(value_type = Option<String>)]
    referred_by: Option<CustomerId>,
}

/// Makes a customer.
#[utoipa::path(post, path = "/v1/customers", tag = "money", request_body = AddCustomer, responses((status = 201, body = Object)))]
pub async fn add_customer(
    State(app): State<AppState>,
    Manager(caller): Manager,
    Body(asked): Body<AddCustomer>,
) -> Result<(StatusCode, Json<Value>), Problem> {
    if caller.role == Role::Reseller && asked.referred_by.is_some() {
        return Err(Problem::invalid("`referred_by`: referrals are the company's"));
    }
    let billing_zone = asked.billing_zone.unwrap_or_else(|| "UTC".to_owned());
    let (now_ms, inner) = (app.now_ms(), app.clone());
    let made = app
        .db
        .write(move |tx| -> Result<Value, Problem> {
            let reseller = of_new(tx, &caller, asked.reseller)?;
            let new =
                NewCustomer { id: asked.id, title: asked.name, plan: asked.plan, billing_zone, reseller };
            let rules = &inner.billing.rules;
            let made = customers::create(tx, &new, Some(&rules.default_plan), rules.currency, now_ms)?;
            if let Some(referrer) = &asked.referred_by {
                referral::refer(tx, &made, referrer)?;
            }
            audit::write(tx, &caller.login, "customer.add", made.id.as_str(), &made.title, now_ms)?;
            Ok(shown(tx, &made, now_ms)?)
        })
        .await?;
    Ok((StatusCode::CREATED, Json(made)))
}

/// Lists customers; a customer sees itself, a reseller its own, too.
#[utoipa::path(get, path = "/v1/customers", tag = "money", params(PageQuery), responses((status = 200, body = Object)))]
pub async fn list_customers(
    State(app): State<AppState>,
    caller: Caller,
    Params(page): Params<PageQuery>,
) -> Result<Json<Value>, Problem> {
    let (now_ms, rows) = (app.now_ms(), page.rows());
    let after = page.cursor.unwrap_or_default();
    app.db
        .read(move |conn| {
            let mut found = match caller.scope() {
                Scope::Customer(row) => vec![customers::by_row(conn, row)?],
                Scope::Reseller(row) => customers::list_of(conn, row, &after, rows.saturating_add(1))?,
                Scope::All => customers::list(conn, &after, rows.saturating_add(1))?,
            };
            let more = found.len() > rows;
            found.truncate(rows);
            let next = found.last().filter(|_| more).map(|c| c.id.to_string());
            let list = found.iter().map(|c| shown(conn, c, now_ms)).collect::<Result<Vec<_>, _>>()?;
            Ok(Json(json!({"customers": list, "next": next})))
        })
        .await
}

/// Shows a customer.
#[utoipa::path(get, path = "/v1/customers/{id}", tag = "money", responses((status = 200, body = Object)))]
pub async fn show_customer(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let now_ms = app.now_ms();
    app.db.read(move |conn| Ok(Json(shown(conn, &visible(conn, &caller, &id)?, now_ms)?))).await
}

/// Balance, pending, state, days left and deadline.
#[utoipa::path(get, path = "/v1/customers/{id}/balance", tag = "money", responses((status = 200, body = Balance)))]
pub async fn show_balance(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Balance>, Problem> {
    let (now_ms, inner) = (app.now_ms(), app.clone());
    app.db
        .read(move |conn| {
            let customer = visible(conn, &caller, &id)?;
            Ok(Json(balance(conn, &customer, &inner.billing.rules, now_ms)?))
        })
        .await
}

/// A page of a customer's ledger.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct LedgerPage {
    /// Movements; a charge has one for each account and hour.
    entries: Vec<HistoryEntry>,
    /// Cursor of the next page.
    next: Option<String>,
}

/// What was charged and paid, oldest first.
#[utoipa::path(get, path = "/v1/customers/{id}/ledger", tag = "money", params(PageQuery), responses((status = 200, body = LedgerPage)))]
pub async fn show_ledger(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(page): Params<PageQuery>,
) -> Result<Json<LedgerPage>, Problem> {
    let order = match page.order.as_deref() {
        None | Some("asc") => Order::Rising,
        Some("desc") => Order::Falling,
        Some(other) => {
            return Err(Problem::bad_request(format!("order {other:?} is not \"asc\" or \"desc\"")));
        }
    };
    let (from, rows) = (page.number()?, page.rows());
    app.db
        .read(move |conn| {
            let customer = visible(conn, &caller, &id)?;
            let (entries, next) = history(conn, &customer, from, order, rows)?;
            Ok(Json(LedgerPage { entries, next: next.map(|n| n.to_string()) }))
        })
        .await
}

/// Which plan.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChangePlan {
    /// The plan's id.
    #[schema(value_type = String)]
    plan: PlanId,
}

/// Changes a customer's plan: from the next UTC hour, or the next billing month where a month's prices are involved.
#[utoipa::path(put, path = "/v1/customers/{id}/plan", tag = "money", request_body = ChangePlan, responses((status = 200, body = Object)))]
pub async fn change_plan(
    State(app): State<AppState>,
    Manager(caller): Manager,
    Path(id): Path<String>,
    Body(ChangePlan { plan }): Body<ChangePlan>,
) -> Result<Json<Value>, Problem> {
    let now_ms = app.now_ms();
    app.db
        .write(move |tx| {
            let customer = managed(tx, &caller, &id)?;
            let from = customers::change_plan(tx, &customer, &plan, now_ms)?;
            audit::write(tx, &caller.login, "customer.plan", customer.id.as_str(), plan.as_str(), now_ms)?;
            let from = (from != customers::FROM_START).then(|| from.to_string());
            Ok(Json(json!({"customer": customer.id, "plan": plan, "from": from})))
        })
        .await
}

/// Money that came in.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TopUp {
    /// How much, a decimal string above zero.
    #[schema(value_type = String)]
    amount: Money,
    /// Through which gateway, for example `manual`.
    gateway: String,
    /// The gateway's reference.
    payment: String,
}

/// Books a top-up, once for its Idempotency-Key and once for its gateway and payment.
#[utoipa::path(post, path = "/v1/customers/{id}/topups", tag = "money", request_body = TopUp,
    responses((status = 201, body = Booked), (status = 200, body = Booked), (status = 409, description = "the key or the payment was used for something else")))]
pub async fn top_up(
    State(app): State<AppState>,
    Manager(caller): Manager,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(asked): Body<TopUp>,
) -> Result<(StatusCode, Json<Booked>), Problem> {
    let key = request_key(&caller, need_idempotency_key(&headers)?);
    let (now_ms, inner) = (app.now_ms(), app.clone());
    let (outcome, wake) = app
        .db
        .write(move |tx| -> Result<_, Problem> {
            let customer = managed_books(tx, &caller, &id, now_ms)?;
            let paid =
                topup::Payment { amount: asked.amount, gateway: &asked.gateway, payment: &asked.payment };
            let rules = &inner.billing.rules;
            // Every credit takes the customer's step in the same transaction.
            Ok(topup::receive(tx, &customer, &paid, &key, &caller.login, rules, now_ms)?)
        })
        .await?;
    app.billing.wake(&wake);
    let status = if outcome.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(outcome.booked)))
}

/// What staff books without money.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Adjust {
    /// By how much the balance changes, a decimal string; below zero takes away.
    #[schema(value_type = String)]
    amount: Money,
    /// Why; kept for ever and shown to the customer.
    reason: String,
    /// `adjustment` (if absent), `promo` for credit that is given, or `write-off` for a debt that is given up.
    #[schema(value_type = Option<String>)]
    kind: Option<TxnKind>,
    /// What a correction is booked against: `promo` (if absent), `referral`, `bad-debt` or `revenue:METER`.
    #[schema(value_type = Option<String>)]
    against: Option<LedgerAccount>,
}

/// Books a correction, a promotion or a write-off, once for its Idempotency-Key where there is one.
#[utoipa::path(post, path = "/v1/customers/{id}/adjustments", tag = "money", request_body = Adjust,
    responses((status = 201, body = Booked), (status = 200, body = Booked), (status = 409, description = "the key was used for something else, or less is owed")))]
pub async fn adjust(
    State(app): State<AppState>,
    Manager(caller): Manager,
    Path(id): Path<String>,
    headers: HeaderMap,
    Body(asked): Body<Adjust>,
) -> Result<(StatusCode, Json<Booked>), Problem> {
    let key = idempotency_key(&headers)?.map(|key| request_key(&caller, key));
    let kind = asked.kind.unwrap_or(TxnKind::Adjustment);
    if asked.against.is_some() && kind != TxnKind::Adjustment {
        return Err(Problem::invalid(format!("`against` is for the kind adjustment only, not for {kind}")));
    }
    let against = asked.against.unwrap_or(LedgerAccount::Promo);
    let (amount, reason) = (asked.amount, asked.reason);
    let outcome = book_adjustment(&app, caller, id, (kind, amount, against), reason, key).await?;
    let status = if outcome.new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(outcome.booked)))
}

/// Books an adjustment, with its line in the audit, and takes the customer's step.
pub(crate) async fn book_adjustment(
    app: &AppState,
    caller: Caller,
    id: String,
    (kind, amount, against): (TxnKind, Money, LedgerAccount),
    reason: String,
    key: Option<String>,
) -> Result<topup::Outcome, Problem> {
    let (now_ms, inner) = (app.now_ms(), app.clone());
    let (outcome, wake) = app
        .db
        .write(move |tx| -> Result<_, Problem> {
            let customer = managed_books(tx, &caller, &id, now_ms)?;
            let asked = Adjustment { kind, amount, against, reason: &reason };
            let outcome = adjust::adjust(tx, &customer, &asked, key.as_deref(), &caller.login, now_ms)?;
            if outcome.new {
                let (action, detail) = (format!("customer.{kind}"), format!("{amount}: {reason}"));
                audit::write(tx, &caller.login, &action, customer.id.as_str(), &detail, now_ms)?;
            }
            let wake = lifecycle::run_alone(tx, customer.row, &inner.billing.rules, now_ms)?;
            Ok((outcome, wake))
        })
        .await?;
    app.billing.wake(&wake);
    Ok(outcome)
}

fn shown_plan(conn: &Connection, plan: &plans::Plan, now_ms: i64) -> Result<Value, BillingError> {
    let versions = plans::versions(conn, plan.row)?;
    let now = UtcHour::from_ms(now_ms);
    let started = versions.iter().rev().map(|v| v.version.id().valid_from).find(|from| *from <= now);
    let from = started.or_else(|| versions.first().map(|v| v.version.id().valid_from));
    let bodies: Vec<Value> = versions
        .iter()
        .map(|v| serde_json::from_str(&v.version.canonical()))
        .collect::<Result<_, _>>()
        .map_err(|e| BillingError::Damaged { what: format!("plan {}", plan.id), why: e.to_string() })?;
    let reseller = plan.reseller.map(|r| resellers::id_of(conn, r)).transpose()?;
    Ok(json!({
        "id": plan.id, "currency": plan.currency, "valid_from": from, "reseller": reseller, "versions": bodies,
    }))
}

/// Lists plans with their versions.
#[utoipa::path(get, path = "/v1/plans", tag = "money", responses((status = 200, body = Object)))]
pub async fn list_plans(State(app): State<AppState>, caller: Caller) -> Result<Json<Value>, Problem> {
    let now_ms = app.now_ms();
    app.db
        .read(move |conn| {
            let mut list = Vec::new();
            for plan in plans::list(conn)? {
                if sees_plan(conn, &caller, &plan)? {
                    list.push(plan);
                }
            }
            let list = list.iter().map(|p| shown_plan(conn, p, now_ms)).collect::<Result<Vec<_>, _>>()?;
            Ok(Json(json!({"plans": list, "next": null})))
        })
        .await
}

fn plan_id(id: &str) -> Result<PlanId, Problem> {
    PlanId::parse(id).map_err(|e| invalid(&e))
}

/// Shows a plan with its versions.
#[utoipa::path(get, path = "/v1/plans/{id}", tag = "money", responses((status = 200, body = Object)))]
pub async fn show_plan(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Value>, Problem> {
    let (id, now_ms) = (plan_id(&id)?, app.now_ms());
    app.db.read(move |conn| Ok(Json(shown_plan(conn, &visible_plan(conn, &caller, &id)?, now_ms)?))).await
}

/// A plan file's content, TOML or JSON.
pub(super) fn plan_of(headers: &HeaderMap, body: &Bytes) -> Result<PriceVersion, Problem> {
    let text = std::str::from_utf8(body).map_err(|_| Problem::bad_request("the plan is not UTF-8 text"))?;
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    let json = kind.contains("json") || (!kind.contains("toml") && text.trim_start().starts_with('{'));
    Ok(if json { parse_json(text) } else { parse_toml(text) }.map_err(BillingError::from)?)
}

/// Sets a version of a plan from a plan file's content, TOML or JSON. The same content again changes nothing.
#[utoipa::path(put, path = "/v1/plans/{id}", tag = "money", request_body = String,
    responses((status = 200, body = Object), (status = 409, description = "hours from its start on were charged, or other content is in force")))]
pub async fn set_plan(
    State(app): State<AppState>,
    Manager(caller): Manager,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let id = plan_id(&id)?;
    let version = plan_of(&headers, &body)?;
    let (now_ms, inner) = (app.now_ms(), app.clone());
    app.db
        .write(move |tx| {
            let rules = &inner.billing.rules;
            let reseller = price_list(tx, &caller, &id, &rules.default_plan)?;
            let change = plans::set_of(tx, reseller, &id, &version, rules.currency, now_ms)?;
            let word = match change {
                PlanChange::Unchanged => "unchanged",
                PlanChange::Added => "added",
                PlanChange::Replaced => "replaced",
            };
            let from = version.id().valid_from;
            if change != PlanChange::Unchanged {
                audit::write(
                    tx,
                    &caller.login,
                    "plan.set",
                    id.as_str(),
                    &format!("{word}, from {from}"),
                    now_ms,
                )?;
            }
            Ok(Json(json!({"id": id, "valid_from": from, "change": word})))
        })
        .await
}

/// What is to be quoted: quantities, or an account's own history.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskQuote {
    /// The plan's id.
    #[schema(value_type = String)]
    plan: PlanId,
    /// Base units by meter.
    #[schema(value_type = Option<Object>)]
    quantities: Option<Values>,
    /// The account whose history is rated.
    account: Option<String>,
    /// Start of the history, RFC 3339, the start of a UTC hour.
    #[schema(value_type = Option<String>)]
    from: Option<UtcHour>,
    /// End of the history, RFC 3339, the start of a UTC hour.
    #[schema(value_type = Option<String>)]
    to: Option<UtcHour>,
}

/// What usage would cost under a plan. Nothing is stored.
#[utoipa::path(post, path = "/v1/quote", tag = "money", request_body = AskQuote, responses((status = 200, body = Quote)))]
pub async fn make_quote(
    State(app): State<AppState>,
    caller: Caller,
    Body(asked): Body<AskQuote>,
) -> Result<Json<Quote>, Problem> {
    let now_ms = app.now_ms();
    app.db
        .read(move |conn| {
            visible_plan(conn, &caller, &asked.plan)?;
            Ok(Json(match (asked.quantities, asked.account, asked.from, asked.to) {
                (Some(quantities), None, None, None) => {
                    quote::of_quantities(conn, &asked.plan, &quantities, now_ms)?
                }
                (None, Some(account), Some(from), Some(to)) => {
                    let id = AccountId::parse(&account).map_err(|e| invalid(&e))?;
                    let owner = accounts::find(conn, &id)?.map(|a| a.customer);
                    let seen = owner.map(|owner| caller.scope().sees(conn, owner)).transpose()?;
                    if seen != Some(true) {
                        return Err(Problem::not_found("account", &account));
                    }
                    quote::of_history(conn, &asked.plan, &id, from, to, now_ms)?
                }
                _ => {
                    let why = "give either `quantities`, or `account`, `from` and `to`";
                    return Err(Problem::invalid(why));
                }
            }))
        })
        .await
}

/// How far to charge.
#[derive(serde::Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ChargeRun {
    /// Only hours that end at this time or before, RFC 3339; absent: every closed hour.
    until: Option<String>,
}

/// Charges every closed hour that is not charged yet. A second run changes nothing; two at once: one works.
#[utoipa::path(post, path = "/v1/charge-runs", tag = "money", request_body = ChargeRun, responses((status = 200, body = charge::Summary)))]
pub async fn charge_run(
    State(app): State<AppState>,
    Admin(caller): Admin,
    Body(asked): Body<ChargeRun>,
) -> Result<Json<charge::Summary>, Problem> {
    let now_ms = app.now_ms();
    let until_ms = match &asked.until {
        Some(text) => parse_rfc3339_ms(text).map_err(|e| Problem::invalid(format!("until: {e}")))?,
        None => now_ms,
    };
    crate::billing::clock_goes(&app.db, &app.clock).await?;
    // A run goes on to its end even if the caller hangs up.
    let task = tokio::spawn(async move {
        let billing = &app.billing;
        let wake = |hosts: &_| billing.wake(hosts);
        charge::run(&app.db, &billing.charging, &billing.rules, &caller.login, until_ms, now_ms, wake).await
    });
    let done = task.await.map_err(|e| Problem::internal(&e))??;
    Ok(Json(done))
}

/// Recomputes the ledger from the entries up.
#[utoipa::path(get, path = "/v1/ledger/verify", tag = "money", responses((status = 200, body = Report)))]
pub async fn verify_ledger(State(app): State<AppState>, _reader: Reader) -> Result<Json<Report>, Problem> {
    app.db.read(|conn| Ok(Json(verify(conn)?))).await
}
