//! What payment gateways say, in signed messages: a payment came, or went back. A message is booked, or kept with the
//! reason and an alert until somebody assigns or dismisses it: nothing is lost. The same message again changes nothing
//! and gets the same answer, for ever.

use super::customers::{self, Customer};
use super::error::BillingError;
use super::refund::{Refund, books_of, refund};
use super::resellers;
use super::rules::Rules;
use super::topup::{Booked, Payment, receive};
use crate::alerts;
use crate::db::{Connection, OptionalExtension, Transaction, params};
use crate::limits::PAYMENT_MESSAGE_ID_MAX_BYTES;
use hostmeter_core::ids::CustomerId;
use hostmeter_core::ledger::Gateway;
use hostmeter_core::money::{Currency, Money};
use hostmeter_core::units::{UtcHour, rfc3339};
use hostmeter_core::wire::key::sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The actor of what a gateway booked.
const ACTOR: &str = "gateway";

/// A message of a gateway, as it is documented.
#[derive(Clone, Debug, Deserialize)]
struct Message {
    #[serde(rename = "type")]
    kind: String,
    data: serde_json::Value,
}

/// `data` of `payment.succeeded` and `payment.refunded`; further fields are the gateway's own.
#[derive(Clone, Debug, Deserialize)]
struct Data {
    customer: String,
    payment: String,
    refund: Option<String>,
    amount: Money,
    currency: String,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Answer {
    /// `booked`, `kept` or `ignored`.
    pub status: String,
    /// What was booked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub booked: Option<Booked>,
    /// Why it was not booked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// Takes a message whose signature was verified. Also returns the hosts that have new commands.
pub fn take(
    tx: &Transaction<'_>,
    gateway: &Gateway,
    id: &str,
    body: &[u8],
    rules: &Rules,
    now_ms: i64,
) -> Result<(Answer, BTreeSet<i64>), BillingError> {
    if id.len() > PAYMENT_MESSAGE_ID_MAX_BYTES {
        let why =
            format!("the id has {} bytes; at most {PAYMENT_MESSAGE_ID_MAX_BYTES} are allowed", id.len());
        return Err(BillingError::invalid("message_id", why));
    }
    let hash = sha256(body);
    let sql = "SELECT payload_hash, answer FROM payment_event WHERE gateway = ?1 AND message = ?2";
    let known: Option<(Vec<u8>, String)> = tx
        .prepare_cached(sql)?
        .query_row([gateway.as_str(), id], |r| Ok((r.get(0)?, r.get(1)?)))
        .optional()?;
    if let Some((known, answer)) = known {
        if known != hash {
            let why =
                format!("message {id} of {gateway} came before with another content; nothing was changed");
            return Err(BillingError::conflict("message_reused", why));
        }
        let answer = serde_json::from_str(&answer)
            .map_err(|e| BillingError::damaged(format!("message {id} of {gateway}"), e))?;
        return Ok((answer, BTreeSet::new()));
    }
    let text = String::from_utf8_lossy(body);
    let (answer, wake) = match understood(&text) {
        Ok(None) => {
            let why = "messages of this type are not looked at".to_owned();
            return Ok((Answer { status: "ignored".into(), booked: None, why: Some(why) }, BTreeSet::new()));
        }
        Ok(Some((kind, data))) => match tried(tx, gateway, id, &kind, &data, rules, now_ms)? {
            Ok((booked, wake)) => (Answer { status: "booked".into(), booked: Some(booked), why: None }, wake),
            Err(why) => (kept(why), BTreeSet::new()),
        },
        Err(why) => (kept(why), BTreeSet::new()),
    };
    if let Some(why) = &answer.why {
        let detail = format!("{why}; `hostmeter payment list` shows it, `hostmeter payment assign` books it");
        alerts::raise(tx, &alert_key(gateway.as_str(), id), "payment", gateway.as_str(), &detail, now_ms)?;
    }
    let json = serde_json::to_string(&answer).map_err(|e| BillingError::damaged("answer", e))?;
    let txn = answer.booked.as_ref().map(|b| b.txn.as_str());
    let sql = "INSERT INTO payment_event (gateway, message, payload_hash, body, received_ms, state, why, answer, txn)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, CAST(?9 AS INTEGER))";
    tx.prepare_cached(sql)?.execute(params![
        gateway.as_str(),
        id,
        hash,
        text,
        now_ms,
        answer.status,
        answer.why.as_deref().unwrap_or_default(),
        json,
        txn
    ])?;
    Ok((answer, wake))
}

fn kept(why: String) -> Answer {
    Answer { status: "kept".into(), booked: None, why: Some(why) }
}

fn alert_key(gateway: &str, message: &str) -> String {
    format!("payment:{gateway}:{message}")
}

/// The message, if it is of a type that is booked; or why it cannot be understood.
fn understood(text: &str) -> Result<Option<(String, Data)>, String> {
    let message: Message =
        serde_json::from_str(text).map_err(|e| format!("the message is not understood: {e}"))?;
    if !matches!(message.kind.as_str(), "payment.succeeded" | "payment.refunded") {
        return Ok(None);
    }
    let data = serde_json::from_value(message.data).map_err(|e| format!("`data` is not understood: {e}"))?;
    Ok(Some((message.kind, data)))
}

type Done = (Booked, BTreeSet<i64>);

/// Books a message, or says why not and leaves nothing of the try. Only a failure of the database is an error: the gateway
/// sends again then.
fn tried(
    tx: &Transaction<'_>,
    gateway: &Gateway,
    id: &str,
    kind: &str,
    data: &Data,
    rules: &Rules,
    now_ms: i64,
) -> Result<Result<Done, String>, BillingError> {
    tx.execute_batch("SAVEPOINT payment")?;
    match book(tx, gateway, id, kind, data, rules, now_ms) {
        Ok(done) => {
            tx.execute_batch("RELEASE payment")?;
            Ok(Ok(done))
        }
        Err(e @ (BillingError::Db(_) | BillingError::Damaged { .. })) => Err(e),
        Err(e) => {
            tx.execute_batch("ROLLBACK TO payment; RELEASE payment")?;
            Ok(Err(e.to_string()))
        }
    }
}

/// What came through a gateway of the company is no reseller's: its customers pay it, not the company.
fn company_only(tx: &Transaction<'_>, customer: &Customer, now_ms: i64) -> Result<(), BillingError> {
    match resellers::at(tx, customer, UtcHour::from_ms(now_ms))? {
        None => Ok(()),
        Some(reseller) => {
            let why = format!(
                "customer {} is reseller {}'s, who books its payments; this gateway is the company's",
                customer.id, reseller.id
            );
            Err(BillingError::conflict("resellers_customer", why))
        }
    }
}

fn book(
    tx: &Transaction<'_>,
    gateway: &Gateway,
    id: &str,
    kind: &str,
    data: &Data,
    rules: &Rules,
    now_ms: i64,
) -> Result<Done, BillingError> {
    let customer = CustomerId::parse(&data.customer)
        .map_err(|e| BillingError::invalid("customer", format!("customer: {e}")))?;
    let customer = customers::get(tx, &customer)?;
    check_currency(&data.currency, rules)?;
    let key = format!("webhook:{gateway}:{id}");
    if kind == "payment.succeeded" {
        company_only(tx, &customer, now_ms)?;
        let paid = Payment { amount: data.amount, gateway: gateway.as_str(), payment: &data.payment };
        let (outcome, wake) = receive(tx, &customer, &paid, &key, ACTOR, rules, now_ms)?;
        return Ok((outcome.booked, wake));
    }
    let refund_id = data.refund.as_deref().ok_or_else(|| {
        BillingError::invalid("refund", "`data.refund` is missing; it names the refund at the gateway")
    })?;
    if let Some(reseller) = books_of(tx, &customer, gateway.as_str(), &data.payment)? {
        let why = format!("payment {} came to reseller {reseller}, not to the company", data.payment);
        return Err(BillingError::conflict("resellers_customer", why));
    }
    let asked = Refund {
        amount: data.amount,
        gateway: gateway.as_str(),
        payment: &data.payment,
        refund: refund_id,
        reason: "refunded at the gateway",
    };
    let outcome = refund(tx, &customer, &asked, &key, ACTOR, now_ms)?;
    let wake = super::lifecycle::run_alone(tx, customer.row, rules, now_ms)?;
    Ok((outcome.booked, wake))
}

fn check_currency(text: &str, rules: &Rules) -> Result<(), BillingError> {
    match Currency::parse(text) {
        Ok(currency) if currency == rules.currency => Ok(()),
        _ => {
            let why = format!("it is in {text:?}, the books are in {}", rules.currency);
            Err(BillingError::invalid("currency", why))
        }
    }
}

/// A message that was kept, or what became of one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Event {
    /// Its number here.
    pub id: i64,
    /// Which gateway sent it.
    pub gateway: String,
    /// The gateway's id of the message.
    pub message: String,
    /// When it came, RFC 3339.
    pub received: String,
    /// `booked`, `kept`, `assigned` or `dismissed`.
    pub state: String,
    /// Why it was not booked at once; empty: it was.
    pub why: String,
    /// The transaction, once it is booked.
    pub txn: Option<String>,
    /// The message as it came.
    pub body: String,
}

const EVENT: &str = "id, gateway, message, received_ms, state, why, txn, body";

fn event(r: &rusqlite::Row<'_>) -> rusqlite::Result<Event> {
    Ok(Event {
        id: r.get(0)?,
        gateway: r.get(1)?,
        message: r.get(2)?,
        received: rfc3339(r.get(3)?),
        state: r.get(4)?,
        why: r.get(5)?,
        txn: r.get::<_, Option<i64>>(6)?.map(|t| t.to_string()),
        body: r.get(7)?,
    })
}

/// Messages with a number below `before`, newest first; only those in that state, if one is given.
pub fn list(
    conn: &Connection,
    state: Option<&str>,
    before: Option<i64>,
    limit: usize,
) -> Result<Vec<Event>, BillingError> {
    let sql = format!(
        "SELECT {EVENT} FROM payment_event WHERE id < ?1 AND (?2 IS NULL OR state = ?2) ORDER BY id DESC LIMIT ?3"
    );
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(&sql)?;
    let rows = stmt.query_map(params![before.unwrap_or(i64::MAX), state, limit], event)?;
    Ok(rows.collect::<Result<_, _>>()?)
}

fn get(conn: &Connection, id: i64) -> Result<Event, BillingError> {
    let mut stmt = conn.prepare_cached(&format!("SELECT {EVENT} FROM payment_event WHERE id = ?1"))?;
    stmt.query_row([id], event).optional()?.ok_or_else(|| BillingError::Missing {
        what: "payment message",
        id: id.to_string(),
        hint: "`hostmeter payment list` shows those that are kept",
    })
}

/// Whose a kept payment is.
#[derive(Clone, Debug)]
pub struct Assign<'a> {
    /// The customer.
    pub customer: &'a customers::Customer,
    /// How much it is in the currency of the books; needed where the message does not say.
    pub amount: Option<Money>,
    /// The gateway's reference; needed where the message does not say.
    pub payment: Option<&'a str>,
}

/// Books a payment that was kept as a top-up of a customer. The same again gets the same answer.
pub fn assign(
    tx: &Transaction<'_>,
    id: i64,
    to: &Assign<'_>,
    actor: &str,
    rules: &Rules,
    now_ms: i64,
) -> Result<Done, BillingError> {
    let event = get(tx, id)?;
    if !matches!(event.state.as_str(), "kept" | "assigned") {
        let why = format!("payment message {id} is {}; only a kept one can be assigned", event.state);
        return Err(BillingError::conflict("not_kept", why));
    }
    let said = understood(&event.body).ok().flatten();
    if said.as_ref().is_some_and(|(kind, _)| kind == "payment.refunded") {
        let why = "it says that money went back; book it with `hostmeter customer refund`, then dismiss it";
        return Err(BillingError::conflict("is_refund", why));
    }
    let said = said.map(|(_, data)| data);
    let own = said.as_ref().filter(|d| check_currency(&d.currency, rules).is_ok()).map(|d| d.amount);
    let amount = to.amount.or(own).ok_or_else(|| {
        let why = format!("give the `amount` in {}: the message does not say it", rules.currency);
        BillingError::invalid("amount", why)
    })?;
    let payment = to.payment.or(said.as_ref().map(|d| d.payment.as_str())).ok_or_else(|| {
        BillingError::invalid(
            "payment",
            "give the `payment`: the message does not say the gateway's reference",
        )
    })?;
    company_only(tx, to.customer, now_ms)?;
    let paid = Payment { amount, gateway: &event.gateway, payment };
    let key = format!("assign:{}:{}", event.gateway, event.message);
    let (outcome, wake) = receive(tx, to.customer, &paid, &key, actor, rules, now_ms)?;
    settle(tx, &event, "assigned", Some(&outcome.booked.txn), now_ms)?;
    Ok((outcome.booked, wake))
}

/// Puts a kept message aside for good: it is no payment, or was booked by hand.
pub fn dismiss(tx: &Transaction<'_>, id: i64, now_ms: i64) -> Result<Event, BillingError> {
    let event = get(tx, id)?;
    if !matches!(event.state.as_str(), "kept" | "dismissed") {
        let why = format!("payment message {id} is {}; only a kept one can be dismissed", event.state);
        return Err(BillingError::conflict("not_kept", why));
    }
    settle(tx, &event, "dismissed", None, now_ms)?;
    get(tx, id)
}

fn settle(
    tx: &Transaction<'_>,
    event: &Event,
    state: &str,
    txn: Option<&str>,
    now_ms: i64,
) -> Result<(), BillingError> {
    tx.prepare_cached("UPDATE payment_event SET state = ?2, txn = CAST(?3 AS INTEGER) WHERE id = ?1")?
        .execute(params![event.id, state, txn])?;
    Ok(alerts::clear(tx, &alert_key(&event.gateway, &event.message), now_ms)?)
}
