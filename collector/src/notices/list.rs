//! A customer's notices with what became of each, for API and panel.

use super::render::{Notice, Style, words};
use super::settle::read_data;
use crate::billing::customers::Customer;
use crate::db::{Connection, DbError, OptionalExtension, params};
use hostmeter_core::units::rfc3339;
use hostmeter_panel::text::Language;

/// What became of a notice on a channel.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct DeliveryView {
    /// `smtp`, `telegram`, `webhook:NAME`.
    pub channel: String,
    /// `pending`, `accepted`, or `failed` for good.
    pub state: String,
    /// Attempts so far.
    pub attempts: i64,
    /// When it was settled, RFC 3339.
    pub settled: Option<String>,
    /// When it is tried next, RFC 3339; null once it is settled.
    pub next: Option<String>,
    /// The receiver's last answer.
    pub detail: String,
}

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, utoipa::ToSchema)]
pub struct NoticeView {
    /// Rises with time.
    pub id: i64,
    /// When it was written, RFC 3339.
    pub at: String,
    /// `balance.negative`, …
    pub kind: String,
    /// Its subject in the customer's language.
    pub subject: String,
    /// The whole text in the customer's language.
    pub text: String,
    /// The same in short: `smtp accepted, telegram pending`; `panel`: it alone shows the notice.
    pub channels: String,
    /// By channel; empty: the panel alone shows it.
    pub deliveries: Vec<DeliveryView>,
}

/// The customer's language and zone.
pub(super) fn style(conn: &Connection, customer: i64, default: Language) -> Result<Style, DbError> {
    let sql = "SELECT language, coalesce(zone, billing_zone) FROM customer WHERE id = ?1";
    let (chosen, zone): (Option<String>, String) =
        conn.prepare_cached(sql)?.query_row([customer], |r| Ok((r.get(0)?, r.get(1)?)))?;
    Ok(Style { language: chosen.and_then(|l| Language::parse(&l).ok()).unwrap_or(default), zone })
}

/// Notices of a customer, newest first, with an id below `before`, at most `limit`.
pub fn notices(
    conn: &Connection,
    customer: &Customer,
    default: Language,
    before: i64,
    limit: usize,
) -> Result<Vec<NoticeView>, DbError> {
    let style = style(conn, customer.row, default)?;
    let sql = "SELECT id, dedupe_key, kind, episode, at_ms, data FROM outbox WHERE customer = ?1 AND id < ?2
               ORDER BY id DESC LIMIT ?3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map(params![customer.row, before, limit], |r| {
        let data: String = r.get(5)?;
        Ok((r.get(0)?, r.get(1)?, r.get(2)?, r.get(3)?, r.get(4)?, data))
    })?;
    rows.map(|row| {
        let (id, key, kind, episode, at_ms, data) = row?;
        let data = read_data(id, &data)?;
        let (customer, title) = (Some(customer.id.to_string()), customer.title.clone());
        let notice = Notice { key, kind, episode, at_ms, data, customer, title };
        let (subject, text) = words(&notice, &style);
        let deliveries = deliveries(conn, id)?;
        let short: Vec<_> = deliveries.iter().map(|d| format!("{} {}", d.channel, d.state)).collect();
        let channels = if short.is_empty() { "panel".to_owned() } else { short.join(", ") };
        Ok(NoticeView {
            id,
            at: rfc3339(notice.at_ms),
            kind: notice.kind,
            subject,
            text,
            channels,
            deliveries,
        })
    })
    .collect()
}

fn deliveries(conn: &Connection, notice: i64) -> Result<Vec<DeliveryView>, DbError> {
    let sql = "SELECT channel, state, attempts, settled_ms, next_ms, detail FROM delivery WHERE notice = ?1 ORDER BY channel";
    let mut stmt = conn.prepare_cached(sql)?;
    let rows = stmt.query_map([notice], |r| {
        let (settled_ms, next_ms): (Option<i64>, i64) = (r.get(3)?, r.get(4)?);
        Ok(DeliveryView {
            channel: r.get(0)?,
            state: r.get(1)?,
            attempts: r.get(2)?,
            settled: settled_ms.map(rfc3339),
            next: settled_ms.is_none().then(|| rfc3339(next_ms)),
            detail: r.get(5)?,
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// Whether a notice is the customer's.
pub fn belongs(conn: &Connection, customer: i64, notice: i64) -> Result<bool, DbError> {
    let sql = "SELECT customer = ?1 FROM outbox WHERE id = ?2 AND customer IS NOT NULL";
    Ok(conn.prepare_cached(sql)?.query_row([customer, notice], |r| r.get(0)).optional()?.unwrap_or(false))
}
