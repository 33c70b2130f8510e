//! How and in what words a customer is spoken to.

use super::kinds::{FINAL, FIRST};
use super::outbox::address;
use crate::billing::BillingError;
use crate::billing::customers::Customer;
use crate::billing::lifecycle::state_of;
use crate::config::chat;
use crate::db::{Connection, DbError, Transaction, params};
use crate::limits::EMAIL_MAX_BYTES;
use hostmeter_panel::text::Language;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, Serialize};

/// Language, addresses and zone of a customer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Contact {
    /// `en` or `ru`; null: the collector's.
    pub language: Option<String>,
    /// Where notices are mailed; null: nowhere.
    pub email: Option<String>,
    /// Where the bot writes: a chat's number, or a channel's @name; null: nowhere.
    pub telegram: Option<String>,
    /// Zone of the times in notices and on pages; null: that of the billing months.
    pub zone: Option<String>,
}

/// What changes. Absent: stays; null or an empty text: is taken away.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Change {
    /// `en` or `ru`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub language: Option<Option<String>>,
    /// An address for mail.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Option<String>>,
    /// A chat of Telegram.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub telegram: Option<Option<String>>,
    /// A time zone, like `Europe/Riga`.
    #[serde(default, deserialize_with = "given")]
    #[schema(value_type = Option<String>)]
    pub zone: Option<Option<String>>,
}

/// Null is a value of its own here.
fn given<'de, D: Deserializer<'de>>(d: D) -> Result<Option<Option<String>>, D::Error> {
    Option::<String>::deserialize(d).map(|text| Some(text.filter(|t| !t.is_empty())))
}

/// The contact of a customer.
pub fn contact(conn: &Connection, customer: i64) -> Result<Contact, DbError> {
    let sql = "SELECT language, email, telegram, zone FROM customer WHERE id = ?1";
    Ok(conn.prepare_cached(sql)?.query_row([customer], |r| {
        Ok(Contact { language: r.get(0)?, email: r.get(1)?, telegram: r.get(2)?, zone: r.get(3)? })
    })?)
}

/// Changes a customer's contact. Notices that suspension or deletion wait for, and that no channel accepted, go to the
/// new addresses as well. Returns what stands now.
pub fn change(
    tx: &Transaction<'_>,
    customer: &Customer,
    change: &Change,
    now_ms: i64,
) -> Result<Contact, BillingError> {
    check(change)?;
    let before = contact(tx, customer.row)?;
    let new = |change: &Option<Option<String>>, before: &Option<String>| {
        change.clone().unwrap_or_else(|| before.clone())
    };
    let after = Contact {
        language: new(&change.language, &before.language),
        email: new(&change.email, &before.email),
        telegram: new(&change.telegram, &before.telegram),
        zone: new(&change.zone, &before.zone),
    };
    let sql = "UPDATE customer SET language = ?2, email = ?3, telegram = ?4, zone = ?5 WHERE id = ?1";
    tx.prepare_cached(sql)?.execute(params![
        customer.row,
        after.language,
        after.email,
        after.telegram,
        after.zone
    ])?;
    if (&before.email, &before.telegram) != (&after.email, &after.telegram) {
        again(tx, customer, now_ms)?;
    }
    Ok(after)
}

fn check(change: &Change) -> Result<(), BillingError> {
    let text = |field: &Option<Option<String>>| field.clone().flatten();
    if let Some(language) = text(&change.language) {
        Language::parse(&language)
            .map_err(|e| BillingError::invalid("language", format!("`language` {language:?} {e}")))?;
    }
    if let Some(email) = text(&change.email) {
        let is_good = email.len() <= EMAIL_MAX_BYTES && email.parse::<lettre::Address>().is_ok();
        if !is_good {
            let why = format!("`email` {:?} is no address; write it like \"jane@example.com\"", cut(&email));
            return Err(BillingError::invalid("email", why));
        }
    }
    if let Some(telegram) = text(&change.telegram) {
        chat(&telegram)
            .map_err(|e| BillingError::invalid("telegram", format!("`telegram` {:?} {e}", cut(&telegram))))?;
    }
    if let Some(zone) = text(&change.zone) {
        TimeZone::get(&zone).map_err(|_| {
            let why = format!("`zone` {:?} is no time zone; write it like \"Europe/Riga\"", cut(&zone));
            BillingError::invalid("zone", why)
        })?;
    }
    Ok(())
}

fn cut(text: &str) -> String {
    text.chars().take(64).collect()
}

/// Has the episode's notices that something waits for, and that nobody accepted, sent to where the customer is now.
fn again(tx: &Transaction<'_>, customer: &Customer, now_ms: i64) -> Result<(), BillingError> {
    let state = state_of(customer)?;
    if state.notice_ms.is_none() {
        return Ok(());
    }
    let sql = "SELECT o.id FROM outbox o WHERE o.customer = ?1 AND o.episode = ?2 AND o.kind IN (?3, ?4, ?5, ?6)
                 AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.notice = o.id AND d.hands_over = 1 AND d.state = 'accepted')";
    let [a, b, c] = FIRST;
    let episode = crate::db::to_sql("episode", state.episode)?;
    let mut stmt = tx.prepare_cached(sql)?;
    let notices: Vec<i64> = stmt
        .query_map(params![customer.row, episode, a, b, c, FINAL], |r| r.get(0))?
        .collect::<Result<_, _>>()?;
    for notice in notices {
        resend(tx, notice, now_ms)?;
    }
    Ok(())
}

/// Has a notice sent anew on every channel that has not accepted it, under a new id where it had failed. Returns on how
/// many.
pub fn resend(tx: &Transaction<'_>, notice: i64, now_ms: i64) -> Result<usize, DbError> {
    let added = address(tx, notice, now_ms)?;
    let sql = "UPDATE delivery SET state = 'pending', settled_ms = NULL, next_ms = ?2, attempts = 0,
                 resends = resends + (state = 'failed')
               WHERE notice = ?1 AND state <> 'accepted' AND channel IN (SELECT name FROM channel)";
    let waiting = tx.prepare_cached(sql)?.execute(params![notice, now_ms])?;
    Ok(waiting.max(added))
}
