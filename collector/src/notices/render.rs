//! A notice in words: in the customer's language and zone, or as JSON.

use super::kinds::{ALERT_CLEARED, kind};
use super::outbox::{AlertData, Data};
use hostmeter_core::money::Money;
use hostmeter_core::units::rfc3339;
use hostmeter_panel::text::{Language, Value, amount, date, text};
use serde_json::json;

const DAY_MS: i64 = 24 * 3_600_000;

/// A notice as it was written, with whom it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Notice {
    /// Its unique key.
    pub(super) key: String,
    /// `balance.negative`, …
    pub(super) kind: String,
    /// Of the customer's episodes.
    pub(super) episode: i64,
    /// When it was written, milliseconds since the epoch.
    pub(super) at_ms: i64,
    /// What the texts are made from.
    pub(super) data: Data,
    /// The customer's id; absent: to administrators.
    pub(super) customer: Option<String>,
    /// The customer's name.
    pub(super) title: String,
}

/// In which words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Style {
    pub(super) language: Language,
    /// Zone of the dates.
    pub(super) zone: String,
}

/// Subject and whole text.
pub(super) fn words(notice: &Notice, style: &Style) -> (String, String) {
    match &notice.data.alert {
        Some(alert) => alert_words(notice, alert, style),
        None => customer_words(notice, style),
    }
}

fn alert_words(notice: &Notice, alert: &AlertData, style: &Style) -> (String, String) {
    let raised = date(style.language, alert.raised_ms, &style.zone);
    let values = [
        ("rule", Value::Text(&alert.rule)),
        ("subject", Value::Text(&alert.subject)),
        ("detail", Value::Text(&alert.detail)),
        ("date", Value::Text(&raised)),
    ];
    let id = if notice.kind == ALERT_CLEARED { "alert-cleared" } else { "alert-raised" };
    let say = |part: &str| {
        text(style.language, &format!("{id}.{part}"), &values).unwrap_or_else(|| alert.detail.clone())
    };
    (say("subject"), say("text"))
}

fn customer_words(notice: &Notice, style: &Style) -> (String, String) {
    let (data, language) = (&notice.data, style.language);
    let currency = data.currency.as_deref().unwrap_or_default();
    let money = |m: Option<Money>| m.map(|m| amount(language, m, currency)).unwrap_or_default();
    let id = notice.customer.as_deref().unwrap_or_default();
    let name = if notice.title.is_empty() { id } else { &notice.title };
    let balance = money(data.balance);
    let debt = data.balance.and_then(Money::checked_neg).filter(|m| *m > Money::ZERO);
    let owed = money(Some(debt.unwrap_or(Money::ZERO)));
    let about = money(data.amount);
    let deadline = data.deadline_ms.map(|ms| date(language, ms, &style.zone)).unwrap_or_default();
    let written = date(language, notice.at_ms, &style.zone);
    let count = data.count.unwrap_or_default();
    let accounts = account_list(data, count);
    let values = [
        ("name", Value::Text(name)),
        ("customer", Value::Text(id)),
        ("kind", Value::Text(&notice.kind)),
        ("balance", Value::Text(&balance)),
        ("owed", Value::Text(&owed)),
        ("owes", Value::Number(i64::from(debt.is_some()))),
        ("amount", Value::Text(&about)),
        ("deadline", Value::Text(&deadline)),
        ("date", Value::Text(&written)),
        ("days", Value::Number(data.days.unwrap_or_else(|| days_until(notice)))),
        ("accounts", Value::Text(&accounts)),
        ("count", Value::Number(count)),
        ("percent", Value::Number(data.percent.unwrap_or_default())),
    ];
    let message = message_id(notice);
    let say = |id: &str| text(language, id, &values).unwrap_or_default();
    let mut parts = vec![say("greeting"), say(&format!("{message}.text"))];
    if data.balance.is_some() {
        parts.push(say("standing"));
    }
    // The line that mail programs take for the begin of a signature (RFC 3676, 4.3).
    parts.push(format!("-- \n{}\n", say("signature")));
    (say(&format!("{message}.subject")), parts.join("\n\n"))
}

/// The message of the texts for a notice.
fn message_id(notice: &Notice) -> String {
    match kind(&notice.kind) {
        None => "other".to_owned(),
        Some(_) if notice.kind == "balance.low" && notice.data.amount.is_some() => {
            "balance-low-amount".to_owned()
        }
        Some(known) => known.name.replace('.', "-"),
    }
}

/// Whole days until the deadline, begun ones counted.
fn days_until(notice: &Notice) -> i64 {
    let left = notice.data.deadline_ms.map_or(0, |at| at.saturating_sub(notice.at_ms).max(0));
    left.saturating_add(DAY_MS - 1) / DAY_MS
}

fn account_list(data: &Data, count: i64) -> String {
    let named = data.accounts.join(", ");
    let more = count.saturating_sub(i64::try_from(data.accounts.len()).unwrap_or(i64::MAX));
    if more > 0 { format!("{named}, … (+{more})") } else { named }
}

/// The same for programs: the body of a webhook.
pub(super) fn json(notice: &Notice, style: &Style) -> Vec<u8> {
    let data = &notice.data;
    let body = match &data.alert {
        Some(alert) => json!({
            "rule": alert.rule, "subject": alert.subject, "detail": alert.detail, "raised": rfc3339(alert.raised_ms),
        }),
        None => {
            let (subject, text) = words(notice, style);
            json!({
                "customer": notice.customer, "episode": notice.episode, "balance": data.balance,
                "currency": data.currency, "deadline": data.deadline_ms.map(rfc3339), "days": data.days,
                "amount": data.amount, "percent": data.percent, "accounts": data.accounts, "account_count": data.count,
                "language": style.language.as_str(), "subject": subject, "text": text,
            })
        }
    };
    json!({"type": notice.kind, "timestamp": rfc3339(notice.at_ms), "data": body}).to_string().into_bytes()
}
