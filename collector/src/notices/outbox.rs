//! Writing notices: in the transaction that stores what they are about.

use super::kinds::{ALERT_CLEARED, ALERT_RAISED, is_mailed};
use crate::billing::BillingError;
use crate::billing::customers::Customer;
use crate::billing::ledger;
use crate::config::Config;
use crate::db::{Connection, DbError, Transaction, params};
use crate::limits::NOTICE_ACCOUNTS_MAX;
use hostmeter_core::lifecycle::{Event, EventKind, Threshold};
use hostmeter_core::money::{Currency, Money};
use serde::{Deserialize, Serialize};

/// One day, in milliseconds.
const DAY_MS: i64 = 86_400_000;

/// What the texts of a notice are made from. Absent: it has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Data {
    /// The balance when it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub balance: Option<Money>,
    /// Of the amounts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub currency: Option<String>,
    /// The date by which something happens, milliseconds since the epoch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<i64>,
    /// For how many days the balance lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days: Option<i64>,
    /// The amount that it is about: a threshold, a cap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount: Option<Money>,
    /// Which share of a budget is used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub percent: Option<i64>,
    /// The accounts that it is about, some of them where they are many.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub accounts: Vec<String>,
    /// How many accounts it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// An alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alert: Option<AlertData>,
}

/// An alert.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertData {
    /// Its rule, for example `fork`.
    pub rule: String,
    /// Whom it concerns.
    pub subject: String,
    /// What happened and what to do.
    pub detail: String,
    /// When it was raised, milliseconds since the epoch.
    pub raised_ms: i64,
}

/// A notice to be written.
struct New<'a> {
    key: String,
    customer: Option<i64>,
    kind: &'a str,
    episode: i64,
    data: &'a Data,
    now_ms: i64,
}

/// Writes the notices of a step's events. The same event again writes nothing.
pub fn fill(
    tx: &Transaction<'_>,
    customer: &Customer,
    events: &[Event],
    currency: Currency,
    now_ms: i64,
) -> Result<(), BillingError> {
    let mut rest = events;
    while let Some(first) = rest.first() {
        // Accounts to which the same happens in one step are one notice.
        let name = first.kind.name();
        let is_same = |e: &&Event| first.kind.account().is_some() && e.kind.name() == name;
        let more = rest.iter().skip(1).take_while(is_same).count();
        let (group, others) = rest.split_at(more.saturating_add(1));
        rest = others;
        let mut data = data(group);
        data.balance = Some(ledger::balance(tx, &customer.id)?);
        data.currency = Some(currency.to_string());
        let key = format!("notice:{}:{}:{name}:{}", customer.id, first.episode, threshold(first));
        let episode = crate::db::to_sql("episode", first.episode)?;
        put(tx, &New { key, customer: Some(customer.row), kind: name, episode, data: &data, now_ms })?;
    }
    Ok(())
}

/// What tells notices of one kind and episode apart: which reminder, else the number of the event.
fn threshold(event: &Event) -> u64 {
    match &event.kind {
        EventKind::BalanceReminder { reminder, .. } => u64::try_from(*reminder).unwrap_or(u64::MAX),
        _ => event.number,
    }
}

fn data(group: &[Event]) -> Data {
    let mut data = Data::default();
    let accounts = || group.iter().filter_map(|e| e.kind.account());
    data.accounts = accounts().take(NOTICE_ACCOUNTS_MAX).map(ToString::to_string).collect();
    data.count = Some(accounts().count()).filter(|n| *n > 0).and_then(|n| i64::try_from(n).ok());
    match group.first().map(|e| &e.kind) {
        Some(EventKind::BalanceNegative { deadline_ms } | EventKind::BalanceReminder { deadline_ms, .. }) => {
            data.deadline_ms = Some(*deadline_ms);
        }
        Some(EventKind::DeleteNotice { delete_at_ms }) => data.deadline_ms = Some(*delete_at_ms),
        Some(EventKind::PromiseOpened { until_ms }) => data.deadline_ms = Some(*until_ms),
        Some(EventKind::BalanceLow { threshold: Threshold::Amount(amount), .. }) => {
            data.amount = Some(*amount);
        }
        Some(EventKind::BalanceLow { threshold: Threshold::Time(ms), left_ms }) => {
            data.days = left_ms.unwrap_or(*ms).checked_div(DAY_MS);
        }
        Some(EventKind::BudgetReached(budget)) => {
            data.percent = Some(i64::from(budget.percent));
            data.accounts = vec![budget.account.to_string()];
            data.count = Some(1);
        }
        _ => {}
    }
    data
}

/// Writes the notice that an alert was raised, or is over, if any channel carries alerts: the list of alerts is there in
/// any case.
pub fn alert(
    tx: &Transaction<'_>,
    key: &str,
    alert: AlertData,
    is_over: bool,
    now_ms: i64,
) -> Result<(), DbError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM channel WHERE alerts = 1)";
    if !tx.prepare_cached(sql)?.query_row([], |r| r.get::<_, bool>(0))? {
        return Ok(());
    }
    let kind = if is_over { ALERT_CLEARED } else { ALERT_RAISED };
    let word = if is_over { "cleared" } else { "raised" };
    let key = format!("alert:{}:{word}:{key}", alert.raised_ms);
    let data = Data { alert: Some(alert), ..Data::default() };
    put(tx, &New { key, customer: None, kind, episode: 0, data: &data, now_ms })
}

fn put(tx: &Transaction<'_>, new: &New<'_>) -> Result<(), DbError> {
    crate::fault::at("notice.fill");
    let json = serde_json::to_string(new.data).map_err(|e| DbError::Damaged(format!("a notice: {e}")))?;
    let sql = "INSERT INTO outbox (dedupe_key, customer, kind, episode, at_ms, data) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
               ON CONFLICT (dedupe_key) DO NOTHING";
    let new_rows = tx.prepare_cached(sql)?.execute(params![
        new.key,
        new.customer,
        new.kind,
        new.episode,
        new.now_ms,
        json
    ])?;
    if new_rows == 0 {
        return Ok(());
    }
    address(tx, tx.last_insert_rowid(), new.now_ms)?;
    Ok(())
}

/// Gives a notice a row for every channel that should carry it and has none yet. Returns how many there were.
pub(super) fn address(tx: &Transaction<'_>, notice: i64, now_ms: i64) -> Result<usize, DbError> {
    let sql = "SELECT customer, kind FROM outbox WHERE id = ?1";
    let (customer, kind): (Option<i64>, String) =
        tx.prepare_cached(sql)?.query_row([notice], |r| Ok((r.get(0)?, r.get(1)?)))?;
    let sql = match customer {
        None => {
            "INSERT INTO delivery (notice, channel, hands_over, next_ms)
             SELECT ?1, name, 0, ?2 FROM channel WHERE alerts = 1 AND ?3 IS NULL AND ?4
             ON CONFLICT DO NOTHING"
        }
        Some(_) => {
            "INSERT INTO delivery (notice, channel, hands_over, next_ms)
             SELECT ?1, c.name, c.hands_over, ?2 FROM channel c JOIN customer u ON u.id = ?3
             WHERE c.to_customers = 1 AND (c.kind = 'webhook' OR ?4 AND
               ((c.kind = 'smtp' AND u.email IS NOT NULL) OR (c.kind = 'telegram' AND u.telegram IS NOT NULL)))
             ON CONFLICT DO NOTHING"
        }
    };
    Ok(tx.prepare_cached(sql)?.execute(params![
        notice,
        now_ms,
        customer,
        customer.is_none() || is_mailed(&kind)
    ])?)
}

/// A channel as the database knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    name: String,
    kind: &'static str,
    to_customers: bool,
    hands_over: bool,
    alerts: bool,
}

fn rows(config: &Config) -> Vec<Row> {
    let notices = &config.notices;
    let smtp = notices.smtp.as_ref().map(|s| Row {
        name: "smtp".to_owned(),
        kind: "smtp",
        to_customers: true,
        hands_over: true,
        alerts: !s.alerts_to.is_empty(),
    });
    let telegram = notices.telegram.as_ref().map(|t| Row {
        name: "telegram".to_owned(),
        kind: "telegram",
        to_customers: true,
        hands_over: true,
        alerts: t.alerts_chat.is_some(),
    });
    let hooks = notices.webhooks.iter().map(|w| Row {
        name: format!("webhook:{}", w.name),
        kind: "webhook",
        to_customers: w.customers,
        hands_over: w.customers && w.hands_over,
        alerts: w.alerts,
    });
    smtp.into_iter().chain(telegram).chain(hooks).collect()
}

/// Writes the channels of the configuration down. What a channel that is gone did not deliver failed for good.
pub fn sync(tx: &Transaction<'_>, config: &Config, now_ms: i64) -> Result<(), DbError> {
    let rows = rows(config);
    for gone in known(tx)?.into_iter().filter(|name| rows.iter().all(|r| r.name != *name)) {
        tracing::info!(channel = %gone, "a channel is gone from the configuration");
        tx.execute("DELETE FROM channel WHERE name = ?1", [&gone])?;
        let sql = "UPDATE delivery SET state = 'failed', settled_ms = ?2, detail = 'the channel is gone from the configuration'
                   WHERE channel = ?1 AND state = 'pending'";
        tx.execute(sql, params![gone, now_ms])?;
        crate::alerts::clear(tx, &super::settle::down_key(&gone), now_ms)?;
    }
    let sql = "INSERT INTO channel (name, kind, to_customers, hands_over, alerts) VALUES (?1, ?2, ?3, ?4, ?5)
               ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, to_customers = excluded.to_customers,
                 hands_over = excluded.hands_over, alerts = excluded.alerts";
    for row in rows {
        tx.execute(sql, params![row.name, row.kind, row.to_customers, row.hands_over, row.alerts])?;
    }
    Ok(())
}

fn known(conn: &Connection) -> Result<Vec<String>, DbError> {
    let mut stmt = conn.prepare_cached("SELECT name FROM channel ORDER BY name")?;
    Ok(stmt.query_map([], |r| r.get(0))?.collect::<Result<_, _>>()?)
}
