//! The page of one account.

use super::build::{self, Reads};
use super::visitor::{Named, Visitor};
use super::{charts, money, page, range, read};
use crate::api::{AppState, Problem};
use crate::billing::Rules;
use crate::billing::customers;
use crate::query::usage::{Ask, usage};
use crate::query::{accounts, top};
use axum::extract::State;
use axum::response::Response;
use hostmeter_core::ids::CustomerId;
use hostmeter_panel::account_page;
use hostmeter_panel::view::{AccountView, DesiredView, Frame, Range, TopRow};

/// One account over a range.
pub(super) async fn page(
    State(app): State<AppState>,
    visitor: Visitor,
    Named(id): Named,
    range::Asked(range): range::Asked,
) -> Response {
    let (now_ms, rules) = (app.now_ms(), app.billing.rules.clone());
    let frame = visitor.frame(now_ms);
    let own = frame.clone();
    let found = app
        .query(move |conn, store| {
            let reads = Reads { conn, store, scope: visitor.scope(), now_ms };
            view(reads, &id, range, &rules, own)
        })
        .await;
    let mut response = page::answer(frame, found, account_page).await;
    if range == Range::Hour && response.status().is_success() {
        page::refresh(response.headers_mut());
    }
    response
}

fn view(
    reads: Reads<'_>,
    id: &str,
    range: Range,
    rules: &Rules,
    mut frame: Frame,
) -> Result<AccountView, Problem> {
    let Reads { conn, store, scope, now_ms } = reads;
    let account = accounts::get(conn, scope, id)?;
    let grid = range::grid(range, now_ms);
    let step_sec = Some(range::step_sec(range));
    let ask = Ask::new(grid.from_ms, grid.to_ms, step_sec, charts::METERS.to_vec())?;
    let usage = usage(conn, store, scope, id, &ask, now_ms)?;
    let top = top::top(conn, store, scope, id, grid.from_ms, grid.to_ms)?;
    let host = read::host_of(conn, scope, account.row)?;
    if let Some(host) = &host {
        frame.notices.extend(build::limited(&host.name, &host.limited));
    }
    let payer = account.customer.as_deref().and_then(|c| CustomerId::parse(c).ok());
    let payer = payer.map(|c| customers::get(conn, &c)).transpose()?;
    let zone = payer.as_ref().map_or("UTC", |c| c.billing_zone.as_str());
    let start_ms = read::day_start_ms(zone, now_ms);
    let (mut ledger, mut cost) = (Vec::new(), None);
    if let Some(payer) = &payer {
        ledger = money::ledger_of_account(conn, payer, id)?;
        let costs = read::costs_since(conn, payer, start_ms)?;
        cost = Some(costs.get(&account.row).copied().unwrap_or_default().to_string());
    }
    let commands = build::commands(read::commands_of(conn, scope, Some(account.row), None)?)?;
    let desired =
        read::desired_of(conn, scope, account.row)?.map(|(state, generation, reached)| DesiredView {
            since_ms: commands.iter().rev().find(|c| c.generation == generation).map(|c| c.issued_ms),
            state,
            generation,
            reached,
        });
    let top_row = |c: hostmeter_core::wire::batch::TopCommand| TopRow {
        command: c.command,
        cpu_usec: c.cpu_usec,
        memory_kib_sec: Some(c.memory_kib_sec),
        processes: Some(c.processes),
    };
    Ok(AccountView {
        frame,
        uid: account.uid.map(i64::from),
        host: id.rsplit_once('@').map_or_else(String::new, |(_, host)| host.to_owned()),
        state: build::state(&account),
        desired,
        last_seen_ms: account.last_seen_ms,
        range,
        from_ms: grid.from_ms,
        to_ms: grid.to_ms,
        currency: rules.currency.to_string(),
        today: build::totals(reads, id, start_ms)?,
        cost,
        charts: charts::of_account(&usage, host.as_ref()),
        top: top.into_iter().map(top_row).collect(),
        ledger,
        commands,
        hold: read::is_held(conn, account.row)?,
        customer: account.customer,
        id: account.id,
    })
}
