//! The first page of a customer, and the admin's lists of accounts and alerts.

use super::build::{self, Reads};
use super::visitor::{Staff, Visitor};
use super::{money, page, standing};
use crate::api::{AppState, Problem};
use crate::billing::{Rules, customers};
use crate::config::Breaker;
use crate::db::Connection;
use crate::query::accounts::Filter;
use crate::query::alerts;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::response::Response;
use hostmeter_core::units::HOUR_MS;
use hostmeter_panel::view::{AccountListView, AlertRow, AlertsView, Frame, OverviewView, Severity};
use hostmeter_panel::{accounts_page, alerts_page, overview_page};
use serde::Deserialize;

/// A customer's first page; staff is sent on.
pub(super) async fn overview(State(app): State<AppState>, visitor: Visitor) -> Response {
    let Some(row) = visitor.caller.customer.filter(|_| !visitor.is_staff()) else {
        return page::see_other("/admin/hosts");
    };
    let (now_ms, rules) = (app.now_ms(), app.billing.rules.clone());
    let frame = visitor.frame(now_ms);
    let own = frame.clone();
    let found = app
        .query(move |conn, store| {
            let reads = Reads { conn, store, scope: visitor.scope(), now_ms };
            first(reads, row, &rules, own)
        })
        .await;
    page::answer(frame, found, overview_page).await
}

fn first(reads: Reads<'_>, row: i64, rules: &Rules, mut frame: Frame) -> Result<OverviewView, Problem> {
    let customer = customers::by_row(reads.conn, row)?;
    let (accounts, next) = build::accounts_today(reads, &customer)?;
    frame.notices.extend(build::more(next.as_deref(), ""));
    Ok(OverviewView {
        frame,
        customer: customer.id.to_string(),
        balance: money::balance_view(reads.conn, &customer, rules, reads.now_ms)?,
        standing: standing::view(reads.conn, &customer, rules, reads.now_ms)?,
        accounts,
        ledger: money::ledger(reads.conn, &customer)?,
        name: customer.title,
    })
}

/// Staff starts with the hosts.
pub(super) async fn admin(Staff(_): Staff) -> Response {
    page::see_other("/admin/hosts")
}

/// Where a list goes on.
#[derive(Debug, Default, Deserialize)]
pub(super) struct After {
    pub(super) after: Option<String>,
}

/// All accounts.
pub(super) async fn accounts(
    State(app): State<AppState>,
    Staff(visitor): Staff,
    asked: Result<Query<After>, QueryRejection>,
) -> Response {
    let after = asked.ok().and_then(|Query(a)| a.after);
    let now_ms = app.now_ms();
    let frame = visitor.frame(now_ms);
    let mut own = frame.clone();
    let found = app
        .query(move |conn, store| -> Result<AccountListView, Problem> {
            let reads = Reads { conn, store, scope: visitor.scope(), now_ms };
            let filter = Filter { after, ..Filter::default() };
            let (accounts, next) = build::accounts(reads, filter, now_ms.saturating_sub(HOUR_MS))?;
            own.notices.extend(build::more(next.as_deref(), "/admin/accounts"));
            Ok(AccountListView { frame: own, accounts })
        })
        .await;
    page::answer(frame, found, accounts_page).await
}

/// All alerts.
pub(super) async fn alerts(State(app): State<AppState>, Staff(visitor): Staff) -> Response {
    let frame = visitor.frame(app.now_ms());
    let (own, limits) = (frame.clone(), app.billing.rules.breaker);
    let found = app.db.read(move |conn| all_alerts(conn, &visitor, limits, own)).await;
    page::answer(frame, found, alerts_page).await
}

fn all_alerts(
    conn: &Connection,
    visitor: &Visitor,
    limits: Breaker,
    frame: Frame,
) -> Result<AlertsView, Problem> {
    let mut found = alerts::list(conn, visitor.scope(), false)?;
    // They come newest first; those that stand go in front.
    found.sort_by_key(|a| a.cleared_ms.is_some());
    let row = |a: alerts::Alert| AlertRow {
        at_ms: a.raised_ms,
        recovered_ms: a.cleared_ms,
        severity: severity(&a.kind),
        rule: a.kind,
        subject: a.subject,
        text: a.detail,
    };
    let breaker = standing::breaker(conn, limits, frame.now_ms)?;
    Ok(AlertsView { frame, alerts: found.into_iter().map(row).collect(), breaker })
}

/// What stops or endangers billing and orders is critical.
fn severity(kind: &str) -> Severity {
    match kind {
        "fork" | "breaker" | "command" | "rating" | "parked" => Severity::Critical,
        _ => Severity::Warning,
    }
}
