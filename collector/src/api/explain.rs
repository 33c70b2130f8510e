//! From a line of the ledger, or of a statement, to the hours and intervals that it is the sum of.

use super::extract::Params;
use super::money::visible;
use super::{AppState, Problem};
use crate::auth::Caller;
use crate::billing::explain::{self, ChargedHour, ExplainError, Explanation};
use crate::limits::{PAGE_ROWS_DEFAULT, PAGE_ROWS_MAX};
use axum::Json;
use axum::extract::{Path, State};
use axum::routing::get;
use hostmeter_core::ids::AccountId;
use hostmeter_core::rating::Item;
use hostmeter_core::units::UtcHour;

/// The routes of this file.
pub fn routes() -> axum::Router<AppState> {
    axum::Router::new()
        .route("/v1/customers/{id}/charges", get(list_charges))
        .route("/v1/customers/{id}/charges/{hour}", get(explain_charge))
}

impl From<ExplainError> for Problem {
    fn from(e: ExplainError) -> Self {
        match e {
            ExplainError::Billing(e) => e.into(),
            ExplainError::Store(e) => Self::internal(&e),
        }
    }
}

/// Which charges.
#[derive(Clone, Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AskCharges {
    /// The account.
    account: String,
    /// Only hours with a line of this meter, and that line's figures; `base`: days with their base fee.
    meter: Option<String>,
    /// From this hour on, RFC 3339, the start of a UTC hour.
    from: Option<String>,
    /// Before this hour, RFC 3339, the start of a UTC hour.
    to: Option<String>,
    /// `next` of the page before.
    cursor: Option<String>,
    /// Rows of the page, at most 1,000.
    limit: Option<usize>,
}

/// A page of charged hours.
#[derive(serde::Serialize, utoipa::ToSchema)]
pub struct ChargesPage {
    /// Oldest first.
    charges: Vec<ChargedHour>,
    /// Cursor of the next page.
    next: Option<String>,
}

pub(crate) fn account_id(text: &str) -> Result<AccountId, Problem> {
    AccountId::parse(text).map_err(|_| Problem::not_found("account", text))
}

fn hour(name: &str, text: &str) -> Result<UtcHour, Problem> {
    UtcHour::parse(text).map_err(|e| Problem::invalid(format!("{name}: {e}")))
}

/// Lists what a customer was charged for an account, hour by hour: what a line of a statement is the sum of.
#[utoipa::path(get, path = "/v1/customers/{id}/charges", tag = "money", params(AskCharges), responses((status = 200, body = ChargesPage)))]
pub async fn list_charges(
    State(app): State<AppState>,
    caller: Caller,
    Path(id): Path<String>,
    Params(asked): Params<AskCharges>,
) -> Result<Json<ChargesPage>, Problem> {
    let meter = match asked.meter.as_deref() {
        None => None,
        Some(name) => Some(
            Item::from_name(name).ok_or_else(|| Problem::invalid(format!("no meter is called {name:?}")))?,
        ),
    };
    let from = asked.from.as_deref().map_or(Ok(UtcHour(i64::MIN)), |t| hour("from", t))?;
    let to = asked.to.as_deref().map_or(Ok(UtcHour(i64::MAX)), |t| hour("to", t))?;
    let start = match asked.cursor.as_deref() {
        None => (from, 0),
        Some(text) => cursor(text)?,
    };
    let rows = asked.limit.unwrap_or(PAGE_ROWS_DEFAULT).clamp(1, PAGE_ROWS_MAX);
    app.db
        .read(move |conn| {
            let customer = visible(conn, &caller, &id)?;
            let account = account_id(&asked.account)?;
            let (charges, next) = explain::hours(conn, &customer, &account, meter, start, to, rows)?;
            let next = next.map(|(hour, rev)| format!("{}:{rev}", hour.0));
            Ok(Json(ChargesPage { charges, next }))
        })
        .await
}

fn cursor(text: &str) -> Result<(UtcHour, i64), Problem> {
    let parts = text.split_once(':').and_then(|(hour, rev)| Some((hour.parse().ok()?, rev.parse().ok()?)));
    let (hour, rev) =
        parts.ok_or_else(|| Problem::bad_request(format!("cursor {text:?} is none that this list gave")))?;
    Ok((UtcHour(hour), rev))
}

/// Which account's hour.
#[derive(Clone, Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AskExplain {
    /// The account.
    pub account: String,
}

/// Explains what a customer was charged for an hour of an account: the charges with the price version of each, the
/// month's quantities and costs before and after, and the intervals that the hour is the sum of.
#[utoipa::path(get, path = "/v1/customers/{id}/charges/{hour}", tag = "money", params(AskExplain), responses((status = 200, body = Explanation)))]
pub async fn explain_charge(
    State(app): State<AppState>,
    caller: Caller,
    Path((id, hour)): Path<(String, String)>,
    Params(asked): Params<AskExplain>,
) -> Result<Json<Explanation>, Problem> {
    Ok(Json(explained(&app, caller, id, hour, asked.account).await?))
}

/// The explanation, for the API and for pages.
pub(crate) async fn explained(
    app: &AppState,
    caller: Caller,
    id: String,
    at: String,
    account: String,
) -> Result<Explanation, Problem> {
    app.query(move |conn, store| -> Result<Explanation, Problem> {
        let customer = visible(conn, &caller, &id)?;
        let missing = || Problem::not_found("charge", &format!("{account} at {at}"));
        let (parsed, hour) = (account_id(&account)?, UtcHour::parse(&at).map_err(|_| missing())?);
        explain::explain(conn, store, &customer, &parsed, hour)?.ok_or_else(missing)
    })
    .await
}
