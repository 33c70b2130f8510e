//! The admin's pages of customers.

use super::build::{self, Reads};
use super::lists::After;
use super::visitor::{Named, Staff};
use super::{money, page, read, standing};
use crate::api::{AppState, Problem};
use crate::billing::Rules;
use crate::billing::customers::{self, Customer};
use crate::db::Connection;
use crate::limits::PANEL_ROWS_MAX;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use hostmeter_core::ids::CustomerId;
use hostmeter_core::units::UtcHour;
use hostmeter_panel::view::{CustomerListView, CustomerRow, CustomerView, Frame};
use hostmeter_panel::{customer_page, customers_page};

/// All customers.
pub(super) async fn list(
    State(app): State<AppState>,
    Staff(visitor): Staff,
    asked: Result<Query<After>, QueryRejection>,
) -> Response {
    let after = asked.ok().and_then(|Query(a)| a.after).unwrap_or_default();
    let (now_ms, rules) = (app.now_ms(), app.billing.rules.clone());
    let frame = visitor.frame(now_ms);
    let own = frame.clone();
    let found = app.db.read(move |conn| all(conn, &after, &rules, own)).await;
    page::answer(frame, found, customers_page).await
}

fn all(conn: &Connection, after: &str, rules: &Rules, mut frame: Frame) -> Result<CustomerListView, Problem> {
    let mut found = customers::list(conn, after, PANEL_ROWS_MAX.saturating_add(1))?;
    let is_cut = found.len() > PANEL_ROWS_MAX;
    found.truncate(PANEL_ROWS_MAX);
    let next = found.last().filter(|_| is_cut).map(|c| c.id.to_string());
    frame.notices.extend(build::more(next.as_deref(), "/admin/customers"));
    let now_ms = frame.now_ms;
    let rows = found.iter().map(|c| row(conn, c, rules, now_ms)).collect::<Result<_, _>>()?;
    Ok(CustomerListView { frame, customers: rows })
}

fn row(conn: &Connection, customer: &Customer, rules: &Rules, now_ms: i64) -> Result<CustomerRow, Problem> {
    let plan = customers::plan_at(conn, customer.row, UtcHour::from_ms(now_ms))?;
    Ok(CustomerRow {
        id: customer.id.to_string(),
        name: if customer.title.is_empty() { customer.id.to_string() } else { customer.title.clone() },
        plan: plan.unwrap_or_else(|| "none".to_owned()),
        balance: money::balance_view(conn, customer, rules, now_ms)?,
        accounts: read::accounts_of(conn, customer.row)?,
    })
}

/// One customer.
pub(super) async fn page(State(app): State<AppState>, Staff(visitor): Staff, Named(id): Named) -> Response {
    let (now_ms, rules) = (app.now_ms(), app.billing.rules.clone());
    let frame = visitor.frame(now_ms);
    let own = frame.clone();
    let found = app
        .query(move |conn, store| {
            view(Reads { conn, store, scope: visitor.scope(), now_ms }, &id, &rules, own)
        })
        .await;
    page::answer(frame, found, customer_page).await
}

fn view(reads: Reads<'_>, id: &str, rules: &Rules, mut frame: Frame) -> Result<CustomerView, Problem> {
    let Reads { conn, scope, now_ms, .. } = reads;
    let known = CustomerId::parse(id).ok().map(|id| customers::find(conn, &id)).transpose()?.flatten();
    let customer = known.ok_or_else(|| Problem::not_found("customer", id))?;
    let (accounts, next) = build::accounts_today(reads, &customer)?;
    frame.notices.extend(build::more(next.as_deref(), ""));
    Ok(CustomerView {
        frame,
        customer: row(conn, &customer, rules, now_ms)?,
        standing: standing::view(conn, &customer, rules, now_ms)?,
        accounts,
        ledger: money::ledger(conn, &customer)?,
        events: money::events(conn, &customer)?,
        commands: build::commands(read::commands_of(conn, scope, None, Some(customer.row))?)?,
        billing_zone: customer.billing_zone,
    })
}
