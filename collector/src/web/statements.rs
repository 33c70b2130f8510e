//! Pages of statements, of the hours that their lines are the sum of, and of what explains a charge. They are the same
//! for customers and staff; who may see what is asked where the API asks it.

use super::page;
use super::visitor::Visitor;
use crate::api::explain::{account_id, explained};
use crate::api::money::visible;
use crate::api::statements::{Form, answer, find};
use crate::api::{AppState, Problem};
use crate::billing::BillingError;
use crate::billing::explain::{self, Explanation};
use crate::billing::statement::{self, Found, Statement};
use crate::limits::PANEL_ROWS_MAX;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::Response;
use hostmeter_core::meter::Meter;
use hostmeter_core::money::Money;
use hostmeter_core::rating::Item;
use hostmeter_core::units::{UtcHour, parse_rfc3339_ms};
use hostmeter_panel::view::{
    ChargedHourRow, ChargesView, ExplainCharge, ExplainLine, ExplainView, Frame, StatementLine,
    StatementListView, StatementMovement, StatementRow, StatementView,
};
use hostmeter_panel::{charges_page, explain_page, statement_page, statements_page};
use serde_json::Value;

fn time(what: &str, text: &str) -> Result<i64, Problem> {
    Ok(parse_rfc3339_ms(text).map_err(|e| BillingError::damaged(what, e))?)
}

/// What it cost lowers the balance.
fn less(amount: Money) -> String {
    amount.checked_neg().unwrap_or(Money::MAX).to_string()
}

fn bad_address(app: &AppState, visitor: &Visitor) -> Response {
    let frame = visitor.frame(app.now_ms());
    page::error(Some(frame), StatusCode::NOT_FOUND, "The address cannot be read.")
}

/// Where a list goes on.
#[derive(Debug, Default, serde::Deserialize)]
pub(super) struct Before {
    before: Option<i64>,
}

/// A customer's statements.
pub(super) async fn list(
    State(app): State<AppState>,
    visitor: Visitor,
    named: Result<Path<String>, PathRejection>,
    asked: Result<Query<Before>, QueryRejection>,
) -> Response {
    let Ok(Path(id)) = named else { return bad_address(&app, &visitor) };
    let before = asked.ok().and_then(|Query(b)| b.before);
    let frame = visitor.frame(app.now_ms());
    let (own, currency) = (frame.clone(), app.billing.rules.currency.to_string());
    let found = app
        .db
        .read(move |conn| -> Result<StatementListView, Problem> {
            let customer = visible(conn, &visitor.caller, &id)?;
            let mut found = statement::list(conn, &customer, before, PANEL_ROWS_MAX.saturating_add(1))?;
            let is_cut = found.len() > PANEL_ROWS_MAX;
            found.truncate(PANEL_ROWS_MAX);
            Ok(StatementListView {
                frame: own,
                customer: customer.id.to_string(),
                name: customer.title,
                currency,
                before: found.last().filter(|_| is_cut).map(|s| s.number),
                statements: found.into_iter().map(row).collect::<Result<_, _>>()?,
            })
        })
        .await;
    page::answer(frame, found, statements_page).await
}

fn row(s: Found) -> Result<StatementRow, Problem> {
    Ok(StatementRow {
        number: s.number,
        month: s.month,
        opening: s.opening.to_string(),
        charged: less(s.charged),
        closing: s.closing.to_string(),
        closed_ms: time("statement, time", &s.closed)?,
    })
}

/// One statement: a page, or a file if its number is followed by `.pdf` or `.csv`.
pub(super) async fn show(
    State(app): State<AppState>,
    visitor: Visitor,
    named: Result<Path<(String, String)>, PathRejection>,
) -> Response {
    let Ok(Path((id, number))) = named else { return bad_address(&app, &visitor) };
    let frame = visitor.frame(app.now_ms());
    let found = app.db.read(move |conn| find(conn, &visitor.caller, &id, &number)).await;
    match found {
        Ok((found, Form::Json)) => page::answer(frame.clone(), view(found, frame), statement_page).await,
        Ok((found, form)) => match answer(found, form).await {
            Ok(file) => file,
            Err(e) => page::problem(Some(frame), &e),
        },
        Err(e) => page::problem(Some(frame), &e),
    }
}

fn view(s: Statement, frame: Frame) -> Result<StatementView, Problem> {
    let mut tax_lines: Vec<_> = s
        .tax
        .lines
        .iter()
        .map(|l| (Some(l.meter.name().to_owned()), l.net.to_string(), l.tax.to_string(), l.gross.to_string()))
        .collect();
    tax_lines.push((None, s.tax.net.to_string(), s.tax.tax.to_string(), s.tax.gross.to_string()));
    let line = |month, account, meter: Item, quantity, amount| StatementLine {
        month,
        account,
        meter: meter.name().to_owned(),
        quantity,
        amount: less(amount),
    };
    let movement = |m: statement::Movement| -> Result<StatementMovement, Problem> {
        let at_ms = m.at.as_deref().map(|at| time("statement, movement", at)).transpose()?;
        Ok(StatementMovement { at_ms, kind: m.kind, text: m.text, amount: m.amount.to_string() })
    };
    Ok(StatementView {
        frame,
        row: StatementRow {
            number: s.number,
            month: s.month,
            opening: s.opening.to_string(),
            charged: less(s.charged),
            closing: s.closing.to_string(),
            closed_ms: time("statement, time", &s.closed)?,
        },
        charges: s
            .charges
            .into_iter()
            .map(|c| line(None, c.account, c.meter, c.quantity, c.amount))
            .collect(),
        corrections: s
            .corrections
            .into_iter()
            .map(|c| line(Some(c.month), c.account, c.meter, c.quantity, c.amount))
            .collect(),
        movements: s.movements.into_iter().map(movement).collect::<Result<_, _>>()?,
        days: s.days.into_iter().map(|d| (d.date, d.amount.to_string())).collect(),
        tax: (!s.tax.tax.is_zero()).then(|| format!("{} {} %", s.tax.name, s.tax.percent)),
        tax_lines,
        customer: s.customer,
        name: s.name,
        currency: s.currency,
        from: s.from,
        to: s.to,
        billing_zone: s.billing_zone,
    })
}

/// Which charges.
#[derive(Debug, serde::Deserialize)]
pub(super) struct AskHours {
    account: String,
    meter: Option<String>,
    from: Option<String>,
    to: Option<String>,
}

/// The hours that a line of a statement is the sum of.
pub(super) async fn hours(
    State(app): State<AppState>,
    visitor: Visitor,
    named: Result<Path<String>, PathRejection>,
    asked: Result<Query<AskHours>, QueryRejection>,
) -> Response {
    let (Ok(Path(id)), Ok(Query(asked))) = (named, asked) else { return bad_address(&app, &visitor) };
    let frame = visitor.frame(app.now_ms());
    let (own, currency) = (frame.clone(), app.billing.rules.currency.to_string());
    let found = app
        .db
        .read(move |conn| -> Result<ChargesView, Problem> {
            let customer = visible(conn, &visitor.caller, &id)?;
            let account = account_id(&asked.account)?;
            let meter = asked.meter.as_deref().and_then(Item::from_name);
            let hour = |text: &Option<String>, none| {
                text.as_deref().and_then(|t| UtcHour::parse(t).ok()).unwrap_or(UtcHour(none))
            };
            let (from, to) = (hour(&asked.from, i64::MIN), hour(&asked.to, i64::MAX));
            // A month has fewer.
            let (found, next) = explain::hours(
                conn,
                &customer,
                &account,
                meter,
                (from, 0),
                to,
                crate::limits::PAGE_ROWS_MAX,
            )?;
            let hours = found.into_iter().map(|h| {
                Ok(ChargedHourRow {
                    hour_ms: time("charge, hour", &h.hour)?,
                    hour: h.hour,
                    revision: h.revision,
                    quantity: h.quantity,
                    amount: less(h.amount),
                })
            });
            Ok(ChargesView {
                frame: own,
                customer: customer.id.to_string(),
                account: account.to_string(),
                meter: meter.map(|m| m.name().to_owned()),
                currency,
                hours: hours.collect::<Result<_, Problem>>()?,
                is_cut: next.is_some(),
            })
        })
        .await;
    page::answer(frame, found, charges_page).await
}

/// Which account's hour.
#[derive(Debug, serde::Deserialize)]
pub(super) struct AskExplain {
    account: String,
}

/// What explains a charge.
pub(super) async fn explain(
    State(app): State<AppState>,
    visitor: Visitor,
    named: Result<Path<(String, String)>, PathRejection>,
    asked: Result<Query<AskExplain>, QueryRejection>,
) -> Response {
    let (Ok(Path((id, hour))), Ok(Query(asked))) = (named, asked) else { return bad_address(&app, &visitor) };
    let frame = visitor.frame(app.now_ms());
    let currency = app.billing.rules.currency.to_string();
    let found = explained(&app, visitor.caller, id.clone(), hour, asked.account).await;
    let view = found.and_then(|e| explanation(e, id, currency, frame.clone()));
    page::answer(frame, view, explain_page).await
}

fn explanation(
    e: Explanation,
    customer: String,
    currency: String,
    frame: Frame,
) -> Result<ExplainView, Problem> {
    let charges = e.charges.into_iter().map(|c| {
        let price = c.price.unwrap_or_default();
        let lines = c.lines.into_iter().map(|l| ExplainLine {
            price: price_words(&price, l.meter),
            meter: l.meter.name().to_owned(),
            quantity: l.quantity,
            before: l.before,
            after: l.after,
            cost_before: l.cost_before.map(|m| m.to_string()),
            cost_after: l.cost_after.map(|m| m.to_string()),
            amount: less(l.amount),
        });
        Ok(ExplainCharge {
            revision: c.revision,
            txn: c.txn,
            at_ms: c.at.as_deref().map(|t| time("charge, time", t)).transpose()?,
            statement: c.statement,
            price_version: c.price_version,
            amount: less(c.amount),
            lines: lines.collect(),
        })
    });
    let interval = |i: explain::ExplainedInterval| -> Result<_, Problem> {
        let values = i.values.into_iter().map(|(meter, value)| (meter.to_owned(), value)).collect();
        Ok((time("interval", &i.from)?, time("interval", &i.to)?, values))
    };
    Ok(ExplainView {
        frame,
        customer,
        hour_ms: time("charge, hour", &e.hour)?,
        account: e.account,
        currency,
        amount: less(e.amount),
        base_fee: e.base_fee.map(|b| (b.date, b.price_version, less(b.amount))),
        charges: charges.collect::<Result<_, Problem>>()?,
        usage: e.usage.into_iter().map(|(m, u)| (m.to_owned(), u.used, u.imported, u.measured)).collect(),
        intervals: e.intervals.into_iter().map(interval).collect::<Result<_, _>>()?,
        incomplete: e.incomplete.map(str::to_owned),
    })
}

/// A meter's price in words, from the plan file.
fn price_words(plan: &Value, meter: Meter) -> String {
    let list = plan.get("price").and_then(Value::as_array).cloned().unwrap_or_default();
    let named = |p: &&Value| p.get("meter").and_then(Value::as_str) == Some(meter.name());
    let Some(price) = list.iter().find(named) else { return String::new() };
    let text = |v: &Value, key: &str| v.get(key).and_then(Value::as_str).map(str::to_owned);
    let rate = |v: &Value| Some(format!("{} per {}", text(v, "amount")?, text(v, "per")?));
    let mut words: Vec<String> = rate(price).into_iter().collect();
    for tier in price.get("tiers").and_then(Value::as_array).into_iter().flatten() {
        let up_to = text(tier, "up_to").map_or_else(|| "beyond".to_owned(), |up_to| format!("up to {up_to}"));
        words.extend(rate(tier).map(|rate| format!("{up_to}: {rate}")));
    }
    words.extend(text(price, "free").map(|free| format!("{free} free")));
    words.extend(text(price, "monthly_cap").map(|cap| format!("at most {cap} a month")));
    words.join(", ")
}
