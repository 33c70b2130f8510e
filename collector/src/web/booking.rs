//! The admin's page on which money moves by hand, and its forms.

use super::cookie::same;
use super::page;
use super::visitor::{Named, Staff, Visitor};
use crate::api::money::{book_adjustment, visible};
use crate::api::refunds::{AskRefund, book_refund};
use crate::api::{AppState, Problem};
use crate::auth::Role;
use crate::billing::{ledger, refund};
use crate::keys::random;
use axum::extract::rejection::FormRejection;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::Response;
use hostmeter_core::ledger::{LedgerAccount, TxnKind};
use hostmeter_core::money::Money;
use hostmeter_core::wire::key::hex;
use hostmeter_panel::money_page;
use hostmeter_panel::view::{MoneyView, PaymentRow};

/// Payments, and forms for refunds and adjustments.
pub(super) async fn page(State(app): State<AppState>, Staff(visitor): Staff, Named(id): Named) -> Response {
    let frame = visitor.frame(app.now_ms());
    let (own, currency) = (frame.clone(), app.billing.rules.currency.to_string());
    let found = app
        .db
        .read(move |conn| -> Result<MoneyView, Problem> {
            let customer = visible(conn, &visitor.caller, &id)?;
            let (cash, payments) = refund::refundable(conn, &customer)?;
            let row = |p: refund::Refundable| PaymentRow {
                gateway: p.gateway,
                payment: p.payment,
                amount: p.amount.to_string(),
                refunded: p.refunded.to_string(),
                refundable: p.refundable.to_string(),
            };
            Ok(MoneyView {
                frame: own,
                balance: ledger::balance(conn, &customer.id)?.to_string(),
                given: refund::pots(conn, &customer)?.given().to_string(),
                customer: customer.id.to_string(),
                name: customer.title,
                currency,
                refundable: cash.to_string(),
                payments: payments.into_iter().map(row).collect(),
                key: hex(&random::<16>().map_err(|e| Problem::internal(&e))?),
                may_book: visitor.caller.role == Role::Admin,
            })
        })
        .await;
    page::answer(frame, found, money_page).await
}

/// The form of an adjustment.
#[derive(serde::Deserialize)]
pub(super) struct AdjustForm {
    csrf: String,
    key: String,
    kind: String,
    amount: String,
    reason: String,
}

/// The form of a refund.
#[derive(serde::Deserialize)]
pub(super) struct RefundForm {
    csrf: String,
    key: String,
    amount: String,
    gateway: String,
    payment: String,
    refund: String,
    reason: String,
}

/// The form of somebody who may book, or the page that says why not.
fn accept<T>(
    app: &AppState,
    visitor: &Visitor,
    sent: Result<Form<T>, FormRejection>,
    csrf: impl Fn(&T) -> &str,
) -> Result<T, Box<Response>> {
    let frame = || Some(visitor.frame(app.now_ms()));
    if visitor.caller.role != Role::Admin {
        let what = "Only administrators book money.";
        return Err(Box::new(page::error(frame(), StatusCode::FORBIDDEN, what)));
    }
    let Ok(Form(form)) = sent else {
        let what = "The form could not be read; nothing was changed.";
        return Err(Box::new(page::error(frame(), StatusCode::UNPROCESSABLE_ENTITY, what)));
    };
    if !same(&visitor.csrf, csrf(&form)) {
        let what = "The form does not belong to this session; nothing was changed.";
        return Err(Box::new(page::error(frame(), StatusCode::FORBIDDEN, what)));
    }
    Ok(form)
}

fn amount(text: &str) -> Result<Money, Problem> {
    Money::parse(text.trim()).map_err(|e| Problem::invalid(format!("amount: {e}")))
}

fn done<T>(app: &AppState, visitor: &Visitor, id: &str, booked: Result<T, Problem>) -> Response {
    match booked {
        Ok(_) => page::see_other(&format!("/admin/customers/{id}/money")),
        Err(e) => page::problem(Some(visitor.frame(app.now_ms())), &e),
    }
}

/// Books an adjustment, a promotion or a write-off.
pub(super) async fn adjust(
    State(app): State<AppState>,
    Staff(visitor): Staff,
    Named(id): Named,
    sent: Result<Form<AdjustForm>, FormRejection>,
) -> Response {
    let form = match accept(&app, &visitor, sent, |f| &f.csrf) {
        Ok(form) => form,
        Err(page) => return *page,
    };
    let booked = async {
        let kind = TxnKind::from_name(&form.kind).unwrap_or(TxnKind::Adjustment);
        let what = (kind, amount(&form.amount)?, LedgerAccount::Promo);
        book_adjustment(&app, visitor.caller.clone(), id.clone(), what, form.reason, Some(form.key)).await
    };
    let booked = booked.await;
    done(&app, &visitor, &id, booked)
}

/// Books a refund.
pub(super) async fn refund(
    State(app): State<AppState>,
    Staff(visitor): Staff,
    Named(id): Named,
    sent: Result<Form<RefundForm>, FormRejection>,
) -> Response {
    let form = match accept(&app, &visitor, sent, |f| &f.csrf) {
        Ok(form) => form,
        Err(page) => return *page,
    };
    let booked = async {
        let RefundForm { key, gateway, payment, refund, reason, .. } = form;
        let (gateway, payment) = (gateway.trim().to_owned(), payment.trim().to_owned());
        let refund = refund.trim().to_owned();
        let asked = AskRefund { amount: amount(&form.amount)?, gateway, payment, refund, reason };
        book_refund(&app, visitor.caller.clone(), id.clone(), asked, key).await
    };
    let booked = booked.await;
    done(&app, &visitor, &id, booked)
}
